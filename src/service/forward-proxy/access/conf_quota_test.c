#include "service/forward-proxy/access/conf_quota.h"

#include "base/arena.h"
#include "service/forward-proxy/access/quota.h"

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
	struct config_list quotas;
};

static const struct config_key keys[] = {{.name = "quotas",
					  .type = CONFIG_MAP,
					  .flags = CONFIG_LIST,
					  CONFIG_FIELD(struct whole, quotas),
					  .map = &forward_quota_map,
					  .items_max = QUOTAS_MAX,
					  .help = "quotas"}};
static const struct config_map map = {.help = "A proxy",
				      .size = sizeof(struct whole),
				      CONFIG_KEYS(keys),
				      .example = "quotas: []"};
static const struct config_section section = {"proxy", &map};
static const struct config_sections sections = {&section, 1};

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static void refuses_what_is_no_quota(void **state)
{
	(void)state;
	refused("proxy:\n  quotas: {bytes: 1G, every: day}\n", 2, 11, "'name'");
	refused("proxy:\n  quotas: {name: a, bytes: 1G}\n", 2, 11, "'every'");
	refused("proxy:\n  quotas: {name: a, every: day}\n", 2, 11, "nothing is limited");
	refused("proxy:\n  quotas: {name: A b, bytes: 1G, every: day}\n", 2, 18, "no name");
	refused("proxy:\n  quotas: {name: a, bytes: 10, every: day}\n", 2, 28, "less than 1K");
	refused("proxy:\n  quotas: {name: a, up: 1, bytes: 1G, every: day}\n", 2, 25,
		"less than 1K");
	refused("proxy:\n  quotas: {name: a, bytes: 1G, every: year}\n", 2, 39,
		"wrong value for 'every'");
	refused("proxy:\n  quotas: {name: a, bytes: 1G, every: day, at: \"24:00\"}\n", 2, 48,
		"no time of the day");
	refused("proxy:\n  quotas: {name: a, bytes: 1G, every: month, weekday: mon}\n", 2, 55,
		"every: week");
	refused("proxy:\n  quotas: {name: a, bytes: 1G, every: week, day: 3}\n", 2, 50,
		"every: month");
	refused("proxy:\n  quotas: {name: a, bytes: 1G, every: day, rate: 1M}\n", 2, 50,
		"then: slow");
	refused("proxy:\n  quotas: {name: a, bytes: 1G, every: day, by: group}\n", 2, 48,
		"write `groups`");
}

static void reads_what_is_written(void **state)
{
	(void)state;
	struct config *c = conf_parse(
		&sections, "proxy:\n  quotas:\n    - {name: guests, bytes: 10G, every: month}\n"
			   "    - {name: kids, down: 2G, up: 1G, every: week, weekday: sat, "
			   "at: \"6:30\", by: group, groups: kids, users: ann, "
			   "from: 10.0.0.0/8, then: slow, rate: 1K}\n");
	const struct whole *w = config_section(c, "proxy");
	struct quotas q = {0};
	struct arena a;
	arena_init(&a, 1 << 20);
	assert_int_equal(forward_quotas(&a, &w->quotas, &q), OK);
	assert_int_equal(q.n, 2);
	assert_string_equal(q.items[0].name, "guests");
	assert_int_equal(q.items[0].bytes, INT64_C(10) << 30);
	assert_int_equal(q.items[0].period.every, PERIOD_MONTH);
	assert_int_equal(q.items[0].period.day, 1);
	assert_int_equal(q.items[0].period.minute, 0);
	assert_int_equal(q.items[0].by, QUOTA_BY_ADDRESS);
	assert_int_equal(q.items[0].then, QUOTA_REFUSE);
	assert_int_equal(q.items[1].ways[BANDWIDTH_DOWN], INT64_C(2) << 30);
	assert_int_equal(q.items[1].ways[BANDWIDTH_UP], INT64_C(1) << 30);
	assert_int_equal(q.items[1].period.every, PERIOD_WEEK);
	assert_int_equal(q.items[1].period.weekday, 5);
	assert_int_equal(q.items[1].period.minute, 390);
	assert_int_equal(q.items[1].by, QUOTA_BY_GROUP);
	assert_int_equal(q.items[1].then, QUOTA_SLOW);
	assert_int_equal(q.items[1].rate, 1024);
	assert_string_equal(q.items[1].whom.groups[0], "kids");
	assert_string_equal(q.items[1].whom.users[0], "ann");
	assert_int_equal(q.items[1].whom.from_n, 1);
	arena_done(&a);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_is_no_quota),
		cmocka_unit_test(reads_what_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
