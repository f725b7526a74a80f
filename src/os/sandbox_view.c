#include "os/fd.h"
#include "os/netns.h"
#include "os/sandbox_layers.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GRAFTS_MAX = 256 };

/* A copy of the mounts at a path, taken before the view changes and put back where it was after. */
struct graft {
	const char *path; /* borrowed */
	int fd;
	bool is_dir;
	uint64_t forbid; /* MOUNT_ATTR_… */
};

struct grafts {
	struct graft list[GRAFTS_MAX];
	size_t len;
};

static void grafts_done(struct grafts *grafts)
{
	for (size_t i = 0; i < grafts->len; i++)
		fd_done(&grafts->list[i].fd);
}

/* Paths that are not there are passed over. */
static enum err graft_all(struct grafts *grafts, const char *const *paths, uint64_t forbid)
{
	for (size_t i = 0; paths && paths[i]; i++) {
		struct stat st;
		struct graft *g = &grafts->list[grafts->len];
		ASSERT(paths[i][0] == '/');
		if (grafts->len == GRAFTS_MAX)
			return ERR_LIMIT;
		int fd = open_tree(AT_FDCWD, paths[i],
				   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
			continue;
		if (fd < 0)
			return err_errno();
		*g = (struct graft){.path = paths[i], .fd = fd, .forbid = forbid};
		grafts->len++;
		if (fstat(fd, &st) < 0)
			return err_errno();
		g->is_dir = S_ISDIR(st.st_mode);
	}
	return OK;
}

static enum err forbid(int fd, const char *path, unsigned flags, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes};
	return mount_setattr(fd, path, flags, &attr, sizeof(attr)) < 0 ? err_errno() : OK;
}

static enum err graft_put(const struct graft *g, int root, const char *path)
{
	if (move_mount(g->fd, "", root, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_errno();
	return forbid(g->fd, "", AT_EMPTY_PATH | AT_RECURSIVE, g->forbid);
}

/* The working directory is still the one under the new mounts. */
static enum err come_back(const char *directory)
{
	if (chdir(directory) < 0 && chdir("/") < 0)
		return err_errno();
	return OK;
}

/* ---- all in sight, read-only ---- */

static enum err view_read_only(const struct sandbox *sandbox)
{
	static const char *const dev[] = {"/dev", NULL};
	AUTO_DONE(grafts_done) struct grafts grafts = {0};
	TRY(graft_all(&grafts, dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
	TRY(graft_all(&grafts, sandbox->write_paths, MOUNT_ATTR_NOSUID));
	TRY(forbid(AT_FDCWD, "/", AT_RECURSIVE,
		   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
	for (size_t i = 0; i < grafts.len; i++)
		TRY(graft_put(&grafts.list[i], AT_FDCWD, grafts.list[i].path));
	return OK;
}

/* ---- nothing but the named paths ---- */

/* Makes the place for a mount below the new root: parents, then a directory or an empty file. */
static enum err make_place(int root, const char *path, bool is_dir)
{
	char parent[PATH_MAX];
	if (strlen(path) >= sizeof(parent))
		return (enum err)ENAMETOOLONG;
	for (size_t i = 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)i, path);
		if (mkdirat(root, parent + 1, 0755) < 0 && errno != EEXIST)
			return err_errno();
	}
	if (is_dir)
		return mkdirat(root, path + 1, 0755) < 0 && errno != EEXIST ? err_errno() : OK;
	AUTO_DONE(fd_done)
	int fd = openat(root, path + 1, O_CREAT | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0444);
	return fd < 0 ? err_errno() : OK;
}

/* Mounts an empty root over a directory that every system has, and makes it the root. */
static enum err new_root(int *ret)
{
	static const char place[] = "/usr";
	TRY(mount_tmpfs(place, 1 << 20, 0755));
	int root = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno();
	*ret = root;
	return OK;
}

static enum err view_paths(const struct sandbox *sandbox)
{
	uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	AUTO_DONE(grafts_done) struct grafts grafts = {0};
	AUTO_DONE(fd_done) int root = -1;
	TRY(graft_all(&grafts, sandbox_system_paths, safe | MOUNT_ATTR_RDONLY));
	TRY(graft_all(&grafts, sandbox_device_paths, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
	TRY(graft_all(&grafts, sandbox->read_paths, safe | MOUNT_ATTR_RDONLY));
	TRY(graft_all(&grafts, sandbox->write_paths, safe));
	TRY(new_root(&root));
	for (size_t i = 0; i < grafts.len; i++) {
		const struct graft *g = &grafts.list[i];
		TRY(make_place(root, g->path, g->is_dir));
		TRY(graft_put(g, root, g->path + 1));
	}
	/* pivot_root(2): both places may be the same directory; the old root is then on top and
	 * goes. */
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno();
	return forbid(AT_FDCWD, "/", 0, safe | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC);
}

enum err sandbox_view_enter(const struct sandbox *sandbox)
{
	char directory[PATH_MAX];
	if (!getcwd(directory, sizeof(directory)))
		return err_errno();
	TRY(mount_private());
	TRY(sandbox->view == SANDBOX_VIEW_PATHS ? view_paths(sandbox) : view_read_only(sandbox));
	return come_back(directory);
}
