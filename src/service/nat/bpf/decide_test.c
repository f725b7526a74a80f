#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/nat/bpf/plane_test.h"

enum { TCP = 6, UDP = 17, ICMP = 1, ESP = 50, SYN = 2, SYN_ACK = 0x12, ACK = 0x10 };

/* One for all: each test has ports of its own. */
static struct plane plane;

static int set_up(void **state)
{
	(void)state;
	if (plane_may_not())
		return 0;
	return plane_make(&plane) ? -1 : 0;
}

static void need_plane(void)
{
	if (!plane.set) {
		print_message("skipped: this user or kernel does not load programs\n");
		skip();
	}
}

static int enter(unsigned device, struct frame *f)
{
	return plane_run(&plane, "nat_tc_in", device, f);
}

static uint16_t port_from(const struct frame *f)
{
	return frame_get16(f->bytes + ETHER + IP);
}

/* Sends it out of the LAN; the public port, 0: it was not sent. */
static uint16_t leave(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	struct frame f = frame_make(&plane, LAN, proto, src, sport, dst, dport, SYN);
	if (enter(LAN, &f) != VERDICT_TC_SEND)
		return 0;
	uint16_t port = port_from(&f);
	return frame_is(&plane, &f, proto, PUBLIC(1), port, dst, dport, SYN) ? port : 0;
}

static bool is_dropped(unsigned device, struct frame f, enum nat_counter why)
{
	uint64_t before = plane_count(&plane, why);
	return enter(device, &f) == VERDICT_TC_DROP && plane_count(&plane, why) == before + 1;
}

/* RFC 5508 REQ-8: told by ICMP that it is prohibited, and the cause counted. */
static bool is_refused(unsigned device, struct frame f, enum nat_counter why)
{
	uint64_t before = plane_count(&plane, why);
	int did = enter(device, &f);
	return did == VERDICT_TC_SEND && f.bytes[ETHER + 9] == ICMP && f.bytes[ETHER + IP] == 3 &&
	       f.bytes[ETHER + IP + 1] == 13 && plane_count(&plane, why) == before + 1;
}

/* ---- sources ---- */

static void a_source_that_cannot_come_from_there_is_dropped(void **state)
{
	(void)state;
	need_plane();
	assert_true(is_dropped(LAN, frame_make(&plane, LAN, UDP, SERVER(2), 1, WORLD(7), 9, 0),
			       NAT_C_DROP_SPOOFED));
	assert_true(is_dropped(LAN, frame_make(&plane, LAN, UDP, WORLD(1), 1, WORLD(7), 9, 0),
			       NAT_C_DROP_SPOOFED));
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, HOST(2), 1, PUBLIC(1), 9, 0),
			       NAT_C_DROP_SPOOFED));
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, PUBLIC(1), 1, PUBLIC(1), 9, 0),
			       NAT_C_DROP_SPOOFED));
	assert_true(is_dropped(WAN,
			       frame_make(&plane, WAN, UDP, IP4(10, 1, 1, 1), 1, PUBLIC(1), 9, 0),
			       NAT_C_DROP_BOGON));
}

static void what_nobody_asked_for_is_dropped(void **state)
{
	(void)state;
	need_plane();
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, WORLD(7), 1, PUBLIC(1), 9, 0),
			       NAT_C_DROP_UNASKED));
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, TCP, WORLD(7), 1, PUBLIC(1), 22, SYN),
			       NAT_C_DROP_UNASKED));
	/* To a private address, from a neighbour outside who routes it to us. */
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, TCP, WORLD(7), 1, HOST(2), 22, SYN),
			       NAT_C_DROP_UNASKED));
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, WORLD(7), 1, WORLD(8), 22, 0),
			       NAT_C_DROP_UNASKED));
	/* The end of a connection that is not known. */
	assert_true(is_dropped(LAN, frame_make(&plane, LAN, TCP, HOST(2), 4000, WORLD(7), 80, ACK),
			       NAT_C_DROP_NO_FLOW));
}

static void a_wrong_checksum_of_ip_is_dropped(void **state)
{
	(void)state;
	need_plane();
	struct frame f = frame_make(&plane, LAN, UDP, HOST(2), 4000, WORLD(7), 80, 0);
	f.bytes[ETHER + 10] ^= 1;
	assert_true(is_dropped(LAN, f, NAT_C_DROP_CHECKSUM));
}

