#include "os/sockaddr.h"

#include "os/fd.h"

#include <string.h>

int sockaddr_domain(const struct ip_endpoint *endpoint)
{
	ASSERT(endpoint->address.family == 4 || endpoint->address.family == 6);
	return endpoint->address.family == 4 ? AF_INET : AF_INET6;
}

socklen_t sockaddr_write(const struct ip_endpoint *endpoint, union sockaddr_ip *ret)
{
	if (sockaddr_domain(endpoint) == AF_INET) {
		ret->v4 = (struct sockaddr_in){.sin_family = AF_INET,
					       .sin_port = htons(endpoint->port)};
		memcpy(&ret->v4.sin_addr, endpoint->address.bytes, 4);
		return sizeof(ret->v4);
	}
	ret->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
					.sin6_port = htons(endpoint->port),
					.sin6_scope_id = endpoint->scope};
	memcpy(&ret->v6.sin6_addr, endpoint->address.bytes, 16);
	return sizeof(ret->v6);
}

void sockaddr_read(const union sockaddr_ip *raw, struct ip_endpoint *ret)
{
	*ret = (struct ip_endpoint){0};
	if (raw->any.sa_family == AF_INET) {
		ret->address.family = 4;
		memcpy(ret->address.bytes, &raw->v4.sin_addr, 4);
		ret->port = ntohs(raw->v4.sin_port);
	} else if (raw->any.sa_family == AF_INET6) {
		ret->address.family = 6;
		memcpy(ret->address.bytes, &raw->v6.sin6_addr, 16);
		ret->port = ntohs(raw->v6.sin6_port);
		ret->scope = raw->v6.sin6_scope_id;
	}
}

enum err socket_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? err_errno() : OK;
}

enum err socket_bound(const struct ip_endpoint *at, int type, bool reuse_port, bool free_bind,
		      int *ret_fd)
{
	union sockaddr_ip raw;
	socklen_t raw_len = sockaddr_write(at, &raw);
	AUTO_DONE(fd_done)
	int fd = socket(sockaddr_domain(at), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno();
	if (type == SOCK_STREAM)
		TRY(socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	if (at->address.family == 6)
		TRY(socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
	if (reuse_port)
		TRY(socket_option(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	if (free_bind) /* holds for IPv6 sockets too */
		TRY(socket_option(fd, IPPROTO_IP, IP_FREEBIND, 1));
	if (bind(fd, &raw.any, raw_len) < 0)
		return err_errno();
	*ret_fd = fd_take(&fd);
	return OK;
}
