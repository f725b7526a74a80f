#include "service/dhcp-client/io_net6.h"

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

#define NOW UINT64_C(1700000000000)

enum { UPLINK = 7, LAN = 8 };

static struct link link_list[] = {{.index = UPLINK, .name = "wan0"},
				  {.index = LAN, .name = "lan0"}};
static const struct links links = {.list = link_list, .n = 2};
static const struct net6 nothing;

static const struct client_delegate_conf delegates[] = {{"lan0", 3, 64}, {"gone0", 4, 64}};
static const struct client_v6_conf conf = {
	.delegate = {.items = (void *)(uintptr_t)delegates, .n = 2}};

static struct uplink6_lease lease(enum dhcp6_ia_kind kind, const char *prefix, uint64_t valid_ms)
{
	struct uplink6_lease l = {.kind = kind,
				  .preferred_until_ms = NOW + valid_ms / 2,
				  .valid_until_ms = NOW + valid_ms};
	assert_int_equal(ip_prefix_parse(span_text(prefix), &l.prefix), OK);
	return l;
}

static void assert_address(const struct net6_address *a, const char *expected, uint32_t ifindex)
{
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(&a->address, text);
	assert_string_equal(text, expected);
	assert_int_equal(a->ifindex, ifindex);
}

static void an_address_and_a_subnet_are_wanted(void **state)
{
	(void)state;
	struct uplink6_lease leases[] = {lease(DHCP6_IA_NA, "2001:db8:1::100", 60000),
					 lease(DHCP6_IA_PD, "2001:db8:1200::/56", 90000)};
	struct net6 n;
	net6_wanted(leases, 2, &conf, UPLINK, &links, NOW, &nothing, &n);
	assert_int_equal(n.addresses_n, 2); /* the link that is not there gets none */
	assert_address(&n.addresses[0], "2001:db8:1::100", UPLINK);
	assert_int_equal(n.addresses[0].bits, 128);
	assert_address(&n.addresses[1], "2001:db8:1200:3::1", LAN);
	assert_int_equal(n.addresses[1].bits, 64);
	assert_true(n.addresses[1].valid_until_ms == NOW + 90000);
	assert_int_equal(n.prefixes_n, 1);
}

static void a_prefix_that_is_gone_is_deprecated_for_at_most_two_hours(void **state)
{
	(void)state;
	struct uplink6_lease old[] = {lease(DHCP6_IA_NA, "2001:db8:1::100", 60000),
				      lease(DHCP6_IA_PD, "2001:db8:1200::/56", 100000000)};
	struct uplink6_lease new[] = {lease(DHCP6_IA_PD, "2001:db8:3400::/56", 90000)};
	struct net6 before, n, later;
	net6_wanted(old, 2, &conf, UPLINK, &links, NOW, &nothing, &before);
	net6_wanted(new, 1, &conf, UPLINK, &links, NOW, &before, &n);
	assert_int_equal(n.addresses_n, 2); /* our own old address goes at once */
	assert_address(&n.addresses[0], "2001:db8:3400:3::1", LAN);
	assert_address(&n.addresses[1], "2001:db8:1200:3::1", LAN);
	assert_int_equal(n.addresses[1].preferred_until_ms, 0);
	assert_true(n.addresses[1].valid_until_ms == NOW + NET6_DEPRECATED_MS);
	assert_int_equal(n.prefixes_n, 1);
	/* It does not live longer by being seen again, and ends. */
	net6_wanted(new, 1, &conf, UPLINK, &links, NOW + 1000, &n, &later);
	assert_true(later.addresses[1].valid_until_ms == NOW + NET6_DEPRECATED_MS);
	net6_wanted(new, 1, &conf, UPLINK, &links, NOW + NET6_DEPRECATED_MS, &later, &n);
	assert_int_equal(n.addresses_n, 1);
	/* One that comes back is as new. */
	net6_wanted(old + 1, 1, &conf, UPLINK, &links, NOW, &later, &n);
	assert_address(&n.addresses[0], "2001:db8:1200:3::1", LAN);
	assert_true(n.addresses[0].preferred_until_ms > NOW);
}

