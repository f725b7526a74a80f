#include "service/dhcp/conf.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "service/dhcp/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"dhcp", &dhcp_conf_map};
static const struct config_sections sections = {&section, 1};

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

/* "LINE:COLUMN MESSAGE\n" of each error of a section with that body. */
static const char *errors_of(const char *body)
{
	static char told[8192];
	char text[8192];
	struct config *c = NULL;
	struct config_report r = {0};
	(void)snprintf(text, sizeof(text), "dhcp:\n%s", body);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	struct writer w = writer_of(told, sizeof(told) - 1);
	enum err e = config_parse(&sections, &in, &c, &r);

	assert_int_equal(e, r.n ? ERR_CONFIG : OK);
	for (size_t i = 0; i < r.n; i++)
		write_format(&w, "%u:%u %s%s%s\n", r.errors[i].line, r.errors[i].column,
			     r.errors[i].message, r.errors[i].suggestion ? "?" : "",
			     r.errors[i].suggestion ? r.errors[i].suggestion : "");
	assert_false(w.bad);
	told[w.pos] = 0;
	config_report_done(&r);
	config_free(c);
	return told;
}

static void a_site_as_people_write_it_is_read(void **state)
{
	(void)state;
	static const char text[] =
		"  interfaces: [lan0]\n"
		"  store: postgresql://dhcp@db.home.arpa/dhcp\n"
		"  store-password: secret\n"
		"  lease-time: 1h\n"
		"  options:\n"
		"    domain-name-servers: [192.168.7.1, 192.168.7.2]\n"
		"    domain-name: home.arpa\n"
		"    domain-search: [home.arpa, a.home.arpa]\n"
		"    \"224/u16\": 258\n"
		"    \"225\": 0102ff\n"
		"    classless-static-routes:\n"
		"      - {to: 0.0.0.0/0, via: 192.168.7.1}\n"
		"      - 10.0.0.0/8 192.168.7.2\n"
		"  always: [captive-portal, 224]\n"
		"  vendor-options:\n"
		"    - {vendor-class: \"ubnt*\", options: {\"1/address\": 192.168.7.5}}\n"
		"    - {enterprise: 3561, options: {\"1/text\": abc, 2: \"0102\"}}\n"
		"  networks:\n"
		"    - subnet: 192.168.7.0/24\n"
		"      interface: lan0\n"
		"      options: {routers: 192.168.7.1}\n"
		"      pools:\n"
		"        - {range: 192.168.7.100-192.168.7.199, allocate: dynamic}\n"
		"        - {range: 192.168.7.200-192.168.7.220, classes: [phones]}\n"
		"        - {range: 192.168.7.16/28, allocate: fixed}\n"
		"      reservations:\n"
		"        - {mac: \"02:00:00:00:00:01\", address: 192.168.7.10, name: nas}\n"
		"        - {client-id: \"hex:ff:01:02\", address: 192.168.7.150}\n"
		"        - {circuit-id: port 7, remote-id: \"hex:0102\", lease-time: 2h}\n"
		"  classes:\n"
		"    - name: phones\n"
		"      match: {mac: [\"02:00:5e:*\", \"02:00:00:00:00:09\"]}\n"
		"    - {name: uefi, match: {architecture: [uefi-x64, 16]}, boot-file: x.efi}\n"
		"  load-split: {buckets: 0-127}\n";
	assert_string_equal(errors_of(text), "");
}

static void options_are_in_wire_form(void **state)
{
	(void)state;
	static const char text[] = "dhcp:\n  options:\n    routers: 192.168.7.1\n"
				   "    \"6\": [192.0.2.1, 192.0.2.2]\n    \"224/u16\": 258\n"
				   "    classless-static-routes: {to: 10.0.0.0/8, via: 192.0.2.3}\n"
				   "    ip-forwarding: off\n";
	static const struct {
		uint16_t code;
		uint8_t len;
		uint8_t data[8];
	} wanted[] = {{3, 4, {192, 168, 7, 1}},
		      {6, 8, {192, 0, 2, 1, 192, 0, 2, 2}},
		      {224, 2, {1, 2}},
		      {121, 6, {8, 10, 192, 0, 2, 3}},
		      {19, 1, {0}}};
	struct config *c = NULL;
	struct config_report r = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};

	enum err e = config_parse(&sections, &in, &c, &r);
	if (r.n)
		print_error("%s\n", r.errors[0].message);
	assert_int_equal(e, OK);
	const struct dhcp_conf *conf = config_section(c, "dhcp");
	const struct dhcp_option_conf *o = conf->scope.options.items;
	assert_int_equal(conf->scope.options.n, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < conf->scope.options.n; i++) {
		assert_int_equal(o[i].code, wanted[i].code);
		assert_int_equal(o[i].data.len, wanted[i].len);
		assert_memory_equal(o[i].data.data, wanted[i].data, wanted[i].len);
	}
	assert_int_equal(conf->scope.lease_ms, 12 * 3600 * 1000);
	assert_string_equal(conf->store, "sqlite");
	config_free(c);
	config_report_done(&r);
}

