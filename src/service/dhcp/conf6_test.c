#include "service/dhcp/conf6.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "proto/dns/name.h"
#include "service/dhcp/v6_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"ipv6", &v6_conf_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static struct config *parse(const char *body, struct config_report *r)
{
	static char text[8192];
	struct config *c = NULL;
	(void)snprintf(text, sizeof(text), "ipv6:\n%s", body);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(&sections, &in, &c, r);
	assert_int_equal(e, r->n ? ERR_CONFIG : OK);
	return c;
}

/* Contains some error that text? */
static void refuses(const char *body, const char *text)
{
	struct config_report r = {0};
	struct config *c = parse(body, &r);
	bool told = false;
	for (size_t i = 0; i < r.n; i++)
		told = told || strstr(r.errors[i].message, text) ||
		       (r.errors[i].suggestion && strstr(r.errors[i].suggestion, text));
	if (!told)
		print_error("%s: got %zu errors, first: %s\n", body, r.n,
			    r.n ? r.errors[0].message : "none");
	assert_true(told);
	config_report_done(&r);
	config_free(c);
}

static const char *const rows[][2] = {
	{"  networks: {subnet: 192.0.2.0/24}\n", "IPv4 network"},
	{"  networks: {subnet: \"2001:db8::1\"}\n", "more than one address"},
	{"  networks: {subnet: \"2001:db8::/64\", pools: {range: \"2001:db8:1::1\"}}\n",
	 "not inside the subnet"},
	{"  networks: {subnet: \"2001:db8::/64\", pools: [{range: \"2001:db8::/120\"}, "
	 "{range: \"2001:db8::10\"}]}\n",
	 "overlaps pool 1"},
	{"  networks: {subnet: \"2001:db8::/64\", prefix-pools: {prefix: "
	 "\"2001:db8::/48\"}}\n",
	 "overlaps the subnet"},
	{"  networks: {subnet: \"2001:db8::/64\", prefix-pools: {prefix: "
	 "\"2001:db9::/60\"}}\n",
	 "no /56 fits into a /60"},
	{"  networks: {subnet: \"2001:db8::/64\", prefix-pools: {prefix: "
	 "\"2001:db9::/48\", "
	 "exclude-length: 56}}\n",
	 "longer than that"},
	{"  networks: [{subnet: \"2001:db8::/64\"}, {subnet: \"2001:db8::/60\"}]\n",
	 "overlaps that of network 1"},
	{"  networks: [{subnet: \"2001:db8::/64\", prefix-pools: {prefix: "
	 "\"2001:db9::/48\"}}, "
	 "{subnet: \"2001:db9:0:1::/64\"}]\n",
	 "overlaps the subnet of network 2"},
	{"  networks: {subnet: \"2001:db8::/64\", reservations: {duid: \"00030001\", mac: "
	 "\"02:00:00:00:00:01\", name: a}}\n",
	 "one of them"},
	{"  networks: {subnet: \"2001:db8::/64\", reservations: {duid: zz, name: a}}\n", "DUID is"},
	{"  networks: {subnet: \"2001:db8::/64\", reservations: {mac: \"02:00\", name: "
	 "a}}\n",
	 "6 octets"},
	{"  networks: {subnet: \"2001:db8::/64\", reservations: {duid: \"000300\"}}\n",
	 "gives nothing"},
	{"  networks: {subnet: \"2001:db8::/64\", reservations: {duid: \"000300\", "
	 "address: "
	 "\"2001:db9::1\"}}\n",
	 "not in the subnet"},
	{"  networks: {subnet: \"2001:db8::/64\", reservations: [{duid: \"000301\", "
	 "address: "
	 "\"2001:db8::1\"}, {duid: \"000302\", address: \"2001:db8::1\"}]}\n",
	 "has it already"},
	{"  classes: {name: a, match: {}}\n", "matches nobody"},
	{"  classes: {name: a, match: {duid: \"hex:0g\"}}\n", "hexadecimal octets"},
	{"  classes: {name: a, match: {duid: \"*\"}, preferred: 2h, valid: 1h}\n",
	 "preferred is above valid"},
	{"  classes: {name: a, match: {vendor-class: \"a*b*c*d*e*f*g*h*i*j\"}}\n",
	 "at most 8 parts"},
	{"  classes: {name: a, match: {mac: \"02:0\"}}\n", "hardware address"},
	{"  classes: {name: a, match: {duid: \"*\"}, options: {client-id: \"00\"}}\n",
	 "cannot be set"},
	{"  classes: [{name: a, match: {duid: b}}, {name: a, match: {duid: c}}]\n",
	 "class 1 has that name already"},
	{"  networks: {subnet: \"2001:db8::/64\", pools: {range: \"2001:db8::1\", "
	 "classes: b}}\n",
	 "class 'b', which there is not"},
	{"  classes: {name: a, match: {duid: b}}\n"
	 "  networks: {subnet: \"2001:db8::/64\", prefix-pools: {prefix: \"2001:db9::/48\", "
	 "classes: [a, c]}}\n",
	 "class 'c', which there is not"},
	{"  preferred: 3h\n", "preferred is above valid"},
	{"  renew: 2m\n  rebind: 1m\n", "renew is above rebind"},
	{"  always: dns-server-list\n", "no option"},
	{"  options: {dns-servers: 192.0.2.1}\n", "dns-servers"},
	{"  options: {client-id: \"00\"}\n", "cannot be set"},
	{"  options: {remote-id: 9 00}\n", "only clients and relays"},
	{"  options: {bootfile-url: [a, b]}\n", "one value"},
	{"  options: {dns-servers: \"2001:db8::1\", \"23/hex\": "
	 "\"20010db8000000000000000000000001\"}\n",
	 "there twice"},
	{"  options: {\"23/hex\": \"2001\"}\n", "not what option 23 holds"},
	{"  options: {\"4711/u99\": 1}\n", "type that there is none of"},
	{"  advertise: {interface: a, prefixes: {prefix: \"2001:db8::/56\"}}\n", "only in a /64"},
	{"  advertise: {interface: a, prefixes: {prefix: \"2001:db8::/64\", preferred: "
	 "2h}}\n",
	 "preferred is above valid"},
	{"  advertise: {interface: a, pref64: \"64:ff9b::/95\"}\n", "96, 64, 56"},
	{"  advertise: {interface: a, rdnss: 192.0.2.1}\n", "IPv6 addresses"},
	{"  advertise: {interface: a, max-interval: 10s, min-interval: 9s}\n", "three quarters"},
	{"  advertise: {interface: a, lifetime: 1m}\n", "at least max-interval"},
	{"  advertise: [{interface: a}, {interface: a}]\n", "there twice"},
	{"  relay: {interface: a}\n", "found by multicast"},
	{"  relay: {interface: a, servers: \"fe80::1\"}\n", "found by multicast"},
	{"  relay: {interface: a, servers: 192.0.2.1}\n", "IPv6 addresses"},
	{"  relay: {interface: a, servers: \"2001:db8::1\", remote-id: \"0102\"}\n",
	 "IANA's number"},
	{"  relay: {interface: a, servers: \"2001:db8::1\"}\n"
	 "  networks: {subnet: \"2001:db8::/64\", interface: a}\n",
	 "is served on that interface"},
};

