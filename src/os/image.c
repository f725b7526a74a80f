#include "os/image.h"

#include "os/fd.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum err image_empty(int fd, uint64_t size)
{
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_errno();
	if (!fallocate(fd, 0, 0, (off_t)size) || errno == EOPNOTSUPP || errno == ENOSYS)
		return OK;
	enum err e = err_errno();
	/* What there was of room others need; and it is no file of that size. */
	return ftruncate(fd, 0) < 0 ? err_errno() : e;
}

enum err image_open(const char *path, uint64_t size, int *ret_fd, bool *ret_new)
{
	struct stat st;
	AUTO_DONE(fd_done)
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno();
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? ERR_EXISTS : err_errno();
	if (fstat(fd, &st) < 0)
		return err_errno();
	if (!S_ISREG(st.st_mode))
		return (enum err)EINVAL;
	bool new = (uint64_t)st.st_size != size;
	if (new)
		TRY(image_empty(fd, size));
	*ret_new = new;
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err image_read(int fd, uint64_t at, void *to, size_t len)
{
	for (char *next = to; len;) {
		ssize_t n = pread(fd, next, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? err_errno() : (enum err)EIO;
		next += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return OK;
}

void image_ahead(int fd, uint64_t at, size_t len)
{
	(void)posix_fadvise(fd, (off_t)at, (off_t)len, POSIX_FADV_WILLNEED);
}

enum err image_write(int fd, uint64_t at, const void *from, size_t len)
{
	for (const char *next = from; len;) {
		ssize_t n = pwrite(fd, next, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? err_errno() : (enum err)EIO;
		next += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return OK;
}

enum err image_sync(int fd)
{
	return fdatasync(fd) < 0 ? err_errno() : OK;
}
