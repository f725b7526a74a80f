/* IPv6 in the data plane: filter, routing, ICMPv6, fragments. Octet by octet. */
#include "service/nat/bpf/six_world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST  "2001:db8:1::10"
#define WORLD "2001:db8:a::1"

enum { SYN = 2, ACK = 16, RST = 4 };

static void open_udp(uint16_t sport)
{
	struct frame want = leaving(udp_six(WAN, HOST, sport, WORLD, 53, 20, 63));
	assert_sends("nat_in6", LAN, udp_six(LAN, HOST, sport, WORLD, 53, 20, 64), &want);
}

/* ---- refusals ---- */

static void drops_what_is_torn(void **state)
{
	struct frame f;
	NEEDS_PROGRAMS();
	f = udp_six(LAN, HOST, 1, WORLD, 2, 20, 64);
	/* The kernel runs no program on less than a header of IPv6. */
	for (size_t len = ETHER + 40; len < f.len; len++) {
		struct frame torn = f;
		torn.len = len;
		assert_drops("nat_in6", LAN, torn, NAT_C_DROP_FORMAT);
	}
	f = udp_six(LAN, HOST, 1, WORLD, 0, 20, 64);
	assert_drops("nat_in6", LAN, f, NAT_C_DROP_FORMAT);
	f = tcp_six(LAN, HOST, 1, WORLD, 2, 0, 64);
	assert_drops("nat_in6", LAN, f, NAT_C_DROP_FORMAT);
	f = tcp_six(LAN, HOST, 1, WORLD, 2, SYN | RST, 64);
	assert_drops("nat_in6", LAN, f, NAT_C_DROP_FORMAT);
	f = udp_six(LAN, HOST, 1, WORLD, 2, 20, 64);
	f.bytes[ETHER] = 0x40;
	assert_drops("nat_in6", LAN, f, NAT_C_DROP_FORMAT);
}

static void drops_sources_that_do_not_belong_there(void **state)
{
	NEEDS_PROGRAMS();
	assert_drops("nat_in6", LAN, udp_six(LAN, WORLD, 1, "2001:db8:b::1", 2, 8, 64),
		     NAT_C_DROP_SPOOFED);
	assert_drops("nat_in6", WAN, udp_six(WAN, HOST, 1, "2001:db8:1::11", 2, 8, 64),
		     NAT_C_DROP_SPOOFED);
	assert_drops("nat_in6", LAN, udp_six(LAN, "2001:db8:1::1", 1, WORLD, 2, 8, 64),
		     NAT_C_DROP_SPOOFED);
	assert_drops("nat_in6", WAN, udp_six(WAN, "fd99::1", 1, HOST, 2, 8, 64), NAT_C_DROP_BOGON);
	assert_drops("nat_in6", LAN, udp_six(LAN, "::1", 1, WORLD, 2, 8, 64), NAT_C_DROP_BOGON);
	assert_drops("nat_in6", LAN, udp_six(LAN, "ff02::1", 1, WORLD, 2, 8, 64), NAT_C_DROP_BOGON);
	assert_drops("nat_in6", LAN, udp_six(LAN, "::ffff:10.0.0.1", 1, WORLD, 2, 8, 64),
		     NAT_C_DROP_BOGON);
	/* RFC 4291 2.5.6: routers must not forward them. */
	assert_drops("nat_in6", LAN, udp_six(LAN, "fe80::10", 1, WORLD, 2, 8, 64),
		     NAT_C_DROP_SPOOFED);
}

static void drops_what_nobody_asked_for(void **state)
{
	NEEDS_PROGRAMS();
	assert_drops("nat_in6", WAN, udp_six(WAN, WORLD, 1, HOST, 2, 8, 64), NAT_C_DROP_UNASKED);
	assert_drops("nat_in6", WAN, tcp_six(WAN, WORLD, 1, HOST, 22, SYN, 64), NAT_C_DROP_UNASKED);
	assert_drops("nat_in6", WAN, tcp_six(WAN, WORLD, 1, "2001:db8:f::1", 22, SYN, 64),
		     NAT_C_DROP_UNASKED);
	assert_drops("nat_in6", WAN, echo_six(WAN, WORLD, HOST, 129, 5, 64), NAT_C_DROP_NO_FLOW);
	assert_drops("nat_in6", LAN, tcp_six(LAN, HOST, 1, WORLD, 22, ACK, 64), NAT_C_DROP_NO_FLOW);
	/* A private address is nobody's name outside, whatever the rules say. */
	assert_drops("nat_in6", WAN, tcp_six(WAN, WORLD, 1, "fd01:203:405:1::5", 80, SYN, 64),
		     NAT_C_DROP_UNASKED);
}

