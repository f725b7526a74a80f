/* NAT64 (RFC 6146, headers after RFC 7915), octet by octet. */
#include "service/nat/bpf/six_world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST   "2001:db8:1::10"
#define OTHER  "2001:db8:1::11"
#define FAR    "198.51.100.1"
#define FAR6   "64:ff9b::c633:6401"
#define PUBLIC "203.0.113.1"

enum { SYN = 2, ACK = 16, DONT = 0x4000, MORE = 0x2000 };

static void use(const char *prefix, uint8_t bits, uint32_t flags)
{
	struct nat_settings6 s;
	struct nat_local local = {.flags = NAT_LOCAL_HERE};
	uint32_t zero = 0;
	__be32 own = four(PUBLIC);
	world_get("settings6", &zero, &s);
	s.nat64 = six(prefix);
	s.nat64_bits = bits;
	s.flags = NAT_SETTING6_ROUTE | flags;
	world_put("settings6", &zero, &s);
	world_put("locals4", &own, &local);
}

static void open_udp(const char *host, uint16_t sport, uint16_t public)
{
	assert_sends_four("nat_in6", LAN, udp_six(LAN, host, sport, FAR6, 53, 21, 64),
			  leaving(udp_four(WAN, PUBLIC, public, FAR, 53, 21, 63)));
}

static void tcp_goes_out_and_its_answer_comes_in(void **state)
{
	struct frame want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	assert_sends_four("nat_in6", LAN, tcp_six(LAN, HOST, 1000, FAR6, 80, SYN, 64),
			  leaving(tcp_four(WAN, PUBLIC, 1000, FAR, 80, SYN, 63)));
	assert_int_equal(world.mark, NAT_MARK);
	want = leaving(tcp_six(LAN, FAR6, 80, HOST, 1000, SYN | ACK, 50));
	assert_sends("nat_tc_in", WAN, tcp_four(WAN, FAR, 80, PUBLIC, 1000, SYN | ACK, 51), &want);
	/* The second time by the flow. */
	assert_sends_four("nat_in6", LAN, tcp_six(LAN, HOST, 1000, FAR6, 80, ACK, 64),
			  leaving(tcp_four(WAN, PUBLIC, 1000, FAR, 80, ACK, 63)));
}

/* RFC 6146 3.5.1: a mapping for an inside endpoint, whomever it speaks to; another port where that
 * one is taken. */
static void mappings_are_independent_of_the_far_end(void **state)
{
	struct frame f;
	uint16_t port;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	open_udp(HOST, 1000, 1000);
	assert_sends_four("nat_in6", LAN, udp_six(LAN, HOST, 1000, "64:ff9b::c633:6402", 99, 8, 64),
			  leaving(udp_four(WAN, PUBLIC, 1000, "198.51.100.2", 99, 8, 63)));
	f = udp_six(LAN, OTHER, 1000, FAR6, 53, 21, 64);
	assert_int_equal(run("nat_in6", LAN, &f), REDIRECT);
	port = (uint16_t)(f.bytes[ETHER + 20] << 8 | f.bytes[ETHER + 21]);
	assert_true(port >= 1024 && port != 1000);
	f = leaving(udp_six(LAN, FAR6, 53, OTHER, 1000, 8, 63));
	assert_sends("nat_tc_in", WAN, udp_four(WAN, FAR, 53, PUBLIC, port, 8, 64), &f);
}

/* Address- and port-dependent, unless the host is open. */
static void filters_who_may_answer(void **state)
{
	struct nat_settings s, open;
	struct nat_local local = {.public_slot = 0, .flags = NAT_LOCAL_HERE};
	struct frame want;
	uint32_t zero = 0;
	__be32 own = four(PUBLIC);
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	world_put("locals4", &own, &local);
	open_udp(HOST, 1000, 1000);
	assert_drops("nat_tc_in", WAN, udp_four(WAN, FAR, 54, PUBLIC, 1000, 8, 64),
		     NAT_C_DROP_FILTERED);
	assert_drops("nat_tc_in", WAN, udp_four(WAN, FAR, 53, PUBLIC, 1001, 8, 64),
		     NAT_C_DROP_UNASKED);
	world_get("settings", &zero, &s);
	open = s;
	open.host_flags = NAT_HOST_OPEN;
	world_put("settings", &zero, &open);
	open_udp(OTHER, 2000, 2000);
	want = leaving(udp_six(LAN, "64:ff9b::c633:6407", 9, OTHER, 2000, 8, 63));
	assert_sends("nat_tc_in", WAN, udp_four(WAN, "198.51.100.7", 9, PUBLIC, 2000, 8, 64),
		     &want);
	world_put("settings", &zero, &s);
}

