#include "os/spawn.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/user.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { FIRST_FD = 3 };

/* All that the child needs, made before the fork: after it only calls that are safe there. */
struct plan {
	const struct spawn *spawn;  /* borrowed */
	char **environment;	    /* the array is owned; most strings are borrowed */
	char *fds, *names, pid[32]; /* LISTEN_FDS=…, LISTEN_FDNAMES=…, LISTEN_PID=… */
	int *moved;		    /* the descriptors, out of the way of 0..fds_len + 2 */
	bool has_user;
	struct user user;
	pid_t parent;
};

/* ---- environment ---- */

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool in_table(const char *variable, const char *const *table, size_t table_len)
{
	for (size_t i = 0; i < table_len; i++)
		if (starts_with(variable, table[i]))
			return true;
	return false;
}

/* What our own starter said to us is not for our children. */
static const char *const never_inherited[] = {
	"LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "NOTIFY_SOCKET=", "WATCHDOG_"};
static const char *const always_inherited[] = {
	"PATH=",    "LANG=",	     "LC_ALL=",	       "TZ=",		"LD_PRELOAD=",
	"FAKETIME", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS="};

static bool is_overridden(const char *variable, const char *const *by)
{
	size_t key_len = strcspn(variable, "=") + 1;
	for (size_t i = 0; by && by[i]; i++)
		if (strncmp(variable, by[i], key_len) == 0)
			return true;
	return false;
}

static bool is_inherited(const struct spawn *spawn, const char *variable)
{
	if (in_table(variable, never_inherited, sizeof(never_inherited) / sizeof(char *)) ||
	    is_overridden(variable, spawn->environment))
		return false;
	return !spawn->environment_clear ||
	       in_table(variable, always_inherited, sizeof(always_inherited) / sizeof(char *));
}

static size_t count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

static enum err plan_environment(struct plan *plan)
{
	const struct spawn *spawn = plan->spawn;
	size_t ours = count((const char *const *)environ), added = count(spawn->environment);
	size_t n = 0;
	plan->environment = calloc(ours + added + 4, sizeof(char *));
	if (!plan->environment)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < ours; i++)
		if (is_inherited(spawn, environ[i]))
			plan->environment[n++] = environ[i];
	for (size_t i = 0; i < added; i++) /* execve does not write to them */
		plan->environment[n++] = (char *)(uintptr_t)spawn->environment[i];
	if (spawn->fds_len) {
		plan->environment[n++] = plan->pid;
		plan->environment[n++] = plan->fds;
		plan->environment[n++] = plan->names;
	}
	return OK;
}

/* ---- the plan ---- */

static bool name_is_fit(const char *name)
{
	for (size_t i = 0; name[i]; i++)
		if (name[i] == ':' || (unsigned char)name[i] < ' ' || name[i] == 127 || i >= 255)
			return false;
	return true;
}

static enum err plan_names(struct plan *plan)
{
	const struct spawn *spawn = plan->spawn;
	size_t size = sizeof("LISTEN_FDNAMES="), at = 0;
	for (size_t i = 0; i < spawn->fds_len; i++) {
		ASSERT(name_is_fit(spawn->fds[i].name));
		size += strlen(spawn->fds[i].name) + 1;
	}
	plan->names = malloc(size);
	if (!plan->names || asprintf(&plan->fds, "LISTEN_FDS=%zu", spawn->fds_len) < 0)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < spawn->fds_len; i++)
		at += (size_t)snprintf(plan->names + at, size - at, "%s%s",
				       i ? ":" : "LISTEN_FDNAMES=", spawn->fds[i].name);
	return OK;
}

static void plan_done(struct plan *plan)
{
	free(plan->environment);
	free(plan->fds);
	free(plan->names);
	free(plan->moved);
}

static enum err plan_init(struct plan *plan, const struct spawn *spawn)
{
	*plan = (struct plan){.spawn = spawn, .parent = getpid()};
	plan->moved = calloc(spawn->fds_len + FIRST_FD, sizeof(int));
	if (!plan->moved)
		return (enum err)ENOMEM;
	if (spawn->user) {
		TRY(user_find(spawn->user, &plan->user));
		plan->has_user = true;
	}
	TRY(plan_names(plan));
	return plan_environment(plan);
}

/* ---- in the child ---- */

