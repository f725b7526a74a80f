#include "crypto/x25519_many.h"

#include "test/hex.h"
#include "test/random.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <ucontext.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { LEN = CRYPTO_X25519_LEN, LANES = X25519_LANES };

/* crypto/x25519.h has the library then. */
static void needs_vectors(void)
{
	if (x25519_many_runs_here())
		return;
	print_message("skipped: this processor has no AVX-512 IFMA\n");
	skip();
}

static uint8_t scalars[LANES][LEN], points[LANES][LEN], got[LANES][LEN];

static void key_of(const char *hex, uint8_t ret[LEN])
{
	assert_int_equal(hex_read(hex, ret, LEN), LEN);
}

/* Zeros where the library refuses. */
static void library(const uint8_t scalar[LEN], const uint8_t point[LEN], uint8_t ret[LEN])
{
	memset(ret, 0, LEN);
	err_ignore(crypto_x25519(scalar, point, ret));
}

static void as_the_library_says(void)
{
	uint8_t want[LEN];
	x25519_many(scalars, points, LANES, got);
	for (size_t i = 0; i < LANES; i++) {
		library(scalars[i], points[i], want);
		assert_memory_equal(got[i], want, LEN);
	}
}

/* RFC 7748 5.2 */
static void multiplies_as_rfc_7748_does_in_every_lane(void **state)
{
	(void)state;
	needs_vectors();
	for (size_t first = 0; first < 2; first++) {
		for (size_t i = 0; i < LANES; i++) {
			bool one = i % 2 == first;
			key_of(one ? "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449"
				     "ac4"
				   : "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918b"
				     "a0d",
			       scalars[i]);
			key_of(one ? "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1"
				     "c4c"
				   : "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a"
				     "493",
			       points[i]);
		}
		x25519_many(scalars, points, LANES, got);
		for (size_t i = 0; i < LANES; i++)
			assert_true(hex_is(
				got[i], LEN,
				i % 2 == first
					? "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b40755"
					  "77a28552"
					: "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f764"
					  "7aac7957"));
	}
}

static void all_lanes_are(const char *hex)
{
	for (size_t i = 0; i < LANES; i++)
		assert_true(hex_is(scalars[i], LEN, hex));
}

/* RFC 7748 5.2: k and u are both 9 at first; then k is the last result and u the last k.
 * X25519_MILLION=1 in the environment asks for the third of its results as well (a minute). */
static void multiplies_a_thousand_times_in_turn(void **state)
{
	(void)state;
	needs_vectors();
	size_t times = getenv("X25519_MILLION") ? 1000000 : 1000;
	memset(scalars, 0, sizeof(scalars));
	for (size_t i = 0; i < LANES; i++)
		scalars[i][0] = 9;
	memcpy(points, scalars, sizeof(points));
	for (size_t n = 1; n <= times; n++) {
		x25519_many(scalars, points, LANES, got);
		memcpy(points, scalars, sizeof(points));
		memcpy(scalars, got, sizeof(scalars));
		if (n == 1)
			all_lanes_are("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae"
				      "3079");
		if (n == 1000)
			all_lanes_are("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d9953"
				      "2c51");
		if (n == 1000000)
			all_lanes_are("7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f66"
				      "5424");
	}
}

static void says_what_the_library_says_for_random_pairs(void **state)
{
	(void)state;
	needs_vectors();
	struct test_random rng = test_random_begin();
	for (size_t round = 0; round < 5000; round++) {
		test_random_fill(&rng, scalars, sizeof(scalars));
		test_random_fill(&rng, points, sizeof(points));
		as_the_library_says();
	}
}

/* A third implementation, as the two above could be wrong in the same way. */
static void openssl(const uint8_t scalar[LEN], const uint8_t point[LEN], uint8_t ret[LEN])
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, LEN);
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, LEN);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);
	size_t len = LEN;
	assert_true(c && other && EVP_PKEY_derive_init(c) == 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(c, other), 1);
	assert_int_equal(EVP_PKEY_derive(c, ret, &len), 1);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(other);
	EVP_PKEY_free(own);
}

static void says_what_openssl_says_for_random_pairs(void **state)
{
	(void)state;
	needs_vectors();
	struct test_random rng = test_random_begin();
	uint8_t want[LEN];
	for (size_t round = 0; round < 1250; round++) {
		test_random_fill(&rng, scalars, sizeof(scalars));
		test_random_fill(&rng, points, sizeof(points));
		x25519_many(scalars, points, LANES, got);
		for (size_t i = 0; i < LANES; i++) {
			openssl(scalars[i], points[i], want);
			assert_memory_equal(got[i], want, LEN);
		}
	}
}

