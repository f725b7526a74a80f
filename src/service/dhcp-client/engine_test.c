#include "service/dhcp-client/world_test.h"

#include "proto/ip/prefix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world *w;

static int setup(void **state)
{
	(void)state;
	w = world_new(7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static uint32_t chosen(void)
{
	uint32_t server = 0;
	assert_int_equal(dhcp_message_address(world_last(w), DHCP_OPT_SERVER_IDENTIFIER, &server),
			 OK);
	return server;
}

/* --- refusals --------------------------------------------------------------------------------- */

static void refuses_what_is_no_reply_to_us(void **state)
{
	(void)state;
	uint8_t room[1500];
	world_up(w, 0);
	world_reply(w, (struct world_reply){.wrong_mac = true});
	world_reply(w, (struct world_reply){.request_op = true});
	world_reply(w, (struct world_reply){.xid_flip = 7});
	assert_int_equal(w->u.counts.refused[UPLINK_CAUSE_NOT_OURS], 3);
	size_t len = world_reply_bytes(w, (struct world_reply){0}, room);
	for (size_t n = 0; n < DHCP_OPTIONS_AT; n++)
		uplink_receive(&w->u, w->now_ms, span_of(room, n));
	assert_true(w->u.counts.refused[UPLINK_CAUSE_TORN] >= DHCP_FIXED_LEN);
	assert_true(len > DHCP_OPTIONS_AT);
	assert_int_equal(w->events[UPLINK_EVENT_REFUSED],
			 w->u.counts.refused[UPLINK_CAUSE_TYPE]); /* only the bare BOOTP ones */
	world_run(w, 1000);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

static void refuses_types_that_no_server_sends(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP_DISCOVER, DHCP_REQUEST,	DHCP_DECLINE, DHCP_RELEASE,
					DHCP_INFORM,   DHCP_FORCERENEW, DHCP_NAK,     200};
	world_up(w, 0);
	for (size_t i = 0; i < sizeof(types); i++) {
		world_reply(w, (struct world_reply){.type = types[i]});
		assert_int_equal(w->u.counts.refused[UPLINK_CAUSE_TYPE], i + 1);
	}
	world_run(w, 1000);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

static void refuses_offers_without_what_a_lease_needs(void **state)
{
	(void)state;
	static const struct world_reply bad[] = {
		{.no_server = true},	 {.no_lease_time = true}, {.lease_s = 1},
		{.address = 0x7f000001}, {.address = 0xe0000001}, {.address = 0xffffffff},
		{.address = 0x00000001}, {.address = 0xc0000200}, /* the network of its mask */
		{.address = 0xc00002ff},			  /* its broadcast address */
		{.server = 0x7f000001},
	};
	world_up(w, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_reply(w, bad[i]);
		assert_int_equal(w->u.counts.refused[UPLINK_CAUSE_LEASE], i + 1);
	}
	world_run(w, 1000);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

static void refuses_servers_that_are_not_allowed(void **state)
{
	(void)state;
	const struct ip_prefix allowed = prefix("192.0.2.2");
	w->rules.servers_allowed = &allowed;
	w->rules.servers_allowed_n = 1;
	world_up(w, 0);
	world_reply(w, (struct world_reply){0});
	assert_int_equal(w->refused, UPLINK_CAUSE_SERVER);
	world_run(w, 1000);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
	world_reply(w, (struct world_reply){.server = WORLD_OTHER});
	world_run(w, 1000);
	assert_int_equal(chosen(), WORLD_OTHER);
	/* Nor is its NAK heard, in any state. */
	world_reply(w, (struct world_reply){.type = DHCP_NAK});
	assert_int_equal(w->u.state, UPLINK_REQUESTING);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .server = WORLD_OTHER});
	world_run(w, 10000);
	world_run(w, w->u.rebind_ms - w->now_ms);
	assert_int_equal(w->u.state, UPLINK_REBINDING);
	world_reply(w, (struct world_reply){.type = DHCP_NAK});
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	assert_int_equal(w->u.state, UPLINK_REBINDING);
	assert_true(w->is_set);
}

static void refuses_addresses_outside_of_the_allowed_and_inside_of_the_refused(void **state)
{
	(void)state;
	const struct ip_prefix allowed = prefix("192.0.2.0/24"), refused = prefix("192.0.2.96/28");
	w->rules.addresses_allowed = &allowed;
	w->rules.addresses_allowed_n = 1;
	w->rules.addresses_refused = &refused;
	w->rules.addresses_refused_n = 1;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.address = 0xc6336407});
	assert_int_equal(w->refused, UPLINK_CAUSE_ADDRESS);
	world_reply(w, (struct world_reply){.address = WORLD_ADDRESS});
	assert_int_equal(w->u.counts.refused[UPLINK_CAUSE_ADDRESS], 2);
	world_reply(w, (struct world_reply){.address = 0xc0000205});
	world_run(w, 100);
	assert_int_equal(w->u.state, UPLINK_REQUESTING);
}

