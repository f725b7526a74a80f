/* A small internet in network namespaces on this machine: started, asked about, entered, ended. One
 * for each user; it lives as long as its keeper, a process that is number 1 of a PID namespace, and
 * leaves nothing behind. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define LAB_SOCKET_MAX 64

/* The keeper's control socket: an abstract name. Returns buf. */
const char *lab_socket(char buf[LAB_SOCKET_MAX]);

/* Starts a keeper (`gatehouse lab keeper`) and waits until every host serves. ERR_EXISTS: it is up
 * already. EPERM: this user may not and the kernel has no user namespaces for him. Other failures
 * are told in text (text_size bytes), which is "" else. */
MUST enum err lab_up(char *text, size_t text_size);

/* Runs argv (NULL-terminated) on that host, in its network with its resolv.conf, and waits;
 * *ret_status: as a shell counts it. ECONNREFUSED: the lab is not up. ERR_ABSENT: no such host.
 * Puts this process into the lab for good. */
MUST enum err lab_run(const char *host, const char *const *argv, int *ret_status);

/* Holds the keeper, to wait for its end with process_await_end (os/pidns.h), by when all in the lab
 * has ended. ECONNREFUSED: the lab is not up. */
MUST enum err lab_keeper_open(int *ret_fd);

/* The body of `gatehouse lab keeper`; returns its exit status. */
int lab_keep(void);

#endif
