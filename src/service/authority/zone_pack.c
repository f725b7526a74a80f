#include "base/writer.h"
#include "proto/dns/rdata.h"
#include "service/authority/zone_build_inner.h"
#include "service/authority/zone_denial.h"

#include <stdlib.h>

#define PACK_QUADRATIC_MAX 16 /* records of one RRset that are compared each with each */

static enum err region_room(struct zone_build *b, size_t len, uint8_t **ret)
{
	struct zone *z = b->zone;
	size_t rounded = (len + ZONE_UNIT - 1) & ~(size_t)(ZONE_UNIT - 1);

	if (z->region_len + rounded > (size_t)UINT32_MAX * ZONE_UNIT)
		return ERR_LIMIT;
	if (z->region_len + rounded > b->region_cap) {
		size_t cap = b->region_cap + b->region_cap / 2 + rounded;
		uint8_t *region = realloc(z->region, cap);
		if (!region)
			return ENOMEM;
		z->region = region;
		b->region_cap = cap;
	}
	*ret = z->region + z->region_len;
	memset(*ret + rounded - ZONE_UNIT, 0, ZONE_UNIT); /* what fills the last unit */
	z->region_len += rounded;
	return OK;
}

static const struct build_record *member(const struct zone_build *b, uint64_t entry)
{
	return build_record(b, (uint32_t)entry);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void sort_group(uint64_t *group, size_t n)
{
	if (n > 64) {
		qsort(group, n, sizeof(*group), compare_u64);
		return;
	}
	for (size_t i = 1; i < n; i++) { /* mostly in order already */
		uint64_t x = group[i];
		size_t j = i;
		for (; j > 0 && group[j - 1] > x; j--)
			group[j] = group[j - 1];
		group[j] = x;
	}
}

/* The records of the node, each type's signatures behind it, otherwise as they came. */
static enum err gather(struct zone_build *b, const struct build_node *n, size_t *ret_len)
{
	size_t len = 0;

	for (uint32_t at = n->first; at; at = build_record(b, at)->next) {
		const struct build_record *r = build_record(b, at);
		bool sig = r->type == DNS_TYPE_RRSIG;
		uint64_t order = (uint64_t)(sig ? build_covered(r) : r->type) << 1 | sig;
		if (len == b->group_cap) {
			size_t cap = b->group_cap * 2 + 64;
			uint64_t *group = realloc(b->group, cap * sizeof(*group));
			if (!group)
				return ENOMEM;
			b->group = group;
			b->group_cap = cap;
		}
		b->group[len++] = order << 32 | at;
	}
	sort_group(b->group, len);
	*ret_len = len;
	return OK;
}

static int compare_rdata(const void *a, const void *b, void *build)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	const struct build_record *p = member(build, x), *q = member(build, y);
	size_t len = p->rdata_len < q->rdata_len ? p->rdata_len : q->rdata_len;
	int c = memcmp(p->rdata, q->rdata, len);
	if (c == 0)
		c = (p->rdata_len > q->rdata_len) - (p->rdata_len < q->rdata_len);
	return c ? c : (x > y) - (x < y);
}

static bool same_rdata(const struct build_record *p, const struct build_record *q)
{
	return p->rdata_len == q->rdata_len && memcmp(p->rdata, q->rdata, p->rdata_len) == 0;
}

static void tell_duplicate(struct zone_build *b, const struct build_record *r)
{
	char type[DNS_TYPE_TEXT_MAX];

	build_tell(b, ZONE_WARNING, &r->at, "%s: the same record is there already",
		   dns_type_format(r->type, type));
}

