#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/nat/bpf/pieces_test.h"

#define GATEWAY IP4(192, 168, 1, 1)

enum { FIN = 1, RST = 4 };

static void frame_put32(uint8_t *at, uint32_t v)
{
	frame_put16(at, v >> 16);
	frame_put16(at + 2, v & 0xffff);
}

/* Whether it is the gateway's answer about that frame to who sent it, by the way that it came.
 * octets: of the quote. */
static bool answers(const struct frame *f, const struct frame *about, uint32_t to, uint8_t type,
		    uint8_t code, uint16_t mtu, size_t octets)
{
	struct frame want = frame_error(&plane, LAN, GATEWAY, to, type, code, mtu, about, octets);
	want.bytes[ETHER + 1] = 0xc0; /* RFC 1812 4.3.2.5 */
	memcpy(want.bytes + ETHER + 4, f->bytes + ETHER + 4, 2);
	frame_seal(&want);
	memcpy(want.bytes, about->bytes + 6, 6);
	memcpy(want.bytes + 6, plane.mac[LAN], 6);
	return f->len == want.len && !memcmp(f->bytes, want.bytes, want.len);
}

static struct frame host_sends(uint8_t proto, size_t octets, uint8_t ttl)
{
	struct frame f = frame_long(&plane, LAN, proto, HOST(2), 5000, WORLD(7),
				    proto == ICMP ? 0 : 80, octets);
	if (proto == TCP)
		f.bytes[ETHER + IP + 13] = SYN;
	f.bytes[ETHER + 8] = ttl;
	frame_seal(&f);
	return f;
}

static int ttl(void)
{
	static const uint8_t protos[] = {UDP, TCP, ICMP};
	static const size_t octets[] = {20, 33, 200, 548 - IP, 548, 1480};
	PLANE_BEGIN();
	plane_settings(&plane)->ttl_answers_s = 250;
	for (size_t i = 0; i < sizeof(protos); i++) {
		for (size_t n = 0; n < sizeof(octets) / sizeof(octets[0]); n++) {
			struct frame f = host_sends(protos[i], octets[n], n % 2 ? 1 : 0), was = f;
			CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
			/* RFC 1812 4.3.2.3: up to 576 octets in all. */
			CHILD_CHECK(answers(&f, &was, HOST(2), 11, 0, 0, 548));
		}
	}
	CHILD_CHECK(plane_count(&plane, NAT_C_TTL_ANSWERED) == 18);
	CHILD_CHECK(plane_count(&plane, NAT_C_DROP_TTL) == 18);
	return 0;
}

static void a_packet_whose_time_is_over_is_answered_from_the_device_it_came_in_by(void **state)
{
	(void)state;
	assert_child(ttl, plane_no_rights);
}

static int too_big(void)
{
	PLANE_BEGIN();
	struct frame f = host_sends(UDP, 1481, 64);
	frame_put16(f.bytes + ETHER + 6, DONT);
	frame_seal_ip(&f);
	struct frame was = f;
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(answers(&f, &was, HOST(2), 3, 4, 1500, 548));
	CHILD_CHECK(plane_count(&plane, NAT_C_MTU_ANSWERED) == 1);
	CHILD_CHECK(plane_count(&plane, NAT_C_DROP_MTU) == 1);
	/* It may be cut: the service does, of what is translated already. */
	(void)told_by(&plane);
	f = host_sends(UDP, 1481, 64);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_DROP);
	struct told t = told_by(&plane);
	struct frame want = frame_long(&plane, LAN, UDP, PUBLIC(1), 5000, WORLD(7), 80, 1481);
	want.bytes[ETHER + 8] = 63;
	frame_seal(&want);
	CHILD_CHECK(t.n[NAT_EVENT_CUT] == 1 && t.last.mtu == 1500);
	CHILD_CHECK(t.packet_len == 1501 && !memcmp(t.packet, want.bytes + ETHER, 1501));
	CHILD_CHECK(t.last.ifindex == plane.ifindex[WAN]);
	return 0;
}

static void rfc1191_what_may_not_be_cut_is_told_the_next_hops_mtu(void **state)
{
	(void)state;
	assert_child(too_big, plane_no_rights);
}

