#include "crypto/x25519_many.h"

#include "crypto/secret.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* A function for processors that have it. */
#define WIDE __attribute__((target("avx512f,avx512dq,avx512ifma")))
/* A function that is a part of its caller, as vectors do not travel well. */
#define PART WIDE __attribute__((always_inline)) static inline

/* A loop over limbs, which are registers. */
#define UNROLLED _Pragma("GCC unroll 10")

/* Eight numbers modulo 2^255 - 19, a lane for each, in limbs of 51 bits. How large limbs are:
 *	short	below 2^51, but for the lowest, which is below 2^51 + 2^14
 *	loose	below 2^51 + 2^14
 * A product takes limbs of at most 52 bits, of which the processor gives the lower and the upper 52
 * bits of 104; sums of two loose ones have a bit more and are carried first. */
enum { LIMBS = 5, LIMB_BITS = 51 };
#define LIMB_MASK ((INT64_C(1) << LIMB_BITS) - 1)

struct number {
	__m512i limb[LIMBS];
};

PART __m512i add(__m512i a, __m512i b)
{
	return _mm512_add_epi64(a, b);
}

PART __m512i low_bits(__m512i limb)
{
	return _mm512_and_si512(limb, _mm512_set1_epi64(LIMB_MASK));
}

PART __m512i high_bits(__m512i limb)
{
	return _mm512_srli_epi64(limb, LIMB_BITS);
}

/* sum + 19 * limb: 2^255 is 19. limb below 2^52, the product too. */
PART __m512i add_wrapped(__m512i sum, __m512i limb)
{
	return _mm512_madd52lo_epu64(sum, limb, _mm512_set1_epi64(19));
}

/* Limbs of at most 60.5 bits; loose then. All carry at once, so that none waits for another. */
PART struct number loose(struct number a)
{
	struct number r;
	r.limb[0] = add_wrapped(low_bits(a.limb[0]), high_bits(a.limb[4]));
	UNROLLED
	for (int i = 1; i < LIMBS; i++)
		r.limb[i] = add(low_bits(a.limb[i]), high_bits(a.limb[i - 1]));
	return r;
}

/* The same in turn; short then. */
PART struct number shorted(struct number a)
{
	UNROLLED
	for (int i = 0; i < LIMBS - 1; i++) {
		a.limb[i + 1] = add(a.limb[i + 1], high_bits(a.limb[i]));
		a.limb[i] = low_bits(a.limb[i]);
	}
	a.limb[0] = add_wrapped(a.limb[0], high_bits(a.limb[4]));
	a.limb[4] = low_bits(a.limb[4]);
	return a;
}

/* Of loose ones; limbs below 2^53. */
PART struct number sum(struct number a, struct number b)
{
	UNROLLED
	for (int i = 0; i < LIMBS; i++)
		a.limb[i] = add(a.limb[i], b.limb[i]);
	return a;
}

/* Twice the prime is added, so that no limb falls below zero. */
PART struct number difference(struct number a, struct number b)
{
	const __m512i lowest = _mm512_set1_epi64(2 * (LIMB_MASK - 18));
	const __m512i others = _mm512_set1_epi64(2 * LIMB_MASK);
	UNROLLED
	for (int i = 0; i < LIMBS; i++)
		a.limb[i] = add(a.limb[i], _mm512_sub_epi64(i ? others : lowest, b.limb[i]));
	return a;
}

/* What products of limbs add up to: low[k] counts 2^(51 k), high[k] twice 2^(51 (k + 1)). Each is
 * the sum of at most five of 52 bits. */
struct columns {
	__m512i low[2 * LIMBS - 1], high[2 * LIMBS - 1];
};

PART void columns_clear(struct columns *c)
{
	UNROLLED
	for (int i = 0; i < 2 * LIMBS - 1; i++)
		c->low[i] = c->high[i] = _mm512_setzero_si512();
}

PART void columns_add(struct columns *c, int at, __m512i a, __m512i b)
{
	c->low[at] = _mm512_madd52lo_epu64(c->low[at], a, b);
	c->high[at] = _mm512_madd52hi_epu64(c->high[at], a, b);
}