static void an_ack_of_another_address_or_server_is_not_taken(void **state)
{
	(void)state;
	world_up(w, 0);
	world_reply(w, (struct world_reply){0});
	world_run(w, 100);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .server = WORLD_OTHER});
	assert_int_equal(w->refused, UPLINK_CAUSE_SERVER);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .address = WORLD_ADDRESS + 1});
	assert_int_equal(w->refused, UPLINK_CAUSE_ADDRESS);
	assert_int_equal(w->u.state, UPLINK_REQUESTING);
}

static void a_nak_without_a_server_or_of_another_one_changes_nothing(void **state)
{
	(void)state;
	world_bind(w);
	world_run(w, w->u.renew_ms - w->now_ms);
	world_reply(w, (struct world_reply){.type = DHCP_NAK, .no_server = true});
	world_reply(w, (struct world_reply){.type = DHCP_NAK, .server = WORLD_OTHER});
	assert_int_equal(w->u.state, UPLINK_RENEWING);
	world_reply(w, (struct world_reply){.type = DHCP_NAK});
	assert_false(w->is_set);
	assert_false(w->is_stored);
}

static void naks_without_end_do_not_make_us_ask_without_end(void **state)
{
	(void)state;
	world_up(w, 0);
	for (uint64_t end_ms = w->now_ms + 600000; w->now_ms < end_ms;) {
		if (w->u.state == UPLINK_SELECTING && w->u.offers_n == 0)
			world_reply(w, (struct world_reply){0});
		else if (w->u.state == UPLINK_REQUESTING)
			world_reply(w, (struct world_reply){.type = DHCP_NAK});
		world_run(w, 100);
	}
	assert_true(world_count(w, DHCP_DISCOVER) < 20);
}

/* --- choices ---------------------------------------------------------------------------------- */

static void takes_the_first_offer_unless_told_otherwise(void **state)
{
	(void)state;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.server = WORLD_OTHER});
	world_run(w, 50);
	world_reply(w, (struct world_reply){0});
	world_run(w, 50);
	assert_int_equal(chosen(), WORLD_OTHER);
}

static void prefers_the_server_that_stands_first(void **state)
{
	(void)state;
	const struct ip_prefix allowed[] = {prefix("192.0.2.1"), prefix("192.0.2.0/24")};
	w->rules.servers_allowed = allowed;
	w->rules.servers_allowed_n = 2;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.server = WORLD_OTHER});
	world_run(w, 50);
	world_reply(w, (struct world_reply){0});
	world_run(w, 50);
	assert_int_equal(chosen(), WORLD_SERVER);
}

static void prefers_the_address_that_it_had(void **state)
{
	(void)state;
	world_bind(w);
	world_run(w, w->u.end_ms - w->now_ms); /* it is over */
	world_reply(w, (struct world_reply){.server = WORLD_OTHER, .address = WORLD_ADDRESS + 9});
	world_reply(w, (struct world_reply){0});
	world_run(w, 100);
	assert_int_equal(chosen(), WORLD_SERVER);
}

static void more_offers_than_it_keeps_are_counted(void **state)
{
	(void)state;
	world_up(w, 0);
	for (uint32_t i = 0; i < UPLINK_OFFERS_MAX + 3; i++)
		world_reply(w, (struct world_reply){.server = WORLD_SERVER + i});
	world_reply(w, (struct world_reply){0}); /* the same again is none */
	assert_int_equal(w->u.offers_n, UPLINK_OFFERS_MAX);
	assert_int_equal(w->u.counts.refused[UPLINK_CAUSE_FULL], 3);
}

