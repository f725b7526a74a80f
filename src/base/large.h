/* Memory for records of one size that a busy program touches all over: a few in ordinary memory,
 * further ones from blocks of which each can lie on one large page (os/pages.h), so that the
 * processor finds them without walking its tables. Knows nothing of what the records are, nor how
 * a kernel is asked, and takes none back: who uses it keeps a list of its free ones.
 */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#include "base/err.h"
#include "base/poison.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LARGE_BLOCK_SIZE = 2 * 1024 * 1024 };

/* Beside a sanitizer there are none, so that malloc gives each record a border that is watched. */
#ifdef POISON_WORKS
enum { LARGE_WORKS = false };
#else
enum { LARGE_WORKS = true };
#endif

struct large_block;

struct large {
	struct large_block *blocks; /* owned */
	uint8_t *at;		    /* the next record that was never given */
	size_t at_n;		    /* how many there are in its block */
	size_t record_size;	    /* rounded up to 16 */
	size_t few;
	size_t blocks_n, blocks_max;
	void (*advise)(void *block, size_t size); /* set by who knows the kernel; NULL: nobody */
};

/* Allocates nothing. few: records in ordinary memory, in one piece; they come first. blocks_max: of
 * large blocks. record_size: 1 to LARGE_BLOCK_SIZE. */
void large_init(struct large *l, size_t record_size, size_t few, size_t blocks_max);
/* Frees all; accepts zeroed storage. */
void large_done(struct large *l);

/* A record that was never given before, not zeroed, aligned to 16. NULL: there is no more, or no
 * memory, or not LARGE_WORKS. */
MUST void *large_record(struct large *l);
/* Is it one of these? */
bool large_holds(const struct large *l, const void *record);

#endif
