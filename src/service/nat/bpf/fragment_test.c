#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/nat/bpf/pieces_test.h"

#include "os/clock.h"

/* A flow from HOST(2):5000 to WORLD(7):80 that the far end may answer. */
static bool open_flow(uint8_t proto)
{
	struct frame f = frame_make(&plane, LAN, proto, HOST(2), 5000, WORLD(7), 80, SYN);
	return plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND;
}

static struct frame answer_of(uint8_t proto)
{
	return frame_long(&plane, WAN, proto, WORLD(7), 80, PUBLIC(1), 5000, LONG);
}

static struct frame answer_inside(uint8_t proto)
{
	return frame_long(&plane, WAN, proto, WORLD(7), 80, HOST(2), 5000, LONG);
}

/* Runs the piece of the answer; whether the host would get it. */
static bool passes(uint8_t proto, size_t from, size_t end)
{
	struct frame out = answer_of(proto), in = answer_inside(proto);
	struct frame f = piece_of(&out, from, end), want = piece_of(&in, from, end);
	uint16_t id = frame_id;
	return plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_SEND &&
	       piece_is_hop(&f, &want, &id);
}

static bool is_dropped(unsigned device, struct frame f, enum nat_counter why)
{
	uint64_t before = plane_count(&plane, why);
	return plane_run(&plane, "nat_tc_in", device, &f) == VERDICT_TC_DROP &&
	       plane_count(&plane, why) == before + 1;
}

static bool piece_is_dropped(uint8_t proto, size_t from, size_t end)
{
	struct frame out = answer_of(proto);
	return is_dropped(WAN, piece_of(&out, from, end), NAT_C_DROP_FRAGMENT);
}

/* A later one, before its first. */
static bool piece_is_held(uint8_t proto, size_t from, size_t end)
{
	struct frame out = answer_of(proto), f = piece_of(&out, from, end), was = f;
	(void)told_by(&plane);
	if (plane_run(&plane, "nat_tc_in", WAN, &f) != VERDICT_TC_DROP)
		return false;
	struct told t = told_by(&plane);
	return t.n[NAT_EVENT_FRAGMENT] == 1 && t.packet_len == was.len - ETHER &&
	       t.last.packet_len == t.packet_len &&
	       !memcmp(t.packet, was.bytes + ETHER, t.packet_len) && t.last.tuple.src == WORLD(7) &&
	       t.last.tuple.dst == PUBLIC(1) && t.last.tuple.sport == htons(frame_id) &&
	       t.last.tuple.proto == proto && t.last.tuple.zone == NAT_ZONE_OUTSIDE;
}

static int in_order(void)
{
	static const uint8_t protos[] = {UDP, TCP};
	PLANE_BEGIN();
	frame_id = 0x2100;
	uint64_t held = plane_count(&plane, NAT_C_FRAGMENTS_HELD);
	for (size_t i = 0; i < sizeof(protos); i++) {
		CHILD_CHECK(open_flow(protos[i]));
		/* Twice: whole, a datagram is forgotten, and its identification may come again. */
		for (int n = 0; n < 2; n++) {
			CHILD_CHECK(passes(protos[i], 0, 128));
			CHILD_CHECK(passes(protos[i], 128, 256));
			CHILD_CHECK(passes(protos[i], 256, LONG));
		}
		/* The others may come as they like once the first has. */
		CHILD_CHECK(passes(protos[i], 0, 128));
		CHILD_CHECK(passes(protos[i], 256, LONG));
		CHILD_CHECK(passes(protos[i], 128, 256));
	}
	CHILD_CHECK(plane_count(&plane, NAT_C_FRAGMENTS_HELD) == held);
	return 0;
}

static void fragments_follow_their_first(void **state)
{
	(void)state;
	assert_child(in_order, plane_no_rights);
}

/* A datagram of a host begins a flow by its first piece. Ret: its identification outside; 0: it
 * does not pass. */
static uint16_t leaves(unsigned host)
{
	struct frame out = frame_long(&plane, LAN, UDP, HOST(host), 7000, WORLD(7), 80, LONG);
	struct frame want;
	uint16_t id = 0, port = 0;
	for (size_t from = 0; from < LONG; from += 104) {
		struct frame f = piece_of(&out, from, from + 104);
		if (plane_run(&plane, "nat_tc_in", LAN, &f) != VERDICT_TC_SEND)
			return 0;
		if (from == 0)
			port = frame_get16(f.bytes + ETHER + IP);
		want = frame_long(&plane, LAN, UDP, PUBLIC(1), port, WORLD(7), 80, LONG);
		want = piece_of(&want, from, from + 104);
		if (!piece_is_hop(&f, &want, &id))
			return 0;
	}
	return id;
}

