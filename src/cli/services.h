/* The services that this program has, and the sections of the configuration that follow from them.
 * Knows nothing of what they serve. */
#ifndef CLI_SERVICES_H
#define CLI_SERVICES_H

#include "config/schema.h"
#include "control/service.h"

extern const struct service *const service_table[]; /* ended by NULL */
extern const struct config_sections service_sections;

const struct service *service_find(const char *name);

#endif
