#include "service/dhcp/lease_table.h"

#include <assert.h>
#include <stdlib.h>

enum {
	CHUNK = 1 << DHCP_TABLE_CHUNK_BITS,
	LEAF_BITS = 8,
	BRANCH_BITS = 12,
	BRANCHES = 1 << BRANCH_BITS,
	PARTS_AT = 5, /* class and four lengths */
	MAC_INLINE = 6,
	MAC_ROOM = 16,
};

struct leaf {
	uint32_t used;
	uint32_t records[DHCP_TABLE_LEAF];
};

struct dhcp_table_branch {
	uint32_t used;
	struct leaf *leaves[BRANCHES]; /* owned by the slab */
};

/* Octets of each class; the last holds the longest: four lengths of 255 and a long address. */
static const uint16_t class_size[DHCP_TABLE_PART_CLASSES] = {16,  32,  48,  64,	 96,
							     160, 288, 544, 1088};
static_assert(PARTS_AT + MAC_ROOM + 4 * 255 <= 1088, "the last class holds everything");

enum err dhcp_table_init(struct dhcp_table *t, struct hash_key key, size_t records_max,
			 size_t lists_max)
{
	size_t capacity = records_max + lists_max + 1; /* number 0 is none */
	ASSERT(records_max > 0 && capacity <= DHCP_RECORDS_MAX);
	size_t buckets = 16, chunks = (capacity + CHUNK - 1) / CHUNK;
	while (buckets < records_max)
		buckets *= 2;
	*t = (struct dhcp_table){
		.key = key, .capacity = (uint32_t)capacity, .records_max = (uint32_t)records_max};
	t->chunks = calloc(chunks, sizeof(struct dhcp_record *));
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	t->buckets_mask = (uint32_t)buckets - 1;
	slab_init(&t->branches, sizeof(struct dhcp_table_branch), DHCP_TABLE_TOP);
	slab_init(&t->leaves, sizeof(struct leaf), records_max);
	for (size_t i = 0; i < DHCP_TABLE_PART_CLASSES; i++)
		slab_init(&t->parts[i], class_size[i], records_max + 1);
	if (t->chunks && t->buckets)
		return OK;
	dhcp_table_done(t);
	return (enum err)ENOMEM;
}

void dhcp_table_done(struct dhcp_table *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; t->chunks && i < t->made / CHUNK; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->buckets);
	slab_done(&t->branches);
	slab_done(&t->leaves);
	for (size_t i = 0; i < DHCP_TABLE_PART_CLASSES; i++)
		slab_done(&t->parts[i]);
	*t = (struct dhcp_table){0};
}

size_t dhcp_table_bytes(const struct dhcp_table *t)
{
	size_t n = sizeof(*t) + (size_t)t->made * sizeof(struct dhcp_record) +
		   (t->buckets_mask + 1ul) * sizeof(*t->buckets) +
		   (t->capacity / CHUNK + 1ul) * sizeof(struct dhcp_record *) +
		   t->branches.made * t->branches.record_size +
		   t->leaves.made * t->leaves.record_size;
	for (size_t i = 0; i < DHCP_TABLE_PART_CLASSES; i++)
		n += t->parts[i].made * t->parts[i].record_size;
	return n;
}

/* --- numbers --- */

static bool add_chunk(struct dhcp_table *t)
{
	if (t->made >= t->capacity)
		return false;
	struct dhcp_record *chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return false;
	t->chunks[t->made / CHUNK] = chunk;
	uint32_t first = t->made ? t->made : 1; /* never 0 */
	for (uint32_t i = t->made + CHUNK; i-- > first;) {
		chunk[i - t->made].next = t->free;
		t->free = i;
	}
	t->made += CHUNK;
	return true;
}

static struct dhcp_record *take_number(struct dhcp_table *t)
{
	if (!t->free && !add_chunk(t))
		return NULL;
	uint32_t number = t->free;
	struct dhcp_record *r = dhcp_table_at(t, number);
	t->free = r->next;
	*r = (struct dhcp_record){.self = number, .previous = number, .next = number};
	return r;
}

static void give_number(struct dhcp_table *t, struct dhcp_record *r)
{
	r->state = 0;
	r->next = t->free;
	t->free = r->self;
}

/* --- by address --- */

static struct leaf *leaf_of(const struct dhcp_table *t, uint32_t address)
{
	const struct dhcp_table_branch *b = t->top[address >> (LEAF_BITS + BRANCH_BITS)];
	return b ? b->leaves[address >> LEAF_BITS & (BRANCHES - 1)] : NULL;
}

