#include "crypto/hash.h"

#include "test/guard.h"
#include "test/hex.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct vector {
	const char *text;   /* NULL: a million times "a" */
	const char *hex[4]; /* SHA-1, SHA-256, SHA-384, SHA-512; NULL: not published there */
};

#define TWO_BLOCKS_256 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
#define TWO_BLOCKS_512                                                                             \
	"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"                                 \
	"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"

/* FIPS 180-2 appendices A to D (the examples that FIPS 180-4 refers to), and the empty message of
 * the NIST validation suite. */
static const struct vector vectors[] = {
	{"",
	 {"da39a3ee5e6b4b0d3255bfef95601890afd80709",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
	  "274edebfe76f65fbd51ad2f14898b95b",
	  "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"}},
	{"abc",
	 {"a9993e364706816aba3e25717850c26c9cd0d89d",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
	  "8086072ba1e7cc2358baeca134c825a7",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"}},
	{TWO_BLOCKS_256,
	 {"84983e441c3bd26ebaae4aa1f95129e5e54670f1",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", NULL, NULL}},
	{TWO_BLOCKS_512,
	 {NULL, NULL,
	  "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712"
	  "fcc7c71a557e2db966c3e9fa91746039",
	  "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
	  "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"}},
	{NULL,
	 {"34aa973cd4c4daa4f61eeb2bdbad27316534016f",
	  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	  "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
	  "07b8b3dc38ecc4ebae97ddd87f3d8985",
	  "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
	  "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"}},
};

static void one_shot(enum crypto_hash_kind kind, struct span data, uint8_t *ret)
{
	switch (kind) {
	case CRYPTO_SHA1: crypto_sha1(data, ret); break;
	case CRYPTO_SHA256: crypto_sha256(data, ret); break;
	case CRYPTO_SHA384: crypto_sha384(data, ret); break;
	case CRYPTO_SHA512: crypto_sha512(data, ret); break;
	case CRYPTO_SHA224: fail(); break; /* has no one-shot form */
	}
}

static void gives_the_published_hashes(void **state)
{
	(void)state;
	static char million[1000000];
	memset(million, 'a', sizeof(million));
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		for (unsigned kind = 0; kind < 4; kind++) {
			const char *text = vectors[i].text;
			uint8_t got[CRYPTO_HASH_LEN_MAX];
			if (!vectors[i].hex[kind])
				continue;
			one_shot(kind, text ? span_text(text) : span_of(million, sizeof(million)),
				 got);
			assert_true(hex_is(got, crypto_hash_len(kind), vectors[i].hex[kind]));
		}
}

/* FIPS 180-4's examples of SHA-224. */
static void gives_the_published_sha_224(void **state)
{
	(void)state;
	uint8_t got[CRYPTO_HASH_LEN_MAX];
	struct crypto_hash h;
	crypto_hash_init(&h, CRYPTO_SHA224);
	crypto_hash_add(&h, span_text("abc"));
	crypto_hash_end(&h, got);
	assert_int_equal(crypto_hash_len(CRYPTO_SHA224), CRYPTO_SHA224_LEN);
	assert_true(hex_is(got, CRYPTO_SHA224_LEN,
			   "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"));
}

static void hashes_nothing_as_the_empty_message(void **state)
{
	(void)state;
	uint8_t got[CRYPTO_SHA384_LEN];
	crypto_sha384((struct span){0}, got);
	assert_true(hex_is(got, sizeof(got), vectors[0].hex[CRYPTO_SHA384]));
}

static void writes_no_more_than_its_length(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		size_t len = crypto_hash_len(kind);
		struct guard g = guard_of(len);
		one_shot(kind, span_text("abc"), g.end - len);
		assert_true(hex_is(g.end - len, len, vectors[1].hex[kind]));
		guard_done(&g);
	}
}

static void gives_the_same_in_pieces_as_in_one(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	static uint8_t data[1000];
	test_random_fill(&random, data, sizeof(data));
	for (int round = 0; round < 400; round++) {
		enum crypto_hash_kind kind = (unsigned)round % 4;
		size_t len = test_random_below(&random, sizeof(data));
		struct crypto_hash h;
		crypto_hash_init(&h, kind);
		for (size_t at = 0; at < len;) {
			size_t n = test_random_below(&random, round % 3 ? 40 : 300);
			if (n > len - at)
				n = len - at;
			crypto_hash_add(&h, span_of(data + at, n));
			at += n;
		}
		struct crypto_hash copy = h; /* may be copied midway */
		uint8_t whole[CRYPTO_HASH_LEN_MAX], pieces[CRYPTO_HASH_LEN_MAX];
		one_shot(kind, span_of(data, len), whole);
		crypto_hash_end(&h, pieces);
		assert_memory_equal(whole, pieces, crypto_hash_len(kind));
		crypto_hash_add(&copy, span_text("more"));
		crypto_hash_end(&copy, pieces);
		assert_memory_not_equal(whole, pieces, crypto_hash_len(kind));
	}
}

static void forgets_its_state_at_the_end(void **state)
{
	(void)state;
	static const uint64_t zeros[sizeof(((struct crypto_hash *)0)->state) / sizeof(uint64_t)];
	struct crypto_hash h;
	uint8_t got[CRYPTO_HASH_LEN_MAX];
	crypto_hash_init(&h, CRYPTO_SHA512);
	crypto_hash_add(&h, span_text("something private"));
	crypto_hash_end(&h, got);
	assert_memory_equal(h.state, zeros, sizeof(zeros));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_hashes),
		cmocka_unit_test(gives_the_published_sha_224),
		cmocka_unit_test(hashes_nothing_as_the_empty_message),
		cmocka_unit_test(writes_no_more_than_its_length),
		cmocka_unit_test(gives_the_same_in_pieces_as_in_one),
		cmocka_unit_test(forgets_its_state_at_the_end),
	};
	return cmocka_run_group_tests_name("crypto_hash", tests, NULL, NULL);
}