/* --- the link --------------------------------------------------------------------------------- */

static void a_link_that_returns_is_asked_about_the_same_address(void **state)
{
	(void)state;
	world_bind(w);
	uplink_link(&w->u, w->now_ms, false);
	size_t before = w->sent_n;
	world_run(w, 60000);
	assert_int_equal(w->sent_n, before);
	assert_true(w->is_set); /* a lease in force stays to its end */
	world_up(w, 0);
	assert_int_equal(w->u.state, UPLINK_REBOOTING);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	world_run(w, 10000);
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_int_equal(w->unsets, 0);
}

static void a_lease_ends_while_the_link_is_down(void **state)
{
	(void)state;
	world_bind(w);
	uplink_link(&w->u, w->now_ms, false);
	world_run(w, w->u.end_ms - w->now_ms);
	assert_false(w->is_set);
	assert_int_equal(w->u.state, UPLINK_DOWN);
	world_up(w, 0);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

static void another_network_behind_the_link_says_nak(void **state)
{
	(void)state;
	world_bind(w);
	uplink_link(&w->u, w->now_ms, false);
	world_up(w, 0);
	world_reply(w, (struct world_reply){.type = DHCP_NAK, .server = WORLD_OTHER});
	assert_false(w->is_set);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

static void a_silent_server_leaves_a_lease_in_force(void **state)
{
	(void)state;
	world_bind(w);
	uplink_link(&w->u, w->now_ms, false);
	world_up(w, 30000);
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_int_equal(w->unsets, 0);
}

/* --- files ------------------------------------------------------------------------------------ */

static void does_not_restore_what_it_would_not_take(void **state)
{
	(void)state;
	struct lease l;
	world_bind(w);
	l = w->stored;
	uint64_t end_ms = w->stored_end_ms, now_ms = w->now_ms;
	struct span message = span_of(l.message, l.message_len);
	const struct ip_prefix refused = prefix("192.0.2.0/24");
	struct world *other = world_new(3);
	struct uplink *u = &other->u;
	assert_int_equal(
		uplink_restore(u, now_ms, span_sub(message, 0, 100), now_ms, end_ms, false),
		ERR_FORMAT);
	assert_int_equal(uplink_restore(u, end_ms, message, now_ms, end_ms, false), ERR_REFUSED);
	other->rules.addresses_refused = &refused;
	other->rules.addresses_refused_n = 1;
	assert_int_equal(uplink_restore(u, now_ms, message, now_ms, end_ms, false), ERR_REFUSED);
	other->rules.addresses_refused_n = 0;
	assert_int_equal(uplink_restore(u, now_ms, message, now_ms, end_ms, false), OK);
	assert_false(u->has_lease);
	world_free(other);
}

static void what_is_in_force_after_a_crash_goes_on(void **state)
{
	(void)state;
	struct lease l;
	world_bind(w);
	l = w->stored;
	uint64_t end_ms = w->stored_end_ms, begun_ms = w->u.obtained_ms;
	struct world *other = world_new(3);
	other->is_set = true;
	other->now_ms = w->now_ms + 1000;
	assert_int_equal(uplink_restore(&other->u, other->now_ms, span_of(l.message, l.message_len),
					begun_ms, end_ms, true),
			 OK);
	assert_true(other->u.has_lease);
	world_up(other, 0);
	assert_int_equal(other->u.state, UPLINK_REBOOTING);
	world_reply(other, (struct world_reply){.type = DHCP_ACK});
	world_run(other, 10000);
	assert_int_equal(other->u.state, UPLINK_BOUND);
	assert_int_equal(other->unsets, 0);
	world_free(other);
}

/* --- orders ----------------------------------------------------------------------------------- */

static void an_order_renews_at_once(void **state)
{
	(void)state;
	assert_int_equal(uplink_renew(&w->u, w->now_ms), ERR_REFUSED); /* the link is down */
	world_bind(w);
	assert_int_equal(uplink_renew(&w->u, w->now_ms), OK);
	assert_int_equal(w->u.state, UPLINK_RENEWING);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	assert_int_equal(w->u.state, UPLINK_BOUND);
}

static void after_a_release_nothing_is_asked_until_an_order(void **state)
{
	(void)state;
	world_bind(w);
	assert_int_equal(uplink_release(&w->u, w->now_ms), OK);
	assert_false(w->is_set);
	assert_false(w->is_stored);
	assert_int_equal(world_count(w, DHCP_RELEASE), 1);
	size_t before = w->sent_n;
	uplink_link(&w->u, w->now_ms, false);
	world_up(w, 1000000);
	assert_int_equal(w->sent_n, before);
	assert_int_equal(uplink_release(&w->u, w->now_ms), ERR_ABSENT);
	assert_int_equal(uplink_renew(&w->u, w->now_ms), OK);
	assert_int_equal(world_last(w)->type, DHCP_DISCOVER);
}

static void new_rules_that_refuse_the_lease_give_it_back(void **state)
{
	(void)state;
	world_bind(w);
	struct uplink_rules rules = w->rules;
	rules.broadcast = true;
	uplink_set_rules(&w->u, w->now_ms, &rules);
	assert_true(w->is_set);
	const struct ip_prefix refused = prefix("192.0.2.0/24");
	struct uplink_rules other = rules;
	other.addresses_refused = &refused;
	other.addresses_refused_n = 1;
	uplink_set_rules(&w->u, w->now_ms, &other);
	assert_int_equal(world_count(w, DHCP_RELEASE), 1);
	assert_false(w->is_set);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

static void who_changes_his_name_gives_back_what_he_had_under_the_old(void **state)
{
	(void)state;
	world_bind(w);
	struct uplink_rules rules = w->rules;
	rules.client_id = span_text("\001abcdef");
	uplink_set_rules(&w->u, w->now_ms, &rules);
	assert_true(w->sent_n >= 2);
	const struct world_sent *release = &w->sent[w->sent_n - 2];
	assert_int_equal(dhcp_message_read(span_of(release->bytes, release->len), &w->read), OK);
	assert_int_equal(w->read.type, DHCP_RELEASE);
	assert_true(span_equal(dhcp_message_option(&w->read, DHCP_OPT_CLIENT_IDENTIFIER),
			       w->rules.client_id));
	assert_true(span_equal(dhcp_message_option(world_last(w), DHCP_OPT_CLIENT_IDENTIFIER),
			       rules.client_id));
}

/* --- time ------------------------------------------------------------------------------------- */

static void a_lease_without_end_is_never_renewed(void **state)
{
	(void)state;
	world_up(w, 0);
	world_reply(w, (struct world_reply){0});
	world_run(w, 100);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .lease_s = DHCP_INFINITE_S});
	world_run(w, 10000);
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_true(w->set_end_ms == UINT64_MAX);
	assert_true(uplink_next_ms(&w->u) == UINT64_MAX);
	assert_int_equal(uplink_renew(&w->u, w->now_ms), OK);
	world_run(w, 300000);
	assert_in_range(world_count(w, DHCP_REQUEST), 4, 8);
	assert_true(w->is_set);
}

static void the_shortest_lease_lives_as_well(void **state)
{
	(void)state;
	w->rules.probing.probes = 0;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.lease_s = LEASE_MIN_S});
	world_run(w, 100);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .lease_s = LEASE_MIN_S});
	for (int i = 0; i < 200; i++) {
		if (w->u.state == UPLINK_RENEWING)
			world_reply(w,
				    (struct world_reply){.type = DHCP_ACK, .lease_s = LEASE_MIN_S});
		world_run(w, 100);
	}
	assert_int_equal(w->unsets, 0);
	assert_true(world_count(w, DHCP_REQUEST) < 15);
}

