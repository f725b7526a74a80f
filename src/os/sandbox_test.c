/* why-long: every layer, tried by children in one tree. */
#include "os/sandbox.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/log.h"
#include "os/loop.h"
#include "os/spawn.h"
#include "os/tcp.h"
#include "os/thread.h"
#include "os/udp.h"
#include "os/user.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "os/child_test.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A tree that all of the world may enter:  in/file  out/file  state/ */
static char tree[] = "/tmp/sandbox_test.XXXXXX";
static char in_dir[64], in_file[64], out_file[64], state_dir[64], state_file[64], state_file2[64];
static const char *read_paths[] = {in_dir, "/no/such/path", NULL};
static const char *write_paths[] = {state_dir, NULL};

static bool put(const char *path, const char *text)
{
	return !file_write_atomic(path, span_text(text), 0644);
}

static int make_tree(void **state)
{
	(void)state;
	char out_dir[64];
	if (!mkdtemp(tree))
		return -1;
	(void)snprintf(in_dir, sizeof(in_dir), "%s/in", tree);
	(void)snprintf(out_dir, sizeof(out_dir), "%s/out", tree);
	(void)snprintf(state_dir, sizeof(state_dir), "%s/state", tree);
	(void)snprintf(in_file, sizeof(in_file), "%s/in/file", tree);
	(void)snprintf(out_file, sizeof(out_file), "%s/out/file", tree);
	(void)snprintf(state_file, sizeof(state_file), "%s/state/file", tree);
	(void)snprintf(state_file2, sizeof(state_file2), "%s/state/file2", tree);
	if (dir_ensure(in_dir, 0755) || dir_ensure(out_dir, 0777) || dir_ensure(state_dir, 0777))
		return -1;
	(void)syscall(SYS_chmod, tree, 0755);
	(void)syscall(SYS_chmod, out_dir, 0777);
	(void)syscall(SYS_chmod, state_dir, 0777);
	return put(in_file, "in") && put(out_file, "out") ? 0 : -1;
}

static int remove_tree(void **state)
{
	(void)state;
	return dir_remove(tree) != OK;
}

static enum err try_read(const char *path)
{
	char *text = NULL;
	size_t len;
	TRY(file_read(path, 1 << 20, &text, &len));
	free(text);
	return OK;
}

static enum err try_create(const char *path)
{
	AUTO_DONE(fd_done) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? err_errno() : OK;
}

static struct sandbox service(void)
{
	return (struct sandbox){.profile = SANDBOX_NET_SERVICE,
				.view = SANDBOX_VIEW_AS_IS,
				.read_paths = read_paths,
				.write_paths = write_paths};
}

/* ---- the first step ---- */

static int lose_user_and_capabilities(void)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	int death = 0;
	if (!user_is_root())
		return CHILD_SKIPS;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	s.user = "65534:65533";
	CHILD_CHECK(!sandbox_enter_early(&s, &r));
	CHILD_CHECK(geteuid() == 65534 && getuid() == 65534 && getegid() == 65533);
	CHILD_CHECK(getgroups(0, NULL) == 0);
	CHILD_CHECK(r.uid == 65534 && r.gid == 65533 && r.capabilities == 0);
	CHILD_CHECK(sandbox_report_has(&r, SANDBOX_LAYER_USER));
	CHILD_CHECK(sandbox_report_has(&r, SANDBOX_LAYER_CAPABILITIES));
	CHILD_CHECK(sandbox_report_has(&r, SANDBOX_LAYER_NO_PRIVILEGES));
	CHILD_CHECK(!sandbox_report_has(&r, SANDBOX_LAYER_MOUNTS));
	CHILD_CHECK(setresuid(0, 0, 0) < 0);
	CHILD_CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	for (unsigned long c = 0; c < 40; c++)
		CHILD_CHECK(prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 0);
	CHILD_CHECK(try_read("/etc/shadow") == (enum err)EACCES);
	(void)prctl(PR_GET_PDEATHSIG, &death);
	CHILD_CHECK(death == SIGTERM);
	return 0;
}

static void user_and_capabilities_are_gone(void **state)
{
	(void)state;
	assert_child(lose_user_and_capabilities, "not root");
}

static enum err bind_low_port(void)
{
	struct ip_endpoint at = {.address = {.family = 4, .bytes = {127, 77, 1, 2}}, .port = 1};
	AUTO_DONE(fd_done) int fd = -1;
	return tcp_listen(&at, 0, 1, &fd);
}

