/* Runs with threads. */
#include "service/policy/io_maker.h"

#include "os/loop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct bench {
	struct loop loop;
	struct maker maker;
	int works, afters, idles; /* works: written in the thread alone while it runs */
};

static void work(void *arg)
{
	struct bench *b = arg;
	b->works++;
}

static void after(void *arg)
{
	struct bench *b = arg;
	assert_false(maker_is_busy(&b->maker));
	b->afters++;
	assert_int_equal(b->afters, b->works);
}

static void idle(void *arg)
{
	struct bench *b = arg;
	b->idles++;
	if (b->idles < 50)
		maker_give(&b->maker, work, after, b);
}

static void one_job_comes_after_the_other(void **state)
{
	(void)state;
	struct bench b = {0};
	assert_int_equal(loop_init(&b.loop), OK);
	assert_int_equal(maker_begin(&b.maker, &b.loop, idle, &b), OK);
	maker_give(&b.maker, work, after, &b);
	assert_true(maker_is_busy(&b.maker));
	while (b.idles < 50)
		assert_int_equal(loop_turn(&b.loop, 1000), OK);
	maker_end(&b.maker);
	assert_int_equal(b.afters, 50);
	loop_done(&b.loop);
}

static void the_end_waits_for_what_runs_and_tells_it(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct bench b = {0};
		assert_int_equal(loop_init(&b.loop), OK);
		assert_int_equal(maker_begin(&b.maker, &b.loop, idle, &b), OK);
		maker_give(&b.maker, work, after, &b);
		maker_end(&b.maker);
		assert_int_equal(b.works, 1);
		assert_int_equal(b.afters, 1);
		assert_int_equal(b.idles, 0);
		loop_done(&b.loop);
	}
	struct maker never = {0};
	maker_end(&never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_job_comes_after_the_other),
		cmocka_unit_test(the_end_waits_for_what_runs_and_tells_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
