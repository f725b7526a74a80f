#include "service/authority/zone_edit.h"

#include "base/writer.h"
#include "proto/dns/code.h"
#include "proto/dns/rdata.h"
#include "proto/dns/type.h"

#include <stdlib.h>

#define SPARE_MIN   ((size_t)2 << 20)
#define SPARE_MAX   ((size_t)256 << 20)
#define LOW	    ((size_t)64 << 10) /* octets left below which is_full */
#define SLOTS_SPARE 4096u

/* A slot as it was. */
struct undo {
	uint32_t slot, children;
	zone_ref node;
};

struct zone_edit {
	struct zone *zone; /* borrowed: the first snapshot */
	struct zone view, published, marked;
	size_t region_cap;
	uint32_t *children; /* by slot: names right below that exist */
	uint32_t slots_used;
	bool out_of_shape, marked_out_of_shape;
	struct undo *undo;
	size_t undo_n, undo_cap, undo_marked;
};

/* A view or a snapshot leads nowhere else. */
static void copy_view(struct zone *to, const struct zone *from)
{
	*to = *from;
	atomic_init(&to->latest, NULL);
}

/* --- room --- */

static enum err room(struct zone_edit *e, size_t len, size_t align, uint8_t **ret)
{
	size_t at = (e->view.region_len + align - 1) & ~(align - 1);

	if (at + len + ZONE_UNIT > e->region_cap)
		return (enum err)ENOSPC;
	*ret = e->view.region + at;
	e->view.region_len = (at + len + ZONE_UNIT - 1) & ~(size_t)(ZONE_UNIT - 1);
	return OK;
}

static enum err undo_note(struct zone_edit *e, uint32_t slot)
{
	if (e->undo_n == e->undo_cap) {
		size_t cap = e->undo_cap * 2 + 64;
		struct undo *undo = realloc(e->undo, cap * sizeof(*undo));
		if (!undo)
			return ENOMEM;
		e->undo = undo;
		e->undo_cap = cap;
	}
	e->undo[e->undo_n++] = (struct undo){
		.slot = slot, .children = e->children[slot], .node = e->view.slots[slot].node};
	return OK;
}

static void slot_set(struct zone_edit *e, uint32_t slot, zone_ref node)
{
	__atomic_store_n(&e->view.slots[slot].node, node, __ATOMIC_RELEASE);
}

/* --- beginning --- */

static uint32_t slot_of(const struct zone *z, const uint8_t *name, size_t len, uint32_t *ret_tag)
{
	uint64_t hash = zone_hash(z->key, name, len);

	*ret_tag = (uint32_t)(hash >> 32);
	for (uint32_t i = (uint32_t)hash & z->slots_mask;; i = (i + 1) & z->slots_mask) {
		const struct zone_slot *slot = &z->slots[i];
		if (slot->node == 0)
			return i;
		if (slot->tag != *ret_tag)
			continue;
		const struct zone_node *n = zone_node_at(z, slot->node);
		if (n->name_len == len && memcmp(n->name, name, len) == 0)
			return i;
	}
}

/* A table with room for as many names again. */
static enum err slots_grow(struct zone *z, uint32_t *ret_used)
{
	uint32_t mask = 63, used = 0, tag;
	struct zone_slot *old = z->slots;
	uint32_t old_mask = z->slots_mask;

	for (uint32_t i = 0; i <= old_mask; i++)
		used += old[i].node != 0;
	while (mask / 4 < used || mask / 2 < SLOTS_SPARE)
		mask = mask * 2 + 1;
	struct zone_slot *slots = calloc((size_t)mask + 1, sizeof(*slots));
	if (!slots)
		return ENOMEM;
	z->slots = slots;
	z->slots_mask = mask;
	for (uint32_t i = 0; i <= old_mask; i++) {
		if (old[i].node == 0)
			continue;
		const struct zone_node *n = zone_node_at(z, old[i].node);
		uint32_t at = slot_of(z, n->name, n->name_len, &tag);
		slots[at] = (struct zone_slot){.tag = tag, .node = old[i].node};
	}
	free(old);
	*ret_used = used;
	return OK;
}

static uint32_t parent_slot(const struct zone *z, const struct zone_node *n)
{
	size_t step = (size_t)n->name[0] + 1;
	uint32_t tag;

	return slot_of(z, n->name + step, n->name_len - step, &tag);
}

