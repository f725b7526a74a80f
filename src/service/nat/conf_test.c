#include "service/nat/conf.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static struct config *parse(const char *text)
{
	return conf_parse(&sections, text);
}

static void refused(const char *text, uint32_t line, uint32_t column, const char *words)
{
	conf_refused(&sections, text, line, column, words);
}

/* The same for lines under a simple beginning of three lines. */
static void refused_below(const char *more, uint32_t column, const char *words)
{
	char text[1024];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w, "nat:\n  outside: wan0\n  inside: lan0\n%s\n", more);
	text[w.pos] = 0;
	refused(text, 4, column, words);
}

static void refuses_zones_that_make_no_sense(void **state)
{
	(void)state;
	refused("nat: {outside: wan0}\n", 1, 6, "nobody to translate for");
	refused("nat: {inside: lan0}\n", 1, 6, "'outside' is missing");
	refused("nat: {outside: wan0, inside: wan0}\n", 1, 30, "in another zone");
	refused("nat: {outside: a/b, inside: lan0}\n", 1, 16, "cannot be the name of a device");
	refused("nat: {outside: [\"a b\"], inside: lan0}\n", 1, 17, "cannot be the name");
	refused_below("  attach: nftables\n  zones: {a: {interfaces: \"g*\"}}", 11,
		      "nftables cannot say the device's name 'g*'");
	refused_below("  zones: {gateway: {interfaces: g0}}", 11, "no zone inside");
	refused_below("  zones: {Guests: {interfaces: g0}}", 11, "cannot name a zone");
	refused_below("  zones: {10.0.0.0/8: {interfaces: g0}}", 11, "cannot name a zone");
	refused_below("  zones: {guests: {networks: 10.0.0.0/8}}", 11, "has no interfaces");
	refused_below("  zones: {a: {interfaces: [g0, lan0]}}", 32, "in another zone");
}

static void refuses_addresses_and_ports(void **state)
{
	(void)state;
	refused_below("  addresses: \"2001:db8::1\"", 14, "only IPv4");
	refused_below("  addresses: [203.0.113.1, 203.0.113.0/25]", 28, "here already");
	refused_below("  addresses: [203.0.112.0/23]", 15, "more than 256");
	refused_below("  ports: 1024-1100", 10, "at least 256 ports");
	refused_below("  ports: abc", 10, "at least 256 ports");
	refused_below("  port-block: 15", 15, "at least 16");
	refused_below("  limits: {flows: 1024, host-flows: 1025}", 37, "more than all");
	refused_below("  limits: {events: 65536}", 20, "out of bounds");
	refused_below("  timeouts: {udp: 10ms}", 19, "udp");
}

static void refuses_hosts_and_forwards(void **state)
{
	(void)state;
	refused_below("  hosts: {inside: {}}", 11, "neither an address nor a host name");
	refused_below("  hosts: {10.0.0.0/8: {}}", 11, "neither an address nor a host name");
	refused_below("  hosts: {10.0.0.300: {}}", 11, "neither an address nor a host name");
	refused_below("  forward: {from: 0/tcp, to: nas}", 19, "is no port");
	refused_below("  forward: {from: icmp, to: nas}", 19, "is no port");
	refused_below("  forward: {from: tcp, to: nas}", 19, "is no port");
	refused_below("  forward: {from: 443/tcp, to: inside}", 32, "to one host");
	refused_below("  forward: {from: 443/tcp, to: \"2001:db8::1\"}", 32, "to one host");
	refused_below("  forward: {from: 443/tcp, to: \"nas:0\"}", 32, "is no host");
	refused_below("  forward: {from: 443/tcp, to: 10.0.0.0/8}", 32, "is no host");
	refused_below("  forward: {from: 1000-2000/tcp, to: \"nas:65000\"}", 19, "past port 65535");
	refused_below("  forward: {from: 443/tcp, to: nas, for: 10.0.0.1/8}", 42, "bits set");
	refused_below("  forward: [{from: 53, to: a}, {from: 50-60/udp, to: b}]", 39,
		      "forwarded in line 4 already");
	refused_below("  forward: {from: 1/tcp, to: nas, address: \"::1\"}", 44, "only an IPv4");
}

