#include "service/reverse-proxy/balance/outlier.h"

#include "service/reverse-proxy/balance/stage_test.h"

static void begin(struct stage *s, size_t n)
{
	stage_begin(s, n);
	s->policy.outlier = (struct pool_outlier){.failures = 3,
						  .eject_ms = 1000,
						  .eject_max_ms = 5000,
						  .eject_max_pct = 50,
						  .interval_ms = 10000,
						  .interval_requests = 20,
						  .deviations_tenths = 19};
	stage_pool(s);
}

static void fails(struct stage *s, size_t member, int n)
{
	for (int i = 0; i < n; i++)
		outlier_report(s->pool, &s->pool->members[member], s->now_ms, true);
}

static bool is_out(struct stage *s, size_t member)
{
	return atomic_load(&s->members[member].backend->ejected_until_ms) > s->now_ms;
}

static void failures_in_a_row_eject_and_a_success_between_does_not(void **state)
{
	(void)state;
	struct stage s;
	begin(&s, 3);
	fails(&s, 0, 2);
	outlier_report(s.pool, &s.pool->members[0], s.now_ms, false);
	fails(&s, 0, 2);
	assert_false(is_out(&s, 0));
	fails(&s, 0, 1);
	assert_true(is_out(&s, 0));
	assert_int_equal(atomic_load(&s.members[0].backend->ejected_n), 1);
	stage_end(&s);
}

static void each_ejection_is_longer_and_is_forgiven_in_time(void **state)
{
	(void)state;
	struct stage s;
	static const uint64_t times_ms[] = {1000, 2000, 4000, 5000, 5000};
	begin(&s, 3);
	for (size_t i = 0; i < 5; i++) {
		fails(&s, 0, 3);
		s.now_ms += times_ms[i] - 1;
		assert_true(is_out(&s, 0));
		s.now_ms += 1;
		assert_false(is_out(&s, 0));
	}
	for (int i = 0; i < 5; i++) {
		s.now_ms += 2001;
		pool_outliers_turn(s.pool, s.now_ms);
	}
	fails(&s, 0, 3);
	s.now_ms += 1000;
	assert_false(is_out(&s, 0));
	stage_end(&s);
}

static void never_more_than_the_share_is_out(void **state)
{
	(void)state;
	struct stage s;
	begin(&s, 5);
	for (size_t i = 0; i < 5; i++)
		fails(&s, i, 3);
	size_t out = 0;
	for (size_t i = 0; i < 5; i++)
		out += is_out(&s, i);
	assert_int_equal(out, 2);
	assert_int_equal(atomic_load(&s.state->ejections_spared), 3);
	stage_end(&s);
	begin(&s, 1);
	fails(&s, 0, 30);
	assert_false(is_out(&s, 0));
	stage_end(&s);
}

static void who_fails_far_more_often_than_the_others_is_ejected(void **state)
{
	(void)state;
	struct stage s;
	begin(&s, 6);
	for (size_t i = 0; i < 6; i++)
		for (int k = 0; k < 100; k++) {
			bool failed = i == 4 ? k % 2 == 0 : k % 50 == (int)i;
			outlier_report(s.pool, &s.pool->members[i], s.now_ms, failed);
		}
	pool_outliers_turn(s.pool, s.now_ms);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(is_out(&s, i), i == 4);
	/* The next interval begins at zero, and not before its time. */
	s.now_ms += 10000;
	assert_false(is_out(&s, 4));
	for (int k = 0; k < 600; k++)
		outlier_report(s.pool, &s.pool->members[k % 6], s.now_ms, k % 12 == 4);
	s.now_ms -= 1;
	pool_outliers_turn(s.pool, s.now_ms);
	assert_int_equal(atomic_load(&s.pool->members[4].backend->interval_requests), 100);
	for (size_t i = 0; i < 6; i++)
		atomic_store(&s.pool->members[i].backend->interval_requests, 0);
	s.now_ms += 1;
	pool_outliers_turn(s.pool, s.now_ms);
	assert_false(is_out(&s, 4));
	stage_end(&s);
}

static void those_alike_and_those_with_few_requests_are_not_judged(void **state)
{
	(void)state;
	struct stage s;
	begin(&s, 6);
	for (size_t i = 0; i < 6; i++)
		for (int k = 0; k < 100; k++)
			outlier_report(s.pool, &s.pool->members[i], s.now_ms, k % 2 == 0);
	pool_outliers_turn(s.pool, s.now_ms);
	s.now_ms += 10000;
	for (size_t i = 0; i < 6; i++)
		for (int k = 0; k < (i == 4 ? 19 : 100); k++)
			outlier_report(s.pool, &s.pool->members[i], s.now_ms, i == 4 && k % 2 == 0);
	pool_outliers_turn(s.pool, s.now_ms);
	for (size_t i = 0; i < 6; i++)
		assert_false(is_out(&s, i));
	stage_end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_in_a_row_eject_and_a_success_between_does_not),
		cmocka_unit_test(each_ejection_is_longer_and_is_forgiven_in_time),
		cmocka_unit_test(never_more_than_the_share_is_out),
		cmocka_unit_test(who_fails_far_more_often_than_the_others_is_ejected),
		cmocka_unit_test(those_alike_and_those_with_few_requests_are_not_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