#define WRONG(body, errors) assert_string_equal(errors_of(body), (errors))
#define NET		    "  networks:\n    - subnet: 192.0.2.0/24\n"

static void tells_what_is_wrong_with_an_option(void **state)
{
	(void)state;
	WRONG("  options: {router: 192.0.2.1}\n", ""); /* a name in use elsewhere */
	WRONG("  options: {rooters: 192.0.2.1}\n",
	      "2:13 unknown word 'rooters' in 'options'?routers\n");
	WRONG("  options: {routers: [192.0.2.1, 192.0.2.x]}\n", "2:34 wrong value for 'routers'\n");
	WRONG("  options: {routers: []}\n",
	      "2:22 value of 'routers' is an empty list; leave the option out instead\n");
	WRONG("  options: {domain-name: [a.test, b.test]}\n",
	      "2:27 value of 'domain-name' is one value, not several\n");
	WRONG("  options: {\"0\": 01}\n", "2:13 unknown word '0' in 'options'\n");
	WRONG("  options: {\"255\": 01}\n", "2:13 unknown word '255' in 'options'\n");
	WRONG("  options: {\"224/u17\": 1}\n",
	      "2:24 value of '224/u17' has a type that there is none of: '224/u17'\n");
	WRONG("  options: {message-type: ACK}\n",
	      "2:27 value of 'message-type' cannot be set: the exchange itself decides it\n");
	WRONG("  options: {\"51\": 0102}\n",
	      "2:19 value of '51' is not set as an option; write lease-time\n");
	WRONG("  options: {routers: 192.0.2.1, \"3\": 192.0.2.2}\n",
	      "2:33 option 3 is here a second time, by another name\n");
	WRONG("  options:\n    classless-static-routes: [{to: 10.0.0.1/8, via: 192.0.2.1}]\n",
	      "3:36 value of 'classless-static-routes' has bits set behind its length\n");
	WRONG("  options:\n    classless-static-routes: [{to: 10.0.0.0/8}]\n",
	      "3:36 value of 'classless-static-routes' lacks 'via'\n");
	WRONG("  options:\n    classless-static-routes: {to: 10.0.0.0/8, by: 192.0.2.1}\n",
	      "3:51 value of 'classless-static-routes' has no key 'by'\n");
	WRONG("  options: {routers: {to: 192.0.2.1}}\n", "2:27 value of 'routers' is a map\n");
	WRONG("  always: [captive-portl]\n",
	      "2:12 there is no option 'captive-portl'?captive-portal\n");
	WRONG("  always: ipv6-only-preferred\n",
	      "2:11 RFC 8925 allows this option only for clients that ask for it\n");
	WRONG("  vendor-options: {enterprise: 1, vendor-class: a, options: {1: 00}}\n",
	      "2:32 write vendor-class for option 43 or enterprise for option 125, not both\n");
	WRONG("  vendor-options: {options: {a: 00}}\n", "2:30 unknown word 'a' in 'options'\n");
}

static void tells_what_is_wrong_with_times(void **state)
{
	(void)state;
	WRONG("  lease-time: 1h\n  lease-time-min: 2h\n",
	      "3:19 lease-time-min is above lease-time\n");
	WRONG("  lease-time: 1h\n  lease-time-max: 30m\n",
	      "3:19 lease-time-max is below lease-time\n");
	WRONG("  lease-time: 1h\n  renew-time: 50m\n  rebind-time: 40m\n",
	      "3:15 renew-time is not before rebind-time\n");
	WRONG("  lease-time: 1h\n  rebind-time: 1h\n",
	      "3:16 rebind-time is not before the end of lease-time\n");
	WRONG("  lease-time: 5s\n", "2:15 value of 'lease-time' is out of bounds\n");
}

