/* What a policy says of addresses: lines with paths, and the spellings by which they are not
 * passed. */
#include "policy/policy.h"

#include "base/writer.h"
#include "policy/build_test.h"
#include "policy/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct policy_list_setup lists[] = {
	{.name = {(const uint8_t *)"ads", 3}},
	{.name = {(const uint8_t *)"more", 4}, .subdomains = true},
	{.name = {(const uint8_t *)"good", 4}},
};
static const struct policy_rule rules[] = {
	{.lists = {4}, .action = POLICY_ALLOW, .schedule = POLICY_ALWAYS},
	{.lists = {3}, .action = POLICY_BLOCK, .schedule = POLICY_ALWAYS},
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

static struct policy_match look(const struct fixture *f, const char *host, const char *target)
{
	struct policy_match m;
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(host), NULL, &n), OK);
	policy_look_url(f->p, &f->view, &n, span_text(target), false, &m);
	return m;
}

static bool blocks(const struct fixture *f, const char *host, const char *target)
{
	return look(f, host, target).verdict == POLICY_SAYS_BLOCK;
}

static bool allows(const struct fixture *f, const char *host, const char *target)
{
	return look(f, host, target).verdict == POLICY_SAYS_ALLOW;
}

static void names_are_told_apart_from_their_paths(void **state)
{
	(void)state;
	struct fixture f = made("||site.example/ads/\n|http://one.example/x\nplain.example/p\n"
				"||deep.example/a/b/c/d.gif\n||star.example^*/pixel?",
				"plain.test/p", NULL);
	struct dns_name n;
	struct policy_match m;
	assert_true(blocks(&f, "site.example", "/ads/a.gif"));
	assert_true(blocks(&f, "www.site.example", "/ADS/"));
	assert_false(blocks(&f, "site.example", "/"));
	assert_false(blocks(&f, "xsite.example", "/ads/"));
	assert_true(blocks(&f, "one.example", "/xy"));
	assert_false(blocks(&f, "a.one.example", "/xy"));
	assert_true(blocks(&f, "plain.example", "/p?q"));
	assert_false(blocks(&f, "a.plain.example", "/p"));
	assert_true(blocks(&f, "a.plain.test", "/p")); /* subdomains: on */
	assert_true(blocks(&f, "deep.example", "/a/b/c/d.gif"));
	assert_false(blocks(&f, "deep.example", "/a/b/c/d.png"));
	assert_true(blocks(&f, "star.example", "/1/2/3/pixel?x"));
	assert_int_equal(dns_name_from_text(span_text("site.example"), NULL, &n), OK);
	policy_look(f.p, &f.view, &n, &m);
	assert_int_equal(m.verdict, POLICY_SAYS_NOTHING);
	done(&f);
}

static struct policy_match look_at(const struct fixture *f, const char *address, const char *target)
{
	struct ip_address a;
	struct policy_match m;
	struct dns_name n;
	assert_int_equal(ip_address_parse(span_text(address), &a), OK);
	policy_address_name(&a, &n);
	policy_look_url(f->p, &f->view, &n, span_text(target), false, &m);
	return m;
}