/* ---- ports ---- */

static void the_port_is_kept_and_if_taken_another_of_its_class_is_given(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(leave(UDP, HOST(2), 6000, WORLD(7), 9), 6000);
	uint16_t other = leave(UDP, HOST(3), 6000, WORLD(7), 9);
	assert_true(other >= 1024 && other != 6000);
	/* TCP's ports are others. */
	assert_int_equal(leave(TCP, HOST(3), 6000, WORLD(7), 9), 6000);
	assert_int_equal(leave(UDP, HOST(2), 600, WORLD(7), 9), 600);
	other = leave(UDP, HOST(3), 600, WORLD(7), 9);
	assert_true(other > 0 && other < 1024 && other != 600);
}

static void parity_is_kept_for_who_wants_it(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(plane_host(&plane, HOST(8), NAT_HOST_PARITY, 100), OK);
	for (uint16_t port = 6100; port < 6110; port++) {
		assert_int_equal(leave(UDP, HOST(2), port, WORLD(7), 9), port);
		uint16_t other = leave(UDP, HOST(8), port, WORLD(7), 9);
		assert_true(other != 0 && other != port && (other & 1) == (port & 1));
	}
}

static void the_mapping_does_not_depend_on_the_far_end(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(leave(UDP, HOST(2), 6200, WORLD(7), 9), 6200);
	uint16_t other = leave(UDP, HOST(3), 6200, WORLD(7), 9);
	assert_true(other != 6200);
	assert_int_equal(leave(UDP, HOST(3), 6200, WORLD(8), 9), other);
	assert_int_equal(leave(UDP, HOST(3), 6200, WORLD(8), 10), other);
	assert_int_equal(leave(TCP, HOST(2), 6200, WORLD(7), 9), 6200);
	assert_int_equal(leave(TCP, HOST(2), 6200, WORLD(8), 9), 6200);
}

static void the_mapping_depends_on_the_far_end_for_who_wants_it(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(
		plane_host(&plane, HOST(7), NAT_HOST_MAP_ADDRESS | NAT_HOST_MAP_ENDPOINT, 100), OK);
	assert_int_equal(leave(UDP, HOST(7), 6300, WORLD(7), 9), 6300);
	uint16_t other = leave(UDP, HOST(7), 6300, WORLD(7), 10);
	assert_true(other != 0 && other != 6300);
	assert_int_equal(plane_host(&plane, HOST(7), NAT_HOST_MAP_ADDRESS, 100), OK);
	assert_int_equal(leave(UDP, HOST(7), 6301, WORLD(7), 9), 6301);
	assert_int_equal(leave(UDP, HOST(7), 6301, WORLD(7), 10), 6301);
	assert_int_not_equal(leave(UDP, HOST(7), 6301, WORLD(8), 10), 6301);
}

static void a_host_has_as_many_flows_as_it_may(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(plane_host(&plane, HOST(6), 0, 3), OK);
	for (uint16_t port = 1; port <= 3; port++)
		assert_int_equal(leave(UDP, HOST(6), 6400, WORLD(7), port), 6400);
	assert_true(is_refused(LAN, frame_make(&plane, LAN, UDP, HOST(6), 6400, WORLD(7), 4, 0),
			       NAT_C_DROP_HOST_FULL));
	assert_true(is_refused(LAN, frame_make(&plane, LAN, UDP, HOST(6), 6401, WORLD(7), 4, 0),
			       NAT_C_DROP_HOST_FULL));
	assert_int_equal(*plane_port(&plane, 0, NAT_SPACE_UDP, 6401), NAT_PORT_FREE);
}

/* ---- filtering, hairpin ---- */

static void only_who_was_called_may_answer(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(leave(UDP, HOST(2), 6500, WORLD(7), 9), 6500);
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, WORLD(7), 10, PUBLIC(1), 6500, 0),
			       NAT_C_DROP_FILTERED));
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, WORLD(8), 9, PUBLIC(1), 6500, 0),
			       NAT_C_DROP_FILTERED));
	struct frame f = frame_make(&plane, WAN, UDP, WORLD(7), 9, PUBLIC(1), 6500, 0);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_SEND);
}

