/* RFC 8925: clients that can do without IPv4, and pools that would have them do so. */
#include "service/dhcp/client_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t wanted[] = {DHCP_OPT_ROUTERS, DHCP_OPT_IPV6_ONLY_PREFERRED};

static struct ask discover(uint8_t mac)
{
	return (struct ask){.type = DHCP_DISCOVER,
			    .mac = mac,
			    .xid = 5,
			    .prl = span_of(wanted, sizeof(wanted))};
}

static uint64_t offers_of_none(const struct try *t)
{
	struct dhcp_counts c;
	dhcp_engine_counts(t->engine, &c);
	return c.ipv6_only;
}

static bool has_108(const struct dhcp_message *m)
{
	return dhcp_message_has(m, DHCP_OPT_IPV6_ONLY_PREFERRED);
}

/* 3.3: the option MUST NOT be in an OFFER or ACK to a client whose parameter request list lacks it.
 */
static void who_does_not_ask_gets_an_address_and_no_option(void **state)
{
	struct try *t = *state;
	struct ask a = discover(1);
	a.prl = span_of(wanted, 1);
	try_say(t, a);
	const struct dhcp_message *offer = try_answer(t, DHCP_OFFER);
	assert_true(offer->head.yiaddr >= NET_A + 100);
	assert_false(has_108(offer));
	a.prl = (struct span){0};
	a.mac = 2;
	try_say(t, a);
	offer = try_answer(t, DHCP_OFFER);
	assert_true(offer->head.yiaddr >= NET_A + 100);
	assert_false(has_108(offer));
	assert_int_equal(offers_of_none(t), 0);
}

/* 3.3: the server SHOULD NOT assign an address, and SHOULD return 0.0.0.0 as the offered one. RFC
 * 2131 table 3 still wants the times and the server in it, and 4.1 a broadcast, as there is no
 * address to send to. */
static void who_asks_is_offered_none_and_none_is_held(void **state)
{
	struct try *t = *state;
	try_say(t, discover(1));
	const struct dhcp_message *offer = try_answer(t, DHCP_OFFER);
	assert_int_equal(offer->head.yiaddr, 0);
	assert_int_equal(try_u32(offer, DHCP_OPT_IPV6_ONLY_PREFERRED), 1800);
	assert_int_equal(try_u32(offer, DHCP_OPT_SERVER_IDENTIFIER), SERVER);
	assert_int_equal(try_u32(offer, DHCP_OPT_LEASE_TIME), 3600);
	assert_int_equal(try_how(t)->how, DHCP_SEND_BROADCAST);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(try_state(t, NET_A + 100 + i), 0);
	assert_int_equal(offers_of_none(t), 1);
}

/* There is nothing to probe. */
static void nobody_is_probed_for_it(void **state)
{
	struct try *t = *state;
	t->site->networks[0].probe = true;
	try_say(t, discover(1));
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, 0);
	assert_int_equal(t->probes_n, 0);
}

/* 3.3: Rapid Commit SHOULD NOT be honoured where the answer has the option. */
static void rapid_commit_stands_back(void **state)
{
	struct try *t = *state;
	t->site->networks[0].rapid_commit = true;
	struct ask a = discover(1);
	a.rapid = true;
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, 0);
	assert_int_equal(t->pending_n, 0);
}

/* A pool that is full has no less to say. */
static void a_full_pool_still_says_it(void **state)
{
	struct try *t = *state;
	for (uint8_t mac = 11; mac < 15; mac++)
		(void)try_lease(t, mac);
	try_say(t, discover(1));
	assert_true(has_108(try_answer(t, DHCP_OFFER)));
	assert_int_equal(try_cause(t, DHCP_CAUSE_NO_ADDRESS), 0);
}

/* 3.3: a REQUEST for an address of such a pool MUST be processed as RFC 2131 says, the option in it
 * or not. */
static void a_request_is_granted_with_the_option(void **state)
{
	struct try *t = *state;
	struct ask a = discover(1);
	uint32_t address = try_lease(t, 1);
	a.type = DHCP_REQUEST;
	a.requested = address;
	try_say(t, a);
	try_store(t);
	const struct dhcp_message *ack = try_answer(t, DHCP_ACK);
	assert_int_equal(ack->head.yiaddr, address);
	assert_int_equal(try_u32(ack, DHCP_OPT_IPV6_ONLY_PREFERRED), 1800);
	try_say(t, discover(1)); /* begins anew: what it holds stays its own until it ends */
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, 0);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
}

/* 3.3: the option MUST NOT come with an address of a pool that is not configured so: the pool that
 * the client's address would be of decides. */
static void other_pools_offer_addresses(void **state)
{
	struct try *t = *state;
	struct ask a = discover(1);
	a.giaddr = RELAY;
	try_say(t, a);
	const struct dhcp_message *offer = try_answer(t, DHCP_OFFER);
	assert_int_equal(offer->head.yiaddr & 0xffff0000, NET_B);
	assert_false(has_108(offer));
}

static void the_pool_of_what_the_client_has_or_asks_for_decides(void **state)
{
	struct try *t = *state;
	static const uint8_t mac[] = {2, 0, 0, 0, 0, 3};
	struct dhcp_network *n = &t->site->networks[0];
	(void)site_fake_pool(t->site, n, NET_A + 200, NET_A + 201, DHCP_DYNAMIC);
	site_fake_reserve(t->site, DHCP_IDENTITY_MAC, span_of(mac, 6), NET_A + 50);
	struct dhcp_site *site = dhcp_site_ref(t->site);
	dhcp_engine_set_site(t->engine, site, t->now_ms);
	dhcp_site_unref(site);
	struct ask a = discover(1);
	a.requested = NET_A + 200;
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, NET_A + 200);
	try_say(t, discover(1)); /* it was offered that one */
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, NET_A + 200);
	try_say(t, discover(3)); /* reserved, outside of all pools */
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, NET_A + 50);
	try_say(t, discover(2)); /* the first pool that has room */
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, 0);
	for (uint8_t m = 11; m < 15; m++)
		(void)try_lease(t, m);
	try_say(t, discover(2));
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, NET_A + 201);
}

static int setup(void **state)
{
	static struct try t;
	try_init(&t);
	t.site->ipv6_only = &t.site->pools[0][0];
	try_start(&t);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	try_done(*state);
	return 0;
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(who_does_not_ask_gets_an_address_and_no_option),
		FACT(who_asks_is_offered_none_and_none_is_held),
		FACT(nobody_is_probed_for_it),
		FACT(rapid_commit_stands_back),
		FACT(a_full_pool_still_says_it),
		FACT(a_request_is_granted_with_the_option),
		FACT(other_pools_offer_addresses),
		FACT(the_pool_of_what_the_client_has_or_asks_for_decides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
