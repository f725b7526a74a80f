#include "http-cache/directives.h"

#include "http-cache/fields_test.h"
#include <stdio.h>

static struct cache_directives said(const char *value)
{
	static char text[1024];
	struct cache_directives d;
	(void)snprintf(text, sizeof(text), "Cache-Control: %s", value);
	struct test_fields f = test_fields(text);
	cache_directives_read(test_view(&f), &d);
	return d;
}

static void refuses_numbers_that_are_none(void **state)
{
	(void)state;
	/* 4.2.1: "Caches are encouraged to consider responses that have invalid freshness
	 * information (e.g., a max-age directive with non-integer content) to be stale." */
	assert_int_equal(said("max-age=1.5").max_age_s, 0);
	assert_int_equal(said("max-age=-1").max_age_s, 0);
	assert_int_equal(said("max-age=").max_age_s, 0);
	assert_int_equal(said("max-age").max_age_s, 0);
	assert_int_equal(said("max-age=\"").max_age_s, 0);
	assert_int_equal(said("s-maxage=five").s_maxage_s, 0);
	/* A name that only begins so is another one. */
	assert_int_equal(said("max-ages=5").max_age_s, CACHE_SECONDS_NONE);
	assert_int_equal(said("").max_age_s, CACHE_SECONDS_NONE);
	assert_false(said("").any);
}

static void reads_numbers(void **state)
{
	(void)state;
	assert_int_equal(said("max-age=0").max_age_s, 0);
	assert_int_equal(said("public, MAX-AGE=60 , s-maxage=7").max_age_s, 60);
	assert_int_equal(said("public, MAX-AGE=60 , s-maxage=7").s_maxage_s, 7);
	/* 5.2: "recipients ought to accept both forms". */
	assert_int_equal(said("max-age=\"60\"").max_age_s, 60);
	/* 1.2.2: what is greater is taken for 2^31. */
	assert_int_equal(said("max-age=2147483648").max_age_s, CACHE_SECONDS_MAX);
	assert_int_equal(said("max-age=99999999999999999999999").max_age_s, CACHE_SECONDS_MAX);
	/* 4.2.1: "either the first occurrence should be used or the response should be considered
	 * stale" */
	assert_int_equal(said("max-age=5, max-age=60").max_age_s, 5);
	/* 5.2.1.2: "If no value is assigned to max-stale, then the client will accept a stale
	 * response of any age." */
	assert_int_equal(said("max-stale").max_stale_s, CACHE_SECONDS_MAX);
	assert_int_equal(said("max-stale=9").max_stale_s, 9);
	assert_int_equal(said("stale-while-revalidate=3").stale_while_revalidate_s, 3);
	assert_int_equal(said("stale-if-error=4").stale_if_error_s, 4);
	assert_int_equal(said("min-fresh=4").min_fresh_s, 4);
}

static void reads_flags_in_any_case(void **state)
{
	(void)state;
	struct cache_directives d = said("No-Store,PUBLIC,must-revalidate,proxy-revalidate");
	assert_true(d.no_store && d.is_public && d.must_revalidate && d.proxy_revalidate);
	assert_false(d.no_cache || d.is_private || d.only_if_cached);
	/* No argument is allowed; with one it still forbids. */
	assert_true(said("no-store=\"x\"").no_store);
	d = said("must-understand, no-transform, only-if-cached");
	assert_true(d.must_understand && d.no_transform && d.only_if_cached);
	/* 5.2.3: "A cache MUST ignore unrecognized cache directives." */
	assert_false(said("community=\"no-store\", x, no-storee").no_store);
}

static void tells_qualified_forms_from_unqualified_ones(void **state)
{
	(void)state;
	struct cache_directives d = said("private=\"X-A, x-b\", max-age=3");
	assert_false(d.is_private);
	assert_true(cache_names_have(d.private_fields, span_text("x-a")));
	assert_true(cache_names_have(d.private_fields, span_text("X-B")));
	assert_false(cache_names_have(d.private_fields, span_text("x-")));
	assert_int_equal(d.max_age_s, 3);
	d = said("no-cache=set-cookie");
	assert_false(d.no_cache);
	assert_true(cache_names_have(d.no_cache_fields, span_text("Set-Cookie")));
	assert_true(said("no-cache=\"\"").no_cache);
	/* Of two lists none may be lost: the one without a list holds. */
	assert_true(said("private=\"a\", private=\"b\"").is_private);
	assert_true(said("private=\"a\", private").is_private);
	assert_true(said("no-cache, no-cache=\"a\"").no_cache);
}

static void joins_fields_and_heeds_quotes(void **state)
{
	(void)state;
	struct cache_directives d;
	struct test_fields f = test_fields("cache-control: no-cache=\"a\\\", no-store, b\"\n"
					   "x: no-store\nCache-Control: max-age=5\n");
	cache_directives_read(test_view(&f), &d);
	assert_false(d.no_store);
	assert_int_equal(d.max_age_s, 5);
}

static void targeted_field_stands_for_the_other(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool targeted;
		uint32_t max_age_s;
	} cases[] = {
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60", true, 60},
		/* RFC 8941 3.2: the last one of a key. */
		{"cdn-cache-control: max-age=60, max-age=7", true, 7},
		{"cache-control: max-age=1\ncdn-cache-control: no-store", true, CACHE_SECONDS_NONE},
		/* RFC 9213 2.2: empty or malformed: ignored. */
		{"cache-control: max-age=1\ncdn-cache-control:", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, &&&", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60;", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, x=\"", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, x=\"\\a\"", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, x=?2", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, x=1.", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, x=:a", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, x=&", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=1234567890123456", false, 1},
		/* Values of all types, also of directives that nobody knows. */
		{"cdn-cache-control: max-age=60, a=b/c:d;e, f=\"g,;\\\"h\";i=2, j=1.5, k=-3, "
		 "l=:eA==:",
		 true, 60},
		/* "SHOULD NOT consume values that violate these inferred constraints". */
		{"cache-control: max-age=1\ncdn-cache-control: max-age=\"60\"", true, 0},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60.5", true, 0},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=-60", true, 0},
		{"cache-control: max-age=1\ncdn-cache-control: max-age", true, 0},
		{"cache-control: max-age=1\ncdn-cache-control: Max-Age=60", false, 1},
		{"cache-control: max-age=1\ncdn-cache-control: max-age=60, =", false, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cache_directives d;
		bool targeted;
		struct test_fields f = test_fields(cases[i].text);
		cache_directives_of_response(test_view(&f), &d, &targeted);
		assert_int_equal(targeted, cases[i].targeted);
		assert_int_equal(d.max_age_s, cases[i].max_age_s);
	}
	struct test_fields f = test_fields("cdn-cache-control: no-store=?0, public=?1;x=1");
	struct cache_directives d;
	bool targeted;
	cache_directives_of_response(test_view(&f), &d, &targeted);
	assert_true(targeted && !d.no_store && d.is_public);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_numbers_that_are_none),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(reads_flags_in_any_case),
		cmocka_unit_test(tells_qualified_forms_from_unqualified_ones),
		cmocka_unit_test(joins_fields_and_heeds_quotes),
		cmocka_unit_test(targeted_field_stands_for_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