static void sleep_over_the_end_of_a_lease_is_noticed(void **state)
{
	(void)state;
	world_bind(w);
	w->now_ms = w->u.end_ms + 100000; /* as after a suspend */
	uplink_turn(&w->u, w->now_ms);
	assert_false(w->is_set);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

/* --- anything --------------------------------------------------------------------------------- */

static struct world_reply random_reply(void)
{
	static const uint8_t types[] = {DHCP_OFFER, DHCP_OFFER, DHCP_ACK,	 DHCP_ACK,
					DHCP_ACK,   DHCP_NAK,	DHCP_FORCERENEW, 99};
	return (struct world_reply){.type = types[rand() % 8],
				    .server = WORLD_SERVER + (uint32_t)(rand() % 8 == 0),
				    .address = WORLD_ADDRESS + (uint32_t)(rand() % 8 == 0),
				    .lease_s = (uint32_t)(rand() % 600),
				    .xid_flip = rand() % 20 == 0,
				    .renew_s = (uint32_t)(rand() % 200),
				    .rebind_s = (uint32_t)(rand() % 400)};
}

static void random_step(void)
{
	struct uplink *u = &w->u;
	switch (rand() % 16) {
	case 0: uplink_link(u, w->now_ms, rand() % 4 != 0); break;
	case 1: world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, 0); break;
	case 2: err_ignore(uplink_renew(u, w->now_ms)); break;
	case 3:
		if (rand() % 8 == 0)
			err_ignore(uplink_release(u, w->now_ms));
		break;
	case 4:
	case 5: world_run(w, (uint64_t)(rand() % 100000)); break;
	case 6:
	case 7:
	case 8: world_run(w, (uint64_t)(rand() % 3000)); break;
	default:
		if (w->sent_n)
			world_reply(w, random_reply());
		break;
	}
}