static int begins(void)
{
	PLANE_BEGIN();
	frame_id = 0x2200;
	uint64_t begun = plane_count(&plane, NAT_C_FLOWS_BEGUN);
	uint16_t two = leaves(2), three = leaves(3);
	/* RFC 6864 5.3.1: they used the same one. */
	CHILD_CHECK(two != 0 && three != 0 && two != three);
	CHILD_CHECK(leaves(2) == two);
	CHILD_CHECK(plane_count(&plane, NAT_C_FLOWS_BEGUN) == begun + 2);
	/* And one to nobody begins none. */
	struct frame f = frame_long(&plane, WAN, UDP, WORLD(7), 80, PUBLIC(1), 9, LONG);
	CHILD_CHECK(is_dropped(WAN, piece_of(&f, 0, 104), NAT_C_DROP_UNASKED));
	return 0;
}

static void a_first_fragment_begins_a_flow_and_two_hosts_share_no_identification(void **state)
{
	(void)state;
	assert_child(begins, plane_no_rights);
}

static int quoted(void)
{
	PLANE_BEGIN();
	frame_id = 0x2300;
	struct frame whole = frame_long(&plane, LAN, UDP, HOST(2), 7000, WORLD(7), 80, LONG);
	struct frame was = piece_of(&whole, 0, 104), sent = was;
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &sent) == VERDICT_TC_SEND);
	CHILD_CHECK(frame_get16(sent.bytes + ETHER + 4) != frame_id);
	was.bytes[ETHER + 8]--;
	frame_seal_ip(&was);
	struct frame f = frame_error(&plane, WAN, WORLD(9), PUBLIC(1), 11, 1, 0, &sent, 28);
	struct frame want = frame_error(&plane, WAN, WORLD(9), HOST(2), 11, 1, 0, &was, 28);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(frame_is_hop(&f, &want));
	return 0;
}

static void an_error_about_a_fragment_quotes_the_hosts_own_identification(void **state)
{
	(void)state;
	assert_child(quoted, plane_no_rights);
}

static int early(void)
{
	PLANE_BEGIN();
	frame_id = 0x2400;
	CHILD_CHECK(open_flow(UDP));
	uint64_t held = plane_count(&plane, NAT_C_FRAGMENTS_HELD);
	CHILD_CHECK(piece_is_held(UDP, 256, LONG));
	CHILD_CHECK(piece_is_held(UDP, 200, 256));
	CHILD_CHECK(plane_count(&plane, NAT_C_FRAGMENTS_HELD) == held + 2);
	CHILD_CHECK(passes(UDP, 0, 104));
	struct told t = told_by(&plane);
	const struct nat_event *e = &t.last;
	CHILD_CHECK(t.n[NAT_EVENT_FRAGMENT_FIRST] == 1 && e->tuple.src == WORLD(7) &&
		    e->tuple.sport == htons(frame_id) && e->answer.src == HOST(2) &&
		    e->answer.dst == WORLD(7) && e->answer.sport == htons(frame_id) &&
		    e->flow == 0);
	/* Octets that the early ones have already. */
	CHILD_CHECK(piece_is_dropped(UDP, 208, 240));
	CHILD_CHECK(passes(UDP, 104, 200));
	/* Whole: told to nobody again. */
	CHILD_CHECK(passes(UDP, 0, 104) && told_by(&plane).n[NAT_EVENT_FRAGMENT_FIRST] == 0);
	return 0;
}

static void what_comes_before_the_first_goes_to_the_service(void **state)
{
	(void)state;
	assert_child(early, plane_no_rights);
}

static int deceit(void)
{
	PLANE_BEGIN();
	frame_id = 0x2500;
	CHILD_CHECK(open_flow(TCP) && open_flow(UDP));
	/* RFC 1858 3: a first piece without the whole header; RFC 3128: one over its flags. */
	CHILD_CHECK(piece_is_dropped(TCP, 0, 8));
	CHILD_CHECK(piece_is_dropped(TCP, 0, 16));
	CHILD_CHECK(piece_is_dropped(TCP, 8, 24));
	CHILD_CHECK(piece_is_dropped(UDP, 8, 24));
	/* One that says it is followed is a multiple of eight; nothing is empty or beyond 65535. */
	struct frame whole = answer_of(UDP), f = piece_of(&whole, 0, 128);
	f.len -= 3;
	frame_seal_ip(&f);
	CHILD_CHECK(is_dropped(WAN, f, NAT_C_DROP_FRAGMENT));
	f = piece_of(&whole, 128, 256);
	f.len = ETHER + IP;
	frame_seal_ip(&f);
	CHILD_CHECK(is_dropped(WAN, f, NAT_C_DROP_FRAGMENT));
	f = piece_of(&whole, 128, 256);
	frame_put16(f.bytes + ETHER + 6, 8180 | MORE);
	frame_seal_ip(&f);
	CHILD_CHECK(is_dropped(WAN, f, NAT_C_DROP_FRAGMENT));
	return 0;
}

static void rfc1858_tiny_and_impossible_pieces_are_dropped(void **state)
{
	(void)state;
	assert_child(deceit, plane_no_rights);
}

