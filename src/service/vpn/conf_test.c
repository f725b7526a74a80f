#include "service/vpn/conf.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "service/vpn/conf_routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

#define KEY_A "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define KEY_B "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="

static const struct config_section section = {"vpn", &vpn_conf_map};
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

/* What an interface of an address says besides, in line 5. */
static void interface_refused(const char *more, uint32_t column, const char *words)
{
	char text[2048];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w, "vpn:\n  interfaces:\n    wg0:\n      addresses: 10.9.0.1/24\n      %s\n",
		     more);
	text[w.pos] = 0;
	refused(text, 5, column, words);
}

/* What a peer with a key says besides, in line 8. */
static void peer_refused(const char *more, uint32_t column, const char *words)
{
	char text[2048];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w,
		     "vpn:\n  interfaces:\n    wg0:\n      addresses: 10.9.0.1/24\n      peers:\n"
		     "        phone:\n          public-key: " KEY_A "\n          %s\n"
		     "  sign-in: {name: login.vpn.home.arpa}\n",
		     more);
	text[w.pos] = 0;
	refused(text, 8, column, words);
}

static void refuses_interfaces_that_make_no_sense(void **state)
{
	(void)state;
	refused("vpn: {}\n", 1, 6, "'interfaces' is missing");
	refused("vpn: {interfaces: {wg0: {}}}\n", 1, 25, "'addresses' is missing");
	refused("vpn: {interfaces: {a/b: {addresses: 10.9.0.1/24}}}\n", 1, 20,
		"cannot be the name of a device");
	refused("vpn: {interfaces: {wg0123456789abcdef: {addresses: 10.9.0.1/24}}}\n", 1, 20,
		"too long");
	refused("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/33}}}\n", 1, 37,
		"expected an address with its network's length");
	refused("vpn: {interfaces: {wg0: {addresses: 224.0.0.1/24}}}\n", 1, 37, "no device can");
	refused("vpn: {interfaces: {wg0: {addresses: [10.9.0.1/24, 10.9.0.1/32]}}}\n", 1, 51,
		"here already");
	refused("vpn: {interfaces: {wg0: {mtu: 1279, addresses: \"fd00::1/64\"}}}\n", 1, 48,
		"IPv6 takes an `mtu` of at least 1280");
	interface_refused("mtu: 500", 12, "out of bounds");
	interface_refused("listen: [192.0.2.1, 192.0.2.2]", 27, "one address of IPv4 is there");
	interface_refused("private-key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 20,
			  "expected a key: 32 octets in base64");
	interface_refused("private-key: file:absent.key", 20, "names no file that could be read");
	interface_refused("clients: {endpoint: vpn.example.org}", 27, "and a port");
	interface_refused("clients: {keepalive: 1500ms}", 28, "whole seconds");
	interface_refused("pears: {}", 7, "pears");
}

static void refuses_two_interfaces_that_take_the_same(void **state)
{
	const char *text = "vpn:\n  interfaces:\n    wg0: {addresses: 10.9.0.1/24}\n"
			   "    wg1: {addresses: 10.9.0.1/24, listen: \"[::]:51821\"}\n";
	(void)state;
	refused(text, 4, 22, "here already");
	refused("vpn:\n  interfaces:\n    wg0: {addresses: 10.9.0.1/24}\n"
		"    wg1: {addresses: 10.9.1.1/24, listen: \"192.0.2.1:51820\"}\n",
		4, 43, "port 51820 is that of wg0");
	refused("vpn:\n  interfaces:\n    wg0: {addresses: 10.9.0.1/24, routes: 10.8.0.0/16}\n"
		"    wg1: {addresses: 10.9.1.1/24, listen: 0.0.0.0:1, routes: 10.8.0.0/16}\n",
		4, 62, "it is routed to wg0");
}

static void refuses_peers_that_make_no_sense(void **state)
{
	(void)state;
	peer_refused("preshared-key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 26, "genpsk");
	peer_refused("allowed-ips: 10.9.0.0/33", 24, "allowed-ips");
	peer_refused("allowed-ips: 10.9.0.1", 24, "it is this gateway's own address, that of wg0");
	peer_refused("endpoint: site2.example.org", 21, "and a port");
	peer_refused("expires: 2027-02-29", 20, "expected a date");
	peer_refused("keepalive: 2500ms", 22, "whole seconds");
	peer_refused("keepalive: 70000s", 22, "out of bounds");
	peer_refused("bandwidth: {up: 20}", 27, "expected a rate");
	peer_refused("bandwidth: {down: 1Tbit}", 29, "expected a rate");
	peer_refused("reach: {ports: 443/tcp}", 18, "'to' is missing");
	peer_refused("allowed: 10.9.0.2", 11, "allowed");
	refused("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, peers: {a: {}}}}}\n", 1, 61,
		"'public-key' is missing");
	refused("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, peers: {a: {public-key: "
		"abc}}}}}\n",
		1, 74, "as `wg pubkey` prints it");
	refused("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, peers: {My_Phone: {public-key: "
		"\"" KEY_A "\"}}}}}\n",
		1, 58, "cannot name a peer");
}

/* What a peer that needs a sign-in says besides, in line 4. */
static void signin_refused(const char *more, uint32_t column, const char *words)
{
	char text[1024];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w,
		     "vpn:\n  sign-in: {name: login.vpn.home.arpa}\n  interfaces: {wg0: "
		     "{addresses: 10.9.0.1/24, peers: {\n"
		     "    a: {public-key: \"" KEY_A "\", sign-in: required, %s}}}}\n",
		     more);
	text[w.pos] = 0;
	refused(text, 4, column, words);
}

