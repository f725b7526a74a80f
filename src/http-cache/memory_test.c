/* Runs with threads: one test lets several put, find and purge at once. */
#include "http-cache/memory.h"

#include "base/writer.h"
#include "http-cache/fields_test.h"
#include "http-cache/vary.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned woken[CACHE_THREADS_MAX];

static void wake(void *arg, unsigned thread)
{
	(void)arg;
	__atomic_add_fetch(&woken[thread], 1, __ATOMIC_RELAXED);
}

static struct cache_memory *memory_of(uint64_t size, uint64_t object_max)
{
	struct cache_memory *m = NULL;
	const struct cache_memory_options o = {
		.size = size, .object_max = object_max, .key = {1, 2}, .wake = wake};
	assert_int_equal(cache_memory_new(&o, &m), OK);
	return m;
}

/* An answer to a request, with a body of that many bytes. */
static struct cache_object *object(const char *key, const char *request, const char *response,
				   size_t body_len)
{
	uint8_t rooms[2][CACHE_VARY_MAX];
	struct writer names = writer_of(rooms[0], CACHE_VARY_MAX);
	struct writer vary = writer_of(rooms[1], CACHE_VARY_MAX);
	struct test_fields q = test_fields(request), r = test_fields(response);
	struct cache_policy p = test_policy();
	struct cache_body *b = cache_body_new();
	for (size_t i = 0; i < body_len; i++) {
		uint8_t c = (uint8_t)(i * 7 + i / 256);
		assert_int_equal(cache_body_add(b, span_of(&c, 1), 0), OK);
	}
	cache_body_end(b);
	cache_vary_names(test_view(&r), &names);
	cache_vary_write(writer_span(&names), test_view(&q), &vary);
	const struct cache_object_parts parts = {.status = 200,
						 .key = span_text(key),
						 .space = span_text("web"),
						 .vary_names = writer_span(&names),
						 .vary = writer_span(&vary),
						 .fields = test_view(&r),
						 .policy = &p,
						 .request_s = TEST_NOW_S,
						 .response_s = TEST_NOW_S,
						 .body = b};
	struct cache_object *o = cache_object_new(&parts);
	cache_body_unref(b);
	assert_non_null(o);
	return o;
}

static uint64_t since(struct cache_memory *m, const char *key)
{
	struct cache_found f;
	const struct cache_look look = {.key = span_text(key), .space = span_text("web")};
	cache_memory_find(m, &look, TEST_NOW_S * 1000, &f);
	cache_object_unref(f.object);
	return f.since;
}

static void put(struct cache_memory *m, const char *key, const char *request, const char *response,
		size_t body_len)
{
	struct cache_object *o = object(key, request, response, body_len);
	assert_int_equal(cache_memory_put(m, o, since(m, key), TEST_NOW_S * 1000), OK);
	cache_object_unref(o);
}

static struct cache_found find(struct cache_memory *m, const char *key, const char *space,
			       const char *request)
{
	struct cache_found f;
	static struct test_fields q;
	q = test_fields(request);
	const struct cache_look look = {
		.key = span_text(key), .space = span_text(space), .request = test_view(&q)};
	cache_memory_find(m, &look, TEST_NOW_S * 1000, &f);
	return f;
}

static bool has(struct cache_memory *m, const char *key, const char *request, const char *tag)
{
	struct cache_found f = find(m, key, "web", request);
	bool right = f.object && span_is(f.object->meta.etag, tag);
	cache_object_unref(f.object);
	return right;
}

static void finds_only_what_matches(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	put(m, "http://a/", "", "etag: \"a\"", 10);
	put(m, "http://b/", "x: 1", "etag: \"b1\"\nvary: x", 10);
	put(m, "http://b/", "x: 2", "etag: \"b2\"\nvary: x", 10);
	assert_true(has(m, "http://a/", "x: 7", "\"a\""));
	assert_true(has(m, "http://b/", "x: 1", "\"b1\""));
	assert_true(has(m, "http://b/", "x: 2", "\"b2\""));
	struct cache_found f = find(m, "http://b/", "web", "x: 3");
	assert_true(!f.object && f.others);
	f = find(m, "http://b/", "other", "x: 1");
	assert_true(!f.object && !f.others);
	f = find(m, "http://c/", "web", "");
	assert_true(!f.object && !f.others);
	/* The new one stands for the old one of the same request. */
	put(m, "http://b/", "x: 2", "etag: \"b3\"\nvary: x", 10);
	assert_true(has(m, "http://b/", "x: 2", "\"b3\""));
	struct cache_sums sums;
	cache_memory_sums(m, &sums);
	assert_int_equal(sums.objects, 3);
	cache_memory_free(m);
}