static void refuses_rules(void **state)
{
	(void)state;
	refused_below("  firewall: {from: outside}", 13, "'action' is missing");
	refused_below("  firewall: {action: allow, from: gateway}", 35, "is not judged");
	refused_below("  firewall: {action: allow, from: \"a b\"}", 35, "neither a zone");
	refused_below("  firewall: {action: drop, to: [10.0.0.1/8]}", 33, "bits set beyond");
	refused_below("  firewall: {action: drop, to: \"::/0\"}", 32, "2000::/3");
	refused_below("  firewall: {action: drop, traffic: http}", 37, "is no traffic");
	refused_below("  firewall: {action: drop, source-ports: 53}", 42, "has ports");
	refused_below("  firewall: {action: drop, traffic: ping, source-ports: 53}", 57,
		      "has ports");
	refused_below("  firewall: {action: drop, traffic: tcp, source-ports: x}", 56,
		      "a port or a range");
	refused_below("  firewall: {action: allow, rate: 10}", 35, "write a rate");
	refused_below("  firewall: {action: allow, rate: 1/h, burst: 2}", 47, "at most 1");
}

static void refuses_untranslated(void **state)
{
	(void)state;
	refused_below("  untranslated: {}", 17, "would be for all");
	refused_below("  untranslated: {to: outside}", 22, "is a zone");
	refused_below("  untranslated: {to: 0.0.0.0/0}", 22, "all of the world");
	refused_below("  untranslated: {to: [10.0.0.1, 10.0.0.1/8]}", 33, "bits set");
	refused_below("  untranslated: {to: 2001:470::/32}", 22, "only IPv4");
	refused_below("  untranslated: [{to: a}, {traffic: 53/dns}]", 37, "no traffic of IPv4");
	refused_below("  untranslated: {traffic: icmpv6}", 27, "no traffic of IPv4");
}

static void refuses_to_lead_where_nobody_can_be_led(void **state)
{
	(void)state;
	refused_below("  intercept: {traffic: 443/tcp}", 14, "'to' is missing");
	refused_below("  intercept: {to: 10.0.0.1:80}", 14, "'traffic' is missing");
	refused_below("  intercept: {traffic: 443, to: 10.0.0.1:80}", 24, "no port of TCP");
	refused_below("  intercept: {traffic: [80/tcp, 443/udp], to: 10.0.0.1:80}", 33,
		      "no port of TCP");
	refused_below("  intercept: {traffic: 80/tcp, to: 127.0.0.1:80}", 36, "cannot be led");
	refused_below("  intercept: {traffic: 80/tcp, to: 0.0.0.0:80}", 36, "cannot be led");
	refused_below("  intercept: {traffic: 80/tcp, to: [10.0.0.1:80, 10.0.0.2:80]}", 50,
		      "one listener is enough for IPv4");
	refused_below("  intercept: {traffic: 80/tcp, to: 10.0.0.1:80, from: outside}", 55,
		      "only who is inside");
	refused_below("  intercept: {traffic: 80/tcp, to: 10.0.0.1:80, except-from: gateway}", 62,
		      "only who is inside");
	refused_below("  intercept: {traffic: 80/tcp, to: 10.0.0.1:80, except-to: inside}", 60,
		      "is a zone");
	refused_below("  intercept: {traffic: 80/tcp, to: 10.0.0.1:80, from: [10.0.0.1/8]}", 56,
		      "bits set beyond");
	refused_below("  intercept: {traffic: 80/tcp, to: 10.0.0.1:80, quic: drop}", 55,
		      "wrong value for 'quic'");
}

static void a_home_needs_two_words(void **state)
{
	(void)state;
	struct config *config = parse("nat: {outside: wan0, inside: lan0}\n");
	const struct nat_conf *c = config_section(config, "nat");
	assert_int_equal(nat_conf_interface_zone(c, "wan0"), NAT_ZONE_OUTSIDE);
	assert_int_equal(nat_conf_interface_zone(c, "lan0"), NAT_ZONE_INSIDE);
	assert_int_equal(nat_conf_interface_zone(c, "eth9"), -1);
	assert_int_equal(c->timeouts.tcp_ms, 7440000); /* RFC 5382 REQ-5: 2 hours 4 minutes */
	assert_int_equal(c->timeouts.tcp_opening_ms, 240000);
	assert_int_equal(c->timeouts.udp_ms, 300000); /* RFC 4787 REQ-5: 5 minutes recommended */
	assert_int_equal(c->timeouts.icmp_ms, 60000); /* RFC 5508 REQ-2: 60 seconds at least */
	assert_int_equal(c->mapping, NAT_MAPPING_INDEPENDENT);
	assert_int_equal(c->filtering, NAT_FILTERING_ENDPOINT);
	assert_true(c->bogons);
	assert_int_equal(nat_conf_zones_inside(c), 1 << NAT_ZONE_INSIDE);
	config_free(config);
}

