/* What a policy says of names: precedence, scopes, and against a slow reading of the same lines. */
#include "policy/policy.h"

#include "policy/build_test.h"
#include "policy/pattern.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ADS, MORE, GOOD };

/* Two lists that block and one that allows, for everybody. */
static const struct policy_list_setup lists[] = {
	{.name = {(const uint8_t *)"ads", 3}},
	{.name = {(const uint8_t *)"more", 4}, .subdomains = true},
	{.name = {(const uint8_t *)"good", 4}},
};
static const struct policy_rule rules[] = {
	{.lists = {1 << GOOD}, .action = POLICY_ALLOW, .schedule = POLICY_ALWAYS},
	{.lists = {1 << ADS | 1 << MORE}, .action = POLICY_BLOCK, .schedule = POLICY_ALWAYS},
};
static const struct policy_setup setup = {
	.lists = lists, .lists_n = 3, .rules = rules, .rules_n = 2};

struct fixture {
	struct policy_built built;
	struct policy *p;
	struct policy_view view;
};

static struct fixture made(const char *ads, const char *more, const char *good)
{
	const char *const texts[3] = {ads, more, good};
	struct fixture f = {.built = sample_build(&setup, texts, 100000)};
	assert_int_equal(policy_open(span_of(f.built.bytes, f.built.len), &f.p), OK);
	policy_view(f.p, 0, 0, NULL, &f.view);
	return f;
}

static void done(struct fixture *f)
{
	policy_free(f->p);
	free(f->built.bytes);
}

static struct policy_match look(const struct fixture *f, const char *name)
{
	struct policy_match m;
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(name), NULL, &n), OK);
	policy_look(f->p, &f->view, &n, &m);
	return m;
}

static enum policy_verdict says(const struct fixture *f, const char *name)
{
	return look(f, name).verdict;
}

