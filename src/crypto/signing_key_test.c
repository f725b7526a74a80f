#include "crypto/signing_key.h"

#include "crypto/certificate.h"
#include "crypto/secret.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_what_is_no_key_on_p256(void **state)
{
	(void)state;
	/* A key on P-384. */
	static const char other[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCbQx8ix5wraPlKX66G\n"
		"Ag2XP932r8R4G4dQXuTbFvkozx5YdTf3PL4qn/GcDPY+EQehZANiAASN+3kDY3/v\n"
		"8p/gMluLMu5C59YtPbwKCLDjvLtzkBQ/WneHFg8LZXQEWSSI7ZGILGPRDY9xEtnH\n"
		"PFjmAmq7W+XWevPQU7/o8Ee4E1Bfd39qoIgJ9C2U+Ze6DCm0sh8cr7k=\n"
		"-----END PRIVATE KEY-----\n";
	struct signing_key *k = NULL;
	assert_int_equal(signing_key_read(span_text(""), &k), ERR_FORMAT);
	assert_int_equal(signing_key_read(span_text(other), &k), ERR_FORMAT);
	assert_null(k);
}

static void what_one_key_signs_no_other_has_signed(void **state)
{
	(void)state;
	char pem[2][SIGNING_KEY_PEM_MAX];
	struct signing_key *k[2];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(signing_key_new(pem[i]), OK);
		assert_int_equal(signing_key_read(span_text(pem[i]), &k[i]), OK);
	}
	/* Often, because short numbers are rare. */
	for (uint8_t i = 0; i < 64; i++) {
		uint8_t text[2] = {i, 7}, s[SIGNATURE_LEN];
		assert_int_equal(signing_key_sign(k[0], span_of(text, 2), s), OK);
		assert_true(signing_key_signed(k[0], span_of(text, 2), s));
		assert_false(signing_key_signed(k[1], span_of(text, 2), s));
		assert_false(signing_key_signed(k[0], span_of(text, 1), s));
		s[i] ^= 1;
		assert_false(signing_key_signed(k[0], span_of(text, 2), s));
	}
	uint8_t x[32], y[32], x2[32], y2[32];
	assert_int_equal(signing_key_point(k[0], x, y), OK);
	assert_int_equal(signing_key_point(k[1], x2, y2), OK);
	assert_memory_not_equal(x, x2, 32);
	assert_memory_not_equal(x, y, 32);
	for (int i = 0; i < 2; i++) {
		signing_key_free(k[i]);
		crypto_wipe(pem[i], sizeof(pem[i]));
	}
	signing_key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_key_on_p256),
		cmocka_unit_test(what_one_key_signs_no_other_has_signed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
