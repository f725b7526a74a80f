#include "supervisor/sockets.h"

#include "os/bpffs.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/netns.h"
#include "os/tcp.h"
#include "os/udp.h"
#include "os/unix.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"

static const struct ip_endpoint any = {.address = {.family = 4, .bytes = {127, 0, 0, 1}}};

struct bench {
	struct plan plan;
	struct plan_record records[16];
	struct socket_set set;
	char folder[64], path[96], state[96];
};

static int bench_new(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	b->plan.records = b->records;
	(void)snprintf(b->folder, sizeof(b->folder), "/tmp/gatehouse-sockets-XXXXXX");
	if (!mkdtemp(b->folder))
		return -1;
	(void)snprintf(b->path, sizeof(b->path), "%s/run/dns.sock", b->folder);
	(void)snprintf(b->state, sizeof(b->state), "%s/state", b->folder);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;
	char run[96];
	socket_set_done(&b->set, NULL);
	(void)snprintf(run, sizeof(run), "%s/run", b->folder);
	bool left = access(b->path, F_OK) == 0;
	(void)rmdir(run);
	(void)rmdir(b->state);
	int status = rmdir(b->folder);
	free(b);
	return left ? -1 : status; /* a socket's file that was left is found here */
}

/* A port that nobody has now. */
static struct ip_endpoint free_endpoint(void)
{
	struct ip_endpoint found;
	int fd = -1;
	assert_int_equal(udp_open(&any, 0, &fd), OK);
	assert_int_equal(socket_local(fd, &found), OK);
	fd_done(&fd);
	return found;
}

static void add(struct bench *b, enum plan_kind kind, const struct ip_endpoint *at, unsigned copies)
{
	assert_int_equal(plan_add_socket(&b->plan, "dns", kind, at, copies), OK);
}

static void opens_what_is_planned(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint at = free_endpoint(), found;
	assert_int_equal(plan_add_service(&b->plan, "dns", NULL), OK);
	add(b, PLAN_UDP, &at, 3);
	add(b, PLAN_TCP, &at, 2);
	assert_int_equal(plan_add_unix(&b->plan, "dns", "control", b->path, PLAN_OWNER_SELF), OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_int_equal(b->set.n, 3);
	assert_int_equal(socket_set_count(&b->set, "dns"), 6);
	assert_int_equal(socket_set_count(&b->set, "web"), 0);
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < b->set.entries[i].record.copies; j++) {
			assert_int_equal(socket_local(b->set.entries[i].fds[j], &found), OK);
			assert_true(ip_endpoint_equal(&found, &at));
		}
	int client = -1;
	assert_int_equal(unix_connect(b->path, &client), OK);
	fd_done(&client);
}

