#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

struct work {
	struct thread thread;
	atomic_bool asked, done;
};

static void run(void *arg)
{
	struct work *w = arg;
	while (!atomic_load(&w->asked))
		(void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	atomic_store(&w->done, true);
}

static bool is_done(const void *arg, size_t i)
{
	const struct work *all = arg;
	return atomic_load(&all[i].done);
}

static void all_are_waited_for(void **state)
{
	static struct work all[3];
	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(thread_start(&all[i].thread, "work", -1, run, &all[i]), 0);
	for (size_t i = 0; i < 3; i++)
		atomic_store(&all[i].asked, true);
	assert_true(thread_await(is_done, all, 3));
	for (size_t i = 0; i < 3; i++) {
		assert_true(is_done(all, i));
		thread_join(&all[i].thread);
	}
}

static void who_does_not_come_is_given_up(void **state)
{
	static struct work one;
	(void)state;
	assert_false(thread_await(is_done, &one, 1));
	assert_true(thread_await(is_done, &one, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_waited_for),
		cmocka_unit_test(who_does_not_come_is_given_up),
	};
	return cmocka_run_group_tests_name("os_thread", tests, NULL, NULL);
}
