#include "service/vpn/tunnel/indices.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64 };

void vpn_indices_done(struct vpn_indices *t)
{
	free(t->slots);
	*t = (struct vpn_indices){0};
}

static void put(struct vpn_index *slots, size_t slots_n, uint32_t index, void *record)
{
	size_t at = index & (slots_n - 1);
	while (slots[at].record) {
		ASSERT(slots[at].index != index);
		at = (at + 1) & (slots_n - 1);
	}
	slots[at] = (struct vpn_index){.index = index, .record = record};
}

enum err vpn_indices_reserve(struct vpn_indices *t, size_t n)
{
	size_t slots_n = t->slots_n ? t->slots_n : SLOTS_MIN;
	/* At most half full: runs stay short, and a search always ends at a free slot. */
	while (slots_n / 2 < n)
		slots_n *= 2;
	if (slots_n == t->slots_n)
		return OK;
	struct vpn_index *slots = calloc(slots_n, sizeof(*slots));
	if (!slots)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < t->slots_n; i++)
		if (t->slots[i].record)
			put(slots, slots_n, t->slots[i].index, t->slots[i].record);
	free(t->slots);
	t->slots = slots;
	t->slots_n = slots_n;
	return OK;
}

void vpn_indices_add(struct vpn_indices *t, uint32_t index, void *record)
{
	ASSERT(record && t->used < t->slots_n / 2);
	put(t->slots, t->slots_n, index, record);
	t->used++;
}

void vpn_indices_remove(struct vpn_indices *t, uint32_t index)
{
	if (!vpn_indices_find(t, index))
		return;
	size_t mask = t->slots_n - 1, hole = index & mask;
	while (t->slots[hole].index != index || !t->slots[hole].record)
		hole = (hole + 1) & mask;
	/* Those behind that would not be found past the hole move into it. */
	for (size_t at = (hole + 1) & mask; t->slots[at].record; at = (at + 1) & mask) {
		size_t home = t->slots[at].index & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		t->slots[hole] = t->slots[at];
		hole = at;
	}
	t->slots[hole] = (struct vpn_index){0};
	t->used--;
}
