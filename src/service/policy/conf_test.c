/* The `policy` section: its schema, its refusals, and the policy that is made of it. */
#include "service/policy/conf.h"

#include "config/config.h"
#include "policy/safe_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/conf.h"

static const struct config_section policy[] = {{"policy", &policy_conf_map}};
static const struct config_sections sections = {policy, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static void refuses_lists_of_nothing_and_of_two_things(void **state)
{
	(void)state;
	conf_refused(&sections, "policy:\n  lists: {a: {}}\n", 2, 14, "one of url, file and lines");
	conf_refused(&sections, "policy:\n  lists: {a: {url: \"https://x/\", file: x}}\n", 2, 14,
		     "one of url, file and lines");
	conf_refused(&sections, "policy:\n  lists: {a: {url: \"ftp://x/\"}}\n", 2, 20, "https://");
	conf_refused(&sections, "policy:\n  lists: {a: {url: \"https://x y/\"}}\n", 2, 20,
		     "no URL");
	conf_refused(&sections, "policy:\n  lists: {a: {url: \"https://me@x/\"}}\n", 2, 20,
		     "no URL");
	conf_refused(&sections, "policy:\n  lists: {a: {url: \"https://x:99999/\"}}\n", 2, 20,
		     "no URL");
	conf_refused(&sections, "policy:\n  lists: {a: {file: x, refresh: 1h}}\n", 2, 33,
		     "only what has a url");
	conf_refused(&sections, "policy:\n  lists: {a: {lines: [\"||x^\", \"x##.y\"]}}\n", 2, 31,
		     "no rule about names");
}

static void refuses_what_is_not_named(void **state)
{
	(void)state;
	conf_refused(&sections, "policy:\n  rules: [{groups: [kids], names: [x.example]}]\n", 2, 21,
		     "no 'kids' among the groups");
	conf_refused(&sections, "policy:\n  rules: [{lists: [ads]}]\n", 2, 20,
		     "no 'ads' among the lists");
	conf_refused(&sections, "policy:\n  rules: [{names: [x.example], schedule: night}]\n", 2,
		     42, "no 'night' among the schedules");
}

static void refuses_rules_that_contradict_themselves(void **state)
{
	(void)state;
	conf_refused(&sections, "policy:\n  rules: [{groups: []}]\n", 2, 11,
		     "which lists or names");
	conf_refused(&sections, "policy:\n  rules: [{names: [x.example], engines: [bing]}]\n", 2,
		     41, "only `action: safe-search`");
	conf_refused(&sections, "policy:\n  rules: [{action: safe-search, names: [x.example]}]\n",
		     2, 40, "not about lists");
}

static void refuses_hours_and_hardware_addresses_that_are_none(void **state)
{
	(void)state;
	conf_refused(&sections, "policy:\n  schedules: {n: {times: {from: \"25:00\"}}}\n", 2, 33,
		     "no time of the day");
	conf_refused(&sections, "policy:\n  schedules: {n: {times: {to: \"1200\"}}}\n", 2, 31,
		     "no time of the day");
	conf_refused(&sections, "policy:\n  groups: {g: {clients: {macs: [\"02:00:5e\"]}}}\n", 2,
		     33, "no hardware address");
	conf_refused(&sections, "policy:\n  groups: {g: {}}\n", 2, 15, "nobody is in this group");
}

static const char whole[] =
	"policy:\n"
	"  groups:\n"
	"    kids: {clients: {addresses: [192.168.7.0/24], macs: [\"02-00-5E-00-53-01\"]}}\n"
	"    staff: {clients: {users: [alice]}, except: {peers: [phone]}}\n"
	"  lists:\n"
	"    ads: {url: \"https://lists.example/ads\", refresh: 2h}\n"
	"    own: {file: own.txt, subdomains: on}\n"
	"    few: {lines: [\"||few.example^\", few.test]}\n"
	"  schedules:\n"
	"    night: {times: [{days: [mon, sun], from: \"21:00\", to: \"06:30\"}]}\n"
	"  rules:\n"
	"    - {lists: [ads, few]}\n"
	"    - {groups: [kids], names: [\"||games.example^\"], schedule: night, reason: bed}\n"
	"    - {groups: [kids, staff], action: safe-search, engines: [bing]}\n"
	"    - {groups: [staff], action: allow, lists: [own]}\n";

static void becomes_a_setup(void **state)
{
	(void)state;
	struct config *c = conf_parse(&sections, whole);
	struct policy_conf_setup *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	assert_int_equal(policy_conf_setup(config_section(c, "policy"), s), OK);
	assert_int_equal(s->setup.groups_n, 2);
	assert_int_equal(s->setup.members_n, 4);
	assert_int_equal(s->members[1].kind, POLICY_MEMBER_MAC);
	assert_int_equal(s->members[1].mac[5], 1);
	assert_true(s->members[3].except);
	assert_int_equal(s->setup.lists_n, 4);
	assert_int_equal(s->sources[0].kind, POLICY_SOURCE_URL);
	assert_int_equal(s->sources[0].refresh_ms, 7200000);
	assert_int_equal(s->sources[1].kind, POLICY_SOURCE_FILE);
	assert_true(s->lists[1].subdomains);
	assert_true(span_is(s->sources[2].lines, "||few.example^\nfew.test\n"));
	assert_true(span_is(s->sources[3].lines, "||games.example^\n"));
	assert_true(span_is(s->lists[3].name, "rule 2"));
	assert_int_equal(s->rules[0].lists[0], 1 << 0 | 1 << 2);
	assert_int_equal(s->rules[0].schedule, POLICY_ALWAYS);
	assert_int_equal(s->rules[1].lists[0], 1 << 3);
	assert_int_equal(s->rules[1].groups, 1);
	assert_int_equal(s->rules[1].schedule, 0);
	assert_true(span_is(s->rules[1].reason, "bed"));
	assert_int_equal(s->rules[2].engines, 1 << POLICY_ENGINE_BING);
	assert_int_equal(s->rules[2].groups, 3);
	assert_int_equal(s->rules[3].action, POLICY_ALLOW);
	assert_int_equal(s->schedules[0].schedule.windows[0].days, 1 | 1 << 6);
	assert_int_equal(s->schedules[0].schedule.windows[0].to, 390);
	policy_conf_setup_done(s);
	free(s);
	config_free(c);
}

static uint64_t hash_of(const char *text)
{
	struct config *c = conf_parse(&sections, text);
	struct policy_conf_setup *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	assert_int_equal(policy_conf_setup(config_section(c, "policy"), s), OK);
	uint64_t h = s->setup.configuration;
	policy_conf_setup_done(s);
	free(s);
	config_free(c);
	return h;
}

static void any_change_changes_the_hash(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"policy: {lists: {a: {lines: [x.example]}}, rules: [{lists: [a]}]}",
		"policy: {lists: {a: {lines: [y.example]}}, rules: [{lists: [a]}]}",
		"policy: {lists: {a: {lines: [x.example], subdomains: on}}, rules: [{lists: [a]}]}",
		"policy: {lists: {a: {file: x.example}}, rules: [{lists: [a]}]}",
		"policy: {lists: {a: {file: y.example}}, rules: [{lists: [a]}]}",
		"policy: {lists: {b: {lines: [x.example]}}, rules: [{lists: [b]}]}",
		"policy: {lists: {a: {lines: [x.example]}}, rules: [{lists: [a], action: allow}]}",
	};
	enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
	for (size_t i = 0; i < TEXTS; i++) {
		assert_int_equal(hash_of(texts[i]), hash_of(texts[i]));
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(hash_of(texts[i]), hash_of(texts[k]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_lists_of_nothing_and_of_two_things),
		cmocka_unit_test(refuses_what_is_not_named),
		cmocka_unit_test(refuses_rules_that_contradict_themselves),
		cmocka_unit_test(refuses_hours_and_hardware_addresses_that_are_none),
		cmocka_unit_test(becomes_a_setup),
		cmocka_unit_test(any_change_changes_the_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
