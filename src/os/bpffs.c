#include "os/bpffs.h"

#include "os/fd.h"
#include "os/file.h"
#include "os/state_dir.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

bool bpffs_is(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static bool is_below_root(const char *path)
{
	size_t n = strlen(BPFFS_ROOT);
	return strncmp(path, BPFFS_ROOT, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Path, or the nearest folder above it that is there. */
static void nearest(const char *path, char *ret)
{
	(void)snprintf(ret, PATH_MAX, "%s", path);
	while (access(ret, F_OK) < 0 && strrchr(ret, '/') > ret)
		*strrchr(ret, '/') = '\0';
}

static enum err mount_one(const char *path)
{
	const char *at = is_below_root(path) ? BPFFS_ROOT : path;
	TRY(dir_ensure(at, 0755));
	if (mount("bpf", at, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711") < 0)
		return err_errno();
	return OK;
}

/* Lets others through the folders above path that lie in the file system. */
static enum err open_way(const char *path)
{
	char above[PATH_MAX];
	struct stat st;
	for (const char *c = strchr(path + 1, '/'); c; c = strchr(c + 1, '/')) {
		(void)snprintf(above, sizeof(above), "%.*s", (int)(c - path), path);
		if (!bpffs_is(above))
			continue;
		if (stat(above, &st) < 0)
			return err_errno();
		if (!(st.st_mode & S_IXOTH) && chmod(above, (st.st_mode & 07777) | S_IXOTH) < 0)
			return err_errno();
	}
	return OK;
}

struct handover {
	int folder;
	const char
		*path; /* of folder; what is listed there counts only as far as it is in folder */
	const struct state_owner *owner;
	bool below; /* folder is one of the service's own making: none further below */
};

static enum err give_folder(int fd, const char *path, const struct state_owner *owner, bool below);

static enum err give_below(const struct handover *h, const char *name)
{
	char path[PATH_MAX];
	AUTO_DONE(fd_done)
	int fd = openat(h->folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? OK : err_errno();
	if (snprintf(path, sizeof(path), "%s/%s", h->path, name) >= (int)sizeof(path))
		return ERR_LIMIT;
	return give_folder(fd, path, h->owner, true);
}

/* EINVAL: this user namespace does not have that user. A name more, or a link, may be a trap that a
 * former owner laid. */
static enum err give_one(void *arg, const char *name)
{
	const struct handover *h = arg;
	struct stat st;
	if (fstatat(h->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? OK : err_errno();
	if (S_ISDIR(st.st_mode) && !h->below)
		return give_below(h, name);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid == h->owner->uid)
		return OK;
	if (fchownat(h->folder, name, h->owner->uid, h->owner->gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EINVAL && errno != ENOENT)
		return err_errno();
	return OK;
}

static enum err give_folder(int fd, const char *path, const struct state_owner *owner, bool below)
{
	if (fchown(fd, owner->uid, owner->gid) < 0 && errno != EINVAL)
		return err_errno();
	struct handover h = {.folder = fd, .path = path, .owner = owner, .below = below};
	return dir_list(path, give_one, &h);
}

static enum err give(const char *path, const struct state_owner *owner)
{
	struct stat st;
	AUTO_DONE(fd_done)
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno();
	if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		return err_errno();
	return owner && geteuid() == 0 ? give_folder(fd, path, owner, false) : OK;
}

enum err bpffs_make(const char *path, const struct state_owner *owner)
{
	char there[PATH_MAX];
	if (path[0] != '/' || strlen(path) >= sizeof(there))
		return (enum err)EINVAL;
	nearest(path, there);
	if (!bpffs_is(there))
		TRY(mount_one(path));
	TRY(dir_ensure(path, 0700));
	TRY(open_way(path));
	return give(path, owner);
}
