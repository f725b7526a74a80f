#include "proxy/deadline.h"

static void look(struct wheel_timer *t, void *arg)
{
	struct wheel *w = arg;
	struct proxy_deadline *d = (struct proxy_deadline *)t; /* its first member */
	if (!d->at_ms)
		return;
	if (d->at_ms > w->now_ms) {
		wheel_add(w, t, d->at_ms);
		return;
	}
	d->at_ms = 0;
	d->call(d);
}

void proxy_deadline_advance(struct wheel *w, uint64_t now_ms)
{
	wheel_advance(w, now_ms, look, w);
}