/* RFC 2181 5: an RRset has no record twice. Keeps the first of each; returns how many are left. */
static size_t drop_duplicates(struct zone_build *b, uint64_t *group, size_t n)
{
	size_t kept = 0;

	if (n > PACK_QUADRATIC_MAX) {
		qsort_r(group, n, sizeof(*group), compare_rdata, b);
		for (size_t i = 0; i < n; i++) {
			if (kept && same_rdata(member(b, group[kept - 1]), member(b, group[i])))
				tell_duplicate(b, member(b, group[i]));
			else
				group[kept++] = group[i];
		}
		sort_group(group, kept);
		return kept;
	}
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;
		while (j < kept && !same_rdata(member(b, group[j]), member(b, group[i])))
			j++;
		if (j < kept)
			tell_duplicate(b, member(b, group[i]));
		else
			group[kept++] = group[i];
	}
	return kept;
}

/* RFC 2181 5.2: one TTL for an RRset; the lowest is the one that deceives nobody. */
static uint32_t common_ttl(struct zone_build *b, const uint64_t *group, size_t n)
{
	char type[DNS_TYPE_TEXT_MAX];
	uint32_t ttl = member(b, group[0])->ttl_s;
	const struct build_record *odd = NULL;

	for (size_t i = 1; i < n; i++) {
		const struct build_record *r = member(b, group[i]);
		if (r->ttl_s != ttl)
			odd = odd ? odd : r;
		if (r->ttl_s < ttl)
			ttl = r->ttl_s;
	}
	if (odd && odd->type != DNS_TYPE_RRSIG)
		build_tell(b, ZONE_WARNING, &odd->at,
			   "%s: TTLs of one RRset differ, %u is taken for all",
			   dns_type_format(odd->type, type), ttl);
	return ttl;
}

static size_t records_size(const struct zone_build *b, const uint64_t *group, size_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += 2 + (size_t)member(b, group[i])->rdata_len;
	return size;
}

static uint8_t *put_records(const struct zone_build *b, uint8_t *at, const uint64_t *group,
			    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct build_record *r = member(b, group[i]);
		put_u16(at, r->rdata_len);
		memcpy(at + 2, r->rdata, r->rdata_len);
		at += 2 + (size_t)r->rdata_len;
	}
	return at;
}

/* The closest node at or above a name of rdata; NS targets outside of the zone are made nodes, so
 * that delegations to the same server share them, and answers can point to them. */
static enum err link_of(struct zone_build *b, const struct build_node *owner,
			const struct build_record *r, struct span name, zone_ref *ret)
{
	struct zone_path p;
	uint32_t node;
	unsigned labels;

	zone_path_set(&p, name.data, name.len);
	labels = p.labels;
	node = build_lookup(b, &p, labels);
	if (!node && r->type == DNS_TYPE_NS &&
	    !dns_name_is_under_nocase(name, dns_name_span(&b->origin))) {
		TRY(build_intern(b, &p, &node));
		*ret = node;
		return OK;
	}
	while (!node)
		node = build_lookup(b, &p, --labels);
	/* What a wildcard covers has what the wildcard has. */
	if (labels == p.labels || !(b->nodes[node].flags & ZONE_NODE_WILDCARD))
		judge_target(b, owner, r, name, labels == p.labels ? node : 0);
	*ret = node;
	return OK;
}

static enum err links_of(struct zone_build *b, uint32_t owner, const uint64_t *group, size_t n,
			 unsigned links, size_t at)
{
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < links; k++) {
			struct build_node node = b->nodes[owner]; /* nodes may move */
			const struct build_record *r = member(b, group[i]);
			struct span rdata = span_of(r->rdata, r->rdata_len);
			zone_ref ref = 0;
			/* build_intern adds to raw, so what points there is read anew each time. */
			struct dns_name name;
			struct span wire = dns_rdata_name_span(r->type, rdata, k);
			name.len = (uint8_t)wire.len;
			memcpy(name.wire, wire.data, wire.len);
			struct build_record fixed = *r;
			TRY(link_of(b, &node, &fixed, dns_name_span(&name), &ref));
			memcpy(b->zone->region + at, &ref, sizeof(ref));
			at += sizeof(ref);
		}
	}
	return OK;
}

