#include "service/nat/net.h"

const struct nat_net_device *nat_net_device(const struct nat_net *net, uint32_t ifindex)
{
	for (size_t i = 0; i < net->devices_n; i++)
		if (net->devices[i].ifindex == ifindex)
			return &net->devices[i];
	return NULL;
}

bool nat_net_is_own(const struct nat_net *net, const struct ip_address *a)
{
	for (size_t i = 0; i < net->addresses_n; i++)
		if (ip_address_equal(&net->addresses[i].address, a))
			return true;
	return false;
}
