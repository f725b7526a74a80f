#include "service/authority/zone.h"

#include "base/siphash.h"
#include "proto/dns/type.h"

#include <assert.h>
#include <stdlib.h>

static_assert(sizeof(struct zone_rrset) == 20 && sizeof(struct zone_rrset) % ZONE_UNIT == 0,
	      "heads lie one behind the other");
static_assert(_Alignof(struct zone_node) == ZONE_UNIT, "a node begins at a unit");

uint64_t zone_hash(const uint8_t *key, const uint8_t *wire, size_t len)
{
	return siphash13(key, wire, len);
}

const struct zone *zone_keep(const struct zone *z)
{
	atomic_fetch_add_explicit(&z->home->refs, 1, memory_order_relaxed);
	return z;
}

struct zone *zone_ref_take(struct zone *z)
{
	(void)zone_keep(z);
	return z;
}

static void home_free(struct zone_home *h)
{
	struct zone *z = h->first;

	for (uint32_t i = 0; i < h->stamps_n; i++)
		free(h->stamp_paths[i]);
	free(h->path);
	free(h);
	free(z->region);
	free(z->slots);
	free(z->nsec);
	free(z->nsec3);
	free(z);
}

void zone_drop(const struct zone *z)
{
	/* A row of successors may be long: no recursion. */
	while (z && atomic_fetch_sub_explicit(&z->home->refs, 1, memory_order_acq_rel) == 1) {
		const struct zone *next = z->home->successor;
		home_free(z->home);
		z = next;
	}
}

void zone_unref(struct zone *z)
{
	zone_drop(z);
}

enum err zone_home_copy(struct zone_home *to, const struct zone_home *from)
{
	to->lenient = from->lenient;
	to->loaded_s = from->loaded_s;
	if (from->path && !(to->path = strdup(from->path)))
		return ENOMEM;
	for (; to->stamps_n < from->stamps_n; to->stamps_n++) {
		to->stamps[to->stamps_n] = from->stamps[to->stamps_n];
		to->stamp_paths[to->stamps_n] = strdup(from->stamp_paths[to->stamps_n]);
		if (!to->stamp_paths[to->stamps_n])
			return ENOMEM;
	}
	return OK;
}

void zone_path_set(struct zone_path *p, const uint8_t *wire, size_t len)
{
	uint8_t at[128];
	unsigned n = 0;

	dns_octets_lower(p->wire, wire, len);
	p->len = (uint8_t)len;
	for (size_t pos = 0; p->wire[pos] != 0 && n < DNS_LABELS_MAX;
	     pos += (size_t)p->wire[pos] + 1)
		at[n++] = (uint8_t)pos;
	p->labels = (uint8_t)n;
	p->at[0] = (uint8_t)(len - 1);
	for (unsigned i = 0; i < n; i++)
		p->at[n - i] = at[i];
}

unsigned zone_type_links(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_SOA: return 2;
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_MX:
	case DNS_TYPE_SRV:
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS: return 1;
	default: return 0;
	}
}

size_t zone_rrset_size(const struct zone_rrset *s)
{
	size_t links = (size_t)zone_type_links(zone_rrset_type(s)) * s->count * sizeof(zone_ref);

	return (sizeof(*s) + links + s->size + s->sigs_size + ZONE_UNIT - 1) &
	       ~(size_t)(ZONE_UNIT - 1);
}

const struct zone_rrset *zone_node_find(const struct zone_node *n, uint16_t type)
{
	const struct zone_rrset *s = zone_node_rrsets(n);
	uint8_t high = (uint8_t)(type >> 8), low = (uint8_t)type;

	for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s))
		if (s->fixed[0] == high && s->fixed[1] == low)
			return s;
	return NULL;
}

/* The version that the snapshot has, from the newest on. */
static const struct zone_node *version_of(const struct zone *z, zone_ref ref)
{
	while (ref >= z->built_end) {
		const struct zone_version *v =
			(const struct zone_version *)(const void *)(z->region +
								    (size_t)ref * ZONE_UNIT) -
			1;
		if (v->born <= z->epoch)
			break;
		ref = v->older;
		if (ref == 0)
			return NULL;
	}
	return zone_node_at(z, ref);
}

/* Slots are filled and turned to newer versions while they are read: what a slot leads to was
 * written before it, tag included. */
