/* What RFC 2131 section 4.4 and the RFCs that amend it demand of a client, sentence by sentence. */
#include "service/dhcp-client/world_test.h"

#include "proto/dhcp/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world *w;

static int setup(void **state)
{
	(void)state;
	w = world_new(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

static bool has(uint8_t code)
{
	return dhcp_message_has(world_last(w), code);
}

static const struct world_sent *sent(void)
{
	return &w->sent[w->sent_n - 1];
}

static void assert_type(uint8_t type)
{
	assert_non_null(world_last(w));
	assert_int_equal(world_last(w)->type, type);
}

/* --- RFC 2131 4.4.1, 4.4.2 -------------------------------------------------------------------- */

/* 4.4.1: "The client SHOULD wait a random time between one and ten seconds to desynchronize the use
 * of DHCP at startup." */
static void begins_after_one_to_ten_seconds(void **state)
{
	(void)state;
	uint64_t least_ms = UINT64_MAX, most_ms = 0;
	for (uint8_t i = 0; i < 100; i++) {
		struct world *other = world_new(i);
		other->rules.start_delay_ms = 10000;
		world_up(other, 10000);
		uint64_t delay_ms = other->sent[0].at_ms - WORLD_START_MS;
		least_ms = delay_ms < least_ms ? delay_ms : least_ms;
		most_ms = delay_ms > most_ms ? delay_ms : most_ms;
		world_free(other);
	}
	assert_in_range(least_ms, 1000, 2500);
	assert_in_range(most_ms, 8500, 10000);
}

/* 4.4.1: "If the 'xid' of an arriving DHCPOFFER message does not match the 'xid' of the most recent
 * DHCPDISCOVER message, the DHCPOFFER message must be silently discarded." */
static void an_offer_with_another_xid_is_discarded(void **state)
{
	(void)state;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.xid_flip = 1});
	world_run(w, 1000);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
	assert_int_equal(w->u.counts.refused[UPLINK_CAUSE_NOT_OURS], 1);
}

/* 4.4.1: "Any arriving DHCPACK messages must be silently discarded", while SELECTING. */
static void an_ack_while_selecting_is_discarded(void **state)
{
	(void)state;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	world_run(w, 1000);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
	assert_int_equal(w->sets, 0);
}

/* 4.4.1: "The client SHOULD perform a check on the suggested address to ensure that the address is
 * not already in use", by an ARP request in which "the client must fill in its own hardware address
 * as the sender's hardware address, and 0 as the sender's IP address". */
static void an_address_is_probed_before_it_is_used(void **state)
{
	(void)state;
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	assert_int_equal(w->u.state, UPLINK_CHECKING);
	world_run(w, 1000);
	assert_int_equal(w->sets, 0);
	assert_int_equal(w->arps_n, 1);
	const struct ip_arp *probe = &w->arps[0].arp;
	assert_int_equal(probe->operation, IP_ARP_REQUEST);
	assert_int_equal(probe->sender, 0);
	assert_int_equal(probe->target, WORLD_ADDRESS);
	assert_memory_equal(probe->sender_mac, world_mac, IP_MAC_LEN);
}

/* 4.4.1: "the client computes lease expiration time as the sum of the time at which the client sent
 * the DHCPREQUEST message and the duration of the lease from the DHCPACK message." */
static void a_lease_begins_when_the_request_was_sent(void **state)
{
	(void)state;
	world_choose(w);
	uint64_t sent_ms = sent()->at_ms;
	world_run(w, 2000);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	world_run(w, 10000);
	assert_int_equal(w->set_end_ms, sent_ms + WORLD_LEASE_S * 1000);
}

/* 4.4.2: "Once a DHCPACK message with an 'xid' field matching that in the client's DHCPREQUEST
 * message arrives from any server, the client is initialized and moves to BOUND state." */