static void children_count(struct zone_edit *e)
{
	const struct zone *z = e->zone;

	for (const struct zone_node *n = zone_next(z, NULL); n; n = zone_next(z, n))
		if ((n->flags & ZONE_NODE_REAL) && n->labels > z->apex_labels)
			e->children[parent_slot(z, n)]++;
}

static enum err region_grow(struct zone *z, size_t spare, size_t *ret_cap)
{
	uint8_t *region;
	size_t cap;

	if (spare == 0)
		spare = z->region_len * 2;
	spare = spare < SPARE_MIN ? SPARE_MIN : spare > SPARE_MAX ? SPARE_MAX : spare;
	cap = z->region_len + spare;
	if (cap > (size_t)UINT32_MAX * ZONE_UNIT)
		return ERR_LIMIT;
	region = realloc(z->region, cap);
	if (!region)
		return ENOMEM;
	z->region = region;
	*ret_cap = cap;
	return OK;
}

enum err zone_edit_new(struct zone *built, size_t spare, struct zone_edit **ret)
{
	AUTO(zone_edit_free) struct zone_edit *e = NULL;

	if (zone_is_signed(built))
		return ERR_UNSUPPORTED;
	e = calloc(1, sizeof(*e));
	if (!e)
		return ENOMEM;
	e->zone = built;
	TRY(slots_grow(built, &e->slots_used));
	TRY(region_grow(built, spare, &e->region_cap));
	e->children = calloc((size_t)built->slots_mask + 1, sizeof(*e->children));
	if (!e->children)
		return ENOMEM;
	children_count(e); /* while the zone is still walked in its own order */
	built->built_end = (zone_ref)(built->region_len / ZONE_UNIT);
	built->epoch = 0;
	copy_view(&e->view, built);
	copy_view(&e->published, built);
	e->view.epoch = 1;
	zone_edit_mark(e);
	*ret = TAKE(e);
	return OK;
}

void zone_edit_free(struct zone_edit *e)
{
	if (!e)
		return;
	free(e->children);
	free(e->undo);
	free(e);
}

const struct zone *zone_edit_view(const struct zone_edit *e)
{
	return &e->view;
}

bool zone_edit_is_out_of_shape(const struct zone_edit *e)
{
	return e->out_of_shape;
}

bool zone_edit_is_full(const struct zone_edit *e)
{
	return e->region_cap - e->view.region_len < LOW ||
	       e->slots_used + 256 > e->view.slots_mask / 3 * 2;
}

/* --- versions of a node --- */

static uint16_t flags_of(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA: return ZONE_NODE_ADDRESS;
	case DNS_TYPE_CNAME: return ZONE_NODE_CNAME;
	case DNS_TYPE_DNAME: return ZONE_NODE_DNAME;
	case DNS_TYPE_DS: return ZONE_NODE_DS;
	default: return 0;
	}
}

/* The closest node at or above a name of rdata, as zone_type_links wants it. */
static zone_ref link_of(const struct zone *z, struct span name)
{
	const struct zone_node *n = NULL;
	struct zone_path p;

	zone_path_set(&p, name.data, name.len);
	for (unsigned labels = p.labels + 1U; !n && labels-- > 0;)
		n = zone_lookup(z, &p, labels);
	return zone_ref_of(z, n); /* the root always is there */
}

static void links_put(const struct zone *z, zone_ref *links, const struct zone_edit_rrset *set)
{
	struct reader r = reader_of_span(set->records);
	unsigned n = zone_type_links(set->type);

	for (unsigned i = 0; i < set->count; i++) {
		struct span rdata = read_span(&r, read_u16(&r));
		for (unsigned k = 0; k < n; k++)
			*links++ = link_of(z, dns_rdata_name_span(set->type, rdata, k));
	}
}

static size_t rrset_size(const struct zone_edit_rrset *set)
{
	size_t links = (size_t)zone_type_links(set->type) * set->count * sizeof(zone_ref);

	return (sizeof(struct zone_rrset) + links + set->records.len + ZONE_UNIT - 1) &
	       ~(size_t)(ZONE_UNIT - 1);
}

static uint8_t *rrset_put(const struct zone *z, uint8_t *at, const struct zone_edit_rrset *set)
{
	size_t size = rrset_size(set);
	struct zone_rrset *s = (struct zone_rrset *)(void *)at;

	memset(at + size - ZONE_UNIT, 0, ZONE_UNIT); /* what fills the last unit */
	*s = (struct zone_rrset){
		.fixed = {(uint8_t)(set->type >> 8), (uint8_t)set->type, 0, DNS_CLASS_IN},
		.size = (uint16_t)set->records.len,
		.count = set->count,
	};
	put_u32(s->fixed + 4, set->ttl_s);
	zone_ref *links = (zone_ref *)(void *)(s + 1);
	links_put(z, links, set);
	struct writer w = writer_of(links + (size_t)zone_type_links(set->type) * set->count,
				    set->records.len);
	write_span(&w, set->records);
	return at + size;
}