static void pings(void **state)
{
	struct frame want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	assert_sends_four("nat_in6", LAN, echo_six(LAN, HOST, FAR6, 128, 77, 64),
			  leaving(echo_four(WAN, PUBLIC, FAR, 8, 77, 63)));
	want = leaving(echo_six(LAN, FAR6, HOST, 129, 77, 63));
	assert_sends("nat_tc_in", WAN, echo_four(WAN, FAR, PUBLIC, 0, 77, 64), &want);
	assert_drops("nat_tc_in", WAN, echo_four(WAN, FAR, PUBLIC, 0, 78, 64), NAT_C_DROP_UNASKED);
}

/* RFC 7915 4.5: IPv6 wants a checksum. And 5.5's reverse: none in IPv6 is none that may be. */
static void udp_without_a_checksum_gets_one(void **state)
{
	struct frame f, want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	open_udp(HOST, 1000, 1000);
	for (size_t len = 0; len < 1440; len += 131) {
		f = udp_four(WAN, FAR, 53, PUBLIC, 1000, len, 64);
		f.bytes[ETHER + 26] = f.bytes[ETHER + 27] = 0;
		want = leaving(udp_six(LAN, FAR6, 53, HOST, 1000, len, 63));
		assert_sends("nat_tc_in", WAN, f, &want);
	}
	f = udp_four(WAN, FAR, 53, PUBLIC, 1000, 80, 64);
	f.bytes[ETHER + 26] = f.bytes[ETHER + 27] = 0;
	frame_four_cut(&f, ETHER, 5, MORE);
	assert_drops("nat_tc_in", WAN, f, NAT_C_DROP_CHECKSUM);
}

/* RFC 7915 5.1: above 1260 octets it must not be cut. */
static void large_packets_must_not_be_cut(void **state)
{
	struct frame want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	want = leaving(udp_four(WAN, PUBLIC, 1000, FAR, 53, 1233, 63));
	frame_four_cut(&want, ETHER, 0, DONT);
	assert_sends("nat_in6", LAN, udp_six(LAN, HOST, 1000, FAR6, 53, 1233, 64), &want);
	assert_sends_four("nat_in6", LAN, udp_six(LAN, HOST, 1000, FAR6, 53, 1232, 64),
			  leaving(udp_four(WAN, PUBLIC, 1000, FAR, 53, 1232, 63)));
}

/* RFC 7915 4.4: what does not fit when its header has grown. */
static void tells_what_does_not_fit_inside(void **state)
{
	struct frame f, want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	open_udp(HOST, 1000, 1000);
	f = udp_four(WAN, FAR, 53, PUBLIC, 1000, 1472, 64);
	want = leaving(error_four(WAN, PUBLIC, FAR, 3, 4, 1480, &f, 548));
	assert_sends("nat_tc_in", WAN, f, &want);
}

/* RFC 7915 4.1, 5.1.1: fragments stay fragments. */
static void fragments_go_both_ways(void **state)
{
	struct frame f, want, udp;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	open_udp(HOST, 1000, 1000);
	/* From IPv4: the first 40 octets of a datagram of 108, then the rest. */
	udp = udp_four(WAN, FAR, 53, PUBLIC, 1000, 100, 64);
	f = (struct frame){0};
	frame_begin(&f, WAN, 0x0800);
	frame_four(&f, FAR, PUBLIC, 17, 64, 40);
	frame_four_cut(&f, ETHER, 0x1234, MORE);
	frame_add(&f, udp.bytes + ETHER + 20, 40);
	udp = udp_six(LAN, FAR6, 53, HOST, 1000, 100, 63);
	want = (struct frame){0};
	frame_begin(&want, LAN, 0x86dd);
	frame_six(&want, FAR6, HOST, 44, 63, 48);
	frame_add(&want, (uint8_t[]){17, 0, 0, 1, 0, 0, 0x12, 0x34}, 8);
	frame_add(&want, udp.bytes + ETHER + 40, 40);
	want = leaving(want);
	assert_sends("nat_tc_in", WAN, f, &want);
	f = (struct frame){0};
	frame_begin(&f, WAN, 0x0800);
	frame_four(&f, FAR, PUBLIC, 17, 64, 68);
	frame_four_cut(&f, ETHER, 0x1234, 5);
	frame_add(&f, udp.bytes + ETHER + 80, 68);
	want = (struct frame){0};
	frame_begin(&want, LAN, 0x86dd);
	frame_six(&want, FAR6, HOST, 44, 63, 76);
	frame_add(&want, (uint8_t[]){17, 0, 0, 40, 0, 0, 0x12, 0x34}, 8);
	frame_add(&want, udp.bytes + ETHER + 80, 68);
	want = leaving(want);
	assert_sends("nat_tc_in", WAN, f, &want);
	/* To IPv4. */
	udp = udp_six(LAN, HOST, 1000, FAR6, 53, 100, 64);
	f = (struct frame){0};
	frame_begin(&f, LAN, 0x86dd);
	frame_six(&f, HOST, FAR6, 44, 64, 48);
	frame_add(&f, (uint8_t[]){17, 0, 0, 1, 0xab, 0xcd, 0x43, 0x21}, 8);
	frame_add(&f, udp.bytes + ETHER + 40, 40);
	udp = udp_four(WAN, PUBLIC, 1000, FAR, 53, 100, 63);
	want = (struct frame){0};
	frame_begin(&want, WAN, 0x0800);
	frame_four(&want, PUBLIC, FAR, 17, 63, 40);
	frame_four_cut(&want, ETHER, 0x4321, MORE);
	frame_add(&want, udp.bytes + ETHER + 20, 40);
	want = leaving(want);
	assert_sends("nat_in6", LAN, f, &want);
}

