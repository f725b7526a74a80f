#include "service/forward-proxy/privacy/privacy.h"

#include "base/arena.h"
#include "base/writer.h"
#include "proxy/head.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/privacy/conf_privacy.h"
#include "service/forward-proxy/privacy/levels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct ip_address client = {.family = 4, .bytes = {192, 0, 2, 7}};

static struct privacy_conf conf_of(enum privacy_level level)
{
	return privacy_conf_of(level, span_text("All/1"), span_text("en"));
}

struct stage {
	struct proxy_head head;
	uint8_t room[PRIVACY_ROOM];
};

static void add(struct stage *s, const char *name, const char *value)
{
	assert_int_equal(proxy_head_add(&s->head, span_text(name), span_text(value)), OK);
}

static void edit(struct stage *s, enum privacy_level level, const char *host)
{
	struct privacy_conf c = conf_of(level);
	struct writer w = writer_of(s->room, sizeof(s->room));
	assert_int_equal(privacy_request_edit(&c, &s->head, &client, span_text(host), &w), OK);
}

/* All values of that name, joined by '|'; "" when there is none. */
static const char *value(struct stage *s, const char *name)
{
	static char text[4096]; /* why-global: what a test looks at last */
	struct writer w = writer_of(text, sizeof(text) - 1);
	for (size_t i = 0; i < s->head.fields_n; i++)
		if (span_equal_nocase(s->head.fields[i].name, span_text(name))) {
			write_text(&w, w.pos ? "|" : "");
			write_span(&w, s->head.fields[i].value);
		}
	text[w.pos] = 0;
	return text;
}

/* Each row of the table is what happens: a field of that name, at each level. */
static void each_row_is_what_happens(void **state)
{
	(void)state;
	size_t n;
	const struct privacy_row *rows = privacy_table(&n);
	for (size_t i = 0; i < n; i++)
		for (unsigned level = 0; level < PRIVACY_LEVELS; level++) {
			struct stage s = {0};
			struct privacy_conf c = conf_of((enum privacy_level)level);
			char name[64];
			(void)snprintf(name, sizeof(name), "%s", rows[i].name);
			if (strchr(name, '*'))
				memcpy(strchr(name, '*'), "x", 2);
			add(&s, name, "http://b.test/");
			if (rows[i].of_answer)
				privacy_answer_edit(&c, &s.head);
			else
				edit(&s, c.level, "a.test");
			const char *got = value(&s, name);
			enum privacy_rule rule = rows[i].rules[level];
			bool same = strcmp(got, "http://b.test/") == 0;
			bool starts = strncmp(got, "http://b.test/", 14) == 0;
			bool right = rule == PRIVACY_PASSED  ? same
				     : rule == PRIVACY_ADDED ? starts
				     : rule == PRIVACY_FIXED ? !starts && got[0]
							     : !got[0];
			if (!right)
				fail_msg("%s, %s: '%s'", name, privacy_level_text(c.level), got);
			add(&s, "x-other", "1");
			assert_string_equal(value(&s, "x-other"), "1");
		}
}

static void a_fixed_field_is_there_also_when_none_came(void **state)
{
	(void)state;
	struct stage s = {0};
	edit(&s, PRIVACY_STRICT, "a.test");
	assert_string_equal(value(&s, "user-agent"), "All/1");
	assert_string_equal(value(&s, "accept-language"), "en");
	assert_string_equal(value(&s, "sec-gpc"), "1");
	s = (struct stage){0};
	add(&s, "User-Agent", "x");
	add(&s, "user-agent", "y");
	edit(&s, PRIVACY_STRICT, "a.test");
	assert_string_equal(value(&s, "user-agent"), "All/1");
}

