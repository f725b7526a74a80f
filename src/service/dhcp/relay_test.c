#include "service/dhcp/relay.h"

#include "base/writer.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/relay.h"
#include "proto/dhcp/sample_test.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LAN = 3, OFFICE = 4, UPLINK = 9 };

#define LAN_ADDRESS    0xc0a80101u /* 192.168.1.1 */
#define OFFICE_ADDRESS 0xc0a80201u
#define UPLINK_ADDRESS 0x0a000001u
#define SERVER	       0x0a000035u
#define SERVER_2       0x0a000036u
#define BROADCAST      0xffffffffu

static struct relay r;
static struct dhcp_message got;

/* What was sent last; messages are copied, for they are good during the call only. */
static struct dhcp_send sent[RELAY_SERVERS_MAX];
static uint8_t sent_bytes[RELAY_SERVERS_MAX][DHCP_MESSAGE_MAX];
static size_t sent_n;

static void note(void *arg, const struct dhcp_send *s)
{
	(void)arg;
	assert_true(sent_n < RELAY_SERVERS_MAX);
	assert_true(s->message.len <= DHCP_MESSAGE_MAX);
	sent[sent_n] = *s;
	memcpy(sent_bytes[sent_n], s->message.data, s->message.len);
	sent[sent_n].message.data = sent_bytes[sent_n];
	sent_n++;
}

/* Two links with clients behind one uplink; change may be NULL. */
static void begin(void (*change)(struct relay_link *lan, struct relay_link *office))
{
	struct relay_link links[2] = {
		{.interface = "lan",
		 .servers = {SERVER, SERVER_2},
		 .servers_n = 2,
		 .hops_max = RELAY_HOPS_DEFAULT,
		 .option_82 = true},
		{.interface = "office",
		 .servers = {SERVER},
		 .servers_n = 1,
		 .hops_max = RELAY_HOPS_MAX,
		 .option_82 = true},
	};
	const struct relay_effects effects = {.send = note};
	const struct dhcp_link present[] = {
		{.ifindex = UPLINK, .name = "uplink", .address = UPLINK_ADDRESS},
		{.ifindex = LAN, .name = "lan", .address = LAN_ADDRESS, .bits = 24},
		{.ifindex = OFFICE, .name = "office", .address = OFFICE_ADDRESS, .bits = 24},
	};
	if (change)
		change(&links[0], &links[1]);
	assert_int_equal(relay_init(&r, links, 2, &effects), OK);
	relay_set_links(&r, present, 3);
}

static size_t receive(uint32_t ifindex, uint32_t to, const struct sample *s)
{
	struct dhcp_arrival a = {.ifindex = ifindex, .to = to, .from_port = 68};
	sent_n = 0;
	relay_receive(&r, &a, sample_span(s));
	for (size_t i = 0; i < sent_n; i++)
		assert_int_equal(dhcp_message_read(sent[i].message, &got), OK);
	return sent_n;
}

static struct sample discover(void)
{
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\x0c\x04host\xff");
	return s;
}

/* What a server answers to what was sent last: yiaddr, and all of option 82 echoed. */
static struct sample answer(void)
{
	struct sample s = {0};
	uint8_t wire[1000];
	struct dhcp_head head = dhcp_head_reply(&got.head);
	head.yiaddr = 0xc0a80164;
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {
		.size_max = sizeof(wire),
		.relay = dhcp_message_option(&got, DHCP_OPT_RELAY_AGENT_INFORMATION)};
	dhcp_build_init(&b, wire, sizeof(wire), &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, DHCP_OFFER);
	dhcp_build_option(&b, DHCP_OPT_HOST_NAME, span_text("host"));
	assert_int_equal(dhcp_build_finish(&b, &out), OK);
	sample_add(&s, out.data, out.len);
	return s;
}

static void set_giaddr(struct sample *s, uint32_t giaddr)
{
	put_u32(s->bytes + 24, giaddr);
}

static void refuses_torn_messages_and_counts_them(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	s.len = 200;
	assert_int_equal(receive(LAN, BROADCAST, &s), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_TORN], 1);
}

static void refuses_requests_from_links_without_clients(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(UPLINK, BROADCAST, &s), 0);
	assert_int_equal(receive(0, BROADCAST, &s), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_LINK], 2);
	/* A link that went away, and one that lost its address. */
	struct dhcp_link none = {.ifindex = LAN, .name = "lan"};
	relay_set_links(&r, &none, 1);
	assert_int_equal(receive(LAN, BROADCAST, &s), 0);
	assert_int_equal(receive(OFFICE, BROADCAST, &s), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_LINK], 4);
}

