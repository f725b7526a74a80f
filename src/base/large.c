#include "base/large.h"

#include "base/poison.h"

#include <stdlib.h>

struct large_block {
	struct large_block *next;
	uint8_t *records;
};

#ifdef POISON_WORKS
enum { BORDER = 16 };
#else
enum { BORDER = 0 };
#endif

enum { RECORD_ALIGN = 16 };

void large_init(struct large *l, size_t record_size, size_t blocks_max)
{
	ASSERT(record_size > 0 && record_size <= LARGE_RECORD_MAX);
	size_t rounded = (record_size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
	*l = (struct large){
		.record_size = record_size, .stride = rounded + BORDER, .blocks_max = blocks_max};
}

void large_release(struct large *l)
{
	while (l->blocks) {
		struct large_block *next = l->blocks->next;
		free(l->blocks->records);
		free(l->blocks);
		l->blocks = next;
	}
	l->at_n = l->blocks_n = l->given = 0;
}

static bool add_block(struct large *l)
{
	struct large_block *b = l->blocks_n < l->blocks_max ? malloc(sizeof(*b)) : NULL;
	if (!b)
		return false;
	b->records = aligned_alloc(LARGE_BLOCK_SIZE, LARGE_BLOCK_SIZE);
	if (!b->records) {
		free(b);
		return false;
	}
	if (l->advise)
		l->advise(b->records, LARGE_BLOCK_SIZE);
	MEMORY_POISON(b->records, LARGE_BLOCK_SIZE);
	b->next = l->blocks;
	l->blocks = b;
	l->blocks_n++;
	l->at = b->records;
	l->at_n = LARGE_BLOCK_SIZE / l->stride;
	return true;
}

void *large_record(struct large *l)
{
	if (l->at_n == 0 && !add_block(l))
		return NULL;
	void *record = l->at;
	MEMORY_UNPOISON(record, l->record_size);
	l->at += l->stride;
	l->at_n--;
	l->given++;
	return record;
}
