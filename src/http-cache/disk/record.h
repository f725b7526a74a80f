/* An object as the bytes of a record: a header with a check over it and the head, the head, and the
 * body in blocks with a check behind each. Knows neither where it lies nor who asks for it.
 */
#ifndef HTTP_CACHE_DISK_RECORD_H
#define HTTP_CACHE_DISK_RECORD_H

#include "http-cache/disk/layout.h"
#include "http-cache/object.h"

struct writer;

enum { DISK_HEADER_LEN = 64, DISK_HEAD_MAX = 192 * 1024, DISK_FIELDS_MAX = 1024 };

struct disk_header {
	uint64_t seq; /* of the segment that it lies in; no more than that differs when it is moved
		       */
	uint64_t hash, order;
	uint64_t body_len;
	uint32_t head_len, names, variant, epoch;
	uint16_t space;
};

/* All of it in bytes, rounded up to units. */
uint64_t disk_record_len(uint64_t head_len, uint64_t body_len);

/* What an object is of. */
uint16_t disk_space(struct hash_key key, struct span space);
uint32_t disk_names_hash(struct hash_key key, struct span names);
/* names, vary: of vary.h. */
uint32_t disk_variant(struct hash_key key, struct span names, struct span vary);

/* The header in front of the head, which lies behind it at to + DISK_HEADER_LEN already. */
void disk_header_write(struct hash_key key, const struct disk_header *h, uint8_t *to);
/* record: header and head, maybe more. ERR_FORMAT: torn, or of another use of the place. ERR_LIMIT:
 * the head is longer than record (*ret_needed: what is needed of it). */
MUST enum err disk_header_read(struct hash_key key, struct span record, struct disk_header *ret,
			       size_t *ret_needed);

/* Everything of an object but its body. Marks w bad when it does not fit. */
void disk_head_write(const struct cache_object *o, struct writer *w);
/* A new object without a body. ERR_FORMAT, ENOMEM. */
MUST enum err disk_head_read(struct span head, struct cache_object **ret);

/* Of a block of a body, the first one is 0. */
uint64_t disk_block_check(struct hash_key key, const struct disk_header *h, uint64_t number,
			  struct span block);

#endif
