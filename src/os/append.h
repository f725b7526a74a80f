/* A file that only grows, each piece durable before the call returns. Knows nothing of what is in
 * it. */
#ifndef OS_APPEND_H
#define OS_APPEND_H

#include "base/err.h"
#include "base/span.h"

struct append_file {
	int fd; /* -1: closed */
	uint64_t len;
	bool broken; /* what lies behind len could not be cut off: it takes nothing more */
};

#define APPEND_FILE_CLOSED ((struct append_file){.fd = -1})

/* Opens path, which must be there, to go on behind its first len octets; what lies behind them is
 * cut off. Errors of the system. */
MUST enum err append_open(const char *path, uint64_t len, struct append_file *ret);

/* Writes all of it and waits until the disk has it. On an error the file is as before, or broken.
 */
MUST enum err append_write(struct append_file *f, struct span bytes);

void append_close(struct append_file *f); /* accepts one that is closed */

#endif