static void refuses_a_second_factor_that_tells_nobody(void **state)
{
	(void)state;
	signin_refused("allowed-ips: 10.9.0.0/28, users: anna", 101, "addresses of hosts only");
	signin_refused("allowed-ips: 10.9.0.2", 78, "nobody may open it");
	signin_refused("roles: staff", 78, "no `allowed-ips` to sign in from");
	refused("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, peers: {a: {public-key: \"" KEY_A
		"\", sign-in: required, users: anna, allowed-ips: 10.9.0.2}}}}}\n",
		1, 131, "there is no page");
	peer_refused("users: anna", 18, "open to all without `sign-in: required`");
	peer_refused("sign-in: requird", 20, "sign-in");
}

static void refuses_peers_that_share_what_is_one_peers(void **state)
{
	static const char head[] = "vpn:\n  interfaces:\n    wg0:\n      addresses: 10.9.0.1/24\n"
				   "      peers:\n";
	char text[1024];
	(void)state;
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w, "%s        a: {public-key: \"%s\"}\n        b: {public-key: \"%s\"}\n",
		     head, KEY_A, KEY_A);
	text[w.pos] = 0;
	refused(text, 7, 25, "it is the key of 'a' as well");
	w = writer_of(text, sizeof(text) - 1);
	write_format(&w,
		     "%s        a: {public-key: \"%s\", allowed-ips: [10.9.0.2, 10.8.0.0/16]}\n"
		     "        b: {public-key: \"%s\", allowed-ips: 10.8.0.0/16}\n",
		     head, KEY_A, KEY_B);
	text[w.pos] = 0;
	refused(text, 7, 86, "it belongs to peer 'a' already");
	w = writer_of(text, sizeof(text) - 1);
	write_format(&w,
		     "%s        a: {public-key: \"%s\", allowed-ips: 10.9.0.2}\n"
		     "    wg1:\n      listen: 0.0.0.0:1\n      addresses: 10.10.0.1/24\n"
		     "      peers: {b: {public-key: \"%s\", allowed-ips: 10.9.0.2}}\n",
		     head, KEY_A, KEY_A);
	text[w.pos] = 0;
	refused(text, 10, 92, "it belongs to peer 'a' of wg0 already");
}

static void refuses_a_peer_that_is_this_end_itself(void **state)
{
	(void)state;
	refused("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, private-key: "
		"\"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\", peers: {\n"
		"      a: {public-key: \"HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=\"}}}}}\n",
		2, 23, "it is the key of wg0 itself");
}

static void a_network_within_another_is_right(void **state)
{
	(void)state;
	struct config *c = parse("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, peers: "
				 "{a: {public-key: \"" KEY_A "\", allowed-ips: 0.0.0.0/0}, "
				 "b: {public-key: \"" KEY_B "\", allowed-ips: 10.9.0.2}}}}}\n");
	config_free(c);
}

