#include "http-cache/disk/forgotten.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct hash_key key = {3, 4}, other = {4, 3};

static struct disk_forgotten fresh(void)
{
	struct disk_forgotten f = {.base = calloc(1, DISK_FORGOTTEN_SIZE)};
	assert_non_null(f.base);
	disk_forgotten_take(&f, key);
	return f;
}

static struct disk_forgotten_found found_of(const struct disk_forgotten *f, struct hash_key of)
{
	struct disk_forgotten_found found;
	assert_int_equal(disk_forgotten_read(f, of, &found), OK);
	return found;
}

/* As the next start finds it: nothing but the memory is left. */
static bool is_noted(const struct disk_forgotten *f, uint64_t hash, uint64_t order)
{
	const struct disk_forgotten next = {.base = f->base};
	struct disk_forgotten_found found = found_of(&next, key);
	bool is = disk_forgotten_means(&found, hash, order);
	disk_forgotten_found_done(&found);
	return is;
}

static void a_note_means_what_was_there_and_nothing_newer(void **state)
{
	struct disk_forgotten f = fresh();
	(void)state;
	assert_false(disk_forgotten_any(&f));
	disk_forgotten_note_key(&f, 7, 100);
	disk_forgotten_note_key(&f, 9, 300);
	disk_forgotten_note_key(&f, 7, 200);
	disk_forgotten_note_key(&f, 7, 150);
	assert_true(disk_forgotten_any(&f));
	assert_true(is_noted(&f, 7, 1) && is_noted(&f, 7, 200) && is_noted(&f, 9, 300));
	assert_false(is_noted(&f, 7, 201));
	assert_false(is_noted(&f, 9, 301));
	assert_false(is_noted(&f, 8, 1));
	disk_forgotten_note_all(&f, 160);
	assert_true(is_noted(&f, 8, 160));
	assert_false(is_noted(&f, 8, 161));
	free(f.base);
}

static void rules_are_found_as_they_were(void **state)
{
	static char longest[CACHE_KEY_MAX];
	struct disk_forgotten f = fresh();
	(void)state;
	memset(longest, 'x', sizeof(longest));
	disk_forgotten_note_rule(&f, CACHE_PURGE_PREFIX, span_text("http://a/"), 5);
	disk_forgotten_note_rule(&f, CACHE_PURGE_TAG, span_of(longest, sizeof(longest)), 6);
	disk_forgotten_note_rule(&f, CACHE_PURGE_PREFIX, (struct span){0}, 7);
	struct disk_forgotten_found found = found_of(&f, key);
	assert_int_equal(found.rules_n, 3);
	assert_int_equal(found.rules[0].what, CACHE_PURGE_PREFIX);
	assert_true(span_is(found.rules[0].value, "http://a/"));
	assert_int_equal(found.rules[1].what, CACHE_PURGE_TAG);
	assert_int_equal(found.rules[1].value.len, CACHE_KEY_MAX);
	assert_int_equal(found.rules[2].value.len, 0);
	assert_int_equal(found.upto, 0);
	disk_forgotten_found_done(&found);
	free(f.base);
}

/* At each moment between a note and the end of the turn that brings it to the disk. */
static void a_note_goes_when_the_disk_has_it_and_not_before(void **state)
{
	struct disk_forgotten f = fresh();
	(void)state;
	disk_forgotten_note_key(&f, 1, 10);
	disk_forgotten_turn(&f);
	assert_true(is_noted(&f, 1, 10));
	disk_forgotten_note_key(&f, 2, 20);
	assert_true(is_noted(&f, 1, 10) && is_noted(&f, 2, 20));
	disk_forgotten_clear(&f);
	assert_false(is_noted(&f, 1, 10));
	assert_true(is_noted(&f, 2, 20));
	/* A turn that fails is not followed by clear. */
	disk_forgotten_turn(&f);
	disk_forgotten_note_key(&f, 3, 30);
	disk_forgotten_turn(&f);
	disk_forgotten_note_all(&f, 5);
	assert_true(is_noted(&f, 2, 20) && is_noted(&f, 3, 30) && is_noted(&f, 4, 5));
	disk_forgotten_clear(&f);
	assert_false(is_noted(&f, 2, 20));
	assert_true(is_noted(&f, 3, 30) && is_noted(&f, 4, 5));
	disk_forgotten_turn(&f);
	disk_forgotten_clear(&f);
	assert_false(disk_forgotten_any(&f));
	free(f.base);
}

