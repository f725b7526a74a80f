/* What lines say of paths, against addresses. */
#include "policy/path.h"

#include "base/writer.h"
#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t room[POLICY_PATH_MAX];

static struct span made(const char *text, unsigned flags)
{
	struct span path;
	assert_true(policy_path_read(span_text(text), flags, room, &path));
	return path;
}

static bool fits(const char *text, const char *reading)
{
	uint32_t steps = POLICY_PATH_STEPS_MAX;
	uint8_t *copy = guard_copy(reading, strlen(reading));
	enum policy_path_fit f =
		policy_path_fits(made(text, 0), span_of(copy, strlen(reading)), false, &steps);
	guard_free(copy, strlen(reading));
	assert_int_not_equal(f, POLICY_PATH_UNSURE);
	return f == POLICY_PATH_FITS;
}

static void refuses_what_begins_with_no_slash_or_can_never_be(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "ads",
					  "*/ads",
					  "|/ads",
					  "/a b",
					  "/a#b",
					  "/%02",
					  "/%00",
					  "/a\x01",
					  "/a\x7f",
					  "/*a*b*c*d*e*f*g*h*i"};
	struct span path;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(policy_path_read(span_text(bad[i]), 0, room, &path));
	char longest[POLICY_PATH_MAX + 1] = "/";
	memset(longest + 1, 'a', POLICY_PATH_MAX - 2);
	assert_true(policy_path_read(span_text(longest), 0, room, &path));
	assert_int_equal(path.len, POLICY_PATH_MAX);
	longest[POLICY_PATH_MAX - 1] = 'a';
	assert_false(policy_path_read(span_text(longest), 0, room, &path));
}

static void fits_what_begins_so(void **state)
{
	(void)state;
	assert_true(fits("/ads", "/ads"));
	assert_true(fits("/ads", "/adserver?x"));
	assert_true(fits("/ads/", "/ADS/x"));
	assert_false(fits("/ads/", "/ads"));
	assert_false(fits("/ads", "/x/ads"));
	assert_true(fits("//%61DS", "/ads"));
	assert_true(fits("/a%20b", "/a b"));
	assert_true(fits("/%EC%95%88", "/\xec\x95\x88"));
}

static void stars_borders_and_ends(void **state)
{
	(void)state;
	assert_true(fits("/*.exe|", "/a/b.exe"));
	assert_false(fits("/*.exe|", "/a/b.exe.txt"));
	assert_true(fits("/*.exe|", "/a.exe.exe"));
	assert_true(fits("/*.exe^", "/a/b.exe"));
	assert_true(fits("/*.exe^", "/a/b.exe?x"));
	assert_false(fits("/*.exe^", "/a/b.exes"));
	assert_true(fits("/*/ads/*", "/x/ads/y"));
	assert_true(fits("/**/ads/", "/x/ads/"));
	assert_true(fits("^*&banner=", "/x?a&banner=1"));
	assert_true(fits("^ads^", "/ads"));
	assert_true(fits("^ads^", "/ads/x"));
	assert_false(fits("^ads^", "/adsx"));
	assert_true(fits("/a|b", "/a|b")); /* a bar inside is a bar */
	assert_true(fits("/a*b*c|", "/abbcbc"));
	assert_false(fits("/a*b*c|", "/abbcbcx"));
	assert_true(fits("/ads|", "/ads"));
	assert_false(fits("/ads|", "/ads/"));
	assert_false(fits("/a%2Ab", "/axb")); /* escaped, it is an octet like others */
	assert_true(fits("/a%2Ab", "/a*b"));
}

static void case_and_scheme_count_where_it_is_said(void **state)
{
	(void)state;
	uint32_t steps = 100;
	struct span reading = span_text("/Ads");
	assert_int_equal(policy_path_fits(made("/Ads", POLICY_PATH_CASE), reading, false, &steps),
			 POLICY_PATH_FITS);
	assert_int_equal(policy_path_fits(made("/ads", POLICY_PATH_CASE), reading, false, &steps),
			 POLICY_PATH_FITS_NOT);
	assert_int_equal(policy_path_fits(made("/ads", POLICY_PATH_SECURE), reading, false, &steps),
			 POLICY_PATH_FITS_NOT);
	assert_int_equal(policy_path_fits(made("/ads", POLICY_PATH_SECURE), reading, true, &steps),
			 POLICY_PATH_FITS);
	assert_int_equal(policy_path_fits(made("/ads", POLICY_PATH_CLEAR), reading, true, &steps),
			 POLICY_PATH_FITS_NOT);
}

