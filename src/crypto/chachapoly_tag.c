/* Poly1305 (RFC 8439 2.5). Long texts: eight blocks at once, a lane for each, in limbs of 26 bits;
 * short ones in limbs of 44. */
#include "crypto/chachapoly_inner.h"

#include "crypto/secret.h"

#if defined(__x86_64__)

#include <immintrin.h>

typedef unsigned __int128 uint128; /* why-typedef: its name is three words */

enum { BLOCK = 16, LANES = 8, LIMBS = 5, WIDE_MIN = 16 * BLOCK };
#define MASK26 UINT64_C(0x3ffffff)
#define MASK44 UINT64_C(0xfffffffffff)
#define MASK42 UINT64_C(0x3ffffffffff)

/* --- numbers modulo 2^130 - 5: 44, 44 and 42 bits */

struct number {
	uint64_t limb[3];
};

static uint64_t little(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static struct number number_of(uint64_t low, uint64_t high, uint64_t top)
{
	return (struct number){
		{low & MASK44, (low >> 44 | high << 20) & MASK44, (high >> 24) + (top << 40)}};
}

WHOLE static inline struct number times(struct number a, struct number b)
{
	/* 2^132 is 4 * 5 modulo the prime. */
	uint64_t b1 = b.limb[1] * 20, b2 = b.limb[2] * 20;
	uint128 d0 =
		(uint128)a.limb[0] * b.limb[0] + (uint128)a.limb[1] * b2 + (uint128)a.limb[2] * b1;
	uint128 d1 = (uint128)a.limb[0] * b.limb[1] + (uint128)a.limb[1] * b.limb[0] +
		     (uint128)a.limb[2] * b2;
	uint128 d2 = (uint128)a.limb[0] * b.limb[2] + (uint128)a.limb[1] * b.limb[1] +
		     (uint128)a.limb[2] * b.limb[0];
	d1 += (uint64_t)(d0 >> 44);
	d2 += (uint64_t)(d1 >> 44);
	uint64_t low = ((uint64_t)d0 & MASK44) + (uint64_t)(d2 >> 42) * 5;
	return (struct number){
		{low & MASK44, ((uint64_t)d1 & MASK44) + (low >> 44), (uint64_t)d2 & MASK42}};
}

static struct number plus(struct number a, struct number b)
{
	return (struct number){
		{a.limb[0] + b.limb[0], a.limb[1] + b.limb[1], a.limb[2] + b.limb[2]}};
}

/* Carries once around, so that limbs are short again. */
static void carry(struct number *h)
{
	h->limb[1] += h->limb[0] >> 44;
	h->limb[0] &= MASK44;
	h->limb[2] += h->limb[1] >> 44;
	h->limb[1] &= MASK44;
	h->limb[0] += (h->limb[2] >> 42) * 5;
	h->limb[2] &= MASK42;
}

/* The least of the equal numbers, and s added modulo 2^128. */
static void finish(struct number h, const uint8_t s[16], uint8_t ret[16])
{
	carry(&h);
	carry(&h);
	carry(&h);
	struct number less = plus(h, (struct number){{5, 0, 0}});
	less.limb[1] += less.limb[0] >> 44;
	less.limb[0] &= MASK44;
	less.limb[2] += less.limb[1] >> 44;
	less.limb[1] &= MASK44;
	uint64_t over = 0 - (less.limb[2] >> 42); /* all ones: h was the prime or more */
	for (size_t i = 0; i < 3; i++)
		h.limb[i] = (h.limb[i] & ~over) | (less.limb[i] & over);
	h.limb[2] &= MASK42;
	uint64_t low = h.limb[0] | h.limb[1] << 44, high = h.limb[1] >> 20 | h.limb[2] << 24;
	uint128 sum = (uint128)low + little(s);
	low = (uint64_t)sum;
	high += little(s + 8) + (uint64_t)(sum >> 64);
	memcpy(ret, &low, 8);
	memcpy(ret + 8, &high, 8);
}

/* --- blocks: those of the text, the last filled up with zeros, then the one with the lengths */

static size_t blocks_of(size_t len)
{
	return (len + BLOCK - 1) / BLOCK + 1;
}

/* One of the last two. */
static void block_at(struct span text, size_t at, uint8_t ret[BLOCK])
{
	uint64_t length = text.len;
	struct span rest = span_sub(text, at * BLOCK, BLOCK);
	memset(ret, 0, BLOCK);
	if (at + 1 == blocks_of(text.len))
		memcpy(ret + 8, &length, sizeof(length));
	else
		memcpy(ret, rest.data, rest.len); /* why-reader-copy: cut to a block */
}

static struct number take_block(struct number h, struct number r, const uint8_t *at)
{
	return times(plus(h, number_of(little(at), little(at + 8), 1)), r);
}

static struct number sum_short(struct span text, struct number r)
{
	struct number h = {{0}};
	uint8_t block[BLOCK];
	size_t blocks = blocks_of(text.len), at = 0;
	for (; (at + 1) * BLOCK <= text.len; at++)
		h = take_block(h, r, text.data + at * BLOCK);
	for (; at < blocks; at++) {
		block_at(text, at, block);
		h = take_block(h, r, block);
	}
	return h;
}

/* --- eight lanes, limbs of 26 bits */

WIDE WHOLE static inline __m512i spread(uint64_t v)
{
	return _mm512_set1_epi64((long long)v);
}

/* Adds the blocks of 128 octets; top: what stands for 2^128 in each lane's last limb. */
WIDE WHOLE static inline void add_blocks(__m512i h[LIMBS], __m512i a, __m512i b, __m512i top)
{
	const __m512i mask = spread(MASK26);
	const __m512i evens = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
	const __m512i odds = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
	__m512i low = _mm512_permutex2var_epi64(a, evens, b);
	__m512i high = _mm512_permutex2var_epi64(a, odds, b);
	__m512i middle = _mm512_or_si512(_mm512_srli_epi64(low, 52), _mm512_slli_epi64(high, 12));
	h[0] = _mm512_add_epi64(h[0], _mm512_and_si512(low, mask));
	h[1] = _mm512_add_epi64(h[1], _mm512_and_si512(_mm512_srli_epi64(low, 26), mask));
	h[2] = _mm512_add_epi64(h[2], _mm512_and_si512(middle, mask));
	h[3] = _mm512_add_epi64(h[3], _mm512_and_si512(_mm512_srli_epi64(high, 14), mask));
	h[4] = _mm512_add_epi64(h[4], _mm512_or_si512(_mm512_srli_epi64(high, 40), top));
}

WIDE WHOLE static inline __m512i sum5(__m512i a, __m512i b, __m512i c, __m512i d, __m512i e)
{
	return _mm512_add_epi64(_mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_add_epi64(c, d)),
				e);
}

