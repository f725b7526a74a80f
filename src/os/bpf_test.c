#include "os/bpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "os/bpf_test.h"

static const char no_rights[] = "this user or kernel does not load programs";

/* ---- before it is loaded ---- */

static void refuses_bytes_that_are_no_object(void **state)
{
	(void)state;
	struct bpf_set *set = NULL;
	assert_int_equal(bpf_set_open(span_text("not an object"), "x", &set), ERR_FORMAT);
	assert_int_equal(bpf_set_open(span_of(NULL, 0), "x", &set), ERR_FORMAT);
	uint8_t torn[256] __attribute__((aligned(8)));
	memcpy(torn, bpf_test_object, sizeof(torn));
	assert_int_equal(bpf_set_open(span_of(torn, sizeof(torn)), "x", &set), ERR_FORMAT);
	assert_null(set);
	bpf_set_free(NULL);
}

static void refuses_names_that_the_object_does_not_have(void **state)
{
	(void)state;
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	struct bpf_table table;
	uint32_t number = 7;
	void *memory;
	int fd;
	assert_int_equal(bpf_test_open(&set), OK);
	assert_int_equal(bpf_set_entries(set, "none", 1), ERR_ABSENT);
	assert_int_equal(bpf_set_without(set, "none"), ERR_ABSENT);
	assert_int_equal(bpf_set_fresh(set, "none"), ERR_ABSENT);
	assert_int_equal(bpf_set_constant(set, "none", &number, 4), ERR_ABSENT);
	assert_int_equal(bpf_set_constant(set, "answer", &number, 2), EINVAL);
	assert_int_equal(bpf_set_variable(set, "seen", 4, &memory), EINVAL);
	assert_int_equal(bpf_set_variable(set, "seen", 8, &memory), ERR_ABSENT);
	/* There, and not loaded yet. */
	assert_int_equal(bpf_set_table(set, "flows", &table), ERR_ABSENT);
	assert_int_equal(bpf_set_program(set, "count", &fd), ERR_ABSENT);
	assert_string_equal(bpf_set_trouble(set), "");
}

/* ---- loading ---- */

static int refused_by_the_verifier(void)
{
	struct bpf_set *set = NULL;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!bpf_set_open(bpf_test_bytes(), "bpf_test", &set));
	enum err e = bpf_set_load(set);
	CHILD_CHECK(e == (enum err)EACCES || e == (enum err)EINVAL);
	CHILD_CHECK(strstr(bpf_set_trouble(set), "invalid access to packet"));
	CHILD_CHECK(strstr(bpf_set_trouble(set), "refused"));
	bpf_set_free(set);
	return 0;
}

static void tells_why_the_verifier_refuses(void **state)
{
	(void)state;
	assert_child(refused_by_the_verifier, no_rights);
}

static int constants(void)
{
	static const uint8_t packet[64];
	struct bpf_set *set = NULL;
	struct bpf_table flows;
	uint32_t answer = 4;
	uint64_t *seen = NULL, *worth = NULL;
	int fd;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!bpf_test_open(&set) && !bpf_set_constant(set, "answer", &answer, 4));
	CHILD_CHECK(!bpf_set_entries(set, "flows", 100) && !bpf_set_load(set));
	CHILD_CHECK(!bpf_set_table(set, "flows", &flows) && flows.entries_max == 100);
	CHILD_CHECK(flows.key_size == 4 && flows.value_size == 8 && flows.value_room == 8);
	CHILD_CHECK(!bpf_set_program(set, "count", &fd));
	CHILD_CHECK(bpf_set_program(set, "refused", &fd) == ERR_ABSENT);
	CHILD_CHECK(!bpf_set_variable(set, "seen", 8, (void **)&seen) && *seen == 0);
	CHILD_CHECK(!bpf_set_variable(set, "worth", 8, (void **)&worth) && *worth == 40);
	struct bpf_run run = {.in = span_of(packet, sizeof(packet))};
	CHILD_CHECK(!bpf_set_program(set, "count", &fd) && !bpf_program_run(fd, &run));
	CHILD_CHECK(run.ret == 4 && *seen == 1);
	CHILD_CHECK(bpf_set_constant(set, "answer", &answer, 4) == (enum err)EBUSY);
	bpf_set_free(set);
	return 0;
}

