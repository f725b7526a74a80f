/* What a policy has of a list is put into the next one, and holds there as it did. */
#include "base/writer.h"
#include "policy/build_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TEXT(t)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(t), sizeof(t) - 1                                                \
	}

static const uint8_t seed[16] = "and another one.";
/* Of one list, of two, of three. */
static const struct policy_rule rules[] = {{.lists = {1}, .schedule = POLICY_ALWAYS},
					   {.lists = {3}, .schedule = POLICY_ALWAYS},
					   {.lists = {7}, .schedule = POLICY_ALWAYS}};

static struct policy_setup setup_of(const struct policy_list_setup *lists, size_t n)
{
	return (struct policy_setup){
		.lists = lists, .lists_n = n, .rules = &rules[n - 1], .rules_n = 1};
}

static struct policy *opened(const struct policy_built *built)
{
	struct policy *p = NULL;
	assert_int_equal(policy_open(span_of(built->bytes, built->len), &p), OK);
	return p;
}

/* What is said of a name, and by which line of which list: "ads 3 ||x.example^"; "": nothing. */
static const char *said(const struct policy *p, const char *text, char buf[512])
{
	struct dns_name name;
	struct policy_view view;
	struct policy_match m;
	char line[POLICY_LINE_TEXT_MAX];
	assert_true(policy_name_read(span_text(text), &name));
	policy_view(p, 0, 1700000000, NULL, &view);
	policy_look(p, &view, &name, &m);
	buf[0] = '\0';
	struct span list = policy_list_name(p, m.list);
	if (m.verdict != POLICY_SAYS_NOTHING)
		(void)snprintf(buf, 512, "%.*s %u %d %s", (int)list.len, (const char *)list.data,
			       m.line, m.verdict, policy_line_format(&m, line));
	return buf;
}

/* The next policy: list `carried` has what the one before had of it, the others their texts. */
static struct policy_built next(const struct policy_setup *s, const char *const *texts,
				unsigned carried, const struct policy *before, size_t most,
				struct policy_counts *ret)
{
	struct policy_build *b = NULL;
	struct policy_built built;
	struct policy_counts c;
	unsigned old = policy_list_find(before, s->lists[carried].name);
	assert_int_not_equal(old, POLICY_LISTS_MAX);
	assert_int_equal(policy_build_new(s, most, &b), OK);
	for (unsigned i = 0; i < s->lists_n; i++) {
		if (i == carried)
			assert_int_equal(policy_build_carry(b, i, before, old, ret), OK);
		else
			assert_int_equal(policy_build_text(b, i, span_text(texts[i]), &c), OK);
	}
	assert_int_equal(policy_build_finish(b, seed, &built), OK);
	policy_build_free(b);
	return built;
}

static const char *const names[] = {
	"ads.example",	 "x.ads.example",   "good.ads.example", "exact.example", "x.exact.example",
	"below.example", "x.below.example", "xy.example",	"host.example",	 "x.host.example",
	"must.example",	 "plain.example",   "x.plain.example",	"x.org",	 "other.example",
};

static const char text[] = "# comment\n||ads.example^\n@@||good.ads.example^\n|exact.example^\n"
			   "*.below.example\n||x*y.example^\n0.0.0.0 host.example\n"
			   "||must.example^$important\nplain.example\n@@||must.example^\n";

static void what_it_had_of_a_list_holds_in_the_next_one(void **state)
{
	(void)state;
	static const struct policy_list_setup before[] = {{.name = TEXT("a")},
							  {.name = TEXT("ads")}};
	static const struct policy_list_setup after[] = {
		{.name = TEXT("ads")}, {.name = TEXT("new")}, {.name = TEXT("a")}};
	const struct policy_setup s = setup_of(before, 2), t = setup_of(after, 3);
	const char *const texts[] = {"||other.example^\n||ads.example^\n", text};
	const char *const more[] = {NULL, "", "||other.example^\n||ads.example^\n"};
	struct policy_built old = sample_build(&s, texts, 100);
	struct policy *p = opened(&old);
	struct policy_counts c;
	struct policy_built made = next(&t, more, 0, p, 100, &c);
	struct policy *q = opened(&made);
	assert_int_equal(c.kinds[POLICY_LINE_RULE], 9);
	assert_int_equal(c.exceptions, 2);
	assert_int_equal(c.patterns, 1);
	assert_int_equal(made.names, old.names);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char was[512], is[512];
		/* Of two lists that say the same the first is told: that is another one now. */
		if (strstr(names[i], "ads.example") && !strstr(names[i], "good"))
			continue;
		assert_string_equal(said(q, names[i], is), said(p, names[i], was));
	}
	policy_free(p);
	policy_free(q);
	free(old.bytes);
	free(made.bytes);
}

static bool blocks(const struct policy *p, const char *host, const char *target)
{
	struct dns_name name;
	struct policy_view view;
	struct policy_match m;
	assert_true(policy_name_read(span_text(host), &name));
	policy_view(p, 0, 1700000000, NULL, &view);
	policy_look_url(p, &view, &name, span_text(target), false, &m);
	return m.verdict == POLICY_SAYS_BLOCK;
}

