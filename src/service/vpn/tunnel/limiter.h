/* How many handshake messages one source may cost us while there is load: a token bucket for each,
 * in a table of fixed size without locks. Knows no message; the source is an address.
 *
 * The paper 5.3: a responder "rate limits" who has proved his address. A source is an IPv4 address
 * or an IPv6 /64. When all places that a source may take are held by others who have used theirs in
 * the last quarter of a second, it is refused: nobody can flush the table. */
#ifndef VPN_TUNNEL_LIMITER_H
#define VPN_TUNNEL_LIMITER_H

#include "base/siphash.h"
#include "proto/ip/address.h"

#include <stdatomic.h>

enum {
	VPN_LIMITER_RATE = 20, /* messages a second, unless another rate is set */
	VPN_LIMITER_RATE_MAX = 1000,
	VPN_LIMITER_BURST = 5,
	VPN_LIMITER_WAYS = 4,
	VPN_LIMITER_SETS = 4096, /* a power of two */
};

/* 128 KiB; any thread. */
struct vpn_limiter {
	struct hash_key key;
	_Atomic uint32_t token_ms; /* one comes in so long a time */
	/* 24 bits of the source's hash, then 40 bits: until when its bucket is not full, in ms. */
	_Atomic uint64_t places[VPN_LIMITER_SETS][VPN_LIMITER_WAYS];
};

/* key: random. l: zeroed storage. */
void vpn_limiter_init(struct vpn_limiter *l, struct hash_key key);

/* At any time. rate: messages a second, 1 to VPN_LIMITER_RATE_MAX. */
void vpn_limiter_set_rate(struct vpn_limiter *l, uint32_t rate);

/* Takes a token of that source; false when it has none. now_ms: below 2^40. */
bool vpn_limiter_take(struct vpn_limiter *l, uint64_t now_ms, const struct ip_address *source);

#endif
