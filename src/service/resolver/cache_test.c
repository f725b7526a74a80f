#include "service/resolver/cache.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t secret[16] = {1, 2, 3};

static struct cache *new_cache(size_t bytes)
{
	struct cache *c = NULL;
	assert_int_equal(cache_new(bytes, secret, &c), OK);
	return c;
}

static struct cache_key key_of(const char *wire, size_t len, uint16_t type, uint8_t kind)
{
	return (struct cache_key){span_of(wire, len), type, kind};
}
#define KEY(wire, type, kind) key_of(wire, sizeof(wire), type, kind)

static bool put(struct cache *c, struct cache_key key, uint64_t now_ms, uint64_t ttl_ms,
		uint8_t rank, const char *text)
{
	return cache_put(c, &key, now_ms, ttl_ms, rank, span_text(text));
}

static bool has(struct cache *c, struct cache_key key, uint64_t now_ms, const char *text)
{
	char room[256];
	struct cache_entry e;
	return cache_get(c, &key, now_ms, room, sizeof(room), &e) && span_is(e.payload, text);
}

#define WWW "\003www\007example"

static void refuses_a_ttl_of_zero_and_what_no_shard_holds(void **state)
{
	static uint8_t large[CACHE_PAYLOAD_MAX + 1];
	struct cache *c = new_cache(1 << 20);
	struct cache_key key = KEY(WWW, 1, CACHE_RRSET);
	(void)state;
	assert_false(put(c, key, 0, 0, CACHE_RANK_ANSWER, "x"));
	assert_false(cache_put(c, &key, 0, 1000, 1, span_of(large, sizeof(large))));
	assert_false(cache_has(c, &key, 0, NULL));
	cache_free(c);
}

static void refuses_a_lower_rank_while_the_higher_lives(void **state)
{
	struct cache *c = new_cache(1 << 20);
	struct cache_key key = KEY(WWW, 1, CACHE_RRSET);
	uint8_t rank = 0;
	(void)state;
	assert_true(put(c, key, 0, 1000, CACHE_RANK_ANSWER_AA, "true"));
	assert_false(put(c, key, 1, 9000, CACHE_RANK_GLUE, "glue"));
	assert_true(has(c, key, 2, "true"));
	assert_true(cache_has(c, &key, 2, &rank));
	assert_int_equal(rank, CACHE_RANK_ANSWER_AA);
	assert_true(put(c, key, 1000, 9000, CACHE_RANK_GLUE, "glue")); /* the other is over */
	assert_true(has(c, key, 1001, "glue"));
	assert_true(put(c, key, 1002, 9000, CACHE_RANK_ANSWER, "better"));
	assert_true(has(c, key, 1003, "better"));
	cache_free(c);
}

static void forgets_at_the_very_end_of_the_ttl(void **state)
{
	struct cache *c = new_cache(1 << 20);
	struct cache_key key = KEY(WWW, 1, CACHE_RRSET);
	(void)state;
	assert_true(put(c, key, 500, 1000, 1, "x"));
	assert_true(has(c, key, 1499, "x"));
	assert_false(has(c, key, 1500, "x"));
	cache_free(c);
}

static void keeps_kinds_types_and_names_apart(void **state)
{
	struct cache *c = new_cache(1 << 20);
	(void)state;
	assert_true(put(c, KEY(WWW, 1, CACHE_RRSET), 0, 1000, 1, "a"));
	assert_true(put(c, KEY(WWW, 28, CACHE_RRSET), 0, 1000, 1, "b"));
	assert_true(put(c, KEY(WWW, 1, CACHE_NODATA), 0, 1000, 1, "c"));
	assert_true(put(c, KEY("\007example", 1, CACHE_RRSET), 0, 1000, 1, "d"));
	assert_true(has(c, KEY(WWW, 1, CACHE_RRSET), 1, "a"));
	assert_true(has(c, KEY(WWW, 28, CACHE_RRSET), 1, "b"));
	assert_true(has(c, KEY(WWW, 1, CACHE_NODATA), 1, "c"));
	assert_true(has(c, KEY("\007example", 1, CACHE_RRSET), 1, "d"));
	assert_false(has(c, KEY("\003www", 1, CACHE_RRSET), 1, "a"));
	cache_free(c);
}

