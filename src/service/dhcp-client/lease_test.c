#include "service/dhcp-client/lease.h"

#include "proto/dhcp/build.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ADDRESS UINT32_C(0xc0000263)
#define SERVER	UINT32_C(0xc0000201)

static uint8_t room[1500];
static struct dhcp_message message;

struct more {
	uint8_t code;
	const char *value;
	size_t len;
};

/* An ACK with these options beside those that it must have. */
static struct span ack(const struct more *more, size_t n)
{
	struct dhcp_build b;
	struct span wire;
	struct dhcp_build_rules rules = {.size_max = sizeof(room)};
	struct dhcp_head head = {
		.op = DHCP_OP_REPLY, .htype = 1, .hlen = 6, .xid = 1, .yiaddr = ADDRESS};
	dhcp_build_init(&b, room, sizeof(room), &head, &rules);
	dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, DHCP_ACK);
	for (size_t i = 0; i < n; i++) /* of a code that is there twice the first stays */
		dhcp_build_option(&b, more[i].code, span_of(more[i].value, more[i].len));
	dhcp_build_u32(&b, DHCP_OPT_SERVER_IDENTIFIER, SERVER);
	dhcp_build_u32(&b, DHCP_OPT_LEASE_TIME, 3600);
	dhcp_build_u32(&b, DHCP_OPT_SUBNET_MASK, 0xffffff00);
	assert_int_equal(dhcp_build_finish(&b, &wire), OK);
	return wire;
}

static enum err read_with(const struct more *more, size_t n, struct lease *ret, uint32_t *ignored)
{
	assert_int_equal(dhcp_message_read(ack(more, n), &message), OK);
	*ignored = 0;
	return lease_read(&message, ret, ignored);
}
#define READ(more, l, ignored) read_with((more), sizeof(more) / sizeof((more)[0]), (l), (ignored))

/* --- refusals --------------------------------------------------------------------------------- */

static void leaves_malformed_options_out_and_counts_them(void **state)
{
	(void)state;
	static const struct more bad[] = {
		{DHCP_OPT_ROUTERS, "\1\2\3", 3},
		{DHCP_OPT_DOMAIN_NAME_SERVERS, "\1\2\3\4\5", 5},
		{DHCP_OPT_INTERFACE_MTU, "\1", 1},
		{DHCP_OPT_DOMAIN_NAME, "a..b", 4},
		{DHCP_OPT_DOMAIN_SEARCH, "\3abc", 4},
		{DHCP_OPT_CLASSLESS_STATIC_ROUTES, "\41\1\2\3\4\5\1\2\3\4", 10},
		{DHCP_OPT_STATIC_ROUTES, "\1\2\3\4", 4},
		{DHCP_OPT_NTP_SERVERS, "\0", 1},
		{DHCP_OPT_RENEWAL_TIME, "\0\0\0", 3},
		{DHCP_OPT_REBINDING_TIME, "\0\0\0\0\1", 5},
		{DHCP_OPT_IPV6_ONLY_PREFERRED, "\1", 1},
	};
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(bad, &l, &ignored), OK);
	assert_int_equal(ignored, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(l.address, ADDRESS);
	assert_int_equal(l.routes_n + l.dns_n + l.ntp_n + l.search_n, 0);
	assert_int_equal(l.mtu, 0);
	assert_int_equal(l.domain.len, 0);
}

static void refuses_values_that_make_no_sense(void **state)
{
	(void)state;
	static const struct more bad[] = {
		{DHCP_OPT_INTERFACE_MTU, "\2\77", 2},		 /* 575 */
		{DHCP_OPT_DOMAIN_NAME_SERVERS, "\177\0\0\1", 4}, /* ourselves */
		{DHCP_OPT_NTP_SERVERS, "\357\1\1\1", 4},	 /* multicast */
		{DHCP_OPT_ROUTERS, "\0\0\0\0", 4},
		{DHCP_OPT_STATIC_ROUTES, "\0\0\0\0\1\2\3\4", 8}, /* RFC 2132 5.8 */
	};
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(bad, &l, &ignored), OK);
	assert_int_equal(ignored, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(l.routes_n + l.dns_n + l.ntp_n + l.mtu, 0);
}

static void refuses_routes_over_loopback_and_multicast(void **state)
{
	(void)state;
	static const struct more routes[] = {{DHCP_OPT_CLASSLESS_STATIC_ROUTES,
					      "\10\177\300\0\2\1" /* 127.0.0.0/8 */
					      "\4\340\300\0\2\1"  /* 224.0.0.0/4 */
					      "\10\12\177\0\0\1"  /* 10.0.0.0/8 by 127.0.0.1 */
					      "\1\0\300\0\2\1"	  /* 0.0.0.0/1 */
					      "\1\200\300\0\2\1" /* 128.0.0.0/1 */,
					      30}};
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(routes, &l, &ignored), OK);
	assert_int_equal(ignored, 3);
	assert_int_equal(l.routes_n, 2);
}

