/* The disk tier: what is kept beyond a restart, behind the memory tier, which asks it when it has
 * nothing itself and gives it what it keeps. Knows no HTTP, no worker's loop: nothing here waits
 * for the disk but the threads that it begins, cache_disk_open and cache_disk_flush.
 *
 * It does without what goes wrong: what cannot be written is not kept, what cannot be read is not
 * there; both are counted, and the last error is for people.
 */
#ifndef HTTP_CACHE_DISK_H
#define HTTP_CACHE_DISK_H

#include "base/siphash.h"
#include "http-cache/memory.h"

struct cache_disk;

struct cache_disk_options {
	const char *path;    /* of its file; borrowed until it is open */
	uint64_t size;	     /* bytes of the file */
	uint64_t object_max; /* bytes of one body */
	uint64_t queue_max;  /* bytes of objects that wait to be written; what is more is not */
	struct hash_key key; /* random: of a new file */
	/* Memory that outlives the process, of DISK_FORGOTTEN_SIZE bytes (forgotten.h), which
	 * nobody but who has the file uses; borrowed. NULL: what was forgotten and is not written
	 * yet may come back after a kill. */
	void *forgotten;
};

/* What cache_disk_open found. */
enum cache_disk_found {
	CACHE_DISK_NEW,	    /* nothing, or a file of another size */
	CACHE_DISK_KEPT,    /* what was kept before */
	CACHE_DISK_VERSION, /* what another version wrote: it was emptied */
	CACHE_DISK_DAMAGED, /* what nobody wrote: it was emptied */
};

/* Reads the index of what is there. ERR_EXISTS: another process has it. ERR_LIMIT: size is too
 * small for object_max. Errors of the system. */
MUST enum err cache_disk_open(const struct cache_disk_options *o, enum cache_disk_found *ret_found,
			      struct cache_disk **ret);
/* Its threads, which call the memory tier. Before it is asked for the first time. */
MUST enum err cache_disk_start(struct cache_disk *d, struct cache_memory *m);
/* What waits to be written is; what waits to be read is given up. Accepts NULL. */
void cache_disk_stop(struct cache_disk *d);
void cache_disk_free(struct cache_disk *d); /* accepts NULL */

/* Of its hashes: the memory tier's too. */
struct hash_key cache_disk_key(const struct cache_disk *d);
uint64_t cache_disk_object_max(const struct cache_disk *d);

/* ---- for the memory tier; hash: of the key. Any thread, none waits for the disk. ---- */

/* How many there may be: hashes are compared. */
size_t cache_disk_has(struct cache_disk *d, uint64_t hash, struct span space);
size_t cache_disk_count(struct cache_disk *d, uint64_t hash); /* of that key */
/* Instead of another of the same key, space and fields. */
void cache_disk_put(struct cache_disk *d, uint64_t hash, struct cache_object *o);
/* Somebody asked for it, and it was in memory. */
void cache_disk_used(struct cache_disk *d, uint64_t hash);
/* What there is of it that matches the request is put into the memory tier
 * (cache_memory_put_loaded), then the flight lands. False: nothing matches, or too many wait; the
 * flight is still the caller's to land. */
MUST bool cache_disk_load(struct cache_disk *d, uint64_t hash, const struct cache_look *look,
			  uint64_t since, struct cache_flight *f);

/* By key: how many are gone. */
size_t cache_disk_purge_key(struct cache_disk *d, uint64_t hash);
/* By PREFIX, TAG or ALL; of the first two nobody knows yet how many (0). Called before the memory
 * tier is purged, and `again` after it: of what was put meanwhile. */
size_t cache_disk_purge(struct cache_disk *d, enum cache_purge what, struct span value);
void cache_disk_purge_again(struct cache_disk *d, enum cache_purge what, struct span value);

/* ---- for people ---- */

/* Waits until all that was purged before is so for the next start, too, also after a loss of power;
 * false: not within timeout_ms, or it failed. Not for a worker's thread. */
MUST bool cache_disk_flush(struct cache_disk *d, unsigned timeout_ms);

struct cache_disk_sums {
	uint64_t size, bytes, objects, evicted; /* bytes: of records that count */
	uint64_t memory;			/* bytes of the index */
	uint64_t reads, read_bytes;		/* objects that came from it */
	uint64_t writes, written_bytes;		/* objects that were put there; bytes: moves too */
	uint64_t moves;	  /* objects that went to the main queue, or on in it */
	uint64_t waiting; /* objects that are not written yet */
	uint64_t dropped; /* that were not, as too many waited */
	uint64_t read_errors, write_errors, torn;
	enum err last; /* error of the system */
	bool sweeps;   /* a purge by prefix or tag is not through yet */
};
void cache_disk_sums(struct cache_disk *d, struct cache_disk_sums *ret);

#endif
