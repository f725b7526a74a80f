/* Endpoints as the kernel writes them. Private to this folder; knows no sockets. */
#ifndef OS_SOCKADDR_H
#define OS_SOCKADDR_H

#include "base/err.h"
#include "proto/ip/address.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Room for either family, without the 128 bytes of sockaddr_storage. */
union sockaddr_ip {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The family must be 4 or 6. Returns the length of what was written. */
socklen_t sockaddr_write(const struct ip_endpoint *endpoint, union sockaddr_ip *ret);

/* Family 0 when it is neither AF_INET nor AF_INET6. */
void sockaddr_read(const union sockaddr_ip *raw, struct ip_endpoint *ret);

int sockaddr_domain(const struct ip_endpoint *endpoint); /* AF_INET or AF_INET6 */

/* Sets an option of type int. */
MUST enum err socket_option(int fd, int level, int name, int value);

/* A nonblocking, close-on-exec socket of that type, bound with the options shared by UDP and TCP.
 */
MUST enum err socket_bound(const struct ip_endpoint *at, int type, bool reuse_port, bool free_bind,
			   int *ret_fd);

#endif
