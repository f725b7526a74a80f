#include "os/netlink.h"

#include "os/fd.h"
#include "os/file.h"
#include "os/netns.h"
#include "os/tcp.h"
#include "os/udp.h"
#include "os/user.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"

static const struct ip_address left4 = {.family = 4, .bytes = {10, 9, 1, 1}};
static const struct ip_address right4 = {.family = 4, .bytes = {10, 9, 1, 2}};
static const struct ip_address left6 = {.family = 6, .bytes = {0xfd, 9, [15] = 1}};
static const struct ip_address right6 = {.family = 6, .bytes = {0xfd, 9, [15] = 2}};
static const struct ip_address far4 = {.family = 4, .bytes = {198, 51, 100, 7}};
static const struct ip_address any4 = {.family = 4};

/* As root in a new network namespace, or as anybody in a new user namespace first. */
static enum err isolate(int *ret_other)
{
	int ours = -1;
	if (!user_is_root())
		TRY(userns_enter());
	TRY(netns_new(&ours));
	TRY(netns_enter(ours));
	return netns_new(ret_other);
}

static bool may_not(enum err e)
{
	return e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOSPC ||
	       e == (enum err)ENOSYS;
}

/* Asks at `to`, from `client_ns` to a server in this namespace. */
static int journey(int client_ns, const struct ip_address *to)
{
	struct ip_endpoint at = {.address = *to, .port = 53};
	struct udp_socket socket;
	int server = -1, client = -1, here = -1;
	char text[8];
	size_t len;
	struct ip_endpoint from;
	CHILD_CHECK(!netns_of(0, &here) && !udp_open(&at, 0, &server));
	CHILD_CHECK(!udp_prepare(server, 0, &socket));
	CHILD_CHECK(!netns_enter(client_ns));
	CHILD_CHECK(!udp_connect(&at, NULL, 0, &client) && !udp_write(client, span_text("q")));
	struct pollfd p = {.fd = server, .events = POLLIN};
	CHILD_CHECK(poll(&p, 1, 2000) == 1);
	CHILD_CHECK(!udp_receive_one(&socket, text, sizeof(text), &len, &from, NULL) && len == 1);
	CHILD_CHECK(!netns_enter(here));
	fd_done(&here);
	fd_done(&client);
	fd_done(&server);
	return 0;
}

static int topology(void)
{
	int other = -1, here = -1;
	uint32_t index = 0;
	enum err e = isolate(&other);
	if (may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_of(0, &here));
	CHILD_CHECK(!link_up("lo") && !link_add_veth("v0", "eth0", other));
	CHILD_CHECK(link_add_veth("v0", "eth1", -1) == (enum err)EEXIST);
	CHILD_CHECK(link_index("eth0", &index) == (enum err)ENODEV);
	CHILD_CHECK(!link_rename("v0", "up0") && !link_index("up0", &index) && index > 1);
	CHILD_CHECK(!link_add_bridge("br0") && !link_set_master("up0", "br0"));
	CHILD_CHECK(!link_set_mtu("br0", 1400) && !link_up("up0") && !link_up("br0"));
	CHILD_CHECK(!address_add("br0", &left4, 24) && !address_add("br0", &left6, 64));
	CHILD_CHECK(address_add("br0", &left4, 24) == (enum err)EEXIST);
	CHILD_CHECK(!netns_enter(other));
	CHILD_CHECK(!link_index("eth0", &index) && !link_up("eth0"));
	CHILD_CHECK(!address_add("eth0", &right4, 24) && !address_add("eth0", &right6, 64));
	CHILD_CHECK(!route_add(&any4, 0, &left4, NULL));
	CHILD_CHECK(route_add(&any4, 0, &left4, NULL) == (enum err)EEXIST);
	CHILD_CHECK(!netns_enter(here));
	CHILD_CHECK(journey(other, &left4) == 0 && journey(other, &left6) == 0);
	/* Another address of ours, which only the default route of the other side leads to. */
	CHILD_CHECK(!link_add_bridge("d0") && !link_up("d0") && !address_add("d0", &far4, 32));
	CHILD_CHECK(journey(other, &far4) == 0);
	CHILD_CHECK(!netns_enter(other) && !route_delete(&any4, 0, &left4, NULL));
	CHILD_CHECK(route_delete(&any4, 0, &left4, NULL) == (enum err)ESRCH);
	CHILD_CHECK(!route_add(&far4, 32, NULL, "eth0") && !netns_enter(here));
	CHILD_CHECK(journey(other, &far4) == 0);
	CHILD_CHECK(!address_delete("d0", &far4, 32) && !link_down("d0") && !link_delete("d0"));
	CHILD_CHECK(link_delete("d0") == (enum err)ENODEV);
	CHILD_CHECK(!link_add_veth("m0", "m1", -1) && !link_move("m0", other));
	CHILD_CHECK(link_up("m0") == (enum err)ENODEV && !netns_enter(other) && !link_up("m0"));
	e = link_add_dummy("dummy0"); /* some kernels are built without */
	CHILD_CHECK(e == (enum err)EOPNOTSUPP || (!e && !link_up("dummy0")));
	return 0;
}

static void builds_a_small_network(void **state)
{
	(void)state;
	assert_child(topology, "network namespaces are not permitted");
}

