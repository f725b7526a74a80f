/* A hash table of pointers to records, keyed with SipHash-1-3: open addressing, Robin Hood order,
 * deletion without tombstones. Knows nothing of the records but what `equal` tells it. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"

struct table_slot;

/* Does the record have this key? Called only when the 32 bits of the hash agree. */
typedef bool table_equal(const void *record, const void *key, size_t key_len);

/* One thread at a time; reading by several is allowed while nobody writes. */
struct table {
	struct table_slot *slots; /* owned; the records are borrowed */
	size_t slots_n;		  /* 0 or a power of two */
	size_t used;		  /* records in it */
	size_t records_max;	  /* of table_init */
	size_t refused;		  /* inserts that met a limit or a lack of memory */
	struct hash_key key;
	table_equal *equal;
};

enum { TABLE_RECORDS_MAX = 1 << 30 };

/* records_max: at most TABLE_RECORDS_MAX. Allocates nothing. key: random, one for each table or
 * process. */
void table_init(struct table *t, struct hash_key key, size_t records_max, table_equal *equal);

/* Frees the slots, not the records; accepts zeroed storage. */
void table_done(struct table *t);

/* Makes room for n records, so that inserts up to there neither allocate nor move. ERR_LIMIT above
 * records_max, ENOMEM. */
MUST enum err table_reserve(struct table *t, size_t n);

uint32_t table_hash(const struct table *t, struct span key);

/* The record of that key, or NULL. hash: table_hash of the same key. */
void *table_find(const struct table *t, uint32_t hash, const void *key, size_t key_len);

/* ERR_EXISTS when a record of that key is there (it stays), ERR_LIMIT at records_max, ENOMEM.
 * Doubles the slots when 7/8 of them are taken, which costs time: see table_reserve. record: not
 * NULL, borrowed until removed; key: may be a part of the record. */
MUST enum err table_insert(struct table *t, uint32_t hash, const void *key, size_t key_len,
			   void *record);

/* Takes the record out and returns it; NULL when there is none. Never allocates. */
void *table_remove(struct table *t, uint32_t hash, const void *key, size_t key_len);

/* for (size_t at = 0; (record = table_next(t, &at));) in no order. The table must not change
 * meanwhile. */
void *table_next(const struct table *t, size_t *at);

/* Asks about each record once and takes out those for which drop answers true; drop may free the
 * record then, and must not touch the table. Returns how many. */
size_t table_sweep(struct table *t, bool (*drop)(void *record, void *arg), void *arg);

static inline size_t table_used(const struct table *t)
{
	return t->used;
}

#endif
