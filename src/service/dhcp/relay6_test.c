#include "service/dhcp/relay6.h"

#include "config/config.h"
#include "config/report.h"
#include "proto/dhcp6/message.h"
#include "service/dhcp/conf6.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct {
	struct relay6 relay;
	unsigned sent_n;
	uint32_t ifindex;
	struct ip_address to[16];
	uint16_t port;
	uint8_t message[8192];
	size_t len;
} t;

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static void on_send(void *arg, uint32_t ifindex, const struct ip_address *to, uint16_t port,
		    struct span message)
{
	(void)arg;
	t.ifindex = ifindex;
	t.to[t.sent_n++ % 16] = *to;
	t.port = port;
	t.len = message.len;
	memcpy(t.message, message.data, message.len);
}

static void begin(const char *body)
{
	static const struct config_section section = {"ipv6", &v6_conf_map};
	static const struct config_sections sections = {&section, 1};
	static const struct relay6_effects effects = {.send = on_send};
	char text[2048];
	struct config *c = NULL;
	struct config_report r = {0};
	(void)snprintf(text, sizeof(text), "ipv6:\n%s", body);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	memset(&t, 0, sizeof(t));
	assert_int_equal(config_parse(&sections, &in, &c, &r), OK);
	assert_int_equal(relay6_init(&t.relay, config_section(c, "ipv6"), &effects), OK);
	config_report_done(&r);
	config_free(c);
	struct v6_link links[] = {
		{.ifindex = 4,
		 .name = "lan1",
		 .addresses = {address("2001:db8:1::1")},
		 .bits = {64},
		 .addresses_n = 1},
		{.ifindex = 5,
		 .name = "lan2",
		 .addresses = {address("2001:db8:2::1")},
		 .bits = {64},
		 .addresses_n = 1},
		{.ifindex = 6, .name = "wan0"},
	};
	relay6_set_links(&t.relay, links, 3);
}

#define TWO                                                                                        \
	"  relay:\n"                                                                               \
	"    - {interface: lan1, servers: [\"2001:db8::547\", \"2001:db8::548\"]}\n"               \
	"    - {interface: lan2, upstream: wan0, interface-id: two, enterprise: 9,\n"              \
	"       remote-id: \"0102\", subscriber-id: bob, link-layer-address: off}\n"

static void receive(uint32_t ifindex, const char *from, const void *data, size_t len)
{
	struct v6_arrival a = {
		.ifindex = ifindex, .from = address(from), .to = address("ff02::1:2")};
	uint8_t *copy = guard_copy(data, len);
	relay6_receive(&t.relay, &a, (struct span){0}, span_of(copy, len));
	guard_free(copy, len);
}

static struct dhcp6_relay sent(void)
{
	struct dhcp6_relay r;
	assert_int_equal(dhcp6_relay_read(span_of(t.message, t.len), &r), OK);
	return r;
}

static void refuses_what_only_servers_send_and_what_is_torn(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_ADVERTISE, DHCP6_REPLY, DHCP6_RECONFIGURE};
	begin(TWO);
	for (size_t i = 0; i < sizeof(types); i++) {
		uint8_t wire[4] = {types[i]};
		receive(4, "fe80::9", wire, 4);
	}
	assert_int_equal(t.relay.refused[RELAY6_CAUSE_TYPE], 3);
	receive(4, "fe80::9", "\1\0\0", 3);
	receive(4, "fe80::9", "\14\0\0\0\0", 5); /* a Relay-forward */
	assert_int_equal(t.relay.refused[RELAY6_CAUSE_TORN], 2);
	receive(6, "fe80::9", "\1\0\0\1", 4); /* not a client link */
	assert_int_equal(t.relay.refused[RELAY6_CAUSE_LINK], 1);
	/* A client that would speak as a server. */
	receive(4, "fe80::9", "\15\0\0\0\0", 5);
	assert_int_equal(t.relay.refused[RELAY6_CAUSE_LINK], 2);
	assert_int_equal(t.sent_n, 0);
}

/* RFC 8415 19.1.1: "The hop-count value in the Relay-forward message is set to 0"; the source
 * address becomes the peer-address; "the relay agent MUST include an Interface-Id option" where the
 * link-address does not tell the interface. */
static void a_clients_message_goes_to_every_server(void **state)
{
	(void)state;
	begin(TWO);
	receive(4, "fe80::12:34ff:fe56:789a", "\1\0\0\1", 4);
	assert_int_equal(t.sent_n, 2);
	struct ip_address want = address("2001:db8::547");
	assert_true(ip_address_equal(&t.to[0], &want));
	assert_int_equal(t.port, 547);
	assert_int_equal(t.ifindex, 0);
	struct dhcp6_relay r = sent();
	assert_int_equal(r.type, DHCP6_RELAY_FORW);
	assert_int_equal(r.hop_count, 0);
	want = address("2001:db8:1::1");
	assert_true(ip_address_equal(&r.link, &want));
	want = address("fe80::12:34ff:fe56:789a");
	assert_true(ip_address_equal(&r.peer, &want));
	assert_true(span_is(r.interface_id, "lan1"));
	assert_true(span_equal(r.link_layer, span_of("\0\1\2\x12\x34\x56\x78\x9a", 8)));
	assert_true(span_equal(r.message, span_of("\1\0\0\1", 4)));
	/* RFC 8415 19: "it MUST use the All_DHCP_Servers multicast address as the default". */
	receive(5, "fe80::9", "\1\0\0\1", 4);
	assert_int_equal(t.sent_n, 3);
	want = address("ff05::1:3");
	assert_true(ip_address_equal(&t.to[2], &want));
	assert_int_equal(t.ifindex, 6);
	r = sent();
	assert_true(span_is(r.interface_id, "two"));
	assert_true(span_equal(r.remote_id, span_of("\0\0\0\x9\1\2", 6)));
	assert_true(span_is(r.subscriber_id, "bob"));
	assert_null(r.link_layer.data);
	/* RFC 8415 19: a type that nobody knows: "it MUST forward the message". */
	receive(5, "fe80::9", "\177\0\0\1", 4);
	assert_int_equal(t.sent_n, 4);
}

