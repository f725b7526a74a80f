#include "crypto/chachapoly.h"

#include "crypto/chachapoly_inner.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TEXT_MAX = 9300, TAG = CRYPTO_AEAD_TAG_LEN };

static uint8_t text[TEXT_MAX], key[CRYPTO_AEAD_KEY_LEN];

/* crypto/aead.h has the library then. */
static void needs_vectors(void)
{
	if (chachapoly_runs_here())
		return;
	print_message("skipped: this processor has no AVX-512\n");
	skip();
}

/* Every length of a packet, and some longer. */
static size_t next_len(size_t len)
{
	return len < 2100 ? len + 1 : len + 97;
}

static void says_what_the_library_says_for_every_length(void **state)
{
	(void)state;
	needs_vectors();
	static uint8_t want[TEXT_MAX + TAG], opened[TEXT_MAX];
	struct guard g = guard_of(TEXT_MAX + TAG);
	for (size_t len = 0; len <= TEXT_MAX; len = next_len(len)) {
		/* Not in place, and in place; the last octet ends at the guard page. */
		uint64_t counter = len * 0x0101010101010101;
		uint8_t *at = g.end - len - TAG;
		crypto_aead_seal_once(key, counter, (struct span){0}, span_of(text, len), want);
		chachapoly_seal(key, counter, span_of(text, len), at);
		assert_memory_equal(at, want, len + TAG);
		assert_true(chachapoly_open(key, counter, span_of(at, len + TAG), opened));
		assert_int_equal(memcmp(opened, text, len), 0);
		assert_true(chachapoly_open(key, counter, span_of(at, len + TAG), at));
		assert_int_equal(memcmp(at, text, len), 0);
		chachapoly_seal(key, counter, span_of(at, len), at);
		assert_memory_equal(at, want, len + TAG);
	}
	guard_done(&g);
}

static struct crypto_aead_text four[CHACHAPOLY_PACKETS];
static uint8_t rooms[CHACHAPOLY_PACKETS][CHACHAPOLY_LEN_MAX + TAG];

static void four_of(size_t len, uint64_t counter)
{
	for (size_t i = 0; i < CHACHAPOLY_PACKETS; i++)
		four[i] = (struct crypto_aead_text){.counter = counter * (i + 1),
						    .in = span_of(text + 7 * i, len),
						    .ret = rooms[i]};
}

static void four_are_as_one_by_one_for_every_length(void **state)
{
	(void)state;
	needs_vectors();
	static uint8_t want[CHACHAPOLY_LEN_MAX + TAG];
	for (size_t len = CHACHAPOLY_LEN_MIN; len <= CHACHAPOLY_LEN_MAX; len++) {
		size_t bent = len % 5; /* 4: none */
		four_of(len, len * 0x0101010101010101);
		chachapoly_seal_four(key, four);
		for (size_t i = 0; i < CHACHAPOLY_PACKETS; i++) {
			crypto_aead_seal_once(key, four[i].counter, (struct span){0}, four[i].in,
					      want);
			assert_memory_equal(rooms[i], want, len + TAG);
			four[i].in = span_of(rooms[i], len + TAG);
		}
		/* In place; one of them bent anywhere, and left as it is. */
		if (bent < 4)
			rooms[bent][len * 31 % (len + TAG)] ^= 0x20;
		chachapoly_open_four(key, four);
		for (size_t i = 0; i < CHACHAPOLY_PACKETS; i++) {
			assert_int_equal(four[i].right, i != bent);
			if (i != bent)
				assert_memory_equal(rooms[i], text + 7 * i, len);
		}
	}
}

static void many_are_as_one_by_one(void **state)
{
	(void)state;
	struct test_random rng = test_random_begin();
	enum { MANY = 13, LONGEST = 2200 };
	static uint8_t sealed[MANY][LONGEST + TAG], want[LONGEST + TAG];
	struct crypto_aead_text texts[MANY];
	for (size_t round = 0; round < 400; round++) {
		struct crypto_aead sealer = {0}, opener = {0};
		size_t len = test_random_below(&rng, LONGEST + 1);
		assert_int_equal(crypto_aead_init(&sealer, CRYPTO_AEAD_SEAL, key), OK);
		assert_int_equal(crypto_aead_init(&opener, CRYPTO_AEAD_OPEN, key), OK);
		for (size_t i = 0; i < MANY; i++) {
			if (test_random_below(&rng, 6) == 0)
				len = test_random_below(&rng, LONGEST + 1);
			texts[i] = (struct crypto_aead_text){.counter = round * MANY + i,
							     .in = span_of(text + i, len),
							     .ret = sealed[i]};
		}
		crypto_aead_seal_many(&sealer, texts, MANY);
		for (size_t i = 0; i < MANY; i++) {
			len = texts[i].in.len;
			crypto_aead_seal_once(key, texts[i].counter, (struct span){0}, texts[i].in,
					      want);
			assert_memory_equal(sealed[i], want, len + TAG);
			texts[i].in = span_of(sealed[i], len + TAG);
		}
		crypto_aead_open_many(&opener, texts, MANY);
		for (size_t i = 0; i < MANY; i++) {
			assert_true(texts[i].right);
			assert_int_equal(memcmp(sealed[i], text + i, texts[i].in.len - TAG), 0);
		}
		crypto_aead_done(&sealer);
		crypto_aead_done(&opener);
	}
}

