#include "os/loop.h"

#include "os/clock.h"
#include "os/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <pthread.h>

enum { TIMERS = 500 };

struct shot {
	struct loop_timer timer;
	uint64_t at_ms;
	size_t order;
	bool cancelled;
};

static struct {
	struct shot shots[TIMERS];
	struct shot *fired[TIMERS * 2];
	size_t fired_len;
	struct loop loop;
	int calls, other_calls;
} t;

static int set_up(void **state)
{
	(void)state;
	t.calls = t.other_calls = 0;
	t.fired_len = 0;
	return loop_init(&t.loop) != OK;
}

static int tear_down(void **state)
{
	(void)state;
	loop_done(&t.loop);
	return 0;
}

static void fire(void *arg)
{
	assert_true(t.fired_len < TIMERS * 2);
	t.fired[t.fired_len++] = arg;
}

static int by_time_then_order(const void *a, const void *b)
{
	const struct shot *x = *(struct shot *const *)a, *y = *(struct shot *const *)b;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Against the obvious: an array that is sorted. */
static void timers_fire_once_each_in_order_of_time(void **state)
{
	(void)state;
	struct shot *wanted[TIMERS];
	size_t wanted_len = 0, order = 0;
	srand(1);
	for (size_t i = 0; i < TIMERS; i++) {
		loop_timer_init(&t.shots[i].timer, fire, &t.shots[i]);
		t.shots[i].cancelled = true;
	}
	for (size_t round = 0; round < TIMERS * 4; round++) {
		struct shot *s = &t.shots[(size_t)rand() % TIMERS];
		if (rand() % 4 == 0) {
			loop_timer_cancel(&t.loop, &s->timer);
			s->cancelled = true;
		} else {
			s->at_ms = t.loop.now_ms + 1 + (uint64_t)(rand() % 40);
			s->order = order++;
			s->cancelled = false;
			loop_timer_set(&t.loop, &s->timer, s->at_ms);
		}
	}
	for (size_t i = 0; i < TIMERS; i++)
		if (!t.shots[i].cancelled)
			wanted[wanted_len++] = &t.shots[i];
	qsort(wanted, wanted_len, sizeof(wanted[0]), by_time_then_order);
	assert_true(wanted_len > TIMERS / 2);
	uint64_t start_ms = clock_monotonic_ms();
	while (t.loop.timers)
		assert_int_equal(loop_turn(&t.loop, -1), OK);
	assert_true(clock_monotonic_ms() - start_ms < 5000);
	assert_int_equal(t.fired_len, wanted_len);
	for (size_t i = 0; i < wanted_len; i++)
		assert_ptr_equal(t.fired[i], wanted[i]);
}

static uint64_t fired_at_ms;

static void note_time(void *arg)
{
	fired_at_ms = clock_monotonic_ms();
	loop_stop(arg);
}

static void timer_is_never_early(void **state)
{
	(void)state;
	struct loop_timer timer;
	loop_timer_init(&timer, note_time, &t.loop);
	for (int i = 0; i < 20; i++) {
		uint64_t at_ms = clock_monotonic_ms() + 3;
		loop_timer_set(&t.loop, &timer, at_ms);
		assert_int_equal(loop_run(&t.loop), OK);
		assert_true(fired_at_ms >= at_ms);
	}
}

static struct loop_timer again;

static void set_again(void *arg)
{
	(void)arg;
	t.calls++;
	loop_timer_set(&t.loop, &again, 0);
}

static void timer_that_sets_itself_in_the_past_waits_for_the_next_turn(void **state)
{
	(void)state;
	loop_timer_init(&again, set_again, NULL);
	loop_timer_set(&t.loop, &again, 0);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(loop_turn(&t.loop, -1), OK);
		assert_int_equal(t.calls, i);
	}
	loop_timer_cancel(&t.loop, &again);
	assert_int_equal(loop_turn(&t.loop, 0), OK);
	assert_int_equal(t.calls, 3);
}

/* ---- watches ---- */

static struct loop_watch first, second;

