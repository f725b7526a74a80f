/* Memory that is taken in small pieces and given back all at once, within a limit. Knows nothing of
 * what lies in it and runs no destructors. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/err.h"
#include "base/span.h"

struct arena_chunk;

/* Named by lifetime: `message`, `config`, `zone`. One thread at a time. */
struct arena {
	struct arena_chunk *first, *last; /* owned; NULL over a fixed buffer and before first use */
	uint8_t *fixed;			  /* borrowed from the caller of arena_over, or NULL */
	uint8_t *at, *end;		  /* what is left of the last chunk or of the buffer */
	size_t limit;			  /* bytes of all chunks together */
	size_t reserved;		  /* bytes of the chunks there are */
	size_t used;			  /* handed out since the last reset, with padding */
	size_t refused;			  /* how often arena_alloc returned NULL */
};

/* Allocates nothing before the first use; then chunks of ARENA_CHUNK bytes, doubling up to
 * ARENA_CHUNK_MAX, and never more than limit in all. */
enum { ARENA_CHUNK = 64 * 1024, ARENA_CHUNK_MAX = 1024 * 1024 };
void arena_init(struct arena *a, size_t limit);

/* An arena over the caller's buffer, which it never outgrows; arena_done frees nothing. */
struct arena arena_over(void *buf, size_t len);

/* size bytes, not zeroed, at a multiple of align (a power of two, at most 4096); NULL and counted
 * when they do not fit within the limit or malloc fails. Never NULL for size 0 within the limit. */
MUST void *arena_alloc(struct arena *a, size_t size, size_t align);

/* n items of item_size, zeroed; NULL also when the product overflows. */
MUST void *arena_zalloc(struct arena *a, size_t n, size_t item_size, size_t align);

/* One zeroed struct, or n of them: struct x *x = ARENA_NEW(a, struct x); */
#define ARENA_NEW(a, type)	((type *)arena_zalloc((a), 1, sizeof(type), _Alignof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_zalloc((a), (n), sizeof(type), _Alignof(type)))

/* A copy of s (and a NUL behind it, so that text is a C string too); NULL like arena_alloc. */
MUST char *arena_copy(struct arena *a, struct span s);

/* Forgets all that was handed out; keeps the first chunk, so that an arena whose messages fit into
 * it does not allocate again. */
void arena_reset(struct arena *a);

/* Frees all chunks; accepts a zeroed arena. May be used again after arena_init. */
void arena_done(struct arena *a);

static inline size_t arena_used(const struct arena *a)
{
	return a->used;
}

#endif
