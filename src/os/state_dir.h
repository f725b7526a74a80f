/* The directory in which one service keeps its files: made by root, owned by the user that the
 * service becomes. Knows no service and nothing of what is kept. */
#ifndef OS_STATE_DIR_H
#define OS_STATE_DIR_H

#include "base/err.h"

#include <stdint.h>

struct state_owner {
	uint32_t uid, gid;
};

/* Makes path (its parents: 0755) with mode 0700, owned by owner; NULL: ours. One that is there, and
 * the plain files in it, are handed to owner when they are somebody else's: `user:` was changed. A
 * user namespace without that user leaves it ours. ENOTDIR, ELOOP: another thing is at path. */
MUST enum err state_dir_make(const char *path, const struct state_owner *owner);

/* From now on others may open the files in it that their own modes let them, by name (0711); until
 * the next state_dir_make. For its owner. */
MUST enum err state_dir_show(const char *path);

#endif
