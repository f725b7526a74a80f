/* Records from the snapshot into the message. A name of the zone is found again by its node, so
 * that compression (RFC 1035 4.1.4) compares no bytes. */
#include "proto/dns/rdata.h"
#include "service/authority/answer_inner.h"

#define POINTER	    0xC000u
#define POINTER_MAX 0x3FFFu
#define RECORD_HEAD 10 /* owner pointer, type, class, TTL */

void answer_enter_zone(struct answer *a, const struct zone *z)
{
	a->zone = z;
	a->suffixes_n = 0;
	a->suffixes_begun = false;
}

/* The question's name is there from the start, with all its suffixes. */
static void suffixes_begin(struct answer *a)
{
	a->suffixes_begun = true;
	if (!a->first)
		return;
	for (const struct zone_node *n = a->encloser; n->labels > 0;
	     n = zone_node_at(a->zone, n->parent)) {
		if (a->suffixes_n == ANSWER_SUFFIXES / 2)
			return;
		a->suffixes[a->suffixes_n++] = (struct answer_suffix){
			.node = zone_ref_of(a->zone, n),
			.at = (uint16_t)(DNS_HEADER_LEN + a->path.at[n->labels]),
		};
	}
}

static uint16_t suffix_find(struct answer *a, zone_ref node)
{
	if (!a->suffixes_begun)
		suffixes_begin(a);
	for (unsigned i = 0; i < a->suffixes_n; i++)
		if (zone_same_name(a->zone, a->suffixes[i].node, node))
			return a->suffixes[i].at;
	return 0;
}

/* Writes a name of which `n` is the closest node at or above. Returns where it can be pointed to, 0
 * when nowhere. */
static uint16_t put_name(struct answer *a, const uint8_t *wire, size_t len,
			 const struct zone_node *n)
{
	size_t start = a->w.pos, literal = len - n->name_len;
	uint16_t found = 0;

	while (n->labels > 0 && !(found = suffix_find(a, zone_ref_of(a->zone, n)))) {
		if (start + literal <= POINTER_MAX && a->suffixes_n < ANSWER_SUFFIXES)
			a->suffixes[a->suffixes_n++] = (struct answer_suffix){
				.node = zone_ref_of(a->zone, n),
				.at = (uint16_t)(start + literal),
			};
		literal += (size_t)n->name[0] + 1;
		n = zone_node_at(a->zone, n->parent);
	}
	write_bytes(&a->w, wire, literal);
	if (found)
		write_u16(&a->w, (uint16_t)(POINTER | found));
	else
		write_u8(&a->w, 0);
	if (literal == 0)
		return found;
	return start <= POINTER_MAX ? (uint16_t)start : 0;
}

/* The owner of a record: a pointer, or the node's name. */
static void put_owner(struct answer *a, const struct answer_rrset *set)
{
	if (set->owner_at)
		write_u16(&a->w, (uint16_t)(POINTER | set->owner_at));
	else
		(void)put_name(a, set->owner->name, set->owner->name_len, set->owner);
}

/* Records whose rdata is copied as it lies, owner pointed to. */
static void put_plain(struct answer *a, uint16_t owner_at, const uint8_t fixed[8],
		      const uint8_t *data, unsigned count)
{
	for (; count > 0; count--) {
		size_t len = 2 + (size_t)(data[0] << 8 | data[1]);
		uint8_t *at = write_room(&a->w, RECORD_HEAD + len);
		if (!at)
			return;
		put_u16(at, (uint16_t)(POINTER | owner_at));
		memcpy(at + 2, fixed, 8);
		memcpy(at + RECORD_HEAD, data, len);
		data += len;
	}
}

/* Bytes of the rdata in front of its first name. */
static unsigned name_offset(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_MX: return 2;
	default: return 0;
	}
}

/* One record of a type of RFC 1035 with names. *ret_at: where the first of them stands. */
static void put_linked(struct answer *a, const struct answer_rrset *set, const uint8_t *rdata,
		       size_t len, const zone_ref *links, uint16_t *ret_at)
{
	uint16_t type = zone_rrset_type(set->rrset);
	unsigned names = zone_type_links(type);
	size_t pos = name_offset(type), length_at;

	put_owner(a, set);
	write_bytes(&a->w, set->rrset->fixed, 8);
	length_at = writer_reserve(&a->w, 2);
	write_bytes(&a->w, rdata, pos);
	for (unsigned i = 0; i < names; i++) {
		size_t name_len = dns_name_wire_len(span_of(rdata + pos, len - pos));
		uint16_t at = put_name(a, rdata + pos, name_len, zone_node_at(a->zone, links[i]));
		if (i == 0)
			*ret_at = at;
		pos += name_len;
	}
	write_bytes(&a->w, rdata + pos, len - pos);
	writer_fill_u16(&a->w, length_at);
}

static bool is_compressed(uint16_t type)
{
	return type == DNS_TYPE_NS || type == DNS_TYPE_CNAME || type == DNS_TYPE_SOA ||
	       type == DNS_TYPE_MX;
}

