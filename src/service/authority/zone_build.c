#include "service/authority/zone_build.h"

#include "base/writer.h"
#include "proto/dns/rdata.h"
#include "service/authority/zone_build_inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUILD_RAW_MAX ((size_t)UINT32_MAX * ZONE_UNIT)

/* Makes a vector hold one more; grows by half, so that what is not yet used is never touched. */
static enum err grow(void *vector, size_t element, size_t used, size_t *cap, size_t more)
{
	void *p;
	size_t wanted = *cap + *cap / 2;

	if (used + more <= *cap)
		return OK;
	if (wanted < used + more)
		wanted = used + more;
	memcpy(&p, vector, sizeof(p));
	p = realloc(p, wanted * element);
	if (!p)
		return ENOMEM;
	memcpy(vector, &p, sizeof(p));
	*cap = wanted;
	return OK;
}

static enum err raw_room(struct zone_build *b, size_t len, uint32_t *ret)
{
	size_t rounded = (len + ZONE_UNIT - 1) & ~(size_t)(ZONE_UNIT - 1);

	if (b->raw_len + rounded > BUILD_RAW_MAX)
		return ERR_LIMIT;
	TRY(grow(&b->raw, 1, b->raw_len, &b->raw_cap, rounded));
	*ret = (uint32_t)(b->raw_len / ZONE_UNIT);
	b->raw_len += rounded;
	return OK;
}

static struct zone_slot *slot_of(const struct zone_build *b, const uint8_t *name, size_t len,
				 uint32_t *ret_tag)
{
	uint64_t hash = zone_hash(b->key, name, len);

	*ret_tag = (uint32_t)(hash >> 32);
	for (uint32_t i = (uint32_t)hash & b->slots_mask;; i = (i + 1) & b->slots_mask) {
		struct zone_slot *slot = &b->slots[i];
		if (slot->node == 0)
			return slot;
		if (slot->tag != *ret_tag)
			continue;
		const struct build_node *n = &b->nodes[slot->node];
		if (n->name_len == len && memcmp(build_name(b, n), name, len) == 0)
			return slot;
	}
}

static enum err slots_double(struct zone_build *b)
{
	uint32_t mask = b->slots_mask * 2 + 1;
	struct zone_slot *old = b->slots, *slots;

	if (mask == UINT32_MAX)
		return ERR_LIMIT;
	slots = calloc((size_t)mask + 1, sizeof(*slots));
	if (!slots)
		return ENOMEM;
	b->slots = slots;
	b->slots_mask = mask;
	for (uint32_t i = 1; i < b->nodes_n; i++) {
		uint32_t tag;
		struct zone_slot *slot =
			slot_of(b, build_name(b, &b->nodes[i]), b->nodes[i].name_len, &tag);
		*slot = (struct zone_slot){.tag = tag, .node = i};
	}
	free(old);
	return OK;
}

uint32_t build_lookup(const struct zone_build *b, const struct zone_path *p, unsigned labels)
{
	uint32_t tag;

	return slot_of(b, p->wire + p->at[labels], (size_t)p->len - p->at[labels], &tag)->node;
}

static enum err node_new(struct zone_build *b, const struct zone_path *p, unsigned labels,
			 uint32_t parent, uint32_t *ret)
{
	const uint8_t *name = p->wire + p->at[labels];
	size_t len = (size_t)p->len - p->at[labels], cap = b->nodes_cap;
	uint32_t at, tag;
	struct zone_slot *slot;

	if ((b->nodes_n + 1) / 2 > b->slots_mask / 3)
		TRY(slots_double(b));
	TRY(grow(&b->nodes, sizeof(*b->nodes), b->nodes_n, &cap, 1));
	b->nodes_cap = (uint32_t)cap;
	TRY(raw_room(b, len, &at));
	memcpy(b->raw + (size_t)at * ZONE_UNIT, name, len);
	slot = slot_of(b, name, len, &tag);
	*slot = (struct zone_slot){.tag = tag, .node = b->nodes_n};
	b->nodes[b->nodes_n] = (struct build_node){
		.parent = parent,
		.name = at,
		.flags = ZONE_NODE_OUTSIDE,
		.labels = (uint8_t)labels,
		.name_len = (uint8_t)len,
	};
	*ret = b->nodes_n++;
	return OK;
}