/* Loose. Columns are below 15 * 2^52, and one with 19 of another below 2^60.3. */
PART struct number folded(const struct columns *c)
{
	__m512i column[2 * LIMBS];
	struct number r;
	column[0] = c->low[0];
	UNROLLED
	for (int i = 1; i < 2 * LIMBS - 1; i++)
		column[i] = add(c->low[i], add(c->high[i - 1], c->high[i - 1]));
	column[2 * LIMBS - 1] = add(c->high[2 * LIMBS - 2], c->high[2 * LIMBS - 2]);
	UNROLLED
	for (int i = 0; i < LIMBS; i++) {
		__m512i over = column[i + LIMBS];
		__m512i thrice = add(over, add(over, over));
		r.limb[i] = add(add(column[i], thrice), _mm512_slli_epi64(over, 4));
	}
	return loose(r);
}

PART struct number product(struct number a, struct number b)
{
	struct columns c;
	columns_clear(&c);
	UNROLLED
	for (int i = 0; i < LIMBS; i++)
		UNROLLED
	for (int j = 0; j < LIMBS; j++)
		columns_add(&c, i + j, a.limb[i], b.limb[j]);
	return folded(&c);
}

/* Of a short one: what is doubled has 52 bits. */
PART struct number square(struct number a)
{
	struct columns c;
	columns_clear(&c);
	UNROLLED
	for (int j = 0; j < LIMBS; j++) {
		__m512i twice = add(a.limb[j], a.limb[j]);
		UNROLLED
		for (int i = 0; i < j; i++)
			columns_add(&c, i + j, a.limb[i], twice);
		columns_add(&c, 2 * j, a.limb[j], a.limb[j]);
	}
	return folded(&c);
}

/* a + 121665 * b (RFC 7748 5: a24), loose; b's limbs have at most 52 bits. */
PART struct number sum_with_a24(struct number a, struct number b)
{
	const __m512i a24 = _mm512_set1_epi64(121665), zero = _mm512_setzero_si512();
	__m512i high[LIMBS];
	UNROLLED
	for (int i = 0; i < LIMBS; i++) {
		a.limb[i] = _mm512_madd52lo_epu64(a.limb[i], b.limb[i], a24);
		high[i] = _mm512_madd52hi_epu64(zero, b.limb[i], a24);
		high[i] = add(high[i], high[i]);
	}
	a.limb[0] = add_wrapped(a.limb[0], high[4]);
	UNROLLED
	for (int i = 1; i < LIMBS; i++)
		a.limb[i] = add(a.limb[i], high[i - 1]);
	return loose(a);
}

/* --- the ladder (RFC 7748 5) */

struct ladder {
	/* Bit t of a scalar and the bit above it differ: before that step the points change
	 * places. Four words of each. */
	__m512i changes[4];
	struct number x1, x2, z2, x3, z3;
};

PART void change_places(__mmask8 lanes, struct number *a, struct number *b)
{
	UNROLLED
	for (int i = 0; i < LIMBS; i++) {
		__m512i was = a->limb[i];
		a->limb[i] = _mm512_mask_blend_epi64(lanes, was, b->limb[i]);
		b->limb[i] = _mm512_mask_blend_epi64(lanes, b->limb[i], was);
	}
}

/* In the names of the RFC. */
PART void ladder_step(struct ladder *l, __mmask8 changed)
{
	change_places(changed, &l->x2, &l->x3);
	change_places(changed, &l->z2, &l->z3);
	struct number a = shorted(sum(l->x2, l->z2)), b = shorted(difference(l->x2, l->z2));
	struct number c = loose(sum(l->x3, l->z3)), d = loose(difference(l->x3, l->z3));
	struct number da = product(d, a), cb = product(c, b);
	struct number aa = square(a), bb = square(b);
	l->x3 = square(shorted(sum(da, cb)));
	l->z3 = product(square(shorted(difference(da, cb))), l->x1);
	l->x2 = product(aa, bb);
	struct number e = loose(difference(aa, bb));
	l->z2 = product(sum_with_a24(aa, e), e);
}

WIDE static struct number squared_times(struct number a, int n)
{
	for (int i = 0; i < n; i++)
		a = square(shorted(a));
	return a;
}