static int rejected(void)
{
	PLANE_BEGIN();
	struct nat_rule *rule = (struct nat_rule *)plane.rules.base + 1;
	*rule = (struct nat_rule){.from = 1u << NAT_ZONE_INSIDE,
				  .to = 1u << NAT_ZONE_OUTSIDE,
				  .action = NAT_REJECT,
				  .src_last = 65535,
				  .dst_last = 65535};
	plane_settings(&plane)->sets[0].rules_n = 1;
	plane_settings(&plane)->ttl_answers_s = 250;
	struct frame f = host_sends(UDP, 64, 64), was = f;
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(answers(&f, &was, HOST(2), 3, 13, 0, 548));
	CHILD_CHECK(plane_count(&plane, NAT_C_DROP_RULE) == 1);
	CHILD_CHECK(plane_count(&plane, NAT_C_REFUSAL_ANSWERED) == 1);
	rule->action = NAT_DROP;
	f = was;
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_DROP);
	return 0;
}

static void rfc5508_req8_a_rule_that_rejects_says_so(void **state)
{
	(void)state;
	assert_child(rejected, plane_no_rights);
}

/* Whether it is the RST of what was called, with these numbers; ack 0: without one. */
static bool resets(const struct frame *f, const struct frame *about, unsigned device, uint32_t seq,
		   uint32_t ack)
{
	const uint8_t *ip = about->bytes + ETHER;
	uint32_t src, dst;
	memcpy(&src, ip + 12, 4);
	memcpy(&dst, ip + 16, 4);
	struct frame want = frame_make(&plane, device, TCP, dst, frame_get16(ip + IP + 2), src,
				       frame_get16(ip + IP), ack ? RST | ACK : RST);
	want.len -= 32;
	frame_put16(want.bytes + ETHER + 6, DONT);
	frame_put32(want.bytes + ETHER + IP + 4, seq);
	frame_put32(want.bytes + ETHER + IP + 8, ack);
	frame_seal(&want);
	memcpy(want.bytes, about->bytes + 6, 6);
	memcpy(want.bytes + 6, plane.mac[device], 6);
	return f->len == want.len && !memcmp(f->bytes, want.bytes, want.len);
}

static struct frame segment(unsigned device, uint32_t src, uint32_t dst, uint8_t flags, size_t data)
{
	struct frame f = frame_make(&plane, device, TCP, src, 5000, dst, 80, flags);
	f.len += data - 32;
	frame_put32(f.bytes + ETHER + IP + 4, 0xfffffff0);
	frame_put32(f.bytes + ETHER + IP + 8, 0x01020304);
	frame_seal(&f);
	return f;
}

static int reset(void)
{
	static const struct {
		uint8_t flags;
		uint32_t seq, ack;
	} cases[] = {
		{SYN, 0, 0xfffffff0 + 1 + 33}, /* with data (RFC 7413) */
		{ACK, 0x01020304, 0},
		{FIN | ACK, 0x01020304, 0},
		{FIN, 0, 0xfffffff0 + 1 + 33},
	};
	PLANE_BEGIN();
	plane_settings(&plane)->ttl_answers_s = 250;
	((struct nat_rule *)plane.rules.base)[1].action = NAT_REJECT;
	((struct nat_rule *)plane.rules.base)[1].from = UINT32_MAX;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame f = segment(LAN, HOST(2), WORLD(7), cases[i].flags, 33), was = f;
		bool opens = cases[i].flags == SYN;
		/* Without a flow only a SYN comes as far as the rules. */
		if (!opens) {
			struct frame syn = segment(LAN, HOST(2), WORLD(7), SYN, 0);
			plane_fill_rules(&plane);
			plane_settings(&plane)->rules_gen++;
			(void)plane_run(&plane, "nat_tc_in", LAN, &syn);
			((struct nat_rule *)plane.rules.base)[1].action = NAT_REJECT;
			plane_settings(&plane)->rules_gen++;
		}
		CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
		CHILD_CHECK(resets(&f, &was, LAN, cases[i].seq, cases[i].ack));
	}
	/* From outside too: by the address that was called. */
	((struct nat_rule *)plane.rules.base)[1].from = UINT32_MAX;
	struct frame f = segment(WAN, WORLD(7), PUBLIC(1), SYN, 0), was = f;
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(resets(&f, &was, WAN, 0, 0xfffffff1));
	CHILD_CHECK(plane_count(&plane, NAT_C_REFUSAL_ANSWERED) == 6);
	return 0;
}

static void rfc9293_31071_tcp_that_is_rejected_is_reset(void **state)
{
	(void)state;
	assert_child(reset, plane_no_rights);
}

/* As if nobody had been told anything yet. */
static void forget_rates(void)
{
	const struct nat_rate none = {0};
	for (uint32_t i = 0; i < 257; i++)
		(void)plane_put(&plane, "answer_rates", &i, &none);
}

