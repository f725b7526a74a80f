#include "cli/print.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void widths_are_those_of_a_terminal(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
	} all[] = {{"", 0},	   {"plain", 5},    {"µs", 2},	      {"한국.kr", 7},
		   {"e\u0301", 1}, {"\xff\xfe", 2}, {"a\xe2\x82", 3}, {"…", 1}};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(print_width(all[i].text), all[i].columns);
}

static void durations_have_two_parts_at_most(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} all[] = {{0, "0 µs"},
		   {999, "999 µs"},
		   {1000, "1.00 ms"},
		   {9999, "9.99 ms"},
		   {10000, "10 ms"},
		   {9999999, "9999 ms"},
		   {10000000, "10 s"},
		   {119999999, "119 s"},
		   {120000000, "2 min 0 s"},
		   {UINT64_C(7199) * 1000000, "119 min 59 s"},
		   {UINT64_C(7200) * 1000000, "2 h 0 min"},
		   {UINT64_C(172799) * 1000000, "47 h 59 min"},
		   {UINT64_C(172800) * 1000000, "2 d 0 h"},
		   {UINT64_C(1000) * 86400 * 1000000, "1000 d 0 h"}};
	char buf[32];
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_string_equal(print_duration_us(all[i].us, buf, sizeof(buf)), all[i].text);
}

static void table_make(FILE *to, bool colour)
{
	static const char *const heads[] = {"NAME", "STATE", "WHAT"};
	struct print_table t;
	print_table_init(&t, to, colour, 3, heads);
	print_cell(&t, PRINT_PLAIN, "%s", "한국");
	print_cell(&t, PRINT_GREEN, "%d", 7);
	print_cell(&t, PRINT_PLAIN, "last");
	print_cell(&t, PRINT_RED, "a-long-name");
	print_cell(&t, PRINT_PLAIN, "%s", "");
	print_cell(&t, PRINT_DIM, "x");
	print_cell(&t, PRINT_PLAIN, "short");
	print_cell(&t, PRINT_PLAIN, "%s", "");
	print_cell(&t, PRINT_DIM, "%s", "");
	print_table_end(&t);
}

static void table_is(bool colour, const char *wanted)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	table_make(to, colour);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(text, wanted);
	free(text);
}

static void columns_are_aligned_without_blanks_at_the_end(void **state)
{
	(void)state;
	table_is(false, "NAME         STATE  WHAT\n"
			"한국         7      last\n"
			"a-long-name         x\n"
			"short\n");
}

static void colours_take_no_room(void **state)
{
	(void)state;
	table_is(true, "\033[1mNAME\033[0m         \033[1mSTATE\033[0m  \033[1mWHAT\033[0m\n"
		       "한국         \033[32m7\033[0m      last\n"
		       "\033[31ma-long-name\033[0m         \033[2mx\033[0m\n"
		       "short\n");
}

static void grows_to_any_number_of_rows(void **state)
{
	static const char *const heads[] = {"N"};
	struct print_table t;
	char *text = NULL;
	size_t len;
	(void)state;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	print_table_init(&t, to, false, 1, heads);
	for (unsigned i = 0; i < 5000; i++)
		print_cell(&t, PRINT_PLAIN, "%u", i);
	print_table_end(&t);
	assert_int_equal(fclose(to), 0);
	assert_non_null(strstr(text, "\n0\n1\n"));
	assert_string_equal(text + len - 10, "4998\n4999\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_are_those_of_a_terminal),
		cmocka_unit_test(durations_have_two_parts_at_most),
		cmocka_unit_test(columns_are_aligned_without_blanks_at_the_end),
		cmocka_unit_test(colours_take_no_room),
		cmocka_unit_test(grows_to_any_number_of_rows),
	};
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
