#include "http-cache/ghosts.h"

#include <stdlib.h>

enum { WAYS = 4 };

enum err ghosts_init(struct ghosts *g, size_t wanted)
{
	size_t n = WAYS;
	while (n < wanted)
		n *= 2;
	*g = (struct ghosts){.n = n};
	g->at = calloc(n, sizeof(*g->at));
	return g->at ? OK : ENOMEM;
}

void ghosts_done(struct ghosts *g)
{
	free(g->at);
	g->at = NULL;
}

static uint64_t *set_of(const struct ghosts *g, uint64_t hash)
{
	return g->at + (hash & (g->n - 1) & ~(uint64_t)(WAYS - 1));
}

void ghosts_add(struct ghosts *g, uint64_t hash)
{
	uint64_t *set = set_of(g, hash);
	size_t worst = 0;
	uint32_t seq = ++g->seq;
	for (size_t i = 0; i < WAYS; i++)
		if (!set[i] || seq - (uint32_t)set[i] > seq - (uint32_t)set[worst])
			worst = !set[worst] ? worst : i;
	set[worst] = (hash & ~(uint64_t)UINT32_MAX) | seq;
}

bool ghosts_take(const struct ghosts *g, uint64_t hash, size_t within)
{
	uint64_t *set = set_of(g, hash);
	for (size_t i = 0; i < WAYS; i++) {
		if (!set[i] || (set[i] ^ hash) >> 32 || g->seq - (uint32_t)set[i] > within)
			continue;
		set[i] = 0;
		return true;
	}
	return false;
}
