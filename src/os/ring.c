#include "os/ring.h"

#include <liburing.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { SUBMITS_MAX = 8 }; /* tries of a kernel that is short of memory */

const int ring_syscalls[RING_SYSCALLS] = {SYS_io_uring_enter};

struct ring {
	struct io_uring uring;
	unsigned entries;
	bool given_up; /* what it could not take lies in it, and must never be done */
};

/* (liburing 2.3 does not export its functions for these.) */
static enum err set_up(const struct io_uring *uring, unsigned what, const void *arg, unsigned n)
{
	int result = io_uring_register((unsigned)uring->ring_fd, what, arg, n);
	return result < 0 ? (enum err) - result : OK;
}

/* No operation but these two, no flag with them, and no io_uring_register from here on: whoever
 * takes the process over has by the ring what he has by send(2) and recv(2), and no more. */
static enum err restrict_and_enable(const struct io_uring *uring)
{
	static const struct io_uring_restriction allowed[] = {
		{.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_SEND},
		{.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_RECV},
	};
	TRY(set_up(uring, IORING_REGISTER_RESTRICTIONS, allowed,
		   sizeof(allowed) / sizeof(allowed[0])));
	return set_up(uring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

enum err ring_new(unsigned entries, struct ring **ret)
{
	/* Who makes it is not who uses it: nothing that binds it to one thread
	 * (IORING_SETUP_SINGLE_ISSUER and what needs that). */
	struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED |
						  IORING_SETUP_SUBMIT_ALL |
						  IORING_SETUP_COOP_TASKRUN};
	struct ring *r = calloc(1, sizeof(*r));
	if (!r)
		return (enum err)ENOMEM;
	int result = io_uring_queue_init_params(entries, &r->uring, &params);
	if (result < 0) {
		free(r);
		return (enum err) - result;
	}
	r->entries = params.sq_entries;
	enum err e = restrict_and_enable(&r->uring);
	if (e)
		ring_free(r);
	else
		*ret = r;
	return e;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	io_uring_queue_exit(&r->uring);
	free(r);
}

struct io_uring *ring_uring(struct ring *r)
{
	return &r->uring;
}

/* How many the kernel has taken. */
static unsigned submit(struct ring *r, unsigned n)
{
	unsigned taken = 0;
	for (int i = 0; taken < n && i < SUBMITS_MAX; i++) {
		int result = io_uring_submit(&r->uring);
		if (result > 0)
			taken += (unsigned)result;
	}
	r->given_up = taken < n;
	return taken;
}

/* All are there when the call returns. Were one not, its buffer would still be the kernel's: to go
 * on without it is worse than to end. */
static void collect(struct ring *r, struct ring_item *items, unsigned n, unsigned taken)
{
	while (taken) {
		struct io_uring_cqe *done;
		int result = io_uring_wait_cqe(&r->uring, &done);
		if (result == -EINTR || result == -EAGAIN)
			continue;
		ASSERT(result == 0 && done->user_data < n);
		items[done->user_data].result = done->res;
		io_uring_cqe_seen(&r->uring, done);
		taken--;
	}
}

typedef void prepare_call(struct io_uring_sqe *sqe, const struct ring_item *item);

static void run(struct ring *r, prepare_call *prepare, struct ring_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items[i].result = RING_UNDONE;
	while (n && !r->given_up) {
		unsigned portion = n < r->entries ? (unsigned)n : r->entries;
		for (unsigned i = 0; i < portion; i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
			ASSERT(sqe);
			prepare(sqe, &items[i]);
			sqe->user_data = i;
		}
		collect(r, items, portion, submit(r, portion));
		items += portion;
		n -= portion;
	}
}

static void prepare_receive(struct io_uring_sqe *sqe, const struct ring_item *item)
{
	io_uring_prep_recv(sqe, item->fd, item->to, item->len, MSG_DONTWAIT);
}

static void prepare_send(struct io_uring_sqe *sqe, const struct ring_item *item)
{
	io_uring_prep_send(sqe, item->fd, item->from, item->len,
			   MSG_DONTWAIT | MSG_NOSIGNAL | (item->more ? MSG_MORE : 0));
}

void ring_receive_many(struct ring *r, struct ring_item *items, size_t n)
{
	run(r, prepare_receive, items, n);
}

void ring_send_many(struct ring *r, struct ring_item *items, size_t n)
{
	run(r, prepare_send, items, n);
}
