#include "service/vpn/gate/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

enum { T = 1000000 };

/* Octets that pass from T to T + ms, in pieces of len, asked for as often as the clock allows. */
static uint64_t passes(struct shape *s, size_t len, uint64_t ms)
{
	uint64_t octets = 0;
	for (uint64_t now = 0; now <= ms; now++)
		while (shape_take(s, len, T + now))
			octets += len;
	return octets;
}

static void without_a_rate_there_is_no_limit(void **state)
{
	(void)state;
	struct shape s = {0};
	for (unsigned i = 0; i < 1000; i++)
		assert_true(shape_take(&s, 65535, T));
}

static void what_passes_is_the_rate_and_one_bucket(void **state)
{
	(void)state;
	static const uint64_t rates[] = {SHAPE_RATE_MIN, 12500, 1250000, 125000000};
	static const size_t lens[] = {60, 1420, 65535};
	for (size_t r = 0; r < 4; r++)
		for (size_t l = 0; l < 3; l++) {
			struct shape s;
			shape_init(&s, rates[r]);
			uint64_t bucket =
				rates[r] / 8 > SHAPE_BURST_MIN ? rates[r] / 8 : SHAPE_BURST_MIN;
			uint64_t octets = passes(&s, lens[l], 2000);
			/* Nanoseconds are cut off: at the highest rate a small packet's by a tenth.
			 */
			assert_true(octets <= (bucket + rates[r] * 2) * 11 / 10 + lens[l]);
			assert_true(octets + lens[l] >= bucket + rates[r] * 2);
		}
}

static void the_largest_super_packet_fits_into_any_bucket(void **state)
{
	(void)state;
	struct shape s;
	shape_init(&s, SHAPE_RATE_MIN);
	assert_true(shape_take(&s, 65535, T));
	assert_true(shape_take(&s, 65535, T));
	assert_false(shape_take(&s, 65535, T));
}

static void a_change_of_the_rate_gives_no_second_burst(void **state)
{
	(void)state;
	struct shape s;
	shape_init(&s, 12500);
	(void)passes(&s, 1000, 0);
	shape_change(&s, 12600);
	assert_true(passes(&s, 1000, 0) < 3000);
	shape_change(&s, 0);
	assert_true(shape_take(&s, 65535, T));
}

static void a_clock_that_lags_behind_takes_nothing_twice(void **state)
{
	(void)state;
	struct shape s;
	shape_init(&s, 12500);
	assert_true(passes(&s, 1000, 100) > 0);
	assert_false(shape_take(&s, 1000, T));
	assert_false(shape_take(&s, 1000, 0));
}

struct taker {
	struct shape *shape;
	uint64_t octets;
};

static void *take(void *arg)
{
	struct taker *t = arg;
	for (uint64_t now = 0; now <= 1000; now++)
		while (shape_take(t->shape, 500, T + now))
			t->octets += 500;
	return NULL;
}

static void several_threads_get_no_more_than_one(void **state)
{
	(void)state;
	struct shape s;
	shape_init(&s, 1250000);
	struct taker takers[4];
	pthread_t threads[4];
	uint64_t octets = 0;
	for (size_t i = 0; i < 4; i++) {
		takers[i] = (struct taker){.shape = &s};
		assert_int_equal(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		octets += takers[i].octets;
	}
	assert_in_range(octets, 1250000 + 156250 - 1000, 1250000 + 156250 + 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rate_there_is_no_limit),
		cmocka_unit_test(what_passes_is_the_rate_and_one_bucket),
		cmocka_unit_test(the_largest_super_packet_fits_into_any_bucket),
		cmocka_unit_test(a_change_of_the_rate_gives_no_second_burst),
		cmocka_unit_test(a_clock_that_lags_behind_takes_nothing_twice),
		cmocka_unit_test(several_threads_get_no_more_than_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
