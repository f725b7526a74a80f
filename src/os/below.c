#include "os/below.h"

#include "os/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum err below_root(const char *path, int *ret_fd)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno();
	*ret_fd = fd;
	return OK;
}

static enum err look(int fd, struct below_file *ret)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_errno();
	*ret = (struct below_file){.size = (uint64_t)st.st_size,
				   .mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 +
					       (uint64_t)st.st_mtim.tv_nsec,
				   .inode = st.st_ino,
				   .is_dir = S_ISDIR(st.st_mode),
				   .is_plain = S_ISREG(st.st_mode)};
	return OK;
}

enum err below_open(int root, const char *path, bool links, int *ret_fd, struct below_file *ret)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	if (!links)
		how.resolve |= RESOLVE_NO_SYMLINKS;
	/* EAGAIN: a folder on the way was renamed meanwhile; once more is enough in practice. */
	for (unsigned tries = 0; tries < 3 && fd < 0; tries++) {
		fd = (int)syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			return err_errno();
	}
	if (fd < 0)
		return EAGAIN;
	TRY(look(fd, ret));
	*ret_fd = fd_take(&fd);
	return OK;
}

enum err below_read(int fd, uint64_t at, void *buf, size_t len, size_t *ret_len)
{
	ssize_t n = pread(fd, buf, len, (off_t)at);
	if (n < 0)
		return err_errno();
	*ret_len = (size_t)n;
	return OK;
}

static bool is_dir(int fd, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

enum err below_list(int dir_fd, enum err (*call)(void *arg, const char *name, bool is_dir),
		    void *arg)
{
	int copy;
	TRY(fd_duplicate(dir_fd, &copy));
	DIR *dir = fdopendir(copy);
	if (!dir) {
		enum err failed = err_errno();
		fd_done(&copy);
		return failed;
	}
	rewinddir(dir);
	enum err e = OK;
	const struct dirent *entry;
	while (!e && (entry = readdir(dir))) {
		struct span name = span_text(entry->d_name);
		if (!span_is(name, ".") && !span_is(name, ".."))
			e = call(arg, entry->d_name, is_dir(dir_fd, entry));
	}
	(void)closedir(dir);
	return e;
}
