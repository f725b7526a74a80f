#include "service/nat/flows.h"

#include "service/nat/net.h"
#include "service/nat/tables.h"
#include "service/nat/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FLOWS = 16, NOW = 100000, SECOND = 8 /* ticks, and a bit */ };

static struct nat_settings settings;
static struct nat_flow4 items[FLOWS];
static struct nat_leg4 legs[2 * FLOWS]; /* those of flow n at 2n and behind it */
static struct nat_flows flows = {.items = items,
				 .end = 8,
				 .legs = legs,
				 .legs_n = 2 * FLOWS,
				 .settings = &settings,
				 .now = NOW};

static struct ip_address ip(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static __be32 be(const char *text)
{
	struct ip_address a = ip(text);
	return nat_address_be32(&a);
}

/* 192.168.1.10:5000 speaks with 198.51.100.7:443 as 203.0.113.5:6000. */
static struct nat_flow4 sample(void)
{
	return (struct nat_flow4){
		.tuple = {{.src = be("192.168.1.10"),
			   .dst = be("198.51.100.7"),
			   .sport = nat_be16(5000),
			   .dport = nat_be16(443),
			   .proto = 6,
			   .zone = NAT_ZONE_INSIDE},
			  {.src = be("198.51.100.7"),
			   .dst = be("203.0.113.5"),
			   .sport = nat_be16(443),
			   .dport = nat_be16(6000),
			   .proto = 6,
			   .zone = NAT_ZONE_OUTSIDE}},
		.life = NAT_LIVE,
		.tcp = NAT_TCP_ESTABLISHED,
		.idle = NAT_IDLE_TCP,
		.seen = NOW - 10 * SECOND,
		.born = NOW - 60 * SECOND,
		.rule = 3,
		.host = be("192.168.1.10"),
		.leg = {4, 5},
	};
}

/* 198.51.100.9:40000 came in at 203.0.113.5:80, by a forward to 192.168.1.20:8080. */
static struct nat_flow4 forwarded(void)
{
	return (struct nat_flow4){
		.tuple = {{.src = be("198.51.100.9"),
			   .dst = be("203.0.113.5"),
			   .sport = nat_be16(40000),
			   .dport = nat_be16(80),
			   .proto = 17,
			   .zone = NAT_ZONE_OUTSIDE},
			  {.src = be("192.168.1.20"),
			   .dst = be("198.51.100.9"),
			   .sport = nat_be16(8080),
			   .dport = nat_be16(40000),
			   .proto = 17,
			   .zone = NAT_ZONE_INSIDE + 1}},
		.life = NAT_LIVE,
		.idle = NAT_IDLE_UDP,
		.flags = NAT_FLOW_FORWARD,
		.seen = NOW,
		.born = NOW,
		.host = be("192.168.1.20"),
		.leg = {6, 7},
	};
}

static int fill(void **state)
{
	(void)state;
	memset(items, 0, sizeof(items));
	settings.idle[NAT_IDLE_TCP] = 100 * SECOND;
	settings.idle[NAT_IDLE_UDP] = 30 * SECOND;
	memset(legs, 0, sizeof(legs));
	items[2] = sample();
	items[3] = forwarded();
	legs[4] = (struct nat_leg4){.flow = 2, .bytes = 1000};
	legs[5] = (struct nat_leg4){.flow = 2 | NAT_LEG_ANSWERS, .bytes = 50000};
	legs[6] = (struct nat_leg4){.flow = 3, .bytes = 7};
	legs[7] = (struct nat_leg4){.flow = 3 | NAT_LEG_ANSWERS, .bytes = 70};
	for (size_t i = 4; i < 8; i++)
		legs[i].seen = items[i / 2].seen;
	return 0;
}

static void passes_over_what_is_no_flow(void **state)
{
	(void)state;
	struct nat_flow_view v;
	assert_false(nat_flow_read(&flows, 0, &v));
	assert_false(nat_flow_read(&flows, 1, &v));
	items[2].life = NAT_DEAD;
	assert_false(nat_flow_read(&flows, 2, &v));
	items[9] = sample(); /* behind the end */
	assert_false(nat_flow_read(&flows, 9, &v));
	assert_false(nat_flow_read(&flows, UINT32_MAX, &v));
}

static void is_told_as_both_sides_see_it(void **state)
{
	(void)state;
	struct nat_flow_view v;
	assert_true(nat_flow_read(&flows, 2, &v));
	struct ip_endpoint from = {.address = ip("192.168.1.10"), .port = 5000},
			   from_as = {.address = ip("203.0.113.5"), .port = 6000},
			   to = {.address = ip("198.51.100.7"), .port = 443};
	assert_true(ip_endpoint_equal(&v.from, &from) && ip_endpoint_equal(&v.from_as, &from_as));
	assert_true(ip_endpoint_equal(&v.to, &to) && ip_endpoint_equal(&v.to_as, &to));
	assert_int_equal(v.state, NAT_FLOW_ESTABLISHED);
	assert_int_equal(v.rule, 3);
	assert_int_equal(v.from_zone, NAT_ZONE_INSIDE);
	assert_int_equal(v.to_zone, NAT_ZONE_OUTSIDE);
	/* A tick is 0.134 s. */
	assert_in_range(v.age_s, 60, 65);
	assert_in_range(v.idle_s, 10, 11);
	assert_in_range(v.left_s, 90, 97);
	assert_true(nat_flow_read(&flows, 3, &v));
	struct ip_endpoint inside = {.address = ip("192.168.1.20"), .port = 8080};
	assert_true(ip_endpoint_equal(&v.to_as, &inside));
	assert_int_equal(v.to.port, 80);
}

/* A packet may refresh the record in the tick after the one that we have read. */
static void is_not_older_than_its_last_packet(void **state)
{
	(void)state;
	struct nat_flow_view v;
	items[2].seen = NOW + 1;
	assert_true(nat_flow_read(&flows, 2, &v));
	assert_int_equal(v.idle_s, 0);
	items[2].seen = NOW - 200 * SECOND; /* the sweep has not come by */
	legs[4].seen = legs[5].seen = items[2].seen;
	assert_true(nat_flow_read(&flows, 2, &v));
	assert_int_equal(v.left_s, 0);
}

static void is_as_young_as_the_younger_of_its_directions(void **state)
{
	(void)state;
	struct nat_flow_view v;
	legs[4].seen = NOW - 6 * SECOND;
	assert_true(nat_flow_read(&flows, 2, &v));
	assert_in_range(v.idle_s, 6, 7);
	legs[5].seen = NOW - 2 * SECOND;
	assert_true(nat_flow_read(&flows, 2, &v));
	assert_in_range(v.idle_s, 2, 3);
}

/* Where its record says that they lie, somebody else's may lie by now. */
static void counts_no_direction_of_another_flow(void **state)
{
	(void)state;
	struct nat_flow_view v;
	legs[4].flow = 3;
	legs[4].seen = NOW;
	legs[5].flow = 2; /* the wrong way round */
	assert_true(nat_flow_read(&flows, 2, &v));
	assert_true(v.bytes[0] == 0 && v.bytes[1] == 0);
	assert_in_range(v.idle_s, 10, 11);
	items[2].leg[0] = 2 * FLOWS;
	items[2].leg[1] = UINT32_MAX;
	assert_true(nat_flow_read(&flows, 2, &v));
	assert_true(v.bytes[0] == 0 && v.bytes[1] == 0);
}

static void has_a_state_for_each_protocol(void **state)
{
	(void)state;
	static const struct {
		uint8_t tcp, flags;
		enum nat_flow_state want;
	} rows[] = {
		{NAT_TCP_INIT, 0, NAT_FLOW_OPENING},
		{NAT_TCP_ANSWERED, NAT_FLOW_REPLIED, NAT_FLOW_OPENING},
		{NAT_TCP_ESTABLISHED, NAT_FLOW_REPLIED, NAT_FLOW_ESTABLISHED},
		{NAT_TCP_FIN_0, NAT_FLOW_REPLIED, NAT_FLOW_CLOSING},
		{NAT_TCP_FIN_1, NAT_FLOW_REPLIED, NAT_FLOW_CLOSING},
		{NAT_TCP_FIN_BOTH, NAT_FLOW_REPLIED, NAT_FLOW_CLOSING},
		{NAT_TCP_TRANSITORY, NAT_FLOW_REPLIED, NAT_FLOW_CLOSING},
		{NAT_TCP_NONE, 0, NAT_FLOW_UNANSWERED},
		{NAT_TCP_NONE, NAT_FLOW_REPLIED, NAT_FLOW_ANSWERED},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nat_flow_view v;
		enum nat_flow_state again;
		items[2].tcp = rows[i].tcp;
		items[2].flags = rows[i].flags;
		assert_true(nat_flow_read(&flows, 2, &v));
		assert_int_equal(v.state, rows[i].want);
		assert_true(nat_flow_state_read(nat_flow_state_name(v.state), &again));
		assert_int_equal(again, v.state);
	}
}

static size_t found(const struct nat_flow_filter *f)
{
	struct nat_flow_view v;
	size_t n = 0;
	for (uint32_t i = 0; i < flows.end; i++)
		n += nat_flow_read(&flows, i, &v) && nat_flow_matches(f, &v);
	return n;
}

static void is_found_by_what_a_filter_says(void **state)
{
	(void)state;
	struct nat_flow_filter f = NAT_FLOW_FILTER_ANY;
	assert_int_equal(found(&f), 2);
	static const struct {
		const char *host;
		size_t want;
	} hosts[] = {{"192.168.1.10", 1},    {"192.168.1.20", 1},   {"203.0.113.5", 2},
		     {"198.51.100.0/24", 2}, {"192.168.1.0/27", 2}, {"192.168.1.11", 0},
		     {"2001:db8::/32", 0}};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		assert_int_equal(ip_prefix_parse(span_text(hosts[i].host), &f.host), OK);
		assert_int_equal(found(&f), hosts[i].want);
	}
	static const uint16_t ports[][2] = {{5000, 1}, {6000, 1}, {80, 1},
					    {8080, 1}, {443, 1},  {1, 0}};
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		f = NAT_FLOW_FILTER_ANY;
		f.port = ports[i][0];
		assert_int_equal(found(&f), ports[i][1]);
	}
	f = NAT_FLOW_FILTER_ANY;
	f.proto = 17;
	assert_int_equal(found(&f), 1);
	f.zone = NAT_ZONE_OUTSIDE;
	assert_int_equal(found(&f), 1);
	f.zone = NAT_ZONE_INSIDE;
	assert_int_equal(found(&f), 0);
	f.zone = -1;
	f.state = NAT_FLOW_UNANSWERED;
	assert_int_equal(found(&f), 1);
	f.state = NAT_FLOW_ESTABLISHED;
	assert_int_equal(found(&f), 0);
}

