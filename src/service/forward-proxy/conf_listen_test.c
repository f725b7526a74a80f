#include "service/forward-proxy/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"forward-proxy", &forward_conf_map};
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

static void the_tunnels_users_need_the_policy_and_no_other_users(void **state)
{
	(void)state;
	refused("forward-proxy:\n  listen: {address: 192.0.2.1}\n"
		"  access: {vpn-users: password}\n",
		3, 23, "`policy: on`");
	refused("forward-proxy:\n  listen: {address: 192.0.2.1}\n  policy: on\n"
		"  access: {vpn-users: codes}\n",
		4, 23, "wrong value for 'vpn-users'");
	struct config *c = conf_parse(
		&sections, "forward-proxy:\n  listen: {address: 192.0.2.1}\n  policy: on\n"
			   "  access: {vpn-users: code, otherwise: sign-in, rules: "
			   "[{action: deny, users: [whoever]}]}\n"
			   "  bandwidth: [{down: 1M, users: ['*']}]\n");
	const struct forward_conf *conf = config_section(c, "forward-proxy");
	assert_int_equal(conf->access.vpn_users, FORWARD_VPN_CODE);
	config_free(c);
}

static void refuses_limits_for_whom_nobody_knows(void **state)
{
	(void)state;
	refused("forward-proxy:\n  listen: {address: 192.0.2.1}\n  bandwidth:\n"
		"    - {down: 1M, users: [ann]}\n",
		4, 26, "there is no user 'ann'");
	refused("forward-proxy:\n  listen: {address: 192.0.2.1}\n  bandwidth:\n"
		"    - {down: 1M}\n    - {down: 1M, users: ['*']}\n",
		5, 26, "there is no user '*'");
	refused("forward-proxy:\n  listen: {address: 192.0.2.1}\n  bandwidth:\n"
		"    - {down: 1M, groups: [kids]}\n",
		4, 27, "`policy: on`");
}

static void refuses_what_cannot_be_served(void **state)
{
	(void)state;
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, tls: yes}\n", 3, 7,
		"TLS needs a certificate");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, socks: v5, h2c: yes}\n", 3,
		7, "leave `h2c` out, or `socks`");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, socks: v4, udp: yes}\n", 3,
		7, "`udp` is of SOCKS 5");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, udp: yes}\n", 3, 7,
		"`udp` is of SOCKS 5");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, socks: v5, tls: yes, udp: "
		"yes}\n  certificates: {chain: /c, key: /k}\n",
		3, 7, "in the clear beside TLS");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, transparent: yes, h2c: "
		"yes}\n",
		3, 7, "who knows of no proxy");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, transparent: yes, socks: "
		"v5}\n",
		3, 7, "who knows of no proxy");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, transparent-tls: yes, "
		"socks: v5}\n",
		3, 7, "speaks TLS with a server");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, transparent-tls: yes, "
		"transparent: yes}\n",
		3, 7, "addresses of their own");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, tproxy: yes, tls: yes}\n"
		"  certificates: {chain: /c, key: /k}\n",
		3, 7, "was meant for others");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, socks: v6}\n", 3, 35,
		"wrong value for 'socks'");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, socks: [v5, v5]}\n", 3, 40,
		"the same is in 'socks' twice");
	refused("forward-proxy:\n  listen:\n    - {address: 192.0.2.1, socks: v5}\n"
		"    - 192.0.2.1:1080\n",
		4, 7, "192.0.2.1:1080 is served twice");
	refused("forward-proxy:\n  listen: {address: 192.0.2.1, socks: v5}\n  socks-ports: [80, "
		"0-9]\n",
		3, 21, "no port and no range");
	refused("forward-proxy:\n  listen: 192.0.2.1\n  cache: {disk: {size: 20M, folder: "
		"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaa}}\n",
		3, 37, "longer than 80 octets");
}

static void ports_follow_what_is_spoken(void **state)
{
	(void)state;
	static const uint16_t ports[] = {FORWARD_PORT_PLAIN,
					 FORWARD_PORT_TLS,
					 FORWARD_PORT_SOCKS,
					 FORWARD_PORT_SOCKS,
					 9,
					 3180,
					 3181};
	struct config *c =
		conf_parse(&sections, "forward-proxy:\n  listen:\n    - 192.0.2.1\n"
				      "    - {address: 192.0.2.2, tls: yes}\n"
				      "    - {address: 192.0.2.3, socks: [v4, v5]}\n"
				      "    - {address: 192.0.2.4, socks: v5, tls: yes}\n"
				      "    - {address: 192.0.2.5:9, socks: v4}\n"
				      "    - {address: 192.0.2.6, transparent: yes}\n"
				      "    - {address: 192.0.2.6, transparent-tls: yes}\n"
				      "  certificates: {chain: /c, key: /k}\n");
	const struct forward_conf *conf = config_section(c, "forward-proxy");
	struct forward_door doors[FORWARD_ADDRESSES_MAX];
	assert_non_null(conf);
	assert_int_equal(forward_doors(conf, doors, FORWARD_ADDRESSES_MAX), 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(doors[i].at.port, ports[i]);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_limits_for_whom_nobody_knows),
		cmocka_unit_test(the_tunnels_users_need_the_policy_and_no_other_users),
		cmocka_unit_test(refuses_what_cannot_be_served),
		cmocka_unit_test(ports_follow_what_is_spoken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
