/* Whole files: which errors they have, all at once and in which places. */
#include "config/report.h"
#include "config/sample_test.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct place {
	uint32_t line, column;
	const char *message, *suggestion;
};

static void check_places(const char *text, const struct place *places, size_t n)
{
	struct config *c = NULL;
	struct config_report r = {0};
	assert_int_equal(sample_parse(span_text(text), &c, &r), ERR_CONFIG);
	for (size_t i = 0; i < r.n && i < n; i++) {
		const struct config_error *e = &r.errors[i];
		assert_string_equal(e->message, places[i].message);
		assert_int_equal(e->line, places[i].line);
		assert_int_equal(e->column, places[i].column);
		if (places[i].suggestion)
			assert_string_equal(e->suggestion ? e->suggestion : "(none)",
					    places[i].suggestion);
		else
			assert_null(e->suggestion);
	}
	assert_int_equal(r.n, n);
	assert_int_equal(r.more, 0);
	config_report_done(&r);
}

#define CHECK(text, ...)                                                                           \
	do {                                                                                       \
		static const struct place places_[] = {__VA_ARGS__};                               \
		check_places((text), places_, sizeof(places_) / sizeof(places_[0]));               \
	} while (0)

static void tells_three_errors_of_one_file_at_once(void **state)
{
	(void)state;
	CHECK("# a comment\n"
	      "one:\n"
	      "  listn: [127.0.0.1]\n"
	      "  cache: lots\n"
	      "two:\n"
	      "  idle: 1h\n",
	      {3, 3, "unknown key 'listn'", "listen"}, {4, 10, "wrong value for 'cache'", NULL},
	      {6, 3, "key 'must' is missing here", NULL});
}

static void tells_keys_that_are_unknown_twice_or_elsewhere(void **state)
{
	(void)state;
	CHECK("on:\ntwo: {must: ::1}\ntow: {}\nthree: {}\n", {1, 1, "unknown section 'on'", "one"},
	      {3, 1, "unknown section 'tow'", "two"}, {4, 1, "unknown section 'three'", NULL});
	CHECK("one:\n  idle: 1h\n  limits:\n    idel: 1h\n    cache: 1M\n    origin: a\n",
	      {2, 3, "key 'idle' does not belong here, but in one.limits or two", NULL},
	      {4, 5, "unknown key 'idel'", "idle"},
	      {5, 5, "key 'cache' does not belong here, but in one", "one.cache"},
	      {6, 5, "key 'origin' does not belong here, but in one.zones", "one.zones.origin"});
	CHECK("fast: on\none: {Fast: off, must: ::1, limits: {}, limits: {}}\none: {}\n",
	      {1, 1, "key 'fast' does not belong here, but in one", "one.fast"},
	      {2, 7, "unknown key 'Fast'", "fast"},
	      {2, 18, "key 'must' does not belong here, but in two", "two.must"},
	      {2, 41, "'limits' is here a second time; the first is in line 2", NULL},
	      {3, 1, "'one' is here a second time; the first is in line 2", NULL});
	CHECK("one:\n  zones: {one: 1}\n  pools: {a: {name: b, range: '::'}}\n",
	      {2, 10, "key 'origin' is missing here", NULL},
	      {2, 10, "key 'file' is missing here", NULL},
	      {2, 11, "key 'one' does not belong here, but in the top level", NULL},
	      {3, 15, "key 'name' does not belong here, but in one", "one.name"});
}

static void a_file_without_a_map_is_refused(void **state)
{
	(void)state;
	CHECK("", {1, 1, "the file is empty: it configures no service", NULL});
	CHECK("# nothing\n\n", {1, 1, "the file is empty: it configures no service", NULL});
	CHECK("one\n", {1, 1, "this is no configuration", NULL});
	CHECK("- one:\n", {1, 1, "this is no configuration", NULL});
	CHECK("one: 1\n", {1, 6, "wrong value for 'one'", NULL});
	CHECK("one: []\n", {1, 6, "wrong value for 'one'", NULL});
}

