/* Translation as the rest of the program sees it: a service. Says nothing of how it works. */
#ifndef NAT_SERVICE_H
#define NAT_SERVICE_H

#include "control/service.h"

extern const struct service nat_service;
extern const struct config_map nat_conf_map; /* its section of the configuration */

#endif