static void takes_connections_for_others_where_that_is_planned(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint at = free_endpoint();
	if (geteuid() != 0) {
		print_message("[  SKIPPED ] only root may open such a socket\n");
		skip();
	}
	assert_int_equal(plan_add_tcp(&b->plan, "web", &at, 2, PLAN_TRANSPARENT), OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_true(tcp_is_transparent(b->set.entries[0].fds[0]));
	assert_true(tcp_is_transparent(b->set.entries[0].fds[1]));
	/* Another plan: other sockets at the same place, while those of before are held. */
	struct socket_set next;
	b->plan.n = 0;
	assert_int_equal(plan_add_tcp(&b->plan, "web", &at, 2, 0), OK);
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_false(socket_set_same(&b->set, &next, "web"));
	assert_false(tcp_is_transparent(next.entries[0].fds[0]));
	socket_set_done(&b->set, &next);
	b->set = next;
}

/* Nothing is opened for it, and its coming and going is a difference. */
static void tells_what_a_service_begins_anew_for(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint at = free_endpoint();
	struct socket_set next;
	add(b, PLAN_TCP, &at, 1);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_int_equal(plan_add_anew(&b->plan, "dns", "intercept"), OK);
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_int_equal(socket_set_count(&next, "dns"), 1);
	assert_false(socket_set_same(&b->set, &next, "dns"));
	assert_true(socket_set_same(&b->set, &next, "web"));
	socket_set_done(&b->set, &next);
	b->set = next;
	assert_true(socket_set_same(&b->set, &b->set, "dns"));
}

/* What is another's stays so, also at the end. */
static void starts_without_an_optional_socket_that_another_has(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint at = free_endpoint();
	int others = -1, client = -1;
	char folder[96];
	(void)snprintf(folder, sizeof(folder), "%s/run", b->folder);
	assert_int_equal(dir_ensure(folder, 0755), OK);
	assert_int_equal(unix_listen(b->path, 0600, &others), OK);
	assert_int_equal(plan_add_unix_optional(&b->plan, "dns", "wg-wg0", b->path), OK);
	add(b, PLAN_UDP, &at, 1);
	assert_int_equal(plan_record_check(&b->plan.records[0]), OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_int_equal(socket_set_count(&b->set, "dns"), 1);
	socket_set_done(&b->set, NULL);
	assert_int_equal(unix_connect(b->path, &client), OK);
	fd_done(&client);
	fd_done(&others);
	assert_int_equal(unlink(b->path), 0);
}

static void takes_over_what_is_open(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint one = free_endpoint(), two = free_endpoint();
	struct socket_set next;
	add(b, PLAN_UDP, &one, 1);
	assert_int_equal(plan_add_unix(&b->plan, "dns", "control", b->path, PLAN_OWNER_SELF), OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	int udp = b->set.entries[0].fds[0], control = b->set.entries[1].fds[0];

	add(b, PLAN_UDP, &two, 1);
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_true(next.entries[0].fds[0] == udp && next.entries[1].fds[0] == control);
	assert_true(next.entries[2].fds[0] != udp);
	socket_set_done(&b->set, &next);
	assert_int_equal(access(b->path, F_OK), 0);
	assert_true(fcntl(udp, F_GETFD) >= 0);
	b->set = next;
}

/* Groups that this process may give files to; without root there may be one only. */
static void a_unix_socket_gets_its_group_and_another_one_where_it_stands(void **state)
{
	struct bench *b = *state;
	struct socket_set next;
	struct stat st;
	gid_t second = getegid();
	if (geteuid() == 0)
		second = 4711;
	assert_int_equal(plan_add_unix(&b->plan, "dns", "control", b->path, second), OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	int fd = b->set.entries[0].fds[0];
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_gid, second);
	assert_int_equal(st.st_mode & 0777, 0660);

	b->records[0].gid = PLAN_OWNER_SELF;
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_int_equal(next.entries[0].fds[0], fd);
	assert_true(socket_set_same(&b->set, &next, "dns")); /* no reason for another process */
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
	socket_set_done(&b->set, &next);
	b->set = next;
}

static void closes_what_is_no_longer_planned(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint at = free_endpoint();
	struct socket_set next;
	int again = -1;
	assert_int_equal(plan_add_unix(&b->plan, "dns", "control", b->path, PLAN_OWNER_SELF), OK);
	add(b, PLAN_UDP, &at, 1);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_int_not_equal(udp_open(&at, 0, &again), OK);
	b->plan.n = 0;
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_int_equal(next.n, 0);
	socket_set_done(&b->set, &next);
	b->set = next;
	assert_int_not_equal(access(b->path, F_OK), 0);
	assert_int_equal(udp_open(&at, 0, &again), OK);
	fd_done(&again);
}

/* The last of the plan cannot be opened: what was open stays, what was opened on the way goes. */
static void failure_changes_nothing(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint kept = free_endpoint(), fresh = free_endpoint(), taken = free_endpoint();
	struct socket_set next = {.n = 4711};
	int other = -1, again = -1;
	add(b, PLAN_UDP, &kept, 1);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	int fd = b->set.entries[0].fds[0];

	assert_int_equal(udp_open(&taken, 0, &other), OK);
	add(b, PLAN_UDP, &fresh, 1);
	assert_int_equal(plan_add_unix(&b->plan, "dns", "control", b->path, PLAN_OWNER_SELF), OK);
	add(b, PLAN_UDP, &taken, 1);
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), EADDRINUSE);
	assert_int_equal(next.n, 4711);
	assert_true(b->set.n == 1 && b->set.entries[0].fds[0] == fd && fcntl(fd, F_GETFD) >= 0);
	assert_int_not_equal(access(b->path, F_OK), 0);
	assert_int_equal(udp_open(&fresh, 0, &again), OK);
	fd_done(&again);
	fd_done(&other);
}

static void second_server_on_a_port_is_an_error(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint at = free_endpoint();
	struct socket_set second;
	add(b, PLAN_UDP, &at, 1);
	add(b, PLAN_TCP, &at, 1);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &second), EADDRINUSE);
}

/* `workers` was changed: the port is ours, so others may be opened beside those that still serve.
 */
static void a_reload_may_change_how_many_share_a_port(void **state)
{
	struct bench *b = *state;
	struct ip_endpoint at = free_endpoint();
	struct socket_set next;
	add(b, PLAN_UDP, &at, 1);
	add(b, PLAN_TCP, &at, 1);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	for (unsigned copies = 3; copies == 3 || copies == 1; copies -= 2) {
		b->plan.n = 0;
		add(b, PLAN_UDP, &at, copies);
		add(b, PLAN_TCP, &at, copies);
		assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
		assert_int_equal(socket_set_count(&next, "dns"), 2 * copies);
		socket_set_done(&b->set, &next);
		b->set = next;
	}
}