/* RFC 4193 4.3, and the rule of the house: no private source outside, ever. */
static void lets_no_private_source_out(void **state)
{
	NEEDS_PROGRAMS();
	assert_drops("nat_in6", LAN, udp_six(LAN, "fd01:203:405:1::5", 1, WORLD, 2, 8, 64),
		     NAT_C_DROP_LEAK);
	assert_drops("nat_out6", WAN, udp_six(WAN, "fd01:203:405:1::5", 1, WORLD, 2, 8, 64),
		     NAT_C_DROP_LEAK);
	assert_drops("nat_out6", WAN, udp_six(WAN, "fd01:203:405:1::1", 1, WORLD, 2, 8, 64),
		     NAT_C_DROP_LEAK);
	assert_drops("nat_out6", WAN, tcp_six(WAN, HOST, 1, WORLD, 2, RST, 64), NAT_C_DROP_LEAK);
	assert_drops("nat_out6", WAN, udp_six(WAN, "fe80::1", 1, WORLD, 2, 8, 64), NAT_C_DROP_LEAK);
}

/* ---- extension headers ---- */

/* next: the chain of headers, each 8 octets with its first one set, before UDP. */
static struct frame chain(const uint8_t *next, size_t n, uint8_t segments)
{
	struct frame f = {0}, udp = udp_six(LAN, HOST, 1000, WORLD, 2000, 8, 64);
	frame_begin(&f, LAN, 0x86dd);
	frame_six(&f, HOST, WORLD, n ? next[0] : 17, 64, 8 * n + 16);
	for (size_t i = 0; i < n; i++) {
		uint8_t head[8] = {i + 1 < n ? next[i + 1] : 17, 0, 0, 0};
		if (next[i] == 43)
			head[3] = segments;
		frame_add(&f, head, 8);
	}
	frame_add(&f, udp.bytes + ETHER + 40, 16);
	return f;
}

static void walks_extension_headers_so_far_and_not_further(void **state)
{
	uint8_t many[10];
	struct frame f, want;
	NEEDS_PROGRAMS();
	memset(many, 60, sizeof(many));
	f = chain(many, 8, 0);
	want = leaving(f);
	want.bytes[ETHER + 7] = 63;
	memcpy(want.bytes, (uint8_t[]){2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 2}, 12);
	assert_sends("nat_in6", LAN, f, &want);
	assert_drops("nat_in6", LAN, chain(many, 9, 0), NAT_C_DROP_FORMAT);
	/* RFC 8200 4.1: hop-by-hop is the first, or nowhere. */
	assert_drops("nat_in6", LAN, chain((uint8_t[]){60, 0}, 2, 0), NAT_C_DROP_FORMAT);
	/* RFC 5095: a routing header of type 0 with a way to go. */
	assert_drops("nat_in6", LAN, chain((uint8_t[]){43}, 1, 1), NAT_C_DROP_FORMAT);
	f = chain((uint8_t[]){43}, 1, 0);
	assert_int_equal(run("nat_in6", LAN, &f), REDIRECT);
}

/* ---- flows ---- */

static void forwards_and_knows_the_answers(void **state)
{
	struct frame want = leaving(udp_six(LAN, WORLD, 53, HOST, 1000, 30, 54));
	NEEDS_PROGRAMS();
	open_udp(1000);
	assert_int_equal(world.mark, NAT_MARK); /* nat_tc_out lets it pass by this */
	assert_sends("nat_in6", WAN, udp_six(WAN, WORLD, 53, HOST, 1000, 30, 55), &want);
	/* Address and port of the other end (RFC 6092 REC-11 as strict as can be). */
	assert_drops("nat_in6", WAN, udp_six(WAN, WORLD, 54, HOST, 1000, 8, 64),
		     NAT_C_DROP_UNASKED);
	assert_drops("nat_in6", WAN, udp_six(WAN, "2001:db8:a::2", 53, HOST, 1000, 8, 64),
		     NAT_C_DROP_UNASKED);
}

