#include "supervisor/devices.h"

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
static const struct ip_address other = {.family = 4, .bytes = {10, 8, 1, 1}};
static const struct ip_address far = {.family = 4, .bytes = {10, 99}};
static const struct ip_endpoint web = {.address = {.family = 4, .bytes = {10, 8, 0, 1}},
				       .port = 80};

struct site {
	struct plan plan;
	struct plan_record records[16];
	struct socket_set set;
};

static bool own_netns(void)
{
	int ns;
	if (!user_is_root() && userns_enter())
		return false;
	return !netns_new(&ns) && !netns_enter(ns) && !link_up("lo");
}

static void count_one(void *arg, const struct netlink_address *a)
{
	size_t *n = arg;
	*n += a->address.family == 4 && a->address.bytes[0] == 10;
}

static size_t addresses(void)
{
	size_t n = 0;
	return netlink_addresses(0, count_one, &n) ? SIZE_MAX : n;
}

static void count_far(void *arg, const struct netlink_route *r)
{
	size_t *n = arg;
	*n += ip_address_equal(&r->to.address, &far);
}

static size_t routes(void)
{
	size_t n = 0;
	return netlink_routes(0, NETLINK_PROTOCOL_ANY, count_far, &n) ? SIZE_MAX : n;
}

static uint32_t mtu_of(const char *device)
{
	struct netlink_link link;
	uint32_t index;
	return link_index(device, &index) || netlink_link_get(index, &link) ? 0 : link.mtu;
}

/* The socket of another service stands first in the plan, on an address of the tunnel's. */
static enum err plan_site(struct site *s, uint32_t mtu, const struct ip_address *address,
			  unsigned queues)
{
	struct plan *p = &s->plan;
	*p = (struct plan){.records = s->records};
	TRY(plan_add_service(p, "web", NULL));
	if (ip_address_equal(address, &own))
		TRY(plan_add_socket(p, "web", PLAN_TCP, &web, 1));
	TRY(plan_add_service(p, "vpn", NULL));
	TRY(plan_add_tun(p, "vpn", "tun-wg0", "wg0", queues));
	TRY(plan_add_link(p, "vpn", "wg0", mtu));
	TRY(plan_add_to_link(p, "vpn", PLAN_ADDRESS, "wg0", address, 24));
	return plan_add_to_link(p, "vpn", PLAN_ROUTE, "wg0", &far, 16);
}

static enum err follow(struct site *s, bool *ret_same)
{
	struct socket_set next;
	TRY(socket_set_open(&s->plan, &s->set, &next));
	*ret_same = socket_set_same(&s->set, &next, "vpn");
	socket_set_done(&s->set, &next);
	s->set = next;
	return OK;
}

static int site_lives(void)
{
	static struct site s;
	bool same;
	if (!own_netns())
		return CHILD_SKIPS;
	CHILD_CHECK(!plan_site(&s, 1420, &own, 2));
	for (size_t i = 0; i < s.plan.n; i++)
		CHILD_CHECK(!plan_record_check(&s.records[i]));
	CHILD_CHECK(!socket_set_open(&s.plan, NULL, &s.set));
	if (s.set.entries[0].missing)
		return CHILD_SKIPS;
	CHILD_CHECK(s.set.n == 5 && socket_set_count(&s.set, "vpn") == s.set.entries[0].fds_n);
	CHILD_CHECK(mtu_of("wg0") == 1420 && addresses() == 1 && routes() == 1);
	/* The link becomes another one; nobody is started anew for that. */
	int fd = s.set.entries[0].fds[0];
	CHILD_CHECK(!plan_site(&s, 1380, &other, 2) && !follow(&s, &same) && same);
	CHILD_CHECK(s.set.entries[0].fds[0] == fd);
	CHILD_CHECK(mtu_of("wg0") == 1380 && addresses() == 1 && routes() == 1);
	/* Another number of queues is another process, and the same device. */
	CHILD_CHECK(!plan_site(&s, 1380, &other, 1) && !follow(&s, &same) && !same);
	CHILD_CHECK(mtu_of("wg0") == 1380 && addresses() == 1 && routes() == 1);
	s.plan.n = 0;
	CHILD_CHECK(!follow(&s, &same) && !same && mtu_of("wg0") == 0);
	return 0;
}

static void a_tunnel_is_there_before_sockets_and_its_link_follows_a_reload(void **state)
{
	(void)state;
	assert_child(site_lives, "network namespaces or TUN devices are not permitted");
}

static int failure_is_undone(void)
{
	static struct site s;
	struct socket_set next;
	if (!own_netns())
		return CHILD_SKIPS;
	CHILD_CHECK(!plan_site(&s, 1420, &own, 1) && !socket_set_open(&s.plan, NULL, &s.set));
	if (s.set.entries[0].missing)
		return CHILD_SKIPS;
	CHILD_CHECK(!plan_site(&s, 1420, &own, 1));
	CHILD_CHECK(!plan_add_to_link(&s.plan, "vpn", PLAN_ADDRESS, "wg0", &other, 24));
	CHILD_CHECK(!plan_add_tun(&s.plan, "vpn", "tun-lo", "lo", 1)); /* not ours to have */
	CHILD_CHECK(socket_set_open(&s.plan, &s.set, &next) != OK);
	CHILD_CHECK(mtu_of("wg0") == 1420 && addresses() == 1 && routes() == 1);
	socket_set_done(&s.set, NULL);
	return 0;
}

static void what_fails_leaves_the_devices_as_they_were(void **state)
{
	(void)state;
	assert_child(failure_is_undone, "network namespaces or TUN devices are not permitted");
}

static int route_is_taken(void)
{
	static struct site s;
	const struct ip_address near = {.family = 4, .bytes = {10, 99, 0, 1}};
	if (!own_netns() || link_add_veth("lan0", "lan1", -1) || address_add("lan0", &near, 16) ||
	    link_up("lan0"))
		return CHILD_SKIPS;
	CHILD_CHECK(!plan_site(&s, 1420, &own, 1) && !socket_set_open(&s.plan, NULL, &s.set));
	if (s.set.entries[0].missing)
		return CHILD_SKIPS;
	CHILD_CHECK(routes() == 1 && s.set.entries[3].missing);
	socket_set_done(&s.set, NULL);
	CHILD_CHECK(routes() == 1); /* it is somebody else's */
	return 0;
}

static void a_network_that_is_routed_elsewhere_stays_there(void **state)
{
	(void)state;
	assert_child(route_is_taken, "network namespaces or TUN devices are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fails_leaves_the_devices_as_they_were),
		cmocka_unit_test(a_tunnel_is_there_before_sockets_and_its_link_follows_a_reload),
		cmocka_unit_test(a_network_that_is_routed_elsewhere_stays_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