static enum err pack_rrset(struct zone_build *b, uint32_t owner, uint64_t *group, size_t n,
			   size_t sigs)
{
	char type[DNS_TYPE_TEXT_MAX];
	const struct build_record *first = member(b, group[0]);
	uint16_t number = first->type;
	unsigned links = zone_type_links(number);
	uint64_t *sig_group = group + n;
	uint32_t ttl;
	uint8_t *at;

	n = drop_duplicates(b, group, n);
	sigs = sigs ? drop_duplicates(b, sig_group, sigs) : 0;
	size_t size = records_size(b, group, n), sigs_size = records_size(b, sig_group, sigs);
	if (size > ZONE_RRSET_BYTES || sigs_size > ZONE_RRSET_BYTES) {
		build_tell(b, ZONE_ERROR, &first->at, "%s: the RRset is larger than any message",
			   dns_type_format(number, type));
		return OK;
	}
	ttl = common_ttl(b, group, n);
	struct zone_rrset head = {
		.fixed = {(uint8_t)(number >> 8), (uint8_t)number, 0, 1},
		.sigs_ttl = sigs ? common_ttl(b, sig_group, sigs) : 0,
		.size = (uint16_t)size,
		.sigs_size = (uint16_t)sigs_size,
		.count = (uint16_t)n,
		.sigs = (uint16_t)sigs,
	};
	put_u32(head.fixed + 4, ttl);
	size_t links_size = links * n * sizeof(zone_ref);
	TRY(region_room(b, sizeof(head) + links_size + size + sigs_size, &at));
	memcpy(at, &head, sizeof(head));
	at = put_records(b, at + sizeof(head) + links_size, group, n);
	(void)put_records(b, at, sig_group, sigs);
	b->zone->rrsets++;
	b->zone->records += n + sigs;
	if (!links)
		return OK;
	return links_of(b, owner, group, n, links,
			b->zone->region_len - zone_rrset_size(&head) + sizeof(head));
}

static enum err pack_rrsets(struct zone_build *b, uint32_t index, size_t len, unsigned *ret)
{
	char type[DNS_TYPE_TEXT_MAX];
	unsigned rrsets = 0;

	for (size_t i = 0; i < len;) {
		uint64_t order = b->group[i] >> 32;
		size_t own = i, sigs;
		while (own < len && b->group[own] >> 32 == (order & ~UINT64_C(1)))
			own++;
		for (sigs = own; sigs < len && b->group[sigs] >> 32 == (order | 1);)
			sigs++;
		if (own == i) {
			build_tell(b, ZONE_WARNING, &member(b, b->group[i])->at,
				   "RRSIG: covers %s, of which there is none here; it is left out",
				   dns_type_format((uint16_t)(order >> 1), type));
		} else {
			TRY(pack_rrset(b, index, b->group + i, own - i, sigs - own));
			rrsets++;
		}
		i = sigs;
	}
	*ret = rrsets;
	return OK;
}

static enum err pack_node(struct zone_build *b, uint32_t index)
{
	struct build_node n = b->nodes[index];
	size_t len, size = offsetof(struct zone_node, name) + n.name_len;
	unsigned rrsets = 0;
	uint8_t *at;

	TRY(region_room(b, size, &at));
	size_t place = (size_t)(at - b->zone->region);
	struct zone_node *packed = (struct zone_node *)(void *)at;
	*packed = (struct zone_node){
		.parent = n.parent, /* an index until the zone is packed */
		.cut = n.cut,
		.flags = n.flags & BUILD_NODE_PACK_MASK,
		.labels = n.labels,
		.name_len = n.name_len,
	};
	memcpy(packed->name, build_name(b, &n), n.name_len);
	b->nodes[index].packed = (zone_ref)(place / ZONE_UNIT);
	b->zone->nodes++;
	if ((n.flags & ZONE_NODE_REAL) && n.labels > b->zone->labels_max)
		b->zone->labels_max = n.labels;
	if (!n.first)
		return OK;
	TRY(gather(b, &n, &len));
	TRY(pack_rrsets(b, index, len, &rrsets));
	if (rrsets > ZONE_RRSETS_MAX) {
		build_tell(b, ZONE_ERROR, &build_record(b, n.first)->at,
			   "more than %u types at one name", ZONE_RRSETS_MAX);
		rrsets = 0;
	}
	((struct zone_node *)(void *)(b->zone->region + place))->rrsets = (uint8_t)rrsets;
	return OK;
}

