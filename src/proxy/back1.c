/* why-long: a connection's whole life, of exchanges one after another, stands in one place. */
#include "proxy/back1.h"

#include "proxy/back1_inner.h"
#include "proxy/back2.h"
#include "proxy/binding.h"
#include "proxy/convert1.h"
#include "proxy/exchange.h"
#include "proxy/face.h"
#include "proxy/hop.h"
#include "proxy/hop_inner.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

#include <stddef.h>

enum {
	FILLS_MAX = 64,	  /* of one connection in a turn, then the others have theirs */
	HEAD_READ = 1024, /* most heads are shorter; sent on they fit in a packet of their own */
};

static void back1_turn(struct proxy_back1 *b);
static void turn_later(struct proxy_later *l);

/* ---- its life ---- */

static void idle_unlink(struct proxy_back1 *b)
{
	struct proxy_hop *hop = b->hop;
	if (b->previous)
		b->previous->next = b->next;
	else
		hop->idle = b->next;
	if (b->next)
		b->next->previous = b->previous;
	else
		hop->idle_last = b->previous;
	b->next = b->previous = NULL;
	hop->idle_n--;
}

static void last_unlink(struct proxy_back1 *b)
{
	if (b->previous)
		b->previous->next = b->next;
	else
		b->w->back1_last = b->next;
	if (b->next)
		b->next->previous = b->previous;
}

static void back1_free(struct proxy_back1 *b, bool abort)
{
	struct proxy_worker *w = b->w;
	struct proxy_hop *hop = b->hop;
	if (b->state == PROXY_BACK1_IDLE)
		idle_unlink(b);
	if (b->state == PROXY_BACK1_LAST)
		last_unlink(b);
	proxy_deadline_done(&w->wheel, &b->deadline);
	proxy_later_cancel(&b->later);
	proxy_buffer_give(b->wire.pool, b->lead);
	proxy_wire1_done(&b->wire, abort);
	slab_give(&w->back1s, b);
	hop_count_gone(w, hop);
}

void proxy_back1_close(struct proxy_back1 *b)
{
	ASSERT(!b->x);
	back1_free(b, false);
}

/* ---- the end of a tunnel that is cut ---- */

/* The reset would take from the queue what has not arrived, and was counted. */
static void last_look(struct proxy_back1 *b)
{
	struct proxy_worker *w = b->w;
	if (w->now_ms >= b->last_by_ms || proxy_wire1_arrived(&b->wire))
		back1_free(b, true);
	else
		proxy_deadline_set(&w->wheel, &b->deadline, w->now_ms, PROXY_LAST_LOOK_MS);
}

static void last_begin(struct proxy_back1 *b)
{
	struct proxy_worker *w = b->w;
	proxy_later_cancel(&b->later);
	b->state = PROXY_BACK1_LAST;
	b->last_by_ms = w->now_ms + PROXY_LAST_MS;
	b->previous = NULL;
	b->next = w->back1_last;
	if (b->next)
		b->next->previous = b;
	w->back1_last = b;
	last_look(b);
}

void proxy_back1_end_last(struct proxy_worker *w)
{
	while (w->back1_last)
		back1_free(w->back1_last, true);
}

static void idle_late(struct proxy_deadline *d)
{
	struct proxy_back1 *b =
		(struct proxy_back1 *)((char *)d - offsetof(struct proxy_back1, deadline));
	if (b->state == PROXY_BACK1_IDLE)
		proxy_back1_close(b);
	else if (b->state == PROXY_BACK1_LAST)
		last_look(b);
}

/* Lets go of its exchange and closes. */
static struct proxy_exchange *let_go(struct proxy_back1 *b)
{
	struct proxy_exchange *x = TAKE(b->x);
	back1_free(b, false);
	return x;
}

static bool is_connecting(const struct proxy_back1 *b)
{
	return b->state == PROXY_BACK1_CONNECT || b->state == PROXY_BACK1_LEAD ||
	       b->state == PROXY_BACK1_SECURE;
}

