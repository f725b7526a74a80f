#include "base/span.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <strings.h>

#include <cmocka.h>

static void refuses_numbers_that_are_not_plain_decimal(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		" ",
		"+1",
		"-1",
		"1 ",
		" 1",
		"0x10",
		"1e3",
		"1.0",
		"18446744073709551616",
		"99999999999999999999999",
		"12a",
		"a",
		"/",
		":",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t n = 77;
		assert_false(span_to_u64(span_text(bad[i]), UINT64_MAX, &n));
		assert_int_equal(n, 77);
	}
	uint64_t n = 77;
	assert_false(span_to_u64(span_text("256"), 255, &n));
	assert_int_equal(n, 77);
}

static void reads_numbers_up_to_their_bound(void **state)
{
	(void)state;
	uint64_t n;
	assert_true(span_to_u64(span_text("255"), 255, &n));
	assert_int_equal(n, 255);
	assert_true(span_to_u64(span_text("0"), 0, &n));
	assert_int_equal(n, 0);
	assert_true(span_to_u64(span_text("0042"), UINT64_MAX, &n));
	assert_int_equal(n, 42);
	assert_true(span_to_u64(span_text("18446744073709551615"), UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
}

static void refuses_text_that_does_not_fit_with_its_nul(void **state)
{
	(void)state;
	char buf[4] = "xyz";
	assert_false(span_to_cstr(span_text("four"), buf, sizeof(buf)));
	assert_string_equal(buf, "");
	assert_false(span_to_cstr(span_text(""), buf, 0));
	assert_true(span_to_cstr(span_text("two"), buf, sizeof(buf)));
	assert_string_equal(buf, "two");
	assert_true(span_to_cstr((struct span){0}, buf, 1));
	assert_string_equal(buf, "");
}

static void compares_bytes_and_length(void **state)
{
	(void)state;
	assert_true(span_equal((struct span){0}, span_of("x", 0)));
	assert_false(span_equal(span_text("ab"), span_text("a")));
	assert_false(span_equal(span_text("ab"), span_text("aB")));
	assert_true(span_equal(span_of("a\0b", 3), span_of("a\0b", 3)));
	assert_false(span_equal(span_of("a\0b", 3), span_of("a\0c", 3)));
	assert_true(span_is(span_text("GET"), "GET"));
	assert_false(span_is(span_text("GETS"), "GET"));
}

static void ignores_case_of_ascii_letters_only(void **state)
{
	(void)state;
	assert_true(span_equal_nocase(span_text("HoSt"), span_text("hOsT")));
	assert_false(span_equal_nocase(span_text("host"), span_text("hosts")));
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			uint8_t x = (uint8_t)a, y = (uint8_t)b;
			bool letters = a < 128 && b < 128 && (a | 32) >= 'a' && (a | 32) <= 'z';
			bool same = a == b || (letters && (a | 32) == (b | 32));
			assert_int_equal(span_equal_nocase(span_of(&x, 1), span_of(&y, 1)), same);
		}
}

/* Of whichever length, no byte is left out, and none is read that is not there. */
static void ignores_case_at_every_place_of_every_length(void **state)
{
	(void)state;
	for (size_t len = 1; len < 35; len++) {
		struct guard one = guard_of(len), other = guard_of(len);
		uint8_t *a = one.end - len, *b = other.end - len;
		for (size_t at = 0; at < len; at++)
			for (unsigned c = 0; c < 256; c++) {
				memset(a, 'x', len);
				memset(b, 'X', len);
				a[at] = (uint8_t)c;
				b[at] = (uint8_t)(c ^ 32);
				bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
				assert_int_equal(
					span_equal_nocase(span_of(a, len), span_of(b, len)),
					letter);
				b[at] = (uint8_t)c;
				assert_true(span_equal_nocase(span_of(a, len), span_of(b, len)));
				b[at] = (uint8_t)(c + 1);
				assert_false(span_equal_nocase(span_of(a, len), span_of(b, len)));
			}
		guard_done(&one);
		guard_done(&other);
	}
}

static void cuts_parts_that_never_leave_the_whole(void **state)
{
	(void)state;
	static const size_t positions[] = {0, 1, 4, 5, 6, 100, SIZE_MAX - 1, SIZE_MAX};
	enum { N = sizeof(positions) / sizeof(positions[0]) };
	uint8_t *whole = guard_copy("hello", 5);
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < N; j++) {
			size_t start = positions[i] < 5 ? positions[i] : 5;
			size_t len = positions[j] < 5 - start ? positions[j] : 5 - start;
			struct span part = span_sub(span_of(whole, 5), positions[i], positions[j]);
			assert_ptr_equal(part.data, whole + start);
			assert_int_equal(part.len, len);
			assert_int_equal(span_sub((struct span){0}, positions[i], positions[j]).len,
					 0);
		}
	guard_free(whole, 5);
}

static void finds_the_first_of_a_byte(void **state)
{
	(void)state;
	assert_int_equal(span_find(span_text("a.b.c"), '.'), 1);
	assert_int_equal(span_find(span_text("abc"), '.'), 3);
	assert_int_equal(span_find((struct span){0}, '.'), 0);
	assert_int_equal(span_find(span_of("a\0b", 3), 0), 1);
}

static void trims_blanks_and_tabs_at_both_ends_only(void **state)
{
	(void)state;
	assert_true(span_is(span_trim(span_text(" \t a b\t \t")), "a b"));
	assert_true(span_is(span_trim(span_text("a")), "a"));
	assert_true(span_is(span_trim(span_text("\r\na\n")), "\r\na\n"));
	assert_int_equal(span_trim(span_text(" \t\t ")).len, 0);
	assert_int_equal(span_trim((struct span){0}).len, 0);
}

static void agrees_with_libc_on_random_text(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	for (int round = 0; round < 20000; round++) {
		char a[9] = {0}, b[9] = {0};
		size_t len = test_random_below(&random, 8);
		for (size_t i = 0; i < len; i++) {
			a[i] = "aAbB09 \t"[test_random_below(&random, 8)];
			b[i] = "aAbB09 \t"[test_random_below(&random, 8)];
		}
		assert_int_equal(span_equal(span_text(a), span_text(b)), strcmp(a, b) == 0);
		assert_int_equal(span_equal_nocase(span_text(a), span_text(b)),
				 strcasecmp(a, b) == 0);
		assert_int_equal(span_find(span_text(a), '0'), strcspn(a, "0"));
		uint64_t n;
		bool digits = len && strspn(a, "0123456789") == len;
		assert_int_equal(span_to_u64(span_text(a), UINT64_MAX, &n), digits);
		if (digits)
			assert_int_equal(n, strtoull(a, NULL, 10));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_numbers_that_are_not_plain_decimal),
		cmocka_unit_test(reads_numbers_up_to_their_bound),
		cmocka_unit_test(refuses_text_that_does_not_fit_with_its_nul),
		cmocka_unit_test(compares_bytes_and_length),
		cmocka_unit_test(ignores_case_of_ascii_letters_only),
		cmocka_unit_test(ignores_case_at_every_place_of_every_length),
		cmocka_unit_test(cuts_parts_that_never_leave_the_whole),
		cmocka_unit_test(finds_the_first_of_a_byte),
		cmocka_unit_test(trims_blanks_and_tabs_at_both_ends_only),
		cmocka_unit_test(agrees_with_libc_on_random_text),
	};
	return cmocka_run_group_tests_name("base_span", tests, NULL, NULL);
}
