/* What RFC 2131 (sections 2 to 4) and its successors demand of a server, sentence by sentence, each
 * above the test that it is kept. */
#include "service/dhcp/client_test.h"

#include "proto/dhcp/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct ask discover = {.type = DHCP_DISCOVER, .mac = 1, .xid = 77};

static struct ask selecting(uint32_t address)
{
	return (struct ask){
		.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER};
}

static struct ask rebooting(uint8_t mac, uint32_t address)
{
	return (struct ask){.type = DHCP_REQUEST, .mac = mac, .requested = address};
}

static struct ask renewing(uint8_t mac, uint32_t address)
{
	return (struct ask){.type = DHCP_REQUEST, .mac = mac, .ciaddr = address, .to = SERVER};
}

/* RFC 2131 2: "The remaining bits of the flags field are reserved for future use. They MUST be set
 * to zero by clients and ignored by servers and relay agents." */
static void ignores_reserved_flags(void **state)
{
	struct try *t = *state;
	struct ask a = discover;
	a.flags = 0x7fff;
	try_say(t, a);
	(void)try_answer(t, DHCP_OFFER);
	assert_int_equal(try_how(t)->how, DHCP_SEND_FRAME);
}

/* RFC 2131 3: "The first four octets of the 'options' field of the DHCP message contain the
 * (decimal) values 99, 130, 83 and 99, respectively". 4.1: "The last option must always be the
 * 'end' option." */
static void options_begin_with_the_cookie_and_close_with_end(void **state)
{
	struct try *t = *state;
	uint8_t buf[600];
	size_t len = try_write(&discover, buf, sizeof(buf));
	const struct dhcp_arrival arrival = {.ifindex = TRY_IFINDEX, .to = BROADCAST};
	buf[DHCP_FIXED_LEN] ^= 1;
	dhcp_engine_receive(t->engine, t->now_ms, &arrival, span_of(buf, len));
	try_silence(t);
	try_say(t, discover);
	(void)try_answer(t, DHCP_OFFER);
	struct span m = try_how(t)->message;
	static const uint8_t cookie[4] = {99, 130, 83, 99};
	assert_memory_equal(m.data + DHCP_FIXED_LEN, cookie, 4);
	while (m.len && m.data[m.len - 1] == DHCP_OPT_PAD)
		m.len--;
	assert_int_equal(m.data[m.len - 1], DHCP_OPT_END);
}

/* RFC 2131 3.1 4: "Those servers not selected by the DHCPREQUEST message use the message as
 * notification that the client has declined that server's offer." */
static void an_offer_that_was_not_chosen_is_free_at_once(void **state)
{
	struct try *t = *state;
	try_say(t, discover);
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	struct ask a = selecting(NET_A + 50);
	a.server_id = SERVER + 1;
	try_say(t, a);
	try_silence(t);
	assert_int_equal(try_state(t, address), 0);
}

/* RFC 2131 3.1 4: "If the selected server is unable to satisfy the DHCPREQUEST message (e.g., the
 * requested network address has been allocated), the server SHOULD respond with a DHCPNAK message."
 */
static void refuses_the_choice_of_what_is_anothers(void **state)
{
	struct try *t = *state;
	uint32_t address = try_lease(t, 2);
	try_say(t, selecting(address));
	(void)try_answer(t, DHCP_NAK);
}

/* RFC 2131 3.2 and 4.3.2: "If 'giaddr' is 0x0 in the DHCPREQUEST message, the client is on the same
 * subnet as the server. The server MUST broadcast the DHCPNAK message to the 0xffffffff broadcast
 * address". */