static void refuses_too_many_hops(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	/* RFC 1542 4.1.1: "The relay agent MUST silently discard BOOTREQUEST messages whose 'hops'
	 * field exceeds the value 16. A configuration option SHOULD be provided to set this
	 * threshold to a smaller value if desired by the network manager. The default setting for a
	 * configurable threshold SHOULD be 4." */
	for (unsigned hops = 0; hops < 256; hops++) {
		s.bytes[3] = (uint8_t)hops;
		assert_int_equal(receive(LAN, BROADCAST, &s), hops <= 4 ? 2 : 0);
		assert_int_equal(receive(OFFICE, BROADCAST, &s), hops <= 16 ? 1 : 0);
		/* "If the relay agent does decide to relay the request, ... The value of the 'hops'
		 * field MUST be incremented." */
		if (hops <= 16)
			assert_int_equal(got.head.hops, hops + 1);
	}
	assert_int_equal(r.refused[RELAY_CAUSE_HOPS], 251 + 239);
}

static void refuses_a_giaddr_of_ours_from_a_client(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	set_giaddr(&s, OFFICE_ADDRESS);
	assert_int_equal(receive(LAN, BROADCAST, &s), 0);
	set_giaddr(&s, LAN_ADDRESS);
	assert_int_equal(receive(LAN, BROADCAST, &s), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_FORGED], 2);
}

static void refuses_option_82_of_a_client_that_is_not_trusted(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\x52\x06\x01\x04port\xff");
	/* RFC 3046 2.1: "Relay agents receiving a DHCP packet from an untrusted circuit with giaddr
	 * set to zero (indicating that they are the first-hop router) but with a Relay Agent
	 * Information option already present in the packet SHALL discard the packet and increment
	 * an error count." */
	assert_int_equal(receive(LAN, BROADCAST, &s), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_OPTION], 1);
}

static void refuses_replies_that_are_not_for_us(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	struct sample reply = answer();
	set_giaddr(&reply, 0);
	/* RFC 1542 4.1.2: "If the content of the 'giaddr' field does not match one of the relay
	 * agent's directly-connected logical interfaces, the BOOTREPLY messsage MUST be silently
	 * discarded." */
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 0);
	set_giaddr(&reply, LAN_ADDRESS + 1);
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_LINK], 2);
	set_giaddr(&reply, LAN_ADDRESS);
	assert_int_equal(receive(LAN, LAN_ADDRESS, &reply), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_FORGED], 1);
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 1);
}

static void refuses_replies_with_an_option_82_that_we_did_not_send(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	struct sample reply = answer();
	uint8_t *at = memmem(reply.bytes, reply.len, "\x01\x03lan", 5);
	assert_non_null(at);
	at[4] ^= 1;
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 0);
	at[1] = 9; /* torn */
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_OPTION], 2);
}

/* --- to the servers --- */

static void a_request_goes_to_each_server(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sent[i].how, DHCP_SEND_UDP);
		assert_int_equal(sent[i].local, LAN_ADDRESS);
		assert_int_equal(sent[i].address, i ? SERVER_2 : SERVER);
		assert_int_equal(sent[i].port, 67);
		assert_int_equal(sent[i].message.len, 300);
	}
	/* RFC 1542 4.1.1: "If this field is zero, the relay agent MUST fill this field with the IP
	 * address of the interface on which the request was received." */
	assert_int_equal(got.head.giaddr, LAN_ADDRESS);
	assert_int_equal(receive(OFFICE, BROADCAST, &s), 1);
	assert_int_equal(got.head.giaddr, OFFICE_ADDRESS);
	assert_int_equal(r.forwarded, 2);
}

static void all_else_of_a_request_is_intact(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	for (size_t i = 8; i < 236; i++)
		s.bytes[i] = (uint8_t)(i * 5);
	set_giaddr(&s, 0);
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	/* RFC 1542 4.1.1: "All other BOOTP fields MUST be preserved intact." */
	for (size_t i = 0; i < 240; i++) {
		if (i != 3 && (i < 24 || i > 27))
			assert_int_equal(sent_bytes[0][i], s.bytes[i]);
	}
	assert_memory_equal(sent_bytes[0] + 240, s.bytes + 240, s.len - 1 - 240);
}

static void option_82_names_the_circuit_and_what_is_configured(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_true(span_is(dhcp_message_option(&got, 82), "\x01\x03lan"));
}

