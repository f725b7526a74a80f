/* Prefixes of IPv6 that are others outside (RFC 6296), octet by octet. */
#include "service/nat/bpf/six_world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORLD "2001:db8:a::1"

enum { SYN = 2 };

static void use_prefixes(const struct nat_prefix6 *prefixes, uint8_t n)
{
	struct nat_settings6 s;
	uint32_t zero = 0;
	world_get("settings6", &zero, &s);
	for (uint8_t i = 0; i < n; i++)
		s.prefixes[i] = prefixes[i];
	s.prefixes_n = n;
	world_put("settings6", &zero, &s);
}

/* RFC 6296 3.1, 3.2: the prefixes of its example. fd01 + 0203 + 0405 = 030a, 2001 + 0db8 + 0001 =
 * 2dba, their difference is d54f. */
static void use_rfc(void)
{
	struct nat_prefix6 p = {.inside = six("fd01:203:405::"),
				.outside = six("2001:db8:1::"),
				.bits = 48,
				.word = 3,
				.adjustment = htons(0xd54f)};
	use_prefixes(&p, 1);
}

/* "FD01:0203:0405:0001::1234 becomes 2001:0DB8:0001:D550::1234", and no checksum but IP's is
 * touched: UDP's is the same. */
static void translates_the_example_of_the_rfc(void **state)
{
	struct frame f, want;
	NEEDS_PROGRAMS();
	use_rfc();
	f = udp_six(LAN, "fd01:203:405:1::1234", 1000, WORLD, 53, 21, 64);
	want = leaving(udp_six(WAN, "2001:db8:1:d550::1234", 1000, WORLD, 53, 21, 63));
	assert_memory_equal(f.bytes + ETHER + 46, want.bytes + ETHER + 46, 2);
	assert_sends("nat_in6", LAN, f, &want);
	f = udp_six(WAN, WORLD, 53, "2001:db8:1:d550::1234", 1000, 21, 64);
	want = leaving(udp_six(LAN, WORLD, 53, "fd01:203:405:1::1234", 1000, 21, 63));
	assert_sends("nat_in6", WAN, f, &want);
	use_prefixes(NULL, 0);
}

/* Stateless, but behind the filter: what was not asked for comes in by a rule, or not. */
static void the_filter_holds_for_translated_ones(void **state)
{
	struct frame want;
	NEEDS_PROGRAMS();
	use_rfc();
	assert_drops("nat_in6", WAN, tcp_six(WAN, WORLD, 5, "2001:db8:1:d550::1234", 22, SYN, 64),
		     NAT_C_DROP_UNASKED);
	want = leaving(tcp_six(LAN, WORLD, 5, "fd01:203:405:1::1234", 80, SYN, 63));
	assert_sends("nat_in6", WAN, tcp_six(WAN, WORLD, 5, "2001:db8:1:d550::1234", 80, SYN, 64),
		     &want);
	want = leaving(tcp_six(WAN, "2001:db8:1:d550::1234", 80, WORLD, 5, SYN | 16, 63));
	assert_sends("nat_in6", LAN,
		     tcp_six(LAN, "fd01:203:405:1::1234", 80, WORLD, 5, SYN | 16, 64), &want);
	use_prefixes(NULL, 0);
}

/* RFC 6296 3.4: a subnet of ffff "MUST be dropped"; 3.5: and an interface identifier of zeros. */
static void drops_addresses_that_cannot_be_translated(void **state)
{
	NEEDS_PROGRAMS();
	use_rfc();
	assert_drops("nat_in6", LAN, udp_six(LAN, "fd01:203:405:ffff::1", 1, WORLD, 53, 8, 64),
		     NAT_C_DROP_LEAK);
	assert_drops("nat_in6", LAN, udp_six(LAN, "fd01:203:405:1::", 1, WORLD, 53, 8, 64),
		     NAT_C_DROP_LEAK);
	use_prefixes(NULL, 0);
}

/* 3.4, 3.5: a sum of ffff becomes 0. 0001 + d54f is d550; 2ab0 + d54f is ffff. */
static void all_ones_become_zero(void **state)
{
	struct frame want;
	NEEDS_PROGRAMS();
	use_rfc();
	want = leaving(udp_six(WAN, "2001:db8:1:0::7", 1, WORLD, 53, 8, 63));
	assert_sends("nat_in6", LAN, udp_six(LAN, "fd01:203:405:2ab0::7", 1, WORLD, 53, 8, 64),
		     &want);
	use_prefixes(NULL, 0);
}

/* 3.5: longer than /48: the first word of the interface identifier that is not ffff. The prefixes
 * fd01:203:405:1::/64 (030b) and 2001:db8:1:2::/64 (2dbc): the difference is d54e. */
static void longer_prefixes_adjust_the_identifier(void **state)
{
	struct nat_prefix6 p = {.inside = six("fd01:203:405:1::"),
				.outside = six("2001:db8:1:2::"),
				.bits = 64,
				.adjustment = htons(0xd54e)};
	struct frame want;
	NEEDS_PROGRAMS();
	use_prefixes(&p, 1);
	want = leaving(udp_six(WAN, "2001:db8:1:2:d54e::1234", 1, WORLD, 53, 9, 63));
	assert_sends("nat_in6", LAN, udp_six(LAN, "fd01:203:405:1::1234", 1, WORLD, 53, 9, 64),
		     &want);
	want = leaving(udp_six(WAN, "2001:db8:1:2:ffff:d54f:0:1234", 1, WORLD, 53, 9, 63));
	assert_sends("nat_in6", LAN,
		     udp_six(LAN, "fd01:203:405:1:ffff:1:0:1234", 1, WORLD, 53, 9, 64), &want);
	assert_drops("nat_in6", LAN,
		     udp_six(LAN, "fd01:203:405:1:ffff:ffff:ffff:ffff", 1, WORLD, 53, 9, 64),
		     NAT_C_DROP_LEAK);
	use_prefixes(NULL, 0);
}

