/* Brings a link's addresses and routes by DHCP to what a setting says, and removes them. Touches
 * nothing that somebody else has set: what is ours bears the protocol number of DHCP. */
#ifndef DHCP_CLIENT_IO_NET_H
#define DHCP_CLIENT_IO_NET_H

#include "service/dhcp-client/setting.h"

/* valid_s: how long the address may stay if nobody renews it; LEASE_FOREVER. The first error is
 * returned, and what can be set is set all the same. mtu_before: in: what the MTU was before we
 * changed it, 0: we have not; out likewise. */
MUST enum err net_set(uint32_t ifindex, const struct setting *s, uint32_t metric, uint32_t valid_s,
		      uint32_t *mtu_before);
/* IPv4 addresses and routes that a DHCP client set on the link, and the MTU. */
MUST enum err net_unset(uint32_t ifindex, uint32_t *mtu_before);
/* Whether the link has that address from a DHCP client. */
bool net_has(uint32_t ifindex, uint32_t address);

#endif
