#include "service/forward-proxy/inspect/conf_inspect.h"

#include "base/arena.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/inspect/skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

struct whole {
	struct forward_inspect_conf inspection;
};

static const struct config_key keys[] = {{.name = "inspection",
					  .type = CONFIG_MAP,
					  CONFIG_FIELD(struct whole, inspection),
					  .map = &forward_inspect_map,
					  .help = "whose"}};
static const struct config_map map = {.help = "A proxy",
				      .size = sizeof(struct whole),
				      CONFIG_KEYS(keys),
				      .example = "inspection: {groups: [kids]}"};
static const struct config_section section = {"proxy", &map};
static const struct config_sections sections = {&section, 1};

#define HEAD "proxy:\n  inspection: "

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static void refuses_what_is_for_nobody(void **state)
{
	(void)state;
	refused(HEAD "{}\n", 2, 15, "whose TLS is to be inspected?");
	refused(HEAD "{skip: [a.example]}\n", 2, 15, "whose TLS is to be inspected?");
	refused(HEAD "{group: [kids]}\n", 2, 16, "unknown key 'group'");
}

static void refuses_what_is_no_name(void **state)
{
	(void)state;
	refused(HEAD "{groups: [a], skip: [\"a b\"]}\n", 2, 36, "is no name");
	refused(HEAD "{groups: [a], skip: [b.example, 192.0.2.0/24]}\n", 2, 47, "is no name");
	refused(HEAD "{groups: [a], skip: [\"*.Bank.example\"]}\n", 2, 36, "write 'bank.example'");
	refused(HEAD "{groups: [a], times: {from: \"25:00\"}}\n", 2, 43, "no time of the day");
}

/* Whoever fits, and nobody else, whatever is not known. */
static void lets_pass_whom_all_fits(void **state)
{
	struct access_rules rules;
	struct inspect_skip skip;
	struct access_verdict v;
	struct arena a;
	(void)state;
	struct config *c = conf_parse(&sections, HEAD "{users: [ann], from: 10.0.0.0/8, skip: "
						      "[Bank.example, gov]}\n");
	const struct whole *w = config_section(c, "proxy");
	arena_init(&a, 1 << 20);
	assert_int_equal(forward_inspect_rules(&a, &w->inspection, &rules, &skip), OK);
	struct access_facts f = {.client = {.family = 4, .bytes = {10, 1, 2, 3}},
				 .user = span_text("ann"),
				 .secure = true};
	access_judge(&rules, &f, &v);
	assert_int_equal(v.answer, ACCESS_PASS);
	f.user = span_text("bob");
	access_judge(&rules, &f, &v);
	assert_int_not_equal(v.answer, ACCESS_PASS);
	f.user = (struct span){0};
	access_judge(&rules, &f, &v);
	assert_int_not_equal(v.answer, ACCESS_PASS);
	f.user = span_text("ann");
	f.client.bytes[0] = 11;
	access_judge(&rules, &f, &v);
	assert_int_not_equal(v.answer, ACCESS_PASS);
	assert_true(inspect_skip_has(&skip, span_text("www.bank.example")));
	assert_true(inspect_skip_has(&skip, span_text("tax.gov")));
	assert_false(inspect_skip_has(&skip, span_text("example")));
	arena_done(&a);
	config_free(c);
}

static enum access_member unknown(const void *arg, const char *group)
{
	(void)arg, (void)group;
	return ACCESS_MEMBER_UNKNOWN;
}

static void nobody_is_inspected_while_groups_are_not_known(void **state)
{
	struct access_rules rules;
	struct inspect_skip skip;
	struct access_verdict v;
	struct arena a;
	(void)state;
	struct config *c = conf_parse(&sections, HEAD "{groups: [kids]}\n");
	const struct whole *w = config_section(c, "proxy");
	arena_init(&a, 1 << 20);
	assert_int_equal(forward_inspect_rules(&a, &w->inspection, &rules, &skip), OK);
	const struct access_facts f = {.client = {.family = 4, .bytes = {10, 1, 2, 3}},
				       .member = unknown};
	access_judge(&rules, &f, &v);
	assert_int_not_equal(v.answer, ACCESS_PASS);
	arena_done(&a);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_is_for_nobody),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(lets_pass_whom_all_fits),
		cmocka_unit_test(nobody_is_inspected_while_groups_are_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