/* As many as there may be; the first one that an address is under counts. 030a less the sum of
 * 2001:db8:2, which is 2dbb, is d54e. */
static void all_prefixes_are_looked_at_in_their_order(void **state)
{
	enum { LAST = NAT_PREFIXES6 - 1 };
	struct nat_prefix6 p[NAT_PREFIXES6];
	struct frame want;
	NEEDS_PROGRAMS();
	for (unsigned i = 0; i <= LAST; i++)
		p[i] = (struct nat_prefix6){.inside = six("fd02:203:405::"),
					    .outside = six("2001:db8:101::"),
					    .bits = 48,
					    .word = 3};
	p[LAST].inside = six("fd01:203:405::");
	p[LAST].outside = six("2001:db8:1::");
	p[LAST].adjustment = htons(0xd54f);
	use_prefixes(p, NAT_PREFIXES6);
	want = leaving(udp_six(WAN, "2001:db8:1:d550::1234", 1, WORLD, 53, 8, 63));
	assert_sends("nat_in6", LAN, udp_six(LAN, "fd01:203:405:1::1234", 1, WORLD, 53, 8, 64),
		     &want);
	want = leaving(udp_six(LAN, WORLD, 53, "fd01:203:405:1::1234", 1, 8, 63));
	assert_sends("nat_in6", WAN, udp_six(WAN, WORLD, 53, "2001:db8:1:d550::1234", 1, 8, 64),
		     &want);
	p[LAST - 1] = p[LAST];
	p[LAST - 1].outside = six("2001:db8:2::");
	p[LAST - 1].adjustment = htons(0xd54e);
	use_prefixes(p, NAT_PREFIXES6);
	want = leaving(udp_six(WAN, "2001:db8:2:d54f::1234", 2, WORLD, 53, 8, 63));
	assert_sends("nat_in6", LAN, udp_six(LAN, "fd01:203:405:1::1234", 2, WORLD, 53, 8, 64),
		     &want);
	use_prefixes(NULL, 0);
}

/* The error and what it quotes, both ways; ICMPv6's own checksum stays the same as well. */
static void translates_inside_of_errors(void **state)
{
	struct frame about, f, want;
	NEEDS_PROGRAMS();
	use_rfc();
	f = udp_six(LAN, "fd01:203:405:1::1234", 1000, WORLD, 53, 21, 64);
	assert_int_equal(run("nat_in6", LAN, &f), 7);
	about = udp_six(WAN, "2001:db8:1:d550::1234", 1000, WORLD, 53, 21, 60);
	f = error_six(WAN, "2001:db8:c::9", "2001:db8:1:d550::1234", 2, 0, 1400, &about, 1232);
	about = udp_six(WAN, "fd01:203:405:1::1234", 1000, WORLD, 53, 21, 60);
	want = leaving(
		error_six(LAN, "2001:db8:c::9", "fd01:203:405:1::1234", 2, 0, 1400, &about, 1232));
	want.bytes[ETHER + 7] = 63;
	assert_sends("nat_in6", WAN, f, &want);
	/* From inside: about an answer, told by a router that is inside as well. */
	about = udp_six(LAN, WORLD, 53, "fd01:203:405:1::1234", 1000, 21, 60);
	f = error_six(LAN, "fd01:203:405:1::5", WORLD, 1, 0, 0, &about, 1232);
	about = udp_six(LAN, WORLD, 53, "2001:db8:1:d550::1234", 1000, 21, 60);
	want = leaving(error_six(WAN, "2001:db8:1:d550::5", WORLD, 1, 0, 0, &about, 1232));
	want.bytes[ETHER + 7] = 63;
	assert_sends("nat_in6", LAN, f, &want);
	use_prefixes(NULL, 0);
}

/* Two inside that speak by their outer addresses: each sees the other's outer one. */
static void hairpins(void **state)
{
	struct frame want;
	NEEDS_PROGRAMS();
	use_rfc();
	want = leaving(udp_six(LAN, "2001:db8:1:d550::5", 7, "fd01:203:405:1::1234", 8, 8, 63));
	assert_sends("nat_in6", LAN,
		     udp_six(LAN, "fd01:203:405:1::5", 7, "2001:db8:1:d550::1234", 8, 8, 64),
		     &want);
	want = leaving(udp_six(LAN, "2001:db8:1:d550::1234", 8, "fd01:203:405:1::5", 7, 8, 63));
	assert_sends("nat_in6", LAN,
		     udp_six(LAN, "fd01:203:405:1::1234", 8, "2001:db8:1:d550::5", 7, 8, 64),
		     &want);
	use_prefixes(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(translates_the_example_of_the_rfc),
		cmocka_unit_test(the_filter_holds_for_translated_ones),
		cmocka_unit_test(drops_addresses_that_cannot_be_translated),
		cmocka_unit_test(all_ones_become_zero),
		cmocka_unit_test(longer_prefixes_adjust_the_identifier),
		cmocka_unit_test(all_prefixes_are_looked_at_in_their_order),
		cmocka_unit_test(translates_inside_of_errors),
		cmocka_unit_test(hairpins),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
