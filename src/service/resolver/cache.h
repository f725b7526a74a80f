/* What was learned and how long it holds: bytes under a key of kind, name and type, within one
 * bound of memory that all workers share. Knows neither records nor messages: payloads are opaque.
 */
#ifndef RESOLVER_CACHE_H
#define RESOLVER_CACHE_H

#include "base/err.h"
#include "base/span.h"

struct cache;

/* Kinds live side by side: the parent's word on a delegation never mixes with the child's own NS
 * RRset, so that a child cannot prolong a delegation that its parent has withdrawn. */
enum cache_kind {
	CACHE_RRSET = 1,  /* one RRset with its signatures */
	CACHE_NODATA,	  /* RFC 2308 2.2: the name has no such type; SOA and proofs */
	CACHE_NXDOMAIN,	  /* RFC 2308 2.1 and RFC 8020: nothing at or below the name; type is 0 */
	CACHE_DELEGATION, /* NS RRset as the parent states it; type is 0 */
	CACHE_GLUE,	  /* addresses of a server as the side of the parent states them */
	CACHE_FAILURE,	  /* RFC 9520: this question failed a moment ago */
	CACHE_ANSWER,	  /* whole answers ready to copy (reply.h), without DNSSEC records */
	CACHE_ANSWER_DO,  /* and with them */
	CACHE_ANSWER_64,  /* both for clients of DNS64 */
	CACHE_ANSWER_64_DO,
};

/* Is it one of the kinds of whole answers? */
static inline bool cache_kind_is_whole(uint8_t kind)
{
	return kind >= CACHE_ANSWER && kind <= CACHE_ANSWER_64_DO;
}

/* RFC 2181 5.4.1, from the least trusted. */
enum cache_rank {
	CACHE_RANK_GLUE = 1,   /* additional section, or authority section of a referral */
	CACHE_RANK_AUTHORITY,  /* authority section of an answer */
	CACHE_RANK_ANSWER,     /* answer section, AA clear: this and above may be given to clients;
				* the DS of a referral as well */
	CACHE_RANK_ANSWER_AA,  /* answer section, AA set */
	CACHE_RANK_CONFIGURED, /* from the configuration; nothing received replaces it */
};

struct cache_key {
	struct span name; /* wire form, lower case, at most 255 bytes; borrowed */
	uint16_t type;
	uint8_t kind; /* enum cache_kind */
};

struct cache_entry {
	struct span payload; /* valid as its function says */
	uint8_t rank;
	uint64_t stored_ms, expires_ms;
	uint32_t *turn; /* a number that belongs to the entry, for round robin; in visit only */
};

#define CACHE_BYTES_MIN	  (1u << 20)
#define CACHE_PAYLOAD_MAX 65536u

/* All of its memory is taken here: the structures and the data together are at most `bytes`, of
 * which at least CACHE_BYTES_MIN. secret keys the hash (a stranger cannot choose collisions).
 * ENOMEM. */
MUST enum err cache_new(size_t bytes, const uint8_t secret[16], struct cache **ret);
void cache_free(struct cache *c);

/* Copies the payload into room (cap bytes) and sets *ret, its payload in room. False: not there,
 * too old, or larger than cap. The entry counts as used. Thread-safe, as all below. */
bool cache_get(struct cache *c, const struct cache_key *key, uint64_t now_ms, void *room,
	       size_t cap, struct cache_entry *ret);

/* Lets see look at the live entry under its lock; returns what see returned, or false when there is
 * none. see must be short and must not call the cache. */
bool cache_visit(struct cache *c, const struct cache_key *key, uint64_t now_ms,
		 bool (*see)(void *arg, const struct cache_entry *e), void *arg);

/* Is there a live entry? Does not count as use. rank (may be NULL): its trust. */
bool cache_has(struct cache *c, const struct cache_key *key, uint64_t now_ms, uint8_t *rank);

/* Stores a payload of at most CACHE_PAYLOAD_MAX bytes for ttl_ms. A live entry of a higher rank
 * stays, and false returns; so it does for a ttl of 0 or a payload that no shard can hold. What
 * must go to make room went: the least lately used, more or less (a clock). */
bool cache_put(struct cache *c, const struct cache_key *key, uint64_t now_ms, uint64_t ttl_ms,
	       uint8_t rank, struct span payload);

/* Forgets one entry; true when there was one. */
bool cache_remove(struct cache *c, const struct cache_key *key);

/* Forgets all that is kept under the name, or under it and below; type 0: all types. Whole answers
 * go all of them, for any may hold what is forgotten. Returns how many other entries went. */
size_t cache_flush(struct cache *c, struct span name, uint16_t type, bool below);

/* Calls see for each live entry kept under the name, until it returns false; under lock, as visit.
 */
void cache_list(struct cache *c, struct span name, uint64_t now_ms,
		bool (*see)(void *arg, const struct cache_key *key, const struct cache_entry *e),
		void *arg);

struct cache_stats {
	uint64_t entries;
	uint64_t bytes;	    /* of data held now, dead entries that wait for their turn included */
	uint64_t bytes_max; /* the bound: everything */
	uint64_t hits, misses, stored, evicted, refused;
};
void cache_stats(struct cache *c, struct cache_stats *ret);

#endif