/* The flags that follow from the RRsets of the version, and where it is cut off. */
static void shape(struct zone_edit *e, uint32_t slot, struct zone_node *n, bool was_cutting)
{
	const struct zone *z = &e->view;
	const struct zone_rrset *s = zone_node_rrsets(n);
	bool apex = n->labels == z->apex_labels, ns = false;

	n->flags &= ZONE_NODE_WILDCARD;
	for (unsigned i = n->rrsets; i > 0; i--, s = zone_rrset_next(s)) {
		n->flags |= flags_of(zone_rrset_type(s));
		ns |= zone_rrset_type(s) == DNS_TYPE_NS;
	}
	if (apex || n->rrsets || e->children[slot])
		n->flags |= ZONE_NODE_REAL;
	n->cut = 0;
	if (!apex) {
		zone_ref up = z->slots[parent_slot(z, n)].node;
		const struct zone_node *parent = zone_node_at(z, up);
		if (parent->cut)
			n->cut = parent->cut;
		else if (parent->flags & ZONE_NODE_DNAME)
			n->cut = up;
		else if (ns)
			n->cut = zone_ref_of(z, n);
		if (n->cut == zone_ref_of(z, n))
			n->flags |= ZONE_NODE_CUT;
	}
	bool cuts = (ns && !apex) || (n->flags & ZONE_NODE_DNAME);
	if (cuts != was_cutting && e->children[slot])
		e->out_of_shape = true;
}

static bool is_cutting(const struct zone *z, const struct zone_node *n)
{
	return (n->flags & ZONE_NODE_DNAME) ||
	       (n->labels > z->apex_labels && zone_node_find(n, DNS_TYPE_NS));
}

/* The RRsets of old but of set's type, and set; *ret_n: how many. NULL set: as they are. */
static uint8_t *rrsets_put(const struct zone *z, uint8_t *at, const struct zone_node *old,
			   const struct zone_edit_rrset *set, unsigned *ret_n)
{
	const struct zone_rrset *s = zone_node_rrsets(old);
	bool put = !set || set->count == 0;
	unsigned n = 0;

	for (unsigned i = old->rrsets; i > 0; i--, s = zone_rrset_next(s)) {
		if (set && zone_rrset_type(s) == set->type) {
			if (put)
				continue;
			at = rrset_put(z, at, set);
			put = true;
		} else {
			memcpy(at, s, zone_rrset_size(s));
			at += zone_rrset_size(s);
		}
		n++;
	}
	if (!put) {
		at = rrset_put(z, at, set);
		n++;
	}
	*ret_n = n;
	return at;
}

static size_t node_len(const struct zone_node *n)
{
	const struct zone_rrset *s = zone_node_rrsets(n);

	for (unsigned i = n->rrsets; i > 0; i--)
		s = zone_rrset_next(s);
	return (size_t)((const uint8_t *)s - (const uint8_t *)n);
}

static enum err apex_changed(struct zone_edit *e, zone_ref apex);

/* The node of the slot once more, with one RRset another, or with the wildcard flag as told. */
static enum err version_put(struct zone_edit *e, uint32_t slot, const struct zone_edit_rrset *set,
			    bool wildcard)
{
	struct zone *z = &e->view;
	zone_ref older = z->slots[slot].node;
	const struct zone_node *old = zone_node_at(z, older);
	bool was_cutting = is_cutting(z, old);
	unsigned rrsets = 0;
	uint8_t *at;

	if (set && set->count && old->rrsets == ZONE_RRSETS_MAX && !zone_node_find(old, set->type))
		return ERR_LIMIT;
	TRY(undo_note(e, slot));
	TRY(room(e, sizeof(struct zone_version) + node_len(old) + (set ? rrset_size(set) : 0),
		 ZONE_UNIT, &at));
	struct zone_version *v = (struct zone_version *)(void *)at;
	struct zone_node *n = (struct zone_node *)(void *)(v + 1);
	*v = (struct zone_version){.older = older, .born = z->epoch};
	memcpy(n, old, zone_node_size(old));
	uint8_t *end = rrsets_put(z, (uint8_t *)n + zone_node_size(old), old, set, &rrsets);
	z->region_len = (size_t)(end - z->region);
	n->rrsets = (uint8_t)rrsets;
	z->rrsets += rrsets - old->rrsets;
	n->flags = (uint16_t)((n->flags & ~(unsigned)ZONE_NODE_WILDCARD) |
			      (wildcard ? ZONE_NODE_WILDCARD : 0));
	shape(e, slot, n, was_cutting);
	slot_set(e, slot, zone_ref_of(z, n));
	return n->labels == z->apex_labels ? apex_changed(e, zone_ref_of(z, n)) : OK;
}

