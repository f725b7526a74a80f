/* One request on an HTTP/2 connection: what the session says of its stream, and what the exchange
 * asks of its front. */
#include "proxy/front2_inner.h"

#include <string.h>

/* Buffers of a request's body that are held: the stream's window, and one that is not full. */
enum { IN_MAX = 256 * 1024 / PROXY_BUFFER_SIZE + 2 };

static struct front2_stream *of(struct proxy_front *front)
{
	return (struct front2_stream *)front;
}

/* ---- its life ---- */

static struct front2_stream *stream_new(struct proxy_front2 *f, uint32_t id)
{
	struct front2_stream *st = slab_take(&f->share->front_streams);
	if (!st)
		return NULL;
	st->front.ops = &front2_ops;
	st->f = f;
	st->id = id;
	st->next = f->streams;
	if (st->next)
		st->next->previous = st;
	f->streams = st;
	return st;
}

void front2_stream_free(struct front2_stream *st)
{
	struct proxy_front2 *f = st->f;
	if (st->previous)
		st->previous->next = st->next;
	else
		f->streams = st->next;
	if (st->next)
		st->next->previous = st->previous;
	proxy_chain2_clear(&st->in, &f->w->buffers);
	slab_give(&f->share->front_streams, st);
}

/* The session forgets it, with all that it was given for the stream and has not composed: so what
 * was said is composed first. Not within http2_session_receive, which composes nothing. */
static void reset(struct front2_stream *st, enum http2_code code)
{
	if (st->id) {
		front2_compose(st->f);
		http2_session_reset(st->f->s, st->id, code);
	}
	st->id = 0;
	front2_queue(st);
}

/* Bytes that nobody will take are taken: the connection's window must not shrink by them. */
static void drop_in(struct front2_stream *st)
{
	struct proxy_front2 *f = st->f;
	size_t n = 0;
	for (const struct proxy_buffer *b = st->in.first; b; b = b->next)
		n += proxy_buffer_span(b).len;
	http2_session_consumed(f->s, st->id, n);
	proxy_chain2_clear(&st->in, &f->w->buffers);
}

/* ---- what the client says ---- */

static void too_large(struct front2_stream *st, bool end)
{
	struct proxy_front2 *f = st->f;
	const struct http2_head head = {.status = 431, .end = true};
	if (f->w->face->malformed)
		f->w->face->malformed(f->w->face_arg, &f->c, PROXY_CLIENT_HEAD_LIMIT);
	proxy_count_add(&f->w->counts, PROXY_COUNT_CAUSE + PROXY_CLIENT_HEAD_LIMIT, 1);
	err_ignore(http2_session_respond(f->s, st->id, &head));
	st->unwanted = !end;
	front2_queue(st);
}

void *front2_on_request(void *owner, uint32_t id, const struct http2_head *head)
{
	struct proxy_front2 *f = owner;
	struct front2_stream *st = stream_new(f, id);
	if (!st)
		return NULL;
	st->in_ended = head->end;
	if (head->too_large || head->size > f->head_max || head->fields_n > PROXY_FIELDS_RECEIVED) {
		too_large(st, head->end);
		return st;
	}
	st->x = proxy_exchange_take(f->w, &f->c, &st->front);
	if (!st->x || proxy_request_from2(st->x, head)) {
		if (st->x)
			proxy_exchange_give(st->x);
		front2_stream_free(st);
		proxy_count_add(&f->w->counts, PROXY_COUNT_CAUSE + PROXY_BUSY, 1);
		return NULL;
	}
	st->tunnel = st->x->request.protocol.len || st->x->request.method_id == PROXY_CONNECT;
	front2_queue(st);
	return st;
}

void front2_on_data(void *owner, void *stream, struct span data)
{
	struct proxy_front2 *f = owner;
	struct front2_stream *st = stream;
	size_t taken = 0;
	if (!st->x) {
		http2_session_consumed(f->s, st->id, data.len);
		return;
	}
	bool direct = st->begun && proxy_chain2_empty(&st->in) && !st->pushing;
	if (direct && (!st->tunnel || st->x->phase == PROXY_PHASE_TUNNEL))
		taken = proxy_exchange_request_body(st->x, data, false);
	if (taken) {
		st->flush = true;
		http2_session_consumed(f->s, st->id, taken);
	}
	struct span rest = span_sub(data, taken, data.len);
	if (rest.len && !proxy_chain2_add(&st->in, &f->w->buffers, rest, IN_MAX)) {
		http2_session_consumed(f->s, st->id, rest.len);
		st->broken = true;
	}
	front2_queue(st);
}

