#include "os/fd.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

void fd_done(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		(void)close(*fd);
		errno = saved;
	}
	*fd = -1;
}

static enum err set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);
	if (flags < 0)
		return err_errno();
	int wanted = on ? flags | flag : flags & ~flag;
	if (wanted != flags && fcntl(fd, set, wanted) < 0)
		return err_errno();
	return OK;
}

enum err fd_set_nonblocking(int fd, bool on)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

enum err fd_set_cloexec(int fd, bool on)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

enum err fd_duplicate(int fd, int *ret)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return err_errno();
	*ret = copy;
	return OK;
}

enum err fd_limit_raise(unsigned long want, unsigned long *ret)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_errno();
	if (limit.rlim_cur < want && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return err_errno();
	}
	*ret = limit.rlim_cur;
	return OK;
}
