/* What RFC 2131 sections 3 and 4.1 to 4.3 demand of a client, sentence by sentence. The server's
 * half of a sentence is tested by the server. */
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

static uint32_t address_of(uint8_t code)
{
	uint32_t address = 0;
	assert_int_equal(dhcp_message_address(world_last(w), code, &address), OK);
	return address;
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

/* --- RFC 2131 3.1 ----------------------------------------------------------------------------- */

/* 3.1 (3): "The client broadcasts a DHCPREQUEST message that MUST include the 'server identifier'
 * option to indicate which server it has selected". */
static void request_names_the_server_that_was_chosen(void **state)
{
	(void)state;
	world_choose(w);
	assert_type(DHCP_REQUEST);
	assert_int_equal(address_of(DHCP_OPT_SERVER_IDENTIFIER), WORLD_SERVER);
}

/* 3.1 (3): "The 'requested IP address' option MUST be set to the value of 'yiaddr' in the DHCPOFFER
 * message from the server." */
static void request_has_the_address_of_the_offer(void **state)
{
	(void)state;
	world_choose(w);
	assert_int_equal(address_of(DHCP_OPT_REQUESTED_ADDRESS), WORLD_ADDRESS);
}

/* 3.1 (3): "the DHCPREQUEST message MUST use the same value in the DHCP message header's 'secs'
 * field and be sent to the same IP broadcast address as the original DHCPDISCOVER message." */
static void request_has_the_secs_and_the_destination_of_discover(void **state)
{
	(void)state;
	world_up(w, 30000); /* some DISCOVERs: secs is no longer 0 */
	assert_type(DHCP_DISCOVER);
	uint16_t secs = world_last(w)->head.secs;
	uint32_t to = sent()->to;
	assert_true(secs > 0);
	world_reply(w, (struct world_reply){0});
	world_run(w, 1000);
	assert_type(DHCP_REQUEST);
	assert_int_equal(world_last(w)->head.secs, secs);
	assert_int_equal(sent()->to, to);
	assert_int_equal(to, WORLD_ALL);
}

/* 3.1 (3): "The client times out and retransmits the DHCPDISCOVER message if the client receives no
 * DHCPOFFER messages." */
static void discover_is_sent_again_until_there_is_an_offer(void **state)
{
	(void)state;
	world_up(w, 120000);
	assert_true(world_count(w, DHCP_DISCOVER) >= 4);
	assert_int_equal(w->sent_n, world_count(w, DHCP_DISCOVER));
}

/* 3.1 (5): "If the client detects that the address is already in use (e.g., through the use of
 * ARP), the client MUST send a DHCPDECLINE message to the server and restarts the configuration
 * process. The client SHOULD wait a minimum of ten seconds before restarting". */
static void an_address_in_use_is_declined_and_ten_seconds_pass(void **state)
{
	(void)state;
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	world_run(w, 1500);
	assert_int_equal(w->u.state, UPLINK_CHECKING);
	world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, 0);
	assert_type(DHCP_DECLINE);
	assert_int_equal(w->sets, 0);
	uint64_t declined_ms = w->now_ms;
	world_run(w, 9999);
	assert_type(DHCP_DECLINE);
	world_run(w, 5000);
	assert_type(DHCP_DISCOVER);
	assert_true(sent()->at_ms >= declined_ms + 10000);
}

/* 3.1 (5): "If the client receives a DHCPNAK message, the client restarts the configuration
 * process." */
static void nak_begins_anew(void **state)
{
	(void)state;
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_NAK});
	assert_type(DHCP_DISCOVER);
	assert_int_equal(w->u.state, UPLINK_SELECTING);
}

/* 3.1 (5): "a client retransmitting as described in section 4.1 might retransmit the DHCPREQUEST
 * message four times, for a total delay of 60 seconds, before restarting the initialization
 * procedure. If the client receives neither a DHCPACK or a DHCPNAK message after employing the
 * retransmission algorithm, the client reverts to INIT state". */
