#include "os/splice.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIPE_SIZE = 256 << 10 }; /* 64 slots, each of which holds a piece of a packet */

enum err splice_open(struct splice_pipe *p)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_errno();
	*p = (struct splice_pipe){.read_fd = fds[0], .write_fd = fds[1]};
	/* Users may have only so much of this; the usual size does as well. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	return OK;
}

void splice_close(struct splice_pipe *p)
{
	if (p->read_fd > 0)
		(void)close(p->read_fd);
	if (p->write_fd > 0)
		(void)close(p->write_fd);
	*p = (struct splice_pipe){0};
}

enum err splice_in(struct splice_pipe *p, int fd, size_t most, size_t *ret_len)
{
	*ret_len = 0;
	ssize_t n = splice(fd, NULL, p->write_fd, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n == 0)
		return ERR_CLOSED;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? OK : err_errno();
	*ret_len = (size_t)n;
	p->held += (size_t)n;
	return OK;
}

enum err splice_out(struct splice_pipe *p, int fd, bool more, size_t *ret_len)
{
	unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0);
	*ret_len = 0;
	ssize_t n = splice(p->read_fd, NULL, fd, NULL, p->held, flags);
	if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
		return ERR_CLOSED;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? OK : err_errno();
	*ret_len = (size_t)n;
	p->held -= (size_t)n;
	return OK;
}
