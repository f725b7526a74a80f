#include "service/nat/conf.h"

#include "config/config.h"
#include "config/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

static enum err parse(const char *more, struct config **ret, struct config_report *report)
{
	static char text[1024]; /* why-global: the configuration may point into it */
	(void)snprintf(text, sizeof(text), "nat:\n  outside: wan0\n  inside: lan0\n%s\n", more);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	return config_parse(&sections, &in, ret, report);
}

/* One error, in line 4 or below, that has these words. */
static void refused(const char *more, const char *words)
{
	struct config *c = NULL;
	struct config_report report = {0};
	assert_int_equal(parse(more, &c, &report), ERR_CONFIG);
	if (report.n != 1 || report.errors[0].line < 4 || !strstr(report.errors[0].message, words))
		fail_msg("%s: %zu errors, the first: %s", more, report.n, report.errors[0].message);
	config_report_done(&report);
}

static void refuses_prefixes_that_cannot_be_translated(void **state)
{
	(void)state;
	refused("  nptv6: {inside: \"fd01:2:3::/48\", outside: \"2001:470::/32\"}", "same length");
	refused("  nptv6: {inside: 10.0.0.0/8, outside: 11.0.0.0/8}", "prefixes of IPv6");
	refused("  nptv6: {inside: \"fd01::/80\", outside: \"2001:470::/80\"}", "up to /64");
	refused("  nptv6: {inside: \"2001:470::/48\", outside: \"fd01::/48\"}", "private");
	refused("  nptv6: {inside: \"2001:470::/48\", outside: \"2001:470::/48\"}", "overlap");
	refused("  nptv6:\n    - {inside: \"fd01:2:3::/48\", outside: \"2001:470:1::/48\"}\n"
		"    - {inside: \"fd01:2:3:4::/64\", outside: \"2001:470:2:1::/64\"}",
		"in line 5 already");
}

static void refuses_prefixes_that_nat64_does_not_know(void **state)
{
	(void)state;
	refused("  nat64: 64:ff9b::/95", "32, 40, 48, 56, 64 or 96");
	refused("  nat64: 10.0.0.0/8", "32, 40, 48, 56, 64 or 96");
	refused("  nat64: 2001:470:0:0:100::/96", "bits 64 to 71");
	refused("  ipv6: off\n  nat64: 64:ff9b::/96", "need it");
}

static void reads_what_stands_there(void **state)
{
	struct config *c = NULL;
	struct config_report report = {0};
	(void)state;
	assert_int_equal(parse("  nptv6: {inside: \"fd01:203:405::/48\", outside: "
			       "\"2001:470:1::/48\"}\n  nat64: 64:ff9b::/96",
			       &c, &report),
			 OK);
	const struct nat_conf *conf = config_section(c, "nat");
	const struct nat_prefix_conf *prefixes = conf->v6.prefixes.items;
	assert_true(conf->v6.forward);
	assert_int_equal(conf->v6.prefixes.n, 1);
	assert_int_equal(prefixes[0].inside.bits, 48);
	assert_int_equal(prefixes[0].line, 4);
	assert_int_equal(conf->v6.nat64.bits, 96);
	config_free(c);
	config_report_done(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_prefixes_that_cannot_be_translated),
		cmocka_unit_test(refuses_prefixes_that_nat64_does_not_know),
		cmocka_unit_test(reads_what_stands_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