static void init_reboot_takes_an_ack_of_any_server(void **state)
{
	(void)state;
	w = world_restored(w, false);
	world_up(w, 0);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .server = WORLD_OTHER});
	world_run(w, 10000);
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_int_equal(w->set.server, WORLD_OTHER);
}

/* --- RFC 2131 4.4.5 --------------------------------------------------------------------------- */

/* 4.4.5: "T1 MUST be earlier than T2, which, in turn, MUST be earlier than the time at which the
 * client's lease will expire." */
static void times_of_a_server_out_of_order_are_not_used(void **state)
{
	(void)state;
	static const struct world_reply bad[] = {
		{.type = DHCP_ACK, .renew_s = 3000, .rebind_s = 2000},
		{.type = DHCP_ACK, .renew_s = 3600, .rebind_s = 3600},
		{.type = DHCP_ACK, .renew_s = 5000},
		{.type = DHCP_ACK, .rebind_s = 5000},
		{.type = DHCP_ACK, .rebind_s = 5, .renew_s = 5},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world *other = world_new((uint8_t)i);
		world_up(other, 0);
		world_reply(other, (struct world_reply){0});
		world_run(other, 100);
		world_reply(other, bad[i]);
		world_run(other, 8000);
		assert_true(other->u.has_lease);
		assert_true(other->u.obtained_ms < other->u.renew_ms);
		assert_true(other->u.renew_ms < other->u.rebind_ms);
		assert_true(other->u.rebind_ms < other->u.end_ms);
		world_free(other);
	}
}

/* 4.4.5: "T1 defaults to (0.5 * duration_of_lease). T2 defaults to (0.875 * duration_of_lease).
 * Times T1 and T2 SHOULD be chosen with some random "fuzz" around a fixed value". */
static void t1_and_t2_are_about_half_and_seven_eighths(void **state)
{
	(void)state;
	bool differ = false;
	uint64_t first_ms = 0;
	for (uint8_t i = 0; i < 20; i++) {
		struct world *other = world_new(i);
		world_bind(other);
		uint64_t renew_ms = other->u.renew_ms - other->u.obtained_ms;
		uint64_t rebind_ms = other->u.rebind_ms - other->u.obtained_ms;
		assert_in_range(renew_ms, WORLD_LEASE_S * 450, WORLD_LEASE_S * 500);
		assert_in_range(rebind_ms, WORLD_LEASE_S * 840, WORLD_LEASE_S * 875);
		differ |= i > 0 && renew_ms != first_ms;
		first_ms = renew_ms;
		world_free(other);
	}
	assert_true(differ);
}

/* 4.4.5: "Any DHCPACK messages that arrive with an 'xid' that does not match the 'xid' of the
 * client's DHCPREQUEST message are silently discarded." */
static void an_ack_with_another_xid_renews_nothing(void **state)
{
	(void)state;
	world_renewing(w, false);
	uint64_t end_ms = w->u.end_ms;
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .xid_flip = 0x80000000});
	assert_int_equal(w->u.state, UPLINK_RENEWING);
	assert_int_equal(w->u.end_ms, end_ms);
}

/* 4.4.5: "When the client receives a DHCPACK from the server, the client computes the lease
 * expiration time as the sum of the time at which the client sent the DHCPREQUEST message and the
 * duration of the lease in the DHCPACK message. The client has successfully reacquired its network
 * address, returns to BOUND state and may continue network processing." */
static void an_ack_renews_from_when_the_request_was_sent(void **state)
{
	(void)state;
	world_renewing(w, false);
	uint64_t sent_ms = sent()->at_ms;
	world_run(w, 3000);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_int_equal(w->u.end_ms, sent_ms + WORLD_LEASE_S * 1000);
	assert_int_equal(w->unsets, 0);
}

/* 4.4.5: "if the client receives no response to its DHCPREQUEST message, the client SHOULD wait
 * one-half of the remaining time until T2 (in RENEWING state) and one-half of the remaining lease
 * time (in REBINDING state), down to a minimum of 60 seconds, before retransmitting". */