static void five_requests_without_an_answer_begin_anew(void **state)
{
	(void)state;
	world_choose(w);
	uint64_t begun_ms = w->now_ms;
	while (w->u.state == UPLINK_REQUESTING)
		world_run(w, 100);
	assert_int_equal(world_count(w, DHCP_REQUEST), 5);
	assert_type(DHCP_DISCOVER);
	assert_in_range(w->now_ms - begun_ms, 60000, 130000);
}

/* 3.1 (6): "If the client used a 'client identifier' when it obtained the lease, it MUST use the
 * same 'client identifier' in the DHCPRELEASE message." */
static void release_has_the_same_client_identifier(void **state)
{
	(void)state;
	world_bind(w);
	assert_int_equal(uplink_release(&w->u, w->now_ms), OK);
	assert_type(DHCP_RELEASE);
	assert_true(span_equal(dhcp_message_option(world_last(w), DHCP_OPT_CLIENT_IDENTIFIER),
			       w->rules.client_id));
}

/* --- RFC 2131 3.2 ----------------------------------------------------------------------------- */

/* 3.2 (1): "As the client has not received its network address, it MUST NOT fill in the 'ciaddr'
 * field." */
static void init_reboot_leaves_ciaddr_empty(void **state)
{
	(void)state;
	w = world_restored(w, false);
	world_up(w, 0);
	assert_type(DHCP_REQUEST);
	assert_int_equal(world_last(w)->head.ciaddr, 0);
}

/* 3.2 (1): "If the client used a 'client identifier' to obtain its address, the client MUST use the
 * same 'client identifier' in the DHCPREQUEST message." */
static void init_reboot_has_the_same_client_identifier(void **state)
{
	(void)state;
	w = world_restored(w, false);
	world_up(w, 0);
	assert_true(span_equal(dhcp_message_option(world_last(w), DHCP_OPT_CLIENT_IDENTIFIER),
			       w->rules.client_id));
}

/* 3.2 (3): "If the client detects that the IP address in the DHCPACK message is already in use, the
 * client MUST send a DHCPDECLINE message to the server and restarts the configuration process by
 * requesting a new network address." */
static void an_address_in_use_after_a_reboot_is_declined(void **state)
{
	(void)state;
	w = world_restored(w, false);
	world_up(w, 0);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	assert_int_equal(w->u.state, UPLINK_CHECKING);
	world_arp(w, IP_ARP_REQUEST, world_stranger, WORLD_ADDRESS, WORLD_SERVER);
	assert_type(DHCP_DECLINE);
	world_run(w, 11000);
	assert_type(DHCP_DISCOVER);
	assert_false(has(DHCP_OPT_REQUESTED_ADDRESS));
}

/* 3.2 (3): "If the client receives a DHCPNAK message, it cannot reuse its remembered network
 * address. It must instead request a new address by restarting the configuration process, this time
 * using the (non-abbreviated) procedure". */
static void nak_after_a_reboot_forgets_the_address(void **state)
{
	(void)state;
	w = world_restored(w, true);
	w->is_stored = true;
	world_up(w, 0);
	world_reply(w, (struct world_reply){.type = DHCP_NAK});
	assert_false(w->is_set);
	assert_false(w->is_stored);
	assert_type(DHCP_DISCOVER);
	assert_false(has(DHCP_OPT_REQUESTED_ADDRESS));
}

/* 3.2 (4): "If the client receives neither a DHCPACK or a DHCPNAK message after employing the
 * retransmission algorithm, the client MAY choose to use the previously allocated network address
 * and configuration parameters for the remainder of the unexpired lease." */
static void a_lease_that_nobody_confirms_is_used_to_its_end(void **state)
{
	(void)state;
	w = world_restored(w, false);
	uint64_t end_ms = w->u.pending_end_ms;
	world_up(w, 30000);
	assert_true(w->is_set);
	assert_int_equal(w->set_end_ms, end_ms);
	world_run(w, end_ms - w->now_ms);
	assert_false(w->is_set);
}

static void unless_the_configuration_forbids_it(void **state)
{
	(void)state;
	w = world_restored(w, false);
	w->rules.keep_unconfirmed = false;
	world_up(w, 30000);
	assert_int_equal(w->sets, 0);
	assert_type(DHCP_DISCOVER);
}

