/* What a lease sets on a link: one address and its routes, as the kernel is to have them. Knows no
 * kernel. */
#ifndef DHCP_CLIENT_SETTING_H
#define DHCP_CLIENT_SETTING_H

#include "proto/ip/prefix.h"
#include "service/dhcp-client/lease.h"

struct setting_route {
	struct ip_prefix to;
	struct ip_address via; /* family 0: on the link */
	bool on_link;	       /* via is a neighbour though it lies in no prefix of ours */
};

struct setting {
	struct ip_address address;
	uint8_t bits;
	uint32_t mtu; /* 0: as it is */
	size_t routes_n;
	struct setting_route routes[LEASE_ROUTES_MAX];
};

struct ip_address setting_address(uint32_t host_order);

/* with_routes, with_mtu: else they are left out. The route to the address's own prefix is the
 * kernel's and is left out always. */
void setting_of(const struct lease *l, bool with_routes, bool with_mtu, struct setting *ret);

#endif
