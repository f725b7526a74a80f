#include "base/large.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 100 * 1000, BLOCKS = 2, ALL = BLOCKS * (LARGE_BLOCK_SIZE / SIZE) };

static size_t blocks;

static void count_block(void *block, size_t size)
{
	assert_int_equal((uintptr_t)block % LARGE_BLOCK_SIZE, 0);
	assert_int_equal(size, LARGE_BLOCK_SIZE);
	blocks++;
}

static void gives_what_its_blocks_hold_and_no_more(void **state)
{
	(void)state;
	struct large l;
	uint8_t *all[ALL];
	large_init(&l, SIZE, BLOCKS);
	l.advise = count_block;
	blocks = 0;
	assert_null(l.blocks);
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < ALL; i++) {
			assert_non_null(all[i] = large_record(&l));
			memset(all[i], (int)i, SIZE);
			assert_int_equal((uintptr_t)all[i] % 16, 0);
		}
		assert_null(large_record(&l));
		assert_int_equal(l.given, ALL);
		for (size_t i = 0; i < ALL; i++) {
			assert_int_equal(all[i][0], i);
			assert_int_equal(all[i][SIZE - 1], i);
		}
		large_release(&l); /* and all over again */
		assert_null(l.blocks);
		assert_int_equal(l.given, 0);
	}
	assert_int_equal(blocks, 2 * BLOCKS);
}

static void costs_nothing_until_it_is_used(void **state)
{
	(void)state;
	struct large l;
	large_init(&l, 1, 0);
	assert_null(large_record(&l));
	large_release(&l);
	large_release(&(struct large){0});
	large_init(&l, LARGE_RECORD_MAX, SIZE_MAX);
	assert_null(l.blocks);
	assert_non_null(large_record(&l));
	large_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_what_its_blocks_hold_and_no_more),
		cmocka_unit_test(costs_nothing_until_it_is_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
