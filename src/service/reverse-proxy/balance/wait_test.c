#include "service/reverse-proxy/balance/wait.h"

#include "service/reverse-proxy/balance/stage_test.h"

static void begin(struct stage *s)
{
	stage_begin(s, 1);
	s->members[0].requests_max = 1;
	s->policy.wait = (struct pool_wait){.length = 3, .time_ms = 100};
	stage_pool(s);
}

static void a_full_line_refuses(void **state)
{
	(void)state;
	struct stage s;
	struct wait_line line = {0};
	struct waiter w[4] = {0};
	begin(&s);
	for (int i = 0; i < 3; i++)
		assert_int_equal(wait_join(&line, s.pool, &w[i], s.now_ms), OK);
	assert_int_equal(wait_join(&line, s.pool, &w[3], s.now_ms), ERR_LIMIT);
	assert_null(w[3].line);
	assert_int_equal(atomic_load(&s.state->wait_refused), 1);
	wait_leave(&w[1]);
	assert_int_equal(wait_join(&line, s.pool, &w[3], s.now_ms), OK);
	stage_end(&s);
}

static void first_come_first_served_with_each_place_that_comes_free(void **state)
{
	(void)state;
	struct stage s;
	struct wait_line line = {0};
	struct waiter w[3] = {0};
	struct pool_place place, next;
	begin(&s);
	assert_int_equal(stage_pick(&s, &place), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stage_pick(&s, &next), -1);
		assert_int_equal(wait_join(&line, s.pool, &w[i], s.now_ms), OK);
	}
	for (int i = 0; i < 3; i++) {
		stage_done(&s, &place, 200);
		assert_ptr_equal(wait_first(&line), &w[i]);
		assert_int_equal(stage_pick(&s, &place), 0);
		wait_leave(&w[i]);
	}
	assert_null(wait_first(&line));
	assert_null(line.last);
	stage_done(&s, &place, 200);
	wait_leave(&w[0]); /* waits nowhere */
	stage_end(&s);
}

static void nobody_waits_longer_than_its_time(void **state)
{
	(void)state;
	struct stage s;
	struct wait_line line = {0};
	struct waiter w[3] = {0};
	begin(&s);
	assert_int_equal(wait_join(&line, s.pool, &w[0], s.now_ms), OK);
	assert_int_equal(wait_join(&line, s.pool, &w[1], s.now_ms + 50), OK);
	assert_null(wait_late(&line, s.state, s.now_ms + 99));
	assert_ptr_equal(wait_late(&line, s.state, s.now_ms + 100), &w[0]);
	assert_null(wait_late(&line, s.state, s.now_ms + 100));
	assert_ptr_equal(wait_first(&line), &w[1]);
	assert_int_equal(atomic_load(&s.state->wait_timeouts), 1);
	stage_end(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_line_refuses),
		cmocka_unit_test(first_come_first_served_with_each_place_that_comes_free),
		cmocka_unit_test(nobody_waits_longer_than_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
