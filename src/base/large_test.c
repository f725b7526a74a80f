#include "base/large.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { FEW = 3, SIZE = 100 * 1000, IN_A_BLOCK = LARGE_BLOCK_SIZE / SIZE };

static size_t blocks;

static void count_block(void *block, size_t size)
{
	assert_int_equal((uintptr_t)block % LARGE_BLOCK_SIZE, 0);
	assert_int_equal(size, LARGE_BLOCK_SIZE);
	blocks++;
}

static void gives_a_few_then_those_of_its_blocks_and_no_more(void **state)
{
	(void)state;
	struct large l;
	uint8_t *all[FEW + 2 * IN_A_BLOCK];
	size_t n = LARGE_WORKS ? sizeof(all) / sizeof(all[0]) : 0;
	large_init(&l, SIZE, FEW, 2);
	assert_null(l.blocks);
	l.advise = count_block;
	blocks = 0;
	for (size_t i = 0; i < n; i++) {
		assert_non_null(all[i] = large_record(&l));
		memset(all[i], (int)i, SIZE);
		assert_true(large_holds(&l, all[i]));
		assert_int_equal((uintptr_t)all[i] % 16, 0);
	}
	assert_null(large_record(&l));
	assert_int_equal(blocks, LARGE_WORKS ? 2 : 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(all[i][0], i);
		assert_int_equal(all[i][SIZE - 1], i);
	}
	assert_false(large_holds(&l, &l));
	large_done(&l);
	assert_null(l.blocks);
}

static void needs_no_few(void **state)
{
	(void)state;
	struct large l;
	large_init(&l, 1, 0, 0);
	assert_null(large_record(&l));
	large_done(&l);
	large_done(&(struct large){0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_a_few_then_those_of_its_blocks_and_no_more),
		cmocka_unit_test(needs_no_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
