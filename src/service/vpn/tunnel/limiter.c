#include "service/vpn/tunnel/limiter.h"

#include "base/err.h"

#include <assert.h>

enum {
	TIME_BITS = 40,
};
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
static_assert((VPN_LIMITER_SETS & (VPN_LIMITER_SETS - 1)) == 0, "a mask chooses the set");

void vpn_limiter_init(struct vpn_limiter *l, struct hash_key key)
{
	l->key = key;
	vpn_limiter_set_rate(l, VPN_LIMITER_RATE);
}

void vpn_limiter_set_rate(struct vpn_limiter *l, uint32_t rate)
{
	ASSERT(rate >= 1 && rate <= VPN_LIMITER_RATE_MAX);
	atomic_store_explicit(&l->token_ms, 1000 / rate, memory_order_relaxed);
}

static uint64_t hash_of(const struct vpn_limiter *l, const struct ip_address *source)
{
	/* Who has one address of an IPv6 network has 2^64. */
	return siphash13_of(l->key, source->bytes, source->family == 6 ? 8 : 4) ^ source->family;
}

/* The bucket as one date, until when it is not full: a token puts it off by the time in which one
 * comes, and there is none when that would be more than a full bucket's from now. */
static bool spend(const struct vpn_limiter *l, _Atomic uint64_t *place, uint64_t seen, uint64_t tag,
		  uint64_t now_ms, bool *ret_lost)
{
	uint64_t token_ms = atomic_load_explicit(&l->token_ms, memory_order_relaxed);
	uint64_t full_ms = seen >> TIME_BITS == tag ? seen & TIME_MASK : 0;
	uint64_t next_ms = (full_ms > now_ms ? full_ms : now_ms) + token_ms;
	*ret_lost = false;
	if (next_ms > now_ms + VPN_LIMITER_BURST * token_ms)
		return false;
	*ret_lost = !atomic_compare_exchange_strong(place, &seen,
						    tag << TIME_BITS | (next_ms & TIME_MASK));
	return !*ret_lost;
}

/* The source's place, or one whose bucket is full, so that forgetting it changes nothing. */
static _Atomic uint64_t *place_of(_Atomic uint64_t *set, uint64_t tag, uint64_t now_ms,
				  uint64_t *ret_seen)
{
	_Atomic uint64_t *idle = NULL;
	for (size_t i = 0; i < VPN_LIMITER_WAYS; i++) {
		uint64_t seen = atomic_load_explicit(&set[i], memory_order_relaxed);
		bool used = (seen & TIME_MASK) != 0;
		if (used && seen >> TIME_BITS == tag) {
			*ret_seen = seen;
			return &set[i];
		}
		if (!idle && (seen & TIME_MASK) <= now_ms) {
			idle = &set[i];
			*ret_seen = seen;
		}
	}
	return idle;
}

bool vpn_limiter_take(struct vpn_limiter *l, uint64_t now_ms, const struct ip_address *source)
{
	uint64_t hash = hash_of(l, source), tag = hash >> TIME_BITS, seen = 0;
	_Atomic uint64_t *set = l->places[hash & (VPN_LIMITER_SETS - 1)];
	bool lost = true, taken = false;
	/* Another thread may take the same place meanwhile; after some tries the load is its own
	 * answer. */
	for (unsigned tries = 0; lost && tries < 8; tries++) {
		_Atomic uint64_t *place = place_of(set, tag, now_ms, &seen);
		if (!place)
			return false;
		taken = spend(l, place, seen, tag, now_ms, &lost);
	}
	return taken;
}
