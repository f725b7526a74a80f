#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/nat/bpf/plane_test.h"

enum { TCP = 6, UDP = 17, ICMP = 1, SYN = 2 };
enum { UNREACHABLE = 3, QUENCH = 4, REDIRECT = 5, EXCEEDED = 11, PARAMETER = 12 };
enum { WHOLE = 2000 };

/* A packet of a host, as it sends it and as the world sees it. */
struct sent {
	struct frame before, after;
};

static struct sent send_from(const struct plane *p, unsigned device, uint8_t proto, uint32_t from,
			     uint16_t sport, uint32_t to, uint16_t dport)
{
	struct sent s;
	s.before = frame_make(p, device, proto, from, sport, to, dport, SYN);
	s.after = s.before;
	if (plane_run(p, "nat_tc_in", device, &s.after) != VERDICT_TC_SEND)
		s.after.len = 0;
	s.before.bytes[ETHER + 8]--; /* as whoever quotes it has it */
	frame_seal(&s.before);
	return s;
}

/* An error of `device` about what left as `quoted`; it goes to `to` about what was sent as `was`.
 */
static bool error_goes(const struct plane *p, unsigned device, uint32_t src, uint32_t dst,
		       const struct frame *quoted, uint32_t src_after, uint32_t dst_after,
		       const struct frame *was, size_t octets)
{
	static const uint8_t kinds[][2] = {
		{UNREACHABLE, 3}, {UNREACHABLE, 4}, {EXCEEDED, 0}, {PARAMETER, 0}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct frame f = frame_error(p, device, src, dst, kinds[i][0], kinds[i][1], 1400,
					     quoted, octets);
		struct frame want = frame_error(p, device, src_after, dst_after, kinds[i][0],
						kinds[i][1], 1400, was, octets);
		if (plane_run(p, "nat_tc_in", device, &f) != VERDICT_TC_SEND ||
		    !frame_is_hop(&f, &want))
			return false;
	}
	return true;
}

/* TCP's checksum lies beyond the eight octets that RFC 792 promises: where it is not quoted, nobody
 * mends it. */
static int from_outside(void)
{
	static const uint8_t protos[] = {UDP, TCP, ICMP};
	static const size_t octets[] = {WHOLE, IP + 8, IP + 18, IP + 19, 47};
	PLANE_BEGIN();
	for (size_t i = 0; i < sizeof(protos); i++) {
		/* Two hosts with one port: the second one's is another outside. */
		for (unsigned host = 2; host < 4; host++) {
			struct sent s = send_from(&plane, LAN, protos[i], HOST(host), 5000,
						  WORLD(7), protos[i] == ICMP ? 0 : 80);
			CHILD_CHECK(s.after.len != 0);
			for (size_t n = 0; n < sizeof(octets) / sizeof(octets[0]); n++) {
				CHILD_CHECK(error_goes(&plane, WAN, WORLD(7), PUBLIC(1), &s.after,
						       WORLD(7), HOST(host), &s.before, octets[n]));
				CHILD_CHECK(error_goes(&plane, WAN, WORLD(99), PUBLIC(1), &s.after,
						       WORLD(99), HOST(host), &s.before,
						       octets[n]));
			}
		}
	}
	return 0;
}

static void rfc5508_req4_errors_from_outside_reach_the_host_about_its_own_packet(void **state)
{
	(void)state;
	assert_child(from_outside, plane_no_rights);
}

static int from_inside(void)
{
	PLANE_BEGIN();
	(void)send_from(&plane, LAN, UDP, HOST(3), 5000, WORLD(8), 80);
	struct sent out = send_from(&plane, LAN, UDP, HOST(2), 5000, WORLD(7), 80);
	uint16_t port = frame_get16(out.after.bytes + ETHER + IP);
	struct sent s = send_from(&plane, WAN, UDP, WORLD(7), 80, PUBLIC(1), port);
	CHILD_CHECK(s.after.len != 0 && port != 5000);
	/* RFC 5508 REQ-5: the host's own, and those of a router before it. */
	CHILD_CHECK(error_goes(&plane, LAN, HOST(2), WORLD(7), &s.after, PUBLIC(1), WORLD(7),
			       &s.before, WHOLE));
	CHILD_CHECK(error_goes(&plane, LAN, HOST(9), WORLD(7), &s.after, PUBLIC(1), WORLD(7),
			       &s.before, IP + 8));
	return 0;
}

