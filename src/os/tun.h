/* TUN devices: the packets of a link, in several queues, as super-packets where the kernel leaves
 * their cutting and their checksums to us. Knows no tunnel; what stands in a packet's head is in
 * proto/ip/offload.h, addresses and routes are in os/netlink.h and os/netlink_route.h.
 *
 *	supervisor:	tun_open("wg0", cpus, TUN_ALL, fds, &n)	-> passed as LISTEN_FDS
 *	service:	tun_prepare(fds[i], TUN_ALL, &tun)		tells what is on
 */
#ifndef OS_TUN_H
#define OS_TUN_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

enum {
	TUN_NAME_MAX = 16, /* with the NUL */
	TUN_QUEUES_MAX = 64,
	TUN_HEAD_LEN = 10, /* before each packet, in both directions: struct ip_offload */
	TUN_PACKET_MAX = 65535,
	/* Packets that wait in a queue before the kernel drops. Its own default, 500, is less than
	 * one burst of small packets. */
	TUN_WAITING_MAX = 4096,
};

/* What may be wanted, and what is then on. */
enum {
	TUN_QUEUES = 1 << 0,   /* several queues; the kernel keeps a flow in one */
	TUN_HEADS = 1 << 1,    /* packets with a head; without it none of what follows */
	TUN_CHECKSUM = 1 << 2, /* the kernel leaves checksums of TCP and UDP to us */
	TUN_TSO4 = 1 << 3,     /* and the cutting of TCP over IPv4 */
	TUN_TSO6 = 1 << 4,
	TUN_ECN = 1 << 5, /* also where congestion was told */
	TUN_USO = 1 << 6, /* and of UDP (Linux 6.2) */
	TUN_ALL = (1 << 7) - 1,
};

/* Opens the device, or attaches to one that is there, with `queues` descriptors: nonblocking,
 * close-on-exec; the device is gone when the last of them is closed. What this kernel lacks of
 * `wanted` is left out; without TUN_QUEUES there is one. Nothing is set on the link but the room of
 * its queues. Needs CAP_NET_ADMIN. ret_fds: room for `queues`, 1 to TUN_QUEUES_MAX.
 * ERR_FORMAT: no name for a link; EBUSY: somebody else has it. */
MUST enum err tun_open(const char *name, size_t queues, unsigned wanted, int *ret_fds,
		       size_t *ret_n);

/* One queue. fd is borrowed. */
struct tun {
	int fd;
	unsigned on; /* TUN_… */
	char name[TUN_NAME_MAX];
};

/* Turns on what can be of the offloads wanted, and fills ret. For a descriptor that tun_open made,
 * here or in another process; needs no capability. All queues of a device want the same. */
MUST enum err tun_prepare(int fd, unsigned wanted, struct tun *ret);

/* "queues", "heads", "checksum", "tso4", "tso6", "ecn", "uso"; NULL: no such single bit. */
const char *tun_feature_name(unsigned bit);

/* The next packet into room: its head (zeros without TUN_HEADS), then the packet; ret_len is of
 * both, 0 with OK when nothing waits. size: TUN_HEAD_LEN + TUN_PACKET_MAX, or longer packets are
 * cut. */
MUST enum err tun_read(const struct tun *tun, uint8_t *room, size_t size, size_t *ret_len);

/* Writes one packet, or super-packet, of n parts, 2 to TUN_PARTS_MAX; the first is its head
 * (TUN_HEAD_LEN; left out without TUN_HEADS). EAGAIN: no room; EINVAL: the kernel does not like
 * it; EIO: the link is down. */
enum { TUN_PARTS_MAX = 130 };
MUST enum err tun_write(const struct tun *tun, const struct span *parts, size_t n);

#endif
