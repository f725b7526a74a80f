#include "os/tcp.h"

#include "os/fd.h"
#include "os/sockaddr.h"

#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { PARTS_MAX = 16 };

static enum err transparent(int fd, bool six)
{
	return six ? socket_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
		   : socket_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
}

bool tcp_is_transparent(int fd)
{
	/* One bit of the socket, whichever family asks for it. */
	int value = 0;
	socklen_t len = sizeof(value);
	return getsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &value, &len) == 0 && value;
}

enum err tcp_listen(const struct ip_endpoint *at, unsigned flags, int backlog, int *ret_fd)
{
	AUTO_DONE(fd_done) int fd = -1;
	TRY(socket_bound(at, SOCK_STREAM, flags & TCP_REUSEPORT, flags & TCP_FREEBIND, &fd));
	TRY(tcp_nodelay(fd, true)); /* its connections have it from their listener */
	if (flags & TCP_TRANSPARENT)
		TRY(transparent(fd, at->address.family == 6));
	if (listen(fd, backlog) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

/* accept(2): errors of the connection, not of the listener; the next one may be well. */
static bool is_of_the_connection(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH: return true;
	default: return false;
	}
}

enum err tcp_accept(int listen_fd, int *ret_fd, struct ip_endpoint *ret_peer,
		    struct ip_endpoint *ret_local)
{
	for (;;) {
		union sockaddr_ip raw = {0};
		socklen_t raw_len = sizeof(raw);
		AUTO_DONE(fd_done)
		int fd = accept4(listen_fd, &raw.any, &raw_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && is_of_the_connection(errno))
			continue;
		if (fd < 0)
			return err_errno();
		if (ret_local)
			TRY(socket_local(fd, ret_local));
		sockaddr_read(&raw, ret_peer);
		*ret_fd = fd_take(&fd);
		return OK;
	}
}

static enum err begin(const struct ip_endpoint *to, const struct ip_address *from, bool speaks,
		      int *ret_fd)
{
	union sockaddr_ip raw;
	AUTO_DONE(fd_done)
	int fd = socket(sockaddr_domain(to), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno();
	TRY(tcp_nodelay(fd, true));
	if (speaks)
		TRY(socket_option(fd, IPPROTO_TCP, TCP_QUICKACK, 0));
	if (from) {
		struct ip_endpoint source = {.address = *from, .scope = to->scope};
		if (from->family != to->address.family)
			return (enum err)EAFNOSUPPORT;
		/* The port is chosen with the destination known: not one of 28,000 for all. */
		TRY(socket_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1));
		if (bind(fd, &raw.any, sockaddr_write(&source, &raw)) < 0)
			return err_errno();
	}
	if (connect(fd, &raw.any, sockaddr_write(to, &raw)) < 0 && errno != EINPROGRESS)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err tcp_connect(const struct ip_endpoint *to, const struct ip_address *from, int *ret_fd)
{
	return begin(to, from, false, ret_fd);
}

enum err tcp_connect_to_speak(const struct ip_endpoint *to, const struct ip_address *from,
			      int *ret_fd)
{
	return begin(to, from, true, ret_fd);
}

enum err tcp_connect_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return err_errno();
	return (enum err)error;
}

/* What read and write make of an errno: nothing now, gone, or an error. */
static enum err stream_error(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR: return OK;
	case EPIPE:
	case ECONNRESET:
	case ESHUTDOWN: return ERR_CLOSED;
	default: return (enum err)error;
	}
}

/* result: octets, or an errno below 0. */
static enum err stream_count(ssize_t result, size_t *ret_len)
{
	if (result < 0)
		TRY(stream_error((int)-result));
	*ret_len = result < 0 ? 0 : (size_t)result;
	return OK;
}

static ssize_t or_errno(ssize_t n)
{
	return n < 0 ? -errno : n;
}

static enum err receive(int fd, void *buf, size_t size, int flags, size_t *ret_len)
{
	ASSERT(size > 0);
	ssize_t n = or_errno(recv(fd, buf, size, MSG_DONTWAIT | flags));
	return n ? stream_count(n, ret_len) : ERR_CLOSED;
}

enum err tcp_read(int fd, void *buf, size_t size, size_t *ret_len)
{
	return receive(fd, buf, size, 0, ret_len);
}

