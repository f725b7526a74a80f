#include "os/activation.h"

#include "os/fd.h"
#include "os/icmp.h"
#include "os/packet.h"
#include "os/tcp.h"
#include "os/udp.h"
#include "os/unix.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"

static void environment(int pid, const char *fds, const char *names)
{
	char text[16];
	(void)snprintf(text, sizeof(text), "%d", pid);
	(void)setenv("LISTEN_PID", text, 1);
	(void)setenv("LISTEN_FDS", fds, 1);
	if (names)
		(void)setenv("LISTEN_FDNAMES", names, 1);
}

static bool environment_is_clean(void)
{
	return !getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES");
}

/* Opens one of each kind and moves them to 3.. */
static enum err open_all(struct ip_endpoint *ret_udp)
{
	struct ip_endpoint at = {.address = {.family = 4, .bytes = {127, 0, 0, 1}}};
	int fds[6], pair[2];
	TRY(udp_open(&at, UDP_REUSEPORT, &fds[0]));
	TRY(socket_local(fds[0], ret_udp));
	TRY(udp_open(ret_udp, UDP_REUSEPORT, &fds[1]));
	TRY(tcp_listen(&at, 0, 8, &fds[2]));
	TRY(unix_listen("@activation_test", 0600, &fds[3]));
	TRY(unix_pair(pair));
	fds[4] = pair[0];
	fds[5] = open("/dev/null", O_RDONLY);
	for (int i = 0; i < 6; i++)
		if (dup2(fds[i], 50 + i) < 0)
			return err_errno();
	for (int i = 0; i < 6; i++)
		if (dup2(50 + i, 3 + i) < 0)
			return err_errno();
	return OK;
}

static int take_all(void)
{
	struct activation a;
	struct ip_endpoint udp;
	CHILD_CHECK(!open_all(&udp));
	environment(getpid(), "6", "dns-udp:dns-udp:dns-tcp:control:pair:");
	CHILD_CHECK(!activation_take(&a));
	CHILD_CHECK(environment_is_clean());
	CHILD_CHECK(a.fds_len == 6);
	static const enum activation_kind kinds[] = {ACTIVATION_UDP,  ACTIVATION_UDP,
						     ACTIVATION_TCP,  ACTIVATION_UNIX,
						     ACTIVATION_PAIR, ACTIVATION_OTHER};
	for (size_t i = 0; i < 6; i++) {
		CHILD_CHECK(a.fds[i].fd == 3 + (int)i);
		CHILD_CHECK(a.fds[i].kind == kinds[i]);
		CHILD_CHECK(fcntl(a.fds[i].fd, F_GETFD) & FD_CLOEXEC);
		CHILD_CHECK(i == 5 || fcntl(a.fds[i].fd, F_GETFL) & O_NONBLOCK);
	}
	CHILD_CHECK(a.fds[0].local.port == udp.port && a.fds[0].local.address.family == 4);
	CHILD_CHECK(a.fds[3].local.address.family == 0);
	CHILD_CHECK(activation_find(&a, "dns-udp", 0) == &a.fds[0]);
	CHILD_CHECK(activation_find(&a, "dns-udp", 1) == &a.fds[1]);
	CHILD_CHECK(!activation_find(&a, "dns-udp", 2) && !activation_find(&a, "dns", 0));
	CHILD_CHECK(activation_find(&a, "", 0) == &a.fds[5]);
	CHILD_CHECK(activation_find_at(&a, ACTIVATION_UDP, &udp, 1) == &a.fds[1]);
	CHILD_CHECK(!activation_find_at(&a, ACTIVATION_TCP, &udp, 0));
	int taken = fd_take(&activation_find(&a, "dns-udp", 0)->fd);
	CHILD_CHECK(activation_find(&a, "dns-udp", 0) == &a.fds[1]);
	activation_done(&a);
	CHILD_CHECK(fcntl(taken, F_GETFD) >= 0 && fcntl(4, F_GETFD) < 0);
	return 0;
}

static void takes_what_was_passed(void **state)
{
	(void)state;
	assert_child(take_all, "");
}

static int take_raw(void)
{
	struct activation a;
	int packet = -1, icmp = -1;
	enum err e = packet_open(&packet);
	if (e == (enum err)EPERM)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !icmp_open(4, &icmp));
	CHILD_CHECK(dup2(packet, 50) == 50 && dup2(icmp, 51) == 51);
	CHILD_CHECK(dup2(50, 3) == 3 && dup2(51, 4) == 4);
	environment(getpid(), "2", "packet:icmp");
	CHILD_CHECK(!activation_take(&a) && a.fds_len == 2);
	for (size_t i = 0; i < 2; i++) {
		CHILD_CHECK(a.fds[i].kind == ACTIVATION_RAW && a.fds[i].local.address.family == 0);
		CHILD_CHECK(fcntl(a.fds[i].fd, F_GETFL) & O_NONBLOCK);
	}
	CHILD_CHECK(activation_find(&a, "icmp", 0) == &a.fds[1]);
	activation_done(&a);
	return 0;
}

static void takes_raw_sockets(void **state)
{
	(void)state;
	assert_child(take_raw, "only root may open raw sockets");
}

static int take_nothing(void)
{
	struct activation a;
	int fd = open("/dev/null", O_RDONLY);
	CHILD_CHECK(dup2(fd, 3) == 3);
	CHILD_CHECK(!activation_take(&a) && a.fds_len == 0);
	environment(getpid() + 1, "1", "x"); /* for our parent, inherited */
	CHILD_CHECK(!activation_take(&a) && a.fds_len == 0);
	CHILD_CHECK(environment_is_clean() && fcntl(3, F_GETFD) == 0);
	environment(getpid(), "1", NULL);
	CHILD_CHECK(!activation_take(&a) && a.fds_len == 1);
	CHILD_CHECK(strcmp(a.fds[0].name, "unknown") == 0);
	activation_done(&a);
	return 0;
}

static void leaves_what_is_for_others(void **state)
{
	(void)state;
	assert_child(take_nothing, "");
}

static int take_nonsense(void)
{
	static const struct {
		const char *fds, *names;
		enum err wanted;
	} bad[] = {{"1", "a:b", ERR_FORMAT}, {"2", "a", ERR_FORMAT},	 {"x", "a", ERR_FORMAT},
		   {"-1", "a", ERR_FORMAT},  {"99999", "a", ERR_FORMAT}, {"200", NULL, EBADF}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct activation a;
		int fd = open("/dev/null", O_RDONLY);
		CHILD_CHECK(dup2(fd, 3) == 3 && dup2(fd, 4) == 4);
		(void)unsetenv("LISTEN_FDNAMES");
		environment(getpid(), bad[i].fds, bad[i].names);
		CHILD_CHECK(activation_take(&a) == bad[i].wanted);
		CHILD_CHECK(environment_is_clean());
	}
	return 0;
}

static void refuses_variables_that_contradict_each_other(void **state)
{
	(void)state;
	assert_child(take_nonsense, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_was_passed),
		cmocka_unit_test(takes_raw_sockets),
		cmocka_unit_test(leaves_what_is_for_others),
		cmocka_unit_test(refuses_variables_that_contradict_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
