#include "http-cache/disk/layout.h"

#include "base/reader.h"
#include "base/writer.h"

enum {
	BYTES_OF_ENTRY = 2048, /* of a segment: so much room is there for tables */
	VOLUME_LEN = 64,
	SEGMENT_LEN = 24,
	SEGMENT_MAGIC = 0x67684453,
};

static const char magic[8] = {'g', 'h', 'c', 'a', 'c', 'h', 'e', '\n'};

static uint32_t pages(uint64_t bytes)
{
	return (uint32_t)((bytes + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE);
}

bool disk_shape_of(uint64_t size, uint64_t record_max, struct disk_shape *ret)
{
	struct disk_shape s = {.size = size, .segment = DISK_SEGMENT_MIN};
	if (size <= DISK_SEGMENTS_AT)
		return false;
	for (;; s.segment *= 2) {
		s.entries = (uint32_t)(s.segment / BYTES_OF_ENTRY);
		s.table = DISK_PAGE + pages(s.entries / 8);
		s.data = s.table + pages((uint64_t)s.entries * DISK_ENTRY_LEN);
		uint64_t n = (size - DISK_SEGMENTS_AT) / s.segment;
		if (n < DISK_SEGMENTS_MIN || s.entries >= DISK_SLOTS_MAX)
			return false;
		s.segments = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
		if (n <= DISK_SEGMENTS_MAX && s.segment - s.data >= record_max)
			break;
	}
	*ret = s;
	return true;
}

/* ---- the volume ---- */

static void volume_fill(const struct disk_shape *s, struct hash_key key, struct writer *w)
{
	write_bytes(w, magic, sizeof(magic));
	write_u32(w, DISK_VERSION);
	write_u64(w, s->segment);
	write_u32(w, s->segments);
	write_u32(w, s->entries);
	write_u32(w, s->data);
	write_u64(w, key.k0);
	write_u64(w, key.k1);
	write_u64(w, siphash13_of(key, w->data, w->pos));
}

void disk_volume_write(const struct disk_shape *s, struct hash_key key, uint8_t page[DISK_PAGE])
{
	struct writer w = writer_of(page, VOLUME_LEN);
	memset(page, 0, DISK_PAGE);
	volume_fill(s, key, &w);
	ASSERT(!w.bad);
}

enum err disk_volume_read(const uint8_t page[DISK_PAGE], const struct disk_shape *s,
			  struct hash_key *ret_key)
{
	uint8_t same[VOLUME_LEN] = {0};
	struct writer w = writer_of(same, sizeof(same));
	struct reader r = reader_of(page, VOLUME_LEN);
	struct hash_key key;
	if (!span_equal(read_span(&r, sizeof(magic)), span_of(magic, sizeof(magic))))
		return ERR_FORMAT;
	if (read_u32(&r) != DISK_VERSION)
		return ERR_UNSUPPORTED;
	struct disk_shape is = {.segment = read_u64(&r)};
	is.segments = read_u32(&r);
	is.entries = read_u32(&r);
	is.data = read_u32(&r);
	key.k0 = read_u64(&r);
	key.k1 = read_u64(&r);
	volume_fill(&is, key, &w);
	if (!span_equal(span_of(page, VOLUME_LEN), span_of(same, sizeof(same))))
		return ERR_FORMAT;
	if (is.segment != s->segment || is.segments != s->segments || is.entries != s->entries ||
	    is.data != s->data)
		return ERR_UNSUPPORTED;
	*ret_key = key;
	return OK;
}

/* ---- segments ---- */

void disk_segment_write(struct hash_key key, uint64_t seq, enum disk_queue queue,
			uint8_t page[DISK_PAGE])
{
	struct writer w = writer_of(page, SEGMENT_LEN);
	memset(page, 0, DISK_PAGE);
	write_u32(&w, SEGMENT_MAGIC);
	write_u32(&w, (uint32_t)queue);
	write_u64(&w, seq);
	write_u64(&w, siphash13_of(key, w.data, w.pos));
	ASSERT(!w.bad);
}

bool disk_segment_read(struct hash_key key, const uint8_t page[DISK_PAGE], uint64_t *ret_seq,
		       enum disk_queue *ret_queue)
{
	struct reader r = reader_of(page, SEGMENT_LEN);
	uint32_t is = read_u32(&r), queue = read_u32(&r);
	uint64_t seq = read_u64(&r);
	uint64_t check = siphash13_of(key, page, r.pos);
	if (is != SEGMENT_MAGIC || queue > DISK_NEITHER || !seq || read_u64(&r) != check)
		return false;
	*ret_seq = seq;
	*ret_queue = (enum disk_queue)queue;
	return true;
}

/* ---- entries ---- */

static uint64_t entry_check(struct hash_key key, uint64_t seq, const uint8_t *at)
{
	key.k1 ^= seq;
	return siphash13_of(key, at, DISK_ENTRY_LEN - DISK_CHECK_LEN);
}

void disk_entry_write(struct hash_key key, uint64_t seq, const struct disk_entry *e,
		      uint8_t to[DISK_ENTRY_LEN])
{
	struct writer w = writer_of(to, DISK_ENTRY_LEN);
	write_u64(&w, e->hash);
	write_u64(&w, e->order);
	write_u32(&w, e->variant);
	write_u32(&w, e->at);
	write_u32(&w, e->len);
	write_u32(&w, e->epoch);
	write_u32(&w, e->space);
	write_u32(&w, e->names);
	write_u64(&w, entry_check(key, seq, to));
	ASSERT(!w.bad && w.pos == DISK_ENTRY_LEN);
}

bool disk_entry_read(struct hash_key key, uint64_t seq, const struct disk_shape *s,
		     const uint8_t from[DISK_ENTRY_LEN], struct disk_entry *ret)
{
	struct reader r = reader_of(from, DISK_ENTRY_LEN);
	struct disk_entry e = {.hash = read_u64(&r), .order = read_u64(&r)};
	e.variant = read_u32(&r);
	e.at = read_u32(&r);
	e.len = read_u32(&r);
	e.epoch = read_u32(&r);
	uint32_t space = read_u32(&r);
	e.names = read_u32(&r);
	uint64_t at = (uint64_t)e.at * DISK_UNIT, end = at + (uint64_t)e.len * DISK_UNIT;
	e.space = (uint16_t)space;
	if (read_u64(&r) != entry_check(key, seq, from) || space > UINT16_MAX || !e.len ||
	    e.epoch > DISK_EPOCH_MAX || at < s->data || end > s->segment)
		return false;
	*ret = e;
	return true;
}