static void zones_have_numbers_and_names(void **state)
{
	(void)state;
	struct config *config = parse("nat:\n  outside: wan0\n  zones:\n    dmz: {interfaces: d0}\n"
				      "    inside: {interfaces: [l0, l1]}\n"
				      "    guests: {interfaces: g0, networks: 10.1.0.0/16}\n");
	const struct nat_conf *c = config_section(config, "nat");
	assert_int_equal(nat_conf_zone(c, span_text("dmz")), 3);
	assert_int_equal(nat_conf_zone(c, span_text("inside")), 2);
	assert_int_equal(nat_conf_zone(c, span_text("guests")), 4);
	assert_int_equal(nat_conf_zone(c, span_text("gateway")), 0);
	assert_int_equal(nat_conf_zone(c, span_text("elsewhere")), -1);
	assert_int_equal(nat_conf_interface_zone(c, "l1"), 2);
	assert_int_equal(nat_conf_interface_zone(c, "d0"), 3);
	assert_int_equal(nat_conf_interface_zone(c, "g0"), 4);
	assert_string_equal(nat_conf_zone_name(c, 4), "guests");
	assert_string_equal(nat_conf_zone_name(c, 1), "outside");
	assert_null(nat_conf_zone_name(c, 5));
	assert_int_equal(nat_conf_zones_inside(c), 0x1c);
	config_free(config);
}

static void a_text_says_who(void **state)
{
	(void)state;
	struct config *config = parse(
		"nat: {outside: w, inside: l, domain: home.arpa, zones: {dmz: {interfaces: d}}}\n");
	const struct nat_conf *c = config_section(config, "nat");
	struct nat_who who;
	uint16_t port;
	char text[DNS_NAME_TEXT_MAX];
	assert_int_equal(nat_who_parse(c, span_text("dmz"), &who), OK);
	assert_true(who.kind == NAT_WHO_ZONE && who.zone == 3);
	assert_int_equal(nat_who_parse(c, span_text("2001:db8::/32"), &who), OK);
	assert_true(who.kind == NAT_WHO_PREFIX && who.prefix.bits == 32);
	assert_int_equal(nat_who_parse(c, span_text("NAS"), &who), OK);
	assert_true(who.kind == NAT_WHO_NAME);
	assert_string_equal(dns_name_format(&who.name, text), "nas.home.arpa.");
	assert_int_equal(nat_who_parse(c, span_text("a.example.com"), &who), OK);
	assert_string_equal(dns_name_format(&who.name, text), "a.example.com.");
	assert_int_equal(nat_who_parse(c, span_text("10.0.0.256"), &who), ERR_FORMAT);
	assert_int_equal(nat_who_parse(c, span_text("-"), &who), ERR_FORMAT);
	assert_int_equal(nat_who_parse(c, span_text(""), &who), ERR_FORMAT);
	assert_int_equal(nat_who_parse(c, span_text("10.0.0.1/8"), &who), ERR_REFUSED);
	assert_int_equal(nat_target_parse(c, span_text("10.0.0.5:8080"), &who, &port), OK);
	assert_true(who.kind == NAT_WHO_PREFIX && port == 8080);
	assert_int_equal(nat_target_parse(c, span_text("nas"), &who, &port), OK);
	assert_true(who.kind == NAT_WHO_NAME && port == 0);
	assert_int_equal(nat_target_parse(c, span_text("nas:80-90"), &who, &port), ERR_FORMAT);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_zones_that_make_no_sense),
		cmocka_unit_test(refuses_addresses_and_ports),
		cmocka_unit_test(refuses_hosts_and_forwards),
		cmocka_unit_test(refuses_rules),
		cmocka_unit_test(refuses_untranslated),
		cmocka_unit_test(refuses_to_lead_where_nobody_can_be_led),
		cmocka_unit_test(a_home_needs_two_words),
		cmocka_unit_test(zones_have_numbers_and_names),
		cmocka_unit_test(a_text_says_who),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
