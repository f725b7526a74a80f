#include "store/versions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/random.h"

static const struct hash_key key = {1, 2};

static void holds_nothing_at_first(void **state)
{
	(void)state;
	struct versions v;
	versions_init(&v, key);
	assert_false(versions_has(&v, 5, 1));
	assert_false(versions_remove(&v, 5, 1));
	assert_int_equal(versions_nth(&v, 5, 0), 0);
	versions_done(&v);
}

static void keeps_keys_of_one_hash_apart(void **state)
{
	(void)state;
	struct versions v;
	versions_init(&v, key);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(versions_add(&v, 77, i), OK);
		assert_int_equal(versions_add(&v, 77, i), OK); /* once is enough */
	}
	assert_int_equal(v.used, 3);
	assert_true(versions_remove(&v, 77, 2));
	assert_false(versions_remove(&v, 77, 2));
	uint64_t sum = versions_nth(&v, 77, 0) + versions_nth(&v, 77, 1);
	assert_int_equal(sum, 1 + 3);
	assert_int_equal(versions_nth(&v, 77, 2), 0);
	assert_false(versions_has(&v, 76, 1));
	versions_done(&v);
}

static void holds_the_largest_hash_and_version(void **state)
{
	(void)state;
	struct versions v;
	versions_init(&v, key);
	uint64_t hash = (UINT64_C(1) << 48) - 1, version = VERSIONS_MAX - 1;
	for (uint64_t i = 0; i < 900; i++)
		assert_int_equal(versions_add(&v, hash, version - i), OK);
	assert_true(versions_has(&v, hash, version));
	assert_true(versions_has(&v, hash, version - 899));
	assert_int_equal(versions_add(&v, 0, 1), OK);
	assert_true(versions_has(&v, 0, 1));
	versions_done(&v);
}

/* Beside an array that is searched from end to end. */
enum { SLOW = 2000 };

static void agrees_with_a_slow_table(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static struct {
		uint64_t hash, version;
	} slow[SLOW];
	size_t n = 0;
	struct versions v;
	versions_init(&v, key);
	for (uint64_t step = 1; step < 60000; step++) {
		/* Few hashes at both ends, many between, so that runs are long. */
		uint64_t hash = test_random_next(&r) >> 16;
		if (step % 3 == 0)
			hash = (UINT64_C(1) << 48) - 1 - hash % 200;
		else if (step % 3 == 1)
			hash %= 50;
		if (n < SLOW && test_random_below(&r, 5) < 3) {
			assert_int_equal(versions_add(&v, hash, step), OK);
			slow[n].hash = hash;
			slow[n++].version = step;
		} else if (n) {
			size_t i = test_random_below(&r, n);
			assert_true(versions_has(&v, slow[i].hash, slow[i].version));
			assert_false(versions_has(&v, slow[i].hash, step));
			assert_true(versions_remove(&v, slow[i].hash, slow[i].version));
			assert_false(versions_has(&v, slow[i].hash, slow[i].version));
			slow[i] = slow[--n];
		}
		assert_int_equal(v.used, n);
		if (step == 30000)
			assert_int_equal(versions_reserve(&v, 100000), OK);
	}
	for (size_t i = 0; i < n; i++)
		assert_true(versions_has(&v, slow[i].hash, slow[i].version));
	versions_done(&v);
}

static void costs_few_bytes_a_row(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct versions v;
	versions_init(&v, key);
	double worst = 0;
	for (uint64_t i = 1; i <= 300000; i++) {
		assert_int_equal(versions_add(&v, test_random_next(&r) >> 16, i), OK);
		double bytes = (double)((v.homes + 1024) * sizeof(v.slots[0])) / (double)v.used;
		if (i > 100000 && bytes > worst)
			worst = bytes;
	}
	assert_true(worst < 24);
	versions_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_nothing_at_first),
		cmocka_unit_test(keeps_keys_of_one_hash_apart),
		cmocka_unit_test(holds_the_largest_hash_and_version),
		cmocka_unit_test(agrees_with_a_slow_table),
		cmocka_unit_test(costs_few_bytes_a_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
