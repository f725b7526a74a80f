#include "base/large.h"

#include <stdlib.h>

struct large_block {
	struct large_block *next;
	uint8_t *records;
	size_t size;
};

enum { RECORD_ALIGN = 16 };

void large_init(struct large *l, size_t record_size, size_t few, size_t blocks_max)
{
	ASSERT(record_size > 0 && record_size <= LARGE_BLOCK_SIZE);
	size_t rounded = (record_size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
	*l = (struct large){.record_size = rounded, .few = few, .blocks_max = blocks_max};
}

void large_done(struct large *l)
{
	while (l->blocks) {
		struct large_block *next = l->blocks->next;
		free(l->blocks->records);
		free(l->blocks);
		l->blocks = next;
	}
	*l = (struct large){0};
}

static uint8_t *large_block(struct large *l)
{
	uint8_t *at = aligned_alloc(LARGE_BLOCK_SIZE, LARGE_BLOCK_SIZE);
	if (at && l->advise)
		l->advise(at, LARGE_BLOCK_SIZE);
	return at;
}

static bool add_block(struct large *l)
{
	bool first = !l->blocks && l->few;
	if (!first && l->blocks_n == l->blocks_max)
		return false;
	struct large_block *b = malloc(sizeof(*b));
	if (!b)
		return false;
	b->size = first ? l->few * l->record_size : (size_t)LARGE_BLOCK_SIZE;
	b->records = first ? malloc(b->size) : large_block(l);
	if (!b->records) {
		free(b);
		return false;
	}
	b->next = l->blocks;
	l->blocks = b;
	l->blocks_n += !first;
	l->at = b->records;
	l->at_n = b->size / l->record_size;
	return true;
}

void *large_record(struct large *l)
{
	if (!LARGE_WORKS || (l->at_n == 0 && !add_block(l)))
		return NULL;
	void *record = l->at;
	l->at += l->record_size;
	l->at_n--;
	return record;
}

bool large_holds(const struct large *l, const void *record)
{
	uintptr_t at = (uintptr_t)record;
	for (const struct large_block *b = l->blocks; b; b = b->next)
		if (at >= (uintptr_t)b->records && at < (uintptr_t)b->records + b->size)
			return true;
	return false;
}
