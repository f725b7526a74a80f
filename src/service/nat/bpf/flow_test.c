#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/nat/bpf/plane_test.h"

static const char no_rights[] = "this user or kernel does not load programs";

enum { TCP = 6, UDP = 17, ICMP = 1, SYN = 2, SYN_ACK = 0x12, ACK = 0x10, RST = 4, FIN = 0x11 };

/* Out and back, and the same when the flow is known. */
static int there_and_back(const struct plane *p, const char *program, int sent, uint8_t proto,
			  uint16_t port, uint16_t far)
{
	for (int i = 0; i < 2; i++) {
		struct frame f =
			frame_make(p, LAN, proto, HOST(2), port, WORLD(7), far, i == 0 ? SYN : ACK);
		CHILD_CHECK(plane_run(p, program, LAN, &f) == sent);
		CHILD_CHECK(
			frame_is(p, &f, proto, PUBLIC(1), port, WORLD(7), far, i == 0 ? SYN : ACK));
		/* The first goes by the kernel's neighbours, so that they are asked. */
		CHILD_CHECK(i == 0 || !memcmp(f.bytes, "\2\0\0\0\0\376", 6));
		CHILD_CHECK(i == 0 || !memcmp(f.bytes + 6, p->mac[WAN], 6));
		f = frame_make(p, WAN, proto, WORLD(7), far, PUBLIC(1), port,
			       i == 0 ? SYN_ACK : ACK);
		CHILD_CHECK(plane_run(p, program, WAN, &f) == sent);
		CHILD_CHECK(frame_is(p, &f, proto, WORLD(7), far, HOST(2), port,
				     i == 0 ? SYN_ACK : ACK));
		CHILD_CHECK(i == 0 || !memcmp(f.bytes, "\2\0\0\0\0\2", 6));
	}
	return 0;
}