/* --- RFC 2131 3.5 ----------------------------------------------------------------------------- */

/* 3.5: "If the client includes a list of parameters in a DHCPDISCOVER message, it MUST include that
 * list in any subsequent DHCPREQUEST messages." */
static void every_request_has_the_list_of_discover(void **state)
{
	(void)state;
	uint8_t list[UPLINK_OPTIONS_MAX];
	world_up(w, 0);
	struct span asked = dhcp_message_requested(world_last(w));
	struct span before = span_of(list, asked.len);
	assert_true(asked.len > 0 && asked.len <= sizeof(list));
	memcpy(list, asked.data, asked.len);
	world_reply(w, (struct world_reply){0});
	world_run(w, 100);
	assert_true(span_equal(dhcp_message_requested(world_last(w)), before));
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	world_run(w, WORLD_LEASE_S * 600);
	assert_int_equal(w->u.state, UPLINK_RENEWING);
	assert_true(span_equal(dhcp_message_requested(world_last(w)), before));
	world_run(w, WORLD_LEASE_S * 300);
	assert_int_equal(w->u.state, UPLINK_REBINDING);
	assert_true(span_equal(dhcp_message_requested(world_last(w)), before));
}

/* --- RFC 2131 4.1, 4.2 ------------------------------------------------------------------------ */

/* 4.1: "DHCP messages broadcast by a client prior to that client obtaining its IP address must have
 * the source address field in the IP header set to 0." */
static void without_an_address_the_source_is_zero(void **state)
{
	(void)state;
	world_choose(w);
	for (size_t i = 0; i < w->sent_n; i++)
		assert_int_equal(w->sent[i].from, 0);
}

/* 4.1: "A DHCP client MUST choose 'xid's in such a way as to minimize the chance of using an 'xid'
 * identical to one used by another client." */
static void xids_of_two_clients_and_two_exchanges_differ(void **state)
{
	(void)state;
	uint32_t seen[64];
	for (uint8_t i = 0; i < 64; i++) {
		struct world *other = world_new((uint8_t)(i + 10));
		world_up(other, 0);
		seen[i] = world_last(other)->head.xid;
		world_free(other);
		for (uint8_t k = 0; k < i; k++)
			assert_int_not_equal(seen[i], seen[k]);
	}
	world_renewing(w, false);
	uint32_t renewal = world_last(w)->head.xid;
	assert_int_equal(dhcp_message_read(span_of(w->sent[0].bytes, w->sent[0].len), &w->read),
			 OK);
	assert_int_not_equal(w->read.head.xid, renewal);
}

/* 4.1: "The client MUST adopt a retransmission strategy that incorporates a randomized exponential
 * backoff algorithm": 4 s, then 8, 16, 32, at most 64, each "randomized by the value of a uniform
 * random number chosen from the range -1 to +1". */
static void delays_double_up_to_64_s_with_jitter_of_1_s(void **state)
{
	(void)state;
	static const uint64_t means_ms[] = {4000, 8000, 16000, 32000, 64000, 64000};
	bool jitter = false;
	world_up(w, 300000);
	assert_true(w->sent_n > 6);
	for (size_t i = 0; i < 6; i++) {
		uint64_t delay_ms = w->sent[i + 1].at_ms - w->sent[i].at_ms;
		assert_in_range(delay_ms, means_ms[i] - 1000, means_ms[i] + 1000);
		jitter |= delay_ms != means_ms[i];
	}
	assert_true(jitter);
}

/* 4.2: "If the client supplies a 'client identifier', the client MUST use the same 'client
 * identifier' in all subsequent messages". */
static void all_messages_have_the_same_client_identifier(void **state)
{
	(void)state;
	world_renewing(w, true);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	assert_int_equal(uplink_release(&w->u, w->now_ms), OK);
	assert_true(w->sent_n >= 5);
	for (size_t i = 0; i < w->sent_n; i++) {
		struct span wire = span_of(w->sent[i].bytes, w->sent[i].len);
		assert_int_equal(dhcp_message_read(wire, &w->read), OK);
		assert_true(span_equal(dhcp_message_option(&w->read, DHCP_OPT_CLIENT_IDENTIFIER),
				       w->rules.client_id));
	}
}

