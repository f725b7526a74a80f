/* Bytes in buffers of the worker's pool, first in, first out, with a limit. Knows nothing of what
 * the bytes are.
 */
#ifndef PROXY_CHAIN2_H
#define PROXY_CHAIN2_H

#include "proxy/buffer.h"
#include "proxy/transport.h"

struct proxy_chain2 {
	struct proxy_buffer *first, *last;
	uint32_t n; /* buffers */
};

static inline bool proxy_chain2_empty(const struct proxy_chain2 *c)
{
	return !c->first;
}

/* The last buffer with room for least bytes, or a new one; NULL: n_max buffers are full, or there
 * is none. A buffer that nothing is put into is taken back by proxy_chain2_trim. */
struct proxy_buffer *proxy_chain2_room(struct proxy_chain2 *c, struct proxy_buffers *pool,
				       size_t least, uint32_t n_max);
void proxy_chain2_trim(struct proxy_chain2 *c, struct proxy_buffers *pool);
/* Copies all of the bytes in; false: not all, there was no room. */
MUST bool proxy_chain2_add(struct proxy_chain2 *c, struct proxy_buffers *pool, struct span bytes,
			   uint32_t n_max);
/* The first bytes. */
struct span proxy_chain2_span(const struct proxy_chain2 *c);
/* Passes over n bytes of the first buffer. */
void proxy_chain2_skip(struct proxy_chain2 *c, struct proxy_buffers *pool, size_t n);
void proxy_chain2_clear(struct proxy_chain2 *c, struct proxy_buffers *pool);
/* Writes as much as goes. */
MUST enum err proxy_chain2_write(struct proxy_chain2 *c, struct proxy_buffers *pool,
				 struct proxy_transport *t);

#endif
