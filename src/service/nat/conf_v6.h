/* What the `nat` section says of IPv6: whether it is forwarded, prefixes that are others outside,
 * and NAT64. Knows no device and no map. */
#ifndef NAT_CONF_V6_H
#define NAT_CONF_V6_H

#include "config/schema.h"
#include "proto/ip/prefix.h"

enum { NAT_CONF_PREFIXES_MAX = 16, NAT_CONF_PREFIX_BITS_MAX = 64 };

/* RFC 6296. */
struct nat_prefix_conf {
	struct ip_prefix inside, outside;
	uint32_t line;
};

extern const struct config_map nat_prefix_conf_map;

struct nat_v6_conf {
	bool forward;
	struct config_list prefixes; /* struct nat_prefix_conf */
	struct ip_prefix nat64;	     /* family 0: none */
};

/* For the judge of the section that has these under `ipv6`, `nptv6` and `nat64`. */
void nat_v6_conf_check(const struct nat_v6_conf *c, struct config_at *at);

#endif
