/* The addresses of a pool that no record speaks of. Taking one costs the same in an empty pool and
 * in a full one; does not know who gets it. */
#ifndef DHCP_FREE_POOL_H
#define DHCP_FREE_POOL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DHCP_POOL_LEVELS_MAX = 6 }; /* 64 to the sixth: more than there are addresses */

/* Bitmaps over bitmaps: a bit of a higher level says that the 64 below it are not all clear. */
struct dhcp_free {
	uint32_t first, last;
	uint64_t *levels[DHCP_POOL_LEVELS_MAX]; /* the first is owned, the others lie behind it */
	unsigned levels_n;
	uint32_t left; /* addresses in it */
	uint32_t turn; /* where the next search begins */
};

/* All of first to last are free. turn: where the first search begins, an address of it; two servers
 * of one pool that begin far from each other seldom offer the same. ENOMEM. */
MUST enum err dhcp_free_init(struct dhcp_free *f, uint32_t first, uint32_t last, uint32_t turn);
void dhcp_free_done(struct dhcp_free *f);
bool dhcp_free_has(const struct dhcp_free *f, uint32_t address);
/* Both accept any address of the pool. */
void dhcp_free_add(struct dhcp_free *f, uint32_t address);
void dhcp_free_remove(struct dhcp_free *f, uint32_t address);
/* The next one in turn, taken out. False: none. */
bool dhcp_free_take(struct dhcp_free *f, uint32_t *ret);
size_t dhcp_free_bytes(const struct dhcp_free *f);

#endif
