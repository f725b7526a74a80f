/* Names of users and groups to numbers. Knows nothing of passwords. */
#ifndef OS_USER_H
#define OS_USER_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct user {
	uint32_t uid, gid;
};

/* A name of the user database, or number[:number] (the group is the same number when not given).
 * ERR_ABSENT: no such user. */
MUST enum err user_find(const char *text, struct user *ret);

/* A name of the group database, or a number. ERR_ABSENT: no such group. */
MUST enum err user_group_find(const char *text, uint32_t *ret_gid);

/* Becomes that user in all three uids and gids, without other groups; keep_capabilities: permitted
 * ones stay permitted. Keeps the parent-death signal, which the kernel clears here. EINVAL: this
 * user namespace does not have that user. */
MUST enum err user_become(struct user user, bool keep_capabilities);

bool user_is_root(void);

#endif
