#include "service/forward-proxy/access/whom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

/* Of the group "kids", not of "guests"; of others nobody knows. */
static enum access_member member(const void *arg, const char *group)
{
	assert_ptr_equal(arg, &member);
	if (strcmp(group, "kids") == 0)
		return ACCESS_MEMBER;
	return strcmp(group, "guests") == 0 ? ACCESS_MEMBER_NOT : ACCESS_MEMBER_UNKNOWN;
}

static struct access_facts facts(const char *client, const char *user)
{
	struct access_facts f = {
		.user = span_text(user), .member = member, .member_arg = (const void *)&member};
	assert_int_equal(ip_address_parse(span_text(client), &f.client), OK);
	return f;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static bool fits(const struct whom *w, const char *client, const char *user)
{
	struct access_facts f = facts(client, user);
	return whom_fits(w, &f);
}

static void nothing_is_for_everybody(void **state)
{
	(void)state;
	const struct whom w = {0};
	assert_true(fits(&w, "192.0.2.1", ""));
	assert_true(fits(&w, "2001:db8::1", "ann"));
	struct access_facts f = facts("192.0.2.1", "");
	assert_null(whom_group(&w, &f));
}

static void one_network_is_enough(void **state)
{
	(void)state;
	const struct ip_prefix from[] = {prefix("10.0.0.0/8"), prefix("2001:db8::/32")};
	const struct whom w = {.from = from, .from_n = 2};
	assert_true(fits(&w, "10.0.0.0", ""));
	assert_true(fits(&w, "10.255.255.255", ""));
	assert_true(fits(&w, "2001:db8:ffff::1", ""));
	assert_false(fits(&w, "9.255.255.255", ""));
	assert_false(fits(&w, "11.0.0.0", ""));
	assert_false(fits(&w, "2001:db9::", ""));
	/* All of a family is not all. */
	const struct ip_prefix four = prefix("0.0.0.0/0");
	const struct whom v4 = {.from = &four, .from_n = 1};
	assert_true(fits(&v4, "192.0.2.1", ""));
	assert_false(fits(&v4, "::1", ""));
}

static void a_star_is_whoever_is_signed_in(void **state)
{
	(void)state;
	static const char *const names[] = {"ann", "ben"}, *const star[] = {"*"};
	const struct whom w = {.users = names, .users_n = 2}, all = {.users = star, .users_n = 1};
	assert_true(fits(&w, "192.0.2.1", "ann"));
	assert_true(fits(&w, "192.0.2.1", "ben"));
	assert_false(fits(&w, "192.0.2.1", "an"));
	assert_false(fits(&w, "192.0.2.1", "anna"));
	assert_false(fits(&w, "192.0.2.1", "Ann"));
	assert_false(fits(&w, "192.0.2.1", "*"));
	assert_false(fits(&w, "192.0.2.1", ""));
	assert_true(fits(&all, "192.0.2.1", "cecil"));
	assert_false(fits(&all, "192.0.2.1", ""));
	/* A user without a name is nobody, even where the list has one. */
	static const char *const empty[] = {""};
	const struct whom nobody = {.users = empty, .users_n = 1};
	assert_false(fits(&nobody, "192.0.2.1", ""));
}

static const char *group_of(const char *const *groups, size_t n, bool known)
{
	const struct whom w = {.groups = groups, .groups_n = n};
	struct access_facts f = facts("192.0.2.1", "");
	if (!known)
		f.member = NULL;
	const char *found = whom_group(&w, &f);
	assert_int_equal(whom_fits(&w, &f), found != NULL);
	return found;
}

static void the_first_group_counts_and_the_unknown_is_for_the_worse(void **state)
{
	(void)state;
	static const char *const of[] = {"guests", "kids", "other"};
	static const char *const unsure[] = {"guests", "other", "kids"};
	assert_string_equal(group_of(of, 3, true), "kids");
	assert_string_equal(group_of(unsure, 3, true), "other");
	assert_null(group_of(of, 1, true));
	/* Nothing is known of anybody. */
	assert_string_equal(group_of(of, 3, false), "guests");
}

static void all_that_is_given_must_fit(void **state)
{
	(void)state;
	static const char *const users[] = {"ann"}, *const groups[] = {"kids"},
				 *const not [] = {"guests"};
	const struct ip_prefix from = prefix("192.0.2.0/24");
	struct whom w = {&from, 1, groups, 1, users, 1};
	assert_true(fits(&w, "192.0.2.1", "ann"));
	assert_false(fits(&w, "192.0.3.1", "ann"));
	assert_false(fits(&w, "192.0.2.1", "ben"));
	w.groups = not ;
	assert_false(fits(&w, "192.0.2.1", "ann"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_for_everybody),
		cmocka_unit_test(one_network_is_enough),
		cmocka_unit_test(a_star_is_whoever_is_signed_in),
		cmocka_unit_test(the_first_group_counts_and_the_unknown_is_for_the_worse),
		cmocka_unit_test(all_that_is_given_must_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
