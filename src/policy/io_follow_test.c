#include "policy/io_follow.h"

#include "base/writer.h"
#include "os/file.h"
#include "os/loop.h"
#include "policy/build_test.h"
#include "policy/pauses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(t)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(t), sizeof(t) - 1                                                \
	}

static const struct span groups[] = {TEXT("kids")};
static const struct policy_list_setup lists[] = {{.name = TEXT("ads")}};
static const struct policy_rule rules[] = {{.lists = {1}, .schedule = POLICY_ALWAYS}};

struct obeyer {
	struct loop loop;
	char folder[64];
	struct policy_follow *follow;
	struct policy_held *held;
	unsigned changes;
};

static void changed(void *arg, struct policy_held *held)
{
	struct obeyer *r = arg;
	policy_held_unref(r->held);
	r->held = policy_held_ref(held);
	r->changes++;
}

static void file_put(const struct obeyer *r, const char *name, struct span bytes)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", r->folder, name);
	assert_int_equal(file_write_atomic(path, bytes, 0600), OK);
}

static void compiled_put(const struct obeyer *r, uint64_t generation)
{
	const struct policy_setup s = {.generation = generation,
				       .groups = groups,
				       .groups_n = 1,
				       .lists = lists,
				       .lists_n = 1,
				       .rules = rules,
				       .rules_n = 1};
	const char *const text[] = {"||ads.example^\n"};
	struct policy_built built = sample_build(&s, text, 10);
	file_put(r, POLICY_FILE_COMPILED, span_of(built.bytes, built.len));
	free(built.bytes);
}

/* Turns until it was told so often. */
static void wait_for(struct obeyer *r, unsigned changes)
{
	while (r->changes < changes)
		assert_int_equal(loop_turn(&r->loop, 1000), OK);
	assert_int_equal(r->changes, changes);
}

/* Turns for two looks at least. */
static void looks_pass(struct obeyer *r)
{
	assert_int_equal(loop_turn(&r->loop, 0), OK);
	uint64_t until_ms = loop_now_ms(&r->loop) + 2 * POLICY_FOLLOW_MS;
	while (loop_now_ms(&r->loop) < until_ms)
		assert_int_equal(loop_turn(&r->loop, POLICY_FOLLOW_MS), OK);
}

static uint64_t generation(const struct obeyer *r)
{
	struct policy_facts facts;
	policy_facts(policy_held_policy(r->held), &facts);
	return facts.generation;
}

static void up(struct obeyer *r)
{
	*r = (struct obeyer){.folder = "/tmp/policy_follow_test_XXXXXX"};
	assert_non_null(mkdtemp(r->folder));
	assert_int_equal(loop_init(&r->loop), OK);
}

static void down(struct obeyer *r)
{
	policy_follow_free(r->follow);
	policy_held_unref(r->held);
	loop_done(&r->loop);
	assert_int_equal(dir_remove(r->folder), OK);
}

static void a_torn_file_leaves_what_was_in_force(void **state)
{
	(void)state;
	struct obeyer r;
	up(&r);
	compiled_put(&r, 1);
	assert_int_equal(policy_follow_new(&r.loop, r.folder, changed, &r, &r.follow), OK);
	assert_int_equal(r.changes, 1); /* at once */
	file_put(&r, POLICY_FILE_COMPILED, span_text("GHpolicy and nothing of it"));
	looks_pass(&r);
	assert_int_equal(r.changes, 1);
	assert_int_equal(generation(&r), 1);
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", r.folder, POLICY_FILE_COMPILED);
	assert_int_equal(unlink(path), 0);
	looks_pass(&r);
	assert_int_equal(r.changes, 1);
	compiled_put(&r, 2);
	wait_for(&r, 2);
	assert_int_equal(generation(&r), 2);
	down(&r);
}

static void what_comes_later_is_found_and_the_one_before_stays_while_it_is_held(void **state)
{
	(void)state;
	struct obeyer r;
	struct policy_match match;
	struct policy_view view;
	struct dns_name name;
	up(&r);
	assert_int_equal(policy_follow_new(&r.loop, r.folder, changed, &r, &r.follow), OK);
	assert_null(policy_follow_get(r.follow));
	compiled_put(&r, 7);
	wait_for(&r, 1);
	struct policy_held *old = policy_follow_get(r.follow);
	compiled_put(&r, 8);
	wait_for(&r, 2);
	assert_int_equal(generation(&r), 8);
	assert_ptr_not_equal(old, r.held);
	assert_int_equal(dns_name_from_text(span_text("x.ads.example"), NULL, &name), OK);
	policy_view(policy_held_policy(old), 0, 0, policy_held_pauses(old), &view);
	policy_look(policy_held_policy(old), &view, &name, &match);
	assert_int_equal(match.verdict, POLICY_SAYS_BLOCK);
	policy_held_unref(old);
	down(&r);
}

static void what_could_not_be_opened_is_tried_again(void **state)
{
	(void)state;
	struct obeyer r;
	struct rlimit was, none;
	up(&r);
	compiled_put(&r, 1);
	assert_int_equal(policy_follow_new(&r.loop, r.folder, changed, &r, &r.follow), OK);
	compiled_put(&r, 2);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	looks_pass(&r);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(r.changes, 1);
	wait_for(&r, 2); /* the file is the same as when it could not */
	assert_int_equal(generation(&r), 2);
	down(&r);
}

static void a_pause_is_told_without_another_policy(void **state)
{
	(void)state;
	struct obeyer r;
	uint8_t room[POLICY_PAUSES_LEN_MAX];
	struct writer w = writer_of(room, sizeof(room));
	const struct policy_pause pauses[] = {{groups[0], 1234}, {{0}, 99}};
	up(&r);
	compiled_put(&r, 1);
	assert_int_equal(policy_follow_new(&r.loop, r.folder, changed, &r, &r.follow), OK);
	assert_int_equal(policy_held_pauses(r.held)->groups_s[0], 0);
	policy_pauses_write(pauses, 2, &w);
	file_put(&r, POLICY_FILE_PAUSES, writer_span(&w));
	wait_for(&r, 2);
	assert_int_equal(policy_held_pauses(r.held)->groups_s[0], 1234);
	assert_int_equal(policy_held_pauses(r.held)->all_s, 99);
	assert_int_equal(generation(&r), 1);
	compiled_put(&r, 2); /* they hold for the next policy, too */
	wait_for(&r, 3);
	assert_int_equal(policy_held_pauses(r.held)->groups_s[0], 1234);
	file_put(&r, POLICY_FILE_PAUSES, span_text("torn"));
	wait_for(&r, 4);
	assert_int_equal(policy_held_pauses(r.held)->groups_s[0], 0);
	down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_torn_file_leaves_what_was_in_force),
		cmocka_unit_test(
			what_comes_later_is_found_and_the_one_before_stays_while_it_is_held),
		cmocka_unit_test(what_could_not_be_opened_is_tried_again),
		cmocka_unit_test(a_pause_is_told_without_another_policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
