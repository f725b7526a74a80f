#include "proxy/buffer.h"
#include "proxy/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void gives_the_last_one_back_first(void **state)
{
	(void)state;
	struct proxy_buffers p;
	proxy_buffers_init(&p, 3);
	struct proxy_buffer *a = proxy_buffer_take(&p);
	struct proxy_buffer *b = proxy_buffer_take(&p);
	assert_non_null(a);
	assert_non_null(b);
	proxy_buffer_give(&p, a);
	proxy_buffer_give(&p, b);
	assert_ptr_equal(proxy_buffer_take(&p), b);
	proxy_buffer_give(&p, b);
	proxy_buffers_done(&p);
}

static void stays_until_the_last_reference_goes(void **state)
{
	(void)state;
	struct proxy_buffers p;
	proxy_buffers_init(&p, 1);
	struct proxy_buffer *a = proxy_buffer_take(&p);
	struct proxy_buffer *again = proxy_buffer_ref(a);
	proxy_buffer_give(&p, a);
	assert_null(proxy_buffer_take(&p));
	assert_int_equal(p.refused, 1);
	proxy_buffer_give(&p, again);
	a = proxy_buffer_take(&p);
	assert_non_null(a);
	proxy_buffer_give(&p, a);
	proxy_buffers_done(&p);
}

static void trims_what_a_peak_left(void **state)
{
	(void)state;
	enum { N = 512 };
	struct proxy_buffers p;
	struct proxy_buffer *all[N];
	proxy_buffers_init(&p, N);
	for (size_t i = 0; i < N; i++)
		assert_non_null(all[i] = proxy_buffer_take(&p));
	for (size_t i = 0; i < N; i++)
		proxy_buffer_give(&p, all[i]);
	proxy_buffers_trim(&p); /* they were in use since the last time */
	assert_int_equal(p.free_n, N);
	proxy_buffers_trim(&p);
	assert_true(p.free_n < 64 && p.free_n > 0);
	assert_null(p.memory.blocks); /* the large page too */
	proxy_buffers_done(&p);
}

static void a_large_page_stays_while_one_of_it_is_out(void **state)
{
	(void)state;
	enum { N = 100 };
	struct proxy_buffers p;
	struct proxy_buffer *all[N];
	proxy_buffers_init(&p, N);
	for (size_t i = 0; i < N; i++)
		assert_non_null(all[i] = proxy_buffer_take(&p));
	assert_true(all[N - 1]->large && !all[0]->large);
	for (size_t i = 0; i + 1 < N; i++)
		proxy_buffer_give(&p, all[i]);
	for (size_t i = 0; i < 3; i++)
		proxy_buffers_trim(&p);
	assert_non_null(p.memory.blocks);
	all[N - 1]->data[PROXY_BUFFER_SIZE - 1] = 1;
	proxy_buffer_give(&p, all[N - 1]);
	for (size_t i = 0; i < 2; i++)
		proxy_buffers_trim(&p);
	assert_null(p.memory.blocks);
	/* And again. */
	for (size_t i = 0; i < N; i++)
		assert_non_null(all[i] = proxy_buffer_take(&p));
	for (size_t i = 0; i < N; i++)
		proxy_buffer_give(&p, all[i]);
	proxy_buffers_done(&p);
}

struct late {
	struct proxy_deadline deadline;
	unsigned calls;
};

static void count_call(struct proxy_deadline *d)
{
	((struct late *)d)->calls++;
}

static void fires_at_the_latest_time_that_was_set(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 1000);
	struct late late = {.deadline.call = count_call};
	proxy_deadline_set(&w, &late.deadline, 1000, 100);
	proxy_deadline_set(&w, &late.deadline, 1050, 200);
	proxy_deadline_advance(&w, 1100);
	proxy_deadline_advance(&w, 1249);
	assert_int_equal(late.calls, 0);
	proxy_deadline_advance(&w, 1250);
	assert_int_equal(late.calls, 1);
	proxy_deadline_advance(&w, 5000);
	assert_int_equal(late.calls, 1);
}

static void fires_earlier_when_it_was_moved_there(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 1000);
	struct late late = {.deadline.call = count_call};
	proxy_deadline_set(&w, &late.deadline, 1000, 60000);
	proxy_deadline_set(&w, &late.deadline, 1000, 50);
	proxy_deadline_advance(&w, 1050);
	assert_int_equal(late.calls, 1);
	proxy_deadline_set(&w, &late.deadline, 1050, 50);
	proxy_deadline_clear(&late.deadline);
	proxy_deadline_advance(&w, 70000);
	assert_int_equal(late.calls, 1);
	proxy_deadline_set(&w, &late.deadline, 70000, 10);
	proxy_deadline_done(&w, &late.deadline);
	assert_int_equal(wheel_used(&w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_last_one_back_first),
		cmocka_unit_test(stays_until_the_last_reference_goes),
		cmocka_unit_test(trims_what_a_peak_left),
		cmocka_unit_test(a_large_page_stays_while_one_of_it_is_out),
		cmocka_unit_test(fires_at_the_latest_time_that_was_set),
		cmocka_unit_test(fires_earlier_when_it_was_moved_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