/* Little-endian: small numbers, points of small order, those around the prime and around powers of
 * two, the highest bit set, and numbers whose limbs of 51 bits are full or empty. */
static const char *const edges[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0200000000000000000000000000000000000000000000000000000000000000",
	"0900000000000000000000000000000000000000000000000000000000000000",
	"1200000000000000000000000000000000000000000000000000000000000000",
	"1300000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"0900000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0000000000000000000000000000000000000000000000000000000000000040",
	"f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff3f",
	"ffffffffffff07000000000000000000000000000000000000000000000000ff",
	"0000000000000800000000000000000000000000000000000000000000000000",
	"000000000000f8ffffffffffff3f000000000000000000000000000000000000",
	"00000000000000000000000040000000000000000000000000f0ffffffffff7f",
	"ffffffffffffffffffffffffffffffff00000000000000000000000000000000",
	"00000000000000000000000000000000ffffffffffffffffffffffffffffff7f",
};
enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

static void says_what_the_library_says_at_the_edges(void **state)
{
	(void)state;
	needs_vectors();
	struct test_random rng = test_random_begin();
	for (size_t s = 0; s < EDGES; s++)
		for (size_t p = 0; p < EDGES; p += LANES / 2) {
			for (size_t i = 0; i < LANES; i++) {
				key_of(edges[(p + i / 2) % EDGES], points[i]);
				if (i % 2)
					test_random_fill(&rng, scalars[i], LEN);
				else
					key_of(edges[s], scalars[i]);
			}
			as_the_library_says();
		}
}

static void no_lane_knows_of_another(void **state)
{
	(void)state;
	needs_vectors();
	struct test_random rng = test_random_begin();
	uint8_t before[LANES][LEN];
	for (size_t round = 0; round < 200; round++) {
		size_t at = round % LANES;
		test_random_fill(&rng, scalars, sizeof(scalars));
		test_random_fill(&rng, points, sizeof(points));
		x25519_many(scalars, points, LANES, before);
		if (round % 3 == 0)
			key_of(edges[round % EDGES], points[at]);
		else
			(round % 3 == 1 ? points : scalars)[at][7] ^= 0x10;
		as_the_library_says();
		for (size_t i = 0; i < LANES; i++)
			assert_int_equal(memcmp(before[i], got[i], LEN) == 0, i != at);
	}
}

static void fewer_are_what_they_are_among_eight(void **state)
{
	(void)state;
	needs_vectors();
	static const uint8_t untouched[LEN];
	struct test_random rng = test_random_begin();
	uint8_t all[LANES][LEN];
	test_random_fill(&rng, scalars, sizeof(scalars));
	test_random_fill(&rng, points, sizeof(points));
	x25519_many(scalars, points, LANES, all);
	for (size_t n = 0; n <= LANES; n++) {
		memset(got, 0, sizeof(got));
		x25519_many(scalars, points, n, got);
		for (size_t i = 0; i < LANES; i++)
			assert_memory_equal(got[i], i < n ? all[i] : untouched, LEN);
	}
}

/* --- crypto/x25519.h, which chooses: these run everywhere */

enum { TASKS = 21 };

static void task_is_right(const struct crypto_x25519_task *t)
{
	uint8_t want[LEN];
	memset(want, 7, sizeof(want)); /* as it was: refused */
	enum err err = OK;
	if (t->public)
		err = crypto_x25519(t->private, t->public, want);
	else
		crypto_x25519_public(t->private, want);
	assert_int_equal(t->err, err);
	assert_memory_equal(t->ret, want, LEN);
}

static void many_are_as_one_by_one(void **state)
{
	(void)state;
	struct test_random rng = test_random_begin();
	struct crypto_x25519_task tasks[TASKS];
	static uint8_t private[TASKS][LEN], public[TASKS][LEN], ret[TASKS + 1][LEN];
	size_t refused = 0;
	for (size_t n = 0; n <= TASKS; n++) {
		test_random_fill(&rng, private, sizeof(private));
		test_random_fill(&rng, public, sizeof(public));
		memset(ret, 7, sizeof(ret));
		for (size_t i = 0; i < n; i++) {
			tasks[i] = (struct crypto_x25519_task){
				.private = private[i],
				.public = test_random_below(&rng, 3) ? public[i] : NULL,
				.ret = ret[i],
				.err = ERR_LIMIT};
			if (test_random_below(&rng, 4) == 0)
				memset(public[i], 0, LEN);
		}
		crypto_x25519_many(tasks, n);
		for (size_t i = 0; i < n; i++) {
			task_is_right(&tasks[i]);
			refused += tasks[i].err == ERR_REFUSED;
		}
		for (size_t i = 0; i < LEN; i++)
			assert_int_equal(ret[n][i], 7);
	}
	assert_true(refused > 0);
}

