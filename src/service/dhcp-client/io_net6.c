#include "service/dhcp-client/io_net6.h"

#include "os/netlink_route.h"
#include "service/dhcp-client/delegate.h"

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static const struct net6_address *find(const struct net6 *n, const struct net6_address *a)
{
	for (size_t i = 0; i < n->addresses_n; i++)
		if (n->addresses[i].ifindex == a->ifindex &&
		    ip_address_equal(&n->addresses[i].address, &a->address))
			return &n->addresses[i];
	return NULL;
}

static void add(struct net6 *n, const struct net6_address *a)
{
	if (n->addresses_n < NET6_ADDRESSES_MAX && !find(n, a))
		n->addresses[n->addresses_n++] = *a;
}

static void add_delegated(struct net6 *n, const struct uplink6_lease *l,
			  const struct client_v6_conf *conf, const struct links *links)
{
	const struct client_delegate_conf *d = conf->delegate.items;
	if (n->prefixes_n < UPLINK6_LEASES_MAX)
		n->prefixes[n->prefixes_n++] = l->prefix;
	for (size_t i = 0; i < conf->delegate.n; i++) {
		const struct link *link = links_by_name(links, d[i].interface);
		struct net6_address a = {.bits = (uint8_t)d[i].length,
					 .lan = true,
					 .preferred_until_ms = l->preferred_until_ms,
					 .valid_until_ms = l->valid_until_ms};
		if (!link ||
		    !delegate_address(&l->prefix, &l->excluded, d[i].subnet_id, a.bits, &a.address))
			continue;
		a.ifindex = link->index;
		add(n, &a);
	}
}

void net6_wanted(const struct uplink6_lease *leases, size_t leases_n,
		 const struct client_v6_conf *conf, uint32_t ifindex, const struct links *links,
		 uint64_t now_ms, const struct net6 *last, struct net6 *ret)
{
	*ret = (struct net6){0};
	for (size_t i = 0; i < leases_n; i++) {
		const struct uplink6_lease *l = &leases[i];
		struct net6_address own = {.ifindex = ifindex,
					   .address = l->prefix.address,
					   .bits = 128,
					   .preferred_until_ms = l->preferred_until_ms,
					   .valid_until_ms = l->valid_until_ms};
		if (l->kind == DHCP6_IA_PD)
			add_delegated(ret, l, conf, links);
		else
			add(ret, &own);
	}
	for (size_t i = 0; i < last->addresses_n; i++) {
		struct net6_address a = last->addresses[i];
		a.valid_until_ms = earlier(a.valid_until_ms, now_ms + NET6_DEPRECATED_MS);
		a.preferred_until_ms = 0;
		if (a.lan && a.valid_until_ms > now_ms)
			add(ret, &a);
	}
}

static bool is_set(const struct net6_address *a, const struct net6 *last)
{
	const struct net6_address *was = find(last, a);
	return was && was->bits == a->bits && was->lan == a->lan &&
	       was->preferred_until_ms == a->preferred_until_ms &&
	       was->valid_until_ms == a->valid_until_ms;
}

static bool is_there(const struct net6_address *a, const struct link *link)
{
	for (size_t i = 0; i < link->addresses_n; i++)
		if (link->addresses[i].bits == a->bits &&
		    ip_address_equal(&link->addresses[i].address, &a->address))
			return true;
	return link->addresses_n == LINK_ADDRESSES_MAX; /* it may be one of those passed over */
}

bool net6_missing(const struct net6 *wanted, const struct net6 *last, const struct links *links,
		  struct net6 *ret)
{
	*ret = *wanted;
	ret->addresses_n = 0;
	for (size_t i = 0; i < wanted->addresses_n; i++) {
		const struct net6_address *a = &wanted->addresses[i];
		const struct link *link = links_by_index(links, a->ifindex);
		if (link && !(is_set(a, last) && is_there(a, link)))
			ret->addresses[ret->addresses_n++] = *a;
	}
	return ret->addresses_n > 0;
}

/* --- the kernel ------------------------------------------------------------------------------- */

struct sweep {
	const uint32_t *links;
	size_t links_n;
	const struct net6 *const *all;
	size_t all_n;
	size_t addresses_n, routes_n;
	struct netlink_address addresses[NET6_ADDRESSES_MAX];
	struct netlink_route routes[NET6_ADDRESSES_MAX];
};