static void protocols_have_names_and_numbers(void **state)
{
	(void)state;
	char room[NAT_PROTO_TEXT_MAX];
	uint8_t proto;
	assert_false(nat_proto_read("0", &proto));
	assert_false(nat_proto_read("256", &proto));
	assert_false(nat_proto_read("carrier-pigeon", &proto));
	assert_false(nat_proto_read("", &proto));
	for (unsigned i = 1; i < 256; i++) {
		assert_true(nat_proto_read(nat_proto_name((uint8_t)i, room), &proto));
		assert_int_equal(proto, i);
	}
	assert_string_equal(nat_proto_name(6, room), "tcp");
	assert_string_equal(nat_proto_name(89, room), "89");
}

/* --- by host --- */

static void sums_ended_and_live_flows_of_a_host(void **state)
{
	(void)state;
	struct nat_top *top = NULL;
	struct nat_host host = {.flows_max = 100,
				.bytes_out = 5,
				.bytes_in = 6,
				.flows_begun = 9,
				.flows_refused = 1};
	struct nat_host_key key;
	struct ip_address a = ip("192.168.1.20");
	struct nat_flow_view v;
	size_t n;
	assert_int_equal(nat_top_new((struct hash_key){1, 2}, &top), OK);
	nat_address_map(&a, key.address);
	nat_top_add_host(top, &key, &host);
	for (uint32_t i = 0; i < flows.end; i++)
		if (nat_flow_read(&flows, i, &v))
			nat_top_add_flow(top, &v);
	const struct nat_top_row *rows = nat_top_sort(top, NAT_TOP_BYTES, &n);
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].bytes_out, 1000);
	assert_int_equal(rows[0].bytes_in, 50000);
	assert_int_equal(rows[0].flows_max, 0);
	assert_true(ip_address_equal(&rows[1].host, &a));
	/* What the far end sent by the forward came in, what was answered went out. */
	assert_int_equal(rows[1].bytes_out, 5 + 70);
	assert_int_equal(rows[1].bytes_in, 6 + 7);
	assert_int_equal(rows[1].flows, 1);
	assert_int_equal(rows[1].flows_max, 100);
	rows = nat_top_sort(top, NAT_TOP_BEGUN, &n);
	assert_int_equal(rows[0].begun, 9);
	rows = nat_top_sort(top, NAT_TOP_REFUSED, &n);
	assert_int_equal(rows[0].refused, 1);
	rows = nat_top_sort(top, NAT_TOP_FLOWS, &n);
	assert_int_equal(n, 2);
	nat_top_free(top);
}

