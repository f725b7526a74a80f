#include "service/nat/traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static void refuses_what_is_no_traffic(void **state)
{
	static const char *const bad[] = {
		"",	      "0",
		"65536",      "1-0",
		"5-4/tcp",    "80/icmp",
		"80/esp",     "80/",
		"/tcp",	      "80/tcp/udp",
		"TCP",	      "-1",
		"1-",	      "icmp/",
		"icmp/256",   "icmp/3/",
		"icmp/3/256", "icmp/foo",
		"0/ip",	      "256/ip",
		"ip",	      "any",
		"http/tcp",   "80 /tcp x",
		"+1",	      "icmpv6/redirect",
		"icmp/8/0/0",
	};
	struct nat_traffics t;
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (nat_traffic_parse(span_text(bad[i]), &t) == OK)
			fail_msg("'%s' was taken", bad[i]);
}

static void reads_what_it_writes(void **state)
{
	static const struct {
		const char *text, *first, *second;
	} good[] = {
		{"443/tcp", "443/tcp", NULL},
		{"8000-8010/udp", "8000-8010/udp", NULL},
		{"53", "53/tcp", "53/udp"},
		{"1-65535", "1-65535/tcp", "1-65535/udp"},
		{"tcp", "tcp", NULL},
		{"icmp", "icmp", NULL},
		{"ping", "icmp/8", "icmpv6/128"},
		{"icmp/echo-request", "icmp/8", NULL},
		{"icmpv6/packet-too-big", "icmpv6/2", NULL},
		{"icmp/3/4", "icmp/3/4", NULL},
		{"icmp/0", "icmp/0", NULL},
		{"47/ip", "gre", NULL},
		{"gre", "gre", NULL},
		{"89/ip", "89/ip", NULL},
		{"5060/sctp", "5060/sctp", NULL},
	};
	char text[NAT_TRAFFIC_TEXT_MAX];
	struct nat_traffics t;
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(nat_traffic_parse(span_text(good[i].text), &t), OK);
		assert_int_equal(t.n, good[i].second ? 2 : 1);
		assert_string_equal(nat_traffic_format(&t.items[0], text), good[i].first);
		if (good[i].second)
			assert_string_equal(nat_traffic_format(&t.items[1], text), good[i].second);
	}
	assert_string_equal(nat_traffic_format(&(struct nat_traffic){0, 0, 65535}, text), "any");
}

static void reads_rates(void **state)
{
	static const char *const bad[] = {"", "10", "10/", "/s", "0/s", "1000001/s", "1/d", "1 /s"};
	uint32_t us;
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(nat_rate_parse(span_text(bad[i]), &us), ERR_FORMAT);
	assert_int_equal(nat_rate_parse(span_text("10/s"), &us), OK);
	assert_int_equal(us, 100000);
	assert_int_equal(nat_rate_parse(span_text("5/m"), &us), OK);
	assert_int_equal(us, 12000000);
	assert_int_equal(nat_rate_parse(span_text("1/h"), &us), OK);
	assert_int_equal(us, 3600000000);
	assert_int_equal(nat_rate_parse(span_text("1000000/s"), &us), OK);
	assert_int_equal(us, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_traffic),
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(reads_rates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
