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
		free(set->entries[i].transfer_keys);
		update_policy_done(&set->entries[i].policy);
		zones_updater_unref(set->entries[i].updater);
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

struct zones_updater *zones_updater_ref(struct zones_updater *u)
{
	if (u)
		atomic_fetch_add_explicit(&u->refs, 1, memory_order_relaxed);
	return u;
}

void zones_updater_unref(struct zones_updater *u)
{
	if (u && atomic_fetch_sub_explicit(&u->refs, 1, memory_order_acq_rel) == 1)
		u->free(u);
}

enum err zones_add_rules(struct zones *set, const struct dns_name *transfer_keys,
			 size_t transfer_keys_n, const struct update_policy *policy,
			 struct zones_updater *updater)
{
	struct zones_entry *e = &set->entries[set->n - 1];

	if (transfer_keys_n) {
		e->transfer_keys = malloc(transfer_keys_n * sizeof(*transfer_keys));
		if (!e->transfer_keys)
			return ENOMEM;
		memcpy(e->transfer_keys, transfer_keys, transfer_keys_n * sizeof(*transfer_keys));
		e->transfer_keys_n = transfer_keys_n;
	}
	TRY(update_policy_copy(policy, &e->policy));
	e->updater = zones_updater_ref(updater);
	return OK;
}

enum err zones_renew(const struct zones *set, struct zones **ret)
{
	AUTO(zones_free) struct zones *again = NULL;

	TRY(zones_new(set->key, set->n, set->generation, &again));
	for (size_t i = 0; i < set->n; i++) {
		const struct zones_entry *e = &set->entries[i];
		struct zone *z = e->zone ? zone_ref_take(zone_now(e->zone)->home->first) : NULL;
		enum err failed = zones_add(again, &e->origin, z, e->transfer_own, e->transfer_n);
		if (failed) {
			zone_unref(z);
			return failed;
		}
		TRY(zones_add_rules(again, e->transfer_keys, e->transfer_keys_n, &e->policy,
				    e->updater));
	}
	*ret = TAKE(again);
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
