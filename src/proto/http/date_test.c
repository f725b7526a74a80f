#include "proto/http/date.h"

#include "base/writer.h"
#include "proto/http/etag.h"
#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static const uint64_t now_s = 1795000000; /* November 2026 */

static uint64_t read_text(const char *text)
{
	uint64_t at = 0;
	return http_date_read(span_text(text), now_s, &at) == OK ? at : 0;
}

static void reads_the_three_forms(void **state)
{
	(void)state;
	/* RFC 9110 5.6.7 */
	assert_int_equal(read_text("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	assert_int_equal(read_text("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	assert_int_equal(read_text("Sun Nov  6 08:49:37 1994"), 784111777);
	assert_int_equal(read_text("Saturday, 01-Jan-76 00:00:00 GMT"), 3345062400); /* 2076 */
	assert_int_equal(read_text("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
	/* RFC 9111 4.2: "a cache recipient SHOULD match the field value case-insensitively". */
	assert_int_equal(read_text("sun, 06 nov 1994 08:49:37 gmt"), 784111777);
	assert_int_equal(read_text("SUNDAY, 06-NOV-94 08:49:37 GMT"), 784111777);
	assert_int_equal(read_text("sUN nOV  6 08:49:37 1994"), 784111777);
}

static void refuses_what_is_no_date(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "0",
					  "Sun, 06 Nov 1994 08:49:37",
					  "Sun, 6 Nov 1994 08:49:37 GMT",
					  "Sun, 06 Nov 1994 08:49:37 UTC",
					  "Sun, 31 Nov 1994 08:49:37 GMT",
					  "Wed, 29 Feb 2023 00:00:00 GMT",
					  "Sun, 06 Nov 1994 24:00:00 GMT",
					  "Sun, 06 Nov 1994 08:49:37 GMT ",
					  "Sun, 06 Nov 1969 08:49:37 GMT",
					  "Sun, 00 Nov 1994 08:49:37 GMT"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_text(bad[i]), 0);
}

static void writes_as_libc_does_and_reads_it_back(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t at = test_random_next(&r) % UINT64_C(253402300800);
		time_t t = (time_t)at;
		struct tm tm;
		char want[64], got[HTTP_DATE_LEN + 1] = "";
		(void)strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
		struct writer w = writer_of(got, HTTP_DATE_LEN);
		http_date_write(&w, at);
		assert_false(w.bad);
		assert_string_equal(got, want);
		assert_int_equal(read_text(got), at);
	}
}

static void tags_compare_strongly_and_weakly(void **state)
{
	(void)state;
	/* RFC 9110 8.8.3.2 */
	struct span weak = span_text("W/\"1\""), strong = span_text("\"1\"");
	assert_false(etag_equal_strong(weak, weak));
	assert_true(etag_equal_weak(weak, weak));
	assert_true(etag_equal_weak(weak, strong));
	assert_true(etag_equal_strong(strong, strong));
	assert_false(etag_equal_weak(weak, span_text("W/\"2\"")));
	assert_true(etag_is_one(weak) && etag_is_one(strong));
	assert_false(etag_is_one(span_text("1")) || etag_is_one(span_text("\"1")) ||
		     etag_is_one(span_text("w/\"1\"")) || etag_is_one(span_text("\"1\"x")));
}

static void tags_are_found_in_lists(void **state)
{
	(void)state;
	struct span tag = span_text("\"b\"");
	assert_true(etag_in_list(span_text("*"), tag, true));
	assert_true(etag_in_list(span_text("\"a\", W/\"b\""), tag, false));
	assert_false(etag_in_list(span_text("\"a\", W/\"b\""), tag, true));
	assert_true(etag_in_list(span_text("\"a,\",,\"b\""), tag, true));
	assert_false(etag_in_list(span_text("a, \"b\""), tag, true));
	assert_false(etag_in_list(span_text(""), tag, true));
}

static void read_anything(const uint8_t *data, size_t len)
{
	uint64_t at;
	err_ignore(http_date_read(span_of(data, len), now_s, &at));
	(void)etag_in_list(span_of(data, len), span_text("\"x\""), false);
}

static void stays_inside(void **state)
{
	(void)state;
	static const char *const texts[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
					    "Sunday, 06-Nov-94 08:49:37 GMT",
					    "Sun Nov  6 08:49:37 1994", "W/\"a\", \"b\",\"x\""};
	for (size_t i = 0; i < 4; i++) {
		guard_every_prefix(texts[i], strlen(texts[i]), read_anything);
		guard_every_bit_flip(texts[i], strlen(texts[i]), read_anything);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_three_forms),
		cmocka_unit_test(refuses_what_is_no_date),
		cmocka_unit_test(writes_as_libc_does_and_reads_it_back),
		cmocka_unit_test(tags_compare_strongly_and_weakly),
		cmocka_unit_test(tags_are_found_in_lists),
		cmocka_unit_test(stays_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