static void sizes_and_constants_are_set_before_it_is_loaded(void **state)
{
	(void)state;
	assert_child(constants, no_rights);
}

/* ---- pins ---- */

/* A generation of the programs: opened, with `entries` flows, and whatever is pinned taken over. */
static enum err generation(uint32_t entries, struct bpf_set **ret, struct bpf_misfit *misfit,
			   size_t *reused)
{
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	TRY(bpf_test_open(&set));
	TRY(bpf_set_fresh(set, "jumps"));
	TRY(bpf_set_entries(set, "flows", entries));
	TRY(bpf_set_reuse(set, BPF_TEST_FOLDER, misfit, reused));
	TRY(bpf_set_load(set));
	*ret = TAKE(set);
	return OK;
}

static int begin(void)
{
	if (bpf_test_may_not() || bpf_test_folder())
		return CHILD_SKIPS;
	return 0;
}
#define BEGIN()                                                                                    \
	do {                                                                                       \
		int begin_ = begin();                                                              \
		if (begin_)                                                                        \
			return begin_;                                                             \
	} while (0)

static int tables_outlive_the_process(void)
{
	struct bpf_set *set = NULL;
	struct bpf_table flows = {0};
	struct bpf_misfit misfit;
	size_t reused = 9;
	const uint32_t key = 5;
	uint64_t value = 77;
	BEGIN();
	CHILD_CHECK(!generation(8, &set, &misfit, &reused) && reused == 0);
	CHILD_CHECK(!bpf_set_table(set, "flows", &flows));
	CHILD_CHECK(!bpf_table_put(&flows, &key, &value, BPF_PUT));
	CHILD_CHECK(!bpf_set_pin(set, BPF_TEST_FOLDER) && !bpf_set_settle(set, BPF_TEST_FOLDER));
	bpf_set_free(set);
	CHILD_CHECK(!generation(8, &set, &misfit, &reused) && reused == 4);
	value = 0;
	CHILD_CHECK(!bpf_set_table(set, "flows", &flows));
	CHILD_CHECK(!bpf_table_get(&flows, &key, &value) && value == 77);
	CHILD_CHECK(!bpf_set_pin(set, BPF_TEST_FOLDER) && !bpf_set_settle(set, BPF_TEST_FOLDER));
	bpf_set_free(set);
	/* And for whoever only looks. */
	CHILD_CHECK(!bpf_table_open(BPF_TEST_FOLDER, "flows", &flows));
	CHILD_CHECK(!bpf_table_get(&flows, &key, &value) && value == 77);
	bpf_table_done(&flows);
	CHILD_CHECK(!bpf_unpin(BPF_TEST_FOLDER, "flows") && !bpf_unpin(BPF_TEST_FOLDER, "flows"));
	CHILD_CHECK(bpf_table_open(BPF_TEST_FOLDER, "flows", &flows) == (enum err)ENOENT);
	return 0;
}

static void pinned_tables_are_taken_over(void **state)
{
	(void)state;
	assert_child(tables_outlive_the_process, no_rights);
}