static void anybody_may_answer_an_open_host(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(plane_host(&plane, HOST(9), NAT_HOST_OPEN, 100), OK);
	assert_int_equal(leave(UDP, HOST(9), 6600, WORLD(7), 9), 6600);
	struct frame f = frame_make(&plane, WAN, UDP, WORLD(8), 77, PUBLIC(1), 6600, 0);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, UDP, WORLD(8), 77, HOST(9), 6600, 0));
	assert_int_equal(leave(UDP, HOST(9), 6600, WORLD(8), 77), 6600);
}

static void hosts_reach_each_other_by_their_public_endpoints(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(leave(UDP, HOST(2), 6700, WORLD(7), 9), 6700);
	assert_int_equal(leave(UDP, HOST(2), 6701, WORLD(7), 9), 6701);
	uint16_t own = leave(UDP, HOST(3), 6701, WORLD(7), 9);
	struct frame f = frame_make(&plane, LAN, UDP, HOST(3), 6701, PUBLIC(1), 6700, 0);
	assert_int_equal(enter(LAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, UDP, PUBLIC(1), own, HOST(2), 6700, 0));
	f = frame_make(&plane, LAN, UDP, HOST(2), 6700, PUBLIC(1), own, 0);
	assert_int_equal(enter(LAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, UDP, PUBLIC(1), 6700, HOST(3), 6701, 0));
}

/* ---- forwards ---- */

static void a_forward_leads_inside_and_back(void **state)
{
	(void)state;
	need_plane();
	plane_forward(&plane, 1, NAT_SPACE_TCP, 443, SERVER(2), 8443);
	struct frame f = frame_make(&plane, WAN, TCP, WORLD(7), 5000, PUBLIC(1), 443, SYN);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, TCP, WORLD(7), 5000, SERVER(2), 8443, SYN));
	f = frame_make(&plane, DMZ, TCP, SERVER(2), 8443, WORLD(7), 5000, SYN_ACK);
	assert_int_equal(enter(DMZ, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, TCP, PUBLIC(1), 443, WORLD(7), 5000, SYN_ACK));
	/* Not without a SYN, not by another protocol. */
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, TCP, WORLD(7), 1, PUBLIC(1), 443, ACK),
			       NAT_C_DROP_NO_FLOW));
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, WORLD(7), 1, PUBLIC(1), 443, 0),
			       NAT_C_DROP_UNASKED));
	/* The mapping of a host inside cannot have that port. */
	assert_int_not_equal(leave(TCP, HOST(2), 443, WORLD(7), 443), 443);
}

static void a_forward_works_from_inside(void **state)
{
	(void)state;
	need_plane();
	plane_forward(&plane, 2, NAT_SPACE_TCP, 444, SERVER(3), 0);
	/* Another network: the server sees who it is. */
	struct frame f = frame_make(&plane, LAN, TCP, HOST(2), 6800, PUBLIC(1), 444, SYN);
	assert_int_equal(enter(LAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, TCP, HOST(2), 6800, SERVER(3), 444, SYN));
	f = frame_make(&plane, DMZ, TCP, SERVER(3), 444, HOST(2), 6800, SYN_ACK);
	assert_int_equal(enter(DMZ, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, TCP, PUBLIC(1), 444, HOST(2), 6800, SYN_ACK));
	/* The same network: else the answer would not come this way. */
	f = frame_make(&plane, DMZ, TCP, SERVER(4), 6801, PUBLIC(1), 444, SYN);
	assert_int_equal(enter(DMZ, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, TCP, PUBLIC(1), 6801, SERVER(3), 444, SYN));
	f = frame_make(&plane, DMZ, TCP, SERVER(3), 444, PUBLIC(1), 6801, SYN_ACK);
	assert_int_equal(enter(DMZ, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, TCP, PUBLIC(1), 444, SERVER(4), 6801, SYN_ACK));
}

static void a_server_calls_from_the_port_that_leads_to_it(void **state)
{
	(void)state;
	need_plane();
	plane_forward(&plane, 3, NAT_SPACE_UDP, 5353, SERVER(5), 53);
	assert_int_equal(plane_host(&plane, SERVER(5), NAT_HOST_FORWARDED, 100), OK);
	struct frame f = frame_make(&plane, DMZ, UDP, SERVER(5), 53, WORLD(7), 99, 0);
	assert_int_equal(enter(DMZ, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, UDP, PUBLIC(1), 5353, WORLD(7), 99, 0));
	f = frame_make(&plane, DMZ, UDP, SERVER(5), 54, WORLD(7), 99, 0);
	assert_int_equal(enter(DMZ, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, UDP, PUBLIC(1), 54, WORLD(7), 99, 0));
}

