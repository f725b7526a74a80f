#include "service/dhcp/client_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* --- the three ways to allocate --- */

static void a_fixed_pool_answers_nobody_else(void **state)
{
	struct try *t = *state;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 5};
	t->site->pools[0][0].allocate = DHCP_FIXED;
	site_fake_reserve(t->site, DHCP_IDENTITY_MAC, span_of(mac, 6), NET_A + 102);
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_FIXED), 1);
	assert_int_equal(try_lease(t, 5), NET_A + 102);
}

static void automatic_gives_the_same_address_back_after_expiry_and_restart(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t first = try_lease(t, 1);
	try_wait_s(t, 4000);
	assert_int_equal(try_state(t, first), DHCP_LEASE_EXPIRED);
	assert_true(try_event(t, DHCP_EVENT_EXPIRE));
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 9, .requested = first});
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, first);
	try_restart(t);
	assert_int_equal(try_lease(t, 1), first);
}

static void automatic_takes_the_longest_unused_when_nothing_else_is_left(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t of[4];
	for (uint8_t mac = 0; mac < 4; mac++) {
		of[mac] = try_lease(t, (uint8_t)(mac + 1));
		try_wait_s(t, 10);
	}
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 3, .ciaddr = of[2], .to = SERVER});
	try_store(t);
	try_wait_s(t, 1);
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 2, .ciaddr = of[1], .to = SERVER});
	try_store(t);
	assert_int_equal(try_lease(t, 9), of[2]);
	assert_int_equal(try_lease(t, 10), of[1]);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 11});
	try_silence(t);
}

static void dynamic_gives_an_ended_address_to_whoever_asks_for_it(void **state)
{
	struct try *t = *state;
	t->site->pools[0][0].allocate = DHCP_DYNAMIC;
	try_start(t);
	uint32_t first = try_lease(t, 1);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 9, .requested = first});
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, first);
	try_wait_s(t, 4000);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 8, .requested = first});
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, first);
}

static void a_reserved_address_is_nobody_elses(void **state)
{
	struct try *t = *state;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 50};
	site_fake_reserve(t->site, DHCP_IDENTITY_MAC, span_of(mac, 6), NET_A + 101);
	try_start(t);
	for (uint8_t m = 1; m < 4; m++)
		assert_int_not_equal(try_lease(t, m), NET_A + 101);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 4, .requested = NET_A + 101});
	try_silence(t);
	assert_int_equal(try_lease(t, 50), NET_A + 101);
}

static void a_reservation_outside_of_the_pools_is_served(void **state)
{
	struct try *t = *state;
	site_fake_reserve(t->site, DHCP_IDENTITY_CLIENT_ID, span_text("\001printer"), NET_A + 20);
	try_start(t);
	struct ask a = {.type = DHCP_DISCOVER, .mac = 4, .client_id = span_text("\001printer")};
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, NET_A + 20);
	a.type = DHCP_REQUEST;
	a.requested = NET_A + 20;
	a.server_id = SERVER;
	try_say(t, a);
	try_store(t);
	assert_int_equal(try_answer(t, DHCP_ACK)->head.yiaddr, NET_A + 20);
	try_wait_s(t, 4000);
	assert_int_equal(try_state(t, NET_A + 20), DHCP_LEASE_EXPIRED);
}

static void a_client_whose_reservation_is_elsewhere_is_moved_when_it_renews(void **state)
{
	struct try *t = *state;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	try_start(t);
	uint32_t address = try_lease(t, 1);
	site_fake_reserve(t->site, DHCP_IDENTITY_MAC, span_of(mac, 6), NET_A + 20);
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER});
	(void)try_answer(t, DHCP_NAK);
	assert_int_equal(try_lease(t, 1), NET_A + 20);
}

static void a_pool_of_a_class_is_not_for_others(void **state)
{
	struct try *t = *state;
	t->site->pools[0][0].classes = 1;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1, .requested = NET_A + 101});
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_NO_ADDRESS), 1);
	try_say(t,
		(struct ask){.type = DHCP_DISCOVER, .mac = 1, .vendor_class = span_text("phone")});
	(void)try_answer(t, DHCP_OFFER);
}

static void the_next_network_of_the_link_serves_when_the_first_is_full(void **state)
{
	struct try *t = *state;
	struct dhcp_network *c = site_fake_network(t->site, NET_A + 0x100, 24);
	site_fake_pool(t->site, c, NET_A + 0x110, NET_A + 0x111, DHCP_AUTOMATIC);
	site_fake_link(t->site, 0, 2);
	try_start(t);
	for (uint8_t m = 1; m < 5; m++)
		assert_int_equal(try_lease(t, m) & 0xffffff00, NET_A);
	uint32_t other = try_lease(t, 5);
	assert_int_equal(other & 0xffffff00, NET_A + 0x100);
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 5, .ciaddr = other, .to = SERVER});
	try_store(t);
	(void)try_answer(t, DHCP_ACK);
}

static void our_own_and_the_edge_addresses_are_never_given(void **state)
{
	struct try *t = *state;
	t->site->pools[0][0].first = NET_A;
	t->site->pools[0][0].last = NET_A + 2;
	try_start(t);
	assert_int_equal(try_lease(t, 1), NET_A + 2);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 2});
	try_silence(t);
}

/* --- limits --- */

