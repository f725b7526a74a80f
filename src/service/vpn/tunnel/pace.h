/* How much of a processor handshake messages may cost that come to nothing: a share that is saved
 *up while it is quiet. Knows no message and no clock; its owner is the thread that reads them.
 *
 * Who floods pays with his own messages' waiting; in quiet times nothing waits. Work that was of
 * use costs nothing here. When half of what is saved up is gone there is a short rest after each
 * batch, so that batches are large, and an address that sends more than anybody honest does is
 * dropped before any cryptography. When all is gone the rest is as long as it takes.
 *
 *	before a batch:	vpn_pace_at(&pace, now_ms)
 *	each message:	if (!vpn_pace_admits(&pace, &source)) drop
 *	after it:	rest_ms = vpn_pace_spend(&pace, cost_us, useless, all)
 */
#ifndef VPN_TUNNEL_PACE_H
#define VPN_TUNNEL_PACE_H

#include "base/siphash.h"
#include "proto/ip/address.h"

enum {
	VPN_PACE_SHARE = 20,	   /* one part in so many of a processor */
	VPN_PACE_SAVED_US = 20000, /* at most */
	VPN_PACE_REST_MIN_MS = 4,  /* less is not worth a wake */
	VPN_PACE_REST_MAX_MS = 100,
	/* Twice of what one source may be allowed by the limiter (limiter.h). */
	VPN_PACE_SOURCE_MAX = 2000, /* messages a second of one source */
	VPN_PACE_SOURCES = 4096,    /* a power of two */
};

struct vpn_pace_source {
	uint32_t tag; /* of the source's hash */
	uint32_t n;   /* messages since then */
	uint64_t since_ms;
};

struct vpn_pace {
	struct hash_key key;
	uint64_t now_ms;
	int64_t saved_us; /* below 0: to be rested off */
	struct vpn_pace_source sources[VPN_PACE_SOURCES];
};

/* key: random. p: zeroed storage. */
void vpn_pace_init(struct vpn_pace *p, struct hash_key key, uint64_t now_ms);

/* The time goes on; what it brings is saved. */
void vpn_pace_at(struct vpn_pace *p, uint64_t now_ms);

/* False: dropped at once. An IPv4 address or an IPv6 /64 is a source; two that share a place are
 * told apart, and the second is then not counted: nobody is dropped for another. */
bool vpn_pace_admits(struct vpn_pace *p, const struct ip_address *source);

/* A batch of `all` messages took cost_us of processor time; `useless` of them came to nothing.
 * Returns how long to read none; 0: go on. */
uint32_t vpn_pace_spend(struct vpn_pace *p, uint64_t cost_us, size_t useless, size_t all);

#endif