static void refuses_what_contradicts_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuses(rows[i][0], rows[i][1]);
}

static void a_site_as_people_write_it_is_read(void **state)
{
	(void)state;
	static const char body[] =
		"  preferred: 2h\n"
		"  valid: 4h\n"
		"  options: {dns-servers: [\"2001:db8::53\", \"2001:db8::54\"], domain-search: "
		"home.arpa,\n"
		"            \"4711/u16\": 258, \"4712\": 0102ff, ntp-servers: ntp.home.arpa}\n"
		"  always: [captive-portal, 4711]\n"
		"  networks:\n"
		"    - subnet: 2001:db8:7::/64\n"
		"      interface: lan0\n"
		"      pools:\n"
		"        - {range: \"2001:db8:7::1000-2001:db8:7::1fff\", allocate: dynamic, warn: "
		"90}\n"
		"        - {range: \"2001:db8:7:0:1::/80\"}\n"
		"      prefix-pools: {prefix: \"2001:db8:f000::/36\", exclude-length: 64}\n"
		"      reservations:\n"
		"        - {duid: \"00:03:00:01:02:00:00:00:00:01\", iaid: 0, address: "
		"\"2001:db8:7::10\", name: nas}\n"
		"    - {subnet: \"2001:db8:8::/64\", interface: lan0, valid: 8h}\n"
		"    - {subnet: \"2001:db8:9::/64\"}\n"
		"  advertise:\n"
		"    - {interface: lan0, managed: on, prefixes: {prefix: \"2001:db8:7::/64\"},\n"
		"       routes: {prefix: \"2001:db8:100::/40\", preference: low},\n"
		"       rdnss: \"2001:db8:7::1\", dnssl: home.arpa, pref64: \"64:ff9b::/96\"}\n"
		"  relay: {interface: lan1, servers: \"2001:db8::547\", enterprise: 9, remote-id: "
		"\"01\"}\n";
	struct config_report r = {0};
	struct config *c = parse(body, &r);
	for (size_t i = 0; i < r.n; i++)
		print_error("%u: %s\n", r.errors[i].line, r.errors[i].message);
	assert_int_equal(r.n, 0);
	const struct v6_conf *conf = config_section(c, "ipv6");
	const struct v6_option_conf *o = conf->scope.options.items;
	assert_int_equal(conf->scope.options.n, 5);
	assert_true(o[0].code == 23 && o[0].data.len == 32);
	assert_true(o[2].code == 4711 && span_equal(o[2].data, span_of("\1\2", 2)));
	struct v6_site *s;
	const struct v6_network *n;
	assert_int_equal(v6_site_new(conf, &s), OK);
	config_free(c); /* the site is a copy */
	config_report_done(&r);
	assert_int_equal(v6_site_networks(s, &n), 3);
	assert_int_equal(v6_site_pools(s), 3);
	assert_int_equal(n[0].pools[0].size, 0x1000);
	assert_int_equal(n[0].pools[1].size, UINT64_C(1) << 48);
	assert_int_equal(n[0].prefix_pools[0].size, 1 << 20);
	assert_int_equal(n[0].times.valid_s, 4 * 3600);
	assert_int_equal(n[1].times.valid_s, 8 * 3600);
	assert_int_equal(n[1].times.preferred_s, 2 * 3600);
	assert_int_equal(n[0].link_n, 2); /* one interface, one link */
	assert_int_equal(n[2].link_n, 1);
	assert_true(n[0].reservations[0].has_iaid);
	assert_string_equal(n[2].name, "2001:db8:9::/64");
	v6_site_unref(s);
}

static void places_of_pools_are_numbers(void **state)
{
	(void)state;
	struct v6_pool p = {.first = v6_number(&(struct ip_address){.family = 6,
								    .bytes = {0x20, 1, 0xd, 0xb8}}),
			    .size = 16,
			    .bits = 60};
	for (uint64_t i = 0; i < p.size; i++) {
		struct ip_prefix lease = v6_pool_nth(&p, i);
		assert_int_equal(lease.bits, 60);
		assert_int_equal(lease.address.bytes[7], i << 4);
		assert_int_equal(v6_pool_place(&p, &lease), i);
	}
	struct ip_prefix out = v6_pool_nth(&p, 16);
	assert_int_equal(v6_pool_place(&p, &out), UINT64_MAX);
	out = v6_pool_nth(&p, 1);
	out.bits = 64;
	assert_int_equal(v6_pool_place(&p, &out), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_contradicts_itself),
		cmocka_unit_test(a_site_as_people_write_it_is_read),
		cmocka_unit_test(places_of_pools_are_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