/* Where the first record stands when the order is turned by `turn` records. */
static const uint8_t *skip_records(const uint8_t *data, unsigned turn)
{
	for (; turn > 0; turn--)
		data += 2 + (size_t)(data[0] << 8 | data[1]);
	return data;
}

static unsigned turn_of(const struct answer *a, const struct answer_rrset *set)
{
	unsigned count = set->rrset->count;

	if (count < 2 || !a->conf->round_robin)
		return 0;
	return (unsigned)((uint64_t)a->in->random * count >> 32);
}

static void put_compressed(struct answer *a, const struct answer_rrset *set, unsigned turn)
{
	const struct zone_rrset *s = set->rrset;
	const uint8_t *data = zone_rrset_data(s), *at = skip_records(data, turn);
	const zone_ref *links = zone_rrset_links(s);
	unsigned step = zone_type_links(zone_rrset_type(s));
	uint16_t name_at = 0;

	for (unsigned i = 0; i < s->count && !a->w.bad; i++) {
		unsigned k = i + turn < s->count ? i + turn : i + turn - s->count;
		size_t len = (size_t)(at[0] << 8 | at[1]);
		if (k == 0)
			at = data, len = (size_t)(at[0] << 8 | at[1]);
		put_linked(a, set, at + 2, len, links + (size_t)k * step, &name_at);
		at += 2 + len;
	}
	if (zone_rrset_type(s) == DNS_TYPE_CNAME && set->section == DNS_ANSWER)
		a->target_at = name_at;
}

/* The place of an owner that is no pointer yet: written once with the first record, then pointed
 * to. */
static uint16_t owner_place(struct answer *a, const struct answer_rrset *set)
{
	return set->owner_at ? set->owner_at : suffix_find(a, zone_ref_of(a->zone, set->owner));
}

static void put_sigs(struct answer *a, const struct answer_rrset *set)
{
	const struct zone_rrset *s = set->rrset;
	uint8_t fixed[8] = {0, DNS_TYPE_RRSIG, 0, 1};
	const uint8_t *data = zone_rrset_data(s) + s->size;
	uint16_t at = owner_place(a, set);

	put_u32(fixed + 4, s->sigs_ttl);
	if (at) {
		put_plain(a, at, fixed, data, s->sigs);
		return;
	}
	for (unsigned i = 0; i < s->sigs && !a->w.bad; i++) {
		size_t len = 2 + (size_t)(data[0] << 8 | data[1]);
		put_owner(a, set);
		write_bytes(&a->w, fixed, sizeof(fixed));
		write_bytes(&a->w, data, len);
		data += len;
	}
}

/* Records of a type without compressed names, of an owner that stands nowhere yet. */
static void put_unplaced(struct answer *a, const struct answer_rrset *set)
{
	const uint8_t *data = zone_rrset_data(set->rrset);

	for (unsigned i = 0; i < set->rrset->count && !a->w.bad; i++) {
		size_t len = 2 + (size_t)(data[0] << 8 | data[1]);
		put_owner(a, set);
		write_bytes(&a->w, set->rrset->fixed, 8);
		write_bytes(&a->w, data, len);
		data += len;
	}
}

static void put_records(struct answer *a, const struct answer_rrset *set)
{
	const struct zone_rrset *s = set->rrset;
	unsigned turn = turn_of(a, set);

	if (is_compressed(zone_rrset_type(s))) {
		put_compressed(a, set, turn);
		return;
	}
	uint16_t at = owner_place(a, set);
	if (!at) {
		put_unplaced(a, set);
		return;
	}
	const uint8_t *data = zone_rrset_data(s), *from = skip_records(data, turn);
	put_plain(a, at, s->fixed, from, s->count - turn);
	put_plain(a, at, s->fixed, data, turn);
}

/* Closes what was begun at pos: counted when it fitted, undone when not. */
static bool put_end(struct answer *a, enum dns_section section, unsigned count, size_t pos,
		    unsigned suffixes)
{
	if (a->w.bad) {
		writer_rewind(&a->w, pos);
		a->suffixes_n = suffixes;
		return false;
	}
	a->counts[section] = (uint16_t)(a->counts[section] + count);
	return true;
}

bool answer_put(struct answer *a, const struct answer_rrset *set)
{
	size_t pos = a->w.pos;
	bool sigs = a->dnssec && set->rrset->sigs;

	if (!a->suffixes_begun && !set->owner_at)
		suffixes_begin(a);
	unsigned suffixes = a->suffixes_n;
	put_records(a, set);
	if (sigs)
		put_sigs(a, set);
	return put_end(a, set->section, set->rrset->count + (sigs ? set->rrset->sigs : 0U), pos,
		       suffixes);
}

void answer_must_put(struct answer *a, const struct answer_rrset *set)
{
	if (!answer_put(a, set))
		a->flags |= DNS_FLAG_TC;
}