/* --- RFC 2131 4.3.2, table 4, table 5 --------------------------------------------------------- */

/* 4.3.2, SELECTING: "'ciaddr' MUST be zero, 'requested IP address' MUST be filled in with the
 * yiaddr value from the chosen DHCPOFFER." */
static void selecting_has_no_ciaddr(void **state)
{
	(void)state;
	world_choose(w);
	assert_int_equal(world_last(w)->head.ciaddr, 0);
	assert_true(has(DHCP_OPT_REQUESTED_ADDRESS));
}

/* 4.3.2, INIT-REBOOT: "'server identifier' MUST NOT be filled in, 'requested IP address' option
 * MUST be filled in with client's notion of its previously assigned address. 'ciaddr' MUST be
 * zero." 4.4.2 says the same. */
static void init_reboot_has_the_address_and_no_server(void **state)
{
	(void)state;
	w = world_restored(w, false);
	world_up(w, 0);
	assert_int_equal(w->u.state, UPLINK_REBOOTING);
	assert_false(has(DHCP_OPT_SERVER_IDENTIFIER));
	assert_int_equal(address_of(DHCP_OPT_REQUESTED_ADDRESS), WORLD_ADDRESS);
	assert_int_equal(world_last(w)->head.ciaddr, 0);
	assert_int_equal(sent()->to, WORLD_ALL);
}

/* 4.3.2, RENEWING: "'server identifier' MUST NOT be filled in, 'requested IP address' option MUST
 * NOT be filled in, 'ciaddr' MUST be filled in with client's IP address. ... This message will be
 * unicast". */
static void renewing_has_ciaddr_alone_and_is_unicast(void **state)
{
	(void)state;
	world_renewing(w, false);
	assert_type(DHCP_REQUEST);
	assert_false(has(DHCP_OPT_SERVER_IDENTIFIER));
	assert_false(has(DHCP_OPT_REQUESTED_ADDRESS));
	assert_int_equal(world_last(w)->head.ciaddr, WORLD_ADDRESS);
	assert_int_equal(sent()->from, WORLD_ADDRESS);
	assert_int_equal(sent()->to, WORLD_SERVER);
}

/* 4.3.2, REBINDING: "'server identifier' MUST NOT be filled in, 'requested IP address' option MUST
 * NOT be filled in, 'ciaddr' MUST be filled in with client's IP address. This message MUST be
 * broadcast to the 0xffffffff IP broadcast address." */
static void rebinding_has_ciaddr_alone_and_is_broadcast(void **state)
{
	(void)state;
	world_renewing(w, true);
	assert_type(DHCP_REQUEST);
	assert_false(has(DHCP_OPT_SERVER_IDENTIFIER));
	assert_false(has(DHCP_OPT_REQUESTED_ADDRESS));
	assert_int_equal(world_last(w)->head.ciaddr, WORLD_ADDRESS);
	assert_int_equal(sent()->to, WORLD_ALL);
}

/* Table 5, DHCPDECLINE: requested IP address MUST, server identifier MUST, ciaddr 0, secs 0, flags
 * 0, all other options but the client identifier and a message MUST NOT. 4.4.4: "the client
 * broadcasts DHCPDECLINE messages." */
static void decline_has_what_table_5_says(void **state)
{
	(void)state;
	w->rules.vendor_class = span_text("vendor");
	w->rules.host_name = span_text("host");
	w->rules.lease_s = 600;
	w->rules.broadcast = true;
	world_choose(w);
	world_reply(w, (struct world_reply){.type = DHCP_ACK});
	world_arp(w, IP_ARP_REPLY, world_stranger, WORLD_ADDRESS, 0);
	assert_type(DHCP_DECLINE);
	const struct dhcp_message *m = world_last(w);
	assert_int_equal(address_of(DHCP_OPT_REQUESTED_ADDRESS), WORLD_ADDRESS);
	assert_int_equal(address_of(DHCP_OPT_SERVER_IDENTIFIER), WORLD_SERVER);
	assert_int_equal(m->options_len, 4); /* those, 53 and 61 */
	assert_int_equal(m->head.ciaddr, 0);
	assert_int_equal(m->head.secs, 0);
	assert_int_equal(m->head.flags, 0);
	assert_int_equal(sent()->to, WORLD_ALL);
}

