/* A hierarchical timer wheel: milliseconds, intrusive timers, everything in constant time. Has no
 * clock: time is what the caller says, and nothing fires but inside wheel_advance. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lies inside the caller's record; zeroed storage is a timer that is not set. Must not move while
 * it is set. */
struct wheel_timer {
	struct wheel_timer *next, *previous;
	uint64_t due_ms;
	uint16_t slot; /* 1 + its list; 0: not set */
};

/* 64 slots a level, 6 bits of the time each: 11 levels hold every uint64_t. */
enum { WHEEL_BITS = 6, WHEEL_SLOTS = 1 << WHEEL_BITS, WHEEL_LEVELS = 11 };

struct wheel_list {
	struct wheel_timer *first, *last; /* borrowed from those who set them */
};

/* About 11 KiB. One thread at a time. */
struct wheel {
	uint64_t now_ms;
	uint64_t next_ms; /* the earliest due time, when next_known */
	bool next_known;
	size_t used;			/* timers that are set */
	uint64_t filled[WHEEL_LEVELS];	/* one bit for each slot that is not empty */
	struct wheel_list late, firing; /* set for the past; those of this very step */
	struct wheel_list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* now_ms: the time from which on it counts. */
void wheel_init(struct wheel *w, uint64_t now_ms);

/* Sets the timer, or moves it when it is set. due_ms at or before the wheel's time: it fires in the
 * next wheel_advance (not in the one that is running). Cannot fail. */
void wheel_add(struct wheel *w, struct wheel_timer *t, uint64_t due_ms);

/* Accepts a timer that is not set. */
void wheel_cancel(struct wheel *w, struct wheel_timer *t);

static inline bool wheel_timer_is_set(const struct wheel_timer *t)
{
	return t->slot != 0;
}

typedef void wheel_call(struct wheel_timer *t, void *arg);

/* Moves the time forward to now_ms (an earlier time moves nothing) and calls for each timer that is
 * due: the late ones first, in the order they were set, then the others in the order of their time.
 * A timer is not set any more when it is told. The callback may set, cancel and free any timer; one
 * that it sets for a time up to now_ms fires in this call too, except as said at wheel_add. Not to
 * be called from the callback. */
void wheel_advance(struct wheel *w, uint64_t now_ms, wheel_call *call, void *arg);

/* When the next timer is due: exact, UINT64_MAX when none is set, the wheel's own time when one is
 * late. */
uint64_t wheel_next_ms(struct wheel *w);

static inline size_t wheel_used(const struct wheel *w)
{
	return w->used;
}

#endif