static void of_several_the_newest_answers(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	put(m, "k", "x: 1\ny: 1", "etag: \"new\"\nvary: x\ndate: Sun, 06 Nov 1994 08:49:36 GMT", 1);
	put(m, "k", "x: 1\ny: 1", "etag: \"old\"\nvary: y\ndate: Sun, 06 Nov 1994 08:49:35 GMT", 1);
	assert_true(has(m, "k", "x: 1\ny: 1", "\"new\""));
	/* RFC 9111 4.1: "it SHOULD use the most recent non-empty value available". */
	put(m, "k", "", "etag: \"none\"\ndate: Sun, 06 Nov 1994 08:49:37 GMT", 1);
	assert_true(has(m, "k", "x: 1\ny: 1", "\"new\""));
	assert_true(has(m, "k", "x: 2\ny: 2", "\"none\""));
	cache_memory_free(m);
}

static void keeps_within_its_size(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(256 * 1024, 16 * 1024);
	struct cache_sums sums;
	char key[32];
	for (int i = 0; i < 500; i++) {
		(void)snprintf(key, sizeof(key), "http://a/%d", i);
		put(m, key, "", "etag: \"a\"", 3000);
		cache_memory_sums(m, &sums);
		assert_true(sums.bytes <= 256 * 1024);
		assert_true(has(m, key, "", "\"a\""));
	}
	assert_true(sums.evicted > 400 && sums.objects > 10);
	struct cache_object *o = object("big", "", "", 16 * 1024 + 1);
	assert_int_equal(cache_memory_put(m, o, 0, 0), ERR_LIMIT);
	cache_object_unref(o);
	/* So many of one key. */
	for (int i = 0; i < 2 * CACHE_VARIANTS_MAX; i++) {
		(void)snprintf(key, sizeof(key), "x: %d", i);
		put(m, "k", key, "etag: \"a\"\nvary: x", 1);
	}
	assert_true(has(m, "k", "x: 63", "\"a\""));
	assert_false(has(m, "k", "x: 1", "\"a\""));
	cache_memory_free(m);
}

static void what_is_used_outlives_its_place(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 256 * 1024);
	put(m, "k", "", "etag: \"a\"\nx-a: b", 100000);
	struct cache_object *o = find(m, "k", "web", "").object;
	assert_int_equal(cache_memory_purge(m, CACHE_PURGE_ALL, (struct span){0}), 1);
	struct cache_chunk *hint = NULL;
	uint64_t at = 0;
	while (at < 100000) {
		struct span s = cache_body_at(o->body, at, &hint);
		assert_true(s.len > 0);
		for (size_t i = 0; i < s.len; i++, at++)
			assert_int_equal(s.data[i], (uint8_t)(at * 7 + at / 256));
	}
	assert_int_equal(cache_body_at(o->body, at, &hint).len, 0);
	cache_object_unref(o);
	cache_memory_free(m);
}

static void purges_by_key_prefix_and_tag(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	put(m, "http://a/x", "", "etag: \"a\"\nsurrogate-key: red blue", 1);
	put(m, "http://a/y", "", "etag: \"a\"\ncache-tag: red,green", 1);
	put(m, "http://b/x", "", "etag: \"a\"", 1);
	assert_int_equal(cache_memory_purge(m, CACHE_PURGE_KEY, span_text("http://a/")), 0);
	assert_int_equal(cache_memory_purge(m, CACHE_PURGE_TAG, span_text("re")), 0);
	assert_int_equal(cache_memory_purge(m, CACHE_PURGE_TAG, span_text("green")), 1);
	assert_int_equal(cache_memory_purge(m, CACHE_PURGE_PREFIX, span_text("http://a/")), 1);
	assert_int_equal(cache_memory_purge(m, CACHE_PURGE_KEY, span_text("http://b/x")), 1);
	assert_false(has(m, "http://a/x", "", "\"a\""));
	cache_memory_free(m);
}

