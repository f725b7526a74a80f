#include "crypto/hmac.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct vector {
	uint8_t key_byte; /* 0: key_text, or 1, 2, ... when that is NULL */
	size_t key_len;
	const char *key_text;
	uint8_t data_byte; /* 0: data_text */
	size_t data_len;
	const char *data_text, *hex;
};

/* RFC 2202 2. */
static const struct vector vectors[] = {
	{0x0b, 16, NULL, 0, 0, "Hi There", "9294727a3638bb1c13f48ef8158bfc9d"},
	{0, 0, "Jefe", 0, 0, "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"},
	{0xaa, 16, NULL, 0xdd, 50, NULL, "56be34521d144c88dbb8c733f0e8b3f6"},
	{0, 25, NULL, 0xcd, 50, NULL, "697eaf0aca3a3aea3a75164746ffaa79"},
	{0x0c, 16, NULL, 0, 0, "Test With Truncation", "56461ef2342edc00f9bab995690efd4c"},
	{0xaa, 80, NULL, 0, 0, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
	{0xaa, 80, NULL, 0, 0,
	 "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
	 "6f630fad67cda0ee1fb1f562db3aa53e"},
};

static struct span filled(uint8_t buf[256], uint8_t byte, size_t len, const char *text)
{
	if (text)
		return span_text(text);
	for (size_t i = 0; i < len; i++)
		buf[i] = byte ? byte : (uint8_t)(i + 1);
	return span_of(buf, len);
}

static void gives_the_codes_of_rfc_2202(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		uint8_t key[256], data[256], got[CRYPTO_HMAC_MD5_LEN];
		crypto_hmac_md5(filled(key, v->key_byte, v->key_len, v->key_text),
				filled(data, v->data_byte, v->data_len, v->data_text), got);
		assert_true(hex_is(got, sizeof(got), v->hex));
	}
}

static void takes_an_empty_key_and_an_empty_message(void **state)
{
	(void)state;
	uint8_t got[CRYPTO_HMAC_MD5_LEN];
	crypto_hmac_md5((struct span){0}, (struct span){0}, got);
	/* Python's hmac.new(b'', b'', 'md5') */
	assert_true(hex_is(got, sizeof(got), "74e6f7298a9c2d168935f58c001bad88"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_codes_of_rfc_2202),
		cmocka_unit_test(takes_an_empty_key_and_an_empty_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
