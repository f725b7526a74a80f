/* Deadlines that move with each request and cost nothing while they move later: a timer of the
 * worker's wheel is set once and looks again when it fires. Knows nothing of what is late.
 */
#ifndef PROXY_DEADLINE_H
#define PROXY_DEADLINE_H

#include "base/wheel.h"

struct proxy_deadline;
typedef void proxy_deadline_call(struct proxy_deadline *d);

/* Embedded in what it watches; zeroed: not set. */
struct proxy_deadline {
	struct wheel_timer timer;
	uint64_t at_ms; /* 0: none */
	proxy_deadline_call *call;
};

/* ms after now; 0: none. The call must have been set before. */
static inline void proxy_deadline_set(struct wheel *w, struct proxy_deadline *d, uint64_t now_ms,
				      uint32_t ms)
{
	d->at_ms = ms ? now_ms + ms : 0;
	if (ms && (!wheel_timer_is_set(&d->timer) || d->at_ms < d->timer.due_ms))
		wheel_add(w, &d->timer, d->at_ms);
}

static inline void proxy_deadline_clear(struct proxy_deadline *d)
{
	d->at_ms = 0;
}

/* Before the storage goes. */
static inline void proxy_deadline_done(struct wheel *w, struct proxy_deadline *d)
{
	wheel_cancel(w, &d->timer);
	d->at_ms = 0;
}

/* Calls those that are due. */
void proxy_deadline_advance(struct wheel *w, uint64_t now_ms);

#endif
