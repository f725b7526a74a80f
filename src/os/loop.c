#include "os/loop.h"

#include "os/clock.h"
#include "os/fd.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static_assert((int)LOOP_READ == (int)EPOLLIN && (int)LOOP_WRITE == (int)EPOLLOUT &&
		      (int)LOOP_ERROR == (int)EPOLLERR && (int)LOOP_HANGUP == (int)EPOLLHUP &&
		      (int)LOOP_READ_HANGUP == (int)EPOLLRDHUP &&
		      (int)LOOP_EXCLUSIVE == (int)EPOLLEXCLUSIVE && LOOP_EDGE == (uint32_t)EPOLLET,
	      "the kernel's numbers");

/* ---- timers: an intrusive pairing heap, ordered by time and then by the order of setting ---- */

static bool timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

/* previous: the sibling to the left, or the parent of a leftmost child; NULL in a root. */
static struct loop_timer *timers_meld(struct loop_timer *a, struct loop_timer *b)
{
	if (!a)
		return b;
	if (!b)
		return a;
	if (timer_before(b, a)) {
		struct loop_timer *swap = a;
		a = b;
		b = swap;
	}
	b->next = a->child;
	if (a->child)
		a->child->previous = b;
	b->previous = a;
	a->child = b;
	return a;
}

/* Melds siblings in pairs from the left, then the pairs from the right. */
static struct loop_timer *timers_meld_siblings(struct loop_timer *first)
{
	struct loop_timer *pairs = NULL;
	while (first) {
		struct loop_timer *a = first;
		struct loop_timer *b = a->next;
		first = b ? b->next : NULL;
		a->next = a->previous = NULL;
		if (b)
			b->next = b->previous = NULL;
		a = timers_meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	struct loop_timer *root = NULL;
	while (pairs) {
		struct loop_timer *rest = pairs->next;
		pairs->next = NULL;
		root = timers_meld(root, pairs);
		pairs = rest;
	}
	return root;
}

static void timer_unlink(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *below = timers_meld_siblings(timer->child);
	if (timer == loop->timers) {
		loop->timers = below;
	} else {
		if (timer->previous->child == timer)
			timer->previous->child = timer->next;
		else
			timer->previous->next = timer->next;
		if (timer->next)
			timer->next->previous = timer->previous;
		loop->timers = timers_meld(loop->timers, below);
	}
	timer->child = timer->next = timer->previous = NULL;
	timer->set = false;
}

void loop_timer_init(struct loop_timer *timer, loop_timer_call *call, void *arg)
{
	*timer = (struct loop_timer){.call = call, .arg = arg};
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms)
{
	ASSERT(timer->call);
	if (timer->set)
		timer_unlink(loop, timer);
	/* Not before now: a timer that sets itself again in the past stays behind those that wait.
	 */
	timer->at_ms = at_ms > loop->now_ms ? at_ms : loop->now_ms;
	timer->order = loop->timer_order++;
	timer->set = true;
	loop->timers = timers_meld(loop->timers, timer);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	if (timer->set)
		timer_unlink(loop, timer);
}

/* Those that are due and were set before this turn's timers began to run. */
static void timers_run(struct loop *loop)
{
	uint64_t end = loop->timer_order;
	for (;;) {
		struct loop_timer *timer = loop->timers;
		if (!timer || timer->at_ms > loop->now_ms || timer->order >= end)
			return;
		timer_unlink(loop, timer);
		timer->call(timer->arg);
	}
}

/* ---- watches ---- */

static enum err control(const struct loop *loop, int operation, struct loop_watch *watch,
			uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0 ? err_errno() : OK;
}

enum err loop_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
		  loop_watch_call *call, void *arg)
{
	ASSERT(!watch->added);
	struct loop_watch wanted = {.call = call, .arg = arg, .fd = fd, .added = true};
	struct epoll_event event = {.events = events, .data.ptr = watch};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_errno();
	*watch = wanted;
	loop->watches_n++;
	return OK;
}

enum err loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	ASSERT(watch->added);
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_remove(struct loop *loop, struct loop_watch *watch)
{
	if (!watch->added)
		return;
	/* Fails only when the owner closed the descriptor first, which removed it as well. */
	enum err ignored = control(loop, EPOLL_CTL_DEL, watch, 0);
	(void)ignored;
	loop_forget(loop, watch);
}

void loop_forget(struct loop *loop, struct loop_watch *watch)
{
	for (size_t i = loop->ready_next; i < loop->ready_len; i++)
		if (loop->ready[i] == watch)
			loop->ready[i] = NULL;
	loop->watches_n -= watch->added;
	watch->added = false;
}

/* ---- wake and signals ---- */

static void wake_ready(void *arg, uint32_t events)
{
	struct loop *loop = arg;
	(void)events;
	uint64_t count = 0;
	(void)!read(loop->wake_fd, &count, sizeof(count));
	/* Cleared before the callback looks: a wake during the callback brings another one. */
	atomic_store(&loop->wake_sent, false);
	if (loop->woken)
		loop->woken(loop->woken_arg);
}

void loop_on_wake(struct loop *loop, loop_hook_call *call, void *arg)
{
	loop->woken = call;
	loop->woken_arg = arg;
}

void loop_wake(struct loop *loop)
{
	if (atomic_exchange(&loop->wake_sent, true))
		return;
	int saved = errno;
	uint64_t one = 1;
	(void)!write(loop->wake_fd, &one, sizeof(one)); /* a full counter wakes as well */
	errno = saved;
}

