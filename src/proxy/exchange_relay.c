/* A tunnel's bytes, from one connection to the other without a look at them. */
#include "proxy/exchange_inner.h"
#include "proxy/pace.h"
#include "proxy/relay.h"
#include "proxy/wire1.h"

void exchange_relay_stop(struct proxy_exchange *x)
{
	struct proxy_worker *w = x->worker;
	struct proxy_relay *r = TAKE(x->relay);
	if (!r)
		return;
	x->request_bytes += r->ways[PROXY_RELAY_UP].bytes;
	x->response_bytes += r->ways[PROXY_RELAY_DOWN].bytes;
	x->sent_bytes += r->ways[PROXY_RELAY_DOWN].bytes;
	proxy_relay_stop(r);
	slab_give(&w->relays, r);
}

static void over(struct proxy_relay *r, enum proxy_relay_end how)
{
	struct proxy_exchange *x = r->owner;
	bool by_client = r->broken == PROXY_RELAY_UP;
	exchange_relay_stop(x);
	x->torn = how != PROXY_RELAY_ENDED;
	switch (how) {
	case PROXY_RELAY_ENDED: x->front->ops->relayed(x->front, x); return;
	case PROXY_RELAY_IDLE: proxy_exchange_end(x, PROXY_FINE); return;
	case PROXY_RELAY_BUSY: proxy_exchange_end(x, PROXY_BUSY); return;
	case PROXY_RELAY_BROKE: break;
	}
	proxy_exchange_end(x, by_client ? PROXY_CLIENT_GONE : PROXY_BACK_TORN);
}

/* What an end has received and not passed on goes first, whatever pace is set. */
static void hand_over(struct proxy_relay *r, struct proxy_wire1 *wire,
		      enum proxy_pace_direction direction)
{
	struct proxy_relay_way *way = &r->ways[direction];
	struct proxy_buffer *in = TAKE(wire->in);
	wire->in_ready = 0;
	if (in && in->start == in->end)
		proxy_buffer_give(wire->pool, TAKE(in));
	way->held = in;
	way->ended = wire->in_eof;
	if (r->pace && way->held)
		proxy_pace_took(r->pace, direction, proxy_buffer_span(way->held).len);
}

static void begin(struct proxy_later *l)
{
	struct proxy_exchange *x =
		(struct proxy_exchange *)((char *)l - offsetof(struct proxy_exchange, later));
	struct proxy_worker *w = x->worker;
	struct proxy_wire1 *front = x->front->ops->relay(x->front);
	struct proxy_wire1 *back = front ? x->back->ops->relay(x->back) : NULL;
	struct proxy_relay *r = back ? slab_take(&w->relays) : NULL;
	if (!r)
		return;
	proxy_relay_begin(r, w, front->t, back->t, x->limits->tunnel_ms, over);
	r->owner = x;
	r->pace = x->pace;
	hand_over(r, front, PROXY_PACE_UP);
	hand_over(r, back, PROXY_PACE_DOWN);
	proxy_deadline_clear(&x->deadline);
	x->relay = r;
	proxy_relay_turn(r);
}

void exchange_relay(struct proxy_exchange *x)
{
	if (x->front->ops->relay && x->back && x->back->ops->relay)
		proxy_later_add(&x->worker->later, &x->later, begin);
}
