#include "proto/http/range.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void gives(const char *value, uint64_t size, size_t n, uint64_t first, uint64_t last)
{
	struct range r[RANGES_MAX];
	size_t got;
	assert_int_equal(range_read(span_text(value), size, r, &got), OK);
	assert_int_equal(got, n);
	assert_int_equal(r[0].first, first);
	assert_int_equal(r[0].last, last);
}

static enum err refused(const char *value, uint64_t size)
{
	struct range r[RANGES_MAX];
	size_t n;
	return range_read(span_text(value), size, r, &n);
}

static void reads_ranges(void **state)
{
	(void)state;
	/* RFC 9110 14.1.2: of 10000 bytes. */
	gives("bytes=0-499", 10000, 1, 0, 499);
	gives("bytes=500-999", 10000, 1, 500, 999);
	gives("bytes=-500", 10000, 1, 9500, 9999);
	gives("bytes=9500-", 10000, 1, 9500, 9999);
	gives("bytes=0-0,-1", 10000, 2, 0, 0);
	gives("bytes= 0-999, 4500-5499, -1000", 10000, 3, 0, 999);
	gives("BYTES=9999-20000", 10000, 1, 9999, 9999);
	gives("bytes=-20000", 10000, 1, 0, 9999);
	gives("bytes=20000-,5-6", 10000, 1, 5, 6);
}

static void ignores_what_it_does_not_understand(void **state)
{
	(void)state;
	static const char *const bad[] = {"lines=1-2", "bytes=",    "bytes=-",	 "bytes=a-b",
					  "bytes=5-4", "bytes 1-2", "bytes=1",	 "bytes=1-2-3",
					  "bytes=,",   "",	    "bytes=+1-2"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(refused(bad[i], 1000), ERR_ABSENT);
}

static void ignores_ranges_that_are_more_than_the_whole(void **state)
{
	(void)state;
	assert_int_equal(refused("bytes=0-,0-", 1000), ERR_ABSENT);
	char many[256] = "bytes=";
	struct writer w = writer_of(many + 6, sizeof(many) - 7);
	for (unsigned i = 0; i < RANGES_MAX + 1; i++)
		write_format(&w, "%u-%u,", i, i);
	assert_int_equal(refused(many, 1000), ERR_ABSENT);
}

static void tells_that_nothing_lies_inside(void **state)
{
	(void)state;
	assert_int_equal(refused("bytes=1000-", 1000), ERR_REFUSED);
	assert_int_equal(refused("bytes=-0", 1000), ERR_REFUSED);
	assert_int_equal(refused("bytes=0-", 0), ERR_REFUSED);
	assert_int_equal(refused("bytes=-1", 0), ERR_REFUSED);
}

static void counts_the_bytes_of_a_multipart_body(void **state)
{
	(void)state;
	static const char boundary[] = "abcdefghijklmnopqrstuvwx";
	const struct range r[] = {{0, 1}, {8, 9}};
	char text[1024];
	struct writer w = writer_of(text, sizeof(text));
	for (size_t i = 0; i < 2; i++) {
		range_write_part(&w, boundary, span_text("text/plain"), &r[i], 10);
		write_text(&w, "xx");
	}
	range_write_part(&w, boundary, span_text("text/plain"), NULL, 10);
	assert_int_equal(range_multipart_len(boundary, span_text("text/plain"), r, 2, 10), w.pos);
	assert_true(span_is(writer_span(&w),
			    "\r\n--abcdefghijklmnopqrstuvwx\r\nContent-Type: text/plain\r\n"
			    "Content-Range: bytes 0-1/10\r\n\r\nxx"
			    "\r\n--abcdefghijklmnopqrstuvwx\r\nContent-Type: text/plain\r\n"
			    "Content-Range: bytes 8-9/10\r\n\r\nxx"
			    "\r\n--abcdefghijklmnopqrstuvwx--\r\n"));
}

static void read_anything(const uint8_t *data, size_t len)
{
	struct range r[RANGES_MAX];
	size_t n;
	if (range_read(span_of(data, len), 500, r, &n) == OK)
		for (size_t i = 0; i < n; i++)
			assert_true(r[i].first <= r[i].last && r[i].last < 500);
}

static void stays_inside(void **state)
{
	(void)state;
	static const char text[] = "bytes=0-99, 200-299 ,-20,450-";
	guard_every_prefix(text, sizeof(text) - 1, read_anything);
	guard_every_bit_flip(text, sizeof(text) - 1, read_anything);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ranges),
		cmocka_unit_test(ignores_what_it_does_not_understand),
		cmocka_unit_test(ignores_ranges_that_are_more_than_the_whole),
		cmocka_unit_test(tells_that_nothing_lies_inside),
		cmocka_unit_test(counts_the_bytes_of_a_multipart_body),
		cmocka_unit_test(stays_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