static void a_search_ends(void **state)
{
	(void)state;
	static char text[20000];
	uint32_t steps = POLICY_PATH_STEPS_MAX;
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	char pattern[POLICY_PATH_MAX] = "/*";
	memset(pattern + 2, 'a', 200);
	pattern[202] = 'b';
	struct span path = made(pattern, 0), reading = span_of(text, sizeof(text));
	assert_int_equal(policy_path_fits(path, reading, false, &steps), POLICY_PATH_UNSURE);
	assert_int_equal(steps, 0);
}

static void is_written_as_it_stood(void **state)
{
	(void)state;
	static const char *const texts[] = {"/ads/*.gif|", "^*&banner=", "/%20%7C%25x", "/a^b"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char text[3 * POLICY_PATH_MAX];
		struct writer w = writer_of(text, sizeof(text));
		policy_path_write(made(texts[i], 0), &w);
		assert_true(span_is(writer_span(&w), texts[i]));
	}
}

static void anchors_end_with_the_last_slash_ahead_of_all_that_varies(void **state)
{
	(void)state;
	assert_true(span_is(policy_path_anchor(made("/", 0)), "/"));
	assert_true(span_is(policy_path_anchor(made("/ads", 0)), "/"));
	assert_true(span_is(policy_path_anchor(made("/ads/a.gif", POLICY_PATH_CASE)), "/ads/"));
	assert_true(span_is(policy_path_anchor(made("/ads/*/a/", 0)), "/ads/"));
	assert_true(span_is(policy_path_anchor(made("^*/a/", 0)), "/"));
	assert_true(span_is(policy_path_anchor(made("/a^/b/", 0)), "/"));
	assert_true(
		span_is(policy_path_anchor(made("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", 0)),
			"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/"));
	uint8_t a[POLICY_PATH_LABEL_LEN], b[POLICY_PATH_LABEL_LEN];
	policy_path_label(span_text("/Ads/"), a);
	policy_path_label(span_text("/ads/"), b);
	assert_memory_equal(a, b, sizeof(a));
	policy_path_label(span_text("/adt/"), b);
	assert_memory_not_equal(a, b, sizeof(a));
}

/* The same by trying everything. p and s: what is left of both. */
static bool obviously(struct span p, struct span s)
{
	if (p.len == 0)
		return true;
	struct span p1 = span_sub(p, 1, p.len), s1 = span_sub(s, 1, s.len);
	switch (p.data[0]) {
	case '*': return obviously(p1, s) || (s.len && obviously(p, s1));
	case '|': return s.len == 0;
	case '^': return s.len ? strchr("/?=", s.data[0]) && obviously(p1, s1) : obviously(p1, s);
	default: return s.len && p.data[0] == s.data[0] && obviously(p1, s1);
	}
}

static void fits_as_trying_everything_says(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	unsigned fitting = 0;
	for (unsigned i = 0; i < 200000; i++) {
		char p[16] = "/", s[16] = "/";
		size_t p_len = 1, s_len = 1;
		for (size_t n = test_random_next(&random) % 8; n; n--)
			p[p_len++] = "aab/*^?"[test_random_next(&random) % 7];
		if (test_random_next(&random) % 3 == 0)
			p[p_len++] = '|';
		for (size_t n = test_random_next(&random) % 10; n; n--) {
			s[s_len] = "aab/?="[test_random_next(&random) % 6];
			s_len += s[s_len] != '/' || s[s_len - 1] != '/';
		}
		s[s_len] = '\0';
		struct span path = made(p, 0);
		/* The obvious one knows nothing of slashes that are one. */
		char plain[16];
		struct writer w = writer_of(plain, sizeof(plain));
		policy_path_write(path, &w);
		bool expected = obviously(writer_span(&w), span_of(s, s_len));
		uint32_t steps = POLICY_PATH_STEPS_MAX;
		assert_int_equal(policy_path_fits(path, span_of(s, s_len), false, &steps),
				 expected);
		fitting += expected;
		if (expected) {
			struct span anchor = policy_path_anchor(path);
			assert_true(s_len >= anchor.len && memcmp(s, anchor.data, anchor.len) == 0);
		}
	}
	assert_in_range(fitting, 20000, 180000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_begins_with_no_slash_or_can_never_be),
		cmocka_unit_test(fits_what_begins_so),
		cmocka_unit_test(stars_borders_and_ends),
		cmocka_unit_test(case_and_scheme_count_where_it_is_said),
		cmocka_unit_test(a_search_ends),
		cmocka_unit_test(is_written_as_it_stood),
		cmocka_unit_test(anchors_end_with_the_last_slash_ahead_of_all_that_varies),
		cmocka_unit_test(fits_as_trying_everything_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