static void broadcasts_a_nak_on_the_link(void **state)
{
	struct try *t = *state;
	try_say(t, rebooting(1, 0xac100001));
	(void)try_answer(t, DHCP_NAK);
	assert_int_equal(try_how(t)->how, DHCP_SEND_BROADCAST);
	assert_int_equal(try_how(t)->address, BROADCAST);
	struct ask a = renewing(1, 0xac100001); /* ciaddr does not change that */
	a.to = BROADCAST;
	try_say(t, a);
	(void)try_answer(t, DHCP_NAK);
	assert_int_equal(try_how(t)->how, DHCP_SEND_BROADCAST);
}

/* RFC 2131 3.2: "Otherwise, the server MUST send the DHCPNAK message to the IP address of the BOOTP
 * relay agent, as recorded in 'giaddr'." 4.3.2: "If 'giaddr' is set in the DHCPREQUEST message, the
 * client is on a different subnet. The server MUST set the broadcast bit in the DHCPNAK, so that
 * the relay agent will broadcast the DHCPNAK to the client". */
static void sends_a_nak_through_the_relay_with_the_broadcast_bit(void **state)
{
	struct try *t = *state;
	struct ask a = rebooting(1, NET_A + 100);
	a.giaddr = RELAY;
	try_say(t, a);
	const struct dhcp_message *nak = try_answer(t, DHCP_NAK);
	assert_true(nak->head.flags & DHCP_FLAG_BROADCAST);
	assert_int_equal(nak->head.giaddr, RELAY);
	assert_int_equal(try_how(t)->how, DHCP_SEND_UDP);
	assert_int_equal(try_how(t)->address, RELAY);
	assert_int_equal(try_how(t)->port, DHCP_PORT_SERVER);
}

/* RFC 2131 3.4: "The servers SHOULD check the network address in a DHCPINFORM message for
 * consistency, but MUST NOT check for an existing lease." 4.3.5: "The server responds to a
 * DHCPINFORM message by sending a DHCPACK message directly to the address given in the 'ciaddr'
 * field [...]. The server MUST NOT send a lease expiration time to the client and SHOULD NOT fill
 * in 'yiaddr'." */
static void inform_is_answered_without_a_lease(void **state)
{
	struct try *t = *state;
	struct ask a = {.type = DHCP_INFORM, .mac = 1, .ciaddr = 0xac100001};
	try_say(t, a);
	try_silence(t);
	a.ciaddr = NET_A + 9;
	a.prl = span_text("\003");
	try_say(t, a);
	const struct dhcp_message *ack = try_answer(t, DHCP_ACK);
	assert_int_equal(ack->head.yiaddr, 0);
	assert_int_equal(ack->head.ciaddr, NET_A + 9);
	assert_false(dhcp_message_has(ack, DHCP_OPT_LEASE_TIME));
	assert_false(dhcp_message_has(ack, DHCP_OPT_RENEWAL_TIME));
	assert_false(dhcp_message_has(ack, DHCP_OPT_REBINDING_TIME));
	assert_int_equal(try_u32(ack, DHCP_OPT_ROUTERS), NET_A + 1);
	assert_int_equal(try_how(t)->how, DHCP_SEND_UDP);
	assert_int_equal(try_how(t)->address, NET_A + 9);
	uint32_t held = try_lease(t, 2); /* another's lease does not matter either */
	a.ciaddr = held;
	try_say(t, a);
	(void)try_answer(t, DHCP_ACK);
	a.giaddr = RELAY;
	a.ciaddr = NET_B + 9;
	try_say(t, a);
	(void)try_answer(t, DHCP_ACK);
	assert_int_equal(try_how(t)->address, NET_B + 9);
}

/* RFC 2131 4.1: "A server with multiple network addresses (e.g., a multi-homed host) MUST be
 * prepared to to accept any of its network addresses as identifying that server in a DHCP message."
 */
