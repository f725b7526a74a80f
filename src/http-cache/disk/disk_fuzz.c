/* What a start reads of a file that anything may have happened to: the volume's page, segments'
 * pages, entries into an index, rules, heads of records, what was forgotten. Checks are made good
 * first, so that what lies behind them is reached. */
#include "http-cache/disk/forgotten.h"
#include "http-cache/disk/index.h"
#include "http-cache/disk/record.h"
#include "http-cache/disk/rules.h"

#include "base/reader.h"
#include "base/writer.h"

#include <stdlib.h>

static const struct hash_key key = {1, 2};

enum { VARIANTS = 8 };

static void heads(struct span in)
{
	struct cache_object *o = NULL, *again = NULL;
	uint8_t *room = malloc(in.len + 64);
	if (disk_head_read(in, &o) == OK) {
		struct writer w = writer_of(room, in.len + 64);
		disk_head_write(o, &w);
		ASSERT(!w.bad && w.pos == in.len);
		ASSERT(disk_head_read(writer_span(&w), &again) == OK);
		ASSERT(span_equal(o->key, again->key) && o->fields_n == again->fields_n);
		(void)cache_object_has_tag(o, span_text("x"));
		cache_object_unref(again);
	}
	cache_object_unref(o);
	free(room);
}

static void headers(struct span in)
{
	struct disk_header h;
	size_t needed = 0;
	enum err e = disk_header_read(key, in, &h, &needed);
	ASSERT(e != OK || needed <= in.len);
	ASSERT(e != ERR_LIMIT || needed > in.len);
	if (in.len < DISK_HEADER_LEN || in.len > DISK_HEADER_LEN + DISK_HEAD_MAX)
		return;
	struct reader r = reader_of_span(in);
	struct disk_header made = {.head_len = (uint32_t)(in.len - DISK_HEADER_LEN)};
	made.seq = read_u64(&r);
	made.body_len = read_u64(&r);
	made.hash = read_u64(&r);
	uint8_t *copy = malloc(in.len);
	memcpy(copy, in.data, in.len);
	disk_header_write(key, &made, copy);
	ASSERT(disk_header_read(key, span_of(copy, in.len), &h, &needed) == OK);
	ASSERT(h.seq == made.seq && h.body_len == made.body_len && h.hash == made.hash);
	copy[in.data[0] % in.len] ^= 1;
	if (in.data[0] % in.len < needed)
		ASSERT(disk_header_read(key, span_of(copy, in.len), &h, &needed) != OK);
	free(copy);
}

static void rules(struct span in)
{
	static uint8_t copies[2 * DISK_RULES_LEN];
	static struct disk_rules r, again;
	const struct cache_object o = {.key = in, .tags = in};
	memset(copies, 0, sizeof(copies));
	memcpy(copies, in.data, in.len < DISK_RULES_LEN ? in.len : DISK_RULES_LEN - 8);
	struct writer check = writer_of(copies + DISK_RULES_LEN - DISK_CHECK_LEN, DISK_CHECK_LEN);
	write_u64(&check, siphash13_of(key, copies, DISK_RULES_LEN - DISK_CHECK_LEN));
	if (!disk_rules_read(key, copies, &r))
		return;
	ASSERT(r.n <= DISK_RULES_MAX);
	(void)disk_rules_mean(&r, &o, 0);
	(void)disk_rules_write(key, &r, copies);
	ASSERT(disk_rules_read(key, copies, &again) && again.n == r.n && again.seq == r.seq);
	(void)disk_rules_add(&r, CACHE_PURGE_PREFIX, in);
	ASSERT(disk_rules_mean(&r, &o, r.epoch - 1));
}