static void signal_ready(void *arg, uint32_t events)
{
	struct loop *loop = arg;
	(void)events;
	struct signalfd_siginfo info;
	while (loop->signal_fd >= 0 &&
	       read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		for (size_t i = 0; i < loop->signals_len; i++)
			if (loop->signals[i].signal == (int)info.ssi_signo)
				loop->signals[i].call(loop->signals[i].arg, (int)info.ssi_signo);
}

enum err loop_signal(struct loop *loop, int signal, loop_signal_call *call, void *arg)
{
	if (loop->signals_len == LOOP_SIGNALS_MAX)
		return ERR_LIMIT;
	sigset_t set;
	sigemptyset(&set);
	if (sigaddset(&set, signal) < 0)
		return err_errno();
	int result = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (result)
		return (enum err)result;
	for (size_t i = 0; i < loop->signals_len; i++)
		(void)sigaddset(&set, loop->signals[i].signal);
	int fd = signalfd(loop->signal_fd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_errno();
	if (loop->signal_fd < 0) {
		loop->signal_fd = fd;
		TRY(loop_add(loop, &loop->signal_watch, fd, LOOP_READ, signal_ready, loop));
	}
	loop->signals[loop->signals_len].signal = signal;
	loop->signals[loop->signals_len].call = call;
	loop->signals[loop->signals_len].arg = arg;
	loop->signals_len++;
	return OK;
}

/* ---- the loop ---- */

static void now_read(struct loop *loop)
{
	loop->now_us = clock_monotonic_us();
	loop->now_ms = loop->now_us / 1000;
}

enum err loop_init(struct loop *loop)
{
	*loop = (struct loop){.epoll_fd = -1, .wake_fd = -1, .signal_fd = -1};
	now_read(loop);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = loop->epoll_fd < 0 ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	enum err e = loop->wake_fd < 0 ? err_errno() : OK;
	if (!e)
		e = loop_add(loop, &loop->wake_watch, loop->wake_fd, LOOP_READ, wake_ready, loop);
	if (e)
		loop_done(loop);
	return e;
}

void loop_done(struct loop *loop)
{
	if (!loop || (loop->epoll_fd == 0 && loop->wake_fd == 0))
		return; /* zeroed: never begun */
	fd_done(&loop->signal_fd);
	fd_done(&loop->wake_fd);
	fd_done(&loop->epoll_fd);
	loop->timers = NULL;
	loop->wake_watch.added = loop->signal_watch.added = false;
}

void loop_before_sleep(struct loop *loop, loop_hook_call *call, void *arg)
{
	loop->before_sleep = call;
	loop->before_sleep_arg = arg;
}

void loop_around(struct loop *loop, loop_hook_call *before, loop_hook_call *after, void *arg)
{
	loop->before_events = before;
	loop->after_events = after;
	loop->around_arg = arg;
}

void loop_on_ready(struct loop *loop, loop_ready_call *call, void *arg)
{
	loop->on_ready = call;
	loop->on_ready_arg = arg;
}

/* How long the wait may take: until the next timer, at most `most` ms (-1: no bound). */
static int timeout_of(const struct loop *loop, int most)
{
	if (!loop->timers)
		return most;
	if (loop->timers->at_ms <= loop->now_ms)
		return 0;
	uint64_t left = loop->timers->at_ms - loop->now_ms;
	int wait = left > INT_MAX ? INT_MAX : (int)left;
	return most >= 0 && most < wait ? most : wait;
}

/* After a time in which we did not run, many are ready and many timers due: those who are ready
 * were in time. The wait tells of no more than a turn's, but of each once before it tells of any
 * again. */
static void backlog_count(struct loop *loop, int n)
{
	bool more = n == LOOP_EVENTS_MAX && loop->backlog < loop->watches_n / LOOP_EVENTS_MAX;
	loop->backlog = more ? loop->backlog + 1 : 0;
}

enum err loop_turn(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[LOOP_EVENTS_MAX];
	bool before = loop->stopped;
	if (loop->before_sleep)
		loop->before_sleep(loop->before_sleep_arg);
	int most = loop->stopped && !before ? 0 : timeout_ms;
	int n = epoll_wait(loop->epoll_fd, events, LOOP_EVENTS_MAX, timeout_of(loop, most));
	/* Who was stopped or frozen, and goes on, is told of that and of nothing that is ready. */
	if (n < 0 && errno == EINTR)
		n = epoll_wait(loop->epoll_fd, events, LOOP_EVENTS_MAX, 0);
	if (n < 0 && errno != EINTR)
		return err_errno();
	now_read(loop);
	backlog_count(loop, n);
	if (loop->before_events)
		loop->before_events(loop->around_arg);
	loop->ready_len = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < loop->ready_len; i++) {
		loop->ready[i] = events[i].data.ptr;
		loop->ready_events[i] = events[i].events;
	}
	if (loop->on_ready && loop->ready_len)
		loop->on_ready(loop->on_ready_arg, loop->ready, loop->ready_events,
			       loop->ready_len);
	for (loop->ready_next = 0; loop->ready_next < loop->ready_len;) {
		size_t i = loop->ready_next++;
		struct loop_watch *watch = loop->ready[i];
		if (watch)
			watch->call(watch->arg, loop->ready_events[i]);
	}
	loop->ready_len = loop->ready_next = 0;
	if (!loop->backlog)
		timers_run(loop);
	if (loop->after_events)
		loop->after_events(loop->around_arg);
	return OK;
}

enum err loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped)
		TRY(loop_turn(loop, -1));
	return OK;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