static void fail(struct proxy_back1 *b, enum proxy_cause cause)
{
	bool unsent = is_connecting(b);
	if (unsent && b->wire.t)
		b->x->connect_error = b->wire.t->error;
	struct proxy_exchange *x = let_go(b);
	proxy_exchange_failed(x, cause, unsent);
}

/* ---- whose it is ---- */

/* Of requests that no client has sent. */
#define NOBODYS UINT64_MAX

static uint64_t client_of(const struct proxy_exchange *x)
{
	return x->connection ? x->connection->id : NOBODYS;
}

/* For whoever has sent what runs, and for nobody else from now on. */
static void bind_to(struct proxy_back1 *b, struct proxy_head *head)
{
	if (b->client || !binding_is_said(head))
		return;
	b->client = client_of(b->x);
	b->hop->binds = true;
}

/* One that is somebody's finds room among those that are kept, as he could not go on without. */
static void make_room(struct proxy_back1 *b)
{
	struct proxy_hop *hop = b->hop;
	if (b->client && b->keep_alive && hop->idle_last && hop->idle_n >= hop->limits.idle_max)
		proxy_back1_close(hop->idle_last);
}

/* ---- after the answer ---- */

/* What it says behind its answer may wait unread, while a slow client was waited for: it brings no
 * event any more, and would be taken for the next answer. */
static bool is_quiet(struct proxy_back1 *b)
{
	bool got = false;
	return !(b->wire.t->ready & PROXY_CAN_READ) || (!proxy_wire1_fill(&b->wire, &got) && !got);
}

static bool may_stay(struct proxy_back1 *b)
{
	const struct proxy_hop *hop = b->hop;
	const struct proxy_wire1 *wire = &b->wire;
	return b->keep_alive && wire->out_done && proxy_wire1_empty(wire) && wire->in_done &&
	       !proxy_wire1_bytes(wire).len && !wire->in_eof && !b->broken &&
	       !(wire->t->ready & PROXY_BROKEN) && !hop->closing && !hop->proxy_header &&
	       hop->idle_n < hop->limits.idle_max &&
	       (!hop->limits.requests_max || b->requests < hop->limits.requests_max) && is_quiet(b);
}

static void stay(struct proxy_back1 *b)
{
	struct proxy_hop *hop = b->hop;
	proxy_wire1_rest(&b->wire);
	b->state = PROXY_BACK1_IDLE;
	b->turning = false; /* the turn that ends here touches it no more */
	b->previous = NULL;
	b->next = hop->idle;
	if (b->next)
		b->next->previous = b;
	else
		hop->idle_last = b;
	hop->idle = b;
	hop->idle_n++;
	proxy_deadline_set(&b->w->wheel, &b->deadline, b->w->now_ms, hop->limits.idle_ms);
}

/* The answer was passed on whole. */
static void answered(struct proxy_back1 *b)
{
	struct proxy_exchange *x = TAKE(b->x);
	make_room(b);
	if (b->client != NOBODYS && may_stay(b))
		stay(b);
	else
		back1_free(b, false);
	proxy_exchange_back_done(x);
}

/* ---- in ---- */

/* What a look at the bytes that are here came to. */
enum step {
	STEP_ON,   /* look again */
	STEP_READ, /* more bytes are needed */
	STEP_HELD, /* nobody takes what is here */
	STEP_GONE, /* b is gone, or has another exchange: it is not touched any more */
};

static enum proxy_cause torn_cause(const struct proxy_back1 *b)
{
	if (b->state == PROXY_BACK1_BODY)
		return PROXY_BACK_TORN;
	return b->requests > 1 && !b->answer_began ? PROXY_BACK_STALE : PROXY_BACK_CLOSED;
}

