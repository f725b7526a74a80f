#include "crypto/chachapoly.h"

#include "crypto/chachapoly_inner.h"
#include "crypto/secret.h"

#if defined(__x86_64__)

#include <assert.h>
#include <immintrin.h>

/* --- the stream cipher (RFC 8439 2.3): a vector for each word of the state, a lane for each block
 */

typedef uint32_t words16
	__attribute__((vector_size(64))); /* why-typedef: no other way to write one */
typedef uint32_t words8 __attribute__((vector_size(32))); /* why-typedef: the same */

#define ROTATED(x, n) ((x) << (n) | (x) >> (32 - (n)))

#define QUARTER(x, a, b, c, d)                                                                     \
	do {                                                                                       \
		x[a] += x[b], x[d] ^= x[a], x[d] = ROTATED(x[d], 16);                              \
		x[c] += x[d], x[b] ^= x[c], x[b] = ROTATED(x[b], 12);                              \
		x[a] += x[b], x[d] ^= x[a], x[d] = ROTATED(x[d], 8);                               \
		x[c] += x[d], x[b] ^= x[c], x[b] = ROTATED(x[b], 7);                               \
	} while (0)

#define TWENTY_ROUNDS(x)                                                                           \
	do {                                                                                       \
		for (int round_ = 0; round_ < 10; round_++) {                                      \
			QUARTER(x, 0, 4, 8, 12);                                                   \
			QUARTER(x, 1, 5, 9, 13);                                                   \
			QUARTER(x, 2, 6, 10, 14);                                                  \
			QUARTER(x, 3, 7, 11, 15);                                                  \
			QUARTER(x, 0, 5, 10, 15);                                                  \
			QUARTER(x, 1, 6, 11, 12);                                                  \
			QUARTER(x, 2, 7, 8, 13);                                                   \
			QUARTER(x, 3, 4, 9, 14);                                                   \
		}                                                                                  \
	} while (0)

static void state_of(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter, uint32_t ret[16])
{
	static const uint32_t constants[] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	memcpy(ret, constants, sizeof(constants));
	memcpy(ret + 4, key, CRYPTO_AEAD_KEY_LEN); /* little-endian, as this machine is */
	ret[12] = ret[13] = 0;
	ret[14] = (uint32_t)counter;
	ret[15] = (uint32_t)(counter >> 32);
}

/* Of four words of each block, in every quarter of the vectors, to four blocks of each quarter. */
WIDE static void turn_quarters(const words16 x[4], __m512i ret[4])
{
	__m512i a = (__m512i)x[0], b = (__m512i)x[1], c = (__m512i)x[2], d = (__m512i)x[3];
	__m512i ab0 = _mm512_unpacklo_epi32(a, b), ab1 = _mm512_unpackhi_epi32(a, b);
	__m512i cd0 = _mm512_unpacklo_epi32(c, d), cd1 = _mm512_unpackhi_epi32(c, d);
	ret[0] = _mm512_unpacklo_epi64(ab0, cd0);
	ret[1] = _mm512_unpackhi_epi64(ab0, cd0);
	ret[2] = _mm512_unpacklo_epi64(ab1, cd1);
	ret[3] = _mm512_unpackhi_epi64(ab1, cd1);
}

/* What differs from lane to lane: the block's number, and the nonce. */
struct lanes {
	const uint32_t *block, *low, *high; /* 16 each */
};

WIDE static void stream_lanes(const uint32_t state[16], const struct lanes *lanes,
			      uint8_t ret[1024])
{
	words16 x[16], start[16];
	__m512i turned[4][4];
	for (int i = 0; i < 14; i++)
		start[i] = (words16)_mm512_set1_epi32((int)state[i]);
	start[12] = (words16)_mm512_loadu_si512(lanes->block);
	start[14] = (words16)_mm512_loadu_si512(lanes->low);
	start[15] = (words16)_mm512_loadu_si512(lanes->high);
	for (int i = 0; i < 16; i++)
		x[i] = start[i];
	TWENTY_ROUNDS(x);
	for (int i = 0; i < 16; i++)
		x[i] += start[i];
	for (int part = 0; part < 4; part++)
		turn_quarters(x + 4 * part, turned[part]);
	/* turned[part][j] has in its quarter q the octets 16 * part of block 4 * q + j. */
	for (int j = 0; j < 4; j++) {
		__m512i a = turned[0][j], b = turned[1][j], c = turned[2][j], d = turned[3][j];
		__m512i ab0 = _mm512_shuffle_i32x4(a, b, 0x44),
			ab1 = _mm512_shuffle_i32x4(a, b, 0xee);
		__m512i cd0 = _mm512_shuffle_i32x4(c, d, 0x44),
			cd1 = _mm512_shuffle_i32x4(c, d, 0xee);
		_mm512_storeu_si512(ret + 64 * j, _mm512_shuffle_i32x4(ab0, cd0, 0x88));
		_mm512_storeu_si512(ret + 64 * (4 + j), _mm512_shuffle_i32x4(ab0, cd0, 0xdd));
		_mm512_storeu_si512(ret + 64 * (8 + j), _mm512_shuffle_i32x4(ab1, cd1, 0x88));
		_mm512_storeu_si512(ret + 64 * (12 + j), _mm512_shuffle_i32x4(ab1, cd1, 0xdd));
	}
}