static int keep_one(uint64_t keep)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	if (!user_is_root())
		return CHILD_SKIPS;
	s.user = "65534";
	s.capabilities_keep = keep;
	CHILD_CHECK(!sandbox_enter_early(&s, &r));
	CHILD_CHECK(r.capabilities == keep);
	CHILD_CHECK(bind_low_port() == (keep ? OK : (enum err)EACCES));
	return 0;
}

static int keep_bind(void)
{
	return keep_one(SANDBOX_CAP_NET_BIND_SERVICE);
}

static int keep_none(void)
{
	return keep_one(0);
}

static void named_capability_is_kept(void **state)
{
	(void)state;
	assert_child(keep_bind, "not root");
	assert_child(keep_none, "not root");
}

static int unknown_user(void)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	if (!user_is_root())
		return CHILD_SKIPS;
	s.user = "no-such-user-here";
	CHILD_CHECK(sandbox_enter_early(&s, &r) == ERR_ABSENT);
	return 0;
}

static void unknown_user_is_an_error(void **state)
{
	(void)state;
	assert_child(unknown_user, "not root");
}

static int view_read_only(void)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	char directory[128];
	if (!user_is_root())
		return CHILD_SKIPS;
	s.view = SANDBOX_VIEW_READ_ONLY;
	CHILD_CHECK(chdir(state_dir) == 0);
	CHILD_CHECK(!sandbox_enter_early(&s, &r));
	if (!sandbox_report_has(&r, SANDBOX_LAYER_MOUNTS))
		return CHILD_SKIPS;
	CHILD_CHECK(!try_read(in_file) && !try_read(out_file));
	CHILD_CHECK(try_create(in_file) == (enum err)EROFS);
	CHILD_CHECK(try_create("/etc/sandbox_test") == (enum err)EROFS);
	CHILD_CHECK(!try_create(state_file) && !try_create("relative"));
	CHILD_CHECK(!try_create("/dev/null"));
	CHILD_CHECK(getcwd(directory, sizeof(directory)) && strcmp(directory, state_dir) == 0);
	return 0;
}

/* A folder that only root may enter: the default user cannot be used there, any other is obeyed. */
static void default_user_yields_where_he_cannot_read(void **state)
{
	(void)state;
	char folder[] = "/tmp/sandbox_test.XXXXXX", path[64];
	if (!user_is_root())
		skip();
	assert_non_null(mkdtemp(folder)); /* 0700 */
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(file_write_atomic(path, span_text("x"), 0644), OK);
	const char *hidden = sandbox_user_for(SANDBOX_USER_DEFAULT, path);
	const char *named = sandbox_user_for("nobody", path);
	assert_int_equal(chmod(folder, 0755), 0);
	const char *seen = sandbox_user_for(SANDBOX_USER_DEFAULT, path);
	assert_int_equal(dir_remove(folder), OK);
	assert_string_equal(hidden, "0");
	assert_string_equal(named, "nobody");
	assert_string_equal(seen, SANDBOX_USER_DEFAULT);
	assert_int_equal(geteuid(), 0);
}

static void view_is_read_only_but_for_the_state(void **state)
{
	(void)state;
	assert_child(view_read_only, "mounts are not permitted");
	assert_int_equal(try_create(in_file), OK); /* ours is as it was */
}

static int view_paths(void)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	if (!user_is_root())
		return CHILD_SKIPS;
	s.view = SANDBOX_VIEW_PATHS;
	CHILD_CHECK(!sandbox_enter_early(&s, &r));
	if (!sandbox_report_has(&r, SANDBOX_LAYER_MOUNTS))
		return CHILD_SKIPS;
	CHILD_CHECK(!try_read(in_file));
	CHILD_CHECK(try_read(out_file) == (enum err)ENOENT);
	CHILD_CHECK(try_read("/etc/shadow") == (enum err)ENOENT);
	CHILD_CHECK(!try_read("/etc/passwd"));
	CHILD_CHECK(try_create(in_file) == (enum err)EROFS);
	CHILD_CHECK(try_create("/new") == (enum err)EROFS);
	CHILD_CHECK(try_create("/usr/new") == (enum err)EROFS);
	CHILD_CHECK(!try_create(state_file) && unlink(state_file) == 0);
	CHILD_CHECK(!try_create("/dev/null") && try_read("/dev/zero") == (enum err)ENOENT);
	CHILD_CHECK(access("/tmp", F_OK) == 0 && access("/root", F_OK) < 0);
	return 0;
}

