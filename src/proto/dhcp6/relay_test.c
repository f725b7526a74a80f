#include "proto/dhcp6/relay.h"

#include "proto/dhcp6/message.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct ip_address link_a = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
static const struct ip_address client = {.family = 6, .bytes = {0xfe, 0x80, [15] = 9}};
static const struct ip_address relay_a = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 2}};

/* layers Relay-forwards around an Information-request; returns the length. */
static size_t wrap(uint8_t *wire, size_t cap, unsigned layers)
{
	static const struct ip_address none = {.family = 6};
	struct writer w = writer_of(wire, cap);
	size_t at[16];
	for (unsigned i = layers; i > 0; i--) {
		bool inner = i == 1;
		dhcp6_write_relay_header(&w, DHCP6_RELAY_FORW, (uint8_t)(i - 1),
					 inner ? &link_a : &none, inner ? &client : &relay_a);
		if (inner) {
			dhcp6_write_option(&w, DHCP6_OPT_INTERFACE_ID, span_text("eth0/7"));
			dhcp6_write_option(&w, DHCP6_OPT_REMOTE_ID, span_of("\0\0\0\x9R", 5));
			dhcp6_write_option(&w, DHCP6_OPT_SUBSCRIBER_ID, span_text("bob"));
			dhcp6_write_option(&w, DHCP6_OPT_CLIENT_LINKLAYER_ADDR,
					   span_of("\0\1\2\0\0\0\0\7", 8));
			dhcp6_write_option(&w, DHCP6_OPT_ERO, span_of("\0\x26\0\x99", 4));
		}
		at[i] = dhcp6_option_begin(&w, DHCP6_OPT_RELAY_MSG);
	}
	dhcp6_write_header(&w, DHCP6_INFORMATION_REQUEST, 5);
	for (unsigned i = 1; i <= layers; i++)
		dhcp6_option_end(&w, at[i]);
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void refuses_layers_without_end(void **state)
{
	(void)state;
	uint8_t wire[2048];
	struct dhcp6_relays relays;
	size_t len = wrap(wire, sizeof(wire), DHCP6_RELAYS_MAX);
	assert_int_equal(dhcp6_relays_read(span_of(wire, len), &relays), OK);
	assert_int_equal(relays.n, DHCP6_RELAYS_MAX);
	len = wrap(wire, sizeof(wire), DHCP6_RELAYS_MAX + 1);
	assert_int_equal(dhcp6_relays_read(span_of(wire, len), &relays), ERR_LIMIT);
}

static void refuses_what_a_relay_would_not_send(void **state)
{
	(void)state;
	uint8_t wire[64] = {DHCP6_RELAY_FORW};
	struct dhcp6_relay relay;
	struct dhcp6_relays relays;
	assert_int_equal(dhcp6_relay_read(span_of(wire, 33), &relay), ERR_FORMAT);
	/* RFC 8415 9.1: "MUST include a Relay Message option". */
	assert_int_equal(dhcp6_relay_read(span_of(wire, 34), &relay), ERR_FORMAT);
	wire[35] = DHCP6_OPT_RELAY_MSG;
	assert_int_equal(dhcp6_relay_read(span_of(wire, 38), &relay), ERR_FORMAT); /* empty */
	wire[37] = 4;
	assert_int_equal(dhcp6_relay_read(span_of(wire, 42), &relay), OK);
	wire[35] = DHCP6_OPT_REMOTE_ID;
	wire[37] = 3;
	assert_int_equal(dhcp6_relay_read(span_of(wire, 41), &relay), ERR_FORMAT);
	wire[0] = DHCP6_SOLICIT;
	assert_int_equal(dhcp6_relay_read(span_of(wire, 41), &relay), ERR_UNSUPPORTED);
	assert_int_equal(dhcp6_relay_read(span_of(wire, 0), &relay), ERR_FORMAT);
	/* RFC 8415 16.14: "servers MUST discard any received Relay-reply messages". */
	wire[0] = DHCP6_RELAY_REPL;
	assert_int_equal(dhcp6_relays_read(span_of(wire, 41), &relays), ERR_UNSUPPORTED);
}

static void reads_what_each_layer_says(void **state)
{
	(void)state;
	uint8_t wire[512];
	struct dhcp6_relays relays;
	uint16_t hardware;
	struct span mac;
	size_t len = wrap(wire, sizeof(wire), 2);
	assert_int_equal(dhcp6_relays_read(span_of(wire, len), &relays), OK);
	assert_int_equal(relays.n, 2);
	assert_int_equal(relays.at[0].hop_count, 1);
	assert_true(ip_address_equal(&relays.at[0].peer, &relay_a));
	assert_null(relays.at[0].interface_id.data);
	assert_true(ip_address_equal(&relays.at[1].link, &link_a));
	assert_true(ip_address_equal(&relays.at[1].peer, &client));
	assert_true(span_is(relays.at[1].interface_id, "eth0/7"));
	assert_true(span_is(relays.at[1].subscriber_id, "bob"));
	assert_int_equal(relays.at[1].remote_id.len, 5);
	assert_true(dhcp6_relay_link_layer(&relays.at[1], &hardware, &mac));
	assert_int_equal(hardware, 1);
	assert_true(span_equal(mac, span_of("\2\0\0\0\0\7", 6)));
	assert_false(dhcp6_relay_link_layer(&relays.at[0], &hardware, &mac));
	assert_int_equal(relays.message.len, 4);
	len = wrap(wire, sizeof(wire), 0);
	assert_int_equal(dhcp6_relays_read(span_of(wire, len), &relays), OK);
	assert_int_equal(relays.n, 0);
}

/* RFC 8415 19.3, figure 10. */
static void the_reply_goes_back_through_the_same_relays(void **state)
{
	(void)state;
	uint8_t wire[512], reply[512];
	struct dhcp6_relays relays;
	struct dhcp6_relay outer, inner;
	struct dhcp6_relay_marks marks;
	size_t len = wrap(wire, sizeof(wire), 2);
	assert_int_equal(dhcp6_relays_read(span_of(wire, len), &relays), OK);
	struct writer w = writer_of(reply, sizeof(reply));
	dhcp6_relays_begin(&w, &relays, &marks);
	dhcp6_write_header(&w, DHCP6_REPLY, 5);
	dhcp6_relays_end(&w, &relays, &marks);
	assert_int_equal(writer_check(&w), OK);

	assert_int_equal(dhcp6_relay_read(writer_span(&w), &outer), OK);
	assert_int_equal(outer.type, DHCP6_RELAY_REPL);
	assert_int_equal(outer.hop_count, 1);
	assert_true(ip_address_is_unspecified(&outer.link));
	assert_true(ip_address_equal(&outer.peer, &relay_a));
	assert_null(outer.interface_id.data);
	assert_int_equal(dhcp6_relay_read(outer.message, &inner), OK);
	assert_int_equal(inner.hop_count, 0);
	assert_true(ip_address_equal(&inner.link, &link_a));
	assert_true(ip_address_equal(&inner.peer, &client));
	assert_true(span_is(inner.interface_id, "eth0/7"));
	assert_true(span_is(inner.subscriber_id, "bob")); /* asked for: RFC 4994 */
	assert_null(inner.remote_id.data);		  /* not asked for */
	assert_true(span_equal(inner.message, span_of("\7\0\0\5", 4)));
}

static void read_any(const uint8_t *data, size_t len)
{
	struct dhcp6_relays relays;
	struct dhcp6_relay_marks marks;
	uint8_t reply[2048];
	if (dhcp6_relays_read(span_of(data, len), &relays) != OK)
		return;
	struct writer w = writer_of(reply, sizeof(reply));
	dhcp6_relays_begin(&w, &relays, &marks);
	write_span(&w, relays.message);
	dhcp6_relays_end(&w, &relays, &marks);
	assert_int_equal(writer_check(&w), OK);
}

static void no_prefix_and_no_flipped_bit_leaves_the_packet(void **state)
{
	(void)state;
	uint8_t wire[512];
	size_t len = wrap(wire, sizeof(wire), 3);
	guard_every_prefix(wire, len, read_any);
	guard_every_bit_flip(wire, len, read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_layers_without_end),
		cmocka_unit_test(refuses_what_a_relay_would_not_send),
		cmocka_unit_test(reads_what_each_layer_says),
		cmocka_unit_test(the_reply_goes_back_through_the_same_relays),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
