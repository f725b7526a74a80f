/* For tests of parsers: bytes that end right before a page that nobody may touch, and the loops
 * over all prefixes and all one-bit flips of a good input. Knows nothing of what parses them. */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* size bytes, a page of no access right behind the last one. */
struct guard {
	uint8_t *map;
	size_t map_len;
	uint8_t *end; /* the first byte that faults */
};

static inline struct guard guard_of(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room =
		(size + page) / page * page; /* at least one page, so that end - 0 is mapped */
	struct guard g = {.map_len = room + page};
	g.map = mmap(NULL, g.map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g.map == MAP_FAILED)
		abort();
	g.end = g.map + room;
	if (mprotect(g.end, page, PROT_NONE) != 0)
		abort();
	return g;
}

static inline void guard_done(struct guard *g)
{
	if (munmap(g->map, g->map_len) != 0)
		abort();
	*g = (struct guard){0};
}

/* A copy of len bytes (data may be NULL when len is 0) that end right before the guard page; give
 * it back with guard_free and the same len. */
static inline uint8_t *guard_copy(const void *data, size_t len)
{
	struct guard g = guard_of(len);
	if (len)
		memcpy(g.end - len, data, len);
	return g.end - len;
}

static inline void guard_free(uint8_t *copy, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (len + page) / page * page;
	struct guard g = {.map = copy + len - room, .map_len = room + page};
	guard_done(&g);
}

typedef void guard_call(const uint8_t *data, size_t len);

/* Calls with the first 0, 1, … len bytes, each time right before the guard page. */
static inline void guard_every_prefix(const void *data, size_t len, guard_call *call)
{
	struct guard g = guard_of(len);
	for (size_t n = 0; n <= len; n++) {
		if (n)
			memcpy(g.end - n, data, n);
		call(g.end - n, n);
	}
	guard_done(&g);
}

/* Calls with all of it, each time with another single bit flipped. */
static inline void guard_every_bit_flip(const void *data, size_t len, guard_call *call)
{
	struct guard g = guard_of(len);
	uint8_t *copy = g.end - len;
	for (size_t bit = 0; bit < len * 8; bit++) {
		memcpy(copy, data, len);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		call(copy, len);
	}
	guard_done(&g);
}

#endif
