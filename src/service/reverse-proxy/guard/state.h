/* The insides of struct guard_state: sets of slots that all workers write with atomics, each thing
 * in the one set that its hash names. Knows nothing of rules. */
#ifndef REVERSE_PROXY_GUARD_STATE_H
#define REVERSE_PROXY_GUARD_STATE_H

#include "base/err.h"
#include "base/span.h"

#include <stdatomic.h>

struct auth_known;
struct guard_state;
struct ip_address;

/* A token bucket as GCRA (ITU-T I.371) has it: one number, when it will be full again. */
struct state_bucket {
	uint32_t requests, period_ms, burst; /* each at least 1 */
	bool shared;			     /* told to other gateways */
};

struct state_taken {
	bool taken;
	uint32_t remaining; /* more at once, after this one */
	uint64_t full_ms;   /* until all of the burst is there again */
	uint64_t retry_ms;  /* not taken: until one is there */
};

/* key: what tells this bucket from all others. Two first users of one key at the same moment may
 * make two buckets for it, of which one is forgotten. */
void state_take(struct guard_state *s, struct span key, const struct state_bucket *b,
		uint64_t now_ms, struct state_taken *ret);

/* Credentials that were found right. */
struct auth_known *state_known(struct guard_state *s);

#endif
