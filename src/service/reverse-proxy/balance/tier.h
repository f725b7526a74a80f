/* The members of a pool that are tried together, made ready for each way of choosing: a round of
 * turns, a hash ring. Knows nothing of who is well. */
#ifndef REVERSE_PROXY_BALANCE_TIER_H
#define REVERSE_PROXY_BALANCE_TIER_H

#include "service/reverse-proxy/balance/pool.h"

struct pool_point {
	uint64_t at;
	uint16_t member;
};

struct pool_tier {
	uint16_t level;
	bool zone;	   /* of this level only those in our zone; the whole level comes next */
	uint16_t *members; /* indices of pool.members */
	size_t members_n;
	/* One round of turns: each member as often as its weight says, spread evenly. */
	uint16_t *turns;
	size_t turns_n;
	/* With POOL_HASH: points by their place. */
	struct pool_point *points;
	size_t points_n;
};

/* Fills in the members of level (and, with zone, of our zone only), of which there is one at least,
 * and the rest, in the memory of p. ENOMEM. */
MUST enum err tier_init(struct pool_tier *t, struct pool *p);

/* The first point at or after hash, wrapping around; points_n is not 0. */
size_t tier_point(const struct pool_tier *t, uint64_t hash);

/* SplitMix64's mixer. */
uint64_t tier_mix(uint64_t v);

#endif
