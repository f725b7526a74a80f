/* By hand, as libsodium has only BLAKE2b, and OpenSSL only objects that allocate, may fail and are
 * slower to set up than a block takes; a flood of handshakes is answered with little else. The test
 * compares each length with OpenSSL's. Its steps are those of RFC 7693 3 in their order. */
#include "crypto/blake2s.h"

#include "base/err.h"
#include "crypto/secret.h"

#include <assert.h>

static const uint32_t iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

enum { ROUNDS = 10 };

/* RFC 7693 2.7 */
static const uint8_t sigma[ROUNDS][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint32_t rotated(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}

/* RFC 7693 3.1 */
static inline void mix(uint32_t v[16], const unsigned at[4], uint32_t x, uint32_t y)
{
	uint32_t a = v[at[0]], b = v[at[1]], c = v[at[2]], d = v[at[3]];
	a += b + x;
	d = rotated(d ^ a, 16);
	c += d;
	b = rotated(b ^ c, 12);
	a += b + y;
	d = rotated(d ^ a, 8);
	c += d;
	b = rotated(b ^ c, 7);
	v[at[0]] = a;
	v[at[1]] = b;
	v[at[2]] = c;
	v[at[3]] = d;
}

/* RFC 7693 3.2 */
static void compress(uint32_t state[8], const uint8_t *block, uint64_t total, bool last)
{
	static const unsigned quads[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14},
					     {3, 7, 11, 15}, {0, 5, 10, 15}, {1, 6, 11, 12},
					     {2, 7, 8, 13},  {3, 4, 9, 14}};
	uint32_t v[16], m[16];
	for (size_t i = 0; i < 16; i++)
		m[i] = block[4 * i] | (uint32_t)block[4 * i + 1] << 8 |
		       (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
	memcpy(v, state, 8 * sizeof(*v));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= (uint32_t)total;
	v[13] ^= (uint32_t)(total >> 32);
	v[14] ^= last ? UINT32_MAX : 0;
#pragma GCC unroll 10
	for (size_t round = 0; round < ROUNDS; round++)
#pragma GCC unroll 8
		for (size_t i = 0; i < 8; i++)
			mix(v, quads[i], m[sigma[round][2 * i]], m[sigma[round][2 * i + 1]]);
	for (size_t i = 0; i < 8; i++)
		state[i] ^= v[i] ^ v[i + 8];
}

void crypto_blake2s_init(struct crypto_blake2s *b, size_t len, struct span key)
{
	ASSERT(len >= 1 && len <= CRYPTO_BLAKE2S_LEN && key.len <= CRYPTO_BLAKE2S_LEN);
	*b = (struct crypto_blake2s){.len = (uint8_t)len};
	memcpy(b->state, iv, sizeof(iv));
	b->state[0] ^= 0x01010000 ^ (uint32_t)key.len << 8 ^ (uint32_t)len;
	if (key.len) { /* the key, padded with zeros, is the first block */
		memcpy(b->block, key.data, key.len);
		b->block_len = CRYPTO_BLAKE2S_BLOCK;
	}
}

void crypto_blake2s_add(struct crypto_blake2s *b, struct span data)
{
	while (data.len) {
		/* A full block waits until it is known whether it is the last. */
		if (b->block_len == CRYPTO_BLAKE2S_BLOCK) {
			b->total += CRYPTO_BLAKE2S_BLOCK;
			compress(b->state, b->block, b->total, false);
			b->block_len = 0;
		}
		struct span part = span_sub(data, 0, (size_t)(CRYPTO_BLAKE2S_BLOCK - b->block_len));
		memcpy(b->block + b->block_len, part.data, part.len);
		b->block_len = (uint8_t)(b->block_len + part.len);
		data = span_sub(data, part.len, data.len);
	}
}

void crypto_blake2s_end(struct crypto_blake2s *b, uint8_t *ret)
{
	memset(b->block + b->block_len, 0, (size_t)(CRYPTO_BLAKE2S_BLOCK - b->block_len));
	b->total += b->block_len;
	compress(b->state, b->block, b->total, true);
	for (size_t i = 0; i < b->len; i++)
		ret[i] = (uint8_t)(b->state[i / 4] >> 8 * (i % 4));
	crypto_wipe(b, sizeof(*b));
}

void crypto_blake2s(struct span a, struct span b, uint8_t ret[CRYPTO_BLAKE2S_LEN])
{
	struct crypto_blake2s h;
	crypto_blake2s_init(&h, CRYPTO_BLAKE2S_LEN, (struct span){0});
	crypto_blake2s_add(&h, a);
	crypto_blake2s_add(&h, b);
	crypto_blake2s_end(&h, ret);
}

void crypto_blake2s_mac(struct span key, struct span data, uint8_t ret[CRYPTO_BLAKE2S_MAC_LEN])
{
	struct crypto_blake2s h;
	crypto_blake2s_init(&h, CRYPTO_BLAKE2S_MAC_LEN, key);
	crypto_blake2s_add(&h, data);
	crypto_blake2s_end(&h, ret);
}

void crypto_blake2s_hmac(struct span key, struct span data, uint8_t ret[CRYPTO_BLAKE2S_LEN])
{
	uint8_t block[CRYPTO_BLAKE2S_BLOCK] = {0}, inner[CRYPTO_BLAKE2S_LEN];
	if (key.len > CRYPTO_BLAKE2S_BLOCK)
		crypto_blake2s(key, (struct span){0}, block);
	else if (key.len)
		memcpy(block, key.data, key.len);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36;
	crypto_blake2s(span_of(block, sizeof(block)), data, inner);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36 ^ 0x5c;
	crypto_blake2s(span_of(block, sizeof(block)), span_of(inner, sizeof(inner)), ret);
	crypto_wipe(block, sizeof(block));
	crypto_wipe(inner, sizeof(inner));
}

/* Noise 4.3 (HKDF of RFC 5869): T1 = Hmac(secret, 0x1), Tn = Hmac(secret, Tn-1 || n). */
void crypto_blake2s_kdf(const uint8_t key[CRYPTO_BLAKE2S_LEN], struct span input, size_t n,
			uint8_t ret[][CRYPTO_BLAKE2S_LEN])
{
	ASSERT(n >= 1 && n <= CRYPTO_KDF_MAX);
	uint8_t secret[CRYPTO_BLAKE2S_LEN], text[CRYPTO_BLAKE2S_LEN + 1];
	size_t before = 0; /* bytes of the last key in text */
	crypto_blake2s_hmac(span_of(key, CRYPTO_BLAKE2S_LEN), input, secret);
	for (size_t i = 0; i < n; i++) {
		text[before] = (uint8_t)(i + 1);
		crypto_blake2s_hmac(span_of(secret, sizeof(secret)), span_of(text, before + 1),
				    ret[i]);
		before = CRYPTO_BLAKE2S_LEN;
		memcpy(text, ret[i], before);
	}
	crypto_wipe(secret, sizeof(secret));
	crypto_wipe(text, sizeof(text));
}