struct dhcp_record *dhcp_table_find(const struct dhcp_table *t, uint32_t address)
{
	const struct leaf *leaf = leaf_of(t, address);
	uint32_t number = leaf ? leaf->records[address & (DHCP_TABLE_LEAF - 1)] : DHCP_RECORD_NONE;
	return number ? dhcp_table_at(t, number) : NULL;
}

/* Sets a record by address. NULL or the leaf, which counts it. */
static struct leaf *make_leaf(struct dhcp_table *t, uint32_t address)
{
	struct dhcp_table_branch **b = &t->top[address >> (LEAF_BITS + BRANCH_BITS)];
	if (!*b)
		*b = slab_take(&t->branches);
	if (!*b)
		return NULL;
	struct leaf **leaf = &(*b)->leaves[address >> LEAF_BITS & (BRANCHES - 1)];
	if (!*leaf) {
		*leaf = slab_take(&t->leaves);
		(*b)->used += *leaf != NULL;
	}
	return *leaf;
}

static void remove_address(struct dhcp_table *t, uint32_t address)
{
	struct dhcp_table_branch **b = &t->top[address >> (LEAF_BITS + BRANCH_BITS)];
	struct leaf **leaf = &(*b)->leaves[address >> LEAF_BITS & (BRANCHES - 1)];
	(*leaf)->records[address & (DHCP_TABLE_LEAF - 1)] = DHCP_RECORD_NONE;
	if (--(*leaf)->used)
		return;
	slab_give(&t->leaves, *leaf);
	*leaf = NULL;
	if (--(*b)->used)
		return;
	slab_give(&t->branches, *b);
	*b = NULL;
}

static struct dhcp_record *first_in_leaf(const struct dhcp_table *t, const struct leaf *leaf,
					 uint32_t from)
{
	for (uint32_t i = from; i < DHCP_TABLE_LEAF; i++)
		if (leaf->records[i])
			return dhcp_table_at(t, leaf->records[i]);
	return NULL;
}

static struct dhcp_record *first_in_branch(const struct dhcp_table *t,
					   const struct dhcp_table_branch *b, uint64_t from)
{
	uint32_t at = (uint32_t)(from >> LEAF_BITS & (BRANCHES - 1));
	uint32_t in_leaf = (uint32_t)(from & (DHCP_TABLE_LEAF - 1));
	for (; at < BRANCHES; at++, in_leaf = 0) {
		struct dhcp_record *r =
			b->leaves[at] ? first_in_leaf(t, b->leaves[at], in_leaf) : NULL;
		if (r)
			return r;
	}
	return NULL;
}

struct dhcp_record *dhcp_table_from(const struct dhcp_table *t, uint32_t from)
{
	uint64_t at = from;
	for (uint32_t i = from >> (LEAF_BITS + BRANCH_BITS); i < DHCP_TABLE_TOP; i++, at = 0) {
		struct dhcp_record *r = t->top[i] ? first_in_branch(t, t->top[i], at) : NULL;
		if (r)
			return r;
	}
	return NULL;
}

/* --- variable parts --- */

static size_t long_mac(const struct dhcp_record *r)
{
	return r->mac_len > MAC_INLINE ? r->mac_len : 0;
}

static struct span part(const struct dhcp_record *r, unsigned which)
{
	if (!r->parts)
		return (struct span){0};
	size_t at = PARTS_AT + long_mac(r);
	for (unsigned i = 0; i < which; i++)
		at += r->parts[1 + i];
	return span_of(r->parts + at, r->parts[1 + which]);
}

static const uint8_t *record_mac(const struct dhcp_record *r)
{
	return long_mac(r) ? r->parts + PARTS_AT : r->mac;
}

void dhcp_record_lease(const struct dhcp_record *r, struct dhcp_lease *ret)
{
	*ret = (struct dhcp_lease){
		.address = r->address,
		.granted_s = r->granted_s,
		.expires_s = r->expires_s,
		.state = (enum dhcp_lease_state)r->state,
		.htype = r->htype,
		.mac_len = r->mac_len,
		.mac = record_mac(r),
		.client_id = part(r, 0),
		.circuit_id = part(r, 1),
		.remote_id = part(r, 2),
		.name = part(r, 3),
		.fqdn_flags = r->fqdn_flags,
		.names = r->names,
		.version = r->version,
	};
}