enum err build_intern(struct zone_build *b, const struct zone_path *p, uint32_t *ret)
{
	unsigned labels = p->labels;
	uint32_t node = build_lookup(b, p, labels);

	while (node == 0) /* the root is always there */
		node = build_lookup(b, p, --labels);
	while (labels < p->labels)
		TRY(node_new(b, p, ++labels, node, &node));
	*ret = node;
	return OK;
}

static enum err build_start(struct zone_build *b)
{
	struct zone_path p, root;
	size_t cap = 0;

	b->slots_mask = 63;
	b->slots = calloc(b->slots_mask + 1, sizeof(*b->slots));
	b->raw_len = ZONE_UNIT; /* place 0 is none */
	TRY(grow(&b->nodes, sizeof(*b->nodes), 0, &cap, 64));
	b->nodes_cap = (uint32_t)cap;
	b->nodes_n = 1;
	TRY(grow(&b->raw, 1, 0, &b->raw_cap, 65536));
	if (!b->slots)
		return ENOMEM;
	zone_path_set(&root, (const uint8_t *)"", 1);
	TRY(node_new(b, &root, 0, 1, &b->apex));
	zone_path_set(&p, b->origin.wire, b->origin.len);
	TRY(build_intern(b, &p, &b->apex));
	b->nodes[b->apex].flags = ZONE_NODE_REAL;
	return OK;
}

enum err zone_build_new(const struct dns_name *origin, const uint8_t *key, struct zone_judge *judge,
			struct zone_build **ret)
{
	AUTO(zone_build_free) struct zone_build *b = calloc(1, sizeof(*b));

	if (!b)
		return ENOMEM;
	b->origin = *origin;
	dns_name_lower(&b->origin);
	b->key = key;
	b->judge = judge;
	b->zone = calloc(1, sizeof(*b->zone));
	if (!b->zone)
		return ENOMEM;
	b->zone->home = calloc(1, sizeof(*b->zone->home));
	if (!b->zone->home) {
		free(TAKE(b->zone));
		return ENOMEM;
	}
	b->zone->home->refs = 1;
	b->zone->home->first = b->zone;
	b->zone->built_end = ZONE_UNCHANGING;
	b->zone->key = key;
	b->zone->origin = b->origin;
	TRY(build_start(b));
	*ret = TAKE(b);
	return OK;
}

void zone_build_free(struct zone_build *b)
{
	if (!b)
		return;
	free(b->nodes);
	free(b->slots);
	free(b->raw);
	free(b->group);
	zone_unref(b->zone);
	free(b);
}

enum err zone_build_file(struct zone_build *b, const char *path, const struct zone_stamp *stamp,
			 uint16_t *ret)
{
	struct zone_home *h = b->zone->home;

	if (h->stamps_n == ZONE_FILES_MAX)
		return ERR_LIMIT;
	h->stamp_paths[h->stamps_n] = strdup(path);
	if (!h->stamp_paths[h->stamps_n])
		return ENOMEM;
	h->stamps[h->stamps_n] = *stamp;
	*ret = (uint16_t)h->stamps_n++;
	return OK;
}

void zone_build_tell(struct zone_build *b, enum zone_severity severity, const struct zone_place *at,
		     const char *text)
{
	struct zone_judge *j = b->judge;
	struct zone_problem p = {.severity = severity, .text = text};

	if (severity == ZONE_ERROR)
		j->errors++;
	else
		j->warnings++;
	if (!j->tell || j->errors + j->warnings > ZONE_PROBLEMS_MAX)
		return;
	if (at && at->file < b->zone->home->stamps_n) {
		p.file = b->zone->home->stamp_paths[at->file];
		p.line = at->line;
		p.column = at->column;
	}
	j->tell(j->arg, &p);
}

