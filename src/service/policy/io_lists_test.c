/* Lists, what is made of them, and the thread that judges and makes. This program runs with
 * threads.
 */
#include "service/policy/io_lists.h"

#include "config/config.h"
#include "os/clock.h"
#include "os/log.h"
#include "policy/io_follow.h"
#include "service/policy/io_compile.h"
#include "service/policy/io_maker.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/conf.h"

enum { NAMES = 3000 };

static const struct config_section policy[] = {{"policy", &policy_conf_map}};
static const struct config_sections sections = {policy, 1};

/* As main.c has it, without a process around. */
static struct desk {
	struct loop loop;
	struct maker maker;
	struct lists lists;
	struct config *config;
	char folder[64];
	struct policy_follow *follow;
	struct policy_held *held;
	struct compile *runs;
	struct compiled last;
	bool wanted;
	uint64_t made;
} d;

static const struct policy_conf *conf(void)
{
	return config_section(d.config, "policy");
}

static void make(void *arg)
{
	(void)arg;
	compile_work(d.runs);
}

static void made(void *arg)
{
	(void)arg;
	d.last = *compile_result(d.runs);
	assert_int_equal(d.last.err, OK);
	for (size_t i = 0; compile_name(d.runs, i).len; i++) {
		struct list *l = lists_find(&d.lists, compile_name(d.runs, i));
		if (l && d.last.lost[i])
			list_lost(l);
		if (l)
			list_names_are(l, d.last.counts[i].kinds[POLICY_LINE_RULE]);
	}
	compile_free(TAKE(d.runs));
	d.made++;
	policy_follow_now(d.follow);
}

static void idle(void *arg)
{
	(void)arg;
	if (lists_give(&d.lists) || !d.wanted)
		return;
	const struct compile_order o = {d.config, conf(), &d.lists, d.folder, d.held, d.made + 1};
	d.wanted = false;
	assert_int_equal(compile_new(&o, &d.runs), OK);
	maker_give(&d.maker, make, made, NULL);
}

static void changed(void *arg)
{
	(void)arg;
	d.wanted = true;
}

static void held(void *arg, struct policy_held *h)
{
	(void)arg;
	policy_held_unref(d.held);
	d.held = policy_held_ref(h);
}

/* The configuration with that file of the list `ads`. */
static void obey(const char *file)
{
	char text[512];
	struct policy_conf_setup *setup = calloc(1, sizeof(*setup));
	(void)snprintf(text, sizeof(text),
		       "policy:\n  lists: {ads: {file: %s/%s}}\n  rules: [{lists: [ads]}]\n",
		       d.folder, file);
	config_free(d.config);
	d.config = conf_parse(&sections, text);
	assert_non_null(setup);
	assert_int_equal(policy_conf_setup(conf(), setup), OK);
	assert_int_equal(lists_set(&d.lists, conf(), setup, NULL), OK);
	policy_conf_setup_done(setup);
	free(setup);
	d.wanted = true;
	if (!maker_is_busy(&d.maker))
		idle(NULL);
}

static void write_names(const char *file, const char *word)
{
	char path[128], *text = malloc(NAMES * 40);
	size_t len = 0;
	for (int i = 0; i < NAMES; i++)
		len += (size_t)snprintf(text + len, 40, "||%s%d.example^\n", word, i);
	(void)snprintf(path, sizeof(path), "%s/%s", d.folder, file);
	assert_int_equal(file_write_atomic(path, span_of(text, len), 0600), OK);
	free(text);
}

static bool blocks(const char *text)
{
	struct dns_name name;
	struct policy_view view;
	struct policy_match m = {0};
	if (!d.held)
		return false;
	assert_true(policy_name_read(span_text(text), &name));
	policy_view(policy_held_policy(d.held), 0, 1700000000, NULL, &view);
	policy_look(policy_held_policy(d.held), &view, &name, &m);
	return m.verdict == POLICY_SAYS_BLOCK;
}

static void until_blocked(const char *name)
{
	uint64_t until_ms = clock_monotonic_ms() + 60000;
	while (!blocks(name)) {
		assert_true(clock_monotonic_ms() < until_ms);
		assert_int_equal(loop_turn(&d.loop, 100), OK);
	}
}