static void words_of_a_table_are_read_by_it(void **state)
{
	(void)state;
	static const char text[] = "one:\n  colours:\n    mix: [1, {a: 2, b: 3}]\n    red: 4\n"
				   "    \"7\": 5\n    green: []\ntwo: {must: \"::1\"}\n";
	static const char good[] = "one:\n  colours:\n    mix: {a: 2, b: 3}\n    red: 4\n"
				   "    \"7\": [5]\ntwo: {must: \"::1\"}\n";
	struct config *c = NULL;
	struct config_report r = {0};

	assert_int_equal(sample_parse(span_text(text), &c, &r), ERR_CONFIG);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.errors[0].message, "value of 'green' is one number");
	config_report_done(&r);
	assert_int_equal(sample_parse(span_text(good), &c, &r), OK);
	const struct sample_one *one = config_section(c, "one");
	const struct sample_colour *colours = one->colours.items;
	assert_int_equal(one->colours.n, 3);
	assert_string_equal(colours[0].name, "mix");
	assert_int_equal(colours[0].sum, 5);
	assert_int_equal(colours[0].items, 1);
	assert_int_equal(colours[0].parts, 2);
	assert_false(colours[0].list);
	assert_string_equal(colours[2].name, "7");
	assert_true(colours[2].list);
	config_free(c);
	config_report_done(&r);
	CHECK("one:\n  colours: 3\n", {2, 12, "wrong value for 'colours'", NULL});
	CHECK("one:\n  colours: {reed: 3}\n", {2, 13, "unknown word 'reed' in 'colours'", "red"});
	CHECK("one:\n  colours: {\"1\": 1, \"2\": 1, \"3\": 1, \"4\": 1, \"5\": 1, \"6\": 1, "
	      "\"7\": 1, \"8\": 1, \"9\": 1}\n",
	      {2, 12, "'colours' has 9 items; expected 0 to 8", NULL});
}

static void tells_errors_of_yaml_with_their_place(void **state)
{
	(void)state;
	CHECK("one:\n\tfast: on\n", {2, 1, "a tab indents this line; YAML wants spaces", NULL});
	CHECK("one:\n  words:\n    - a\n   - b\n",
	      {4, 4, "this '-' stands under no other '-' of its list", NULL});
	CHECK("one:\n  fast: on\n small: 1\n",
	      {3, 2, "this key stands under no other key of its map", NULL});
	CHECK("one:\n  words: [a, b\n", {2, 10, "this '[' has no ']'", NULL});
	CHECK("one:\n  listen: [::1]:53\n",
	      {2, 16, "invalid value after mapping; an IPv6 endpoint must be quoted: \"[::1]:53\"",
	       NULL});
	CHECK("one:\n  identity: a: b\n",
	      {2, 14, "a second ': ' on one line; quote the value if the ':' belongs to it", NULL});
	CHECK("one:\n  identity: `a\n",
	      {2, 13, "no value may begin with this character; quote the value", NULL});
	CHECK("one:\n  identity: 'a\n", {2, 14, "the closing quote is missing", NULL});
	CHECK("one:\n  fast:on\n  small: 1\n",
	      {2, 3,
	       "this value and the next line read as one key: the next line has the wrong "
	       "indentation, or a ':' is missing",
	       NULL});
}

static void goes_on_at_the_next_section_after_an_error_of_yaml(void **state)
{
	(void)state;
	CHECK("one:\n"
	      "  fast: @\n"
	      "  small: 999\n"
	      "two:\n"
	      "  must: [\n"
	      "global:\n"
	      "  sandbx: on\n"
	      "  log: {level: loud}\n",
	      {2, 9, "no value may begin with this character; quote the value", NULL},
	      {5, 9, "this '[' has no ']', or its lines are not indented", NULL},
	      {7, 3, "unknown key 'sandbx'", "sandbox"}, {8, 16, "wrong value for 'level'", NULL});
}

static void refuses_what_makes_a_file_say_what_one_does_not_see(void **state)
{
	(void)state;
	CHECK("one: &a {fast: *a}\n",
	      {1, 9, "anchors (&name) are not used here; write the value itself", NULL},
	      {1, 17, "aliases (*name) are not used here; write the value itself", NULL});
	CHECK("one: {small: !!int 5}\n",
	      {1, 20, "tags (!name) are not used here; the key alone gives the type", NULL});
	CHECK("one:\n---\ntwo:\n",
	      {2, 1, "a second document begins; a configuration is one document", NULL});
	CHECK("# x\n%YAML 1.1\n---\none:\n",
	      {2, 1, "directives (%YAML, %TAG) are not used here; delete this line", NULL});
	CHECK("one:\r\n  small: 1\r  fast: on\n",
	      {2, 11, "a carriage return without a line feed does not end a line (U+000D)", NULL});
	CHECK("one: {identity: \"\xea\xb0\x80\x07\"}\n",
	      {1, 19, "a control character (U+0007)", NULL});
	CHECK("one:\n  \xff\xc0\xaf", {2, 3, "this octet is not UTF-8 (0xFF)", NULL},
	      {2, 4, "this octet is not UTF-8 (0xC0)", NULL},
	      {2, 5, "this octet is not UTF-8 (0xAF)", NULL});
	CHECK("one: {? [a] : b}\n", {1, 9, "a key must be a word, not a list or a map", NULL});
}