static void what_was_asked_for_before_a_purge_is_not_stored(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	static const enum cache_purge kinds[] = {CACHE_PURGE_KEY, CACHE_PURGE_PREFIX,
						 CACHE_PURGE_TAG, CACHE_PURGE_ALL};
	struct cache_object *o = object("k", "", "etag: \"a\"", 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t before = since(m, "k");
		assert_int_equal(cache_memory_purge(m, kinds[i], span_text("k")), 0);
		assert_int_equal(cache_memory_put(m, o, before, 0), ERR_REFUSED);
		assert_null(find(m, "k", "web", "").object);
		assert_int_equal(cache_memory_put(m, o, since(m, "k"), 0), OK);
		(void)cache_memory_purge(m, CACHE_PURGE_ALL, (struct span){0});
	}
	/* Another key's purge is of no concern. */
	uint64_t before = since(m, "k");
	(void)cache_memory_purge(m, CACHE_PURGE_KEY, span_text("l"));
	assert_int_equal(cache_memory_put(m, o, before, 0), OK);
	cache_object_unref(o);
	cache_memory_free(m);
}

static void what_is_on_its_way_is_bounded(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	assert_true(cache_memory_take(m, 300 * 1024));
	assert_false(cache_memory_take(m, 300 * 1024));
	assert_true(cache_memory_take(m, 212 * 1024));
	assert_false(cache_memory_take(m, 1));
	cache_memory_give(m, 212 * 1024);
	assert_true(cache_memory_take(m, 1));
	cache_memory_give(m, 1);
	cache_memory_give(m, 300 * 1024);
	cache_memory_free(m);
}

/* Each key is in memory twice, in its slot too. */
static void long_keys_count(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	struct cache_sums sums;
	char key[4001];
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	put(m, key, "", "etag: \"a\"", 1);
	cache_memory_sums(m, &sums);
	assert_true(sums.bytes >= 8000);
	cache_memory_free(m);
}

static void notes_say_why_and_for_how_long(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	struct cache_policy p = test_policy();
	struct cache_object_parts parts = {.rule = CACHE_RULE_NO_STORE,
					   .key = span_text("k"),
					   .space = span_text("web"),
					   .policy = &p};
	struct cache_object *o = cache_object_new(&parts);
	/* Also after a purge: it holds nothing. */
	(void)cache_memory_purge(m, CACHE_PURGE_KEY, span_text("k"));
	assert_int_equal(cache_memory_put(m, o, 0, TEST_NOW_S * 1000), OK);
	cache_object_unref(o);
	assert_int_equal(find(m, "k", "web", "").refused, CACHE_RULE_NO_STORE);
	assert_int_equal(find(m, "k", "other", "").refused, CACHE_MAY_STORE);
	struct cache_found f;
	const struct cache_look look = {.key = span_text("k"), .space = span_text("web")};
	cache_memory_find(m, &look, TEST_NOW_S * 1000 + CACHE_REFUSED_MS, &f);
	assert_int_equal(f.refused, CACHE_MAY_STORE);
	/* An answer that is stored takes the note away. */
	put(m, "k", "", "etag: \"a\"", 1);
	assert_true(has(m, "k", "", "\"a\""));
	cache_memory_free(m);
}

/* With what cache_memory_find said. */
static struct cache_look looked(struct cache_memory *m, const char *key)
{
	struct cache_look look = {.key = span_text(key), .space = span_text("web")};
	struct cache_found found;
	cache_memory_find(m, &look, 0, &found);
	cache_object_unref(found.object);
	look.landed = found.landed;
	return look;
}

/* What had not been there when it was looked for may have come before one flies for it. */
static void nobody_flies_for_what_came_since_the_look(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	const struct cache_look first = looked(m, "k"), late = first;
	struct cache_flight *f;
	assert_int_equal(cache_memory_fly(m, &first, 0, &f), CACHE_LEADS);
	struct cache_object *o = object("k", "", "etag: \"a\"", 1);
	assert_int_equal(cache_memory_put(m, o, since(m, "k"), 0), OK);
	cache_object_unref(o);
	cache_flight_land(m, f);
	assert_int_equal(cache_memory_fly(m, &late, 1, &f), CACHE_LOOK_AGAIN);
	assert_null(f);
	assert_true(has(m, "k", "", "\"a\""));
	/* One that brought nothing counts as well, and who looks again then may. */
	const struct cache_look next = looked(m, "k"), none = looked(m, "none");
	assert_int_equal(cache_memory_fly(m, &next, 1, &f), CACHE_LEADS);
	cache_flight_land(m, f);
	assert_int_equal(cache_memory_fly(m, &none, 1, &f), CACHE_LEADS);
	cache_flight_land(m, f);
	assert_int_equal(cache_memory_fly(m, &none, 1, &f), CACHE_LOOK_AGAIN);
	const struct cache_look again = looked(m, "none");
	assert_int_equal(cache_memory_fly(m, &again, 1, &f), CACHE_LEADS);
	cache_flight_land(m, f);
	cache_memory_free(m);
}