static void a_mask_with_holes_is_none(void **state)
{
	(void)state;
	static const struct more bad[] = {{DHCP_OPT_SUBNET_MASK, "\377\0\377\0", 4}};
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(bad, &l, &ignored), OK);
	assert_int_equal(ignored, 1);
	assert_int_equal(l.bits, 24); /* of the class */
}

/* --- what is taken ---------------------------------------------------------------------------- */

static void reads_what_a_lease_sets(void **state)
{
	(void)state;
	static const struct more more[] = {
		{DHCP_OPT_ROUTERS, "\300\0\2\1\300\0\2\2", 8},
		{DHCP_OPT_DOMAIN_NAME_SERVERS, "\300\0\2\65\306\63\144\65", 8},
		{DHCP_OPT_NTP_SERVERS, "\300\0\2\173", 4},
		{DHCP_OPT_INTERFACE_MTU, "\5\170", 2},
		{DHCP_OPT_DOMAIN_NAME, "Example.COM", 11},
		{DHCP_OPT_DOMAIN_SEARCH, "\3one\7example\0\3two\300\4", 19},
		{DHCP_OPT_RENEWAL_TIME, "\0\0\3\350", 4},
		{DHCP_OPT_REBINDING_TIME, "\0\0\7\320", 4},
	};
	char text[DNS_NAME_TEXT_MAX];
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(more, &l, &ignored), OK);
	assert_int_equal(ignored, 0);
	assert_int_equal(l.server, SERVER);
	assert_int_equal(l.bits, 24);
	assert_int_equal(l.routes_n, 1);
	assert_int_equal(l.routes[0].bits, 0);
	assert_int_equal(l.routes[0].router, 0xc0000201);
	assert_int_equal(l.dns_n, 2);
	assert_int_equal(l.dns[1], 0xc6336435);
	assert_int_equal(l.ntp[0], 0xc000027b);
	assert_int_equal(l.mtu, 1400);
	assert_string_equal(dns_name_format(&l.domain, text), "example.com.");
	assert_int_equal(l.search_n, 2);
	assert_string_equal(dns_name_format(&l.search[1], text), "two.example.");
	struct lease_times t = lease_times(&l, 12345);
	assert_int_equal(t.renew_ms, 1000000);
	assert_int_equal(t.rebind_ms, 2000000);
	assert_int_equal(t.end_ms, 3600000);
}

/* RFC 3442: the descriptors of its table, and "bits in the subnet number that do not have a
 * corresponding bit in the mask" cleared. */
static void reads_the_examples_of_rfc_3442(void **state)
{
	(void)state;
	static const struct more routes[] = {
		{DHCP_OPT_CLASSLESS_STATIC_ROUTES,
		 "\0\300\0\2\1"		       /* 0.0.0.0/0 */
		 "\10\12\300\0\2\2"	       /* 10.0.0.0/8 */
		 "\21\12\33\200\300\0\2\3"     /* 10.27.128.0/17 */
		 "\31\12\27\101\177\300\0\2\4" /* 10.23.65.127/25 is 10.23.65.0/25 */
		 "\40\12\26\1\1\0\0\0\0",      /* 10.22.1.1/32, on the link */
		 37}};
	static const struct lease_route expected[] = {{0, 0xc0000201, 0},
						      {0x0a000000, 0xc0000202, 8},
						      {0x0a1b8000, 0xc0000203, 17},
						      {0x0a174100, 0xc0000204, 25},
						      {0x0a160101, 0, 32}};
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(routes, &l, &ignored), OK);
	assert_int_equal(ignored, 0);
	assert_int_equal(l.routes_n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(l.routes[i].destination, expected[i].destination);
		assert_int_equal(l.routes[i].router, expected[i].router);
		assert_int_equal(l.routes[i].bits, expected[i].bits);
	}
}

static void static_routes_have_the_mask_of_their_class(void **state)
{
	(void)state;
	static const struct more routes[] = {
		{DHCP_OPT_STATIC_ROUTES,
		 "\12\0\0\0\300\0\2\1\254\20\0\0\300\0\2\1\306\63\144\7\300\0\2\1", 24},
		{DHCP_OPT_ROUTERS, "\300\0\2\1", 4}};
	static const uint8_t bits[] = {8, 16, 32, 0};
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(routes, &l, &ignored), OK);
	assert_int_equal(l.routes_n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(l.routes[i].bits, bits[i]);
}

