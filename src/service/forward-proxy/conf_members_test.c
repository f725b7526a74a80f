#include "service/forward-proxy/conf_members.h"

#include "service/forward-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"forward-proxy", &forward_conf_map};
static const struct config_sections sections = {&section, 1};

#define HEAD  "forward-proxy:\n  listen: {address: 192.0.2.1}\n"
#define USERS "  access: {users: {ann: \"$2b$x\", ben: \"$2b$y\"}}\n"

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void taken(const char *text)
{
	config_free(conf_parse(&sections, text));
}

static void refuses_users_of_answers_that_there_are_not(void **state)
{
	(void)state;
	refused(HEAD "  answers: {types: none, users: ann}\n", 3, 33,
		"there is no user 'ann' in `access`");
	refused(HEAD USERS "  answers:\n    - {types: none, users: [ann, ben]}\n"
			   "    - {types: none, users: [ben, cecil]}\n",
		6, 34, "there is no user 'cecil' in `access`");
	refused(HEAD USERS "  answers: [{types: none, users: [an]}]\n", 4, 35, "no user 'an'");
	refused(HEAD "  answers: [{types: none, users: ['*']}]\n", 3, 35, "no user '*'");
	taken(HEAD USERS "  answers: [{types: none, users: ['*', ann]}]\n");
}

static void refuses_users_of_levels_that_there_are_not(void **state)
{
	(void)state;
	refused(HEAD "  privacy:\n    rules: {level: none, users: ann}\n", 4, 33,
		"there is no user 'ann' in `access`");
	refused(HEAD USERS "  privacy:\n    level: strict\n    rules:\n"
			   "      - {level: none, users: ann}\n"
			   "      - {level: proxy, users: [ann, '*', cecil]}\n",
		8, 42, "there is no user 'cecil' in `access`");
	taken(HEAD USERS "  privacy: {rules: [{level: none, users: ['*']}]}\n");
}

static void refuses_groups_without_a_policy(void **state)
{
	(void)state;
	refused(HEAD "  answers:\n    - {types: none}\n    - {types: none, groups: [kids, x]}\n", 5,
		30, "`policy: on`");
	refused(HEAD "  privacy:\n    rules:\n      - {level: none, groups: kids}\n", 5, 31,
		"`policy: on`");
	taken(HEAD "  policy: on\n  answers: [{types: none, groups: [kids]}]\n"
		   "  privacy: {rules: [{level: none, groups: kids}]}\n");
}

/* They come and go without this file. */
static void the_tunnels_users_are_users_here_too(void **state)
{
	(void)state;
	taken(HEAD "  policy: on\n  access: {vpn-users: password}\n"
		   "  answers: [{types: none, users: [whoever]}, {types: none, users: ['*']}]\n"
		   "  privacy: {rules: [{level: none, users: [whoever, '*']}]}\n");
	taken(HEAD "  policy: on\n  access: {vpn-users: code, users: {ann: \"$2b$x\"}}\n"
		   "  answers: [{types: none, users: [ann, whoever]}]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_users_of_answers_that_there_are_not),
		cmocka_unit_test(refuses_users_of_levels_that_there_are_not),
		cmocka_unit_test(refuses_groups_without_a_policy),
		cmocka_unit_test(the_tunnels_users_are_users_here_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
