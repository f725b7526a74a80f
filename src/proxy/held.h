/* What a transport has received ahead of its reader, in a buffer of the worker's: it goes before
 * all that comes behind it, and whoever reads may take it over whole. Knows nothing of where it
 * came from.
 */
#ifndef PROXY_HELD_H
#define PROXY_HELD_H

#include "proxy/transport.h"

/* Zeroed but for the pool: nothing. */
struct proxy_held {
	struct proxy_buffers *pool; /* borrowed */
	struct proxy_buffer *bytes; /* owned; NULL: nothing */
	enum err e; /* what a read tells, the end or an error: then bytes has none */
	bool more;  /* something may be behind it of which no event tells again */
};

/* b: of the pool, owned from now on; empty if there is an e. Nothing may be held by now. The rest
 * of t tells of it (holds), and is kept right as it is read. */
void proxy_held_keep(struct proxy_held *h, struct proxy_transport *t, struct proxy_buffer *b,
		     enum err e);

/* As those of a transport that holds (transport.h). */
MUST enum err proxy_held_peek(const struct proxy_held *h, void *buf, size_t size, size_t *ret_len);
MUST enum err proxy_held_read(struct proxy_held *h, struct proxy_transport *t, void *buf,
			      size_t size, size_t *ret_len);
MUST struct proxy_buffer *proxy_held_take(struct proxy_held *h, struct proxy_transport *t,
					  const struct proxy_buffers *pool, size_t most);

/* Of a transport that closes. Accepts nothing held. */
void proxy_held_drop(struct proxy_held *h);

#endif
