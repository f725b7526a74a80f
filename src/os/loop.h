/* One thread's event loop: descriptors, timers, signals and a wake from other threads, over epoll.
 * Knows nothing of what its callbacks do, and sleeps only in epoll_wait, so that a preloaded clock
 * works.
 *
 * A turn: the before-sleep hook runs, then the wait, then the time is read once (loop_now_ms), then
 * descriptors that are ready, then timers that are due: these when all that are ready have been
 * told, if that takes several turns. All storage is the caller's. A callback may
 * remove, add or free any watch or timer, its own as well.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* What a watch waits for, and what its callback is told. LOOP_ERROR and LOOP_HANGUP are always
 * told; a callback that then reads or writes learns the error there. */
enum {
	LOOP_READ = 0x001,
	LOOP_WRITE = 0x004,
	LOOP_ERROR = 0x008,
	LOOP_HANGUP = 0x010,
	LOOP_READ_HANGUP = 0x2000, /* the other side will write no more; told when asked for */
	LOOP_EXCLUSIVE = 1 << 28,  /* wake one of several loops that watch it: EPOLLEXCLUSIVE */
};
#define LOOP_EDGE (UINT32_C(1) << 31) /* tell of changes, not of states: EPOLLET */

typedef void loop_watch_call(void *arg, uint32_t events);
typedef void loop_timer_call(void *arg);
typedef void loop_signal_call(void *arg, int signal);
typedef void loop_hook_call(void *arg);
struct loop_watch;
typedef void loop_ready_call(void *arg, struct loop_watch *const *ready, const uint32_t *events,
			     size_t n);

struct loop_watch {
	loop_watch_call *call;
	void *arg; /* borrowed from the caller of loop_add */
	int fd;	   /* borrowed; never closed here */
	bool added;
};

/* Zeroed storage is a timer that is not set. */
struct loop_timer {
	uint64_t at_ms;
	loop_timer_call *call;
	void *arg; /* borrowed from the caller of loop_timer_init */
	/* Pairing heap. */
	uint64_t order;
	struct loop_timer *child, *next, *previous;
	bool set;
};

enum { LOOP_EVENTS_MAX = 64, LOOP_SIGNALS_MAX = 16 };

struct loop {
	int epoll_fd, wake_fd, signal_fd;
	bool stopped;
	uint64_t now_ms, now_us;
	struct loop_timer *timers; /* root of the heap; the timers belong to their owners */
	uint64_t timer_order;
	size_t watches_n;
	size_t backlog; /* turns that were full and did not tell timers; loop_has_backlog */
	size_t ready_len, ready_next;
	struct loop_watch *ready[LOOP_EVENTS_MAX]; /* borrowed; NULL: removed in this turn */
	uint32_t ready_events[LOOP_EVENTS_MAX];
	loop_hook_call *before_sleep;
	void *before_sleep_arg; /* borrowed */
	loop_hook_call *before_events, *after_events;
	void *around_arg; /* borrowed */
	loop_ready_call *on_ready;
	void *on_ready_arg; /* borrowed */
	loop_hook_call *woken;
	void *woken_arg; /* borrowed */
	atomic_bool wake_sent;
	struct loop_watch wake_watch, signal_watch;
	struct {
		int signal;
		loop_signal_call *call;
		void *arg; /* borrowed */
	} signals[LOOP_SIGNALS_MAX];
	size_t signals_len;
};

/* loop_done unwatches nothing by itself: it closes what loop_init opened. Accepts a zeroed loop.
 * The storage must not move between the two. */
MUST enum err loop_init(struct loop *loop);
void loop_done(struct loop *loop);

/* Watches fd; level-triggered unless LOOP_EDGE. events: LOOP_READ, LOOP_WRITE… The watch must not
 * be added already; fd must be removed before it is closed. */
MUST enum err loop_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
		       loop_watch_call *call, void *arg);
MUST enum err loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Nothing more is told of it, also not what this turn had ready. Accepts one that is not added. */
void loop_remove(struct loop *loop, struct loop_watch *watch);
/* As loop_remove, for one whose descriptor is closed next, which takes it out of the kernel's set:
 * saves a call of it. No other descriptor may stand for the same thing (dup). */
void loop_forget(struct loop *loop, struct loop_watch *watch);

void loop_timer_init(struct loop_timer *timer, loop_timer_call *call, void *arg);
/* Calls once, in the first turn at or after at_ms (of loop_now_ms); moves it if it is set already.
 * Times that are past mean the next turn. Never fails, allocates nothing, O(log n). */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms);
static inline void loop_timer_set_after(struct loop *loop, struct loop_timer *timer,
					uint64_t delay_ms)
{
	loop_timer_set(loop, timer, loop->now_ms + delay_ms);
}
void loop_timer_cancel(struct loop *loop,
		       struct loop_timer *timer); /* accepts one that is not set */

/* More are ready than this turn could tell: timers wait, and nobody is to be taken for late. */
static inline bool loop_has_backlog(const struct loop *loop)
{
	return loop->backlog > 0;
}

/* Microseconds of the same clock. */
static inline uint64_t loop_now_us(const struct loop *loop)
{
	return loop->now_us;
}

/* The monotonic time as this turn read it. */
static inline uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

/* Calls in the loop's thread for each arrival of the signal, which is blocked in the calling thread
 * from now on: call it before other threads start, so that they inherit that. */
MUST enum err loop_signal(struct loop *loop, int signal, loop_signal_call *call, void *arg);

/* Runs at the end of each turn, before the wait: for what was gathered in the turn and leaves in
 * one batch. One hook a loop. */
void loop_before_sleep(struct loop *loop, loop_hook_call *call, void *arg);

/* `before` runs when a turn's time was read, ahead of what is ready; `after` when all of that and
 * the timers were told. One pair a loop; NULL: none. */
void loop_around(struct loop *loop, loop_hook_call *before, loop_hook_call *after, void *arg);

/* Told before a turn's watches are, all that are ready in it and what of: for what is done for many
 * at once. It may take none away. One a loop; NULL: none. */
void loop_on_ready(struct loop *loop, loop_ready_call *call, void *arg);

/* The callback runs in the loop's thread once or more after each loop_wake; several wakes may share
 * one call. loop_wake may be called from any thread and from a signal handler. */
void loop_on_wake(struct loop *loop, loop_hook_call *call, void *arg);
void loop_wake(struct loop *loop);

/* Turns until loop_stop, which is called in the loop's thread. A loop that was stopped can run
 * again. */
MUST enum err loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* One turn; waits at most timeout_ms (-1: until something happens), also where the loop was stopped
 * before. For tests, and for a program that has a loop of its own, as for an end that waits. */
MUST enum err loop_turn(struct loop *loop, int timeout_ms);

#endif
