#include "service/nat/conf_portctl.h"

#include "config/config.h"
#include "config/report.h"
#include "service/nat/conf.h"
#include "service/nat/portctl_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

#define BEGIN "nat:\n  outside: wan0\n  inside: lan0\n  zones: {guests: {interfaces: lan1}}\n"

static enum err parse(const char *text, struct config **ret, struct config_report *report)
{
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	return config_parse(&sections, &in, ret, report);
}

static void refused(const char *more, const char *words)
{
	struct config *c = NULL;
	struct config_report report = {0};
	char text[1024];
	(void)snprintf(text, sizeof(text), BEGIN "%s\n", more);
	assert_int_equal(parse(text, &c, &report), ERR_CONFIG);
	if (report.n != 1 || !strstr(report.errors[0].message, words) || report.errors[0].line != 5)
		fail_msg("%s: %zu errors, the first in line %u: %s", more, report.n,
			 report.errors[0].line, report.errors[0].message);
	config_report_done(&report);
}

static void refuses_what_means_nothing(void **state)
{
	(void)state;
	refused("  port-control: {pcp: on, allow: {from: nowhere.example}}", "no zone, address");
	refused("  port-control: {pcp: on, allow: {from: outside}}", "no zone inside");
	refused("  port-control: {pcp: on, allow: {from: gateway}}", "no zone inside");
	refused("  port-control: {pcp: on, allow: [{from: inside}, {traffic: ping}]}", "ping");
	refused("  port-control: {pcp: on, allow: {traffic: 80/sctp}}", "80/sctp");
	refused("  port-control: {pcp: on, lifetime-min: 2h, lifetime-max: 1h}", "lifetime-min");
	refused("  port-control: {pcp: on, mappings: 0}", "mappings");
}

static bool allows(const struct portctl_rules *r, const char *zone, const char *host,
		   uint8_t protocol, uint16_t port)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(host), &a), OK);
	return portctl_rules_allow(r, &(struct portctl_subject){zone, &a, protocol, port, port});
}

static struct portctl_rules *rules_of(const char *more, struct config **ret)
{
	struct config_report report = {0};
	struct portctl_rules *r = NULL;
	char text[1024];
	(void)snprintf(text, sizeof(text), BEGIN "%s\n", more);
	if (parse(text, ret, &report))
		fail_msg("%s", report.n ? report.errors[0].message : "?");
	config_report_done(&report);
	const struct nat_conf *nat = config_section(*ret, "nat");
	assert_int_equal(portctl_rules_new(nat, &nat->port_control, &r), OK);
	return r;
}

static void all_is_off_and_high_ports_are_everybodys_unless_set(void **state)
{
	(void)state;
	struct config *c = NULL;
	struct portctl_rules *r = rules_of("", &c);
	const struct nat_conf *nat = config_section(c, "nat");
	assert_false(portctl_conf_on(&nat->port_control));
	assert_true(allows(r, "inside", "192.168.1.5", 6, 1024));
	assert_true(allows(r, "guests", "2001:db8::5", 17, 65535));
	assert_false(allows(r, "inside", "192.168.1.5", 6, 1023));
	assert_false(allows(r, "inside", "192.168.1.5", 132, 5000));
	assert_int_equal(r->mappings_max, 1024);
	assert_int_equal(r->host_mappings_max, 32);
	assert_true(r->lifetime_min_s == 120 && r->lifetime_max_s == 86400);
	assert_int_equal(r->third_party_n, 0);
	portctl_rules_free(r);
	config_free(c);
}

static void allow_names_zones_networks_and_ports(void **state)
{
	(void)state;
	struct config *c = NULL;
	struct portctl_rules *r =
		rules_of("  port-control: {upnp: on, third-party: 192.168.1.2, allow: [{from: "
			 "[inside, 192.168.7.0/24], traffic: [443/tcp, 5000-5010/udp]}, "
			 "{from: 192.168.8.8, traffic: 53}]}",
			 &c);
	assert_true(allows(r, "inside", "192.168.1.5", 6, 443));
	assert_true(allows(r, "inside", "192.168.1.5", 17, 5010));
	assert_false(allows(r, "inside", "192.168.1.5", 17, 443));
	assert_false(allows(r, "inside", "192.168.1.5", 6, 53));
	assert_false(allows(r, "guests", "192.168.1.5", 6, 443));
	assert_true(allows(r, "guests", "192.168.7.5", 6, 443));
	assert_true(allows(r, "guests", "192.168.8.8", 6, 53));
	assert_true(allows(r, "guests", "192.168.8.8", 17, 53));
	struct ip_address two = ip_address_v4(192, 168, 1, 2),
			  three = ip_address_v4(192, 168, 1, 3);
	assert_true(portctl_rules_third_party(r, &two));
	assert_false(portctl_rules_third_party(r, &three));
	portctl_rules_free(r);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_means_nothing),
		cmocka_unit_test(all_is_off_and_high_ports_are_everybodys_unless_set),
		cmocka_unit_test(allow_names_zones_networks_and_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