static void paths_hold_in_the_next_one_too(void **state)
{
	(void)state;
	static const struct policy_list_setup lists[] = {{.name = TEXT("ads")}};
	const struct policy_setup s = setup_of(lists, 1);
	const char *const texts[] = {
		"||ads.example/a/b*c|\n@@||ads.example/a/bxc\nplain.example/x\n"};
	struct policy_built old = sample_build(&s, texts, 100);
	struct policy *p = opened(&old);
	struct policy_counts c;
	struct policy_built made = next(&s, texts, 0, p, 100, &c);
	struct policy *q = opened(&made);
	assert_int_equal(c.paths, 3);
	assert_int_equal(made.names, old.names);
	assert_int_equal(made.lines, old.lines);
	assert_true(blocks(q, "x.ads.example", "/a/b1c"));
	assert_false(blocks(q, "ads.example", "/a/bxc"));
	assert_true(blocks(q, "plain.example", "/xy"));
	assert_false(blocks(q, "x.plain.example", "/xy"));
	policy_free(p);
	policy_free(q);
	free(old.bytes);
	free(made.bytes);
}

static void plain_names_stand_for_what_the_list_says_now(void **state)
{
	(void)state;
	static const struct policy_list_setup narrow[] = {{.name = TEXT("ads")}};
	static const struct policy_list_setup wide[] = {{.name = TEXT("ads"), .subdomains = true}};
	const struct policy_setup s = setup_of(narrow, 1), t = setup_of(wide, 1);
	const char *const texts[] = {text};
	struct policy_built one = sample_build(&s, texts, 100);
	struct policy *p = opened(&one);
	struct policy_counts c;
	char buf[512];
	struct policy_built two = next(&t, texts, 0, p, 100, &c);
	struct policy *q = opened(&two);
	struct policy_built three = next(&s, texts, 0, q, 100, &c);
	struct policy *r = opened(&three);
	assert_string_equal(said(p, "x.plain.example", buf), "");
	assert_string_equal(said(q, "x.plain.example", buf), "ads 9 2 plain.example");
	assert_string_equal(said(q, "x.host.example", buf), "ads 7 2 host.example");
	assert_string_equal(said(q, "x.exact.example", buf), "");
	assert_string_equal(said(r, "x.plain.example", buf), "");
	assert_string_equal(said(r, "x.host.example", buf), "");
	assert_string_equal(said(r, "x.ads.example", buf), "ads 2 2 ||ads.example^");
	policy_free(p);
	policy_free(q);
	policy_free(r);
	free(one.bytes);
	free(two.bytes);
	free(three.bytes);
}

static void no_more_lines_come_in_than_are_taken(void **state)
{
	(void)state;
	static const struct policy_list_setup lists[] = {{.name = TEXT("ads")}};
	const struct policy_setup s = setup_of(lists, 1);
	const char *const texts[] = {text};
	struct policy_built one = sample_build(&s, texts, 100);
	struct policy *p = opened(&one);
	struct policy_counts c;
	struct policy_built two = next(&s, texts, 0, p, 4, &c);
	assert_int_equal(c.surplus, 5);
	assert_int_equal(two.lines, 4);
	assert_int_equal(policy_list_find(p, span_text("adz")), POLICY_LISTS_MAX);
	policy_free(p);
	free(one.bytes);
	free(two.bytes);
}

/* A list's name is in many records, some of which are far from their place. */
static void of_many_names_none_is_left_out(void **state)
{
	(void)state;
	enum { MANY = 5000, LINE = 40 };
	static const struct policy_list_setup lists[] = {{.name = TEXT("ads")},
							 {.name = TEXT("b")}};
	const struct policy_setup s = setup_of(lists, 2);
	char *a = calloc(MANY, LINE), *b = calloc(MANY, LINE);
	assert_true(a && b);
	for (size_t i = 0, x = 0, y = 0; i < MANY; i++) {
		if (i % 3)
			x += (size_t)snprintf(a + x, LINE, "||n%zu.example^\n", i);
		if (i % 2)
			y += (size_t)snprintf(b + y, LINE, "@@||n%zu.example^\n", i);
	}
	const char *const texts[] = {a, b};
	struct policy_built one = sample_build(&s, texts, MANY * 2);
	struct policy *p = opened(&one);
	struct policy_counts c;
	struct policy_built two = next(&s, texts, 1, p, MANY * 2, &c);
	struct policy *q = opened(&two);
	assert_int_equal(two.lines, one.lines);
	assert_int_equal(two.names, one.names);
	for (size_t i = 0; i < MANY; i++) {
		char name[LINE], was[512], is[512];
		(void)snprintf(name, sizeof(name), "n%zu.example", i);
		assert_string_equal(said(q, name, is), said(p, name, was));
	}
	policy_free(p);
	policy_free(q);
	free(one.bytes);
	free(two.bytes);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_had_of_a_list_holds_in_the_next_one),
		cmocka_unit_test(paths_hold_in_the_next_one_too),
		cmocka_unit_test(plain_names_stand_for_what_the_list_says_now),
		cmocka_unit_test(no_more_lines_come_in_than_are_taken),
		cmocka_unit_test(of_many_names_none_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