static void servers_without_a_name_have_paths(void **state)
{
	(void)state;
	static const struct {
		const char *address, *target, *line; /* NULL: nothing is said */
	} cases[] = {
		{"192.0.2.1", "/bin.sh?x", "||192.0.2.1/bin.sh"},
		{"::ffff:192.0.2.1", "/bin.sh", "||192.0.2.1/bin.sh"},
		{"192.0.2.1", "/", NULL},
		{"192.0.2.2", "/bin.sh", NULL},
		{"2.192.0.2", "/bin.sh", NULL},
		{"192.0.2.3", "/i", "192.0.2.3/i"},
		{"2001:db8::1", "/x/y", "||[2001:db8::1]/x/"},
		{"2001:db8::2", "/p", "|http://[2001:db8::2]/p"},
		{"2001:db8::3", "/x/y", NULL},
	};
	char text[POLICY_LINE_TEXT_MAX];
	struct fixture f = made("||192.0.2.1/bin.sh\n||[2001:0DB8::0:1]/x/\n"
				"|http://[2001:db8::2]/p\nhttp://192.0.2.3/i",
				NULL, NULL);
	assert_int_equal(f.built.lines, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_match m = look_at(&f, cases[i].address, cases[i].target);
		assert_int_equal(m.verdict,
				 cases[i].line ? POLICY_SAYS_BLOCK : POLICY_SAYS_NOTHING);
		if (cases[i].line)
			assert_string_equal(policy_line_format(&m, text), cases[i].line);
	}
	/* Each label of its own would make a name of an address. */
	assert_false(blocks(&f, "192.0.2.1", "/bin.sh"));
	done(&f);
	/* Every name is no address, with lines about paths and without. */
	f = made("||*^\n||1*^\n||192.0.2.1/\n@@||192.0.2.1/ok", NULL, NULL);
	assert_int_equal(look_at(&f, "192.0.2.1", "/").verdict, POLICY_SAYS_BLOCK);
	assert_int_equal(look_at(&f, "192.0.2.1", "/ok").verdict, POLICY_SAYS_ALLOW);
	assert_int_equal(look_at(&f, "192.0.2.2", "/").verdict, POLICY_SAYS_NOTHING);
	assert_int_equal(look_at(&f, "2001:db8::1", "/").verdict, POLICY_SAYS_NOTHING);
	assert_true(blocks(&f, "localhost", "/"));
	done(&f);
	f = made("||*^", NULL, NULL);
	assert_int_equal(look_at(&f, "192.0.2.1", "/").verdict, POLICY_SAYS_NOTHING);
	assert_int_equal(look_at(&f, "2001:db8::1", "/").verdict, POLICY_SAYS_NOTHING);
	done(&f);
}

static void no_spelling_leads_past_a_line(void **state)
{
	(void)state;
	static const char *const spellings[] = {
		"/ads/x",	    "/%61ds/x",
		"/%61%64%73%2fx",   "//ads//x",
		"/./ads/x",	    "/y/../ads/x",
		"/y/%2e%2e/ads/x",  "/y/..%2fads/x",
		"/../ads/x",	    "/ADS/x",
		"/ads;v=1/x",	    "/y/..;/ads/x",
		"/\\ads\\x",	    "/y\\..\\ads\\x",
		"/ads/../x",	    "/ads/..%2fx",
		"/y/../ads%2F../x", "/%2e/ads/x?/../../",
		"/ads/%2e%2e/y/zz", "/y/%2e%2e%5cads%5cx",
	};
	struct fixture f = made("||site.example/ads/", NULL, NULL);
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		print_message("%s\n", spellings[i]);
		assert_true(blocks(&f, "site.example", spellings[i]));
	}
	assert_false(blocks(&f, "site.example", "/x?/ads/"));
	assert_false(blocks(&f, "site.example", "/%2561ds/"));
	done(&f);
}

static void exceptions_hold_only_where_every_reading_says_so(void **state)
{
	(void)state;
	struct fixture f = made("||site.example^\n@@||site.example/open/", NULL,
				"||school.example/a/\n@@||school.example/a/no");
	assert_true(blocks(&f, "site.example", "/"));
	assert_true(allows(&f, "site.example", "/open/x"));
	assert_true(blocks(&f, "site.example", "/open/../shut"));
	assert_true(blocks(&f, "site.example", "/open/..%2fshut"));
	assert_true(blocks(&f, "site.example", "/shut/../open/"));
	assert_true(allows(&f, "school.example", "/a/x"));
	assert_false(allows(&f, "school.example", "/a/no"));
	done(&f);
}

