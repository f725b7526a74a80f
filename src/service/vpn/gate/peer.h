/* What the gate keeps in each peer: its reach, whom it may talk to, its bandwidth, what was
 * refused. Knows neither packets nor sessions; the state of the gate itself is in tunnel/peer.h. */
#ifndef VPN_GATE_PEER_H
#define VPN_GATE_PEER_H

#include "service/vpn/gate/shape.h"

struct gate_net;
struct gate_rules;

/* Why a packet did not pass. */
enum gate_cause {
	GATE_MALFORMED,	 /* no packet, or one whose reading two parties could dispute */
	GATE_SPOOFED,	 /* from an address of the gateway's own, loopback, multicast */
	GATE_STEERED,	 /* source routing */
	GATE_QUARANTINE, /* CLOSED or PROOF */
	GATE_PAST_DATE,	 /* EXPIRED */
	GATE_REACH,	 /* not among what the peer may reach */
	GATE_PEERS,	 /* to or from another peer, and they may not talk */
	GATE_BANDWIDTH,
	GATE_PAGE_DNS,	/* in quarantine: no DNS query */
	GATE_PAGE_FULL, /* in quarantine: the middle of a web connection that is not remembered */
	GATE_CAUSES,
};
/* Inside struct vpn_peer. Main writes under the exclusive lock, workers what is atomic. Zeroed it
 * lets nothing pass. */
struct gate_peer {
	struct gate_net *net;		/* borrowed: of the peer's interface */
	const struct gate_rules *reach; /* borrowed; NULL: everything */
	/* Two peers may talk when one's `talks` meets the other's `groups`, whichever way. All to
	 * all: 1 and 1; none: talks 0; hub and spokes: talks ~0 at the hub and 0 at the spokes,
	 * groups 1; by groups: talks as groups, a bit for each. */
	uint64_t groups, talks;
	struct shape in, out; /* bandwidth from and to the peer, of inner packets */
	struct shape answers; /* refusals that are answered */
	_Atomic uint32_t refused[GATE_CAUSES];
};

/* Without limits, alone among peers; what was counted is forgotten. */
void gate_peer_init(struct gate_peer *peer, struct gate_net *net);
/* May one more refusal be answered? Takes it. */
bool gate_peer_take_answer(struct gate_peer *peer, uint64_t now_ms);

#endif
