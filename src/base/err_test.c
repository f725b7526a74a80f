#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void has_a_text_for_every_error(void **state)
{
	(void)state;
	for (int e = -5; e < 1100; e++) {
		const char *text = err_text((enum err)e);
		assert_non_null(text);
		assert_true(strlen(text) > 0);
	}
	assert_string_equal(err_text(OK), "success");
	assert_string_equal(err_text((enum err)ENOENT), "No such file or directory");
	assert_string_equal(err_text((enum err)5000), "unknown error");
}

static void gives_own_errors_distinct_texts(void **state)
{
	(void)state;
	for (int a = ERR_FORMAT; a <= ERR_ABSENT; a++) {
		assert_string_not_equal(err_text((enum err)a), "unknown error");
		for (int b = ERR_FORMAT; b < a; b++)
			assert_string_not_equal(err_text((enum err)a), err_text((enum err)b));
	}
}

static void never_takes_an_empty_errno_for_success(void **state)
{
	(void)state;
	errno = 0;
	assert_int_equal(err_errno(), EIO);
	errno = EAGAIN;
	assert_int_equal(err_errno(), EAGAIN);
}

static enum err tries(enum err first, bool *ret_went_on)
{
	TRY(first);
	*ret_went_on = true;
	return ERR_ABSENT;
}

static void try_returns_the_first_error_only(void **state)
{
	(void)state;
	bool went_on = false;
	assert_int_equal(tries(ERR_LIMIT, &went_on), ERR_LIMIT);
	assert_false(went_on);
	assert_int_equal(tries(OK, &went_on), ERR_ABSENT);
	assert_true(went_on);
}

struct thing {
	int *frees;
};

static void thing_free(struct thing *t)
{
	if (t)
		++*t->frees;
}
DEFINE_AUTO(struct thing, thing_free)

static void thing_done(struct thing *t)
{
	++*t->frees;
}

static struct thing *makes(struct thing *t, bool hand_over)
{
	AUTO(thing_free) struct thing *mine = t;
	return hand_over ? TAKE(mine) : NULL;
}

static void auto_frees_what_was_not_taken(void **state)
{
	(void)state;
	int frees = 0;
	struct thing thing = {&frees};
	assert_null(makes(&thing, false));
	assert_int_equal(frees, 1);
	assert_ptr_equal(makes(&thing, true), &thing);
	assert_int_equal(frees, 1);
	{
		AUTO_DONE(thing_done) struct thing inner = {&frees};
		(void)inner;
	}
	assert_int_equal(frees, 2);
}

static int status_of_assert(bool cond)
{
	pid_t child = fork();
	if (child == 0) {
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		ASSERT(cond);
		_exit(7);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void assert_ends_the_process_only_when_false(void **state)
{
	(void)state;
	int status = status_of_assert(false);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	status = status_of_assert(true);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_a_text_for_every_error),
		cmocka_unit_test(gives_own_errors_distinct_texts),
		cmocka_unit_test(never_takes_an_empty_errno_for_success),
		cmocka_unit_test(try_returns_the_first_error_only),
		cmocka_unit_test(auto_frees_what_was_not_taken),
		cmocka_unit_test(assert_ends_the_process_only_when_false),
	};
	return cmocka_run_group_tests_name("base_err", tests, NULL, NULL);
}