static void begin(void)
{
	assert_int_equal(loop_init(&d.loop), OK);
	assert_int_equal(maker_begin(&d.maker, &d.loop, idle, NULL), OK);
	lists_init(&d.lists, &d.loop, &d.maker, d.folder);
	d.lists.changed = changed;
	d.wanted = false;
	assert_int_equal(policy_follow_new(&d.loop, d.folder, held, NULL, &d.follow), OK);
}

static void end(void)
{
	maker_end(&d.maker);
	lists_done(&d.lists);
	policy_follow_free(TAKE(d.follow));
	policy_held_unref(TAKE(d.held));
	compile_free(TAKE(d.runs));
	config_free(TAKE(d.config));
	loop_done(&d.loop);
}

/* The file of the list that is kept. */
static const char *kept(void)
{
	static char path[512];
	DIR *dir = opendir(d.folder);
	assert_non_null(dir);
	path[0] = '\0';
	for (const struct dirent *e; (e = readdir(dir));)
		if (strncmp(e->d_name, "list-", 5) == 0 && !strstr(e->d_name, ".new"))
			(void)snprintf(path, sizeof(path), "%s/%s", d.folder, e->d_name);
	assert_int_equal(closedir(dir), 0);
	return path;
}

static int up(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	(void)snprintf(d.folder, sizeof(d.folder), "/tmp/policy-lists-XXXXXX");
	assert_non_null(mkdtemp(d.folder));
	begin();
	return 0;
}

static int down(void **state)
{
	(void)state;
	end();
	DIR *dir = opendir(d.folder);
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));) {
		char path[512];
		(void)snprintf(path, sizeof(path), "%s/%s", d.folder, e->d_name);
		(void)unlink(path);
	}
	assert_int_equal(closedir(dir), 0);
	assert_int_equal(rmdir(d.folder), 0);
	return 0;
}

static void a_list_that_moves_keeps_what_it_had_until_it_came(void **state)
{
	(void)state;
	write_names("one", "one");
	obey("one");
	until_blocked("one7.example");
	obey("two"); /* which is not there yet */
	for (int i = 0; i < 50; i++)
		assert_int_equal(loop_turn(&d.loop, 10), OK);
	assert_true(blocks("one7.example") && d.made > 1);
	assert_true(lists_find(&d.lists, span_text("ads"))->moved);
	write_names("two", "two");
	until_blocked("two7.example");
	assert_false(blocks("one7.example"));
	assert_false(lists_find(&d.lists, span_text("ads"))->moved);
}

static void of_one_that_is_spoilt_the_rules_stay_in_this_process_and_the_next(void **state)
{
	(void)state;
	write_names("one", "one");
	obey("one");
	until_blocked("one7.example");
	assert_int_equal(truncate(kept(), 5000), 0);
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/one", d.folder);
	assert_int_equal(unlink(path), 0); /* nor can it be had anew */
	for (int i = 0; i < 3; i++) {
		uint64_t before = d.made;
		obey("one");
		while (d.made == before)
			assert_int_equal(loop_turn(&d.loop, 100), OK);
		assert_true(blocks("one7.example"));
		assert_int_equal(d.last.lists[0], COMPILED_CARRIED);
		assert_int_equal(d.last.names, NAMES);
		end();
		begin();
		assert_true(blocks("one7.example"));
	}
	obey("one");
	write_names("one", "new");
	until_blocked("new7.example");
	assert_int_equal(d.last.lists[0], COMPILED_TEXT);
	assert_false(blocks("one7.example"));
}

/* Reloads while the other thread reads what came: each list has a file of its own for that. */
static void what_is_judged_while_the_configuration_changes_harms_nobody(void **state)
{
	(void)state;
	static const char *const files[] = {"one", "two"};
	write_names("one", "one");
	write_names("two", "two");
	for (int i = 0; i < 60; i++) {
		obey(files[i % 2]);
		for (int k = 0; k < i % 4; k++)
			assert_int_equal(loop_turn(&d.loop, 1), OK);
	}
	until_blocked("two7.example");
	obey("one");
	until_blocked("one7.example");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_that_moves_keeps_what_it_had_until_it_came),
		TEST(of_one_that_is_spoilt_the_rules_stay_in_this_process_and_the_next),
		TEST(what_is_judged_while_the_configuration_changes_harms_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
