#include "os/bpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/bpf_test.h"

static const char no_rights[] = "this user or kernel does not load programs";

#define AT(name) BPF_TEST_FOLDER "/" name

/* What a process does before it loads. answer: names the build. */
static enum err open_build(uint32_t answer, struct bpf_set **ret)
{
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	TRY(bpf_test_open(&set));
	TRY(bpf_set_fresh(set, "jumps"));
	TRY(bpf_set_constant(set, "answer", &answer, sizeof(answer)));
	*ret = TAKE(set);
	return OK;
}

/* A process that loads, and leaves all of it; frozen: as bpf_set_adopt wants it. */
static enum err live_once(uint32_t answer, bool frozen)
{
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	struct bpf_misfit misfit;
	size_t reused;
	TRY(open_build(answer, &set));
	TRY(bpf_set_reuse(set, BPF_TEST_FOLDER, &misfit, &reused));
	TRY(bpf_set_load(set));
	if (frozen)
		TRY(bpf_set_freeze(set, "jumps"));
	TRY(bpf_set_pin(set, BPF_TEST_FOLDER));
	TRY(bpf_set_settle(set, BPF_TEST_FOLDER));
	return bpf_set_leave(set, BPF_TEST_FOLDER);
}

static int begin(void)
{
	if (bpf_test_may_not() || bpf_test_folder())
		return CHILD_SKIPS;
	CHILD_CHECK(!live_once(4, true));
	return 0;
}
#define BEGIN()                                                                                    \
	do {                                                                                       \
		int begin_ = begin();                                                              \
		if (begin_)                                                                        \
			return begin_;                                                             \
	} while (0)

/* Why the next process of that build has to load; "": it need not. */
static const char *why_not(uint32_t answer)
{
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	const char *why = "";
	if (open_build(answer, &set))
		return "it cannot be opened";
	enum err e = bpf_set_adopt(set, BPF_TEST_FOLDER, &why);
	return e && e != ERR_ABSENT ? "an error" : why;
}

static bool is_why(const char *why)
{
	return strcmp(why_not(4), why) == 0;
}

/* ---- taken over ---- */

static bool runs(const struct bpf_set *set, const char *name, uint32_t ret)
{
	static const uint8_t packet[64];
	struct bpf_run run = {.in = span_of(packet, sizeof(packet))};
	int fd;
	return !bpf_set_program(set, name, &fd) && !bpf_program_run(fd, &run) && run.ret == ret;
}

static int adopted(void)
{
	struct bpf_set *set = NULL;
	struct bpf_table flows;
	const char *why = "";
	const uint32_t len = 64;
	uint64_t count = 0, *seen = NULL, *worth = NULL;
	int fd;
	BEGIN();
	CHILD_CHECK(!open_build(4, &set));
	CHILD_CHECK(!bpf_set_adopt(set, BPF_TEST_FOLDER, &why));
	/* As if it had been loaded: programs, tables and variables are there and belong together.
	 */
	CHILD_CHECK(runs(set, "count", 4));
	CHILD_CHECK(!bpf_set_table(set, "flows", &flows));
	CHILD_CHECK(!bpf_table_get(&flows, &len, &count) && count == 1);
	CHILD_CHECK(!bpf_set_variable(set, "seen", sizeof(*seen), (void **)&seen) && *seen == 1);
	CHILD_CHECK(!bpf_set_variable(set, "worth", sizeof(*worth), (void **)&worth));
	CHILD_CHECK(*worth == 40);
	CHILD_CHECK(bpf_set_program(set, "refused", &fd) == ERR_ABSENT);
	CHILD_CHECK(bpf_set_program(set, "none", &fd) == ERR_ABSENT);
	bpf_set_free(set);
	set = NULL;
	/* And so for the one after it. */
	CHILD_CHECK(!open_build(4, &set) && !bpf_set_adopt(set, BPF_TEST_FOLDER, &why));
	CHILD_CHECK(!bpf_set_variable(set, "seen", sizeof(*seen), (void **)&seen) && *seen == 1);
	bpf_set_free(set);
	return 0;
}

static void the_same_build_goes_on_with_the_programs_that_are_there(void **state)
{
	(void)state;
	assert_child(adopted, no_rights);
}

/* ---- loaded ---- */

static int builds(void)
{
	if (bpf_test_may_not() || bpf_test_folder())
		return CHILD_SKIPS;
	CHILD_CHECK(is_why("a table is not pinned")); /* nobody was here before */
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	CHILD_CHECK(strcmp(why_not(5), "they are of another build") == 0);
	CHILD_CHECK(!live_once(5, true) && is_why("they are of another build"));
	CHILD_CHECK(strcmp(why_not(5), "") == 0);
	return 0;
}

static void another_build_is_loaded(void **state)
{
	(void)state;
	assert_child(builds, no_rights);
}

static int half(void)
{
	static const char *const pins[] = {
		"flows", "jumps", "section_rodata", "section_bss", "count", "pass", "add"};
	BEGIN();
	CHILD_CHECK(is_why(""));
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		bool table = i < 4;
		CHILD_CHECK(!bpf_unpin(BPF_TEST_FOLDER, pins[i]));
		CHILD_CHECK(is_why(table ? "a table is not pinned" : "a program is not pinned"));
		CHILD_CHECK(!live_once(4, true) && is_why(""));
	}
	return 0;
}

