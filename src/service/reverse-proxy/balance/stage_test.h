/* For the tests of pools: a registry and a pool of numbered back ends in it. Knows no test. */
#ifndef REVERSE_PROXY_BALANCE_STAGE_TEST_H
#define REVERSE_PROXY_BALANCE_STAGE_TEST_H

#include "service/reverse-proxy/balance/pool.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { STAGE_MAX = 64 };

struct stage {
	struct registry registry;
	struct pool_state *state;
	struct pool_policy policy;
	struct pool_member members[STAGE_MAX]; /* before stage_pool */
	size_t n;
	struct pool *pool;
	uint64_t now_ms;
	struct test_random random;
};

static inline void stage_add(struct stage *s, uint16_t weight)
{
	struct ip_endpoint at = {.address = ip_address_v4(10, 0, 0, (uint8_t)(s->n + 1)),
				 .port = 80};
	struct pool_member *m = &s->members[s->n++];
	*m = (struct pool_member){.weight = weight};
	assert_int_equal(registry_backend(&s->registry, "web", &at, &m->backend, NULL), OK);
}

/* n back ends of weight 1. */
static inline void stage_begin(struct stage *s, size_t n)
{
	*s = (struct stage){.now_ms = 1000000, .random = test_random_begin()};
	registry_init(&s->registry, (struct hash_key){1, 2}, (struct hash_key){3, 4});
	assert_int_equal(registry_state(&s->registry, "web", &s->state, NULL), OK);
	s->policy.retry.tries_max = 3;
	for (size_t i = 0; i < n; i++)
		stage_add(s, 1);
}

/* As policy and members stand. */
static inline void stage_pool(struct stage *s)
{
	pool_unref(s->pool);
	assert_int_equal(pool_new(s->state, &s->policy, s->members, s->n, &s->pool), OK);
}

static inline void stage_end(struct stage *s)
{
	pool_unref(s->pool);
	for (size_t i = 0; i < s->n; i++)
		backend_unref(s->members[i].backend);
	pool_state_unref(s->state);
	registry_done(&s->registry);
}

static inline struct pool_ask stage_ask(struct stage *s)
{
	return (struct pool_ask){.now_ms = s->now_ms, .random = test_random_next(&s->random)};
}

/* The index of the member that is picked; -1: full, -2: none. */
static inline int stage_pick_by(struct stage *s, const struct pool_ask *ask, struct pool_place *ret)
{
	switch (pool_pick(s->pool, ask, ret)) {
	case POOL_PICKED: return (int)(ret->member - s->pool->members);
	case POOL_FULL: return -1;
	case POOL_NONE: break;
	}
	return -2;
}

static inline int stage_pick(struct stage *s, struct pool_place *ret)
{
	struct pool_ask ask = stage_ask(s);
	return stage_pick_by(s, &ask, ret);
}

static inline void stage_done(struct stage *s, const struct pool_place *place, uint16_t status)
{
	struct pool_result r = {.kind = POOL_RESULT_ANSWERED, .status = status};
	pool_done(s->pool, place, s->now_ms, &r);
}

/* Picks and answers at once, n times; how often each came. */
static inline void stage_count(struct stage *s, size_t n, unsigned ret[STAGE_MAX])
{
	memset(ret, 0, STAGE_MAX * sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		struct pool_place place;
		int k = stage_pick(s, &place);
		assert_true(k >= 0);
		ret[k]++;
		stage_done(s, &place, 200);
	}
}

#endif
