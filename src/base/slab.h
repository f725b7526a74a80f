/* Records of one size, as many as the configuration allows, taken and given back one by one. Knows
 * nothing of what the records are; never moves one. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct slab_block;

/* Zeroed storage is not a slab yet: slab_init. One thread at a time. */
struct slab {
	struct slab_block *blocks; /* owned */
	void *free;		   /* records that were given back */
	uint8_t *at;		   /* the next record of the newest block that was never taken */
	size_t at_n;		   /* how many such records there are */
	size_t record_size;	   /* rounded up to 16 */
	size_t capacity;	   /* records at most */
	size_t made;		   /* records that blocks have room for */
	size_t used;		   /* records that are out */
	size_t refused;		   /* how often slab_take returned NULL */
};

/* Allocates nothing: memory comes in blocks of about 64 KiB when it is needed, so that a large
 * capacity costs nothing until it is used. record_size: 1 to 1 MiB. */
void slab_init(struct slab *s, size_t record_size, size_t capacity);

/* Frees all records, also those that are out; accepts zeroed storage. */
void slab_done(struct slab *s);

/* A zeroed record, aligned to 16; NULL and counted when capacity records are out or malloc fails.
 */
MUST void *slab_take(struct slab *s);

/* Gives a record of this slab back; accepts NULL. Its bytes are overwritten. Blocks stay. */
void slab_give(struct slab *s, void *record);

static inline size_t slab_used(const struct slab *s)
{
	return s->used;
}

#endif
