/* From a delegated prefix to the address of a LAN's interface (RFC 8415 6.3, RFC 7084). Knows no
 * lease and no kernel. */
#ifndef DHCP_CLIENT_DELEGATE_H
#define DHCP_CLIENT_DELEGATE_H

#include "proto/ip/prefix.h"

/* The first address (…::1) of the subnet with that number and length inside the delegated prefix.
 * excluded: what the provider keeps (RFC 6603); family 0: nothing. False: there is no such subnet,
 * or it is the provider's. */
bool delegate_address(const struct ip_prefix *delegated, const struct ip_prefix *excluded,
		      uint32_t subnet_id, uint8_t length, struct ip_address *ret);

#endif