static int no_reset(void)
{
	PLANE_BEGIN();
	struct nat_rule *rule = (struct nat_rule *)plane.rules.base + 1;
	plane_settings(&plane)->ttl_answers_s = 250;
	rule->action = NAT_REJECT;
	rule->from = UINT32_MAX;
	uint64_t before = plane_count(&plane, NAT_C_REFUSAL_ANSWERED);
	/* Whose source is an inside one, and comes from outside: it would go there. */
	struct frame f = segment(WAN, HOST(2), PUBLIC(1), SYN, 0);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	/* Who calls a private address: its name would be seen. */
	f = segment(WAN, WORLD(7), HOST(2), SYN, 0);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	/* RFC 9293 3.10.7.1: no RST about a RST. */
	rule->action = NAT_ALLOW;
	f = segment(LAN, HOST(3), WORLD(7), SYN, 0);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
	rule->action = NAT_REJECT;
	plane_settings(&plane)->rules_gen++;
	f = segment(LAN, HOST(3), WORLD(7), RST, 0);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_DROP);
	CHILD_CHECK(plane_count(&plane, NAT_C_REFUSAL_ANSWERED) == before);
	/* Not more than other answers. */
	forget_rates();
	plane_settings(&plane)->ttl_answers_s = 2;
	for (int i = 0; i < 300; i++) {
		f = segment(LAN, HOST(2), WORLD(7), SYN, 0);
		(void)plane_run(&plane, "nat_tc_in", LAN, &f);
	}
	uint64_t said = plane_count(&plane, NAT_C_REFUSAL_ANSWERED) - before;
	forget_rates();
	CHILD_CHECK(said >= 1 && said <= 22);
	return 0;
}

static void a_reset_goes_to_nobody_who_has_not_asked(void **state)
{
	(void)state;
	assert_child(no_reset, plane_no_rights);
}

static int silent(void)
{
	PLANE_BEGIN();
	plane_settings(&plane)->ttl_answers_s = 250;
	uint64_t before = plane_count(&plane, NAT_C_TTL_ANSWERED);
	/* RFC 1122 3.2.2: about an error; about a later fragment. */
	struct frame cause = host_sends(UDP, 64, 64), sent = cause;
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &sent) == VERDICT_TC_SEND);
	struct frame f = frame_error(&plane, WAN, WORLD(7), PUBLIC(1), 3, 3, 0, &sent, 28);
	f.bytes[ETHER + 8] = 1;
	frame_seal(&f);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	f = host_sends(UDP, LONG, 1);
	struct frame later = piece_of(&f, 128, 256), first = piece_of(&f, 0, 128);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &later) == VERDICT_TC_DROP);
	CHILD_CHECK(plane_count(&plane, NAT_C_TTL_ANSWERED) == before);
	/* But about a first. */
	struct frame was = first;
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &first) == VERDICT_TC_SEND);
	CHILD_CHECK(answers(&first, &was, HOST(2), 11, 0, 0, 548));
	return 0;
}

static void nobody_is_told_of_errors_and_later_fragments(void **state)
{
	(void)state;
	assert_child(silent, plane_no_rights);
}

static int bounded(void)
{
	PLANE_BEGIN();
	plane_settings(&plane)->ttl_answers_s = 2;
	uint64_t before = plane_count(&plane, NAT_C_TTL_ANSWERED);
	for (int i = 0; i < 300; i++) {
		struct frame f = host_sends(UDP, 64, 1);
		(void)plane_run(&plane, "nat_tc_in", LAN, &f);
	}
	/* Two saved up, and two a second; this is over in far less than ten. */
	uint64_t said = plane_count(&plane, NAT_C_TTL_ANSWERED) - before;
	CHILD_CHECK(said >= 1 && said <= 22);
	/* Off. */
	plane_settings(&plane)->ttl_answers_s = 0;
	struct frame f = host_sends(UDP, 64, 1);
	CHILD_CHECK(plane_run(&plane, "nat_tc_in", LAN, &f) == VERDICT_TC_DROP);
	return 0;
}

static void answers_are_bounded_for_each_and_can_be_off(void **state)
{
	(void)state;
	assert_child(bounded, plane_no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_packet_whose_time_is_over_is_answered_from_the_device_it_came_in_by),
		cmocka_unit_test(rfc1191_what_may_not_be_cut_is_told_the_next_hops_mtu),
		cmocka_unit_test(rfc5508_req8_a_rule_that_rejects_says_so),
		cmocka_unit_test(rfc9293_31071_tcp_that_is_rejected_is_reset),
		cmocka_unit_test(a_reset_goes_to_nobody_who_has_not_asked),
		cmocka_unit_test(nobody_is_told_of_errors_and_later_fragments),
		cmocka_unit_test(answers_are_bounded_for_each_and_can_be_off),
	};
	return cmocka_run_group_tests(tests, plane_group, NULL);
}
