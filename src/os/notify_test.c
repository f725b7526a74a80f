#include "os/notify.h"

#include "os/fd.h"
#include "os/unix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"

static int listener = -1;
static char address[64];

static int listen_abstract(void **state)
{
	(void)state;
	(void)snprintf(address, sizeof(address), "@notify_test.%d", getpid());
	return notify_listen(address, &listener) != OK;
}

static int stop(void **state)
{
	(void)state;
	fd_done(&listener);
	return 0;
}

static struct notify open_notify(const char *at)
{
	struct notify n;
	(void)setenv("NOTIFY_SOCKET", at, 1);
	assert_int_equal(notify_open(&n), OK);
	return n;
}

static void hears_what_a_service_says(void **state)
{
	(void)state;
	static const char *const keys[] = {"READY", "RELOADING", "STOPPING"};
	struct notify n = open_notify(address);
	struct notify_message m;
	struct span value;
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_int_equal(notify_receive(listener, &m), EAGAIN);
	assert_int_equal(notify_ready(&n), OK);
	assert_int_equal(notify_reloading(&n), OK);
	assert_int_equal(notify_stopping(&n), OK);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(notify_receive(listener, &m), OK);
		assert_int_equal(m.pid, getpid());
		assert_int_equal(m.uid, getuid());
		assert_true(notify_field(&m, keys[i], &value));
		assert_true(span_is(value, "1"));
		assert_false(notify_field(&m, "READ", &value));
		uint64_t us;
		assert_int_equal(notify_field(&m, "MONOTONIC_USEC", &value), i == 1);
		if (i == 1)
			assert_true(span_to_u64(value, UINT64_MAX, &us) && us > 0);
	}
	notify_done(&n);
}

static void readiness_waits_for_a_full_ear(void **state)
{
	(void)state;
	struct notify n = open_notify(address);
	struct notify_message m;
	struct span value;
	size_t sent = 0;
	while (notify_status(&n, "starts") == OK)
		assert_true(++sent < 100000);
	assert_int_equal(notify_ready(&n), EAGAIN); /* a deaf one does not stop a service */
	assert_int_equal(notify_reloaded(&n), EAGAIN);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)usleep(20000);
		_exit(notify_receive(listener, &m) ? 1 : 0);
	}
	int status;
	assert_int_equal(notify_ready(&n), OK);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (size_t i = 1; i < sent; i++)
		assert_int_equal(notify_receive(listener, &m), OK);
	assert_int_equal(notify_receive(listener, &m), OK);
	assert_true(notify_field(&m, "READY", &value));
	assert_int_equal(notify_receive(listener, &m), EAGAIN);
	notify_done(&n);
}

static void status_is_one_line(void **state)
{
	(void)state;
	char text[600];
	struct notify n = open_notify(address);
	struct notify_message m;
	struct span value;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[3] = '\n';
	assert_int_equal(notify_status(&n, text), OK);
	assert_int_equal(notify_receive(listener, &m), OK);
	assert_true(notify_field(&m, "STATUS", &value));
	assert_int_equal(value.len, 400);
	assert_int_equal(value.data[3], ' ');
	notify_done(&n);
}

static int say_ready(void)
{
	struct notify n;
	CHILD_CHECK(!notify_open(&n) && !notify_ready(&n));
	return 0;
}

static void tells_which_child_spoke(void **state)
{
	(void)state;
	struct notify_message m;
	(void)setenv("NOTIFY_SOCKET", address, 1);
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(say_ready());
	(void)unsetenv("NOTIFY_SOCKET");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(notify_receive(listener, &m), OK);
	assert_int_equal(m.pid, pid);
}

static void overlong_is_passed_over(void **state)
{
	(void)state;
	char text[NOTIFY_TEXT_MAX + 2];
	struct notify n = open_notify(address);
	struct notify_message m;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(notify_send(&n, text), OK);
	assert_int_equal(notify_send(&n, "X=1"), OK);
	assert_int_equal(notify_receive(listener, &m), OK);
	assert_string_equal(m.text, "X=1");
	notify_done(&n);
}

static void works_over_a_path(void **state)
{
	(void)state;
	char path[64];
	int fd = -1;
	struct notify_message m;
	(void)snprintf(path, sizeof(path), "/tmp/notify_test.%d", getpid());
	assert_int_equal(notify_listen(path, &fd), OK);
	fd_done(&fd);
	assert_int_equal(notify_listen(path, &fd), OK); /* over the one left behind */
	struct notify n = open_notify(path);
	assert_int_equal(notify_ready(&n), OK);
	assert_int_equal(notify_receive(fd, &m), OK);
	notify_done(&n);
	fd_done(&fd);
	(void)unlink(path);
}

static void without_a_listener_nothing_is_said(void **state)
{
	(void)state;
	struct notify n;
	(void)unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_open(&n), OK);
	assert_int_equal(n.fd, -1);
	assert_int_equal(notify_ready(&n), OK);
	notify_done(&n);
	(void)setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_open(&n), ERR_FORMAT);
	(void)setenv("NOTIFY_SOCKET", "/tmp/nobody-listens-here", 1);
	assert_int_equal(notify_open(&n), ENOENT);
	(void)unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_what_a_service_says),
		cmocka_unit_test(readiness_waits_for_a_full_ear),
		cmocka_unit_test(status_is_one_line),
		cmocka_unit_test(tells_which_child_spoke),
		cmocka_unit_test(overlong_is_passed_over),
		cmocka_unit_test(works_over_a_path),
		cmocka_unit_test(without_a_listener_nothing_is_said),
	};
	return cmocka_run_group_tests(tests, listen_abstract, stop);
}
