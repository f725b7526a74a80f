#include "os/udp.h"

#include "os/fd.h"
#include "os/sockaddr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	CONTROL_SIZE = CMSG_SPACE(sizeof(struct in6_pktinfo)),
	RECEIVE_BYTES = 1 << 20,
	OPEN_BYTES = 4 << 20
};
static_assert(sizeof(struct in_pktinfo) <= sizeof(struct in6_pktinfo), "room for both");

/* One control message with the address that a datagram came to or leaves from. */
union control {
	struct cmsghdr header;
	uint8_t bytes[CONTROL_SIZE];
};

struct udp_batch_raw {
	struct mmsghdr rx[UDP_BATCH_MAX], tx[UDP_BATCH_MAX];
	struct iovec rx_parts[UDP_BATCH_MAX], tx_parts[UDP_BATCH_MAX];
	union sockaddr_ip peers[UDP_BATCH_MAX];
	union control controls[UDP_BATCH_MAX];
	size_t used;	    /* headers of rx that the kernel has written to */
	size_t control_len; /* what rx asks for: CONTROL_SIZE, or 0 for a socket that is not wild */
	uint8_t *buffers;
};

/* ---- sockets ---- */

/* Past the system's bound where we may, else as far as that; never less than it was: who opened the
 * socket may have had more rights. */
static enum err set_buffer(int fd, int forced, int plain, size_t bytes)
{
	int value = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes, now = 0;
	socklen_t len = sizeof(now);
	/* The kernel tells twice what was asked of it, and counts its own part of each datagram. */
	if (getsockopt(fd, SOL_SOCKET, plain, &now, &len) == 0 && now / 2 >= value)
		return OK;
	if (!socket_option(fd, SOL_SOCKET, forced, value))
		return OK;
	return socket_option(fd, SOL_SOCKET, plain, value);
}

enum err udp_open(const struct ip_endpoint *at, unsigned flags, int *ret_fd)
{
	AUTO_DONE(fd_done) int fd = -1;
	TRY(socket_bound(at, SOCK_DGRAM, flags & UDP_REUSEPORT, flags & UDP_FREEBIND, &fd));
	if (flags & UDP_BROADCAST)
		TRY(socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1));
	TRY(set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, OPEN_BYTES));
	TRY(set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, OPEN_BYTES));
	*ret_fd = fd_take(&fd);
	return OK;
}

/* A path MTU that ICMP claims does not count, here and in the kernel's cache. */
static enum err ignore_path_mtu(int fd, uint8_t family)
{
	return family == 4 ? socket_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
			   : socket_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
}

enum err udp_prepare(int fd, size_t receive_bytes, struct udp_socket *ret)
{
	union sockaddr_ip raw = {0};
	socklen_t raw_len = sizeof(raw);
	struct udp_socket s = {.fd = fd};
	if (getsockname(fd, &raw.any, &raw_len) < 0)
		return err_errno();
	sockaddr_read(&raw, &s.local);
	s.family = s.local.address.family;
	if (s.family == 0)
		return ERR_UNSUPPORTED;
	s.wild = ip_address_is_unspecified(&s.local.address);
	TRY(fd_set_nonblocking(fd, true));
	TRY(fd_set_cloexec(fd, true));
	if (s.wild)
		TRY(s.family == 4 ? socket_option(fd, IPPROTO_IP, IP_PKTINFO, 1)
				  : socket_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	TRY(ignore_path_mtu(fd, s.family));
	size_t bytes = receive_bytes ? receive_bytes : RECEIVE_BYTES;
	TRY(set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, bytes));
	TRY(set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, bytes));
	*ret = s;
	return OK;
}

