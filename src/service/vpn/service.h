/* Tunnels as the rest of the program sees them: a service. Says nothing of how it works. */
#ifndef VPN_SERVICE_H
#define VPN_SERVICE_H

#include "control/service.h"

extern const struct service vpn_service;
extern const struct config_map vpn_conf_map; /* its section of the configuration */

#endif
