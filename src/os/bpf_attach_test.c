#include "os/bpf_attach.h"

#include "os/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/bpf_test.h"
#include "os/veth_test.h"

static const char no_rights[] = "namespaces, mounts or programs are not permitted";

/* A cable, a folder for pins, and the loaded programs. */
static struct {
	struct cable cable;
	struct bpf_set *set;
	int pass, shot, count, change;
	uint64_t *seen; /* packets by `count` and `pass` */
} w;

static int begin(void)
{
	if (!user_is_root() || bpf_test_may_not() || bpf_test_folder())
		return CHILD_SKIPS;
	enum err e = cable_lay(&w.cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	const uint32_t answer = 2; /* XDP_PASS */
	CHILD_CHECK(!e && !bpf_test_open(&w.set));
	CHILD_CHECK(!bpf_set_constant(w.set, "answer", &answer, 4) && !bpf_set_load(w.set));
	CHILD_CHECK(!bpf_set_program(w.set, "pass", &w.pass));
	CHILD_CHECK(!bpf_set_program(w.set, "shot", &w.shot));
	CHILD_CHECK(!bpf_set_program(w.set, "count", &w.count));
	CHILD_CHECK(!bpf_set_program(w.set, "change", &w.change));
	CHILD_CHECK(!bpf_set_variable(w.set, "seen", sizeof(*w.seen), (void **)&w.seen));
	return 0;
}
#define BEGIN()                                                                                    \
	do {                                                                                       \
		int begin_ = begin();                                                              \
		if (begin_)                                                                        \
			return begin_;                                                             \
	} while (0)

/* How many packets the programs saw of three that came over the cable. Waits for wanted of them, as
 * a neighbour may be asked for more than once, each second; without any, until they would have
 * come. */
static uint64_t seen_of_three(uint64_t wanted)
{
	int turns = wanted ? 2000 : 200;
	const struct ip_endpoint to = {.address = cable_left4, .port = 9};
	uint64_t before = *w.seen;
	int fd = -1;
	if (netns_enter(w.cable.there) || udp_connect(&to, NULL, 0, &fd))
		return UINT64_MAX;
	for (int i = 0; i < 3; i++)
		(void)!send(fd, "x", 1, MSG_DONTWAIT);
	(void)close(fd);
	if (netns_enter(w.cable.here))
		return UINT64_MAX;
	for (int i = 0; i < turns && *w.seen < before + 3; i++)
		(void)usleep(5000);
	return *w.seen - before;
}

static bool is_attached(enum bpf_hook hook, enum bpf_way way, int program)
{
	struct bpf_attachment a;
	uint32_t id;
	return !bpf_attached(BPF_TEST_FOLDER, w.cable.v0, hook, &a) && a.hook == hook &&
	       a.way == way && !bpf_program_id(program, &id) && a.program_id == id;
}

static enum err attach(enum bpf_hook hook, enum bpf_way way, int program, bool *ret_replaced)
{
	struct bpf_attachment a;
	TRY(bpf_attach(BPF_TEST_FOLDER, w.cable.v0, hook, way, program, &a));
	*ret_replaced = a.replaced;
	return a.way == way || way == BPF_WAY_ANY ? OK : ERR_REFUSED;
}

static bool none(enum bpf_hook hook)
{
	struct bpf_attachment a;
	return bpf_attached(BPF_TEST_FOLDER, w.cable.v0, hook, &a) == ERR_ABSENT;
}

static bool there_are(size_t programs)
{
	struct bpf_neighbour list[8];
	size_t n = 0;
	return !bpf_attached_all(BPF_TEST_FOLDER, w.cable.v0, list, 8, &n) && n == programs;
}

static int refusals(void)
{
	struct bpf_attachment a;
	BEGIN();
	uint32_t v0 = w.cable.v0;
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_XDP, BPF_WAY_TCX, w.count, &a) ==
		    (enum err)EINVAL);
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_EGRESS, BPF_WAY_NATIVE, w.pass, &a) ==
		    (enum err)EINVAL);
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, v0 + 1000, BPF_HOOK_XDP, BPF_WAY_ANY, w.count,
			       &a) != OK);
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, v0 + 1000, BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.pass,
			       &a) != OK);
	/* A program for another hook. */
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_XDP, BPF_WAY_ANY, w.pass, &a) != OK);
	CHILD_CHECK(none(BPF_HOOK_XDP) && none(BPF_HOOK_INGRESS) && none(BPF_HOOK_EGRESS));
	/* The loopback's driver has none. */
	uint32_t lo;
	CHILD_CHECK(!link_index("lo", &lo));
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, lo, BPF_HOOK_XDP, BPF_WAY_NATIVE, w.count, &a) ==
		    ERR_UNSUPPORTED);
	CHILD_CHECK(!bpf_attach(BPF_TEST_FOLDER, lo, BPF_HOOK_XDP, BPF_WAY_ANY, w.count, &a));
	CHILD_CHECK(a.way == BPF_WAY_GENERIC && !bpf_detach(BPF_TEST_FOLDER, lo, BPF_HOOK_XDP));
	/* Somebody else's: ours, under a folder that is not ours. */
	CHILD_CHECK(!bpffs_make("/tmp/others", NULL));
	CHILD_CHECK(!bpf_attach("/tmp/others", v0, BPF_HOOK_XDP, BPF_WAY_ANY, w.count, &a));
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_XDP, BPF_WAY_ANY, w.count, &a) ==
		    ERR_EXISTS);
	return 0;
}

