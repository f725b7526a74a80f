#include "service/vpn/conf_routes.h"

#include "service/vpn/conf_inner.h"

#include <stdlib.h>

/* The wider one first, so that what lies in it comes right behind. */
static int by_place(const void *va, const void *vb)
{
	const struct ip_prefix *a = va, *b = vb;
	int order = ip_address_compare(&a->address, &b->address);
	return order ? order : (a->bits > b->bits) - (a->bits < b->bits);
}

static bool is_within(const struct ip_prefix *inner, const struct ip_prefix *outer)
{
	return inner->bits >= outer->bits && ip_prefix_contains(outer, &inner->address);
}

static bool is_own(const struct vpn_interface_conf *f, const struct ip_prefix *p)
{
	struct vpn_device_address own;
	for (size_t a = 0; a < f->addresses.n; a++) {
		if (vpn_conf_address(f, a, &own) != OK)
			continue;
		struct ip_prefix network = ip_prefix_of(&own.address, own.bits);
		if (is_within(p, &network))
			return true;
	}
	return false;
}

static enum err choose(const struct vpn_interface_conf *f, const struct ip_prefix *sorted, size_t n,
		       struct ip_prefix ret[VPN_ROUTES_MAX], size_t *ret_n)
{
	size_t kept = 0;
	for (size_t k = 0; k < n; k++) {
		const struct ip_prefix *p = &sorted[k];
		if (p->bits == 0 || is_own(f, p) || (kept && is_within(p, &ret[kept - 1])))
			continue;
		if (kept == VPN_ROUTES_MAX)
			return ERR_LIMIT;
		ret[kept++] = *p;
	}
	*ret_n = kept;
	return OK;
}

enum err vpn_conf_routes(const struct vpn_interface_conf *f, struct ip_prefix ret[VPN_ROUTES_MAX],
			 size_t *ret_n)
{
	const struct ip_prefix *routes = f->routes.items;
	if (f->has_routes) {
		for (size_t k = 0; k < f->routes.n; k++)
			ret[k] = routes[k];
		*ret_n = f->routes.n;
		return OK;
	}
	size_t n = 0;
	for (size_t p = 0; p < f->peers.n; p++)
		n += vpn_conf_peer(f, p)->allowed_ips.n;
	struct ip_prefix *all = calloc(n + 1, sizeof(*all));
	if (!all)
		return ENOMEM;
	n = 0;
	for (size_t p = 0; p < f->peers.n; p++) {
		const struct config_list *list = &vpn_conf_peer(f, p)->allowed_ips;
		const struct ip_prefix *prefixes = list->items;
		for (size_t k = 0; k < list->n; k++)
			all[n++] = prefixes[k];
	}
	qsort(all, n, sizeof(*all), by_place);
	enum err e = choose(f, all, n, ret, ret_n);
	free(all);
	return e;
}

/* A route in two devices would be in one of them only. */
static void check_twice(const struct vpn_conf *c, size_t i, struct config_at *at)
{
	const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
	const struct ip_prefix *mine = f->routes.items;
	for (size_t k = 0; k < f->routes.n; k++)
		for (size_t o = 0; o < i; o++) {
			const struct vpn_interface_conf *other = vpn_conf_interface(c, o);
			const struct ip_prefix *theirs = other->routes.items;
			struct config_step steps[] = {{"interfaces", i}, {"routes", k}};
			for (size_t r = 0; r < other->routes.n; r++)
				if (ip_prefix_equal(&mine[k], &theirs[r]))
					config_fail_inside(at, steps, 2, "it is routed to %s",
							   other->name);
		}
}

void vpn_conf_check_routes(const struct vpn_conf *c, struct config_at *at)
{
	struct ip_prefix routes[VPN_ROUTES_MAX];
	size_t n;
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
		check_twice(c, i, at);
		if (vpn_conf_routes(f, routes, &n) == ERR_LIMIT)
			config_fail_item(at, "interfaces", i,
					 "the peers have more than %d networks; name the wider "
					 "ones in `routes`",
					 VPN_ROUTES_MAX);
	}
}
