#include "service/nat/io_attach.h"

#include "service/nat/conf.h"
#include "service/nat/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/bpf_test.h"
#include "os/veth_test.h"

static const char no_rights[] = "namespaces, mounts or programs are not permitted";

/* A cable to the world and the loopback inside, with programs that are small. */
static struct {
	struct cable cable;
	struct bpf_set *set;
	struct nat_plane plane;
	struct nat_conf conf;
	struct nat_net_device devices[2];
	struct nat_net net;
	struct nat_attachments a;
} w;

static const struct nat_net_device *const wan = &w.devices[0], *const lan = &w.devices[1];

static int begin(void)
{
	if (!user_is_root() || bpf_test_may_not() || bpf_test_folder())
		return CHILD_SKIPS;
	enum err e = cable_lay(&w.cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	const uint32_t pass = 2; /* XDP_PASS */
	CHILD_CHECK(!e && !bpf_test_open(&w.set));
	CHILD_CHECK(!bpf_set_constant(w.set, "answer", &pass, 4) && !bpf_set_load(w.set));
	CHILD_CHECK(!bpf_set_program(w.set, "pass", &w.plane.out_fd));
	CHILD_CHECK(!bpf_set_program(w.set, "shot", &w.plane.in_fd));
	CHILD_CHECK(!bpf_set_program(w.set, "count", &w.plane.xdp_fd));
	(void)snprintf(w.plane.links, sizeof(w.plane.links), "%s", BPF_TEST_FOLDER);
	w.devices[0] = (struct nat_net_device){
		.ifindex = w.cable.v0, .name = "v0", .zone = NAT_ZONE_OUTSIDE};
	w.devices[1] = (struct nat_net_device){.name = "lo", .zone = NAT_ZONE_INSIDE};
	CHILD_CHECK(!link_index("lo", &w.devices[1].ifindex));
	w.net = (struct nat_net){.devices = w.devices, .devices_n = 2};
	return 0;
}
#define BEGIN()                                                                                    \
	do {                                                                                       \
		int begin_ = begin();                                                              \
		if (begin_)                                                                        \
			return begin_;                                                             \
	} while (0)

static void attach(enum nat_attach how)
{
	w.conf.attach = (int)how;
	nat_attach(&w.a, &w.plane, &w.conf, &w.net);
}

/* What the kernel says: whether that program stands there, or none when program is -1. */
static bool stands(const struct nat_net_device *d, enum bpf_hook hook, int program)
{
	struct bpf_attachment there;
	uint32_t id;
	enum err e = bpf_attached(BPF_TEST_FOLDER, d->ifindex, hook, &there);
	if (program < 0)
		return e == ERR_ABSENT;
	return !e && !bpf_program_id(program, &id) && there.program_id == id;
}

/* ---- on ---- */

static int by_zone(void)
{
	BEGIN();
	CHILD_CHECK(nat_attach_is_guarded(&w.a)); /* nothing is outside yet */
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(stands(wan, BPF_HOOK_EGRESS, w.plane.out_fd));
	CHILD_CHECK(stands(wan, BPF_HOOK_INGRESS, w.plane.in_fd));
	CHILD_CHECK(stands(lan, BPF_HOOK_INGRESS, w.plane.in_fd));
	CHILD_CHECK(stands(lan, BPF_HOOK_EGRESS, -1)); /* the guard is for ways out */
	CHILD_CHECK(stands(wan, BPF_HOOK_XDP, -1) && strstr(w.a.items[0].why, "veth"));
	CHILD_CHECK(w.a.n == 2 && nat_attach_is_guarded(&w.a));
	CHILD_CHECK(!nat_attach_sends(&w.a, wan->ifindex));
	return 0;
}

static void the_guard_stands_on_the_ways_out_and_tc_on_all_ways_in(void **state)
{
	(void)state;
	assert_child(by_zone, no_rights);
}

static int by_wish(void)
{
	BEGIN();
	attach(NAT_ATTACH_XDP);
	CHILD_CHECK(stands(wan, BPF_HOOK_XDP, w.plane.xdp_fd));
	CHILD_CHECK(nat_attach_sends(&w.a, wan->ifindex) == NAT_DEVICE_XDP_SEND);
	CHILD_CHECK(!nat_attach_sends(&w.a, wan->ifindex + 1000));
	/* The loopback's driver has no XDP, which takes nothing else away. */
	CHILD_CHECK(stands(lan, BPF_HOOK_XDP, -1) && w.a.items[1].err == ERR_UNSUPPORTED);
	CHILD_CHECK(!nat_attach_sends(&w.a, lan->ifindex));
	CHILD_CHECK(stands(lan, BPF_HOOK_INGRESS, w.plane.in_fd));
	attach(NAT_ATTACH_TC);
	CHILD_CHECK(stands(wan, BPF_HOOK_XDP, -1) && !nat_attach_sends(&w.a, wan->ifindex));
	CHILD_CHECK(stands(wan, BPF_HOOK_INGRESS, w.plane.in_fd));
	/* Generic XDP copies: nobody sends to it. */
	attach(NAT_ATTACH_XDP_GENERIC);
	CHILD_CHECK(stands(wan, BPF_HOOK_XDP, w.plane.xdp_fd));
	CHILD_CHECK(!nat_attach_sends(&w.a, wan->ifindex));
	return 0;
}

static void xdp_comes_and_goes_as_the_configuration_says(void **state)
{
	(void)state;
	assert_child(by_wish, no_rights);
}

static int in_the_way(void)
{
	struct bpf_attachment theirs;
	BEGIN();
	CHILD_CHECK(!bpffs_make(BPF_TEST_FOLDER "/others", NULL));
	CHILD_CHECK(!bpf_attach(BPF_TEST_FOLDER "/others", wan->ifindex, BPF_HOOK_XDP,
				BPF_WAY_NATIVE, w.plane.xdp_fd, &theirs));
	attach(NAT_ATTACH_XDP);
	CHILD_CHECK(w.a.items[0].err == ERR_EXISTS && !w.a.items[0].has[BPF_HOOK_XDP]);
	CHILD_CHECK(!nat_attach_sends(&w.a, wan->ifindex) && nat_attach_is_guarded(&w.a));
	/* It is tried again at each change, and theirs is left alone. */
	CHILD_CHECK(!bpf_detach(BPF_TEST_FOLDER "/others", wan->ifindex, BPF_HOOK_XDP));
	attach(NAT_ATTACH_XDP);
	CHILD_CHECK(!w.a.items[0].err && stands(wan, BPF_HOOK_XDP, w.plane.xdp_fd));
	return 0;
}

static void somebody_elses_program_stays(void **state)
{
	(void)state;
	assert_child(in_the_way, no_rights);
}

static int unguarded(void)
{
	BEGIN();
	w.devices[1].ifindex = w.cable.v0 + 1000; /* it has just gone */
	w.devices[1].zone = NAT_ZONE_OUTSIDE;
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(w.a.n == 2 && w.a.items[1].err && !nat_attach_is_guarded(&w.a));
	CHILD_CHECK(stands(wan, BPF_HOOK_EGRESS, w.plane.out_fd));
	w.net.devices_n = 1; /* and the machine says so */
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(w.a.n == 1 && nat_attach_is_guarded(&w.a));
	return 0;
}

static void an_outside_device_without_a_guard_is_known(void **state)
{
	(void)state;
	assert_child(unguarded, no_rights);
}

static int by_peer(void)
{
	BEGIN();
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(nat_attach_sends(&w.a, wan->ifindex) == 0); /* only by wish */
	w.conf.veth_peers = true;
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(nat_attach_sends(&w.a, wan->ifindex) == NAT_DEVICE_PEER);
	CHILD_CHECK(nat_attach_sends(&w.a, lan->ifindex) == 0);
	/* The other end comes here, and programs may not send there. */
	CHILD_CHECK(!netns_enter(w.cable.there) && !link_move("v1", w.cable.here));
	CHILD_CHECK(!netns_enter(w.cable.here));
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(nat_attach_sends(&w.a, wan->ifindex) == 0);
	return 0;
}

static void the_other_end_of_a_veth_is_known_while_it_is_apart(void **state)
{
	(void)state;
	assert_child(by_peer, no_rights);
}

/* ---- off ---- */

static int left(void)
{
	BEGIN();
	attach(NAT_ATTACH_AUTO);
	w.devices[1].zone = -1;
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(w.a.n == 1 && stands(lan, BPF_HOOK_INGRESS, -1));
	CHILD_CHECK(stands(wan, BPF_HOOK_EGRESS, w.plane.out_fd));
	/* While nobody was here: the next process finds it out by itself, once. */
	w.a = (struct nat_attachments){0};
	w.devices[0].zone = -1;
	w.devices[1].zone = NAT_ZONE_INSIDE;
	attach(NAT_ATTACH_AUTO);
	CHILD_CHECK(stands(wan, BPF_HOOK_EGRESS, -1) && stands(wan, BPF_HOOK_INGRESS, -1));
	CHILD_CHECK(w.a.n == 1 && stands(lan, BPF_HOOK_INGRESS, w.plane.in_fd));
	return 0;
}

static void a_device_that_has_left_its_zone_is_left_alone(void **state)
{
	(void)state;
	assert_child(left, no_rights);
}

static int ended(void)
{
	BEGIN();
	attach(NAT_ATTACH_XDP);
	/* Also what a process before has attached, and we know nothing of. */
	w.a = (struct nat_attachments){0};
	CHILD_CHECK(!nat_attach_end(&w.a, &w.plane, &w.net) && w.a.n == 0);
	for (enum bpf_hook hook = 0; hook < BPF_HOOKS; hook++)
		CHILD_CHECK(stands(wan, hook, -1) && stands(lan, hook, -1));
	attach(NAT_ATTACH_XDP); /* by order off: a change of the machine attaches nothing */
	CHILD_CHECK(w.a.n == 0 && stands(wan, BPF_HOOK_EGRESS, -1));
	return 0;
}

static void after_the_order_nothing_stands_anywhere(void **state)
{
	(void)state;
	assert_child(ended, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(somebody_elses_program_stays),
		cmocka_unit_test(an_outside_device_without_a_guard_is_known),
		cmocka_unit_test(the_guard_stands_on_the_ways_out_and_tc_on_all_ways_in),
		cmocka_unit_test(xdp_comes_and_goes_as_the_configuration_says),
		cmocka_unit_test(the_other_end_of_a_veth_is_known_while_it_is_apart),
		cmocka_unit_test(a_device_that_has_left_its_zone_is_left_alone),
		cmocka_unit_test(after_the_order_nothing_stands_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
