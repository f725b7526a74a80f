#include "http-cache/disk/record.h"

#include "base/writer.h"
#include "http-cache/fields_test.h"
#include "test/guard.h"

static const struct hash_key key = {21, 22};

static struct cache_object *object(void)
{
	static const char text[] = "cache-control: max-age=9, no-cache\netag: W/\"1\"\nx-empty:\n"
				   "last-modified: Sun, 06 Nov 1994 08:49:37 GMT\ncache-tag: a,b\n";
	struct test_fields f = test_fields(text);
	struct cache_policy p = test_policy();
	const struct cache_object_parts parts = {.status = 203,
						 .key = span_text("http://a/b?c"),
						 .space = span_text("pool\na\n/b"),
						 .vary_names = span_text("accept"),
						 .vary = span_text("accept:x"),
						 .fields = test_view(&f),
						 .policy = &p,
						 .request_s = TEST_NOW_S - 1,
						 .response_s = TEST_NOW_S};
	struct cache_object *o = cache_object_new(&parts);
	assert_non_null(o);
	o->fetch_ms = 345;
	return o;
}

static size_t head_of(const struct cache_object *o, uint8_t *room, size_t size)
{
	struct writer w = writer_of(room, size);
	disk_head_write(o, &w);
	assert_false(w.bad);
	return w.pos;
}

static void a_head_comes_back_as_it_was(void **state)
{
	uint8_t room[2048], again[2048];
	struct cache_object *o = object(), *got = NULL;
	(void)state;
	size_t n = head_of(o, room, sizeof(room));
	assert_int_equal(disk_head_read(span_of(room, n), &got), OK);
	assert_int_equal(head_of(got, again, sizeof(again)), n);
	assert_memory_equal(room, again, n);
	assert_int_equal(got->fields_n, o->fields_n);
	assert_true(span_equal(got->key, o->key) && span_equal(got->space, o->space));
	assert_true(span_equal(got->vary, o->vary) && span_equal(got->tags, o->tags));
	assert_true(got->meta.no_cache && got->meta.has_modified);
	assert_int_equal(got->fetch_ms, 345);
	assert_int_equal(got->meta.status, 203);
	assert_int_equal(got->meta.lifetime_s, 9);
	assert_int_equal(got->meta.initial_age_s, o->meta.initial_age_s);
	assert_true(span_is(got->meta.etag, "W/\"1\""));
	cache_object_unref(o);
	cache_object_unref(got);
}

static void refuses_a_head_that_is_cut_or_goes_on(void **state)
{
	uint8_t room[2048];
	struct cache_object *o = object(), *got = NULL;
	(void)state;
	size_t n = head_of(o, room, sizeof(room));
	struct guard g = guard_of(n + 1);
	for (size_t len = 0; len < n; len++) {
		memcpy(g.end - len, room, len);
		assert_int_equal(disk_head_read(span_of(g.end - len, len), &got), ERR_FORMAT);
	}
	room[n] = 0;
	assert_int_equal(disk_head_read(span_of(room, n + 1), &got), ERR_FORMAT);
	/* No flip leads outside of it, whatever else it says. */
	for (size_t i = 0; i < n * 8; i++) {
		memcpy(g.end - n, room, n);
		g.end[-(ptrdiff_t)n + (ptrdiff_t)(i / 8)] ^= (uint8_t)(1 << i % 8);
		if (disk_head_read(span_of(g.end - n, n), &got) == OK)
			cache_object_unref(got);
	}
	guard_done(&g);
	cache_object_unref(o);
}

static void a_header_is_of_its_segment_and_its_head(void **state)
{
	uint8_t room[DISK_HEADER_LEN + 300];
	struct disk_header h = {.seq = 4, .hash = 5, .order = 6, .body_len = 7, .head_len = 200},
			   got;
	size_t needed = 0;
	(void)state;
	memset(room, 'h', sizeof(room));
	disk_header_write(key, &h, room);
	struct span whole = span_of(room, sizeof(room));
	assert_int_equal(disk_header_read(key, whole, &got, &needed), OK);
	assert_true(got.seq == 4 && got.hash == 5 && got.order == 6 && got.body_len == 7);
	assert_int_equal(needed, DISK_HEADER_LEN + 200);
	assert_int_equal(disk_header_read(key, span_sub(whole, 0, 100), &got, &needed), ERR_LIMIT);
	assert_int_equal(disk_header_read(key, span_sub(whole, 0, 63), &got, &needed), ERR_FORMAT);
	for (size_t i = 0; i < needed * 8; i++) {
		room[i / 8] ^= (uint8_t)(1 << i % 8);
		size_t ignored;
		assert_true(disk_header_read(key, whole, &got, &ignored) != OK);
		room[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	room[needed] ^= 1; /* the body has checks of its own */
	assert_int_equal(disk_header_read(key, whole, &got, &needed), OK);
	/* The same block elsewhere, or of another record, is not the same. */
	uint64_t check = disk_block_check(key, &h, 0, whole);
	assert_true(check != disk_block_check(key, &h, 1, whole));
	h.order++;
	assert_true(check != disk_block_check(key, &h, 0, whole));
}

static void lengths_are_whole_units(void **state)
{
	(void)state;
	assert_int_equal(disk_record_len(0, 0), 64);
	assert_int_equal(disk_record_len(1, 0), 128);
	assert_int_equal(disk_record_len(64, 0), 128);
	assert_int_equal(disk_record_len(0, 56), 128);
	assert_int_equal(disk_record_len(0, 57), 192);
	assert_int_equal(disk_record_len(0, DISK_BLOCK), 64 + DISK_BLOCK + 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_comes_back_as_it_was),
		cmocka_unit_test(refuses_a_head_that_is_cut_or_goes_on),
		cmocka_unit_test(a_header_is_of_its_segment_and_its_head),
		cmocka_unit_test(lengths_are_whole_units),
	};
	return cmocka_run_group_tests_name("http-cache/disk/record", tests, NULL, NULL);
}
