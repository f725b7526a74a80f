#include "http-cache/disk/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct hash_key key = {5, 6};

static struct cache_object object(const char *url, const char *tags)
{
	return (struct cache_object){.key = span_text(url), .tags = span_text(tags)};
}

static void means_what_is_older_and_begins_so_or_has_the_tag(void **state)
{
	static struct disk_rules r;
	const struct cache_object a = object("http://a/1", " red "), b = object("http://b/1", "");
	(void)state;
	r = (struct disk_rules){.epoch = 3};
	assert_true(disk_rules_add(&r, CACHE_PURGE_PREFIX, span_text("http://a/")));
	assert_true(disk_rules_mean(&r, &a, 3) && disk_rules_mean(&r, &a, 0));
	assert_false(disk_rules_mean(&r, &a, 4));
	assert_false(disk_rules_mean(&r, &b, 3));
	disk_rules_again(&r, false);
	assert_true(disk_rules_mean(&r, &a, 4));
	assert_false(disk_rules_mean(&r, &a, r.epoch));
	assert_true(disk_rules_add(&r, CACHE_PURGE_TAG, span_text("red")));
	assert_true(disk_rules_mean(&r, &a, 5));
	disk_rules_swept(&r, 5);
	assert_int_equal(r.n, 1);
	disk_rules_swept(&r, 6);
	assert_int_equal(r.n, 0);
	assert_false(disk_rules_mean(&r, &a, 0));
	assert_false(disk_rules_add(&r, CACHE_PURGE_ALL, (struct span){0}));
	assert_true(disk_rules_mean(&r, &b, 6));
	assert_false(disk_rules_mean(&r, &b, 7));
}

/* A site that purges the same tag again and again purges that tag. */
static void what_means_no_more_takes_no_place(void **state)
{
	static struct disk_rules r;
	const struct cache_object a = object("http://a/1", " red "), b = object("http://b/1", "");
	(void)state;
	r = (struct disk_rules){0};
	for (int i = 0; i < 3 * DISK_RULES_MAX; i++) {
		assert_true(disk_rules_add(&r, CACHE_PURGE_TAG, span_text("red")));
		assert_int_equal(r.n, 1);
		assert_true(disk_rules_mean(&r, &a, r.epoch - 1));
		assert_false(disk_rules_mean(&r, &a, r.epoch));
	}
	/* Another kind, a longer tag, and a prefix that is not one of it. */
	assert_true(disk_rules_add(&r, CACHE_PURGE_PREFIX, span_text("red")));
	assert_true(disk_rules_add(&r, CACHE_PURGE_TAG, span_text("re")));
	assert_true(disk_rules_add(&r, CACHE_PURGE_PREFIX, span_text("http://a/1")));
	assert_true(disk_rules_add(&r, CACHE_PURGE_PREFIX, span_text("http://a/12")));
	assert_int_equal(r.n, 5);
	assert_true(disk_rules_add(&r, CACHE_PURGE_PREFIX, span_text("http://a/")));
	assert_int_equal(r.n, 4);
	assert_true(disk_rules_mean(&r, &a, r.epoch - 1));
	assert_false(disk_rules_mean(&r, &b, 0));
}

static void one_too_many_means_everything(void **state)
{
	static struct disk_rules r;
	static const uint8_t much[DISK_RULE_VALUE_MAX + 1];
	const struct cache_object b = object("http://b/1", "");
	(void)state;
	r = (struct disk_rules){0};
	for (uint16_t i = 0; i < DISK_RULES_MAX; i++)
		assert_true(disk_rules_add(&r, CACHE_PURGE_TAG, span_of(&i, sizeof(i))));
	assert_false(disk_rules_mean(&r, &b, 0));
	assert_false(disk_rules_add(&r, CACHE_PURGE_TAG, span_text("none")));
	assert_true(disk_rules_mean(&r, &b, r.epoch - 1));
	r = (struct disk_rules){0};
	assert_false(disk_rules_add(&r, CACHE_PURGE_PREFIX, span_of(much, sizeof(much))));
	assert_true(disk_rules_mean(&r, &b, 0));
}

/* As many long ones as a copy on the disk holds. */
static void too_long_together_means_everything(void **state)
{
	static struct disk_rules r, got;
	static uint8_t value[DISK_RULE_VALUE_MAX];
	uint8_t *copies = calloc(2, DISK_RULES_LEN);
	const struct cache_object b = object("http://b/1", "");
	uint32_t n = 0;
	(void)state;
	r = (struct disk_rules){0};
	assert_non_null(copies);
	for (bool more = true; more; n += more) {
		value[0] = (uint8_t)n;
		more = disk_rules_add(&r, CACHE_PURGE_PREFIX, span_of(value, sizeof(value)));
		(void)disk_rules_write(key, &r, copies + r.seq % 2 * DISK_RULES_LEN);
		assert_true(disk_rules_read(key, copies, &got));
		assert_int_equal(got.n, more ? n + 1 : 0);
	}
	assert_int_equal(n, DISK_RULES_LEN / (DISK_RULE_VALUE_MAX + 9));
	assert_true(disk_rules_mean(&got, &b, r.epoch - 1));
	free(copies);
}

static void the_newer_good_copy_counts(void **state)
{
	static struct disk_rules r, got;
	uint8_t *copies = calloc(2, DISK_RULES_LEN);
	static uint8_t long_value[DISK_RULE_VALUE_MAX] = {'h'};
	(void)state;
	assert_false(disk_rules_read(key, copies, &got));
	r = (struct disk_rules){0};
	for (uint8_t i = 0; i < 16; i++) {
		long_value[1] = i;
		assert_true(disk_rules_add(&r, CACHE_PURGE_PREFIX,
					   span_of(long_value, sizeof(long_value))));
		uint64_t seq = disk_rules_write(key, &r, copies + r.seq % 2 * DISK_RULES_LEN);
		assert_true(disk_rules_read(key, copies, &got));
		assert_true(got.seq == seq && got.n == r.n && got.epoch == r.epoch);
		assert_int_equal(got.at[i].len, DISK_RULE_VALUE_MAX);
	}
	/* The last one was torn: that before it counts. */
	uint8_t *last = copies + (r.seq - 1) % 2 * DISK_RULES_LEN;
	for (size_t cut = 0; cut < DISK_RULES_LEN; cut += 4093) {
		uint8_t was = last[cut];
		last[cut] ^= 0x40;
		assert_true(disk_rules_read(key, copies, &got));
		assert_int_equal(got.seq, r.seq - 1);
		last[cut] = was;
	}
	free(copies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means_what_is_older_and_begins_so_or_has_the_tag),
		cmocka_unit_test(what_means_no_more_takes_no_place),
		cmocka_unit_test(one_too_many_means_everything),
		cmocka_unit_test(too_long_together_means_everything),
		cmocka_unit_test(the_newer_good_copy_counts),
	};
	return cmocka_run_group_tests_name("http-cache/disk/rules", tests, NULL, NULL);
}
