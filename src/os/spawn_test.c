#include "os/spawn.h"

#include "os/activation.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/netns.h"
#include "os/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"

/* ---- what the children do: this very program, started with a verb ---- */

static int print_activation(void)
{
	struct activation a;
	if (activation_take(&a))
		return 9;
	for (size_t i = 0; i < a.fds_len; i++) {
		struct stat st;
		(void)fstat(a.fds[i].fd, &st);
		printf("%s=%lu ", a.fds[i].name, (unsigned long)st.st_ino);
	}
	for (int fd = 3 + (int)a.fds_len; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("leaked %d", fd);
	activation_done(&a);
	return 0;
}

static int print_state(void)
{
	sigset_t mask;
	struct sigaction action;
	int death = 0;
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	(void)sigaction(SIGPIPE, NULL, &action);
	(void)prctl(PR_GET_PDEATHSIG, &death);
	printf("uid %u gid %u groups %d term %d pipe %d death %d group %d added %s own %s listen "
	       "%s",
	       getuid(), getgid(), getgroups(0, NULL), sigismember(&mask, SIGTERM),
	       action.sa_handler == SIG_DFL, death, getpgrp() == getpid(),
	       getenv("ADDED") ? getenv("ADDED") : "-", getenv("OWN") ? getenv("OWN") : "-",
	       getenv("LISTEN_FDS") ? "set" : "-");
	return 0;
}

static int child_main(const char *verb)
{
	if (strcmp(verb, "activation") == 0)
		return print_activation();
	if (strcmp(verb, "state") == 0)
		return print_state();
	if (strcmp(verb, "seven") == 0)
		return 7;
	if (strcmp(verb, "sleep") == 0)
		return (int)sleep(60);
	if (strcmp(verb, "flood") == 0)
		for (;;)
			if (puts("flood") < 0)
				return 1;
	if (strcmp(verb, "net") == 0) {
		struct stat st;
		(void)stat("/proc/self/ns/net", &st);
		printf("%lu", (unsigned long)st.st_ino);
		return 0;
	}
	return 8;
}

/* ---- tests ---- */

static struct spawn self(const char *const *argv)
{
	struct spawn s = SPAWN_INIT;
	s.argv = argv;
	return s;
}
#define SELF(verb) self((const char *const[]){"spawn_test", "--child", verb, NULL})

static void output_is(const struct spawn *s, const char *wanted)
{
	char *text = NULL;
	size_t len = 0;
	struct spawn_end end;
	assert_int_equal(spawn_capture(s, 4096, 20000, &text, &len, &end), OK);
	assert_string_equal(text, wanted);
	assert_int_equal(strlen(text), len);
	assert_false(end.signalled);
	assert_int_equal(end.code, 0);
	free(text);
}

static void passes_descriptors_by_name_and_no_others(void **state)
{
	(void)state;
	int a[2], b[2];
	struct stat st[4];
	char wanted[256];
	assert_int_equal(pipe(a), 0); /* not close-on-exec, and not for the child */
	assert_int_equal(pipe(b), 0);
	/* In an order that no shifting in place survives. */
	const struct spawn_fd fds[] = {
		{b[1], "dns-udp"}, {a[0], "dns-udp"}, {b[0], "dns-tcp"}, {a[1], "pair"}};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fstat(fds[i].fd, &st[i]), 0);
	(void)snprintf(wanted, sizeof(wanted), "dns-udp=%lu dns-udp=%lu dns-tcp=%lu pair=%lu ",
		       (unsigned long)st[0].st_ino, (unsigned long)st[1].st_ino,
		       (unsigned long)st[2].st_ino, (unsigned long)st[3].st_ino);
	struct spawn s = SELF("activation");
	s.fds = fds;
	s.fds_len = 4;
	output_is(&s, wanted);
	s.fds_len = 0;
	output_is(&s, "");
	for (int i = 0; i < 2; i++) {
		fd_done(&a[i]);
		fd_done(&b[i]);
	}
}

static void child_begins_clean(void **state)
{
	(void)state;
	static const char *const added[] = {"ADDED=yes", NULL};
	char wanted[256];
	sigset_t mask, before;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &mask, &before);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setenv("OWN", "ours", 1);
	(void)setenv("ADDED", "overridden", 1);
	(void)setenv("LISTEN_FDS", "3", 1);
	struct spawn s = SELF("state");
	s.environment = added;
	(void)snprintf(wanted, sizeof(wanted),
		       "uid %u gid %u groups %d term 0 pipe 1 death 9 group 1 added yes own ours "
		       "listen -",
		       getuid(), getgid(), getgroups(0, NULL));
	output_is(&s, wanted);
	s.environment_clear = true;
	s.environment = NULL;
	s.outlive = true;
	s.terminal = true;
	(void)snprintf(wanted, sizeof(wanted),
		       "uid %u gid %u groups %d term 0 pipe 1 death 0 group 0 added - own - "
		       "listen -",
		       getuid(), getgid(), getgroups(0, NULL));
	output_is(&s, wanted);
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("ADDED");
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
}

