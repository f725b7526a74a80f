#include "service/vpn/signin/attempts.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct attempts_limits limits = {
	.user = 3, .peer = 10, .address = 20, .delay_ms = 1000, .delay_max_ms = 900000};
static const struct hash_key key = {3, 4};
static const uint8_t phone[SESSION_PEER_LEN] = {1}, tablet[SESSION_PEER_LEN] = {2};
static const uint64_t start_ms = UINT64_C(1800000000000);

static struct attempts *made(size_t max)
{
	struct attempts *a = NULL;
	assert_int_equal(attempts_new(max, &limits, key, &a), OK);
	return a;
}

static uint64_t wait(const struct attempts *a, uint64_t now_ms, struct attempt_source from)
{
	enum attempts_by by;
	return attempts_wait_ms(a, now_ms, &from, &by);
}

static void delays_double_up_to_their_bound(void **state)
{
	(void)state;
	struct attempts *a = made(10);
	static const struct {
		enum attempts_by by;
		uint32_t failures;
		uint64_t delay_ms;
	} rows[] = {
		{ATTEMPTS_PAIR, 0, 0},
		{ATTEMPTS_PAIR, 2, 0},
		{ATTEMPTS_PAIR, 3, 1000},
		{ATTEMPTS_PAIR, 4, 2000},
		{ATTEMPTS_PAIR, 12, 512000},
		{ATTEMPTS_PAIR, 13, 900000},
		{ATTEMPTS_PAIR, UINT32_MAX, 900000},
		{ATTEMPTS_USER, 8, 0},
		{ATTEMPTS_USER, 9, 1000},
		{ATTEMPTS_PEER, 9, 0},
		{ATTEMPTS_PEER, 10, 1000},
		{ATTEMPTS_ADDRESS, 19, 0},
		{ATTEMPTS_ADDRESS, 20, 1000},
		{ATTEMPTS_ADDRESS, 100, 60000},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(attempts_delay_ms(a, rows[i].by, rows[i].failures) == rows[i].delay_ms);
	attempts_free(a);
}

static void counts_a_peers_failures_whatever_names_are_tried(void **state)
{
	(void)state;
	struct attempts *a = made(100);
	struct ip_address at = ip_address_v4(192, 0, 2, 1);
	for (int i = 0; i < 10; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "guess%d", i);
		const struct attempt_source from = {.peer = phone, .user = name, .address = &at};
		assert_true(wait(a, start_ms, from) == 0);
		attempts_count(a, start_ms, &from);
	}
	const struct attempt_source next = {.peer = phone, .user = "other", .address = &at};
	const struct attempt_source else_where = {.peer = tablet, .user = "other", .address = &at};
	assert_true(wait(a, start_ms, next) == 1000);
	assert_true(wait(a, start_ms, else_where) == 0);
	attempts_free(a);
}

