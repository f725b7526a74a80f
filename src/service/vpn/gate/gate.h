/* The verdict on each packet inside the tunnels, in both directions: sign-in, expiry, the reach of
 * a peer, peers among themselves, bandwidth. No clock, no allocation, no descriptor: workers call
 * it for every packet after opening and before sealing, and it knows nothing of WireGuard. */
#ifndef VPN_GATE_GATE_H
#define VPN_GATE_GATE_H

#include "base/writer.h"
#include "proto/ip/address.h"
#include "service/vpn/gate/page_dns.h"
#include "service/vpn/gate/shape.h"
#include "service/vpn/gate/web_redirect.h"

#include <stdatomic.h>

struct gate_rules;
struct gate_peer;

/* All times are of the plane's one clock, which never goes back (milliseconds; it should count
 * suspended time as well). Who knows dates converts them, again when the wall clock jumps. */
#define GATE_NEVER UINT64_MAX

/* What main sets. Zero is closed: a peer that nobody set up passes nothing. */
enum gate_state {
	GATE_CLOSED, /* sign-in required: page, its DNS, time, echo to the gateway; nothing else */
	GATE_PROOF,  /* signed in, but the endpoint moved: as CLOSED, until the browser proves it */
	GATE_OPEN,
	GATE_EXPIRED, /* the peer's own date has passed: nothing at all, not even the page */
};

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
/* "quarantine", ... for control and metrics. */
const char *gate_cause_name(enum gate_cause cause);
const char *gate_state_name(enum gate_state state);

enum {
	GATE_TIME_SERVERS_MAX = 8,
	GATE_INNER_MAX = 16,
	GATE_OWN_MAX = 128,
	GATE_ANSWER_MAX = 1280, /* octets of the largest answer */
};

/* Addresses of the gateway on all its links, so that nobody inside poses as it. */
struct gate_own {
	size_t n;
	struct ip_address addresses[GATE_OWN_MAX];
	uint64_t some4,
		some6; /* bit h is set when an address has hash h: mostly a "no" in one step */
};
/* False when it is full. */
bool gate_own_add(struct gate_own *own, const struct ip_address *address);
bool gate_own_has(const struct gate_own *own, struct span address);

/* What holds for all peers of an interface. Changed under the exclusive lock only, but for the
 * counts and the redirected connections. */
struct gate_net {
	struct ip_address inner[GATE_INNER_MAX]; /* the gateway's addresses in the tunnel */
	size_t inner_n;
	struct gate_own own; /* those of `inner` too */
	struct page_dns dns; /* with the page's addresses */
	struct web_redirect_page page;
	struct web_redirect *redirect; /* borrowed; NULL: port 80 is refused like any other */
	uint16_t page_port;	       /* HTTPS; 0: there is no sign-in */
	struct ip_address time_servers[GATE_TIME_SERVERS_MAX];
	size_t time_servers_n;
	/* The peer of that address by the allowed IPs of the interface, or NULL. */
	struct gate_peer *(*peer_of)(const void *arg, struct span address);
	const void *peer_of_arg; /* borrowed */
	_Atomic uint64_t refused[GATE_CAUSES], passed_in_quarantine, redirected, dns_answers,
		answers; /* RSTs and ICMP errors sent */
};
/* What stays over a change of the rest: counts are kept. Zeroed storage is a net without sign-in.
 */
void gate_net_set_page(struct gate_net *net, const struct dns_name *name, uint16_t page_port,
		       uint16_t redirect_port);
/* Of the interface; the first of each family is the page's. False: too many. */
bool gate_net_add_inner(struct gate_net *net, const struct ip_address *address);

/* Of one peer, inside the engine's. Main writes under the exclusive lock or by the functions below;
 * workers what is atomic. */
struct gate_peer {
	_Atomic uint8_t state;	     /* enum gate_state */
	bool sign_in;		     /* required; the page's name resolves also when it is open */
	_Atomic uint64_t until_ms;   /* the session's end; GATE_NEVER without sign-in */
	_Atomic uint64_t expires_ms; /* the peer's own end, or GATE_NEVER */
	_Atomic uint64_t idle_ms; /* the session ends after so long without data, or GATE_NEVER */
	_Atomic uint64_t data_ms; /* last data that passed, either way, to within a second */
	struct gate_net *net;	  /* borrowed */
	const struct gate_rules *reach; /* borrowed; NULL: everything */
	/* Two peers may talk when one's `talks` meets the other's `groups`, whichever way. All to
	 * all: 1 and 1; none: talks 0; hub and spokes: talks ~0 at the hub and 0 at the spokes,
	 * groups 1; by groups: talks as groups, a bit for each. */
	uint64_t groups, talks;
	struct shape in, out; /* bandwidth; without the tunnel's own overhead */
	struct shape answers; /* refusals that are answered */
	_Atomic uint32_t refused[GATE_CAUSES];
};

/* Zeroes it: closed, without limits, alone among peers. */
void gate_peer_init(struct gate_peer *peer, struct gate_net *net);
/* Without sign-in it is open at once, and without end but for expires_ms. */
void gate_peer_set(struct gate_peer *peer, bool sign_in, uint64_t expires_ms);
/* A session, new or gone on with. idle_ms: GATE_NEVER for none. data_ms: when it last had data. */
void gate_peer_open(struct gate_peer *peer, uint64_t until_ms, uint64_t idle_ms, uint64_t data_ms);
/* Flows are cut: not one more packet passes. */
void gate_peer_close(struct gate_peer *peer);
/* Only an open one; a closed one stays closed. */
void gate_peer_ask_proof(struct gate_peer *peer);
/* Back to open, the session's end as it was; only from PROOF. */
void gate_peer_proved(struct gate_peer *peer);
/* What holds at that time, whatever timers did: the workers ask the same. A session found ended by
 * time never comes back by itself. */
enum gate_state gate_peer_state(const struct gate_peer *peer, uint64_t now_ms);

enum gate_verdict {
	GATE_PASS,     /* hand it on; it may have been changed in place */
	GATE_ANSWERED, /* send back what stands in `answer`, drop the packet */
	GATE_DROPPED,
};

/* A packet, or a super-packet that the kernel left unsegmented. */
struct gate_bytes {
	uint8_t *data;
	size_t len;
	bool partial; /* its TCP or UDP checksum is the pseudo-header's sum alone (NEEDS_CSUM) */
};

/* From the peer, opened, its source allowed. answer: empty, of GATE_ANSWER_MAX octets; what comes
 * into it goes back to the peer, sealed. From any worker. */
enum gate_verdict gate_in(struct gate_peer *peer, struct gate_bytes packet, uint64_t now_ms,
			  struct writer *answer);
/* To the peer, before it is sealed. What comes into answer goes back into the TUN device: its
 * source is the packet's destination, since the kernel takes no packet with its own address from
 * there. */
enum gate_verdict gate_out(struct gate_peer *peer, struct gate_bytes packet, uint64_t now_ms,
			   struct writer *answer);

#endif
