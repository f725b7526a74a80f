/* For tests that change their process for good: runs a function in a forked child. Knows nothing of
 * what it tests; asserts belong to the parent, so the function returns a number that says where it
 * stopped. */
#ifndef OS_CHILD_TEST_H
#define OS_CHILD_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child returns when this machine does not let it try. */
enum { CHILD_SKIPS = 77 };

/* The child's number, or -signal. */
static inline int child_run(int (*run)(void))
{
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(run());
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* In a child: stops with the number of the line that did not hold. */
#define CHILD_CHECK(cond)                                                                          \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);   \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

/* In a test: runs it, skips with the reason when it could not try, and fails when it failed. */
#define assert_child(run, reason)                                                                  \
	do {                                                                                       \
		int child_ = child_run(run);                                                       \
		if (child_ == CHILD_SKIPS) {                                                       \
			print_message("skipped: %s\n", reason);                                    \
			skip();                                                                    \
		}                                                                                  \
		assert_int_equal(child_, 0);                                                       \
	} while (0)

#endif
