#include "proto/wireguard/key.h"

#include "test/guard.h"
#include "test/hex.h"
#include "test/random.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* `printf 000102...1f | xxd -r -p | base64` */
static const char counted[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char counted_hex[] =
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static void refuses_wrong_lengths_digits_and_ends(void **state)
{
	(void)state;
	uint8_t key[WG_KEY_LEN] = {7}, before[WG_KEY_LEN] = {7};
	char text[WG_KEY_HEX_LEN + 2] = {0};
	for (size_t len = 0; len < WG_KEY_BASE64_LEN; len++)
		assert_int_equal(wg_key_read_base64(span_of(counted, len), key), ERR_FORMAT);
	assert_int_equal(wg_key_read_base64(span_of(counted, sizeof(counted)), key), ERR_FORMAT);
	for (size_t len = 0; len < WG_KEY_HEX_LEN; len++)
		assert_int_equal(wg_key_read_hex(span_of(counted_hex, len), key), ERR_FORMAT);
	/* h is 33: of its six bits the last belong to no byte. 8 is 60: none of them is set. */
	memcpy(text, counted, sizeof(counted));
	text[42] = '9';
	assert_int_equal(wg_key_read_base64(span_of(text, WG_KEY_BASE64_LEN), key), ERR_FORMAT);
	text[42] = '8';
	text[43] = 'A';
	assert_int_equal(wg_key_read_base64(span_of(text, WG_KEY_BASE64_LEN), key), ERR_FORMAT);
	assert_memory_equal(key, before, sizeof(key));
}

/* A text of one character with another at each place: taken when the character is a digit. */
static void takes_the_digits_of_base64_and_no_other(void **state)
{
	(void)state;
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[WG_KEY_BASE64_LEN + 1];
	uint8_t key[WG_KEY_LEN];
	for (unsigned c = 0; c < 256; c++) {
		memcpy(text, counted, sizeof(text));
		text[3] = (char)c;
		enum err e = wg_key_read_base64(span_of(text, WG_KEY_BASE64_LEN), key);
		const char *found = c ? strchr(digits, (int)c) : NULL;
		assert_int_equal(e, found ? OK : ERR_FORMAT);
		if (found)
			assert_int_equal(key[2] & 63, found - digits);
	}
}

static void takes_the_digits_of_hex_in_either_case(void **state)
{
	(void)state;
	char text[WG_KEY_HEX_LEN + 1];
	uint8_t key[WG_KEY_LEN];
	for (unsigned c = 0; c < 256; c++) {
		char digit[2] = {(char)c, '\0'};
		bool good = c && strspn(digit, "0123456789abcdefABCDEF") == 1;
		memcpy(text, counted_hex, sizeof(text));
		text[1] = (char)c;
		assert_int_equal(wg_key_read_hex(span_of(text, WG_KEY_HEX_LEN), key),
				 good ? OK : ERR_FORMAT);
		if (good)
			assert_int_equal(key[0], strtoul(digit, NULL, 16));
	}
}

static void writes_what_openssl_writes_and_reads_it_back(void **state)
{
	(void)state;
	struct test_random rng = test_random_begin();
	for (size_t i = 0; i < 2000; i++) {
		uint8_t key[WG_KEY_LEN], back[WG_KEY_LEN];
		char got[WG_KEY_BASE64_LEN + 1], hex[WG_KEY_HEX_LEN + 1];
		unsigned char expected[WG_KEY_BASE64_LEN + 1];
		test_random_fill(&rng, key, sizeof(key));
		wg_key_write_base64(key, got);
		assert_int_equal(EVP_EncodeBlock(expected, key, sizeof(key)), WG_KEY_BASE64_LEN);
		assert_memory_equal(got, expected, sizeof(expected));
		assert_int_equal(wg_key_read_base64(span_text(got), back), OK);
		assert_memory_equal(back, key, sizeof(key));
		wg_key_write_hex(key, hex);
		assert_true(hex_is(key, sizeof(key), hex));
		assert_int_equal(wg_key_read_hex(span_text(hex), back), OK);
		assert_memory_equal(back, key, sizeof(key));
	}
}

static void knows_a_key_of_zeros(void **state)
{
	(void)state;
	uint8_t key[WG_KEY_LEN] = {0};
	assert_true(wg_key_is_zero(key));
	key[31] = 1;
	assert_false(wg_key_is_zero(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_lengths_digits_and_ends),
		cmocka_unit_test(takes_the_digits_of_base64_and_no_other),
		cmocka_unit_test(takes_the_digits_of_hex_in_either_case),
		cmocka_unit_test(writes_what_openssl_writes_and_reads_it_back),
		cmocka_unit_test(knows_a_key_of_zeros),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
