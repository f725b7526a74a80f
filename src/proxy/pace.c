#include "proxy/pace.h"

#include "proxy/exchange_inner.h"
#include "proxy/relay.h"

/* As many as there is room for; none: it is over. */
static size_t within_room(struct proxy_pace *p, enum proxy_pace_direction way, size_t want)
{
	uint64_t room = p->room ? p->room(p, way) : UINT64_MAX;
	if (room)
		return want < room ? want : (size_t)room;
	/* Nobody takes what has come of a tunnel for all of it. */
	p->x->torn = p->x->torn || p->x->phase == PROXY_PHASE_TUNNEL;
	exchange_end_later(p->x, PROXY_QUOTA);
	return 0;
}

size_t proxy_pace_may(struct proxy_pace *p, enum proxy_pace_direction way, size_t want)
{
	struct proxy_worker *w = p->x->worker;
	struct proxy_pace_way *here = &p->ways[way];
	want = within_room(p, way, want);
	if (!want)
		return 0;
	if (!here->left) {
		uint32_t wait_ms = 0;
		here->left = p->ask(p, way, w->now_ms, &wait_ms);
		here->at_ms = w->now_ms + wait_ms;
	}
	if (here->at_ms > w->now_ms) {
		proxy_deadline_set(&w->wheel, &here->deadline, w->now_ms,
				   (uint32_t)(here->at_ms - w->now_ms));
		return 0;
	}
	proxy_deadline_clear(&here->deadline);
	return want < here->left ? want : here->left;
}

void proxy_pace_took(struct proxy_pace *p, enum proxy_pace_direction way, size_t n)
{
	struct proxy_pace_way *here = &p->ways[way];
	if (p->count && n)
		p->count(p, way, n);
	if (here->left != SIZE_MAX)
		here->left -= n < here->left ? n : here->left;
}

/* ---- the time has come ---- */

static void up_now(struct proxy_deadline *d)
{
	struct proxy_pace *p =
		(struct proxy_pace *)((char *)d - offsetof(struct proxy_pace, ways[0].deadline));
	struct proxy_exchange *x = p->x;
	if (x->relay) {
		proxy_relay_turn(x->relay);
		return;
	}
	exchange_arm(x);
	if (!x->back)
		return;
	proxy_exchange_request_resume(x);
	proxy_exchange_request_flush(x);
}

static void down_now(struct proxy_deadline *d)
{
	struct proxy_pace *p =
		(struct proxy_pace *)((char *)d - offsetof(struct proxy_pace, ways[1].deadline));
	struct proxy_exchange *x = p->x;
	if (x->relay)
		proxy_relay_turn(x->relay);
	else
		proxy_exchange_go(x);
}

/* ---- life ---- */

void proxy_exchange_pace(struct proxy_exchange *x, struct proxy_pace *p)
{
	ASSERT(!x->pace);
	p->x = x;
	p->ways[PROXY_PACE_UP].deadline.call = up_now;
	p->ways[PROXY_PACE_DOWN].deadline.call = down_now;
	x->pace = p;
	if (x->relay)
		x->relay->pace = p;
}

static void give_back(struct proxy_pace *p, enum proxy_pace_direction way)
{
	struct proxy_pace_way *here = &p->ways[way];
	if (here->left && here->left != SIZE_MAX)
		p->give_back(p, way, here->left);
	here->left = 0;
}

void proxy_pace_anew(struct proxy_pace *p)
{
	if (!p->x)
		return;
	struct proxy_worker *w = p->x->worker;
	for (unsigned i = 0; i < 2; i++) {
		struct proxy_pace_way *here = &p->ways[i];
		give_back(p, (enum proxy_pace_direction)i);
		here->at_ms = 0;
		if (here->deadline.at_ms)
			proxy_deadline_set(&w->wheel, &here->deadline, w->now_ms, 1);
	}
}

void proxy_pace_stop(struct proxy_pace *p)
{
	if (!p || !p->x)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct proxy_pace_way *here = &p->ways[i];
		proxy_deadline_done(&p->x->worker->wheel, &here->deadline);
		give_back(p, (enum proxy_pace_direction)i);
	}
	p->x->pace = NULL;
	p->x = NULL;
}