void front2_on_end(void *owner, void *stream, const struct http2_head *trailers)
{
	struct front2_stream *st = stream;
	struct proxy_exchange *x = st->x;
	(void)owner;
	st->in_ended = true;
	if (x && trailers && trailers->fields_n &&
	    proxy_trailers_from2(x, trailers, &x->request_trailers, &x->request_trailers_n))
		st->broken = true;
	front2_queue(st);
}

void front2_on_closed(void *owner, void *stream, uint32_t code)
{
	struct front2_stream *st = stream;
	(void)owner;
	drop_in(st);
	st->id = 0;
	st->code = code;
	front2_queue(st);
}

/* ---- what the session asks for ---- */

static struct http2_body end_of(struct front2_stream *st, size_t len)
{
	const struct proxy_exchange *x = st->x;
	struct proxy_out2 *out = &st->f->share->out;
	struct http2_body body = {.len = len, .end = true};
	st->end_sent = true;
	front2_queue(st);
	if (!x->response_trailers_n)
		return body;
	/* Too long ones are left out, as for a client that does not want them. */
	if (proxy_trailers_to2(x->response_trailers, x->response_trailers_n, out) == OK) {
		body.trailers = out->fields;
		body.trailers_n = out->fields_n;
	}
	return body;
}

struct http2_body front2_on_body(void *owner, void *stream, size_t max)
{
	struct front2_stream *st = stream;
	(void)owner;
	size_t n = st->offer.len < max ? st->offer.len : max;
	if (st->x && st->end && n == st->offer.len)
		return end_of(st, n);
	if (!n && st->held) {
		st->wanted = true;
		front2_queue(st);
	}
	return (struct http2_body){.len = n};
}

void front2_on_body_copy(void *owner, void *stream, uint8_t *to, size_t len)
{
	struct front2_stream *st = stream;
	(void)owner;
	ASSERT(len <= st->offer.len);
	memcpy(to, st->offer.data, len);
	st->offer = span_sub(st->offer, len, st->offer.len);
}

/* ---- what the exchange asks for ---- */

static void front2_interim(struct proxy_front *front, struct proxy_exchange *x)
{
	struct front2_stream *st = of(front);
	struct proxy_out2 *out = &st->f->share->out;
	struct http2_head head;
	if (st->id && proxy_response_to2(&x->response, false, out, &head) == OK)
		err_ignore(http2_session_inform(st->f->s, st->id, &head));
}

/* RFC 8441 4: a 2xx would open a tunnel that the back end has not. */
static bool is_no_tunnel(const struct front2_stream *st, const struct proxy_head *response)
{
	return st->tunnel && response->status / 100 == 2 && response->body != PROXY_BODY_TUNNEL;
}

static void front2_head(struct proxy_front *front, struct proxy_exchange *x, bool end)
{
	struct front2_stream *st = of(front);
	struct proxy_out2 *out = &st->f->share->out;
	struct http2_head head;
	if (is_no_tunnel(st, &x->response)) {
		proxy_head_reset(&x->response);
		x->response.status = 502;
		st->deaf = true;
		end = true;
	}
	enum err e = proxy_response_to2(&x->response, st->tunnel, out, &head);
	if (!e) {
		head.end = end;
		e = st->id ? http2_session_respond(st->f->s, st->id, &head) : OK;
	}
	st->broken |= e != OK;
	st->end_sent = end;
	front2_queue(st);
}

static size_t front2_body(struct proxy_front *front, struct proxy_exchange *x, struct span bytes,
			  bool end)
{
	struct front2_stream *st = of(front);
	(void)x;
	if (st->deaf || !st->id)
		return bytes.len;
	st->offer = bytes;
	st->end = end;
	st->held = false;
	http2_session_resume(st->f->s, st->id);
	front2_compose(st->f);
	size_t taken = bytes.len - st->offer.len;
	st->offer = (struct span){0};
	st->held = taken < bytes.len;
	/* With bytes that stay, the end stays too, and is offered again. */
	st->end = end && !st->held;
	if (st->held && st->f->receiving) {
		st->wanted = true;
		front2_queue(st);
	}
	return taken;
}

static void front2_flush(struct proxy_front *front, struct proxy_exchange *x)
{
	(void)x;
	front2_queue(of(front));
}

static enum http2_code code_of(enum proxy_cause cause)
{
	switch (cause) {
	case PROXY_DRAINED:
	case PROXY_BUSY: return HTTP2_REFUSED_STREAM;
	case PROXY_CLIENT_FORMAT: return HTTP2_PROTOCOL_ERROR;
	case PROXY_REFUSED: return HTTP2_CANCEL;
	default: return HTTP2_INTERNAL_ERROR;
	}
}

