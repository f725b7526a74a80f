#include "proto/http2/heap.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void refuses_more_than_the_account_has(void **state)
{
	(void)state;
	struct http2_heap h;
	http2_heap_init(&h, 1 << 20);
	struct http2_account a = {.heap = &h, .max = 1000};
	void *one = http2_heap_take(&a, 500);
	assert_non_null(one);
	assert_null(http2_heap_take(&a, 500));
	assert_int_equal(a.refused, 1);
	http2_heap_give(&a, one);
	assert_int_equal(a.used, 0);
	void *again = http2_heap_take(&a, 500);
	assert_ptr_equal(again, one);
	assert_null(http2_heap_take(&(struct http2_account){.heap = &h, .max = SIZE_MAX},
				    HTTP2_HEAP_MAX + 1));
	http2_heap_give(&a, NULL);
	http2_heap_done(&h);
}

/* Pieces keep their bytes and do not overlap, whatever is taken, resized and given back. */
static void keeps_what_lies_in_its_pieces(void **state)
{
	(void)state;
	enum { PIECES = 64, STEPS = 20000 };
	struct test_random r = test_random_begin();
	struct http2_heap h;
	http2_heap_init(&h, 1 << 24);
	struct http2_account a = {.heap = &h, .max = SIZE_MAX};
	struct {
		uint8_t *at;
		size_t size;
	} pieces[PIECES] = {0};
	for (unsigned step = 0; step < STEPS; step++) {
		size_t i = test_random_below(&r, PIECES);
		uint8_t mark = (uint8_t)i;
		for (size_t k = 0; k < pieces[i].size; k += 7)
			assert_int_equal(pieces[i].at[k], mark);
		size_t size = test_random_below(&r, test_random_below(&r, 4000) + 1) + 1;
		bool give = test_random_below(&r, 3) == 0;
		if (give) {
			http2_heap_give(&a, pieces[i].at);
			pieces[i].at = NULL;
			size = 0;
		} else {
			pieces[i].at = http2_heap_resize(&a, pieces[i].at, size);
			assert_non_null(pieces[i].at);
			assert_int_equal((uintptr_t)pieces[i].at % 16, 0);
			size_t kept = pieces[i].size < size ? pieces[i].size : size;
			for (size_t k = 0; k < kept; k += 7)
				assert_int_equal(pieces[i].at[k], mark);
			memset(pieces[i].at, mark, size);
		}
		pieces[i].size = size;
	}
	for (size_t i = 0; i < PIECES; i++)
		http2_heap_give(&a, pieces[i].at);
	assert_int_equal(a.used, 0);
	http2_heap_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_more_than_the_account_has),
		cmocka_unit_test(keeps_what_lies_in_its_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
