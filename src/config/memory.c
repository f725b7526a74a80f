#include "config/memory.h"

#include <stdalign.h>
#include <stdlib.h>

#define BLOCK_MIN 8192

struct config_block {
	struct config_block *next;
	size_t size, used;
	alignas(max_align_t) uint8_t data[];
};

void *config_memory_get(struct config_memory *m, size_t size)
{
	ASSERT(size > 0 && size < SIZE_MAX / 2);
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct config_block *b = m->blocks;
	if (!b || b->size - b->used < size) {
		size_t room = size > BLOCK_MIN ? size : BLOCK_MIN;
		b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->size = room;
		b->next = m->blocks;
		m->blocks = b;
	}
	void *at = b->data + b->used;
	b->used += size;
	return at;
}

char *config_memory_text(struct config_memory *m, struct span text)
{
	char *copy = config_memory_get(m, text.len + 1);
	if (copy && text.len)
		memcpy(copy, text.data, text.len);
	return copy;
}

void config_memory_done(struct config_memory *m)
{
	while (m->blocks) {
		struct config_block *b = m->blocks;
		m->blocks = b->next;
		explicit_bzero(b->data, b->used);
		free(b);
	}
}