/* Table 5, DHCPRELEASE: ciaddr is the client's address, server identifier MUST, requested IP
 * address MUST NOT, all others MUST NOT. 4.4.4: "The client unicasts DHCPRELEASE messages to the
 * server." */
static void release_has_what_table_5_says(void **state)
{
	(void)state;
	w->rules.vendor_class = span_text("vendor");
	w->rules.host_name = span_text("host");
	world_bind(w);
	assert_int_equal(uplink_release(&w->u, w->now_ms), OK);
	assert_type(DHCP_RELEASE);
	assert_int_equal(address_of(DHCP_OPT_SERVER_IDENTIFIER), WORLD_SERVER);
	assert_int_equal(world_last(w)->options_len, 3); /* that, 53 and 61 */
	assert_int_equal(world_last(w)->head.ciaddr, WORLD_ADDRESS);
	assert_int_equal(sent()->to, WORLD_SERVER);
	assert_int_equal(sent()->from, WORLD_ADDRESS);
	assert_false(w->is_set);
}

/* Table 5: op BOOTREQUEST, hops 0, giaddr, yiaddr and siaddr 0, chaddr the client's; DHCPREQUEST
 * has "'xid' from server DHCPOFFER message". */
static void heads_are_what_table_5_says(void **state)
{
	(void)state;
	world_choose(w);
	assert_int_equal(dhcp_message_read(span_of(w->sent[0].bytes, w->sent[0].len), &w->read),
			 OK);
	uint32_t xid = w->read.head.xid;
	assert_int_equal(world_last(w)->head.xid, xid);
	for (size_t i = 0; i < w->sent_n; i++) {
		const struct dhcp_head *h = &w->read.head;
		struct span wire = span_of(w->sent[i].bytes, w->sent[i].len);
		assert_int_equal(dhcp_message_read(wire, &w->read), OK);
		assert_int_equal(h->op, DHCP_OP_REQUEST);
		assert_int_equal(h->hops, 0);
		assert_int_equal(h->giaddr | h->yiaddr | h->siaddr, 0);
		assert_true(span_equal(dhcp_head_chaddr(h), span_of(world_mac, IP_MAC_LEN)));
	}
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(request_names_the_server_that_was_chosen),
		FACT(request_has_the_address_of_the_offer),
		FACT(request_has_the_secs_and_the_destination_of_discover),
		FACT(discover_is_sent_again_until_there_is_an_offer),
		FACT(an_address_in_use_is_declined_and_ten_seconds_pass),
		FACT(nak_begins_anew),
		FACT(five_requests_without_an_answer_begin_anew),
		FACT(release_has_the_same_client_identifier),
		FACT(init_reboot_leaves_ciaddr_empty),
		FACT(init_reboot_has_the_same_client_identifier),
		FACT(an_address_in_use_after_a_reboot_is_declined),
		FACT(nak_after_a_reboot_forgets_the_address),
		FACT(a_lease_that_nobody_confirms_is_used_to_its_end),
		FACT(unless_the_configuration_forbids_it),
		FACT(every_request_has_the_list_of_discover),
		FACT(without_an_address_the_source_is_zero),
		FACT(xids_of_two_clients_and_two_exchanges_differ),
		FACT(delays_double_up_to_64_s_with_jitter_of_1_s),
		FACT(all_messages_have_the_same_client_identifier),
		FACT(selecting_has_no_ciaddr),
		FACT(init_reboot_has_the_address_and_no_server),
		FACT(renewing_has_ciaddr_alone_and_is_unicast),
		FACT(rebinding_has_ciaddr_alone_and_is_broadcast),
		FACT(decline_has_what_table_5_says),
		FACT(release_has_what_table_5_says),
		FACT(heads_are_what_table_5_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
