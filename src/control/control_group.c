#include "control/control_group.h"

#include "config/global.h"
#include "os/sandbox.h"
#include "os/user.h"

#include <string.h>

enum err control_group_find(const struct config_global *global, const char *default_user,
			    uint32_t *ret_gid)
{
	struct user services;
	uint32_t gid;
	if (!global->control_group)
		return OK;
	TRY(user_group_find(global->control_group, &gid));
	const char *user =
		strcmp(global->user, SANDBOX_USER_DEFAULT) == 0 ? default_user : global->user;
	if (global->sandbox && sandbox_user_find(user, &services) == OK && services.uid != 0 &&
	    services.gid == gid)
		return ERR_REFUSED;
	*ret_gid = gid;
	return OK;
}
