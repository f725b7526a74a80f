#include "service/dhcp/pool.h"

#include <stdlib.h>

static uint64_t words_of(uint64_t bits)
{
	return (bits + 63) / 64;
}

static uint64_t size_of(const struct dhcp_free *f)
{
	return (uint64_t)f->last - f->first + 1;
}

/* Words of all levels together. */
static uint64_t all_words(uint64_t bits)
{
	uint64_t words = words_of(bits);
	return words == 1 ? 1 : words + all_words(words);
}

static void fill(uint64_t *words, uint64_t bits)
{
	for (uint64_t i = 0; i < bits / 64; i++)
		words[i] = UINT64_MAX;
	if (bits % 64)
		words[bits / 64] = (1ull << bits % 64) - 1;
}

enum err dhcp_free_init(struct dhcp_free *f, uint32_t first, uint32_t last, uint32_t turn)
{
	ASSERT(first <= turn && turn <= last);
	struct dhcp_free made = {.first = first, .last = last, .turn = turn - first};
	uint64_t bits = size_of(&made);
	ASSERT(bits <= UINT32_MAX);
	uint64_t *words = calloc(all_words(bits), sizeof(*words));
	if (!words)
		return (enum err)ENOMEM;
	made.left = (uint32_t)bits;
	for (;;) {
		made.levels[made.levels_n++] = words;
		fill(words, bits);
		bits = words_of(bits);
		words += bits;
		if (bits == 1)
			break;
	}
	*f = made;
	return OK;
}

void dhcp_free_done(struct dhcp_free *f)
{
	if (!f)
		return;
	free(f->levels[0]);
	*f = (struct dhcp_free){0};
}

size_t dhcp_free_bytes(const struct dhcp_free *f)
{
	return f->levels_n ? all_words(size_of(f)) * sizeof(uint64_t) : 0;
}

static bool bit(const uint64_t *words, uint64_t at)
{
	return words[at / 64] >> at % 64 & 1;
}

bool dhcp_free_has(const struct dhcp_free *f, uint32_t address)
{
	return f->levels_n && address >= f->first && address <= f->last &&
	       bit(f->levels[0], address - f->first);
}

void dhcp_free_add(struct dhcp_free *f, uint32_t address)
{
	if (!f->levels_n || dhcp_free_has(f, address))
		return;
	uint64_t at = address - f->first;
	f->left++;
	for (unsigned i = 0; i < f->levels_n; i++, at /= 64)
		f->levels[i][at / 64] |= 1ull << at % 64;
}

void dhcp_free_remove(struct dhcp_free *f, uint32_t address)
{
	if (!dhcp_free_has(f, address))
		return;
	uint64_t at = address - f->first;
	f->left--;
	for (unsigned i = 0; i < f->levels_n; i++, at /= 64) {
		f->levels[i][at / 64] &= ~(1ull << at % 64);
		if (f->levels[i][at / 64])
			return;
	}
}

/* The first set bit of a level at `at` or behind; UINT64_MAX: none. Up while a word has no more,
 * then down along the first set bits. */
static uint64_t next_set(const struct dhcp_free *f, uint64_t at)
{
	uint64_t bits = size_of(f);
	unsigned level = 0;
	for (; level < f->levels_n; level++) {
		if (at >= bits)
			return UINT64_MAX;
		uint64_t rest = f->levels[level][at / 64] >> at % 64;
		if (rest) {
			at += (uint64_t)__builtin_ctzll(rest);
			break;
		}
		at = at / 64 + 1;
		bits = words_of(bits);
	}
	if (level == f->levels_n)
		return UINT64_MAX;
	while (level-- > 0)
		at = at * 64 + (uint64_t)__builtin_ctzll(f->levels[level][at]);
	return at;
}

bool dhcp_free_take(struct dhcp_free *f, uint32_t *ret)
{
	if (!f->left)
		return false;
	uint64_t at = next_set(f, f->turn);
	if (at == UINT64_MAX)
		at = next_set(f, 0);
	*ret = f->first + (uint32_t)at;
	f->turn = at + 1 < size_of(f) ? (uint32_t)at + 1 : 0;
	dhcp_free_remove(f, *ret);
	return true;
}
