/* Raw ICMP and ICMPv6 sockets: messages whole, from the type on. Knows no type of them; the kernel
 * makes and checks the checksum of ICMPv6, the caller that of ICMP. */
#ifndef OS_ICMP_H
#define OS_ICMP_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

#include <stddef.h>
#include <stdint.h>

/* Nonblocking, close-on-exec; family 4 or 6. Receives nothing until icmp_listen. EPERM without
 * CAP_NET_RAW. */
MUST enum err icmp_open(uint8_t family, int *ret_fd);

/* Receives these types from now on, and no other; no capability is needed. Types of ICMP above 31
 * cannot be told apart by the kernel and are refused (EINVAL). */
MUST enum err icmp_listen(int fd, uint8_t family, const uint8_t *types, size_t types_len);

/* A group on one link (RFC 3493): the socket receives what is sent to it there. Also for UDP
 * sockets. OK when it is a member already; leaving what has gone is OK. */
MUST enum err multicast_join(int fd, const struct ip_address *group, uint32_t ifindex);
MUST enum err multicast_leave(int fd, const struct ip_address *group, uint32_t ifindex);

/* How many routers what this IPv6 socket sends to a group may pass; 1 unless set. */
MUST enum err multicast_hops_set(int fd, uint8_t hops);

/* ICMP, from any address of ours. */
MUST enum err icmp_send(int fd, const struct ip_address *to, struct span message);
/* ICMPv6 on that link with hop limit 255, as neighbour discovery asks (RFC 4861 6.1). from: an
 * address of ours, or NULL: the kernel chooses. */
MUST enum err icmp6_send(int fd, uint32_t ifindex, const struct ip_address *from,
			 const struct ip_address *to, struct span message);

struct icmp_received {
	struct span message; /* in the caller's buffer; empty: nothing of use is there */
	struct ip_address from, to;
	uint32_t ifindex;
	uint8_t hop_limit;
};
/* Of either family. What is longer than buf is passed over, as is a torn IP header. */
MUST enum err icmp_receive(int fd, void *buf, size_t size, struct icmp_received *ret);

#endif