static void renewals_are_repeated_at_half_of_what_is_left(void **state)
{
	(void)state;
	world_bind(w);
	size_t before = w->sent_n;
	world_run(w, w->u.end_ms - w->now_ms - 1);
	for (size_t i = before; i + 1 < w->sent_n; i++) {
		bool renews = w->sent[i].to == WORLD_SERVER;
		uint64_t at_ms = w->sent[i].at_ms;
		uint64_t left_ms = (renews ? w->u.rebind_ms : w->u.end_ms) - at_ms;
		uint64_t wait_ms = left_ms / 2 > 60000 ? left_ms / 2 : 60000;
		if (wait_ms > left_ms)
			wait_ms = left_ms; /* the next state's own message */
		assert_int_equal(w->sent[i + 1].at_ms - at_ms, wait_ms);
	}
	assert_true(w->sent_n > before + 5);
}

/* 4.4.5: "If the lease expires before the client receives a DHCPACK, the client moves to INIT
 * state, MUST immediately stop any other network processing and requests network initialization
 * parameters as if the client were uninitialized." */
static void the_end_of_a_lease_takes_the_address_at_once(void **state)
{
	(void)state;
	world_renewing(w, true);
	world_run(w, w->u.end_ms - w->now_ms - 1);
	assert_true(w->is_set);
	world_run(w, 1);
	assert_false(w->is_set);
	assert_false(w->is_stored);
	assert_type(DHCP_DISCOVER);
	assert_int_equal(sent()->from, 0);
}

/* 4.4.5: "If the client is given a new network address, it MUST NOT continue using the previous
 * network address and SHOULD notify the local users of the problem." */
static void a_new_address_takes_the_place_of_the_old(void **state)
{
	(void)state;
	world_renewing(w, true);
	world_run(w, w->u.end_ms - w->now_ms);
	assert_int_equal(w->events[UPLINK_EVENT_EXPIRED], 1);
	world_reply(w, (struct world_reply){.address = WORLD_ADDRESS + 1});
	world_run(w, 100);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .address = WORLD_ADDRESS + 1});
	world_run(w, 10000);
	assert_true(w->is_set);
	assert_int_equal(w->set.address, WORLD_ADDRESS + 1);
	assert_int_equal(w->unsets, 1);
}

/* --- others ----------------------------------------------------------------------------------- */

/* RFC 3442: "The Classless Static Routes option code MUST appear in the parameter request list
 * prior to both the Router option code and the Static Routes option code, if present." */
static void classless_routes_are_asked_for_before_routers(void **state)
{
	(void)state;
	world_up(w, 0);
	struct span list = dhcp_message_requested(world_last(w));
	size_t classless = span_find(list, DHCP_OPT_CLASSLESS_STATIC_ROUTES);
	assert_true(classless < span_find(list, DHCP_OPT_ROUTERS));
	assert_true(classless < span_find(list, DHCP_OPT_STATIC_ROUTES));
	assert_true(span_find(list, DHCP_OPT_STATIC_ROUTES) < list.len);
}

/* RFC 3442: "If the DHCP server returns both a Classless Static Routes option and a Router option,
 * the DHCP client MUST ignore the Router option." */
static void classless_routes_stand_instead_of_the_router(void **state)
{
	(void)state;
	static const uint8_t routes[] = {8, 10, 192, 0, 2, 7};
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK,
					    .code = DHCP_OPT_CLASSLESS_STATIC_ROUTES,
					    .value = span_of(routes, sizeof(routes))});
	world_run(w, 10000);
	assert_int_equal(w->set.routes_n, 1);
	assert_int_equal(w->set.routes[0].destination, 0x0a000000);
	assert_int_equal(w->set.routes[0].bits, 8);
	assert_int_equal(w->set.routes[0].router, 0xc0000207);
}

/* RFC 6842 3: "the client MUST compare that client identifier to the one it is configured to send.
 * If the two client identifiers do not match, the client MUST silently discard the message." */
