/* Core dumps of this process, which would put its secrets into a file. Knows no secret. */
#ifndef OS_CORE_DUMP_H
#define OS_CORE_DUMP_H

#include "base/err.h"

/* No core dump from now on, and no other process of this user reads our memory. Before the sandbox.
 */
MUST enum err core_dump_off(void);

#endif