static void front2_reset(struct proxy_front *front, struct proxy_exchange *x,
			 enum proxy_cause cause)
{
	struct front2_stream *st = of(front);
	(void)x;
	st->x = NULL;
	drop_in(st);
	/* What began an answer was looked at: it must not go again. */
	enum http2_code code = code_of(cause);
	reset(st, code == HTTP2_REFUSED_STREAM && x->answered ? HTTP2_INTERNAL_ERROR : code);
}

static void front2_resume(struct proxy_front *front, struct proxy_exchange *x)
{
	(void)x;
	front2_push(of(front));
}

const struct proxy_front_ops front2_ops = {
	.interim = front2_interim,
	.head = front2_head,
	.body = front2_body,
	.flush = front2_flush,
	.reset = front2_reset,
	.resume = front2_resume,
};

/* ---- a turn ---- */

void front2_push(struct front2_stream *st)
{
	struct proxy_front2 *f = st->f;
	if (st->pushing || st->in_told || !st->begun)
		return;
	if (st->tunnel && st->x && st->x->phase != PROXY_PHASE_TUNNEL)
		return;
	st->pushing = true;
	bool on = true;
	while (on && st->x && (st->in.first || st->in_ended)) {
		struct span bytes = proxy_chain2_span(&st->in);
		bool end = st->in_ended && st->in.n < 2;
		size_t n = proxy_exchange_request_body(st->x, bytes, end);
		http2_session_consumed(f->s, st->id, n);
		proxy_chain2_skip(&st->in, &f->w->buffers, n);
		if (n)
			front2_queue(st); /* the window that opened is to be told */
		st->in_told = end && st->x && st->x->request_ended;
		st->flush |= n > 0 || st->in_told;
		on = n == bytes.len && bytes.len && !st->in_told;
	}
	st->pushing = false;
}

/* A body that is here as a whole may go to a second back end. */
static void at_hand(struct front2_stream *st)
{
	struct proxy_exchange *x = st->x;
	struct proxy_buffer *b = st->in.first;
	if (!st->in_ended || st->in.n != 1 || x->request_trailers_n)
		return;
	x->at_hand = proxy_buffer_span(b);
	x->request_buffer = proxy_buffer_ref(b);
	drop_in(st);
	st->in_told = true;
}

static void begin(struct front2_stream *st)
{
	bool end = st->in_ended && proxy_chain2_empty(&st->in) && !st->x->request_trailers_n;
	st->begun = true;
	if (st->tunnel) {
		/* What follows are the tunnel's bytes. */
		end = true;
	} else if (end) {
		st->in_told = true;
	} else {
		at_hand(st);
	}
	proxy_exchange_begin(st->x, end);
}

/* Its answer has been composed to the end. */
static void finish(struct front2_stream *st)
{
	struct proxy_exchange *x = TAKE(st->x);
	drop_in(st);
	/* RFC 9113 8.1: the answer is whole, the rest of the request is not wanted. */
	if (!st->in_ended)
		reset(st, HTTP2_NO_ERROR);
	proxy_exchange_finish(x);
}

/* The stream ended under the exchange. */
static void give_up(struct front2_stream *st, enum proxy_cause cause)
{
	struct proxy_exchange *x = TAKE(st->x);
	if (st->begun)
		proxy_exchange_abort(x, cause);
	else
		proxy_exchange_give(x);
	drop_in(st);
}

static void act_on_exchange(struct front2_stream *st)
{
	if (!st->begun)
		begin(st);
	if (st->x && st->wanted && st->held) {
		st->wanted = false;
		proxy_exchange_response_resume(st->x);
	}
	if (st->x)
		front2_push(st);
	if (st->x && st->flush) {
		st->flush = false;
		proxy_exchange_request_flush(st->x);
	}
	bool both = !st->tunnel || st->deaf || st->in_told || !st->x ||
		    st->x->phase != PROXY_PHASE_TUNNEL;
	if (st->x && st->end_sent && st->x->response_ended && both)
		finish(st);
}

void front2_act(struct front2_stream *st)
{
	bool done = st->end_sent && st->x && st->x->response_ended;
	if (st->x && st->broken) {
		give_up(st, PROXY_INTERNAL);
		reset(st, HTTP2_INTERNAL_ERROR);
	} else if (st->x && !st->id && !done) {
		give_up(st,
			st->code == HTTP2_PROTOCOL_ERROR ? PROXY_CLIENT_FORMAT : PROXY_CLIENT_GONE);
	} else if (st->x) {
		act_on_exchange(st);
	}
	if (st->unwanted && st->id) {
		st->unwanted = false;
		reset(st, HTTP2_NO_ERROR);
	}
	if (!st->x && !st->id && !st->queued)
		front2_stream_free(st);
}
