#include "base/spsc_queue.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct item {
	uint64_t number;
	uint64_t same[3]; /* a torn item would differ from its number */
};

static void refuses_an_item_when_full_and_counts_it(void **state)
{
	(void)state;
	struct spsc_queue *q = NULL;
	/* Not a power of two: the bound is what was asked for, not the ring's size. */
	assert_int_equal(spsc_queue_new(sizeof(uint32_t), 5, &q), OK);
	uint32_t put = 0, taken = 0, got;
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < 5; i++, put++)
			assert_int_equal(spsc_queue_put(q, &put), OK);
		assert_int_equal(spsc_queue_put(q, &put), ERR_LIMIT);
		assert_int_equal(spsc_queue_used(q), 5);
		for (size_t i = 0; i < 5; i++, taken++) {
			assert_true(spsc_queue_take(q, &got));
			assert_int_equal(got, taken);
		}
		assert_false(spsc_queue_take(q, &got));
		assert_int_equal(spsc_queue_used(q), 0);
	}
	assert_int_equal(spsc_queue_refused(q), 100);
	spsc_queue_free(q);
	spsc_queue_free(NULL);
}

static void refuses_a_size_that_overflows(void **state)
{
	(void)state;
	struct spsc_queue *q = NULL;
	assert_int_equal(spsc_queue_new(SIZE_MAX / 2, 16, &q), ENOMEM);
	assert_null(q);
}

enum { ITEMS = 200000 };

struct produced {
	struct spsc_queue *q;
	size_t refused;
};

static void *produce(void *arg)
{
	struct produced *p = arg;
	for (uint64_t i = 0; i < ITEMS; i++) {
		struct item item = {i, {i, i, i}};
		while (spsc_queue_put(p->q, &item)) {
			p->refused++;
			(void)sched_yield();
		}
	}
	return NULL;
}

static void carry(size_t capacity)
{
	struct produced p = {0};
	assert_int_equal(spsc_queue_new(sizeof(struct item), capacity, &p.q), OK);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, produce, &p), 0);
	uint64_t wrong = 0;
	for (uint64_t i = 0; i < ITEMS;) {
		struct item item;
		wrong += spsc_queue_used(p.q) > capacity;
		if (!spsc_queue_take(p.q, &item)) {
			(void)sched_yield();
			continue;
		}
		wrong += item.number != i || item.same[0] != i || item.same[1] != i ||
			 item.same[2] != i;
		i++;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(spsc_queue_used(p.q), 0);
	assert_int_equal(spsc_queue_refused(p.q), p.refused);
	spsc_queue_free(p.q);
}

static void carries_every_item_whole_and_in_order_between_threads(void **state)
{
	(void)state;
	carry(1);
	carry(3);
	carry(64);
	carry(1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_an_item_when_full_and_counts_it),
		cmocka_unit_test(refuses_a_size_that_overflows),
		cmocka_unit_test(carries_every_item_whole_and_in_order_between_threads),
	};
	return cmocka_run_group_tests_name("base_spsc_queue", tests, NULL, NULL);
}
