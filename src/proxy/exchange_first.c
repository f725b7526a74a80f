/* The first bytes that a client sends through a tunnel: they wait here while the face looks at
 * them, and when it has said its word nothing of this is on the tunnel's way any more. What the
 * server sends does not wait. What was held goes on at once, whatever pace is set: it is little,
 * and counts. */
#include "proxy/exchange_inner.h"
#include "proxy/face.h"
#include "proxy/pace.h"

/* The most that is kept, and an end of it that is not full. */
enum { BUFFERS_MAX = PROXY_FIRST_MAX / PROXY_BUFFER_SIZE + 2 };

/* exchange.first */
enum { NOTHING, LOOKING, PASSING, REFUSED, HOLDING };

void exchange_first_begin(struct proxy_exchange *x)
{
	if (x->verdict.first_bytes && x->connection && x->worker->face->first_bytes)
		x->first = LOOKING;
}

void exchange_first_drop(struct proxy_exchange *x)
{
	proxy_chain2_clear(&x->first_held, &x->worker->buffers);
	x->first = NOTHING;
	x->first_by_ms = 0;
}

/* What is held and what has come now, in one piece; into room when both are something. */
static struct span gather(const struct proxy_exchange *x, struct span bytes, uint8_t *room)
{
	size_t n = 0;
	if (proxy_chain2_empty(&x->first_held))
		return span_sub(bytes, 0, PROXY_FIRST_MAX);
	for (const struct proxy_buffer *b = x->first_held.first; b; b = b->next) {
		struct span s = proxy_buffer_span(b);
		memcpy(room + n, s.data, s.len);
		n += s.len;
	}
	bytes = span_sub(bytes, 0, PROXY_FIRST_MAX - n);
	if (bytes.len)
		memcpy(room + n, bytes.data, bytes.len);
	return span_of(room, n + bytes.len);
}

/* MORE only while more may come. */
static enum proxy_first ask(struct proxy_exchange *x, struct span bytes, bool end)
{
	struct proxy_worker *w = x->worker;
	uint8_t room[PROXY_FIRST_MAX];
	struct span all = gather(x, bytes, room);
	bool last = end || all.len == PROXY_FIRST_MAX;
	enum proxy_first said = w->face->first_bytes(w->face_arg, x, all, last);
	return said == PROXY_FIRST_MORE && last ? PROXY_FIRST_REFUSE : said;
}

static void refuse(struct proxy_exchange *x)
{
	exchange_first_drop(x);
	x->first = REFUSED;
	x->torn = true;
}

/* How many bytes are kept. */
static size_t keep(struct proxy_exchange *x, struct span bytes)
{
	struct proxy_worker *w = x->worker;
	if (!x->first_by_ms && x->limits->first_bytes_ms)
		x->first_by_ms = w->now_ms + x->limits->first_bytes_ms;
	if (!proxy_chain2_add(&x->first_held, &w->buffers, bytes, BUFFERS_MAX)) {
		refuse(x);
		exchange_end_later(x, PROXY_BUSY);
		return 0;
	}
	exchange_arm(x);
	return bytes.len;
}

/* They stay here until it is known who answers them. How many were kept. */
static size_t hold(struct proxy_exchange *x, struct span bytes)
{
	size_t n = keep(x, bytes);
	if (x->first == REFUSED)
		return n;
	x->first = HOLDING;
	x->first_by_ms = 0;
	exchange_arm(x);
	exchange_inspect(x);
	return n;
}

bool exchange_first_pass(struct proxy_exchange *x)
{
	struct proxy_buffers *pool = &x->worker->buffers;
	bool held = !proxy_chain2_empty(&x->first_held);
	if (x->first != PASSING)
		return x->first != REFUSED && x->first != HOLDING;
	while (!proxy_chain2_empty(&x->first_held)) {
		struct span s = proxy_chain2_span(&x->first_held);
		size_t n = x->back->ops->body(x->back, x, s, false);
		x->request_bytes += n;
		if (x->pace)
			proxy_pace_took(x->pace, PROXY_PACE_UP, n);
		proxy_chain2_skip(&x->first_held, pool, n);
		if (n < s.len)
			break;
	}
	if (held)
		x->back->ops->flush(x->back, x);
	x->request_held = !proxy_chain2_empty(&x->first_held);
	exchange_arm(x);
	if (x->request_held)
		return false;
	x->first = NOTHING;
	exchange_relay(x);
	return true;
}

bool exchange_first(struct proxy_exchange *x, struct span bytes, bool end, size_t *ret_taken)
{
	*ret_taken = 0;
	if (x->first != LOOKING)
		return exchange_first_pass(x);
	if (!bytes.len && (!end || proxy_chain2_empty(&x->first_held)))
		return end; /* there is nothing to be looked at */
	switch (ask(x, bytes, end)) {
	case PROXY_FIRST_MORE: *ret_taken = keep(x, bytes); return false;
	case PROXY_FIRST_PASS:
		x->first = PASSING;
		x->first_by_ms = 0;
		return exchange_first_pass(x);
	case PROXY_FIRST_INSPECT: *ret_taken = hold(x, bytes); return false;
	case PROXY_FIRST_REFUSE: break;
	}
	refuse(x);
	exchange_end_later(x, PROXY_REFUSED);
	return false;
}

void exchange_first_take(struct proxy_exchange *x, struct proxy_chain2 *ret)
{
	*ret = x->first_held;
	x->first_held = (struct proxy_chain2){0};
	for (const struct proxy_buffer *b = ret->first; b; b = b->next)
		x->request_bytes += proxy_buffer_span(b).len;
	x->first = NOTHING;
}

void exchange_first_go(struct proxy_exchange *x)
{
	x->first = PASSING;
}

bool exchange_first_is_late(const struct proxy_exchange *x)
{
	return x->first == LOOKING && x->first_by_ms && x->worker->now_ms >= x->first_by_ms;
}

void exchange_first_late(struct proxy_exchange *x)
{
	switch (ask(x, (struct span){0}, true)) {
	case PROXY_FIRST_PASS:
		x->first = PASSING;
		x->first_by_ms = 0;
		(void)exchange_first_pass(x);
		return;
	case PROXY_FIRST_INSPECT: (void)hold(x, (struct span){0}); return;
	default: break;
	}
	refuse(x);
	proxy_exchange_end(x, PROXY_REFUSED);
}
