#include "os/tun_link.h"

#include "os/fd.h"
#include "os/netlink.h"
#include "os/netlink_route.h"
#include "os/netns.h"
#include "os/tun.h"
#include "os/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "os/child_test.h"

static const struct ip_address own = {.family = 4, .bytes = {10, 8, 0, 1}};
static const struct ip_prefix far = {.address = {.family = 4, .bytes = {10, 99}}, .bits = 16};

static bool may_not(enum err e)
{
	return e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOENT ||
	       e == (enum err)ENODEV || e == (enum err)ENOSPC;
}

static enum err own_netns(void)
{
	int ns;
	if (!user_is_root())
		TRY(userns_enter());
	TRY(netns_new(&ns));
	return netns_enter(ns);
}

static void count_route(void *arg, const struct netlink_route *r)
{
	size_t *n = arg;
	*n += ip_prefix_equal(&r->to, &far);
}

static size_t routes(void)
{
	size_t n = 0;
	return netlink_routes(0, NETLINK_PROTOCOL_ANY, count_route, &n) ? SIZE_MAX : n;
}

static void count_address(void *arg, const struct netlink_address *a)
{
	size_t *n = arg;
	*n += ip_address_equal(&a->address, &own) && a->bits == 24;
}

static size_t addresses(void)
{
	size_t n = 0;
	return netlink_addresses(0, count_address, &n) ? SIZE_MAX : n;
}

static int link_is_set(void)
{
	struct netlink_link link;
	uint32_t index;
	size_t n;
	int fd = -1;
	if (may_not(own_netns()) || may_not(tun_open("wg0", 1, TUN_ALL, &fd, &n)))
		return CHILD_SKIPS;
	CHILD_CHECK(tun_link_up("wg1", 1420) == (enum err)ENODEV);
	CHILD_CHECK(!tun_link_up("wg0", 1380));
	CHILD_CHECK(!link_index("wg0", &index) && !netlink_link_get(index, &link));
	CHILD_CHECK(link.up && link.mtu == 1380);
	CHILD_CHECK(!tun_link_address_add("wg0", &own, 24) && addresses() == 1);
	CHILD_CHECK(!tun_link_address_add("wg0", &own, 24) && addresses() == 1);
	CHILD_CHECK(!tun_link_route_add("wg0", &far) && routes() == 1);
	CHILD_CHECK(tun_link_route_add("wg0", &far) == (enum err)EEXIST);
	CHILD_CHECK(!tun_link_route_remove("wg0", &far) && routes() == 0);
	CHILD_CHECK(!tun_link_address_remove("wg0", &own, 24) && addresses() == 0);
	CHILD_CHECK(tun_link_address_remove("wg0", &own, 24) != OK);
	fd_done(&fd);
	return 0;
}

static void a_link_comes_up_with_addresses_and_routes_that_can_be_taken_away(void **state)
{
	(void)state;
	assert_child(link_is_set, "network namespaces or TUN devices are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_comes_up_with_addresses_and_routes_that_can_be_taken_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
