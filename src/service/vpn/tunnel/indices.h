/* Random receiver indices (the paper 5.4.2, 5.4.6) and what they name: the hash table whose keys
 * are their own hashes. Knows nothing of the records. */
#ifndef VPN_TUNNEL_INDICES_H
#define VPN_TUNNEL_INDICES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vpn_index {
	void *record; /* borrowed; NULL: the slot is free */
	uint32_t index;
};

/* Zeroed storage is an empty one. Reading by several threads is allowed while nobody writes. */
struct vpn_indices {
	struct vpn_index *slots; /* owned */
	size_t slots_n;		 /* 0 or a power of two */
	size_t used;
};

void vpn_indices_done(struct vpn_indices *t);

/* Room for n; what is there moves, so it is a change. ENOMEM. */
MUST enum err vpn_indices_reserve(struct vpn_indices *t, size_t n);

/* The index must not be there, and room must have been reserved. record: not NULL. */
void vpn_indices_add(struct vpn_indices *t, uint32_t index, void *record);
/* Accepts one that is not there. */
void vpn_indices_remove(struct vpn_indices *t, uint32_t index);

static inline void *vpn_indices_find(const struct vpn_indices *t, uint32_t index)
{
	if (!t->slots_n)
		return NULL;
	for (size_t at = index & (t->slots_n - 1);; at = (at + 1) & (t->slots_n - 1)) {
		const struct vpn_index *slot = &t->slots[at];
		if (!slot->record || slot->index == index)
			return slot->record;
	}
}

#endif
