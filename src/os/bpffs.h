/* The folder of a BPF file system in which one service pins what outlives it: made by root, owned
 * by the user that the service becomes. Knows no service and nothing of what is pinned. */
#ifndef OS_BPFFS_H
#define OS_BPFFS_H

#include "base/err.h"

#include <stdbool.h>

struct state_owner;

#define BPFFS_ROOT "/sys/fs/bpf"

/* Makes path with mode 0700, owned by owner (os/state_dir.h; NULL: ours), and hands what is pinned
 * there, and in the folders right below it, to him. Where no BPF file system lies, one is mounted:
 * at BPFFS_ROOT for a path below that, else at path itself. Its folders above path get o+x, as
 * their owner cannot be entered otherwise (their names stay hidden, and what others pinned keeps
 * its mode). EPERM: only root of the machine may mount one. */
MUST enum err bpffs_make(const char *path, const struct state_owner *owner);

/* Whether path lies in one. */
bool bpffs_is(const char *path);

#endif
