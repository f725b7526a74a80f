/* Namespaces: network, mount and user, made and entered. Knows no topology and what nobody holds is
 * gone by itself.
 *
 * EPERM everywhere: this user may not. An ordinary user calls userns_enter first, where the kernel
 * lets him. */
#ifndef OS_NETNS_H
#define OS_NETNS_H

#include "base/err.h"

#include <sys/types.h>

/* Puts this process (one thread) in a new user and mount namespace in which the caller is root. */
MUST enum err userns_enter(void);

/* A new, empty network namespace, with its loopback down; the descriptor holds it alive. The
 * calling thread stays where it was. */
MUST enum err netns_new(int *ret_fd);
/* That of a process: of this thread, when pid is 0. */
MUST enum err netns_of(pid_t pid, int *ret_fd);
/* That at a path (see netns_bind). */
MUST enum err netns_open(const char *path, int *ret_fd);
/* Puts the calling thread there. One who is root only in his user namespace cannot go back to the
 * namespace that he started in, only between those that he made. */
MUST enum err netns_enter(int fd);

/* Gives it a name in the file system, which holds it alive until netns_unbind; makes the file. */
MUST enum err netns_bind(int fd, const char *path);
/* Removes name and file; OK when they are not there. */
MUST enum err netns_unbind(const char *path);

/* Puts this process (one thread) into the user (when it is another), mount and network namespaces
 * of a process. */
MUST enum err namespaces_enter(pid_t pid);

/* A mount namespace of our own, from which nothing spreads to others. */
MUST enum err mount_private(void);
/* Shows `from` (file or directory) at `at`, which is there already and of the same kind. */
MUST enum err mount_bind(const char *from, const char *at);
MUST enum err mount_bind_read_only(const char *from, const char *at);
/* An empty file system in memory at a directory. size_bytes 0: the kernel's default. */
MUST enum err mount_tmpfs(const char *at, size_t size_bytes, unsigned mode);
/* OK when nothing is mounted there. */
MUST enum err mount_remove(const char *at);

#endif