static void strangers_are_admitted_so_many_a_second(void **state)
{
	struct try *t = *state;
	t->site->networks[0].per_second = 2;
	try_start(t);
	uint32_t first = try_lease(t, 1);
	(void)try_lease(t, 2);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 3});
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_RATE), 1);
	assert_int_equal(try_lease(t, 1), first); /* no stranger */
	try_wait_s(t, 1);
	(void)try_lease(t, 3);
}

static void who_declines_everything_is_not_served_for_a_while(void **state)
{
	struct try *t = *state;
	t->site->pools[0][0].last = NET_A + 120;
	try_start(t);
	for (unsigned i = 0; i < 4; i++) {
		uint32_t address = try_lease(t, 1);
		try_say(t, (struct ask){.type = DHCP_DECLINE,
					.mac = 1,
					.requested = address,
					.server_id = SERVER});
		try_store(t);
	}
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_RATE), 1);
	(void)try_lease(t, 2);
	try_wait_s(t, 700);
	(void)try_lease(t, 1);
}

static void a_relay_port_holds_so_many_leases(void **state)
{
	struct try *t = *state;
	t->site->networks[1].per_port = 2;
	try_start(t);
	struct ask a = {.type = DHCP_DISCOVER,
			.giaddr = RELAY,
			.relay = span_text("\001\006port 1\002\004sw 1")};
	for (a.mac = 1; a.mac < 3; a.mac++) {
		try_say(t, a);
		(void)try_answer(t, DHCP_OFFER);
	}
	try_say(t, a);
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_PORT), 1);
	a.relay = span_text("\001\006port 2\002\004sw 1");
	try_say(t, a);
	(void)try_answer(t, DHCP_OFFER);
	try_wait_s(t, 61); /* the offers lapse, and the port is free again */
	a.relay = span_text("\001\006port 1\002\004sw 1");
	a.mac = 9;
	try_say(t, a);
	(void)try_answer(t, DHCP_OFFER);
}

static void too_many_at_once_are_counted(void **state)
{
	struct try *t = *state;
	t->limits.waiting = 2;
	t->site->networks[1].probe = true;
	try_start(t);
	for (uint8_t m = 1; m < 5; m++)
		try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = m, .giaddr = RELAY});
	assert_int_equal(try_cause(t, DHCP_CAUSE_BUSY), 2);
	try_wait_ms(t, 500);
	assert_int_equal(t->sent_n, 2);
}

static void a_full_table_forgets_who_left_longest_ago(void **state)
{
	struct try *t = *state;
	t->limits.leases = 2;
	try_start(t);
	uint32_t first = try_lease(t, 1);
	(void)try_lease(t, 2);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 3});
	try_silence(t);
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 1, .ciaddr = first, .to = SERVER});
	try_store(t);
	(void)try_lease(t, 3);
	assert_int_equal(try_state(t, first), 0);
	/* Its row is still there: whoever gets the address meets it, and learns. */
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 3, .ciaddr = 0, .to = SERVER});
}

static void torn_and_unknown_messages_cost_a_counter(void **state)
{
	struct try *t = *state;
	try_start(t);
	struct dhcp_arrival arrival = {.ifindex = TRY_IFINDEX, .to = BROADCAST};
	static const uint8_t noise[3000] = {1, 1, 6};
	dhcp_engine_receive(t->engine, t->now_ms, &arrival, span_of(noise, 100));
	dhcp_engine_receive(t->engine, t->now_ms, &arrival, span_of(noise, sizeof(noise)));
	assert_int_equal(try_cause(t, DHCP_CAUSE_TORN), 2);
	dhcp_engine_receive(t->engine, t->now_ms, &arrival, span_of(noise, 300));
	assert_int_equal(try_cause(t, DHCP_CAUSE_BOOTP), 1);
	try_say(t, (struct ask){.type = DHCP_OFFER, .mac = 1});
	try_say(t, (struct ask){.type = (enum dhcp_type)200, .mac = 1});
	assert_int_equal(try_cause(t, DHCP_CAUSE_TYPE), 2);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1, .ifindex = 77});
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1, .giaddr = 0x08080808});
	assert_int_equal(try_cause(t, DHCP_CAUSE_NO_NETWORK), 2);
	try_silence(t);
}

static int begin(void **state)
{
	static struct try t;
	try_init(&t);
	*state = &t;
	return 0;
}

static int end(void **state)
{
	try_done(*state);
	return 0;
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(a_fixed_pool_answers_nobody_else),
		FACT(automatic_gives_the_same_address_back_after_expiry_and_restart),
		FACT(automatic_takes_the_longest_unused_when_nothing_else_is_left),
		FACT(dynamic_gives_an_ended_address_to_whoever_asks_for_it),
		FACT(a_reserved_address_is_nobody_elses),
		FACT(a_reservation_outside_of_the_pools_is_served),
		FACT(a_client_whose_reservation_is_elsewhere_is_moved_when_it_renews),
		FACT(a_pool_of_a_class_is_not_for_others),
		FACT(the_next_network_of_the_link_serves_when_the_first_is_full),
		FACT(our_own_and_the_edge_addresses_are_never_given),
		FACT(strangers_are_admitted_so_many_a_second),
		FACT(who_declines_everything_is_not_served_for_a_while),
		FACT(a_relay_port_holds_so_many_leases),
		FACT(too_many_at_once_are_counted),
		FACT(a_full_table_forgets_who_left_longest_ago),
		FACT(torn_and_unknown_messages_cost_a_counter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