/* The kernel finds it; and what it may be long is the device's, as it says nothing of the route. */
static void goes_to_neighbours_that_are_not_known_yet(void **state)
{
	struct frame f;
	NEEDS_PROGRAMS();
	f = tcp_six(WAN, WORLD, 7, "2001:db8:1::99", 80, SYN, 64);
	assert_int_equal(run("nat_in6", WAN, &f), REDIRECT);
}

static void follows_tcp(void **state)
{
	struct frame f;
	struct nat_flow6 flow;
	uint32_t first = 1;
	NEEDS_PROGRAMS();
	f = tcp_six(LAN, HOST, 1000, WORLD, 80, SYN, 64);
	assert_int_equal(run("nat_in6", LAN, &f), REDIRECT);
	world_get("flows6", &first, &flow);
	assert_int_equal(flow.tcp, NAT_TCP_INIT);
	assert_int_equal(flow.idle, NAT_IDLE_TCP_OPENING);
	f = tcp_six(WAN, WORLD, 80, HOST, 1000, SYN | ACK, 64);
	assert_int_equal(run("nat_in6", WAN, &f), REDIRECT);
	f = tcp_six(LAN, HOST, 1000, WORLD, 80, ACK, 64);
	assert_int_equal(run("nat_in6", LAN, &f), REDIRECT);
	world_get("flows6", &first, &flow);
	assert_int_equal(flow.tcp, NAT_TCP_ESTABLISHED);
	assert_int_equal(flow.bytes[0], 120);
	assert_int_equal(flow.bytes[1], 60);
	f = tcp_six(WAN, WORLD, 80, HOST, 1000, RST, 64);
	assert_int_equal(run("nat_in6", WAN, &f), REDIRECT);
	world_get("flows6", &first, &flow);
	assert_int_equal(flow.idle, NAT_IDLE_TCP_CLOSING);
}

static void rules_let_in_and_judge_again(void **state)
{
	struct frame want = leaving(tcp_six(LAN, WORLD, 5, HOST, 80, SYN, 63));
	struct nat_settings s, other;
	uint32_t zero = 0;
	NEEDS_PROGRAMS();
	assert_sends("nat_in6", WAN, tcp_six(WAN, WORLD, 5, HOST, 80, SYN, 64), &want);
	world_get("settings", &zero, &s);
	other = s;
	other.rules_gen++;
	world_put("settings", &zero, &other);
	assert_sends("nat_in6", WAN, tcp_six(WAN, WORLD, 5, HOST, 80, SYN, 64), &want);
	other.rules_gen++;
	other.sets[0].rules_n = 0;
	world_put("settings", &zero, &other);
	assert_drops("nat_in6", WAN, tcp_six(WAN, WORLD, 5, HOST, 80, SYN, 64), NAT_C_DROP_RULE);
	world_put("settings", &zero, &s);
}