static void flushes_a_name_or_all_below_it(void **state)
{
	struct cache *c = new_cache(1 << 20);
	(void)state;
	assert_true(put(c, KEY(WWW, 1, CACHE_RRSET), 0, 1000, 1, "a"));
	assert_true(put(c, KEY(WWW, 28, CACHE_RRSET), 0, 1000, 1, "b"));
	assert_true(put(c, KEY("\007example", 0, CACHE_DELEGATION), 0, 1000, 1, "c"));
	assert_true(put(c, KEY("\012wwwexample", 1, CACHE_RRSET), 0, 1000, 1, "other"));
	assert_true(put(c, KEY("\005other", 1, CACHE_ANSWER), 0, 1000, 0, "whole"));
	assert_int_equal(cache_flush(c, span_of(WWW, sizeof(WWW)), 28, false), 1);
	assert_true(has(c, KEY(WWW, 1, CACHE_RRSET), 1, "a"));
	assert_false(has(c, KEY(WWW, 28, CACHE_RRSET), 1, "b"));
	assert_false(has(c, KEY("\005other", 1, CACHE_ANSWER), 1, "whole")); /* may hold it */
	assert_int_equal(cache_flush(c, span_of("\007example", 9), 0, true), 2);
	assert_false(has(c, KEY(WWW, 1, CACHE_RRSET), 1, "a"));
	assert_true(has(c, KEY("\012wwwexample", 1, CACHE_RRSET), 1, "other"));
	assert_int_equal(cache_flush(c, span_of("", 1), 0, true), 1); /* the root: everything */
	cache_free(c);
}

static bool count_entry(void *arg, const struct cache_key *key, const struct cache_entry *e)
{
	(void)key;
	(void)e;
	return ++*(unsigned *)arg < 2;
}

static void lists_what_is_kept_under_a_name(void **state)
{
	struct cache *c = new_cache(1 << 20);
	unsigned seen = 0;
	(void)state;
	assert_true(put(c, KEY(WWW, 1, CACHE_RRSET), 0, 1000, 1, "a"));
	assert_true(put(c, KEY(WWW, 28, CACHE_NODATA), 0, 1000, 1, "b"));
	assert_true(put(c, KEY(WWW, 15, CACHE_RRSET), 0, 1000, 1, "c"));
	cache_list(c, span_of(WWW, sizeof(WWW)), 1, count_entry, &seen);
	assert_int_equal(seen, 2); /* it said that this is enough */
	cache_free(c);
}

static void keeps_what_is_used_when_a_flood_passes(void **state)
{
	struct cache *c = new_cache(1 << 20);
	struct cache_key hot = KEY(WWW, 1, CACHE_RRSET);
	char name[16] = "\010xxxxxxxx";
	(void)state;
	assert_true(put(c, hot, 0, 1000000, 1, "hot"));
	for (unsigned i = 0; i < 200000; i++) { /* some forty times what it holds */
		for (size_t k = 0; k < 8; k++)
			name[1 + k] = (char)('a' + (i >> (4 * k) & 15));
		assert_true(put(c, key_of(name, 10, 1, CACHE_RRSET), 0, 1000000, 1,
				"one of very many that nobody ever asks for again"));
		if (i % 1000 == 0)
			assert_true(has(c, hot, 1, "hot"));
	}
	assert_true(has(c, hot, 1, "hot"));
	cache_free(c);
}

/* The same against a slow list: whatever is found must be what was put last, and not too old; what
 * was put last may be gone only when there was no room. */
#define NAMES 3000u
struct oracle {
	uint64_t expires_ms;
	uint32_t value;
	uint8_t rank;
	uint16_t len;
};

static void fill(uint8_t *bytes, size_t len, uint32_t value)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value + i * 7);
}