static void view_holds_only_the_named_paths(void **state)
{
	(void)state;
	assert_child(view_paths, "mounts are not permitted");
	assert_int_equal(try_read(out_file), OK);
}

/* ---- Landlock ---- */

static int landlock_paths(void)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	CHILD_CHECK(!sandbox_tighten(&s, &r));
	if (!sandbox_report_has(&r, SANDBOX_LAYER_LANDLOCK))
		return CHILD_SKIPS;
	CHILD_CHECK(r.landlock_abi >= 1);
	CHILD_CHECK(!try_read(in_file) && try_read(out_file) == (enum err)EACCES);
	CHILD_CHECK(try_read("/etc/hostname") == (enum err)EACCES);
	CHILD_CHECK(try_create(in_file) == (enum err)EACCES);
	CHILD_CHECK(!try_create("/dev/null") && !try_read("/proc/self/statm"));
	CHILD_CHECK(put(state_file, "state") && !try_read(state_file));
	CHILD_CHECK(rename(state_file, state_file2) == 0 && unlink(state_file2) == 0);
	CHILD_CHECK(rename(in_file, state_file) < 0);
	return 0;
}

static void landlock_opens_only_the_named_paths(void **state)
{
	(void)state;
	assert_child(landlock_paths, "this kernel has no Landlock");
}

static int landlock_ports(void)
{
	static const uint16_t allowed[] = {45353};
	struct sandbox s = service();
	struct sandbox_report r = {0};
	struct ip_endpoint at = {.address = {.family = 4, .bytes = {127, 77, 1, 3}}, .port = 45353};
	int fd = -1;
	s.tcp_ports_limit = true;
	s.tcp_bind_ports = allowed;
	s.tcp_bind_ports_len = 1;
	CHILD_CHECK(!sandbox_tighten(&s, &r));
	if (!sandbox_report_has(&r, SANDBOX_LAYER_LANDLOCK_TCP))
		return CHILD_SKIPS;
	CHILD_CHECK(!tcp_listen(&at, 0, 1, &fd));
	CHILD_CHECK(tcp_connect(&at, NULL, &fd) == (enum err)EACCES);
	at.port++;
	CHILD_CHECK(tcp_listen(&at, 0, 1, &fd) == (enum err)EACCES);
	return 0;
}

static void landlock_limits_tcp_ports(void **state)
{
	(void)state;
	assert_child(landlock_ports, "this kernel's Landlock knows no ports");
}

/* ---- seccomp ---- */

static int tightened(enum sandbox_profile profile, struct sandbox_report *ret)
{
	struct sandbox s = service();
	s.profile = profile;
	*ret = (struct sandbox_report){0};
	CHILD_CHECK(!sandbox_tighten(&s, ret));
	return sandbox_report_has(ret, SANDBOX_LAYER_SECCOMP) ? 0 : CHILD_SKIPS;
}
#define TIGHTEN(profile)                                                                           \
	do {                                                                                       \
		struct sandbox_report report_;                                                     \
		int result_ = tightened(profile, &report_);                                        \
		if (result_)                                                                       \
			return result_;                                                            \
	} while (0)

static int exec_a_shell(void)
{
	TIGHTEN(SANDBOX_NET_SERVICE);
	(void)execl("/bin/sh", "sh", "-c", "exit 0", NULL);
	return 1;
}

static int leave_the_namespace(void)
{
	TIGHTEN(SANDBOX_NET_SERVICE);
	(void)unshare(CLONE_NEWUSER);
	return 1;
}

static int load_bpf(void)
{
	TIGHTEN(SANDBOX_NET_SERVICE_LINKS);
	(void)syscall(SYS_bpf, 0, NULL, 0);
	return 1;
}

static void dangerous_calls_kill(void **state)
{
	(void)state;
	int (*const deeds[])(void) = {exec_a_shell, leave_the_namespace, load_bpf};
	for (size_t i = 0; i < 3; i++) {
		int end = child_run(deeds[i]);
		if (end == CHILD_SKIPS)
			skip();
		assert_int_equal(end, -SIGSYS);
	}
}

