/* Which networks a tunnel device gets routes for. Knows no device. */
#ifndef VPN_CONF_ROUTES_H
#define VPN_CONF_ROUTES_H

#include "service/vpn/conf.h"

/* Those of `routes`, or else of the peers' allowed IPs: without those within the device's own
 * networks or within another route, and without all of the Internet. ERR_LIMIT when they are more
 * than VPN_ROUTES_MAX; ENOMEM. */
MUST enum err vpn_conf_routes(const struct vpn_interface_conf *f,
			      struct ip_prefix ret[VPN_ROUTES_MAX], size_t *ret_n);

#endif
