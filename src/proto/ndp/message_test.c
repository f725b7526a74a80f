#include "proto/ndp/message.h"

#include "base/writer.h"
#include "proto/ndp/option.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return a;
}

static struct ndp_arrival from_to(const char *source, const char *destination)
{
	return (struct ndp_arrival){
		.source = address(source), .destination = address(destination), .hop_limit = 255};
}

/* The router advertisement as radvd sends it, by hand: hop limit 64, other, high, 1800 s. */
static const uint8_t advert[] = {
	134,  0, 0,   0,    64, 0x48, 7,    8,	  0, 0, 0,    0,    0, 0, 0, 0, /* fixed part */
	1,    1, 2,   0,    0,	0,    0,    9,	  /* source link layer */
	5,    1, 0,   0,    0,	0,    0x5,  0xdc, /* MTU 1500 */
	3,    4, 64,  0xc0, 0,	1,    0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0, /* prefix */
	0x20, 1, 0xd, 0xb8, 0,	0,    0,    0,	  0, 0, 0,    0,    0, 0, 0, 0,
};

static enum err read_as(const uint8_t *wire, size_t len, const struct ndp_arrival *a,
			struct ndp_message *ret)
{
	uint8_t *copy = guard_copy(wire, len);
	struct ndp_message m;
	enum err err = ndp_message_read(span_of(copy, len), a, true, &m);
	if (!err && ret)
		*ret = m; /* spans in it are gone */
	guard_free(copy, len);
	return err;
}

/* RFC 4861 6.1.2. */
static void refuses_adverts_that_no_router_of_this_link_sent(void **state)
{
	(void)state;
	struct ndp_arrival a = from_to("fe80::1", "ff02::1");
	uint8_t wire[sizeof(advert)];
	assert_int_equal(read_as(advert, sizeof(advert), &a, NULL), OK);
	a.hop_limit = 254; /* "could not have been forwarded by a router" */
	assert_int_equal(read_as(advert, sizeof(advert), &a, NULL), ERR_FORMAT);
	a = from_to("2001:db8::1", "ff02::1"); /* "MUST be the link-local address" */
	assert_int_equal(read_as(advert, sizeof(advert), &a, NULL), ERR_FORMAT);
	a = from_to("fe80::1", "ff02::1");
	memcpy(wire, advert, sizeof(wire));
	wire[1] = 1; /* "ICMP Code is 0" */
	assert_int_equal(read_as(wire, sizeof(wire), &a, NULL), ERR_FORMAT);
	assert_int_equal(read_as(advert, 15, &a, NULL), ERR_FORMAT); /* "16 or more octets" */
	memcpy(wire, advert, sizeof(wire));
	wire[17] = 0; /* "All included options have a length that is greater than zero" */
	assert_int_equal(read_as(wire, sizeof(wire), &a, NULL), ERR_FORMAT);
	/* "ICMP Checksum is valid" */
	struct ndp_message m;
	assert_int_equal(ndp_message_read(span_of(advert, sizeof(advert)), &a, false, &m),
			 ERR_FORMAT);
	memcpy(wire, advert, sizeof(wire));
	ndp_checksum_fill(&a.source, &a.destination, wire, sizeof(wire));
	assert_int_equal(ndp_message_read(span_of(wire, sizeof(wire)), &a, false, &m), OK);
}

/* RFC 4861 6.1.1. */
static void refuses_wrong_solicitations(void **state)
{
	(void)state;
	static const uint8_t bare[8] = {133}, with[16] = {133, [8] = 1, 1, 2, 0, 0, 0, 0, 9};
	struct ndp_arrival a = from_to("::", "ff02::2");
	assert_int_equal(read_as(bare, 8, &a, NULL), OK);
	/* "If the IP source address is the unspecified address, there is no source link-layer
	 * address option in the message." */
	assert_int_equal(read_as(with, 16, &a, NULL), ERR_FORMAT);
	a = from_to("fe80::9", "ff02::2");
	assert_int_equal(read_as(with, 16, &a, NULL), OK);
	assert_int_equal(read_as(bare, 7, &a, NULL), ERR_FORMAT);
	static const uint8_t echo[8] = {128};
	assert_int_equal(read_as(echo, 8, &a, NULL), ERR_UNSUPPORTED);
}

/* RFC 4861 7.1.1 and 7.1.2. */
static void refuses_wrong_neighbour_messages(void **state)
{
	(void)state;
	uint8_t wire[32] = {135};
	struct ip_address target = address("2001:db8::12:3456");
	memcpy(wire + 8, target.bytes, 16);
	struct ndp_arrival dad = from_to("::", "ff02::1:ff12:3456");
	assert_int_equal(read_as(wire, 24, &dad, NULL), OK);
	struct ndp_arrival a = from_to("::", "ff02::1"); /* not a solicited-node address */
	assert_int_equal(read_as(wire, 24, &a, NULL), ERR_FORMAT);
	wire[24] = 1, wire[25] = 1; /* a link-layer address from nobody */
	assert_int_equal(read_as(wire, 32, &dad, NULL), ERR_FORMAT);
	wire[8] = 0xff; /* "Target Address is not a multicast address" */
	assert_int_equal(read_as(wire, 24, &dad, NULL), ERR_FORMAT);
	wire[0] = 136;
	a = from_to("fe80::1", "ff02::1");
	assert_int_equal(read_as(wire, 24, &a, NULL), ERR_FORMAT);
	wire[8] = 0x20;
	assert_int_equal(read_as(wire, 24, &a, NULL), OK);
	wire[4] = 0x40; /* "If the IP Destination Address is a multicast address the Solicited flag
			 * is zero." */
	assert_int_equal(read_as(wire, 24, &a, NULL), ERR_FORMAT);
}