static void refuses_what_does_not_belong_together(void **state)
{
	(void)state;
	assert_child(refusals, no_rights);
}

static int each_way(enum bpf_hook hook, enum bpf_way way, int first, int second)
{
	bool replaced = true;
	enum err e = attach(hook, way, first, &replaced);
	if (e == ERR_UNSUPPORTED && way == BPF_WAY_TCX)
		return CHILD_SKIPS; /* Linux before 6.6 */
	CHILD_CHECK(!e && !replaced && is_attached(hook, way, first));
	CHILD_CHECK(hook == BPF_HOOK_EGRESS || seen_of_three(3) >= 3);
	CHILD_CHECK(!attach(hook, way, second, &replaced) && replaced);
	CHILD_CHECK(is_attached(hook, way, second));
	CHILD_CHECK(!bpf_detach(BPF_TEST_FOLDER, w.cable.v0, hook) && none(hook));
	CHILD_CHECK(!bpf_detach(BPF_TEST_FOLDER, w.cable.v0, hook));
	CHILD_CHECK(hook == BPF_HOOK_EGRESS || seen_of_three(0) == 0);
	return 0;
}

static int ways_of_xdp(void)
{
	BEGIN();
	CHILD_CHECK(each_way(BPF_HOOK_XDP, BPF_WAY_NATIVE, w.count, w.change) == 0);
	return each_way(BPF_HOOK_XDP, BPF_WAY_GENERIC, w.count, w.change);
}

static int ways_of_tcx(void)
{
	BEGIN();
	int result = each_way(BPF_HOOK_INGRESS, BPF_WAY_TCX, w.pass, w.shot);
	return result ? result : each_way(BPF_HOOK_EGRESS, BPF_WAY_TCX, w.pass, w.shot);
}

static int ways_of_clsact(void)
{
	BEGIN();
	CHILD_CHECK(each_way(BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.pass, w.shot) == 0);
	return each_way(BPF_HOOK_EGRESS, BPF_WAY_CLSACT, w.pass, w.shot);
}

static void programs_are_attached_replaced_and_detached(void **state)
{
	(void)state;
	assert_child(ways_of_xdp, no_rights);
	assert_child(ways_of_clsact, no_rights);
	assert_child(ways_of_tcx, "this kernel has no tcx");
}

static int change_of_way(void)
{
	bool replaced;
	BEGIN();
	CHILD_CHECK(!attach(BPF_HOOK_XDP, BPF_WAY_NATIVE, w.count, &replaced));
	CHILD_CHECK(!attach(BPF_HOOK_XDP, BPF_WAY_GENERIC, w.change, &replaced) && replaced);
	CHILD_CHECK(is_attached(BPF_HOOK_XDP, BPF_WAY_GENERIC, w.change));
	CHILD_CHECK(!attach(BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.pass, &replaced));
	enum err e = attach(BPF_HOOK_INGRESS, BPF_WAY_TCX, w.pass, &replaced);
	if (e == ERR_UNSUPPORTED)
		return CHILD_SKIPS;
	/* Each packet is seen once: the first is gone. */
	CHILD_CHECK(!e && is_attached(BPF_HOOK_INGRESS, BPF_WAY_TCX, w.pass) && there_are(2));
	CHILD_CHECK(!attach(BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.shot, &replaced));
	CHILD_CHECK(is_attached(BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.shot) && there_are(2));
	return 0;
}

static void another_way_takes_the_place_of_the_first(void **state)
{
	(void)state;
	assert_child(change_of_way, "this kernel has no tcx");
}

/* ---- what stays ---- */

static void count_pins(void *arg, const struct bpf_attachment *a)
{
	unsigned *n = arg;
	n[a->ifindex ? 0 : 1]++;
}