/* ---- addresses ---- */

/* RFC 6052 2.2, its table: 192.0.2.33 under prefixes of each length. */
static void reads_every_length_of_prefix(void **state)
{
	static const struct {
		const char *prefix, *address;
		uint8_t bits;
	} rows[] = {
		{"2001:db8::", "2001:db8:c000:221::", 32},
		{"2001:db8:100::", "2001:db8:1c0:2:21::", 40},
		{"2001:db8:122::", "2001:db8:122:c000:2:2100::", 48},
		{"2001:db8:122:300::", "2001:db8:122:3c0:0:221::", 56},
		{"2001:db8:122:344::", "2001:db8:122:344:c0:2:2100::", 64},
		{"2001:db8:122:344::", "2001:db8:122:344::c000:221", 96},
	};
	NEEDS_PROGRAMS();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* The host is under 2001:db8::/32 itself; so it is taken from elsewhere. */
		const char *host = "fd01:203:405:1::1234";
		struct frame want = leaving(udp_six(LAN, rows[i].address, 53, host, 1000, 8, 63));
		world_forget();
		use(rows[i].prefix, rows[i].bits, 0);
		assert_sends_four("nat_in6", LAN,
				  udp_six(LAN, host, 1000, rows[i].address, 53, 8, 64),
				  leaving(udp_four(WAN, PUBLIC, 1000, "192.0.2.33", 53, 8, 63)));
		assert_sends("nat_tc_in", WAN, udp_four(WAN, "192.0.2.33", 53, PUBLIC, 1000, 8, 64),
			     &want);
	}
	/* Octet 8 is zero. */
	use("2001:db8:122::", 48, 0);
	assert_drops(
		"nat_in6", LAN,
		udp_six(LAN, "fd01:203:405:1::1234", 1, "2001:db8:122:c000:102:2100::", 53, 8, 64),
		NAT_C_DROP_BOGON);
}

/* RFC 6052 3.1: "MUST NOT be used to represent non-global IPv4 addresses". */
static void the_well_known_prefix_is_for_global_addresses(void **state)
{
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, NAT_SETTING6_WELL_KNOWN);
	assert_drops("nat_in6", LAN, udp_six(LAN, HOST, 1, "64:ff9b::a01:2", 53, 8, 64),
		     NAT_C_DROP_BOGON);
	assert_drops("nat_in6", LAN, udp_six(LAN, HOST, 1, "64:ff9b::c0a8:101", 53, 8, 64),
		     NAT_C_DROP_BOGON);
	assert_drops("nat_in6", LAN, udp_six(LAN, HOST, 1, "64:ff9b::6440:1", 53, 8, 64),
		     NAT_C_DROP_BOGON);
	assert_sends_four("nat_in6", LAN, udp_six(LAN, HOST, 1, "64:ff9b::808:808", 53, 8, 64),
			  leaving(udp_four(WAN, PUBLIC, 1, "8.8.8.8", 53, 8, 63)));
	/* RFC 6146 3.5: a source under the prefix would loop. */
	assert_drops("nat_in6", LAN, udp_six(LAN, "64:ff9b::808:808", 1, FAR6, 53, 8, 64),
		     NAT_C_DROP_SPOOFED);
	/* From outside nobody uses us as a translator. */
	assert_drops("nat_in6", WAN, udp_six(WAN, "2001:db8:a::1", 1, FAR6, 53, 8, 64),
		     NAT_C_DROP_UNASKED);
}

