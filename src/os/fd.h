/* Ownership and flags of file descriptors. Knows nothing of what is behind one.
 *
 *	AUTO_DONE(fd_done) int fd = -1;		closed when it leaves scope
 *	*ret = fd_take(&fd);			handed over instead
 */
#ifndef OS_FD_H
#define OS_FD_H

#include "base/err.h"

#include <stdbool.h>

/* Closes *fd unless it is negative, and makes it -1. Leaves errno alone. */
void fd_done(int *fd);

static inline int fd_take(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

MUST enum err fd_set_nonblocking(int fd, bool on);
MUST enum err fd_set_cloexec(int fd, bool on);

/* A second descriptor for the same thing, close-on-exec. */
MUST enum err fd_duplicate(int fd, int *ret);

/* Raises the soft limit of open descriptors to `want`, or as far as the hard limit lets it; ret:
 * what it is now. */
MUST enum err fd_limit_raise(unsigned long want, unsigned long *ret);

#endif