/* Of another process, which does not know which half was which. */
static void the_next_start_takes_over_what_is_noted(void **state)
{
	struct disk_forgotten f = fresh();
	(void)state;
	disk_forgotten_note_key(&f, 1, 10);
	disk_forgotten_turn(&f);
	disk_forgotten_note_key(&f, 2, 20);
	struct disk_forgotten next = {.base = f.base};
	disk_forgotten_take(&next, key);
	disk_forgotten_note_key(&next, 3, 30);
	assert_true(is_noted(&next, 1, 10) && is_noted(&next, 2, 20) && is_noted(&next, 3, 30));
	for (int i = 0; i < 2; i++) {
		assert_true(disk_forgotten_any(&next));
		disk_forgotten_turn(&next);
		disk_forgotten_clear(&next);
	}
	assert_false(disk_forgotten_any(&next));
	free(f.base);
}

static void what_finds_no_room_means_everything(void **state)
{
	struct disk_forgotten f = fresh();
	const uint64_t n = DISK_FORGOTTEN_HALF / 19; /* bytes of a key's note */
	(void)state;
	for (uint64_t i = 0; i < n; i++)
		disk_forgotten_note_key(&f, i, 1000 + i);
	assert_true(is_noted(&f, n - 1, 999 + n));
	assert_false(is_noted(&f, UINT64_MAX, 1));
	disk_forgotten_note_key(&f, n, 1000 + n);
	assert_true(is_noted(&f, UINT64_MAX, 1000 + n));
	assert_false(is_noted(&f, UINT64_MAX, 1001 + n));
	disk_forgotten_turn(&f);
	disk_forgotten_note_key(&f, 1, 1001 + n);
	disk_forgotten_clear(&f);
	assert_false(is_noted(&f, UINT64_MAX, 1));
	assert_true(is_noted(&f, 1, 1001 + n));
	/* More purges than are read, too. */
	for (int i = 0; i <= DISK_FORGOTTEN_RULES; i++)
		disk_forgotten_note_rule(&f, CACHE_PURGE_TAG, span_text("t"), 5);
	assert_true(is_noted(&f, UINT64_MAX, UINT64_MAX));
	free(f.base);
}

static void what_is_of_another_volume_is_nobodys(void **state)
{
	struct disk_forgotten f = fresh();
	(void)state;
	disk_forgotten_note_key(&f, 1, 10);
	struct disk_forgotten_found found = found_of(&f, other);
	assert_false(disk_forgotten_means(&found, 1, 10));
	disk_forgotten_found_done(&found);
	disk_forgotten_take(&f, other);
	assert_false(disk_forgotten_any(&f));
	disk_forgotten_take(&f, key);
	assert_false(is_noted(&f, 1, 10));
	free(f.base);
}

/* Each bit of the words behind the first two, which say whose it is. */
static void what_is_damaged_means_no_less(void **state)
{
	enum { WORDS = 16, WORDS_END = 144 };
	struct disk_forgotten f = fresh();
	(void)state;
	disk_forgotten_note_key(&f, 1, 10);
	disk_forgotten_note_rule(&f, CACHE_PURGE_TAG, span_text("a"), 10);
	for (size_t at = WORDS; at < WORDS_END; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			f.base[at] ^= (uint8_t)(1 << bit);
			assert_true(is_noted(&f, 1, 10));
			f.base[at] ^= (uint8_t)(1 << bit);
		}
	}
	/* A kind or a length that nobody writes. */
	for (unsigned value = 3; value < 256; value++) {
		f.base[DISK_PAGE] = (uint8_t)value;
		assert_true(is_noted(&f, 99, UINT64_MAX));
	}
	f.base[DISK_PAGE] = 0;
	for (unsigned len = 0; len < 256; len++) {
		f.base[DISK_PAGE + 2] = (uint8_t)len;
		assert_true(is_noted(&f, 1, 10));
		assert_int_equal(is_noted(&f, 99, UINT64_MAX), len != 16);
	}
	free(f.base);
}

static void without_memory_nothing_is_noted(void **state)
{
	struct disk_forgotten f = {0};
	(void)state;
	disk_forgotten_take(&f, key);
	disk_forgotten_note_key(&f, 1, 10);
	disk_forgotten_note_rule(&f, CACHE_PURGE_TAG, span_text("a"), 10);
	disk_forgotten_note_all(&f, 10);
	disk_forgotten_turn(&f);
	disk_forgotten_clear(&f);
	assert_false(disk_forgotten_any(&f));
	assert_false(is_noted(&f, 1, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_means_what_was_there_and_nothing_newer),
		cmocka_unit_test(rules_are_found_as_they_were),
		cmocka_unit_test(a_note_goes_when_the_disk_has_it_and_not_before),
		cmocka_unit_test(the_next_start_takes_over_what_is_noted),
		cmocka_unit_test(what_finds_no_room_means_everything),
		cmocka_unit_test(what_is_of_another_volume_is_nobodys),
		cmocka_unit_test(what_is_damaged_means_no_less),
		cmocka_unit_test(without_memory_nothing_is_noted),
	};
	return cmocka_run_group_tests_name("http-cache/disk/forgotten", tests, NULL, NULL);
}