static enum proxy_framing framing_of(const struct http1_head *read, const struct proxy_head *head)
{
	if (head->body == PROXY_BODY_NONE)
		return PROXY_FRAMING_NONE;
	switch (read->framing) {
	case HTTP_BODY_LENGTH: return PROXY_FRAMING_LENGTH;
	case HTTP_BODY_CHUNKED: return PROXY_FRAMING_CHUNKED;
	default: return PROXY_FRAMING_CLOSE;
	}
}

/* A tunnel that we asked for; everything else that changes the protocol is refused. */
static bool tunnel_begins(struct proxy_back1 *b)
{
	struct proxy_exchange *x = b->x;
	/* RFC 9110 7.8: the request's body comes first. */
	if (x->response.status == 101 && (!x->request.protocol.len || !x->request_ended))
		return false;
	b->state = PROXY_BACK1_TUNNEL;
	b->keep_alive = false;
	proxy_wire1_in(&b->wire, PROXY_FRAMING_CLOSE, 0);
	proxy_wire1_out(&b->wire, PROXY_FRAMING_CLOSE, 0);
	return true;
}

/* A final head, or a tunnel's. */
static enum step final_head(struct proxy_back1 *b, const struct http1_head *read)
{
	struct proxy_exchange *x = b->x;
	proxy_buffer_give(b->wire.pool, x->response_buffer);
	x->response_buffer = proxy_buffer_ref(b->wire.in);
	proxy_wire1_skip(&b->wire, read->len);
	b->wire.t->expects = false;
	bind_to(b, &x->response);
	x->personal = b->client != 0;
	if (x->response.body == PROXY_BODY_TUNNEL) {
		if (!tunnel_begins(b)) {
			fail(b, PROXY_BACK_FORMAT);
			return STEP_GONE;
		}
	} else {
		enum proxy_framing framing = framing_of(read, &x->response);
		b->state = PROXY_BACK1_BODY;
		/* Who refuses before he has asked for the body may take it for the next request. */
		bool unasked = x->request.expect_continue && x->response.status >= 300;
		b->keep_alive = read->keep_alive && framing != PROXY_FRAMING_CLOSE && !unasked;
		proxy_wire1_in(&b->wire, framing, read->content_length);
	}
	bool end = b->state == PROXY_BACK1_BODY && b->wire.in_done;
	if (!proxy_exchange_response(x, end)) {
		x = let_go(b);
		proxy_exchange_refused(x);
		return STEP_GONE;
	}
	if (!end)
		return STEP_ON;
	answered(b);
	return STEP_GONE;
}

static enum step gone(struct proxy_back1 *b, enum proxy_cause cause)
{
	fail(b, cause);
	return STEP_GONE;
}

/* Where a body is to be spliced, what the head's read brings along of it is all that is copied. */
static bool will_splice(const struct proxy_back1 *b)
{
	return b->hop->spliced_n == PROXY_SPLICED_MAX;
}

static enum step head_step(struct proxy_back1 *b)
{
	struct proxy_exchange *x = b->x;
	struct span in = proxy_wire1_bytes(&b->wire);
	struct http1_head read = {.fields = x->response.fields,
				  .fields_max = PROXY_FIELDS_RECEIVED};
	enum parse p = PARSE_MORE;
	if (in.len) {
		b->answer_began = true;
		p = http1_response_head(in, &read);
	}
	if (p == PARSE_BAD)
		return gone(b, read.fault == HTTP_FAULT_TOO_LARGE ? PROXY_BACK_HEAD_LIMIT
								  : PROXY_BACK_FORMAT);
	if (p == PARSE_MORE && b->wire.in_eof)
		return gone(b, torn_cause(b));
	if (p == PARSE_MORE)
		return in.len < PROXY_BUFFER_SIZE ? STEP_READ : gone(b, PROXY_BACK_HEAD_LIMIT);
	proxy_response_from1(&x->response, &read, &x->request);
	if (read.status >= 200 || read.status == 101)
		return final_head(b, &read);
	proxy_exchange_interim(x);
	proxy_wire1_skip(&b->wire, read.len);
	return STEP_ON;
}