static void rfc5508_req5_errors_from_inside_leave_with_the_public_address(void **state)
{
	(void)state;
	assert_child(from_inside, plane_no_rights);
}

static int hairpin(void)
{
	PLANE_BEGIN();
	(void)send_from(&plane, LAN, UDP, HOST(2), 5000, WORLD(7), 80);
	struct sent s = send_from(&plane, LAN, UDP, HOST(3), 6000, PUBLIC(1), 5000);
	CHILD_CHECK(s.after.len != 0);
	CHILD_CHECK(error_goes(&plane, LAN, HOST(2), PUBLIC(1), &s.after, PUBLIC(1), HOST(3),
			       &s.before, WHOLE));
	return 0;
}

static void rfc5508_req7_errors_take_the_hairpin_too(void **state)
{
	(void)state;
	assert_child(hairpin, plane_no_rights);
}

/* The quote's IP header grows by four octets of no operation. */
static void put_options(struct frame *f)
{
	memmove(f->bytes + ETHER + IP + 4, f->bytes + ETHER + IP, f->len - ETHER - IP);
	memset(f->bytes + ETHER + IP, 1, 4);
	f->len += 4;
	f->bytes[ETHER] = 0x46;
	frame_put16(f->bytes + ETHER + 2, (uint32_t)(f->len - ETHER));
	frame_put16(f->bytes + ETHER + 10, 0);
	frame_put16(f->bytes + ETHER + 10, ~frame_sum(f->bytes + ETHER, 24, 0) & 0xffff);
}

static int odd(void)
{
	PLANE_BEGIN();
	struct sent s = send_from(&plane, LAN, UDP, HOST(2), 5000, WORLD(7), 80);
	struct sent none = s;
	/* RFC 768: no checksum stays none. */
	frame_put16(none.before.bytes + ETHER + IP + 6, 0);
	frame_put16(none.after.bytes + ETHER + IP + 6, 0);
	CHILD_CHECK(error_goes(&plane, WAN, WORLD(7), PUBLIC(1), &none.after, WORLD(7), HOST(2),
			       &none.before, WHOLE));
	/* RFC 5508 REQ-3 c: the quoted transport checksum is not looked at. */
	frame_put16(none.before.bytes + ETHER + IP + 6, 0x1234);
	frame_put16(none.after.bytes + ETHER + IP + 6, 0x1234);
	struct frame f =
		frame_error(&plane, WAN, WORLD(7), PUBLIC(1), EXCEEDED, 0, 0, &none.after, WHOLE);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(frame_l4_checksum(&f) == frame_get16(f.bytes + ETHER + IP + 2));
	/* b: quoted options are stepped over. */
	put_options(&s.before);
	put_options(&s.after);
	CHILD_CHECK(error_goes(&plane, WAN, WORLD(7), PUBLIC(1), &s.after, WORLD(7), HOST(2),
			       &s.before, WHOLE));
	/* RFC 4884: what follows the quote is nobody's business here. */
	memset(s.before.bytes + s.before.len, 0xa5, 400);
	memset(s.after.bytes + s.after.len, 0xa5, 400);
	s.before.len += 400;
	s.after.len += 400;
	CHILD_CHECK(error_goes(&plane, WAN, WORLD(7), PUBLIC(1), &s.after, WORLD(7), HOST(2),
			       &s.before, WHOLE));
	return 0;
}

static void rfc5508_req3_quotes_with_options_extensions_and_no_checksum(void **state)
{
	(void)state;
	assert_child(odd, plane_no_rights);
}

