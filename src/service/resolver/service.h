/* The recursive resolver as the rest of the program sees it: a service. Says nothing of how it
 * works. */
#ifndef RESOLVER_SERVICE_H
#define RESOLVER_SERVICE_H

#include "control/service.h"

extern const struct service resolver_service;
extern const struct config_map resolver_conf_map; /* its section of the configuration */

#endif