static void any_of_our_addresses_identifies_us(void **state)
{
	struct try *t = *state;
	const struct dhcp_link links[] = {
		{.ifindex = TRY_IFINDEX, .name = "lan", .address = SERVER, .bits = 24},
		{.ifindex = 4, .name = "wan", .address = 0xac1000fe, .bits = 24}};
	dhcp_engine_set_links(t->engine, links, 2);
	try_say(t, discover);
	struct ask a = selecting(try_answer(t, DHCP_OFFER)->head.yiaddr);
	a.server_id = 0xac1000fe;
	try_say(t, a);
	try_store(t);
	(void)try_answer(t, DHCP_ACK);
}

/* RFC 2131 4.1: "a server MUST choose an address as a 'server identifier' that, to the best of the
 * server's knowledge, is reachable from the client." Table 3: OFFER, ACK and NAK MUST have it. */
static void the_server_identifier_is_where_the_client_reached_us(void **state)
{
	struct try *t = *state;
	try_say(t, discover);
	assert_int_equal(try_u32(try_answer(t, DHCP_OFFER), DHCP_OPT_SERVER_IDENTIFIER), SERVER);
	try_say(t, rebooting(1, 0xac100001));
	assert_int_equal(try_u32(try_answer(t, DHCP_NAK), DHCP_OPT_SERVER_IDENTIFIER), SERVER);
	struct ask a = discover;
	a.giaddr = RELAY;
	try_say(t, a);
	assert_int_equal(try_u32(try_answer(t, DHCP_OFFER), DHCP_OPT_SERVER_IDENTIFIER), SERVER);
	t->site->networks[0].server_id = NET_A + 5;
	try_say(t, discover);
	assert_int_equal(try_u32(try_answer(t, DHCP_OFFER), DHCP_OPT_SERVER_IDENTIFIER), NET_A + 5);
}

/* RFC 2131 4.1: "If the 'giaddr' field in a DHCP message from a client is non-zero, the server
 * sends any return messages to the 'DHCP server' port on the BOOTP relay agent whose address
 * appears in 'giaddr'. If the 'giaddr' field is zero and the 'ciaddr' field is nonzero, then the
 * server unicasts DHCPOFFER and DHCPACK messages to the address in 'ciaddr'. If 'giaddr' is zero
 * and 'ciaddr' is zero, and the broadcast bit is set, then the server broadcasts DHCPOFFER and
 * DHCPACK messages to 0xffffffff. If the broadcast bit is not set and 'giaddr' is zero and 'ciaddr'
 * is zero, then the server unicasts DHCPOFFER and DHCPACK messages to the client's hardware address
 * and 'yiaddr' address." */
static void replies_go_where_section_4_1_says(void **state)
{
	struct try *t = *state;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct ask a = discover;
	try_say(t, a);
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	assert_int_equal(try_how(t)->how, DHCP_SEND_FRAME);
	assert_int_equal(try_how(t)->address, address);
	assert_int_equal(try_how(t)->port, DHCP_PORT_CLIENT);
	assert_memory_equal(try_how(t)->mac, mac, 6);
	a.flags = DHCP_FLAG_BROADCAST;
	try_say(t, a);
	assert_true(try_answer(t, DHCP_OFFER)->head.flags & DHCP_FLAG_BROADCAST);
	assert_int_equal(try_how(t)->how, DHCP_SEND_BROADCAST);
	assert_int_equal(try_how(t)->ifindex, TRY_IFINDEX);
	a.flags = 0;
	a.giaddr = RELAY;
	try_say(t, a);
	(void)try_answer(t, DHCP_OFFER);
	assert_int_equal(try_how(t)->how, DHCP_SEND_UDP);
	assert_int_equal(try_how(t)->address, RELAY);
	assert_int_equal(try_how(t)->port, DHCP_PORT_SERVER);
	address = try_lease(t, 1);
	struct ask renewal = renewing(1, address);
	renewal.flags = DHCP_FLAG_BROADCAST;
	try_say(t, renewal);
	try_store(t);
	assert_int_equal(try_answer(t, DHCP_ACK)->head.ciaddr, address);
	assert_int_equal(try_how(t)->how, DHCP_SEND_UDP);
	assert_int_equal(try_how(t)->address, address);
	assert_int_equal(try_how(t)->port, DHCP_PORT_CLIENT);
	a = discover;
	a.mac = 9;
	a.hlen = 8; /* no Ethernet address to send a frame to */
	a.htype = 32;
	try_say(t, a);
	(void)try_answer(t, DHCP_OFFER);
	assert_int_equal(try_how(t)->how, DHCP_SEND_BROADCAST);
}

