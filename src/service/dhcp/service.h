/* The address server as the rest of the program sees it: a service. Says nothing of how it works.
 */
#ifndef DHCP_SERVICE_H
#define DHCP_SERVICE_H

#include "control/service.h"

extern const struct service dhcp_service;
extern const struct config_map dhcp_conf_map; /* its section of the configuration */

#endif
