/* Starts child processes with exactly the descriptors, environment and user that are named, and
 * collects their end. Knows nothing of what they run. */
#ifndef OS_SPAWN_H
#define OS_SPAWN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor for the child: it becomes number 3, 4, … in the order given, blocking or not as it
 * is. */
struct spawn_fd {
	int fd; /* borrowed */
	const char
		*name; /* for LISTEN_FDNAMES: no ':' and no control characters, at most 255 bytes */
};

/* Begin with SPAWN_INIT: -1 in the descriptors below means "none". */
struct spawn {
	const char *path;	 /* absolute; NULL: this very program (/proc/self/exe) */
	const char *const *argv; /* NULL-terminated */
	/* "KEY=value", NULL-terminated; NULL: none. They win over what is inherited. LISTEN_*,
	 * NOTIFY_SOCKET, WATCHDOG_* are never inherited. */
	const char *const *environment;
	bool environment_clear; /* inherit nothing but PATH, LANG, LC_ALL, TZ and LD_PRELOAD,
				 * FAKETIME*, *SAN_OPTIONS */
	const struct spawn_fd
		*fds; /* -> LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID; 0: none of these set */
	size_t fds_len;
	const char *user; /* name or number[:number]; NULL: as we are. Groups are the user's own */
	const char *directory; /* working directory; NULL: as we are */
	int netns_fd;	       /* network namespace to be in */
	int stdin_fd;	       /* -1: /dev/null unless terminal */
	int stdout_fd;	       /* -1: ours */
	int stderr_fd;	       /* -1: ours */
	bool terminal;	       /* keep our stdin and process group: a shell for a person */
	bool outlive;	       /* do not kill it when the thread that started it ends */
};
#define SPAWN_INIT                                                                                 \
	{                                                                                          \
		.netns_fd = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1                   \
	}

struct spawn_child {
	pid_t pid;
	int pidfd; /* readable in a loop when it has ended; owned; -1: none */
};

/* fork and exec. All other descriptors are closed, signal handlers and mask are reset. An error of
 * the child's way to exec (ENOENT: no program; EACCES…) is returned here. ERR_ABSENT: no such
 * user. */
MUST enum err spawn_start(const struct spawn *spawn, struct spawn_child *ret);

/* As the child would, in place of this process; returns only on failure. */
MUST enum err spawn_replace(const struct spawn *spawn);

struct spawn_end {
	bool signalled;
	int code; /* exit status, or the number of the signal */
};

/* Its end. wait_ms: how long at most to wait for it, -1: for ever. EAGAIN: it still runs. On
 * success the pidfd is closed and the child forgotten (pid 0). */
MUST enum err spawn_collect(struct spawn_child *child, int wait_ms, struct spawn_end *ret);

/* Sends a signal through the pidfd: never to another process that got the same number. */
MUST enum err spawn_signal(const struct spawn_child *child, int signal);

/* Closes the pidfd and leaves the child alone. */
void spawn_child_done(struct spawn_child *child);

/* A one-shot child: waits for its end and returns all that it wrote to its stdout, with a NUL after
 * it; free() by the caller. ERR_LIMIT: more than `limit` bytes; ETIMEDOUT: longer than timeout_ms;
 * either way the child is killed. Its exit status is in ret_end, and not an error here. */
MUST enum err spawn_capture(const struct spawn *spawn, size_t limit, int timeout_ms, char **ret,
			    size_t *ret_len, struct spawn_end *ret_end);

#endif
