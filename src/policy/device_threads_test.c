/* A table that is written while others look: no torn record is ever seen, and whoever is there is
 * found. */
#include "policy/device.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 256, HOSTS = 100, READERS = 2, NOW = 1000, STAYS = 200 };
#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 20000 };
#else
enum { ROUNDS = 200000 };
#endif

struct stage {
	struct policy_devices t;
	atomic_bool over;
};

static struct policy_device_key at(uint8_t last)
{
	const struct ip_address a = ip_address_v4(192, 0, 2, last);
	return policy_device_at(&a);
}

/* All of a record says one number, and whose it is. */
static struct policy_device made_of(uint8_t host, uint8_t number)
{
	struct policy_device d = {.until_s = NOW + 1 + number,
				  .version = host,
				  .has_mac = true,
				  .duid_len = POLICY_DEVICE_DUID_MAX};
	memset(d.mac, number, sizeof(d.mac));
	memset(d.name, 'a' + number % 26, POLICY_DEVICE_TEXT_MAX);
	memset(d.user, 'a' + number % 26, POLICY_DEVICE_TEXT_MAX);
	memset(d.duid, number, sizeof(d.duid));
	return d;
}

/* The number of wrong records that were seen, or 1000000 without the one that stays. */
static void *look(void *arg)
{
	struct stage *s = arg;
	uintptr_t wrong = 0;
	while (!atomic_load(&s->over)) {
		for (uint8_t i = 0; i < HOSTS; i++) {
			const struct policy_device_key key = at(i);
			struct policy_device d, expected;
			if (!policy_devices_find(&s->t, &key, NOW, &d))
				continue;
			expected = made_of(i, d.mac[0]);
			wrong += memcmp(&d, &expected, sizeof(d)) != 0;
		}
		const struct policy_device_key stays = at(STAYS);
		if (!policy_devices_find(&s->t, &stays, NOW, NULL))
			wrong += 1000000;
	}
	return (void *)wrong;
}

static void no_reader_sees_half_a_record(void **state)
{
	(void)state;
	struct stage s = {0};
	void *memory = calloc(1, policy_devices_size(SLOTS));
	pthread_t readers[READERS];
	assert_non_null(memory);
	policy_devices_begin(memory, SLOTS, (struct hash_key){1, 2}, &s.t);
	const struct policy_device_key stays = at(STAYS);
	const struct policy_device one = made_of(STAYS, 1);
	assert_int_equal(policy_devices_put(&s.t, &stays, &one), OK);
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, look, &s), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t host = (uint8_t)(i * 7 % HOSTS);
		const struct policy_device_key key = at(host);
		const struct policy_device d = made_of(host, (uint8_t)(i % 251));
		if (i % 5 == 0)
			policy_devices_remove(&s.t, &key);
		else
			assert_int_equal(policy_devices_put(&s.t, &key, &d), OK);
	}
	atomic_store(&s.over, true);
	for (size_t i = 0; i < READERS; i++) {
		void *wrong;
		assert_int_equal(pthread_join(readers[i], &wrong), 0);
		assert_int_equal((uintptr_t)wrong, 0);
	}
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_reader_sees_half_a_record)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