static bool trailers_store(struct proxy_exchange *x, const struct http1_head *read)
{
	size_t n = proxy_trailers_keep(read->fields, read->fields_n);
	x->response_trailers = proxy_trailers_store(x, read->fields, n);
	x->response_trailers_n = (uint16_t)n;
	return x->response_trailers;
}

/* The rest goes past us, where it can. STEP_READ: it cannot. */
static enum step splice_step(struct proxy_back1 *b)
{
	bool last;
	uint64_t got, left = proxy_wire1_spliceable(&b->wire, &last);
	if (!b->x->splice && (!left || !last))
		return STEP_READ;
	enum proxy_splicing s = proxy_exchange_splice(b->x, b->wire.t, left, &got);
	if (got)
		proxy_wire1_spliced_in(&b->wire, got);
	switch (s) {
	case PROXY_SPLICE_NOT: return STEP_READ;
	case PROXY_SPLICE_MORE:
		proxy_later_add(&b->w->later, &b->later, turn_later);
		proxy_wire1_rest(&b->wire);
		return STEP_HELD;
	case PROXY_SPLICE_WAIT: proxy_wire1_rest(&b->wire); return STEP_HELD;
	case PROXY_SPLICE_DONE:
		if (b->hop->spliced_n < PROXY_SPLICED_MAX)
			b->hop->spliced_n++;
		answered(b);
		return STEP_GONE;
	case PROXY_SPLICE_TORN: break;
	}
	return gone(b, PROXY_BACK_TORN);
}

static enum step body_step(struct proxy_back1 *b)
{
	struct proxy_exchange *x = b->x;
	if (x->splice)
		return splice_step(b);
	struct http_field fields[PROXY_TRAILERS_MAX];
	struct http1_head trailers = {.fields = fields, .fields_max = PROXY_TRAILERS_MAX};
	struct span bytes;
	enum parse p = proxy_wire1_body(&b->wire, &trailers, &bytes);
	if (p == PARSE_BAD)
		return gone(b, b->wire.in_eof ? PROXY_BACK_TORN : PROXY_BACK_FORMAT);
	if (trailers.fields_n && !x->response_trailers_n && !trailers_store(x, &trailers))
		return gone(b, PROXY_BACK_FORMAT);
	if (!bytes.len && p != PARSE_DONE)
		return b->state == PROXY_BACK1_BODY ? splice_step(b) : STEP_READ;
	size_t n = proxy_exchange_response_body(x, bytes, p == PARSE_DONE);
	proxy_wire1_taken(&b->wire, n);
	if (n < bytes.len || x->response_ended != (p == PARSE_DONE))
		return STEP_HELD;
	if (p != PARSE_DONE)
		return STEP_ON;
	if (b->state == PROXY_BACK1_TUNNEL)
		return STEP_HELD;
	b->hop->spliced_n = 0;
	answered(b);
	return STEP_GONE;
}

/* Something came where nothing may come, or the end did. */
static enum step idle_step(struct proxy_back1 *b)
{
	bool got = false;
	if (proxy_wire1_fill(&b->wire, &got) || got) {
		proxy_back1_close(b);
		return STEP_GONE;
	}
	proxy_wire1_rest(&b->wire);
	return STEP_HELD;
}

static enum step read_step(struct proxy_back1 *b)
{
	bool got = false, little = b->state == PROXY_BACK1_HEAD && will_splice(b);
	enum err e = proxy_wire1_fill_some(&b->wire, little ? HEAD_READ : PROXY_BUFFER_SIZE, &got);
	if (e == ERR_LIMIT)
		return gone(b, PROXY_BUSY);
	if (e == ERR_REFUSED) {
		b->hop->fault = b->wire.t->fault;
		return gone(b, PROXY_BACK_CERTIFICATE);
	}
	if (e && e != ERR_CLOSED)
		return gone(b, torn_cause(b));
	if (e == ERR_CLOSED || got)
		return STEP_ON;
	proxy_wire1_rest(&b->wire);
	return b->broken ? gone(b, torn_cause(b)) : STEP_HELD;
}

