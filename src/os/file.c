#include "os/file.h"

#include "os/clock.h"
#include "os/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

/* Reads to the end; the size is a first guess, since /proc says 0 and a file may grow. */
static enum err read_all(int fd, size_t guess, size_t limit, char **ret, size_t *ret_len)
{
	size_t size = guess + 2, len = 0;
	char *text = malloc(size);
	for (;;) {
		if (text && size - len < 2) {
			char *more = realloc(text, size * 2);
			if (!more)
				free(text);
			text = more;
			size *= 2;
		}
		if (!text)
			return (enum err)ENOMEM;
		ssize_t n = read(fd, text + len, size - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		len += n > 0 ? (size_t)n : 0;
		if (n < 0 || len > limit) {
			enum err e = n < 0 ? err_errno() : ERR_LIMIT;
			free(text);
			return e;
		}
		if (n == 0) {
			text[len] = '\0';
			*ret = text;
			*ret_len = len;
			return OK;
		}
	}
}

enum err file_read(const char *path, size_t limit, char **ret, size_t *ret_len)
{
	struct stat st;
	AUTO_DONE(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno();
	if (S_ISDIR(st.st_mode))
		return (enum err)EISDIR;
	size_t size = st.st_size > 0 ? (size_t)st.st_size : 4096;
	if (S_ISREG(st.st_mode) && st.st_size > 0 && size > limit)
		return ERR_LIMIT;
	return read_all(fd, size, limit, ret, ret_len);
}

enum err file_map(const char *path, struct file_map *ret)
{
	struct stat st;
	AUTO_DONE(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno();
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? (enum err)EISDIR : ERR_UNSUPPORTED;
	if (st.st_size == 0) { /* mmap refuses a length of 0 */
		*ret = (struct file_map){0};
		return OK;
	}
	size_t size = (size_t)st.st_size;
	void *base = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (base == MAP_FAILED)
		return err_errno();
	(void)madvise(base, size, MADV_SEQUENTIAL);
	*ret = (struct file_map){.bytes = span_of(base, size), .base = base};
	return OK;
}

void file_unmap(struct file_map *map)
{
	if (!map)
		return;
	if (map->base)
		(void)munmap(map->base, map->bytes.len);
	*map = (struct file_map){0};
}

enum err file_stat(const char *path, struct file_state *ret)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return err_errno();
	*ret = (struct file_state){.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 +
					       (uint64_t)st.st_mtim.tv_nsec,
				   .size = (uint64_t)st.st_size,
				   .inode = st.st_ino,
				   .is_dir = S_ISDIR(st.st_mode)};
	return OK;
}

/* ---- writing ---- */

static enum err write_all(int fd, struct span bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.data, bytes.len);
		if (n < 0 && errno != EINTR)
			return err_errno();
		if (n > 0)
			bytes = span_sub(bytes, (size_t)n, bytes.len);
	}
	return OK;
}

static enum err write_synced(const char *path, struct span bytes, unsigned mode)
{
	AUTO_DONE(fd_done)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno();
	enum err e = write_all(fd, bytes);
	if (!e && fsync(fd) < 0)
		e = err_errno();
	if (e)
		(void)unlink(path);
	return e;
}

char *file_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return strdup(".");
	return strndup(path, slash > path ? (size_t)(slash - path) : 1);
}

/* The rename itself is durable only when the directory is. */
static enum err sync_parent(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = '\0';
	AUTO_DONE(fd_done) int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_errno();
	return OK;
}

enum err file_write_atomic(const char *path, struct span bytes, unsigned mode)
{
	char *beside = NULL;
	if (asprintf(&beside, "%s.%d.%" PRIx64, path, (int)getpid(), clock_monotonic_us()) < 0)
		return (enum err)ENOMEM;
	enum err e = write_synced(beside, bytes, mode);
	if (!e && rename(beside, path) < 0) {
		e = err_errno();
		(void)unlink(beside);
	}
	if (!e)
		e = sync_parent(beside);
	free(beside);
	return e;
}

enum err file_write_text(const char *path, const char *text)
{
	AUTO_DONE(fd_done) int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno();
	ssize_t n = write(fd, text, strlen(text));
	if (n < 0)
		return err_errno();
	return (size_t)n == strlen(text) ? OK : (enum err)EIO;
}

enum err file_read_at(int fd, uint64_t offset, void *buf, size_t size, size_t *ret_len)
{
	size_t got = 0;
	while (got < size) {
		ssize_t n = pread(fd, (char *)buf + got, size - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno();
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_len = got;
	return OK;
}
