/* Bytes from one socket to another by way of a pipe, which the kernel need not copy. Knows nothing
 * of what they say. To be called where SIGPIPE is blocked, as it is in threads of os/thread.h:
 * splice(2) cannot be asked to be quiet.
 */
#ifndef OS_SPLICE_H
#define OS_SPLICE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed storage is none; not to be copied while it is open. */
struct splice_pipe {
	int read_fd, write_fd;
	size_t held; /* bytes that are in it */
};

MUST enum err splice_open(struct splice_pipe *p);
/* What is held is lost. Accepts zeroed storage. */
void splice_close(struct splice_pipe *p);

/* From fd into the pipe, at most that many. OK with *ret_len 0: nothing there now, or the pipe is
 * full. ERR_CLOSED: the other side has ended. */
MUST enum err splice_in(struct splice_pipe *p, int fd, size_t most, size_t *ret_len);
/* From the pipe to fd, as much as goes. more: other bytes follow soon. ERR_CLOSED: the other side
 * is gone. */
MUST enum err splice_out(struct splice_pipe *p, int fd, bool more, size_t *ret_len);

#endif
