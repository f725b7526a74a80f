#include "proxy/inspect.h"

#include "proxy/entry.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

#include <stddef.h>
#include <string.h>

enum {
	IN_MAX = 4,	  /* buffers of the client that wait to be read */
	LINGER_MS = 2000, /* for the client to end, when we have */
};

static void tell(struct proxy_later *l);

/* ---- its life ---- */

static void inspect_free(struct proxy_inspect *i)
{
	struct proxy_worker *w = i->w;
	proxy_transport_close(TAKE(i->server), false);
	proxy_chain2_clear(&i->in, &w->buffers);
	proxy_deadline_done(&w->wheel, &i->deadline);
	proxy_later_cancel(&i->later);
	slab_give(&w->inspects, i);
}

/* Nobody is left. */
static bool is_over(const struct proxy_inspect *i)
{
	return !i->x && (i->closed || !i->entered) && !i->telling;
}

static void tell_later(struct proxy_inspect *i)
{
	proxy_later_add(&i->w->later, &i->later, tell);
}

static void wake(struct proxy_inspect *i, unsigned events)
{
	i->t.ready |= (uint8_t)events;
	i->events |= (uint8_t)events;
	tell_later(i);
}

static void tell_tunnel(struct proxy_inspect *i)
{
	if (i->resume && i->x) {
		i->resume = false;
		proxy_exchange_request_resume(i->x);
	}
	if (i->flush && i->x) {
		i->flush = false;
		proxy_exchange_response_flush(i->x);
	}
}

static void tell(struct proxy_later *l)
{
	struct proxy_inspect *i =
		(struct proxy_inspect *)((char *)l - offsetof(struct proxy_inspect, later));
	unsigned events = i->events;
	i->events = 0;
	i->telling = true;
	tell_tunnel(i);
	if (events && i->entered && !i->closed && i->t.call)
		i->t.call(i->t.owner, events);
	tell_tunnel(i);
	i->telling = false;
	if (is_over(i))
		inspect_free(i);
}

/* ---- the tunnel's side ---- */

static struct proxy_inspect *of_back(struct proxy_back *b)
{
	return (struct proxy_inspect *)b;
}

static void inspect_head(struct proxy_back *b, struct proxy_exchange *x, bool end)
{
	(void)b, (void)x, (void)end; /* it was asked for, and answered, before */
}

static size_t take(struct proxy_inspect *i, struct span bytes)
{
	size_t sum = 0;
	while (sum < bytes.len) {
		struct proxy_buffer *b = proxy_chain2_room(&i->in, &i->w->buffers, 1, IN_MAX);
		if (!b)
			break;
		size_t room = PROXY_BUFFER_SIZE - b->end, rest = bytes.len - sum;
		size_t n = rest < room ? rest : room;
		memcpy(b->data + b->end, bytes.data + sum, n);
		b->end += (uint32_t)n;
		sum += n;
	}
	return sum;
}

static size_t inspect_body(struct proxy_back *b, struct proxy_exchange *x, struct span bytes,
			   bool end)
{
	struct proxy_inspect *i = of_back(b);
	(void)x;
	if (!i->entered)
		return 0;
	size_t n = i->closed ? bytes.len : take(i, bytes);
	i->held = n < bytes.len;
	i->ended |= end && !i->held;
	if (n || i->ended)
		wake(i, PROXY_CAN_READ);
	return n;
}

static void inspect_flush(struct proxy_back *b, struct proxy_exchange *x)
{
	(void)b, (void)x;
}

static void inspect_cancel(struct proxy_back *b, struct proxy_exchange *x)
{
	struct proxy_inspect *i = of_back(b);
	(void)x;
	i->x = NULL;
	i->flush = i->resume = false;
	if (is_over(i)) {
		inspect_free(i);
		return;
	}
	i->t.error = (enum err)ECONNRESET;
	wake(i, PROXY_BROKEN | PROXY_CAN_READ);
}

static void inspect_resume(struct proxy_back *b, struct proxy_exchange *x)
{
	(void)x;
	if (of_back(b)->entered && !of_back(b)->closed)
		wake(of_back(b), PROXY_CAN_WRITE);
}

static const struct proxy_back_ops inspect_ops = {
	.head = inspect_head,
	.body = inspect_body,
	.flush = inspect_flush,
	.cancel = inspect_cancel,
	.resume = inspect_resume,
};

