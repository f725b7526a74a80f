#include "service/resolver/delegation.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t secret[16] = {9};
static const struct delegation_rules all = {.ipv4 = true, .ipv6 = true};

static struct ip_endpoint v4(uint8_t last)
{
	return (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, last), .port = 53};
}

static void first_round_trip_sets_the_timeout_as_rfc_6298_says(void **state)
{
	struct server s = {.rto_us = SERVER_RTO_START_US};
	(void)state;
	server_heard(&s, 100000);
	assert_int_equal(s.srtt_us, 100000);
	assert_int_equal(s.rttvar_us, 50000);
	assert_int_equal(s.rto_us, 300000);
	server_heard(&s, 100000);
	assert_int_equal(s.rttvar_us, 37500);
	assert_int_equal(s.rto_us, 250000);
	server_heard(&s, 500);
	server_heard(&s, 500);
	for (int i = 0; i < 100; i++)
		server_heard(&s, 500);
	assert_int_equal(s.rto_us, SERVER_RTO_MIN_US);
}

static void silence_doubles_the_timeout_and_then_means_down(void **state)
{
	struct server s = {.rto_us = SERVER_RTO_START_US};
	(void)state;
	for (int i = 0; i < 3; i++)
		server_timed_out(&s, 1000);
	assert_int_equal(s.rto_us, SERVER_RTO_MAX_US);
	assert_false(server_is_down(&s, 1000));
	server_timed_out(&s, 1000);
	assert_true(server_is_down(&s, 1000));
	assert_false(server_is_down(&s, 1000 + 4000));
	server_heard(&s, 1000);
	assert_false(server_is_down(&s, 1000));
	assert_int_equal(s.timeouts, 0);
}

static void remembers_lame_zones_for_a_while(void **state)
{
	struct server s = {0};
	(void)state;
	for (uint64_t zone = 1; zone <= SERVER_LAMES + 1; zone++)
		server_set_lame(&s, zone, 1000 + zone);
	assert_false(server_is_lame(&s, 1, 2000)); /* the oldest made room */
	assert_true(server_is_lame(&s, 2, 2000));
	assert_true(server_is_lame(&s, SERVER_LAMES + 1, 2000));
	assert_false(server_is_lame(&s, 2, 2000 + 900000));
}

static void the_table_forgets_the_least_lately_used(void **state)
{
	struct servers t;
	(void)state;
	assert_int_equal(servers_init(&t, 8, secret), OK);
	for (uint8_t i = 0; i < 8; i++) {
		struct ip_endpoint at = v4(i);
		server_heard(servers_get(&t, &at, 100 + i), 1000u * (i + 1u));
	}
	struct ip_endpoint at = v4(0);
	assert_int_equal(servers_get(&t, &at, 200)->srtt_us, 1000);
	at = v4(99);
	assert_int_equal(servers_get(&t, &at, 201)->srtt_us, 0); /* new, in the place of 1 */
	at = v4(0);
	assert_int_equal(servers_get(&t, &at, 202)->srtt_us, 1000);
	at = v4(1);
	assert_int_equal(servers_get(&t, &at, 203)->srtt_us, 0);
	servers_done(&t);
}

static void cookies_differ_from_server_to_server(void **state)
{
	struct servers t;
	struct ip_endpoint a = v4(1), b = v4(2);
	uint8_t one[DNS_COOKIE_CLIENT_LEN], two[DNS_COOKIE_CLIENT_LEN];
	(void)state;
	assert_int_equal(servers_init(&t, 8, secret), OK);
	servers_client_cookie(&t, &a, one);
	servers_client_cookie(&t, &b, two);
	assert_memory_not_equal(one, two, sizeof(one));
	servers_client_cookie(&t, &a, two);
	assert_memory_equal(one, two, sizeof(one));
	servers_done(&t);
}

/* --- the choice
 * ------------------------------------------------------------------------------------ */

static void make(struct delegation *d, uint8_t n)
{
	static const struct dns_name root = DNS_NAME_ROOT;
	delegation_init(d, &root, DELEGATION_ITERATIVE);
	for (uint8_t i = 1; i <= n; i++) {
		struct ip_endpoint at = v4(i);
		delegation_add_address(d, DELEGATION_NAME_NONE, &at);
		delegation_add_address(d, DELEGATION_NAME_NONE, &at); /* passed over */
	}
	assert_int_equal(d->addresses_n, n);
}

