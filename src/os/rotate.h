/* A file of lines that grows to a size and is then put aside as NAME.1, that one as NAME.2 and so
 * on, the last being removed. Knows nothing of what is in it, and promises nothing of a crash. */
#ifndef OS_ROTATE_H
#define OS_ROTATE_H

#include "base/err.h"
#include "base/span.h"

enum { ROTATE_PATH_MAX = 4096, ROTATE_FILES_MAX = 10000 };

struct rotate_file {
	char path[ROTATE_PATH_MAX];
	int fd; /* -1: closed */
	uint64_t size, size_max;
	unsigned files; /* with the one being written */
};

#define ROTATE_FILE_CLOSED ((struct rotate_file){.fd = -1})

/* Goes on at the end of the file at path, which is made (0640) when it is not there. ENAMETOOLONG;
 * errors of the system. */
MUST enum err rotate_open(const char *path, uint64_t size_max, unsigned files,
			  struct rotate_file *ret);

/* Whole lines. Puts the file aside before when it would become larger than size_max. On an error
 * (ENOSPC) what was written of them is cut off again; the next write tries anew. */
MUST enum err rotate_write(struct rotate_file *f, struct span lines);

void rotate_close(struct rotate_file *f); /* accepts one that is closed */

#endif
