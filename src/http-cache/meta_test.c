#include "http-cache/meta.h"

#include "http-cache/fields_test.h"

#define DATE "date: Sun, 06 Nov 1994 08:49:37 GMT\n"

static struct cache_meta of(const char *text)
{
	static struct test_fields f;
	struct cache_policy p = test_policy();
	f = test_fields(text);
	return test_meta(200, &f, &p);
}

static void lifetime(const char *text, uint32_t s, enum cache_source source)
{
	struct cache_meta m = of(text);
	assert_int_equal(m.lifetime_s, s);
	assert_int_equal(m.source, source);
}

static void invalid_times_mean_stale(void **state)
{
	(void)state;
	/* 5.3: "A cache recipient MUST interpret invalid date formats, especially the value "0", as
	 * representing a time in the past (i.e., "already expired")." */
	lifetime(DATE "expires: 0", 0, CACHE_FROM_EXPIRES);
	lifetime(DATE "expires: -1", 0, CACHE_FROM_EXPIRES);
	lifetime(DATE "expires: Sun, 06 Nov 1994 08:50:37 EST", 0, CACHE_FROM_EXPIRES);
	lifetime(DATE "expires:", 0, CACHE_FROM_EXPIRES);
}

static void initial_age(const char *text, uint32_t s)
{
	struct cache_meta m = of(text);
	assert_int_equal(m.initial_age_s, s);
}

static void age_is_the_first_number_or_nothing(void **state)
{
	(void)state;
	initial_age("age: 7", 7);
	/* 5.1: "a cache encountering a message with a list-based Age field value SHOULD use the
	 * first member of the field value, discarding subsequent ones". */
	initial_age("age: 7, 99", 7);
	initial_age("age: 7\nage: 99", 7);
	/* 5.1: "If the field value ... is invalid (e.g., it contains something other than a
	 * non-negative integer), a cache SHOULD ignore the field". */
	initial_age("age: -3", 0);
	initial_age("age: 3.5", 0);
	initial_age("age: x, 99", 0);
	initial_age("age:", 0);
	/* 1.2.2 */
	initial_age("age: 99999999999999999999999", CACHE_SECONDS_MAX);
}

static void takes_the_first_of_the_list(void **state)
{
	(void)state;
	/* 4.2.1: s-maxage, then max-age, then Expires minus Date. */
	lifetime(DATE "expires: Sun, 06 Nov 1994 08:50:37 GMT\n"
		      "cache-control: max-age=5, s-maxage=7",
		 7, CACHE_FROM_S_MAXAGE);
	/* 5.3: "If a response includes a Cache-Control header field with the max-age directive, a
	 * recipient MUST ignore the Expires header field." */
	lifetime(DATE "expires: Sun, 06 Nov 1994 08:50:37 GMT\ncache-control: max-age=5", 5,
		 CACHE_FROM_MAX_AGE);
	lifetime(DATE "expires: Sun, 06 Nov 1994 08:50:37 GMT", 60, CACHE_FROM_EXPIRES);
	/* Without Date: when it was received. */
	lifetime("expires: Sun, 06 Nov 1994 08:51:37 GMT", 120, CACHE_FROM_EXPIRES);
	/* RFC 9213 2.2: Expires counts for nothing then. */
	lifetime(DATE "expires: Sun, 06 Nov 1994 08:50:37 GMT\ncdn-cache-control: max-age=9", 9,
		 CACHE_FROM_MAX_AGE);
	lifetime(DATE "expires: Sun, 06 Nov 1994 08:50:37 GMT\ncdn-cache-control: public", 0,
		 CACHE_FROM_NOTHING);
}

static void private_cache_has_no_use_for_s_maxage(void **state)
{
	(void)state;
	/* 4.2.1: "If the cache is shared and the s-maxage response directive is present". */
	struct cache_policy p = test_policy();
	struct test_fields f = test_fields("cache-control: s-maxage=7, max-age=5");
	p.is_private = true;
	assert_int_equal(test_meta(200, &f, &p).lifetime_s, 5);
}

