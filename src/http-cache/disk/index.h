/* What lies on the disk, in memory: where the records of a key are, what each segment is for, who
 * goes and who stays (S3-FIFO, whose queues are logs of segments here). Knows no file; one thread
 * at a time.
 *
 * An object takes 40 bytes, and 4 for its place in the table of hashes, which has one for each
 * 8 KiB of the disk.
 */
#ifndef HTTP_CACHE_DISK_INDEX_H
#define HTTP_CACHE_DISK_INDEX_H

#include "http-cache/disk/layout.h"
#include "http-cache/ghosts.h"

enum { DISK_USES_MAX = 3, DISK_FREE_RESERVE = 2 };

enum disk_state {
	DISK_FREE,
	DISK_OPEN,   /* is being filled */
	DISK_SEALED, /* does not change any more */
	DISK_DYING,  /* free, but for those who still read in it */
};

struct disk_segment {
	uint64_t seq;
	uint32_t used; /* slots */
	uint32_t live; /* of them in the index */
	uint32_t pins;
	uint8_t state, queue; /* enum disk_state, enum disk_queue */
	bool dirty;	      /* bits of its dead are not on the disk yet */
};

struct disk_index_entry {
	uint32_t hash[2], names, variant, epoch;
	uint32_t at, len, next;
	uint32_t slot : 24, uses : 2;
	uint16_t segment, space;
};
static_assert(sizeof(struct disk_index_entry) == 40, "the index is as small as it says");

struct disk_index {
	struct disk_shape shape;
	struct disk_segment *segments; /* owned */
	uint8_t *dead;		       /* owned: shape.entries bits for each segment */
	uint32_t *buckets;	       /* owned: numbers of entries from 1; 0: none */
	size_t buckets_n;	       /* a power of two */
	struct disk_index_entry **chunks;
	size_t chunks_n, chunks_max;
	uint32_t given, spare; /* entries that ever were; the first of a list of free ones */
	uint64_t objects, units, evicted; /* units: of what counts */
	uint64_t seq;			  /* the last one given to a segment */
	size_t mains;			  /* objects in segments of the main queue */
	size_t free_n, small_n, main_n;	  /* segments */
	bool dirty;			  /* some segment is */
	struct ghosts ghosts;
};

/* Where a record is. */
struct disk_place {
	uint64_t hash;
	uint32_t names, variant, epoch, at, len, segment, slot;
	uint16_t space;
	uint8_t uses;
};

/* ENOMEM. */
MUST enum err disk_index_init(struct disk_index *x, const struct disk_shape *shape);
void disk_index_done(struct disk_index *x); /* accepts zeroed storage */
/* Bytes of memory that it takes. */
uint64_t disk_index_memory(const struct disk_index *x);

/* In the place of another of the same hash, space and variant. ENOMEM. */
MUST enum err disk_index_add(struct disk_index *x, const struct disk_place *p);
/* For the start: it is known that there is no other. */
MUST enum err disk_index_add_new(struct disk_index *x, const struct disk_place *p);
/* That hash is looked for soon. */
void disk_index_ahead(const struct disk_index *x, uint64_t hash);
/* Up to max of that hash and space. */
size_t disk_index_find(const struct disk_index *x, uint64_t hash, uint16_t space,
		       struct disk_place *ret, size_t max);
bool disk_index_has(const struct disk_index *x, uint64_t hash, uint16_t space);
size_t disk_index_count(const struct disk_index *x, uint64_t hash);
/* Whether the index leads there. */
bool disk_index_is_at(const struct disk_index *x, const struct disk_place *p);
/* Somebody asked for that hash. */
void disk_index_used(struct disk_index *x, uint64_t hash);

/* These take out of the index, and mark dead for the next start. */
size_t disk_index_kill(struct disk_index *x, uint64_t hash);
size_t disk_index_replace(struct disk_index *x, uint64_t hash, uint16_t space, uint32_t variant);
void disk_index_drop(struct disk_index *x, const struct disk_place *p);
/* A record that never came to be in the index, or is not to. */
void disk_index_mark(struct disk_index *x, uint32_t segment, uint32_t slot);
size_t disk_index_clear(struct disk_index *x);

/* The entry after number `at`, 0 to begin; false: there is none. */
bool disk_index_next(const struct disk_index *x, uint32_t *at, struct disk_place *ret);

static inline uint8_t *disk_index_dead(const struct disk_index *x, uint32_t segment)
{
	return x->dead + (size_t)segment * (x->shape.entries / 8);
}

/* ---- segments ---- */

/* A free one is open from now on; false: there is none. */
MUST bool disk_index_open(struct disk_index *x, enum disk_queue queue, uint32_t *ret_segment);
void disk_index_seal(struct disk_index *x, uint32_t segment);
/* As found at the start, with so many slots in use. */
void disk_index_found(struct disk_index *x, uint32_t segment, uint64_t seq, enum disk_queue queue,
		      uint32_t used);
/* A free one was of that number. */
void disk_index_was(struct disk_index *x, uint64_t seq);
/* The one that gives room now, which nobody reads in; false: there is none. */
MUST bool disk_index_victim(const struct disk_index *x, uint32_t *ret_segment);
/* Whether what lies there goes on in the main queue, with *ret_uses; else it is out. */
MUST bool disk_index_stays(struct disk_index *x, const struct disk_place *p, uint8_t *ret_uses);
/* Out of the index because its segment goes. */
void disk_index_evict(struct disk_index *x, const struct disk_place *p);
/* All of it that is left in the index is out; then it is free. */
void disk_index_free(struct disk_index *x, uint32_t segment);
void disk_index_pin(struct disk_index *x, uint32_t segment);
void disk_index_unpin(struct disk_index *x, uint32_t segment);

/* Which queue a new one is for: what came back soon after it left goes to the main one. */
static inline enum disk_queue disk_index_queue(const struct disk_index *x, uint64_t hash)
{
	return ghosts_take(&x->ghosts, hash, x->mains) ? DISK_MAIN : DISK_SMALL;
}

#endif
