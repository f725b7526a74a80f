#include "os/core_dump.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void end_by_signal(bool off)
{
	struct rlimit limit;
	/* The kernel tries to dump, if only into a pipe or a file that may be of no length. */
	if (off && core_dump_off())
		_exit(1);
	if (off && (getrlimit(RLIMIT_CORE, &limit) || limit.rlim_max || limit.rlim_cur))
		_exit(2);
	if (prctl(PR_GET_DUMPABLE) != !off)
		_exit(3);
	if (!off)
		_exit(0);
	(void)signal(SIGABRT, SIG_DFL);
	(void)raise(SIGABRT);
}

static int status_of(bool off)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		end_by_signal(off);
		_exit(4);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_process_that_would_be_dumped_is_not_any_more(void **state)
{
	(void)state;
	int status = status_of(false);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	status = status_of(true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_false(WCOREDUMP(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_would_be_dumped_is_not_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