static void remove_the_other(void *arg, uint32_t events)
{
	assert_true(events & LOOP_READ);
	t.calls++;
	loop_remove(&t.loop, arg);
}

static void watch_removed_in_its_turn_is_not_called(void **state)
{
	(void)state;
	int a[2], b[2];
	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	assert_int_equal(loop_add(&t.loop, &first, a[0], LOOP_READ, remove_the_other, &second), OK);
	assert_int_equal(loop_add(&t.loop, &second, b[0], LOOP_READ, remove_the_other, &first), OK);
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(write(b[1], "x", 1), 1);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_int_equal(t.calls, 1);
	assert_true(first.added != second.added);
	loop_remove(&t.loop, &first);
	loop_remove(&t.loop, &second);
	for (int i = 0; i < 2; i++) {
		fd_done(&a[i]);
		fd_done(&b[i]);
	}
}

static void count_events(void *arg, uint32_t events)
{
	*(uint32_t *)arg |= events;
	t.calls++;
}

static void tells_hangup_and_follows_modify(void **state)
{
	(void)state;
	int ends[2];
	uint32_t seen = 0;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(loop_add(&t.loop, &first, ends[0], 0, count_events, &seen), OK);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(loop_turn(&t.loop, 0), OK);
	assert_int_equal(t.calls, 0);
	assert_int_equal(loop_modify(&t.loop, &first, LOOP_READ), OK);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_int_equal(seen, LOOP_READ);
	fd_done(&ends[1]);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_true(seen & LOOP_HANGUP);
	loop_remove(&t.loop, &first);
	loop_remove(&t.loop, &first); /* accepts one that is not added */
	fd_done(&ends[0]);
	assert_int_equal(loop_add(&t.loop, &first, 9999, LOOP_READ, count_events, &seen), EBADF);
	assert_false(first.added);
}

static void edge_tells_of_changes_only(void **state)
{
	(void)state;
	int ends[2];
	uint32_t seen = 0;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(
		loop_add(&t.loop, &first, ends[0], LOOP_READ | LOOP_EDGE, count_events, &seen), OK);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(write(ends[1], "x", 1), 1);
		assert_int_equal(loop_turn(&t.loop, 1000), OK);
		assert_int_equal(loop_turn(&t.loop, 0), OK);
		assert_int_equal(t.calls, i);
	}
	loop_remove(&t.loop, &first);
	fd_done(&ends[0]);
	fd_done(&ends[1]);
}

static void look_at_all(void *arg, struct loop_watch *const *ready, const uint32_t *events,
			size_t n)
{
	assert_int_equal(t.calls, 0); /* nobody was told yet */
	assert_int_equal(n, 2);
	assert_true((ready[0] == &first && ready[1] == &second) ||
		    (ready[0] == &second && ready[1] == &first));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(events[i], ready[i] == &first ? LOOP_READ : LOOP_WRITE);
	++*(int *)arg;
}

static void all_that_are_ready_are_told_ahead_of_their_calls(void **state)
{
	(void)state;
	int ends[2], looks = 0;
	uint32_t seen = 0;
	assert_int_equal(pipe(ends), 0);
	loop_on_ready(&t.loop, look_at_all, &looks);
	assert_int_equal(loop_turn(&t.loop, 0), OK);
	assert_int_equal(looks, 0); /* there is nothing */
	assert_int_equal(loop_add(&t.loop, &first, ends[0], LOOP_READ, count_events, &seen), OK);
	assert_int_equal(loop_add(&t.loop, &second, ends[1], LOOP_WRITE, count_events, &seen), OK);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_int_equal(looks, 1);
	assert_int_equal(t.calls, 2);
	loop_on_ready(&t.loop, NULL, NULL);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_int_equal(looks, 1);
	loop_remove(&t.loop, &first);
	loop_remove(&t.loop, &second);
	fd_done(&ends[0]);
	fd_done(&ends[1]);
}

/* ---- wake, signals, hook ---- */

/* ---- late, or not ---- */