static void an_answer_for_another_identifier_is_discarded(void **state)
{
	(void)state;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.client_id = span_text("\001other")});
	world_run(w, 1000);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
	assert_int_equal(w->refused, UPLINK_CAUSE_IDENTITY);
	world_reply(w, (struct world_reply){.client_id = w->rules.client_id});
	world_run(w, 100);
	assert_int_equal(w->u.state, UPLINK_REQUESTING);
}

/* RFC 4702 3.1: "clients that send the Client FQDN option in their messages MUST NOT also send the
 * Host Name option." */
static void fqdn_stands_instead_of_the_host_name(void **state)
{
	(void)state;
	w->rules.host_name = span_text("host");
	world_up(w, 0);
	assert_true(has(DHCP_OPT_HOST_NAME));
	w->rules.fqdn = span_of("\005\0\0\004host\007example", 17);
	world_run(w, 5000);
	assert_true(has(DHCP_OPT_CLIENT_FQDN));
	assert_false(has(DHCP_OPT_HOST_NAME));
}

/* RFC 4039 3: an ACK in SELECTING counts only where the option is in our DISCOVER and in it. */
static void rapid_commit_needs_the_option_on_both_sides(void **state)
{
	(void)state;
	w->rules.rapid_commit = true;
	world_up(w, 0);
	assert_true(has(DHCP_OPT_RAPID_COMMIT));
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	assert_int_equal(w->u.state, UPLINK_SELECTING);
	world_reply(w, (struct world_reply){.type = DHCP_ACK, .code = DHCP_OPT_RAPID_COMMIT});
	assert_int_equal(w->u.state, UPLINK_CHECKING);
	world_run(w, 10000);
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_int_equal(world_count(w, DHCP_REQUEST), 0);
}

/* RFC 5227 2.1.1: PROBE_NUM probes, PROBE_MIN to PROBE_MAX apart, and ANNOUNCE_WAIT behind the last
 * one; 2.3: the host "MUST then announce that it is commencing to use this address" ANNOUNCE_NUM
 * times, ANNOUNCE_INTERVAL apart. */
static void three_probes_and_two_announcements_at_their_times(void **state)
{
	(void)state;
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	uint64_t ack_ms = w->now_ms;
	world_run(w, 12000);
	assert_int_equal(w->arps_n, 5);
	assert_in_range(w->arps[0].at_ms - ack_ms, 0, 1000);
	assert_in_range(w->arps[1].at_ms - w->arps[0].at_ms, 1000, 2000);
	assert_in_range(w->arps[2].at_ms - w->arps[1].at_ms, 1000, 2000);
	assert_int_equal(w->arps[3].at_ms - w->arps[2].at_ms, 2000);
	assert_int_equal(w->arps[4].at_ms - w->arps[3].at_ms, 2000);
	for (size_t i = 3; i < 5; i++) {
		assert_int_equal(w->arps[i].arp.sender, WORLD_ADDRESS);
		assert_int_equal(w->arps[i].arp.target, WORLD_ADDRESS);
	}
}

/* RFC 5227 2.4 (b): the first conflict is answered by one announcement; "if this is not the first
 * conflicting ARP packet the host has seen, and the time recorded for the previous conflicting ARP
 * packet is within DEFEND_INTERVAL seconds, then the host MUST immediately cease using this
 * address". */
static void an_address_is_defended_once_and_then_given_up(void **state)
{
	(void)state;
	world_bind(w);
	world_run(w, 5000);
	size_t before = w->arps_n;
	world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, WORLD_ADDRESS);
	assert_int_equal(w->arps_n, before + 1);
	assert_true(w->is_set);
	world_run(w, 10000); /* it is a first one again */
	world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, WORLD_ADDRESS);
	assert_true(w->is_set);
	world_run(w, 9000);
	world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, WORLD_ADDRESS);
	assert_false(w->is_set);
	assert_type(DHCP_DECLINE);
}

/* RFC 5227 2.4 (c): who is to keep its address answers a conflict only when there was none within
 * DEFEND_INTERVAL. */