bool answer_put_sigs(struct answer *a, const struct answer_rrset *set)
{
	size_t pos = a->w.pos;
	unsigned suffixes = a->suffixes_n;

	put_sigs(a, set);
	return put_end(a, set->section, set->rrset->sigs, pos, suffixes);
}

bool answer_put_synthesized(struct answer *a, const struct answer_synthesis *cname)
{
	size_t pos = a->w.pos, length_at;

	write_u16(&a->w, (uint16_t)(POINTER | a->owner_at));
	write_u16(&a->w, DNS_TYPE_CNAME);
	write_u16(&a->w, DNS_CLASS_IN);
	write_u32(&a->w, cname->ttl_s);
	length_at = writer_reserve(&a->w, 2);
	a->target_at = a->w.pos <= POINTER_MAX ? (uint16_t)a->w.pos : 0;
	if (cname->suffix_at) {
		write_bytes(&a->w, cname->name, cname->prefix_len);
		write_u16(&a->w, (uint16_t)(POINTER | cname->suffix_at));
	} else {
		write_bytes(&a->w, cname->name, cname->len);
	}
	writer_fill_u16(&a->w, length_at);
	return put_end(a, DNS_ANSWER, 1, pos, a->suffixes_n);
}

/* The node that link and rdata name exactly, when it has addresses. */
static const struct zone_node *address_node(const struct answer *a, const struct zone_rrset *s,
					    const uint8_t *record, unsigned i)
{
	uint16_t type = zone_rrset_type(s);
	zone_ref link = zone_rrset_links(s)[(size_t)i * zone_type_links(type)];
	struct span name = span_of(record + 2, (size_t)(record[0] << 8 | record[1]));

	if (!zone_is_changing(a->zone) && !(zone_node_at(a->zone, link)->flags & ZONE_NODE_ADDRESS))
		return NULL;
	if (type != DNS_TYPE_NS)
		name = dns_rdata_name_span(type, name, 0);
	const struct zone_node *n = zone_target(a->zone, link, name);
	return n && (n->flags & ZONE_NODE_ADDRESS) ? n : NULL;
}

static bool seen_before(const struct answer *a, const struct zone_rrset *s, unsigned i,
			const struct zone_node *target)
{
	const zone_ref *links = zone_rrset_links(s);
	const uint8_t *record = zone_rrset_data(s);

	for (unsigned k = 0; k < i; k++, record = skip_records(record, 1))
		if (zone_is_changing(a->zone) ? address_node(a, s, record, k) == target
					      : links[k] == links[i])
			return true;
	return false;
}

static bool put_node_addresses(struct answer *a, const struct zone_node *n)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
	bool all = true;

	for (unsigned i = 0; i < 2; i++) {
		const struct zone_rrset *s = zone_node_find(n, types[i]);
		if (s && !answer_put(a, &(struct answer_rrset){
						.section = DNS_ADDITIONAL, .owner = n, .rrset = s}))
			all = false;
	}
	return all;
}

/* RFC 9460 2.5.2: in ServiceMode `.` stands for the owner. */
static bool is_owner_target(const struct zone_rrset *s, const uint8_t *record)
{
	uint16_t type = zone_rrset_type(s);
	struct dns_svcb svcb;

	return (type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS) &&
	       !dns_rdata_svcb(span_of(record + 2, (size_t)(record[0] << 8 | record[1])), &svcb) &&
	       svcb.priority > 0 && svcb.target.len == 1;
}

void answer_put_addresses(struct answer *a, const struct zone_rrset *set,
			  const struct zone_node *owner)
{
	const uint8_t *record = zone_rrset_data(set);
	unsigned n = set->count < ANSWER_TARGETS ? set->count : ANSWER_TARGETS;

	for (unsigned i = 0; i < n; i++, record = skip_records(record, 1)) {
		const struct zone_node *target =
			is_owner_target(set, record) ? owner : address_node(a, set, record, i);
		if (target && !seen_before(a, set, i, target) && !put_node_addresses(a, target))
			return;
	}
}

static bool is_below(const struct answer *a, const struct zone_node *n, const struct zone_node *cut)
{
	return n->cut && zone_same_name(a->zone, n->cut, zone_ref_of(a->zone, cut));
}

void answer_put_glue(struct answer *a, const struct zone_rrset *ns, const struct zone_node *cut)
{
	unsigned n = ns->count < ANSWER_TARGETS ? ns->count : ANSWER_TARGETS;

	/* First what stands or falls with this referral, then what merely saves a question. */
	for (unsigned pass = 0; pass < 2; pass++) {
		const uint8_t *record = zone_rrset_data(ns);
		for (unsigned i = 0; i < n; i++, record = skip_records(record, 1)) {
			const struct zone_node *target = address_node(a, ns, record, i);
			if (!target || is_below(a, target, cut) != (pass == 0))
				continue;
			if (put_node_addresses(a, target))
				continue;
			if (pass == 0)
				a->flags |= DNS_FLAG_TC;
			return;
		}
	}
}
