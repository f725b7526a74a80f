/* Memory for records of one size that a busy program touches all over: a few in ordinary memory,
 * further ones from blocks that lie on one large page each, where the kernel has such (Linux: huge
 * pages, by madvise), so that the processor finds them without walking its tables. Knows nothing of
 * what the records are, and takes none back: who uses it keeps a list of its free ones.
 */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LARGE_BLOCK_SIZE = 2 * 1024 * 1024 };

struct large_block;

struct large {
	struct large_block *blocks; /* owned */
	uint8_t *at;		    /* the next record that was never given */
	size_t at_n;		    /* how many there are in its block */
	size_t record_size;	    /* rounded up to 16 */
	size_t few;
	size_t blocks_n, blocks_max;
};

/* Allocates nothing. few: records in ordinary memory, in one piece; they come first. blocks_max: of
 * large blocks. record_size: 1 to LARGE_BLOCK_SIZE. */
void large_init(struct large *l, size_t record_size, size_t few, size_t blocks_max);
/* Frees all; accepts zeroed storage. */
void large_done(struct large *l);

/* A record that was never given before, not zeroed, aligned to 16. NULL: there is no more, or no
 * memory; beside a sanitizer always, so that malloc gives each a border that it watches. */
MUST void *large_record(struct large *l);
/* Is it one of these? */
bool large_holds(const struct large *l, const void *record);

#endif
