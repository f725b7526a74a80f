#include "service/dhcp-client/io_net.h"

#include "os/netlink_route.h"

enum { OURS_MAX = 256 }; /* of each kind on a link; what is beyond goes with the next call */

/* What a DHCP client has set on the link, and whether it is to stay. */
struct ours {
	const struct setting *wanted; /* NULL: nothing is to stay */
	uint32_t metric;
	size_t addresses_n, routes_n;
	struct netlink_address addresses[OURS_MAX];
	struct netlink_route routes[OURS_MAX];
};

static void see_address(void *arg, const struct netlink_address *a)
{
	struct ours *o = arg;
	if (a->address.family != 4 || a->protocol != NETLINK_PROTOCOL_DHCP ||
	    o->addresses_n == OURS_MAX)
		return;
	if (o->wanted && ip_address_equal(&a->address, &o->wanted->address) &&
	    a->bits == o->wanted->bits)
		return;
	o->addresses[o->addresses_n++] = *a;
}

static void see_route(void *arg, const struct netlink_route *r)
{
	struct ours *o = arg;
	if (r->to.address.family != 4 || o->routes_n == OURS_MAX)
		return;
	for (size_t i = 0; o->wanted && i < o->wanted->routes_n; i++)
		if (ip_prefix_equal(&o->wanted->routes[i].to, &r->to) && r->metric == o->metric)
			return; /* set again, it is replaced */
	o->routes[o->routes_n++] = *r;
}

static void first_of(enum err *first, enum err e)
{
	if (!*first)
		*first = e;
}

/* Removes what is ours and not wanted. What has gone meanwhile is gone. */
static enum err remove_others(uint32_t ifindex, const struct setting *wanted, uint32_t metric)
{
	struct ours o = {.wanted = wanted, .metric = metric};
	enum err first = netlink_routes(ifindex, NETLINK_PROTOCOL_DHCP, see_route, &o);
	first_of(&first, netlink_addresses(ifindex, see_address, &o));
	for (size_t i = 0; i < o.routes_n; i++) {
		enum err e = netlink_route_remove(&o.routes[i]);
		first_of(&first, e == (enum err)ESRCH ? OK : e);
	}
	for (size_t i = 0; i < o.addresses_n; i++) {
		enum err e = netlink_address_remove(ifindex, &o.addresses[i].address,
						    o.addresses[i].bits);
		first_of(&first, e == (enum err)EADDRNOTAVAIL ? OK : e);
	}
	return first;
}

/* mtu 0: as it was before us. */
static enum err set_mtu(uint32_t ifindex, uint32_t mtu, uint32_t *mtu_before)
{
	struct netlink_link link;
	if (mtu == 0 && *mtu_before == 0)
		return OK;
	TRY(netlink_link_get(ifindex, &link));
	uint32_t wanted = mtu ? mtu : *mtu_before;
	/* Never above what the link was made for: a server would make it drop what it sends. */
	uint32_t most = *mtu_before ? *mtu_before : link.mtu;
	if (wanted > most)
		wanted = most;
	if (link.mtu != wanted)
		TRY(netlink_link_set_mtu(ifindex, wanted));
	*mtu_before = wanted == most ? 0 : most;
	return OK;
}

enum err net_set(uint32_t ifindex, const struct setting *s, uint32_t metric, uint32_t valid_s,
		 uint32_t *mtu_before)
{
	struct netlink_address address = {.ifindex = ifindex,
					  .address = s->address,
					  .bits = s->bits,
					  .valid_s = valid_s,
					  .preferred_s = valid_s,
					  .metric = metric,
					  .protocol = NETLINK_PROTOCOL_DHCP};
	/* Others first: with the first address of a prefix the kernel removes those that came
	 * later. */
	enum err first = remove_others(ifindex, s, metric);
	first_of(&first, netlink_address_set(&address));
	for (size_t i = 0; i < s->routes_n; i++) {
		const struct setting_route *r = &s->routes[i];
		struct netlink_route route = {.to = r->to,
					      .via = r->via,
					      .source = s->address,
					      .ifindex = ifindex,
					      .metric = metric,
					      .protocol = NETLINK_PROTOCOL_DHCP,
					      .on_link = r->on_link};
		first_of(&first, netlink_route_set(&route));
	}
	first_of(&first, set_mtu(ifindex, s->mtu, mtu_before));
	return first;
}

enum err net_unset(uint32_t ifindex, uint32_t *mtu_before)
{
	enum err first = remove_others(ifindex, NULL, 0);
	first_of(&first, set_mtu(ifindex, 0, mtu_before));
	return first;
}

struct wanted_address {
	struct ip_address address;
	bool found;
};

static void look_for(void *arg, const struct netlink_address *a)
{
	struct wanted_address *w = arg;
	w->found |=
		a->protocol == NETLINK_PROTOCOL_DHCP && ip_address_equal(&a->address, &w->address);
}

bool net_has(uint32_t ifindex, uint32_t address)
{
	struct wanted_address w = {.address = setting_address(address)};
	return netlink_addresses(ifindex, look_for, &w) == OK && w.found;
}
