/* What was forgotten of the disk and is not marked there yet, noted in memory that outlives the
 * process: whatever ends it, the next start knows. It tells too much rather than too little. Knows
 * no index and no file; one thread at a time.
 *
 * There are two halves. One takes notes while the writer brings to the disk what is in the other,
 * which is cleared then. A note counts once it is whole: what a kill leaves half written does not,
 * and nobody was told of it.
 */
#ifndef HTTP_CACHE_DISK_FORGOTTEN_H
#define HTTP_CACHE_DISK_FORGOTTEN_H

#include "http-cache/disk/layout.h"
#include "http-cache/key.h"
#include "http-cache/memory.h"

enum {
	DISK_FORGOTTEN_SIZE = 512 * 1024,
	DISK_FORGOTTEN_HALF = (DISK_FORGOTTEN_SIZE - DISK_PAGE) / 2, /* bytes of notes */
	DISK_FORGOTTEN_RULES = 512,				     /* that are read */
};

struct disk_forgotten {
	uint8_t *base;	 /* borrowed: DISK_FORGOTTEN_SIZE, or NULL: nothing is noted */
	unsigned active; /* the half that takes notes */
};

/* What was noted. Orders are those of struct disk_entry: what is newer is not meant. */
struct disk_forgotten_key {
	uint64_t hash, order;
};
struct disk_forgotten_rule {
	enum cache_purge what; /* PREFIX or TAG */
	struct span value;     /* lies in bytes */
};
struct disk_forgotten_found {
	uint64_t upto;			 /* all of that order or less */
	struct disk_forgotten_key *keys; /* by hash, each once */
	size_t keys_n, rules_n;
	struct disk_forgotten_rule rules[DISK_FORGOTTEN_RULES];
	uint8_t *bytes; /* owned, as keys is */
};

/* What is there of the volume of that key; nothing of another one's, or of nobody's. What is of
 * that volume and not as we write it means everything. ENOMEM. */
MUST enum err disk_forgotten_read(const struct disk_forgotten *f, struct hash_key key,
				  struct disk_forgotten_found *ret);
void disk_forgotten_found_done(struct disk_forgotten_found *found); /* accepts zeroed storage */
bool disk_forgotten_means(const struct disk_forgotten_found *found, uint64_t hash, uint64_t order);

/* It is that volume's from now on: what is there of another one's goes. */
void disk_forgotten_take(struct disk_forgotten *f, struct hash_key key);

/* Notes; order: of the newest record that is meant. */
void disk_forgotten_note_key(struct disk_forgotten *f, uint64_t hash, uint64_t order);
void disk_forgotten_note_rule(struct disk_forgotten *f, enum cache_purge what, struct span value,
			      uint64_t order);
void disk_forgotten_note_all(struct disk_forgotten *f, uint64_t order);

/* Whether anything is noted. */
bool disk_forgotten_any(const struct disk_forgotten *f);
/* What is noted by now is about to be brought to the disk. */
void disk_forgotten_turn(struct disk_forgotten *f);
/* All that was noted before the last turn, or the one before it, is there. */
void disk_forgotten_clear(struct disk_forgotten *f);

#endif
