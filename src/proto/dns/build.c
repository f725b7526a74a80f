#include "proto/dns/build.h"

#include "proto/dns/rdata.h"

#include <assert.h>

#define POINTER	   0xc000u
#define COUNTS_AT  4  /* of the counts in the header */
#define FIXED_LEN  10 /* type, class, ttl, rdlength */
#define NOT_SUFFIX UINT16_MAX

static_assert(DNS_BUILD_SUFFIXES < UINT8_MAX && DNS_BUILD_SUFFIXES < DNS_BUILD_SLOTS,
	      "slots name suffixes by one octet and one slot is always empty");

void dns_build_init(struct dns_build *b, void *buf, size_t limit, uint16_t id, uint16_t flags)
{
	ASSERT(limit >= DNS_HEADER_LEN);
	b->w = writer_of(buf, limit < DNS_MESSAGE_MAX ? limit : DNS_MESSAGE_MAX);
	b->flags = flags;
	memset(b->counts, 0, sizeof(b->counts));
	b->reserved = 0;
	b->question_len = 0;
	b->truncated = false;
	b->indexed = false;
	b->suffixes_len = 0;
	write_u16(&b->w, id);
	(void)writer_reserve(&b->w, DNS_HEADER_LEN - 2); /* for dns_build_finish */
}

void dns_build_question_echo(struct dns_build *b, struct span wire)
{
	ASSERT(b->w.pos == DNS_HEADER_LEN && wire.len > 4 && wire.len <= DNS_NAME_MAX + 4);
	write_span(&b->w, wire);
	if (b->w.bad) {
		writer_rewind(&b->w, DNS_HEADER_LEN);
		dns_build_truncate(b);
		return;
	}
	b->question_len = (uint8_t)(wire.len - 4);
	b->counts[DNS_QUESTION] = 1;
}

void dns_build_question(struct dns_build *b, struct span name, uint16_t type, uint16_t class)
{
	uint8_t wire[DNS_NAME_MAX + 4];
	ASSERT(name.len >= 1 && name.len <= DNS_NAME_MAX);
	struct writer w = writer_of(wire, sizeof(wire));
	write_span(&w, name);
	write_u16(&w, type);
	write_u16(&w, class);
	dns_build_question_echo(b, writer_span(&w));
}

void dns_build_reserve(struct dns_build *b, size_t n)
{
	if (n > writer_left(&b->w))
		n = writer_left(&b->w);
	b->w.cap -= n;
	b->reserved = (uint16_t)(b->reserved + n);
}

/* --- compression: a set of (label, offset of what follows it) -> offset, keyed by content --- */

static uint32_t load_4(const uint8_t *p)
{
	uint32_t x;
	memcpy(&x, p, sizeof(x));
	return x;
}

static uint64_t load_8(const uint8_t *p)
{
	uint64_t x;
	memcpy(&x, p, sizeof(x));
	return x;
}

/* Setting bit 5 everywhere makes the letters' case vanish; what else it joins, the comparison
 * parts. Not keyed: the table holds so few that collisions made on purpose cost less than a long
 * name. */
static uint8_t slot_of(uint16_t parent, const uint8_t *label)
{
	const uint64_t fold = 0x2020202020202020u, odd = 0x9e3779b97f4a7c15u;
	size_t len = label[0];
	uint64_t h = ((uint64_t)parent << 8 | len) * odd;
	const uint8_t *p = label + 1;
	if (len >= 8) {
		for (size_t i = 0; i + 8 < len; i += 8)
			h = ((h ^ (load_8(p + i) | fold)) * odd) ^ h >> 32;
		h ^= load_8(p + len - 8) | fold;
	} else if (len >= 4) {
		h ^= ((uint64_t)load_4(p) << 32 | load_4(p + len - 4)) | fold;
	} else {
		h ^= ((uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1]) | fold;
	}
	h ^= h >> 32;
	return (uint8_t)(h * odd >> 56);
}

static bool same_label(const uint8_t *a, const uint8_t *b)
{
	return a[0] == b[0] && dns_name_equal_nocase(span_of(a + 1, a[0]), span_of(b + 1, b[0]));
}

/* The offset of label with parent after it, or NOT_SUFFIX; ret_slot: where it is or belongs. */
static uint16_t suffix_find(const struct dns_build *b, uint16_t parent, const uint8_t *label,
			    uint8_t *ret_slot)
{
	uint8_t slot = slot_of(parent, label);
	/* Ends: fewer suffixes than slots. */
	for (; b->slots[slot]; slot++) {
		const struct dns_build_suffix *s = &b->suffixes[b->slots[slot] - 1];
		if (s->parent == parent && same_label(b->w.data + s->at, label)) {
			*ret_slot = slot;
			return s->at;
		}
	}
	*ret_slot = slot;
	return NOT_SUFFIX;
}