WIDE WHOLE static inline __m512i by(__m512i a, __m512i b)
{
	return _mm512_mul_epu32(a, b);
}

/* Limbs stay below 2^27 after it: 2^58 is never passed in between. r5: five times r. */
WIDE WHOLE static inline void multiply(__m512i h[LIMBS], const __m512i r[LIMBS],
				       const __m512i r5[LIMBS])
{
	const __m512i mask = spread(MASK26);
	__m512i d0 = sum5(by(h[0], r[0]), by(h[1], r5[4]), by(h[2], r5[3]), by(h[3], r5[2]),
			  by(h[4], r5[1]));
	__m512i d1 = sum5(by(h[0], r[1]), by(h[1], r[0]), by(h[2], r5[4]), by(h[3], r5[3]),
			  by(h[4], r5[2]));
	__m512i d2 = sum5(by(h[0], r[2]), by(h[1], r[1]), by(h[2], r[0]), by(h[3], r5[4]),
			  by(h[4], r5[3]));
	__m512i d3 = sum5(by(h[0], r[3]), by(h[1], r[2]), by(h[2], r[1]), by(h[3], r[0]),
			  by(h[4], r5[4]));
	__m512i d4 = sum5(by(h[0], r[4]), by(h[1], r[3]), by(h[2], r[2]), by(h[3], r[1]),
			  by(h[4], r[0]));
	d1 = _mm512_add_epi64(d1, _mm512_srli_epi64(d0, 26));
	d4 = _mm512_add_epi64(d4, _mm512_srli_epi64(d3, 26));
	d0 = _mm512_and_si512(d0, mask);
	d3 = _mm512_and_si512(d3, mask);
	d2 = _mm512_add_epi64(d2, _mm512_srli_epi64(d1, 26));
	__m512i around = _mm512_srli_epi64(d4, 26);
	d0 = _mm512_add_epi64(d0, _mm512_add_epi64(around, _mm512_slli_epi64(around, 2)));
	h[1] = _mm512_and_si512(d1, mask);
	d4 = _mm512_and_si512(d4, mask);
	d3 = _mm512_add_epi64(d3, _mm512_srli_epi64(d2, 26));
	h[2] = _mm512_and_si512(d2, mask);
	h[1] = _mm512_add_epi64(h[1], _mm512_srli_epi64(d0, 26));
	h[0] = _mm512_and_si512(d0, mask);
	h[4] = _mm512_add_epi64(d4, _mm512_srli_epi64(d3, 26));
	h[3] = _mm512_and_si512(d3, mask);
}

