#include "os/core_dump.h"

#include <sys/prctl.h>
#include <sys/resource.h>

enum err core_dump_off(void)
{
	const struct rlimit none = {0};
	/* The limit holds for files; a program that takes dumps by a pipe heeds the other alone. */
	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno();
	return OK;
}