static void tells_what_is_wrong_with_a_pool(void **state)
{
	(void)state;
	WRONG(NET "      pools: {range: 192.0.3.1-192.0.3.9}\n",
	      "4:22 the range leaves the addresses for hosts of the subnet, 192.0.2.1 to "
	      "192.0.2.254\n");
	WRONG(NET "      pools: {range: 192.0.2.0/24}\n",
	      "4:22 the range leaves the addresses for hosts of the subnet, 192.0.2.1 to "
	      "192.0.2.254\n");
	WRONG(NET "      pools: [{range: 192.0.2.9-192.0.2.20}, {range: 192.0.2.20}]\n",
	      "4:54 two pools have the address 192.0.2.20\n");
	WRONG(NET "      options: {routers: [192.0.2.1, 192.0.2.2]}\n"
		  "      pools: {range: 192.0.2.2-192.0.2.9}\n",
	      "5:22 the range holds the router 192.0.2.2\n");
	WRONG(NET "      server-id: 192.0.2.3\n      pools: {range: 192.0.2.2-192.0.2.9}\n",
	      "5:22 the range holds the server's own address 192.0.2.3\n");
	WRONG(NET "      pools: {range: 192.0.2.2, classes: [phone]}\n"
		  "  classes: {name: phones, match: {mac: \"02:*\"}}\n",
	      "4:43 there is no class 'phone'?phones\n");
	WRONG("  networks: {subnet: 10.0.0.0/8, pools: {range: 10.1.0.0-10.2.0.0}}\n", "");
	WRONG("  networks: {subnet: 192.0.2.0/31, pools: {range: 192.0.2.0/31}}\n", "");
	WRONG("  networks: {subnet: \"2001:db8::/64\"}\n",
	      "2:22 write an IPv4 network of 8 bits or more\n");
}

static void tells_what_is_wrong_with_a_reservation(void **state)
{
	(void)state;
	WRONG(NET "      reservations: {address: 192.0.2.9}\n",
	      "4:21 a reservation has one of mac, client-id and circuit-id\n");
	WRONG(NET "      reservations: {mac: \"02:00:00:00:00:01\", client-id: ab}\n",
	      "4:21 a reservation has one of mac, client-id and circuit-id\n");
	WRONG(NET "      reservations: {mac: \"02:00:00:00:01\"}\n",
	      "4:27 write a hardware address such as \"02:00:00:00:00:01\"\n");
	WRONG(NET "      reservations: {client-id: \"hex:0\"}\n",
	      "4:33 write a text, or hexadecimal octets behind hex:, of at most 255 octets\n");
	WRONG(NET "      reservations: {client-id: \"hex:00\"}\n",
	      "4:33 a client identifier has two octets or more\n");
	WRONG(NET "      reservations: {mac: \"02:00:00:00:00:01\", address: 192.0.3.1}\n",
	      "4:57 the address is not one for hosts of the subnet, 192.0.2.1 to 192.0.2.254\n");
	WRONG(NET "      reservations: {mac: \"02:00:00:00:00:01\", address: 192.0.2.255}\n",
	      "4:57 the address is not one for hosts of the subnet, 192.0.2.1 to 192.0.2.254\n");
	WRONG(NET "      options: {routers: 192.0.2.1}\n"
		  "      reservations: {mac: \"02:00:00:00:00:01\", address: 192.0.2.1}\n",
	      "5:57 the address is the router's\n");
	WRONG(NET "      reservations:\n"
		  "        - {mac: \"02:00:00:00:00:01\", address: 192.0.2.9}\n"
		  "        - {mac: 02-00-00-00-00-01, address: 192.0.2.8}\n"
		  "        - {mac: \"02:00:00:00:00:02\", address: 192.0.2.9}\n",
	      "6:17 this client has a reservation on this link already\n"
	      "7:47 this address is reserved already\n");
	WRONG(NET "      reservations: {mac: \"02:00:00:00:00:01\", name: a.b}\n",
	      "4:54 a host name is letters, digits and hyphens, without a dot\n");
	WRONG(NET "      reservations: {mac: \"02:00:00:00:00:01\", remote-id: x}\n",
	      "4:59 remote-id goes with circuit-id\n");
}

