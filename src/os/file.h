/* Whole files: read, mapped, replaced at once. Knows nothing of their contents. */
#ifndef OS_FILE_H
#define OS_FILE_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All bytes of a file, with a NUL after them that is not counted; free() by the caller. ERR_LIMIT:
 * longer than limit. EISDIR. Files of unknown length (/proc, pipes) are read to their end. */
MUST enum err file_read(const char *path, size_t limit, char **ret, size_t *ret_len);

/* A file in memory, read-only, for what is too large to copy. A file that others cut while it is
 * mapped raises SIGBUS in the reader: for files that are replaced by rename, not rewritten. */
struct file_map {
	struct span bytes; /* empty for an empty file */
	void *base;
};
MUST enum err file_map(const char *path, struct file_map *ret);
void file_unmap(struct file_map *map);

/* Writes a new file beside it, syncs it, renames it over path, syncs the directory: after a crash
 * the old bytes or the new, never a mix. mode: 0644, less the umask. */
MUST enum err file_write_atomic(const char *path, struct span bytes, unsigned mode);

/* Writes into the file that is there, in one write: for /proc/sys and the like. */
MUST enum err file_write_text(const char *path, const char *text);

/* Up to size bytes at offset of an open file; fewer only at its end. */
MUST enum err file_read_at(int fd, uint64_t offset, void *buf, size_t size, size_t *ret_len);

/* The folder that the file of that path is in: "." of a path without a slash. free() by the caller;
 * NULL: no memory. */
char *file_folder(const char *path);

/* Makes path and missing parents; OK when it is a directory already. mode is of the last one. */
MUST enum err dir_ensure(const char *path, unsigned mode);
/* Removes a directory and all below; does not follow links or cross mounts. OK when it is not
 * there. */
MUST enum err dir_remove(const char *path);
/* Calls for each entry but . and .., in the order of their bytes, until the callback returns an
 * error. */
MUST enum err dir_list(const char *path, enum err (*call)(void *arg, const char *name), void *arg);

struct file_state {
	uint64_t mtime_ns; /* since 1970 */
	uint64_t size, inode;
	bool is_dir;
};
/* ENOENT: not there. A change of any member means that it must be read again. */
MUST enum err file_stat(const char *path, struct file_state *ret);

#endif
