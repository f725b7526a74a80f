#include "service/nat/flows6.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

enum { NOW = 100000, SECOND = 8 /* ticks, nearly */ };

static struct nat_address6 six(const char *text)
{
	struct nat_address6 a;
	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void assert_end(const struct ip_endpoint *e, const char *address, uint16_t port)
{
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(&e->address, text);
	assert_string_equal(text, address);
	assert_int_equal(e->port, port);
}

static void a_flow_of_nat64_has_ends_of_both_families(void **state)
{
	static struct nat_settings settings;
	static struct nat_flow6 items[3];
	struct nat_flows6 flows = {items, 3, &settings, NOW};
	struct nat_flow_view v;
	(void)state;
	settings.idle[NAT_IDLE_UDP] = 300 * SECOND;
	items[1] = (struct nat_flow6){.tuple = {{.src = six("2001:db8:1::10"),
						 .dst = six("64:ff9b::c633:6401"),
						 .sport = htons(1000),
						 .dport = htons(53),
						 .proto = 17,
						 .zone = NAT_ZONE_INSIDE},
						{.src = six("::ffff:198.51.100.1"),
						 .dst = six("::ffff:203.0.113.1"),
						 .sport = htons(53),
						 .dport = htons(4000),
						 .proto = 17,
						 .zone = NAT_ZONE_OUTSIDE}},
				      .life = NAT_LIVE,
				      .idle = NAT_IDLE_UDP,
				      .flags = NAT_FLOW_REPLIED,
				      .bytes = {10, 20},
				      .born = NOW - 100,
				      .seen = NOW + 1, /* just refreshed */
				      .host = 1};
	assert_true(nat_flow6_read(&flows, 1, &v));
	assert_end(&v.from, "2001:db8:1::10", 1000);
	assert_end(&v.to, "64:ff9b::c633:6401", 53);
	assert_end(&v.from_as, "203.0.113.1", 4000);
	assert_end(&v.to_as, "198.51.100.1", 53);
	assert_int_equal(v.state, NAT_FLOW_ANSWERED);
	assert_int_equal(v.bytes[1], 20);
	assert_int_equal(v.idle_s, 0);
	assert_true(ip_address_equal(&v.host, &v.from.address));
	assert_false(nat_flow6_read(&flows, 0, &v));
	assert_false(nat_flow6_read(&flows, 2, &v));
	assert_false(nat_flow6_read(&flows, 3, &v));
	items[1].flags |= NAT_FLOW_FORWARD;
	assert_true(nat_flow6_read(&flows, 1, &v));
	assert_true(ip_address_equal(&v.host, &v.to_as.address));
	items[1].life = NAT_DEAD;
	assert_false(nat_flow6_read(&flows, 1, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_of_nat64_has_ends_of_both_families),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
