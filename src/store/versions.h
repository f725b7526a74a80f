/* Which version each row has, in 12 bytes for a row: 48 bits of a keyed hash of its key and 48 bits
 * of version, in an array ordered by hash. Knows no key: since no two rows ever had one version, a
 * hash and a version name a row exactly, and who has only the hash must look at the rows it finds.
 */
#ifndef STORE_VERSIONS_H
#define STORE_VERSIONS_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"

#define VERSIONS_MAX (UINT64_C(1) << 48) /* versions are below; 80 years at 100,000 a second */

struct versions_slot {
	uint32_t hash_high;
	uint32_t middle; /* low 16 bits of the hash, high 16 bits of the version */
	uint32_t version_low;
};

struct versions {
	struct versions_slot *slots; /* owned */
	size_t homes;		     /* where a hash may want to stand; slack follows */
	size_t used;
	struct hash_key key;
};

/* Allocates nothing. key: random. */
void versions_init(struct versions *v, struct hash_key key);
/* Accepts zeroed storage. */
void versions_done(struct versions *v);
/* Room for n rows, so that versions_add up to there does not allocate. ENOMEM. */
MUST enum err versions_reserve(struct versions *v, size_t n);

uint64_t versions_hash(const struct versions *v, uint8_t table, struct span key);

/* OK also when it is there already. ENOMEM. */
MUST enum err versions_add(struct versions *v, uint64_t hash, uint64_t version);
/* false: it was not there. */
bool versions_remove(struct versions *v, uint64_t hash, uint64_t version);
bool versions_has(const struct versions *v, uint64_t hash, uint64_t version);
/* The nth (from 0) version of that hash; 0: no more. More than one: keys whose hashes are equal. */
uint64_t versions_nth(const struct versions *v, uint64_t hash, size_t nth);

#endif
