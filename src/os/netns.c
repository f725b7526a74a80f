#include "os/netns.h"

#include "os/fd.h"
#include "os/file.h"
#include "os/thread.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum err userns_enter(void)
{
	char uid_map[64], gid_map[64];
	(void)snprintf(uid_map, sizeof(uid_map), "0 %u 1", getuid());
	(void)snprintf(gid_map, sizeof(gid_map), "0 %u 1", getgid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return err_errno();
	/* user_namespaces(7): who may not set groups outside must give them up before he maps his
	 * own. */
	TRY(file_write_text("/proc/self/setgroups", "deny"));
	TRY(file_write_text("/proc/self/uid_map", uid_map));
	TRY(file_write_text("/proc/self/gid_map", gid_map));
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? err_errno() : OK;
}

enum err netns_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno();
	*ret_fd = fd;
	return OK;
}

enum err netns_of(pid_t pid, int *ret_fd)
{
	char path[64];
	if (pid == 0)
		return netns_open("/proc/thread-self/ns/net", ret_fd);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return netns_open(path, ret_fd);
}

enum err netns_enter(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? err_errno() : OK;
}

struct birth {
	int fd;
	enum err error;
};

static void give_birth(void *arg)
{
	struct birth *birth = arg;
	birth->error = unshare(CLONE_NEWNET) < 0 ? err_errno() : netns_of(0, &birth->fd);
}

/* A thread of its own goes there and fetches the descriptor: to come back, as the calling thread
 * would have to, is forbidden to one who is root only in his user namespace. */
enum err netns_new(int *ret_fd)
{
	struct birth birth = {.fd = -1};
	struct thread thread;
	TRY(thread_start(&thread, "netns", -1, give_birth, &birth));
	thread_join(&thread);
	TRY(birth.error);
	*ret_fd = birth.fd;
	return OK;
}

enum err netns_bind(int fd, const char *path)
{
	char from[64];
	AUTO_DONE(fd_done) int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (file < 0)
		return err_errno();
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	enum err e = mount_bind(from, path);
	if (e)
		(void)unlink(path);
	return e;
}

enum err netns_unbind(const char *path)
{
	TRY(mount_remove(path));
	return unlink(path) < 0 && errno != ENOENT ? err_errno() : OK;
}

/* Whether the process has another namespace of that kind than we have. */
static enum err differs(pid_t pid, const char *kind, bool *ret)
{
	char ours[64], theirs[64];
	struct stat a, b;
	(void)snprintf(ours, sizeof(ours), "/proc/self/ns/%s", kind);
	(void)snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", (int)pid, kind);
	if (stat(ours, &a) < 0 || stat(theirs, &b) < 0)
		return err_errno();
	*ret = a.st_ino != b.st_ino || a.st_dev != b.st_dev;
	return OK;
}

enum err namespaces_enter(pid_t pid)
{
	static const struct {
		const char *kind;
		int flag;
	} kinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"net", CLONE_NEWNET}};
	AUTO_DONE(fd_done) int pidfd = pidfd_open(pid, 0);
	int flags = 0;
	if (pidfd < 0)
		return err_errno();
	/* setns(2): to enter the user namespace that one is in is an error, and to enter a network
	 * namespace takes rights over it, even the one that one is in. */
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool other;
		TRY(differs(pid, kinds[i].kind, &other));
		flags |= other ? kinds[i].flag : 0;
	}
	return flags && setns(pidfd, flags) < 0 ? err_errno() : OK;
}

enum err mount_private(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno();
	return OK;
}

enum err mount_bind(const char *from, const char *at)
{
	return mount(from, at, NULL, MS_BIND, NULL) < 0 ? err_errno() : OK;
}

enum err mount_bind_read_only(const char *from, const char *at)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	TRY(mount_bind(from, at));
	if (mount_setattr(AT_FDCWD, at, 0, &read_only, sizeof(read_only)) == 0)
		return OK;
	enum err e = err_errno();
	(void)umount2(at, MNT_DETACH);
	return e;
}

enum err mount_tmpfs(const char *at, size_t size_bytes, unsigned mode)
{
	char options[64];
	size_t used = (size_t)snprintf(options, sizeof(options), "mode=%o", mode & 07777);
	if (size_bytes)
		(void)snprintf(options + used, sizeof(options) - used, ",size=%zu", size_bytes);
	return mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0 ? err_errno() : OK;
}

enum err mount_remove(const char *at)
{
	if (umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT)
		return OK;
	return err_errno();
}
