/* A worker on its thread's event loop: listeners, accepted connections, connections to back ends,
 * the clock. Knows nothing of what is asked and answered, nor who runs the loop.
 */
#ifndef PROXY_IO_WORKER_H
#define PROXY_IO_WORKER_H

#include "os/loop.h"
#include "proxy/worker.h"

struct proxy_io;
struct proxy_listener;
struct proxy_tls_judge;
struct ring;

struct proxy_io_options {
	struct loop *loop;	       /* borrowed; loop_around is taken here */
	const struct proxy_face *face; /* borrowed */
	void *face_arg;
	const struct proxy_limits *limits; /* borrowed */
	size_t connections_max;		   /* of clients */
	size_t exchanges_max;
	size_t buffers_max;		     /* of PROXY_BUFFER_SIZE */
	const struct proxy_tls_judge *judge; /* of servers; borrowed; NULL: none */
	struct ring *ring;		     /* of this worker; borrowed; NULL: none */
	uint64_t splice_min;		     /* UINT64_MAX: never; 0: the default */
};

/* In the worker's thread, as everything here. */
MUST enum err proxy_io_new(const struct proxy_io_options *o, struct proxy_io **ret);
/* Closes clients' connections; each exchange ends as PROXY_DRAINED. All hops must have been closed
 * (proxy_hop_close) before. Accepts NULL. */
void proxy_io_free(struct proxy_io *io);

struct proxy_worker *proxy_io_worker(struct proxy_io *io);

/* Accepts at a listening socket (borrowed, nonblocking) until proxy_io_unlisten. door: becomes
 * proxy_connection.door. */
MUST enum err proxy_io_listen(struct proxy_io *io, int fd, void *door, struct proxy_listener **ret);
void proxy_io_unlisten(struct proxy_io *io, struct proxy_listener *l);

/* Accepts no more, closes idle connections, ends others after the answer that runs (HTTP/2:
 * GOAWAY). `drained` is called once, in a later turn, when the last connection is gone. */
void proxy_io_drain(struct proxy_io *io, void (*drained)(void *arg), void *arg);

/* A transport over a connection that somebody else has accepted, for what is no HTTP. Takes fd
 * over, on failure too. */
MUST enum err proxy_io_accepted(struct proxy_io *io, int fd, struct proxy_transport **ret);

/* For transports (io_tcp.h, io_tls.h): the loop of that worker. */
struct loop *proxy_io_loop(struct proxy_worker *w);

#endif