static void reset_signals(void)
{
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL); /* those that cannot be set are as they should be */
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts the descriptors at 0, 1, 2 and FIRST_FD…, and marks all others for closing. First all are
 * copied to numbers above the last target, so that no target overwrites one that is still to be
 * moved. */
static enum err place_fds(const struct plan *plan)
{
	const struct spawn *spawn = plan->spawn;
	int end = FIRST_FD + (int)spawn->fds_len;
	int standard[FIRST_FD] = {spawn->stdin_fd, spawn->stdout_fd, spawn->stderr_fd};
	if (spawn->stdin_fd < 0 && !spawn->terminal) {
		standard[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (standard[0] < 0)
			return err_errno();
	}
	for (int i = 0; i < end; i++) {
		int from = i < FIRST_FD ? standard[i] : spawn->fds[i - FIRST_FD].fd;
		plan->moved[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, end);
		if (from >= 0 && plan->moved[i] < 0)
			return err_errno();
	}
	for (int i = 0; i < end; i++)
		if (plan->moved[i] >= 0 && dup2(plan->moved[i], i) < 0)
			return err_errno();
	return close_range((unsigned)end, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0 ? err_errno() : OK;
}

/* LISTEN_PID=…, without stdio, which a forked child of a threaded process must not use. */
static void write_pid(char pid_text[32])
{
	static const char start[] = "LISTEN_PID=";
	char digits[16];
	size_t n = 0, at = sizeof(start) - 1;
	for (unsigned pid = (unsigned)getpid(); pid; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	memcpy(pid_text, start, at);
	while (n)
		pid_text[at++] = digits[--n];
	pid_text[at] = '\0';
}

/* Returns only on failure. */
static enum err become(struct plan *plan, bool forked)
{
	const struct spawn *spawn = plan->spawn;
	const char *path = spawn->path ? spawn->path : "/proc/self/exe";
	reset_signals();
	if (forked && !spawn->terminal && setpgid(0, 0) < 0)
		return err_errno();
	if (spawn->netns_fd >= 0 && setns(spawn->netns_fd, CLONE_NEWNET) < 0)
		return err_errno();
	TRY(place_fds(plan));
	if (spawn->directory && chdir(spawn->directory) < 0)
		return err_errno();
	if (plan->has_user)
		TRY(user_become(plan->user, false));
	/* After the change of user, which clears it. */
	if (forked && !spawn->outlive) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			return err_errno();
		/* It may have ended before we could be told of that. 0: it is outside of our PID
		 * namespace. */
		pid_t parent = getppid();
		if (parent != plan->parent && parent != 0)
			return ERR_CLOSED;
	}
	write_pid(plan->pid);
	/* execve does not write to argv. */
	(void)execve(path, (char *const *)(uintptr_t)spawn->argv, plan->environment);
	return err_errno();
}

enum err spawn_replace(const struct spawn *spawn)
{
	AUTO_DONE(plan_done) struct plan plan;
	TRY(plan_init(&plan, spawn));
	return become(&plan, false);
}

/* ---- in the parent ---- */

/* The error that the child wrote, or OK when exec closed the pipe. */
static enum err read_error(int fd)
{
	enum err e = OK;
	ssize_t n;
	do
		n = read(fd, &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno();
	return n == (ssize_t)sizeof(e) ? e : OK;
}

enum err spawn_start(const struct spawn *spawn, struct spawn_child *ret)
{
	AUTO_DONE(plan_done) struct plan plan;
	AUTO_DONE(fd_done) int error_read = -1;
	AUTO_DONE(fd_done) int error_write = -1;
	int ends[2];
	TRY(plan_init(&plan, spawn));
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno();
	error_read = ends[0];
	/* Above all targets of place_fds. */
	error_write = fcntl(ends[1], F_DUPFD_CLOEXEC, FIRST_FD + (int)spawn->fds_len);
	fd_done(&ends[1]);
	if (error_write < 0)
		return err_errno();
	pid_t pid = fork();
	if (pid < 0)
		return err_errno();
	if (pid == 0) {
		enum err e = become(&plan, true);
		(void)!write(error_write, &e, sizeof(e));
		_exit(127);
	}
	fd_done(&error_write);
	enum err e = read_error(error_read);
	int pidfd = e ? -1 : pidfd_open(pid, 0);
	if (!e && pidfd < 0) {
		e = err_errno();
		(void)kill(pid, SIGKILL);
	}
	if (e) {
		(void)waitpid(pid, NULL, 0);
		return e;
	}
	*ret = (struct spawn_child){.pid = pid, .pidfd = pidfd};
	return OK;
}

enum err spawn_collect(struct spawn_child *child, int wait_ms, struct spawn_end *ret)
{
	uint64_t end_ms = clock_monotonic_ms() + (uint64_t)(wait_ms > 0 ? wait_ms : 0);
	for (;;) {
		siginfo_t info = {0};
		struct pollfd ready = {.fd = child->pidfd, .events = POLLIN};
		if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) < 0)
			return err_errno();
		if (info.si_pid) {
			*ret = (struct spawn_end){.signalled = info.si_code != CLD_EXITED,
						  .code = info.si_status};
			spawn_child_done(child);
			return OK;
		}
		uint64_t now_ms = clock_monotonic_ms();
		if (wait_ms >= 0 && now_ms >= end_ms)
			return (enum err)EAGAIN;
		if (poll(&ready, 1, wait_ms < 0 ? -1 : (int)(end_ms - now_ms)) < 0 &&
		    errno != EINTR)
			return err_errno();
	}
}

enum err spawn_signal(const struct spawn_child *child, int signal)
{
	return pidfd_send_signal(child->pidfd, signal, NULL, 0) < 0 ? err_errno() : OK;
}

void spawn_child_done(struct spawn_child *child)
{
	if (!child || child->pid == 0)
		return; /* zeroed: never begun */
	fd_done(&child->pidfd);
	child->pid = 0;
}

/* ---- capture ---- */

struct capture {
	char *text;
	size_t len, size;
};

/* Reads until the end; ETIMEDOUT, ERR_LIMIT. */
static enum err capture_read(int fd, size_t limit, uint64_t end_ms, struct capture *c)
{
	for (;;) {
		uint64_t now_ms = clock_monotonic_ms();
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int timeout = now_ms < end_ms ? (int)(end_ms - now_ms) : 0;
		if (c->size - c->len < 2) {
			size_t size = c->size ? c->size * 2 : 4096;
			char *text = realloc(c->text, size);
			if (!text)
				return (enum err)ENOMEM;
			c->text = text;
			c->size = size;
		}
		int n_ready = poll(&ready, 1, timeout);
		if (n_ready < 0 && errno == EINTR)
			continue;
		if (n_ready <= 0)
			return n_ready < 0 ? err_errno() : (enum err)ETIMEDOUT;
		ssize_t n = read(fd, c->text + c->len, c->size - c->len - 1);
		if (n < 0 && errno != EINTR)
			return err_errno();
		if (n == 0)
			return OK;
		c->len += n > 0 ? (size_t)n : 0;
		if (c->len > limit)
			return ERR_LIMIT;
	}
}

enum err spawn_capture(const struct spawn *spawn, size_t limit, int timeout_ms, char **ret,
		       size_t *ret_len, struct spawn_end *ret_end)
{
	ASSERT(timeout_ms >= 0);
	struct spawn with_pipe = *spawn;
	struct spawn_child child;
	struct capture c = {0};
	uint64_t end_ms = clock_monotonic_ms() + (uint64_t)timeout_ms;
	AUTO_DONE(fd_done) int out = -1;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno();
	out = ends[0];
	with_pipe.stdout_fd = ends[1];
	enum err e = spawn_start(&with_pipe, &child);
	fd_done(&ends[1]);
	TRY(e);
	e = capture_read(out, limit, end_ms, &c);
	if (!e) {
		uint64_t now_ms = clock_monotonic_ms();
		e = spawn_collect(&child, now_ms < end_ms ? (int)(end_ms - now_ms) : 0, ret_end);
		if (e == (enum err)EAGAIN)
			e = (enum err)ETIMEDOUT;
	}
	if (e) {
		struct spawn_end end;
		if (!spawn_signal(&child, SIGKILL) && spawn_collect(&child, -1, &end))
			spawn_child_done(&child);
		free(c.text);
		return e;
	}
	c.text[c.len] = '\0';
	*ret = c.text;
	*ret_len = c.len;
	return OK;
}
