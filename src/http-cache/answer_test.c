#include "http-cache/answer.h"

#include "http-cache/fields_test.h"

#define OLD  "last-modified: Sun, 06 Nov 1994 08:00:00 GMT\n"
#define DATE "date: Sun, 06 Nov 1994 08:49:37 GMT\n"

static struct range part;

static enum cache_answer answer(const char *stored, const char *method, const char *request)
{
	struct test_fields r = test_fields(stored), q = test_fields(request);
	struct cache_policy p = test_policy();
	struct cache_meta m = test_meta(200, &r, &p);
	return cache_answer(&m, 1000, span_text(method), test_view(&q), &part);
}

static void if_none_match_comes_first(void **state)
{
	(void)state;
	const char *tag = "etag: \"a\"\n" OLD;
	/* 4.3.2: "if the field value is "*", or if the field value is a list of entity tags and at
	 * least one of them matches the entity tag of the selected stored response, a cache
	 * recipient SHOULD generate a 304 (Not Modified) response". */
	assert_int_equal(answer(tag, "GET", "if-none-match: *"), CACHE_ANSWER_NOT_MODIFIED);
	assert_int_equal(answer(tag, "GET", "if-none-match: \"b\", W/\"a\""),
			 CACHE_ANSWER_NOT_MODIFIED);
	assert_int_equal(answer(tag, "HEAD", "if-none-match: \"a\""), CACHE_ANSWER_NOT_MODIFIED);
	assert_int_equal(answer(tag, "GET", "if-none-match: \"b\"\nif-none-match: \"a\""),
			 CACHE_ANSWER_NOT_MODIFIED);
	assert_int_equal(answer(tag, "GET", "if-none-match: \"b\""), CACHE_ANSWER_WHOLE);
	/* "If an If-None-Match header field is not present, a request containing an
	 * If-Modified-Since header field" */
	assert_int_equal(answer(tag, "GET",
				"if-none-match: \"b\"\n"
				"if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"),
			 CACHE_ANSWER_WHOLE);
	assert_int_equal(answer(OLD, "GET", "if-none-match: \"\""), CACHE_ANSWER_WHOLE);
}

static void if_modified_since_by_three_dates(void **state)
{
	(void)state;
	/* "1) the selected stored response has a Last-Modified field value that is earlier or equal
	 * to the conditional timestamp" */
	assert_int_equal(answer(OLD, "GET", "if-modified-since: Sun, 06 Nov 1994 08:00:00 GMT"),
			 CACHE_ANSWER_NOT_MODIFIED);
	assert_int_equal(answer(OLD, "GET", "if-modified-since: Sun, 06 Nov 1994 07:59:59 GMT"),
			 CACHE_ANSWER_WHOLE);
	/* "2) no Last-Modified field is present ..., but it has a Date field value that is earlier
	 * or equal" */
	assert_int_equal(answer(DATE, "GET", "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"),
			 CACHE_ANSWER_NOT_MODIFIED);
	assert_int_equal(answer(DATE, "GET", "if-modified-since: Sun, 06 Nov 1994 08:49:36 GMT"),
			 CACHE_ANSWER_WHOLE);
	/* "3) ... the cache recorded it as having been received at a time earlier or equal" */
	assert_int_equal(answer("x: y", "GET", "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"),
			 CACHE_ANSWER_NOT_MODIFIED);
	assert_int_equal(answer(OLD, "GET", "if-modified-since: yesterday"), CACHE_ANSWER_WHOLE);
}

static void parts_of_what_is_whole(void **state)
{
	(void)state;
	assert_int_equal(answer("x: y", "GET", "range: bytes=10-19"), CACHE_ANSWER_PART);
	assert_int_equal(part.first, 10);
	assert_int_equal(part.last, 19);
	assert_int_equal(answer("x: y", "GET", "range: bytes=-1"), CACHE_ANSWER_PART);
	assert_int_equal(part.first, 999);
	/* RFC 9110 15.5.17 */
	assert_int_equal(answer("x: y", "GET", "range: bytes=1000-"), CACHE_ANSWER_NO_PART);
	/* Several, other units, other methods: the whole. */
	assert_int_equal(answer("x: y", "GET", "range: bytes=0-1,5-6"), CACHE_ANSWER_WHOLE);
	assert_int_equal(answer("x: y", "GET", "range: lines=0-1"), CACHE_ANSWER_WHOLE);
	assert_int_equal(answer("x: y", "HEAD", "range: bytes=0-1"), CACHE_ANSWER_WHOLE);
	/* RFC 9110 13.2.2: If-None-Match and If-Modified-Since before Range. */
	assert_int_equal(answer("etag: \"a\"", "GET", "range: bytes=0-1\nif-none-match: \"a\""),
			 CACHE_ANSWER_NOT_MODIFIED);
}