/* ---- the client's side ---- */

static struct proxy_inspect *of(struct proxy_transport *t)
{
	return (struct proxy_inspect *)(void *)((char *)t - offsetof(struct proxy_inspect, t));
}

static enum err inside_read(struct proxy_transport *t, void *buf, size_t size, size_t *ret_len)
{
	struct proxy_inspect *i = of(t);
	struct span bytes = proxy_chain2_span(&i->in);
	size_t n = bytes.len < size ? bytes.len : size;
	if (n) {
		memcpy(buf, bytes.data, n);
		proxy_chain2_skip(&i->in, &i->w->buffers, n);
		if (i->held && i->x) {
			i->held = false;
			i->resume = true;
			tell_later(i);
		}
	} else if (i->ended) {
		return ERR_CLOSED;
	} else if (!i->x) {
		return (enum err)ECONNRESET;
	} else {
		t->ready &= (uint8_t)~PROXY_CAN_READ;
	}
	*ret_len = n;
	return OK;
}

static enum err inside_write(struct proxy_transport *t, const struct span *parts, size_t parts_n,
			     size_t *ret_len)
{
	struct proxy_inspect *i = of(t);
	size_t sum = 0;
	if (!i->x)
		return ERR_CLOSED;
	for (size_t k = 0; k < parts_n; k++) {
		size_t n = proxy_exchange_response_body(i->x, parts[k], false);
		sum += n;
		if (n < parts[k].len) {
			t->ready &= (uint8_t)~PROXY_CAN_WRITE;
			break;
		}
	}
	i->flush = true;
	tell_later(i);
	*ret_len = sum;
	return OK;
}

static void inside_finish(struct proxy_transport *t)
{
	struct proxy_inspect *i = of(t);
	if (i->finished || !i->x)
		return;
	i->finished = true;
	size_t nothing = proxy_exchange_response_body(i->x, (struct span){0}, true);
	(void)nothing;
	i->flush = true;
	tell_later(i);
}

/* Before anybody was let in, it is the server's handshake that is late. */
static void late(struct proxy_deadline *d)
{
	struct proxy_inspect *i =
		(struct proxy_inspect *)((char *)d - offsetof(struct proxy_inspect, deadline));
	proxy_exchange_end(i->x, i->entered ? PROXY_FINE : PROXY_CONNECT_TIME);
}

/* What the client still sends is thrown away until it has ended too. */
static void inside_close(struct proxy_transport *t, bool abort)
{
	struct proxy_inspect *i = of(t);
	struct proxy_worker *w = i->w;
	i->closed = true;
	if (is_over(i)) {
		inspect_free(i);
		return;
	}
	if (!i->x)
		return;
	proxy_chain2_clear(&i->in, &w->buffers);
	if (abort) {
		i->x->torn = true;
	} else {
		inside_finish(t);
		i->resume = true;
		tell_later(i);
	}
	proxy_deadline_set(&w->wheel, &i->deadline, w->now_ms, abort ? 1 : LINGER_MS);
}

static const struct proxy_transport_ops inside_ops = {
	.read = inside_read,
	.write = inside_write,
	.finish = inside_finish,
	.close = inside_close,
};

/* ---- both ---- */

struct proxy_inspect *proxy_inspect_new(struct proxy_exchange *x)
{
	struct proxy_worker *w = x->worker;
	struct proxy_inspect *i = slab_take(&w->inspects);
	if (!i)
		return NULL;
	i->back.ops = &inspect_ops;
	i->t.ops = &inside_ops;
	i->t.fd = -1;
	i->deadline.call = late;
	i->w = w;
	i->x = x;
	x->back = &i->back;
	return i;
}

void proxy_inspect_drop(struct proxy_inspect *i)
{
	ASSERT(!i->entered);
	i->x = NULL;
	inspect_free(i);
}

void proxy_inspect_enter(struct proxy_inspect *i, struct proxy_chain2 *first,
			 const struct proxy_connection *c, const struct proxy_admission *admission)
{
	i->in = *first;
	*first = (struct proxy_chain2){0};
	proxy_deadline_clear(&i->deadline);
	i->entered = true;
	i->resume = true;
	i->t.ready = PROXY_OPENED | PROXY_CAN_READ | PROXY_CAN_WRITE;
	tell_later(i);
	proxy_entry_new(i->w, &i->t, c, admission);
}
