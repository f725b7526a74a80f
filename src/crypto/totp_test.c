#include "crypto/totp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

#define RFC_SECRET ((const uint8_t *)"12345678901234567890")

/* RFC 6238 appendix B prints eight digits for SHA-1; six digits are the last six of them (RFC 4226
 * 5.3: the same number modulo 10^6). */
static const struct {
	uint64_t unix_s;
	const char *code;
} vectors[] = {
	{59, "287082"},		{1111111109, "081804"}, {1111111111, "050471"},
	{1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
};

static void gives_the_codes_of_rfc_6238(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char code[TOTP_DIGITS + 1];
		assert_int_equal(totp_code(RFC_SECRET, totp_step(vectors[i].unix_s), code), OK);
		assert_string_equal(code, vectors[i].code);
		uint64_t step;
		assert_int_equal(totp_find(RFC_SECRET, span_text(vectors[i].code),
					   vectors[i].unix_s, 1, &step),
				 OK);
		assert_int_equal(step, vectors[i].unix_s / 30);
	}
}

static void refuses_what_is_no_code_of_six_digits(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	      "28708",	 "2870822", "28708a",
					  "94287082", "287082x", "+287082", "２８７０８２"};
	uint64_t step = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(totp_find(RFC_SECRET, span_text(bad[i]), 59, 1, &step),
				 ERR_REFUSED);
	assert_int_equal(totp_find(RFC_SECRET, span_of("287\000082", 7), 59, 1, &step),
			 ERR_REFUSED);
	assert_int_equal(step, 7);
	assert_int_equal(totp_find(RFC_SECRET, span_text(" 287 082 "), 59, 1, &step), OK);
	assert_int_equal(totp_find(RFC_SECRET, span_text("287-082"), 59, 1, &step), OK);
}

static void allows_a_clock_that_is_off_by_one_step_and_no_more(void **state)
{
	(void)state;
	uint64_t made_s = 1111111109, step;
	struct span code = span_text("081804");
	uint64_t begin_s = made_s / 30 * 30;
	for (int64_t off_s = -90; off_s <= 90; off_s++) {
		int64_t at_s = (int64_t)begin_s + off_s;
		enum err e = totp_find(RFC_SECRET, code, (uint64_t)at_s, 1, &step);
		/* One step before, its own, one step after: 90 seconds in all. */
		assert_int_equal(e, off_s >= -30 && off_s < 60 ? OK : ERR_REFUSED);
		if (!e)
			assert_int_equal(step, made_s / 30);
	}
}

static void names_the_step_of_a_code_at_the_beginning_of_time(void **state)
{
	(void)state;
	char code[TOTP_DIGITS + 1];
	uint64_t step = 9;
	assert_int_equal(totp_code(RFC_SECRET, 0, code), OK);
	assert_string_equal(code, "755224"); /* RFC 4226 appendix D, count 0 */
	assert_int_equal(totp_find(RFC_SECRET, span_text(code), 0, 1, &step), OK);
	assert_int_equal(step, 0);
}

static void writes_secrets_as_authenticator_apps_read_them(void **state)
{
	(void)state;
	char base32[TOTP_BASE32_MAX], room[TOTP_URI_MAX];
	totp_base32(RFC_SECRET, base32);
	assert_string_equal(base32, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	static const uint8_t ones[TOTP_SECRET_LEN] = {255, 255, 255, 255, 255, 255, 255,
						      255, 255, 255, 255, 255, 255, 255,
						      255, 255, 255, 255, 255, 254};
	totp_base32(ones, base32);
	assert_string_equal(base32, "7777777777777777777777777777777"
				    "6");
	struct writer w = writer_of(room, sizeof(room));
	totp_uri_write(&w, "Home & Co", span_text("alice@home"), RFC_SECRET);
	assert_int_equal(writer_check(&w), OK);
	assert_true(span_is(writer_span(&w),
			    "otpauth://totp/Home%20%26%20Co:alice%40home?secret="
			    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Home%20%26%20Co"
			    "&algorithm=SHA1&digits=6&period=30"));
	w = writer_of(room, 20);
	totp_uri_write(&w, "x", span_text("y"), RFC_SECRET);
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_codes_of_rfc_6238),
		cmocka_unit_test(refuses_what_is_no_code_of_six_digits),
		cmocka_unit_test(allows_a_clock_that_is_off_by_one_step_and_no_more),
		cmocka_unit_test(names_the_step_of_a_code_at_the_beginning_of_time),
		cmocka_unit_test(writes_secrets_as_authenticator_apps_read_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
