#include "base/writer.h"
#include "config/report.h"
#include "config/sample_test.h"
#include "config/source.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char shown[CONFIG_REPORT_JSON_MAX];

static struct config_report report_of(const char *text)
{
	struct config *c = NULL;
	struct config_report r = {0};
	assert_int_equal(sample_parse(span_text(text), &c, &r), ERR_CONFIG);
	return r;
}

static const char *print(const char *text)
{
	struct config_report r = report_of(text);
	struct writer w = writer_of(shown, sizeof(shown));
	config_report_print(&r, &w);
	write_u8(&w, 0);
	assert_false(w.bad);
	config_report_done(&r);
	return shown;
}

static void an_error_is_printed_with_its_line_and_a_caret(void **state)
{
	(void)state;
	assert_string_equal(
		print("two:\n  must: ::1\n  idel: 1h\n"),
		"dir/sample.yaml:3:3: unknown key 'idel'; expected one of idle, must; did you "
		"mean 'idle'?\n"
		"      idel: 1h\n"
		"      ^\n");
	assert_string_equal(print("one: {mode: stric}\n"),
			    "dir/sample.yaml:1:13: wrong value for 'mode'; expected one of on, "
			    "strict, off; found 'stric'; did you mean 'strict'?\n"
			    "    one: {mode: stric}\n"
			    "                ^\n");
}

static void the_caret_stands_under_wide_letters_and_tabs(void **state)
{
	(void)state;
	const char *text = print("one: {identity: \xea\xb0\x80\xeb\x82\x98, \t fast: x}\n");
	assert_non_null(strstr(text, ":1:29: "));
	assert_non_null(strstr(text, "\n                          \t       ^\n"));
}

static void an_empty_line_is_not_shown(void **state)
{
	(void)state;
	assert_string_equal(print(""),
			    "dir/sample.yaml:1:1: the file is empty: it configures no service\n");
}

static void what_a_terminal_would_obey_is_not_printed(void **state)
{
	(void)state;
	const char *text = print("one:\n  \x1b[31mred: 1\n");
	assert_null(strchr(text, 0x1b));
	assert_non_null(strstr(text, "\xef\xbf\xbd[31mred"));
	text = print("one: {\"a\\e\\x9bb\\n\": 1}\n");
	assert_null(strchr(text, 0x1b));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_non_null(strstr(text, "unknown key 'a\xef\xbf\xbd\xef\xbf\xbd"
				     "b '"));
}

static void a_long_line_is_cut_around_its_column(void **state)
{
	(void)state;
	char text[2000] = "one: {identity: \"";
	memset(text + strlen(text), 'x', 1000);
	memcpy(text + strlen(text), "\", fats: on, words: [", 21);
	memset(text + strlen(text), 'y', 500);
	memcpy(text + strlen(text), "]}\n", 3);
	struct config_report r = report_of(text);
	assert_int_equal(r.n, 2);
	const struct config_error *e = &r.errors[1];
	assert_string_equal(e->message, "unknown key 'fats'");
	assert_int_equal(e->column, 1021);
	assert_true(strlen(e->source) <= CONFIG_SOURCE_MAX + 3);
	assert_memory_equal(e->source + e->source_column - 1, "fats: on", 8);
	config_report_done(&r);
}

static void errors_beyond_the_bound_are_counted(void **state)
{
	(void)state;
	char text[8192] = "one:\n";
	for (size_t i = 0; i < CONFIG_ERRORS_MAX + 1; i++)
		memcpy(text + strlen(text), "  small: x\n", 12);
	const char *end = strstr(print(text), "and ");
	assert_non_null(end);
	assert_string_equal(end, "and 1 more error\n");
}