static void if_range_compares_strongly(void **state)
{
	(void)state;
	/* 4.3.2: "also needs to evaluate a received If-Range header field". */
	assert_int_equal(answer("etag: \"a\"", "GET", "range: bytes=0-1\nif-range: \"a\""),
			 CACHE_ANSWER_PART);
	assert_int_equal(answer("etag: \"a\"", "GET", "range: bytes=0-1\nif-range: \"b\""),
			 CACHE_ANSWER_WHOLE);
	/* RFC 9110 13.1.5: weak tags never match here. */
	assert_int_equal(answer("etag: W/\"a\"", "GET", "range: bytes=0-1\nif-range: W/\"a\""),
			 CACHE_ANSWER_WHOLE);
	const char *date = "range: bytes=0-1\nif-range: Sun, 06 Nov 1994 08:00:00 GMT";
	assert_int_equal(answer(OLD DATE, "GET", date), CACHE_ANSWER_PART);
	/* Without Date nobody knows that it is strong. */
	assert_int_equal(answer(OLD, "GET", date), CACHE_ANSWER_WHOLE);
	assert_int_equal(answer(OLD DATE, "GET",
				"range: bytes=0-1\nif-range: Sun, 06 Nov 1994 08:00:01 GMT"),
			 CACHE_ANSWER_WHOLE);
	assert_int_equal(answer(OLD DATE, "GET", "range: bytes=0-1\nif-range: x"),
			 CACHE_ANSWER_WHOLE);
}

static void only_200_is_conditional(void **state)
{
	(void)state;
	struct test_fields r = test_fields("etag: \"a\""), q = test_fields("if-none-match: \"a\"");
	struct cache_policy p = test_policy();
	struct cache_meta m = test_meta(404, &r, &p);
	assert_int_equal(cache_answer(&m, 10, span_text("GET"), test_view(&q), &part),
			 CACHE_ANSWER_WHOLE);
}

static void servers_own_conditions_are_known(void **state)
{
	(void)state;
	/* 4.3.2: "A cache MUST NOT evaluate conditional header fields that only apply to an origin
	 * server". */
	struct test_fields f = test_fields("if-match: \"a\"");
	assert_true(cache_has_foreign_condition(test_view(&f)));
	f = test_fields("if-unmodified-since: Sun, 06 Nov 1994 08:00:01 GMT");
	assert_true(cache_has_foreign_condition(test_view(&f)));
	f = test_fields("if-none-match: \"a\"");
	assert_false(cache_has_foreign_condition(test_view(&f)));
}

static void a_304_has_its_fields(void **state)
{
	(void)state;
	/* RFC 9110 15.4.5: "MUST generate any of the following header fields that would have been
	 * sent in a 200 (OK) response to the same request: Content-Location, Date, ETag, and Vary;
	 * Cache-Control and Expires". */
	static const char *const sent[] = {"content-location: a", "date: a",
					   "etag: \"a\"",	  "vary: a",
					   "cache-control: a",	  "expires: a"};
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		struct test_fields f = test_fields(sent[i]);
		assert_true(cache_field_is_of_304(&f.at[0]));
	}
	struct test_fields f = test_fields("content-type: a/b");
	assert_false(cache_field_is_of_304(&f.at[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(if_none_match_comes_first),
		cmocka_unit_test(if_modified_since_by_three_dates),
		cmocka_unit_test(parts_of_what_is_whole),
		cmocka_unit_test(if_range_compares_strongly),
		cmocka_unit_test(only_200_is_conditional),
		cmocka_unit_test(servers_own_conditions_are_known),
		cmocka_unit_test(a_304_has_its_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
