#include "http-cache/disk/record.h"

#include "base/reader.h"
#include "base/writer.h"

#include <stdlib.h>

enum {
	RECORD_MAGIC = 0x67685243,
	FIELD_LEN_MIN = 8, /* two lengths */
	/* Bits of what a cache_meta says yes to. */
	META_TARGETED = 1 << 0,
	META_NO_CACHE = 1 << 1,
	META_MUST_REVALIDATE = 1 << 2,
	META_S_MAXAGE = 1 << 3,
	META_AUTHORIZED = 1 << 4,
	META_MODIFIED = 1 << 5,
	META_DATE = 1 << 6,
	META_STALE_BY_ANSWER = 1 << 7,
	META_ALL = (1 << 8) - 1,
};

uint64_t disk_record_len(uint64_t head_len, uint64_t body_len)
{
	uint64_t blocks = (body_len + DISK_BLOCK - 1) / DISK_BLOCK;
	uint64_t len = DISK_HEADER_LEN + head_len + body_len + blocks * DISK_CHECK_LEN;
	return (len + DISK_UNIT - 1) / DISK_UNIT * DISK_UNIT;
}

uint16_t disk_space(struct hash_key key, struct span space)
{
	return (uint16_t)siphash13_of(key, space.data, space.len);
}

uint32_t disk_names_hash(struct hash_key key, struct span names)
{
	return (uint32_t)siphash13_of(key, names.data, names.len);
}

uint32_t disk_variant(struct hash_key key, struct span names, struct span vary)
{
	struct hash_key inner = {siphash13_of(key, names.data, names.len), key.k1};
	return (uint32_t)siphash13_of(inner, vary.data, vary.len);
}

/* ---- headers ---- */

static uint64_t header_check(struct hash_key key, uint64_t seq, const uint8_t *at, size_t head_len)
{
	key.k1 ^= seq;
	key.k0 ^= siphash13_of(key, at, DISK_HEADER_LEN - DISK_CHECK_LEN);
	return siphash13_of(key, at + DISK_HEADER_LEN, head_len);
}

void disk_header_write(struct hash_key key, const struct disk_header *h, uint8_t *to)
{
	struct writer w = writer_of(to, DISK_HEADER_LEN);
	write_u32(&w, RECORD_MAGIC);
	write_u32(&w, h->head_len);
	write_u64(&w, h->seq);
	write_u64(&w, h->hash);
	write_u64(&w, h->order);
	write_u64(&w, h->body_len);
	write_u32(&w, h->variant);
	write_u32(&w, h->epoch);
	write_u16(&w, h->space);
	write_u16(&w, 0);
	write_u32(&w, h->names);
	write_u64(&w, header_check(key, h->seq, to, h->head_len));
	ASSERT(!w.bad && w.pos == DISK_HEADER_LEN);
}

enum err disk_header_read(struct hash_key key, struct span record, struct disk_header *ret,
			  size_t *ret_needed)
{
	struct reader r =
		reader_of(record.data, record.len < DISK_HEADER_LEN ? 0 : DISK_HEADER_LEN);
	uint32_t magic = read_u32(&r);
	struct disk_header h = {.head_len = read_u32(&r)};
	h.seq = read_u64(&r);
	h.hash = read_u64(&r);
	h.order = read_u64(&r);
	h.body_len = read_u64(&r);
	h.variant = read_u32(&r);
	h.epoch = read_u32(&r);
	h.space = read_u16(&r);
	reader_skip(&r, 2);
	h.names = read_u32(&r);
	uint64_t check = read_u64(&r);
	if (r.bad || magic != RECORD_MAGIC || h.head_len > DISK_HEAD_MAX)
		return ERR_FORMAT;
	*ret_needed = DISK_HEADER_LEN + h.head_len;
	if (record.len < *ret_needed)
		return ERR_LIMIT;
	if (check != header_check(key, h.seq, record.data, h.head_len))
		return ERR_FORMAT;
	*ret = h;
	return OK;
}

uint64_t disk_block_check(struct hash_key key, const struct disk_header *h, uint64_t number,
			  struct span block)
{
	key.k0 ^= h->order;
	key.k1 ^= number;
	return siphash13_of(key, block.data, block.len);
}

/* ---- heads ---- */

/* Another member must come to the disk, too, and be another version. */
static_assert(sizeof(struct cache_meta) == 72, "meta_write writes all of it");

static uint16_t meta_bits(const struct cache_meta *m)
{
	return (uint16_t)((m->targeted ? META_TARGETED : 0) | (m->no_cache ? META_NO_CACHE : 0) |
			  (m->must_revalidate ? META_MUST_REVALIDATE : 0) |
			  (m->s_maxage ? META_S_MAXAGE : 0) |
			  (m->authorized ? META_AUTHORIZED : 0) |
			  (m->has_modified ? META_MODIFIED : 0) | (m->has_date ? META_DATE : 0) |
			  (m->stale_by_answer ? META_STALE_BY_ANSWER : 0));
}