static bool is_wanted(const struct sweep *s, const struct netlink_address *a)
{
	for (size_t n = 0; n < s->all_n; n++)
		for (size_t i = 0; i < s->all[n]->addresses_n; i++)
			if (s->all[n]->addresses[i].ifindex == a->ifindex &&
			    ip_address_equal(&s->all[n]->addresses[i].address, &a->address))
				return true;
	return false;
}

static void see_address(void *arg, const struct netlink_address *a)
{
	struct sweep *s = arg;
	bool here = false;
	for (size_t i = 0; i < s->links_n; i++)
		here |= s->links[i] == a->ifindex;
	if (here && a->address.family == 6 && a->protocol == NETLINK_PROTOCOL_DHCP &&
	    s->addresses_n < NET6_ADDRESSES_MAX && !is_wanted(s, a))
		s->addresses[s->addresses_n++] = *a;
}

static void see_route(void *arg, const struct netlink_route *r)
{
	struct sweep *s = arg;
	bool ours = r->to.address.family == 6 && r->kind == NETLINK_ROUTE_UNREACHABLE &&
		    r->metric == NET6_METRIC;
	for (size_t n = 0; ours && n < s->all_n; n++)
		for (size_t i = 0; i < s->all[n]->prefixes_n; i++)
			ours &= !ip_prefix_equal(&s->all[n]->prefixes[i], &r->to);
	if (ours && s->routes_n < NET6_ADDRESSES_MAX)
		s->routes[s->routes_n++] = *r;
}

static void first_of(enum err *first, enum err e)
{
	if (!*first)
		*first = e;
}

static enum err sweep(struct sweep *s)
{
	enum err first = netlink_addresses(0, see_address, s);
	first_of(&first, netlink_routes(0, NETLINK_PROTOCOL_DHCP, see_route, s));
	for (size_t i = 0; i < s->addresses_n; i++) {
		const struct netlink_address *a = &s->addresses[i];
		enum err e = netlink_address_remove(a->ifindex, &a->address, a->bits);
		first_of(&first, e == (enum err)EADDRNOTAVAIL ? OK : e);
	}
	for (size_t i = 0; i < s->routes_n; i++) {
		struct netlink_route r = s->routes[i];
		r.ifindex = 0; /* the kernel shows loopback's */
		enum err e = netlink_route_remove(&r);
		first_of(&first, e == (enum err)ESRCH ? OK : e);
	}
	return first;
}

static uint32_t seconds_left(uint64_t until_ms, uint64_t now_ms)
{
	if (until_ms == UINT64_MAX ||
	    (until_ms > now_ms && (until_ms - now_ms) / 1000 >= UINT32_MAX))
		return NETLINK_FOREVER;
	return until_ms > now_ms ? (uint32_t)((until_ms - now_ms + 999) / 1000) : 0;
}

static enum err set_address(const struct net6_address *a, uint64_t now_ms)
{
	struct netlink_address set = {.ifindex = a->ifindex,
				      .address = a->address,
				      .bits = a->bits,
				      .valid_s = seconds_left(a->valid_until_ms, now_ms),
				      .preferred_s = seconds_left(a->preferred_until_ms, now_ms),
				      .protocol = NETLINK_PROTOCOL_DHCP};
	return set.valid_s ? netlink_address_set(&set) : OK;
}

enum err net6_set(const struct net6 *wanted, const uint32_t *links, size_t links_n,
		  const struct net6 *const *all, size_t all_n, uint64_t now_ms)
{
	struct sweep s = {.links = links, .links_n = links_n, .all = all, .all_n = all_n};
	enum err first = OK;
	/* Before the addresses: what is not in a subnet yet must not go back to the provider. */
	for (size_t i = 0; i < wanted->prefixes_n; i++) {
		struct netlink_route r = {.to = wanted->prefixes[i],
					  .metric = NET6_METRIC,
					  .protocol = NETLINK_PROTOCOL_DHCP,
					  .kind = NETLINK_ROUTE_UNREACHABLE};
		first_of(&first, netlink_route_set(&r));
	}
	for (size_t i = 0; i < wanted->addresses_n; i++)
		first_of(&first, set_address(&wanted->addresses[i], now_ms));
	first_of(&first, sweep(&s));
	return first;
}