void build_tell(struct zone_build *b, enum zone_severity severity, const struct zone_place *at,
		const char *format, ...)
{
	char text[3 * DNS_NAME_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	zone_build_tell(b, severity, at, text);
}

/* Flags that a record gives its owner. */
static uint16_t flags_of(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA: return BUILD_NODE_DATA | ZONE_NODE_ADDRESS;
	case DNS_TYPE_NS: return BUILD_NODE_DATA | BUILD_NODE_NS;
	case DNS_TYPE_CNAME: return BUILD_NODE_DATA | ZONE_NODE_CNAME;
	case DNS_TYPE_DNAME: return BUILD_NODE_DATA | ZONE_NODE_DNAME;
	case DNS_TYPE_DS: return BUILD_NODE_DATA | ZONE_NODE_DS;
	case DNS_TYPE_NSEC3: return BUILD_NODE_NSEC3;
	default: return BUILD_NODE_DATA;
	}
}

/* The name and those between it and the apex exist from now on (RFC 4592 2.2.2). */
static void make_real(struct zone_build *b, uint32_t node)
{
	for (uint32_t i = node; !(b->nodes[i].flags & ZONE_NODE_REAL); i = b->nodes[i].parent) {
		struct build_node *n = &b->nodes[i];
		const uint8_t *name = build_name(b, n);
		n->flags = (uint16_t)((n->flags & ~ZONE_NODE_OUTSIDE) | ZONE_NODE_REAL);
		if (name[0] == 1 && name[1] == '*')
			b->nodes[n->parent].flags |= ZONE_NODE_WILDCARD;
	}
}

static enum err owner_of(struct zone_build *b, const struct dns_name *owner, uint32_t *ret)
{
	const struct build_node *last = &b->nodes[b->last_owner];
	struct zone_path p;

	if (b->last_owner && last->name_len == owner->len &&
	    memcmp(build_name(b, last), owner->wire, owner->len) == 0) {
		*ret = b->last_owner;
		return OK;
	}
	zone_path_set(&p, owner->wire, owner->len);
	TRY(build_intern(b, &p, ret));
	b->last_owner = *ret;
	return OK;
}

enum err zone_build_add(struct zone_build *b, const struct zone_build_record *r)
{
	uint32_t node, at;
	struct build_node *n;
	bool nsec3 =
		r->type == DNS_TYPE_NSEC3 ||
		(r->type == DNS_TYPE_RRSIG && dns_rdata_rrsig_covered(r->rdata) == DNS_TYPE_NSEC3);

	if (!judge_record(b, r))
		return OK;
	TRY(owner_of(b, r->owner, &node));
	TRY(raw_room(b, sizeof(struct build_record) + r->rdata.len, &at));
	struct build_record *record = build_record(b, at);
	*record = (struct build_record){
		.ttl_s = r->ttl_s,
		.at = r->at,
		.type = r->type,
		.rdata_len = (uint16_t)r->rdata.len,
	};
	memcpy(record->rdata, r->rdata.data, r->rdata.len);
	n = &b->nodes[node];
	if (n->last)
		build_record(b, n->last)->next = at;
	else
		n->first = at;
	n->last = at;
	n->flags |= nsec3 ? BUILD_NODE_NSEC3 : flags_of(r->type);
	n->flags &= (uint16_t)~ZONE_NODE_OUTSIDE;
	if (!nsec3)
		make_real(b, node);
	return OK;
}

enum err zone_build_finish(struct zone_build *b, struct zone **ret)
{
	judge_tree(b);
	if (b->judge->errors) {
		/* Targets are judged while packing; all errors are to be told at once. */
		enum err e = pack_zone(b);
		return e ? e : ERR_CONFIG;
	}
	TRY(pack_zone(b));
	if (b->judge->errors)
		return ERR_CONFIG;
	*ret = TAKE(b->zone);
	return OK;
}
