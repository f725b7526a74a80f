#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t load_le64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

static inline uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

/* SipRound, figure 2.1 of the paper. */
static inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static inline void compress(struct state *s, uint64_t word, unsigned rounds)
{
	s->v3 ^= word;
	for (unsigned i = 0; i < rounds; i++)
		sip_round(s);
	s->v0 ^= word;
}

/* The last word: what is left over, and the length modulo 256 in the top byte. */
static inline uint64_t last_word(const uint8_t *at, size_t len)
{
	uint64_t word = (uint64_t)(len & 0xff) << 56;
	size_t left = len & 7;
	/* Of a longer text the eight bytes that end with it, less those that were in a word. */
	if (left && len > 8)
		return word | load_le64(at + left - 8) >> (64 - 8 * left);
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

/* Inlined twice, so that the numbers of rounds are constants. */
static inline __attribute__((always_inline)) uint64_t
siphash(struct hash_key key, const void *data, size_t len, unsigned each, unsigned last)
{
	struct state s = {
		.v0 = key.k0 ^ 0x736f6d6570736575,
		.v1 = key.k1 ^ 0x646f72616e646f6d,
		.v2 = key.k0 ^ 0x6c7967656e657261,
		.v3 = key.k1 ^ 0x7465646279746573,
	};
	const uint8_t *at = data;
	for (size_t words = len / 8; words; words--, at += 8)
		compress(&s, load_le64(at), each);
	compress(&s, last_word(at, len), each);
	s.v2 ^= 0xff;
	for (unsigned i = 0; i < last; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct hash_key hash_key_of(const uint8_t key[SIPHASH_KEY_LEN])
{
	return (struct hash_key){.k0 = load_le64(key), .k1 = load_le64(key + 8)};
}

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_LEN], const void *data, size_t len)
{
	return siphash(hash_key_of(key), data, len, 2, 4);
}

uint64_t siphash13(const uint8_t key[SIPHASH_KEY_LEN], const void *data, size_t len)
{
	return siphash(hash_key_of(key), data, len, 1, 3);
}

uint64_t siphash13_of(struct hash_key key, const void *data, size_t len)
{
	return siphash(key, data, len, 1, 3);
}