/* RFC 2308 5: a negative answer lives min(SOA's TTL, MINIMUM). */
static enum err apex_changed(struct zone_edit *e, zone_ref apex)
{
	struct zone *z = &e->view;
	const struct zone_rrset *soa = zone_node_find(zone_node_at(z, apex), DNS_TYPE_SOA);
	struct dns_soa fields;
	uint8_t *at;

	if (!soa)
		return ERR_FORMAT;
	const uint8_t *data = zone_rrset_data(soa);
	TRY(dns_rdata_soa(span_of(data + 2, (size_t)(data[0] << 8 | data[1])), &fields));
	TRY(room(e, zone_rrset_size(soa), ZONE_UNIT, &at));
	memcpy(at, soa, zone_rrset_size(soa));
	struct zone_rrset *copy = (struct zone_rrset *)(void *)at;
	if (fields.minimum_s < zone_rrset_ttl(copy))
		put_u32(copy->fixed + 4, fields.minimum_s);
	z->apex = apex;
	z->soa = zone_ref_of(z, soa);
	z->soa_negative = zone_ref_of(z, copy);
	z->serial = fields.serial;
	return OK;
}

/* --- names --- */

/* A name that no slot has: without data, not there yet. */
static enum err node_new(struct zone_edit *e, const struct zone_path *p, unsigned labels,
			 uint32_t slot, uint32_t tag)
{
	struct zone *z = &e->view;
	size_t len = (size_t)p->len - p->at[labels];
	size_t size = offsetof(struct zone_node, name) + len;
	uint8_t *at;

	if (e->slots_used > z->slots_mask / 3 * 2)
		return (enum err)ENOSPC;
	TRY(undo_note(e, slot));
	TRY(room(e, sizeof(struct zone_version) + size, ZONE_UNIT, &at));
	struct zone_version *v = (struct zone_version *)(void *)at;
	struct zone_node *n = (struct zone_node *)(void *)(v + 1);
	const struct zone_node *parent = zone_lookup(z, p, labels - 1);
	*v = (struct zone_version){.born = z->epoch};
	*n = (struct zone_node){.parent = zone_ref_of(z, parent),
				.labels = (uint8_t)labels,
				.name_len = (uint8_t)len};
	memcpy(n->name, p->wire + p->at[labels], len);
	__atomic_store_n(&z->slots[slot].tag, tag, __ATOMIC_RELAXED);
	slot_set(e, slot, zone_ref_of(z, n));
	e->slots_used++;
	z->nodes++;
	if (labels > z->labels_max)
		z->labels_max = (uint8_t)labels;
	return OK;
}

static bool is_star(const struct zone_node *n)
{
	return n->name[0] == 1 && n->name[1] == '*';
}

/* One more name, or one less, right below the slot's: its count, and whether it has a wildcard. */
static enum err child_changed(struct zone_edit *e, uint32_t slot, int step, bool star)
{
	const struct zone_node *n = zone_node_at(&e->view, e->view.slots[slot].node);
	bool wildcard = (n->flags & ZONE_NODE_WILDCARD) != 0, was = wildcard;

	TRY(undo_note(e, slot));
	e->children[slot] = (uint32_t)((int64_t)e->children[slot] + step);
	if (star)
		wildcard = step > 0;
	bool gone = n->rrsets == 0 && e->children[slot] == 0 && n->labels > e->view.apex_labels;
	return wildcard != was || gone ? version_put(e, slot, NULL, wildcard) : OK;
}

/* The name and those between it and the apex exist from now on (RFC 4592 2.2.2), from the top on,
 * so that each finds its parent as it will be. */
static enum err name_begin(struct zone_edit *e, const struct zone_path *p, uint32_t *ret)
{
	struct zone *z = &e->view;
	uint32_t slot = 0, up = 0, tag;