static void what_a_proxy_takes_is_left_to_the_machine(void **state)
{
	struct nat_rule rule = {.from = 1U << NAT_ZONE_INSIDE,
				.to = 1U << NAT_ZONE_OUTSIDE,
				.proto = 6,
				.action = NAT_ALLOW,
				.src_last = UINT16_MAX,
				.dst_first = 443,
				.dst_last = 443};
	struct frame about = tcp_six(LAN, WORLD, 443, HOST, 7000, ACK, 60);
	struct frame error = error_six(LAN, "2001:db8:1::9", WORLD, 2, 0, 1280, &about, 1232);
	struct nat_settings s, other;
	uint32_t zero = 0, number;
	NEEDS_PROGRAMS();
	world_get("settings", &zero, &s);
	assert_drops("nat_in6", LAN, error, NAT_C_DROP_ICMP);
	number = s.sets[0].rule_first + s.sets[0].rules_n;
	world_put("rules", &number, &rule);
	other = s;
	other.sets[0].taken_n = 1;
	world_put("settings", &zero, &other);
	assert_passes("nat_in6", LAN, tcp_six(LAN, HOST, 7000, WORLD, 443, SYN, 64));
	assert_passes("nat_in6", LAN, tcp_six(LAN, HOST, 7000, WORLD, 443, ACK, 64));
	assert_passes("nat_in6", LAN, error);
	assert_drops("nat_in6", LAN, tcp_six(LAN, HOST, 7000, WORLD, 444, ACK, 64),
		     NAT_C_DROP_NO_FLOW);
	assert_drops("nat_in6", WAN, tcp_six(WAN, "2001:db8:b::1", 7, WORLD, 443, SYN, 64),
		     NAT_C_DROP_UNASKED);
	/* What the rules refuse is refused all the same. */
	other.sets[0].rules_n = 0;
	number = other.sets[0].rule_first;
	struct nat_rule first;
	world_get("rules", &number, &first);
	world_put("rules", &number, &rule);
	world_put("settings", &zero, &other);
	assert_drops("nat_in6", LAN, tcp_six(LAN, HOST, 7001, WORLD, 443, SYN, 64),
		     NAT_C_DROP_RULE);
	world_put("rules", &number, &first);
	world_put("settings", &zero, &s);
	assert_drops("nat_in6", LAN, tcp_six(LAN, HOST, 7000, WORLD, 443, ACK, 64),
		     NAT_C_DROP_NO_FLOW);
}

/* RFC 5508 REQ-8, by ICMPv6: told that it is prohibited, and counted once. */
static void assert_refused(uint16_t sport, enum nat_counter why)
{
	struct frame f = udp_six(LAN, HOST, sport, WORLD, 53, 20, 64);
	struct frame want = leaving(error_six(LAN, "2001:db8:1::1", HOST, 1, 1, 0, &f, 1232));
	uint64_t before = world_count(why), rules = world_count(NAT_C_DROP_RULE);
	assert_sends("nat_in6", LAN, f, &want);
	assert_int_equal(world_count(why) - before, 1);
	assert_int_equal(world_count(NAT_C_DROP_RULE), rules);
}

static void what_would_pass_by_a_proxy_is_refused_and_told(void **state)
{
	struct nat_rule rule = {.from = 1U << NAT_ZONE_INSIDE,
				.to = 1U << NAT_ZONE_OUTSIDE,
				.proto = 17,
				.action = NAT_REJECT,
				.src_last = UINT16_MAX,
				.dst_first = 53,
				.dst_last = 53};
	struct nat_settings s, other;
	uint32_t zero = 0, number;
	NEEDS_PROGRAMS();
	world_get("settings", &zero, &s);
	open_udp(1021);
	open_udp(1024);
	number = s.sets[0].rule_first + s.sets[0].rules_n;
	world_put("rules", &number, &rule);
	other = s;
	other.sets[0].taken_n = 1;
	other.rules_gen++;
	world_put("settings", &zero, &other);
	assert_refused(1022, NAT_C_DROP_QUIC);
	/* A flow from before as well; another port, and TCP, are not meant. */
	assert_refused(1021, NAT_C_DROP_QUIC);
	/* Whoever was called outside is told nothing. */
	assert_drops("nat_in6", WAN, udp_six(WAN, WORLD, 53, HOST, 1024, 20, 64), NAT_C_DROP_QUIC);
	struct frame f = udp_six(LAN, HOST, 1023, WORLD, 54, 20, 64);
	struct frame want = leaving(udp_six(WAN, HOST, 1023, WORLD, 54, 20, 63));
	assert_sends("nat_in6", LAN, f, &want);
	/* What the firewall refuses it refuses, and counts. */
	struct nat_rule first;
	other.sets[0].rules_n = 0;
	number = other.sets[0].rule_first;
	world_get("rules", &number, &first);
	world_put("rules", &number, &rule);
	world_put("settings", &zero, &other);
	assert_drops("nat_in6", LAN, udp_six(LAN, HOST, 1022, WORLD, 53, 20, 64), NAT_C_DROP_RULE);
	world_put("rules", &number, &first);
	world_put("settings", &zero, &s);
	open_udp(1022);
}