static void the_same_client_may_be_on_two_links(void **state)
{
	(void)state;
	static const char two[] =
		"  networks:\n"
		"    - {subnet: 192.0.2.0/24, %s reservations: {mac: \"02:00:00:00:00:01\"}}\n"
		"    - {subnet: 192.0.3.0/24, %s reservations: {mac: \"02:00:00:00:00:01\"}}\n";
	char text[512];

	(void)snprintf(text, sizeof(text), two, "link: a,", "link: b,");
	WRONG(text, "");
	(void)snprintf(text, sizeof(text), two, "link: a,", "link: a,");
	WRONG(text, "4:59 this client has a reservation on this link already\n");
}

static void tells_what_is_wrong_between_networks(void **state)
{
	(void)state;
	WRONG("  networks: [{subnet: 10.0.0.0/8}, {subnet: 10.1.0.0/16}, {subnet: 11.0.0.0/8}]\n",
	      "2:45 the subnet overlaps with 10.0.0.0/8, which is above it\n");
	WRONG("  interfaces: [lan0]\n  networks: {subnet: 10.0.0.0/8, interface: lan1}\n",
	      "3:45 'lan1' is not one of interfaces\n");
	WRONG("  networks:\n    - {subnet: 10.0.0.0/8, link: a, interface: lan0}\n"
	      "    - {subnet: 11.0.0.0/8, link: a, interface: lan1}\n",
	      "4:48 networks of one link have one interface; the first of 'a' has lan0\n");
	WRONG("  networks: [{subnet: 10.0.0.0/8, name: a}, {subnet: 11.0.0.0/8, name: a}]\n",
	      "2:72 two networks are called 'a'\n");
	WRONG("  classes: [{name: a, match: {mac: \"02:*\"}}, {name: a, match: {mac: \"04:*\"}}]\n",
	      "2:53 two classes are called 'a'\n");
	WRONG("  classes: {name: a, match: {}}\n",
	      "2:29 this matches nobody: write at least one key\n");
	WRONG("  classes: {name: a, match: {mac: \"02:0*\", architecture: arm}}\n",
	      "2:35 write a hardware address such as \"02:00:00:00:00:01\", or its beginning such "
	      "as "
	      "\"02:00:5e:*\"\n"
	      "2:58 write a number from 0 to 65535, or a word such as bios, uefi-x64, uefi-arm64 "
	      "or "
	      "http-x64\n");
}

static void tells_what_is_wrong_with_the_store_and_the_split(void **state)
{
	(void)state;
	WRONG("  store: mysql\n", "2:10 write sqlite, or postgresql://USER@HOST/DATABASE\n");
	WRONG("  store: postgresql://u:p@h/d\n",
	      "2:10 write the password as store-password, not here\n");
	WRONG("  load-split: {buckets: [0-127, 128-256]}\n",
	      "2:33 write a number from 0 to 255, or a range such as 0-127\n");
	WRONG("  load-split: {wait: 1s}\n", "2:15 key 'buckets' is missing here\n");
}

static void leases_are_counted_from_pools_and_reservations(void **state)
{
	(void)state;
	static const char text[] =
		"dhcp:\n  networks:\n    - subnet: 10.0.0.0/8\n"
		"      pools: [{range: 10.0.0.1-10.0.1.0}, {range: 10.1.0.0-10.1.0.3}]\n"
		"      reservations: {mac: \"02:00:00:00:00:01\"}\n";
	struct config *c = NULL;
	struct config_report r = {0};
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};

	assert_int_equal(config_parse(&sections, &in, &c, &r), OK);
	struct dhcp_conf conf = *(const struct dhcp_conf *)config_section(c, "dhcp");
	assert_int_equal(dhcp_conf_leases(&conf), 256 + 4 + 1);
	conf.leases_max = 7;
	assert_int_equal(dhcp_conf_leases(&conf), 7);
	config_free(c);
	config_report_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(a_site_as_people_write_it_is_read),
		cmocka_unit_test(options_are_in_wire_form),
		cmocka_unit_test(tells_what_is_wrong_with_an_option),
		cmocka_unit_test(tells_what_is_wrong_with_times),
		cmocka_unit_test(tells_what_is_wrong_with_a_pool),
		cmocka_unit_test(tells_what_is_wrong_with_a_reservation),
		cmocka_unit_test(the_same_client_may_be_on_two_links),
		cmocka_unit_test(tells_what_is_wrong_between_networks),
		cmocka_unit_test(tells_what_is_wrong_with_the_store_and_the_split),
		cmocka_unit_test(leases_are_counted_from_pools_and_reservations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