/* ---- rules ---- */

static void rules_that_change_are_asked_again(void **state)
{
	(void)state;
	need_plane();
	struct nat_rule *rules = plane.rules.base, before = rules[1];
	assert_int_equal(leave(TCP, HOST(2), 6900, WORLD(9), 9), 6900);
	rules[2] = before;
	rules[1].action = NAT_DROP;
	rules[1].dst_first = rules[1].dst_last = 9;
	rules[1].dst_bits = 96 + 32;
	memcpy(rules[1].dst, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\0\x71\x09", 16);
	plane_settings(&plane)->sets[0].rules_n = 2;
	plane_settings(&plane)->rules_gen++;
	assert_true(is_dropped(LAN, frame_make(&plane, LAN, TCP, HOST(2), 6900, WORLD(9), 9, ACK),
			       NAT_C_DROP_RULE));
	/* Others go on. */
	assert_int_equal(leave(UDP, HOST(2), 6901, WORLD(9), 10), 6901);
	rules[1] = before;
	plane_settings(&plane)->sets[0].rules_n = 1;
	plane_settings(&plane)->rules_gen++;
}

/* RFC 6888 REQ-6: to port 53 of 203.0.113.10 by UDP nobody is translated. */
static void let_plain(bool on)
{
	struct nat_rule *rules = plane.rules.base;
	rules[2] = rules[1];
	rules[2].proto = UDP;
	rules[2].dst_first = rules[2].dst_last = 53;
	rules[2].dst_bits = 96 + 32;
	memcpy(rules[2].dst, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\0\x71\x0a", 16);
	plane_settings(&plane)->sets[0].plain_n = on ? 1 : 0;
	plane_settings(&plane)->rules_gen++;
}

static bool leaves_plain(uint16_t sport, uint16_t dport)
{
	struct frame f = frame_make(&plane, LAN, UDP, HOST(2), sport, WORLD(10), dport, 0);
	return enter(LAN, &f) == VERDICT_TC_SEND &&
	       frame_is(&plane, &f, UDP, HOST(2), sport, WORLD(10), dport, 0);
}

static void where_nobody_is_translated_to_a_flow_leaves_as_it_is(void **state)
{
	(void)state;
	need_plane();
	let_plain(true);
	assert_true(leaves_plain(6920, 53) && leaves_plain(6920, 53));
	assert_int_equal(leave(UDP, HOST(2), 6920, WORLD(10), 54), 6920);
	assert_int_equal(leave(UDP, HOST(2), 6920, WORLD(9), 53), 6920);
	assert_int_equal(leave(TCP, HOST(2), 6920, WORLD(10), 53), 6920);
	/* Its answer comes back, and nothing else to that host. */
	struct frame f = frame_make(&plane, WAN, UDP, WORLD(10), 53, HOST(2), 6920, 0);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, UDP, WORLD(10), 53, HOST(2), 6920, 0));
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, WORLD(10), 53, HOST(2), 6921, 0),
			       NAT_C_DROP_UNASKED));
	/* Rules go before it. */
	struct nat_rule *rules = plane.rules.base, before = rules[1];
	rules[1].action = NAT_DROP;
	assert_true(is_dropped(LAN, frame_make(&plane, LAN, UDP, HOST(2), 6922, WORLD(10), 53, 0),
			       NAT_C_DROP_RULE));
	rules[1] = before;
	/* When it is taken back, the flow ends before its source is seen once more. */
	let_plain(false);
	assert_true(is_dropped(LAN, frame_make(&plane, LAN, UDP, HOST(2), 6920, WORLD(10), 53, 0),
			       NAT_C_DROP_RULE));
}

/* The first n rules of what a proxy takes: TCP to port 443 of the world, but of 203.0.113.12; and
 * of what would pass it by, UDP. */
