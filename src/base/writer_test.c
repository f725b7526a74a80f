#include "base/writer.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void writes_network_byte_order(void **state)
{
	(void)state;
	uint8_t buf[32];
	struct writer w = writer_of(buf, sizeof(buf));
	write_u8(&w, 0x01);
	write_u16(&w, 0x2345);
	write_u32(&w, 0x6789abcd);
	write_u48(&w, 0x0123456789ab);
	write_u64(&w, 0xfedcba9876543210);
	write_text(&w, "end");
	write_span(&w, span_of("\xff", 1));
	static const uint8_t wanted[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0x01, 0x23,
					 0x45, 0x67, 0x89, 0xab, 0xfe, 0xdc, 0xba, 0x98, 0x76,
					 0x54, 0x32, 0x10, 'e',	 'n',  'd',  0xff};
	assert_int_equal(writer_check(&w), OK);
	assert_true(span_equal(writer_span(&w), span_of(wanted, sizeof(wanted))));
	assert_int_equal(writer_left(&w), sizeof(buf) - sizeof(wanted));
}

static void writes_nothing_of_what_does_not_fit(void **state)
{
	(void)state;
	for (size_t cap = 0; cap < 8; cap++) {
		struct guard g = guard_of(cap);
		uint8_t *buf = g.end - cap;
		memset(buf, 0xee, cap);
		struct writer w = writer_of(buf, cap);
		write_u64(&w, 0);
		assert_int_equal(writer_check(&w), ERR_LIMIT);
		assert_int_equal(w.pos, 0);
		for (size_t i = 0; i < cap; i++)
			assert_int_equal(buf[i], 0xee);
		guard_done(&g);
	}
}

static void stays_bad_though_less_would_fit(void **state)
{
	(void)state;
	uint8_t buf[3];
	struct writer w = writer_of(buf, sizeof(buf));
	write_u32(&w, 1);
	write_u8(&w, 1);
	assert_null(write_room(&w, 0));
	write_format(&w, "x");
	assert_int_equal(w.pos, 0);
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	writer_rewind(&w, 0);
	write_u16(&w, 7);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(writer_left(&w), 1);
}

static void refuses_a_length_that_would_wrap(void **state)
{
	(void)state;
	uint8_t buf[8];
	struct writer w = writer_of(buf, sizeof(buf));
	write_u8(&w, 1);
	assert_null(write_room(&w, SIZE_MAX));
	assert_true(w.bad);
}

static void fills_reserved_lengths_with_what_follows(void **state)
{
	(void)state;
	uint8_t buf[16];
	struct writer w = writer_of(buf, sizeof(buf));
	write_u8(&w, 0xaa);
	size_t outer = writer_reserve(&w, 2);
	size_t inner = writer_reserve(&w, 1);
	write_text(&w, "abc");
	writer_fill_u8(&w, inner);
	write_u8(&w, 0xbb);
	writer_fill_u16(&w, outer);
	assert_int_equal(writer_check(&w), OK);
	assert_true(span_equal(writer_span(&w), span_of("\xaa\x00\x05\x03"
							"abc\xbb",
							8)));
}

static void refuses_to_fill_a_length_that_is_too_great(void **state)
{
	(void)state;
	static uint8_t buf[70000];
	struct writer w = writer_of(buf, sizeof(buf));
	size_t at = writer_reserve(&w, 1);
	(void)write_room(&w, 255);
	writer_fill_u8(&w, at);
	assert_false(w.bad);
	assert_int_equal(buf[0], 255);
	write_u8(&w, 0);
	writer_fill_u8(&w, at);
	assert_true(w.bad);

	w = writer_of(buf, sizeof(buf));
	at = writer_reserve(&w, 2);
	(void)write_room(&w, 65535);
	writer_fill_u16(&w, at);
	assert_false(w.bad);
	assert_true(buf[0] == 0xff && buf[1] == 0xff);
	write_u8(&w, 0);
	writer_fill_u16(&w, at);
	assert_true(w.bad);
}

static void fills_nothing_when_the_reserve_did_not_fit(void **state)
{
	(void)state;
	struct guard g = guard_of(1);
	struct writer w = writer_of(g.end - 1, 1);
	size_t at = writer_reserve(&w, 2);
	writer_fill_u16(&w, at);
	writer_fill_u8(&w, at);
	assert_true(w.bad);
	assert_int_equal(w.pos, 0);
	guard_done(&g);
}

static void formats_up_to_the_room_for_a_nul(void **state)
{
	(void)state;
	struct guard g = guard_of(6);
	uint8_t *buf = g.end - 6;
	struct writer w = writer_of(buf, 6);
	write_format(&w, "%d", 12);
	write_format(&w, "-%s", "ab");
	assert_int_equal(writer_check(&w), OK);
	assert_true(span_is(writer_span(&w), "12-ab"));
	write_format(&w, "%s", "");
	assert_int_equal(writer_check(&w), OK);
	write_format(&w, "%s", "c"); /* would fit but for vsnprintf's NUL */
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	assert_int_equal(w.pos, 5);
	guard_done(&g);
}

static void agrees_with_a_slow_writer_on_random_scripts(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	for (int round = 0; round < 3000; round++) {
		uint8_t slow[64] = {0};
		size_t cap = test_random_below(&random, sizeof(slow) + 1), slow_len = 0;
		struct guard g = guard_of(cap);
		struct writer w = writer_of(g.end - cap, cap);
		bool bad = false;
		for (int step = 0; step < 12; step++) {
			uint8_t piece[16];
			size_t n = test_random_below(&random, sizeof(piece));
			test_random_fill(&random, piece, n);
			write_bytes(&w, piece, n);
			bad |= n > cap - slow_len;
			if (!bad) {
				memcpy(slow + slow_len, piece, n);
				slow_len += n;
			}
			assert_int_equal(w.bad, bad);
			assert_true(span_equal(writer_span(&w), span_of(slow, slow_len)));
		}
		guard_done(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_network_byte_order),
		cmocka_unit_test(writes_nothing_of_what_does_not_fit),
		cmocka_unit_test(stays_bad_though_less_would_fit),
		cmocka_unit_test(refuses_a_length_that_would_wrap),
		cmocka_unit_test(fills_reserved_lengths_with_what_follows),
		cmocka_unit_test(refuses_to_fill_a_length_that_is_too_great),
		cmocka_unit_test(fills_nothing_when_the_reserve_did_not_fit),
		cmocka_unit_test(formats_up_to_the_room_for_a_nul),
		cmocka_unit_test(agrees_with_a_slow_writer_on_random_scripts),
	};
	return cmocka_run_group_tests_name("base_writer", tests, NULL, NULL);
}
