/* One request on an HTTP/2 connection to a back end: what the session says of its stream, and what
 * the exchange asks of its back. */
#include "proxy/back2_inner.h"

#include <string.h>

/* Buffers of an answer's body that are held: the stream's window, and one that is not full. */
enum { IN_MAX = 256 * 1024 / PROXY_BUFFER_SIZE + 2 };

enum { STALES_MAX = 3 }; /* kept connections that went away under one request */

static struct back2_stream *of(struct proxy_back *back)
{
	return (struct back2_stream *)back;
}

/* ---- its life ---- */

struct back2_stream *back2_stream_new(struct proxy_back2 *b, struct proxy_exchange *x)
{
	struct back2_stream *st = slab_take(&b->share->back_streams);
	if (!st)
		return NULL;
	st->back.ops = &back2_ops;
	st->b = b;
	st->x = x;
	x->back = &st->back;
	st->previous = b->streams_last;
	if (st->previous)
		st->previous->next = st;
	else
		b->streams = st;
	b->streams_last = st;
	b->streams_n++;
	b->requests++;
	return st;
}

void back2_stream_free(struct back2_stream *st)
{
	struct proxy_back2 *b = st->b;
	if (st->previous)
		st->previous->next = st->next;
	else
		b->streams = st->next;
	if (st->next)
		st->next->previous = st->previous;
	else
		b->streams_last = st->previous;
	b->streams_n--;
	proxy_chain2_clear(&st->in, &b->w->buffers);
	slab_give(&b->share->back_streams, st);
}

static void drop_in(struct back2_stream *st)
{
	struct proxy_back2 *b = st->b;
	size_t n = 0;
	for (const struct proxy_buffer *buf = st->in.first; buf; buf = buf->next)
		n += proxy_buffer_span(buf).len;
	if (st->id)
		http2_session_consumed(b->s, st->id, n);
	proxy_chain2_clear(&st->in, &b->w->buffers);
}

/* The session forgets it, and so do we when nobody looks. */
static void let_go(struct back2_stream *st)
{
	drop_in(st);
	if (st->id && !st->closed)
		http2_session_reset(st->b->s, st->id, HTTP2_CANCEL);
	st->id = 0;
	back2_queue(st);
}

static void fail(struct back2_stream *st, enum proxy_cause cause, bool unsent)
{
	struct proxy_exchange *x = TAKE(st->x);
	let_go(st);
	proxy_exchange_failed(x, cause, unsent);
}

/* A kept connection that ended without a word since the request went: it had ended before. */
enum proxy_cause back2_torn_cause(const struct back2_stream *st)
{
	const struct proxy_back2 *b = st->b;
	if (st->head_in)
		return PROXY_BACK_TORN;
	if (b->why)
		return (enum proxy_cause)b->why;
	if (st->x && st->x->kept && st->heard == b->reads)
		return PROXY_BACK_STALE;
	return PROXY_BACK_CLOSED;
}

/* ---- what the back end says ---- */

void back2_on_response(void *owner, void *stream, const struct http2_head *head)
{
	struct back2_stream *st = stream;
	struct proxy_exchange *x = st->x;
	((struct proxy_back2 *)owner)->lives = false;
	if (!x)
		return;
	if (head->too_large || proxy_response_from2(x, head)) {
		st->broken = true;
		back2_queue(st);
		return;
	}
	if (head->status < 200) {
		proxy_exchange_interim(x);
		st->flush = true;
		back2_queue(st);
		return;
	}
	st->head_in = true;
	st->in_ended = st->in_told = head->end;
	st->refused = !proxy_exchange_response(x, head->end);
	st->flush = true;
	back2_queue(st);
}

void back2_on_data(void *owner, void *stream, struct span data)
{
	struct proxy_back2 *b = owner;
	struct back2_stream *st = stream;
	size_t taken = 0;
	b->lives = false;
	if (!st->x || st->refused || st->broken) {
		http2_session_consumed(b->s, st->id, data.len);
		return;
	}
	if (proxy_chain2_empty(&st->in) && !st->pushing)
		taken = proxy_exchange_response_body(st->x, data, false);
	if (taken) {
		st->flush = true;
		http2_session_consumed(b->s, st->id, taken);
	}
	struct span rest = span_sub(data, taken, data.len);
	if (rest.len && !proxy_chain2_add(&st->in, &b->w->buffers, rest, IN_MAX)) {
		http2_session_consumed(b->s, st->id, rest.len);
		st->broken = true;
	}
	back2_queue(st);
}

void back2_on_end(void *owner, void *stream, const struct http2_head *trailers)
{
	struct back2_stream *st = stream;
	struct proxy_exchange *x = st->x;
	((struct proxy_back2 *)owner)->lives = false;
	st->in_ended = true;
	if (x && trailers && trailers->fields_n &&
	    proxy_trailers_from2(x, trailers, &x->response_trailers, &x->response_trailers_n))
		st->broken = true;
	back2_queue(st);
}

void back2_on_closed(void *owner, void *stream, uint32_t code)
{
	struct back2_stream *st = stream;
	(void)owner;
	st->closed = true;
	st->code = code;
	back2_queue(st);
}

/* ---- what the session asks for ---- */

struct http2_body back2_on_body(void *owner, void *stream, size_t max)
{
	struct back2_stream *st = stream;
	const struct proxy_exchange *x = st->x;
	struct proxy_out2 *out = &st->b->share->out;
	(void)owner;
	size_t n = st->offer.len < max ? st->offer.len : max;
	struct http2_body body = {.len = n, .end = x && st->end && n == st->offer.len};
	if (body.end) {
		st->end_sent = true;
		if (x->request_trailers_n &&
		    proxy_trailers_to2(x->request_trailers, x->request_trailers_n, out) == OK) {
			body.trailers = out->fields;
			body.trailers_n = out->fields_n;
		}
	} else if (!n && st->held) {
		st->wanted = true;
		back2_queue(st);
	}
	return body;
}

