/* Classes of IPv6: who belongs to one, and what comes of it. */
#include "service/dhcp/v6_stage_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int tear_down(void **state)
{
	(void)state;
	stage_end();
	return 0;
}

/* Who matches is given of the first pool, a prefix and name server 1; all others are not. */
static void begin(const char *match)
{
	char body[2048];
	(void)snprintf(
		body, sizeof(body),
		"  options: {dns-servers: \"2001:db8::99\"}\n"
		"  classes:\n"
		"    - {name: these, match: {%s}, options: {dns-servers: \"2001:db8::1\"}}\n"
		"    - {name: never, match: {duid: other}, options: {dns-servers: "
		"\"2001:db8::2\"}}\n"
		"    - {name: all, match: {duid: \"*\"}, options: {domain-search: home.arpa}}\n"
		"  networks:\n"
		"    - subnet: 2001:db8:7::/64\n"
		"      interface: lan0\n"
		"      pools:\n"
		"        - {range: \"2001:db8:7::10-2001:db8:7::1f\", classes: these}\n"
		"        - {range: \"2001:db8:7::20-2001:db8:7::2f\", classes: never}\n"
		"        - {range: \"2001:db8:7::30-2001:db8:7::3f\"}\n"
		"      prefix-pools:\n"
		"        - {prefix: \"2001:db8:f000::/48\", classes: these}\n",
		match);
	stage_begin(body);
}

static void ask_with(struct ask *a, uint16_t code, struct span option)
{
	static const uint8_t oro[] = {0, DHCP6_OPT_DNS_SERVERS, 0, DHCP6_OPT_DOMAIN_LIST};
	ask_begin(a, DHCP6_SOLICIT, 1);
	if (code)
		dhcp6_write_option(&a->w, code, option);
	dhcp6_write_option(&a->w, DHCP6_OPT_ORO, span_of(oro, sizeof(oro)));
	ask_ia(a, DHCP6_IA_NA, 1, "");
	ask_ia(a, DHCP6_IA_PD, 1, "");
}

/* The pool of the class, a prefix, and its option; or what all others get. */
static void judge(const char *text, bool belongs)
{
	assert_non_null(strstr(text, belongs ? " 2001:db8:7::1" : " 2001:db8:7::3"));
	assert_int_equal(strstr(text, "no-prefix-avail") == NULL, belongs);
	assert_non_null(
		strstr(text, belongs ? "dns-servers 2001:db8::1;" : "dns-servers 2001:db8::99;"));
	assert_non_null(strstr(text, "domain-search home.arpa"));
}

static void match(const char *words, uint16_t code, struct span option, bool belongs)
{
	struct ask a;
	begin(words);
	ask_with(&a, code, option);
	judge(ask_send(&a), belongs);
	stage_end();
}

static void match_relayed(const char *words, uint16_t code, struct span option, bool belongs)
{
	struct ask a;
	static uint8_t wire[2048];
	struct writer w = writer_of(wire, sizeof(wire));
	struct ip_address link = {.family = 6, .bytes = {0x20, 1, 0x0d, 0xb8, 0, 7, [15] = 1}};
	struct v6_arrival arrival = {.ifindex = 3, .from = link, .to = link};
	begin(words);
	ask_with(&a, 0, (struct span){0});
	dhcp6_write_relay_header(&w, DHCP6_RELAY_FORW, 0, &link, &a.arrival.from);
	dhcp6_write_option(&w, code, option);
	dhcp6_write_option(&w, DHCP6_OPT_RELAY_MSG, writer_span(&a.w));
	v6_engine_receive(stage.engine, stage.now_ms, &arrival, writer_span(&w));
	assert_int_equal(stage.sent_n, 1);
	judge(stage_text(stage.sent.message), belongs);
	stage_end();
}

#define WIRE(text) span_of(text, sizeof(text) - 1)
#define NONE	   ((struct span){0})

static void clients_are_matched_by_what_they_say(void **state)
{
	(void)state;
	struct span vendor = WIRE("\0\0\x0d\xe9\0\4ipad\0\5acme1");
	struct span user = WIRE("\0\5phone\0\3lab");
	match("vendor-class: \"acme*\"", DHCP6_OPT_VENDOR_CLASS, vendor, true);
	match("vendor-class: \"acme\"", DHCP6_OPT_VENDOR_CLASS, vendor, false);
	match("vendor-class: \"acme*\"", 0, NONE, false);
	match("user-class: lab", DHCP6_OPT_USER_CLASS, user, true);
	match("user-class: phonelab", DHCP6_OPT_USER_CLASS, user, false);
	match("duid: \"hex:00030001*\"", 0, NONE, true);
	match("duid: \"hex:0001*\"", 0, NONE, false);
	match("mac: \"02:00:*\"", 0, NONE, true);
	match("mac: [\"04:*\", \"02:00:00:00:00:01\"]", 0, NONE, true);
	match("mac: \"02:01:*\"", 0, NONE, false);
	/* All that is written. */
	match("mac: \"02:00:*\", user-class: lab", DHCP6_OPT_USER_CLASS, user, true);
	match("mac: \"02:01:*\", user-class: lab", DHCP6_OPT_USER_CLASS, user, false);
}