static bool check_one(struct cache *c, const struct cache_key *key, const struct oracle *o,
		      uint64_t now_ms)
{
	static uint8_t room[4096], want[4096];
	struct cache_entry e;
	bool found = cache_get(c, key, now_ms, room, sizeof(room), &e);
	if (!found)
		return false;
	assert_true(o->expires_ms > now_ms);
	assert_int_equal(e.payload.len, o->len);
	assert_int_equal(e.rank, o->rank);
	assert_true(e.expires_ms == o->expires_ms);
	fill(want, o->len, o->value);
	assert_memory_equal(e.payload.data, want, o->len);
	return true;
}

static void agrees_with_a_slow_list(void **state)
{
	static struct oracle oracle[NAMES];
	static uint8_t payload[4096];
	struct test_random random = test_random_begin();
	size_t bytes = 3u << 20;
	struct cache *c = new_cache(bytes);
	uint64_t now_ms = 0, found = 0, live = 0;
	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		uint32_t n = (uint32_t)test_random_below(&random, NAMES);
		uint8_t name[6] = {4, (uint8_t)n, (uint8_t)(n >> 8), 'x', 'y', 0};
		struct cache_key key = {span_of(name, 6), (uint16_t)(n % 7), CACHE_RRSET};
		struct oracle *o = &oracle[n];
		now_ms += test_random_below(&random, 20);
		if (test_random_below(&random, 3) == 0) {
			uint64_t ttl_ms = 1 + test_random_below(&random, 100000);
			uint8_t rank = (uint8_t)(1 + test_random_below(&random, 4));
			bool may = true;
			uint8_t kept = 0;
			if (cache_has(c, &key, now_ms, &kept))
				may = kept <= rank;
			struct oracle next = {now_ms + ttl_ms, round, rank,
					      (uint16_t)test_random_below(&random, 2000)};
			fill(payload, next.len, next.value);
			assert_int_equal(cache_put(c, &key, now_ms, ttl_ms, rank,
						   span_of(payload, next.len)),
					 may);
			if (may)
				*o = next;
		} else if (test_random_below(&random, 200) == 0) {
			(void)cache_remove(c, &key);
			o->expires_ms = 0;
		} else {
			live += o->expires_ms > now_ms;
			found += check_one(c, &key, o, now_ms);
		}
	}
	struct cache_stats stats;
	cache_stats(c, &stats);
	assert_true(stats.bytes <= bytes);
	assert_true(found > live / 2); /* 3000 names of 1 kB on average: nearly all fit */
	cache_free(c);
}

static void never_takes_more_than_its_bound(void **state)
{
	static uint8_t payload[60000];
	struct test_random random = {.state = 7};
	struct cache *c = new_cache(1 << 20);
	struct cache_stats stats;
	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t name[6] = {4, (uint8_t)i, (uint8_t)(i >> 8), 'x', 'y', 0};
		struct cache_key key = {span_of(name, 6), 1, CACHE_RRSET};
		size_t len = test_random_below(&random, sizeof(payload));
		assert_true(cache_put(c, &key, 0, 100000, 1, span_of(payload, len)));
		assert_true(cache_has(c, &key, 1, NULL)); /* the newest is there */
		cache_stats(c, &stats);
		assert_true(stats.bytes <= 1 << 20);
	}
	assert_true(stats.evicted > 0);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_ttl_of_zero_and_what_no_shard_holds),
		cmocka_unit_test(refuses_a_lower_rank_while_the_higher_lives),
		cmocka_unit_test(forgets_at_the_very_end_of_the_ttl),
		cmocka_unit_test(keeps_kinds_types_and_names_apart),
		cmocka_unit_test(flushes_a_name_or_all_below_it),
		cmocka_unit_test(lists_what_is_kept_under_a_name),
		cmocka_unit_test(keeps_what_is_used_when_a_flood_passes),
		cmocka_unit_test(agrees_with_a_slow_list),
		cmocka_unit_test(never_takes_more_than_its_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