static void plan_state(struct bench *b, const char *path)
{
	assert_int_equal(plan_add_folder(&b->plan, "dns", PLAN_STATE, path, PLAN_OWNER_SELF,
					 PLAN_OWNER_SELF),
			 OK);
}

/* A directory is made, nothing is passed for it, and it stays when nobody wants it any more. */
static void makes_the_directory_of_a_service(void **state)
{
	struct bench *b = *state;
	struct socket_set next;
	plan_state(b, b->state);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_int_equal(access(b->state, F_OK), 0);
	assert_int_equal(socket_set_count(&b->set, "dns"), 0);
	assert_string_equal(socket_set_folder(&b->set, "dns", PLAN_STATE), b->state);
	assert_null(socket_set_folder(&b->set, "web", PLAN_STATE));
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_true(socket_set_same(&b->set, &next, "dns"));
	socket_set_done(&b->set, &next);
	b->set = next;
	/* That it has another one now, or one at all, is a reason to start it anew. */
	b->plan.n = 0;
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_false(socket_set_same(&b->set, &next, "dns"));
	assert_false(socket_set_same(&next, &b->set, "dns"));
	socket_set_done(&b->set, &next);
	b->set = next;
	assert_int_equal(access(b->state, F_OK), 0);
	plan_state(b, "/dev/null/state");
	assert_int_not_equal(socket_set_open(&b->plan, NULL, &next), OK);
}

/* Of much that a service can do without. */
static void a_folder_that_cannot_be_made_is_done_without(void **state)
{
	struct bench *b = *state;
	assert_int_equal(plan_add_folder(&b->plan, "web", PLAN_FOLDER, "/dev/null/cache",
					 PLAN_OWNER_SELF, PLAN_OWNER_SELF),
			 OK);
	assert_int_equal(plan_add_folder(&b->plan, "dns", PLAN_FOLDER, b->state, PLAN_OWNER_SELF,
					 PLAN_OWNER_SELF),
			 OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_null(socket_set_folder(&b->set, "web", PLAN_FOLDER));
	assert_string_equal(socket_set_folder(&b->set, "dns", PLAN_FOLDER), b->state);
	assert_int_equal(access(b->state, F_OK), 0);
}

/* What was written into it is there for who is started next, and it is done without where it cannot
 * be had. */
static void a_file_that_is_mapped_outlives_who_had_it(void **state)
{
	struct bench *b = *state;
	struct socket_set next;
	char path[PLAN_PATH_MAX], byte = 0;
	(void)snprintf(path, sizeof(path), "%s.gone", b->state);
	assert_int_equal(plan_add_mapped(&b->plan, "dns", "gone", path, 4096), OK);
	assert_int_equal(plan_add_mapped(&b->plan, "web", "gone", "/dev/null/x", 4096), OK);
	assert_int_equal(socket_set_open(&b->plan, NULL, &b->set), OK);
	assert_int_equal(socket_set_count(&b->set, "dns"), 1);
	assert_int_equal(socket_set_count(&b->set, "web"), 0);
	assert_int_equal(pwrite(b->set.entries[0].fds[0], "x", 1, 4095), 1);
	b->plan.n = 0;
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_false(socket_set_same(&b->set, &next, "dns"));
	socket_set_done(&b->set, &next);
	b->set = next;
	assert_int_equal(plan_add_mapped(&b->plan, "dns", "gone", path, 4096), OK);
	assert_int_equal(socket_set_open(&b->plan, &b->set, &next), OK);
	assert_int_equal(pread(next.entries[0].fds[0], &byte, 1, 4095), 1);
	assert_int_equal(byte, 'x');
	socket_set_done(&b->set, &next);
	b->set = next;
	assert_int_equal(unlink(path), 0);
}

static void raw_sockets_are_for_root(void **state)
{
	struct bench *b = *state;
	const struct ip_endpoint at = free_endpoint();
	assert_int_equal(plan_add_udp(&b->plan, "dns", "v4", &at, PLAN_BROADCAST), OK);
	assert_int_equal(plan_add_raw(&b->plan, "dns", PLAN_PACKET, "packet"), OK);
	assert_int_equal(plan_add_raw(&b->plan, "dns", PLAN_ICMP, "icmp"), OK);
	assert_int_equal(plan_add_raw(&b->plan, "dns", PLAN_ICMP6, "icmp6"), OK);
	enum err e = socket_set_open(&b->plan, NULL, &b->set);
	if (e == (enum err)EPERM) {
		print_message("skipped: this user may not open raw sockets\n");
		skip();
	}
	assert_int_equal(e, OK);
	assert_int_equal(socket_set_count(&b->set, "dns"), 4);
	static const int domains[] = {AF_INET, AF_PACKET, AF_INET, AF_INET6};
	for (size_t i = 0; i < 4; i++) {
		int domain = 0, broadcast = 0;
		socklen_t len = sizeof(int);
		int fd = b->set.entries[i].fds[0];
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len), 0);
		assert_int_equal(domain, domains[i]);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_BROADCAST, &broadcast, &len), 0);
		assert_int_equal(broadcast, i == 0);
	}
}

