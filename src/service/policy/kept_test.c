#include "service/policy/kept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct kept sample = {.from = "https://lists.example/ads.txt",
				   .etag = "W/\"17\"",
				   .modified = "Sun, 06 Nov 1994 08:49:37 GMT",
				   .text_len = 5,
				   .names = 3,
				   .taken_s = 1700000000};

static void file_make(uint8_t file[KEPT_HEAD_LEN + 5])
{
	kept_write(&sample, file);
	memcpy(file + KEPT_HEAD_LEN, "lines", 5);
}

static void a_torn_or_changed_file_is_refused(void **state)
{
	(void)state;
	static uint8_t file[KEPT_HEAD_LEN + 5];
	struct kept k;
	struct span text;
	file_make(file);
	for (size_t n = 0; n < sizeof(file); n++)
		assert_int_equal(kept_read(span_of(file, n), &k, &text), ERR_FORMAT);
	for (size_t bit = 0; bit < KEPT_HEAD_LEN * 8; bit++) {
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(kept_read(span_of(file, sizeof(file)), &k, &text), ERR_FORMAT);
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	static uint8_t file[KEPT_HEAD_LEN + 5];
	struct kept k, longest = sample;
	struct span text;
	file_make(file);
	assert_int_equal(kept_read(span_of(file, sizeof(file)), &k, &text), OK);
	assert_string_equal(k.from, sample.from);
	assert_string_equal(k.etag, sample.etag);
	assert_string_equal(k.modified, sample.modified);
	assert_int_equal(k.names, 3);
	assert_int_equal(k.taken_s, 1700000000);
	assert_true(span_is(text, "lines"));
	memset(longest.from, 'x', KEPT_FROM_MAX - 1);
	memset(longest.etag, 'y', KEPT_TAG_MAX - 1);
	memset(longest.modified, 'z', KEPT_TAG_MAX - 1);
	kept_write(&longest, file);
	assert_int_equal(kept_read(span_of(file, sizeof(file)), &k, &text), OK);
	assert_string_equal(k.modified, longest.modified);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_torn_or_changed_file_is_refused),
		cmocka_unit_test(what_was_written_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