	for (unsigned labels = z->apex_labels; labels <= p->labels; labels++, up = slot) {
		slot = slot_of(z, p->wire + p->at[labels], (size_t)p->len - p->at[labels], &tag);
		if (z->slots[slot].node == 0)
			TRY(node_new(e, p, labels, slot, tag));
		const struct zone_node *n = zone_node_at(z, z->slots[slot].node);
		if (n->flags & ZONE_NODE_REAL)
			continue;
		TRY(child_changed(e, up, 1, is_star(n)));
		/* It is about to have data or a name below it; shape() is told so. */
		TRY(undo_note(e, slot));
		e->children[slot]++;
		enum err failed = version_put(e, slot, NULL, false);
		e->children[slot]--;
		TRY(failed);
	}
	*ret = slot;
	return OK;
}

/* The name lost its last data: it and those above end, as far as nothing else holds them. */
static enum err name_end(struct zone_edit *e, uint32_t slot)
{
	struct zone *z = &e->view;

	for (;;) {
		const struct zone_node *n = zone_node_at(z, z->slots[slot].node);
		if (n->flags & ZONE_NODE_REAL)
			return OK;
		uint32_t up = parent_slot(z, n);
		TRY(child_changed(e, up, -1, is_star(n)));
		slot = up;
	}
}

static unsigned count_of(const struct zone *z, uint32_t slot, uint16_t type)
{
	const struct zone_rrset *s = zone_node_find(zone_node_at(z, z->slots[slot].node), type);

	return s ? s->count : 0;
}

enum err zone_edit_set(struct zone_edit *e, const struct dns_name *name,
		       const struct zone_edit_rrset *set)
{
	struct zone *z = &e->view;
	struct zone_path p;
	uint32_t slot, tag;

	if (set->records.len > ZONE_RRSET_BYTES)
		return ERR_LIMIT;
	zone_path_set(&p, name->wire, name->len);
	if (set->count) {
		TRY(name_begin(e, &p, &slot));
	} else {
		slot = slot_of(z, name->wire, name->len, &tag);
		if (z->slots[slot].node == 0)
			return OK;
	}
	const struct zone_node *n = zone_node_at(z, z->slots[slot].node);
	if (set->count == 0 && !zone_node_find(n, set->type))
		return OK;
	z->records += set->count - (uint64_t)count_of(z, slot, set->type);
	TRY(version_put(e, slot, set, n->flags & ZONE_NODE_WILDCARD));
	return set->count ? OK : name_end(e, slot);
}

/* --- undo and publish --- */

static void undo_to(struct zone_edit *e, size_t n, const struct zone *view)
{
	while (e->undo_n > n) {
		const struct undo *u = &e->undo[--e->undo_n];
		if (u->node == 0 && e->view.slots[u->slot].node)
			e->slots_used--;
		e->children[u->slot] = u->children;
		slot_set(e, u->slot, u->node);
	}
	/* What was written stays: a reader may be looking at it to learn that it is not for him.
	 * Nor may its epoch come again. */
	size_t used = e->view.region_len;
	uint32_t epoch = e->view.epoch;
	copy_view(&e->view, view);
	e->view.region_len = used;
	e->view.epoch = epoch + 1;
}

void zone_edit_mark(struct zone_edit *e)
{
	copy_view(&e->marked, &e->view);
	e->undo_marked = e->undo_n;
	e->marked_out_of_shape = e->out_of_shape;
}

void zone_edit_undo_to_mark(struct zone_edit *e)
{
	undo_to(e, e->undo_marked, &e->marked);
	e->out_of_shape = e->marked_out_of_shape;
}

void zone_edit_undo_all(struct zone_edit *e)
{
	undo_to(e, 0, &e->published);
	e->out_of_shape = false;
	zone_edit_mark(e);
}

enum err zone_edit_publish(struct zone_edit *e)
{
	uint8_t *at;

	ASSERT(!e->out_of_shape);
	TRY(room(e, sizeof(struct zone), _Alignof(struct zone), &at));
	struct zone *snapshot = (struct zone *)(void *)at;
	copy_view(snapshot, &e->view);
	copy_view(&e->published, &e->view);
	atomic_store_explicit(&e->zone->latest, snapshot, memory_order_release);
	e->undo_n = 0;
	e->view.epoch++;
	zone_edit_mark(e);
	return OK;
}

void zone_succeed(struct zone *old, struct zone *successor)
{
	ASSERT(!old->home->successor);
	old->home->successor = zone_ref_take(successor);
	atomic_store_explicit(&old->latest, successor, memory_order_release);
}
