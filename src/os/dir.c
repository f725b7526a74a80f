#include "os/fd.h"
#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

static enum err make_one(const char *path, unsigned mode)
{
	struct stat st;
	if (mkdir(path, mode) == 0)
		return OK;
	if (errno != EEXIST)
		return err_errno();
	if (stat(path, &st) < 0)
		return err_errno();
	return S_ISDIR(st.st_mode) ? OK : (enum err)ENOTDIR;
}

enum err dir_ensure(const char *path, unsigned mode)
{
	char *copy = strdup(path);
	enum err e = copy ? OK : (enum err)ENOMEM;
	for (char *c = copy; !e && *c; c++) {
		if (*c != '/' || c == copy)
			continue;
		*c = '\0';
		e = make_one(copy, 0755);
		*c = '/';
	}
	free(copy);
	return e ? e : make_one(path, mode);
}

static bool is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Empties the directory behind fd, which it takes; what is on another device stays. */
static enum err empty(int fd, dev_t device, int depth)
{
	DIR *dir = fdopendir(fd);
	enum err e = OK;
	const struct dirent *entry;
	if (!dir) {
		e = err_errno();
		fd_done(&fd);
		return e;
	}
	while (!e && (errno = 0, entry = readdir(dir))) {
		struct stat st;
		if (is_self_or_parent(entry->d_name))
			continue;
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			e = errno == ENOENT ? OK : err_errno();
			continue;
		}
		bool is_dir = S_ISDIR(st.st_mode);
		if (is_dir) {
			int below = openat(fd, entry->d_name,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (below < 0)
				e = err_errno();
			else if (st.st_dev != device || depth == DEPTH_MAX)
				e = ERR_REFUSED, fd_done(&below);
			else
				e = empty(below, device, depth + 1);
		}
		if (!e && unlinkat(fd, entry->d_name, is_dir ? AT_REMOVEDIR : 0) < 0)
			e = err_errno();
	}
	if (!e && errno)
		e = err_errno();
	(void)closedir(dir);
	return e;
}

enum err dir_remove(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? OK : err_errno();
	if (fstat(fd, &st) < 0) {
		fd_done(&fd);
		return err_errno();
	}
	TRY(empty(fd, st.st_dev, 0));
	return rmdir(path) < 0 ? err_errno() : OK;
}

static int in_order_of_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

enum err dir_list(const char *path, enum err (*call)(void *arg, const char *name), void *arg)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, NULL, in_order_of_bytes);
	if (n < 0)
		return err_errno();
	enum err e = OK;
	for (int i = 0; i < n; i++) {
		if (!e && !is_self_or_parent(entries[i]->d_name))
			e = call(arg, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return e;
}