/* Entries of 40 bytes, whose check is made. */
static void entries(struct span in)
{
	struct disk_shape shape;
	struct disk_index x;
	uint8_t bytes[DISK_ENTRY_LEN];
	uint32_t segment, slot = 0;
	ASSERT(disk_shape_of(DISK_SEGMENTS_AT + 10 * DISK_SEGMENT_MIN, 1, &shape));
	if (disk_index_init(&x, &shape))
		return;
	ASSERT(disk_index_open(&x, DISK_SMALL, &segment));
	uint64_t seq = x.segments[segment].seq;
	for (size_t at = 0; at + 40 <= in.len && slot < shape.entries; at += 40) {
		struct disk_entry e, got;
		struct disk_place found[VARIANTS];
		memcpy(bytes, in.data + at, 40);
		memset(bytes + 40, 0, 8);
		/* As if read, to be written with its check: once it is right, once not. */
		ASSERT(!disk_entry_read(key, seq + 1, &shape, bytes, &got));
		struct reader r = reader_of(bytes, 40);
		e.hash = read_u64(&r);
		e.order = read_u64(&r);
		e.variant = read_u32(&r) & 3;
		e.at = read_u32(&r);
		e.len = read_u32(&r);
		e.epoch = read_u32(&r);
		e.space = (uint16_t)read_u32(&r) & 1;
		e.names = read_u32(&r);
		disk_entry_write(key, seq, &e, bytes);
		if (!disk_entry_read(key, seq, &shape, bytes, &got))
			continue;
		ASSERT((uint64_t)got.at * DISK_UNIT >= shape.data);
		ASSERT(((uint64_t)got.at + got.len) * DISK_UNIT <= shape.segment);
		const struct disk_place p = {.hash = got.hash,
					     .variant = got.variant,
					     .space = got.space,
					     .at = got.at,
					     .len = got.len,
					     .segment = segment,
					     .slot = slot++};
		ASSERT(disk_index_add(&x, &p) == OK && disk_index_is_at(&x, &p));
		ASSERT(disk_index_find(&x, p.hash, p.space, found, VARIANTS) <= 4);
		if (in.data[at] % 5 == 0)
			ASSERT(disk_index_kill(&x, p.hash) > 0 && !disk_index_is_at(&x, &p));
	}
	ASSERT(x.objects == x.segments[segment].live && x.objects <= slot);
	disk_index_seal(&x, segment);
	disk_index_free(&x, segment);
	ASSERT(x.objects == 0 && x.units == 0);
	disk_index_done(&x);
}

static void pages(struct span in)
{
	uint8_t page[DISK_PAGE] = {0};
	struct disk_shape shape;
	struct hash_key k;
	uint64_t seq;
	enum disk_queue queue;
	ASSERT(disk_shape_of(DISK_SEGMENTS_AT + 10 * DISK_SEGMENT_MIN, 1, &shape));
	memcpy(page, in.data, in.len < sizeof(page) ? in.len : sizeof(page));
	(void)disk_volume_read(page, &shape, &k);
	(void)disk_segment_read(key, page, &seq, &queue);
}

/* Behind what is there lies no note: lengths that reach far into it mean one thing, and cost a lot.
 * Of these one in 32 stays. */
static void shorten(uint8_t *word, size_t notes)
{
	uint64_t used;
	memcpy(&used, word, sizeof(used));
	if (used > notes && used <= DISK_FORGOTTEN_HALF && used % 32)
		used = notes + used % 32;
	memcpy(word, &used, sizeof(used));
}

/* Lengths and orders of both halves, then their notes. */
static void forgotten(struct span in)
{
	static uint8_t base[DISK_FORGOTTEN_SIZE];
	static struct disk_forgotten_found found;
	enum { WORDS = 64, HALF_WORDS = 64, EACH = 16, HEAD = 2 * EACH };
	struct disk_forgotten f = {.base = base};
	memset(base, 0, sizeof(base));
	disk_forgotten_take(&f, key);
	for (size_t half = 0; half < 2 && in.len >= HEAD; half++) {
		struct span notes = span_sub(in, HEAD, in.len);
		size_t n = notes.len < DISK_FORGOTTEN_HALF ? notes.len : DISK_FORGOTTEN_HALF;
		memcpy(base + WORDS + half * HALF_WORDS, in.data + half * EACH, EACH);
		shorten(base + WORDS + half * HALF_WORDS, n);
		memcpy(base + DISK_PAGE + half * DISK_FORGOTTEN_HALF, notes.data, n);
	}
	ASSERT(disk_forgotten_read(&f, (struct hash_key){2, 1}, &found) == OK && !found.keys_n);
	if (disk_forgotten_read(&f, key, &found))
		return;
	ASSERT(found.rules_n <= DISK_FORGOTTEN_RULES);
	for (size_t i = 0; i < found.rules_n; i++)
		ASSERT(found.rules[i].value.len <= CACHE_KEY_MAX);
	for (size_t i = 0; i < found.keys_n; i++) {
		const struct disk_forgotten_key *k = &found.keys[i];
		ASSERT(i == 0 || found.keys[i - 1].hash < k->hash);
		ASSERT(disk_forgotten_means(&found, k->hash, k->order));
	}
	disk_forgotten_found_done(&found);
	/* Notes go on behind whatever is there. */
	disk_forgotten_note_key(&f, 77, 5);
	ASSERT(disk_forgotten_any(&f));
	if (disk_forgotten_read(&f, key, &found))
		return;
	ASSERT(disk_forgotten_means(&found, 77, 5));
	disk_forgotten_found_done(&found);
	for (int i = 0; i < 2; i++) {
		disk_forgotten_turn(&f);
		disk_forgotten_clear(&f);
	}
	ASSERT(!disk_forgotten_any(&f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct span in) = {heads,   headers, rules,
							  entries, pages,   forgotten};
	if (size < 2)
		return 0;
	readers[data[0] % 6](span_of(data + 1, size - 1));
	return 0;
}
