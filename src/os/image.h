/* One large file of a fixed size that is read and written at places of it, by one process at a
 * time. Knows nothing of what is in it.
 */
#ifndef OS_IMAGE_H
#define OS_IMAGE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opens path, or makes it with mode 0600, and locks it; *ret_new: it was not of that size, and is
 * empty now: all zeros. Room on the disk is taken for all of it where the file system can.
 * ERR_EXISTS: another one has it open. ENOSPC, EROFS and others of the system. */
MUST enum err image_open(const char *path, uint64_t size, int *ret_fd, bool *ret_new);
/* Zeros, as if it were new. */
MUST enum err image_empty(int fd, uint64_t size);

/* All len bytes, or an error: EIO at the file's end. Any thread. */
MUST enum err image_read(int fd, uint64_t at, void *to, size_t len);
/* That much is read soon: the kernel may begin. */
void image_ahead(int fd, uint64_t at, size_t len);
MUST enum err image_write(int fd, uint64_t at, const void *from, size_t len);
/* What was written lasts through a loss of power. */
MUST enum err image_sync(int fd);

#endif
