/* TCP listeners and connections, nonblocking; read and write serve unix stream sockets as well.
 * Knows nothing of what the bytes say. */
#ifndef OS_TCP_H
#define OS_TCP_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

#include <stdint.h>

enum {
	TCP_REUSEPORT = 1 << 0, /* several listeners at one address share its connections */
	TCP_FREEBIND = 1 << 1,	/* the address need not be on this machine yet */
	/* The packet filter may lead connections here as they are (TPROXY): each has the local
	 * address that it was meant for. EPERM without CAP_NET_ADMIN or CAP_NET_RAW. */
	TCP_TRANSPARENT = 1 << 2,
};

/* A listening socket: nonblocking, close-on-exec, SO_REUSEADDR, TCP_NODELAY, an IPv6 one for IPv6
 * only. */
MUST enum err tcp_listen(const struct ip_endpoint *at, unsigned flags, int backlog, int *ret_fd);

/* The next connection: nonblocking, close-on-exec, TCP_NODELAY as its listener. EAGAIN: none waits.
 * EMFILE and the like: it stays in the queue, so wait before the next try. A connection that died
 * in the queue is passed over. ret_local may be NULL. */
MUST enum err tcp_accept(int listen_fd, int *ret_fd, struct ip_endpoint *ret_peer,
			 struct ip_endpoint *ret_local);

/* Starts a connection; writable when it is settled, then tcp_connect_result says how. from: source
 * address or NULL. An error that is known at once (no route) is returned. */
MUST enum err tcp_connect(const struct ip_endpoint *to, const struct ip_address *from, int *ret_fd);
/* The same, for who writes as soon as it is open: the other side learns that it is by the first
 * bytes, not by a packet before them. Were there none, it would learn it after 200 ms. */
MUST enum err tcp_connect_to_speak(const struct ip_endpoint *to, const struct ip_address *from,
				   int *ret_fd);
MUST enum err tcp_connect_result(int fd);

/* Any stream socket, without waiting and without SIGPIPE. OK with *ret_len 0: nothing there, or no
 * room, now. ERR_CLOSED: the other side has ended (read), or is gone (write). */
MUST enum err tcp_read(int fd, void *buf, size_t size, size_t *ret_len);
/* As tcp_read, and an end is told from a reset, which is ECONNRESET. */
MUST enum err tcp_read_or_reset(int fd, void *buf, size_t size, size_t *ret_len);
MUST enum err tcp_write(int fd, struct span bytes, size_t *ret_len);
/* More is to follow soon: the kernel may wait for it, 200 ms at most (MSG_MORE of send(2)). */
MUST enum err tcp_write_more(int fd, struct span bytes, size_t *ret_len);
/* The parts, at most 16, as one write. */
MUST enum err tcp_write_parts(int fd, const struct span *parts, size_t parts_len, size_t *ret_len);

/* What a receive and a send by a ring came to (struct ring_item), as tcp_read_or_reset and
 * tcp_write tell it. */
MUST enum err tcp_ring_received(int32_t result, size_t *ret_len);
MUST enum err tcp_ring_sent(int32_t result, size_t *ret_len);

/* As tcp_read, and the bytes stay. */
MUST enum err tcp_peek(int fd, void *buf, size_t size, size_t *ret_len);
/* Nothing waits to be read, neither bytes nor the end nor an error. */
bool tcp_is_quiet(int fd);

MUST enum err tcp_nodelay(int fd, bool on);
/* We write no more; the other side reads the end. */
MUST enum err tcp_finish(int fd);
/* The other side has acknowledged all that was written, our end too; or nobody can tell. */
bool tcp_is_delivered(int fd);
/* close() will send a reset and drop what is queued: for peers that misbehave. */
MUST enum err tcp_reset_on_close(int fd);

/* Is the listener TCP_TRANSPARENT? */
bool tcp_is_transparent(int fd);

/* Where a connection was meant to go that was led to this machine's listener by a rule of its
 * packet filter (`redirect` or `dnat`). One that was meant for the listener: its own address, or an
 * error.
 */
MUST enum err tcp_meant_for(int fd, struct ip_endpoint *ret);

/* Where a socket is bound, TCP or UDP. ERR_UNSUPPORTED: not an IP socket. */
MUST enum err socket_local(int fd, struct ip_endpoint *ret);
/* Whom a socket is connected to. ERR_UNSUPPORTED likewise. */
MUST enum err socket_peer(int fd, struct ip_endpoint *ret);

#endif
