/* The memory tier: stored answers by key, shared by several threads, and the requests that are
 * under way for what is not stored. Knows no clock, no connection, and decides nothing of RFC 9111.
 *
 * Locking: keys are spread over shards, each with a lock that is held while an object is looked
 * for, put in or taken out, never while bytes are copied or sent. What is found is counted and does
 * not change, so that it is used without a lock, also when it was thrown out meanwhile.
 *
 * A flight stands for one request to the server that others for the same thing wait for: the first
 * leads, the others follow. Threads are told of a flight's end by `wake`, and look at their own
 * followers then.
 */
#ifndef HTTP_CACHE_MEMORY_H
#define HTTP_CACHE_MEMORY_H

#include "base/siphash.h"
#include "http-cache/object.h"

enum { CACHE_THREADS_MAX = 64, CACHE_VARIANTS_MAX = 32, CACHE_REFUSED_MS = 10000 };

struct cache_disk;
struct cache_memory;

struct cache_memory_options {
	uint64_t size;		 /* bytes of all objects */
	uint64_t object_max;	 /* bytes of one body; at most a quarter of what a shard has */
	struct hash_key key;	 /* random; with a disk: cache_disk_key */
	struct cache_disk *disk; /* borrowed: what is behind it; NULL: nothing */
	void (*wake)(void *arg, unsigned thread); /* any thread */
	void *arg;
};

MUST enum err cache_memory_new(const struct cache_memory_options *o, struct cache_memory **ret);
/* Nobody uses it any more. Accepts NULL. */
void cache_memory_free(struct cache_memory *m);
/* What is behind it; NULL: nothing. */
struct cache_disk *cache_memory_disk(const struct cache_memory *m);
/* What one body may be. */
uint64_t cache_memory_object_max(const struct cache_memory *m);

/* What is looked for. */
struct cache_look {
	struct span key, space;
	struct cache_fields request; /* for Vary */
	uint32_t landed;	     /* for cache_memory_fly: of cache_found */
};

struct cache_found {
	struct cache_object *object; /* counted; NULL: none that matches. The newest of several */
	bool others;		     /* of that key, but none that matches */
	enum cache_rule refused;     /* not long ago an answer was not stored, by this rule */
	uint64_t since;		     /* for cache_memory_put: which purges were before */
	uint32_t landed;	     /* how many flights were over before */
	bool below;		     /* without object: the disk has more (cache_memory_load) */
};

void cache_memory_find(struct cache_memory *m, const struct cache_look *look, uint64_t now_ms,
		       struct cache_found *ret);

/* In the place of what it stands for (same key, space and selecting fields), and others go when
 * there is no room. The caller's count stays the caller's. since: of the look before the server was
 * asked. An object with a rule is a note for `refused` until CACHE_REFUSED_MS from now_ms, and for
 * people after that; it may come after a purge. ERR_LIMIT: too large. ERR_REFUSED: it was purged
 * since (rarely: something else was). ENOMEM. */
MUST enum err cache_memory_put(struct cache_memory *m, struct cache_object *o, uint64_t since,
			       uint64_t now_ms);

/* Whether there is one for the same requests, which is not older. */
bool cache_memory_has_same(struct cache_memory *m, const struct cache_object *o);
/* From the disk, unless there is a newer one of the same by now (ERR_EXISTS). Else likewise. */
MUST enum err cache_memory_put_loaded(struct cache_memory *m, struct cache_object *o,
				      uint64_t since);

/* Bytes of bodies that are on their way, and of no object yet: half the tier's size at most. False:
 * there is no room, and nothing was taken. */
MUST bool cache_memory_take(struct cache_memory *m, uint64_t bytes);
void cache_memory_give(struct cache_memory *m, uint64_t bytes);

/* ---- flights ---- */

enum cache_flight_state { CACHE_FLIES, CACHE_LANDED };

enum cache_flying {
	CACHE_LEADS,	  /* it was made now, and must be landed by cache_flight_land */
	CACHE_FOLLOWS,	  /* this thread is told of its end */
	CACHE_LOOK_AGAIN, /* one was over since the look, and what it brought may be there */
	CACHE_NO_FLIGHT,  /* no memory */
};

struct cache_flight {
	atomic_uint refs;
	atomic_uint state;
	atomic_uint_fast64_t threads; /* of followers */
	/* The tier's own, under its lock. */
	struct cache_slot *slot;
	struct cache_flight *next;
	uint64_t space_hash;
};

/* *ret: a count of the flight for that key and space, where it leads or follows; else NULL. */
MUST enum cache_flying cache_memory_fly(struct cache_memory *m, const struct cache_look *look,
					unsigned thread, struct cache_flight **ret);
/* What the disk has of it that matches comes to be found here: this thread is told of the flight's
 * end, which it follows. *ret_leads: it is this one's; else another one's of that key, which may
 * bring what does not match. NULL: the disk has none that matches, too much waits for it, there is
 * no memory, or it is to be looked for again. */
struct cache_flight *cache_memory_load(struct cache_memory *m, const struct cache_look *look,
				       uint64_t since, unsigned thread, bool *ret_leads);
/* By who leads, once: the object is put in before. Gives the count back. */
void cache_flight_land(struct cache_memory *m, struct cache_flight *f);
static inline bool cache_flight_flies(struct cache_flight *f)
{
	return atomic_load_explicit(&f->state, memory_order_acquire) == CACHE_FLIES;
}
void cache_flight_unref(struct cache_flight *f); /* of a follower; accepts NULL */

/* ---- for people ---- */

enum cache_purge { CACHE_PURGE_KEY, CACHE_PURGE_PREFIX, CACHE_PURGE_TAG, CACHE_PURGE_ALL };

/* How many objects went, notes not counted, of either tier; of the disk by KEY and ALL only: for
 * others it goes through what it has by and by, and gives nothing that is meant meanwhile. What was
 * asked for before is not stored after it. */
size_t cache_memory_purge(struct cache_memory *m, enum cache_purge what, struct span value);

struct cache_sums {
	uint64_t objects, bytes, size, evicted;
};
void cache_memory_sums(struct cache_memory *m, struct cache_sums *ret);

/* How many of that key the disk has. */
size_t cache_memory_below(struct cache_memory *m, struct span key);

/* Calls for objects until it answers false, under a shard's lock; key: of that key only. */
void cache_memory_each(struct cache_memory *m, const struct span *key,
		       bool (*call)(void *arg, const struct cache_object *o), void *arg);

#endif
