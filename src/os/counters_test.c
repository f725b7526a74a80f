#include "os/counters.h"

#include "os/thread.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 100000 };

static const struct counter_name names[] = {
	{.name = "queries_total", .label = "transport=\"udp\"", .help = "queries"},
	{.name = "queries_total", .label = "transport=\"tcp\"", .help = "queries"},
	{.name = "open", .help = "open now", .gauge = true},
};

static void count(void *arg)
{
	struct counter_row *row = arg;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		counter_add(*row, 0, 1);
		counter_add(*row, 1, 3);
		counter_set_value(*row, 2, i);
	}
}

static void sum_over_threads_loses_nothing(void **state)
{
	(void)state;
	struct counter_set set;
	struct counter_row rows[THREADS];
	struct thread threads[THREADS];
	assert_int_equal(counters_init(&set, names, 3, THREADS), OK);
	for (size_t i = 0; i < THREADS; i++) {
		rows[i] = counters_row(&set, i);
		assert_int_equal(thread_start(&threads[i], "counter", -1, count, &rows[i]), OK);
	}
	assert_true(counters_sum(&set, 0) <= THREADS * ROUNDS);
	for (size_t i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	assert_int_equal(counters_sum(&set, 0), THREADS * ROUNDS);
	assert_int_equal(counters_sum(&set, 1), 3 * THREADS * ROUNDS);
	assert_int_equal(counters_sum(&set, 2), THREADS * (ROUNDS - 1));
	counters_done(&set);
	counters_done(&set);
}

static void rows_share_no_cache_line(void **state)
{
	(void)state;
	struct counter_set set;
	assert_int_equal(counters_init(&set, names, 3, 2), OK);
	uintptr_t a = (uintptr_t)counters_row(&set, 0).cells;
	uintptr_t b = (uintptr_t)counters_row(&set, 1).cells;
	assert_int_equal(a % 64, 0);
	assert_int_equal(b - a, 64);
	counters_done(&set);
}

static struct {
	char name[16];
	int cpus, blocked;
} seen;

static void look(void *arg)
{
	(void)arg;
	cpu_set_t set;
	sigset_t mask;
	(void)prctl(PR_GET_NAME, seen.name);
	(void)sched_getaffinity(0, sizeof(set), &set);
	seen.cpus = CPU_COUNT(&set);
	(void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
	seen.blocked = sigismember(&mask, SIGTERM);
}

static void thread_has_name_processor_and_no_signals(void **state)
{
	(void)state;
	struct thread thread;
	sigset_t mask;
	assert_int_equal(thread_start(&thread, "a-name-that-is-too-long", 7, look, NULL), OK);
	thread_join(&thread);
	assert_string_equal(seen.name, "a-name-that-is-");
	assert_int_equal(seen.cpus, 1);
	assert_int_equal(seen.blocked, 1);
	(void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	assert_int_equal(thread_start(&thread, "x", -1, look, NULL), OK);
	thread_join(&thread);
	thread_join(&thread);
	assert_int_equal(seen.cpus, (int)thread_cpus());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sum_over_threads_loses_nothing),
		cmocka_unit_test(rows_share_no_cache_line),
		cmocka_unit_test(thread_has_name_processor_and_no_signals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
