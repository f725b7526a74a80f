#include "os/shared_file.h"

#include "os/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err map(int fd, size_t size, int protection, struct shared_file *ret)
{
	void *base = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return err_errno();
	*ret = (struct shared_file){base, size};
	return OK;
}

enum err shared_file_make(const char *path, size_t size, struct shared_file *ret)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno();
	AUTO_DONE(fd_done)
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno();
	enum err e = (enum err)posix_fallocate(fd, 0, (off_t)size);
	if (!e)
		e = map(fd, size, PROT_READ | PROT_WRITE, ret);
	if (e)
		(void)unlink(path); /* of a full disk it has what was left */
	return e;
}

enum err shared_file_open(const char *path, size_t size, int *ret_fd)
{
	enum { HOW = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };
	struct stat st;
	AUTO_DONE(fd_done) int fd = open(path, HOW, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno();
	if (!S_ISREG(st.st_mode))
		return ERR_FORMAT;
	if ((size_t)st.st_size != size) {
		/* Who has mapped it still would die of a file that is cut. */
		fd_done(&fd);
		if (unlink(path) < 0)
			return err_errno();
		fd = open(path, HOW | O_EXCL, 0600);
		if (fd < 0)
			return err_errno();
	}
	TRY((enum err)posix_fallocate(fd, 0, (off_t)size));
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err shared_file_map(int fd, size_t size, struct shared_file *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_errno();
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size != size)
		return ERR_FORMAT;
	return map(fd, size, PROT_READ | PROT_WRITE, ret);
}

void shared_file_remove(const char *path)
{
	(void)unlink(path);
}

enum err shared_file_place(const char *from, const char *to)
{
	return rename(from, to) < 0 ? err_errno() : OK;
}

enum err shared_file_see(const char *path, size_t size_max, struct shared_file *ret)
{
	struct stat st;
	AUTO_DONE(fd_done) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno();
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return ERR_FORMAT;
	if ((size_t)st.st_size > size_max)
		return ERR_LIMIT;
	return map(fd, (size_t)st.st_size, PROT_READ, ret);
}

void shared_file_unmap(struct shared_file *f)
{
	if (f->base)
		(void)munmap(f->base, f->size);
	*f = (struct shared_file){0};
}

enum err shared_file_random(void *ret, size_t len)
{
	return getrandom(ret, len, 0) == (ssize_t)len ? OK : err_errno();
}
