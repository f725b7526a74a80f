/* Memory for HTTP/2 sessions out of slabs of a few sizes: what a request takes and gives back costs
 * no malloc, and each session has an account with a limit. One thread; knows no session. */
#ifndef PROTO_HTTP2_HEAP_H
#define PROTO_HTTP2_HEAP_H

#include "base/err.h"
#include "base/slab.h"

#include <stdbool.h>

#define HTTP2_HEAP_SIZES 15	     /* of records: 32 bytes to 68 KiB */
#define HTTP2_HEAP_MAX	 (68 * 1024) /* bytes of one piece; more is refused */

struct http2_heap {
	struct slab slabs[HTTP2_HEAP_SIZES];
};

/* Who pays: bytes that are out, and how many may be. All zero but max at the start. */
struct http2_account {
	struct http2_heap *heap; /* borrowed */
	size_t used, max;
	uint64_t refused; /* how often a piece was not given */
};

/* Allocates nothing; bytes_max bounds what all sessions of the heap hold together, for each size of
 * records. */
void http2_heap_init(struct http2_heap *h, size_t bytes_max);
/* Frees everything, also what is out; accepts zeroed storage. */
void http2_heap_done(struct http2_heap *h);

/* At least size bytes, aligned to 16 and zeroed; NULL and counted when
 * the account or the heap is full. size 0 gives a piece as well. */
MUST void *http2_heap_take(struct http2_account *a, size_t size);
/* Gives a piece back to the account that it came from; accepts NULL. */
void http2_heap_give(struct http2_account *a, void *piece);
/* As realloc(3): NULL leaves the piece as it was. */
MUST void *http2_heap_resize(struct http2_account *a, void *piece, size_t size);

#endif