/* Blocks `first` to first + 15 of one packet. */
WIDE static void stream16(const uint32_t state[16], uint32_t first, uint8_t ret[1024])
{
	uint32_t block[16], low[16], high[16];
	for (uint32_t i = 0; i < 16; i++) {
		block[i] = first + i;
		low[i] = state[14];
		high[i] = state[15];
	}
	stream_lanes(state, &(struct lanes){block, low, high}, ret);
}

/* Blocks `first` to first + 7. */
WIDE static void stream8(const uint32_t state[16], uint32_t first, uint8_t ret[512])
{
	const words8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
	words8 x[16], start[16];
	for (int i = 0; i < 16; i++)
		start[i] = (words8)_mm256_set1_epi32((int)state[i]);
	start[12] = lanes + first;
	for (int i = 0; i < 16; i++)
		x[i] = start[i];
	TWENTY_ROUNDS(x);
	for (int i = 0; i < 16; i++)
		x[i] += start[i];
	for (int part = 0; part < 4; part++) {
		__m256i a = (__m256i)x[4 * part], b = (__m256i)x[4 * part + 1];
		__m256i c = (__m256i)x[4 * part + 2], d = (__m256i)x[4 * part + 3];
		__m256i ab0 = _mm256_unpacklo_epi32(a, b), ab1 = _mm256_unpackhi_epi32(a, b);
		__m256i cd0 = _mm256_unpacklo_epi32(c, d), cd1 = _mm256_unpackhi_epi32(c, d);
		__m256i turned[4] = {
			_mm256_unpacklo_epi64(ab0, cd0), _mm256_unpackhi_epi64(ab0, cd0),
			_mm256_unpacklo_epi64(ab1, cd1), _mm256_unpackhi_epi64(ab1, cd1)};
		for (int j = 0; j < 4; j++) {
			uint8_t *at = ret + 64 * j + 16 * part;
			_mm_storeu_si128((__m128i *)(void *)at, _mm256_castsi256_si128(turned[j]));
			_mm_storeu_si128((__m128i *)(void *)(at + 256),
					 _mm256_extracti128_si256(turned[j], 1));
		}
	}
}

/* to may be from. */
WIDE static void add_stream(const uint8_t *stream, const uint8_t *from, uint8_t *to, size_t len)
{
	size_t at = 0;
	for (; at + 64 <= len; at += 64)
		_mm512_storeu_si512(to + at, _mm512_xor_si512(_mm512_loadu_si512(from + at),
							      _mm512_loadu_si512(stream + at)));
	for (; at < len; at++)
		to[at] = from[at] ^ stream[at];
}

enum { STREAM_MAX = 1024, BLOCK = 64 };

/* One packet: the stream's first block gives the key of its tag, the text begins at the second. */
struct packet {
	uint32_t state[16];
	uint8_t stream[STREAM_MAX] __attribute__((aligned(64)));
};

static size_t first_stream(struct packet *p, const uint8_t *key, uint64_t counter, size_t len)
{
	state_of(key, counter, p->state);
	if (len > STREAM_MAX / 2 - BLOCK) {
		stream16(p->state, 0, p->stream);
		return STREAM_MAX;
	}
	stream8(p->state, 0, p->stream);
	return STREAM_MAX / 2;
}

/* have: octets of the stream that are there, its first block spent. */
static void crypt(struct packet *p, size_t have, struct span in, uint8_t *ret)
{
	size_t at = in.len < have - BLOCK ? in.len : have - BLOCK;
	uint32_t block = (uint32_t)(have / BLOCK);
	add_stream(p->stream + BLOCK, in.data, ret, at);
	while (at < in.len) {
		size_t left = in.len - at, n = left < STREAM_MAX ? left : STREAM_MAX;
		if (n <= STREAM_MAX / 2)
			stream8(p->state, block, p->stream);
		else
			stream16(p->state, block, p->stream);
		add_stream(p->stream, in.data + at, ret + at, n);
		block += STREAM_MAX / BLOCK;
		at += n;
	}
}

void chachapoly_seal(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter, struct span in,
		     uint8_t *ret)
{
	struct packet p;
	uint8_t one_time[32];
	size_t have = first_stream(&p, key, counter, in.len);
	memcpy(one_time, p.stream, sizeof(one_time));
	crypt(&p, have, in, ret);
	chachapoly_tag(one_time, span_of(ret, in.len), ret + in.len);
	crypto_wipe(one_time, sizeof(one_time));
	crypto_wipe(&p, sizeof(p));
}