static void give_parts(struct dhcp_table *t, uint8_t *parts)
{
	if (parts)
		slab_give(&t->parts[parts[0]], parts);
}

/* The parts of l as one run of octets; NULL when all are empty, or (ERR_LIMIT) for want of room. */
MUST static enum err make_parts(struct dhcp_table *t, const struct dhcp_lease *l, uint8_t **ret)
{
	const struct span all[4] = {l->client_id, l->circuit_id, l->remote_id, l->name};
	size_t mac = l->mac_len > MAC_INLINE ? l->mac_len : 0, len = PARTS_AT + mac;
	for (unsigned i = 0; i < 4; i++) {
		ASSERT(all[i].len <= 255);
		len += all[i].len;
	}
	*ret = NULL;
	if (len == PARTS_AT)
		return OK;
	unsigned class = 0;
	while (class_size[class] < len)
		class ++;
	uint8_t *parts = slab_take(&t->parts[class]);
	if (!parts)
		return ERR_LIMIT;
	struct writer w = writer_of(parts, class_size[class]);
	write_u8(&w, (uint8_t) class);
	for (unsigned i = 0; i < 4; i++)
		write_u8(&w, (uint8_t)all[i].len);
	write_bytes(&w, l->mac, mac);
	for (unsigned i = 0; i < 4; i++)
		write_span(&w, all[i]);
	*ret = parts;
	return OK;
}

/* --- by client --- */

static uint32_t *bucket_of(const struct dhcp_table *t, const struct dhcp_identity *id)
{
	uint8_t bytes[8 + 255];
	struct writer w = writer_of(bytes, sizeof(bytes));
	write_u32(&w, id->link);
	if (id->client_id.len) {
		write_u8(&w, 0);
		write_span(&w, id->client_id);
	} else {
		write_u8(&w, 1);
		write_u8(&w, id->htype);
		write_bytes(&w, id->mac, id->mac_len);
	}
	uint64_t hash = siphash13_of(t->key, bytes, w.pos);
	return &t->buckets[hash & t->buckets_mask];
}

static struct dhcp_identity identity_of(const struct dhcp_record *r)
{
	return (struct dhcp_identity){.link = r->link,
				      .htype = r->htype,
				      .mac_len = r->mac_len,
				      .mac = record_mac(r),
				      .client_id = part(r, 0)};
}

bool dhcp_record_is_of(const struct dhcp_record *r, const struct dhcp_identity *id)
{
	struct span client_id = part(r, 0);
	if (r->link != id->link || client_id.len != id->client_id.len)
		return false;
	if (client_id.len)
		return span_equal(client_id, id->client_id);
	return r->htype == id->htype && id->mac_len &&
	       span_equal(span_of(record_mac(r), r->mac_len), span_of(id->mac, id->mac_len));
}

static struct dhcp_record *next_match(const struct dhcp_table *t, uint32_t number,
				      const struct dhcp_identity *id)
{
	while (number) {
		struct dhcp_record *r = dhcp_table_at(t, number);
		if (dhcp_record_is_of(r, id))
			return r;
		number = r->same_hash;
	}
	return NULL;
}

struct dhcp_record *dhcp_table_first_of(const struct dhcp_table *t, const struct dhcp_identity *id)
{
	return next_match(t, *bucket_of(t, id), id);
}

struct dhcp_record *dhcp_table_next_of(const struct dhcp_table *t, const struct dhcp_record *r,
				       const struct dhcp_identity *id)
{
	return next_match(t, r->same_hash, id);
}

static void index_client(struct dhcp_table *t, struct dhcp_record *r)
{
	if (!dhcp_record_has_client(r))
		return;
	struct dhcp_identity id = identity_of(r);
	uint32_t *bucket = bucket_of(t, &id);
	r->same_hash = *bucket;
	*bucket = r->self;
}

static void unindex_client(struct dhcp_table *t, struct dhcp_record *r)
{
	if (!dhcp_record_has_client(r))
		return;
	struct dhcp_identity id = identity_of(r);
	uint32_t *at = bucket_of(t, &id);
	while (*at != r->self)
		at = &dhcp_table_at(t, *at)->same_hash;
	*at = r->same_hash;
	r->same_hash = DHCP_RECORD_NONE;
}