static void a_host_has_a_limit(void **state)
{
	struct nat_settings s, few;
	uint32_t zero = 0;
	NEEDS_PROGRAMS();
	world_get("settings", &zero, &s);
	few = s;
	few.host_flows_max = 2;
	world_put("settings", &zero, &few);
	open_udp(1001);
	open_udp(1002);
	assert_refused(1003, NAT_C_DROP_HOST_FULL);
	open_udp(1002);
	world_put("settings", &zero, &s);
}

static void a_full_table_refuses(void **state)
{
	struct nat_settings6 s, few;
	uint32_t zero = 0;
	NEEDS_PROGRAMS();
	world_get("settings6", &zero, &s);
	few = s;
	few.flows_max = 1;
	world_put("settings6", &zero, &few);
	open_udp(1001);
	assert_refused(1003, NAT_C_DROP_TABLE_FULL);
	world_put("settings6", &zero, &s);
}

/* ---- the machine itself ---- */

static void the_machine_speaks_and_is_answered(void **state)
{
	NEEDS_PROGRAMS();
	assert_drops("nat_in6", WAN, udp_six(WAN, WORLD, 53, "2001:db8:f::1", 4000, 8, 64),
		     NAT_C_DROP_UNASKED);
	assert_passes("nat_out6", WAN, udp_six(WAN, "2001:db8:f::1", 4000, WORLD, 53, 8, 64));
	assert_passes("nat_in6", WAN, udp_six(WAN, WORLD, 53, "2001:db8:f::1", 4000, 8, 64));
	assert_drops("nat_in6", WAN, udp_six(WAN, WORLD, 54, "2001:db8:f::1", 4000, 8, 64),
		     NAT_C_DROP_UNASKED);
	/* By a rule: port 80 of it. */
	assert_passes("nat_in6", WAN, tcp_six(WAN, WORLD, 6, "2001:db8:f::1", 80, SYN, 64));
	assert_passes("nat_in6", WAN, tcp_six(WAN, WORLD, 6, "2001:db8:f::1", 80, ACK, 64));
	/* From inside it is open. */
	assert_passes("nat_in6", LAN, udp_six(LAN, HOST, 6, "2001:db8:1::1", 53, 8, 64));
	assert_passes("nat_in6", LAN, udp_six(LAN, "fe80::10", 6, "ff02::1:2", 547, 8, 1));
}

/* RFC 4861 7.1: hop limit 255; RFC 4890 4.4.1: they reach the machine. */
static void neighbours_are_heard_and_not_forwarded(void **state)
{
	struct frame f;
	NEEDS_PROGRAMS();
	f = echo_six(LAN, "fe80::10", "2001:db8:1::1", 135, 0, 255);
	assert_passes("nat_in6", LAN, f);
	f.bytes[ETHER + 7] = 254;
	assert_drops("nat_in6", LAN, f, NAT_C_DROP_ICMP);
	assert_drops("nat_in6", LAN, echo_six(LAN, HOST, WORLD, 135, 0, 255), NAT_C_DROP_ICMP);
	assert_passes("nat_in6", WAN, echo_six(WAN, "fe80::fe", "fe80::2", 136, 0, 255));
	assert_passes("nat_out6", WAN, echo_six(WAN, "::", "ff02::1:ff00:1", 135, 0, 255));
	assert_passes("nat_out6", WAN, echo_six(WAN, "fe80::2", "ff02::16", 143, 0, 1));
}

/* ---- errors ---- */

/* RFC 4443 3.3. */
static void tells_whose_hop_limit_is_over(void **state)
{
	struct frame f = udp_six(LAN, HOST, 1000, WORLD, 53, 20, 1);
	struct frame want = leaving(error_six(LAN, "2001:db8:1::1", HOST, 3, 0, 0, &f, 1232));
	NEEDS_PROGRAMS();
	assert_sends("nat_in6", LAN, f, &want);
	assert_int_equal(run("nat_in6", LAN, &f), REDIRECT);
}

