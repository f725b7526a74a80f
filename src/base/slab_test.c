#include "base/slab.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static void refuses_more_than_its_capacity_and_counts_it(void **state)
{
	(void)state;
	struct slab s;
	slab_init(&s, 24, 3);
	void *records[3];
	for (size_t i = 0; i < 3; i++) {
		records[i] = slab_take(&s);
		assert_non_null(records[i]);
	}
	assert_null(slab_take(&s));
	assert_null(slab_take(&s));
	assert_int_equal(s.refused, 2);
	assert_int_equal(slab_used(&s), 3);
	slab_give(&s, records[1]);
	assert_int_equal(slab_used(&s), 2);
	assert_ptr_equal(slab_take(&s), records[1]);
	assert_null(slab_take(&s));
	slab_done(&s);
}

static void refuses_everything_with_no_capacity(void **state)
{
	(void)state;
	struct slab s;
	slab_init(&s, 1, 0);
	assert_null(slab_take(&s));
	slab_done(&s);
	slab_done(&(struct slab){0});
	slab_done(NULL);
}

static void costs_nothing_until_it_is_used(void **state)
{
	(void)state;
	struct slab s;
	slab_init(&s, 4096, SIZE_MAX / 4096);
	assert_int_equal(s.made, 0);
	assert_non_null(slab_take(&s));
	assert_true(s.made <= 16);
	slab_done(&s);
}

static void gives_a_zeroed_record_each_time(void **state)
{
	(void)state;
	static const uint8_t zeros[100];
	struct slab s;
	slab_init(&s, sizeof(zeros), 2);
	for (int i = 0; i < 5; i++) {
		uint8_t *record = slab_take(&s);
		assert_memory_equal(record, zeros, sizeof(zeros));
		memset(record, 0xff, sizeof(zeros));
		slab_give(&s, record);
	}
	slab_give(&s, NULL);
	assert_int_equal(slab_used(&s), 0);
	slab_done(&s);
}

static void holds_records_larger_than_a_block(void **state)
{
	(void)state;
	enum { SIZE = 1024 * 1024 };
	struct slab s;
	slab_init(&s, SIZE, 2);
	uint8_t *a = slab_take(&s), *b = slab_take(&s);
	memset(a, 1, SIZE);
	memset(b, 2, SIZE);
	assert_int_equal(a[SIZE - 1], 1);
	assert_int_equal(b[0], 2);
	assert_null(slab_take(&s));
	slab_done(&s);
}

/* Against an array of those that are out: each is filled with its own mark. */
static void never_hands_out_a_record_twice(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	enum { CAPACITY = 3000, SIZE = 57 };
	static uint8_t *out[CAPACITY];
	static uint8_t marks[CAPACITY];
	size_t n = 0, refused = 0;
	struct slab s;
	slab_init(&s, SIZE, CAPACITY);
	for (int step = 0; step < 40000; step++) {
		/* Rises to the brim, falls to nothing, and rises again. */
		bool rise = step / 10000 % 2 == 0;
		if (test_random_below(&random, 10) < (rise ? 8u : 2u)) {
			uint8_t *record = slab_take(&s);
			assert_int_equal(record == NULL, n == CAPACITY);
			refused += record == NULL;
			if (record) {
				assert_int_equal((uintptr_t)record % 16, 0);
				marks[n] = (uint8_t)test_random_next(&random);
				memset(record, marks[n], SIZE);
				out[n++] = record;
			}
		} else if (n) {
			size_t i = test_random_below(&random, n);
			for (size_t j = 0; j < SIZE; j++)
				if (out[i][j] != marks[i])
					fail();
			slab_give(&s, out[i]);
			out[i] = out[--n];
			marks[i] = marks[n];
		}
		assert_int_equal(slab_used(&s), n);
		assert_int_equal(s.refused, refused);
	}
	assert_true(refused > 0);
	assert_int_equal(s.made, CAPACITY);
	slab_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_more_than_its_capacity_and_counts_it),
		cmocka_unit_test(refuses_everything_with_no_capacity),
		cmocka_unit_test(costs_nothing_until_it_is_used),
		cmocka_unit_test(gives_a_zeroed_record_each_time),
		cmocka_unit_test(holds_records_larger_than_a_block),
		cmocka_unit_test(never_hands_out_a_record_twice),
	};
	return cmocka_run_group_tests_name("base_slab", tests, NULL, NULL);
}