static int refused_calls(void)
{
	TIGHTEN(SANDBOX_NET_SERVICE);
	CHILD_CHECK(socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == ENOSYS);
	CHILD_CHECK(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == ENOSYS);
	CHILD_CHECK(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
	CHILD_CHECK(kill(getppid(), 0) < 0);
	CHILD_CHECK(kill(getpid(), 0) == 0);
	CHILD_CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHILD_CHECK(page != MAP_FAILED);
	CHILD_CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0);
	CHILD_CHECK(mprotect(page, 4096, PROT_READ) == 0);
	if (!SANITIZED) /* the leak checker clones */
		CHILD_CHECK(fork() < 0);
	return 0;
}

static void other_calls_are_refused(void **state)
{
	(void)state;
	assert_child(refused_calls, "this kernel has no seccomp");
}

static int pure(void)
{
	TIGHTEN(SANDBOX_PURE);
	CHILD_CHECK(socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == ENOSYS);
	CHILD_CHECK(!try_read(in_file));
	return 0;
}

static void pure_profile_has_no_sockets(void **state)
{
	(void)state;
	assert_child(pure, "this kernel has no seccomp");
}

static int extra(void)
{
	static const int calls[] = {SYS_personality, SYS_unshare};
	struct sandbox s = service();
	struct sandbox_report r = {0};
	s.syscalls = calls;
	s.syscalls_len = 2;
	CHILD_CHECK(!sandbox_tighten(&s, &r));
	if (!sandbox_report_has(&r, SANDBOX_LAYER_SECCOMP))
		return CHILD_SKIPS;
	CHILD_CHECK(syscall(SYS_personality, 0xffffffff) >= 0);
	CHILD_CHECK(unshare(0) == 0);
	return 0;
}

static void named_calls_are_allowed(void **state)
{
	(void)state;
	assert_child(extra, "this kernel has no seccomp");
}

/* ---- all of it, and a service at work ---- */

static struct {
	struct loop loop;
	struct loop_watch watch;
	struct loop_timer timer;
	struct udp_socket socket;
	struct udp_batch *batch;
	int served, ticks;
} work;

static void serve(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	if (udp_batch_receive(work.batch, &work.socket))
		return;
	for (size_t i = 0; i < work.batch->count; i++)
		work.batch->slots[i].tx_len = work.batch->slots[i].rx_len;
	work.served += (int)work.batch->count;
	udp_batch_send(work.batch, &work.socket);
	loop_stop(&work.loop);
}

static void tick(void *arg)
{
	(void)arg;
	work.ticks++;
}

static void ask(void *arg)
{
	int fd = -1;
	void *memory = malloc(1 << 20); /* an arena of its own */
	if (memory && !udp_connect(arg, NULL, 0, &fd) && !udp_write(fd, span_text("query")))
		fd_done(&fd);
	free(memory);
}

static int work_in_the_sandbox(void)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	struct ip_endpoint at = {.address = {.family = 4, .bytes = {127, 0, 0, 1}}};
	struct thread thread;
	int fd = -1, listener = -1, accepted = -1;
	struct ip_endpoint peer;
	s.view = SANDBOX_VIEW_PATHS;
	s.user = SANDBOX_USER_DEFAULT;
	CHILD_CHECK(!sandbox_enter_early(&s, &r));
	CHILD_CHECK(!sandbox_tighten(&s, &r));
	CHILD_CHECK(!udp_open(&at, 0, &fd) && !udp_prepare(fd, 0, &work.socket));
	CHILD_CHECK(!udp_batch_new(64, 4096, 4096, &work.batch) && !loop_init(&work.loop));
	CHILD_CHECK(!loop_add(&work.loop, &work.watch, fd, LOOP_READ, serve, NULL));
	CHILD_CHECK(!loop_signal(&work.loop, SIGTERM, NULL, NULL));
	loop_timer_init(&work.timer, tick, NULL);
	loop_timer_set_after(&work.loop, &work.timer, 0);
	CHILD_CHECK(!thread_start(&thread, "asker", 0, ask, &work.socket.local));
	CHILD_CHECK(!loop_run(&work.loop));
	thread_join(&thread);
	CHILD_CHECK(work.served == 1 && work.ticks == 1);
	CHILD_CHECK(!tcp_listen(&at, 0, 1, &listener));
	CHILD_CHECK(tcp_accept(listener, &accepted, &peer, NULL) == (enum err)EAGAIN);
	CHILD_CHECK(!try_read(in_file) && put(state_file, "x") && unlink(state_file) == 0);
	CHILD_CHECK(clock_wall_s() > 0 && thread_cpus() >= 1);
	log_info("works in the sandbox", LOG_U64("layers", r.layers));
	udp_batch_free(work.batch);
	loop_done(&work.loop);
	return 0;
}

