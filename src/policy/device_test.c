/* The table of devices in one thread: what is put is found, what is removed or over is not, bounds,
 * refusals, and against a slow one. */
#include "policy/device.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 64, NOW = 1000 };

struct made {
	void *memory;
	struct policy_devices t;
};

static struct made make(size_t slots)
{
	struct made m = {.memory = calloc(1, policy_devices_size(slots))};
	assert_non_null(m.memory);
	policy_devices_begin(m.memory, slots, (struct hash_key){1, 2}, &m.t);
	return m;
}

static struct policy_device_key at(uint8_t last)
{
	const struct ip_address a = ip_address_v4(192, 0, 2, last);
	return policy_device_at(&a);
}

static struct policy_device named(const char *name, uint64_t until_s)
{
	struct policy_device d = {.until_s = until_s};
	assert_true(strlen(name) < sizeof(d.name));
	memcpy(d.name, name, strlen(name));
	return d;
}

static void a_record_comes_back_whole(void **state)
{
	(void)state;
	struct made m = make(SLOTS);
	const struct policy_device_key key = at(7);
	struct policy_device d = named("tablet", NOW + 60), got;
	d.version = 77;
	d.has_mac = true;
	memcpy(d.mac, "\2\0\x5e\0\x53\1", 6);
	memcpy(d.user, "alice", 5);
	memset(d.duid, 0xa5, sizeof(d.duid));
	d.duid_len = POLICY_DEVICE_DUID_MAX;
	assert_false(policy_devices_find(&m.t, &key, NOW, NULL));
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	assert_true(policy_devices_find(&m.t, &key, NOW, &got));
	assert_memory_equal(&got, &d, sizeof(d));
	assert_false(policy_devices_find(&m.t, &(struct policy_device_key){{4}}, NOW, NULL));
	free(m.memory);
}

static void what_is_over_or_removed_is_not_there(void **state)
{
	(void)state;
	struct made m = make(SLOTS);
	const struct policy_device_key key = at(7), other = at(8);
	struct policy_device d = named("tablet", NOW + 60), got;
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	assert_int_equal(policy_devices_put(&m.t, &other, &d), OK);
	assert_true(policy_devices_find(&m.t, &key, NOW + 59, NULL));
	assert_false(policy_devices_find(&m.t, &key, NOW + 60, NULL));
	policy_devices_remove(&m.t, &key);
	policy_devices_remove(&m.t, &key);
	assert_false(policy_devices_find(&m.t, &key, NOW, NULL));
	assert_true(policy_devices_find(&m.t, &other, NOW, NULL));
	assert_int_equal(policy_devices_count(&m.t), 1);
	/* Whoever has it next is not who had it. */
	d = named("laptop", NOW + 60);
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	assert_true(policy_devices_find(&m.t, &key, NOW, &got));
	assert_string_equal(got.name, "laptop");
	free(m.memory);
}

static void a_change_is_told_and_a_renewal_is_none(void **state)
{
	(void)state;
	struct made m = make(SLOTS);
	const struct policy_device_key key = at(7);
	struct policy_device d = named("tablet", NOW + 60);
	uint64_t before = policy_devices_changes(&m.t);
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	assert_int_not_equal(policy_devices_changes(&m.t), before);
	before = policy_devices_changes(&m.t);
	d.until_s += 60;
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	assert_int_equal(policy_devices_changes(&m.t), before);
	assert_true(policy_devices_find(&m.t, &key, NOW + 100, NULL));
	d.until_s -= 90; /* a nearer end is a change */
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	assert_int_not_equal(policy_devices_changes(&m.t), before);
	before = policy_devices_changes(&m.t);
	memcpy(d.user, "bob", 3);
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	assert_int_not_equal(policy_devices_changes(&m.t), before);
	before = policy_devices_changes(&m.t);
	policy_devices_remove(&m.t, &key);
	assert_int_not_equal(policy_devices_changes(&m.t), before);
	free(m.memory);
}

static void kinds_of_keys_do_not_meet(void **state)
{
	(void)state;
	struct ip_address mapped = {.family = 6, .bytes = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 7}};
	struct policy_device_key a = at(7), b = policy_device_at(&mapped);
	assert_memory_equal(&a, &b, sizeof(a)); /* IPv4 inside IPv6 */
	const struct ip_address six = {.family = 6, .bytes = {192, 0, 2, 7}};
	b = policy_device_at(&six);
	assert_memory_not_equal(&a, &b, sizeof(a));
	b = policy_device_of_mac((const uint8_t *)"\xc0\0\2\7\0\0");
	assert_memory_not_equal(&a, &b, sizeof(a));
	a = policy_device_of_user("alice");
	b = policy_device_of_user("alicf");
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void a_full_table_says_so_and_a_larger_one_takes_all(void **state)
{
	(void)state;
	struct made m = make(SLOTS), larger = make(4 * SLOTS);
	const struct policy_device d = named("x", NOW + 60), over = named("y", NOW);
	const struct policy_device_key last = at(200);
	for (uint8_t i = 0; i < SLOTS; i++) {
		const struct policy_device_key key = at(i);
		assert_int_equal(policy_devices_put(&m.t, &key, i % 2 ? &d : &over), OK);
	}
	assert_int_equal(policy_devices_put(&m.t, &last, &d), ERR_LIMIT);
	assert_false(policy_devices_find(&m.t, &last, NOW, NULL));
	assert_int_equal(policy_devices_copy(&m.t, NOW, &larger.t), OK);
	assert_int_equal(policy_devices_count(&larger.t), SLOTS / 2); /* what is over stays out */
	assert_int_equal(policy_devices_put(&larger.t, &last, &d), OK);
	for (uint8_t i = 0; i < SLOTS; i++) {
		const struct policy_device_key key = at(i);
		assert_int_equal(policy_devices_find(&larger.t, &key, NOW, NULL), i % 2);
	}
	free(m.memory);
	free(larger.memory);
}

