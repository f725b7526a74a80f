#include "crypto/blake2s.h"

#include "test/hex.h"
#include "test/random.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct span none;

/* RFC 7693 Appendix B */
static void gives_the_hash_of_abc(void **state)
{
	(void)state;
	uint8_t got[CRYPTO_BLAKE2S_LEN];
	crypto_blake2s(span_text("a"), span_text("bc"), got);
	assert_true(hex_is(got, sizeof(got),
			   "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"));
}

/* RFC 7693 Appendix E: bytes of a Fibonacci sequence. */
static void sequence(uint8_t *out, size_t len, uint32_t seed)
{
	uint32_t a = 0xdead4bad * seed, b = 1;
	for (size_t i = 0; i < len; i++) {
		uint32_t t = a + b;
		a = b;
		b = t;
		out[i] = (uint8_t)(t >> 24);
	}
}

/* RFC 7693 Appendix E: the hash of hashes of all lengths, with and without a key. */
static void passes_the_self_test_of_rfc_7693(void **state)
{
	(void)state;
	static const size_t lens[] = {16, 20, 28, 32}, texts[] = {0, 3, 64, 65, 255, 1024};
	uint8_t text[1024], key[32], md[32];
	struct crypto_blake2s all, one;
	crypto_blake2s_init(&all, 32, none);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 6; j++) {
			sequence(text, texts[j], (uint32_t)texts[j]);
			crypto_blake2s_init(&one, lens[i], none);
			crypto_blake2s_add(&one, span_of(text, texts[j]));
			crypto_blake2s_end(&one, md);
			crypto_blake2s_add(&all, span_of(md, lens[i]));
			sequence(key, lens[i], (uint32_t)lens[i]);
			crypto_blake2s_init(&one, lens[i], span_of(key, lens[i]));
			crypto_blake2s_add(&one, span_of(text, texts[j]));
			crypto_blake2s_end(&one, md);
			crypto_blake2s_add(&all, span_of(md, lens[i]));
		}
	crypto_blake2s_end(&all, md);
	assert_true(hex_is(md, sizeof(md),
			   "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe"));
}

static void equals_openssl_for_every_length_in_pieces(void **state)
{
	(void)state;
	struct test_random rng = test_random_begin();
	uint8_t text[400], got[CRYPTO_BLAKE2S_LEN], expected[CRYPTO_BLAKE2S_LEN];
	test_random_fill(&rng, text, sizeof(text));
	for (size_t len = 0; len <= sizeof(text); len++) {
		unsigned n = 0;
		struct crypto_blake2s h;
		assert_int_equal(EVP_Digest(text, len, expected, &n, EVP_blake2s256(), NULL), 1);
		crypto_blake2s_init(&h, CRYPTO_BLAKE2S_LEN, none);
		for (size_t at = 0; at < len;) {
			struct span part =
				span_sub(span_of(text, len), at, test_random_below(&rng, 140));
			crypto_blake2s_add(&h, part);
			at += part.len;
		}
		crypto_blake2s_end(&h, got);
		assert_memory_equal(got, expected, sizeof(got));
	}
}

/* Python's hmac.new(key, data, hashlib.blake2s) */
static void gives_the_codes_that_python_gives(void **state)
{
	(void)state;
	uint8_t key[65], data[100], got[CRYPTO_BLAKE2S_LEN];
	memset(key, 0xaa, sizeof(key));
	memset(data, 'x', sizeof(data));
	crypto_blake2s_hmac(span_text("Jefe"), span_text("what do ya want for nothing?"), got);
	assert_true(hex_is(got, sizeof(got),
			   "90b6281e2f3038c9056af0b4a7e763cae6fe5d9eb4386a0ec95237890c104ff0"));
	crypto_blake2s_hmac(span_of(key, 65), span_of(data, sizeof(data)), got);
	assert_true(hex_is(got, sizeof(got),
			   "040bb7e299b8757d48399b45ae4d41ad88e3761d72654f5721c0239e25981481"));
	crypto_blake2s_hmac(span_of(key, 64), none, got);
	assert_true(hex_is(got, sizeof(got),
			   "5849541c77f4ad5239aa440ff5172911bfce9bb5be4c1f3588e8c15a85d17708"));
}

/* RFC 5869 2.3 with BLAKE2s: each key is the code of the one before and its number. */
static void derives_one_key_after_another_in_place(void **state)
{
	(void)state;
	uint8_t keys[CRYPTO_KDF_MAX][CRYPTO_BLAKE2S_LEN], secret[CRYPTO_BLAKE2S_LEN];
	uint8_t text[CRYPTO_BLAKE2S_LEN + 1], expected[CRYPTO_BLAKE2S_LEN];
	memset(keys, 0x33, sizeof(keys));
	crypto_blake2s_hmac(span_of(keys[0], CRYPTO_BLAKE2S_LEN), span_text("input"), secret);
	crypto_blake2s_kdf(keys[0], span_text("input"), CRYPTO_KDF_MAX, keys);
	for (size_t i = 0; i < CRYPTO_KDF_MAX; i++) {
		size_t before = i ? CRYPTO_BLAKE2S_LEN : 0;
		if (i)
			memcpy(text, keys[i - 1], before);
		text[before] = (uint8_t)(i + 1);
		crypto_blake2s_hmac(span_of(secret, sizeof(secret)), span_of(text, before + 1),
				    expected);
		assert_memory_equal(keys[i], expected, sizeof(expected));
	}
}

static void wipes_what_a_key_opened(void **state)
{
	(void)state;
	struct crypto_blake2s h;
	uint8_t code[CRYPTO_BLAKE2S_MAC_LEN];
	static const uint8_t zeros[sizeof(h)];
	crypto_blake2s_init(&h, sizeof(code), span_text("a key"));
	crypto_blake2s_add(&h, span_text("text"));
	crypto_blake2s_end(&h, code);
	assert_memory_equal(&h, zeros, sizeof(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_hash_of_abc),
		cmocka_unit_test(passes_the_self_test_of_rfc_7693),
		cmocka_unit_test(equals_openssl_for_every_length_in_pieces),
		cmocka_unit_test(gives_the_codes_that_python_gives),
		cmocka_unit_test(derives_one_key_after_another_in_place),
		cmocka_unit_test(wipes_what_a_key_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