static bool is_dropped(const struct plane *p, unsigned device, struct frame f, enum nat_counter why)
{
	uint64_t before = plane_count(p, why);
	return plane_run(p, "nat_tc_in", device, &f) == VERDICT_TC_DROP &&
	       plane_count(p, why) == before + 1;
}

static bool is_dropped_about(const struct plane *p, struct frame about, size_t octets)
{
	return is_dropped(
		p, WAN, frame_error(p, WAN, WORLD(7), PUBLIC(1), UNREACHABLE, 1, 0, &about, octets),
		NAT_C_DROP_ICMP);
}

static int forged_insides(const struct plane *p, const struct sent *s)
{
	const struct frame *good = &s->after;
	struct frame bad = *good;
	bad.bytes[ETHER + IP]++; /* another port: no such flow */
	CHILD_CHECK(is_dropped_about(p, bad, WHOLE));
	bad = *good;
	bad.bytes[ETHER + 10] ^= 1; /* RFC 5508 REQ-3 a */
	CHILD_CHECK(is_dropped_about(p, bad, WHOLE));
	CHILD_CHECK(is_dropped_about(p, *good, IP + 7));
	CHILD_CHECK(is_dropped_about(p, *good, IP - 1));
	CHILD_CHECK(is_dropped_about(p, *good, 0));
	bad = *good;
	frame_put16(bad.bytes + ETHER + 6, 100); /* RFC 1122 3.2.2: of a later fragment */
	frame_put16(bad.bytes + ETHER + 10, 0);
	frame_put16(bad.bytes + ETHER + 10, ~frame_sum(bad.bytes + ETHER, IP, 0) & 0xffff);
	CHILD_CHECK(is_dropped_about(p, bad, WHOLE));
	/* Of an error. */
	bad = frame_error(p, WAN, PUBLIC(1), WORLD(7), UNREACHABLE, 1, 0, good, WHOLE);
	CHILD_CHECK(is_dropped_about(p, bad, WHOLE));
	/* Of a packet that somebody else has sent. */
	bad = frame_make(p, WAN, UDP, WORLD(5), 5000, WORLD(7), 80, 0);
	CHILD_CHECK(is_dropped_about(p, bad, WHOLE));
	return 0;
}

static int refused(void)
{
	PLANE_BEGIN();
	struct sent s = send_from(&plane, LAN, UDP, HOST(2), 5000, WORLD(7), 80);
	int at = forged_insides(&plane, &s);
	CHILD_CHECK(at == 0);
	/* RFC 5508 REQ-3: its own checksum. */
	struct frame f =
		frame_error(&plane, WAN, WORLD(7), PUBLIC(1), UNREACHABLE, 1, 0, &s.after, 28);
	f.bytes[f.len - 1] ^= 4;
	CHILD_CHECK(is_dropped(&plane, WAN, f, NAT_C_DROP_CHECKSUM));
	/* From inside, by address; from networks that nobody outside has. */
	f = frame_error(&plane, WAN, HOST(3), PUBLIC(1), UNREACHABLE, 1, 0, &s.after, 28);
	CHILD_CHECK(is_dropped(&plane, WAN, f, NAT_C_DROP_SPOOFED));
	f = frame_error(&plane, WAN, PUBLIC(1), PUBLIC(1), UNREACHABLE, 1, 0, &s.after, 28);
	CHILD_CHECK(is_dropped(&plane, WAN, f, NAT_C_DROP_SPOOFED));
	f = frame_error(&plane, WAN, IP4(10, 1, 1, 1), PUBLIC(1), UNREACHABLE, 1, 0, &s.after, 28);
	CHILD_CHECK(is_dropped(&plane, WAN, f, NAT_C_DROP_BOGON));
	/* By a host inside about what passes outside only. */
	f = frame_error(&plane, LAN, HOST(3), PUBLIC(1), UNREACHABLE, 1, 0, &s.after, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) != VERDICT_TC_SEND);
	/* Source quench (RFC 6633) and redirects go nowhere. */
	f = frame_error(&plane, WAN, WORLD(7), PUBLIC(1), QUENCH, 0, 0, &s.after, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	f = frame_error(&plane, WAN, WORLD(7), PUBLIC(1), REDIRECT, 1, 0, &s.after, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	/* Its time is over: of errors nobody is told. */
	f = frame_error(&plane, WAN, WORLD(7), PUBLIC(1), UNREACHABLE, 1, 0, &s.after, 28);
	f.bytes[ETHER + 8] = 1;
	frame_seal(&f);
	CHILD_CHECK(is_dropped(&plane, WAN, f, NAT_C_DROP_TTL));
	return 0;
}

static void forged_insides_and_sources_are_dropped_and_counted(void **state)
{
	(void)state;
	assert_child(refused, plane_no_rights);
}

static int flips(void)
{
	PLANE_BEGIN();
	struct sent s = send_from(&plane, LAN, TCP, HOST(2), 5000, WORLD(7), 80);
	struct frame good =
		frame_error(&plane, WAN, WORLD(7), PUBLIC(1), UNREACHABLE, 4, 1400, &s.after, 40);
	for (size_t bit = (size_t)ETHER * 8; bit < good.len * 8; bit++) {
		struct frame f = good;
		f.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	}
	for (size_t len = ETHER + IP; len < good.len; len++) {
		struct frame f = good;
		f.len = len;
		CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	}
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &good) == VERDICT_TC_SEND);
	return 0;
}