/* RFC 2131 4.1: "If the options in a DHCP message extend into the 'sname' and 'file' fields, the
 * 'option overload' option MUST appear in the 'options' field, with value 1, 2 or 3". "Any
 * individual option in the 'options', 'sname' and 'file' fields MUST be entirely contained in that
 * field." RFC 3396: an option of more than 255 octets is split, and its parts are joined again in
 * order. */
static void what_does_not_fit_goes_into_file_and_sname(void **state)
{
	struct try *t = *state;
	t->site->filler = 300;
	try_say(t, discover);
	const struct dhcp_message *offer = try_answer(t, DHCP_OFFER);
	uint8_t overload;
	assert_true(try_how(t)->message.len <= DHCP_SIZE_MIN);
	assert_int_equal(dhcp_message_u8(offer, DHCP_OPT_OVERLOAD, &overload), OK);
	assert_in_range(overload, 1, 3);
	assert_int_equal(dhcp_message_option(offer, 224).len, 300);
	struct ask a = discover;
	a.size_max = 1400;
	t->site->filler = 700;
	try_say(t, a);
	offer = try_answer(t, DHCP_OFFER);
	assert_true(try_how(t)->message.len <= 1400 - DHCP_IP_UDP_LEN);
	assert_false(dhcp_message_has(offer, DHCP_OPT_OVERLOAD));
	assert_int_equal(dhcp_message_option(offer, 224).len, 700);
}

/* RFC 3396: parts of one option in a client's message are one value. */
static void a_client_identifier_in_parts_is_one(void **state)
{
	struct try *t = *state;
	uint8_t buf[600];
	struct ask a = discover;
	a.client_id = span_text("\001abc");
	try_say(t, a);
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	a.client_id = (struct span){0};
	size_t len = try_write(&a, buf, sizeof(buf));
	static const uint8_t parts[] = {53, 1, 1, 61, 2, 1, 'a', 61, 2, 'b', 'c', 255};
	memcpy(buf + DHCP_OPTIONS_AT, parts, sizeof(parts));
	const struct dhcp_arrival arrival = {.ifindex = TRY_IFINDEX, .to = BROADCAST};
	dhcp_engine_receive(t->engine, t->now_ms, &arrival, span_of(buf, len));
	const struct dhcp_message *offer = try_answer(t, DHCP_OFFER);
	assert_int_equal(offer->head.yiaddr, address);
	assert_true(span_is(dhcp_message_option(offer, DHCP_OPT_CLIENT_IDENTIFIER), "\001abc"));
}

/* RFC 2131 4.2: "If the client supplies a 'client identifier', the client MUST use the same 'client
 * identifier' in all subsequent messages, and the server MUST use that identifier to identify the
 * client." RFC 4361 6.3: the server "MUST use the 'client identifier' option to identify the client
 * if the client sends it", and its octets are opaque. */
static void the_client_identifier_identifies(void **state)
{
	struct try *t = *state;
	struct ask a = discover;
	a.client_id = span_of("\377\0\0\0\1\0\1\0\2", 9);
	try_say(t, a);
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	a.mac = 2; /* another network card, the same client */
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
	a.client_id = span_of("\377\0\0\0\2\0\1\0\2", 9); /* the same card, another client */
	try_say(t, a);
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
	a.client_id = (struct span){0};
	try_say(t, a);
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
}

/* RFC 2131 4.2: "If the client does not provide a 'client identifier' option, the server MUST use
 * the contents of the 'chaddr' field to identify the client." */