static int survival(void)
{
	struct bpf_attachment a;
	unsigned pins[2] = {0}; /* of devices that are there, and gone */
	bool replaced;
	BEGIN();
	CHILD_CHECK(!attach(BPF_HOOK_XDP, BPF_WAY_NATIVE, w.change, &replaced));
	CHILD_CHECK(!attach(BPF_HOOK_EGRESS, BPF_WAY_ANY, w.pass, &replaced));
	CHILD_CHECK(!attach(BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.shot, &replaced));
	/* As at the end of the process: all its descriptors are closed. */
	bpf_set_free(w.set);
	CHILD_CHECK(!bpf_attached(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_XDP, &a));
	CHILD_CHECK(!bpf_attached(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_EGRESS, &a));
	CHILD_CHECK(!bpf_attached(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_INGRESS, &a));
	/* And the next one replaces them. */
	CHILD_CHECK(!bpf_test_open(&w.set) && !bpf_set_load(w.set));
	CHILD_CHECK(!bpf_set_program(w.set, "change", &w.change));
	CHILD_CHECK(!bpf_set_program(w.set, "pass", &w.pass));
	CHILD_CHECK(!attach(BPF_HOOK_XDP, BPF_WAY_NATIVE, w.change, &replaced) && replaced);
	CHILD_CHECK(!attach(BPF_HOOK_EGRESS, BPF_WAY_ANY, w.pass, &replaced) && replaced);
	CHILD_CHECK(!attach(BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.pass, &replaced) && replaced);
	CHILD_CHECK(!bpf_attached_pins(BPF_TEST_FOLDER, count_pins, pins));
	CHILD_CHECK(pins[0] >= 1 && pins[1] == 0);
	unsigned links = pins[0];
	/* A device that is gone: its pins go when somebody looks, and are no obstacle. */
	CHILD_CHECK(!link_delete("v0"));
	pins[0] = 0;
	CHILD_CHECK(!bpf_attached_pins(BPF_TEST_FOLDER, count_pins, pins));
	CHILD_CHECK(pins[0] == 0 && pins[1] == links);
	pins[1] = 0;
	CHILD_CHECK(!bpf_attached_pins(BPF_TEST_FOLDER, count_pins, pins) && pins[1] == 0);
	CHILD_CHECK(none(BPF_HOOK_XDP) && !bpf_detach(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_XDP));
	CHILD_CHECK(!bpf_detach(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_INGRESS));
	return 0;
}

static void attached_programs_outlive_the_process(void **state)
{
	(void)state;
	assert_child(survival, no_rights);
}

static int neighbours(void)
{
	struct bpf_neighbour list[8];
	struct bpf_attachment a;
	size_t n = 9;
	bool replaced;
	BEGIN();
	uint32_t v0 = w.cable.v0;
	CHILD_CHECK(!bpf_attached_all(BPF_TEST_FOLDER, v0, list, 8, &n) && n == 0);
	CHILD_CHECK(!bpffs_make("/tmp/others", NULL));
	CHILD_CHECK(!bpf_attach("/tmp/others", v0, BPF_HOOK_XDP, BPF_WAY_NATIVE, w.change, &a));
	CHILD_CHECK(!attach(BPF_HOOK_INGRESS, BPF_WAY_ANY, w.pass, &replaced));
	CHILD_CHECK(!attach(BPF_HOOK_EGRESS, BPF_WAY_CLSACT, w.shot, &replaced));
	CHILD_CHECK(!bpf_attached_all(BPF_TEST_FOLDER, v0, list, 8, &n) && n == 3);
	CHILD_CHECK(list[0].hook == BPF_HOOK_XDP && !list[0].ours);
	CHILD_CHECK(list[0].program_id == a.program_id && strcmp(list[0].name, "change") == 0);
	CHILD_CHECK(list[1].hook == BPF_HOOK_INGRESS && list[1].ours);
	CHILD_CHECK(list[2].hook == BPF_HOOK_EGRESS && list[2].ours &&
		    list[2].way == BPF_WAY_CLSACT);
	CHILD_CHECK(!bpf_attached_all(BPF_TEST_FOLDER, v0, list, 1, &n) && n == 3);
	return 0;
}

static void all_programs_of_a_device_are_listed(void **state)
{
	(void)state;
	assert_child(neighbours, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_does_not_belong_together),
		cmocka_unit_test(programs_are_attached_replaced_and_detached),
		cmocka_unit_test(another_way_takes_the_place_of_the_first),
		cmocka_unit_test(attached_programs_outlive_the_process),
		cmocka_unit_test(all_programs_of_a_device_are_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
