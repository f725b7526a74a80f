/* What an answer says: which place wins, in what order, and what RFCs leave out or add. */
#include "service/dhcp/scope.h"

#include "service/dhcp/site_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char places[] =
	"  options: {domain-name: site, domain-name-servers: 192.0.2.2, ntp-servers: 192.0.2.3,\n"
	"            \"224/text\": site, \"225/text\": site, \"226/text\": site,\n"
	"            \"227/text\": site, \"228/text\": site}\n"
	"  classes:\n"
	"    - {name: a, match: {mac: \"02:*\"}, options: {\"227/text\": class}}\n"
	"    - {name: b, match: {mac: \"02:*\"}, options: {\"227/text\": other, \"228/text\": "
	"class}}\n"
	"    - {name: c, match: {mac: \"04:*\"}, options: {\"226/text\": stranger}}\n"
	"  networks:\n"
	"    - subnet: 192.0.2.0/24\n"
	"      options: {routers: 192.0.2.1, \"225/text\": network, \"226/text\": network,\n"
	"                \"227/text\": network, \"228/text\": network}\n"
	"      pools:\n"
	"        - {range: 192.0.2.10-192.0.2.20, options: {\"226/text\": pool, \"227/text\": "
	"pool}}\n"
	"      reservations:\n"
	"        - {mac: \"02:00:00:00:00:09\", options: {\"228/text\": reservation}}\n";

static const struct dhcp_pool *pool_of(const struct dhcp_site *s)
{
	const struct dhcp_network *n;

	assert_true(dhcp_site_networks(s, &n) > 0 && n->pools_n > 0);
	return n->pools;
}

static void the_nearest_place_wins(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(places);
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 9, "\x37\x05\xe0\xe1\xe2\xe3\xe4");
	assert_string_equal(
		site_answer(s, &c, pool_of(s)),
		"1=255.255.255.0 224=73:69:74:65 225=6e:65:74:77:6f:72:6b "
		"226=70:6f:6f:6c 227=63:6c:61:73:73 228=72:65:73:65:72:76:61:74:69:6f:6e");
	SITE_CLIENT(&c, s, 0, 8, "\x37\x03\xe2\xe3\xe4");
	assert_string_equal(site_answer(s, &c, NULL),
			    "1=255.255.255.0 226=6e:65:74:77:6f:72:6b 227=63:6c:61:73:73 "
			    "228=63:6c:61:73:73");
	dhcp_site_unref(s);
}

/* RFC 2131 4.3.1 and RFC 2132 9.8: what the client asked for, in its order; the mask first. */
static void options_come_in_the_order_of_the_list(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(places);
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "\x37\x06\x2a\x06\x03\x01\x0f\x06");
	assert_string_equal(site_answer(s, &c, NULL),
			    "1=255.255.255.0 42=192.0.2.3 6=192.0.2.2 3=192.0.2.1 15=site");
	SITE_CLIENT(&c, s, 0, 1, "\x37\x04\x1c\x63\xff\x34");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 28=192.0.2.255");
	dhcp_site_unref(s);
}

static void a_client_without_a_list_gets_what_there_is(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of("  options: {ipv6-only-preferred: 300, domain-name: a}\n"
				      "  networks: {subnet: 192.0.2.0/31, options: {routers: "
				      "192.0.2.1}}\n");
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.254 3=192.0.2.1 15=a");
	/* RFC 8925 3.2: only for clients that ask for it. */
	SITE_CLIENT(&c, s, 0, 1, "\x37\x01\x6c");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.254 108=5m");
	dhcp_site_unref(s);
}

static void what_is_always_sent_needs_no_asking(void **state)
{
	(void)state;
	struct dhcp_site *s =
		site_of("  options: {captive-portal: \"http://a.test\", domain-name: b}\n"
			"  always: [114, ntp-servers]\n"
			"  networks:\n    - {subnet: 192.0.2.0/24, always: domain-name}\n"
			"    - {subnet: 192.0.3.0/24}\n");
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "\x37\x01\x1c");
	assert_string_equal(site_answer(s, &c, NULL),
			    "1=255.255.255.0 28=192.0.2.255 15=b 114=http://a.test");
	SITE_CLIENT(&c, s, 1, 1, "\x37\x02\x72\x01");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 114=http://a.test");
	dhcp_site_unref(s);
}

static void routers_are_left_out_beside_classless_routes_that_were_asked_for(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(
		"  options:\n    routers: 192.0.2.1\n    static-routes: 10.0.0.0 192.0.2.1\n"
		"    classless-static-routes: [{to: 0.0.0.0/0, via: 192.0.2.1}]\n"
		"  networks: {subnet: 192.0.2.0/24}\n");
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "\x37\x03\x03\x21\x79");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 121=0.0.0.0/0 192.0.2.1");
	/* Who did not ask for them still needs the routers. */
	SITE_CLIENT(&c, s, 0, 1, "\x37\x02\x03\x21");
	assert_string_equal(site_answer(s, &c, NULL),
			    "1=255.255.255.0 3=192.0.2.1 33=10.0.0.0 192.0.2.1");
	/* The number of before RFC 3442 has the same content, and says nothing of routers. */
	SITE_CLIENT(&c, s, 0, 1, "\x37\x02\x03\xf9");
	assert_string_equal(site_answer(s, &c, NULL),
			    "1=255.255.255.0 3=192.0.2.1 249=0.0.0.0/0 192.0.2.1");
	dhcp_site_unref(s);
}

