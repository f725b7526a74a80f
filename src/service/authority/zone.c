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

struct zone *zone_ref_take(struct zone *z)
{
	atomic_fetch_add_explicit(&z->refs, 1, memory_order_relaxed);
	return z;
}

void zone_unref(struct zone *z)
{
	if (!z || atomic_fetch_sub_explicit(&z->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < z->stamps_n; i++)
		free(z->stamp_paths[i]);
	free(z->region);
	free(z->slots);
	free(z->nsec);
	free(z->nsec3);
	free(z->path);
	free(z);
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

const struct zone_node *zone_lookup(const struct zone *z, const struct zone_path *p,
				    unsigned labels)
{
	const uint8_t *name = p->wire + p->at[labels];
	size_t len = (size_t)p->len - p->at[labels];
	uint64_t hash = zone_hash(z->key, name, len);
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash & z->slots_mask;; i = (i + 1) & z->slots_mask) {
		const struct zone_slot *slot = &z->slots[i];
		if (slot->node == 0)
			return NULL;
		if (slot->tag != tag)
			continue;
		const struct zone_node *n = zone_node_at(z, slot->node);
		if (n->name_len == len && memcmp(n->name, name, len) == 0)
			return n;
	}
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

const struct zone_node *zone_next(const struct zone *z, const struct zone_node *n)
{
	const uint8_t *at;

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
