#include "base/arena.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_more_than_the_limit_and_counts_it(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1000);
	assert_null(arena_alloc(&a, 1001, 1));
	assert_null(arena_alloc(&a, SIZE_MAX, 16));
	assert_null(arena_alloc(&a, SIZE_MAX - 4000, 4096));
	assert_int_equal(a.refused, 3);
	assert_non_null(arena_alloc(&a, 1000, 16));
	assert_null(arena_alloc(&a, 1, 1));
	assert_int_equal(a.refused, 4);
	assert_int_equal(arena_used(&a), 1000);
	arena_done(&a);
}

static void refuses_products_that_overflow(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, SIZE_MAX);
	assert_null(arena_zalloc(&a, SIZE_MAX / 2, 3, 8));
	assert_null(arena_copy(&a, (struct span){.data = NULL, .len = SIZE_MAX}));
	assert_null(arena_alloc(&a, SIZE_MAX - 8, 1)); /* with the chunk's head it overflows */
	assert_int_equal(a.refused, 3);
	arena_done(&a);
}

static void never_outgrows_a_fixed_buffer(void **state)
{
	(void)state;
	_Alignas(16) uint8_t buf[64];
	struct arena a = arena_over(buf, sizeof(buf));
	assert_ptr_equal(arena_alloc(&a, 1, 1), buf);
	assert_ptr_equal(arena_alloc(&a, 8, 8), buf + 8);
	assert_null(arena_alloc(&a, 49, 1));
	assert_ptr_equal(arena_alloc(&a, 48, 1), buf + 16);
	assert_null(arena_alloc(&a, 0, 1));
	assert_int_equal(a.refused, 2);
	arena_reset(&a);
	assert_int_equal(arena_used(&a), 0);
	assert_ptr_equal(arena_alloc(&a, 64, 16), buf);
	arena_done(&a);
}

static void allocates_nothing_before_its_first_use(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, (size_t)1 << 40);
	assert_int_equal(a.reserved, 0);
	arena_reset(&a);
	assert_int_equal(a.reserved, 0);
	arena_done(&a);
	arena_done(&(struct arena){0});
	arena_done(NULL);
}

static void keeps_only_the_first_chunk_when_reset(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, (size_t)64 << 20);
	void *first = arena_alloc(&a, 100, 16);
	for (int i = 0; i < 1000; i++)
		assert_non_null(arena_alloc(&a, 10000, 1));
	assert_true(a.reserved > 10000 * 1000);
	assert_true(a.reserved < 13 * 1000 * 1000);
	arena_reset(&a);
	assert_int_equal(a.reserved, ARENA_CHUNK);
	assert_ptr_equal(arena_alloc(&a, 100, 16), first);
	arena_done(&a);
}

static void copies_with_a_nul_behind(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 16);
	assert_string_equal(arena_copy(&a, span_of("hello!", 5)), "hello");
	assert_string_equal(arena_copy(&a, (struct span){0}), "");
	assert_null(arena_copy(&a, span_text("9 letters")));
	assert_string_equal(arena_copy(&a, span_text("8 letter")), "8 letter");
	arena_done(&a);
}

static void zeroes_new_structs(void **state)
{
	(void)state;
	struct thing {
		uint64_t a[5];
	};
	uint8_t buf[1000];
	memset(buf, 0xff, sizeof(buf));
	struct arena a = arena_over(buf, sizeof(buf));
	(void)!arena_alloc(&a, 3, 1);
	struct thing *t = ARENA_ARRAY(&a, struct thing, 2);
	assert_int_equal((uintptr_t)t % _Alignof(struct thing), 0);
	for (size_t i = 0; i < 5; i++)
		assert_true(t[0].a[i] == 0 && t[1].a[i] == 0);
	assert_non_null(ARENA_NEW(&a, struct thing));
}

struct piece {
	uint8_t *at;
	size_t len;
	uint8_t mark;
};

/* Each piece is filled with its own mark; were two to share a byte, one mark would be damaged. */
static void hands_out_pieces_that_never_overlap(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	static struct piece pieces[2000];
	struct arena a;
	arena_init(&a, 3000000);
	for (int round = 0; round < 5; round++) {
		size_t sum = 0, n = 0;
		for (; n < 2000; n++) {
			size_t size = test_random_below(&random, n % 50 ? 600 : 150000);
			size_t align = (size_t)1 << test_random_below(&random, 13);
			uint8_t *at = arena_alloc(&a, size, align);
			if (!at)
				break;
			assert_int_equal((uintptr_t)at % align, 0);
			pieces[n] = (struct piece){at, size, (uint8_t)test_random_next(&random)};
			memset(at, pieces[n].mark, size);
			sum += size;
		}
		assert_true(a.reserved <= 3000000);
		assert_true(arena_used(&a) >= sum && arena_used(&a) <= a.reserved);
		assert_true(sum > 500000);
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < pieces[i].len; j++)
				if (pieces[i].at[j] != pieces[i].mark)
					fail();
		arena_reset(&a);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_more_than_the_limit_and_counts_it),
		cmocka_unit_test(refuses_products_that_overflow),
		cmocka_unit_test(never_outgrows_a_fixed_buffer),
		cmocka_unit_test(allocates_nothing_before_its_first_use),
		cmocka_unit_test(keeps_only_the_first_chunk_when_reset),
		cmocka_unit_test(copies_with_a_nul_behind),
		cmocka_unit_test(zeroes_new_structs),
		cmocka_unit_test(hands_out_pieces_that_never_overlap),
	};
	return cmocka_run_group_tests_name("base_arena", tests, NULL, NULL);
}
