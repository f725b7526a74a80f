#include "regex/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the five above it. */
#include <cmocka.h>

static void what_is_none_is_refused_with_its_place(void **state)
{
	(void)state;
	static const char *const none[] = {"(", "[a", "a{2,1}", "(?<n", "*a", "\\C"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct regex *r = NULL;
		char wrong[REGEX_WRONG_MAX] = "";
		assert_int_equal(regex_new(span_text(none[i]), &r, wrong), ERR_FORMAT);
		assert_non_null(strstr(wrong, "no regular expression: "));
		assert_non_null(strstr(wrong, "at character "));
		assert_null(r);
		assert_int_equal(regex_new(span_text(none[i]), &r, NULL), ERR_FORMAT);
	}
}

/* As PCRE2's own manual has it; a line for each: expression, subject, groups joined by a bar. */
static void groups_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *text, *subject, *groups;
	} cases[] = {
		{"^/a/(.*)$", "/a/b/c", "b/c"},
		{"\\.(png|jpe?g)$", "/x.jpg", "jpg"},
		{"\\.(png|jpe?g)$", "/x.JPG", NULL},
		{"(?i)\\.(png|jpe?g)$", "/x.JPG", "JPG"},
		{"^(a)?(b)$", "b", "|b"},
		{"", "", ""},
		{"^$", "", ""},
		{"a", "", NULL},
		{"(1)(2)(3)(4)(5)(6)(7)(8)(9)(0)", "1234567890", "1|2|3|4|5|6|7|8|9"},
		{"^(?=/a/)(?!/a/b/)", "/a/c", ""},
		{"^(?=/a/)(?!/a/b/)", "/a/b/c", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(regex_free) struct regex *r = NULL;
		struct span groups[REGEX_GROUPS_MAX];
		size_t n = 0;
		char text[64] = "";
		assert_int_equal(regex_new(span_text(cases[i].text), &r, NULL), OK);
		enum err e =
			regex_match(r, span_text(cases[i].subject), groups, REGEX_GROUPS_MAX, &n);
		assert_int_equal(e, cases[i].groups ? OK : ERR_ABSENT);
		for (size_t k = 0; k < n; k++) {
			if (k)
				strncat(text, "|", 2);
			strncat(text, groups[k].len ? (const char *)groups[k].data : "",
				groups[k].len);
		}
		assert_string_equal(text, cases[i].groups ? cases[i].groups : "");
	}
}

static void names_of_groups_are_numbers(void **state)
{
	(void)state;
	AUTO(regex_free) struct regex *r = NULL;
	assert_int_equal(regex_new(span_text("^(x)(?<user>.*)$"), &r, NULL), OK);
	assert_int_equal(regex_groups(r), 2);
	assert_int_equal(regex_group(r, span_text("user")), 2);
	assert_int_equal(regex_group(r, span_text("use")), 0);
}

/* Who makes a text for a bad expression costs a bounded time, and many places to go back to cost
 * bounded memory; both end as ERR_LIMIT and never as a match or none. */
static void bad_expressions_end(void **state)
{
	(void)state;
	static char subject[200001];
	memset(subject, 'a', sizeof(subject) - 1);
	/* The library sees at once that a subject without the last letter cannot match. */
	memcpy(subject + sizeof(subject) - 4, "cbd", 3);
	static const char *const bad[] = {"(a+)+b", "^(a|aa)+b", "^(?:(?:a|b)(?:a|c))*d"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(regex_free) struct regex *r = NULL;
		size_t n;
		assert_int_equal(regex_new(span_text(bad[i]), &r, NULL), OK);
		assert_int_equal(regex_match(r, span_text(subject), NULL, 0, &n), ERR_LIMIT);
	}
	/* What people write takes long texts. */
	memset(subject, 'a', sizeof(subject) - 1);
	AUTO(regex_free) struct regex *plain = NULL;
	struct span group;
	size_t n;
	assert_int_equal(regex_new(span_text("^(.*)\\.php$|^(a*)$"), &plain, NULL), OK);
	assert_int_equal(regex_match(plain, span_of(subject, 8000), &group, 1, &n), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_none_is_refused_with_its_place),
		cmocka_unit_test(groups_are_told),
		cmocka_unit_test(names_of_groups_are_numbers),
		cmocka_unit_test(bad_expressions_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
