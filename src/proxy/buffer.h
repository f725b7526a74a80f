/* Buffers of one size from a worker's pool, counted so that a head's spans stay good while its
 * connection reads on. Knows nothing of what lies in them.
 */
#ifndef PROXY_BUFFER_H
#define PROXY_BUFFER_H

#include "base/err.h"
#include "base/large.h"
#include "base/span.h"

#include <stdbool.h>

enum { PROXY_BUFFER_SIZE = 16 * 1024 };

struct proxy_buffer {
	struct proxy_buffer *next; /* of the pool, or of a list of its holder */
	uint32_t refs;
	uint32_t start, end; /* bytes that nobody dealt with yet: data[start..end) */
	bool large;	     /* of the pool's large page */
	_Alignas(16) uint8_t data[PROXY_BUFFER_SIZE]; /* so that exchanges can lay structs there */
};

/* One thread. Given back last is taken first, so that it is still in the cache. */
struct proxy_buffers {
	struct large memory;
	struct proxy_buffer *free;
	size_t out, free_n, max;
	size_t small_n; /* that malloc gave */
	size_t least;	/* fewest free ones since the last trim */
	size_t refused; /* how often there was none */
};

void proxy_buffers_init(struct proxy_buffers *p, size_t max);
/* All must have been given back; accepts zeroed storage. */
void proxy_buffers_done(struct proxy_buffers *p);

/* Empty, with one reference; NULL and counted at max or without memory. */
MUST struct proxy_buffer *proxy_buffer_take(struct proxy_buffers *p);

static inline struct proxy_buffer *proxy_buffer_ref(struct proxy_buffer *b)
{
	b->refs++;
	return b;
}

/* How many more can be taken, if there is memory. */
static inline size_t proxy_buffers_left(const struct proxy_buffers *p)
{
	return p->max - p->out;
}

/* Accepts NULL. */
void proxy_buffer_give(struct proxy_buffers *p, struct proxy_buffer *b);

static inline struct span proxy_buffer_span(const struct proxy_buffer *b)
{
	return span_of(b->data + b->start, b->end - b->start);
}

/* For the sweep: gives memory back that was not used since the last call, but for a few. */
void proxy_buffers_trim(struct proxy_buffers *p);

#endif
