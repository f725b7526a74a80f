#include "service/forward-proxy/access/conf_answers.h"

#include "base/arena.h"
#include "policy/schedule.h"
#include "service/forward-proxy/access/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

struct whole {
	struct config_list answers;
};

static const struct config_key keys[] = {{.name = "answers",
					  .type = CONFIG_MAP,
					  .flags = CONFIG_LIST,
					  CONFIG_FIELD(struct whole, answers),
					  .map = &forward_answer_map,
					  .items_max = FORWARD_ANSWERS_MAX,
					  .help = "rules"}};
static const struct config_map map = {.help = "A proxy",
				      .size = sizeof(struct whole),
				      CONFIG_KEYS(keys),
				      .example = "answers: []"};
static const struct config_section section = {"proxy", &map};
static const struct config_sections sections = {&section, 1};

/* rule: what stands between the braces of the second rule, which begin in column 7. */
static void refused(const char *rule, uint32_t column, const char *words)
{
	char text[2048];
	(void)snprintf(text, sizeof(text), "proxy:\n  answers:\n    - {types: none}\n    - {%s}\n",
		       rule);
	conf_refused(&sections, text, 4, column, words);
}

static void schema_is_sound(void **state)
{
	(void)state;
	conf_schema_is_sound(&sections);
}

static void refuses_what_is_no_type(void **state)
{
	(void)state;
	refused("types: [text/html, Video/mp4]", 27, "'Video/mp4' is no media type");
	refused("types: video", 15, "'video' is no media type");
	refused("types: \"*/*\"", 15, "'*/*' is no media type");
	refused("types: \"*/mp4\"", 15, "'*/mp4' is no media type");
	/* They would fit nothing. */
	refused("types: \"video/mp*\"", 15, "'video/mp*' is no media type");
	refused("types: \"vid*/mp4\"", 15, "'vid*/mp4' is no media type");
	refused("types: \"video/**\"", 15, "'video/**' is no media type");
	refused("types: \"video/\"", 15, "'video/' is no media type");
	refused("types: \"/mp4\"", 15, "'/mp4' is no media type");
	refused("types: \"video/mp4/x\"", 15, "is no media type");
	refused("types: \"text/html; charset=utf-8\"", 15, "is no media type");
	refused("types: [None]", 16, "'None' is no media type");
	refused("types: [a/b, c/d, a/b]", 26, "twice");
	refused("types: \"\"", 15, "types");
}

static void a_type_has_at_most_127_octets(void **state)
{
	(void)state;
	char rule[256], longest[128];
	memset(longest, 'a', sizeof(longest));
	longest[1] = '/';
	longest[127] = 0;
	(void)snprintf(rule, sizeof(rule), "types: %sx", longest);
	refused(rule, 15, "types");
	(void)snprintf(rule, sizeof(rule), "proxy: {answers: {types: %s}}\n", longest);
	config_free(conf_parse(&sections, rule));
}

static void refuses_what_a_rule_that_allows_cannot_have(void **state)
{
	(void)state;
	refused("action: allow, larger-than: 1M", 36, "no least size");
	refused("action: allow, larger-than: 0", 36, "no least size");
	refused("action: allow, reason: because", 31, "nobody is refused");
	refused("action: permit", 16, "wrong value for 'action'");
	refused("larger-than: -1", 21, "larger-than");
	refused("larger-than: 2000000G", 21, "larger-than");
}

/* Judged as the rules of `access` are. */
static void refuses_places_paths_and_hours_that_are_none(void **state)
{
	(void)state;
	refused("to: [a.test, 10.0.0.1/8]", 21, "bits beyond the length");
	refused("to: [\"*\"]", 13, "'*' is no place");
	refused("paths: [/a/, \"~^(\"]", 21, "'^(' is no regular expression");
	refused("paths: [nowhere]", 16, "'nowhere' is no path");
	refused("times: {from: \"24:00\"}", 22, "no time of the day");
	refused("from: [10.0.0.0/8, 10.0.0.0/8]", 27, "twice");
	refused("ports: 443", 8, "ports");
}

/* Compiles text into *a; the rules are to be given back. */
static struct config *compiled(const char *text, struct arena *a, struct answers_rules *ret)
{
	struct config *c = conf_parse(&sections, text);
	const struct whole *w = config_section(c, "proxy");
	arena_init(a, 1 << 20);
	assert_int_equal(forward_answers(a, &w->answers, ret), OK);
	return c;
}