static int overlaps(void)
{
	PLANE_BEGIN();
	frame_id = 0x2600;
	CHILD_CHECK(open_flow(UDP));
	/* One that came twice is dropped, and harms nobody. */
	CHILD_CHECK(passes(UDP, 0, 128) && piece_is_dropped(UDP, 0, 128));
	CHILD_CHECK(passes(UDP, 128, 256) && piece_is_dropped(UDP, 128, 256));
	/* One that overlaps poisons. */
	CHILD_CHECK(piece_is_dropped(UDP, 248, 264) && piece_is_dropped(UDP, 256, LONG));
	CHILD_CHECK(piece_is_dropped(UDP, 0, 128));
	/* Two ends; another identification is another datagram. */
	struct frame whole = answer_of(UDP), longer;
	frame_put16(whole.bytes + ETHER + 4, 7);
	longer = whole;
	longer.len += 8;
	struct frame f = piece_of(&whole, 0, 128);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_SEND);
	f = piece_of(&whole, 256, LONG);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(is_dropped(WAN, piece_of(&longer, LONG, LONG + 8), NAT_C_DROP_FRAGMENT));
	CHILD_CHECK(is_dropped(WAN, piece_of(&whole, 128, 256), NAT_C_DROP_FRAGMENT));
	return 0;
}

static void overlaps_and_second_ends_poison_a_datagram(void **state)
{
	(void)state;
	assert_child(overlaps, plane_no_rights);
}

static int holes(void)
{
	PLANE_BEGIN();
	frame_id = 0x2700;
	CHILD_CHECK(open_flow(UDP));
	CHILD_CHECK(passes(UDP, 0, 16));
	for (size_t from = 32; from < 32 + 7 * 32; from += 32)
		CHILD_CHECK(passes(UDP, from, from + 16));
	CHILD_CHECK(piece_is_dropped(UDP, 320, 336));
	CHILD_CHECK(piece_is_dropped(UDP, 16, 32));
	return 0;
}

static void too_many_holes_poison_a_datagram(void **state)
{
	(void)state;
	assert_child(holes, plane_no_rights);
}

static int lies(void)
{
	PLANE_BEGIN();
	frame_id = 0x2800;
	/* Sources that are not where they say; without a flow; of errors. */
	struct frame f = frame_long(&plane, WAN, UDP, HOST(3), 80, PUBLIC(1), 5000, LONG);
	CHILD_CHECK(is_dropped(WAN, piece_of(&f, 128, 256), NAT_C_DROP_SPOOFED));
	f = frame_long(&plane, WAN, UDP, IP4(10, 1, 1, 1), 80, PUBLIC(1), 5000, LONG);
	CHILD_CHECK(is_dropped(WAN, piece_of(&f, 128, 256), NAT_C_DROP_BOGON));
	f = frame_long(&plane, WAN, ICMP, WORLD(7), 80, PUBLIC(1), 0, LONG);
	f.bytes[ETHER + IP] = 3;
	frame_seal(&f);
	CHILD_CHECK(is_dropped(WAN, piece_of(&f, 0, 128), NAT_C_DROP_FRAGMENT));
	/* To the machine's own stack, which knows what to do, from inside. */
	f = frame_long(&plane, LAN, UDP, HOST(3), 80, IP4(192, 168, 1, 1), 5000, LONG);
	f = piece_of(&f, 128, 256);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_PASS);
	/* The flow beside all that lives. */
	CHILD_CHECK(open_flow(UDP) && passes(UDP, 0, 128) && passes(UDP, 128, LONG));
	return 0;
}

static void fragments_with_lent_sources_are_dropped(void **state)
{
	(void)state;
	assert_child(lies, plane_no_rights);
}

static int flood(void)
{
	PLANE_BEGIN();
	frame_id = 0x2900;
	CHILD_CHECK(open_flow(UDP));
	struct frame whole = answer_of(UDP);
	uint64_t held = plane_count(&plane, NAT_C_FRAGMENTS_HELD);
	uint64_t begun_us = clock_monotonic_us();
	for (unsigned id = 0; id < 5000; id++) {
		struct frame f;
		frame_put16(whole.bytes + ETHER + 4, id);
		f = piece_of(&whole, 128, 256);
		CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	}
	/* 200 at once, 2,000 a second. */
	uint64_t may = 201 + (clock_monotonic_us() - begun_us) / 500;
	CHILD_CHECK(plane_count(&plane, NAT_C_FRAGMENTS_HELD) - held <= may);
	CHILD_CHECK(passes(UDP, 0, 128) && passes(UDP, 128, LONG));
	return 0;
}

static void a_flood_of_early_fragments_is_bounded_and_others_pass(void **state)
{
	(void)state;
	assert_child(flood, plane_no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_follow_their_first),
		cmocka_unit_test(
			a_first_fragment_begins_a_flow_and_two_hosts_share_no_identification),
		cmocka_unit_test(an_error_about_a_fragment_quotes_the_hosts_own_identification),
		cmocka_unit_test(what_comes_before_the_first_goes_to_the_service),
		cmocka_unit_test(rfc1858_tiny_and_impossible_pieces_are_dropped),
		cmocka_unit_test(overlaps_and_second_ends_poison_a_datagram),
		cmocka_unit_test(too_many_holes_poison_a_datagram),
		cmocka_unit_test(fragments_with_lent_sources_are_dropped),
		cmocka_unit_test(a_flood_of_early_fragments_is_bounded_and_others_pass),
	};
	return cmocka_run_group_tests(tests, plane_group, NULL);
}
