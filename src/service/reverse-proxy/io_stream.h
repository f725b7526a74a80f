/* Connections that one worker passes on without a look at what they carry: by the address they came
 * to, or by the name that a TLS client asks for. Knows no HTTP and decrypts nothing.
 *
 * A connection keeps the view that it began with. What waits for one side to take it lies in a
 * buffer of the worker's pool, and that side's giver is not read meanwhile; a quiet connection owns
 * none.
 */
#ifndef REVERSE_PROXY_IO_STREAM_H
#define REVERSE_PROXY_IO_STREAM_H

#include "base/err.h"
#include "proto/ip/address.h"

#include <stddef.h>

struct pool;
struct pool_place;
struct pool_tried;
struct reverse_streams;
struct reverse_worker;

struct reverse_streams_options {
	struct reverse_worker *worker; /* borrowed; its core and view are there */
	const struct ip_endpoint *at;  /* n, borrowed; the sockets listen there */
	const int *fds;		       /* n, borrowed */
	size_t n;
	size_t streams_max;			   /* at once; who comes then is closed */
	void (*emptied)(struct reverse_worker *w); /* the last one has gone */
};

MUST enum err reverse_streams_new(const struct reverse_streams_options *options,
				  struct reverse_streams **ret);
/* Nobody new. */
void reverse_streams_unlisten(struct reverse_streams *s); /* accepts NULL */
size_t reverse_streams_open(const struct reverse_streams *s);
/* Ends all; accepts NULL. */
void reverse_streams_free(struct reverse_streams *s);

/* A server for what came from there, by the client's address where the pool goes by hash. tried:
 * those before, which it joins. ERR_LIMIT: none, or no more. */
MUST enum err reverse_stream_pick(struct reverse_worker *w, const struct pool *pool,
				  const struct ip_endpoint *peer, struct pool_tried *tried,
				  struct pool_place *ret);

#endif