static void ranks_hold_between_names_and_paths(void **state)
{
	(void)state;
	struct fixture f = made("||a.example/x$important\n||b.example/x\n||c.example/x\n"
				"||c.example/x$badfilter\n||d.example/Xy$match-case",
				"@@||a.example^\n@@||b.example^", NULL);
	char text[POLICY_LINE_TEXT_MAX];
	assert_true(blocks(&f, "a.example", "/x"));
	assert_true(allows(&f, "b.example", "/x"));
	assert_false(blocks(&f, "c.example", "/x"));
	assert_true(blocks(&f, "d.example", "/Xyz"));
	assert_false(blocks(&f, "d.example", "/xyz"));
	struct policy_match m = look(&f, "www.a.example", "/x");
	assert_int_equal(m.line, 1);
	assert_string_equal(policy_line_format(&m, text), "||a.example/x$important");
	m = look(&f, "d.example", "/Xy");
	assert_string_equal(policy_line_format(&m, text), "||d.example/Xy$match-case");
	m = look(&f, "x.a.example", "/y");
	assert_string_equal(policy_line_format(&m, text), "@@||a.example^");
	done(&f);
}

static void a_name_may_have_thousands_of_paths(void **state)
{
	(void)state;
	enum { FOLDERS = 3000 };
	char *text = malloc(FOLDERS * 48);
	char target[64];
	assert_non_null(text);
	struct writer w = writer_of(text, FOLDERS * 48);
	for (unsigned i = 0; i < FOLDERS; i++)
		write_format(&w, "||raw.example/user%u/file.exe\n", i);
	write_u8(&w, 0);
	assert_false(w.bad);
	struct fixture f = made(text, NULL, NULL);
	assert_int_equal(f.built.lines, FOLDERS);
	assert_int_equal(f.built.surplus, 0);
	for (unsigned i = 0; i < FOLDERS; i++) {
		(void)snprintf(target, sizeof(target), "/user%u/file.exe?x", i);
		assert_true(blocks(&f, "raw.example", target));
	}
	assert_false(blocks(&f, "raw.example", "/user3000/file.exe"));
	assert_false(blocks(&f, "raw.example", "/user1/file.txt"));
	done(&f);
	free(text);
}

static void a_search_that_does_not_end_is_for_the_worse(void **state)
{
	(void)state;
	static char target[16000];
	char ads[400] = "||a.example/*", more[400] = "@@||b.example/*";
	char good[400] = "||c.example^\n@@||c.example/*";
	memset(ads + strlen(ads), 'a', 200);
	memset(more + strlen(more), 'a', 200);
	memset(good + strlen(good), 'a', 200);
	strncat(ads, "b\n||b.example^\n||c.example^\n", 40);
	strncat(more, "b", 2);
	strncat(good, "b", 2);
	memset(target, 'a', sizeof(target) - 1);
	target[0] = '/';
	struct fixture f = made(ads, more, good);
	assert_true(blocks(&f, "a.example", target));
	assert_true(blocks(&f, "b.example", target));
	assert_true(allows(&f, "c.example", "/a"));
	assert_true(blocks(&f, "c.example", target));
	done(&f);
}

static void each_torn_file_is_refused(void **state)
{
	(void)state;
	struct fixture f = made("||a.example/x\n||a.example/y/*z\n||b.example^", NULL, NULL);
	uint8_t *copy = malloc(f.built.len);
	struct policy *p = NULL;
	assert_non_null(copy);
	for (size_t i = 0; i < f.built.len * 8; i++) {
		memcpy(copy, f.built.bytes, f.built.len);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(policy_open(span_of(copy, f.built.len), &p), OK);
	}
	free(copy);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_told_apart_from_their_paths),
		cmocka_unit_test(servers_without_a_name_have_paths),
		cmocka_unit_test(no_spelling_leads_past_a_line),
		cmocka_unit_test(exceptions_hold_only_where_every_reading_says_so),
		cmocka_unit_test(ranks_hold_between_names_and_paths),
		cmocka_unit_test(a_name_may_have_thousands_of_paths),
		cmocka_unit_test(a_search_that_does_not_end_is_for_the_worse),
		cmocka_unit_test(each_torn_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