static void service_works_in_all_layers(void **state)
{
	(void)state;
	assert_child(work_in_the_sandbox, "");
}

/* ---- a preloaded clock ---- */

static const char *const faketime_path = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/* Runs as a program of its own, with the clock preloaded. Its stamp is in in_dir, which argv names.
 */
static int child_of_another_time(const char *directory)
{
	struct sandbox s = service();
	struct sandbox_report r = {0};
	char stamp[128];
	const char *const reads[] = {directory, NULL};
	s.read_paths = reads;
	s.write_paths = NULL;
	s.user = "65534";
	s.view = SANDBOX_VIEW_READ_ONLY;
	(void)snprintf(stamp, sizeof(stamp), "%s/stamp", directory);
	CHILD_CHECK(!sandbox_enter_early(&s, &r) && !sandbox_tighten(&s, &r));
	printf("%llu\n", (unsigned long long)(clock_wall_s() / 1000));
	(void)fflush(stdout);
	(void)getchar(); /* until the test has moved the clock */
	printf("%llu\n", (unsigned long long)(clock_wall_s() / 1000));
	return fflush(stdout) != 0;
}

/* What libfaketime named after the process, which had no right left to take the names back. Who
 * gets its number later finds them, and `faketime` then runs nothing. */
static void forget_clock(pid_t pid)
{
	char shared[64], lock[64];
	(void)snprintf(shared, sizeof(shared), "/dev/shm/faketime_shm_%d", (int)pid);
	(void)snprintf(lock, sizeof(lock), "/dev/shm/sem.faketime_sem_%d", (int)pid);
	(void)unlink(shared);
	(void)unlink(lock);
}

static void preloaded_clock_works_in_the_sandbox(void **state)
{
	(void)state;
	char stamp[128], preload[160], stamp_file[160], text[128] = {0};
	int in[2], out[2];
	struct spawn_child child;
	struct spawn_end end;
	if (SANITIZED || access(faketime_path, R_OK) != 0) {
		print_message("skipped: no libfaketime, or a sanitizer that must be first\n");
		skip();
	}
	(void)snprintf(stamp, sizeof(stamp), "%s/stamp", in_dir);
	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", faketime_path);
	(void)snprintf(stamp_file, sizeof(stamp_file), "FAKETIME_TIMESTAMP_FILE=%s", stamp);
	const char *const environment[] = {preload, stamp_file, "FAKETIME_NO_CACHE=1", "TZ=UTC",
					   NULL};
	struct spawn s = SPAWN_INIT;
	s.argv = (const char *const[]){"sandbox_test", "--time", in_dir, NULL};
	s.environment = environment;
	assert_true(put(stamp, "2001-09-09 02:00:00"));
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s.stdin_fd = in[0];
	s.stdout_fd = out[1];
	assert_int_equal(spawn_start(&s, &child), OK);
	pid_t pid = child.pid;
	fd_done(&out[1]);
	assert_true(read(out[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "1000000\n");
	assert_true(put(stamp, "2033-05-18 04:00:00"));
	assert_int_equal(write(in[1], "\n", 1), 1);
	memset(text, 0, sizeof(text));
	assert_true(read(out[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "2000001\n");
	assert_int_equal(spawn_collect(&child, 10000, &end), OK);
	forget_clock(pid);
	assert_int_equal(end.signalled, 0);
	assert_int_equal(end.code, 0);
	fd_done(&in[0]);
	fd_done(&in[1]);
	fd_done(&out[0]);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--time") == 0)
		return child_of_another_time(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_and_capabilities_are_gone),
		cmocka_unit_test(named_capability_is_kept),
		cmocka_unit_test(unknown_user_is_an_error),
		cmocka_unit_test(default_user_yields_where_he_cannot_read),
		cmocka_unit_test(view_is_read_only_but_for_the_state),
		cmocka_unit_test(view_holds_only_the_named_paths),
		cmocka_unit_test(landlock_opens_only_the_named_paths),
		cmocka_unit_test(landlock_limits_tcp_ports),
		cmocka_unit_test(dangerous_calls_kill),
		cmocka_unit_test(other_calls_are_refused),
		cmocka_unit_test(pure_profile_has_no_sockets),
		cmocka_unit_test(named_calls_are_allowed),
		cmocka_unit_test(service_works_in_all_layers),
		cmocka_unit_test(preloaded_clock_works_in_the_sandbox),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
