#include "base/reader.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t sixteen[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
				    0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};

static void reads_network_byte_order(void **state)
{
	(void)state;
	struct reader r = reader_of(sixteen, sizeof(sixteen));
	assert_int_equal(read_u8(&r), 0x01);
	assert_int_equal(read_u16(&r), 0x2345);
	assert_int_equal(read_u32(&r), 0x6789abcd);
	assert_int_equal(reader_left(&r), 9);
	r.pos = 0;
	assert_true(read_u48(&r) == 0x0123456789ab);
	r.pos = 0;
	assert_true(read_u64(&r) == 0x0123456789abcdef);
	assert_true(read_u64(&r) == 0xfedcba9876543210);
	assert_int_equal(reader_end(&r), OK);
}

static void yields_zero_and_stays_bad_after_a_short_read(void **state)
{
	(void)state;
	for (size_t len = 0; len < 8; len++) {
		uint8_t *copy = guard_copy(sixteen, len);
		struct reader r = reader_of(copy, len);
		assert_true(read_u64(&r) == 0);
		assert_int_equal(reader_check(&r), ERR_FORMAT);
		assert_int_equal(reader_left(&r), 0);
		assert_int_equal(read_u8(&r), 0);
		assert_int_equal(read_span(&r, 1).len, 0);
		assert_int_equal(reader_end(&r), ERR_FORMAT);
		guard_free(copy, len);
	}
	struct reader r = reader_of(sixteen, 5);
	assert_true(read_u48(&r) == 0);
	assert_true(r.bad);
}

static void zeroes_the_whole_copy_when_bytes_are_missing(void **state)
{
	(void)state;
	uint8_t got[4] = {9, 9, 9, 9};
	struct reader r = reader_of(sixteen, 3);
	read_bytes(&r, got, 4);
	assert_memory_equal(got, "\0\0\0\0", 4);
	assert_true(r.bad);
	r = reader_of(sixteen, 4);
	read_bytes(&r, got, 4);
	assert_memory_equal(got, sixteen, 4);
	assert_int_equal(reader_end(&r), OK);
}

static void refuses_a_length_that_would_wrap(void **state)
{
	(void)state;
	struct reader r = reader_of(sixteen, sizeof(sixteen));
	reader_skip(&r, 3);
	assert_int_equal(read_span(&r, SIZE_MAX).len, 0);
	assert_true(r.bad);
	r = reader_of(sixteen, sizeof(sixteen));
	reader_skip(&r, 3);
	assert_null(read_span(&r, SIZE_MAX - 2).data);
	assert_true(r.bad);
}

static void keeps_a_sub_reader_inside_its_length(void **state)
{
	(void)state;
	struct reader r = reader_of(sixteen, sizeof(sixteen));
	struct reader sub = reader_sub(&r, 3);
	assert_int_equal(read_u16(&sub), 0x0123);
	assert_int_equal(read_u16(&sub), 0);
	assert_int_equal(reader_check(&sub), ERR_FORMAT);
	assert_int_equal(reader_check(&r), OK);
	assert_int_equal(read_u8(&r), 0x67);
}

static void makes_both_bad_when_a_sub_reader_does_not_fit(void **state)
{
	(void)state;
	struct reader r = reader_of(sixteen, 2);
	struct reader sub = reader_sub(&r, 3);
	assert_int_equal(reader_check(&sub), ERR_FORMAT);
	assert_int_equal(reader_check(&r), ERR_FORMAT);
	assert_int_equal(reader_left(&sub), 0);
	struct reader again = reader_sub(&r, 0); /* of a bad reader: bad as well */
	assert_int_equal(reader_check(&again), ERR_FORMAT);
}

static void tells_short_long_and_whole_apart_at_the_end(void **state)
{
	(void)state;
	struct reader r = reader_of(sixteen, 4);
	(void)read_u16(&r);
	assert_int_equal(reader_check(&r), OK);
	assert_int_equal(reader_end(&r), ERR_FORMAT);
	reader_skip_all(&r);
	assert_int_equal(reader_end(&r), OK);
	reader_fail(&r);
	assert_int_equal(reader_end(&r), ERR_FORMAT);
}

static void reads_nothing_from_nothing(void **state)
{
	(void)state;
	struct reader r = reader_of_span((struct span){0});
	assert_int_equal(read_span(&r, 0).len, 0);
	struct reader sub = reader_sub(&r, 0);
	uint8_t none = 5;
	read_bytes(&sub, &none, 0);
	assert_int_equal(none, 5);
	assert_int_equal(reader_end(&r), OK);
	assert_int_equal(reader_end(&sub), OK);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(reader_end(&r), ERR_FORMAT);
}

static uint64_t slow_number(const uint8_t *data, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v * 256 + data[i];
	return v;
}

static uint64_t read_number(struct reader *r, size_t n)
{
	switch (n) {
	case 1: return read_u8(r);
	case 2: return read_u16(r);
	case 4: return read_u32(r);
	case 6: return read_u48(r);
	default: return read_u64(r);
	}
}

static void agrees_with_a_slow_reader_on_random_scripts(void **state)
{
	(void)state;
	static const size_t widths[] = {1, 2, 4, 6, 8};
	struct test_random random = test_random_begin();
	for (int round = 0; round < 3000; round++) {
		uint8_t data[64];
		size_t len = test_random_below(&random, sizeof(data) + 1);
		test_random_fill(&random, data, len);
		uint8_t *copy = guard_copy(data, len);
		struct reader r = reader_of(copy, len);
		size_t pos = 0;
		bool bad = false;
		for (int step = 0; step < 20; step++) {
			size_t n = widths[test_random_below(&random, 5)];
			bad |= n > len - pos;
			uint64_t wanted = bad ? 0 : slow_number(data + pos, n);
			pos = bad ? len : pos + n;
			assert_true(read_number(&r, n) == wanted);
			assert_int_equal(r.bad, bad);
			assert_int_equal(r.pos, pos);
		}
		guard_free(copy, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_network_byte_order),
		cmocka_unit_test(yields_zero_and_stays_bad_after_a_short_read),
		cmocka_unit_test(zeroes_the_whole_copy_when_bytes_are_missing),
		cmocka_unit_test(refuses_a_length_that_would_wrap),
		cmocka_unit_test(keeps_a_sub_reader_inside_its_length),
		cmocka_unit_test(makes_both_bad_when_a_sub_reader_does_not_fit),
		cmocka_unit_test(tells_short_long_and_whole_apart_at_the_end),
		cmocka_unit_test(reads_nothing_from_nothing),
		cmocka_unit_test(agrees_with_a_slow_reader_on_random_scripts),
	};
	return cmocka_run_group_tests_name("base_reader", tests, NULL, NULL);
}
