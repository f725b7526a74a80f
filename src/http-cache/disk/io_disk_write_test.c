/* What is written, and what is not. This program runs with threads: those of the tier. */
#include "http-cache/disk/site_test.h"

#define FRESH "Cache-Control: max-age=60\n"

static struct cache_object *fresher(const struct cache_object *old, const char *fields)
{
	struct test_fields r = test_fields(fields);
	struct cache_policy p = test_policy();
	const struct cache_object_parts parts = {.status = 200,
						 .key = old->key,
						 .space = old->space,
						 .fields = test_view(&r),
						 .policy = &p,
						 .request_s = TEST_NOW_S,
						 .response_s = TEST_NOW_S,
						 .body = old->body};
	struct cache_object *o = cache_object_new(&parts);
	assert_non_null(o);
	return o;
}

/* Who asks for something newer again and again has the body written once. */
static void what_is_fresh_again_is_written_once_a_minute(void **state)
{
	static const unsigned s_later[] = {1, 59, 60, 119, 121};
	static const unsigned writes[] = {1, 1, 2, 2, 3};
	struct site s = site_open(SITE_SIZE);
	(void)state;
	site_put(&s, "http://f/", "", FRESH "X-A: b\n", 5000);
	struct cache_object *o = site_find(&s, "http://f/", "");
	for (size_t i = 0; i < 5; i++) {
		struct cache_object *new =
			fresher(o, FRESH "X-A: b\nDate: Sun, 06 Nov 1994 08:49:37 GMT\n");
		assert_true(cache_object_same_but_times(o, new));
		new->written_ms = o->written_ms;
		assert_int_equal(
			cache_memory_put(s.memory, new, 0, (TEST_NOW_S + s_later[i]) * 1000), OK);
		site_settle(&s);
		assert_int_equal(site_sums(&s).writes, writes[i]);
		assert_int_equal(site_sums(&s).objects, 1);
		cache_object_unref(o);
		o = new;
	}
	struct cache_object *other = fresher(o, FRESH "X-A: c\n");
	struct cache_object *more = fresher(o, FRESH "X-A: b\nX-B: c\n");
	assert_false(cache_object_same_but_times(o, other));
	assert_false(cache_object_same_but_times(o, more));
	assert_false(cache_object_same_but_times(more, o));
	cache_object_unref(other);
	cache_object_unref(more);
	cache_object_unref(o);
	site_close(&s);
}

/* More than a segment takes, in one turn of the writer: none of it goes for the rest of it. */
static void what_comes_at_once_does_not_push_itself_out(void **state)
{
	enum { OLD = 250, OLD_LEN = 200000, NEW = 40, LEN = 50000, SIZE = 40 << 20 };
	char key[64];
	struct site s = site_open(SIZE);
	(void)state;
	for (int i = 0; i < OLD; i++) {
		(void)snprintf(key, sizeof(key), "http://old/%d", i);
		site_put(&s, key, "", FRESH, OLD_LEN);
	}
	site_settle(&s);
	site_close(&s);
	s = site_open_still(SIZE);
	for (int i = 0; i < NEW; i++) {
		(void)snprintf(key, sizeof(key), "http://new/%d", i);
		site_put(&s, key, "", FRESH, LEN);
	}
	assert_int_equal(cache_disk_start(s.disk, s.memory), OK);
	site_settle(&s);
	assert_int_equal(site_sums(&s).dropped, 0);
	for (int i = 0; i < NEW; i++) {
		(void)snprintf(key, sizeof(key), "http://new/%d", i);
		if (!cache_memory_below(s.memory, span_text(key)))
			fail_msg("%s is not on the disk", key);
	}
	site_close(&s);
	s = site_open(SIZE);
	assert_true(site_has(&s, "http://new/0"));
	site_close(&s);
}

/* Longer than what a purge reads of each record at first. */
static void a_purge_finds_what_has_a_long_head(void **state)
{
	enum { LONG = 20000 };
	static const char before[] = FRESH "Cache-Tag: x\nX-Long: ";
	static char fields[sizeof(before) + LONG + 1];
	struct site s = site_open(SITE_SIZE);
	(void)state;
	memset(fields, 'y', sizeof(fields) - 2);
	memcpy(fields, before, sizeof(before) - 1);
	fields[sizeof(fields) - 2] = '\n';
	site_put(&s, "http://l/x", "", fields, 100000);
	memcpy(strstr(fields, ": x") + 2, "z", 1);
	site_put(&s, "http://l/z", "", fields, 100000);
	site_settle(&s);
	site_close(&s);
	s = site_open(SITE_SIZE);
	(void)cache_memory_purge(s.memory, CACHE_PURGE_TAG, span_text("x"));
	site_settle(&s);
	assert_int_equal(site_sums(&s).objects, 1);
	assert_int_equal(site_sums(&s).torn, 0);
	assert_true(site_has(&s, "http://l/z"));
	assert_false(site_has(&s, "http://l/x"));
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_fresh_again_is_written_once_a_minute, site_fresh),
		cmocka_unit_test_setup(a_purge_finds_what_has_a_long_head, site_fresh),
		cmocka_unit_test_setup(what_comes_at_once_does_not_push_itself_out, site_fresh),
	};
	return cmocka_run_group_tests_name("http-cache/disk/write", tests, site_begin, site_end);
}