static void meta_write(const struct cache_meta *m, struct writer *w)
{
	write_u16(w, m->status);
	write_u8(w, m->source);
	write_u16(w, meta_bits(m));
	write_u32(w, m->lifetime_s);
	write_u32(w, m->initial_age_s);
	write_u32(w, m->stale_validate_s);
	write_u32(w, m->stale_error_s);
	write_u64(w, m->response_s);
	write_u64(w, m->date_s);
	write_u64(w, m->modified_s);
}

static bool meta_read(struct reader *r, struct cache_meta *ret)
{
	struct cache_meta m = {.status = read_u16(r), .source = read_u8(r)};
	uint16_t bits = read_u16(r);
	m.targeted = bits & META_TARGETED;
	m.no_cache = bits & META_NO_CACHE;
	m.must_revalidate = bits & META_MUST_REVALIDATE;
	m.s_maxage = bits & META_S_MAXAGE;
	m.authorized = bits & META_AUTHORIZED;
	m.has_modified = bits & META_MODIFIED;
	m.has_date = bits & META_DATE;
	m.stale_by_answer = bits & META_STALE_BY_ANSWER;
	m.lifetime_s = read_u32(r);
	m.initial_age_s = read_u32(r);
	m.stale_validate_s = read_u32(r);
	m.stale_error_s = read_u32(r);
	m.response_s = read_u64(r);
	m.date_s = read_u64(r);
	m.modified_s = read_u64(r);
	*ret = m;
	return !r->bad && m.status >= 100 && m.status < 1000 && m.source <= CACHE_FROM_DEFAULT &&
	       !(bits & ~META_ALL);
}

static void write_long(struct writer *w, struct span s)
{
	write_u32(w, (uint32_t)s.len);
	write_span(w, s);
}

static struct span read_long(struct reader *r)
{
	return read_span(r, read_u32(r));
}

void disk_head_write(const struct cache_object *o, struct writer *w)
{
	const struct span parts[] = {o->key, o->space, o->vary_names, o->vary, o->tags};
	uint32_t etag = 0; /* which field it is, from 1 */
	write_u32(w, (uint32_t)o->fields_n);
	write_u32(w, o->fetch_ms);
	meta_write(&o->meta, w);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		write_long(w, parts[i]);
	for (size_t i = 0; i < o->fields_n; i++)
		if (o->meta.etag.len && o->fields[i].value.data == o->meta.etag.data)
			etag = (uint32_t)i + 1;
	write_u32(w, etag);
	for (size_t i = 0; i < o->fields_n; i++) {
		write_long(w, o->fields[i].name);
		write_long(w, o->fields[i].value);
	}
}

static enum err head_fill(struct reader *r, struct cache_object *o)
{
	struct span *const parts[] = {&o->key, &o->space, &o->vary_names, &o->vary, &o->tags};
	o->fetch_ms = read_u32(r);
	if (!meta_read(r, &o->meta))
		return ERR_FORMAT;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		*parts[i] = read_long(r);
	uint32_t etag = read_u32(r);
	if (r->bad || etag > o->fields_n)
		return ERR_FORMAT;
	for (size_t i = 0; i < o->fields_n; i++) {
		struct http_field *f = &o->fields[i];
		f->name = read_long(r);
		f->id = http_field_id(f->name);
		f->value = read_long(r);
	}
	if (etag && !r->bad)
		o->meta.etag = o->fields[etag - 1].value;
	return reader_end(r);
}

enum err disk_head_read(struct span head, struct cache_object **ret)
{
	struct reader r = reader_of_span(head);
	size_t n = read_u32(&r);
	if (r.bad || n > DISK_FIELDS_MAX || n * FIELD_LEN_MIN > head.len)
		return ERR_FORMAT;
	size_t before = sizeof(struct cache_object) + n * sizeof(struct http_field);
	struct cache_object *o = malloc(before + head.len);
	if (!o)
		return ENOMEM;
	*o = (struct cache_object){
		.rule = CACHE_MAY_STORE, .size = before + head.len, .fields_n = n};
	atomic_init(&o->refs, 1);
	o->fields = (struct http_field *)(void *)(o + 1);
	memset(o->fields, 0, n * sizeof(*o->fields));
	/* What it says lies in its own memory. */
	uint8_t *copy = (uint8_t *)o + before;
	memcpy(copy, head.data, head.len);
	r = reader_of(copy, head.len);
	reader_skip(&r, sizeof(uint32_t));
	enum err e = head_fill(&r, o);
	if (e)
		cache_object_unref(o);
	else
		*ret = o;
	return e;
}
