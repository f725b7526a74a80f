#include "base/slab.h"

#include "base/poison.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct slab_block {
	struct slab_block *next;
	_Alignas(16) uint8_t bytes[];
};

enum { BLOCK_SIZE = 64 * 1024, RECORD_SIZE_MAX = 1024 * 1024, RECORD_ALIGN = 16 };

void slab_init(struct slab *s, size_t record_size, size_t capacity)
{
	ASSERT(record_size > 0 && record_size <= RECORD_SIZE_MAX);
	size_t rounded = (record_size + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
	*s = (struct slab){.record_size = rounded, .capacity = capacity};
}

void slab_done(struct slab *s)
{
	if (!s)
		return;
	while (s->blocks) {
		struct slab_block *next = s->blocks->next;
		free(s->blocks);
		s->blocks = next;
	}
	*s = (struct slab){0};
}

static bool add_block(struct slab *s)
{
	size_t n = BLOCK_SIZE / s->record_size;
	if (n == 0)
		n = 1;
	if (n > s->capacity - s->made)
		n = s->capacity - s->made;
	struct slab_block *block = malloc(sizeof(*block) + n * s->record_size);
	if (!block)
		return false;
	block->next = s->blocks;
	s->blocks = block;
	s->at = block->bytes;
	s->at_n = n;
	s->made += n;
	return true;
}

void *slab_take(struct slab *s)
{
	void *record = s->free;
	if (record) {
		MEMORY_UNPOISON(record, s->record_size);
		memcpy(&s->free, record, sizeof(s->free));
	} else {
		if (s->at_n == 0 && (s->made == s->capacity || !add_block(s))) {
			s->refused++;
			return NULL;
		}
		record = s->at;
		s->at += s->record_size;
		s->at_n--;
	}
	s->used++;
	return memset(record, 0, s->record_size);
}

void slab_give(struct slab *s, void *record)
{
	if (!record)
		return;
	ASSERT(s->used > 0);
	s->used--;
	memcpy(record, &s->free, sizeof(s->free));
	s->free = record;
	MEMORY_POISON(record, s->record_size);
}