static enum step step(struct proxy_back1 *b)
{
	switch ((enum proxy_back1_state)b->state) {
	case PROXY_BACK1_IDLE: return idle_step(b);
	case PROXY_BACK1_HEAD: return head_step(b);
	case PROXY_BACK1_BODY: return body_step(b);
	case PROXY_BACK1_TUNNEL:
		if (b->x->relay)
			return STEP_HELD;
		if (!b->x->response_ended)
			return body_step(b);
		/* It has ended, and now it takes nothing any more either. */
		return b->broken ? gone(b, PROXY_BACK_TORN) : STEP_HELD;
	default: return STEP_HELD;
	}
}

static void turn_later(struct proxy_later *l)
{
	back1_turn((struct proxy_back1 *)((char *)l - offsetof(struct proxy_back1, later)));
}

static void back1_turn(struct proxy_back1 *b)
{
	unsigned fills = 0;
	enum step next = STEP_ON;
	if (b->turning)
		return;
	b->turning = true;
	while (next == STEP_ON || next == STEP_READ) {
		if (next == STEP_ON)
			next = step(b);
		else if (fills++ < FILLS_MAX)
			next = read_step(b);
		else
			next = STEP_HELD;
	}
	if (next == STEP_GONE)
		return;
	b->turning = false;
	if (fills > FILLS_MAX)
		proxy_later_add(&b->w->later, &b->later, turn_later);
	if (b->x)
		proxy_exchange_response_flush(b->x);
}

/* ---- out ---- */

/* Writing failed. What the back end had to say before may be there; it is looked for later, when
 * nobody who called is in the middle of something. */
static void broke(struct proxy_back1 *b)
{
	if (b->broken)
		return;
	b->broken = true;
	(void)proxy_wire1_drop(&b->wire);
	proxy_later_add(&b->w->later, &b->later, turn_later);
}

static struct proxy_back1 *of(struct proxy_back *back)
{
	return (struct proxy_back1 *)back;
}

static void back1_head(struct proxy_back *back, struct proxy_exchange *x, bool end)
{
	struct proxy_back1 *b = of(back);
	const struct proxy_head *head = &x->request;
	bool stream = !end && head->body == PROXY_BODY_STREAM;
	const struct proxy_write1 how = {
		.chunked = stream,
		.absolute = b->hop->via_proxy && head->method_id != PROXY_CONNECT,
		.authorization = b->hop->via_proxy ? b->hop->authorization : (struct span){0},
	};
	size_t size = proxy_request_size1(head, &how);
	uint8_t *at = size <= PROXY_BUFFER_SIZE ? proxy_wire1_room(&b->wire, size) : NULL;
	b->state = PROXY_BACK1_HEAD;
	b->wire.t->expects = !will_splice(b);
	b->answer_began = false;
	b->keep_alive = false;
	b->requests++;
	bind_to(b, &x->request);
	if (!at) {
		broke(b);
		return;
	}
	proxy_request_write1(head, &how, at);
	proxy_wire1_out(&b->wire,
			stream ? PROXY_FRAMING_CHUNKED
			: end  ? PROXY_FRAMING_NONE
			       : PROXY_FRAMING_LENGTH,
			head->length);
}

static size_t back1_body(struct proxy_back *back, struct proxy_exchange *x, struct span bytes,
			 bool end)
{
	struct proxy_back1 *b = of(back);
	size_t taken = 0;
	if (b->broken || is_connecting(b))
		return 0;
	enum err e = proxy_wire1_send(&b->wire, bytes, end, x->request_trailers,
				      x->request_trailers_n, &taken);
	if (e)
		broke(b);
	return taken;
}

/* A tunnel's client has ended, and everything has left. */
static void tunnel_flushed(struct proxy_back1 *b)
{
	if (b->wire.out_done && proxy_wire1_empty(&b->wire) && b->wire.t)
		proxy_transport_finish(b->wire.t);
}