/* Whatever comes: what is set is the lease, it is never past its end, what is stored covers what is
 * set, and each state has its next step. */
static void keeps_its_promises_whatever_comes(void **state)
{
	(void)state;
	unsigned bound = 0;
	for (unsigned seed = 0; seed < 200; seed++) {
		srand(seed);
		world_free(w);
		w = world_new((uint8_t)seed);
		w->rules.rapid_commit = seed % 2;
		w->rules.keep_unconfirmed = seed % 3;
		uplink_link(&w->u, w->now_ms, true);
		for (int i = 0; i < 400; i++) {
			w->sent_n = w->sent_n > 200 ? 1 : w->sent_n;
			w->arps_n = w->arps_n > 200 ? 0 : w->arps_n;
			random_step();
			assert_int_equal(w->u.has_lease, w->is_set);
			assert_true(!w->is_set || w->set.address == w->u.lease.address);
			assert_true(!w->is_set || w->now_ms < w->u.end_ms);
			assert_true(!w->is_set || w->set_end_ms == w->u.end_ms);
			assert_true(!w->is_set ||
				    (w->is_stored && w->stored.address == w->set.address));
			assert_true(w->u.state == UPLINK_DOWN || w->u.state == UPLINK_IDLE ||
				    uplink_next_ms(&w->u) > w->now_ms);
		}
		bound += w->sets > 0;
	}
	assert_true(bound > 150);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(refuses_what_is_no_reply_to_us),
		FACT(refuses_types_that_no_server_sends),
		FACT(refuses_offers_without_what_a_lease_needs),
		FACT(refuses_servers_that_are_not_allowed),
		FACT(refuses_addresses_outside_of_the_allowed_and_inside_of_the_refused),
		FACT(an_ack_of_another_address_or_server_is_not_taken),
		FACT(a_nak_without_a_server_or_of_another_one_changes_nothing),
		FACT(naks_without_end_do_not_make_us_ask_without_end),
		FACT(takes_the_first_offer_unless_told_otherwise),
		FACT(prefers_the_server_that_stands_first),
		FACT(prefers_the_address_that_it_had),
		FACT(more_offers_than_it_keeps_are_counted),
		FACT(a_link_that_returns_is_asked_about_the_same_address),
		FACT(a_lease_ends_while_the_link_is_down),
		FACT(another_network_behind_the_link_says_nak),
		FACT(a_silent_server_leaves_a_lease_in_force),
		FACT(does_not_restore_what_it_would_not_take),
		FACT(what_is_in_force_after_a_crash_goes_on),
		FACT(an_order_renews_at_once),
		FACT(after_a_release_nothing_is_asked_until_an_order),
		FACT(new_rules_that_refuse_the_lease_give_it_back),
		FACT(who_changes_his_name_gives_back_what_he_had_under_the_old),
		FACT(a_lease_without_end_is_never_renewed),
		FACT(the_shortest_lease_lives_as_well),
		FACT(sleep_over_the_end_of_a_lease_is_noticed),
		FACT(keeps_its_promises_whatever_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