/* RFC 4443 3.2, and 2.4 c: no more than 1280 octets. */
static void tells_what_is_too_big(void **state)
{
	struct frame f = udp_six(LAN, HOST, 1000, WORLD, 53, 1500, 64);
	struct frame want = leaving(error_six(LAN, "2001:db8:1::1", HOST, 2, 0, 1500, &f, 1232));
	NEEDS_PROGRAMS();
	assert_int_equal(want.len, ETHER + 1280);
	assert_sends("nat_in6", LAN, f, &want);
}

static void a_rule_that_rejects_tells(void **state)
{
	struct frame f = udp_six(LAN, HOST, 1000, WORLD, 9, 20, 64);
	struct frame want = leaving(error_six(LAN, "2001:db8:1::1", HOST, 1, 1, 0, &f, 1232));
	NEEDS_PROGRAMS();
	assert_sends("nat_in6", LAN, f, &want);
}

/* The RST that answers tcp_six's segment, whose numbers are 0x00010203 and 0x04050607. */
static struct frame reset_of(int device, const char *src, const char *dst, uint16_t dport,
			     uint32_t seq, uint32_t ack)
{
	struct frame f = leaving(tcp_six(device, src, 9, dst, dport, ack ? RST | ACK : RST, 64));
	uint32_t words[2] = {htonl(seq), htonl(ack)};
	memcpy(f.bytes + ETHER + 40 + 4, words, sizeof(words));
	memset(f.bytes + ETHER + 40 + 14, 0, 2); /* no window */
	frame_sum(&f, ETHER, ETHER + 40, 6);
	return f;
}

/* RFC 9293 3.10.7.1. */
static void tcp_that_is_rejected_is_reset(void **state)
{
	struct frame want = reset_of(LAN, WORLD, HOST, 1000, 0, 0x00010204);
	NEEDS_PROGRAMS();
	uint64_t before = world_count(NAT_C_REFUSAL_ANSWERED);
	assert_sends("nat_in6", LAN, tcp_six(LAN, HOST, 1000, WORLD, 9, SYN, 64), &want);
	/* From outside, by the address that was called. */
	want = reset_of(WAN, HOST, WORLD, 1000, 0, 0x00010204);
	assert_sends("nat_in6", WAN, tcp_six(WAN, WORLD, 1000, HOST, 9, SYN, 64), &want);
	assert_int_equal(world.mark, NAT_MARK);
	want = reset_of(WAN, "2001:db8:f::1", WORLD, 1000, 0, 0x00010204);
	assert_sends("nat_in6", WAN, tcp_six(WAN, WORLD, 1000, "2001:db8:f::1", 9, SYN, 64), &want);
	/* Who says that he is inside, and who calls a private address, hear nothing. */
	assert_drops("nat_in6", WAN, tcp_six(WAN, HOST, 1000, "2001:db8:f::1", 9, SYN, 64),
		     NAT_C_DROP_SPOOFED);
	assert_drops("nat_in6", WAN, tcp_six(WAN, WORLD, 1000, "fd01:203:405:1::5", 9, SYN, 64),
		     NAT_C_DROP_UNASKED);
	assert_int_equal(world_count(NAT_C_REFUSAL_ANSWERED) - before, 3);
}

/* RFC 4890 4.3.1: unreachable, too big, time exceeded, parameter problem must not be dropped. */
static void errors_about_flows_come_through(void **state)
{
	struct frame about = udp_six(WAN, HOST, 1000, WORLD, 53, 20, 60), f, want;
	NEEDS_PROGRAMS();
	open_udp(1000);
	for (uint8_t type = 1; type <= 4; type++) {
		f = error_six(WAN, "2001:db8:c::9", HOST, type, 0, 1280, &about, 1232);
		want = f;
		memcpy(want.bytes, (uint8_t[]){2, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 1}, 12);
		want.bytes[ETHER + 7]--;
		assert_sends("nat_in6", WAN, f, &want);
	}
	/* No more than the ports of what is quoted is needed. */
	f = error_six(WAN, "2001:db8:c::9", HOST, 2, 0, 1280, &about, 48);
	assert_int_equal(run("nat_in6", WAN, &f), REDIRECT);
}