/* Remembers the labels [0, count) of a name whose first stands at `start` in the message and whose
 * octets are there; parent: the offset of what follows label count - 1. */
static void suffixes_add(struct dns_build *b, size_t start, const uint8_t *offsets, unsigned count,
			 uint16_t parent)
{
	while (count-- > 0 && b->suffixes_len < DNS_BUILD_SUFFIXES) {
		size_t at = start + offsets[count];
		uint8_t slot;
		if (at > DNS_BUILD_POINTER_MAX ||
		    suffix_find(b, parent, b->w.data + at, &slot) != NOT_SUFFIX)
			return;
		b->suffixes[b->suffixes_len++] = (struct dns_build_suffix){
			.at = (uint16_t)at, .parent = parent, .slot = slot};
		b->slots[slot] = b->suffixes_len;
		parent = (uint16_t)at;
	}
}

/* Forgets what stood at pos or after it. Undone in the order of doing backwards, so that every
 * probe finds what it found before. */
static void suffixes_rewind(struct dns_build *b, size_t pos)
{
	while (b->suffixes_len && b->suffixes[b->suffixes_len - 1].at >= pos)
		b->slots[b->suffixes[--b->suffixes_len].slot] = 0;
}

static void index_begin(struct dns_build *b)
{
	uint8_t offsets[DNS_LABELS_MAX + 1];
	memset(b->slots, 0, sizeof(b->slots));
	b->indexed = true;
	if (b->question_len <= 1)
		return;
	struct span name = span_of(b->w.data + DNS_HEADER_LEN, b->question_len);
	suffixes_add(b, DNS_HEADER_LEN, offsets, dns_name_offsets(name, offsets) - 1, 0);
}

uint16_t dns_build_name(struct dns_build *b, struct span name)
{
	if (name.len <= 1) {
		write_u8(&b->w, 0);
		return 0;
	}
	if (!b->indexed)
		index_begin(b);
	uint8_t offsets[DNS_LABELS_MAX + 1], slot;
	unsigned count = dns_name_offsets(name, offsets) - 1; /* labels to write */
	uint16_t parent = 0;
	for (; count; count--) {
		uint16_t at = suffix_find(b, parent, name.data + offsets[count - 1], &slot);
		if (at == NOT_SUFFIX)
			break;
		parent = at;
	}
	size_t start = b->w.pos;
	write_bytes(&b->w, name.data, offsets[count]);
	if (parent)
		write_u16(&b->w, (uint16_t)(POINTER | parent));
	else
		write_u8(&b->w, 0);
	if (b->w.bad)
		return 0;
	if (count == 0)
		return parent;
	suffixes_add(b, start, offsets, count, parent);
	return start > DNS_BUILD_POINTER_MAX ? 0 : (uint16_t)start;
}

void dns_build_name_plain(struct dns_build *b, struct span name)
{
	write_span(&b->w, name);
}

/* --- RRsets --- */

struct dns_build_rrset dns_build_rrset_begin(struct dns_build *b, enum dns_section section,
					     struct span owner, uint16_t type, uint16_t class,
					     uint32_t ttl)
{
	return (struct dns_build_rrset){
		.type = type,
		.class = class,
		.ttl = ttl,
		.section = (uint8_t)section,
		.pos = (uint32_t)b->w.pos,
		.owner = owner,
	};
}

struct dns_build_rrset dns_build_rrset_begin_at(struct dns_build *b, enum dns_section section,
						uint16_t owner_at, uint16_t type, uint16_t class,
						uint32_t ttl)
{
	struct dns_build_rrset s =
		dns_build_rrset_begin(b, section, (struct span){0}, type, class, ttl);
	s.owner_at = owner_at;
	return s;
}

/* Owner and fixed fields. NULL when out of room. */
static uint8_t *record_begin(struct dns_build *b, struct dns_build_rrset *s, size_t rdlength)
{
	uint8_t *at;
	if (s->owner_at) {
		at = write_room(&b->w, 2 + FIXED_LEN);
		if (!at)
			return NULL;
		put_u16(at, (uint16_t)(POINTER | s->owner_at));
		at += 2;
	} else {
		s->owner_at = dns_build_name(b, s->owner);
		at = write_room(&b->w, FIXED_LEN);
		if (!at)
			return NULL;
	}
	put_u16(at, s->type);
	put_u16(at + 2, s->class);
	put_u32(at + 4, s->ttl);
	put_u16(at + 8, (uint16_t)rdlength);
	s->count++;
	return at;
}

