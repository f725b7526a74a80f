/* Who beside root may use the control sockets. Names a group of the configuration to its number,
 * and knows who may not be it: the services, of which one that was taken over would command the
 * others.
 */
#ifndef CONTROL_CONTROL_GROUP_H
#define CONTROL_CONTROL_GROUP_H

#include "base/err.h"

#include <stdint.h>

struct config_global;

/* Without `control-group`, ret_gid stays as it is. default_user: whom `user: gatehouse` means here.
 * ERR_ABSENT: there is no such group; ERR_REFUSED: the services run as it. */
MUST enum err control_group_find(const struct config_global *global, const char *default_user,
				 uint32_t *ret_gid);

#endif
