/* One connection to one address by TCP, and TLS in it when that is asked for. Knows nothing of what
 * is said there, nor how long it may take.
 */
#ifndef FETCH_CONNECTION_H
#define FETCH_CONNECTION_H

#include "os/loop.h"
#include "proto/ip/address.h"

struct tls_peer;
struct tls_stream;

/* Something can be done: opened further, read or written. It may close the connection. */
typedef void fetch_connection_call(void *arg);

/* Storage is the caller's and may not move while it is there. */
struct fetch_connection {
	struct loop *loop; /* borrowed */
	fetch_connection_call *call;
	void *arg;		/* borrowed */
	int fd;			/* -1: there is none */
	struct tls_stream *tls; /* owned; NULL: plain, or not connected yet */
	/* Private. */
	bool connected;
	struct tls_peer *peer; /* borrowed until connected */
	struct loop_watch watch;
	uint32_t events;
};

void fetch_connection_init(struct fetch_connection *c, struct loop *loop,
			   fetch_connection_call *call, void *arg);
/* Begins; there must be none. peer: stays until it is open or closed; NULL: without TLS. Errors
 * that are known at once. */
MUST enum err fetch_connection_begin(struct fetch_connection *c, const struct ip_endpoint *to,
				     struct tls_peer *peer);
/* Goes on to be open, and asks for what it still waits for. fetch_connection_fault says more of an
 * error. */
MUST enum err fetch_connection_open(struct fetch_connection *c, bool *ret_open);
/* As tcp_read and tcp_write, through TLS when it is there. Open ones only. */
MUST enum err fetch_connection_read(struct fetch_connection *c, void *buf, size_t size,
				    size_t *ret_len);
/* What was not taken is to be offered again from the same octet on. */
MUST enum err fetch_connection_write(struct fetch_connection *c, struct span bytes,
				     size_t *ret_len);
/* Waits for something to read, and for room to write when wanted. */
MUST enum err fetch_connection_wait(struct fetch_connection *c, bool for_room);
/* What TLS has against the other side, a fixed text; "": nothing. */
const char *fetch_connection_fault(const struct fetch_connection *c);
/* After ERR_CLOSED of a read: the other side has said that it ends, and nobody between us. Without
 * TLS that is always believed. */
bool fetch_connection_said_end(const struct fetch_connection *c);
static inline bool fetch_connection_is(const struct fetch_connection *c)
{
	return c->fd >= 0;
}
/* Nothing is told any more. Accepts one that is not there. */
void fetch_connection_close(struct fetch_connection *c);

#endif
