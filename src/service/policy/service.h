/* The service of the policy as the rest of the program sees it. Says nothing of how it works. */
#ifndef POLICY_SERVICE_H
#define POLICY_SERVICE_H

#include "control/service.h"

extern const struct service policy_service;
extern const struct config_map policy_conf_map; /* its section of the configuration */

#endif