static void refuses_names_that_no_link_may_have(void **state)
{
	(void)state;
	uint32_t index;
	assert_int_equal(link_index("", &index), ERR_FORMAT);
	assert_int_equal(link_index("sixteen-letters-", &index), ERR_FORMAT);
	assert_int_equal(link_add_bridge("a/b"), ERR_FORMAT);
	assert_int_equal(link_up("no-such-link"), ENODEV);
}

/* The same as an ordinary user. */
static int as_ordinary_user(void)
{
	const struct user nobody = {65534, 65534};
	if (user_is_root())
		CHILD_CHECK(!user_become(nobody, false));
	CHILD_CHECK(!user_is_root());
	/* A change of user takes our own /proc files from us; who logged in as that user has them.
	 */
	CHILD_CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	enum err e = userns_enter();
	if (may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && user_is_root());
	return topology();
}

static void ordinary_user_can_do_it_in_a_user_namespace(void **state)
{
	(void)state;
	assert_child(as_ordinary_user, "user namespaces are not permitted");
}

static int bind_names(void)
{
	char directory[] = "/tmp/netns_test.XXXXXX", path[64];
	int ns = -1, again = -1, here = -1;
	struct stat a, b;
	CHILD_CHECK(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/name", directory);
	enum err e = netns_new(&ns);
	if (!e)
		e = mount_private();
	if (may_not(e)) {
		(void)rmdir(directory);
		return CHILD_SKIPS;
	}
	CHILD_CHECK(!e && !netns_bind(ns, path));
	CHILD_CHECK(netns_bind(ns, path) == (enum err)EEXIST);
	CHILD_CHECK(fstat(ns, &a) == 0);
	fd_done(&ns);
	CHILD_CHECK(!netns_open(path, &again) && fstat(again, &b) == 0 && a.st_ino == b.st_ino);
	CHILD_CHECK(!netns_enter(again) && !netns_of(getpid(), &here));
	CHILD_CHECK(fstat(here, &b) == 0 && a.st_ino == b.st_ino);
	CHILD_CHECK(!netns_unbind(path) && !netns_unbind(path) && access(path, F_OK) < 0);
	CHILD_CHECK(rmdir(directory) == 0);
	return 0;
}

static void namespace_can_have_a_name(void **state)
{
	(void)state;
	assert_child(bind_names, "namespaces are not permitted");
}

static int mounts(void)
{
	char directory[] = "/tmp/mount_test.XXXXXX", from[64], at[64], file[80];
	CHILD_CHECK(mkdtemp(directory));
	(void)snprintf(from, sizeof(from), "%s/from", directory);
	(void)snprintf(at, sizeof(at), "%s/at", directory);
	CHILD_CHECK(!dir_ensure(from, 0755) && !dir_ensure(at, 0755));
	enum err e = user_is_root() ? mount_private() : userns_enter();
	if (may_not(e))
		return dir_remove(directory) ? 1 : CHILD_SKIPS;
	CHILD_CHECK(!e && !mount_bind_read_only(from, at));
	(void)snprintf(file, sizeof(file), "%s/x", at);
	CHILD_CHECK(file_write_atomic(file, span_text("x"), 0644) == (enum err)EROFS);
	(void)snprintf(file, sizeof(file), "%s/x", from);
	CHILD_CHECK(!file_write_atomic(file, span_text("x"), 0644));
	(void)snprintf(file, sizeof(file), "%s/x", at);
	CHILD_CHECK(access(file, F_OK) == 0 && !mount_remove(at) && access(file, F_OK) < 0);
	CHILD_CHECK(!mount_tmpfs(at, 1 << 16, 0700) && !file_write_atomic(file, span_text("t"), 0));
	CHILD_CHECK(!mount_remove(at) && !mount_remove(at) && access(file, F_OK) < 0);
	CHILD_CHECK(!dir_remove(directory));
	return 0;
}

static void mounts_are_ours_alone(void **state)
{
	(void)state;
	assert_child(mounts, "mounts are not permitted");
}

/* `lab shell`: into the namespaces of a process that lives there. */
static int enter_process(void)
{
	int there = -1, pipes[2], mine = -1;
	struct stat a, b;
	char byte;
	CHILD_CHECK(pipe(pipes) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		enum err e = isolate(&there);
		if (!e)
			e = netns_enter(there);
		(void)!write(pipes[1], e ? "n" : "y", 1);
		(void)pause();
		_exit(0);
	}
	int result = 1;
	CHILD_CHECK(read(pipes[0], &byte, 1) == 1);
	if (byte == 'n') {
		result = CHILD_SKIPS;
	} else if (!netns_of(pid, &there) && !namespaces_enter(pid) && !netns_of(0, &mine) &&
		   fstat(there, &a) == 0 && fstat(mine, &b) == 0 && a.st_ino == b.st_ino) {
		result = 0;
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return result;
}

static void enters_the_namespaces_of_a_process(void **state)
{
	(void)state;
	assert_child(enter_process, "namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_names_that_no_link_may_have),
		cmocka_unit_test(builds_a_small_network),
		cmocka_unit_test(ordinary_user_can_do_it_in_a_user_namespace),
		cmocka_unit_test(namespace_can_have_a_name),
		cmocka_unit_test(mounts_are_ours_alone),
		cmocka_unit_test(enters_the_namespaces_of_a_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