enum err udp_connect(const struct ip_endpoint *to, const struct ip_address *from,
		     uint16_t from_port, int *ret_fd)
{
	union sockaddr_ip raw;
	AUTO_DONE(fd_done)
	int fd = socket(sockaddr_domain(to), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno();
	TRY(ignore_path_mtu(fd, to->address.family));
	if (from || from_port) {
		struct ip_endpoint source = {.port = from_port, .scope = to->scope};
		source.address.family = to->address.family;
		if (from)
			source.address = *from;
		if (source.address.family != to->address.family)
			return (enum err)EAFNOSUPPORT;
		if (bind(fd, &raw.any, sockaddr_write(&source, &raw)) < 0)
			return err_errno();
	}
	if (connect(fd, &raw.any, sockaddr_write(to, &raw)) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}

/* ---- control messages ---- */

static const struct in_pktinfo *control_v4(const union control *c)
{
	return (const struct in_pktinfo *)(const void *)CMSG_DATA(&c->header);
}

static const struct in6_pktinfo *control_v6(const union control *c)
{
	return (const struct in6_pktinfo *)(const void *)CMSG_DATA(&c->header);
}

static bool control_is_v4(const union control *c)
{
	return c->header.cmsg_level == IPPROTO_IP && c->header.cmsg_type == IP_PKTINFO;
}

/* Writes the control message for a source address; returns its length. */
static size_t control_write(union control *c, const struct ip_address *from)
{
	*c = (union control){0};
	if (from->family == 4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, from->bytes, 4);
		c->header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
					     .cmsg_level = IPPROTO_IP,
					     .cmsg_type = IP_PKTINFO};
		memcpy(CMSG_DATA(&c->header), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	struct in6_pktinfo info = {0};
	memcpy(&info.ipi6_addr, from->bytes, 16);
	c->header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
				     .cmsg_level = IPPROTO_IPV6,
				     .cmsg_type = IPV6_PKTINFO};
	memcpy(CMSG_DATA(&c->header), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

/* Makes of the control message that came the one that goes back, in place. The interface is left to
 * the routes (the way back may be another), but not where the address means nothing without it.
 * Returns the length to send. */
static size_t control_turn(union control *c, size_t len)
{
	if (control_is_v4(c)) {
		struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(&c->header);
		info->ipi_ifindex = 0; /* ipi_spec_dst is ours already, also after a broadcast */
		return len;
	}
	struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(&c->header);
	if (IN6_IS_ADDR_MULTICAST(&info->ipi6_addr))
		return 0;
	if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
		info->ipi6_ifindex = 0;
	return len;
}

static void control_local(const union control *c, struct ip_address *ret)
{
	*ret = (struct ip_address){.family = control_is_v4(c) ? 4 : 6};
	if (ret->family == 4)
		memcpy(ret->bytes, &control_v4(c)->ipi_addr, 4);
	else
		memcpy(ret->bytes, &control_v6(c)->ipi6_addr, 16);
}

/* ---- batches ---- */

static void batch_wire(struct udp_batch *batch, size_t rx_stride, size_t tx_stride)
{
	struct udp_batch_raw *raw = batch->raw;
	uint8_t *tx = raw->buffers + rx_stride * batch->slots_max;
	for (size_t i = 0; i < batch->slots_max; i++) {
		struct udp_slot *slot = &batch->slots[i];
		slot->rx = raw->buffers + rx_stride * i;
		slot->tx = tx + tx_stride * i;
		slot->peer_raw = &raw->peers[i];
		raw->rx_parts[i] = (struct iovec){.iov_base = slot->rx, .iov_len = batch->rx_cap};
		raw->rx[i].msg_hdr = (struct msghdr){.msg_name = &raw->peers[i],
						     .msg_namelen = sizeof(raw->peers[i]),
						     .msg_iov = &raw->rx_parts[i],
						     .msg_iovlen = 1,
						     .msg_control = &raw->controls[i]};
		raw->tx[i].msg_hdr = (struct msghdr){.msg_iov = &raw->tx_parts[i], .msg_iovlen = 1};
	}
}

/* An odd number of cache lines: the beginnings of buffers of 4096 bytes would otherwise all compete
 * for the same few sets of the cache. */
static size_t stride_of(size_t size)
{
	return ((size + 63) / 64 | 1) * 64;
}

enum err udp_batch_new(size_t slots, size_t rx_size, size_t tx_size, struct udp_batch **ret)
{
	ASSERT(slots > 0 && slots <= UDP_BATCH_MAX);
	ASSERT(rx_size >= 512 && rx_size <= UDP_DATAGRAM_MAX);
	ASSERT(tx_size >= 512 && tx_size <= UDP_DATAGRAM_MAX);
	AUTO(udp_batch_free)
	struct udp_batch *batch = calloc(1, sizeof(*batch) + slots * sizeof(batch->slots[0]));
	if (!batch)
		return (enum err)ENOMEM;
	batch->slots_max = slots;
	batch->rx_cap = rx_size;
	batch->tx_cap = tx_size;
	batch->raw = calloc(1, sizeof(*batch->raw));
	if (!batch->raw)
		return (enum err)ENOMEM;
	size_t rx_stride = stride_of(rx_size);
	size_t tx_stride = stride_of(tx_size);
	void *buffers = NULL;
	if (posix_memalign(&buffers, 64, (rx_stride + tx_stride) * slots) != 0)
		return (enum err)ENOMEM;
	memset(buffers, 0, (rx_stride + tx_stride) * slots);
	batch->raw->buffers = buffers;
	batch_wire(batch, rx_stride, tx_stride);
	*ret = TAKE(batch);
	return OK;
}

void udp_batch_free(struct udp_batch *batch)
{
	if (!batch)
		return;
	if (batch->raw)
		free(batch->raw->buffers);
	free(batch->raw);
	free(batch);
}

/* Gives the kernel back the room that it shortened in the last receive. */
static void batch_rearm(struct udp_batch *batch, const struct udp_socket *socket)
{
	struct udp_batch_raw *raw = batch->raw;
	size_t control_len = socket->wild ? CONTROL_SIZE : 0;
	size_t n = control_len == raw->control_len ? raw->used : batch->slots_max;
	for (size_t i = 0; i < n; i++) {
		raw->rx[i].msg_hdr.msg_namelen = sizeof(raw->peers[i]);
		raw->rx[i].msg_hdr.msg_controllen = control_len;
	}
	raw->control_len = control_len;
	raw->used = 0;
}

enum err udp_batch_receive(struct udp_batch *batch, const struct udp_socket *socket)
{
	struct udp_batch_raw *raw = batch->raw;
	batch_rearm(batch, socket);
	batch->count = 0;
	batch->from = socket;
	int n = recvmmsg(socket->fd, raw->rx, (unsigned)batch->slots_max, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? OK
										  : err_errno();
	for (size_t i = 0; i < (size_t)n; i++) {
		struct udp_slot *slot = &batch->slots[i];
		const struct msghdr *header = &raw->rx[i].msg_hdr;
		slot->rx_len = raw->rx[i].msg_len;
		slot->tx_len = 0;
		slot->truncated = (header->msg_flags & MSG_TRUNC) != 0;
		slot->control_raw = header->msg_controllen ? &raw->controls[i] : NULL;
	}
	batch->count = raw->used = (size_t)n;
	return OK;
}

/* Fills the next header to send from slot i. */
static void batch_put(struct udp_batch *batch, size_t i, struct mmsghdr *message)
{
	struct udp_batch_raw *raw = batch->raw;
	const struct udp_slot *slot = &batch->slots[i];
	struct msghdr *to = &message->msg_hdr;
	const struct msghdr *from = &raw->rx[i].msg_hdr;
	ASSERT(slot->tx_len <= batch->tx_cap);
	to->msg_name = from->msg_name;
	to->msg_namelen = from->msg_namelen;
	to->msg_iov->iov_base = slot->tx;
	to->msg_iov->iov_len = slot->tx_len;
	to->msg_control = NULL;
	to->msg_controllen = 0;
	if (slot->control_raw) {
		to->msg_controllen = control_turn(&raw->controls[i], from->msg_controllen);
		to->msg_control = to->msg_controllen ? from->msg_control : NULL;
	}
}

void udp_batch_send(struct udp_batch *batch, struct udp_socket *socket)
{
	struct mmsghdr *messages = batch->raw->tx;
	size_t n = 0, done = 0;
	for (size_t i = 0; i < batch->count; i++)
		if (batch->slots[i].tx_len)
			batch_put(batch, i, &messages[n++]);
	while (done < n) {
		int sent =
			sendmmsg(socket->fd, messages + done, (unsigned)(n - done), MSG_DONTWAIT);
		if (sent > 0) {
			done += (size_t)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			socket->send_dropped += n - done;
			return;
		} else if (errno != EINTR) {
			socket->send_dropped++; /* this peer only: no route, forbidden… */
			done++;
		}
	}
}

void udp_slot_peer(const struct udp_slot *slot, struct ip_endpoint *ret)
{
	sockaddr_read(slot->peer_raw, ret);
}

void udp_slot_local(const struct udp_batch *batch, const struct udp_slot *slot,
		    struct ip_endpoint *ret)
{
	*ret = batch->from->local;
	if (slot->control_raw)
		control_local(slot->control_raw, &ret->address);
}

uint32_t udp_slot_ifindex(const struct udp_batch *batch, const struct udp_slot *slot)
{
	const union control *c = slot->control_raw;
	if (!c)
		return batch->from->local.scope;
	return control_is_v4(c) ? (uint32_t)control_v4(c)->ipi_ifindex
				: control_v6(c)->ipi6_ifindex;
}

/* ---- single datagrams ---- */

enum err udp_send_to(const struct udp_socket *socket, const struct ip_address *from,
		     const struct ip_endpoint *to, struct span datagram)
{
	union sockaddr_ip raw;
	union control control;
	/* sendmsg only reads what iov_base points to. */
	struct iovec part = {.iov_base = (void *)(uintptr_t)datagram.data, .iov_len = datagram.len};
	struct msghdr message = {.msg_name = &raw,
				 .msg_namelen = sockaddr_write(to, &raw),
				 .msg_iov = &part,
				 .msg_iovlen = 1};
	if (from) {
		message.msg_control = &control;
		message.msg_controllen = control_write(&control, from);
	}
	return sendmsg(socket->fd, &message, MSG_DONTWAIT) < 0 ? err_errno() : OK;
}

enum err udp_receive_one(const struct udp_socket *socket, void *buf, size_t size, size_t *ret_len,
			 struct ip_endpoint *ret_from, struct ip_endpoint *ret_to)
{
	union sockaddr_ip raw = {0};
	union control control;
	struct iovec part = {.iov_base = buf, .iov_len = size};
	struct msghdr message = {.msg_name = &raw,
				 .msg_namelen = sizeof(raw),
				 .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = socket->wild ? &control : NULL,
				 .msg_controllen = socket->wild ? sizeof(control) : 0};
	ssize_t n = recvmsg(socket->fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_errno();
	*ret_len = n < 0 ? 0 : (size_t)n;
	*ret_from = (struct ip_endpoint){0};
	if (n >= 0)
		sockaddr_read(&raw, ret_from);
	if (ret_to) {
		*ret_to = socket->local;
		if (n >= 0 && message.msg_controllen)
			control_local(&control, &ret_to->address);
	}
	return OK;
}

enum err udp_read(int fd, void *buf, size_t size, size_t *ret_len)
{
	ssize_t n = recv(fd, buf, size, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_errno();
	*ret_len = n < 0 ? 0 : (size_t)n;
	return OK;
}

enum err udp_write(int fd, struct span datagram)
{
	return send(fd, datagram.data, datagram.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? err_errno()
										      : OK;
}