static void take(uint16_t n)
{
	struct nat_rule *rules = plane.rules.base;
	rules[2] = rules[1];
	rules[2].from = 1U << NAT_ZONE_INSIDE;
	rules[2].to = 1U << NAT_ZONE_OUTSIDE;
	rules[2].proto = TCP;
	rules[2].dst_first = rules[2].dst_last = 443;
	rules[3] = rules[2];
	rules[2].action = NAT_DROP;
	rules[2].dst_bits = 96 + 32;
	memcpy(rules[2].dst, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\0\x71\x0c", 16);
	rules[4] = rules[2];
	rules[5] = rules[3];
	rules[4].proto = rules[5].proto = UDP;
	rules[5].action = NAT_REJECT;
	plane_settings(&plane)->sets[0].taken_n = n;
	plane_settings(&plane)->rules_gen++;
}

static bool is_passed(uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct frame f = frame_make(&plane, LAN, TCP, HOST(2), sport, WORLD(11), dport, flags);
	struct frame before = f;
	return enter(LAN, &f) == VERDICT_TC_PASS && f.len == before.len &&
	       memcmp(f.bytes, before.bytes, f.len) == 0;
}

static void what_a_proxy_takes_is_left_to_the_machine(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(leave(TCP, HOST(2), 6930, WORLD(11), 443), 6930);
	take(2);
	assert_true(is_passed(6931, 443, SYN) && is_passed(6931, 443, ACK));
	assert_true(is_passed(6931, 443, 1 | ACK) && is_passed(6931, 443, 4));
	/* Other ports, protocols and destinations are not. */
	assert_int_equal(leave(TCP, HOST(2), 6931, WORLD(11), 444), 6931);
	assert_int_equal(leave(UDP, HOST(2), 6931, WORLD(11), 443), 6931);
	assert_int_equal(leave(TCP, HOST(2), 6931, WORLD(12), 443), 6931);
	assert_true(is_dropped(LAN,
			       frame_make(&plane, LAN, TCP, HOST(2), 6932, WORLD(12), 443, ACK),
			       NAT_C_DROP_NO_FLOW));
	/* A flow from before goes on, and so does its answer. */
	struct frame f = frame_make(&plane, LAN, TCP, HOST(2), 6930, WORLD(11), 443, ACK);
	assert_int_equal(enter(LAN, &f), VERDICT_TC_SEND);
	/* What the rules refuse is refused all the same. */
	struct nat_rule *rules = plane.rules.base, before = rules[1];
	rules[1].action = NAT_DROP;
	assert_true(is_dropped(LAN,
			       frame_make(&plane, LAN, TCP, HOST(2), 6933, WORLD(11), 443, SYN),
			       NAT_C_DROP_RULE));
	rules[1] = before;
	/* From outside nobody is taken, nor who says that he is somebody inside. */
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, TCP, WORLD(7), 1, WORLD(11), 443, SYN),
			       NAT_C_DROP_UNASKED));
	take(0);
	assert_true(is_dropped(LAN,
			       frame_make(&plane, LAN, TCP, HOST(2), 6931, WORLD(11), 443, ACK),
			       NAT_C_DROP_NO_FLOW));
	assert_int_equal(leave(TCP, HOST(2), 6934, WORLD(11), 443), 6934);
}

static struct frame quic(uint16_t sport, uint32_t dst, uint16_t dport)
{
	return frame_make(&plane, LAN, UDP, HOST(2), sport, dst, dport, 0);
}

/* RFC 9308 2: who is told that UDP does not get through falls back at once. */
static void what_would_pass_by_a_proxy_is_refused_and_told(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(leave(UDP, HOST(2), 6950, WORLD(11), 443), 6950);
	take(4);
	plane_settings(&plane)->ttl_answers_s = 250;
	assert_true(is_refused(LAN, quic(6951, WORLD(11), 443), NAT_C_DROP_QUIC));
	/* XDP leaves the telling to tc, of a flow from before as well. */
	uint64_t before = plane_count(&plane, NAT_C_DROP_QUIC);
	struct frame f[] = {quic(6950, WORLD(11), 443), quic(6951, WORLD(11), 443)};
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(plane_run(&plane, "nat_xdp", LAN, &f[i]), XDP_PASS);
	assert_int_equal(plane_count(&plane, NAT_C_DROP_QUIC), before);
	/* Other ports and destinations are not, and TCP is the proxy's. */
	assert_int_equal(leave(UDP, HOST(2), 6952, WORLD(11), 444), 6952);
	assert_int_equal(leave(UDP, HOST(2), 6953, WORLD(12), 443), 6953);
	assert_true(is_passed(6951, 443, SYN));
	/* A flow from before ends, in either direction. */
	assert_true(is_refused(LAN, quic(6950, WORLD(11), 443), NAT_C_DROP_QUIC));
	assert_true(is_dropped(WAN,
			       frame_make(&plane, WAN, UDP, WORLD(11), 443, PUBLIC(1), 6950, 0),
			       NAT_C_DROP_QUIC));
	/* The firewall is asked first, and nobody outside is told anything. */
	struct nat_rule *rules = plane.rules.base, first = rules[1];
	rules[1].action = NAT_DROP;
	assert_true(is_dropped(LAN, quic(6954, WORLD(11), 443), NAT_C_DROP_RULE));
	rules[1] = first;
	assert_true(is_dropped(WAN, frame_make(&plane, WAN, UDP, WORLD(7), 1, WORLD(11), 443, 0),
			       NAT_C_DROP_UNASKED));
	take(0);
	assert_int_equal(leave(UDP, HOST(2), 6951, WORLD(11), 443), 6951);
}

