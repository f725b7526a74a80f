/* runs with threads */
#include "proxy/crowd.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

static const struct ip_address one = {.family = 4, .bytes = {192, 0, 2, 1}};
static const struct ip_address other = {.family = 4, .bytes = {192, 0, 2, 2}};

static struct crowd *made(size_t clients)
{
	struct crowd *c = NULL;
	assert_int_equal(crowd_new(clients, &c), OK);
	return c;
}

static void each_client_has_so_many(void **state)
{
	(void)state;
	AUTO(crowd_free) struct crowd *c = made(64);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 5; i++)
			assert_true(crowd_enters(c, &one, 5));
		assert_false(crowd_enters(c, &one, 5));
		assert_true(crowd_enters(c, &other, 5));
		crowd_leaves(c, &one);
		assert_true(crowd_enters(c, &one, 5));
		assert_false(crowd_enters(c, &one, 5));
		assert_true(crowd_enters(c, &one, 0));
		for (unsigned i = 0; i < 6; i++)
			crowd_leaves(c, &one);
		crowd_leaves(c, &other);
	}
	crowd_leaves(c, &one); /* of none that is no harm */
	assert_true(crowd_enters(c, &one, 1));
	assert_false(crowd_enters(c, &one, 1));
}

static void of_ipv6_a_network_is_a_client(void **state)
{
	(void)state;
	AUTO(crowd_free) struct crowd *c = made(64);
	struct ip_address v6 = {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
	assert_true(crowd_enters(c, &v6, 1));
	v6.bytes[15] = 7;
	assert_false(crowd_enters(c, &v6, 1));
	v6.bytes[7] = 7;
	assert_true(crowd_enters(c, &v6, 1));
}

static struct ip_address client_of(unsigned i)
{
	return (struct ip_address){.family = 4, .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

static void who_has_no_room_is_let_in(void **state)
{
	(void)state;
	AUTO(crowd_free) struct crowd *c = made(8);
	for (unsigned i = 0; i < 100; i++) {
		const struct ip_address a = client_of(i);
		assert_true(crowd_enters(c, &a, 1));
		/* The first eight are counted. */
		assert_int_equal(crowd_enters(c, &a, 1), i >= 8);
	}
}

enum { THREADS = 4, ROUNDS = 50000, MAX = 6 };

static _Atomic unsigned inside, most;

static void *come_and_go(void *arg)
{
	struct crowd *c = arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!crowd_enters(c, &one, MAX))
			continue;
		unsigned now = atomic_fetch_add(&inside, 1) + 1, before = atomic_load(&most);
		while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
			;
		if (i % 3 == 0 && crowd_enters(c, &other, MAX))
			crowd_leaves(c, &other);
		atomic_fetch_sub(&inside, 1);
		crowd_leaves(c, &one);
	}
	return NULL;
}

static void threads_count_together(void **state)
{
	(void)state;
	AUTO(crowd_free) struct crowd *c = made(8);
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, c), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_in_range(most, 1, MAX);
	/* Nobody is left counted. */
	for (unsigned i = 0; i < 2; i++)
		assert_true(crowd_enters(c, i ? &one : &other, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_client_has_so_many),
		cmocka_unit_test(of_ipv6_a_network_is_a_client),
		cmocka_unit_test(who_has_no_room_is_let_in),
		cmocka_unit_test(threads_count_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
