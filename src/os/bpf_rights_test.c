/* Which rights each step takes, tried by a user without any: to load CAP_BPF, CAP_NET_ADMIN and
 * CAP_PERFMON; afterwards none, but CAP_NET_ADMIN for clsact filters. */
#include "os/bpf_attach.h"
#include "os/sandbox.h"
#include "os/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/bpf_test.h"
#include "os/veth_test.h"

static const char no_rights[] = "namespaces, mounts or programs are not permitted";

enum { SOMEBODY = 4711 };
static const uint64_t to_load = SANDBOX_CAP_BPF | SANDBOX_CAP_NET_ADMIN | SANDBOX_CAP_PERFMON;
static const char *const pins[] = {BPF_TEST_FOLDER, NULL};

static struct {
	struct cable cable;
	struct sandbox sandbox;
	struct sandbox_report report;
	struct bpf_set *set;
	int count, pass, change;
} w;

/* A cable, a folder, and a user with some capabilities. */
static int begin(uint64_t keep)
{
	const struct state_owner owner = {SOMEBODY, SOMEBODY};
	if (!user_is_root() || bpf_test_may_not() || bpf_test_folder())
		return CHILD_SKIPS;
	enum err e = cable_lay(&w.cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !bpffs_make(BPF_TEST_FOLDER, &owner));
	w.sandbox = (struct sandbox){.profile = SANDBOX_NET_SERVICE_LINKS,
				     .view = SANDBOX_VIEW_READ_ONLY,
				     .user = "4711",
				     .write_paths = pins,
				     .capabilities_keep = keep};
	CHILD_CHECK(!sandbox_enter_early(&w.sandbox, &w.report) && w.report.uid == SOMEBODY);
	CHILD_CHECK(w.report.capabilities == keep && !bpf_test_open(&w.set));
	return 0;
}
#define BEGIN(keep)                                                                                \
	do {                                                                                       \
		int begin_ = begin(keep);                                                          \
		if (begin_)                                                                        \
			return begin_;                                                             \
	} while (0)

/* ---- to load ---- */

static int load_without(uint64_t capability, enum err expected)
{
	BEGIN(to_load & ~capability);
	enum err e = bpf_set_load(w.set);
	CHILD_CHECK(e == expected);
	bpf_set_free(w.set);
	return 0;
}

static int load_without_bpf(void)
{
	return load_without(SANDBOX_CAP_BPF, (enum err)EPERM);
}

static int load_without_net_admin(void)
{
	return load_without(SANDBOX_CAP_NET_ADMIN, (enum err)EPERM);
}

/* Pointers are then kept from numbers, and the verifier refuses what mixes them. */
static int load_without_perfmon(void)
{
	return load_without(SANDBOX_CAP_PERFMON, (enum err)EACCES);
}

static int load_with_all(void)
{
	return load_without(0, OK);
}

static void loading_takes_three_capabilities(void **state)
{
	(void)state;
	assert_child(load_with_all, no_rights);
	assert_child(load_without_bpf, no_rights);
	assert_child(load_without_net_admin, no_rights);
	assert_child(load_without_perfmon, no_rights);
}

/* ---- afterwards ---- */

/* Loaded, pinned and attached, with the rest of the sandbox around it. */
static int at_work(uint64_t keep)
{
	struct bpf_attachment a;
	BEGIN(to_load);
	CHILD_CHECK(!bpf_set_load(w.set) && !bpf_set_pin(w.set, BPF_TEST_FOLDER));
	CHILD_CHECK(!bpf_set_settle(w.set, BPF_TEST_FOLDER));
	CHILD_CHECK(!bpf_set_program(w.set, "count", &w.count));
	CHILD_CHECK(!bpf_set_program(w.set, "pass", &w.pass));
	CHILD_CHECK(!bpf_set_program(w.set, "change", &w.change));
	CHILD_CHECK(!bpf_attach(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_XDP, BPF_WAY_NATIVE, w.count,
				&a));
	CHILD_CHECK(
		!bpf_attach(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_EGRESS, BPF_WAY_ANY, w.pass, &a));
	CHILD_CHECK(!bpf_attach(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_INGRESS, BPF_WAY_CLSACT,
				w.pass, &a));
	w.sandbox.view = SANDBOX_VIEW_AS_IS;
	w.sandbox.capabilities_keep = keep;
	w.sandbox.uses_bpf = true;
	CHILD_CHECK(!sandbox_enter_early(&w.sandbox, &w.report) && w.report.capabilities == keep);
	CHILD_CHECK(!sandbox_tighten(&w.sandbox, &w.report));
	return 0;
}

static void forget(void *arg, struct span record)
{
	(void)arg;
	(void)record;
}