static void chaddr_identifies_where_there_is_no_identifier(void **state)
{
	struct try *t = *state;
	struct ask a = discover;
	try_say(t, a);
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
	a.mac = 2;
	try_say(t, a);
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
	uint8_t buf[600];
	size_t len = try_write(&a, buf, sizeof(buf));
	buf[2] = 0; /* hlen: nobody */
	const struct dhcp_arrival arrival = {.ifindex = TRY_IFINDEX, .to = BROADCAST};
	dhcp_engine_receive(t->engine, t->now_ms, &arrival, span_of(buf, len));
	try_silence(t);
}

/* RFC 2131 4.3.1: "The server MUST return to the client: The client's network address [...], the
 * expiration time for the client's lease [...], parameters requested by the client". "the server
 * MUST NOT return a value for that parameter" that is neither configured nor has a default. "The
 * server MUST include each requested parameter only once". Table 3: requested address, parameter
 * request list and maximum message size MUST NOT be in a reply. */
static void an_offer_has_what_it_must_and_nothing_else(void **state)
{
	struct try *t = *state;
	struct ask a = discover;
	a.prl = span_of("\003\006\003\052\063\065", 6);
	a.requested = NET_A + 102;
	a.size_max = 1400;
	a.vendor_class = span_text("x");
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_int_equal(m->head.yiaddr, NET_A + 102);
	assert_int_equal(try_u32(m, DHCP_OPT_LEASE_TIME), 3600);
	assert_int_equal(try_u32(m, DHCP_OPT_SUBNET_MASK), 0xffffff00);
	assert_int_equal(try_u32(m, DHCP_OPT_ROUTERS), NET_A + 1);
	assert_int_equal(try_u32(m, DHCP_OPT_DOMAIN_NAME_SERVERS), NET_A + 2);
	static const uint8_t never[] = {DHCP_OPT_NTP_SERVERS, DHCP_OPT_REQUESTED_ADDRESS,
					DHCP_OPT_PARAMETER_REQUEST_LIST, DHCP_OPT_MAX_MESSAGE_SIZE};
	for (size_t i = 0; i < sizeof(never); i++)
		assert_false(dhcp_message_has(m, never[i]));
	assert_int_equal(dhcp_message_option(m, DHCP_OPT_ROUTERS).len, 4); /* once */
}

/* RFC 2131 4.3.1: "The server inserts the 'xid' field from the DHCPDISCOVER message into the 'xid'
 * field of the DHCPOFFER message"; table 3. */
static void the_fixed_fields_are_those_of_table_3(void **state)
{
	struct try *t = *state;
	t->site->siaddr = NET_A + 8;
	t->site->file = "boot.efi";
	struct ask a = discover;
	a.secs = 9;
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_int_equal(m->head.op, DHCP_OP_REPLY);
	assert_int_equal(m->head.htype, 1);
	assert_int_equal(m->head.hlen, 6);
	assert_int_equal(m->head.hops, 0);
	assert_int_equal(m->head.xid, 77);
	assert_int_equal(m->head.secs, 0);
	assert_int_equal(m->head.ciaddr, 0);
	assert_int_equal(m->head.siaddr, NET_A + 8);
	assert_true(span_is(m->file, "boot.efi"));
	try_say(t, rebooting(1, 0xac100001));
	m = try_answer(t, DHCP_NAK);
	assert_int_equal(m->head.yiaddr, 0);
	assert_int_equal(m->head.siaddr, 0);
	assert_int_equal(m->file.len, 0);
	assert_false(dhcp_message_has(m, DHCP_OPT_LEASE_TIME)); /* "All others MUST NOT" */
	assert_false(dhcp_message_has(m, DHCP_OPT_SUBNET_MASK));
	assert_true(dhcp_message_has(m, DHCP_OPT_MESSAGE));
}

