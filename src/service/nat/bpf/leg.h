/* From a tuple to the leg of a flow: pairs of cache lines, some for each tuple, of which the first
 * is nearly always the one. Knows nothing of what is done with a leg.
 *
 * A tuple's leg lies in its first pair, and in the next ones when that is full; then the first
 * one's `beyond` says in which it is worth while to look. So a packet waits for memory once: there
 * is no index that would be read before the record.
 */
#ifndef NAT_BPF_LEG_H
#define NAT_BPF_LEG_H

#include "service/nat/bpf/index.h"

/* A tuple's pairs. With five of eight places taken, a new leg finds all of them full once in 10^6.
 */
#define LEG_PAIRS 16
/* Whoever found a leg before it was freed is done with it after so long (1 s). */
#define LEG_FREE_TICKS 8

static __always_inline __u32 leg_pair(__u32 spread, __u32 pairs)
{
	return (__u32)((__u64)spread * pairs >> 32);
}

/* From one of a tuple's pairs to the next; the first is the hash itself. No steps of one length: a
 * short one would stay in the same pair. */
static __always_inline __u32 leg_next(__u32 spread, __u64 hash)
{
	return spread * 0x85ebca6bu + ((__u32)(hash >> 32) | 1);
}

static __always_inline struct nat_leg4 *leg_at(__u32 place)
{
	struct nat_pair4 *pair = pair_get(place >> 1);
	if (pair == NULL) {
		return NULL;
	}
	barrier_var(pair); /* or the compiler would count from it before it is known to be one */
	return &pair->leg[place & 1];
}

static __always_inline __u32 leg_number(const struct nat_leg4 *leg)
{
	return leg->flow & (NAT_NUMBERS - 1);
}

/* 0: of the originator. */
static __always_inline int leg_side(const struct nat_leg4 *leg)
{
	return (leg->flow & NAT_LEG_ANSWERS) != 0;
}

static __always_inline struct nat_flow4 *leg_flow(const struct nat_leg4 *leg)
{
	return flow_get(leg_number(leg));
}

/* The leg of a flow's direction, also when it has been given back a moment ago. */
static __always_inline struct nat_leg4 *flow_leg(const struct nat_flow4 *flow, int side)
{
	return leg_at(flow->leg[side & 1]);
}

static __always_inline __u64 flow_bytes(const struct nat_flow4 *flow, int side)
{
	const struct nat_leg4 *leg = flow_leg(flow, side);
	return leg != NULL ? leg->bytes : 0;
}

static __always_inline bool leg_is(const struct nat_leg4 *leg, const __u64 word[2], __u32 but)
{
	return tuple_is(&leg->in, word) && leg_number(leg) != but;
}

struct leg_search {
	__u64 word[2], hash;
	__u32 spread, pairs, where, but;
	__u32 found; /* its place, and one more */
};

/* In pair i + 1. */
static long leg_try(__u32 i, struct leg_search *search)
{
	search->spread = leg_next(search->spread, search->hash);
	__u32 at = leg_pair(search->spread, search->pairs);
	const struct nat_pair4 *pair =
		(search->where >> ((i + 1) & 31) & 1) != 0 ? pair_get(at) : NULL;
	if (pair != NULL && leg_is(&pair->leg[0], search->word, search->but)) {
		search->found = (at << 1) + 1;
	} else if (pair != NULL && leg_is(&pair->leg[1], search->word, search->but)) {
		search->found = (at << 1 | 1) + 1;
	}
	return search->found != 0;
}

/* In the pairs after the first: its place, and one more; 0: nowhere. */
__noinline __u32 leg_beyond(__u64 word0, __u64 word1, __u64 hash, __u32 but)
{
	const struct nat_settings *s = settings_get();
	const struct nat_pair4 *first =
		s != NULL ? pair_get(leg_pair((__u32)hash, s->flow_pairs)) : NULL;
	if (s == NULL || first == NULL) {
		return 0;
	}
	struct leg_search search = {.word = {word0, word1},
				    .hash = hash,
				    .spread = (__u32)hash,
				    .pairs = s->flow_pairs,
				    .where = first->leg[1].beyond,
				    .but = but};
	bpf_loop(LEG_PAIRS - 1, leg_try, &search, 0);
	return search.found;
}

