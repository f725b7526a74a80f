/* Rows packed into one run of bytes, as a journal keeps a commit. Knows nothing of where it is
 * kept. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

#include <stdbool.h>

enum {
	BATCH_ENTRIES_MAX = 256,
	BATCH_ENTRY_OVERHEAD = 25, /* bytes beside key and value */
	BATCH_OVERHEAD = 2,
	BATCH_HEAD_MAX = BATCH_OVERHEAD + 4 * BATCH_ENTRIES_MAX, /* all before the first entry */
};

struct batch_entry {
	uint8_t table;
	bool remove;
	uint64_t was; /* version of the row that it replaces; 0: none */
	uint64_t stamp;
	struct span key, value; /* borrowed */
};

/* entries_len: 1 to BATCH_ENTRIES_MAX. Fails only in the writer, for want of room. */
void batch_write(struct writer *w, const struct batch_entry *entries, size_t entries_len);

/* How many entries. ERR_FORMAT: none of our batches. */
MUST enum err batch_len(struct span batch, size_t *ret);
/* The entry at i, from 0. Its spans lie inside batch. ERR_FORMAT: damaged; ERR_ABSENT: no such. */
MUST enum err batch_entry(struct span batch, size_t i, struct batch_entry *ret);

/* For who reads parts of a batch: where the entry at i lies. head: its first BATCH_HEAD_MAX bytes,
 * or all when there are fewer; size: of the whole batch. Errors as above. */
struct batch_place {
	size_t at, len;
};
MUST enum err batch_place(struct span head, size_t size, size_t i, struct batch_place *ret);
/* The entry in the bytes of its place. */
MUST enum err batch_entry_read(struct span bytes, struct batch_entry *ret);

#endif