/* RFC 2131 4.3.2: "If the DHCP server has no record of this client, then it MUST remain silent". */
static void is_silent_to_a_rebooting_client_that_it_does_not_know(void **state)
{
	struct try *t = *state;
	try_say(t, rebooting(1, NET_A + 101));
	try_silence(t);
	uint32_t other = try_lease(t, 2);
	try_say(t, rebooting(1, other));
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_UNKNOWN_LEASE), 2);
}

/* RFC 2131 4.3.2: "If the server detects that the client is on the wrong net [...] then the server
 * SHOULD send a DHCPNAK message to the client." 3.2: "Servers SHOULD NOT respond if their
 * information is not guaranteed to be accurate": one that is not authoritative does not. */
static void tells_a_rebooting_client_that_it_has_moved(void **state)
{
	struct try *t = *state;
	t->site->networks[0].authoritative = false;
	try_say(t, rebooting(1, NET_B + 101));
	try_silence(t);
	t->site->networks[0].authoritative = true;
	try_say(t, rebooting(1, NET_B + 101));
	(void)try_answer(t, DHCP_NAK);
}

/* RFC 2131 4.3.2: "If the network is correct, then the DHCP server should check if the client's
 * notion of its IP address is correct. If not, then the server SHOULD send a DHCPNAK message". */
static void a_rebooting_client_is_told_what_is_right(void **state)
{
	struct try *t = *state;
	uint32_t address = try_lease(t, 1);
	try_say(t, rebooting(1, address == NET_A + 103 ? NET_A + 102 : address + 1));
	(void)try_answer(t, DHCP_NAK);
	try_say(t, rebooting(1, address));
	try_silence(t);
	try_store(t);
	assert_int_equal(try_answer(t, DHCP_ACK)->head.yiaddr, address);
	assert_int_equal(try_how(t)->how, DHCP_SEND_FRAME);
}

/* RFC 2131 4.3.2, RENEWING: "the DHCP server will trust the value in 'ciaddr', and use it when
 * replying to the client." REBINDING: "The DHCP server SHOULD check 'ciaddr' for correctness before
 * replying to the DHCPREQUEST." */
static void renews_and_rebinds_what_the_client_has(void **state)
{
	struct try *t = *state;
	uint32_t address = try_lease(t, 1);
	try_wait_s(t, 1800);
	try_say(t, renewing(1, address));
	try_silence(t);
	try_store(t);
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 3600);
	struct ask a = renewing(1, address);
	a.to = BROADCAST;
	try_say(t, a);
	try_store(t);
	assert_int_equal(try_answer(t, DHCP_ACK)->head.yiaddr, address);
	a.mac = 2; /* not his */
	try_say(t, a);
	(void)try_answer(t, DHCP_NAK);
	try_wait_s(t, 3599);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
}

/* RFC 2131 4.3.3: "The server MUST mark the network address as not available". */
static void a_declined_address_is_offered_to_nobody(void **state)
{
	struct try *t = *state;
	uint32_t address = try_lease(t, 1);
	try_say(t,
		(struct ask){
			.type = DHCP_DECLINE, .mac = 1, .requested = address, .server_id = SERVER});
	for (uint8_t mac = 1; mac < 4; mac++)
		assert_int_not_equal(try_lease(t, mac), address);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 9, .requested = address});
	try_silence(t);
}

/* RFC 2131 4.3.4: "Upon receipt of a DHCPRELEASE message, the server marks the network address as
 * not allocated. The server SHOULD retain a record of the client's initialization parameters for
 * possible reuse in response to subsequent requests from the client." No answer is sent. */
static void a_released_address_is_remembered(void **state)
{
	struct try *t = *state;
	uint32_t address = try_lease(t, 1);
	try_say(t, (struct ask){
			   .type = DHCP_RELEASE, .mac = 1, .ciaddr = address, .server_id = SERVER});
	try_store(t);
	try_silence(t);
	assert_int_equal(try_state(t, address), DHCP_LEASE_RELEASED);
	assert_int_not_equal(try_lease(t, 2), address);
	assert_int_equal(try_lease(t, 1), address);
}

