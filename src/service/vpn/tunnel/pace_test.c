#include "service/vpn/tunnel/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct vpn_pace pace;

static const struct ip_address honest = {.family = 4, .bytes = {192, 0, 2, 1}};
static const struct ip_address flooder = {.family = 4, .bytes = {192, 0, 2, 66}};

static int begin(void **state)
{
	(void)state;
	memset(&pace, 0, sizeof(pace));
	vpn_pace_init(&pace, (struct hash_key){.k0 = 1, .k1 = 2}, 5000);
	return 0;
}

static void work_that_is_of_use_never_rests(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10000; i++) {
		vpn_pace_at(&pace, 5000 + i / 10);
		assert_true(vpn_pace_admits(&pace, &honest));
		assert_int_equal(vpn_pace_spend(&pace, 100, 0, 64), 0);
	}
	assert_int_equal(vpn_pace_spend(&pace, 100, 0, 0), 0);
}

static void a_burst_of_strangers_is_read_at_once(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < VPN_PACE_SAVED_US / 2 / 100 - 1; i++)
		assert_int_equal(vpn_pace_spend(&pace, 100, 64, 64), 0);
	assert_int_equal(vpn_pace_spend(&pace, 100, 64, 64), VPN_PACE_REST_MIN_MS);
}

/* Ten seconds of a reader that always has more to read. */
static void a_flood_takes_its_share_of_a_processor(void **state)
{
	(void)state;
	uint64_t us = 5000000, worked_us = 0, end_us = us + 10000000;
	while (us < end_us) {
		vpn_pace_at(&pace, us / 1000);
		uint32_t rest_ms = vpn_pace_spend(&pace, 300, 64, 64);
		worked_us += 300;
		us += 300 + (uint64_t)rest_ms * 1000;
	}
	uint64_t share_us = 10000000 / VPN_PACE_SHARE;
	assert_in_range(worked_us, share_us / 10 * 9, share_us + VPN_PACE_SAVED_US + 300);
}

static void half_of_what_is_of_use_costs_half(void **state)
{
	(void)state;
	int64_t before = pace.saved_us;
	assert_int_equal(vpn_pace_spend(&pace, 300, 32, 64), 0);
	assert_int_equal(before - pace.saved_us, 150);
}

static void a_batch_that_took_an_hour_rests_no_longer_than_the_longest(void **state)
{
	(void)state;
	pace.saved_us = 0;
	uint32_t rest_ms = vpn_pace_spend(&pace, UINT64_C(3600000000), 1, 1);
	assert_int_equal(rest_ms, VPN_PACE_REST_MAX_MS);
	vpn_pace_at(&pace, 5000 + rest_ms);
	assert_int_equal(pace.saved_us, 0);
	vpn_pace_at(&pace, UINT64_MAX / 2); /* and the longest sleep saves no more than that */
	assert_int_equal(pace.saved_us, VPN_PACE_SAVED_US);
	vpn_pace_at(&pace, 1); /* a time that goes back brings nothing */
	assert_int_equal(pace.saved_us, VPN_PACE_SAVED_US);
}

static size_t admitted(const struct ip_address *source, size_t of)
{
	size_t n = 0;
	for (size_t i = 0; i < of; i++)
		n += vpn_pace_admits(&pace, source);
	return n;
}

static void one_source_is_bounded_only_under_a_flood(void **state)
{
	(void)state;
	assert_int_equal(admitted(&flooder, 100000), 100000);
	pace.saved_us = 0;
	assert_int_equal(admitted(&flooder, 100000), VPN_PACE_SOURCE_MAX);
	assert_int_equal(admitted(&honest, 100), 100);
	pace.now_ms += 999;
	assert_int_equal(admitted(&flooder, 10), 0);
	pace.now_ms += 1;
	assert_int_equal(admitted(&flooder, 10), 10);
}

/* Sixteen thousand honest ones beside a flood: nobody pays for the flooder's place. */
static void nobody_is_dropped_for_another(void **state)
{
	(void)state;
	pace.saved_us = -1;
	assert_int_equal(admitted(&flooder, 100000), VPN_PACE_SOURCE_MAX);
	for (unsigned i = 0; i < 1 << 14; i++) {
		const struct ip_address one = {.family = 4,
					       .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		assert_true(vpn_pace_admits(&pace, &one));
	}
	assert_false(vpn_pace_admits(&pace, &flooder));
}

static void a_network_of_ipv6_is_one_source(void **state)
{
	(void)state;
	struct ip_address one = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [7] = 9}};
	pace.saved_us = 0;
	size_t n = 0;
	for (size_t i = 0; i < 10000; i++) {
		one.bytes[15] = (uint8_t)i;
		one.bytes[14] = (uint8_t)(i >> 8);
		n += vpn_pace_admits(&pace, &one);
	}
	assert_int_equal(n, VPN_PACE_SOURCE_MAX);
	one.bytes[7] = 10;
	assert_true(vpn_pace_admits(&pace, &one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(work_that_is_of_use_never_rests, begin),
		cmocka_unit_test_setup(a_burst_of_strangers_is_read_at_once, begin),
		cmocka_unit_test_setup(a_flood_takes_its_share_of_a_processor, begin),
		cmocka_unit_test_setup(half_of_what_is_of_use_costs_half, begin),
		cmocka_unit_test_setup(a_batch_that_took_an_hour_rests_no_longer_than_the_longest,
				       begin),
		cmocka_unit_test_setup(one_source_is_bounded_only_under_a_flood, begin),
		cmocka_unit_test_setup(nobody_is_dropped_for_another, begin),
		cmocka_unit_test_setup(a_network_of_ipv6_is_one_source, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