static void name_the_circuits(struct relay_link *lan, struct relay_link *office)
{
	memcpy(lan->circuit_id, "port-7", 6);
	lan->circuit_id_len = 6;
	memcpy(lan->remote_id, "site-1", 6);
	lan->remote_id_len = 6;
	memcpy(lan->subscriber_id, "us", 2);
	lan->subscriber_id_len = 2;
	office->option_82 = false;
}

static void configured_identities_are_sent_and_none_when_off(void **state)
{
	(void)state;
	begin(name_the_circuits);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_true(
		span_is(dhcp_message_option(&got, 82), "\x01\x06port-7\x02\x06site-1\x06\x02us"));
	assert_int_equal(receive(OFFICE, BROADCAST, &s), 1);
	assert_false(dhcp_message_has(&got, 82));
	assert_int_equal(got.head.giaddr, OFFICE_ADDRESS);
}

static void what_another_relay_sent_gets_no_second_option(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover(), with = sample_begin();
	set_giaddr(&s, 0xac100001);
	/* RFC 1542 4.1.1: "If the 'giaddr' field contains some non-zero value, the 'giaddr' field
	 * MUST NOT be modified." RFC 3046 2.1: it "MUST forward any received DHCP packet with a
	 * valid (non-zero) giaddr WITHOUT adding any relay agent options." */
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_int_equal(got.head.giaddr, 0xac100001);
	assert_false(dhcp_message_has(&got, 82));
	SAMPLE_ADD(&with, "\x35\x01\x01\x52\x06\x01\x04port\xff");
	set_giaddr(&with, 0xac100001);
	assert_int_equal(receive(LAN, BROADCAST, &with), 2);
	assert_true(span_is(dhcp_message_option(&got, 82), "\x01\x04port"));
}

static void trust_lan(struct relay_link *lan, struct relay_link *office)
{
	(void)office;
	lan->trusted = true;
}

static void a_trusted_bridge_has_its_option_sent_on_and_given_back(void **state)
{
	(void)state;
	begin(trust_lan);
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\x52\x06\x01\x04port\xff");
	/* RFC 3046 2.1: "the relay agent does NOT add a "second" relay agent option, but forwards
	 * the DHCP packet per normal DHCP relay agent operations, setting the giaddr field as it
	 * deems appropriate." */
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_int_equal(got.head.giaddr, LAN_ADDRESS);
	assert_true(span_is(dhcp_message_option(&got, 82), "\x01\x04port"));
	/* "MUST be removed by either the relay agent or the trusted downstream network element
	 * which added it": not by us. */
	struct sample reply = answer();
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 1);
	assert_true(span_is(dhcp_message_option(&got, 82), "\x01\x04port"));
	/* Where the bridge added none, we did, and take it out again. */
	s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	reply = answer();
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 1);
	assert_false(dhcp_message_has(&got, 82));
}

static void what_would_become_too_long_goes_on_without_the_option(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01");
	while (s.len + 2 + 200 < RELAY_SIZE_MAX)
		sample_fill(&s, 43, 200, 1);
	/* 2 + 5 octets of option 82 are to fit to the octet, then not. */
	sample_fill(&s, 60, (uint8_t)(RELAY_SIZE_MAX - s.len - 2 - 7 - 1), 'x');
	SAMPLE_ADD(&s, "\xff");
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_int_equal(sent[0].message.len, RELAY_SIZE_MAX);
	assert_true(dhcp_message_has(&got, 82));
	s.len--;
	SAMPLE_ADD(&s, "\x50\x00\xff");
	/* RFC 3046 2.1: a relay agent has a largest size, and forwards what the option would carry
	 * beyond it without the option, and counts that. */
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_false(dhcp_message_has(&got, 82));
	assert_int_equal(got.head.giaddr, LAN_ADDRESS);
	assert_int_equal(r.too_long, 1);
}

static void bootp_is_relayed_too(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = sample_begin();
	s.bytes[236] = 0;
	s.len = 300;
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_false(got.cookie);
	assert_int_equal(got.head.giaddr, LAN_ADDRESS);
	struct sample reply = s;
	reply.bytes[0] = 2;
	set_giaddr(&reply, LAN_ADDRESS);
	put_u32(reply.bytes + 16, 0xc0a80164);
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 1);
	assert_int_equal(sent[0].how, DHCP_SEND_FRAME);
}

/* --- to the client --- */

