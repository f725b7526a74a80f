#include "os/rotate.h"

#include "base/writer.h"
#include "os/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err reopen(struct rotate_file *f)
{
	struct stat st;
	f->fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (f->fd < 0)
		return err_errno();
	if (fstat(f->fd, &st) < 0) {
		enum err e = err_errno();
		fd_done(&f->fd);
		return e;
	}
	f->size = (uint64_t)st.st_size;
	return OK;
}

enum err rotate_open(const char *path, uint64_t size_max, unsigned files, struct rotate_file *ret)
{
	struct rotate_file f = {.fd = -1, .size_max = size_max, .files = files};
	ASSERT(files >= 1 && files <= ROTATE_FILES_MAX);
	/* Room for the number. */
	if (!span_to_cstr(span_text(path), f.path, sizeof(f.path) - 8))
		return (enum err)ENAMETOOLONG;
	TRY(reopen(&f));
	*ret = f;
	return OK;
}

static const char *nth(const struct rotate_file *f, unsigned n, char room[ROTATE_PATH_MAX])
{
	if (n == 0)
		return f->path;
	struct writer w = writer_of(room, ROTATE_PATH_MAX - 1);
	write_format(&w, "%s.%u", f->path, n);
	room[w.pos] = 0;
	return room;
}

static enum err put_aside(struct rotate_file *f)
{
	char from[ROTATE_PATH_MAX], to[ROTATE_PATH_MAX];
	fd_done(&f->fd);
	if (f->files == 1 && unlink(f->path) < 0 && errno != ENOENT)
		return err_errno();
	for (unsigned n = f->files - 1; n > 0; n--)
		if (rename(nth(f, n - 1, from), nth(f, n, to)) < 0 && errno != ENOENT)
			return err_errno();
	return reopen(f);
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

enum err rotate_write(struct rotate_file *f, struct span lines)
{
	if (f->fd < 0)
		TRY(reopen(f));
	if (f->size > 0 && f->size + lines.len > f->size_max)
		TRY(put_aside(f));
	enum err e = write_all(f->fd, lines);
	if (e) {
		/* Half a line would make the next one unreadable as well. */
		if (ftruncate(f->fd, (off_t)f->size) < 0)
			fd_done(&f->fd);
		return e;
	}
	f->size += lines.len;
	return OK;
}

void rotate_close(struct rotate_file *f)
{
	fd_done(&f->fd);
}