static void child_takes_another_user_and_still_dies_with_us(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root may change the user\n");
		skip();
	}
	struct spawn s = SELF("state");
	s.user = "65534:65533";
	output_is(&s, "uid 65534 gid 65533 groups 0 term 0 pipe 1 death 9 group 1 added - own ours "
		      "listen -");
	struct spawn_child child;
	s.user = "no-such-user-here";
	assert_int_equal(spawn_start(&s, &child), ERR_ABSENT);
}

static void error_on_the_way_to_exec_is_told(void **state)
{
	(void)state;
	struct spawn_child child;
	struct spawn s = SELF("seven");
	s.path = "/no/such/program";
	assert_int_equal(spawn_start(&s, &child), ENOENT);
	s.path = "/";
	assert_int_equal(spawn_start(&s, &child), EACCES);
	s.path = NULL;
	s.directory = "/no/such/directory";
	assert_int_equal(spawn_start(&s, &child), ENOENT);
}

static void end_is_collected(void **state)
{
	(void)state;
	struct spawn_child child;
	struct spawn_end end;
	struct spawn s = SELF("seven");
	assert_int_equal(spawn_start(&s, &child), OK);
	struct pollfd p = {.fd = child.pidfd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(spawn_collect(&child, 0, &end), OK);
	assert_false(end.signalled);
	assert_int_equal(end.code, 7);
	assert_int_equal(child.pid, 0);

	struct spawn sleeper = SELF("sleep");
	assert_int_equal(spawn_start(&sleeper, &child), OK);
	assert_int_equal(spawn_collect(&child, 0, &end), EAGAIN);
	assert_int_equal(spawn_collect(&child, 20, &end), EAGAIN);
	assert_int_equal(spawn_signal(&child, SIGTERM), OK);
	assert_int_equal(spawn_collect(&child, -1, &end), OK);
	assert_true(end.signalled);
	assert_int_equal(end.code, SIGTERM);
}

static void capture_has_bounds(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len;
	struct spawn_end end;
	struct spawn s = SELF("flood");
	assert_int_equal(spawn_capture(&s, 100000, 20000, &text, &len, &end), ERR_LIMIT);
	s = SELF("sleep");
	uint64_t start_ms = clock_monotonic_ms();
	assert_int_equal(spawn_capture(&s, 100, 50, &text, &len, &end), ETIMEDOUT);
	assert_true(clock_monotonic_ms() - start_ms < 5000);
	s = SELF("seven");
	assert_int_equal(spawn_capture(&s, 100, 20000, &text, &len, &end), OK);
	assert_int_equal(end.code, 7);
	assert_int_equal(len, 0);
	free(text);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left behind */
}

/* A grandchild must not survive its parent: the lab leaves nothing behind, also after kill -9. */
static void child_dies_with_its_parent(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fflush(NULL);
	pid_t parent = fork();
	if (parent == 0) {
		struct spawn s = SELF("sleep");
		struct spawn_child child;
		s.stdout_fd = ends[1]; /* open as long as the grandchild lives */
		(void)!write(ends[1], spawn_start(&s, &child) ? "n" : "y", 1);
		(void)raise(SIGKILL);
	}
	fd_done(&ends[1]);
	char answer = 0;
	assert_int_equal(read(ends[0], &answer, 1), 1);
	assert_int_equal(answer, 'y');
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(ends[0], &answer, 1), 0);
	fd_done(&ends[0]);
}

static void child_is_put_into_the_network_namespace(void **state)
{
	(void)state;
	int ns = -1;
	struct stat st;
	char wanted[32];
	enum err e = netns_new(&ns);
	if (e) {
		print_message("skipped: network namespaces: %s\n", err_text(e));
		skip();
	}
	assert_int_equal(fstat(ns, &st), 0);
	(void)snprintf(wanted, sizeof(wanted), "%lu", (unsigned long)st.st_ino);
	struct spawn s = SELF("net");
	s.netns_fd = ns;
	output_is(&s, wanted);
	fd_done(&ns);
}

static int replace_self(void)
{
	struct spawn s = SELF("seven");
	CHILD_CHECK(!spawn_replace(&s));
	return 1;
}

static void replaces_this_process(void **state)
{
	(void)state;
	assert_int_equal(child_run(replace_self), 7);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--child") == 0)
		return child_main(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_descriptors_by_name_and_no_others),
		cmocka_unit_test(child_begins_clean),
		cmocka_unit_test(child_takes_another_user_and_still_dies_with_us),
		cmocka_unit_test(error_on_the_way_to_exec_is_told),
		cmocka_unit_test(end_is_collected),
		cmocka_unit_test(capture_has_bounds),
		cmocka_unit_test(child_dies_with_its_parent),
		cmocka_unit_test(child_is_put_into_the_network_namespace),
		cmocka_unit_test(replaces_this_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