static void forged_errors_are_dropped(void **state)
{
	struct frame other = udp_six(WAN, HOST, 1001, WORLD, 53, 20, 60);
	struct frame about = udp_six(WAN, HOST, 1000, WORLD, 53, 20, 60);
	struct frame echo = echo_six(WAN, HOST, WORLD, 1, 0, 60);
	NEEDS_PROGRAMS();
	open_udp(1000);
	assert_drops("nat_in6", WAN, error_six(WAN, WORLD, HOST, 1, 0, 0, &other, 1232),
		     NAT_C_DROP_ICMP);
	/* To another host than the one that has sent. */
	assert_drops("nat_in6", WAN, error_six(WAN, WORLD, "2001:db8:1::11", 1, 0, 0, &about, 1232),
		     NAT_C_DROP_ICMP);
	assert_drops("nat_in6", WAN, error_six(WAN, WORLD, HOST, 1, 0, 0, &about, 47),
		     NAT_C_DROP_ICMP);
	assert_drops("nat_in6", WAN, error_six(WAN, WORLD, HOST, 1, 0, 0, &echo, 1232),
		     NAT_C_DROP_ICMP);
}

static void pings_and_only_its_own_answers(void **state)
{
	struct frame want = leaving(echo_six(WAN, HOST, WORLD, 128, 77, 63));
	NEEDS_PROGRAMS();
	assert_sends("nat_in6", LAN, echo_six(LAN, HOST, WORLD, 128, 77, 64), &want);
	want = leaving(echo_six(LAN, WORLD, HOST, 129, 77, 63));
	assert_sends("nat_in6", WAN, echo_six(WAN, WORLD, HOST, 129, 77, 64), &want);
	assert_drops("nat_in6", WAN, echo_six(WAN, WORLD, HOST, 129, 78, 64), NAT_C_DROP_NO_FLOW);
	assert_drops("nat_in6", WAN, echo_six(WAN, WORLD, HOST, 128, 77, 64), NAT_C_DROP_UNASKED);
}

/* ---- fragments ---- */

static struct frame fragment(uint16_t offset, bool more, uint32_t id, size_t len)
{
	struct frame f = {0}, udp = udp_six(LAN, HOST, 1000, WORLD, 53, 200, 64);
	uint16_t word = (uint16_t)(offset | more);
	uint8_t head[8] = {17, 0, (uint8_t)(word >> 8), (uint8_t)word,
			   0,  0, (uint8_t)(id >> 8),	(uint8_t)id};
	frame_begin(&f, LAN, 0x86dd);
	frame_six(&f, HOST, WORLD, 44, 64, 8 + len);
	frame_add(&f, head, 8);
	frame_add(&f, udp.bytes + ETHER + 40 + offset, len);
	return f;
}

static void fragments_follow_their_first(void **state)
{
	struct frame f = fragment(0, true, 1, 104), want = f;
	NEEDS_PROGRAMS();
	assert_drops("nat_in6", LAN, fragment(104, false, 1, 104), NAT_C_DROP_FRAGMENT);
	want.bytes[ETHER + 7]--;
	memcpy(want.bytes, (uint8_t[]){2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 2}, 12);
	assert_sends("nat_in6", LAN, f, &want);
	f = fragment(104, false, 1, 104);
	assert_int_equal(run("nat_in6", LAN, &f), REDIRECT);
	assert_drops("nat_in6", LAN, fragment(104, false, 2, 104), NAT_C_DROP_FRAGMENT);
	/* RFC 5722: over what the first one has shown. */
	assert_drops("nat_in6", LAN, fragment(8, true, 1, 16), NAT_C_DROP_FRAGMENT);
}

/* RFC 7112 5. */
static void a_first_fragment_has_all_headers(void **state)
{
	NEEDS_PROGRAMS();
	assert_drops("nat_in6", LAN, fragment(0, true, 3, 0), NAT_C_DROP_FRAGMENT);
	struct frame f = {0};
	frame_begin(&f, LAN, 0x86dd);
	frame_six(&f, HOST, WORLD, 44, 64, 16);
	frame_add(&f, (uint8_t[]){60, 0, 0, 1, 0, 0, 0, 9}, 8);
	frame_add(&f, (uint8_t[]){6, 0, 1, 4, 0, 0, 0, 0}, 8);
	assert_drops("nat_in6", LAN, f, NAT_C_DROP_FRAGMENT);
	/* RFC 8200 4.5: not a multiple of 8, and not the last. */
	assert_drops("nat_in6", LAN, fragment(0, true, 4, 101), NAT_C_DROP_FRAGMENT);
}

