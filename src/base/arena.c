#include "base/arena.h"

#include <stdlib.h>

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(16) uint8_t bytes[];
};

enum { ALIGN_MAX = 4096 };

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

struct arena arena_over(void *buf, size_t len)
{
	ASSERT(buf);
	uint8_t *at = buf;
	return (struct arena){
		.fixed = at, .at = at, .end = at + len, .limit = len, .reserved = len};
}

/* A chunk with room for need bytes becomes the last one; false when the limit or malloc forbids. */
static bool add_chunk(struct arena *a, size_t need)
{
	size_t left = a->limit - a->reserved;
	if (a->fixed || need > left)
		return false;
	size_t size = ARENA_CHUNK;
	if (a->last)
		size = a->last->size < ARENA_CHUNK_MAX / 2 ? a->last->size * 2 : ARENA_CHUNK_MAX;
	if (size < need)
		size = need;
	if (size > left)
		size = left;
	size_t whole;
	if (__builtin_add_overflow(sizeof(struct arena_chunk), size, &whole))
		return false;
	struct arena_chunk *chunk = malloc(whole);
	if (!chunk)
		return false;
	*chunk = (struct arena_chunk){.size = size};
	if (a->last)
		a->last->next = chunk;
	else
		a->first = chunk;
	a->last = chunk;
	a->reserved += size;
	a->at = chunk->bytes;
	a->end = chunk->bytes + size;
	return true;
}

static size_t padding_at(const uint8_t *at, size_t align)
{
	return -(uintptr_t)at & (align - 1);
}

static void *take(struct arena *a, size_t size, size_t align)
{
	if (!a->at)
		return NULL;
	size_t padding = padding_at(a->at, align);
	size_t left = (size_t)(a->end - a->at);
	if (padding > left || size > left - padding)
		return NULL;
	void *taken = a->at + padding;
	a->at += padding + size;
	a->used += padding + size;
	return taken;
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
	ASSERT(align && (align & (align - 1)) == 0 && align <= ALIGN_MAX);
	if (size == 0)
		size = 1; /* so that two things never share an address */
	void *taken = take(a, size, align);
	if (taken)
		return taken;
	/* Chunks are aligned to 16; more may cost up to align - 16 bytes of padding. */
	size_t need;
	if (!__builtin_add_overflow(size, align > 16 ? align - 16 : 0, &need) && add_chunk(a, need))
		return take(a, size, align);
	a->refused++;
	return NULL;
}

void *arena_zalloc(struct arena *a, size_t n, size_t item_size, size_t align)
{
	size_t size;
	if (__builtin_mul_overflow(n, item_size, &size)) {
		a->refused++;
		return NULL;
	}
	void *taken = arena_alloc(a, size, align);
	return taken ? memset(taken, 0, size) : NULL;
}

char *arena_copy(struct arena *a, struct span s)
{
	size_t size;
	if (__builtin_add_overflow(s.len, 1, &size)) {
		a->refused++;
		return NULL;
	}
	char *copy = arena_alloc(a, size, 1);
	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}

static void free_chunks(struct arena_chunk *chunk)
{
	while (chunk) {
		struct arena_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}

void arena_reset(struct arena *a)
{
	a->used = 0;
	if (a->fixed) {
		a->at = a->fixed;
		return;
	}
	if (!a->first)
		return;
	free_chunks(a->first->next);
	a->first->next = NULL;
	a->last = a->first;
	a->reserved = a->first->size;
	a->at = a->first->bytes;
	a->end = a->at + a->first->size;
}

void arena_done(struct arena *a)
{
	if (!a)
		return;
	free_chunks(a->first);
	*a = (struct arena){0};
}