static void a_point_to_point_prefix_has_two_hosts(void **state)
{
	(void)state;
	static const struct more mask31[] = {{DHCP_OPT_SUBNET_MASK, "\377\377\377\376", 4}};
	static const struct more mask32[] = {{DHCP_OPT_SUBNET_MASK, "\377\377\377\377", 4}};
	struct lease l;
	uint32_t ignored;
	assert_int_equal(READ(mask31, &l, &ignored), OK);
	assert_int_equal(l.bits, 31);
	assert_int_equal(READ(mask32, &l, &ignored), OK);
	assert_int_equal(l.bits, 32);
}

static void read_any(const uint8_t *data, size_t len)
{
	static struct lease l;
	uint32_t ignored = 0;
	if (dhcp_message_read(span_of(data, len), &message) != OK ||
	    lease_read(&message, &l, &ignored) != OK)
		return;
	assert_true(l.lease_s >= LEASE_MIN_S && lease_address_is_host(l.address));
	assert_true(l.routes_n <= LEASE_ROUTES_MAX && l.bits >= 1 && l.bits <= 32);
	struct lease_times t = lease_times(&l, len * 0x9e3779b97f4a7c15);
	assert_true(l.lease_s == LEASE_FOREVER ||
		    (t.renew_ms < t.rebind_ms && t.rebind_ms < t.end_ms));
}

static void stays_inside_of_torn_and_bent_messages(void **state)
{
	(void)state;
	static const struct more more[] = {
		{DHCP_OPT_CLASSLESS_STATIC_ROUTES, "\10\12\300\0\2\2\31\12\27\101\177\300\0\2\4",
		 15},
		{DHCP_OPT_DOMAIN_SEARCH, "\3one\7example\0\3two\300\4", 19},
		{DHCP_OPT_DOMAIN_NAME_SERVERS, "\300\0\2\65\306\63\144\65", 8},
		{DHCP_OPT_RENEWAL_TIME, "\0\0\3\350", 4},
	};
	struct span wire = ack(more, 4);
	guard_every_prefix(wire.data, wire.len, read_any);
	guard_every_bit_flip(wire.data, wire.len, read_any);
}

/* --- the file --------------------------------------------------------------------------------- */

static void read_any_file(const uint8_t *data, size_t len)
{
	uint8_t bytes[DHCP_MESSAGE_MAX];
	struct lease_file f;
	if (lease_file_read(span_of(data, len), bytes, &f) == OK)
		assert_true(f.message.len <= sizeof(bytes));
}

static void a_file_brings_back_what_was_written(void **state)
{
	(void)state;
	uint8_t text[LEASE_FILE_MAX], bytes[DHCP_MESSAGE_MAX];
	struct writer w = writer_of(text, sizeof(text));
	struct lease_file f = {.owner = 77,
			       .mtu_before = 1500,
			       .obtained_s = 1700000000,
			       .expires_s = UINT64_MAX,
			       .message = ack(NULL, 0)};
	struct lease_file g;
	lease_file_write(&f, &w);
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(lease_file_read(writer_span(&w), bytes, &g), OK);
	assert_int_equal(g.owner, 77);
	assert_int_equal(g.mtu_before, 1500);
	assert_int_equal(g.obtained_s, 1700000000);
	assert_true(g.expires_s == UINT64_MAX);
	assert_true(span_equal(g.message, f.message));
	for (size_t n = 0; n < w.pos; n++) /* half a file is none */
		assert_int_not_equal(lease_file_read(span_of(text, n), bytes, &g), OK);
	guard_every_prefix(text, w.pos, read_any_file);
	guard_every_bit_flip(text, w.pos, read_any_file);
	w = writer_of(text, sizeof(text));
	f.message = (struct span){0};
	lease_file_write(&f, &w);
	assert_int_equal(lease_file_read(writer_span(&w), bytes, &g), OK);
	assert_int_equal(g.message.len, 0);
}

static void the_longest_message_fits_into_a_file(void **state)
{
	(void)state;
	static uint8_t text[LEASE_FILE_MAX], longest[DHCP_MESSAGE_MAX];
	struct writer w = writer_of(text, sizeof(text));
	struct lease_file f = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
			       span_of(longest, sizeof(longest))};
	lease_file_write(&f, &w);
	assert_int_equal(writer_check(&w), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_malformed_options_out_and_counts_them),
		cmocka_unit_test(refuses_values_that_make_no_sense),
		cmocka_unit_test(refuses_routes_over_loopback_and_multicast),
		cmocka_unit_test(a_mask_with_holes_is_none),
		cmocka_unit_test(reads_what_a_lease_sets),
		cmocka_unit_test(reads_the_examples_of_rfc_3442),
		cmocka_unit_test(static_routes_have_the_mask_of_their_class),
		cmocka_unit_test(a_point_to_point_prefix_has_two_hosts),
		cmocka_unit_test(stays_inside_of_torn_and_bent_messages),
		cmocka_unit_test(a_file_brings_back_what_was_written),
		cmocka_unit_test(the_longest_message_fits_into_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