/* A flow's other than number `but` (0: any), or NULL. */
static __always_inline struct nat_leg4 *leg_find(const __u64 word[2], __u64 hash,
						 const struct nat_settings *s, __u32 but)
{
	struct nat_pair4 *pair = pair_get(leg_pair((__u32)hash, s->flow_pairs));
	if (pair == NULL) {
		return NULL;
	}
	if (leg_is(&pair->leg[0], word, but)) {
		return &pair->leg[0];
	}
	if (leg_is(&pair->leg[1], word, but)) {
		return &pair->leg[1];
	}
	if (pair->leg[0].beyond == 0) {
		return NULL;
	}
	__u32 place = leg_beyond(word[0], word[1], hash, but);
	return place != 0 ? leg_at(place - 1) : NULL;
}

static __always_inline struct nat_leg4 *leg_of(const struct nat_tuple4 *tuple,
					       const struct nat_settings *s)
{
	union tuple_words words = {.tuple = *tuple};
	return leg_find(words.word, tuple_hash(words.word, s->seed), s, 0);
}

/* --- places are taken and given back --- */

/* The word of zone, flags and beyond. */
static __always_inline __u32 *leg_word(struct nat_leg4 *leg)
{
	return (__u32 *)&leg->zone;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LEG_BEYOND(n) ((__u32)(n) << 16)
#else
#define LEG_BEYOND(n) ((__u32)(n)&0xffff)
#endif

static __always_inline bool leg_claim(struct nat_leg4 *leg, __u32 owner, __u32 now)
{
	return leg->flow == 0 && now - leg->seen >= LEG_FREE_TICKS &&
	       __sync_val_compare_and_swap(&leg->flow, 0, owner) == 0;
}

struct leg_taking {
	__u64 hash;
	__u32 spread, pairs, owner, now;
	__u32 tries, at; /* the last of them */
	__u32 place;	 /* and one more */
};

static long leg_take_try(__u32 i, struct leg_taking *taking)
{
	(void)i;
	__u32 at = leg_pair(taking->spread, taking->pairs);
	struct nat_pair4 *pair = pair_get(at);
	taking->spread = leg_next(taking->spread, taking->hash);
	if (pair != NULL && leg_claim(&pair->leg[0], taking->owner, taking->now)) {
		taking->place = (at << 1) + 1;
	} else if (pair != NULL && leg_claim(&pair->leg[1], taking->owner, taking->now)) {
		taking->place = (at << 1 | 1) + 1;
	}
	taking->tries++;
	taking->at = at;
	return taking->place != 0;
}

/* A place for the leg of this hash, and one more; 0: there is none. */
__noinline __u32 leg_take(__u64 hash, __u32 owner, __u32 now)
{
	const struct nat_settings *s = settings_get();
	__u32 begin = s != NULL ? leg_pair((__u32)hash, s->flow_pairs) : 0;
	struct nat_pair4 *first = pair_get(begin);
	if (s == NULL || first == NULL) {
		return 0;
	}
	struct leg_taking taking = {.hash = hash,
				    .spread = (__u32)hash,
				    .pairs = s->flow_pairs,
				    .owner = owner,
				    .now = now};
	/* Most find room at once: without the loop's helper. */
	if (leg_take_try(0, &taking) == 0) {
		bpf_loop(LEG_PAIRS - 1, leg_take_try, &taking, 0);
	}
	if (taking.place != 0 && taking.at != begin) {
		__u32 k = (taking.tries - 1) & 31;
		__sync_fetch_and_or(leg_word(&first->leg[1]), LEG_BEYOND(1u << k));
		__sync_fetch_and_add(leg_word(&first->leg[0]), LEG_BEYOND(1));
	}
	return taking.place;
}

/* Found by nobody any more; what it has counted stays there for a while. */
__noinline int leg_give(__u32 place, __u32 owner, __u32 now)
{
	const struct nat_settings *s = settings_get();
	struct nat_leg4 *leg = leg_at(place);
	if (s == NULL || leg == NULL || leg->flow != owner) {
		return 0;
	}
	union tuple_words words = {.tuple = leg->in};
	__u32 first = leg_pair((__u32)tuple_hash(words.word, s->seed), s->flow_pairs);
	struct nat_pair4 *pair = pair_get(first);
	volatile __u64 *in = (volatile __u64 *)&leg->in;
	in[0] = 0;
	in[1] = 0;
	leg->seen = now;
	if (first != place >> 1 && pair != NULL) {
		__sync_fetch_and_add(leg_word(&pair->leg[0]), -LEG_BEYOND(1));
	}
	__sync_lock_test_and_set(&leg->flow, 0);
	return 1;
}

#endif