static void back1_flush(struct proxy_back *back, struct proxy_exchange *x)
{
	struct proxy_back1 *b = of(back);
	if (b->broken || is_connecting(b) || x->relay)
		return;
	if (proxy_wire1_flush_soon(&b->wire))
		broke(b);
	else if (b->state == PROXY_BACK1_TUNNEL)
		tunnel_flushed(b);
}

/* The end of a turn in which the end of the request was composed: nobody waits for that. */
static void sent(struct proxy_send *s, const struct proxy_sending *said)
{
	struct proxy_back1 *b =
		(struct proxy_back1 *)((char *)s - offsetof(struct proxy_back1, wire.send));
	if (proxy_wire1_sent(&b->wire, said))
		broke(b);
}

static void back1_cancel(struct proxy_back *back, struct proxy_exchange *x)
{
	struct proxy_back1 *b = of(back);
	bool owes = x->torn && x->late_cause == PROXY_QUOTA && b->state == PROXY_BACK1_TUNNEL &&
		    !b->broken && b->wire.t;
	b->x = NULL;
	if (owes)
		last_begin(b);
	else
		back1_free(b, x->torn);
}

static void back1_resume(struct proxy_back *back, struct proxy_exchange *x)
{
	(void)x;
	back1_turn(of(back));
}

static struct proxy_wire1 *back1_relay(struct proxy_back *back)
{
	struct proxy_back1 *b = of(back);
	bool whole = b->state == PROXY_BACK1_TUNNEL && !b->x->response_ended && !b->broken &&
		     proxy_wire1_empty(&b->wire);
	return whole ? &b->wire : NULL;
}

static const struct proxy_back_ops back1_ops = {
	.head = back1_head,
	.body = back1_body,
	.flush = back1_flush,
	.cancel = back1_cancel,
	.resume = back1_resume,
	.relay = back1_relay,
};

/* ---- connecting ---- */

static void opened(struct proxy_back1 *b)
{
	struct proxy_exchange *x = b->x;
	if (b->hop->protocol == PROXY_RAW) {
		b->state = PROXY_BACK1_TUNNEL;
		proxy_wire1_in(&b->wire, PROXY_FRAMING_CLOSE, 0);
		proxy_wire1_out(&b->wire, PROXY_FRAMING_CLOSE, 0);
	} else {
		b->state = PROXY_BACK1_HEAD;
	}
	if (b->raced && b->wire.t->ops->peer)
		b->wire.t->ops->peer(b->wire.t, &b->to);
	x->reached = b->to;
	/* Who speaks first may have spoken by now, and brings no event any more. */
	if (b->wire.t->ready & PROXY_CAN_READ || proxy_wire1_bytes(&b->wire).len)
		proxy_later_add(&b->w->later, &b->later, turn_later);
	proxy_exchange_opened(x, false);
}

/* False: not yet, or never, and then b is gone. */
static bool led_on(struct proxy_back1 *b)
{
	if (b->state != PROXY_BACK1_LEAD) {
		b->state = PROXY_BACK1_LEAD;
		proxy_exchange_asking(b->x);
	}
	switch (b->by_connect ? back1_connect_turn(b) : back1_socks_turn(b)) {
	case BACK1_LEAD_WAIT: return false;
	case BACK1_LEAD_FAILED: fail(b, (enum proxy_cause)b->lead_cause); return false;
	case BACK1_LEAD_OPEN: break;
	}
	proxy_buffer_give(b->wire.pool, TAKE(b->lead));
	return true;
}

static bool lead_prepare(struct proxy_back1 *b)
{
	b->by_connect = b->hop->connect;
	if (b->by_connect)
		return back1_connect_prepare(b);
	return !b->hop->socks || back1_socks_prepare(b);
}

static void ready(void *owner, unsigned events);

