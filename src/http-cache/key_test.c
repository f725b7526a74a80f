#include "http-cache/key.h"

#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct cache_target base = {.scheme = {(const uint8_t *)"https", 5},
					 .host = {(const uint8_t *)"a.example", 9},
					 .port = 443,
					 .path = {(const uint8_t *)"/x", 2}};

static bool reference(const char *text, const char *key)
{
	uint8_t room[CACHE_KEY_MAX];
	struct writer w = writer_of(room, sizeof(room));
	return cache_key_of_reference(&base, span_text(text), &w) && span_is(writer_span(&w), key);
}

static void refuses_other_origins(void **state)
{
	(void)state;
	/* 4.4: "a cache MUST NOT trigger an invalidation under these conditions if the origin of
	 * the URI to be invalidated differs from that of the target URI". */
	assert_false(reference("http://a.example/y", "http://a.example/y"));
	assert_false(reference("https://b.example/y", "https://b.example/y"));
	assert_false(reference("https://a.example:8443/y", "https://a.example:8443/y"));
	assert_false(reference("//b.example/y", "https://b.example/y"));
	assert_false(reference("y", "https://a.example/y"));
	assert_false(reference("", "https://a.example/"));
	assert_false(reference("https://", "https://a.example/"));
	assert_false(reference("/%zz", "https://a.example/%zz"));
}

static void same_origin_in_any_form(void **state)
{
	(void)state;
	assert_true(reference("/y/../z?a=1#f", "https://a.example/z?a=1"));
	assert_true(reference("HTTPS://A.example:443/y", "https://a.example/y"));
	assert_true(reference("https://a.example", "https://a.example/"));
	assert_true(reference("https://a.example?q", "https://a.example/?q"));
}

static void writes(const struct cache_target *t, const char *key)
{
	uint8_t room[CACHE_KEY_MAX];
	struct writer w = writer_of(room, sizeof(room));
	cache_key_write(t, &w);
	if (!span_is(writer_span(&w), key))
		fail_msg("%.*s is not %s", (int)w.pos, (const char *)room, key);
}

static void arguments_may_be_left_out(void **state)
{
	(void)state;
	static const char *const drop[] = {"utm_source", "b c"};
	struct cache_target t = base;
	t.query = span_text("a=1&utm_source=x&b%20c&utm%5Fsource=y&c");
	writes(&t, "https://a.example/x");
	t.has_query = true;
	writes(&t, "https://a.example/x?a=1&utm_source=x&b%20c&utm%5Fsource=y&c");
	t.drop = drop;
	t.drop_n = 2;
	writes(&t, "https://a.example/x?a=1&c");
	t.no_query = true;
	writes(&t, "https://a.example/x");
	t = base;
	/* "/x?" is another address than "/x" (RFC 3986 6.2.3). */
	t.has_query = true;
	t.port = 444;
	writes(&t, "https://a.example:444/x?");
}

static void reads_what_people_write(void **state)
{
	(void)state;
	uint8_t room[CACHE_KEY_MAX];
	struct writer w = writer_of(room, sizeof(room));
	assert_true(cache_key_of_text(span_text("http://WWW.Example:80/a?b"), &w));
	assert_true(span_is(writer_span(&w), "http://www.example/a?b"));
	w = writer_of(room, sizeof(room));
	assert_false(cache_key_of_text(span_text("www.example/a"), &w));
	assert_false(cache_key_of_text(span_text("ftp://www.example/a"), &w));
	w = writer_of(room, 10);
	assert_false(cache_key_of_text(span_text("http://www.example/a"), &w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_other_origins),
		cmocka_unit_test(same_origin_in_any_form),
		cmocka_unit_test(arguments_may_be_left_out),
		cmocka_unit_test(reads_what_people_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