/* Somebody there asks us with identifier 0, and is asked with it: both get their answers. */
static int identifier_0(const struct plane *p)
{
	struct nat_rule *rules = p->rules.base;
	rules[2] = (struct nat_rule){.from = 1u << NAT_ZONE_OUTSIDE,
				     .to = 1u << NAT_ZONE_GATEWAY,
				     .proto = ICMP,
				     .action = NAT_ALLOW,
				     .src_last = UINT16_MAX,
				     .dst_last = UINT16_MAX};
	plane_settings(p)->sets[0].rules_n = 2;
	struct frame f = frame_make(p, WAN, ICMP, WORLD(7), 0, PUBLIC(1), 0, 0);
	CHILD_CHECK(plane_run(p, "nat_tc_in", WAN, &f) == VERDICT_TC_PASS);
	f = frame_make(p, LAN, ICMP, HOST(2), 0, WORLD(7), 0, 0);
	CHILD_CHECK(plane_run(p, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
	uint16_t id = frame_get16(f.bytes + ETHER + 24);
	CHILD_CHECK(id != 0 && frame_is(p, &f, ICMP, PUBLIC(1), id, WORLD(7), 0, 0));
	f = frame_make(p, WAN, ICMP, WORLD(7), 0, PUBLIC(1), id, 0);
	CHILD_CHECK(plane_run(p, "nat_tc_in", WAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(frame_get16(f.bytes + ETHER + 24) == 0);
	return 0;
}

static int both(void)
{
	struct plane p;
	if (plane_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!plane_make(&p));
	CHILD_CHECK(!there_and_back(&p, "nat_tc_in", VERDICT_TC_SEND, UDP, 5000, 4000));
	CHILD_CHECK(!there_and_back(&p, "nat_tc_in", VERDICT_TC_SEND, TCP, 5000, 80));
	CHILD_CHECK(!there_and_back(&p, "nat_tc_in", VERDICT_TC_SEND, ICMP, 77, 0));
	CHILD_CHECK(!there_and_back(&p, "nat_xdp", XDP_REDIRECT, UDP, 5001, 4000));
	CHILD_CHECK(!there_and_back(&p, "nat_xdp", XDP_REDIRECT, TCP, 5001, 80));
	CHILD_CHECK(plane_count(&p, NAT_C_FLOWS_BEGUN) == 5);
	CHILD_CHECK(!identifier_0(&p));
	bpf_set_free(p.set);
	return 0;
}

static void goes_out_and_comes_back(void **state)
{
	(void)state;
	assert_child(both, no_rights);
}

/* ---- the end ---- */

static bool soon(bool (*is)(const struct plane *p), const struct plane *p)
{
	for (unsigned i = 0; i < 1000; i++) {
		if (is(p))
			return true;
		(void)usleep(5000);
	}
	return false;
}

static bool ended(const struct plane *p)
{
	return plane_count(p, NAT_C_FLOWS_ENDED) == 1;
}

static bool all_free(const struct plane *p)
{
	const struct nat_pool *pools = p->pools.base;
	return pools[NAT_POOL_FLOWS4].used == 0 && pools[NAT_POOL_MAPPINGS4].used == 0;
}

static struct frame crowd(const struct plane *p, unsigned i, bool back)
{
	return back ? frame_make(p, WAN, UDP, WORLD(7), 4000, PUBLIC(1), (uint16_t)(5000 + i), 0)
		    : frame_make(p, LAN, UDP, HOST(2 + i), (uint16_t)(5000 + i), WORLD(7), 4000, 0);
}

/* Legs that do not find room in their first pair: all eight places of four pairs are taken. By
 * these ports each leg may lie in any of them. */
static int crowds(struct plane *p)
{
	enum { PAIRS = 4, FLOWS = 4 };
	struct frame f;
	plane_forget(p);
	plane_settings(p)->flow_pairs = PAIRS;
	for (unsigned twice = 0; twice < 2; twice++)
		for (unsigned i = 0; i < 2 * FLOWS; i++) {
			bool back = i >= FLOWS;
			f = crowd(p, i % FLOWS, back);
			CHILD_CHECK(plane_run(p, "nat_tc_in", back ? WAN : LAN, &f) ==
				    VERDICT_TC_SEND);
		}
	CHILD_CHECK(plane_leg(p, 1, 0)->bytes == plane_leg(p, 1, 1)->bytes);
	f = crowd(p, FLOWS, false);
	(void)plane_run(p, "nat_tc_in", LAN, &f); /* it may be told so */
	CHILD_CHECK(plane_count(p, NAT_C_DROP_TABLE_FULL) == 1);
	for (uint32_t n = 1; n <= FLOWS; n++)
		plane_age(p, n, plane_settings(p)->idle[NAT_IDLE_UDP] + 1);
	CHILD_CHECK(soon(all_free, p));
	const struct nat_leg4 *legs = p->legs.base;
	for (size_t i = 0; i < PAIRS * 2; i++)
		CHILD_CHECK(legs[i].flow == 0 && (i % 2 == 1 || legs[i].beyond == 0));
	return 0;
}

static bool sweep_runs(const struct plane *p)
{
	uint8_t packet[60] = {0};
	struct bpf_run run = {.in = span_of(packet, sizeof(packet))};
	int fd;
	return !bpf_set_program(p->set, "nat_sweep_start", &fd) && !bpf_program_run(fd, &run) &&
	       run.ret == 0;
}

/* The kernel may have no memory for a timer at the first try: it does not wait for any. */
static bool sweep_starts(const struct plane *p)
{
	return soon(sweep_runs, p);
}

static int ends(void)
{
	struct plane p;
	if (plane_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!plane_make(&p));
	struct nat_flow4 *flow = (struct nat_flow4 *)p.flows.base + 1;
	struct nat_mapping4 *mapping = (struct nat_mapping4 *)p.mappings.base + 1;
	struct frame f = frame_make(&p, LAN, UDP, HOST(2), 5000, WORLD(7), 4000, 0);
	CHILD_CHECK(plane_run(&p, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(flow->life == NAT_LIVE && mapping->life == NAT_LIVE && mapping->refs == 1);
	CHILD_CHECK(flow->mapping == 1 && *plane_port(&p, 0, NAT_SPACE_UDP, 5000) == 1);
	CHILD_CHECK(sweep_starts(&p));
	(void)usleep(50000);
	CHILD_CHECK(flow->life == NAT_LIVE);
	plane_age(&p, 1, plane_settings(&p)->idle[NAT_IDLE_UDP] + 1);
	CHILD_CHECK(soon(ended, &p) && flow->life != NAT_LIVE && mapping->life != NAT_LIVE);
	CHILD_CHECK(*plane_port(&p, 0, NAT_SPACE_UDP, 5000) == NAT_PORT_FREE);
	/* Nothing comes in any more, and the numbers come back. */
	f = frame_make(&p, WAN, UDP, WORLD(7), 4000, PUBLIC(1), 5000, 0);
	CHILD_CHECK(plane_run(&p, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	CHILD_CHECK(plane_count(&p, NAT_C_DROP_UNASKED) == 1);
	CHILD_CHECK(soon(all_free, &p));
	const struct nat_leg4 *legs = p.legs.base;
	for (size_t i = 0; i < PLANE_PAIRS * 2; i++)
		CHILD_CHECK(legs[i].flow == 0 && legs[i].in.src == 0 && legs[i].beyond == 0);
	f = frame_make(&p, LAN, UDP, HOST(2), 5000, WORLD(7), 4000, 0);
	CHILD_CHECK(plane_run(&p, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND);
	CHILD_CHECK(flow->life == NAT_LIVE && mapping->life == NAT_LIVE);
	int crowded = crowds(&p);
	bpf_set_free(p.set);
	return crowded;
}

static uint16_t leaves_as(const struct plane *p, uint32_t host)
{
	struct frame f = frame_make(p, LAN, UDP, host, 5000, WORLD(7), 4000, 0);
	return plane_run(p, "nat_tc_in", LAN, &f) == VERDICT_TC_SEND
		       ? frame_get16(f.bytes + ETHER + IP)
		       : 0;
}

static bool one_ended(const struct plane *p)
{
	return ((struct nat_mapping4 *)p->mappings.base)[1].life == NAT_DEAD;
}

static bool one_free(const struct plane *p)
{
	return *plane_port(p, 0, NAT_SPACE_UDP, 5000) == NAT_PORT_FREE;
}

/* An open host's mapping at port 5000, number 1, has ended. */
static int rest(struct plane *p)
{
	CHILD_CHECK(!plane_make(p));
	CHILD_CHECK(!plane_host(p, HOST(2), NAT_HOST_OPEN, 100));
	CHILD_CHECK(leaves_as(p, HOST(2)) == 5000);
	((struct nat_mapping4 *)p->mappings.base)[1].born -= 10;
	CHILD_CHECK(sweep_starts(p));
	plane_age(p, 1, plane_settings(p)->idle[NAT_IDLE_UDP] + 1);
	CHILD_CHECK(soon(one_ended, p));
	return 0;
}

/* The port of an open host is another's only after 120 s. */
static int rests(void)
{
	struct plane p;
	if (plane_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!rest(&p));
	struct nat_mapping4 *mapping = (struct nat_mapping4 *)p.mappings.base + 1;
	CHILD_CHECK(*plane_port(&p, 0, NAT_SPACE_UDP, 5000) == 1);
	/* Nobody has it meanwhile. */
	struct frame f = frame_make(&p, WAN, UDP, WORLD(8), 4000, PUBLIC(1), 5000, 0);
	CHILD_CHECK(plane_run(&p, "nat_tc_in", WAN, &f) == VERDICT_TC_DROP);
	uint16_t other = leaves_as(&p, HOST(3));
	CHILD_CHECK(other != 0 && other != 5000);
	/* 119 s, then two more. */
	mapping->seen -= 886;
	(void)usleep(100000);
	CHILD_CHECK(mapping->life == NAT_DEAD && !one_free(&p));
	mapping->seen -= 16;
	CHILD_CHECK(soon(one_free, &p));
	CHILD_CHECK(leaves_as(&p, HOST(4)) == 5000);
	bpf_set_free(p.set);
	return 0;
}

static int comes_back(void)
{
	struct plane p;
	if (plane_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!rest(&p));
	CHILD_CHECK(leaves_as(&p, HOST(2)) == 5000);
	uint32_t now = *plane_port(&p, 0, NAT_SPACE_UDP, 5000);
	CHILD_CHECK(now > 1);
	/* The end of the rest takes it from nobody. */
	struct nat_mapping4 *mapping = (struct nat_mapping4 *)p.mappings.base + 1;
	mapping->seen -= 900;
	for (unsigned i = 0; i < 1000 && mapping->life != NAT_FREE; i++)
		(void)usleep(5000);
	CHILD_CHECK(mapping->life == NAT_FREE);
	CHILD_CHECK(*plane_port(&p, 0, NAT_SPACE_UDP, 5000) == now);
	bpf_set_free(p.set);
	return 0;
}

static void a_port_of_an_open_host_rests_before_another_has_it(void **state)
{
	(void)state;
	assert_child(rests, no_rights);
}

static void a_port_that_rests_is_its_own_hosts_at_once(void **state)
{
	(void)state;
	assert_child(comes_back, no_rights);
}

static void a_flow_that_is_idle_ends_and_gives_all_back(void **state)
{
	(void)state;
	assert_child(ends, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_out_and_comes_back),
		cmocka_unit_test(a_flow_that_is_idle_ends_and_gives_all_back),
		cmocka_unit_test(a_port_of_an_open_host_rests_before_another_has_it),
		cmocka_unit_test(a_port_that_rests_is_its_own_hosts_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