static void no_flipped_bit_and_no_torn_error_passes(void **state)
{
	(void)state;
	assert_child(flips, plane_no_rights);
}

static int untouched(void)
{
	PLANE_BEGIN();
	struct sent s = send_from(&plane, LAN, TCP, HOST(2), 5000, WORLD(7), 80);
	struct nat_flow4 *flow = (struct nat_flow4 *)plane.flows.base + 1;
	CHILD_CHECK(flow->life == NAT_LIVE && flow->tcp == NAT_TCP_INIT);
	plane_age(&plane, 1, 20);
	struct nat_flow4 before = *flow;
	struct nat_leg4 legs[] = {*plane_leg(&plane, 1, 0), *plane_leg(&plane, 1, 1)};
	CHILD_CHECK(error_goes(&plane, WAN, WORLD(7), PUBLIC(1), &s.after, WORLD(7), HOST(2),
			       &s.before, WHOLE));
	/* The way back may have been looked up. */
	legs[1].way = plane_leg(&plane, 1, 1)->way;
	CHILD_CHECK(!memcmp(&before, flow, sizeof(before)));
	for (unsigned side = 0; side < 2; side++)
		CHILD_CHECK(!memcmp(&legs[side], plane_leg(&plane, 1, side), sizeof(legs[side])));
	return 0;
}

static void rfc5508_req6_an_error_neither_refreshes_nor_ends_a_flow(void **state)
{
	(void)state;
	assert_child(untouched, plane_no_rights);
}

