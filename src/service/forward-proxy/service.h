/* The forward proxy as the rest of the program sees it: a service. Says nothing of how it works. */
#ifndef FORWARD_PROXY_SERVICE_H
#define FORWARD_PROXY_SERVICE_H

#include "control/service.h"

extern const struct service forward_proxy_service;
extern const struct config_map forward_conf_map; /* its section of the configuration */

#endif
