#include "service/policy/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct policy_judged judged;

static const char *judge(const char *text, uint64_t before)
{
	return policy_judge(span_text(text), before, POLICY_SHRINKS_HALF, &judged);
}

static void what_is_no_list_takes_no_lists_place(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"<!DOCTYPE html><html><body>0.0.0.0 ads.example</body></html>",
		" \r\n\t<?xml version='1.0'?>",
		"\xef\xbb\xbf<html>",
		"{\"error\": \"not found\"}",
		"this is no list at all, it is an essay!\nand it goes on, too; \n",
		"ads.example\nnot a rule at all; or two\nnor this: one\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(judge(bad[i], 0));
	assert_string_equal(
		policy_judge(span_of("\x1f\x8b\0\0\0", 5), 0, POLICY_SHRINKS_HALF, &judged),
		"it is no text");
}

static void a_list_that_shrank_too_far_is_not_believed(void **state)
{
	(void)state;
	char text[4096];
	size_t len = 0;
	for (int i = 0; i < 49; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "||ads%d.example^\n", i);
	assert_null(judge(text, 98));
	assert_string_equal(judge(text, 100), "it has far fewer names than the last one");
	const struct span some = span_of(text, len), none = span_text("# nothing yet\n");
	assert_null(policy_judge(some, 100, POLICY_SHRINKS, &judged)); /* when it may */
	assert_string_equal(policy_judge(none, 1, POLICY_SHRINKS, &judged),
			    "there is no name in it, as there were in the last one");
	assert_null(policy_judge(none, 0, POLICY_SHRINKS, &judged));
	assert_null(policy_judge(none, 100, POLICY_SHRINKS_TO_NOTHING, &judged));
	assert_string_equal(judge("", 100), "it has far fewer names than the last one");
	assert_null(judge("ads.example\n", 49));
	assert_null(judge("# nothing yet\n", 0));
}

static void names_are_counted_as_they_are_taken(void **state)
{
	(void)state;
	assert_null(judge("! a comment\n0.0.0.0 a.example b.example # c\n||c.example^\r\n"
			  "@@||d.example^$important\nexample.org##.banner\n127.0.0.1 localhost\n",
			  0));
	assert_int_equal(judged.lines, 6);
	assert_int_equal(judged.names, 4);
	assert_int_equal(judged.bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_list_takes_no_lists_place),
		cmocka_unit_test(a_list_that_shrank_too_far_is_not_believed),
		cmocka_unit_test(names_are_counted_as_they_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
