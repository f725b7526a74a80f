#include "service/dhcp-client/setting.h"

struct ip_address setting_address(uint32_t a)
{
	return ip_address_v4((uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a);
}

static void add_route(struct setting *s, const struct lease *l, const struct lease_route *r)
{
	struct ip_prefix own = ip_prefix_of(&s->address, s->bits);
	struct ip_address to = setting_address(r->destination);
	struct setting_route *route = &s->routes[s->routes_n];
	*route = (struct setting_route){.to = ip_prefix_of(&to, r->bits)};
	if (ip_prefix_equal(&route->to, &own))
		return;
	/* A router that is we ourselves: the destination is on the link. */
	if (r->router && r->router != l->address) {
		route->via = setting_address(r->router);
		/* RFC 3442 has the route to the router before the route by it; a provider's /32
		 * often comes without. */
		route->on_link = !ip_prefix_contains(&own, &route->via);
	}
	s->routes_n++;
}

void setting_of(const struct lease *l, bool with_routes, bool with_mtu, struct setting *ret)
{
	*ret = (struct setting){.address = setting_address(l->address), .bits = l->bits};
	ret->mtu = with_mtu ? l->mtu : 0;
	for (size_t i = 0; with_routes && i < l->routes_n; i++)
		add_route(ret, l, &l->routes[i]);
}
