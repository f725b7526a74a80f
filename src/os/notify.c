#include "os/notify.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/unix_address.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum err notify_open(struct notify *ret)
{
	const char *address = getenv("NOTIFY_SOCKET");
	if (!address || !address[0]) {
		*ret = (struct notify){.fd = -1};
		return OK;
	}
	struct sockaddr_un raw;
	socklen_t raw_len;
	if (address[0] != '/' && address[0] != '@')
		return ERR_FORMAT;
	TRY(unix_address(address, &raw, &raw_len));
	AUTO_DONE(fd_done) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval wait = {.tv_usec = NOTIFY_READY_WAIT_MS * 1000};
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    connect(fd, (const struct sockaddr *)&raw, raw_len) < 0)
		return err_errno();
	(void)unsetenv("NOTIFY_SOCKET");
	ret->fd = fd_take(&fd);
	return OK;
}

void notify_done(struct notify *notify)
{
	if (notify && notify->fd > 0)
		fd_done(&notify->fd);
}

static enum err send_text(const struct notify *notify, const char *text, int flags)
{
	if (notify->fd < 0)
		return OK;
	return send(notify->fd, text, strlen(text), MSG_NOSIGNAL | flags) < 0 ? err_errno() : OK;
}

enum err notify_send(const struct notify *notify, const char *text)
{
	/* Never waits: a deaf supervisor must not stop a service. */
	return send_text(notify, text, MSG_DONTWAIT);
}

enum err notify_ready(const struct notify *notify)
{
	/* An ear of the kernel's holds ten messages. Where many start at once one more would be
	 * lost, and with this one somebody waits for ever. */
	return send_text(notify, "READY=1\n", 0);
}

enum err notify_reloaded(const struct notify *notify)
{
	return notify_send(notify, "READY=1\n");
}

enum err notify_reloading(const struct notify *notify)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
		       clock_monotonic_us());
	return notify_send(notify, text);
}

enum err notify_stopping(const struct notify *notify)
{
	return notify_send(notify, "STOPPING=1\n");
}

enum err notify_status(const struct notify *notify, const char *text)
{
	char line[16 + 400];
	(void)snprintf(line, sizeof(line), "STATUS=%.400s", text);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	return notify_send(notify, line);
}

enum err notify_listen(const char *address, int *ret_fd)
{
	static const int on = 1;
	AUTO_DONE(fd_done) int fd = -1;
	if (address[0] != '/' && address[0] != '@')
		return ERR_FORMAT;
	TRY(unix_bound(address, SOCK_DGRAM, 0666, &fd));
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

/* The credentials among the control messages; false: none. Closes descriptors that somebody sent.
 */
static bool take_credentials(struct msghdr *header, struct ucred *ret)
{
	bool found = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(*ret))) {
			memcpy(ret, CMSG_DATA(c), sizeof(*ret));
			found = true;
		}
		for (size_t at = CMSG_LEN(0);
		     c->cmsg_type == SCM_RIGHTS && at + sizeof(int) <= c->cmsg_len;
		     at += sizeof(int)) {
			int fd;
			memcpy(&fd, (const uint8_t *)c + at, sizeof(fd));
			fd_done(&fd);
		}
	}
	return found;
}

enum err notify_receive(int fd, struct notify_message *ret)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * 253)];
	} control;
	for (;;) {
		struct ucred who;
		struct iovec part = {.iov_base = ret->text, .iov_len = NOTIFY_TEXT_MAX};
		struct msghdr header = {.msg_iov = &part,
					.msg_iovlen = 1,
					.msg_control = &control,
					.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno();
		if (!take_credentials(&header, &who) || header.msg_flags & MSG_TRUNC)
			continue;
		ret->text[n] = '\0';
		ret->text_len = (size_t)n;
		ret->pid = who.pid;
		ret->uid = who.uid;
		return OK;
	}
}

bool notify_field(const struct notify_message *message, const char *key, struct span *ret)
{
	struct span rest = span_of(message->text, message->text_len);
	size_t key_len = strlen(key);
	while (rest.len) {
		size_t end = span_find(rest, '\n');
		struct span line = span_sub(rest, 0, end);
		rest = span_sub(rest, end + 1, rest.len);
		if (line.len > key_len && line.data[key_len] == '=' &&
		    memcmp(line.data, key, key_len) == 0) {
			*ret = span_sub(line, key_len + 1, line.len);
			return true;
		}
	}
	return false;
}