static void each_scope_reaches_as_far_as_it_says(void **state)
{
	(void)state;
	struct fixture f = made("||tree.example^\nexact.example\n*.below.example\n"
				"||ads*.glob.example^\n|start*.glob.example^\n||net*^",
				"plain.example\n0.0.0.0 host.example", NULL);
	assert_int_equal(says(&f, "tree.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "a.b.tree.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "xtree.example"), POLICY_SAYS_NOTHING);
	assert_int_equal(says(&f, "exact.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "a.exact.example"), POLICY_SAYS_NOTHING);
	assert_int_equal(says(&f, "below.example"), POLICY_SAYS_NOTHING);
	assert_int_equal(says(&f, "a.below.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "ads17.glob.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "x.ads.y.glob.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "xads.glob.example"), POLICY_SAYS_NOTHING);
	assert_int_equal(says(&f, "start1.glob.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "x.start1.glob.example"), POLICY_SAYS_NOTHING);
	assert_int_equal(says(&f, "network.test"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "a.plain.example"), POLICY_SAYS_BLOCK); /* subdomains: on */
	assert_int_equal(says(&f, "a.host.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "."), POLICY_SAYS_NOTHING);
	done(&f);
}

static void a_star_alone_is_every_name(void **state)
{
	(void)state;
	struct fixture f = made("||*^", NULL, "||school.example^");
	assert_int_equal(says(&f, "anything.test"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "."), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "www.school.example"), POLICY_SAYS_ALLOW);
	done(&f);
}

static void ranks_are_as_promised(void **state)
{
	(void)state;
	struct fixture f = made("||b.example^\n||bi.example^$important\n||l.example^$important\n"
				"||e.example^\n||ei.example^$important\n||hole.example^",
				"@@||e.example^\n@@||bi.example^\n@@||ei.example^$important",
				"||l.example^\n||hole.example^\n@@||x.hole.example^");
	assert_int_equal(says(&f, "b.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "bi.example"), POLICY_SAYS_BLOCK);
	assert_int_equal(says(&f, "e.example"), POLICY_SAYS_ALLOW); /* of the other list too */
	assert_int_equal(says(&f, "ei.example"), POLICY_SAYS_ALLOW);
	assert_int_equal(says(&f, "l.example"), POLICY_SAYS_ALLOW);
	assert_int_equal(says(&f, "hole.example"), POLICY_SAYS_ALLOW);
	assert_int_equal(says(&f, "y.x.hole.example"), POLICY_SAYS_BLOCK);
	done(&f);
}

static void the_most_specific_line_is_told(void **state)
{
	(void)state;
	struct fixture f = made("# title\n||a.example^\n||b.a.example^\nb.a.example",
				"a.example\n\n@@||b.a.example^$important", NULL);
	char text[POLICY_LINE_TEXT_MAX];
	struct policy_match m = look(&f, "x.a.example");
	assert_int_equal(m.list, ADS); /* both say it; the first list is told */
	assert_int_equal(m.line, 2);
	assert_int_equal(m.rule, 1);
	assert_string_equal(policy_line_format(&m, text), "||a.example^");
	m = look(&f, "b.a.example");
	assert_int_equal(m.list, MORE);
	assert_int_equal(m.line, 3);
	assert_string_equal(policy_line_format(&m, text), "@@||b.a.example^$important");
	done(&f);
}

static void badfilter_takes_its_line_out(void **state)
{
	(void)state;
	struct fixture f =
		made("||a.example^\n||b.example^\na.example", "||a.example^$badfilter", NULL);
	assert_int_equal(f.built.badfiltered, 2);
	assert_int_equal(says(&f, "x.a.example"), POLICY_SAYS_NOTHING);
	assert_int_equal(says(&f, "a.example"), POLICY_SAYS_BLOCK); /* the plain line is another */
	assert_int_equal(says(&f, "b.example"), POLICY_SAYS_BLOCK);
	done(&f);
}

static void lines_are_told_as_they_stood(void **state)
{
	(void)state;
	static const struct {
		const char *line, *name;
	} each[] = {
		{"||a.example^", "a.example"},	    {"|a.example^", "a.example"},
		{"a.example", "a.example"},	    {"*.a.example", "x.a.example"},
		{"||*.a.example^", "x.a.example"},  {"||x*.a.example^", "xy.a.example"},
		{"|x*.a.example^", "xy.a.example"}, {"||*^", "a.example"},
		{"@@||a.example^", "a.example"},    {"||a.example^$important", "a.example"},
	};
	char text[POLICY_LINE_TEXT_MAX];
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		struct fixture f = made(each[i].line, NULL, NULL);
		struct policy_match m = look(&f, each[i].name);
		assert_string_equal(policy_line_format(&m, text), each[i].line);
		done(&f);
	}
}

static void bounds_hold(void **state)
{
	(void)state;
	char text[8192] = "";
	size_t at = 0;
	for (unsigned i = 0; i < 100; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "||ads%u*.example^\n", i);
	const char *const texts[3] = {text, NULL, NULL};
	struct policy_built built = sample_build(&setup, texts, 1000);
	assert_int_equal(built.surplus, 100 - 32);
	free(built.bytes);
	built = sample_build(&setup, texts, 10);
	assert_int_equal(built.lines, 10);
	free(built.bytes);
}

/* --- against a slow reading ------------------------------------------------------------------- */

enum { LINES = 250, ASKED = 3000 };

struct slow_line {
	struct policy_line l;
	unsigned list;
};

static void random_name(struct test_random *r, char *ret)
{
	size_t at = 0, labels = 1 + test_random_below(r, 4);
	for (size_t i = 0; i < labels; i++) {
		if (i)
			ret[at++] = '.';
		for (size_t k = 0, n = 1 + test_random_below(r, 2); k < n; k++)
			ret[at++] = (char)('a' + test_random_below(r, 3));
	}
	ret[at] = '\0';
}

static bool slow_matches(const struct slow_line *s, const struct dns_name *n, const char *text,
			 bool subdomains)
{
	bool same = dns_name_equal(n, &s->l.name), under = dns_name_is_under(n, &s->l.name);
	switch (s->l.scope) {
	case POLICY_SUBTREE: return under;
	case POLICY_EXACT: return subdomains && s->l.form != POLICY_FORM_ADBLOCK ? under : same;
	case POLICY_BELOW: return under && !same;
	case POLICY_PATTERN: return policy_pattern_matches(s->l.pattern, span_text(text));
	}
	return false;
}

static enum policy_verdict slow_verdict(struct slow_line *all, size_t n, const char *name)
{
	struct dns_name wire;
	unsigned rank = 0;
	bool hole = false, allowed = false;
	assert_int_equal(dns_name_from_text(span_text(name), NULL, &wire), OK);
	for (size_t i = 0; i < n; i++) {
		struct slow_line *s = &all[i];
		s->l.pattern.data = s->l.room;
		if (!slow_matches(s, &wire, name, s->list == MORE))
			continue;
		if (s->list == GOOD) {
			*(s->l.exception ? &hole : &allowed) = true;
			continue;
		}
		unsigned mine = (s->l.important ? 2 : 0) + (s->l.exception ? 2u : 1u);
		rank = mine > rank ? mine : rank;
	}
	if (allowed && !hole)
		return POLICY_SAYS_ALLOW;
	return rank == 0 ? POLICY_SAYS_NOTHING : rank % 2 ? POLICY_SAYS_BLOCK : POLICY_SAYS_ALLOW;
}

static void random_line(struct test_random *r, char *ret, size_t size)
{
	static const char *const shapes[] = {"||%s^",
					     "%s",
					     "*.%s",
					     "|%s^",
					     "@@||%s^",
					     "||%s^$important",
					     "@@||%s^$important",
					     "0.0.0.0 %s",
					     "||a*.%s^",
					     "|*b.%s^",
					     "||%s*^"};
	char name[64];
	random_name(r, name);
	(void)snprintf(ret, size, shapes[test_random_below(r, 11)], name);
}

static void agrees_with_a_slow_reading(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	for (unsigned round = 0; round < 30; round++) {
		static struct slow_line all[LINES];
		static char texts[3][LINES * 64];
		size_t ends[3] = {0}, lines = 1 + test_random_below(&r, LINES);
		for (unsigned i = 0; i < 3; i++)
			texts[i][0] = '\0';
		for (size_t i = 0; i < lines; i++) {
			char line[64];
			unsigned list = (unsigned)test_random_below(&r, 3);
			random_line(&r, line, sizeof(line));
			all[i].list = list;
			assert_int_equal(policy_line_read(span_text(line), &all[i].l),
					 POLICY_LINE_RULE);
			ends[list] += (size_t)snprintf(texts[list] + ends[list], 80, "%s\n", line);
		}
		struct fixture f = made(texts[0], texts[1], texts[2]);
		assert_int_equal(f.built.surplus, 0);
		for (unsigned i = 0; i < ASKED; i++) {
			char name[64];
			random_name(&r, name);
			assert_int_equal(says(&f, name), slow_verdict(all, lines, name));
		}
		done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scope_reaches_as_far_as_it_says),
		cmocka_unit_test(a_star_alone_is_every_name),
		cmocka_unit_test(ranks_are_as_promised),
		cmocka_unit_test(the_most_specific_line_is_told),
		cmocka_unit_test(badfilter_takes_its_line_out),
		cmocka_unit_test(lines_are_told_as_they_stood),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(agrees_with_a_slow_reading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
