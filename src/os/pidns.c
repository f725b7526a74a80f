#include "os/pidns.h"

#include "os/clock.h"
#include "os/fd.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum err pidns_fork(pid_t *ret)
{
	if (unshare(CLONE_NEWPID) < 0)
		return err_errno();
	pid_t pid = fork();
	if (pid < 0)
		return err_errno();
	*ret = pid;
	if (pid)
		return OK;
	if (setsid() < 0)
		return err_errno();
	/* Without it /proc shows the processes of the parent's namespace; where a user may not
	 * mount one, that stays. */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
	    errno != EPERM)
		return err_errno();
	return OK;
}

enum err pidns_enter(pid_t pid)
{
	AUTO_DONE(fd_done) int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0 || setns(pidfd, CLONE_NEWPID) < 0)
		return err_errno();
	return OK;
}

enum err pidns_fork_wait(int *ret_status)
{
	/* The terminal's signals are for the child; the parent only waits for its end. */
	sighandler_t interrupt = signal(SIGINT, SIG_IGN), quit = signal(SIGQUIT, SIG_IGN);
	pid_t pid = fork();
	if (pid < 0)
		return err_errno();
	if (pid == 0) {
		(void)signal(SIGINT, interrupt);
		(void)signal(SIGQUIT, quit);
		*ret_status = -1;
		return OK;
	}
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno();
	(void)signal(SIGINT, interrupt);
	(void)signal(SIGQUIT, quit);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return OK;
}

enum err process_ended(pid_t *ret)
{
	siginfo_t info = {.si_pid = 0};
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return errno == ECHILD ? (enum err)EAGAIN : err_errno();
	if (info.si_pid == 0)
		return (enum err)EAGAIN;
	*ret = info.si_pid;
	return OK;
}

void process_reap(pid_t pid)
{
	(void)waitpid(pid, NULL,
		      WNOHANG); /* it has ended: this waits for nothing and cannot fail */
}

enum err process_open(pid_t pid, int *ret_fd)
{
	int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return err_errno();
	*ret_fd = fd;
	return OK;
}

enum err process_await_end(int fd, int wait_ms)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	uint64_t end_ms = clock_monotonic_ms() + (uint64_t)wait_ms;
	for (;;) {
		uint64_t now_ms = clock_monotonic_ms();
		int n = poll(&end, 1, now_ms < end_ms ? (int)(end_ms - now_ms) : 0);
		if (n > 0)
			return OK;
		if (n == 0)
			return (enum err)ETIMEDOUT;
		if (errno != EINTR)
			return err_errno();
	}
}

enum err process_host_name(const char *name)
{
	if (unshare(CLONE_NEWUTS) < 0 || sethostname(name, strlen(name)) < 0)
		return err_errno();
	return OK;
}
