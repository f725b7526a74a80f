#include "os/icmp.h"

#include "os/fd.h"
#include "os/sockaddr.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <sys/uio.h>

enum { HOP_LIMIT_ND = 255 };

/* Nothing passes: what is queued before icmp_listen is nobody's. */
static enum err filter_none(int fd, uint8_t family)
{
	return icmp_listen(fd, family, NULL, 0);
}

enum err icmp_open(uint8_t family, int *ret_fd)
{
	ASSERT(family == 4 || family == 6);
	int protocol = family == 4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	AUTO_DONE(fd_done)
	int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			protocol);
	if (fd < 0)
		return err_errno();
	TRY(filter_none(fd, family));
	*ret_fd = fd_take(&fd);
	return OK;
}

static enum err listen_v4(int fd, const uint8_t *types, size_t types_len)
{
	struct icmp_filter filter = {.data = UINT32_MAX}; /* a set bit is refused */
	for (size_t i = 0; i < types_len; i++) {
		if (types[i] > 31)
			return (enum err)EINVAL;
		filter.data &= ~(UINT32_C(1) << types[i]);
	}
	TRY(socket_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
	return setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) < 0 ? err_errno() : OK;
}

static enum err listen_v6(int fd, const uint8_t *types, size_t types_len)
{
	struct icmp6_filter filter;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	for (size_t i = 0; i < types_len; i++)
		ICMP6_FILTER_SETPASS(types[i], &filter);
	TRY(socket_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	TRY(socket_option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
	TRY(socket_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT_ND));
	TRY(socket_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT_ND));
	TRY(socket_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0));
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0
		       ? err_errno()
		       : OK;
}

enum err icmp_listen(int fd, uint8_t family, const uint8_t *types, size_t types_len)
{
	return family == 4 ? listen_v4(fd, types, types_len) : listen_v6(fd, types, types_len);
}

static enum err membership(int fd, int option, const struct ip_address *group, uint32_t ifindex)
{
	struct group_req request = {.gr_interface = ifindex};
	union sockaddr_ip raw = {0};
	socklen_t len = sockaddr_write(&(struct ip_endpoint){.address = *group}, &raw);
	memcpy(&request.gr_group, &raw, len);
	int level = group->family == 4 ? (int)IPPROTO_IP : (int)IPPROTO_IPV6;
	return setsockopt(fd, level, option, &request, sizeof(request)) < 0 ? err_errno() : OK;
}

enum err multicast_join(int fd, const struct ip_address *group, uint32_t ifindex)
{
	enum err e = membership(fd, MCAST_JOIN_GROUP, group, ifindex);
	return e == (enum err)EADDRINUSE ? OK : e;
}

enum err multicast_leave(int fd, const struct ip_address *group, uint32_t ifindex)
{
	enum err e = membership(fd, MCAST_LEAVE_GROUP, group, ifindex);
	return e == (enum err)EADDRNOTAVAIL || e == (enum err)ENODEV ? OK : e;
}

enum err multicast_hops_set(int fd, uint8_t hops)
{
	return socket_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
}

enum err icmp_send(int fd, const struct ip_address *to, struct span message)
{
	union sockaddr_ip raw = {0};
	socklen_t len = sockaddr_write(&(struct ip_endpoint){.address = *to}, &raw);
	ssize_t n =
		sendto(fd, message.data, message.len, MSG_DONTWAIT | MSG_NOSIGNAL, &raw.any, len);
	return n < 0 ? err_errno() : OK;
}

enum err icmp6_send(int fd, uint32_t ifindex, const struct ip_address *from,
		    const struct ip_address *to, struct span message)
{
	union sockaddr_ip raw = {0};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {0};
	struct in6_pktinfo info = {.ipi6_ifindex = ifindex};
	/* sendmsg only reads what iov_base points to. */
	struct iovec part = {.iov_base = (void *)(uintptr_t)message.data, .iov_len = message.len};
	struct msghdr m = {.msg_name = &raw,
			   .msg_namelen =
				   sockaddr_write(&(struct ip_endpoint){.address = *to}, &raw),
			   .msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	raw.v6.sin6_scope_id = ifindex;
	if (from)
		memcpy(&info.ipi6_addr, from->bytes, sizeof(info.ipi6_addr));
	control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(info)),
					  .cmsg_level = IPPROTO_IPV6,
					  .cmsg_type = IPV6_PKTINFO};
	memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? err_errno() : OK;
}

static void control_read(struct cmsghdr *c, struct icmp_received *ret)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		const struct in_pktinfo *info = (const void *)CMSG_DATA(c);
		ret->ifindex = (uint32_t)info->ipi_ifindex;
		ret->to.family = 4;
		memcpy(ret->to.bytes, &info->ipi_addr, 4);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		const struct in6_pktinfo *info = (const void *)CMSG_DATA(c);
		ret->ifindex = info->ipi6_ifindex;
		ret->to.family = 6;
		memcpy(ret->to.bytes, &info->ipi6_addr, 16);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT) {
		int hops = 0;
		memcpy(&hops, CMSG_DATA(c), sizeof(hops));
		ret->hop_limit = hops >= 0 && hops <= UINT8_MAX ? (uint8_t)hops : 0;
	}
}

/* A raw IPv4 socket gives the IP header too: its length is in the low half of the first byte. */
static struct span without_header(const uint8_t *packet, size_t len, struct icmp_received *ret)
{
	enum { WORD = 4, TTL_AT = 8, HEADER_MIN = 20 };
	size_t header = len ? (size_t)(packet[0] & 0xf) * WORD : 0;
	if (header < HEADER_MIN || header > len)
		return (struct span){0};
	ret->hop_limit = packet[TTL_AT];
	return span_of(packet + header, len - header);
}

enum err icmp_receive(int fd, void *buf, size_t size, struct icmp_received *ret)
{
	union sockaddr_ip raw = {0};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = buf, .iov_len = size};
	struct msghdr m = {.msg_name = &raw,
			   .msg_namelen = sizeof(raw),
			   .msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct ip_endpoint from = {0};
	struct icmp_received got = {0};
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_errno();
	if (n > 0 && !(m.msg_flags & MSG_TRUNC)) {
		sockaddr_read(&raw, &from);
		got.from = from.address;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			control_read(c, &got);
		got.message = from.address.family == 4 ? without_header(buf, (size_t)n, &got)
						       : span_of(buf, (size_t)n);
	}
	*ret = got;
	return OK;
}
