#include "http-cache/validate.h"

#include "base/writer.h"
#include "http-cache/fields_test.h"
#include "proto/http/date.h"

#define OLD "last-modified: Sun, 06 Nov 1994 08:00:00 GMT\n"

static struct cache_meta meta(const char *stored)
{
	static struct test_fields f;
	struct cache_policy p = test_policy();
	f = test_fields(stored);
	return test_meta(200, &f, &p);
}

static void asks_by_all_that_is_known(void **state)
{
	(void)state;
	struct http_field c[CACHE_CONDITIONS_MAX];
	uint8_t room[HTTP_DATE_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct cache_meta m = meta("etag: W/\"a\"\n" OLD);
	assert_int_equal(cache_conditions(&m, &w, c), 2);
	assert_true(span_is(c[0].value, "W/\"a\""));
	assert_true(span_is(c[1].value, "Sun, 06 Nov 1994 08:00:00 GMT"));
	m = meta("x: y");
	assert_int_equal(cache_conditions(&m, &w, c), 0);
	/* What is no tag is none. */
	m = meta("etag: a");
	assert_int_equal(cache_conditions(&m, &w, c), 0);
}

static bool freshens(const char *stored, const char *not_modified)
{
	struct cache_meta m = meta(stored);
	struct test_fields f = test_fields(not_modified);
	return cache_is_freshened_by(&m, test_view(&f));
}

static void a_304_of_another_is_none(void **state)
{
	(void)state;
	/* 4.3.4: "If none of the stored responses contain the same strong validator, then the cache
	 * MUST NOT use the new response to update any stored responses." */
	assert_false(freshens("etag: \"a\"", "etag: \"b\""));
	assert_false(freshens("etag: W/\"a\"", "etag: \"a\""));
	assert_false(freshens(OLD, "etag: \"b\""));
	assert_false(freshens(OLD, "last-modified: Sun, 06 Nov 1994 08:00:01 GMT"));
	assert_true(freshens("etag: \"a\"", "etag: \"a\""));
	/* "If the new response contains a weak validator and that validator corresponds to one of
	 * the cache's stored responses". */
	assert_true(freshens("etag: \"a\"", "etag: W/\"a\""));
	assert_true(freshens(OLD, OLD));
	assert_true(freshens("etag: \"a\"", "date: x"));
}

static void head_tells_of_a_change(void **state)
{
	(void)state;
	struct cache_meta m = meta("etag: \"a\"\n" OLD);
	struct test_fields f = test_fields("etag: \"a\"");
	/* 4.3.5: "have matching values for any received validator fields (ETag and Last-Modified)
	 * and, if the HEAD response has a Content-Length header field, the value of Content-Length
	 * matches that of the stored GET response". */
	assert_true(cache_is_freshened_by_head(&m, 10, test_view(&f), UINT64_MAX));
	assert_true(cache_is_freshened_by_head(&m, 10, test_view(&f), 10));
	assert_false(cache_is_freshened_by_head(&m, 10, test_view(&f), 11));
	f = test_fields("etag: \"b\"");
	assert_false(cache_is_freshened_by_head(&m, 10, test_view(&f), 10));
	f = test_fields("last-modified: Sun, 06 Nov 1994 08:00:01 GMT");
	assert_false(cache_is_freshened_by_head(&m, 10, test_view(&f), 10));
}

static struct span value_of(const struct http_field *f, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (span_equal_nocase(f[i].name, span_text(name)))
			return f[i].value;
	return (struct span){0};
}

static void new_fields_stand_for_old_ones(void **state)
{
	(void)state;
	struct test_fields old =
		test_fields("content-type: a/b\netag: \"a\"\nx-a: 1\nx-a: 2\nx-b: 1\n"
			    "cache-control: max-age=1\ncontent-encoding: gzip\n"
			    "date: Sun, 06 Nov 1994 08:00:00 GMT");
	struct test_fields new = test_fields("X-A: 3\ncontent-encoding: br\ncontent-length: 0\n"
					     "content-type: c/d\ncache-control: max-age=9\nx-c: 4\n"
					     "connection: close\nage: 3");
	struct cache_policy p = test_policy();
	struct http_field f[16];
	size_t n = 0;
	/* 3.2: "the cache MUST add each header field in the provided response to the stored
	 * response, replacing field values that are already present". */
	assert_int_equal(cache_fields_freshen(test_view(&old), test_view(&new), &p, f, 16, &n), OK);
	assert_int_equal(n, 8);
	assert_true(span_is(value_of(f, n, "x-a"), "3"));
	assert_true(span_is(value_of(f, n, "x-b"), "1"));
	assert_true(span_is(value_of(f, n, "x-c"), "4"));
	assert_true(span_is(value_of(f, n, "cache-control"), "max-age=9"));
	/* Exceptions: what was made of the body that is stored. */
	assert_true(span_is(value_of(f, n, "content-encoding"), "gzip"));
	assert_true(span_is(value_of(f, n, "content-type"), "c/d"));
	assert_null(value_of(f, n, "connection").data);
	/* Its age is the new one's, and so is the time from which it counts. */
	assert_true(span_is(value_of(f, n, "age"), "3"));
	assert_null(value_of(f, n, "date").data);
	assert_int_equal(cache_fields_freshen(test_view(&old), test_view(&new), &p, f, 7, &n),
			 ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_by_all_that_is_known),
		cmocka_unit_test(a_304_of_another_is_none),
		cmocka_unit_test(head_tells_of_a_change),
		cmocka_unit_test(new_fields_stand_for_old_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
