#include "os/state_dir.h"

#include "os/fd.h"
#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* EINVAL: this user namespace does not have that user. */
static enum err give(int fd, const struct state_owner *owner)
{
	return fchown(fd, owner->uid, owner->gid) < 0 && errno != EINVAL ? err_errno() : OK;
}

/* A former owner may have laid links to the files of others here: a plain file with one name is no
 * such thing. */
static enum err give_file(int folder, const char *name, const struct state_owner *owner)
{
	struct stat st;
	AUTO_DONE(fd_done)
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? OK : err_errno();
	if (fstat(fd, &st) < 0)
		return err_errno();
	bool plain = S_ISREG(st.st_mode) && st.st_nlink == 1;
	return plain && (st.st_uid != owner->uid || st.st_gid != owner->gid) ? give(fd, owner) : OK;
}

static enum err give_files(int folder, const struct state_owner *owner)
{
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	enum err e = OK;
	if (!list) {
		e = err_errno();
		fd_done(&again);
		return e;
	}
	for (const struct dirent *entry; !e && (entry = readdir(list));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			e = give_file(folder, entry->d_name, owner);
	(void)closedir(list);
	return e;
}

enum err state_dir_make(const char *path, const struct state_owner *owner)
{
	char parent[PATH_MAX];
	struct stat st;
	if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
		return (enum err)ENAMETOOLONG;
	TRY(dir_ensure(dirname(parent), 0755));
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno();
	AUTO_DONE(fd_done)
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno();
	if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		return err_errno();
	if (!owner || geteuid() != 0)
		return OK;
	if (st.st_uid != owner->uid || st.st_gid != owner->gid)
		TRY(give(fd, owner));
	return give_files(fd, owner);
}

enum err state_dir_show(const char *path)
{
	return chmod(path, 0711) < 0 ? err_errno() : OK;
}