static void reads_a_router_advertisement(void **state)
{
	(void)state;
	struct ndp_arrival a = from_to("fe80::1", "ff02::1");
	struct ndp_message m;
	struct ndp_option o;
	assert_int_equal(ndp_message_read(span_of(advert, sizeof(advert)), &a, true, &m), OK);
	assert_int_equal(m.hop_limit, 64);
	assert_true(!m.managed && m.other && m.preference == NDP_HIGH);
	assert_int_equal(m.lifetime_s, 1800);
	assert_true(span_equal(m.link_layer, span_of("\2\0\0\0\0\x9", 6)));
	struct reader r = reader_of_span(m.options);
	unsigned n = 0;
	while (ndp_option_next(&r, &o))
		n++;
	assert_int_equal(n, 3);
	assert_int_equal(reader_end(&r), OK);
	/* RFC 4191 2.2: the reserved preference is treated as medium. */
	uint8_t wire[sizeof(advert)];
	memcpy(wire, advert, sizeof(wire));
	wire[5] = 0x10;
	assert_int_equal(read_as(wire, sizeof(wire), &a, &m), OK);
	assert_int_equal(m.preference, NDP_MEDIUM);
}

static void gives_back_what_it_writes(void **state)
{
	(void)state;
	uint8_t wire[64];
	struct ndp_arrival a = from_to("fe80::1", "fe80::2");
	struct ndp_message m = {.hop_limit = 64,
				.managed = true,
				.preference = NDP_LOW,
				.lifetime_s = 9000,
				.reachable_ms = 30000,
				.retrans_ms = 1000},
			   back;
	struct writer w = writer_of(wire, sizeof(wire));
	ndp_write_router_advert(&w, &m);
	ndp_checksum_fill(&a.source, &a.destination, wire, w.pos);
	assert_int_equal(ndp_message_read(writer_span(&w), &a, false, &back), OK);
	assert_true(back.managed && !back.other && back.preference == NDP_LOW);
	assert_true(back.lifetime_s == 9000 && back.reachable_ms == 30000 &&
		    back.retrans_ms == 1000);
	m.target = address("fe80::77");
	m.solicited = true;
	m.override = true;
	w = writer_of(wire, sizeof(wire));
	ndp_write_neighbour_advert(&w, &m);
	ndp_write_link_layer(&w, NDP_OPT_TARGET_LINK_LAYER, span_of("\2\0\0\0\0\5", 6));
	ndp_checksum_fill(&a.source, &a.destination, wire, w.pos);
	assert_int_equal(ndp_message_read(writer_span(&w), &a, false, &back), OK);
	assert_true(back.solicited && back.override && !back.router);
	assert_true(ip_address_equal(&back.target, &m.target));
	assert_int_equal(back.link_layer.len, 6);
	w = writer_of(wire, sizeof(wire));
	ndp_write_neighbour_solicit(&w, &m.target);
	assert_int_equal(ndp_message_read(writer_span(&w), &a, true, &back), OK);
	w = writer_of(wire, sizeof(wire));
	ndp_write_router_solicit(&w);
	assert_int_equal(ndp_message_read(writer_span(&w), &a, true, &back), OK);
	struct ip_address node = ndp_solicited_node(&m.target), want = address("ff02::1:ff00:77");
	assert_true(ip_address_equal(&node, &want));
}

/* The sum of RFC 1071 over a pseudo-header, checked against one that scapy 2.5 computed: ICMPv6
 * echo request, id 1, sequence 1, data "abc", from 2001:db8::1 to 2001:db8::2. */
static void sums_as_others_do(void **state)
{
	(void)state;
	struct ip_address a = address("2001:db8::1"), b = address("2001:db8::2");
	uint8_t echo[11] = {128, 0, 0, 0, 0, 1, 0, 1, 'a', 'b', 'c'};
	ndp_checksum_fill(&a, &b, echo, sizeof(echo));
	assert_int_equal(echo[2] << 8 | echo[3], 0x5fe0);
	assert_int_equal(ndp_checksum(&a, &b, span_of(echo, sizeof(echo))), 0);
}

static void read_any(const uint8_t *data, size_t len)
{
	struct ndp_arrival a = from_to("fe80::1", "ff02::1");
	struct ndp_message m;
	err_ignore(ndp_message_read(span_of(data, len), &a, true, &m));
	err_ignore(ndp_message_read(span_of(data, len), &a, false, &m));
}

static void no_prefix_and_no_flipped_bit_leaves_the_packet(void **state)
{
	(void)state;
	guard_every_prefix(advert, sizeof(advert), read_any);
	guard_every_bit_flip(advert, sizeof(advert), read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_adverts_that_no_router_of_this_link_sent),
		cmocka_unit_test(refuses_wrong_solicitations),
		cmocka_unit_test(refuses_wrong_neighbour_messages),
		cmocka_unit_test(reads_a_router_advertisement),
		cmocka_unit_test(gives_back_what_it_writes),
		cmocka_unit_test(sums_as_others_do),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
