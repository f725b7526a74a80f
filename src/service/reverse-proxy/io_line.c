#include "service/reverse-proxy/io_line.h"

#include "proxy/exchange.h"
#include "service/reverse-proxy/io_exchange.h"
#include "service/reverse-proxy/io_worker.h"

#include <stdlib.h>

struct reverse_line {
	struct reverse_line *next;
	struct pool_state *state; /* counted: outlives the pools of all snapshots */
	struct wait_line line;
};

static void look_due(void *arg)
{
	(void)arg; /* before_sleep looks at the lines in every turn */
}

void reverse_lines_init(struct reverse_worker *w)
{
	loop_timer_init(&w->look, look_due, w);
}

void reverse_lines_done(struct reverse_worker *w)
{
	struct reverse_line *next;
	for (struct reverse_line *l = w->lines; l; l = next) {
		next = l->next;
		pool_state_unref(l->state);
		free(l);
	}
	w->lines = NULL;
}

static struct reverse_line *line_of(const struct reverse_worker *w, const struct pool *p)
{
	struct reverse_line *l = w->lines;
	while (l && l->state != p->state)
		l = l->next;
	return l;
}

bool reverse_line_waits(const struct reverse_worker *w, const struct pool *p)
{
	const struct reverse_line *l = w->lines ? line_of(w, p) : NULL;
	return l && wait_first(&l->line);
}

enum err reverse_line_join(struct reverse_worker *w, struct reverse_exchange *e)
{
	struct reverse_line *l = line_of(w, e->pool);
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return ENOMEM;
		l->state = pool_state_ref(e->pool->state);
		l->next = w->lines;
		w->lines = l;
	}
	return wait_join(&l->line, e->pool, &e->waiter, loop_now_ms(&w->loop));
}

static struct reverse_exchange *exchange_of(struct waiter *w)
{
	return (struct reverse_exchange *)((char *)w - offsetof(struct reverse_exchange, waiter));
}

/* Who has a place now, or will have none. Who waits for one certain back end does not keep others
 * from theirs. */
static struct waiter *first_served(struct reverse_worker *w, const struct reverse_line *l)
{
	for (struct waiter *at = wait_first(&l->line); at; at = at->next) {
		struct reverse_exchange *e = exchange_of(at);
		if (reverse_choose(w, e) != POOL_FULL)
			return at;
		if (!e->bound)
			break;
	}
	return NULL;
}

static void look_at(struct reverse_worker *w, struct reverse_line *l, uint64_t now_ms)
{
	struct waiter *first;
	while ((first = wait_late(&l->line, l->state, now_ms))) {
		exchange_of(first)->late = true;
		proxy_exchange_resume(exchange_of(first)->x);
	}
	while ((first = first_served(w, l))) {
		struct reverse_exchange *e = exchange_of(first);
		e->late = !e->placed; /* none is well any more: it is told so now */
		wait_leave(first);
		proxy_exchange_resume(e->x);
	}
}

void reverse_lines_look(struct reverse_worker *w)
{
	bool waits = false;
	for (struct reverse_line *l = w->lines; l; l = l->next) {
		look_at(w, l, loop_now_ms(&w->loop));
		waits |= wait_first(&l->line) != NULL;
	}
	if (waits && !w->look.set)
		loop_timer_set_after(&w->loop, &w->look, WAIT_LOOK_MS);
}