static void only_what_is_not_there_or_has_changed_is_missing(void **state)
{
	(void)state;
	struct uplink6_lease leases[] = {lease(DHCP6_IA_NA, "2001:db8:1::100", 60000),
					 lease(DHCP6_IA_PD, "2001:db8:1200::/56", 90000)};
	struct net6 n, changed, missing;
	net6_wanted(leases, 2, &conf, UPLINK, &links, NOW, &nothing, &n);
	struct link_address there[LINK_ADDRESSES_MAX] = {
		{.address = n.addresses[0].address, .bits = 128},
		{.address = n.addresses[1].address, .bits = 64}};
	struct link list[] = {
		{.index = UPLINK, .addresses = there, .addresses_n = 1},
		{.index = LAN, .addresses = there + 1, .addresses_n = 1},
	};
	const struct links with = {.list = list, .n = 2}, without_lan = {.list = list, .n = 1};
	assert_false(net6_missing(&n, &n, &with, &missing));
	/* Never set: also where it is there, with whatever lifetimes. */
	assert_true(net6_missing(&n, &nothing, &with, &missing));
	assert_int_equal(missing.addresses_n, 2);
	/* Its link has lost it, or has it with other bits. */
	list[1].addresses_n = 0;
	assert_true(net6_missing(&n, &n, &with, &missing));
	assert_int_equal(missing.addresses_n, 1);
	assert_address(&missing.addresses[0], "2001:db8:1200:3::1", LAN);
	assert_int_equal(missing.prefixes_n, 1);
	list[1].addresses_n = 1;
	there[1].bits = 128;
	assert_true(net6_missing(&n, &n, &with, &missing));
	/* Its link is not there: nothing can be set. */
	assert_false(net6_missing(&n, &n, &without_lan, &missing));
	assert_false(net6_missing(&n, &nothing, &(struct links){.n = 0}, &missing));
	/* Among more addresses than are known it may be there. */
	list[1].addresses = there;
	list[1].addresses_n = LINK_ADDRESSES_MAX;
	assert_false(net6_missing(&n, &n, &with, &missing));
	/* Another lifetime. */
	changed = n;
	changed.addresses[1].preferred_until_ms = 0;
	assert_true(net6_missing(&changed, &n, &with, &missing));
	assert_int_equal(missing.addresses_n, 1);
	assert_int_equal(missing.addresses[0].preferred_until_ms, 0);
	changed = n;
	changed.addresses[0].valid_until_ms++;
	assert_true(net6_missing(&changed, &n, &with, &missing));
	assert_address(&missing.addresses[0], "2001:db8:1::100", UPLINK);
}

/* --- the kernel ------------------------------------------------------------------------------- */

struct found {
	size_t addresses, routes;
};

static void see_address(void *arg, const struct netlink_address *a)
{
	struct found *f = arg;
	f->addresses += a->address.family == 6 && !ip_address_is_link_local(&a->address);
}

static void see_route(void *arg, const struct netlink_route *r)
{
	struct found *f = arg;
	f->routes += r->kind == NETLINK_ROUTE_UNREACHABLE;
}

static struct found look(uint32_t index)
{
	struct found f = {0};
	if (netlink_addresses(index, see_address, &f) ||
	    netlink_routes(0, NETLINK_PROTOCOL_DHCP, see_route, &f))
		abort();
	return f;
}

static int set_and_sweep(void)
{
	int ours = -1;
	uint32_t index;
	const struct ip_address theirs = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, 9, [15] = 9}};
	enum err e = user_is_root() ? OK : userns_enter();
	if (!e)
		e = netns_new(&ours);
	if (e == (enum err)EPERM || e == (enum err)EACCES || e == (enum err)ENOSPC)
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(ours) && !link_up("lo") && !link_add_veth("a0", "b0", -1));
	CHILD_CHECK(!link_up("a0") && !link_up("b0") && !link_index("a0", &index));
	CHILD_CHECK(!address_add("a0", &theirs, 64));
	struct net6 wanted = {.addresses_n = 1, .prefixes_n = 1}, none = {0};
	const struct net6 *all[] = {&wanted}, *empty[] = {&none};
	wanted.addresses[0] = (struct net6_address){.ifindex = index,
						    .address = theirs,
						    .bits = 64,
						    .preferred_until_ms = 0,
						    .valid_until_ms = NOW + 5000};
	wanted.addresses[0].address.bytes[15] = 1;
	wanted.prefixes[0] = ip_prefix_of(&theirs, 56);
	CHILD_CHECK(!net6_set(&wanted, &index, 1, all, 1, NOW));
	CHILD_CHECK(!net6_set(&wanted, &index, 1, all, 1, NOW)); /* the same again */
	struct found f = look(index);
	CHILD_CHECK(f.addresses == 2 && f.routes == 1);
	CHILD_CHECK(!net6_set(&none, &index, 1, empty, 1, NOW));
	f = look(index);
	CHILD_CHECK(f.addresses == 1 && f.routes == 0);
	return 0;
}

static void sets_and_removes_its_own_and_nothing_else(void **state)
{
	(void)state;
	assert_child(set_and_sweep, "network namespaces are not permitted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_and_a_subnet_are_wanted),
		cmocka_unit_test(a_prefix_that_is_gone_is_deprecated_for_at_most_two_hours),
		cmocka_unit_test(only_what_is_not_there_or_has_changed_is_missing),
		cmocka_unit_test(sets_and_removes_its_own_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