static void a_nul_in_the_file_is_refused(void **state)
{
	(void)state;
	static const char text[] = "one: {}\n\0two: {}\n";
	struct config *c = NULL;
	struct config_report r = {0};
	assert_int_equal(sample_parse(span_of(text, sizeof(text) - 1), &c, &r), ERR_CONFIG);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.errors[0].line, 2);
	assert_string_equal(r.errors[0].message, "a control character (U+0000)");
	config_report_done(&r);
}

static void the_number_of_errors_shown_is_bounded(void **state)
{
	(void)state;
	static char text[65536];
	size_t at = (size_t)snprintf(text, sizeof(text), "one:\n");
	for (int i = 0; i < 250; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "  nothing%d: 1\n", i);
	struct config *c = NULL;
	struct config_report r = {0};
	assert_int_equal(sample_parse(span_of(text, at), &c, &r), ERR_CONFIG);
	assert_int_equal(r.n, CONFIG_ERRORS_MAX);
	assert_int_equal(r.more, 150);
	assert_int_equal(r.errors[99].line, 101);
	config_report_done(&r);
}

/* text repeated to n octets. */
static enum err parse_repeated(const char *text, size_t n, struct config_report *r)
{
	struct config *c = NULL;
	char *all = malloc(n);
	assert_non_null(all);
	for (size_t i = 0; i < n; i++)
		all[i] = text[i % strlen(text)];
	enum err err = sample_parse(span_of(all, n), &c, r);
	free(all);
	config_free(c);
	return err;
}

static void the_length_depth_and_number_of_values_are_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
		size_t n;
	} cases[] = {
		{"#", "the file is longer than 16777216 octets", CONFIG_TEXT_MAX + 1},
		{"[", "lists and maps are nested too deep here", 1000},
		{"- ", "lists and maps are nested too deep here", 1000},
		{"- a\n", "too many values in one file", CONFIG_TEXT_MAX},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_report r = {0};
		assert_int_equal(parse_repeated(cases[i].text, cases[i].n, &r), ERR_CONFIG);
		assert_int_equal(r.n, 1);
		assert_string_equal(r.errors[0].message, cases[i].message);
		config_report_done(&r);
	}
}

static void a_byte_order_mark_and_crlf_do_no_harm(void **state)
{
	(void)state;
	struct config *c = NULL;
	struct config_report r = {0};
	assert_int_equal(sample_parse(span_text("\xef\xbb\xbfone:\r\n  identity: x\r\n"), &c, &r),
			 OK);
	const struct sample_one *o = config_section(c, "one");
	assert_string_equal(o->identity, "x");
	config_free(c);
	config_report_done(&r);
	CHECK("\xef\xbb\xbf"
	      "on:\r\n",
	      {1, 1, "unknown section 'on'", "one"});
}

static const char whole[] = "global: {log: {level: debug}}\n"
			    "one:\n"
			    "  listen: [127.0.0.1, \"[::1]:5300\"]\n"
			    "  secret: file:key\n"
			    "  words:\n"
			    "  - >\n"
			    "    a\n"
			    "    b\n"
			    "  - \"\\x41\"\n"
			    "  zones: [{origin: a.b, file: c}]\n"
			    "  pools:\n"
			    "    'x': {range: 1.1.1.1-1.1.1.2}\n"
			    "two: {must: ::1}\n";

static void parse_and_forget(const uint8_t *data, size_t len)
{
	struct config *c = NULL;
	struct config_report r = {0};
	enum err err = sample_parse(span_of(data, len), &c, &r);
	assert_true(err == OK ? c && r.n == 0 : err == ERR_CONFIG && !c && r.n > 0);
	config_report_done(&r);
	config_free(c);
}

static void every_prefix_and_bit_flip_is_read_or_refused(void **state)
{
	(void)state;
	guard_every_prefix(whole, sizeof(whole) - 1, parse_and_forget);
	guard_every_bit_flip(whole, sizeof(whole) - 1, parse_and_forget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_three_errors_of_one_file_at_once),
		cmocka_unit_test(tells_keys_that_are_unknown_twice_or_elsewhere),
		cmocka_unit_test(a_file_without_a_map_is_refused),
		cmocka_unit_test(words_of_a_table_are_read_by_it),
		cmocka_unit_test(tells_errors_of_yaml_with_their_place),
		cmocka_unit_test(goes_on_at_the_next_section_after_an_error_of_yaml),
		cmocka_unit_test(refuses_what_makes_a_file_say_what_one_does_not_see),
		cmocka_unit_test(a_nul_in_the_file_is_refused),
		cmocka_unit_test(the_number_of_errors_shown_is_bounded),
		cmocka_unit_test(the_length_depth_and_number_of_values_are_bounded),
		cmocka_unit_test(a_byte_order_mark_and_crlf_do_no_harm),
		cmocka_unit_test(every_prefix_and_bit_flip_is_read_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
