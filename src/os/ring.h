/* Many sends or receives of stream sockets by one system call (io_uring), in a ring that can do
 * nothing else. Knows nothing of what the bytes say.
 *
 * Nothing waits, nothing is under way when a call returns, and no thread of the kernel's works for
 * it: each operation is tried once (MSG_DONTWAIT).
 */
#ifndef OS_RING_H
#define OS_RING_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_uring;
struct ring;

/* The ring has not tried it: do it by a call of its own. */
#define RING_UNDONE INT32_MIN

struct ring_item {
	int fd;
	void *to;	  /* of a receive */
	const void *from; /* of a send */
	size_t len;	  /* at most INT32_MAX */
	bool more;	  /* of a send: more is to follow soon (MSG_MORE) */
	int32_t result;	  /* filled in: octets, an errno below 0 (-EAGAIN: not now), RING_UNDONE */
};

/* For `entries` items in a call of the kernel. Whoever will use it, in whatever thread and with
 * io_uring_enter as the only system call, may be another than who makes it. On a kernel that has
 * none, forbids it (kernel.io_uring_disabled), or is older than 5.19: its errno. */
MUST enum err ring_new(unsigned entries, struct ring **ret);
/* What a sandbox must allow to who uses one. */
enum { RING_SYSCALLS = 1 };
extern const int ring_syscalls[RING_SYSCALLS];
/* Accepts NULL. */
void ring_free(struct ring *r);

/* Any number of items, each of another socket: of one, their order would be nobody's. */
void ring_receive_many(struct ring *r, struct ring_item *items, size_t n);
void ring_send_many(struct ring *r, struct ring_item *items, size_t n);

/* For tests that try what it must not do. */
struct io_uring *ring_uring(struct ring *r);

#endif
