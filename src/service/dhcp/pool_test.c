#include "service/dhcp/pool.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIZE_MAX_TESTED = 70000 };

static bool truth[SIZE_MAX_TESTED];

static void compare(const struct dhcp_free *f, size_t size)
{
	size_t left = 0;
	for (size_t i = 0; i < size; i++) {
		left += truth[i];
		assert_int_equal(dhcp_free_has(f, f->first + (uint32_t)i), truth[i]);
	}
	assert_int_equal(f->left, left);
}

/* The next in turn, found by looking at each. */
static size_t obvious_next(size_t from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (truth[(from + i) % size])
			return (from + i) % size;
	return size;
}

static void agrees_with_an_array(size_t size, struct test_random *random)
{
	struct dhcp_free f;
	uint32_t first = 0x0a000000, address;
	size_t turn = test_random_below(random, size);
	assert_int_equal(
		dhcp_free_init(&f, first, first + (uint32_t)size - 1, first + (uint32_t)turn), OK);
	for (size_t i = 0; i < size; i++)
		truth[i] = true;
	compare(&f, size);
	for (unsigned step = 0; step < 3000; step++) {
		size_t i = test_random_below(random, size);
		switch (test_random_below(random, 4)) {
		case 0:
			dhcp_free_add(&f, first + (uint32_t)i);
			truth[i] = true;
			break;
		case 1:
			dhcp_free_remove(&f, first + (uint32_t)i);
			truth[i] = false;
			break;
		default:
			i = obvious_next(turn, size);
			assert_int_equal(dhcp_free_take(&f, &address), i < size);
			if (i == size)
				break;
			assert_int_equal(address - first, i);
			truth[i] = false;
			turn = (i + 1) % size;
		}
	}
	compare(&f, size);
	dhcp_free_done(&f);
}

static void agrees_with_an_array_on_random_operations(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 2, 63, 64, 65, 128, 4095, 4096, 4097, 70000};
	struct test_random random = test_random_begin();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned run = 0; run < 3; run++)
			agrees_with_an_array(sizes[i], &random);
}

static void gives_every_address_once_and_then_none(void **state)
{
	(void)state;
	struct dhcp_free f;
	uint32_t address;
	assert_int_equal(dhcp_free_init(&f, 100, 4299, 2000), OK);
	static bool seen[4300];
	for (unsigned i = 0; i < 4200; i++) {
		assert_true(dhcp_free_take(&f, &address));
		assert_true(address >= 100 && address < 4300 && !seen[address]);
		seen[address] = true;
	}
	assert_false(dhcp_free_take(&f, &address));
	dhcp_free_done(&f);
}

static void a_pool_of_sixteen_million_gives_its_last_address(void **state)
{
	(void)state;
	struct dhcp_free f;
	uint32_t address;
	assert_int_equal(dhcp_free_init(&f, 0x0a000000, 0x0affffff, 0x0a000001), OK);
	for (uint32_t a = 0x0a000000; a < 0x0affffff; a++)
		dhcp_free_remove(&f, a);
	assert_int_equal(f.left, 1);
	assert_true(dhcp_free_take(&f, &address));
	assert_int_equal(address, 0x0affffff);
	assert_false(dhcp_free_take(&f, &address));
	assert_true(dhcp_free_bytes(&f) < 2200000);
	dhcp_free_done(&f);
}

static void an_address_of_no_pool_changes_nothing(void **state)
{
	(void)state;
	struct dhcp_free none = {0}; /* of a fixed pool */
	uint32_t address;
	assert_false(dhcp_free_has(&none, 7));
	dhcp_free_add(&none, 7);
	dhcp_free_remove(&none, 7);
	assert_false(dhcp_free_take(&none, &address));
	dhcp_free_done(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_of_no_pool_changes_nothing),
		cmocka_unit_test(gives_every_address_once_and_then_none),
		cmocka_unit_test(agrees_with_an_array_on_random_operations),
		cmocka_unit_test(a_pool_of_sixteen_million_gives_its_last_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