static void half_of_the_pins_are_none(void **state)
{
	(void)state;
	assert_child(half, no_rights);
}

/* Pins of two processes of the same build, as one leaves them that dies in between. */
static int mixed(void)
{
	BEGIN();
	CHILD_CHECK(mkdir(AT("aside"), 0700) == 0);
	CHILD_CHECK(rename(AT("count"), AT("aside/count")) == 0);
	CHILD_CHECK(rename(AT("section_rodata"), AT("aside/section_rodata")) == 0);
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	CHILD_CHECK(rename(AT("aside/count"), AT("count")) == 0);
	CHILD_CHECK(is_why("a program belongs to other tables")); /* to other constants */
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	CHILD_CHECK(rename(AT("aside/section_rodata"), AT("section_rodata")) == 0);
	CHILD_CHECK(is_why("a program belongs to other tables"));
	/* `flows` is made anew: the old programs count in another one. */
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	CHILD_CHECK(rename(AT("count"), AT("aside/count")) == 0);
	CHILD_CHECK(!bpf_unpin(BPF_TEST_FOLDER, "flows"));
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	CHILD_CHECK(rename(AT("aside/count"), AT("count")) == 0);
	CHILD_CHECK(is_why("a program belongs to other tables"));
	return 0;
}

static void pins_of_two_processes_are_none(void **state)
{
	(void)state;
	assert_child(mixed, no_rights);
}

/* ---- tampered with, by who may write the folder and not load ---- */

static int swapped(void)
{
	BEGIN();
	/* Programs: of the same kind and of the same build, but not where they were. */
	CHILD_CHECK(rename(AT("count"), AT("old")) == 0 && rename(AT("change"), AT("count")) == 0 &&
		    rename(AT("old"), AT("change")) == 0);
	CHILD_CHECK(is_why("a program is another one"));
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	CHILD_CHECK(rename(AT("shot"), AT("jump")) == 0 && is_why("a program is another one"));
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	/* Tables. */
	CHILD_CHECK(rename(AT("section_data"), AT("section_bss")) == 0);
	CHILD_CHECK(is_why("a table is not pinned"));
	CHILD_CHECK(!live_once(4, true) && is_why(""));
	CHILD_CHECK(rename(AT("section_bss"), AT("section_rodata")) == 0 && !is_why(""));
	return 0;
}

static void pins_under_other_names_are_none(void **state)
{
	(void)state;
	assert_child(swapped, no_rights);
}

static int by_hand(void)
{
	struct bpf_table jumps, rodata;
	struct bpf_set *set = NULL;
	const uint32_t zero = 0, other = 5;
	int fd;
	BEGIN();
	CHILD_CHECK(!open_build(4, &set) && bpf_set_freeze(set, "none") == ERR_ABSENT);
	CHILD_CHECK(bpf_set_freeze(set, "jumps") != OK); /* it is not loaded */
	bpf_set_free(set);
	/* What is frozen cannot be written, not even by root. */
	CHILD_CHECK(!bpf_table_open(BPF_TEST_FOLDER, "jumps", &jumps));
	CHILD_CHECK(!bpf_table_open(BPF_TEST_FOLDER, "section_rodata", &rodata));
	CHILD_CHECK(!open_build(4, &set));
	const char *why;
	CHILD_CHECK(!bpf_set_adopt(set, BPF_TEST_FOLDER, &why));
	CHILD_CHECK(!bpf_set_program(set, "change", &fd));
	CHILD_CHECK(bpf_table_put_program(&jumps, 1, fd) == (enum err)EPERM);
	CHILD_CHECK(bpf_table_put(&rodata, &zero, &other, BPF_PUT) == (enum err)EPERM);
	bpf_table_done(&jumps);
	bpf_table_done(&rodata);
	bpf_set_free(set);
	/* Where it is not frozen it is not believed. */
	CHILD_CHECK(!live_once(4, false));
	CHILD_CHECK(is_why("a table could have been written by hand"));
	return 0;
}

static void what_could_have_been_written_by_hand_is_not_believed(void **state)
{
	(void)state;
	assert_child(by_hand, no_rights);
}

static int strangers(void)
{
	struct bpf_set *set = NULL;
	BEGIN();
	CHILD_CHECK(!open_build(4, &set));
	const char *why;
	CHILD_CHECK(!bpf_set_adopt(set, BPF_TEST_FOLDER, &why));
	CHILD_CHECK(!bpf_set_pin_program(set, BPF_TEST_FOLDER, "count"));
	CHILD_CHECK(rename(AT("count"), AT("older")) == 0);
	bpf_set_free(set);
	CHILD_CHECK(!live_once(4, true) && access(AT("older"), F_OK) < 0 && is_why(""));
	return 0;
}

static void what_an_older_build_has_left_goes(void **state)
{
	(void)state;
	assert_child(strangers, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_build_is_loaded),
		cmocka_unit_test(half_of_the_pins_are_none),
		cmocka_unit_test(pins_of_two_processes_are_none),
		cmocka_unit_test(pins_under_other_names_are_none),
		cmocka_unit_test(what_could_have_been_written_by_hand_is_not_believed),
		cmocka_unit_test(what_an_older_build_has_left_goes),
		cmocka_unit_test(the_same_build_goes_on_with_the_programs_that_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