static void refuses_what_does_not_fit_together(void **state)
{
	static const char head[] = "vpn:\n  interfaces: {wg0: {addresses: 10.9.0.1/24}}\n";
	char text[1024];
	static const struct {
		const char *more;
		uint32_t column;
		const char *words;
	} cases[] = {
		{"sign-in: {}", 12, "'name' is missing"},
		{"sign-in: {name: a.b, addresses: 10.9.0.2}", 35, "no interface has this address"},
		{"sign-in: {name: a.b, redirect-port: 443}", 39, "the page itself has port 443"},
		{"sign-in: {name: a.b, certificate: a.pem}", 37, "go together"},
		{"sign-in: {name: a.b, session: 1h, idle: 2h}", 43, "longer than `session`"},
		{"sign-in: {name: a.b, roaming: browser}", 33, "roaming"},
		{"sign-in: {name: a.b, attempts: {delay: 20m}}", 42, "longer than `delay-max`"},
		{"names: {server: 127.0.0.1}", 10, "no interface has a `domain`"},
		{"limits: {peers: 0}", 19, "peers"},
		{"store-key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 14, "32 octets"},
		{"workers: 65", 12, "out of bounds"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = writer_of(text, sizeof(text) - 1);
		write_format(&w, "%s  %s\n", head, cases[i].more);
		text[w.pos] = 0;
		refused(text, 3, cases[i].column, cases[i].words);
	}
	refused("vpn:\n  interfaces: {wg0: {addresses: 10.9.0.1/24, domain: vpn.example}}\n"
		"  names: {server: 127.0.0.1, zone: home.arpa}\n",
		2, 54, "does not lie in the `zone`");
	refused("vpn:\n  interfaces: {wg0: {addresses: 10.9.0.1/24, domain: vpn.example}}\n"
		"  names: {server: 127.0.0.1, key: k, secret: YWJj}\n",
		3, 46, "at least 16 octets");
	refused("vpn:\n  interfaces: {wg0: {addresses: 10.9.0.1/24, peers: {a: {public-key: "
		"\"" KEY_A "\"}, b: {public-key: \"" KEY_B "\"}}}}\n  limits: {peers: 1}\n",
		3, 19, "2 peers are configured");
}

static void everything_is_told_at_once(void **state)
{
	const char *text = "vpn:\n  interfaces:\n    wg0:\n      addresses: 10.9.0.1/33\n"
			   "      peers:\n        a: {public-key: abc, expires: never}\n"
			   "        B: {public-key: \"" KEY_A "\", endpoint: x}\n";
	struct config *c = NULL;
	struct config_report report = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	(void)state;
	assert_int_equal(config_parse(&sections, &in, &c, &report), ERR_CONFIG);
	assert_int_equal(report.n, 5);
	config_report_done(&report);
}

static const struct vpn_conf *conf_of(const struct config *c)
{
	return config_section(c, "vpn");
}

static void what_is_not_written_has_a_default(void **state)
{
	(void)state;
	struct config *c = parse("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24}}, "
				 "sign-in: {name: login.vpn.home.arpa}}\n");
	const struct vpn_conf *conf = conf_of(c);
	const struct vpn_interface_conf *f = conf->interfaces.items;
	const struct ip_endpoint *listen = f->listen.items;
	assert_int_equal(f->listen.n, 2);
	assert_int_equal(listen[0].port, VPN_PORT);
	assert_int_equal(listen[1].address.family, 6);
	assert_int_equal(f->mtu, 1420);
	assert_false(f->to_peers);
	assert_int_equal(conf->sign_in.roaming, VPN_ROAMING_BROWSER_PROOF);
	assert_int_equal(conf->sign_in.session_ms, 12 * 3600 * 1000);
	assert_int_equal(conf->sign_in.idle_ms, 1800 * 1000);
	assert_int_equal(f->clients.allowed.n, 2);
	config_free(c);
}

static void routes_are_networks_that_nothing_else_covers(void **state)
{
	struct ip_prefix routes[VPN_ROUTES_MAX];
	size_t n;
	char text[IP_PREFIX_TEXT_MAX];
	(void)state;
	struct config *c =
		parse("vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, peers: {a: {public-key: "
		      "\"" KEY_A "\", allowed-ips: [0.0.0.0/0, 10.9.0.2, 192.168.8.0/24, "
		      "192.168.8.128/25]}, b: {public-key: \"" KEY_B
		      "\", allowed-ips: [192.168.8.7, \"2001:db8:8::/48\"]}}}}}\n");
	assert_int_equal(vpn_conf_routes(conf_of(c)->interfaces.items, routes, &n), OK);
	assert_int_equal(n, 2);
	(void)ip_prefix_format(&routes[0], text);
	assert_string_equal(text, "192.168.8.0/24");
	(void)ip_prefix_format(&routes[1], text);
	assert_string_equal(text, "2001:db8:8::/48");
	config_free(c);
}

static void users_are_served_by_the_rules_of_their_page(void **state)
{
	(void)state;
	refused("vpn:\n  serve-users: yes\n  interfaces: {wg0: {addresses: 10.9.0.1/24}}\n", 2, 16,
		"write that too");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_interfaces_that_make_no_sense),
		cmocka_unit_test(refuses_two_interfaces_that_take_the_same),
		cmocka_unit_test(refuses_peers_that_make_no_sense),
		cmocka_unit_test(refuses_a_second_factor_that_tells_nobody),
		cmocka_unit_test(refuses_peers_that_share_what_is_one_peers),
		cmocka_unit_test(refuses_a_peer_that_is_this_end_itself),
		cmocka_unit_test(a_network_within_another_is_right),
		cmocka_unit_test(refuses_what_does_not_fit_together),
		cmocka_unit_test(everything_is_told_at_once),
		cmocka_unit_test(what_is_not_written_has_a_default),
		cmocka_unit_test(routes_are_networks_that_nothing_else_covers),
		cmocka_unit_test(users_are_served_by_the_rules_of_their_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