static void note_call(void *arg, uint32_t events)
{
	struct loop_watch *watch = arg;
	char byte;
	assert_true(events & LOOP_READ);
	assert_int_equal(read(watch->fd, &byte, 1), 1);
	t.calls++;
}

static void note_calls_so_far(void *arg)
{
	*(int *)arg = t.calls;
}

static void all_that_are_ready_are_told_before_timers(void **state)
{
	(void)state;
	enum { READY = 3 * LOOP_EVENTS_MAX + 10 };
	static struct loop_watch watches[READY];
	static int pipes[READY][2];
	struct loop_timer timer;
	int told = -1;
	for (int i = 0; i < READY; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
		assert_int_equal(loop_add(&t.loop, &watches[i], pipes[i][0], LOOP_READ, note_call,
					  &watches[i]),
				 OK);
	}
	loop_timer_init(&timer, note_calls_so_far, &told);
	loop_timer_set(&t.loop, &timer, 0);
	for (int turns = 1; turns <= 4; turns++) {
		assert_int_equal(loop_turn(&t.loop, 1000), OK);
		assert_int_equal(loop_has_backlog(&t.loop), turns < 4);
	}
	assert_int_equal(told, READY);
	for (int i = 0; i < READY; i++) {
		loop_remove(&t.loop, &watches[i]);
		fd_done(&pipes[i][0]);
		fd_done(&pipes[i][1]);
	}
}

static void stay_ready(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	t.calls++;
}

/* Each as often as any, and then the timers. */
static void timers_wait_for_no_flood(void **state)
{
	(void)state;
	enum { READY = 2 * LOOP_EVENTS_MAX };
	static struct loop_watch watches[READY];
	int pipe_of_all[2], copies[READY], told = -1;
	struct loop_timer timer;
	assert_int_equal(pipe(pipe_of_all), 0);
	assert_int_equal(write(pipe_of_all[1], "x", 1), 1);
	for (int i = 0; i < READY; i++) {
		copies[i] = dup(pipe_of_all[0]);
		assert_int_equal(
			loop_add(&t.loop, &watches[i], copies[i], LOOP_READ, stay_ready, NULL), OK);
	}
	loop_timer_init(&timer, note_calls_so_far, &told);
	for (int round = 0; round < 3; round++) {
		t.calls = 0;
		told = -1;
		loop_timer_set(&t.loop, &timer, 0);
		for (int turns = 0; told < 0 && turns < 10; turns++)
			assert_int_equal(loop_turn(&t.loop, 1000), OK);
		assert_in_range(told, READY, READY + LOOP_EVENTS_MAX);
	}
	for (int i = 0; i < READY; i++) {
		loop_remove(&t.loop, &watches[i]);
		fd_done(&copies[i]);
	}
	fd_done(&pipe_of_all[0]);
	fd_done(&pipe_of_all[1]);
}

/* In a child: a byte that came while it stood still, and then a timer, in one turn. */
static _Noreturn void turn_once(int fd, int tell)
{
	struct loop_watch watch;
	struct loop_timer timer;
	int told = -1;
	t.calls = 0;
	if (loop_init(&t.loop) || loop_add(&t.loop, &watch, fd, LOOP_READ, note_call, &watch))
		_exit(2);
	loop_timer_init(&timer, note_calls_so_far, &told);
	loop_timer_set_after(&t.loop, &timer, 300);
	if (write(tell, "x", 1) != 1)
		_exit(3);
	while (told < 0)
		if (loop_turn(&t.loop, -1))
			_exit(4);
	_exit(told == 1 ? 0 : 1);
}

static void what_came_while_it_was_stopped_is_told_before_timers(void **state)
{
	(void)state;
	int to[2], from[2], status;
	char byte;
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid_t pid = fork();
	if (pid == 0)
		turn_once(to[0], from[1]);
	assert_int_equal(read(from[0], &byte, 1), 1);
	(void)usleep(20000); /* until it waits; if it does not yet, it has an easier time */
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(write(to[1], "x", 1), 1);
	(void)usleep(400000);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	for (int i = 0; i < 2; i++) {
		fd_done(&to[i]);
		fd_done(&from[i]);
	}
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void a_turn_of_a_stopped_loop_waits(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		loop_stop(&t.loop);
		uint64_t began_ms = clock_monotonic_ms();
		assert_int_equal(loop_turn(&t.loop, 50), OK);
		assert_true(clock_monotonic_ms() - began_ms >= 49);
	}
}