static void owned(struct proxy_back1 *b, struct proxy_transport *t)
{
	b->wire.t = t;
	t->owner = b;
	t->call = ready;
}

/* TLS with the target, by way of whoever led there. False: b is gone. */
static bool secure(struct proxy_back1 *b)
{
	const struct proxy_hop *hop = b->hop;
	struct proxy_worker *w = b->w;
	bool one = hop->tls1 && (hop->only_http1 || b->x->request.protocol.len);
	/* Who speaks first, or has ended, does not speak TLS. */
	if (proxy_wire1_bytes(&b->wire).len || b->wire.in_eof || !w->io->tls_connect) {
		fail(b, PROXY_BACK_TLS);
		return false;
	}
	struct proxy_transport *t = TAKE(b->wire.t);
	t->call = NULL;
	if (w->io->tls_connect(w, t, one ? hop->tls1 : hop->tls, &t)) {
		fail(b, PROXY_BUSY);
		return false;
	}
	owned(b, t);
	b->state = PROXY_BACK1_SECURE;
	return true;
}

static bool is_h2(const struct proxy_transport *t)
{
	return t->tls && span_is(t->tls->alpn, "h2");
}

/* It is the other version's from now on. */
static void hand_over(struct proxy_back1 *b)
{
	struct proxy_worker *w = b->w;
	struct proxy_hop *hop = b->hop;
	struct proxy_transport *t = TAKE(b->wire.t);
	struct ip_endpoint to = b->to;
	if (b->raced && t->ops->peer)
		t->ops->peer(t, &to);
	t->call = NULL;
	hop_hold(hop);
	struct proxy_exchange *x = let_go(b);
	x->back = NULL;
	proxy_back2_adopt(w, hop, t, &to, x);
	hop_let_go(w, hop);
}

/* The target's TLS is there, or is not. */
static void secured(struct proxy_back1 *b)
{
	struct proxy_transport *t = b->wire.t;
	if (t->ready & PROXY_BROKEN) {
		enum proxy_cause cause = hop_open_cause(b->hop, t);
		/* The connection to that proxy is another matter, and was there. */
		fail(b, cause == PROXY_CONNECT_FAILED ? PROXY_BACK_TLS : cause);
		return;
	}
	if (!(t->ready & PROXY_OPENED))
		return;
	if (is_h2(t)) {
		hand_over(b);
		return;
	}
	b->hop->only_http1 = true;
	opened(b);
}

static void connecting(struct proxy_back1 *b)
{
	if (b->state == PROXY_BACK1_CONNECT && b->wire.t->ready & PROXY_BROKEN) {
		fail(b, hop_open_cause(b->hop, b->wire.t));
		return;
	}
	if (b->state != PROXY_BACK1_SECURE) {
		bool leads = b->lead;
		if (!(b->wire.t->ready & PROXY_OPENED) || (leads && !led_on(b)))
			return;
		if (!leads || !b->hop->tls) {
			opened(b);
			return;
		}
		if (!secure(b))
			return;
	}
	secured(b);
}

static void ready(void *owner, unsigned events)
{
	struct proxy_back1 *b = owner;
	if (b->x && b->x->relay) {
		proxy_relay_turn(b->x->relay);
		return;
	}
	if (is_connecting(b)) {
		connecting(b);
		return;
	}
	if (b->state == PROXY_BACK1_LAST) {
		last_look(b);
		return;
	}
	if (events & PROXY_CAN_WRITE && b->x && !b->broken) {
		struct proxy_exchange *x = b->x;
		back1_flush(&b->back, x);
		if (proxy_wire1_empty(&b->wire))
			proxy_exchange_request_resume(x);
		back1_flush(&b->back, x);
	}
	if (events & (PROXY_CAN_READ | PROXY_BROKEN))
		back1_turn(b);
}