bool chachapoly_open(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter, struct span in,
		     uint8_t *ret)
{
	struct packet p;
	uint8_t tag[CRYPTO_AEAD_TAG_LEN];
	if (in.len < sizeof(tag))
		return false;
	struct span text = span_of(in.data, in.len - sizeof(tag));
	size_t have = first_stream(&p, key, counter, text.len);
	chachapoly_tag(p.stream, text, tag);
	bool right =
		crypto_equal(span_of(tag, sizeof(tag)), span_of(in.data + text.len, sizeof(tag)));
	if (right)
		crypt(&p, have, text, ret);
	crypto_wipe(&p, sizeof(p));
	return right;
}

/* --- four packets of one length: no lane of the cipher idles at a packet's end */

enum { PACKETS = CHACHAPOLY_PACKETS, BLOCKS_MAX = CHACHAPOLY_LEN_MAX / BLOCK + 1 };

static_assert(CHACHAPOLY_LEN_MAX % BLOCK == 0, "whole blocks");

enum { LANES = STREAM_MAX / BLOCK, LANES_MAX = (PACKETS * BLOCKS_MAX + LANES - 1) / LANES * LANES };

struct packets {
	size_t stride; /* octets of the stream of each */
	size_t lanes;  /* of all */
	uint8_t stream[LANES_MAX * BLOCK] __attribute__((aligned(64)));
};

/* Lane by lane: the blocks of the first packet, then those of the second. */
WIDE static void streams(struct packets *p, const uint8_t *key,
			 const struct crypto_aead_text texts[PACKETS], size_t len)
{
	uint32_t state[16];
	uint32_t block[LANES_MAX], low[LANES_MAX], high[LANES_MAX];
	size_t blocks = (len + BLOCK - 1) / BLOCK + 1, lane = 0;
	p->stride = blocks * BLOCK;
	state_of(key, 0, state);
	for (size_t packet = 0; packet < PACKETS; packet++)
		for (uint32_t i = 0; i < blocks; i++, lane++) {
			block[lane] = i;
			low[lane] = (uint32_t)texts[packet].counter;
			high[lane] = (uint32_t)(texts[packet].counter >> 32);
		}
	for (; lane % LANES; lane++)
		block[lane] = low[lane] = high[lane] = 0;
	p->lanes = lane;
	for (size_t at = 0; at < lane; at += LANES) {
		const struct lanes these = {block + at, low + at, high + at};
		stream_lanes(state, &these, p->stream + at * BLOCK);
	}
}

void chachapoly_seal_four(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
			  struct crypto_aead_text texts[CHACHAPOLY_PACKETS])
{
	struct packets p;
	struct chachapoly_four four;
	size_t len = texts[0].in.len;
	streams(&p, key, texts, len);
	for (size_t i = 0; i < PACKETS; i++) {
		const uint8_t *stream = p.stream + i * p.stride;
		add_stream(stream + BLOCK, texts[i].in.data, texts[i].ret, len);
		four.one_time[i] = stream;
		four.text[i] = texts[i].ret;
	}
	chachapoly_tag_four(&four, len);
	for (size_t i = 0; i < PACKETS; i++)
		memcpy(texts[i].ret + len, four.tag[i], CRYPTO_AEAD_TAG_LEN);
	crypto_wipe(p.stream, p.lanes * BLOCK);
}

void chachapoly_open_four(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
			  struct crypto_aead_text texts[CHACHAPOLY_PACKETS])
{
	struct packets p;
	struct chachapoly_four four;
	size_t len = texts[0].in.len - CRYPTO_AEAD_TAG_LEN;
	streams(&p, key, texts, len);
	for (size_t i = 0; i < PACKETS; i++) {
		four.one_time[i] = p.stream + i * p.stride;
		four.text[i] = texts[i].in.data;
	}
	chachapoly_tag_four(&four, len);
	for (size_t i = 0; i < PACKETS; i++) {
		struct span tag = span_of(texts[i].in.data + len, CRYPTO_AEAD_TAG_LEN);
		texts[i].right = crypto_equal(span_of(four.tag[i], CRYPTO_AEAD_TAG_LEN), tag);
		if (texts[i].right)
			add_stream(four.one_time[i] + BLOCK, texts[i].in.data, texts[i].ret, len);
	}
	crypto_wipe(p.stream, p.lanes * BLOCK);
}

bool chachapoly_runs_here(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

#else

bool chachapoly_runs_here(void)
{
	return false;
}

void chachapoly_seal(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter, struct span in,
		     uint8_t *ret)
{
	(void)key, (void)counter, (void)in, (void)ret;
	ASSERT(chachapoly_runs_here());
}

bool chachapoly_open(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter, struct span in,
		     uint8_t *ret)
{
	(void)key, (void)counter, (void)in, (void)ret;
	ASSERT(chachapoly_runs_here());
	return false;
}

void chachapoly_seal_four(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
			  struct crypto_aead_text texts[CHACHAPOLY_PACKETS])
{
	(void)key, (void)texts;
	ASSERT(chachapoly_runs_here());
}

void chachapoly_open_four(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
			  struct crypto_aead_text texts[CHACHAPOLY_PACKETS])
{
	(void)key, (void)texts;
	ASSERT(chachapoly_runs_here());
}

#endif
