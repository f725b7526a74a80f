#include "service/reverse-proxy/balance/breaker.h"

#include "service/reverse-proxy/balance/stage_test.h"

static const struct pool_breaker policy = {
	.failure_pct = 50, .requests_min = 10, .window_ms = 10000, .open_ms = 1000, .probes = 2};

static void says(struct backend *b, uint64_t now_ms, enum breaker_word word, int n)
{
	for (int i = 0; i < n; i++) {
		bool probe;
		assert_true(breaker_take(b, &policy, now_ms, &probe));
		assert_false(probe);
		breaker_report(b, &policy, now_ms, probe, word);
	}
}

static void probes(struct backend *b, uint64_t now_ms, enum breaker_word word)
{
	bool probe;
	assert_true(breaker_take(b, &policy, now_ms, &probe));
	assert_true(probe);
	breaker_report(b, &policy, now_ms, probe, word);
}

static void opens_by_the_share_of_failures_not_by_their_number(void **state)
{
	(void)state;
	struct backend b = {0};
	uint64_t now_ms = 1 << 20;
	says(&b, now_ms, BREAKER_FAILED, 9); /* too few to judge */
	assert_int_equal(breaker_state(&b, now_ms), BACKEND_BREAKER_CLOSED);
	says(&b, now_ms + 20000, BREAKER_GOOD, 11); /* a new window */
	says(&b, now_ms + 20000, BREAKER_FAILED, 10);
	assert_int_equal(breaker_state(&b, now_ms + 20000), BACKEND_BREAKER_CLOSED);
	says(&b, now_ms + 20000, BREAKER_FAILED, 1);
	assert_int_equal(breaker_state(&b, now_ms + 20000), BACKEND_BREAKER_OPEN);
	assert_int_equal(atomic_load(&b.opened_n), 1);
	assert_string_equal(backend_state_text(&b, now_ms + 20000), "open");
}

static void what_was_abandoned_says_nothing(void **state)
{
	(void)state;
	struct backend b = {0};
	says(&b, 1 << 20, BREAKER_ABANDONED, 100);
	says(&b, 1 << 20, BREAKER_FAILED, 9);
	assert_int_equal(breaker_state(&b, 1 << 20), BACKEND_BREAKER_CLOSED);
}

static void half_open_lets_a_few_see_and_closes_when_they_do_well(void **state)
{
	(void)state;
	struct backend b = {0};
	uint64_t now_ms = 1 << 20;
	bool probe[3];
	says(&b, now_ms, BREAKER_FAILED, 10);
	assert_false(breaker_take(&b, &policy, now_ms + 999, &probe[0]));
	now_ms += 1000;
	assert_true(breaker_lets(&b, &policy, now_ms));
	assert_true(breaker_take(&b, &policy, now_ms, &probe[0]));
	assert_true(breaker_take(&b, &policy, now_ms, &probe[1]));
	assert_true(probe[0] && probe[1]);
	assert_false(breaker_lets(&b, &policy, now_ms));
	assert_false(breaker_take(&b, &policy, now_ms, &probe[2]));
	/* Who leaves gives its place back. */
	breaker_report(&b, &policy, now_ms, true, BREAKER_ABANDONED);
	assert_true(breaker_take(&b, &policy, now_ms, &probe[2]));
	breaker_report(&b, &policy, now_ms, true, BREAKER_GOOD);
	assert_int_equal(breaker_state(&b, now_ms), BACKEND_BREAKER_HALF_OPEN);
	breaker_report(&b, &policy, now_ms, true, BREAKER_GOOD);
	assert_int_equal(breaker_state(&b, now_ms), BACKEND_BREAKER_CLOSED);
	says(&b, now_ms, BREAKER_GOOD, 5);
}

static void each_failed_probe_doubles_the_time_up_to_a_bound(void **state)
{
	(void)state;
	struct backend b = {0};
	uint64_t now_ms = 1 << 20, wait_ms = 1000;
	says(&b, now_ms, BREAKER_FAILED, 10);
	for (int i = 0; i < 8; i++) {
		bool probe;
		assert_false(breaker_take(&b, &policy, now_ms + wait_ms - 1, &probe));
		now_ms += wait_ms;
		probes(&b, now_ms, BREAKER_FAILED);
		assert_int_equal(breaker_state(&b, now_ms), BACKEND_BREAKER_OPEN);
		wait_ms = wait_ms < 32000 ? wait_ms * 2 : wait_ms;
	}
	/* A word of a request from before the opening changes nothing. */
	breaker_report(&b, &policy, now_ms, false, BREAKER_GOOD);
	assert_int_equal(breaker_state(&b, now_ms), BACKEND_BREAKER_OPEN);
	probes(&b, now_ms + wait_ms, BREAKER_GOOD);
	probes(&b, now_ms + wait_ms, BREAKER_GOOD);
	assert_int_equal(breaker_state(&b, now_ms + wait_ms), BACKEND_BREAKER_CLOSED);
}

static void a_pool_leaves_who_is_open_alone_and_sends_it_probes(void **state)
{
	(void)state;
	struct stage s;
	unsigned n[STAGE_MAX];
	struct pool_place place;
	stage_begin(&s, 2);
	s.policy.balance = POOL_ROUND_ROBIN;
	s.policy.breaker = policy;
	stage_pool(&s);
	for (int i = 0; i < 40; i++)
		stage_done(&s, &place, stage_pick(&s, &place) == 0 ? 503 : 200);
	stage_count(&s, 100, n);
	assert_int_equal(n[1], 100);
	s.now_ms += 1000;
	stage_count(&s, 100, n);
	assert_in_range(n[0], 45, 55);
	stage_end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_by_the_share_of_failures_not_by_their_number),
		cmocka_unit_test(what_was_abandoned_says_nothing),
		cmocka_unit_test(half_open_lets_a_few_see_and_closes_when_they_do_well),
		cmocka_unit_test(each_failed_probe_doubles_the_time_up_to_a_bound),
		cmocka_unit_test(a_pool_leaves_who_is_open_alone_and_sends_it_probes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