enum err tcp_read_or_reset(int fd, void *buf, size_t size, size_t *ret_len)
{
	errno = 0;
	enum err e = receive(fd, buf, size, 0, ret_len);
	/* An end leaves errno alone. */
	return e == ERR_CLOSED && errno == ECONNRESET ? (enum err)ECONNRESET : e;
}

enum err tcp_peek(int fd, void *buf, size_t size, size_t *ret_len)
{
	return receive(fd, buf, size, MSG_PEEK, ret_len);
}

static enum err transmit(int fd, struct span bytes, int flags, size_t *ret_len)
{
	flags |= MSG_DONTWAIT | MSG_NOSIGNAL;
	return stream_count(or_errno(send(fd, bytes.data, bytes.len, flags)), ret_len);
}

enum err tcp_write(int fd, struct span bytes, size_t *ret_len)
{
	return transmit(fd, bytes, 0, ret_len);
}

enum err tcp_write_more(int fd, struct span bytes, size_t *ret_len)
{
	return transmit(fd, bytes, MSG_MORE, ret_len);
}

enum err tcp_write_parts(int fd, const struct span *parts, size_t parts_len, size_t *ret_len)
{
	ASSERT(parts_len <= PARTS_MAX);
	struct iovec vector[PARTS_MAX];
	for (size_t i = 0; i < parts_len; i++) /* sendmsg only reads what iov_base points to */
		vector[i] = (struct iovec){.iov_base = (void *)(uintptr_t)parts[i].data,
					   .iov_len = parts[i].len};
	struct msghdr message = {.msg_iov = vector, .msg_iovlen = parts_len};
	return stream_count(or_errno(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)), ret_len);
}

enum err tcp_ring_received(int32_t result, size_t *ret_len)
{
	if (result == -ECONNRESET)
		return (enum err)ECONNRESET;
	return result ? stream_count(result, ret_len) : ERR_CLOSED;
}

enum err tcp_ring_sent(int32_t result, size_t *ret_len)
{
	return stream_count(result, ret_len);
}

bool tcp_is_quiet(int fd)
{
	char byte;
	return recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

enum err tcp_nodelay(int fd, bool on)
{
	return socket_option(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

enum err tcp_finish(int fd)
{
	return shutdown(fd, SHUT_WR) < 0 ? err_errno() : OK;
}

bool tcp_is_delivered(int fd)
{
	uint32_t queued[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(queued);
	/* What was sent is queued until it is acknowledged. (SIOCOUTQ is no call of a sandbox.) */
	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, queued, &len) < 0 ||
	       queued[SK_MEMINFO_WMEM_QUEUED] == 0;
}

enum err tcp_reset_on_close(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0 ? err_errno()
										  : OK;
}

static enum err socket_end(int fd, int (*ask)(int, struct sockaddr *restrict, socklen_t *restrict),
			   struct ip_endpoint *ret)
{
	union {
		union sockaddr_ip ip;
		struct sockaddr_storage any;
	} raw = {0};
	socklen_t raw_len = sizeof(raw);
	if (ask(fd, &raw.ip.any, &raw_len) < 0)
		return err_errno();
	struct ip_endpoint end;
	sockaddr_read(&raw.ip, &end);
	if (end.address.family == 0)
		return ERR_UNSUPPORTED;
	*ret = end;
	return OK;
}

enum err socket_local(int fd, struct ip_endpoint *ret)
{
	return socket_end(fd, getsockname, ret);
}

enum err socket_peer(int fd, struct ip_endpoint *ret)
{
	return socket_end(fd, getpeername, ret);
}

enum err tcp_meant_for(int fd, struct ip_endpoint *ret)
{
	union sockaddr_ip raw = {0};
	socklen_t raw_len = sizeof(raw);
	struct ip_endpoint local;
	TRY(socket_local(fd, &local));
	bool six = local.address.family == 6;
	if (getsockopt(fd, six ? SOL_IPV6 : SOL_IP, six ? IP6T_SO_ORIGINAL_DST : SO_ORIGINAL_DST,
		       &raw, &raw_len) < 0)
		return err_errno();
	sockaddr_read(&raw, &local);
	if (!local.address.family)
		return ERR_UNSUPPORTED;
	*ret = local;
	return OK;
}