static void a_reply_goes_to_the_client_without_option_82(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	struct sample reply = answer();
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 1);
	/* RFC 3046 2.1: "The Relay Agent Information option echoed by a server MUST be removed". */
	assert_false(dhcp_message_has(&got, 82));
	assert_true(span_is(dhcp_message_option(&got, 12), "host"));
	assert_int_equal(sent[0].how, DHCP_SEND_FRAME);
	assert_int_equal(sent[0].ifindex, LAN);
	assert_int_equal(sent[0].local, LAN_ADDRESS);
	assert_int_equal(sent[0].address, 0xc0a80164);
	assert_int_equal(sent[0].port, 68);
	assert_memory_equal(sent[0].mac, "\2\0\0\0\0\1", 6);
	/* The rest is as the server sent it. */
	assert_memory_equal(sent_bytes[0], reply.bytes, 240);
	assert_int_equal(r.returned, 1);
}

static void the_client_chooses_between_broadcast_and_unicast(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	struct sample reply = answer(), other = reply;
	/* RFC 1542 4.1.2: the BROADCAST flag is examined; set, the reply is broadcast. */
	other.bytes[10] = 0x80;
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &other), 1);
	assert_int_equal(sent[0].how, DHCP_SEND_BROADCAST);
	assert_int_equal(sent[0].ifindex, LAN);
	/* Nowhere to send it to, or hardware that has no such addresses. */
	other = reply;
	put_u32(other.bytes + 16, 0);
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &other), 1);
	assert_int_equal(sent[0].how, DHCP_SEND_BROADCAST);
	other = reply;
	other.bytes[1] = 32;
	other.bytes[2] = 0;
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &other), 1);
	assert_int_equal(sent[0].how, DHCP_SEND_BROADCAST);
	/* An ACK to INFORM. */
	other = reply;
	put_u32(other.bytes + 16, 0);
	put_u32(other.bytes + 12, 0xc0a80177);
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &other), 1);
	assert_int_equal(sent[0].how, DHCP_SEND_FRAME);
	assert_int_equal(sent[0].address, 0xc0a80177);
}

static void a_server_that_knows_no_option_82_is_answered_for_too(void **state)
{
	(void)state;
	begin(NULL);
	struct sample s = discover();
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	struct sample reply = sample_begin();
	SAMPLE_ADD(&reply, "\x35\x01\x02\xff");
	reply.bytes[0] = 2;
	set_giaddr(&reply, LAN_ADDRESS);
	put_u32(reply.bytes + 16, 0xc0a80164);
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 1);
	assert_int_equal(sent[0].ifindex, LAN);
}

/* --- RFC 3527, RFC 5107, RFC 5010 --- */

static void share_the_uplink(struct relay_link *lan, struct relay_link *office)
{
	lan->giaddr = office->giaddr = UPLINK_ADDRESS;
	lan->server_id_override = true;
}

static void a_shared_giaddr_names_the_link_by_link_selection(void **state)
{
	(void)state;
	begin(share_the_uplink);
	struct sample s = discover(), lan, office;
	struct dhcp_relay_info i;
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	lan = answer();
	assert_int_equal(got.head.giaddr, UPLINK_ADDRESS);
	assert_int_equal(sent[0].local, UPLINK_ADDRESS);
	assert_int_equal(dhcp_relay_info_read(dhcp_message_option(&got, 82), &i), OK);
	assert_true(i.has_link_selection);
	assert_int_equal(i.link_selection, LAN_ADDRESS);
	assert_int_equal(receive(OFFICE, BROADCAST, &s), 1);
	office = answer();
	assert_int_equal(dhcp_relay_info_read(dhcp_message_option(&got, 82), &i), OK);
	assert_int_equal(i.link_selection, OFFICE_ADDRESS);
	assert_false(i.has_server_id_override || i.has_flags);
	/* Each answer finds its way by what the server echoes. */
	assert_int_equal(receive(UPLINK, UPLINK_ADDRESS, &lan), 1);
	assert_int_equal(sent[0].ifindex, LAN);
	assert_int_equal(sent[0].local, LAN_ADDRESS);
	assert_int_equal(receive(UPLINK, UPLINK_ADDRESS, &office), 1);
	assert_int_equal(sent[0].ifindex, OFFICE);
	/* And none does without. */
	uint8_t *at = memmem(lan.bytes, lan.len, "\x01\x03lan", 5);
	at[2] = 'x';
	assert_int_equal(receive(UPLINK, UPLINK_ADDRESS, &lan), 0);
	assert_int_equal(r.refused[RELAY_CAUSE_LINK], 1);
}