/* RFC 6146 3.5.4, 4787 REQ-9: by the public endpoint, which the other one sees too. */
static void hairpins(void **state)
{
	struct nat_local local = {.public_slot = 0, .flags = NAT_LOCAL_HERE};
	struct frame want;
	__be32 own = four(PUBLIC);
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	world_put("locals4", &own, &local);
	open_udp(HOST, 1000, 1000);
	open_udp(OTHER, 2000, 2000);
	want = leaving(udp_six(LAN, "64:ff9b::cb00:7101", 2000, HOST, 1000, 8, 63));
	assert_sends("nat_in6", LAN, udp_six(LAN, OTHER, 2000, "64:ff9b::cb00:7101", 1000, 8, 64),
		     &want);
	want = leaving(udp_six(LAN, "64:ff9b::cb00:7101", 1000, OTHER, 2000, 8, 63));
	assert_sends("nat_in6", LAN, udp_six(LAN, HOST, 1000, "64:ff9b::cb00:7101", 2000, 8, 64),
		     &want);
}

/* ---- errors ---- */

/* RFC 7915 4.2: each type with its value. */
static void errors_become_ipv6(void **state)
{
	static const struct {
		uint8_t type, code;
		uint32_t value;
		uint8_t type6, code6;
		uint32_t value6;
	} rows[] = {
		{3, 0, 0, 1, 0, 0},	    {3, 1, 0, 1, 0, 0},		  {3, 2, 0, 4, 1, 6},
		{3, 3, 0, 1, 4, 0},	    {3, 4, 1400, 2, 0, 1420},	  {3, 4, 0, 2, 0, 1280},
		{3, 4, 600, 2, 0, 1280},    {3, 4, 9000, 2, 0, 1500},	  {3, 9, 0, 1, 1, 0},
		{3, 13, 0, 1, 1, 0},	    {11, 0, 0, 3, 0, 0},	  {11, 1, 0, 3, 1, 0},
		{12, 0, 8u << 24, 4, 0, 7}, {12, 0, 16u << 24, 4, 0, 24},
	};
	struct frame about4, about6, f, want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	open_udp(HOST, 1000, 1000);
	about4 = udp_four(WAN, PUBLIC, 1000, FAR, 53, 21, 9);
	about6 = udp_six(LAN, HOST, 1000, FAR6, 53, 21, 9);
	/* Nobody sums what is quoted: it stays as it was. */
	memcpy(about6.bytes + ETHER + 46, about4.bytes + ETHER + 26, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = error_four(WAN, "198.51.100.9", PUBLIC, rows[i].type, rows[i].code,
			       rows[i].value, &about4, 548);
		want = leaving(error_six(LAN, "64:ff9b::c633:6409", HOST, rows[i].type6,
					 rows[i].code6, rows[i].value6, &about6, 1232));
		want.bytes[ETHER + 7] = 63;
		assert_sends("nat_tc_in", WAN, f, &want);
	}
	/* 4.2: silently dropped. And forged: about nothing that we have sent. */
	f = error_four(WAN, FAR, PUBLIC, 3, 14, 0, &about4, 548);
	assert_drops("nat_tc_in", WAN, f, NAT_C_DROP_ICMP);
	f = error_four(WAN, FAR, PUBLIC, 12, 0, 2u << 24 | 1u << 30, &about4, 548);
	assert_drops("nat_tc_in", WAN, f, NAT_C_DROP_ICMP);
	about4 = udp_four(WAN, PUBLIC, 1001, FAR, 53, 21, 9);
	f = error_four(WAN, FAR, PUBLIC, 3, 3, 0, &about4, 548);
	assert_drops("nat_tc_in", WAN, f, NAT_C_DROP_ICMP);
}