/* Indices become places, now that every node has one. */
static void settle(struct zone_build *b)
{
	struct zone *z = b->zone;

	for (uint32_t i = 1; i < b->nodes_n; i++) {
		struct zone_node *n =
			(struct zone_node *)(void *)(z->region +
						     (size_t)b->nodes[i].packed * ZONE_UNIT);
		n->parent = b->nodes[n->parent].packed;
		n->cut = n->cut ? b->nodes[n->cut].packed : 0;
		const struct zone_rrset *s = zone_node_rrsets(n);
		for (unsigned k = n->rrsets; k > 0; k--, s = zone_rrset_next(s)) {
			size_t links = (size_t)zone_type_links(zone_rrset_type(s)) * s->count;
			zone_ref *link =
				(zone_ref *)(void *)(z->region +
						     (size_t)zone_ref_of(z, s + 1) * ZONE_UNIT);
			for (; links > 0; links--, link++)
				*link = b->nodes[*link].packed;
		}
	}
	for (uint32_t i = 0; i <= b->slots_mask; i++)
		if (b->slots[i].node)
			b->slots[i].node = b->nodes[b->slots[i].node].packed;
	z->slots = TAKE(b->slots);
	z->slots_mask = b->slots_mask;
	z->apex = b->nodes[b->apex].packed;
	z->apex_labels = b->nodes[b->apex].labels;
}

/* RFC 2308 5: a negative answer lives min(SOA's TTL, MINIMUM). */
static enum err pack_negative(struct zone_build *b)
{
	struct zone *z = b->zone;
	const struct zone_rrset *soa = zone_node_find(zone_node_at(z, z->apex), DNS_TYPE_SOA);
	struct dns_soa fields;
	size_t size = zone_rrset_size(soa), from = (size_t)zone_ref_of(z, soa) * ZONE_UNIT;
	uint8_t *at;

	const uint8_t *data = zone_rrset_data(soa);
	TRY(dns_rdata_soa(span_of(data + 2, (size_t)(data[0] << 8 | data[1])), &fields));
	z->serial = fields.serial;
	z->soa = zone_ref_of(z, soa);
	TRY(region_room(b, size, &at));
	memcpy(at, z->region + from, size);
	struct zone_rrset *copy = (struct zone_rrset *)(void *)at;
	if (fields.minimum_s < zone_rrset_ttl(copy))
		put_u32(copy->fixed + 4, fields.minimum_s);
	if (fields.minimum_s < copy->sigs_ttl)
		copy->sigs_ttl = fields.minimum_s;
	z->soa_negative = zone_ref_of(z, copy);
	return OK;
}

enum err pack_zone(struct zone_build *b)
{
	struct zone *z = b->zone;
	uint8_t *at, *smaller;

	b->region_cap = b->raw_len + (size_t)b->nodes_n * sizeof(struct zone_node) + 4096;
	z->region = malloc(b->region_cap);
	if (!z->region)
		return ENOMEM;
	TRY(region_room(b, ZONE_UNIT, &at)); /* place 0 is none */
	for (uint32_t i = 1; i < b->nodes_n; i++)
		TRY(pack_node(b, i));
	z->nodes_end = z->region_len;
	if (b->judge->errors)
		return OK; /* it will not be used */
	settle(b);
	free(TAKE(b->raw));
	free(TAKE(b->nodes));
	TRY(pack_negative(b));
	smaller = realloc(z->region, z->region_len);
	if (smaller)
		z->region = smaller;
	return zone_denial_index(z);
}
