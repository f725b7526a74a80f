#include "os/splice.h"

#include "os/fd.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* a[1] -> a[0] => pipe => b[0] -> b[1] */
static int a[2], b[2];
static struct splice_pipe p;

static int set_up(void **state)
{
	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b) != 0)
		return -1;
	return splice_open(&p) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	splice_close(&p);
	for (int i = 0; i < 2; i++) {
		fd_done(&a[i]);
		fd_done(&b[i]);
	}
	return 0;
}

static void bytes_pass_as_they_are(void **state)
{
	(void)state;
	char got[16] = {0};
	size_t n = 7;
	assert_int_equal(splice_in(&p, a[0], 100, &n), OK);
	assert_int_equal(n, 0);
	assert_int_equal(write(a[1], "hello world", 11), 11);
	assert_int_equal(splice_in(&p, a[0], 5, &n), OK);
	assert_int_equal(n, 5);
	assert_int_equal(p.held, 5);
	assert_int_equal(splice_out(&p, b[0], false, &n), OK);
	assert_int_equal(n, 5);
	assert_int_equal(p.held, 0);
	assert_int_equal(read(b[1], got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(splice_in(&p, a[0], 100, &n), OK);
	assert_int_equal(n, 6);
}

static void an_end_is_told_and_what_was_before_it_passes(void **state)
{
	(void)state;
	size_t n = 0;
	assert_int_equal(write(a[1], "x", 1), 1);
	fd_done(&a[1]);
	assert_int_equal(splice_in(&p, a[0], 100, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(splice_in(&p, a[0], 100, &n), ERR_CLOSED);
	assert_int_equal(splice_out(&p, b[0], false, &n), OK);
	assert_int_equal(n, 1);
}

static void who_is_gone_is_told(void **state)
{
	(void)state;
	sigset_t set;
	size_t n = 0;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(splice_in(&p, a[0], 100, &n), OK);
	fd_done(&b[1]);
	assert_int_equal(splice_out(&p, b[0], false, &n), ERR_CLOSED);
	assert_int_equal(p.held, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_pass_as_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_is_told_and_what_was_before_it_passes,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_is_gone_is_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