/* RFC 7915 5.2. */
static void errors_become_ipv4(void **state)
{
	static const struct {
		uint8_t type, code;
		uint32_t value;
		uint8_t type4, code4;
		uint32_t value4;
	} rows[] = {
		{1, 0, 0, 3, 1, 0},  {1, 1, 0, 3, 10, 0},	 {1, 2, 0, 3, 1, 0},
		{1, 3, 0, 3, 1, 0},  {1, 4, 0, 3, 3, 0},	 {2, 0, 1400, 3, 4, 1380},
		{3, 0, 0, 11, 0, 0}, {4, 0, 7, 12, 0, 8u << 24}, {4, 0, 30, 12, 0, 16u << 24},
		{4, 1, 0, 3, 2, 0},
	};
	struct frame about4, about6, f, want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	open_udp(HOST, 1000, 1000);
	about4 = udp_four(WAN, FAR, 53, PUBLIC, 1000, 21, 9);
	about6 = udp_six(LAN, FAR6, 53, HOST, 1000, 21, 9);
	memcpy(about4.bytes + ETHER + 26, about6.bytes + ETHER + 46, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = error_six(LAN, HOST, FAR6, rows[i].type, rows[i].code, rows[i].value, &about6,
			      1232);
		want = leaving(error_four(WAN, PUBLIC, FAR, rows[i].type4, rows[i].code4,
					  rows[i].value4, &about4, 528));
		want.bytes[ETHER + 8] = 63;
		frame_four_cut(&want, ETHER, 0, 0);
		assert_sends("nat_in6", LAN, f, &want);
	}
	assert_drops("nat_in6", LAN, error_six(LAN, HOST, FAR6, 4, 2, 0, &about6, 1232),
		     NAT_C_DROP_ICMP);
}

/* The quoted query has the identifier that its sender knows. */
static void errors_about_pings_come_back(void **state)
{
	struct frame about4, about6, f, want;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	f = echo_six(LAN, HOST, FAR6, 128, 77, 64);
	assert_int_equal(run("nat_in6", LAN, &f), REDIRECT);
	about4 = echo_four(WAN, PUBLIC, FAR, 8, 77, 1);
	about6 = echo_six(LAN, HOST, FAR6, 128, 77, 1);
	memcpy(about6.bytes + ETHER + 42, about4.bytes + ETHER + 22, 2);
	f = error_four(WAN, "198.51.100.9", PUBLIC, 11, 0, 0, &about4, 548);
	want = leaving(error_six(LAN, "64:ff9b::c633:6409", HOST, 3, 0, 0, &about6, 1232));
	want.bytes[ETHER + 7] = 63;
	assert_sends("nat_tc_in", WAN, f, &want);
}

/* ---- the end ---- */

static void a_mapping_ends_with_its_last_flow(void **state)
{
	struct nat_settings s, hasty;
	struct nat_mapping6 mapping;
	uint32_t zero = 0, first = 1, port = NAT_PORT_AT(0, NAT_SPACE_UDP, 1000) / 2;
	struct nat_ports two;
	NEEDS_PROGRAMS();
	use("64:ff9b::", 96, 0);
	open_udp(HOST, 1000, 1000);
	world_get("ports", &port, &two);
	assert_int_equal(two.whose[0], NAT_PORT_SIX | 1);
	world_get("settings", &zero, &s);
	hasty = s;
	hasty.idle[NAT_IDLE_UDP_DNS] = 0;
	hasty.sweep_n = 64;
	hasty.sweep_ns = 1000000;
	world_put("settings", &zero, &hasty);
	for (int i = 0; i < 200; i++) {
		usleep(20000);
		world_get("mappings6", &first, &mapping);
		if (mapping.life == NAT_FREE)
			break;
	}
	assert_int_equal(mapping.life, NAT_FREE);
	world_get("ports", &port, &two);
	assert_int_equal(two.whose[0], NAT_PORT_FREE);
	world_put("settings", &zero, &s);
	open_udp(OTHER, 1000, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_goes_out_and_its_answer_comes_in),
		cmocka_unit_test(mappings_are_independent_of_the_far_end),
		cmocka_unit_test(filters_who_may_answer),
		cmocka_unit_test(pings),
		cmocka_unit_test(udp_without_a_checksum_gets_one),
		cmocka_unit_test(large_packets_must_not_be_cut),
		cmocka_unit_test(tells_what_does_not_fit_inside),
		cmocka_unit_test(fragments_go_both_ways),
		cmocka_unit_test(reads_every_length_of_prefix),
		cmocka_unit_test(the_well_known_prefix_is_for_global_addresses),
		cmocka_unit_test(hairpins),
		cmocka_unit_test(errors_become_ipv6),
		cmocka_unit_test(errors_become_ipv4),
		cmocka_unit_test(errors_about_pings_come_back),
		cmocka_unit_test(a_mapping_ends_with_its_last_flow),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