static void vendors_get_their_own_options(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(
		"  vendor-options:\n"
		"    - {vendor-class: [\"ubnt*\", Other], options: {\"1/address\": 192.0.2.5}}\n"
		"    - {enterprise: 3561, options: {\"1/text\": ab}}\n"
		"    - {enterprise: 9, options: {2: \"03\"}}\n"
		"    - {options: {6: \"08\"}}\n"
		"  networks:\n"
		"    - {subnet: 192.0.2.0/24}\n"
		"    - {subnet: 192.0.3.0/24, options: {vendor-specific: \"0102\"}}\n");
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "\x3c\x05ubntX\x37\x01\x2b");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 43=1=c0:00:02:05");
	SITE_CLIENT(&c, s, 0, 1, "\x37\x01\x2b");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 43=6=08");
	SITE_CLIENT(&c, s, 0, 1, "\x37\x01\x7d");
	assert_string_equal(site_answer(s, &c, NULL),
			    "1=255.255.255.0 125=3561 01:02:61:62, 9 02:01:03");
	SITE_CLIENT(&c, s, 1, 1, "\x3c\x05ubntX\x37\x01\x2b");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 43=01:02");
	dhcp_site_unref(s);
}

static const char boots[] =
	"  classes:\n"
	"    - {name: h, match: {architecture: http-x64}, boot-file: \"http://b.test/x.efi\"}\n"
	"    - {name: u, match: {architecture: uefi-x64}, boot-file: x64.efi,\n"
	"       next-server: 192.0.2.7}\n"
	"    - {name: l, match: {architecture: bios}, server-name: tftp, next-server: 192.0.2.8,\n"
	"       boot-file: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n"
	"  networks: {subnet: 192.0.2.0/24}\n";

static void each_architecture_boots_its_own_file(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(boots);
	static struct site_client c;
	struct dhcp_boot boot;

	SITE_CLIENT(&c, s, 0, 1, "\x5d\x02\x00\x07\x37\x02\x42\x43");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 66=192.0.2.7 67=x64.efi");
	dhcp_site_boot(s, &c.c, c.c.network, NULL, &boot);
	assert_true(span_is(boot.file, "x64.efi"));
	assert_int_equal(boot.siaddr, 0xc0000207);
	assert_int_equal(boot.sname.len, 0);
	/* x86-64 by the text of RFC 4578 before its erratum. */
	SITE_CLIENT(&c, s, 0, 1, "\x5d\x02\x00\x09");
	dhcp_site_boot(s, &c.c, c.c.network, NULL, &boot);
	assert_true(span_is(boot.file, "x64.efi"));
	/* Too long for the field: the option says it, asked for or not. */
	SITE_CLIENT(&c, s, 0, 1, "\x5d\x02\x00\x00\x37\x01\x42");
	dhcp_site_boot(s, &c.c, c.c.network, NULL, &boot);
	assert_int_equal(boot.file.len, 0);
	assert_true(span_is(boot.sname, "tftp"));
	assert_memory_equal(site_answer(s, &c, NULL), "1=255.255.255.0 66=tftp 67=aaa", 30);
	dhcp_site_unref(s);
}

/* UEFI 2.10, 24.7: option 60 of the offer is HTTPClient, and the URI is there. */
static void http_boot_is_told_from_others(void **state)
{
	(void)state;
	struct dhcp_site *s = site_of(boots);
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "\x5d\x02\x00\x10\x3c\x15HTTPClient:Arch:00016\x37\x01\x03");
	assert_string_equal(site_answer(s, &c, NULL),
			    "1=255.255.255.0 67=http://b.test/x.efi 60=HTTPClient");
	SITE_CLIENT(&c, s, 0, 1, "\x5d\x02\x00\x07\x3c\x14PXEClient:Arch:00007\x37\x01\x03");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0");
	dhcp_site_unref(s);
}

static void a_reservation_names_its_host(void **state)
{
	(void)state;
	struct dhcp_site *s =
		site_of("  networks:\n    - subnet: 192.0.2.0/24\n      reservations:\n"
			"        - {mac: \"02:00:00:00:00:01\", name: nas}\n");
	static struct site_client c;

	SITE_CLIENT(&c, s, 0, 1, "\x37\x01\x0c");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0 12=nas");
	SITE_CLIENT(&c, s, 0, 2, "\x37\x01\x0c");
	assert_string_equal(site_answer(s, &c, NULL), "1=255.255.255.0");
	dhcp_site_unref(s);
}

static void empty_and_long_values_are_kept(void **state)
{
	(void)state;
	char text[1200];
	static struct site_client c;
	(void)snprintf(text, sizeof(text),
		       "  options: {\"224/text\": \"%0*d\"}\n"
		       "  networks: {subnet: 192.0.2.0/24}\n",
		       700, 0);
	struct dhcp_site *s = site_of(text);

	SITE_CLIENT(&c, s, 0, 1, "\x37\x01\xe0");
	assert_int_equal(strlen(site_answer(s, &c, NULL)),
			 strlen("1=255.255.255.0 224=") + 700 * 3 - 1);
	dhcp_site_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_place_wins),
		cmocka_unit_test(options_come_in_the_order_of_the_list),
		cmocka_unit_test(a_client_without_a_list_gets_what_there_is),
		cmocka_unit_test(what_is_always_sent_needs_no_asking),
		cmocka_unit_test(routers_are_left_out_beside_classless_routes_that_were_asked_for),
		cmocka_unit_test(vendors_get_their_own_options),
		cmocka_unit_test(each_architecture_boots_its_own_file),
		cmocka_unit_test(http_boot_is_told_from_others),
		cmocka_unit_test(a_reservation_names_its_host),
		cmocka_unit_test(empty_and_long_values_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