static void without_a_rule_nothing_goes(void **state)
{
	(void)state;
	need_plane();
	plane_settings(&plane)->sets[0].rules_n = 0;
	assert_true(is_dropped(LAN, frame_make(&plane, LAN, UDP, HOST(2), 6910, WORLD(9), 9, 0),
			       NAT_C_DROP_RULE));
	plane_settings(&plane)->sets[0].rules_n = 1;
}

/* ---- the machine's own ---- */

static int leave_own(struct frame *f)
{
	return plane_run(&plane, "nat_tc_out", WAN, f);
}

/* As frame_is, but nobody has counted the TTL down. */
static bool own_is(struct frame f, uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst,
		   uint16_t dport)
{
	f.bytes[ETHER + 8]--;
	frame_seal(&f);
	return frame_is(&plane, &f, proto, src, sport, dst, dport, SYN);
}

static void the_machine_speaks_and_is_answered(void **state)
{
	(void)state;
	need_plane();
	struct frame f = frame_make(&plane, WAN, TCP, PUBLIC(1), 7000, WORLD(7), 80, SYN);
	struct frame as_sent = f;
	assert_int_equal(leave_own(&f), VERDICT_TC_PASS);
	assert_memory_equal(f.bytes, as_sent.bytes, f.len);
	f = as_sent = frame_make(&plane, WAN, TCP, WORLD(7), 80, PUBLIC(1), 7000, SYN_ACK);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_PASS);
	assert_memory_equal(f.bytes, as_sent.bytes, f.len);
	/* A host inside cannot have that port now. */
	assert_int_not_equal(leave(TCP, HOST(2), 7000, WORLD(7), 80), 7000);
}

static void the_machine_takes_no_port_of_a_host(void **state)
{
	(void)state;
	need_plane();
	assert_int_equal(leave(UDP, HOST(2), 7100, WORLD(7), 80), 7100);
	struct frame f = frame_make(&plane, WAN, UDP, PUBLIC(1), 7100, WORLD(7), 80, SYN);
	assert_int_equal(leave_own(&f), VERDICT_TC_PASS);
	uint16_t port = port_from(&f);
	assert_true(port != 7100);
	assert_true(own_is(f, UDP, PUBLIC(1), port, WORLD(7), 80));
	f = frame_make(&plane, WAN, UDP, WORLD(7), 80, PUBLIC(1), port, SYN);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_PASS);
	assert_true(own_is(f, UDP, WORLD(7), 80, PUBLIC(1), 7100));
}

static void no_private_source_leaves(void **state)
{
	(void)state;
	need_plane();
	uint64_t before = plane_count(&plane, NAT_C_DROP_LEAK);
	struct frame f = frame_make(&plane, WAN, TCP, HOST(2), 7200, WORLD(7), 80, ACK);
	assert_int_equal(leave_own(&f), VERDICT_TC_DROP);
	f = frame_make(&plane, WAN, UDP, IP4(192, 168, 1, 1), 7200, WORLD(7), 80, 0);
	assert_int_equal(leave_own(&f), VERDICT_TC_DROP);
	f = frame_make(&plane, WAN, ESP, HOST(2), 0, WORLD(7), 0, 0);
	assert_int_equal(leave_own(&f), VERDICT_TC_DROP);
	assert_int_equal(plane_count(&plane, NAT_C_DROP_LEAK), before + 3);
}