/* RFC 8415 19.1.2. */
static void a_relays_message_is_relayed_until_the_limit(void **state)
{
	(void)state;
	uint8_t wire[64];
	struct ip_address none = {.family = 6};
	begin(TWO);
	for (uint8_t hops = 0; hops <= 9; hops++) {
		struct writer w = writer_of(wire, sizeof(wire));
		dhcp6_write_relay_header(&w, DHCP6_RELAY_FORW, hops, &none, &none);
		dhcp6_write_option(&w, DHCP6_OPT_RELAY_MSG, span_of("\1\0\0\1", 4));
		unsigned before = t.sent_n;
		receive(5, "2001:db8:2::7", wire, w.pos);
		assert_int_equal(t.sent_n - before, hops < 8);
		if (hops < 8) {
			assert_int_equal(sent().hop_count, hops + 1);
			/* from a global address: "sets the link-address field to 0" */
			struct dhcp6_relay r = sent();
			assert_true(ip_address_is_unspecified(&r.link));
		}
	}
	assert_int_equal(t.relay.refused[RELAY6_CAUSE_HOPS], 2);
}

static void reply(const char *link, const char *peer, const char *interface_id, const char *inside,
		  size_t len)
{
	uint8_t wire[128];
	struct ip_address l = address(link), p = address(peer);
	struct writer w = writer_of(wire, sizeof(wire));
	dhcp6_write_relay_header(&w, DHCP6_RELAY_REPL, 0, &l, &p);
	if (interface_id)
		dhcp6_write_option(&w, DHCP6_OPT_INTERFACE_ID, span_text(interface_id));
	dhcp6_write_option(&w, DHCP6_OPT_RELAY_MSG, span_of(inside, len));
	receive(6, "2001:db8::547", wire, w.pos);
}

/* RFC 8415 19.2: "extracts the message from the Relay Message option and relays it to the address
 * contained in the peer-address field"; "Relay agents MUST NOT modify the message". */
static void a_reply_goes_back_by_interface_id_or_link_address(void **state)
{
	(void)state;
	begin(TWO);
	reply("2001:db8:1::1", "fe80::9", "two", "\7\0\0\1", 4);
	assert_int_equal(t.ifindex, 5); /* the Interface-Id counts more */
	assert_int_equal(t.port, 546);
	assert_int_equal(t.len, 4);
	assert_memory_equal(t.message, "\7\0\0\1", 4);
	struct ip_address want = address("fe80::9");
	assert_true(ip_address_equal(&t.to[0], &want));
	reply("2001:db8:1::1", "fe80::9", NULL, "\7\0\0\1", 4);
	assert_int_equal(t.ifindex, 4);
	/* "it MUST process the message as defined above, regardless of the type of message". */
	reply("::", "2001:db8:2::7", "two", "\15\0\0\1", 4);
	assert_int_equal(t.port, 547);
	reply("2001:db8:1::1", "fe80::9", "two", "\177\0\0\1", 4);
	assert_int_equal(t.sent_n, 4);
	reply("2001:db8:3::1", "fe80::9", NULL, "\7\0\0\1", 4);
	reply("2001:db8:1::1", "fe80::9", "three", "\7\0\0\1", 4);
	assert_int_equal(t.sent_n, 4);
	assert_int_equal(t.relay.refused[RELAY6_CAUSE_LINK], 2);
}

static void receive_any(const uint8_t *data, size_t len)
{
	struct v6_arrival a = {.ifindex = 4, .from = {.family = 6, .bytes = {0xfe, 0x80}}};
	relay6_receive(&t.relay, &a, (struct span){0}, span_of(data, len));
	a.ifindex = 6;
	relay6_receive(&t.relay, &a, (struct span){0}, span_of(data, len));
}

static void no_prefix_and_no_flipped_bit_does_harm(void **state)
{
	(void)state;
	begin(TWO);
	receive(4, "fe80::12:34ff:fe56:789a", "\1\0\0\1", 4);
	uint8_t wire[256];
	size_t len = t.len;
	memcpy(wire, t.message, len);
	guard_every_prefix(wire, len, receive_any);
	guard_every_bit_flip(wire, len, receive_any);
	wire[0] = DHCP6_RELAY_REPL;
	guard_every_prefix(wire, len, receive_any);
	guard_every_bit_flip(wire, len, receive_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_only_servers_send_and_what_is_torn),
		cmocka_unit_test(a_clients_message_goes_to_every_server),
		cmocka_unit_test(a_relays_message_is_relayed_until_the_limit),
		cmocka_unit_test(a_reply_goes_back_by_interface_id_or_link_address),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_does_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
