#include "http-cache/disk/layout.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct hash_key key = {11, 13};

static void segments_take_the_longest_record_and_there_are_ten(void **state)
{
	struct disk_shape s;
	(void)state;
	assert_false(disk_shape_of(0, 1, &s));
	assert_false(disk_shape_of(DISK_SEGMENTS_AT, 1, &s));
	assert_false(disk_shape_of(UINT64_C(10) << 20, 1, &s));
	assert_false(disk_shape_of(UINT64_C(100) << 20, UINT64_C(8) << 20, &s));
	for (uint64_t size = 11 << 20; size < UINT64_C(1) << 44; size = size * 3 / 2)
		for (uint64_t record = 1000; record < UINT64_C(1) << 31; record *= 7) {
			if (!disk_shape_of(size, record, &s)) {
				assert_true(record * 2 > size / 40);
				continue;
			}
			assert_true(s.segments >= DISK_SEGMENTS_MIN);
			assert_true(s.segments <= DISK_SEGMENTS_MAX);
			assert_true(s.segment - s.data >= record);
			assert_true(disk_segment_at(&s, s.segments) <= size);
			assert_true(s.entries % 8 == 0 && s.entries <= DISK_SLOTS_MAX);
			assert_true(disk_dead_at(&s, 0) + s.entries / 8 <= disk_entry_at(&s, 0, 0));
			assert_true(disk_entry_at(&s, 1, s.entries) <=
				    disk_segment_at(&s, 1) + s.data);
			assert_true(s.segment / DISK_UNIT <= UINT32_MAX);
		}
}

static void reads_what_it_wrote_and_no_other_bit(void **state)
{
	struct disk_shape s, other;
	struct hash_key k;
	struct disk_entry e = {
		.hash = 1, .order = 2, .names = 4, .variant = 3, .len = 5, .epoch = 6, .space = 7};
	struct disk_entry got;
	uint8_t page[DISK_PAGE], bytes[DISK_ENTRY_LEN];
	uint64_t seq;
	enum disk_queue queue;
	(void)state;
	assert_true(disk_shape_of(20 << 20, 1000, &s));
	assert_true(disk_shape_of(40 << 20, 1000, &other));
	disk_volume_write(&s, key, page);
	assert_int_equal(disk_volume_read(page, &s, &k), OK);
	assert_true(k.k0 == key.k0 && k.k1 == key.k1);
	assert_int_equal(disk_volume_read(page, &other, &k), ERR_UNSUPPORTED);
	for (size_t i = 0; i < 64 * 8; i++) {
		page[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_true(disk_volume_read(page, &s, &k) != OK);
		page[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	disk_segment_write(key, 9, DISK_MAIN, page);
	assert_true(disk_segment_read(key, page, &seq, &queue));
	assert_true(seq == 9 && queue == DISK_MAIN);
	for (size_t i = 0; i < 24 * 8; i++) {
		page[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(disk_segment_read(key, page, &seq, &queue));
		page[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	disk_segment_write(key, 10, DISK_NEITHER, page);
	assert_true(disk_segment_read(key, page, &seq, &queue));
	assert_true(seq == 10 && queue == DISK_NEITHER);
	e.at = s.data / DISK_UNIT;
	disk_entry_write(key, 9, &e, bytes);
	assert_true(disk_entry_read(key, 9, &s, bytes, &got));
	assert_memory_equal(&got, &e, offsetof(struct disk_entry, space) + sizeof(e.space));
	assert_false(disk_entry_read(key, 10, &s, bytes, &got));
	assert_false(disk_entry_read((struct hash_key){11, 14}, 9, &s, bytes, &got));
	for (size_t i = 0; i < sizeof(bytes) * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(disk_entry_read(key, 9, &s, bytes, &got));
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void refuses_records_outside_of_their_segment(void **state)
{
	struct disk_shape s;
	struct disk_entry got;
	uint8_t bytes[DISK_ENTRY_LEN];
	(void)state;
	assert_true(disk_shape_of(20 << 20, 1000, &s));
	const struct disk_entry bad[] = {
		{.at = s.data / DISK_UNIT - 1, .len = 1},
		{.at = s.data / DISK_UNIT, .len = 0},
		{.at = (uint32_t)(s.segment / DISK_UNIT), .len = 1},
		{.at = (uint32_t)(s.segment / DISK_UNIT) - 1, .len = 2},
		{.at = s.data / DISK_UNIT, .len = UINT32_MAX},
		{.at = UINT32_MAX, .len = UINT32_MAX},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		disk_entry_write(key, 1, &bad[i], bytes);
		assert_false(disk_entry_read(key, 1, &s, bytes, &got));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_take_the_longest_record_and_there_are_ten),
		cmocka_unit_test(reads_what_it_wrote_and_no_other_bit),
		cmocka_unit_test(refuses_records_outside_of_their_segment),
	};
	return cmocka_run_group_tests_name("http-cache/disk/layout", tests, NULL, NULL);
}