static void guesses_only_where_it_may(void **state)
{
	(void)state;
	const char *old = DATE "last-modified: Sun, 06 Nov 1994 08:32:57 GMT\n"; /* 1000 s */
	struct cache_policy p = test_policy();
	lifetime(old, 100, CACHE_FROM_HEURISTIC);
	/* 4.2.2: "A cache MUST NOT use heuristics to determine freshness when an explicit
	 * expiration time is present in the stored response." */
	lifetime(DATE "last-modified: Sun, 06 Nov 1994 08:32:57 GMT\ncache-control: max-age=1", 1,
		 CACHE_FROM_MAX_AGE);
	lifetime(DATE "last-modified: Sun, 06 Nov 1994 08:32:57 GMT\nexpires: 0", 0,
		 CACHE_FROM_EXPIRES);
	/* A status that is not "heuristically cacheable", without and with public. */
	struct test_fields f = test_fields(old);
	assert_int_equal(test_meta(302, &f, &p).lifetime_s, 0);
	f = test_fields(DATE "last-modified: Sun, 06 Nov 1994 08:32:57 GMT\ncache-control: public");
	assert_int_equal(test_meta(302, &f, &p).lifetime_s, 100);
	/* Never longer than the policy allows; of a date in the future nothing follows. */
	f = test_fields(DATE "last-modified: Sun, 06 Nov 1984 08:49:37 GMT");
	assert_int_equal(test_meta(200, &f, &p).lifetime_s, 86400);
	f = test_fields(DATE "last-modified: Sun, 06 Nov 2004 08:49:37 GMT");
	assert_int_equal(test_meta(200, &f, &p).lifetime_s, 0);
	p.heuristics = false;
	f = test_fields(old);
	assert_int_equal(test_meta(200, &f, &p).lifetime_s, 0);
	p.default_s = 30;
	assert_int_equal(test_meta(200, &f, &p).lifetime_s, 30);
	assert_int_equal(test_meta(302, &f, &p).lifetime_s, 0);
}

static void age_is_the_greater_of_two(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	struct cache_meta m;
	/* 4.2.3: apparent_age = max(0, response_time - date_value). */
	struct test_fields f = test_fields(DATE "age: 10\ncache-control: max-age=100");
	cache_meta_read(200, test_view(&f), &p, TEST_NOW_S + 28, TEST_NOW_S + 30, &m);
	assert_int_equal(m.initial_age_s, 30);
	/* corrected_age_value = age_value + response_delay: "A cache MUST interpret this value
	 * relative to the time the request was initiated, not the time that the response was
	 * received." */
	f = test_fields(DATE "age: 50\ncache-control: max-age=100");
	cache_meta_read(200, test_view(&f), &p, TEST_NOW_S + 28, TEST_NOW_S + 30, &m);
	assert_int_equal(m.initial_age_s, 52);
	/* current_age = corrected_initial_age + resident_time */
	assert_int_equal(cache_age_s(&m, TEST_NOW_S + 40), 62);
	assert_int_equal(cache_ttl_s(&m, TEST_NOW_S + 40), 38);
	assert_int_equal(cache_ttl_s(&m, TEST_NOW_S + 90), -12);
	/* A server whose clock is ahead, and ours set back: never less than nothing. */
	cache_meta_read(200, test_view(&f), &p, TEST_NOW_S - 100, TEST_NOW_S - 100, &m);
	assert_int_equal(m.initial_age_s, 50);
	assert_int_equal(cache_age_s(&m, TEST_NOW_S - 200), 50);
	/* 5.1: "a cache encountering a message with multiple Age field lines SHOULD use the first".
	 */
	assert_int_equal(of("age: 5\nage: 9").initial_age_s, 5);
}

static void policy_bounds_all_lifetimes(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	struct test_fields f = test_fields("cache-control: max-age=2147483648");
	p.lifetime_max_s = 3600;
	assert_int_equal(test_meta(200, &f, &p).lifetime_s, 3600);
}

static void stale_times_come_from_answer_or_policy(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	p.stale_error_s = 100;
	p.stale_validate_s = 10;
	struct test_fields f = test_fields("cache-control: max-age=1");
	assert_int_equal(test_meta(200, &f, &p).stale_error_s, 100);
	f = test_fields("cache-control: max-age=1, stale-if-error=5, stale-while-revalidate=0");
	assert_int_equal(test_meta(200, &f, &p).stale_error_s, 5);
	assert_int_equal(test_meta(200, &f, &p).stale_validate_s, 0);
	/* 5.2.2.10: "A shared cache MUST NOT reuse a stale response with s-maxage to satisfy
	 * another request until it has been successfully validated by the origin". */
	f = test_fields("cache-control: s-maxage=1");
	assert_int_equal(test_meta(200, &f, &p).stale_error_s, 0);
	assert_int_equal(test_meta(200, &f, &p).stale_validate_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invalid_times_mean_stale),
		cmocka_unit_test(age_is_the_first_number_or_nothing),
		cmocka_unit_test(takes_the_first_of_the_list),
		cmocka_unit_test(private_cache_has_no_use_for_s_maxage),
		cmocka_unit_test(guesses_only_where_it_may),
		cmocka_unit_test(age_is_the_greater_of_two),
		cmocka_unit_test(policy_bounds_all_lifetimes),
		cmocka_unit_test(stale_times_come_from_answer_or_policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
