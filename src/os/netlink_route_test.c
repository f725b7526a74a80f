#include "os/netlink_route.h"

#include "os/netlink.h"
#include "os/netns.h"
#include "os/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/child_test.h"

enum { LINK_METRIC = 512, SEEN_MAX = 16 };

static const struct ip_address ours4 = {.family = 4, .bytes = {192, 0, 2, 7}};
static const struct ip_address ours6 = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 7}};
static const struct ip_address router4 = {.family = 4, .bytes = {192, 0, 2, 1}};
static const struct ip_address far4 = {.family = 4, .bytes = {203, 0, 113, 1}};

struct seen {
	struct netlink_address addresses[SEEN_MAX];
	struct netlink_route routes[SEEN_MAX];
	size_t addresses_n, routes_n;
};

static void see_address(void *arg, const struct netlink_address *a)
{
	struct seen *seen = arg;
	if (seen->addresses_n < SEEN_MAX)
		seen->addresses[seen->addresses_n++] = *a;
}

static void see_route(void *arg, const struct netlink_route *r)
{
	struct seen *seen = arg;
	if (seen->routes_n < SEEN_MAX)
		seen->routes[seen->routes_n++] = *r;
}

static const struct netlink_address *find(const struct seen *seen, const struct ip_address *a)
{
	for (size_t i = 0; i < seen->addresses_n; i++)
		if (ip_address_equal(&seen->addresses[i].address, a))
			return &seen->addresses[i];
	return NULL;
}

/* In a new namespace with one link, up; CHILD_SKIPS where that is not permitted. */
static int begin(uint32_t *ret_index)
{
	int ours = -1;
	enum err e = user_is_root() ? OK : userns_enter();
	if (!e)
		e = netns_new(&ours);
	if (e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOSPC)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ours) && !link_add_veth("a0", "b0", -1));
	CHILD_CHECK(!link_up("a0") && !link_up("b0") && !link_index("a0", ret_index));
	return 0;
}

static int addresses(void)
{
	uint32_t index;
	struct seen seen = {0};
	int trouble = begin(&index);
	if (trouble)
		return trouble;
	struct netlink_address a = {.ifindex = index,
				    .address = ours4,
				    .bits = 24,
				    .valid_s = 3600,
				    .preferred_s = 1800,
				    .metric = LINK_METRIC,
				    .protocol = NETLINK_PROTOCOL_DHCP};
	CHILD_CHECK(!netlink_address_set(&a) && !netlink_addresses(index, see_address, &seen));
	const struct netlink_address *got = find(&seen, &ours4);
	CHILD_CHECK(got && got->bits == 24 && got->ifindex == index);
	CHILD_CHECK(got->valid_s > 3590 && got->valid_s <= 3600 && got->preferred_s <= 1800);
	CHILD_CHECK(got->metric == LINK_METRIC && got->protocol == NETLINK_PROTOCOL_DHCP);
	/* The same again is a change of it, not an error. */
	a.valid_s = a.preferred_s = NETLINK_FOREVER;
	seen = (struct seen){0};
	CHILD_CHECK(!netlink_address_set(&a) && !netlink_addresses(index, see_address, &seen));
	got = find(&seen, &ours4);
	CHILD_CHECK(got && got->valid_s == NETLINK_FOREVER);
	a = (struct netlink_address){.ifindex = index,
				     .address = ours6,
				     .bits = 128,
				     .valid_s = 100,
				     .no_prefix_route = true,
				     .protocol = NETLINK_PROTOCOL_DHCP};
	seen = (struct seen){0};
	CHILD_CHECK(!netlink_address_set(&a) && !netlink_addresses(0, see_address, &seen));
	got = find(&seen, &ours6);
	CHILD_CHECK(got && got->preferred_s == 0 && got->no_prefix_route);
	CHILD_CHECK(!netlink_address_remove(index, &ours4, 24));
	CHILD_CHECK(netlink_address_remove(index, &ours4, 24) == (enum err)EADDRNOTAVAIL);
	seen = (struct seen){0};
	CHILD_CHECK(!netlink_addresses(index, see_address, &seen) && !find(&seen, &ours4));
	return 0;
}