static void the_json_has_every_field(void **state)
{
	(void)state;
	struct config_report r = report_of("two: {must: ::1, idel: \"\\\"\\u00e9\\t\"}\n");
	struct writer w = writer_of(shown, sizeof(shown));
	config_report_json(&r, &w);
	write_u8(&w, 0);
	assert_string_equal(
		shown, "{\"file\": \"dir/sample.yaml\", \"errors\": [{\"line\": 1, \"column\": "
		       "18, \"message\": \"unknown key 'idel'\", \"expected\": \"one of idle, "
		       "must\", \"found\": null, \"suggestion\": \"idle\", \"source\": \"two: "
		       "{must: ::1, idel: \\\"\\\\\\\"\\\\u00e9\\\\t\\\"}\"}], \"more\": 0}\n");
	config_report_done(&r);
}

static void the_worst_report_fits_its_bounds(void **state)
{
	(void)state;
	static char text[200000] = "one:\n";
	size_t at = 5;
	/* Quotes double in JSON, and each line is shown thrice. */
	for (int i = 0; i < 120; i++) {
		memcpy(text + at, "  k: '", 6);
		memset(text + at + 6, '"', 900);
		text[at + 2] = (char)('a' + i % 26);
		memcpy(text + at + 906, "'\n", 2);
		at += 908;
	}
	struct config *c = NULL;
	struct config_report r = {0};
	assert_int_equal(sample_parse(span_of(text, at), &c, &r), ERR_CONFIG);
	assert_int_equal(r.n, CONFIG_ERRORS_MAX);
	struct writer w = writer_of(shown, CONFIG_REPORT_PRINT_MAX);
	config_report_print(&r, &w);
	assert_false(w.bad);
	w = writer_of(shown, CONFIG_REPORT_JSON_MAX);
	config_report_json(&r, &w);
	assert_false(w.bad);
	config_report_done(&r);
}

static void utf8_is_read_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *octets;
		size_t len, n;
		uint32_t point;
	} cases[] = {
		{"A", 1, 1, 'A'},
		{"\xc3\xa9", 2, 2, 0xe9},
		{"\xea\xb0\x80", 3, 3, 0xac00},
		{"\xf0\x9f\x98\x80", 4, 4, 0x1f600},
		{"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
		{"\x80", 1, 1, 0xfffd},
		{"\xc0\xaf", 2, 1, 0xfffd},	    /* overlong */
		{"\xc1\xbf", 2, 1, 0xfffd},	    /* overlong */
		{"\xe0\x9f\xbf", 3, 1, 0xfffd},	    /* overlong */
		{"\xf0\x8f\xbf\xbf", 4, 1, 0xfffd}, /* overlong */
		{"\xed\xa0\x80", 3, 1, 0xfffd},	    /* surrogate */
		{"\xf4\x90\x80\x80", 4, 1, 0xfffd}, /* past U+10FFFF */
		{"\xf5\x80\x80\x80", 4, 1, 0xfffd},
		{"\xff", 1, 1, 0xfffd},
		{"\xc3", 1, 1, 0xfffd},	    /* torn */
		{"\xea\xb0", 2, 1, 0xfffd}, /* torn */
		{"\xc3(", 2, 1, 0xfffd},
		{"\xef\xbf\xbd", 3, 3, 0xfffd}, /* itself */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t point;
		const uint8_t *octets = (const uint8_t *)cases[i].octets;
		assert_int_equal(config_utf8_read(octets, cases[i].len, &point), cases[i].n);
		assert_int_equal(point, cases[i].point);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_printed_with_its_line_and_a_caret),
		cmocka_unit_test(the_caret_stands_under_wide_letters_and_tabs),
		cmocka_unit_test(an_empty_line_is_not_shown),
		cmocka_unit_test(what_a_terminal_would_obey_is_not_printed),
		cmocka_unit_test(a_long_line_is_cut_around_its_column),
		cmocka_unit_test(errors_beyond_the_bound_are_counted),
		cmocka_unit_test(the_json_has_every_field),
		cmocka_unit_test(the_worst_report_fits_its_bounds),
		cmocka_unit_test(utf8_is_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
