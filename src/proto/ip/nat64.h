/* IPv4 addresses inside IPv6 ones, as translators write them (RFC 6052), for DNS64 and NAT64 alike.
 * Knows no packet and no name, and not which prefixes a site uses. */
#ifndef PROTO_IP_NAT64_H
#define PROTO_IP_NAT64_H

#include "proto/ip/prefix.h"

/* 64:ff9b::/96, RFC 6052 2.1. */
extern const struct ip_prefix ip_nat64_well_known;

/* RFC 6052 2.2: 32, 40, 48, 56, 64 or 96 bits of IPv6, and bits 64 to 71 zero. All functions below
 * want such a prefix. */
bool ip_nat64_prefix_is_valid(const struct ip_prefix *p);

/* RFC 6052 2.2, 2.3: the four octets follow the prefix, around octet 8, which stays zero as does
 * the suffix. v4: of family 4. */
struct ip_address ip_nat64_embed(const struct ip_prefix *p, const struct ip_address *v4);

/* The reverse. False, ret untouched: a is not under the prefix, or its octet 8 is not zero. What
 * the suffix holds is ignored (RFC 6052 2.2). */
bool ip_nat64_extract(const struct ip_prefix *p, const struct ip_address *a,
		      struct ip_address *ret);

/* Is the IPv4 address reachable in the internet at large? Those that are not MUST NOT be written
 * with the well-known prefix, and a translator MUST drop such packets (RFC 6052 3.1). The list is
 * IANA's of special-purpose addresses (RFC 6890), with multicast. */
bool ip_nat64_is_global(const struct ip_address *v4);

#endif
