#include "service/forward-proxy/access/conf_bandwidth.h"

#include "base/arena.h"
#include "service/forward-proxy/access/bandwidth.h"

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
	struct config_list bandwidth;
};

static const struct config_key keys[] = {{.name = "bandwidth",
					  .type = CONFIG_MAP,
					  .flags = CONFIG_LIST,
					  CONFIG_FIELD(struct whole, bandwidth),
					  .map = &forward_bandwidth_map,
					  .items_max = BANDWIDTH_LIMITS_MAX,
					  .help = "limits"}};
static const struct config_map map = {.help = "A proxy",
				      .size = sizeof(struct whole),
				      CONFIG_KEYS(keys),
				      .example = "bandwidth: []"};
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

static void refuses_what_limits_nothing(void **state)
{
	(void)state;
	refused("proxy:\n  bandwidth: {from: 10.0.0.0/8}\n", 2, 14, "nothing is limited");
	refused("proxy:\n  bandwidth: {down: 100}\n", 2, 21, "less than 1K");
	refused("proxy:\n  bandwidth: {down: 1M, up: 1}\n", 2, 29, "less than 1K");
	refused("proxy:\n  bandwidth: {down: 1M, by: usr}\n", 2, 29, "wrong value for 'by'");
}

static void reads_what_is_written(void **state)
{
	(void)state;
	struct config *c =
		conf_parse(&sections, "proxy:\n  bandwidth:\n    - {down: 2M, up: 512K}\n"
				      "    - {by: all, from: 10.0.0.0/8, groups: kids, users: ann, "
				      "down: 1K}\n");
	const struct whole *w = config_section(c, "proxy");
	struct bandwidth_limits l;
	struct arena a;
	arena_init(&a, 1 << 20);
	assert_int_equal(forward_bandwidth_limits(&a, &w->bandwidth, &l), OK);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.items[0].by, BANDWIDTH_BY_ADDRESS);
	assert_int_equal(l.items[0].rates[BANDWIDTH_DOWN], 2 << 20);
	assert_int_equal(l.items[0].rates[BANDWIDTH_UP], 512 << 10);
	assert_int_equal(l.items[1].by, BANDWIDTH_BY_ALL);
	assert_int_equal(l.items[1].rates[BANDWIDTH_UP], 0);
	assert_int_equal(l.items[1].from_n, 1);
	assert_string_equal(l.items[1].groups[0], "kids");
	assert_string_equal(l.items[1].users[0], "ann");
	arena_done(&a);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_limits_nothing),
		cmocka_unit_test(reads_what_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