/* RFC 3597 4: compression is for names in the types of RFC 1035. */
static bool rdata_is_compressed(uint16_t type)
{
	const uint32_t types = 1u << DNS_TYPE_NS | 1u << DNS_TYPE_MD | 1u << DNS_TYPE_MF |
			       1u << DNS_TYPE_CNAME | 1u << DNS_TYPE_SOA | 1u << DNS_TYPE_MB |
			       1u << DNS_TYPE_MG | 1u << DNS_TYPE_MR | 1u << DNS_TYPE_PTR |
			       1u << DNS_TYPE_MINFO | 1u << DNS_TYPE_MX;
	return type < 32 && (types >> type & 1);
}

void dns_build_rrset_add(struct dns_build *b, struct dns_build_rrset *s, struct span rdata)
{
	if (rdata_is_compressed(s->type)) {
		size_t at = 0;
		dns_build_rrset_add_begin(b, s, &at);
		dns_rdata_write(s->type, rdata, b);
		dns_build_rrset_add_end(b, s, at);
	} else if (record_begin(b, s, rdata.len)) {
		write_span(&b->w, rdata);
	}
}

void dns_build_rrset_add_begin(struct dns_build *b, struct dns_build_rrset *s, size_t *ret_at)
{
	(void)record_begin(b, s, 0);
	*ret_at = b->w.pos - 2;
}

void dns_build_rrset_add_end(struct dns_build *b, struct dns_build_rrset *s, size_t at)
{
	(void)s;
	writer_fill_u16(&b->w, at);
}

bool dns_build_rrset_end(struct dns_build *b, struct dns_build_rrset *s)
{
	if (b->w.bad) {
		writer_rewind(&b->w, s->pos);
		suffixes_rewind(b, s->pos);
		return false;
	}
	b->counts[s->section] = (uint16_t)(b->counts[s->section] + s->count);
	return true;
}

bool dns_build_record(struct dns_build *b, enum dns_section section, struct span owner,
		      uint16_t type, uint16_t class, uint32_t ttl, struct span rdata)
{
	struct dns_build_rrset s = dns_build_rrset_begin(b, section, owner, type, class, ttl);
	dns_build_rrset_add(b, &s, rdata);
	return dns_build_rrset_end(b, &s);
}

struct dns_build_mark dns_build_mark(const struct dns_build *b)
{
	struct dns_build_mark m = {.pos = (uint32_t)b->w.pos};
	memcpy(m.counts, b->counts, sizeof(m.counts));
	return m;
}

void dns_build_rewind(struct dns_build *b, const struct dns_build_mark *m)
{
	writer_rewind(&b->w, m->pos);
	suffixes_rewind(b, m->pos);
	memcpy(b->counts, m->counts, sizeof(b->counts));
}

/* --- the end --- */

void dns_build_opt(struct dns_build *b, uint16_t udp_size, unsigned rcode, bool do_bit,
		   struct span options)
{
	b->w.cap += b->reserved;
	b->reserved = 0;
	dns_build_set_rcode(b, rcode);
	if (options.len > UINT16_MAX || writer_left(&b->w) < DNS_OPT_LEN + options.len)
		options.len = 0;
	uint8_t *at = writer_left(&b->w) < DNS_OPT_LEN ? NULL : write_room(&b->w, DNS_OPT_LEN);
	if (!at)
		return;
	at[0] = 0;
	put_u16(at + 1, DNS_TYPE_OPT);
	put_u16(at + 3, udp_size);
	at[5] = (uint8_t)(rcode >> 4);
	at[6] = DNS_EDNS_VERSION;
	put_u16(at + 7, do_bit ? 0x8000 : 0); /* RFC 3225 3 */
	put_u16(at + 9, (uint16_t)options.len);
	write_span(&b->w, options);
	b->counts[DNS_ADDITIONAL]++;
}

struct span dns_build_finish(struct dns_build *b)
{
	ASSERT(!b->w.bad); /* what does not fit is taken back where it was written */
	put_u16(b->w.data + 2, b->flags);
	for (unsigned section = DNS_QUESTION; section <= DNS_ADDITIONAL; section++)
		put_u16(b->w.data + COUNTS_AT + 2 * (size_t)section, b->counts[section]);
	return writer_span(&b->w);
}
