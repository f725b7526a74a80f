/* Memory for records of one size that a busy program touches all over, in blocks of which each can
 * lie on one large page (os/pages.h), so that the processor finds them without walking its tables.
 * Knows nothing of what the records are, nor how a kernel is asked, and takes none back one by one:
 * who uses it keeps a list of its free ones.
 */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { LARGE_BLOCK_SIZE = 2 * 1024 * 1024, LARGE_RECORD_MAX = LARGE_BLOCK_SIZE / 2 };

struct large_block;

struct large {
	struct large_block *blocks; /* owned */
	uint8_t *at;		    /* the next record that was never given */
	size_t at_n;		    /* how many there are in its block */
	size_t record_size, stride; /* stride: beside a sanitizer with a border, which it watches */
	size_t blocks_n, blocks_max;
	size_t given;				  /* records, since the last release */
	void (*advise)(void *block, size_t size); /* set by who knows the kernel; NULL: nobody */
};

/* Allocates nothing. record_size: 1 to LARGE_RECORD_MAX. */
void large_init(struct large *l, size_t record_size, size_t blocks_max);

/* A record that was never given before, not zeroed, aligned to 16. NULL: blocks_max are full, or
 * there is no memory. */
MUST void *large_record(struct large *l);

/* Frees all blocks: no record is used any more, free ones neither. Accepts zeroed storage. */
void large_release(struct large *l);

#endif