/* ---- others ---- */

static void one_host_at_a_time_speaks_esp_with_one_address(void **state)
{
	(void)state;
	need_plane();
	struct frame f = frame_make(&plane, LAN, ESP, HOST(2), 0, WORLD(7), 0, 0);
	assert_int_equal(enter(LAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, ESP, PUBLIC(1), 0, WORLD(7), 0, 0));
	f = frame_make(&plane, WAN, ESP, WORLD(7), 0, PUBLIC(1), 0, 0);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, ESP, WORLD(7), 0, HOST(2), 0, 0));
	assert_true(is_refused(LAN, frame_make(&plane, LAN, ESP, HOST(3), 0, WORLD(7), 0, 0),
			       NAT_C_DROP_NO_PORT));
	f = frame_make(&plane, LAN, ESP, HOST(3), 0, WORLD(8), 0, 0);
	assert_int_equal(enter(LAN, &f), VERDICT_TC_SEND);
}

static void a_mapping_is_held_for_who_asks_for_it(void **state)
{
	(void)state;
	need_plane();
	struct nat_hold hold = {
		.in = {.src = HOST(4), .sport = htons(7300), .proto = UDP, .zone = NAT_ZONE_INSIDE},
		.ifindex = plane.ifindex[WAN],
		.port = 7301,
		.open = 1};
	struct bpf_run run = {.context_in = &hold, .context_in_len = sizeof(hold)};
	int fd;
	assert_int_equal(bpf_set_program(plane.set, "nat_hold", &fd), OK);
	for (int i = 0; i < 2; i++) { /* and renewed */
		assert_int_equal(bpf_program_run(fd, &run), OK);
		assert_int_equal(hold.why, 0);
		assert_int_equal(hold.address, PUBLIC(1));
		assert_int_equal(ntohs(hold.port_given), 7301);
		const struct nat_mapping4 *mapping =
			(struct nat_mapping4 *)plane.mappings.base + hold.mapping;
		assert_int_equal(mapping->refs, 1);
	}
	struct frame f = frame_make(&plane, WAN, UDP, WORLD(8), 77, PUBLIC(1), 7301, 0);
	assert_int_equal(enter(WAN, &f), VERDICT_TC_SEND);
	assert_true(frame_is(&plane, &f, UDP, WORLD(8), 77, HOST(4), 7300, 0));
	assert_int_equal(leave(UDP, HOST(4), 7300, WORLD(7), 9), 7301);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_that_cannot_come_from_there_is_dropped),
		cmocka_unit_test(what_nobody_asked_for_is_dropped),
		cmocka_unit_test(a_wrong_checksum_of_ip_is_dropped),
		cmocka_unit_test(the_port_is_kept_and_if_taken_another_of_its_class_is_given),
		cmocka_unit_test(parity_is_kept_for_who_wants_it),
		cmocka_unit_test(the_mapping_does_not_depend_on_the_far_end),
		cmocka_unit_test(the_mapping_depends_on_the_far_end_for_who_wants_it),
		cmocka_unit_test(a_host_has_as_many_flows_as_it_may),
		cmocka_unit_test(only_who_was_called_may_answer),
		cmocka_unit_test(anybody_may_answer_an_open_host),
		cmocka_unit_test(hosts_reach_each_other_by_their_public_endpoints),
		cmocka_unit_test(a_forward_leads_inside_and_back),
		cmocka_unit_test(a_forward_works_from_inside),
		cmocka_unit_test(a_server_calls_from_the_port_that_leads_to_it),
		cmocka_unit_test(rules_that_change_are_asked_again),
		cmocka_unit_test(where_nobody_is_translated_to_a_flow_leaves_as_it_is),
		cmocka_unit_test(what_a_proxy_takes_is_left_to_the_machine),
		cmocka_unit_test(what_would_pass_by_a_proxy_is_refused_and_told),
		cmocka_unit_test(without_a_rule_nothing_goes),
		cmocka_unit_test(the_machine_speaks_and_is_answered),
		cmocka_unit_test(the_machine_takes_no_port_of_a_host),
		cmocka_unit_test(no_private_source_leaves),
		cmocka_unit_test(one_host_at_a_time_speaks_esp_with_one_address),
		cmocka_unit_test(a_mapping_is_held_for_who_asks_for_it),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