static void a_loop_that_is_stopped_ahead_of_its_sleep_does_not_sleep(void **state)
{
	(void)state;
	loop_before_sleep(&t.loop, stop, &t.loop);
	assert_int_equal(loop_run(&t.loop), OK); /* there is nothing that would end it */
}

static void woken(void *arg)
{
	t.calls++;
	loop_stop(arg);
}

static void *wake_soon(void *arg)
{
	(void)usleep(20000);
	for (int i = 0; i < 100; i++)
		loop_wake(arg);
	return NULL;
}

static void wakes_from_another_thread(void **state)
{
	(void)state;
	pthread_t id;
	loop_on_wake(&t.loop, woken, &t.loop);
	assert_int_equal(pthread_create(&id, NULL, wake_soon, &t.loop), 0);
	assert_int_equal(loop_run(&t.loop), OK);
	assert_true(t.calls >= 1);
	(void)pthread_join(id, NULL);
	/* And again after it has been heard. */
	int before = t.calls;
	assert_int_equal(loop_turn(&t.loop, 0), OK);
	loop_wake(&t.loop);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_true(t.calls > before);
}

static void note_signal(void *arg, int signal)
{
	*(int *)arg += signal;
}

static void hears_signals(void **state)
{
	(void)state;
	int heard_usr1 = 0, heard_usr2 = 0;
	sigset_t before;
	(void)pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(loop_signal(&t.loop, SIGUSR1, note_signal, &heard_usr1), OK);
	assert_int_equal(loop_signal(&t.loop, SIGUSR2, note_signal, &heard_usr2), OK);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_int_equal(heard_usr1, SIGUSR1);
	assert_int_equal(heard_usr2, 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(loop_turn(&t.loop, 1000), OK);
	assert_int_equal(heard_usr2, SIGUSR2);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void flush(void *arg)
{
	(void)arg;
	t.other_calls++;
}

static void runs_the_hook_before_each_sleep(void **state)
{
	(void)state;
	loop_before_sleep(&t.loop, flush, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_turn(&t.loop, 0), OK);
	assert_int_equal(t.other_calls, 3);
}

static void done_accepts_zeroed(void **state)
{
	(void)state;
	static struct loop zeroed;
	int before[3];
	for (int i = 0; i < 3; i++)
		before[i] = fcntl(i, F_GETFD);
	loop_done(&zeroed); /* must not take the zeros for descriptors */
	for (int i = 0; i < 3; i++)
		assert_int_equal(fcntl(i, F_GETFD), before[i]);
}

int main(void)
{
#define WITH_LOOP(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_LOOP(timers_fire_once_each_in_order_of_time),
		WITH_LOOP(timer_is_never_early),
		WITH_LOOP(timer_that_sets_itself_in_the_past_waits_for_the_next_turn),
		WITH_LOOP(watch_removed_in_its_turn_is_not_called),
		WITH_LOOP(tells_hangup_and_follows_modify),
		WITH_LOOP(edge_tells_of_changes_only),
		WITH_LOOP(all_that_are_ready_are_told_ahead_of_their_calls),
		WITH_LOOP(all_that_are_ready_are_told_before_timers),
		WITH_LOOP(timers_wait_for_no_flood),
		WITH_LOOP(a_turn_of_a_stopped_loop_waits),
		WITH_LOOP(a_loop_that_is_stopped_ahead_of_its_sleep_does_not_sleep),
		WITH_LOOP(what_came_while_it_was_stopped_is_told_before_timers),
		WITH_LOOP(wakes_from_another_thread),
		WITH_LOOP(hears_signals),
		WITH_LOOP(runs_the_hook_before_each_sleep),
		cmocka_unit_test(done_accepts_zeroed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