static struct proxy_back1 *back1_new(struct proxy_worker *w, struct proxy_hop *hop,
				     struct proxy_exchange *x)
{
	struct proxy_back1 *b = slab_take(&w->back1s);
	if (!b)
		return NULL;
	b->back.ops = &back1_ops;
	b->deadline.call = idle_late;
	b->wire.pool = &w->buffers;
	b->wire.sends = &w->sends;
	b->wire.send.call = sent;
	b->w = w;
	b->hop = hop;
	b->to = hop->to;
	b->raced = hop->others_n > 0;
	b->x = x;
	if (x)
		x->back = &b->back;
	hop_count_open(w, hop);
	return b;
}

void proxy_back1_connect(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_exchange *x)
{
	struct proxy_back1 *b = back1_new(w, hop, x);
	struct proxy_transport *t = NULL;
	if (!b) {
		proxy_exchange_failed(x, PROXY_BUSY, true);
		return;
	}
	if (!lead_prepare(b)) {
		fail(b, PROXY_BUSY);
		return;
	}
	struct tls_peer *tls = proxy_hop_is_led(hop) ? hop->lead_tls
			       : hop->tls1	     ? hop->tls1
						     : hop->tls;
	enum err e = hop_connect(x, tls, &t);
	if (e) {
		x->connect_error = e;
		fail(b, err_is_shortage(e) ? PROXY_BUSY : PROXY_CONNECT_FAILED);
		return;
	}
	owned(b, t);
	if (t->ready & (PROXY_OPENED | PROXY_BROKEN))
		ready(b, t->ready);
}

void proxy_back1_adopt(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		       const struct ip_endpoint *to, struct proxy_exchange *x)
{
	struct proxy_back1 *b = back1_new(w, hop, x);
	if (!b) {
		proxy_transport_close(t, false);
		proxy_exchange_failed(x, PROXY_BUSY, true);
		return;
	}
	b->to = *to;
	b->raced = false;
	owned(b, t);
	opened(b);
}

void proxy_back1_keep(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		      const struct ip_endpoint *to)
{
	bool room = hop->idle_n < hop->limits.idle_max;
	struct proxy_back1 *b = room ? back1_new(w, hop, NULL) : NULL;
	if (!b) {
		proxy_transport_close(t, false);
		return;
	}
	if (hop->protocol == PROXY_HTTP_ALPN)
		hop->only_http1 = true;
	owned(b, t);
	b->to = *to;
	stay(b);
	if (t->ready & (PROXY_CAN_READ | PROXY_BROKEN)) /* which brings no event any more */
		proxy_later_add(&w->later, &b->later, turn_later);
}

static bool may_be_used(const struct proxy_back1 *b, const struct proxy_hop *hop,
			const struct proxy_exchange *x)
{
	if (!hop_leads_to(hop, &b->to))
		return false;
	/* A request that may not go again is not sent to a connection whose end waits unread. */
	return proxy_method_is_idempotent(x->request.method_id) || !b->wire.t->ops->alive ||
	       b->wire.t->ops->alive(b->wire.t);
}

/* The first that is client's; those of no use on the way there are closed. */
static struct proxy_back1 *find_idle(struct proxy_hop *hop, struct proxy_exchange *x,
				     uint64_t client)
{
	struct proxy_back1 *next;
	for (struct proxy_back1 *b = hop->idle; b; b = next) {
		next = b->next;
		if (b->client != client)
			continue;
		if (may_be_used(b, hop, x))
			return b;
		proxy_back1_close(b);
	}
	return NULL;
}

bool proxy_back1_reuse(struct proxy_hop *hop, struct proxy_exchange *x)
{
	struct proxy_back1 *b = hop->binds ? find_idle(hop, x, client_of(x)) : NULL;
	if (!b)
		b = find_idle(hop, x, 0);
	if (!b)
		return false;
	idle_unlink(b);
	proxy_deadline_clear(&b->deadline);
	b->state = PROXY_BACK1_HEAD;
	b->turning = false;
	b->x = x;
	x->back = &b->back;
	x->reached = b->to;
	proxy_exchange_opened(x, true);
	return true;
}
