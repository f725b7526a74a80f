#include "crypto/hmac.h"

#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct vector {
	uint8_t key_byte; /* 0: key_text, or 1, 2, … when that is NULL */
	size_t key_len;
	const char *key_text;
	uint8_t data_byte; /* 0: data_text */
	size_t data_len;
	const char *data_text, *hex;
};

/* RFC 4231 4.2 to 4.8; of case 5 it prints the first 16 bytes. */
static const struct vector vectors[] = {
	{0x0b, 20, NULL, 0, 0, "Hi There",
	 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{0, 0, "Jefe", 0, 0, "what do ya want for nothing?",
	 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{0xaa, 20, NULL, 0xdd, 50, NULL,
	 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{0, 25, NULL, 0xcd, 50, NULL,
	 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{0x0c, 20, NULL, 0, 0, "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"},
	{0xaa, 131, NULL, 0, 0, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{0xaa, 131, NULL, 0, 0,
	 "This is a test using a larger than block-size key and a larger than block-size data. "
	 "The key needs to be hashed before being used by the HMAC algorithm.",
	 "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

static struct span filled(uint8_t buf[256], uint8_t byte, size_t len, const char *text)
{
	if (text)
		return span_text(text);
	for (size_t i = 0; i < len; i++)
		buf[i] = byte ? byte : (uint8_t)(i + 1);
	return span_of(buf, len);
}

static void gives_the_codes_of_rfc_4231(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		uint8_t key[256], data[256], got[CRYPTO_HMAC_SHA256_LEN];
		crypto_hmac_sha256(filled(key, v->key_byte, v->key_len, v->key_text),
				   filled(data, v->data_byte, v->data_len, v->data_text), got);
		assert_true(hex_is(got, strlen(v->hex) / 2, v->hex));
	}
}

/* RFC 2202 3, cases 2 and 6 (SHA-1); RFC 4231 4.3 and 4.7 (the others). */
static const struct {
	enum crypto_hash_kind kind;
	size_t key_len; /* of the byte 0xaa; 0: the key is "Jefe" */
	const char *data, *hex;
} kinds[] = {
	{CRYPTO_SHA1, 0, "what do ya want for nothing?",
	 "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{CRYPTO_SHA1, 80, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
	{CRYPTO_SHA224, 0, "what do ya want for nothing?",
	 "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"},
	{CRYPTO_SHA224, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e"},
	{CRYPTO_SHA256, 0, "what do ya want for nothing?",
	 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{CRYPTO_SHA256, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{CRYPTO_SHA384, 0, "what do ya want for nothing?",
	 "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
	 "8e2240ca5e69e2c78b3239ecfab21649"},
	{CRYPTO_SHA384, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
	 "0c2ef6ab4030fe8296248df163f44952"},
	{CRYPTO_SHA512, 0, "what do ya want for nothing?",
	 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
	 "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	{CRYPTO_SHA512, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
	 "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
};

static void gives_the_codes_of_every_kind_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint8_t key[256], got[CRYPTO_HASH_LEN_MAX];
		struct span data = span_text(kinds[i].data);
		struct crypto_hmac h, copy;
		crypto_hmac_init(&h, kinds[i].kind,
				 kinds[i].key_len ? filled(key, 0xaa, kinds[i].key_len, NULL)
						  : span_text("Jefe"));
		crypto_hmac_add(&h, span_sub(data, 0, 5));
		copy = h;
		crypto_hmac_add(&copy, span_text("another end"));
		crypto_hmac_end(&copy, got);
		crypto_hmac_add(&h, (struct span){0});
		crypto_hmac_add(&h, span_sub(data, 5, data.len));
		crypto_hmac_end(&h, got);
		assert_true(hex_is(got, crypto_hash_len(kinds[i].kind), kinds[i].hex));
	}
}

static void takes_an_empty_key_and_an_empty_message(void **state)
{
	(void)state;
	uint8_t got[CRYPTO_HMAC_SHA256_LEN];
	crypto_hmac_sha256((struct span){0}, (struct span){0}, got);
	/* Python's hmac.new(b'', b'', 'sha256') */
	assert_true(hex_is(got, sizeof(got),
			   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

static void derives_another_key_for_each_label_and_seed(void **state)
{
	(void)state;
	uint8_t a[CRYPTO_KEY_LEN], b[CRYPTO_KEY_LEN], c[CRYPTO_KEY_LEN], again[CRYPTO_KEY_LEN];
	crypto_derive(span_text("seed"), "dns cookie", a);
	crypto_derive(span_text("seed"), "cache hash", b);
	crypto_derive(span_text("seee"), "dns cookie", c);
	crypto_derive(span_text("seed"), "dns cookie", again);
	assert_memory_equal(a, again, sizeof(a));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
	crypto_hmac_sha256(span_text("seed"), span_text("dns cookie"), again);
	assert_memory_equal(a, again, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_codes_of_rfc_4231),
		cmocka_unit_test(gives_the_codes_of_every_kind_in_pieces),
		cmocka_unit_test(takes_an_empty_key_and_an_empty_message),
		cmocka_unit_test(derives_another_key_for_each_label_and_seed),
	};
	return cmocka_run_group_tests_name("crypto_hmac", tests, NULL, NULL);
}
