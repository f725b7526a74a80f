/* The reverse proxy as the rest of the program sees it: a service. Says nothing of how it works. */
#ifndef REVERSE_PROXY_SERVICE_H
#define REVERSE_PROXY_SERVICE_H

#include "control/service.h"

extern const struct service reverse_proxy_service;
extern const struct config_map reverse_conf_map; /* its section of the configuration */

#endif