/* What one lane, or each lane with a number of its own, multiplies by. */
struct factors {
	__m512i r[LIMBS], r5[LIMBS];
};

static void limbs26(struct number n, uint64_t ret[LIMBS])
{
	carry(&n);
	uint64_t low = n.limb[0] | n.limb[1] << 44, high = n.limb[1] >> 20 | n.limb[2] << 24;
	ret[0] = low & MASK26;
	ret[1] = low >> 26 & MASK26;
	ret[2] = (low >> 52 | high << 12) & MASK26;
	ret[3] = high >> 14 & MASK26;
	ret[4] = n.limb[2] >> 16;
}

WIDE WHOLE static inline void factors_of(const __m512i r[LIMBS], struct factors *ret)
{
	for (size_t i = 0; i < LIMBS; i++) {
		ret->r[i] = r[i];
		ret->r5[i] = _mm512_add_epi64(r[i], _mm512_slli_epi64(r[i], 2));
	}
}

/* Multiplies the lanes of the mask by n, the others by one. */
WIDE WHOLE static inline void multiply_some(__m512i h[LIMBS], __mmask8 lanes, struct number n)
{
	struct factors f;
	uint64_t limb[LIMBS];
	__m512i r[LIMBS];
	limbs26(n, limb);
	for (size_t i = 0; i < LIMBS; i++)
		r[i] = _mm512_mask_set1_epi64(spread(i == 0), lanes, (long long)limb[i]);
	factors_of(r, &f);
	multiply(h, f.r, f.r5);
}

/* Lane i: the power 8 - i, in ret; the eighth in every lane, in ret_eighth. */
WIDE WHOLE static inline void powers(struct number r, struct factors *ret,
				     struct factors *ret_eighth)
{
	struct number square = times(r, r), fourth = times(square, square);
	uint64_t one[LIMBS], two[LIMBS];
	__m512i h[LIMBS], eighth[LIMBS];
	limbs26(r, one);
	limbs26(square, two);
	for (size_t i = 0; i < LIMBS; i++)
		h[i] = _mm512_mask_set1_epi64(spread(one[i]), 0x55, (long long)two[i]);
	multiply_some(h, 0x33, square);
	multiply_some(h, 0x0f, fourth);
	for (size_t i = 0; i < LIMBS; i++)
		eighth[i] = _mm512_broadcastq_epi64(_mm512_castsi512_si128(h[i]));
	factors_of(h, ret);
	factors_of(eighth, ret_eighth);
}