static int use_tables(void)
{
	struct bpf_table t, pinned;
	struct bpf_memory memory;
	struct bpf_ring *ring = NULL;
	struct bpf_cursor cursor = {0};
	uint32_t key = 1, n = 8, keys[8], done;
	uint64_t value = 2, values[8], order[3] = {1, 2, 0};
	uint8_t packet[64] = {0};
	size_t heard = 0;
	int add;
	int trouble = at_work(0);
	if (trouble)
		return trouble;
	CHILD_CHECK(!bpf_set_table(w.set, "flows", &t) &&
		    !bpf_table_put(&t, &key, &value, BPF_PUT));
	CHILD_CHECK(!bpf_table_get(&t, &key, &value));
	CHILD_CHECK(!bpf_table_read(&t, &cursor, keys, values, &n) && n >= 1);
	CHILD_CHECK(!bpf_table_remove_many(&t, &key, 1, &done));
	CHILD_CHECK(!bpf_table_open(BPF_TEST_FOLDER, "flows", &pinned));
	CHILD_CHECK(!bpf_set_table(w.set, "shown", &t) && !bpf_table_map(&t, true, &memory));
	CHILD_CHECK(!bpf_set_table(w.set, "jumps", &t) && !bpf_table_put_program(&t, 0, w.count));
	struct bpf_run run = {.in = span_of(packet, sizeof(packet))};
	CHILD_CHECK(!bpf_program_run(w.count, &run) && !bpf_program_run(w.pass, &run));
	run = (struct bpf_run){.context_in = order, .context_in_len = sizeof(order)};
	CHILD_CHECK(!bpf_set_program(w.set, "add", &add) && !bpf_program_run(add, &run));
	CHILD_CHECK(!bpf_set_table(w.set, "events", &t) && !bpf_ring_new(&t, forget, NULL, &ring));
	CHILD_CHECK(!bpf_ring_consume(ring, 8, &heard) && heard >= 1);
	return 0;
}

static void tables_and_runs_take_no_capability(void **state)
{
	(void)state;
	assert_child(use_tables, no_rights);
}

static int change_links(void)
{
	struct bpf_attachment a;
	struct bpf_set *another = NULL;
	int trouble = at_work(0);
	if (trouble)
		return trouble;
	uint32_t v0 = w.cable.v0;
	CHILD_CHECK(!bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_XDP, BPF_WAY_NATIVE, w.change, &a));
	CHILD_CHECK(a.replaced && !bpf_detach(BPF_TEST_FOLDER, v0, BPF_HOOK_XDP));
	CHILD_CHECK(!bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_XDP, BPF_WAY_NATIVE, w.count, &a));
	CHILD_CHECK(!bpf_attached(BPF_TEST_FOLDER, v0, BPF_HOOK_EGRESS, &a));
	if (a.way == BPF_WAY_TCX) {
		CHILD_CHECK(
			!bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_EGRESS, BPF_WAY_TCX, w.pass, &a));
		CHILD_CHECK(a.replaced && !bpf_detach(BPF_TEST_FOLDER, v0, BPF_HOOK_EGRESS));
	}
	CHILD_CHECK(bpf_attach(BPF_TEST_FOLDER, v0, BPF_HOOK_INGRESS, BPF_WAY_CLSACT, w.pass, &a) ==
		    (enum err)EPERM);
	/* The verifier is out of reach, also where unprivileged users may load. */
	CHILD_CHECK(bpf_may_load() == (enum err)ENOSYS);
	CHILD_CHECK(!bpf_test_open(&another) && bpf_set_load(another) != OK);
	return 0;
}

static void links_take_no_capability(void **state)
{
	(void)state;
	assert_child(change_links, no_rights);
}

static int change_filters(void)
{
	struct bpf_attachment a;
	int trouble = at_work(SANDBOX_CAP_NET_ADMIN);
	if (trouble)
		return trouble;
	CHILD_CHECK(!bpf_attach(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_INGRESS, BPF_WAY_CLSACT,
				w.pass, &a));
	CHILD_CHECK(a.replaced && !bpf_detach(BPF_TEST_FOLDER, w.cable.v0, BPF_HOOK_INGRESS));
	return 0;
}

static void filters_take_net_admin(void **state)
{
	(void)state;
	assert_child(change_filters, no_rights);
}

static int load_later(void)
{
	struct bpf_set *another = NULL;
	int trouble = at_work(to_load);
	if (trouble)
		return trouble;
	CHILD_CHECK(!bpf_may_load() && !bpf_test_open(&another) && !bpf_set_load(another));
	return 0;
}

static void who_keeps_the_capabilities_loads_in_the_sandbox(void **state)
{
	(void)state;
	assert_child(load_later, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loading_takes_three_capabilities),
		cmocka_unit_test(tables_and_runs_take_no_capability),
		cmocka_unit_test(links_take_no_capability),
		cmocka_unit_test(filters_take_net_admin),
		cmocka_unit_test(who_keeps_the_capabilities_loads_in_the_sandbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