static void holds_no_more_hosts_than_it_says(void **state)
{
	(void)state;
	struct nat_top *top = NULL;
	struct nat_flow_view v;
	size_t n;
	assert_int_equal(nat_top_new((struct hash_key){1, 2}, &top), OK);
	assert_true(nat_flow_read(&flows, 2, &v));
	for (uint32_t i = 0; i < NAT_TOP_HOSTS_MAX + 10; i++) {
		put_u32(v.host.bytes, 0x0a000000 + i);
		v.from.address = v.host;
		nat_top_add_flow(top, &v);
	}
	(void)nat_top_sort(top, NAT_TOP_BYTES, &n);
	assert_int_equal(n, NAT_TOP_HOSTS_MAX);
	nat_top_free(top);
}

#define TEST(name) cmocka_unit_test_setup(name, fill)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(passes_over_what_is_no_flow),
		TEST(is_told_as_both_sides_see_it),
		TEST(is_not_older_than_its_last_packet),
		TEST(has_a_state_for_each_protocol),
		TEST(is_as_young_as_the_younger_of_its_directions),
		TEST(counts_no_direction_of_another_flow),
		TEST(is_found_by_what_a_filter_says),
		TEST(protocols_have_names_and_numbers),
		TEST(sums_ended_and_live_flows_of_a_host),
		TEST(holds_no_more_hosts_than_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
