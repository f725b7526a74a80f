/* Packets below IP's rules: to a host that has no address yet, or asked by ARP. The kernel writes
 * and takes off the link's header; knows nothing of what the packets say.
 *
 *	supervisor:	packet_open(&fd)			-> passed as LISTEN_FDS
 *	service:	packet_listen_arp_replies(fd, 0)	no capability is needed from here on
 */
#ifndef OS_PACKET_H
#define OS_PACKET_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PACKET_IP4 = 0x0800,
	PACKET_ARP = 0x0806,
	PACKET_IP6 = 0x86dd,
	PACKET_LINK_MAX = 20, /* bytes of the longest link address: InfiniBand's */
};

/* One end of a packet: a link of ours and an address on it. */
struct packet_end {
	uint32_t ifindex;
	uint16_t protocol; /* PACKET_… */
	uint8_t address_len;
	uint8_t address[PACKET_LINK_MAX];
};

/* A nonblocking, close-on-exec packet socket that sends on any link and receives nothing until
 * packet_listen. EPERM without CAP_NET_RAW. */
MUST enum err packet_open(int *ret_fd);

/* Receives that protocol from now on, on one link or (ifindex 0) on all, also those that appear
 * later; not what this machine sends. May be called again for another link. ENODEV, ENETDOWN. */
MUST enum err packet_listen(int fd, uint32_t ifindex, uint16_t protocol);
/* As packet_listen for PACKET_ARP, and the kernel passes only answers (RFC 826, operation 2). */
MUST enum err packet_listen_arp_replies(int fd, uint32_t ifindex);
/* As packet_listen for PACKET_IP4, and the kernel passes only UDP to that port: not a fragment, not
 * what IP's own rules would drop for its length. */
MUST enum err packet_listen_udp4(int fd, uint32_t ifindex, uint16_t port);

/* For looking on: UDP over IPv4 from or to a port between the two (both belong), on one link or on
 * all, what this machine sends as well. */
MUST enum err packet_watch_udp4(int fd, uint32_t ifindex, uint16_t first_port, uint16_t last_port);

/* packet: from the network header on. EAGAIN: no room; ENXIO, ENODEV, ENETDOWN: the link has gone
 * or is down. */
MUST enum err packet_send(int fd, const struct packet_end *to, struct span packet);

struct packet_received {
	size_t len;		/* 0: nothing is there. Longer than the buffer: it was cut */
	struct packet_end from; /* family-independent: the sender's link address */
	/* It never left this machine (a veth, a bridge): its UDP checksum is not filled in yet, and
	 * is right by definition. */
	bool checksum_pending;
};
MUST enum err packet_receive(int fd, void *buf, size_t size, struct packet_received *ret);

#endif