/* RFC 2131 4.4.5: "T1 MUST be earlier than T2, which, in turn, MUST be earlier than the time at
 * which the client's lease will expire." 3.3: 0xffffffff is a lease that never ends. */
static void the_times_are_in_order(void **state)
{
	struct try *t = *state;
	struct ask a = discover;
	a.lease_s = 1;
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_int_equal(try_u32(m, DHCP_OPT_LEASE_TIME), 60); /* within the bounds configured */
	assert_true(try_u32(m, DHCP_OPT_RENEWAL_TIME) < try_u32(m, DHCP_OPT_REBINDING_TIME));
	assert_true(try_u32(m, DHCP_OPT_REBINDING_TIME) < 60);
	t->site->lease_s = UINT32_MAX;
	uint32_t address = try_lease(t, 1);
	try_wait_s(t, 4000000);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
}

/* RFC 6842 3: "If the 'client identifier' option is present in a message received from a client,
 * the server MUST return the 'client identifier' option, unaltered, in its response message." */
static void the_client_identifier_comes_back_unaltered(void **state)
{
	struct try *t = *state;
	struct ask a = discover;
	a.client_id = span_of("\0\1\2 opaque\0", 11);
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_true(span_equal(dhcp_message_option(m, 61), a.client_id));
	a.type = DHCP_REQUEST;
	a.requested = m->head.yiaddr;
	a.server_id = SERVER;
	try_say(t, a);
	try_store(t);
	assert_true(span_equal(dhcp_message_option(try_answer(t, DHCP_ACK), 61), a.client_id));
	a.requested = 0xac100001;
	a.server_id = 0;
	try_say(t, a);
	assert_true(span_equal(dhcp_message_option(try_answer(t, DHCP_NAK), 61), a.client_id));
	a = (struct ask){.type = DHCP_INFORM, .ciaddr = NET_A + 9, .client_id = a.client_id};
	try_say(t, a);
	assert_true(span_equal(dhcp_message_option(try_answer(t, DHCP_ACK), 61), a.client_id));
	try_say(t, discover);
	assert_false(dhcp_message_has(try_answer(t, DHCP_OFFER), 61));
}

static int begin(void **state)
{
	static struct try t;
	try_init(&t);
	try_start(&t);
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
		FACT(ignores_reserved_flags),
		FACT(options_begin_with_the_cookie_and_close_with_end),
		FACT(an_offer_that_was_not_chosen_is_free_at_once),
		FACT(refuses_the_choice_of_what_is_anothers),
		FACT(broadcasts_a_nak_on_the_link),
		FACT(sends_a_nak_through_the_relay_with_the_broadcast_bit),
		FACT(inform_is_answered_without_a_lease),
		FACT(any_of_our_addresses_identifies_us),
		FACT(the_server_identifier_is_where_the_client_reached_us),
		FACT(replies_go_where_section_4_1_says),
		FACT(what_does_not_fit_goes_into_file_and_sname),
		FACT(a_client_identifier_in_parts_is_one),
		FACT(the_client_identifier_identifies),
		FACT(chaddr_identifies_where_there_is_no_identifier),
		FACT(an_offer_has_what_it_must_and_nothing_else),
		FACT(the_fixed_fields_are_those_of_table_3),
		FACT(is_silent_to_a_rebooting_client_that_it_does_not_know),
		FACT(tells_a_rebooting_client_that_it_has_moved),
		FACT(a_rebooting_client_is_told_what_is_right),
		FACT(renews_and_rebinds_what_the_client_has),
		FACT(a_declined_address_is_offered_to_nobody),
		FACT(a_released_address_is_remembered),
		FACT(the_times_are_in_order),
		FACT(the_client_identifier_comes_back_unaltered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