/* The machine's own flows: its stack hears of them, and may speak itself, but of nobody else. */
static int machine(void)
{
	PLANE_BEGIN();
	struct frame own = frame_make(&plane, WAN, UDP, PUBLIC(1), 5000, WORLD(7), 80, 0);
	struct frame quoted = own;
	CHILD_CHECK(plane_run(&plane, "nat_tc_out", WAN, &quoted) == VERDICT_TC_PASS);
	struct frame f =
		frame_error(&plane, WAN, WORLD(9), PUBLIC(1), UNREACHABLE, 4, 1400, &quoted, 28);
	struct frame want =
		frame_error(&plane, WAN, WORLD(9), PUBLIC(1), UNREACHABLE, 4, 1400, &own, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_PASS);
	CHILD_CHECK(f.len == want.len && !memcmp(f.bytes + 12, want.bytes + 12, f.len - 12));
	/* Hosts inside tell the machine's stack what they like. */
	own = frame_make(&plane, LAN, UDP, IP4(192, 168, 1, 1), 53, HOST(2), 4000, 0);
	f = frame_error(&plane, LAN, HOST(2), IP4(192, 168, 1, 1), UNREACHABLE, 3, 0, &own, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_PASS);
	/* On its way out: about its own service; about an answer of its flow; about a host inside.
	 */
	own = frame_make(&plane, WAN, UDP, WORLD(7), 80, PUBLIC(1), 9, 0);
	f = frame_error(&plane, WAN, PUBLIC(1), WORLD(7), UNREACHABLE, 3, 0, &own, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_out", WAN, &f) == VERDICT_TC_PASS);
	own = frame_make(&plane, WAN, UDP, WORLD(7), 80, PUBLIC(1), 5000, 0);
	f = frame_error(&plane, WAN, PUBLIC(1), WORLD(7), UNREACHABLE, 3, 0, &own, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_out", WAN, &f) == VERDICT_TC_PASS);
	own = frame_make(&plane, WAN, UDP, WORLD(7), 80, HOST(2), 5000, 0);
	f = frame_error(&plane, WAN, PUBLIC(1), WORLD(7), EXCEEDED, 0, 0, &own, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_out", WAN, &f) == VERDICT_TC_DROP);
	CHILD_CHECK(plane_count(&plane, NAT_C_DROP_LEAK) == 1);
	return 0;
}

static void errors_about_the_machines_own_pass_and_tell_of_nobody_inside(void **state)
{
	(void)state;
	assert_child(machine, plane_no_rights);
}

/* What a proxy of this machine sends a host in the name of the world has no flow. */
static int taken(void)
{
	PLANE_BEGIN();
	struct nat_rule *rules = plane.rules.base;
	struct frame said = frame_make(&plane, LAN, TCP, WORLD(7), 443, HOST(2), 5000, SYN);
	struct frame other = frame_make(&plane, LAN, TCP, WORLD(7), 80, HOST(2), 5000, SYN);
	struct frame f =
		frame_error(&plane, LAN, HOST(9), WORLD(7), UNREACHABLE, 4, 1400, &said, IP + 8);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_DROP);
	rules[2] = rules[1];
	rules[2].from = 1U << NAT_ZONE_INSIDE;
	rules[2].to = 1U << NAT_ZONE_OUTSIDE;
	rules[2].proto = TCP;
	rules[2].dst_first = rules[2].dst_last = 443;
	plane_settings(&plane)->sets[0].taken_n = 1;
	f = frame_error(&plane, LAN, HOST(9), WORLD(7), UNREACHABLE, 4, 1400, &said, IP + 8);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_PASS);
	f = frame_error(&plane, LAN, HOST(9), WORLD(7), UNREACHABLE, 4, 1400, &other, IP + 8);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_DROP);
	/* To another one than the quote's sender; from outside. */
	f = frame_error(&plane, LAN, HOST(9), WORLD(8), UNREACHABLE, 4, 1400, &said, IP + 8);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_DROP);
	f = frame_error(&plane, WAN, WORLD(9), WORLD(7), UNREACHABLE, 4, 1400, &said, IP + 8);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	return 0;
}

static void errors_about_what_a_proxy_has_sent_inside_pass(void **state)
{
	(void)state;
	assert_child(taken, plane_no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			rfc5508_req4_errors_from_outside_reach_the_host_about_its_own_packet),
		cmocka_unit_test(rfc5508_req5_errors_from_inside_leave_with_the_public_address),
		cmocka_unit_test(rfc5508_req7_errors_take_the_hairpin_too),
		cmocka_unit_test(rfc5508_req3_quotes_with_options_extensions_and_no_checksum),
		cmocka_unit_test(forged_insides_and_sources_are_dropped_and_counted),
		cmocka_unit_test(no_flipped_bit_and_no_torn_error_passes),
		cmocka_unit_test(rfc5508_req6_an_error_neither_refreshes_nor_ends_a_flow),
		cmocka_unit_test(errors_about_the_machines_own_pass_and_tell_of_nobody_inside),
		cmocka_unit_test(errors_about_what_a_proxy_has_sent_inside_pass),
	};
	return cmocka_run_group_tests(tests, plane_group, NULL);
}