static int routes(void)
{
	uint32_t index;
	struct seen seen = {0};
	int trouble = begin(&index);
	if (trouble)
		return trouble;
	CHILD_CHECK(!address_add("a0", &ours4, 24));
	struct netlink_route def = {.to = {.address = {.family = 4}},
				    .via = router4,
				    .ifindex = index,
				    .metric = LINK_METRIC,
				    .mtu = 1400,
				    .source = ours4,
				    .protocol = NETLINK_PROTOCOL_DHCP};
	CHILD_CHECK(!netlink_route_set(&def) && !netlink_route_set(&def));
	/* A second one beside it, by another metric, through a neighbour outside of the prefix. */
	struct netlink_route other = def;
	other.metric = LINK_METRIC + 1;
	other.via = far4;
	CHILD_CHECK(netlink_route_set(&other) == (enum err)ENETUNREACH);
	other.on_link = true;
	CHILD_CHECK(!netlink_route_set(&other));
	struct netlink_route rest = {.to = ip_prefix_of(&ours6, 56),
				     .metric = LINK_METRIC,
				     .protocol = NETLINK_PROTOCOL_DHCP,
				     .kind = NETLINK_ROUTE_UNREACHABLE};
	CHILD_CHECK(!netlink_route_set(&rest));
	/* One by somebody else. */
	CHILD_CHECK(!route_add(&far4, 32, &router4, NULL));
	CHILD_CHECK(!netlink_routes(0, NETLINK_PROTOCOL_DHCP, see_route, &seen));
	CHILD_CHECK(seen.routes_n == 3);
	const struct netlink_route *got = &seen.routes[0];
	CHILD_CHECK(got->metric == LINK_METRIC && got->to.bits == 0 && got->mtu == 1400);
	CHILD_CHECK(got->ifindex == index && ip_address_equal(&got->via, &router4));
	CHILD_CHECK(ip_address_equal(&got->source, &ours4) && seen.routes[1].on_link);
	CHILD_CHECK(seen.routes[2].kind == NETLINK_ROUTE_UNREACHABLE);
	CHILD_CHECK(ip_prefix_equal(&seen.routes[2].to, &rest.to));
	for (size_t i = 0; i < seen.routes_n; i++)
		CHILD_CHECK(!netlink_route_remove(&seen.routes[i]));
	CHILD_CHECK(netlink_route_remove(&def) == (enum err)ESRCH);
	seen = (struct seen){0};
	CHILD_CHECK(!netlink_routes(0, NETLINK_PROTOCOL_DHCP, see_route, &seen));
	CHILD_CHECK(seen.routes_n == 0);
	return 0;
}

static int links(void)
{
	uint32_t index;
	struct netlink_link link;
	int trouble = begin(&index);
	if (trouble)
		return trouble;
	CHILD_CHECK(!netlink_link_set_mtu(index, 1300) && !netlink_link_get(index, &link));
	CHILD_CHECK(link.mtu == 1300 && link.up && link.carrier && link.mtu_max >= 1500);
	/* The kernel takes a moment to notice. */
	CHILD_CHECK(!link_down("b0"));
	for (int i = 0; i < 400 && link.carrier; i++) {
		(void)usleep(5000);
		CHILD_CHECK(!netlink_link_get(index, &link));
	}
	CHILD_CHECK(!link.carrier);
	CHILD_CHECK(netlink_link_get(index + 1000, &link) == (enum err)ENODEV);
	return 0;
}

static void addresses_have_lifetimes_and_an_owner(void **state)
{
	(void)state;
	assert_child(addresses, "network namespaces are not permitted");
}

static void routes_of_one_owner_are_told_from_others(void **state)
{
	(void)state;
	assert_child(routes, "network namespaces are not permitted");
}

static void links_tell_their_mtu_and_carrier(void **state)
{
	(void)state;
	assert_child(links, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_lifetimes_and_an_owner),
		cmocka_unit_test(routes_of_one_owner_are_told_from_others),
		cmocka_unit_test(links_tell_their_mtu_and_carrier),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
