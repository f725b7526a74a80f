/* For the tests of the disk tier: a file of its own, both tiers over it, and objects whose body
 * tells whether it is theirs. Include once in a test program. */
#ifndef HTTP_CACHE_DISK_SITE_TEST_H
#define HTTP_CACHE_DISK_SITE_TEST_H

#include "http-cache/disk/disk.h"
#include "http-cache/fields_test.h"

#include "base/writer.h"
#include "http-cache/vary.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SITE_SIZE (UINT64_C(11) << 20) /* ten segments, the least */

struct site {
	struct cache_disk *disk;
	struct cache_memory *memory;
	enum cache_disk_found found;
};

static char site_path[64];
/* Of cache_disk_options. */
__attribute__((unused)) static void *site_forgotten;

static void site_wake(void *arg, unsigned thread)
{
	(void)arg, (void)thread;
}

__attribute__((unused)) static int site_begin(void **state)
{
	(void)state;
	(void)snprintf(site_path, sizeof(site_path), "/tmp/gatehouse-disk-%d", (int)getpid());
	return 0;
}

__attribute__((unused)) static int site_end(void **state)
{
	(void)state;
	(void)unlink(site_path);
	return 0;
}

/* Before each test: there is no file. */
__attribute__((unused)) static int site_fresh(void **state)
{
	return site_end(state);
}

static struct cache_disk_options site_options(uint64_t size)
{
	return (struct cache_disk_options){.path = site_path,
					   .size = size,
					   .object_max = 256 * 1024,
					   .queue_max = 64 << 20,
					   .key = {(uint64_t)getpid(), 99},
					   .forgotten = site_forgotten};
}

/* Without its threads: what is put waits. */
static struct site site_open_still(uint64_t size)
{
	struct site s = {0};
	const struct cache_disk_options o = site_options(size);
	assert_int_equal(cache_disk_open(&o, &s.found, &s.disk), OK);
	const struct cache_memory_options m = {.size = 8 << 20,
					       .object_max = 512 * 1024,
					       .key = cache_disk_key(s.disk),
					       .disk = s.disk,
					       .wake = site_wake};
	assert_int_equal(cache_memory_new(&m, &s.memory), OK);
	return s;
}

static struct site site_open(uint64_t size)
{
	struct site s = site_open_still(size);
	assert_int_equal(cache_disk_start(s.disk, s.memory), OK);
	return s;
}

static void site_close(struct site *s)
{
	cache_disk_stop(s->disk);
	cache_memory_free(s->memory);
	cache_disk_free(s->disk);
	*s = (struct site){0};
}

static uint8_t site_byte(const char *key, size_t i)
{
	return (uint8_t)((unsigned char)key[i % strlen(key)] + i * 7 + i / 251);
}

static struct cache_object *site_object(const char *key, const char *request, const char *response,
					size_t body_len)
{
	uint8_t rooms[2][CACHE_VARY_MAX];
	struct writer names = writer_of(rooms[0], CACHE_VARY_MAX);
	struct writer vary = writer_of(rooms[1], CACHE_VARY_MAX);
	struct test_fields q = test_fields(request), r = test_fields(response);
	struct cache_policy p = test_policy();
	struct cache_body *b = cache_body_new();
	uint8_t *bytes = malloc(body_len + 1);
	for (size_t i = 0; i < body_len; i++)
		bytes[i] = site_byte(key, i);
	assert_int_equal(cache_body_add(b, span_of(bytes, body_len), 0), OK);
	cache_body_end(b);
	free(bytes);
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

/* Looks in memory, then on the disk. The caller's to give back; NULL: it is in neither. */
static struct cache_object *site_find(struct site *s, const char *key, const char *request)
{
	struct test_fields q = test_fields(request);
	struct cache_look look = {
		.key = span_text(key), .space = span_text("web"), .request = test_view(&q)};
	struct cache_found f;
	cache_memory_find(s->memory, &look, TEST_NOW_S * 1000, &f);
	if (f.object || !f.below)
		return f.object;
	look.landed = f.landed;
	bool leads;
	struct cache_flight *flight = cache_memory_load(s->memory, &look, f.since, 0, &leads);
	while (flight && cache_flight_flies(flight))
		(void)sched_yield();
	cache_flight_unref(flight);
	cache_memory_find(s->memory, &look, TEST_NOW_S * 1000, &f);
	return f.object;
}

static void site_is_whole(const struct cache_object *o, const char *key)
{
	struct cache_chunk *hint = NULL;
	assert_true(span_equal(o->key, span_text(key)));
	for (uint64_t at = 0; at < o->body->len;) {
		struct span s = cache_body_at(o->body, at, &hint);
		assert_true(s.len > 0);
		for (size_t i = 0; i < s.len; i++)
			if (s.data[i] != site_byte(key, (size_t)at + i))
				fail_msg("byte %zu of %s is not its own", (size_t)at + i, key);
		at += s.len;
	}
}

/* Whether it is found; then it is whole. */
static bool site_has(struct site *s, const char *key)
{
	struct cache_object *o = site_find(s, key, "");
	if (o)
		site_is_whole(o, key);
	bool has = o != NULL;
	cache_object_unref(o);
	return has;
}

static void site_put(struct site *s, const char *key, const char *request, const char *response,
		     size_t body_len)
{
	const struct cache_look look = {.key = span_text(key), .space = span_text("web")};
	struct cache_found f;
	cache_memory_find(s->memory, &look, TEST_NOW_S * 1000, &f);
	cache_object_unref(f.object);
	struct cache_object *o = site_object(key, request, response, body_len);
	assert_int_equal(cache_memory_put(s->memory, o, f.since, TEST_NOW_S * 1000), OK);
	cache_object_unref(o);
}

/* Until everything that was put has been written. */
static void site_settle(struct site *s)
{
	struct cache_disk_sums sums;
	do {
		(void)sched_yield();
		cache_disk_sums(s->disk, &sums);
	} while (sums.waiting || sums.sweeps);
	assert_true(cache_disk_flush(s->disk, 60000));
}

__attribute__((unused)) static struct cache_disk_sums site_sums(struct site *s)
{
	struct cache_disk_sums sums;
	cache_disk_sums(s->disk, &sums);
	return sums;
}

#endif