/* As RFC 8439 2.8 builds it, by the library. */
static void tag_slowly(const uint8_t one_time[32], size_t len, uint8_t ret[16])
{
	static uint8_t built[TEXT_MAX + 32];
	size_t padded = (len + 15) / 16 * 16;
	uint64_t length = len;
	memset(built, 0, sizeof(built));
	memcpy(built, text, len);
	memcpy(built + padded + 8, &length, sizeof(length));
	assert_int_equal(crypto_onetimeauth_poly1305(ret, built, padded + 16, one_time), 0);
}

static void tag_of_four_is(const uint8_t one_time[32], size_t len, const uint8_t want[16])
{
	struct chachapoly_four of;
	for (size_t i = 0; i < 4; i++) {
		of.one_time[i] = one_time;
		of.text[i] = text;
	}
	chachapoly_tag_four(&of, len);
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(of.tag[i], want, 16);
}

/* Numbers at the edges of limbs and of the prime: where carries get lost, if they do. */
static void tags_at_the_edges_are_right(void **state)
{
	(void)state;
	needs_vectors();
	static const uint8_t fills[] = {0x00, 0xff, 0xfb, 0x80, 0x01};
	static const uint8_t factors[] = {0x00, 0x01, 0x02, 0x04, 0xff};
	uint8_t one_time[32], got[16], want[16];
	for (size_t f = 0; f < sizeof(fills); f++)
		for (size_t r = 0; r < sizeof(factors); r++)
			for (size_t len = 0; len < 700; len += len < 300 ? 1 : 13) {
				memset(text, fills[f], len);
				memset(one_time, factors[r] == 0xff ? 0xff : 0, 16);
				one_time[0] = factors[r];
				memset(one_time + 16, fills[(f + r) % sizeof(fills)], 16);
				tag_slowly(one_time, len, want);
				chachapoly_tag(one_time, span_of(text, len), got);
				assert_memory_equal(got, want, sizeof(got));
				if (len >= 32)
					tag_of_four_is(one_time, len, want);
			}
}

static void tags_of_random_keys_are_right(void **state)
{
	(void)state;
	needs_vectors();
	struct test_random rng = test_random_begin();
	uint8_t one_time[32], got[16], want[16];
	test_random_fill(&rng, text, sizeof(text));
	for (size_t round = 0; round < 3000; round++) {
		size_t len = test_random_below(&rng, round % 20 ? 600 : TEXT_MAX);
		test_random_fill(&rng, one_time, sizeof(one_time));
		tag_slowly(one_time, len, want);
		chachapoly_tag(one_time, span_of(text, len), got);
		assert_memory_equal(got, want, sizeof(got));
	}
}

static void refuses_what_is_short_bent_or_of_another_counter(void **state)
{
	(void)state;
	needs_vectors();
	static const size_t lens[] = {0, 1, 64, 300, 1424};
	static uint8_t sealed[1500], opened[1500], before[1500];
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t all = lens[i] + TAG;
		chachapoly_seal(key, 3, span_of(text, lens[i]), sealed);
		for (size_t len = 0; len < all; len++)
			assert_false(chachapoly_open(key, 3, span_of(sealed, len), opened));
		for (size_t bit = 0; bit < 8 * all; bit += 5) {
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			memcpy(before, sealed, all);
			assert_false(chachapoly_open(key, 3, span_of(sealed, all), sealed));
			assert_memory_equal(sealed, before, all); /* nothing of it is opened */
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_false(chachapoly_open(key, 4, span_of(sealed, all), opened));
		assert_true(chachapoly_open(key, 3, span_of(sealed, all), opened));
	}
}

int main(void)
{
	struct test_random rng = test_random_begin();
	test_random_fill(&rng, text, sizeof(text));
	test_random_fill(&rng, key, sizeof(key));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_short_bent_or_of_another_counter),
		cmocka_unit_test(says_what_the_library_says_for_every_length),
		cmocka_unit_test(four_are_as_one_by_one_for_every_length),
		cmocka_unit_test(many_are_as_one_by_one),
		cmocka_unit_test(tags_of_random_keys_are_right),
		cmocka_unit_test(tags_at_the_edges_are_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