/* a^(2^255 - 21), which is one divided by a, and zero for zero (Fermat). The names say exponents:
 * ones_N is 2^N - 1. */
WIDE static struct number inverse(struct number a)
{
	struct number two = squared_times(a, 1);
	struct number nine = product(squared_times(two, 2), a);
	struct number eleven = product(nine, two);
	struct number ones_5 = product(squared_times(eleven, 1), nine);
	struct number ones_10 = product(squared_times(ones_5, 5), ones_5);
	struct number ones_20 = product(squared_times(ones_10, 10), ones_10);
	struct number ones_40 = product(squared_times(ones_20, 20), ones_20);
	struct number ones_50 = product(squared_times(ones_40, 10), ones_10);
	struct number ones_100 = product(squared_times(ones_50, 50), ones_50);
	struct number ones_200 = product(squared_times(ones_100, 100), ones_100);
	struct number ones_250 = product(squared_times(ones_200, 50), ones_50);
	return product(squared_times(ones_250, 5), eleven);
}

/* --- bytes (RFC 7748 5), little-endian, as this machine is */

enum { WORDS = CRYPTO_X25519_LEN / 8 };

struct lanes {
	uint64_t word[WORDS][X25519_LANES] __attribute__((aligned(64)));
};

static void lanes_read(const uint8_t bytes[][CRYPTO_X25519_LEN], size_t n, struct lanes *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t lane = 0; lane < n; lane++)
		for (size_t i = 0; i < WORDS; i++)
			memcpy(&ret->word[i][lane], bytes[lane] + 8 * i, 8);
}

/* The bit above 2^255 is not looked at; a number of the prime or more is what it is modulo it. */
WIDE static void number_read(const struct lanes *from, struct number *ret)
{
	__m512i w[WORDS];
	for (int i = 0; i < WORDS; i++)
		w[i] = _mm512_load_si512(from->word[i]);
	ret->limb[0] = low_bits(w[0]);
	for (unsigned i = 1; i < WORDS; i++)
		ret->limb[i] = low_bits(_mm512_or_si512(_mm512_srli_epi64(w[i - 1], 64 - 13 * i),
							_mm512_slli_epi64(w[i], 13 * i)));
	ret->limb[4] = low_bits(_mm512_srli_epi64(w[3], 12));
}

/* The least of the equal numbers. */
WIDE static void number_write(struct number a, struct lanes *ret)
{
	a = shorted(shorted(a)); /* below 2^255 + 19 */
	__m512i over = high_bits(add(a.limb[0], _mm512_set1_epi64(19)));
	for (int i = 1; i < LIMBS; i++)
		over = high_bits(add(a.limb[i], over));
	/* over: it is the prime or more. The bit that is carried out of the top is lost. */
	a.limb[0] = add_wrapped(a.limb[0], over);
	for (int i = 1; i < LIMBS; i++) {
		a.limb[i] = add(a.limb[i], high_bits(a.limb[i - 1]));
		a.limb[i - 1] = low_bits(a.limb[i - 1]);
	}
	a.limb[4] = low_bits(a.limb[4]);
	for (unsigned i = 0; i < WORDS; i++)
		_mm512_store_si512(ret->word[i],
				   _mm512_or_si512(_mm512_srli_epi64(a.limb[i], 13 * i),
						   _mm512_slli_epi64(a.limb[i + 1], 51 - 13 * i)));
}

WIDE static void changes_of(const struct lanes *scalars, __m512i ret[WORDS])
{
	__m512i w[WORDS + 1];
	for (int i = 0; i < WORDS; i++)
		w[i] = _mm512_load_si512(scalars->word[i]);
	w[0] = _mm512_and_si512(w[0], _mm512_set1_epi64(~INT64_C(7)));
	w[3] = _mm512_and_si512(w[3], _mm512_set1_epi64(INT64_MAX));
	w[3] = _mm512_or_si512(w[3], _mm512_set1_epi64(INT64_C(1) << 62));
	w[WORDS] = _mm512_setzero_si512();
	for (int i = 0; i < WORDS; i++) {
		__m512i above = _mm512_or_si512(_mm512_srli_epi64(w[i], 1),
						_mm512_slli_epi64(w[i + 1], 63));
		ret[i] = _mm512_xor_si512(w[i], above);
	}
}