static void asks_the_quick_mostly_and_the_slow_now_and_then(void **state)
{
	struct servers t;
	struct delegation d;
	struct test_random random = test_random_begin();
	unsigned asked[3] = {0};
	(void)state;
	assert_int_equal(servers_init(&t, 64, secret), OK);
	make(&d, 3);
	server_heard(servers_get(&t, &d.addresses[0].at, 0), 10000);
	server_heard(servers_get(&t, &d.addresses[1].at, 0), 12000);
	server_heard(servers_get(&t, &d.addresses[2].at, 0), 300000);
	for (int i = 0; i < 10000; i++)
		asked[delegation_choose(&d, &t, &all, 0, 0, test_random_next(&random)) -
		      d.addresses]++;
	assert_in_range(asked[0], 4000, 5500);
	assert_in_range(asked[1], 4000, 5500);
	assert_in_range(asked[2], 80, 400);
	servers_done(&t);
}

static void tries_every_other_before_one_twice(void **state)
{
	struct servers t;
	struct delegation d;
	struct test_random random = {.state = 3};
	(void)state;
	assert_int_equal(servers_init(&t, 64, secret), OK);
	make(&d, 5);
	server_heard(servers_get(&t, &d.addresses[0].at, 0), 100);
	for (unsigned round = 1; round <= DELEGATION_TRIES_MAX; round++) {
		for (int i = 0; i < 5; i++) {
			struct delegation_address *a =
				delegation_choose(&d, &t, &all, 0, 0, test_random_next(&random));
			assert_non_null(a);
			assert_int_equal(++a->tries, round);
		}
	}
	assert_null(delegation_choose(&d, &t, &all, 0, 0, 0));
	servers_done(&t);
}

static void puts_down_and_lame_servers_last_but_not_out(void **state)
{
	struct servers t;
	struct delegation d;
	struct test_random random = {.state = 5};
	(void)state;
	assert_int_equal(servers_init(&t, 64, secret), OK);
	make(&d, 3);
	for (int i = 0; i < 4; i++)
		server_timed_out(servers_get(&t, &d.addresses[0].at, 0), 0);
	server_set_lame(servers_get(&t, &d.addresses[1].at, 0), 77, 0);
	for (int i = 0; i < 200; i++)
		assert_ptr_equal(delegation_choose(&d, &t, &all, 77, 0, test_random_next(&random)),
				 &d.addresses[2]);
	d.addresses[2].bad = true;
	assert_ptr_equal(delegation_choose(&d, &t, &all, 77, 0, 1), &d.addresses[0]);
	d.addresses[0].bad = true;
	assert_ptr_equal(delegation_choose(&d, &t, &all, 77, 0, 1), &d.addresses[1]);
	servers_done(&t);
}

static void obeys_the_rules_on_families_and_loopback(void **state)
{
	static const struct dns_name root = DNS_NAME_ROOT;
	struct servers t;
	struct delegation d;
	struct ip_endpoint loop = {.address = ip_address_v4(127, 0, 0, 1), .port = 53};
	struct ip_endpoint none = {.address = ip_address_v4(0, 0, 0, 0), .port = 53};
	struct ip_endpoint multi = {.address = ip_address_v4(224, 0, 0, 1), .port = 53};
	struct ip_endpoint six = {.address = {.family = 6, .bytes = {0x20, 1}}, .port = 53};
	(void)state;
	assert_int_equal(servers_init(&t, 64, secret), OK);
	delegation_init(&d, &root, DELEGATION_ITERATIVE);
	delegation_add_address(&d, DELEGATION_NAME_NONE, &none);
	delegation_add_address(&d, DELEGATION_NAME_NONE, &multi);
	delegation_add_address(&d, DELEGATION_NAME_NONE, &loop);
	assert_null(delegation_choose(&d, &t, &all, 0, 0, 0));
	struct delegation_rules rules = {.ipv4 = true, .loopback = true};
	assert_ptr_equal(delegation_choose(&d, &t, &rules, 0, 0, 0), &d.addresses[2]);
	d.configured = true;
	assert_ptr_equal(delegation_choose(&d, &t, &all, 0, 0, 0), &d.addresses[2]);
	d.configured = false;
	delegation_add_address(&d, DELEGATION_NAME_NONE, &six);
	assert_ptr_equal(delegation_choose(&d, &t, &all, 0, 0, 0), &d.addresses[3]);
	rules = (struct delegation_rules){.ipv4 = true};
	assert_null(delegation_choose(&d, &t, &rules, 0, 0, 0));
	servers_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_round_trip_sets_the_timeout_as_rfc_6298_says),
		cmocka_unit_test(silence_doubles_the_timeout_and_then_means_down),
		cmocka_unit_test(remembers_lame_zones_for_a_while),
		cmocka_unit_test(the_table_forgets_the_least_lately_used),
		cmocka_unit_test(cookies_differ_from_server_to_server),
		cmocka_unit_test(asks_the_quick_mostly_and_the_slow_now_and_then),
		cmocka_unit_test(tries_every_other_before_one_twice),
		cmocka_unit_test(puts_down_and_lame_servers_last_but_not_out),
		cmocka_unit_test(obeys_the_rules_on_families_and_loopback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
