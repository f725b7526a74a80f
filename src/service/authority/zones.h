/* All zones of one generation: an immutable set that is built aside and swapped whole. Knows
 * nothing of files or of who reads it. */
#ifndef AUTHORITY_ZONES_H
#define AUTHORITY_ZONES_H

#include "service/authority/update_policy.h"
#include "service/authority/zone.h"

struct ip_prefix;

/* Whatever applies updates to a zone, shared by the sets that have the zone. */
struct zones_updater {
	_Atomic uint32_t refs;
	void (*free)(struct zones_updater *u);
};

/* A zone with what the configuration says about it. */
struct zones_entry {
	struct zone *zone; /* NULL: it could not be loaded; answers are SERVFAIL */
	struct dns_name origin;
	struct ip_prefix *transfer_own; /* who may copy it */
	size_t transfer_n;
	struct dns_name *transfer_keys; /* who signs with one of these may, too */
	size_t transfer_keys_n;
	struct update_policy policy;
	struct zones_updater *updater; /* a reference; NULL: it takes no updates */
};

struct zones {
	struct zones_entry *entries;
	size_t n;
	struct zone_slot *slots; /* node: index + 1 into entries */
	uint32_t slots_mask;
	uint64_t depths[2]; /* bit n: there is an apex of n labels */
	uint64_t generation;
	const uint8_t *key; /* borrowed */
};

/* Room for up to max zones. key: 16 secret bytes that outlive all sets and zones. */
MUST enum err zones_new(const uint8_t *key, size_t max, uint64_t generation, struct zones **ret);
/* Adds one; takes over a reference to zone (may be NULL) and copies transfer. ERR_EXISTS when the
 * origin is there. */
MUST enum err zones_add(struct zones *set, const struct dns_name *origin, struct zone *zone,
			const struct ip_prefix *transfer, size_t transfer_n);
/* What else the configuration says about the zone added last: copies keys and policy, and takes a
 * reference to updater (may be NULL). ENOMEM. */
MUST enum err zones_add_rules(struct zones *set, const struct dns_name *transfer_keys,
			      size_t transfer_keys_n, const struct update_policy *policy,
			      struct zones_updater *updater);
/* The same set, each zone in its newest form: what updates replaced can be freed then. */
MUST enum err zones_renew(const struct zones *set, struct zones **ret);

struct zones_updater *zones_updater_ref(struct zones_updater *u); /* accepts NULL */
void zones_updater_unref(struct zones_updater *u);		  /* accepts NULL */

void zones_free(struct zones *set);
DEFINE_AUTO(struct zones, zones_free)

/* The zone with the longest origin at or above the name, at most labels_max labels long; NULL when
 * none. */
const struct zones_entry *zones_find(const struct zones *set, const struct zone_path *p,
				     unsigned labels_max);

#endif
