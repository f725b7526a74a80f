#include "service/forward-proxy/access/conf_access.h"

#include "base/arena.h"
#include "policy/schedule.h"
#include "proxy/auth/basic_auth.h"
#include "service/forward-proxy/access/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"access", &forward_access_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void refuses_what_can_never_hold(void **state)
{
	(void)state;
	refused("access:\n  rules:\n    - {action: deny, ports: [x]}\n", 3, 30, "'x' is no port");
	refused("access:\n  rules:\n    - {action: deny, to: [a.test, \"*\"]}\n", 3, 35,
		"'*' is no place");
	refused("access:\n  rules:\n    - {action: deny, to: [2130706433]}\n", 3, 27,
		"'2130706433' is no place");
	refused("access:\n  rules:\n    - {action: deny, to: [10.0.0.1/8]}\n", 3, 27,
		"bits beyond the length");
	refused("access:\n  rules:\n    - {to: [a.test]}\n", 3, 7, "'action' is missing");
	refused("access:\n  rules:\n    - {action: allow, reason: no}\n", 3, 31,
		"nobody is refused");
	refused("access:\n  rules:\n    - {action: deny, times: {from: \"24:00\"}}\n", 3, 36,
		"no time of the day");
	refused("access:\n  rules:\n    - {action: deny, times: {to: \"7\"}}\n", 3, 34,
		"no time of the day");
	refused("access:\n  realm: 'a\"b'\n", 2, 10, "no quotes");
}

static void refuses_users_whom_nobody_knows(void **state)
{
	(void)state;
	refused("access:\n  rules:\n    - {action: allow, users: [anna]}\n", 3, 31,
		"there is no user 'anna'");
	refused("access:\n  rules:\n    - {action: allow, users: ['*']}\n", 3, 31,
		"there is no user '*'");
	refused("access:\n  otherwise: sign-in\n", 2, 14, "nobody can sign in");
	refused("access:\n  users: {anna: secret}\n", 2, 17, "no record of a password");
}

static void reads_what_is_written(void **state)
{
	(void)state;
	struct config *c = conf_parse(
		&sections,
		"access:\n"
		"  users: {anna: \"$argon2id$x\", ben: \"$2b$y\"}\n  otherwise: sign-in\n"
		"  rules:\n"
		"    - {action: deny, from: 10.7.0.0/16, to: [\"*.A.test\", 8.8.8.0/24], reason: "
		"r}\n"
		"    - {action: allow, users: [anna, \"*\"], ports: 80, groups: [kids], times: "
		"[{days: [sat, sun], from: \"7:30\"}]}\n");
	AUTO_DONE(arena_done) struct arena a = {0};
	arena_init(&a, 1 << 20);
	struct access_rules r;
	struct auth_users users;
	assert_int_equal(forward_access_rules(&a, config_section(c, "access"), &r, &users), OK);
	assert_int_equal(users.n, 2);
	assert_string_equal(users.items[0].name, "anna");
	assert_string_equal(users.items[1].record, "$2b$y");
	assert_int_equal(r.otherwise, ACCESS_OTHERWISE_SIGN_IN);
	assert_false(r.clear_passwords);
	assert_int_equal(r.rules_n, 2);
	const struct access_rule *deny = &r.rules[0], *allow = &r.rules[1];
	assert_true(deny->action == ACCESS_DENY && deny->from_n == 1 && deny->to_n == 2);
	assert_string_equal(deny->reason, "r");
	assert_true(deny->to[0].below && strcmp(deny->to[0].name, "a.test") == 0);
	assert_int_equal(deny->to[1].prefix.bits, 24);
	assert_true(allow->action == ACCESS_ALLOW && allow->users_n == 2 && allow->ports_n == 1);
	assert_true(deny->groups_n == 0 && !deny->times);
	assert_true(allow->groups_n == 1 && strcmp(allow->groups[0], "kids") == 0);
	assert_int_equal(allow->times->windows_n, 1);
	assert_int_equal(allow->times->windows[0].days, 1 << 5 | 1 << 6);
	assert_true(allow->times->windows[0].from == 450 && allow->times->windows[0].to == 1440);
	config_free(c);
}

static void lets_pass_unless_told(void **state)
{
	(void)state;
	struct config *c = conf_parse(&sections, "access: {}\n");
	AUTO_DONE(arena_done) struct arena a = {0};
	arena_init(&a, 1 << 20);
	struct access_rules r;
	struct auth_users users;
	assert_int_equal(forward_access_rules(&a, config_section(c, "access"), &r, &users), OK);
	assert_true(r.rules_n == 0 && users.n == 0 && r.otherwise == ACCESS_OTHERWISE_ALLOW);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_can_never_hold),
		cmocka_unit_test(refuses_users_whom_nobody_knows),
		cmocka_unit_test(reads_what_is_written),
		cmocka_unit_test(lets_pass_unless_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