void back2_on_body_copy(void *owner, void *stream, uint8_t *to, size_t len)
{
	struct back2_stream *st = stream;
	(void)owner;
	ASSERT(len <= st->offer.len);
	memcpy(to, st->offer.data, len);
	st->offer = span_sub(st->offer, len, st->offer.len);
}

/* ---- what the exchange asks for ---- */

static void back2_head(struct proxy_back *back, struct proxy_exchange *x, bool end)
{
	struct back2_stream *st = of(back);
	struct proxy_back2 *b = st->b;
	const struct proxy_head *request = &x->request;
	struct http2_head head;
	bool tunnel = request->protocol.len || request->method_id == PROXY_CONNECT;
	enum err e = proxy_request_to2(request, &b->share->out, &head);
	if (!e && request->protocol.len && !http2_session_takes_connect(b->s))
		e = ERR_UNSUPPORTED;
	head.end = end && !tunnel;
	st->end_sent = head.end;
	if (!e)
		e = http2_session_request(b->s, &head, st, &st->id);
	st->broken = e != OK;
	back2_queue(st);
}

static size_t back2_body(struct proxy_back *back, struct proxy_exchange *x, struct span bytes,
			 bool end)
{
	struct back2_stream *st = of(back);
	(void)x;
	if (!st->id || st->closed)
		return 0;
	st->offer = bytes;
	st->end = end;
	st->held = false;
	http2_session_resume(st->b->s, st->id);
	back2_compose(st->b);
	size_t taken = bytes.len - st->offer.len;
	st->offer = (struct span){0};
	st->held = taken < bytes.len;
	st->end = end && !st->held;
	if (st->held && st->b->receiving) {
		st->wanted = true;
		back2_queue(st);
	}
	return taken;
}

static void back2_flush(struct proxy_back *back, struct proxy_exchange *x)
{
	(void)x;
	back2_queue(of(back));
}

static void back2_cancel(struct proxy_back *back, struct proxy_exchange *x)
{
	struct back2_stream *st = of(back);
	(void)x;
	st->x = NULL;
	let_go(st);
}

static void back2_resume(struct proxy_back *back, struct proxy_exchange *x)
{
	(void)x;
	back2_push(of(back));
}

const struct proxy_back_ops back2_ops = {
	.head = back2_head,
	.body = back2_body,
	.flush = back2_flush,
	.cancel = back2_cancel,
	.resume = back2_resume,
};

/* ---- a turn ---- */

void back2_push(struct back2_stream *st)
{
	struct proxy_back2 *b = st->b;
	if (st->pushing || st->in_told || !st->head_in || st->refused)
		return;
	st->pushing = true;
	bool on = true;
	while (on && st->x && (st->in.first || st->in_ended)) {
		struct span bytes = proxy_chain2_span(&st->in);
		bool end = st->in_ended && st->in.n < 2;
		size_t n = proxy_exchange_response_body(st->x, bytes, end);
		if (st->id)
			http2_session_consumed(b->s, st->id, n);
		proxy_chain2_skip(&st->in, &b->w->buffers, n);
		if (n)
			back2_queue(st); /* the window that opened is to be told */
		st->in_told = end && n == bytes.len;
		st->flush |= n > 0 || st->in_told;
		on = n == bytes.len && bytes.len && !st->in_told;
	}
	st->pushing = false;
}

static void answered(struct back2_stream *st)
{
	struct proxy_exchange *x = TAKE(st->x);
	let_go(st);
	proxy_exchange_back_done(x);
}

static void refused(struct back2_stream *st)
{
	struct proxy_exchange *x = TAKE(st->x);
	let_go(st);
	proxy_exchange_refused(x);
}

/* A connection that had served and goes away says nothing of the back end, unless that happens to
 * the same request again and again. */
static enum proxy_cause refused_cause(const struct back2_stream *st)
{
	struct proxy_exchange *x = st->x;
	bool stale = st->b->closing && x->kept && x->stales < STALES_MAX;
	x->stales += stale;
	return stale ? PROXY_BACK_STALE : PROXY_BACK_CLOSED;
}

/* The session closed it before the answer was whole. */
static void closed_early(struct back2_stream *st)
{
	if (st->code == HTTP2_REFUSED_STREAM && !st->head_in)
		fail(st, refused_cause(st), true);
	else if (st->head_in)
		fail(st, PROXY_BACK_TORN, false);
	else
		fail(st, st->code == HTTP2_PROTOCOL_ERROR ? PROXY_BACK_FORMAT : PROXY_BACK_CLOSED,
		     false);
}

static void act_on_exchange(struct back2_stream *st)
{
	if (st->wanted && st->held) {
		st->wanted = false;
		proxy_exchange_request_resume(st->x);
	}
	if (st->x)
		back2_push(st);
	if (st->x && st->in_told && st->x->phase != PROXY_PHASE_TUNNEL) {
		answered(st);
		return;
	}
	if (st->x && st->closed && !st->in_ended) {
		closed_early(st);
		return;
	}
	if (st->x && st->flush) {
		st->flush = false;
		proxy_exchange_response_flush(st->x);
	}
}

void back2_act(struct back2_stream *st)
{
	if (st->x && st->refused)
		refused(st);
	else if (st->x && st->broken)
		fail(st, PROXY_BACK_FORMAT, !st->id);
	else if (st->x && st->opened)
		act_on_exchange(st);
	if (!st->x && !st->id && !st->queued)
		back2_stream_free(st);
}
