/* A process that is number 1 of its own PID namespace: when it ends, however it ends, the kernel
 * ends all in it. Also what such a process owes the orphans it inherits. Knows nothing of what runs
 * there. */
#ifndef OS_PIDNS_H
#define OS_PIDNS_H

#include "base/err.h"

#include <sys/types.h>

/* Forks; the child is number 1 of a new PID namespace, in a session of its own, with its own /proc
 * when that may be mounted (its mount namespace must be private: see mount_private). *ret: 0 in the
 * child, its pid in the parent. */
MUST enum err pidns_fork(pid_t *ret);

/* Children of this process are in the PID namespace of the process from here on; this one itself is
 * not. */
MUST enum err pidns_enter(pid_t pid);

/* Forks, for a process that has entered a PID namespace, and waits: in the child *ret_status is -1;
 * in the parent it is the exit status of the child, 128 and the number for one that a signal ended.
 */
MUST enum err pidns_fork_wait(int *ret_status);

/* A child that has ended and is not reaped yet. EAGAIN: none. */
MUST enum err process_ended(pid_t *ret);
/* Reaps it; for orphans that nobody else collects. */
void process_reap(pid_t pid);

/* A process that need not be our child, held by a descriptor that cannot come to mean another.
 * ESRCH: there is none. */
MUST enum err process_open(pid_t pid, int *ret_fd);
/* Waits for its end: for number 1 of a PID namespace, the end of all in it. ETIMEDOUT. */
MUST enum err process_await_end(int fd, int wait_ms);

/* A host name of our own (a new UTS namespace). */
MUST enum err process_host_name(const char *name);

#endif