static void one_leads_and_the_others_are_told(void **state)
{
	(void)state;
	struct cache_memory *m = memory_of(1 << 20, 4096);
	struct cache_look look = {.key = span_text("k"), .space = span_text("web")};
	const struct cache_look other = {.key = span_text("k"), .space = span_text("api")};
	struct cache_flight *a, *b, *c;
	assert_int_equal(cache_memory_fly(m, &look, 0, &a), CACHE_LEADS);
	assert_int_equal(cache_memory_fly(m, &look, 5, &b), CACHE_FOLLOWS);
	assert_ptr_equal(a, b);
	assert_int_equal(cache_memory_fly(m, &other, 5, &c), CACHE_LEADS);
	assert_ptr_not_equal(c, a);
	assert_true(cache_flight_flies(b));
	cache_flight_land(m, a);
	assert_false(cache_flight_flies(b));
	assert_int_equal(woken[5], 1);
	assert_int_equal(woken[0], 0);
	cache_flight_unref(b);
	look = looked(m, "k");
	assert_int_equal(cache_memory_fly(m, &look, 0, &a), CACHE_LEADS);
	cache_flight_land(m, a);
	cache_flight_land(m, c);
	cache_memory_free(m);
}

static struct cache_memory *shared;

static void *work(void *arg)
{
	unsigned n = *(const unsigned *)arg;
	char key[32];
	for (unsigned i = 0; i < 3000; i++) {
		struct cache_flight *f;
		unsigned which = (i * 7 + n) % 97;
		(void)snprintf(key, sizeof(key), "http://a/%u", which);
		const struct cache_look look = looked(shared, key);
		enum cache_flying how = cache_memory_fly(shared, &look, n, &f);
		if (how == CACHE_LEADS) {
			struct cache_object *o = object(key, "", "etag: \"a\"", 64 + which);
			/* Others purge meanwhile. */
			enum err e = cache_memory_put(shared, o, since(shared, key), 0);
			if (e && e != ERR_REFUSED)
				abort();
			cache_object_unref(o);
			cache_flight_land(shared, f);
		} else if (how == CACHE_FOLLOWS) {
			(void)cache_flight_flies(f);
			cache_flight_unref(f);
		}
		struct cache_found found;
		cache_memory_find(shared, &look, 0, &found);
		if (found.object && found.object->body->len != 64 + which)
			abort();
		cache_object_unref(found.object);
		if (i % 500 == 0)
			(void)cache_memory_purge(shared, CACHE_PURGE_PREFIX,
						 span_text("http://a/1"));
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	(void)state;
	pthread_t threads[3];
	static unsigned numbers[3] = {0, 1, 2};
	shared = memory_of(4 * 1024 * 1024, 1024);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	struct cache_sums sums;
	cache_memory_sums(shared, &sums);
	assert_true(sums.objects <= 97);
	cache_memory_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_only_what_matches),
		cmocka_unit_test(of_several_the_newest_answers),
		cmocka_unit_test(keeps_within_its_size),
		cmocka_unit_test(what_is_used_outlives_its_place),
		cmocka_unit_test(purges_by_key_prefix_and_tag),
		cmocka_unit_test(what_was_asked_for_before_a_purge_is_not_stored),
		cmocka_unit_test(what_is_on_its_way_is_bounded),
		cmocka_unit_test(long_keys_count),
		cmocka_unit_test(notes_say_why_and_for_how_long),
		cmocka_unit_test(nobody_flies_for_what_came_since_the_look),
		cmocka_unit_test(one_leads_and_the_others_are_told),
		cmocka_unit_test(threads_share_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
