/* What leaves a full cache first: S3-FIFO (Yang et al., "FIFO queues are all you need for cache
 * eviction", SOSP 2023). New things wait in a small queue, in which those die that nobody asks for
 * again; what left it and comes back goes to the main queue at once. Knows only hashes and sizes.
 */
#ifndef HTTP_CACHE_S3FIFO_H
#define HTTP_CACHE_S3FIFO_H

#include "http-cache/ghosts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum s3fifo_queue { S3FIFO_NONE, S3FIFO_SMALL, S3FIFO_MAIN };

/* Embedded in what is kept; zeroed: in no queue. */
struct s3fifo_node {
	struct s3fifo_node *newer, *older;
	uint64_t hash, size;
	uint8_t queue; /* enum s3fifo_queue */
	uint8_t uses;  /* up to 3 */
};

struct s3fifo_list {
	struct s3fifo_node *newest, *oldest;
	uint64_t size;
};

/* One thread at a time. */
struct s3fifo {
	uint64_t capacity;
	struct s3fifo_list small, main;
	size_t main_n;
	struct ghosts ghosts; /* of what left the small queue unasked; the newest main_n count */
};

/* ghosts: how many are remembered at most; rounded up to a power of two. ENOMEM. */
MUST enum err s3fifo_init(struct s3fifo *s, uint64_t capacity, size_t ghosts);
/* The nodes are the caller's. Accepts zeroed storage. */
void s3fifo_done(struct s3fifo *s);

/* Does not evict: call s3fifo_evict until s3fifo_is_over is false. hash and size are set. */
void s3fifo_add(struct s3fifo *s, struct s3fifo_node *n);
void s3fifo_remove(struct s3fifo *s, struct s3fifo_node *n); /* accepts one that is in no queue */

static inline void s3fifo_used(struct s3fifo_node *n)
{
	if (n->uses < 3)
		n->uses++;
}

static inline uint64_t s3fifo_size(const struct s3fifo *s)
{
	return s->small.size + s->main.size;
}

static inline bool s3fifo_is_over(const struct s3fifo *s)
{
	return s3fifo_size(s) > s->capacity;
}

/* Takes out the one to go; NULL when there is none. */
struct s3fifo_node *s3fifo_evict(struct s3fifo *s);

#endif