static void relays_say_where_a_client_is(void **state)
{
	(void)state;
	struct span remote = WIRE("\0\0\x0d\xe9rack7");
	match_relayed("interface-id: \"eth0/*\"", DHCP6_OPT_INTERFACE_ID, WIRE("eth0/3"), true);
	match_relayed("interface-id: \"eth1/*\"", DHCP6_OPT_INTERFACE_ID, WIRE("eth0/3"), false);
	match_relayed("remote-id: rack7", DHCP6_OPT_REMOTE_ID, remote, true);
	match_relayed("remote-id: rack8", DHCP6_OPT_REMOTE_ID, remote, false);
	match_relayed("subscriber-id: \"c-*\"", DHCP6_OPT_SUBSCRIBER_ID, WIRE("c-1"), true);
	/* A client cannot say it. */
	match("interface-id: \"eth0/*\"", DHCP6_OPT_INTERFACE_ID, WIRE("eth0/3"), false);
}

static void who_leaves_a_class_leaves_its_pool(void **state)
{
	(void)state;
	struct ask a;
	begin("mac: \"02:00:*\"");
	assert_non_null(strstr(stage_get(1, DHCP6_IA_NA, 1), " 2001:db8:7::1"));
	char had[64];
	struct v6_lease_view l;
	size_t at = 0;
	assert_true(v6_engine_lease_next(stage.engine, &at, &l));
	ip_address_format(&l.prefix.address, had);
	stage_site("  networks:\n"
		   "    - subnet: 2001:db8:7::/64\n"
		   "      interface: lan0\n"
		   "      pools:\n"
		   "        - {range: \"2001:db8:7::10-2001:db8:7::1f\", classes: these}\n"
		   "        - {range: \"2001:db8:7::30-2001:db8:7::3f\"}\n"
		   "  classes: {name: these, match: {mac: \"04:*\"}}\n");
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, had);
	const char *text = ask_send(&a);
	char over[80];
	(void)snprintf(over, sizeof(over), "%s=0/0", had);
	assert_non_null(strstr(text, over));
	assert_non_null(strstr(text, " 2001:db8:7::3"));
}

/* The network says 1 h and 2 h, as by default. Of a client's classes the first that says a time
 * counts, for each time on its own. */
static void times_are_of_the_nearest_place(void **state)
{
	(void)state;
	stage_begin(
		"  classes:\n"
		"    - {name: short, match: {user-class: guest}, valid: 10m}\n"
		"    - {name: mac, match: {mac: \"02:00:*\"}, preferred: 5m, valid: 20m, renew: "
		"1m, rebind: 2m}\n"
		"    - {name: other, match: {mac: \"04:*\"}, preferred: 7m, valid: 8m}\n"
		"  networks:\n"
		"    - subnet: 2001:db8:7::/64\n"
		"      interface: lan0\n"
		"      pools: {range: \"2001:db8:7::10-2001:db8:7::1f\"}\n"
		"      prefix-pools: {prefix: \"2001:db8:f000::/48\"}\n");
	struct ask a;
	ask_with(&a, DHCP6_OPT_USER_CLASS, WIRE("\0\5guest"));
	const char *text = ask_send(&a);
	assert_non_null(strstr(text, "=300/600"));
	assert_null(strstr(text, "=3600/7200"));
	assert_non_null(strstr(text, " 60/120"));
	ask_with(&a, 0, NONE);
	assert_non_null(strstr(ask_send(&a), "=300/1200"));
	/* The times of a renewal too. */
	text = stage_get(1, DHCP6_IA_NA, 1);
	assert_non_null(strstr(text, "=300/1200"));
	struct v6_lease_view l;
	char had[64];
	size_t at = 0;
	assert_true(v6_engine_lease_next(stage.engine, &at, &l));
	ip_address_format(&l.prefix.address, had);
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	dhcp6_write_option(&a.w, DHCP6_OPT_USER_CLASS, WIRE("\0\5guest"));
	ask_ia(&a, DHCP6_IA_NA, 1, had);
	assert_non_null(strstr(ask_send(&a), "=300/600"));
}

static void preferred_is_cut_to_a_nearer_valid(void **state)
{
	(void)state;
	stage_begin("  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      valid: 10m\n"
		    "      pools: {range: \"2001:db8:7::10-2001:db8:7::1f\"}\n");
	assert_non_null(strstr(stage_get(1, DHCP6_IA_NA, 1), "=600/600"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_matched_by_what_they_say),
		cmocka_unit_test(relays_say_where_a_client_is),
		cmocka_unit_test_teardown(who_leaves_a_class_leaves_its_pool, tear_down),
		cmocka_unit_test_teardown(times_are_of_the_nearest_place, tear_down),
		cmocka_unit_test_teardown(preferred_is_cut_to_a_nearer_valid, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