static void counts_an_addresss_failures_and_an_ipv6_network_as_one(void **state)
{
	(void)state;
	struct attempts *a = made(1000);
	struct ip_address at = {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
	for (uint8_t i = 0; i < 20; i++) {
		uint8_t peer[SESSION_PEER_LEN] = {9, i};
		at.bytes[15] = i;
		const struct attempt_source from = {.peer = peer, .user = "x", .address = &at};
		assert_true(wait(a, start_ms, from) == 0);
		attempts_count(a, start_ms, &from);
	}
	const struct attempt_source same = {.peer = phone, .user = "y", .address = &at};
	assert_true(wait(a, start_ms, same) == 1000);
	at.bytes[7] = 1; /* another /64 */
	assert_true(wait(a, start_ms, same) == 0);
	/* An IPv4 address is the same in either clothing. */
	struct ip_address v4 = ip_address_v4(192, 0, 2, 1);
	struct ip_address mapped = {.family = 6,
				    .bytes = {[10] = 255, [11] = 255, [12] = 192, [14] = 2, 1}};
	for (uint8_t i = 0; i < 20; i++) {
		uint8_t peer[SESSION_PEER_LEN] = {8, i};
		const struct attempt_source from = {
			.peer = peer, .user = "z", .address = i % 2 ? &v4 : &mapped};
		attempts_count(a, start_ms, &from);
	}
	const struct attempt_source plain = {.peer = phone, .user = "y", .address = &v4};
	assert_true(wait(a, start_ms, plain) == 1000);
	attempts_free(a);
}

static void forgets_after_a_day_and_waits_no_longer_when_the_clock_goes_back(void **state)
{
	(void)state;
	struct attempts *a = made(100);
	struct ip_address at = ip_address_v4(192, 0, 2, 1);
	const struct attempt_source from = {.peer = phone, .user = "x", .address = &at};
	for (int i = 0; i < 8; i++)
		attempts_count(a, start_ms, &from);
	uint64_t wait_ms = wait(a, start_ms, from);
	assert_true(wait_ms == 32000);
	assert_true(wait(a, start_ms - 3600000, from) == wait_ms);
	assert_true(wait(a, start_ms + wait_ms - 1, from) == 1);
	assert_true(wait(a, start_ms + wait_ms, from) == 0);
	attempts_count(a, start_ms + 24 * 3600 * 1000 - 1, &from);
	assert_true(wait(a, start_ms + 24 * 3600 * 1000 - 1, from) == 64000);
	attempts_count(a, start_ms + 48 * 3600 * 1000, &from);
	assert_true(wait(a, start_ms + 48 * 3600 * 1000, from) == 0);
	attempts_free(a);
}

static void what_was_not_judged_is_taken_back(void **state)
{
	(void)state;
	struct attempts *a = made(100);
	struct ip_address at = ip_address_v4(192, 0, 2, 1);
	const struct attempt_source from = {
		.peer = phone, .user = "x", .address = &at, .theirs = true};
	for (int i = 0; i < 100; i++) {
		attempts_count(a, start_ms, &from);
		attempts_forgive(a, &from);
	}
	attempts_forgive(a, &from); /* of nothing */
	assert_true(wait(a, start_ms, from) == 0);
	attempts_free(a);
}

static void a_full_table_gives_up_the_oldest_and_stays_whole(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct attempts *a = made(16);
	struct ip_address at = ip_address_v4(192, 0, 2, 1);
	for (uint64_t i = 0; i < 20000; i++) {
		char name[16];
		uint8_t peer[SESSION_PEER_LEN] = {(uint8_t)test_random_below(&r, 6)};
		(void)snprintf(name, sizeof(name), "u%zu", test_random_below(&r, 8));
		const struct attempt_source from = {.peer = peer,
						    .user = name,
						    .address = &at,
						    .theirs = test_random_below(&r, 2) == 0};
		switch (test_random_below(&r, 8)) {
		case 0: attempts_succeeded(a, &from); break;
		case 1: attempts_forgive(a, &from); break;
		case 2: attempts_unlock(a, name); break;
		default: attempts_count(a, start_ms + i, &from); break;
		}
		assert_true(attempts_user_wait_ms(a, start_ms + i, name) <= limits.delay_max_ms);
	}
	/* The last failure is always among those that are known. */
	const struct attempt_source from = {.peer = phone, .user = "last", .address = &at};
	for (int i = 0; i < 3; i++)
		attempts_count(a, start_ms + 100000, &from);
	assert_true(wait(a, start_ms + 100000, from) >= 1000);
	attempts_free(a);
}

static void a_reload_brings_other_limits_for_what_was_counted(void **state)
{
	(void)state;
	struct attempts *a = made(10);
	struct ip_address at = ip_address_v4(192, 0, 2, 1);
	const struct attempt_source from = {.peer = phone, .user = "x", .address = &at};
	struct attempts_limits other = limits;
	for (int i = 0; i < 4; i++)
		attempts_count(a, start_ms, &from);
	assert_true(wait(a, start_ms, from) == 2000);
	other.user = 4;
	other.delay_ms = 500;
	attempts_set(a, &other);
	assert_true(wait(a, start_ms, from) == 500);
	attempts_free(a);
	attempts_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_double_up_to_their_bound),
		cmocka_unit_test(counts_a_peers_failures_whatever_names_are_tried),
		cmocka_unit_test(counts_an_addresss_failures_and_an_ipv6_network_as_one),
		cmocka_unit_test(forgets_after_a_day_and_waits_no_longer_when_the_clock_goes_back),
		cmocka_unit_test(what_was_not_judged_is_taken_back),
		cmocka_unit_test(a_full_table_gives_up_the_oldest_and_stays_whole),
		cmocka_unit_test(a_reload_brings_other_limits_for_what_was_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