/* All in one frame of the stack, which the caller wipes. ret may be one of the others. */
WIDE __attribute__((noinline)) static void multiply(const struct lanes *scalars,
						    const struct lanes *points, struct lanes *ret)
{
	struct ladder l;
	changes_of(scalars, l.changes);
	number_read(points, &l.x1);
	for (int i = 0; i < LIMBS; i++)
		l.z2.limb[i] = l.x2.limb[i] = l.z3.limb[i] = _mm512_setzero_si512();
	l.x2.limb[0] = l.z3.limb[0] = _mm512_set1_epi64(1);
	l.x3 = l.x1;
	for (int t = 254; t >= 0; t--) {
		__m512i bit = _mm512_set1_epi64((int64_t)(UINT64_C(1) << t % 64));
		ladder_step(&l, _mm512_test_epi64_mask(l.changes[t / 64], bit));
	}
	/* Bit 0 of each scalar is clear, so the points are in their places. */
	number_write(product(l.x2, inverse(l.z2)), ret);
}

/* What multiply ended with; the callers' own registers are none of the vectors'. */
WIDE static void wipe_registers(void)
{
	__asm__ volatile("vzeroall\n\t" /* the first sixteen */
			 "vpxorq %%zmm16, %%zmm16, %%zmm16\n\t"
			 "vpxorq %%zmm17, %%zmm17, %%zmm17\n\t"
			 "vpxorq %%zmm18, %%zmm18, %%zmm18\n\t"
			 "vpxorq %%zmm19, %%zmm19, %%zmm19\n\t"
			 "vpxorq %%zmm20, %%zmm20, %%zmm20\n\t"
			 "vpxorq %%zmm21, %%zmm21, %%zmm21\n\t"
			 "vpxorq %%zmm22, %%zmm22, %%zmm22\n\t"
			 "vpxorq %%zmm23, %%zmm23, %%zmm23\n\t"
			 "vpxorq %%zmm24, %%zmm24, %%zmm24\n\t"
			 "vpxorq %%zmm25, %%zmm25, %%zmm25\n\t"
			 "vpxorq %%zmm26, %%zmm26, %%zmm26\n\t"
			 "vpxorq %%zmm27, %%zmm27, %%zmm27\n\t"
			 "vpxorq %%zmm28, %%zmm28, %%zmm28\n\t"
			 "vpxorq %%zmm29, %%zmm29, %%zmm29\n\t"
			 "vpxorq %%zmm30, %%zmm30, %%zmm30\n\t"
			 "vpxorq %%zmm31, %%zmm31, %%zmm31"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16",
			   "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
			   "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

/* What the compiler kept of numbers beside its registers lies where the next frame begins. */
enum { STACK_OF_MULTIPLY = 16384 };

__attribute__((noinline)) static void wipe_stack(void)
{
	uint8_t frame[STACK_OF_MULTIPLY];
	crypto_wipe(frame, sizeof(frame));
}

void x25519_many(const uint8_t scalars[][CRYPTO_X25519_LEN],
		 const uint8_t points[][CRYPTO_X25519_LEN], size_t n,
		 uint8_t ret[][CRYPTO_X25519_LEN])
{
	struct lanes a, b;
	ASSERT(n <= X25519_LANES);
	lanes_read(scalars, n, &a);
	lanes_read(points, n, &b);
	multiply(&a, &b, &b);
	for (size_t lane = 0; lane < n; lane++)
		for (size_t i = 0; i < WORDS; i++)
			memcpy(ret[lane] + 8 * i, &b.word[i][lane], 8);
	crypto_wipe(&a, sizeof(a));
	crypto_wipe(&b, sizeof(b));
	wipe_stack();
	wipe_registers();
}

bool x25519_many_runs_here(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512ifma");
}

#else

bool x25519_many_runs_here(void)
{
	return false;
}

void x25519_many(const uint8_t scalars[][CRYPTO_X25519_LEN],
		 const uint8_t points[][CRYPTO_X25519_LEN], size_t n,
		 uint8_t ret[][CRYPTO_X25519_LEN])
{
	(void)scalars, (void)points, (void)n, (void)ret;
	ASSERT(x25519_many_runs_here());
}

#endif
