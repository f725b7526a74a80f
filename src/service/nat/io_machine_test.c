#include "service/nat/io_machine.h"

#include "os/netlink_route.h"
#include "service/nat/site_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/veth_test.h"

static const char no_rights[] = "network namespaces are not permitted";

enum { MTU = 1400, READS_MAX = 8, TURNS_MAX = 50 };

static struct {
	struct cable cable;
	struct site site; /* for its configuration */
	struct nat_machine machine;
	struct loop loop;
	unsigned changed; /* enum netlink_watch's bits */
} w;

static int begin(void)
{
	enum err e = cable_lay(&w.cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !link_set_mtu("v0", MTU));
	CHILD_CHECK(!link_add_bridge("spare") && !link_up("spare"));
	const struct ip_address spare = site_ip("10.8.0.1");
	CHILD_CHECK(!address_add("spare", &spare, 24));
	site_init(&w.site, "nat:\n  outside: v0\n  inside: late0\n");
	CHILD_CHECK(!nat_machine_open(&w.machine));
	return 0;
}
#define BEGIN()                                                                                    \
	do {                                                                                       \
		int begin_ = begin();                                                              \
		if (begin_)                                                                        \
			return begin_;                                                             \
	} while (0)

static void end(void)
{
	nat_machine_done(&w.machine);
	nat_machine_done(&w.machine); /* once more does nothing */
	site_done(&w.site);
}

static const struct nat_net_device *device(const char *name)
{
	for (size_t i = 0; i < w.machine.net.devices_n; i++)
		if (strcmp(w.machine.net.devices[i].name, name) == 0)
			return &w.machine.net.devices[i];
	return NULL;
}

static bool has_address(const char *text, uint8_t bits)
{
	struct ip_address a = site_ip(text);
	for (size_t i = 0; i < w.machine.net.addresses_n; i++)
		if (ip_address_equal(&w.machine.net.addresses[i].address, &a))
			return w.machine.net.addresses[i].bits == bits;
	return false;
}

static bool has_route(const char *text, uint8_t bits)
{
	struct ip_address a = site_ip(text);
	for (size_t i = 0; i < w.machine.net.routes_n; i++)
		if (ip_address_equal(&w.machine.net.routes[i].to.address, &a) &&
		    w.machine.net.routes[i].to.bits == bits)
			return true;
	return false;
}

static int what_is_there(void)
{
	BEGIN();
	CHILD_CHECK(!nat_machine_read(&w.machine, w.site.conf));
	const struct nat_net_device *v0 = device("v0"), *lo = device("lo"),
				    *spare = device("spare");
	CHILD_CHECK(v0 && v0->ifindex == w.cable.v0 && v0->zone == NAT_ZONE_OUTSIDE);
	CHILD_CHECK(v0->mtu == MTU && v0->up && v0->ethernet);
	CHILD_CHECK(memcmp(v0->mac, (uint8_t[6]){0}, 6) != 0);
	CHILD_CHECK(lo && lo->zone == -1 && !lo->ethernet);
	CHILD_CHECK(spare && spare->zone == -1 && !device("none"));
	CHILD_CHECK(has_address("10.9.1.1", 24) && has_address("fd09::1", 64));
	CHILD_CHECK(has_address("10.8.0.1", 24) && !has_address("10.9.1.2", 24));
	/* Routes count where a zone is. */
	CHILD_CHECK(has_route("10.9.1.0", 24) && !has_route("10.8.0.0", 24));
	/* Read again it is the same, not twice of it; but the kernel may not be done with its own
	 * routes when it is read first. */
	size_t devices = w.machine.net.devices_n, routes;
	int reads = 0;
	do {
		routes = w.machine.net.routes_n;
		CHILD_CHECK(!nat_machine_read(&w.machine, w.site.conf));
	} while (w.machine.net.routes_n != routes && ++reads < READS_MAX);
	CHILD_CHECK(w.machine.net.devices_n == devices && w.machine.net.routes_n == routes);
	end();
	return 0;
}

static void devices_addresses_and_routes_are_read_with_their_zones(void **state)
{
	(void)state;
	assert_child(what_is_there, no_rights);
}

static void changed(void *arg, unsigned bits)
{
	unsigned *all = arg;
	*all |= bits;
}

/* Whether it is told of any of these; forgets them. */
static bool told(unsigned bits)
{
	for (int i = 0; i < TURNS_MAX && !(w.changed & bits); i++)
		if (loop_turn(&w.loop, 100))
			return false;
	bool was = (w.changed & bits) != 0;
	w.changed = 0;
	return was;
}

static int what_comes(void)
{
	const struct ip_address at = site_ip("192.168.7.1"), to = site_ip("10.77.0.0");
	const struct ip_address via = site_ip("192.168.7.2");
	BEGIN();
	CHILD_CHECK(!loop_init(&w.loop));
	CHILD_CHECK(!nat_machine_watch(&w.machine, &w.loop, changed, &w.changed));
	CHILD_CHECK(!link_add_bridge("late0") && !link_up("late0") && told(NETLINK_LINKS));
	CHILD_CHECK(!address_add("late0", &at, 24) && told(NETLINK_ADDRESSES));
	CHILD_CHECK(!nat_machine_read(&w.machine, w.site.conf));
	CHILD_CHECK(device("late0") && device("late0")->zone == NAT_ZONE_INSIDE);
	CHILD_CHECK(has_address("192.168.7.1", 24) && has_route("192.168.7.0", 24));
	CHILD_CHECK(!has_route("10.77.0.0", 16));
	CHILD_CHECK(!route_add(&to, 16, &via, "late0") && told(NETLINK_ROUTES));
	CHILD_CHECK(!nat_machine_read(&w.machine, w.site.conf) && has_route("10.77.0.0", 16));
	/* And of what goes. */
	CHILD_CHECK(!link_down("late0") && told(NETLINK_LINKS | NETLINK_ROUTES));
	CHILD_CHECK(!nat_machine_read(&w.machine, w.site.conf) && !has_route("10.77.0.0", 16));
	CHILD_CHECK(device("late0") && !device("late0")->up);
	end();
	loop_done(&w.loop);
	return 0;
}

static void changes_are_told_and_read(void **state)
{
	(void)state;
	assert_child(what_comes, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_addresses_and_routes_are_read_with_their_zones),
		cmocka_unit_test(changes_are_told_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
