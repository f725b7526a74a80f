#include "service/authority/zones.h"

#include "proto/ip/prefix.h"

#include <stdlib.h>

enum err zones_new(const uint8_t *key, size_t max, uint64_t generation, struct zones **ret)
{
	struct zones *set = calloc(1, sizeof(*set));
	uint32_t slots = 8;

	while (slots < max * 2)
		slots *= 2;
	if (!set)
		return ENOMEM;
	*set = (struct zones){.key = key, .generation = generation, .slots_mask = slots - 1};
	set->entries = calloc(max ? max : 1, sizeof(*set->entries));
	set->slots = calloc(slots, sizeof(*set->slots));
	if (!set->entries || !set->slots) {
		zones_free(set);
		return ENOMEM;
	}
	*ret = set;
	return OK;
}

void zones_free(struct zones *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++) {
		zone_unref(set->entries[i].zone);
		free(set->entries[i].transfer_own);
	}
	free(set->entries);
	free(set->slots);
	free(set);
}

/* The slot of a name: the one that holds it, else the free one where it belongs. */
static struct zone_slot *slot_of(const struct zones *set, const uint8_t *wire, size_t len,
				 uint32_t *ret_tag)
{
	uint64_t hash = zone_hash(set->key, wire, len);

	*ret_tag = (uint32_t)(hash >> 32);
	for (uint32_t i = (uint32_t)hash & set->slots_mask;; i = (i + 1) & set->slots_mask) {
		struct zone_slot *slot = &set->slots[i];
		if (slot->node == 0)
			return slot;
		const struct zones_entry *e = &set->entries[slot->node - 1];
		if (slot->tag == *ret_tag && e->origin.len == len &&
		    memcmp(e->origin.wire, wire, len) == 0)
			return slot;
	}
}

enum err zones_add(struct zones *set, const struct dns_name *origin, struct zone *zone,
		   const struct ip_prefix *transfer, size_t transfer_n)
{
	uint32_t tag;
	struct zone_slot *slot = slot_of(set, origin->wire, origin->len, &tag);
	struct zones_entry *e = &set->entries[set->n];
	unsigned labels = dns_name_labels(origin);

	if (slot->node)
		return ERR_EXISTS;
	*e = (struct zones_entry){.zone = NULL, .origin = *origin, .transfer_n = transfer_n};
	if (transfer_n) {
		e->transfer_own = malloc(transfer_n * sizeof(*transfer));
		if (!e->transfer_own)
			return ENOMEM;
		memcpy(e->transfer_own, transfer, transfer_n * sizeof(*transfer));
	}
	e->zone = zone;
	slot->tag = tag;
	slot->node = (uint32_t)++set->n;
	set->depths[labels / 64] |= UINT64_C(1) << (labels % 64);
	return OK;
}

const struct zones_entry *zones_find(const struct zones *set, const struct zone_path *p,
				     unsigned labels_max)
{
	for (unsigned n = labels_max + 1; n-- > 0;) {
		uint32_t tag;
		if (!(set->depths[n / 64] >> (n % 64) & 1))
			continue;
		const struct zone_slot *slot =
			slot_of(set, p->wire + p->at[n], (size_t)p->len - p->at[n], &tag);
		if (slot->node)
			return &set->entries[slot->node - 1];
	}
	return NULL;
}
