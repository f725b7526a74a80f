/* The verdict on each packet inside the tunnels, in both directions: sign-in, expiry, the reach of
 * a peer, peers among themselves, bandwidth. No clock, no allocation, no descriptor: workers call
 * it for every packet after opening and before sealing, and it knows nothing of WireGuard. */
#ifndef VPN_GATE_GATE_H
#define VPN_GATE_GATE_H

#include "base/writer.h"
#include "proto/ip/address.h"
#include "service/vpn/gate/page_dns.h"
#include "service/vpn/gate/peer.h"
#include "service/vpn/gate/web_redirect.h"

#include <stdatomic.h>

struct vpn_peer;

/* "quarantine", ... for control and metrics. */
const char *gate_cause_name(enum gate_cause cause);

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
	struct vpn_peer *(*peer_of)(const void *arg, struct span address);
	const void *peer_of_arg; /* borrowed */
	_Atomic uint64_t refused[GATE_CAUSES], passed_in_quarantine, redirected, dns_answers,
		answers; /* RSTs and ICMP errors sent */
};
/* Before it is set anew: no addresses, no page, no time servers. What was counted stays, and so do
 * redirected connections and peer_of. Zeroed storage is a net without sign-in. */
void gate_net_clear(struct gate_net *net);
void gate_net_set_page(struct gate_net *net, const struct dns_name *name, uint16_t page_port,
		       uint16_t redirect_port);
/* Where the page is, if not at the interface's own first address of that family. */
void gate_net_set_page_address(struct gate_net *net, const struct ip_address *address);
/* Of the interface; the first of each family is the page's, unless that is set. False: too many. */
bool gate_net_add_inner(struct gate_net *net, const struct ip_address *address);

/* A session, new or gone on with: data_ms is when it last had data. until_ms, idle_ms: 0 for none.
 * Any thread may set the gate; the workers see it with their next packet, so flows are cut. */
void gate_open(struct vpn_peer *peer, uint64_t until_ms, uint64_t idle_ms, uint64_t data_ms);
/* The same of a session that waits for the browser's proof: not a packet passes until then. */
void gate_open_unproved(struct vpn_peer *peer, uint64_t until_ms, uint64_t idle_ms,
			uint64_t data_ms);
void gate_close(struct vpn_peer *peer);

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
enum gate_verdict gate_in(struct vpn_peer *peer, struct gate_bytes packet, uint64_t now_ms,
			  struct writer *answer);
/* To the peer, before it is sealed. What comes into answer goes back into the TUN device: its
 * source is the packet's destination, since the kernel takes no packet with its own address from
 * there. */
enum gate_verdict gate_out(struct vpn_peer *peer, struct gate_bytes packet, uint64_t now_ms,
			   struct writer *answer);

#endif
