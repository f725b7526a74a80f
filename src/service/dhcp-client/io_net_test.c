#include "service/dhcp-client/io_net.h"

#include "os/netlink.h"
#include "os/netlink_route.h"
#include "os/netns.h"
#include "os/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/child_test.h"

#define METRIC 77u

static const struct ip_address theirs = {.family = 4, .bytes = {10, 9, 9, 9}};

struct found {
	size_t addresses, routes, ours;
	bool has_default;
};

static void see_address(void *arg, const struct netlink_address *a)
{
	struct found *f = arg;
	f->addresses += a->address.family == 4;
	f->ours += a->address.family == 4 && a->protocol == NETLINK_PROTOCOL_DHCP;
}

static void see_route(void *arg, const struct netlink_route *r)
{
	struct found *f = arg;
	f->routes++;
	f->has_default |= r->to.bits == 0 && r->metric == METRIC;
}

static struct found look(uint32_t index)
{
	struct found f = {0};
	if (netlink_addresses(index, see_address, &f) ||
	    netlink_routes(index, NETLINK_PROTOCOL_DHCP, see_route, &f))
		abort();
	return f;
}

static struct setting setting(uint8_t last)
{
	struct setting s = {.address = ip_address_v4(192, 0, 2, last), .bits = 24, .mtu = 1400};
	s.routes[0] = (struct setting_route){.to = {.address = {.family = 4}},
					     .via = ip_address_v4(192, 0, 2, 1)};
	s.routes_n = 1;
	return s;
}

static int set_and_unset(void)
{
	int ours = -1;
	uint32_t index, mtu = 0;
	struct netlink_link link;
	enum err e = user_is_root() ? OK : userns_enter();
	if (!e)
		e = netns_new(&ours);
	if (e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOSPC)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ours) && !link_add_veth("a0", "b0", -1));
	CHILD_CHECK(!link_up("a0") && !link_up("b0") && !link_index("a0", &index));
	CHILD_CHECK(!address_add("a0", &theirs, 24));
	struct setting s = setting(7);
	CHILD_CHECK(!net_set(index, &s, METRIC, 60, &mtu) && mtu == 1500);
	struct found f = look(index);
	CHILD_CHECK(f.addresses == 2 && f.ours == 1 && f.routes == 1 && f.has_default);
	CHILD_CHECK(net_has(index, 0xc0000207) && !net_has(index, 0x0a090909));
	CHILD_CHECK(!netlink_link_get(index, &link) && link.mtu == 1400);
	/* Another address and no routes: the old ones go. */
	s = setting(8);
	s.routes_n = 0;
	s.mtu = 9000; /* never above what it was */
	CHILD_CHECK(!net_set(index, &s, METRIC, LEASE_FOREVER, &mtu) && mtu == 0);
	f = look(index);
	CHILD_CHECK(f.addresses == 2 && f.ours == 1 && f.routes == 0);
	CHILD_CHECK(net_has(index, 0xc0000208) && !net_has(index, 0xc0000207));
	CHILD_CHECK(!netlink_link_get(index, &link) && link.mtu == 1500);
	s = setting(8);
	CHILD_CHECK(!net_set(index, &s, METRIC, 60, &mtu) && !net_unset(index, &mtu) && mtu == 0);
	f = look(index);
	CHILD_CHECK(f.addresses == 1 && f.ours == 0 && f.routes == 0);
	CHILD_CHECK(!netlink_link_get(index, &link) && link.mtu == 1500);
	return 0;
}

static void sets_and_removes_its_own_and_nothing_else(void **state)
{
	(void)state;
	assert_child(set_and_unset, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_and_removes_its_own_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
