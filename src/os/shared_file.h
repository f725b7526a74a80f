/* A file of fixed length that one process writes to in memory while others look, or the next one
 * after it: not to be kept, but to be seen. Nothing is synced. Knows nothing of what is in it. */
#ifndef OS_SHARED_FILE_H
#define OS_SHARED_FILE_H

#include "base/err.h"

#include <stddef.h>

struct shared_file {
	void *base; /* NULL: nothing is mapped */
	size_t size;
};

/* A new file of zeros, mapped to be written; whatever was at path is removed first. Its room on the
 * disk is taken at once: what is full later would be a signal. Where it fails nothing is left. */
MUST enum err shared_file_make(const char *path, size_t size, struct shared_file *ret);
/* The file of that size that is there, as it was left, or a new one of zeros, mode 0600; room for
 * it is taken likewise. ERR_FORMAT: it is no file. */
MUST enum err shared_file_open(const char *path, size_t size, int *ret_fd);
/* Mapped to be written; fd: of shared_file_open, still the caller's. ERR_FORMAT: not of that size.
 */
MUST enum err shared_file_map(int fd, size_t size, struct shared_file *ret);
void shared_file_remove(const char *path); /* what is mapped of it stays */
/* By rename. */
MUST enum err shared_file_place(const char *from, const char *to);
/* Mapped to be read, and to see what its writer writes. Its writer never cuts it. ERR_LIMIT: longer
 * than size_max; ERR_FORMAT: empty, or no file, and nobody waits for one of those. */
MUST enum err shared_file_see(const char *path, size_t size_max, struct shared_file *ret);
void shared_file_unmap(struct shared_file *f); /* accepts zeroed storage */

/* From the kernel. */
MUST enum err shared_file_random(void *ret, size_t len);

#endif