static const struct zone_node *lookup(const struct zone *z, const uint8_t *name, size_t len)
{
	uint64_t hash = zone_hash(z->key, name, len);
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash & z->slots_mask;; i = (i + 1) & z->slots_mask) {
		const struct zone_slot *slot = &z->slots[i];
		zone_ref ref = __atomic_load_n(&slot->node, __ATOMIC_ACQUIRE);
		if (ref == 0)
			return NULL;
		if (__atomic_load_n(&slot->tag, __ATOMIC_RELAXED) != tag)
			continue;
		const struct zone_node *n = zone_node_at(z, ref);
		if (n->name_len == len && memcmp(n->name, name, len) == 0)
			return __builtin_expect(ref >= z->built_end, 0) ? version_of(z, ref) : n;
	}
}

const struct zone_node *zone_lookup(const struct zone *z, const struct zone_path *p,
				    unsigned labels)
{
	return lookup(z, p->wire + p->at[labels], (size_t)p->len - p->at[labels]);
}

const struct zone_node *zone_current(const struct zone *z, zone_ref ref)
{
	const struct zone_node *n = zone_node_at(z, ref);

	return zone_is_changing(z) ? lookup(z, n->name, n->name_len) : n;
}

bool zone_same_name_slowly(const struct zone *z, zone_ref a, zone_ref b)
{
	const struct zone_node *x = zone_node_at(z, a), *y = zone_node_at(z, b);

	return x->name_len == y->name_len && memcmp(x->name, y->name, x->name_len) == 0;
}

const struct zone_node *zone_target(const struct zone *z, zone_ref link, struct span name)
{
	const struct zone_node *n = zone_node_at(z, link);
	uint8_t lower[DNS_NAME_MAX];

	if (!zone_is_changing(z))
		return name.len == n->name_len ? n : NULL;
	if (name.len == 0 || name.len > sizeof(lower))
		return NULL;
	dns_octets_lower(lower, name.data, name.len);
	return lookup(z, lower, name.len);
}

bool zone_find(const struct zone *z, const struct zone_path *p, const struct zone_node **ret)
{
	unsigned labels = p->labels;

	if (labels > z->labels_max)
		labels = z->labels_max;
	for (; labels > z->apex_labels; labels--) {
		const struct zone_node *n = zone_lookup(z, p, labels);
		if (n && (n->flags & ZONE_NODE_REAL)) {
			*ret = n;
			return labels == p->labels;
		}
	}
	*ret = zone_node_at(z, z->apex);
	return p->labels == z->apex_labels;
}

const struct zone_node *zone_wildcard(const struct zone *z, const struct zone_node *encloser)
{
	struct zone_path p = {.labels = 1, .len = (uint8_t)(encloser->name_len + 2)};

	if (!(encloser->flags & ZONE_NODE_WILDCARD))
		return NULL;
	p.wire[0] = 1;
	p.wire[1] = '*';
	memcpy(p.wire + 2, encloser->name, encloser->name_len);
	return zone_lookup(z, &p, 1);
}

/* The slot of a name that has one. */
static uint32_t slot_of(const struct zone *z, const struct zone_node *n)
{
	uint32_t i = (uint32_t)zone_hash(z->key, n->name, n->name_len) & z->slots_mask;

	for (;; i = (i + 1) & z->slots_mask) {
		zone_ref ref = __atomic_load_n(&z->slots[i].node, __ATOMIC_ACQUIRE);
		const struct zone_node *have = zone_node_at(z, ref);
		if (ref == 0 || (have->name_len == n->name_len &&
				 memcmp(have->name, n->name, n->name_len) == 0))
			return i;
	}
}

static const struct zone_node *next_in_slots(const struct zone *z, const struct zone_node *n)
{
	uint32_t i = n ? slot_of(z, n) + 1 : 0;

	for (; i <= z->slots_mask; i++) {
		zone_ref ref = __atomic_load_n(&z->slots[i].node, __ATOMIC_ACQUIRE);
		n = ref ? version_of(z, ref) : NULL;
		if (n)
			return n;
	}
	return NULL;
}

const struct zone_node *zone_next(const struct zone *z, const struct zone_node *n)
{
	const uint8_t *at;

	if (zone_is_changing(z))
		return next_in_slots(z, n);
	if (!n) {
		at = z->region + ZONE_UNIT;
	} else {
		const struct zone_rrset *s = zone_node_rrsets(n);
		for (unsigned i = n->rrsets; i > 0; i--)
			s = zone_rrset_next(s);
		at = (const uint8_t *)s;
	}
	return at < z->region + z->nodes_end ? (const struct zone_node *)(const void *)at : NULL;
}

bool zone_is_signed(const struct zone *z)
{
	if (z->nsec_n || z->nsec3_n)
		return true;
	for (const struct zone_node *n = zone_next(z, NULL); n; n = zone_next(z, n)) {
		const struct zone_rrset *s = zone_node_rrsets(n);
		for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s))
			if (s->sigs || zone_rrset_type(s) == DNS_TYPE_DNSKEY)
				return true;
	}
	return false;
}