static void or_defended_for_ever_every_ten_seconds(void **state)
{
	(void)state;
	w->rules.defend_always = true;
	world_bind(w);
	world_run(w, 5000);
	size_t before = w->arps_n;
	for (int i = 0; i < 30; i++) {
		world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, WORLD_ADDRESS);
		world_run(w, 1000);
	}
	assert_int_equal(w->arps_n - before, 3);
	assert_true(w->is_set);
	assert_int_equal(w->u.counts.conflicts, 30);
}

/* RFC 5227 2.1.1: "If, during this period, from the beginning of the probing process until
 * ANNOUNCE_WAIT seconds after the last probe packet is sent ... the host receives any ARP Probe
 * where the packet's 'target IP address' is the address being probed for ... and the packet's
 * 'sender hardware address' is not the hardware address of any of the host's interfaces, then the
 * host SHOULD similarly treat this as an address conflict". */
static void another_probe_for_the_same_address_is_a_conflict(void **state)
{
	(void)state;
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	world_arp(w, IP_ARP_REQUEST, world_mac, 0, WORLD_ADDRESS); /* our own, looped back */
	assert_int_equal(w->u.state, UPLINK_CHECKING);
	world_arp(w, IP_ARP_REQUEST, world_stranger, 0, WORLD_ADDRESS);
	assert_type(DHCP_DECLINE);
}

/* RFC 5227 2.1.1: "if the host experiences MAX_CONFLICTS or more address conflicts on a given
 * interface, then the host MUST limit the rate at which it probes for new addresses on this
 * interface to no more than one attempted new address per RATE_LIMIT_INTERVAL." */
static void after_ten_conflicts_a_minute_passes(void **state)
{
	(void)state;
	for (int i = 0; i < UPLINK_CONFLICTS_MAX; i++) {
		if (i == 0)
			world_up(w, 0);
		else
			world_run(w, 10000);
		assert_type(DHCP_DISCOVER);
		world_reply(w, (struct world_reply){0});
		world_run(w, 100);
		world_reply(w, (struct world_reply){.type = DHCP_ACK});
		world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, 0);
	}
	world_run(w, 59999);
	assert_type(DHCP_DECLINE);
	world_run(w, 1);
	assert_type(DHCP_DISCOVER);
}

/* RFC 8925 3.2: an address that is offered with the option is not requested, and DHCP is silent for
 * V6ONLY_WAIT, which 3.4 has never below MIN_V6ONLY_WAIT: 300 s. */
static void gives_way_to_ipv6_only_for_at_least_300_s(void **state)
{
	(void)state;
	static const uint8_t wait[] = {0, 0, 0, 60};
	w->rules.ipv6_only = true;
	world_up(w, 0);
	assert_true(span_find(dhcp_message_requested(world_last(w)), DHCP_OPT_IPV6_ONLY_PREFERRED) <
		    dhcp_message_requested(world_last(w)).len);
	world_reply(w, (struct world_reply){.code = DHCP_OPT_IPV6_ONLY_PREFERRED,
					    .value = span_of(wait, sizeof(wait))});
	uint64_t offered_ms = w->now_ms;
	world_run(w, 299999);
	assert_int_equal(w->sent_n, 1);
	world_run(w, 1);
	assert_type(DHCP_DISCOVER);
	assert_int_equal(sent()->at_ms, offered_ms + 300000);
}

/* RFC 8925 3.3: the server SHOULD return 0.0.0.0 as the offered address. 3.2: the client stops for
 * V6ONLY_WAIT, or until it is attached to a network anew, whichever comes first. */