static int misfits(void)
{
	struct bpf_set *set = NULL, *other = NULL;
	struct bpf_misfit misfit = {0};
	size_t reused;
	BEGIN();
	CHILD_CHECK(!generation(8, &set, &misfit, &reused) && !bpf_set_pin(set, BPF_TEST_FOLDER));
	CHILD_CHECK(generation(9, &other, &misfit, &reused) == ERR_EXISTS && !other);
	CHILD_CHECK(strcmp(misfit.table, "flows") == 0 && strcmp(misfit.what, "entries") == 0);
	CHILD_CHECK(misfit.pinned == 8 && misfit.wanted == 9);
	/* Another kind of table under that name. */
	CHILD_CHECK(rename(BPF_TEST_FOLDER "/shown", BPF_TEST_FOLDER "/flows") == 0);
	CHILD_CHECK(generation(8, &other, &misfit, &reused) == ERR_EXISTS);
	CHILD_CHECK(strcmp(misfit.what, "type") == 0);
	CHILD_CHECK(!bpf_unpin(BPF_TEST_FOLDER, "flows"));
	CHILD_CHECK(!generation(9, &other, &misfit, &reused));
	bpf_set_free(set);
	bpf_set_free(other);
	return 0;
}

static void pinned_tables_that_do_not_fit_are_named(void **state)
{
	(void)state;
	assert_child(misfits, no_rights);
}

static bool is_pinned(const char *name)
{
	struct bpf_table table;
	if (bpf_table_open(BPF_TEST_FOLDER, name, &table))
		return false;
	bpf_table_done(&table);
	return true;
}

static int fresh(void)
{
	static const uint8_t packet[64];
	struct bpf_run run = {.in = span_of(packet, sizeof(packet))};
	struct bpf_set *old = NULL, *new = NULL;
	struct bpf_misfit misfit;
	struct bpf_table jumps;
	size_t reused;
	int change, jump;
	BEGIN();
	CHILD_CHECK(!generation(8, &old, &misfit, &reused));
	CHILD_CHECK(!bpf_set_table(old, "jumps", &jumps) && !bpf_set_program(old, "jump", &jump));
	CHILD_CHECK(!bpf_set_program(old, "change", &change));
	CHILD_CHECK(!bpf_program_run(jump, &run) && run.ret == 0);
	CHILD_CHECK(!bpf_table_put_program(&jumps, 1, change));
	CHILD_CHECK(!bpf_program_run(jump, &run) && run.ret == 3); /* XDP_TX */
	CHILD_CHECK(!bpf_set_pin(old, BPF_TEST_FOLDER));
	CHILD_CHECK(is_pinned("jumps_next") && !is_pinned("jumps"));
	CHILD_CHECK(!bpf_set_settle(old, BPF_TEST_FOLDER));
	CHILD_CHECK(!is_pinned("jumps_next") && is_pinned("jumps"));
	/* The next generation's is empty, and the old one's stays whole beside it. */
	CHILD_CHECK(!generation(8, &new, &misfit, &reused) && reused == 4);
	CHILD_CHECK(!bpf_set_pin(new, BPF_TEST_FOLDER));
	CHILD_CHECK(is_pinned("jumps_next") && is_pinned("jumps"));
	CHILD_CHECK(!bpf_program_run(jump, &run) && run.ret == 3);
	CHILD_CHECK(!bpf_set_program(new, "jump", &jump));
	CHILD_CHECK(!bpf_program_run(jump, &run) && run.ret == 0);
	/* A program's pin is replaced too. */
	CHILD_CHECK(!bpf_set_pin_program(old, BPF_TEST_FOLDER, "jump"));
	CHILD_CHECK(!bpf_set_pin_program(new, BPF_TEST_FOLDER, "jump"));
	CHILD_CHECK(bpf_set_pin_program(new, BPF_TEST_FOLDER, "none") == ERR_ABSENT);
	bpf_set_free(old);
	bpf_set_free(new);
	return 0;
}

static void fresh_tables_stand_beside_their_predecessors(void **state)
{
	(void)state;
	assert_child(fresh, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bytes_that_are_no_object),
		cmocka_unit_test(refuses_names_that_the_object_does_not_have),
		cmocka_unit_test(tells_why_the_verifier_refuses),
		cmocka_unit_test(sizes_and_constants_are_set_before_it_is_loaded),
		cmocka_unit_test(pinned_tables_are_taken_over),
		cmocka_unit_test(pinned_tables_that_do_not_fit_are_named),
		cmocka_unit_test(fresh_tables_stand_beside_their_predecessors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
