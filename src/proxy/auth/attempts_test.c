/* runs with threads */
#include "proxy/auth/attempts.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct ip_address one = {.family = 4, .bytes = {192, 0, 2, 1}};
static const struct ip_address other = {.family = 4, .bytes = {192, 0, 2, 2}};

static struct auth_attempts *attempts_of(size_t clients)
{
	const struct auth_attempts_conf conf = {clients, 3, 1000};
	struct auth_attempts *a = NULL;
	assert_int_equal(auth_attempts_new(&conf, &a), OK);
	return a;
}

static void so_many_at_once_and_then_one_in_a_while(void **state)
{
	(void)state;
	AUTO(auth_attempts_free) struct auth_attempts *a = attempts_of(64);
	uint64_t now = 100000;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(auth_attempts_begin(a, &one, now), 0);
	assert_int_equal(auth_attempts_begin(a, &one, now), 1000);
	assert_int_equal(auth_attempts_begin(a, &one, now + 400), 600);
	assert_int_equal(auth_attempts_begin(a, &other, now), 0);
	assert_int_equal(auth_attempts_begin(a, &one, now + 1000), 0);
	assert_int_equal(auth_attempts_begin(a, &one, now + 1000), 1000);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(auth_attempts_begin(a, &one, now + 60000), 0);
	assert_true(auth_attempts_begin(a, &one, now + 60000) > 0);
}

static void what_was_right_does_not_count(void **state)
{
	(void)state;
	AUTO(auth_attempts_free) struct auth_attempts *a = attempts_of(64);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(auth_attempts_begin(a, &one, 100000), 0);
		auth_attempts_forgive(a, &one);
	}
	auth_attempts_forgive(a, &other); /* never came */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(auth_attempts_begin(a, &one, 100000), 0);
	assert_int_equal(auth_attempts_begin(a, &one, 100000), 1000);
}

static void of_ipv6_the_network_is_the_client(void **state)
{
	(void)state;
	AUTO(auth_attempts_free) struct auth_attempts *a = attempts_of(64);
	struct ip_address v6 = {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
	for (uint8_t i = 0; i < 3; i++) {
		v6.bytes[15] = i;
		assert_int_equal(auth_attempts_begin(a, &v6, 100000), 0);
	}
	v6.bytes[8] = 9;
	assert_int_equal(auth_attempts_begin(a, &v6, 100000), 1000);
	v6.bytes[7] = 1;
	assert_int_equal(auth_attempts_begin(a, &v6, 100000), 0);
}

static void many_addresses_take_no_more_room(void **state)
{
	(void)state;
	AUTO(auth_attempts_free) struct auth_attempts *a = attempts_of(8);
	for (unsigned i = 0; i < 10000; i++) {
		struct ip_address c = ip_address_v4(10, 0, (uint8_t)(i >> 8), (uint8_t)i);
		assert_int_equal(auth_attempts_begin(a, &c, 100000), 0);
	}
}

struct crowd {
	struct auth_attempts *a;
	unsigned begun;
};

static void *crowd_run(void *arg)
{
	struct crowd *c = arg;
	for (unsigned i = 0; i < 1000; i++)
		c->begun += auth_attempts_begin(c->a, &one, 100000) == 0;
	return NULL;
}

static void many_at_the_same_moment_are_no_way_around(void **state)
{
	(void)state;
	AUTO(auth_attempts_free) struct auth_attempts *a = attempts_of(64);
	assert_int_equal(auth_attempts_begin(a, &one, 100000), 0); /* its place is there */
	struct crowd crowds[4] = {{a, 0}, {a, 0}, {a, 0}, {a, 0}};
	pthread_t ids[4];
	unsigned sum = 1;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, crowd_run, &crowds[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		(void)pthread_join(ids[i], NULL);
		sum += crowds[i].begun;
	}
	assert_int_equal(sum, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_and_then_one_in_a_while),
		cmocka_unit_test(what_was_right_does_not_count),
		cmocka_unit_test(of_ipv6_the_network_is_the_client),
		cmocka_unit_test(many_addresses_take_no_more_room),
		cmocka_unit_test(many_at_the_same_moment_are_no_way_around),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
