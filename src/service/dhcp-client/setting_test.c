#include "service/dhcp-client/setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct lease lease = {.address = 0xc0000263, .server = 0xc0000201, .bits = 24};

static void with(const struct lease_route *routes, size_t n)
{
	memcpy(lease.routes, routes, n * sizeof(*routes));
	lease.routes_n = n;
}

static void the_route_to_its_own_prefix_is_the_kernels(void **state)
{
	(void)state;
	static const struct lease_route routes[] = {{0xc0000200, 0, 24}, {0xc0000200, 0, 25}};
	struct setting s;
	with(routes, 2);
	setting_of(&lease, true, true, &s);
	assert_int_equal(s.routes_n, 1);
	assert_int_equal(s.routes[0].to.bits, 25);
	assert_int_equal(s.routes[0].via.family, 0);
}

static void a_router_outside_of_the_prefix_is_a_neighbour_all_the_same(void **state)
{
	(void)state;
	static const struct lease_route routes[] = {{0, 0xc6336401, 0},
						    {0x0a000000, 0xc0000201, 8}};
	struct setting s;
	with(routes, 2);
	setting_of(&lease, true, true, &s);
	assert_int_equal(s.routes_n, 2);
	assert_true(s.routes[0].on_link);
	assert_int_equal(s.routes[0].to.address.family, 4);
	assert_int_equal(s.routes[0].to.bits, 0);
	assert_false(s.routes[1].on_link);
}

static void a_router_that_is_ourselves_means_on_the_link(void **state)
{
	(void)state;
	static const struct lease_route routes[] = {{0, 0xc0000263, 0}};
	struct setting s;
	with(routes, 1);
	setting_of(&lease, true, true, &s);
	assert_int_equal(s.routes_n, 1);
	assert_int_equal(s.routes[0].via.family, 0);
	assert_false(s.routes[0].on_link);
}

static void what_is_not_wanted_is_left_out(void **state)
{
	(void)state;
	static const struct lease_route routes[] = {{0, 0xc0000201, 0}};
	struct setting s;
	with(routes, 1);
	lease.mtu = 1400;
	setting_of(&lease, false, false, &s);
	assert_int_equal(s.routes_n, 0);
	assert_int_equal(s.mtu, 0);
	assert_int_equal(s.bits, 24);
	setting_of(&lease, true, true, &s);
	assert_int_equal(s.mtu, 1400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_route_to_its_own_prefix_is_the_kernels),
		cmocka_unit_test(a_router_outside_of_the_prefix_is_a_neighbour_all_the_same),
		cmocka_unit_test(a_router_that_is_ourselves_means_on_the_link),
		cmocka_unit_test(what_is_not_wanted_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