/* --- what is left on the stack */

enum { STACK = 256 * 1024 };

static uint8_t stack[STACK], stack_before[STACK];
static ucontext_t here, there, begun;

static void multiply(void)
{
	x25519_many(scalars, points, LANES, got);
}

static void multiply_on_the_stack(void)
{
	memset(stack, 0x55, sizeof(stack));
	/* With the same registers each time: functions save some of their callers'. */
	there = begun;
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, multiply, 0);
	assert_int_equal(swapcontext(&here, &there), 0);
}

/* So it has no octet of keys, of what they agree on, or of what is between. */
static void what_it_leaves_on_the_stack_depends_on_no_key(void **state)
{
	(void)state;
	needs_vectors();
	if (SANITIZED) {
		print_message("skipped: a sanitizer lays gaps between what is on a stack\n");
		skip();
	}
	struct test_random rng = test_random_begin();
	size_t used = 0;
	assert_int_equal(getcontext(&begun), 0);
	for (size_t round = 0; round < 6; round++) {
		test_random_fill(&rng, scalars, sizeof(scalars));
		test_random_fill(&rng, points, sizeof(points));
		multiply_on_the_stack();
		if (round > 0)
			assert_memory_equal(stack, stack_before, sizeof(stack));
		memcpy(stack_before, stack, sizeof(stack));
	}
	for (size_t i = 0; i < sizeof(stack); i++)
		used += stack[i] != 0x55;
	assert_true(used > 1024); /* it was there */
}

/* --- what is left in the vectors */

#if defined(__x86_64__)

enum { REGISTERS = 32, REGISTER_LEN = 64 };

#define STORE(n) "vmovdqu64 %%zmm" #n ", 64*" #n "(%0)\n\t"

__attribute__((noinline, target("avx512f"))) static void registers_after(uint8_t *ret)
{
	x25519_many(scalars, points, LANES, got);
	__asm__ volatile(STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5) STORE(6) STORE(7)
				 STORE(8) STORE(9) STORE(10) STORE(11) STORE(12) STORE(13) STORE(14)
					 STORE(15) STORE(16) STORE(17) STORE(18) STORE(19) STORE(20)
						 STORE(21) STORE(22) STORE(23) STORE(24) STORE(25)
							 STORE(26) STORE(27) STORE(28) STORE(29)
								 STORE(30) STORE(31)::"r"(ret)
			 : "memory");
}

/* A sanitizer's own code, which comes behind ours, leaves there what depends on no key. */
static void it_leaves_nothing_in_the_vectors(void **state)
{
	(void)state;
	needs_vectors();
	static uint8_t left[2][REGISTERS * REGISTER_LEN], zeros[REGISTERS * REGISTER_LEN];
	struct test_random rng = test_random_begin();
	for (size_t i = 0; i < 2; i++) {
		test_random_fill(&rng, scalars, sizeof(scalars));
		test_random_fill(&rng, points, sizeof(points));
		memset(left[i], 7 + (int)i, sizeof(left[i]));
		registers_after(left[i]);
	}
	assert_memory_equal(left[0], left[1], sizeof(left[0]));
	if (!SANITIZED)
		assert_memory_equal(left[0], zeros, sizeof(zeros));
}

#else

static void it_leaves_nothing_in_the_vectors(void **state)
{
	(void)state;
	needs_vectors();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multiplies_as_rfc_7748_does_in_every_lane),
		cmocka_unit_test(multiplies_a_thousand_times_in_turn),
		cmocka_unit_test(says_what_the_library_says_for_random_pairs),
		cmocka_unit_test(says_what_openssl_says_for_random_pairs),
		cmocka_unit_test(says_what_the_library_says_at_the_edges),
		cmocka_unit_test(no_lane_knows_of_another),
		cmocka_unit_test(fewer_are_what_they_are_among_eight),
		cmocka_unit_test(many_are_as_one_by_one),
		cmocka_unit_test(what_it_leaves_on_the_stack_depends_on_no_key),
		cmocka_unit_test(it_leaves_nothing_in_the_vectors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
