/* UDP sockets, alone and in batches; an answer leaves from the address that the query came to.
 *Knows nothing of what the datagrams say.
 *
 *	supervisor:	udp_open(&at, UDP_REUSEPORT, &fd)	-> passed as LISTEN_FDS
 *	service:	udp_prepare(fd, 0, &socket); udp_batch_new(64, 4096, 4096, &batch);
 *	each wake:	TRY(udp_batch_receive(batch, &socket));
 *			for (i < batch->count) batch->slots[i].tx_len = answer(rx, rx_len, tx,
 *tx_cap); udp_batch_send(batch, &socket);
 */
#ifndef OS_UDP_H
#define OS_UDP_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UDP_REUSEPORT = 1 << 0, /* several sockets at one address share its queries by flow */
	UDP_FREEBIND = 1 << 1,	/* the address need not be on this machine yet */
	UDP_BROADCAST = 1 << 2, /* may send to broadcast addresses */
	UDP_BATCH_MAX = 64,
	UDP_DATAGRAM_MAX = 65535,
};

/* A bound UDP socket: nonblocking, close-on-exec, an IPv6 one for IPv6 only, with 4 MiB for what
 * waits in either direction as far as the opener may. udp_prepare has not been done on it. */
MUST enum err udp_open(const struct ip_endpoint *at, unsigned flags, int *ret_fd);

/* A socket and what of it the packet path needs to know. fd is borrowed. */
struct udp_socket {
	int fd;
	uint8_t family;		  /* 4 or 6 */
	bool wild;		  /* bound to all addresses: each datagram tells where it came to */
	struct ip_endpoint local; /* as bound */
	/* Counted by the thread that owns the socket. */
	uint64_t send_dropped; /* answers that the kernel would not take: no route, no room */
};

/* Sets on a descriptor that was opened here or passed to us what serving needs, and fills ret:
 * nonblocking, close-on-exec;
 * IP_PKTINFO / IPV6_RECVPKTINFO, when it is bound to the wildcard address, and only then;
 * IP_MTU_DISCOVER = OMIT: a path MTU that a forged ICMP lowered is not believed, so nobody can make
 * the kernel cut answers into fragments that he may then replace; their size keeps them whole (RFC
 * 9715); SO_RCVBUF of receive_bytes (0: 1 MiB; more than net.core.rmem_max only with CAP_NET_ADMIN;
 * what the kernel grants is no error, and what it had already it keeps). */
MUST enum err udp_prepare(int fd, size_t receive_bytes, struct udp_socket *ret);

/* One datagram of a batch. rx is what came; the answer is written to tx, and its length to tx_len.
 * The rest is private: udp_slot_peer and the like convert it when somebody asks. */
struct udp_slot {
	uint8_t *rx;
	uint8_t *tx;
	uint32_t rx_len;
	uint32_t tx_len; /* 0: no answer. Set to 0 by udp_batch_receive */
	bool truncated;	 /* what came was longer than the rx buffer: only the beginning is here */
	const void *peer_raw;	 /* struct sockaddr_in or _in6 */
	const void *control_raw; /* pktinfo as received; NULL when the socket is not wild */
};

struct udp_batch_raw;

/* Buffers and kernel structures for one thread; may serve several sockets in turn. */
struct udp_batch {
	size_t count; /* slots that the last receive filled */
	size_t slots_max;
	size_t rx_cap, tx_cap;	       /* bytes of each slot's rx and tx */
	const struct udp_socket *from; /* borrowed: the socket that the last receive read */
	struct udp_batch_raw *raw;
	struct udp_slot slots[]; /* slots_max */
};

/* slots 1..UDP_BATCH_MAX; rx_size and tx_size 512..UDP_DATAGRAM_MAX. ENOMEM. */
MUST enum err udp_batch_new(size_t slots, size_t rx_size, size_t tx_size, struct udp_batch **ret);
void udp_batch_free(struct udp_batch *batch);
DEFINE_AUTO(struct udp_batch, udp_batch_free)

/* One recvmmsg, which waits for nothing; batch->count may be 0 after it. The errors of the socket
 * are returned; ICMP errors of earlier answers are not errors. */
MUST enum err udp_batch_receive(struct udp_batch *batch, const struct udp_socket *socket);

/* Sends the answers of all slots with tx_len > 0 in one sendmmsg, each to its peer, from the
 * address that the query came to. What the kernel does not take at once is dropped and counted: a
 * client asks again, a queue here would only make the answer late. */
void udp_batch_send(struct udp_batch *batch, struct udp_socket *socket);

/* The sender of the slot's datagram, and the address it was sent to (the socket's own, when that is
 * not wild). ifindex 0: not known; asked for before udp_batch_send, which clears it. */
void udp_slot_peer(const struct udp_slot *slot, struct ip_endpoint *ret);
void udp_slot_local(const struct udp_batch *batch, const struct udp_slot *slot,
		    struct ip_endpoint *ret);
uint32_t udp_slot_ifindex(const struct udp_batch *batch, const struct udp_slot *slot);

/* One datagram, for what is not hot. from: source address or NULL; only on a wild socket. Nothing
 * is queued here: EAGAIN when the kernel has no room. */
MUST enum err udp_send_to(const struct udp_socket *socket, const struct ip_address *from,
			  const struct ip_endpoint *to, struct span datagram);

/* ret_len 0 and family 0 in ret_from: nothing there. A datagram longer than size is cut and
 * *ret_len is its whole length (> size). ret_to may be NULL. */
MUST enum err udp_receive_one(const struct udp_socket *socket, void *buf, size_t size,
			      size_t *ret_len, struct ip_endpoint *ret_from,
			      struct ip_endpoint *ret_to);

/* A connected socket for asking: nonblocking, close-on-exec, path MTU as in udp_prepare. from:
 * source address or NULL. from_port: the caller's random choice (RFC 5452 9.2), EADDRINUSE when
 * taken, or 0: the kernel chooses at random in ip_local_port_range. The kernel then passes only
 * what comes from `to`. */
MUST enum err udp_connect(const struct ip_endpoint *to, const struct ip_address *from,
			  uint16_t from_port, int *ret_fd);

/* On a connected socket. Read: *ret_len 0 with OK when nothing is there (an empty datagram looks
 * the same); longer than size is cut, *ret_len is its whole length. ECONNREFUSED: the other side
 * has no such port. Write: EAGAIN when there is no room. */
MUST enum err udp_read(int fd, void *buf, size_t size, size_t *ret_len);
MUST enum err udp_write(int fd, struct span datagram);

#endif
