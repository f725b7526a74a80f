#include "os/append.h"

#include "os/fd.h"

#include <fcntl.h>
#include <unistd.h>

static enum err cut(struct append_file *f)
{
	if (ftruncate(f->fd, (off_t)f->len) < 0 || fdatasync(f->fd) < 0 ||
	    lseek(f->fd, (off_t)f->len, SEEK_SET) < 0)
		return err_errno();
	return OK;
}

enum err append_open(const char *path, uint64_t len, struct append_file *ret)
{
	struct append_file f = {.fd = open(path, O_WRONLY | O_CLOEXEC), .len = len};

	if (f.fd < 0)
		return err_errno();
	enum err e = cut(&f);
	if (e) {
		fd_done(&f.fd);
		return e;
	}
	*ret = f;
	return OK;
}

static enum err write_all(int fd, struct span bytes)
{
	size_t at = 0;

	while (at < bytes.len) {
		ssize_t n = write(fd, bytes.data + at, bytes.len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno();
		at += (size_t)n;
	}
	return OK;
}

enum err append_write(struct append_file *f, struct span bytes)
{
	enum err e;

	if (f->broken || f->fd < 0)
		return (enum err)EIO;
	e = write_all(f->fd, bytes);
	if (!e && fdatasync(f->fd) < 0)
		e = err_errno();
	if (e) {
		/* After a failed sync the kernel no longer says what is on the disk. */
		f->broken = cut(f) != OK;
		return e;
	}
	f->len += bytes.len;
	return OK;
}

void append_close(struct append_file *f)
{
	fd_done(&f->fd);
}
