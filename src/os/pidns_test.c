#include "os/pidns.h"

#include "os/netns.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"

static bool may_not(enum err e)
{
	return e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOSPC;
}

static enum err isolate(void)
{
	return geteuid() == 0 ? mount_private() : userns_enter();
}

/* Number 1 of the namespace is killed; what it started must end with it. */
static int kill_the_first(void)
{
	int ends[2], status;
	pid_t first = -1;
	char byte = 0;
	CHILD_CHECK(pipe(ends) == 0);
	enum err e = isolate();
	if (!e)
		e = pidns_fork(&first);
	if (may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	if (first == 0) {
		bool right = getpid() == 1 && getsid(0) == 1;
		if (fork() == 0) {
			(void)!write(ends[1], right && getpid() == 2 ? "y" : "n", 1);
			(void)sleep(60);
			_exit(0);
		}
		(void)pause();
		_exit(0);
	}
	(void)close(ends[1]);
	CHILD_CHECK(read(ends[0], &byte, 1) == 1 && byte == 'y');
	CHILD_CHECK(kill(first, SIGKILL) == 0 && waitpid(first, &status, 0) == first);
	/* Both write ends are gone only when the second process is. */
	CHILD_CHECK(read(ends[0], &byte, 1) == 0);
	return 0;
}

static void all_end_with_the_first(void **state)
{
	(void)state;
	assert_child(kill_the_first, "PID namespaces are not permitted");
}

static int enter_and_wait(void)
{
	pid_t first = -1;
	int status = 0;
	enum err e = isolate();
	if (!e)
		e = pidns_fork(&first);
	if (may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	if (first == 0) {
		(void)pause();
		_exit(0);
	}
	CHILD_CHECK(!pidns_enter(first) && !pidns_fork_wait(&status));
	if (status == -1)
		_exit(getpid() > 1 && getppid() == 0 ? 5 : 6);
	CHILD_CHECK(status == 5);
	CHILD_CHECK(!pidns_fork_wait(&status));
	if (status == -1)
		(void)raise(SIGKILL);
	CHILD_CHECK(status == 128 + SIGKILL);
	(void)kill(first, SIGKILL);
	(void)waitpid(first, NULL, 0);
	return 0;
}

static void child_inside_tells_its_end(void **state)
{
	(void)state;
	assert_child(enter_and_wait, "PID namespaces are not permitted");
}

static int see_the_dead(void)
{
	pid_t ended = -1, child = fork();
	if (child == 0)
		_exit(0);
	while (process_ended(&ended))
		(void)usleep(1000);
	CHILD_CHECK(ended == child && !process_ended(&ended) && ended == child);
	process_reap(child);
	CHILD_CHECK(process_ended(&ended) == (enum err)EAGAIN);
	return 0;
}

static void dead_child_is_seen_until_it_is_reaped(void **state)
{
	(void)state;
	assert_child(see_the_dead, "");
}

static int await_the_first(void)
{
	int held = -1, ends[2];
	char byte;
	pid_t first = -1, second;
	CHILD_CHECK(pipe(ends) == 0);
	enum err e = isolate();
	if (!e)
		e = pidns_fork(&first);
	if (may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	if (first == 0) {
		second = fork();
		if (second)
			(void)!write(ends[1], "y", 1);
		(void)pause();
		_exit(0);
	}
	CHILD_CHECK(read(ends[0], &byte, 1) == 1);
	(void)close(ends[1]);
	CHILD_CHECK(!process_open(first, &held));
	CHILD_CHECK(process_await_end(held, 0) == (enum err)ETIMEDOUT);
	CHILD_CHECK(process_await_end(held, 30) == (enum err)ETIMEDOUT);
	CHILD_CHECK(kill(first, SIGKILL) == 0 && !process_await_end(held, 5000));
	/* Nobody in the namespace holds the pipe any more, although the first is not reaped yet. */
	CHILD_CHECK(read(ends[0], &byte, 1) == 0);
	CHILD_CHECK(waitpid(first, NULL, 0) == first && !process_await_end(held, 0));
	CHILD_CHECK(process_open(first, &held) == (enum err)ESRCH);
	return 0;
}

static void end_of_the_first_is_the_end_of_all(void **state)
{
	(void)state;
	assert_child(await_the_first, "PID namespaces are not permitted");
}

static int rename_host(void)
{
	char name[65] = "";
	enum err e = process_host_name("ns1.example");
	if (may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && gethostname(name, sizeof(name)) == 0);
	CHILD_CHECK(strcmp(name, "ns1.example") == 0);
	return 0;
}

static void host_name_is_ours_alone(void **state)
{
	(void)state;
	char before[65], after[65];
	assert_int_equal(gethostname(before, sizeof(before)), 0);
	assert_child(rename_host, "not root");
	assert_int_equal(gethostname(after, sizeof(after)), 0);
	assert_string_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_end_with_the_first),
		cmocka_unit_test(child_inside_tells_its_end),
		cmocka_unit_test(dead_child_is_seen_until_it_is_reaped),
		cmocka_unit_test(end_of_the_first_is_the_end_of_all),
		cmocka_unit_test(host_name_is_ours_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