static void clients_renew_through_a_relay_that_overrides_the_server_id(void **state)
{
	(void)state;
	begin(share_the_uplink);
	struct sample s = discover();
	struct dhcp_relay_info i;
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_int_equal(dhcp_relay_info_read(dhcp_message_option(&got, 82), &i), OK);
	assert_true(i.has_server_id_override);
	assert_int_equal(i.server_id_override, LAN_ADDRESS);
	assert_true(i.has_flags);
	assert_int_equal(i.flags, 0);
	/* RFC 5010 3: "UNICAST flag: unicast = 1, broadcast = 0" */
	assert_int_equal(receive(LAN, LAN_ADDRESS, &s), 2);
	assert_int_equal(dhcp_relay_info_read(dhcp_message_option(&got, 82), &i), OK);
	assert_int_equal(i.flags, DHCP_RELAY_FLAG_UNICAST);
}

static void share_and_trust(struct relay_link *lan, struct relay_link *office)
{
	share_the_uplink(lan, office);
	lan->trusted = true;
	office->option_82 = false;
}

static void without_link_selection_giaddr_is_that_of_the_link(void **state)
{
	(void)state;
	begin(share_and_trust);
	struct sample s = sample_begin(), plain = discover();
	SAMPLE_ADD(&s, "\x35\x01\x01\x52\x06\x01\x04port\xff");
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	assert_int_equal(got.head.giaddr, LAN_ADDRESS);
	struct sample reply = answer();
	assert_int_equal(receive(UPLINK, LAN_ADDRESS, &reply), 1);
	assert_int_equal(sent[0].ifindex, LAN);
	assert_int_equal(receive(OFFICE, BROADCAST, &plain), 1);
	assert_int_equal(got.head.giaddr, OFFICE_ADDRESS);
}

/* --- every prefix, every bit --- */

static void receive_all(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < 2; i++) {
		struct dhcp_arrival a = {.ifindex = i ? LAN : UPLINK, .to = LAN_ADDRESS};
		sent_n = 0;
		relay_receive(&r, &a, span_of(data, len));
		for (size_t k = 0; k < sent_n; k++)
			assert_int_equal(dhcp_message_read(sent[k].message, &got), OK);
	}
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	begin(share_the_uplink);
	struct sample s = discover();
	guard_every_prefix(s.bytes, s.len, receive_all);
	guard_every_bit_flip(s.bytes, s.len, receive_all);
	assert_int_equal(receive(LAN, BROADCAST, &s), 2);
	s = answer();
	guard_every_prefix(s.bytes, s.len, receive_all);
	guard_every_bit_flip(s.bytes, s.len, receive_all);
}

static void causes_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < RELAY_CAUSES; i++)
		assert_non_null(relay_cause_name((enum relay_cause)i));
	static struct relay_link many[RELAY_LINKS_MAX + 1];
	const struct relay_effects effects = {.send = note};
	assert_int_equal(relay_init(&r, many, RELAY_LINKS_MAX + 1, &effects), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_torn_messages_and_counts_them),
		cmocka_unit_test(refuses_requests_from_links_without_clients),
		cmocka_unit_test(refuses_too_many_hops),
		cmocka_unit_test(refuses_a_giaddr_of_ours_from_a_client),
		cmocka_unit_test(refuses_option_82_of_a_client_that_is_not_trusted),
		cmocka_unit_test(refuses_replies_that_are_not_for_us),
		cmocka_unit_test(refuses_replies_with_an_option_82_that_we_did_not_send),
		cmocka_unit_test(a_request_goes_to_each_server),
		cmocka_unit_test(all_else_of_a_request_is_intact),
		cmocka_unit_test(option_82_names_the_circuit_and_what_is_configured),
		cmocka_unit_test(configured_identities_are_sent_and_none_when_off),
		cmocka_unit_test(what_another_relay_sent_gets_no_second_option),
		cmocka_unit_test(a_trusted_bridge_has_its_option_sent_on_and_given_back),
		cmocka_unit_test(what_would_become_too_long_goes_on_without_the_option),
		cmocka_unit_test(bootp_is_relayed_too),
		cmocka_unit_test(a_reply_goes_to_the_client_without_option_82),
		cmocka_unit_test(the_client_chooses_between_broadcast_and_unicast),
		cmocka_unit_test(a_server_that_knows_no_option_82_is_answered_for_too),
		cmocka_unit_test(a_shared_giaddr_names_the_link_by_link_selection),
		cmocka_unit_test(clients_renew_through_a_relay_that_overrides_the_server_id),
		cmocka_unit_test(without_link_selection_giaddr_is_that_of_the_link),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
		cmocka_unit_test(causes_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
