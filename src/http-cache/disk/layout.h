/* How the disk tier lies in its one file, and the bytes of its fixed parts. Knows no file and no
 * object.
 *
 *	volume page, rules twice | segment | segment | …
 *	segment: its page, the dead (a bit for each entry), the table of entries, records
 *
 * A segment is filled from its beginning to its end, then never changed but for bits of the dead,
 * and is used anew as a whole. An entry of the table is written after its record and is what makes
 * the record count: what a kill leaves half written has none. All checks are keyed by a number that
 * is never used twice (of the segment, of the record), so that what another use left behind at the
 * same place is nobody's.
 */
#ifndef HTTP_CACHE_DISK_LAYOUT_H
#define HTTP_CACHE_DISK_LAYOUT_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"

#include <assert.h>

enum {
	DISK_VERSION = 4,
	DISK_PAGE = 4096,
	DISK_UNIT = 64, /* records begin at multiples of it in their segment */
	DISK_ENTRY_LEN = 48,
	DISK_BLOCK = 64 * 1024, /* of bodies, each with a check behind it */
	DISK_CHECK_LEN = 8,
	DISK_RULES_AT = DISK_PAGE,
	DISK_RULES_LEN = 192 * 1024, /* twice, one after the other */
	DISK_SEGMENTS_AT = 512 * 1024,
	DISK_SEGMENTS_MIN = 10,
	DISK_SEGMENTS_MAX = 8192,
	DISK_SEGMENT_MIN = 1024 * 1024,
	DISK_SLOTS_BITS = 21,
	DISK_SLOTS_MAX = 1 << DISK_SLOTS_BITS,
	DISK_EPOCH_MAX = 1 << 30, /* what is above was not counted by us */
};
static_assert(DISK_RULES_AT + 2 * DISK_RULES_LEN <= DISK_SEGMENTS_AT, "rules overlap segments");

struct disk_shape {
	uint64_t size;	   /* bytes of the file */
	uint64_t segment;  /* bytes of one, a power of two */
	uint32_t segments; /* how many */
	uint32_t entries;  /* of a segment at most, a multiple of 8 */
	uint32_t table;	   /* where its entries begin in a segment */
	uint32_t data;	   /* where its records begin */
};

/* Segments that take a record of record_max bytes; false: size is too small for ten of them. */
MUST bool disk_shape_of(uint64_t size, uint64_t record_max, struct disk_shape *ret);

static inline uint64_t disk_segment_at(const struct disk_shape *s, uint32_t segment)
{
	return DISK_SEGMENTS_AT + segment * s->segment;
}
static inline uint64_t disk_dead_at(const struct disk_shape *s, uint32_t segment)
{
	return disk_segment_at(s, segment) + DISK_PAGE;
}
static inline uint64_t disk_entry_at(const struct disk_shape *s, uint32_t segment, uint32_t slot)
{
	return disk_segment_at(s, segment) + s->table + (uint64_t)slot * DISK_ENTRY_LEN;
}

/* ---- the volume's page: written once ---- */

void disk_volume_write(const struct disk_shape *s, struct hash_key key, uint8_t page[DISK_PAGE]);
/* ERR_FORMAT: none of ours, or torn. ERR_UNSUPPORTED: of another version, or shape. */
MUST enum err disk_volume_read(const uint8_t page[DISK_PAGE], const struct disk_shape *s,
			       struct hash_key *ret_key);

/* ---- a segment's page: written when it is begun, and when it is free again ---- */

/* DISK_NEITHER: it is free, and remembers its number, so that nobody gets it again. */
enum disk_queue { DISK_SMALL, DISK_MAIN, DISK_NEITHER };

void disk_segment_write(struct hash_key key, uint64_t seq, enum disk_queue queue,
			uint8_t page[DISK_PAGE]);
/* False: it never was in use, or is torn. seq is never 0. */
MUST bool disk_segment_read(struct hash_key key, const uint8_t page[DISK_PAGE], uint64_t *ret_seq,
			    enum disk_queue *ret_queue);

/* ---- an entry of the table ---- */

struct disk_entry {
	uint64_t hash;	  /* of the key */
	uint64_t order;	  /* of records, the higher the newer; a moved one keeps it */
	uint32_t names;	  /* of the fields that Vary names: a hash */
	uint32_t variant; /* of them, and of what the request said in them: a hash */
	uint32_t at, len; /* of the record, in units; at: from the segment's beginning */
	uint32_t epoch;	  /* purges that were before it */
	uint16_t space;	  /* a hash */
};

/* seq: of the segment. */
void disk_entry_write(struct hash_key key, uint64_t seq, const struct disk_entry *e,
		      uint8_t to[DISK_ENTRY_LEN]);
/* False: it is none of this use of the segment, or its record would not lie inside. */
MUST bool disk_entry_read(struct hash_key key, uint64_t seq, const struct disk_shape *s,
			  const uint8_t from[DISK_ENTRY_LEN], struct disk_entry *ret);

static inline bool disk_bit(const uint8_t *dead, uint32_t slot)
{
	return dead[slot / 8] >> slot % 8 & 1;
}

#endif
