#include "os/unix.h"

#include "os/fd.h"
#include "os/unix_address.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum err unix_address(const char *path, struct sockaddr_un *ret, socklen_t *ret_len)
{
	size_t len = strlen(path);
	struct sockaddr_un raw = {.sun_family = AF_UNIX};
	if (len == 0 || len >= sizeof(raw.sun_path))
		return (enum err)ENAMETOOLONG;
	memcpy(raw.sun_path, path, len); /* our own string, its length checked above */
	bool abstract = path[0] == '@';
	if (abstract)
		raw.sun_path[0] = '\0';
	*ret = raw;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !abstract);
	return OK;
}

/* Removes a socket file that nobody listens at any more. */
static enum err remove_dead(const char *path, int type)
{
	struct stat st;
	struct sockaddr_un raw;
	socklen_t raw_len;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? OK : err_errno();
	if (!S_ISSOCK(st.st_mode))
		return ERR_EXISTS;
	TRY(unix_address(path, &raw, &raw_len));
	AUTO_DONE(fd_done) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno();
	if (connect(fd, (const struct sockaddr *)&raw, raw_len) == 0 || errno != ECONNREFUSED)
		return ERR_EXISTS;
	return unlink(path) < 0 && errno != ENOENT ? err_errno() : OK;
}

enum err unix_bound(const char *path, int type, unsigned mode, int *ret_fd)
{
	struct sockaddr_un raw;
	socklen_t raw_len;
	TRY(unix_address(path, &raw, &raw_len));
	bool abstract = path[0] == '@';
	if (!abstract)
		TRY(remove_dead(path, type));
	AUTO_DONE(fd_done) int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno();
	/* The file is born with the mode of the descriptor: there is no moment at which it has
	 * another. The umask takes from it, so the mode is set once more. */
	if (!abstract && fchmod(fd, mode) < 0)
		return err_errno();
	if (bind(fd, (const struct sockaddr *)&raw, raw_len) < 0)
		return errno == EADDRINUSE ? ERR_EXISTS : err_errno();
	if (!abstract && chmod(path, mode) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err unix_listen(const char *path, unsigned mode, int *ret_fd)
{
	AUTO_DONE(fd_done) int fd = -1;
	TRY(unix_bound(path, SOCK_STREAM, mode, &fd));
	if (listen(fd, 128) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err unix_set_group(const char *path, uint32_t gid)
{
	return lchown(path, (uid_t)-1, gid) < 0 ? err_errno() : OK;
}

enum err unix_accept(int listen_fd, int *ret_fd)
{
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			*ret_fd = fd;
			return OK;
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return err_errno();
	}
}

static enum err connect_to(const char *path, int flags, int *ret_fd)
{
	struct sockaddr_un raw;
	socklen_t raw_len;
	TRY(unix_address(path, &raw, &raw_len));
	AUTO_DONE(fd_done) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&raw, raw_len) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err unix_connect(const char *path, int *ret_fd)
{
	return connect_to(path, 0, ret_fd);
}

enum err unix_connect_now(const char *path, int *ret_fd)
{
	return connect_to(path, SOCK_NONBLOCK, ret_fd);
}

enum err unix_peer(int fd, struct unix_peer *ret)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return err_errno();
	*ret = (struct unix_peer){.uid = who.uid, .gid = who.gid, .pid = who.pid};
	return OK;
}

enum err unix_pair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? err_errno()
										  : OK;
}

union fds_control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(sizeof(int) * UNIX_FDS_MAX)];
};

enum err fd_send(int socket_fd, struct span message, const int *fds, size_t fds_len)
{
	ASSERT(message.len > 0 && fds_len <= UNIX_FDS_MAX);
	union fds_control control = {0};
	/* sendmsg only reads what iov_base points to. */
	struct iovec part = {.iov_base = (void *)(uintptr_t)message.data, .iov_len = message.len};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	if (fds_len) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fds_len);
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * fds_len);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fds_len);
	}
	for (;;) {
		if (sendmsg(socket_fd, &header, MSG_NOSIGNAL) >= 0)
			return OK;
		if (errno == EPIPE || errno == ECONNRESET)
			return ERR_CLOSED;
		if (errno != EINTR)
			return err_errno();
	}
}

/* Takes the descriptors out of the control messages, at most UNIX_FDS_MAX; closes those above. */
static size_t take_fds(struct msghdr *header, int *ret_fds)
{
	size_t n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < UNIX_FDS_MAX)
				ret_fds[n++] = fd;
			else
				fd_done(&fd);
		}
	}
	return n;
}

enum err fd_receive(int socket_fd, void *message, size_t message_size, size_t *ret_len,
		    int *ret_fds, size_t *ret_fds_len)
{
	union fds_control control = {0};
	struct iovec part = {.iov_base = message, .iov_len = message_size};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	ssize_t n;
	do
		n = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? ERR_CLOSED : err_errno();
	size_t fds_len = take_fds(&header, ret_fds);
	if (n == 0 || header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < fds_len; i++)
			fd_done(&ret_fds[i]);
		return n == 0 ? ERR_CLOSED : ERR_LIMIT;
	}
	*ret_len = (size_t)n;
	*ret_fds_len = fds_len;
	return OK;
}
