#include "base/queue.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_an_item_when_full_and_counts_it(void **state)
{
	(void)state;
	struct queue q;
	assert_int_equal(queue_init(&q, sizeof(int), 2), OK);
	for (int i = 1; i <= 4; i++)
		assert_int_equal(queue_put(&q, &i), i <= 2 ? OK : ERR_LIMIT);
	assert_int_equal(q.refused, 2);
	int got = 0;
	assert_true(queue_take(&q, &got));
	assert_int_equal(got, 1);
	assert_true(queue_take(&q, &got));
	assert_int_equal(got, 2);
	assert_false(queue_take(&q, &got));
	assert_int_equal(got, 2);
	queue_done(&q);
	queue_done(&(struct queue){0});
	queue_done(NULL);
}

static void refuses_a_size_that_overflows(void **state)
{
	(void)state;
	struct queue q = {.used = 77};
	assert_int_equal(queue_init(&q, SIZE_MAX / 2, 16), ENOMEM);
	assert_int_equal(q.used, 77);
}

struct item {
	uint32_t number;
	uint8_t odd[3];
};

static void agree(struct test_random *random, size_t capacity)
{
	struct queue q;
	assert_int_equal(queue_init(&q, sizeof(struct item), capacity), OK);
	uint32_t put = 0, taken = 0; /* the oracle: what is in it are the numbers between */
	for (int step = 0; step < 20000; step++) {
		bool rise = step / 2000 % 2 == 0;
		if (test_random_below(random, 10) < (rise ? 7u : 3u)) {
			struct item item = {.number = put, .odd = {1, 2, (uint8_t)put}};
			bool full = put - taken == capacity;
			assert_int_equal(queue_put(&q, &item), full ? ERR_LIMIT : OK);
			put += !full;
		} else {
			struct item item;
			assert_int_equal(queue_take(&q, &item), put != taken);
			if (put != taken) {
				assert_int_equal(item.number, taken);
				assert_int_equal(item.odd[2], (uint8_t)taken);
				taken++;
			}
		}
		assert_int_equal(queue_used(&q), put - taken);
		size_t nth = test_random_below(random, capacity + 2);
		const struct item *at = queue_at(&q, nth);
		assert_int_equal(at != NULL, nth < put - taken);
		if (at)
			assert_int_equal(at->number, taken + nth);
	}
	queue_done(&q);
}

static void agrees_with_two_counters_on_random_steps(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	agree(&random, 1);
	agree(&random, 2);
	agree(&random, 7);
	agree(&random, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_an_item_when_full_and_counts_it),
		cmocka_unit_test(refuses_a_size_that_overflows),
		cmocka_unit_test(agrees_with_two_counters_on_random_steps),
	};
	return cmocka_run_group_tests_name("base_queue", tests, NULL, NULL);
}
