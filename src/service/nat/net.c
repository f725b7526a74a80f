#include "service/nat/net.h"

const struct nat_net_device *nat_net_device(const struct nat_net *net, uint32_t ifindex)
{
	for (size_t i = 0; i < net->devices_n; i++)
		if (net->devices[i].ifindex == ifindex)
			return &net->devices[i];
	return NULL;
}

const struct nat_net_device *nat_net_device_to(const struct nat_net *net,
					       const struct ip_address *a)
{
	uint32_t best = 0;
	int best_bits = -1;
	for (size_t i = 0; i < net->addresses_n; i++) {
		const struct nat_net_address *own = &net->addresses[i];
		struct ip_prefix link = ip_prefix_of(&own->address, own->bits);
		if (own->bits > best_bits && ip_prefix_contains(&link, a)) {
			best = own->ifindex;
			best_bits = own->bits;
		}
	}
	for (size_t i = 0; i < net->routes_n; i++) {
		const struct nat_net_route *r = &net->routes[i];
		if (r->to.bits > best_bits && ip_prefix_contains(&r->to, a)) {
			best = r->ifindex;
			best_bits = r->to.bits;
		}
	}
	return best_bits < 0 ? NULL : nat_net_device(net, best);
}

bool nat_net_is_own(const struct nat_net *net, const struct ip_address *a)
{
	for (size_t i = 0; i < net->addresses_n; i++)
		if (ip_address_equal(&net->addresses[i].address, a))
			return true;
	return false;
}
