/* Files below one folder, and nothing else, whatever their names say. Knows nothing of what they
 * are for. */
#ifndef OS_BELOW_H
#define OS_BELOW_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct below_file {
	uint64_t size, mtime_ns, inode; /* mtime since 1970 */
	bool is_dir, is_plain;		/* neither: a device, a pipe, a socket */
};

/* A folder that others are opened below. ENOTDIR. */
MUST enum err below_root(const char *path, int *ret_fd);

/* Opens "a/b.txt" (no slash in front; "" is the root itself) for reading. The kernel itself keeps
 * it below root (openat2, RESOLVE_BENEATH): EXDEV when the name or a link leads out. links false:
 * ELOOP for any symbolic link on the way. Never waits for a pipe's other end. */
MUST enum err below_open(int root, const char *path, bool links, int *ret_fd,
			 struct below_file *ret);

/* Reads at that place, at most len bytes; 0 at the end. */
MUST enum err below_read(int fd, uint64_t at, void *buf, size_t len, size_t *ret_len);

/* The names in an open folder but . and .., in no order; until the callback returns an error. */
MUST enum err below_list(int dir_fd, enum err (*call)(void *arg, const char *name, bool is_dir),
			 void *arg);

#endif
