#include "service/reverse-proxy/balance/wait.h"

enum err wait_join(struct wait_line *line, const struct pool *p, struct waiter *w, uint64_t now_ms)
{
	ASSERT(!w->line);
	if (line->n >= p->policy.wait.length) {
		atomic_fetch_add_explicit(&p->state->wait_refused, 1, memory_order_relaxed);
		return ERR_LIMIT;
	}
	*w = (struct waiter){
		.line = line, .previous = line->last, .until_ms = now_ms + p->policy.wait.time_ms};
	*(line->last ? &line->last->next : &line->first) = w;
	line->last = w;
	line->n++;
	atomic_fetch_add_explicit(&p->state->waited, 1, memory_order_relaxed);
	return OK;
}

void wait_leave(struct waiter *w)
{
	struct wait_line *line = w->line;
	if (!line)
		return;
	*(w->previous ? &w->previous->next : &line->first) = w->next;
	*(w->next ? &w->next->previous : &line->last) = w->previous;
	line->n--;
	*w = (struct waiter){0};
}

struct waiter *wait_first(const struct wait_line *line)
{
	return line->first;
}

/* A reload may have changed the time, so the first need not be the first whose time is over. */
struct waiter *wait_late(struct wait_line *line, struct pool_state *state, uint64_t now_ms)
{
	struct waiter *w = line->first;
	while (w && w->until_ms > now_ms)
		w = w->next;
	if (!w)
		return NULL;
	wait_leave(w);
	atomic_fetch_add_explicit(&state->wait_timeouts, 1, memory_order_relaxed);
	return w;
}