static bool is_described(const struct dhcp_record *r, const struct dhcp_lease *l)
{
	return r->htype == l->htype &&
	       span_equal(span_of(record_mac(r), r->mac_len), span_of(l->mac, l->mac_len)) &&
	       span_equal(part(r, 0), l->client_id) && span_equal(part(r, 1), l->circuit_id) &&
	       span_equal(part(r, 2), l->remote_id) && span_equal(part(r, 3), l->name);
}

enum err dhcp_table_describe(struct dhcp_table *t, struct dhcp_record *r,
			     const struct dhcp_lease *l)
{
	if (!is_described(r, l)) { /* a renewal seldom changes anything */
		uint8_t *parts;
		TRY(make_parts(t, l, &parts));
		unindex_client(t, r);
		uint8_t *old = r->parts;
		r->htype = l->htype;
		r->mac_len = l->mac_len;
		if (l->mac_len && l->mac_len <= MAC_INLINE)
			memmove(r->mac, l->mac, l->mac_len);
		r->parts = parts;
		index_client(t, r);
		give_parts(t, old); /* last: l may lie in it */
	}
	r->fqdn_flags = l->fqdn_flags;
	return OK;
}

void dhcp_table_forget(struct dhcp_table *t, struct dhcp_record *r)
{
	unindex_client(t, r);
	give_parts(t, r->parts);
	r->parts = NULL;
	r->htype = r->mac_len = r->fqdn_flags = 0;
}

void dhcp_table_relink(struct dhcp_table *t, struct dhcp_record *r, uint32_t link)
{
	if (r->link == link)
		return;
	unindex_client(t, r);
	r->link = link;
	index_client(t, r);
}

/* --- records --- */

struct dhcp_record *dhcp_table_add(struct dhcp_table *t, uint32_t address, uint32_t link)
{
	struct leaf *leaf = t->used < t->records_max ? make_leaf(t, address) : NULL;
	if (!leaf)
		return NULL;
	uint32_t *slot = &leaf->records[address & (DHCP_TABLE_LEAF - 1)];
	ASSERT(!*slot);
	leaf->used++;
	struct dhcp_record *r = take_number(t);
	if (!r) {
		remove_address(t, address);
		return NULL;
	}
	*slot = r->self;
	r->address = address;
	r->link = link;
	r->pool = DHCP_POOL_NONE;
	t->used++;
	return r;
}

void dhcp_table_remove(struct dhcp_table *t, struct dhcp_record *r)
{
	dhcp_list_leave(t, r);
	dhcp_table_forget(t, r);
	remove_address(t, r->address);
	give_number(t, r);
	t->used--;
}

/* --- lists: a ring through a record that stands for the list --- */

uint32_t dhcp_table_list(struct dhcp_table *t)
{
	struct dhcp_record *r = take_number(t);
	return r ? r->self : DHCP_RECORD_NONE;
}

void dhcp_table_list_free(struct dhcp_table *t, uint32_t list)
{
	struct dhcp_record *head = dhcp_table_at(t, list);
	ASSERT(head->next == list);
	give_number(t, head);
}

void dhcp_list_leave(struct dhcp_table *t, struct dhcp_record *r)
{
	dhcp_table_at(t, r->previous)->next = r->next;
	dhcp_table_at(t, r->next)->previous = r->previous;
	r->previous = r->next = r->self;
}

void dhcp_list_append(struct dhcp_table *t, uint32_t list, struct dhcp_record *r)
{
	dhcp_list_leave(t, r);
	struct dhcp_record *head = dhcp_table_at(t, list);
	r->previous = head->previous;
	r->next = list;
	dhcp_table_at(t, head->previous)->next = r->self;
	head->previous = r->self;
}

void dhcp_list_move(struct dhcp_table *t, uint32_t from, uint32_t to)
{
	struct dhcp_record *a = dhcp_table_at(t, from), *b = dhcp_table_at(t, to);
	if (a->next == from)
		return;
	dhcp_table_at(t, b->previous)->next = a->next;
	dhcp_table_at(t, a->next)->previous = b->previous;
	dhcp_table_at(t, a->previous)->next = to;
	b->previous = a->previous;
	a->next = a->previous = from;
}

struct dhcp_record *dhcp_list_first(const struct dhcp_table *t, uint32_t list)
{
	uint32_t first = dhcp_table_at(t, list)->next;
	return first == list ? NULL : dhcp_table_at(t, first);
}

struct dhcp_record *dhcp_list_next(const struct dhcp_table *t, uint32_t list,
				   const struct dhcp_record *r)
{
	return r->next == list ? NULL : dhcp_table_at(t, r->next);
}
