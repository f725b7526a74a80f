/* The client of the gateway's uplinks as the rest of the program sees it: a service. Says nothing
 * of how it works. */
#ifndef DHCP_CLIENT_SERVICE_H
#define DHCP_CLIENT_SERVICE_H

#include "control/service.h"

extern const struct service dhcp_client_service;
extern const struct config_map dhcp_client_conf_map; /* its section of the configuration */

#endif