static void an_offer_without_an_address_is_waited_out_or_ends_with_the_link(void **state)
{
	(void)state;
	static const uint8_t wait[] = {0, 0, 7, 8};
	const struct world_reply none = {.no_address = true,
					 .no_lease_time = true,
					 .code = DHCP_OPT_IPV6_ONLY_PREFERRED,
					 .value = span_of(wait, sizeof(wait))};
	world_up(w, 0);
	world_reply(w, none); /* to who did not ask, it is an OFFER of nothing */
	assert_int_equal(w->u.state, UPLINK_SELECTING);
	w->rules.ipv6_only = true;
	world_reply(w, none);
	assert_int_equal(w->u.state, UPLINK_INIT);
	assert_int_equal(uplink_next_ms(&w->u), w->now_ms + 1800000);
	world_run(w, 400000);
	assert_int_equal(w->sent_n, 1);
	uplink_link(&w->u, w->now_ms, false);
	uplink_link(&w->u, w->now_ms, true);
	world_run(w, 0);
	assert_int_equal(w->sent_n, 2);
	assert_type(DHCP_DISCOVER);
}

/* 3.2: the option is for who has no address yet; a renewal goes on. */
static void a_renewal_does_not_give_way(void **state)
{
	(void)state;
	static const uint8_t wait[] = {0, 0, 7, 8};
	w->rules.ipv6_only = true;
	world_renewing(w, false);
	world_reply(w, (struct world_reply){.type = DHCP_ACK,
					    .code = DHCP_OPT_IPV6_ONLY_PREFERRED,
					    .value = span_of(wait, sizeof(wait))});
	assert_int_equal(w->u.state, UPLINK_BOUND);
	assert_true(w->is_set);
}

/* Only a server that is allowed is believed that there is no need of IPv4. */
static void a_server_that_is_not_allowed_ends_no_ipv4(void **state)
{
	(void)state;
	static const uint8_t wait[] = {0, 0, 7, 8};
	static struct ip_prefix allowed;
	assert_int_equal(ip_prefix_parse(span_text("192.0.2.7/32"), &allowed), OK);
	w->rules.ipv6_only = true;
	w->rules.servers_allowed = &allowed;
	w->rules.servers_allowed_n = 1;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.code = DHCP_OPT_IPV6_ONLY_PREFERRED,
					    .value = span_of(wait, sizeof(wait))});
	assert_int_equal(w->u.state, UPLINK_SELECTING);
	assert_int_equal(w->refused, UPLINK_CAUSE_SERVER);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(begins_after_one_to_ten_seconds),
		FACT(an_offer_with_another_xid_is_discarded),
		FACT(an_ack_while_selecting_is_discarded),
		FACT(an_address_is_probed_before_it_is_used),
		FACT(a_lease_begins_when_the_request_was_sent),
		FACT(init_reboot_takes_an_ack_of_any_server),
		FACT(times_of_a_server_out_of_order_are_not_used),
		FACT(t1_and_t2_are_about_half_and_seven_eighths),
		FACT(an_ack_with_another_xid_renews_nothing),
		FACT(an_ack_renews_from_when_the_request_was_sent),
		FACT(renewals_are_repeated_at_half_of_what_is_left),
		FACT(the_end_of_a_lease_takes_the_address_at_once),
		FACT(a_new_address_takes_the_place_of_the_old),
		FACT(classless_routes_are_asked_for_before_routers),
		FACT(classless_routes_stand_instead_of_the_router),
		FACT(an_answer_for_another_identifier_is_discarded),
		FACT(fqdn_stands_instead_of_the_host_name),
		FACT(rapid_commit_needs_the_option_on_both_sides),
		FACT(three_probes_and_two_announcements_at_their_times),
		FACT(an_address_is_defended_once_and_then_given_up),
		FACT(or_defended_for_ever_every_ten_seconds),
		FACT(another_probe_for_the_same_address_is_a_conflict),
		FACT(after_ten_conflicts_a_minute_passes),
		FACT(gives_way_to_ipv6_only_for_at_least_300_s),
		FACT(an_offer_without_an_address_is_waited_out_or_ends_with_the_link),
		FACT(a_renewal_does_not_give_way),
		FACT(a_server_that_is_not_allowed_ends_no_ipv4),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