static void reads_what_is_written(void **state)
{
	(void)state;
	struct answers_rules r;
	struct arena a;
	struct config *c = compiled(
		"proxy:\n  answers:\n"
		"    - {action: allow, types: [video/mp4, \"image/*\", none], users: [ann], "
		"groups: [kids, guests], from: [10.0.0.0/8, 2001:db8::/32]}\n"
		"    - {larger-than: 100M, to: [\"*.A.test\", 192.0.2.0/24], reason: big, "
		"times: {days: [sat], from: \"8:00\", to: \"9:30\"}}\n",
		&a, &r);
	assert_int_equal(r.n, 2);
	assert_false(r.paths);
	const struct answers_rule *allow = &r.items[0], *deny = &r.items[1];
	assert_int_equal(allow->who.action, ACCESS_ALLOW);
	assert_int_equal(allow->types_n, 3);
	assert_string_equal(allow->types[1], "image/*");
	assert_true(allow->larger == ANSWERS_ANY_SIZE);
	assert_true(allow->who.groups_n == 2 && allow->who.from_n == 2 && allow->who.users_n == 1);
	assert_int_equal(deny->who.action, ACCESS_DENY); /* unless told */
	assert_int_equal(deny->types_n, 0);
	assert_true(deny->larger == UINT64_C(100) << 20);
	assert_string_equal(deny->who.reason, "big");
	assert_true(deny->who.to_n == 2 && deny->who.to[0].below);
	assert_int_equal(deny->who.times->windows[0].to, 570);
	forward_answers_done(&r);
	arena_done(&a);
	config_free(c);
}

static void no_octet_at_all_is_a_size_too(void **state)
{
	(void)state;
	struct answers_rules r;
	struct arena a;
	struct config *c = compiled("proxy: {answers: {larger-than: 0}}\n", &a, &r);
	assert_true(r.n == 1 && r.items[0].larger == 0);
	arena_done(&a);
	config_free(c);
}

static void tells_whether_paths_matter(void **state)
{
	(void)state;
	struct answers_rules r;
	struct arena a;
	struct config *c = compiled("proxy:\n  answers:\n    - {types: none}\n"
				    "    - {paths: [/a/, \"~^/[0-9]+\"]}\n    - {types: a/b}\n",
				    &a, &r);
	assert_true(r.paths && r.n == 3);
	assert_true(r.items[1].who.paths_n == 2 && r.items[1].who.paths[1].regex);
	forward_answers_done(&r);
	arena_done(&a);
	config_free(c);
	c = compiled("proxy: {}\n", &a, &r);
	assert_true(r.n == 0 && !r.paths && r.items);
	forward_answers_done(&r);
	forward_answers_done(&(struct answers_rules){.n = 0});
	arena_done(&a);
	config_free(c);
}

/* Whatever is made before the memory ends is given back: the sanitizer would find an expression
 * that is not. */
static void gives_back_what_was_made_where_memory_ends(void **state)
{
	static uint8_t room[16384];
	(void)state;
	struct config *c = conf_parse(&sections, "proxy:\n  answers:\n    - {paths: \"~^/a\"}\n"
						 "    - {paths: [\"~^/b\", /c/], to: a.test}\n");
	const struct whole *w = config_section(c, "proxy");
	size_t refusals = 0;
	enum err e = (enum err)ENOMEM;
	for (size_t len = 0; e && len <= sizeof(room); len += 64, refusals++) {
		struct arena a = arena_over(room, len);
		struct answers_rules r;
		e = forward_answers(&a, &w->answers, &r);
		assert_true(e == OK || e == (enum err)ENOMEM);
		forward_answers_done(&r);
	}
	assert_int_equal(e, OK);
	assert_true(refusals > 5);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(refuses_what_is_no_type),
		cmocka_unit_test(a_type_has_at_most_127_octets),
		cmocka_unit_test(refuses_what_a_rule_that_allows_cannot_have),
		cmocka_unit_test(refuses_places_paths_and_hours_that_are_none),
		cmocka_unit_test(reads_what_is_written),
		cmocka_unit_test(no_octet_at_all_is_a_size_too),
		cmocka_unit_test(tells_whether_paths_matter),
		cmocka_unit_test(gives_back_what_was_made_where_memory_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
