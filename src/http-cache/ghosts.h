/* Hashes of what left a cache without having been asked for twice: what comes back soon after it is
 * wanted (the ghost queue of S3-FIFO). Knows neither what left nor which queue it was in.
 */
#ifndef HTTP_CACHE_GHOSTS_H
#define HTTP_CACHE_GHOSTS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Sets of four; one thread at a time. */
struct ghosts {
	uint64_t *at; /* owned: the high half of a hash, and when it died */
	size_t n;
	uint32_t seq;
};

/* n: how many are remembered at most; rounded up to a power of two. ENOMEM. */
MUST enum err ghosts_init(struct ghosts *g, size_t n);
void ghosts_done(struct ghosts *g); /* accepts zeroed storage */
void ghosts_add(struct ghosts *g, uint64_t hash);
/* Whether it is among the last `within` that were added; it is forgotten then. */
MUST bool ghosts_take(const struct ghosts *g, uint64_t hash, size_t within);

#endif