/* Of limbs below 2^32. */
static struct number number_of_limbs(uint64_t limb[LIMBS])
{
	struct number n = {{0}};
	for (size_t i = 0; i + 1 < LIMBS; i++) {
		limb[i + 1] += limb[i] >> 26;
		limb[i] &= MASK26;
	}
	n.limb[0] = limb[0] | (limb[1] & 0x3ffff) << 26;
	n.limb[1] = limb[1] >> 18 | limb[2] << 8 | (limb[3] & 0x3ff) << 34;
	n.limb[2] = limb[3] >> 10 | limb[4] << 16;
	return n;
}

WIDE static struct number sum_lanes(const __m512i h[LIMBS])
{
	uint64_t limb[LIMBS];
	for (size_t i = 0; i < LIMBS; i++)
		limb[i] = (uint64_t)_mm512_reduce_add_epi64(h[i]);
	return number_of_limbs(limb);
}

/* The first row: zeros before the first block make whole rows of eight; they count nothing, without
 * their top bit. */
WIDE WHOLE static inline void first_row(__m512i h[LIMBS], const uint8_t *text, size_t lead)
{
	uint32_t words = UINT32_C(0xffff) << 2 * lead; /* those that are there, of sixteen */
	size_t in_a = lead < 4 ? 4 - lead : 0;
	__m512i a = _mm512_maskz_expandloadu_epi64((__mmask8)words, text);
	__m512i b = _mm512_maskz_expandloadu_epi64((__mmask8)(words >> 8), text + in_a * BLOCK);
	for (size_t i = 0; i < LIMBS; i++)
		h[i] = _mm512_setzero_si512();
	add_blocks(h, a, b, _mm512_maskz_set1_epi64((__mmask8)(0xffu << lead), 1 << 24));
}

/* The last row: seven blocks of the text, the last of them perhaps short, and the lengths. */
WIDE WHOLE static inline void last_row(__m512i h[LIMBS], struct span rest, size_t text_len)
{
	__mmask64 there = ~UINT64_C(0) >> (2 * 64 - rest.len);
	__m512i a = _mm512_loadu_si512(rest.data);
	__m512i b = _mm512_maskz_loadu_epi8(there, rest.data + 64);
	b = _mm512_mask_set1_epi64(b, 0x80, (long long)text_len);
	add_blocks(h, a, b, spread(1 << 24));
}

WIDE static struct number sum_long(struct span text, struct number r)
{
	struct factors last, eighth;
	__m512i h[LIMBS];
	size_t blocks = blocks_of(text.len), lead = (LANES - blocks % LANES) % LANES;
	powers(r, &last, &eighth);
	first_row(h, text.data, lead);
	size_t at = (LANES - lead) * BLOCK;
	for (; at + LANES * BLOCK <= text.len; at += LANES * BLOCK) {
		multiply(h, eighth.r, eighth.r5);
		add_blocks(h, _mm512_loadu_si512(text.data + at),
			   _mm512_loadu_si512(text.data + at + 64), spread(1 << 24));
	}
	multiply(h, eighth.r, eighth.r5);
	last_row(h, span_sub(text, at, SIZE_MAX), text.len);
	multiply(h, last.r, last.r5);
	return sum_lanes(h);
}

/* RFC 8439 2.5: some bits of r are zero. */
static struct number r_of(const uint8_t one_time[32])
{
	return number_of(little(one_time) & UINT64_C(0x0ffffffc0fffffff),
			 little(one_time + 8) & UINT64_C(0x0ffffffc0ffffffc), 0);
}

void chachapoly_tag(const uint8_t one_time[32], struct span text, uint8_t ret[16])
{
	struct number r = r_of(one_time);
	struct number h = text.len < WIDE_MIN ? sum_short(text, r) : sum_long(text, r);
	finish(h, one_time + 16, ret);
}

/* --- four texts, two lanes for each: a row is two blocks of each */