/* ---- at the driver ---- */

/* XDP does what it can, and leaves all else as it was. */
static void xdp_forwards_known_flows(void **state)
{
	struct frame f = udp_six(LAN, HOST, 1000, WORLD, 53, 20, 64), want;
	enum { XDP_LETS_PASS = 2, XDP_REDIRECTS = 4 };
	NEEDS_PROGRAMS();
	want = f;
	assert_int_equal(run_xdp("nat_xdp6", LAN, &f), XDP_LETS_PASS);
	assert_memory_equal(f.bytes, want.bytes, want.len);
	open_udp(1000);
	want = leaving(udp_six(WAN, HOST, 1000, WORLD, 53, 20, 63));
	assert_int_equal(run_xdp("nat_xdp6", LAN, &f), XDP_REDIRECTS);
	assert_memory_equal(f.bytes, want.bytes, want.len);
	f = want = udp_six(LAN, HOST, 1000, WORLD, 53, 20, 1);
	assert_int_equal(run_xdp("nat_xdp6", LAN, &f), XDP_LETS_PASS);
	assert_memory_equal(f.bytes, want.bytes, want.len);
}

/* ---- the end ---- */

static void silent_flows_end(void **state)
{
	struct nat_settings s, hasty;
	struct nat_flow6 flow;
	uint32_t zero = 0, first = 1;
	NEEDS_PROGRAMS();
	open_udp(1000);
	world_get("settings", &zero, &s);
	hasty = s;
	hasty.idle[NAT_IDLE_UDP_DNS] = 0;
	hasty.sweep_n = 64;
	hasty.sweep_ns = 1000000;
	world_put("settings", &zero, &hasty);
	for (int i = 0; i < 200; i++) {
		usleep(20000);
		world_get("flows6", &first, &flow);
		if (flow.life == NAT_FREE)
			break;
	}
	assert_int_equal(flow.life, NAT_FREE);
	world_put("settings", &zero, &s);
	assert_drops("nat_in6", WAN, udp_six(WAN, WORLD, 53, HOST, 1000, 30, 55),
		     NAT_C_DROP_UNASKED);
	/* The number is given again. */
	open_udp(2000);
	world_get("flows6", &first, &flow);
	assert_int_equal(flow.life, NAT_LIVE);
	assert_int_equal(flow.tuple[0].sport, htons(2000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_what_is_torn),
		cmocka_unit_test(drops_sources_that_do_not_belong_there),
		cmocka_unit_test(drops_what_nobody_asked_for),
		cmocka_unit_test(lets_no_private_source_out),
		cmocka_unit_test(walks_extension_headers_so_far_and_not_further),
		cmocka_unit_test(forwards_and_knows_the_answers),
		cmocka_unit_test(goes_to_neighbours_that_are_not_known_yet),
		cmocka_unit_test(follows_tcp),
		cmocka_unit_test(rules_let_in_and_judge_again),
		cmocka_unit_test(what_a_proxy_takes_is_left_to_the_machine),
		cmocka_unit_test(a_host_has_a_limit),
		cmocka_unit_test(what_would_pass_by_a_proxy_is_refused_and_told),
		cmocka_unit_test(a_full_table_refuses),
		cmocka_unit_test(the_machine_speaks_and_is_answered),
		cmocka_unit_test(neighbours_are_heard_and_not_forwarded),
		cmocka_unit_test(tells_whose_hop_limit_is_over),
		cmocka_unit_test(tells_what_is_too_big),
		cmocka_unit_test(a_rule_that_rejects_tells),
		cmocka_unit_test(tcp_that_is_rejected_is_reset),
		cmocka_unit_test(errors_about_flows_come_through),
		cmocka_unit_test(forged_errors_are_dropped),
		cmocka_unit_test(pings_and_only_its_own_answers),
		cmocka_unit_test(fragments_follow_their_first),
		cmocka_unit_test(a_first_fragment_has_all_headers),
		cmocka_unit_test(xdp_forwards_known_flows),
		cmocka_unit_test(silent_flows_end),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