static void sets_are_compared_by_service(void **state)
{
	struct bench *b = *state;
	struct socket_entry a[3] = {0}, c[3] = {0};
	struct socket_set x = {.entries = a, .n = 3}, y = {.entries = c, .n = 3};
	struct ip_endpoint at = {.address = any.address, .port = 53};
	add(b, PLAN_UDP, &at, 1);
	add(b, PLAN_TCP, &at, 1);
	assert_int_equal(plan_add_socket(&b->plan, "web", PLAN_TCP, &at, 2), OK);
	for (size_t i = 0; i < 3; i++) { /* another order */
		a[i].record = b->records[i];
		c[2 - i].record = b->records[i];
	}
	assert_true(socket_set_same(&x, &y, "dns") && socket_set_same(&x, &y, "web"));
	c[2].record.endpoint.port++;
	assert_true(!socket_set_same(&x, &y, "dns") && socket_set_same(&x, &y, "web"));
	y.n = 2;
	assert_true(!socket_set_same(&x, &y, "dns") && !socket_set_same(&y, &x, "dns"));
	c[0].record.copies++;
	assert_false(socket_set_same(&x, &y, "web"));
	assert_true(socket_set_same(&x, &y, "nobody"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_new, bench_free)

static int bpf_folder(void)
{
	struct plan_record records[2];
	struct plan plan = {.records = records};
	struct socket_set set;
	struct stat st;
	if (mount_private() || mount_tmpfs("/tmp", 1 << 20, 01777))
		return CHILD_SKIPS;
	CHILD_CHECK(!plan_add_folder(&plan, "nat", PLAN_BPF, "/tmp/pins/nat", 4711, 4712));
	CHILD_CHECK(!plan_add_folder(&plan, "dns", PLAN_BPF, "/proc/none/dns", PLAN_OWNER_SELF,
				     PLAN_OWNER_SELF));
	CHILD_CHECK(!plan_record_check(&records[0]) && !socket_set_open(&plan, NULL, &set));
	const char *path = socket_set_folder(&set, "nat", PLAN_BPF);
	if (!path)
		return CHILD_SKIPS; /* not permitted */
	CHILD_CHECK(strcmp(path, "/tmp/pins/nat") == 0 && bpffs_is(path));
	CHILD_CHECK(stat(path, &st) == 0 && st.st_uid == 4711 && st.st_gid == 4712);
	CHILD_CHECK(!socket_set_folder(&set, "nat", PLAN_STATE));
	/* Where it cannot be made the others start all the same. */
	CHILD_CHECK(!socket_set_folder(&set, "dns", PLAN_BPF));
	socket_set_done(&set, NULL);
	CHILD_CHECK(access("/tmp/pins/nat", F_OK) == 0); /* what is pinned outlives us */
	return 0;
}

static void folder_for_bpf_is_made_where_it_can_be(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_child(bpf_folder, "mounts are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(failure_changes_nothing),
		TEST(second_server_on_a_port_is_an_error),
		TEST(a_reload_may_change_how_many_share_a_port),
		TEST(takes_connections_for_others_where_that_is_planned),
		TEST(tells_what_a_service_begins_anew_for),
		TEST(opens_what_is_planned),
		TEST(takes_over_what_is_open),
		TEST(starts_without_an_optional_socket_that_another_has),
		TEST(a_unix_socket_gets_its_group_and_another_one_where_it_stands),
		TEST(closes_what_is_no_longer_planned),
		TEST(sets_are_compared_by_service),
		TEST(makes_the_directory_of_a_service),
		TEST(a_folder_that_cannot_be_made_is_done_without),
		TEST(a_file_that_is_mapped_outlives_who_had_it),
		TEST(folder_for_bpf_is_made_where_it_can_be),
		TEST(raw_sockets_are_for_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