enum { TEXTS = 4, PAIR = 2 * BLOCK };

/* Squares in all lanes, for rows; in the second of each two the number itself, for the end. */
WIDE WHOLE static inline void factors_of_four(const struct chachapoly_four *four,
					      struct factors *ret_rows, struct factors *ret_end)
{
	uint64_t rows[LIMBS][LANES] __attribute__((aligned(64)));
	uint64_t end[LIMBS][LANES] __attribute__((aligned(64)));
	uint64_t one[LIMBS], two[LIMBS];
	__m512i r[LIMBS], last[LIMBS];
	for (size_t t = 0; t < TEXTS; t++) {
		struct number n = r_of(four->one_time[t]);
		limbs26(n, one);
		limbs26(times(n, n), two);
		for (size_t i = 0; i < LIMBS; i++) {
			rows[i][2 * t] = rows[i][2 * t + 1] = end[i][2 * t] = two[i];
			end[i][2 * t + 1] = one[i];
		}
	}
	for (size_t i = 0; i < LIMBS; i++) {
		r[i] = _mm512_load_si512(rows[i]);
		last[i] = _mm512_load_si512(end[i]);
	}
	factors_of(r, ret_rows);
	factors_of(last, ret_end);
}

WIDE WHOLE static inline __m512i two_pairs(const uint8_t *first, const uint8_t *second)
{
	return _mm512_inserti64x4(
		_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)first)),
		_mm256_loadu_si256((const __m256i *)(const void *)second), 1);
}

/* len octets of each text from `at` on, in the two blocks of a row behind `skip` octets of zeros.
 */
static void row_of(const struct chachapoly_four *four, size_t at, size_t len, size_t skip,
		   uint8_t ret[LANES * BLOCK])
{
	memset(ret, 0, LANES * BLOCK);
	for (size_t t = 0; t < TEXTS; t++)
		memcpy(ret + t * PAIR + skip, four->text[t] + at,
		       len); /* why-reader-copy: within */
}

WIDE void chachapoly_tag_four(struct chachapoly_four *four, size_t len)
{
	struct factors rows, end;
	__m512i h[LIMBS];
	uint8_t row[LANES * BLOCK];
	uint64_t lanes[LIMBS][LANES], limb[LIMBS], length = len;
	size_t at = 0;
	factors_of_four(four, &rows, &end);
	for (size_t i = 0; i < LIMBS; i++)
		h[i] = _mm512_setzero_si512();
	if (blocks_of(len) % 2) {
		row_of(four, 0, BLOCK, BLOCK, row);
		add_blocks(h, _mm512_loadu_si512(row), _mm512_loadu_si512(row + 64),
			   _mm512_maskz_set1_epi64(0xaa, 1 << 24));
		at = BLOCK;
	}
	for (; at + PAIR <= len; at += PAIR) {
		multiply(h, rows.r, rows.r5);
		add_blocks(h, two_pairs(four->text[0] + at, four->text[1] + at),
			   two_pairs(four->text[2] + at, four->text[3] + at), spread(1 << 24));
	}
	/* One block of the text is left, perhaps a short one, and that of the lengths. */
	row_of(four, at, len - at, 0, row);
	for (size_t t = 0; t < TEXTS; t++)
		memcpy(row + t * PAIR + BLOCK + 8, &length, sizeof(length));
	multiply(h, rows.r, rows.r5);
	add_blocks(h, _mm512_loadu_si512(row), _mm512_loadu_si512(row + 64), spread(1 << 24));
	multiply(h, end.r, end.r5);
	for (size_t i = 0; i < LIMBS; i++)
		_mm512_storeu_si512(lanes[i], h[i]);
	for (size_t t = 0; t < TEXTS; t++) {
		for (size_t i = 0; i < LIMBS; i++)
			limb[i] = lanes[i][2 * t] + lanes[i][2 * t + 1];
		finish(number_of_limbs(limb), four->one_time[t] + 16, four->tag[t]);
	}
}

#endif
