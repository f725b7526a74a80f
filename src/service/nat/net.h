/* The machine's devices, addresses and routes as the tables are made from them. Knows not how they
 * are learnt. */
#ifndef NAT_NET_H
#define NAT_NET_H

#include "proto/ip/prefix.h"
#include "service/nat/bpf/shared.h"

struct nat_net_device {
	uint32_t ifindex, mtu;
	char name[16];
	uint8_t mac[6];
	bool ethernet, up;
	int zone; /* as nat_conf_interface_zone; -1: in none */
};

struct nat_net_address {
	uint32_t ifindex;
	struct ip_address address;
	uint8_t bits;
};

struct nat_net_route {
	uint32_t ifindex;
	struct ip_prefix to;
};

/* All borrowed. */
struct nat_net {
	const struct nat_net_device *devices;
	size_t devices_n;
	const struct nat_net_address *addresses;
	size_t addresses_n;
	const struct nat_net_route *routes;
	size_t routes_n;
};

/* NULL: no such device. */
const struct nat_net_device *nat_net_device(const struct nat_net *net, uint32_t ifindex);
/* By the longest prefix of routes and of the devices' own networks; NULL: no way leads there. */
const struct nat_net_device *nat_net_device_to(const struct nat_net *net,
					       const struct ip_address *a);
/* One of the machine's own. */
bool nat_net_is_own(const struct nat_net *net, const struct ip_address *a);

#endif
