/* Purges by the beginning of an address, by a tag, and of everything, as long as the disk may hold
 * what they mean: they are kept beside the records, and each record that is read is asked for.
 * Knows no file.
 */
#ifndef HTTP_CACHE_DISK_RULES_H
#define HTTP_CACHE_DISK_RULES_H

#include "http-cache/disk/layout.h"
#include "http-cache/key.h"
#include "http-cache/memory.h"

/* Sites purge dozens of tags by one change. All of their values together fit a copy on the disk. */
enum { DISK_RULES_MAX = 256, DISK_RULE_VALUE_MAX = CACHE_KEY_MAX };

struct disk_rule {
	uint8_t what;	/* enum cache_purge: PREFIX or TAG */
	uint32_t epoch; /* it means what was stored in an earlier one */
	uint32_t len;
	uint8_t value[DISK_RULE_VALUE_MAX];
};

struct disk_rules {
	uint64_t seq; /* of the copies on the disk */
	uint32_t epoch;
	uint32_t floor; /* what is of an earlier epoch is purged, all of it */
	uint32_t n;
	struct disk_rule at[DISK_RULES_MAX];
};

/* Another epoch begins. True: it is a rule of its own, in the place of those that mean no more.
 * False: there are too many, or they are too long: all of earlier epochs is meant. */
bool disk_rules_add(struct disk_rules *r, enum cache_purge what, struct span value);
/* What was stored until now is meant, too: by the rules there are; all: all of it. */
void disk_rules_again(struct disk_rules *r, bool all);
/* Nothing of an earlier epoch is there any more. */
void disk_rules_swept(struct disk_rules *r, uint32_t epoch);
/* Whether one means an object of that epoch. */
bool disk_rules_mean(const struct disk_rules *r, const struct cache_object *o, uint32_t epoch);

/* One of the two copies, which are written by turns: seq is raised. */
uint64_t disk_rules_write(struct hash_key key, struct disk_rules *r, uint8_t to[DISK_RULES_LEN]);
/* The newer good one of two; false: neither is good. */
MUST bool disk_rules_read(struct hash_key key, const uint8_t copies[2 * DISK_RULES_LEN],
			  struct disk_rules *ret);

#endif
