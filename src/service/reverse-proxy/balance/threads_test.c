/* Several workers at one pool: no limit is passed, and nothing is lost of what is counted. */
#include "service/reverse-proxy/balance/stage_test.h"

#include <pthread.h>

enum { WORKERS = 4, PICKS = 4000, MOST = 2 };

struct worker {
	struct stage *stage;
	uint64_t seed;
	uint64_t picked;
	bool passed; /* a limit was passed */
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct test_random random = {.state = w->seed};
	for (int i = 0; i < PICKS; i++) {
		struct pool_place place;
		struct pool_ask ask = {.now_ms = 1000000 + (uint64_t)i,
				       .random = test_random_next(&random)};
		if (pool_pick(w->stage->pool, &ask, &place) != POOL_PICKED)
			continue;
		w->picked++;
		/* Others may be trying in vain right now, one each. */
		if (atomic_load(&place.member->backend->in_flight) > MOST + WORKERS - 1)
			w->passed = true;
		struct pool_result r = {.kind = POOL_RESULT_ANSWERED,
					.status = test_random_below(&random, 4) ? 200 : 503,
					.latency_us = 100};
		pool_done(w->stage->pool, &place, ask.now_ms, &r);
	}
	return NULL;
}

static void run(enum pool_balance way)
{
	struct stage s;
	pthread_t threads[WORKERS];
	struct worker workers[WORKERS];
	uint64_t picked = 0, requests = 0;
	stage_begin(&s, 3);
	s.policy.balance = way;
	s.policy.outlier = (struct pool_outlier){
		.failures = 3, .eject_ms = 5, .eject_max_ms = 50, .eject_max_pct = 50};
	s.policy.breaker = (struct pool_breaker){.failure_pct = 40,
						 .requests_min = 10,
						 .window_ms = 1000,
						 .open_ms = 5,
						 .probes = 2};
	for (size_t i = 0; i < s.n; i++)
		s.members[i].requests_max = MOST;
	stage_pool(&s);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.stage = &s, .seed = i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_false(workers[i].passed);
		picked += workers[i].picked;
	}
	assert_int_equal(atomic_load(&s.state->in_flight), 0);
	for (size_t i = 0; i < s.n; i++) {
		struct backend *b = s.members[i].backend;
		assert_int_equal(atomic_load(&b->in_flight), 0);
		assert_int_equal(atomic_load(&b->requests),
				 atomic_load(&b->answers[2]) + atomic_load(&b->answers[5]));
		requests += atomic_load(&b->requests);
	}
	assert_true(picked > 0);
	assert_true(requests == picked);
	stage_end(&s);
}

static void counts_and_limits_hold_with_many_workers(void **state)
{
	(void)state;
	for (int way = POOL_TWO_CHOICES; way <= POOL_RANDOM; way++)
		run((enum pool_balance)way);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_limits_hold_with_many_workers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