static void who_it_is_for_stands_behind_what_came(void **state)
{
	(void)state;
	struct stage s = {0};
	edit(&s, PRIVACY_NONE, "a.test");
	assert_string_equal(value(&s, "forwarded"), "for=192.0.2.7");
	assert_string_equal(value(&s, "x-forwarded-for"), "192.0.2.7");
	s = (struct stage){0};
	add(&s, "Forwarded", "for=10.0.0.1");
	add(&s, "X-Forwarded-For", "10.0.0.1");
	add(&s, "x-forwarded-for", "10.0.0.2, 10.0.0.3");
	edit(&s, PRIVACY_NONE, "a.test");
	assert_string_equal(value(&s, "forwarded"), "for=10.0.0.1, for=192.0.2.7");
	assert_string_equal(value(&s, "x-forwarded-for"),
			    "10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.7");
	/* A list without end leaves ours. */
	char longest[4000];
	memset(longest, '1', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	s = (struct stage){0};
	add(&s, "forwarded", longest);
	add(&s, "x-forwarded-for", longest);
	edit(&s, PRIVACY_NONE, "a.test");
	assert_string_equal(value(&s, "forwarded"), "for=192.0.2.7");
	assert_string_equal(value(&s, "x-forwarded-for"), "192.0.2.7");
}

static void nothing_of_the_client_is_told_by_any_other_level(void **state)
{
	(void)state;
	for (unsigned level = PRIVACY_PROXY; level < PRIVACY_LEVELS; level++) {
		struct stage s = {0};
		add(&s, "X-Forwarded-Anything", "192.0.2.7");
		add(&s, "FORWARDED", "for=192.0.2.7");
		edit(&s, (enum privacy_level)level, "a.test");
		for (size_t i = 0; i < s.head.fields_n; i++)
			assert_false(span_is(s.head.fields[i].value, "192.0.2.7") ||
				     span_is(s.head.fields[i].value, "for=192.0.2.7"));
	}
}

static void a_referrer_goes_to_its_own_site_only(void **state)
{
	(void)state;
	static const struct {
		const char *referer, *host;
		bool kept;
	} cases[] = {{"http://a.test/x?y", "a.test", true},
		     {"http://A.test:8080/", "a.test", true},
		     {"http://www.a.test/", "a.test", true},
		     {"http://a.test", "img.a.test", true},
		     {"http://a.test#x", "a.test", true},
		     {"http://[2001:db8::1]:80/", "[2001:db8::1]", true},
		     {"http://b.test/", "a.test", false},
		     {"http://xa.test/", "a.test", false},
		     {"http://test/", "a.test", false},
		     {"http://u@a.test/", "a.test", false},
		     {"http://b.test/?http://a.test/", "a.test", false},
		     {"http://a.test.b.test/", "a.test", false},
		     {"a.test", "a.test", false},
		     {"", "a.test", false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage s = {0};
		add(&s, "Referer", cases[i].referer);
		edit(&s, PRIVACY_ANONYMOUS, cases[i].host);
		if ((value(&s, "referer")[0] != 0) != cases[i].kept)
			fail_msg("%s to %s", cases[i].referer, cases[i].host);
	}
}

static void a_head_that_is_full_is_an_error(void **state)
{
	(void)state;
	struct stage s = {0};
	struct privacy_conf c = conf_of(PRIVACY_STRICT);
	struct writer w = writer_of(s.room, sizeof(s.room));
	for (size_t i = 0; i < PROXY_FIELDS_MAX; i++)
		add(&s, "x", "1");
	assert_int_equal(privacy_request_edit(&c, &s.head, &client, span_text("a"), &w), ERR_LIMIT);
}

static void the_configuration_has_the_levels_of_the_table(void **state)
{
	(void)state;
	static const struct config_section section = {"privacy", &forward_privacy_map};
	static const struct config_sections sections = {&section, 1};
	struct arena arena;
	arena_init(&arena, 1 << 16);
	conf_schema_is_sound(&sections);
	for (unsigned level = 0; level < PRIVACY_LEVELS; level++) {
		char text[64];
		struct privacy_levels all;
		(void)snprintf(text, sizeof(text), "privacy: %s\n", privacy_level_text(level));
		struct config *c = conf_parse(&sections, text);
		assert_int_equal(forward_privacy(&arena, config_section(c, "privacy"), &all), OK);
		const struct privacy_conf p = all.otherwise;
		assert_int_equal(p.level, level);
		assert_true(p.user_agent.len && span_is(p.accept_language, "en-US,en;q=0.5"));
		config_free(c);
	}
	struct config *c = conf_parse(&sections, "privacy: {}\n");
	const struct forward_privacy_conf *conf = config_section(c, "privacy");
	assert_int_equal(conf->level, PRIVACY_PROXY);
	config_free(c);
	arena_done(&arena);
	conf_refused(&sections, "privacy: strickt\n", 1, 10, "wrong value");
	conf_refused(&sections, "privacy: {rules: {from: 10.0.0.0/8}}\n", 1, 18, "level");
	conf_refused(&sections, "privacy: {rules: {level: strict, to: \"a b\"}}\n", 1, 38,
		     "no place");
	conf_refused(&sections, "privacy: {user-agent: \"a\\nb\"}\n", 1, 23, "no control bytes");
}

static enum access_member member(const void *arg, const char *group)
{
	(void)arg;
	return strcmp(group, "kids") == 0    ? ACCESS_MEMBER
	       : strcmp(group, "staff") == 0 ? ACCESS_MEMBER_NOT
					     : ACCESS_MEMBER_UNKNOWN;
}

static enum privacy_level level_for(const struct privacy_levels *l, const char *host,
				    struct ip_address from)
{
	struct destination to;
	assert_int_equal(destination_read(span_text(host), 80, &to), OK);
	const struct access_facts facts = {.client = from, .to = &to, .member = member};
	return privacy_level_of(l, &facts)->level;
}

static void the_first_rule_that_fits_says_the_level(void **state)
{
	(void)state;
	static const struct config_section section = {"privacy", &forward_privacy_map};
	static const struct config_sections sections = {&section, 1};
	const struct ip_address kid = ip_address_v4(10, 0, 0, 1), other = ip_address_v4(9, 0, 0, 1);
	struct privacy_levels l;
	struct arena arena;
	arena_init(&arena, 1 << 16);
	struct config *c = conf_parse(
		&sections, "privacy:\n  level: proxy\n  rules:\n"
			   "    - {groups: staff, level: anonymous}\n"
			   "    - {to: bank.example, from: 10.0.0.0/8, level: none}\n"
			   "    - {groups: kids, from: 10.0.0.0/8, level: strict}\n"
			   "    - {groups: unheard-of, to: a.example, level: anonymous}\n"
			   "    - {groups: unheard-of, to: b.example, level: none}\n");
	assert_int_equal(forward_privacy(&arena, config_section(c, "privacy"), &l), OK);
	assert_int_equal(level_for(&l, "bank.example", kid), PRIVACY_NONE);
	assert_int_equal(level_for(&l, "x.example", kid), PRIVACY_STRICT);
	assert_int_equal(level_for(&l, "x.example", other), PRIVACY_PROXY);
	/* What is not known makes it stricter, and never laxer. */
	assert_int_equal(level_for(&l, "a.example", other), PRIVACY_ANONYMOUS);
	assert_int_equal(level_for(&l, "b.example", other), PRIVACY_PROXY);
	config_free(c);
	arena_done(&arena);
}

/* The manual's table is this one. */
static void the_manual_shows_the_table(void **state)
{
	(void)state;
	static char manual[65536], table[16384]; /* why-global: too large for a stack */
	FILE *f = fopen(PRIVACY_MANUAL, "r");
	assert_non_null(f);
	manual[fread(manual, 1, sizeof(manual) - 1, f)] = 0;
	(void)fclose(f);
	struct writer w = writer_of(table, sizeof(table) - 1);
	privacy_table_write(&w);
	assert_false(w.bad);
	table[w.pos] = 0;
	assert_non_null(strstr(manual, table));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_what_happens),
		cmocka_unit_test(a_fixed_field_is_there_also_when_none_came),
		cmocka_unit_test(who_it_is_for_stands_behind_what_came),
		cmocka_unit_test(nothing_of_the_client_is_told_by_any_other_level),
		cmocka_unit_test(a_referrer_goes_to_its_own_site_only),
		cmocka_unit_test(a_head_that_is_full_is_an_error),
		cmocka_unit_test(the_first_rule_that_fits_says_the_level),
		cmocka_unit_test(the_manual_shows_the_table),
		cmocka_unit_test(the_configuration_has_the_levels_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