static void it_lives_while_it_breathes(void **state)
{
	(void)state;
	struct made m = make(SLOTS);
	assert_false(policy_devices_live(&m.t, NOW));
	policy_devices_breathe(&m.t, NOW);
	assert_true(policy_devices_live(&m.t, NOW + POLICY_DEVICES_ALIVE_S));
	assert_false(policy_devices_live(&m.t, NOW + POLICY_DEVICES_ALIVE_S + 1));
	assert_false(policy_devices_live(&m.t, NOW - POLICY_DEVICES_ALIVE_S - 1));
	free(m.memory);
}

static void refuses_what_is_none(void **state)
{
	(void)state;
	struct made m = make(SLOTS);
	size_t len = policy_devices_size(SLOTS);
	uint64_t *words = m.memory;
	struct policy_devices t;
	assert_int_equal(policy_devices_open(span_of(m.memory, len), &t), OK);
	for (size_t i = 0; i < len; i += 8)
		assert_int_equal(policy_devices_open(span_of(m.memory, i), &t), ERR_FORMAT);
	assert_int_equal(policy_devices_open(span_of((uint8_t *)m.memory + 4, len - 4), &t),
			 ERR_FORMAT);
	words[1] = 2 * SLOTS;
	assert_int_equal(policy_devices_open(span_of(m.memory, len), &t), ERR_FORMAT);
	words[1] = UINT64_MAX;
	assert_int_equal(policy_devices_open(span_of(m.memory, len), &t), ERR_FORMAT);
	words[1] = SLOTS;
	words[0] += UINT64_C(1) << 56;
	assert_int_equal(policy_devices_open(span_of(m.memory, len), &t), ERR_UNSUPPORTED);
	words[0] = 0;
	assert_int_equal(policy_devices_open(span_of(m.memory, len), &t), ERR_FORMAT);
	free(m.memory);
}

/* A writer that was killed within a record leaves it so. */
static void a_torn_record_is_not_there(void **state)
{
	(void)state;
	struct made m = make(SLOTS);
	const struct policy_device_key key = at(7);
	const struct policy_device d = named("tablet", NOW + 60);
	assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
	for (size_t slot = 0; slot < SLOTS; slot++)
		((uint64_t *)m.memory)[16 + 32 * slot] |= 1;
	assert_false(policy_devices_find(&m.t, &key, NOW, NULL));
	assert_int_equal(policy_devices_put(&m.t, &key, &(struct policy_device){.until_s = 2000}),
			 OK);
	assert_true(policy_devices_find(&m.t, &key, NOW, NULL));
	free(m.memory);
}

static void agrees_with_a_slow_one(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct made m = make(1024);
	uint64_t until_s[256] = {0};
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t who = (uint8_t)test_random_below(&r, 256);
		const struct policy_device_key key = at(who);
		struct policy_device got;
		if (test_random_below(&r, 3) == 0) {
			policy_devices_remove(&m.t, &key);
			until_s[who] = 0;
		} else {
			until_s[who] = 1 + test_random_below(&r, 2000);
			struct policy_device d = {.until_s = until_s[who], .version = who};
			assert_int_equal(policy_devices_put(&m.t, &key, &d), OK);
		}
		who = (uint8_t)test_random_below(&r, 256);
		const struct policy_device_key asked = at(who);
		bool there = policy_devices_find(&m.t, &asked, NOW, &got);
		assert_int_equal(there, until_s[who] > NOW);
		if (there) {
			assert_int_equal(got.until_s, until_s[who]);
			assert_int_equal(got.version, who);
		}
	}
	free(m.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back_whole),
		cmocka_unit_test(what_is_over_or_removed_is_not_there),
		cmocka_unit_test(a_change_is_told_and_a_renewal_is_none),
		cmocka_unit_test(kinds_of_keys_do_not_meet),
		cmocka_unit_test(a_full_table_says_so_and_a_larger_one_takes_all),
		cmocka_unit_test(it_lives_while_it_breathes),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(a_torn_record_is_not_there),
		cmocka_unit_test(agrees_with_a_slow_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
