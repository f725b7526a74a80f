/* why-long: a connection's whole life, of requests one after another, stands in one place. */
#include "proxy/front1.h"

#include "base/writer.h"
#include "proxy/convert1.h"
#include "proxy/exchange.h"
#include "proxy/front1_inner.h"
#include "proxy/front2.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

#include <stddef.h>

enum {
	TURNS_MAX = 64,		/* looks of one connection in a turn, then the others have theirs */
	DRAIN_MAX = 256 * 1024, /* bytes of a body that are thrown away to keep a connection */
	LINGER_MS = 2000,	/* RFC 9112 9.6: the client may still be sending */
};

static void front1_turn(struct proxy_front1 *f);
static void front1_flush(struct proxy_front *front, struct proxy_exchange *x);
static void turn_later(struct proxy_later *l);

/* ---- its life ---- */

static struct proxy_worker *worker(const struct proxy_front1 *f)
{
	return f->c.worker;
}

/* The face is not told. */
static void front1_drop(struct proxy_front1 *f, bool abort)
{
	struct proxy_worker *w = worker(f);
	ASSERT(!f->x);
	if (f->previous)
		f->previous->next = f->next;
	else
		w->fronts = f->next;
	if (f->next)
		f->next->previous = f->previous;
	proxy_deadline_done(&w->wheel, &f->deadline);
	proxy_later_cancel(&f->later);
	proxy_buffer_give(f->wire.pool, f->credentials);
	proxy_wire1_done(&f->wire, abort);
	slab_give(&w->front1s, f);
	proxy_count_add(&w->counts, PROXY_COUNT_OPEN, (uint64_t)-1);
}

static void front1_free(struct proxy_front1 *f, bool abort)
{
	struct proxy_worker *w = worker(f);
	if (w->face->disconnected)
		w->face->disconnected(w->face_arg, &f->c);
	front1_drop(f, abort);
}

/* What waits goes no more, and is not counted as if it had. */
static void out_drop(struct proxy_front1 *f)
{
	size_t n = proxy_wire1_drop(&f->wire);
	if (f->x)
		f->x->sent_bytes -= n;
}

void front1_end(struct proxy_front1 *f, enum proxy_cause cause, bool abort)
{
	out_drop(f);
	struct proxy_exchange *x = TAKE(f->x);
	if (x)
		proxy_exchange_abort(x, cause);
	front1_free(f, abort);
}

/* We write no more. The client may still be sending: closed now, the kernel would answer that by a
 * reset, which may overtake the answer (RFC 9112 9.6). */
void front1_linger(struct proxy_front1 *f)
{
	struct proxy_worker *w = worker(f);
	proxy_transport_finish(f->wire.t);
	f->state = PROXY_FRONT1_LINGER;
	proxy_deadline_set(&w->wheel, &f->deadline, w->now_ms, LINGER_MS);
}

/* The answer cannot end as it should: the client must not take it for whole. The turn that comes
 * closes. */
static void torn(struct proxy_front1 *f)
{
	f->broken = f->torn = true;
	f->state = PROXY_FRONT1_LINGER;
	proxy_later_add(&worker(f)->later, &f->later, turn_later);
}

/* The client has what was counted before it ends. The turn that comes looks. */
static void last_begin(struct proxy_front1 *f)
{
	struct proxy_worker *w = worker(f);
	f->state = PROXY_FRONT1_LAST;
	f->last_by_ms = w->now_ms + PROXY_LAST_MS;
	proxy_later_add(&w->later, &f->later, turn_later);
}

static void await_request(struct proxy_front1 *f)
{
	struct proxy_worker *w = worker(f);
	f->state = PROXY_FRONT1_HEAD;
	f->scanned = 0;
	f->head_sent = false;
	proxy_deadline_set(&w->wheel, &f->deadline, w->now_ms,
			   f->socks.versions || f->opaque ? f->head_ms : f->idle_ms);
}

/* ---- requests ---- */

void front1_no_request(struct proxy_front1 *f, enum proxy_cause cause)
{
	struct proxy_worker *w = worker(f);
	if (w->face->malformed)
		w->face->malformed(w->face_arg, &f->c, cause);
	proxy_count_add(&w->counts, PROXY_COUNT_CAUSE + cause, 1);
	front1_linger(f);
}

/* The core's own answer to what is no request: short, and the connection ends. */
static void malformed(struct proxy_front1 *f, enum proxy_cause cause, enum http_fault fault)
{
	unsigned status = fault == HTTP_FAULT_VERSION ? 505 : proxy_cause_status(cause);
	char text[512];
	struct writer out = writer_of(text, sizeof(text));
	const char *why = fault ? http_fault_text(fault) : http_reason(status);
	http_write_status(&out, status);
	write_format(&out,
		     "Content-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n"
		     "%s\n",
		     strlen(why) + 1, why);
	size_t sent = 0;
	struct span all = writer_span(&out);
	bool told = f->wire.t->ready & PROXY_CAN_WRITE &&
		    proxy_transport_write(f->wire.t, &all, 1, &sent) == OK;
	front1_no_request(f, cause);
	if (!told)
		torn(f);
}

/* A body that is here as a whole may go to a second back end. */
static void at_hand(struct proxy_front1 *f, struct proxy_exchange *x)
{
	struct span bytes;
	struct http1_head none = {0};
	if (f->wire.in_framing != PROXY_FRAMING_LENGTH ||
	    f->wire.in_left > proxy_wire1_bytes(&f->wire).len)
		return;
	if (proxy_wire1_body(&f->wire, &none, &bytes) != PARSE_DONE)
		return;
	x->at_hand = bytes;
	proxy_wire1_taken(&f->wire, bytes.len);
	f->state = PROXY_FRONT1_ANSWER;
}

/* RFC 9112 3.2.1: a path that is empty ahead of a query is "/". False: there is no room. */
static bool path_settle(struct proxy_exchange *x)
{
	struct span path = x->request.path;
	if (!path.len || path.data[0] != '?')
		return true;
	uint8_t *to = proxy_exchange_alloc(x, path.len + 1);
	if (!to)
		return false;
	to[0] = '/';
	memcpy(to + 1, path.data, path.len);
	x->request.path = span_of(to, path.len + 1);
	return true;
}

/* A whole head. */
static enum front1_step request(struct proxy_front1 *f, struct proxy_exchange *x,
				const struct http1_head *read)
{
	struct proxy_worker *w = worker(f);
	static const enum proxy_framing framings[] = {
		[HTTP_BODY_NONE] = PROXY_FRAMING_NONE,
		[HTTP_BODY_LENGTH] = PROXY_FRAMING_LENGTH,
		[HTTP_BODY_CHUNKED] = PROXY_FRAMING_CHUNKED,
		[HTTP_BODY_UNTIL_CLOSE] = PROXY_FRAMING_NONE,
	};
	proxy_request_from1(&x->request, read, f->c.tls);
	if (!path_settle(x)) {
		proxy_exchange_give(x);
		malformed(f, PROXY_BUSY, HTTP_FAULT_NONE);
		return FRONT1_ON;
	}
	f->request_version = x->request.version;
	f->keep_alive = read->keep_alive && !w->draining &&
			(!f->requests_max || f->c.exchanges < f->requests_max);
	f->head_sent = false;
	x->request_buffer = proxy_buffer_ref(f->wire.in);
	proxy_wire1_skip(&f->wire, read->len);
	proxy_wire1_in(&f->wire, framings[read->framing], read->content_length);
	f->state = f->wire.in_done ? PROXY_FRONT1_ANSWER : PROXY_FRONT1_BODY;
	if (!f->wire.in_done)
		at_hand(f, x);
	if (f->state == PROXY_FRONT1_ANSWER)
		proxy_wire1_rest(&f->wire);
	proxy_deadline_clear(&f->deadline);
	f->x = x;
	proxy_exchange_begin(x, f->state == PROXY_FRONT1_ANSWER);
	return FRONT1_ON;
}

static enum front1_step head_bad(struct proxy_front1 *f, struct proxy_exchange *x,
				 enum http_fault fault)
{
	proxy_exchange_give(x);
	malformed(f, fault == HTTP_FAULT_TOO_LARGE ? PROXY_CLIENT_HEAD_LIMIT : PROXY_CLIENT_FORMAT,
		  fault);
	return FRONT1_ON;
}

/* Parses again only when a line has ended since: a head that comes byte by byte costs no more than
 * its lines. */
static bool worth_a_look(const struct proxy_front1 *f, struct span in)
{
	return !f->scanned || f->wire.in_eof || in.len >= f->head_max ||
	       memchr(in.data + f->scanned, '\n', in.len - f->scanned);
}

/* RFC 9113 3.3: HTTP/2 by prior knowledge, where it is allowed, begins where a request would. */
static bool may_be_http2(const struct proxy_front1 *f, struct span in)
{
	size_t n = in.len < sizeof(proxy_preface2) ? in.len : sizeof(proxy_preface2);
	return f->http2_plain && !f->c.exchanges && memcmp(in.data, proxy_preface2, n) == 0;
}

static enum front1_step become_http2(struct proxy_front1 *f)
{
	struct proxy_worker *w = worker(f);
	struct proxy_buffer *b = proxy_buffer_ref(f->wire.in);
	struct proxy_transport *t = TAKE(f->wire.t);
	const struct proxy_connection c = f->c;
	const struct proxy_admission admission = {.head_ms = f->head_ms,
						  .idle_ms = f->idle_ms,
						  .head_max = f->head_max,
						  .requests_max = f->requests_max};
	t->expects = false;
	front1_drop(f, false);
	proxy_front2_new(w, t, &c, &admission, proxy_buffer_span(b));
	proxy_buffer_give(&w->buffers, b);
	return FRONT1_GONE;
}

static enum front1_step head_step(struct proxy_front1 *f)
{
	struct proxy_worker *w = worker(f);
	struct span in = proxy_wire1_bytes(&f->wire);
	if (!in.len) {
		if (f->wire.in_eof || f->broken || w->draining) {
			front1_end(f, PROXY_FINE, false);
			return FRONT1_GONE;
		}
		return FRONT1_READ;
	}
	if (may_be_http2(f, in)) {
		if (in.len >= sizeof(proxy_preface2))
			return become_http2(f);
		if (!f->wire.in_eof)
			return FRONT1_READ;
	}
	if (!worth_a_look(f, in))
		return FRONT1_READ;
	struct proxy_exchange *x = proxy_exchange_take(w, &f->c, &f->front);
	if (!x) {
		malformed(f, PROXY_BUSY, HTTP_FAULT_NONE);
		return FRONT1_ON;
	}
	struct http1_head read = {.fields = x->request.fields, .fields_max = PROXY_FIELDS_RECEIVED};
	enum parse p = http1_request_head(in, &read);
	if (p == PARSE_DONE && read.len > f->head_max)
		return head_bad(f, x, HTTP_FAULT_TOO_LARGE);
	if (p == PARSE_DONE)
		return request(f, x, &read);
	if (p == PARSE_BAD)
		return head_bad(f, x, read.fault);
	if (in.len >= f->head_max)
		return head_bad(f, x, HTTP_FAULT_TOO_LARGE);
	proxy_exchange_give(x);
	if (f->wire.in_eof) {
		front1_end(f, PROXY_CLIENT_GONE, false);
		return FRONT1_GONE;
	}
	if (!f->scanned)
		proxy_deadline_set(&w->wheel, &f->deadline, w->now_ms, f->head_ms);
	f->scanned = (uint32_t)in.len;
	return FRONT1_READ;
}

static bool trailers_store(struct proxy_exchange *x, struct http1_head *read)
{
	size_t n = proxy_trailers_keep(read->fields, read->fields_n);
	x->request_trailers = proxy_trailers_store(x, read->fields, n);
	x->request_trailers_n = (uint16_t)n;
	return x->request_trailers;
}

/* The body is not what the protocol allows. */
static enum front1_step body_bad(struct proxy_front1 *f)
{
	struct proxy_exchange *x = f->x;
	f->keep_alive = false;
	f->wire.in_done = true; /* nothing of it is read any more */
	if (f->wire.in_eof) {
		front1_end(f, PROXY_CLIENT_GONE, false);
		return FRONT1_GONE;
	}
	f->state = PROXY_FRONT1_ANSWER;
	proxy_exchange_end(x, PROXY_CLIENT_FORMAT);
	return FRONT1_ON;
}

/* The back takes no more for now. A client that has reset needs no answer. */
static enum front1_step body_held(struct proxy_front1 *f)
{
	if (f->state != PROXY_FRONT1_BODY || !(f->wire.t->ready & PROXY_BROKEN))
		return FRONT1_HELD;
	front1_end(f, PROXY_CLIENT_GONE, false);
	return FRONT1_GONE;
}

static enum front1_step body_step(struct proxy_front1 *f)
{
	struct proxy_exchange *x = f->x;
	struct http_field fields[PROXY_TRAILERS_MAX];
	struct http1_head trailers = {.fields = fields, .fields_max = PROXY_TRAILERS_MAX};
	struct span bytes;
	enum parse p = proxy_wire1_body(&f->wire, &trailers, &bytes);
	if (p == PARSE_BAD)
		return body_bad(f);
	if (trailers.fields_n && !x->request_trailers_n && !trailers_store(x, &trailers))
		return body_bad(f);
	if (!bytes.len && p != PARSE_DONE)
		return FRONT1_READ;
	size_t n = proxy_exchange_request_body(x, bytes, p == PARSE_DONE);
	proxy_wire1_taken(&f->wire, n);
	if (n < bytes.len || (p == PARSE_DONE && !x->request_ended))
		return body_held(f);
	if (p == PARSE_DONE && f->state == PROXY_FRONT1_BODY)
		f->state = PROXY_FRONT1_ANSWER;
	else if (p == PARSE_DONE)
		return FRONT1_HELD; /* a tunnel's client has ended */
	return FRONT1_ON;
}

/* The rest of a small body, after its answer. */
static enum front1_step drain_step(struct proxy_front1 *f)
{
	struct http_field fields[PROXY_TRAILERS_MAX];
	struct http1_head trailers = {.fields = fields, .fields_max = PROXY_TRAILERS_MAX};
	struct span bytes;
	enum parse p = proxy_wire1_body(&f->wire, &trailers, &bytes);
	if (p == PARSE_BAD) {
		front1_end(f, PROXY_FINE, false);
		return FRONT1_GONE;
	}
	proxy_wire1_taken(&f->wire, bytes.len);
	if (p == PARSE_DONE)
		await_request(f);
	return p == PARSE_DONE || bytes.len ? FRONT1_ON : FRONT1_READ;
}

static enum front1_step linger_step(struct proxy_front1 *f)
{
	size_t n = proxy_wire1_bytes(&f->wire).len;
	if (n)
		proxy_wire1_skip(&f->wire, n);
	if (f->wire.in_eof || f->broken) {
		front1_end(f, PROXY_FINE, f->torn);
		return FRONT1_GONE;
	}
	return FRONT1_READ;
}

/* The end would take from the queue what has not arrived. What the client sends is read and
 * dropped: who sends until he has sent all would never read. */
static enum front1_step last_step(struct proxy_front1 *f)
{
	struct proxy_worker *w = worker(f);
	size_t n = proxy_wire1_bytes(&f->wire).len;
	if (n)
		proxy_wire1_skip(&f->wire, n);
	if (f->broken || w->now_ms >= f->last_by_ms || proxy_wire1_arrived(&f->wire)) {
		front1_end(f, PROXY_FINE, f->torn);
		return FRONT1_GONE;
	}
	proxy_deadline_set(&w->wheel, &f->deadline, w->now_ms, PROXY_LAST_LOOK_MS);
	return f->wire.in_eof ? FRONT1_HELD : FRONT1_READ;
}

static enum front1_step hold_step(struct proxy_front1 *f)
{
	size_t n = proxy_wire1_bytes(&f->wire).len;
	if (n)
		proxy_wire1_skip(&f->wire, n);
	if (!f->wire.in_eof && !f->broken)
		return FRONT1_READ;
	front1_end(f, PROXY_FINE, false);
	return FRONT1_GONE;
}

/* While an answer is made nothing is read; what comes by then is the next request, or the end. */
static enum front1_step answer_step(struct proxy_front1 *f)
{
	if (f->broken || f->wire.t->ready & PROXY_BROKEN) {
		front1_end(f, PROXY_CLIENT_GONE, false);
		return FRONT1_GONE;
	}
	return FRONT1_HELD;
}

static enum front1_step read_step(struct proxy_front1 *f)
{
	bool got = false;
	enum err e = f->broken ? ERR_CLOSED : proxy_wire1_fill(&f->wire, &got);
	if (f->broken || (e && e != ERR_CLOSED)) {
		front1_end(f, e == ERR_LIMIT ? PROXY_BUSY : PROXY_CLIENT_GONE, false);
		return FRONT1_GONE;
	}
	if (e == ERR_CLOSED || got)
		return FRONT1_ON;
	proxy_wire1_rest(&f->wire);
	return FRONT1_HELD;
}

static enum front1_step step(struct proxy_front1 *f)
{
	switch ((enum proxy_front1_state)f->state) {
	case PROXY_FRONT1_HEAD:
		if (f->opaque)
			return front1_opaque_step(f);
		return f->socks.versions ? front1_socks_step(f) : head_step(f);
	case PROXY_FRONT1_BODY: return body_step(f);
	case PROXY_FRONT1_ANSWER: return answer_step(f);
	case PROXY_FRONT1_TUNNEL:
		if (f->x->relay)
			return FRONT1_HELD;
		if (f->broken)
			return answer_step(f);
		/* Who has ended has no more to say, and may be gone. */
		return f->x->request_ended ? answer_step(f) : body_step(f);
	case PROXY_FRONT1_HOLD: return hold_step(f);
	case PROXY_FRONT1_DRAIN: return drain_step(f);
	case PROXY_FRONT1_LINGER: return linger_step(f);
	case PROXY_FRONT1_LAST: return last_step(f);
	}
	return FRONT1_HELD;
}

static void front1_turn(struct proxy_front1 *f)
{
	unsigned looks = 0;
	enum front1_step next = FRONT1_ON;
	if (f->turning)
		return;
	f->turning = true;
	while ((next == FRONT1_ON || next == FRONT1_READ) && looks++ < TURNS_MAX)
		next = next == FRONT1_ON ? step(f) : read_step(f);
	if (next == FRONT1_GONE)
		return;
	f->turning = false;
	f->wire.t->expects = f->state == PROXY_FRONT1_HEAD;
	if (looks >= TURNS_MAX)
		proxy_later_add(&worker(f)->later, &f->later, turn_later);
	if (f->x)
		proxy_exchange_request_flush(f->x);
	/* The back end of a tunnel may have ended before. */
	if (f->x && f->state == PROXY_FRONT1_TUNNEL && f->x->request_ended)
		front1_flush(&f->front, f->x);
}

static void turn_later(struct proxy_later *l)
{
	front1_turn((struct proxy_front1 *)((char *)l - offsetof(struct proxy_front1, later)));
}

static void late(struct proxy_deadline *d)
{
	struct proxy_front1 *f =
		(struct proxy_front1 *)((char *)d - offsetof(struct proxy_front1, deadline));
	if (f->state == PROXY_FRONT1_HEAD && f->scanned && f->opaque) {
		front1_no_request(f, PROXY_CLIENT_HEAD_TIME);
		return;
	}
	if (f->state == PROXY_FRONT1_HEAD && f->scanned) {
		malformed(f, PROXY_CLIENT_HEAD_TIME, HTTP_FAULT_NONE);
		return;
	}
	if (f->state == PROXY_FRONT1_LAST) {
		front1_turn(f);
		return;
	}
	front1_end(f, PROXY_FINE, false);
}

/* ---- answers ---- */

static struct proxy_front1 *of(struct proxy_front *front)
{
	return (struct proxy_front1 *)front;
}

/* Writing failed: told later, when nobody who called is in the middle of something. */
static void broke(struct proxy_front1 *f)
{
	if (f->broken)
		return;
	f->broken = true;
	out_drop(f);
	if (f->state == PROXY_FRONT1_BODY || f->state == PROXY_FRONT1_DRAIN)
		f->state = PROXY_FRONT1_ANSWER;
	proxy_later_add(&worker(f)->later, &f->later, turn_later);
}

static bool compose(struct proxy_front1 *f, const struct proxy_head *head,
		    const struct proxy_write1 *how)
{
	size_t size = proxy_response_size1(head, how);
	uint8_t *at = size <= PROXY_BUFFER_SIZE ? proxy_wire1_room(&f->wire, size) : NULL;
	if (at)
		proxy_response_write1(head, how, at);
	else
		broke(f);
	return at;
}

static void front1_interim(struct proxy_front *front, struct proxy_exchange *x)
{
	struct proxy_front1 *f = of(front);
	const struct proxy_write1 how = {0};
	if (f->request_version >= 11 && !f->socks.versions && !f->broken)
		(void)compose(f, &x->response, &how);
}

/* The rest of a body that nobody reads any more is small, and is surely coming. */
static bool may_drain(const struct proxy_front1 *f, const struct proxy_exchange *x)
{
	return x->request_whole || f->state != PROXY_FRONT1_BODY ||
	       (!x->request.expect_continue && f->wire.in_framing == PROXY_FRAMING_LENGTH &&
		f->wire.in_left <= DRAIN_MAX);
}

static void front1_head(struct proxy_front *front, struct proxy_exchange *x, bool end)
{
	struct proxy_front1 *f = of(front);
	const struct proxy_head *head = &x->response;
	struct proxy_write1 how = {0};
	enum proxy_framing framing = PROXY_FRAMING_NONE;
	f->head_sent = true;
	if (f->opaque) {
		front1_opaque_head(f, x, end);
		return;
	}
	if (f->socks.versions) {
		if (!f->broken && !front1_socks_head(f, x))
			broke(f);
		if (f->state == PROXY_FRONT1_HOLD) /* its end may have come by now */
			proxy_later_add(&worker(f)->later, &f->later, turn_later);
		return;
	}
	if (head->body == PROXY_BODY_TUNNEL) {
		framing = PROXY_FRAMING_CLOSE;
		f->keep_alive = false;
		f->state = PROXY_FRONT1_TUNNEL;
		proxy_wire1_in(&f->wire, PROXY_FRAMING_CLOSE, 0);
	} else {
		if (worker(f)->draining || x->verdict.close || !may_drain(f, x))
			f->keep_alive = false;
		if (!end)
			framing = head->body == PROXY_BODY_LENGTH ? PROXY_FRAMING_LENGTH
				  : f->request_version >= 11	  ? PROXY_FRAMING_CHUNKED
								  : PROXY_FRAMING_CLOSE;
		else if (head->body == PROXY_BODY_STREAM && !head->has_length)
			framing = PROXY_FRAMING_LENGTH; /* known by now: nothing */
		if (framing == PROXY_FRAMING_CLOSE)
			f->keep_alive = false;
		how.chunked = framing == PROXY_FRAMING_CHUNKED;
		how.close = !f->keep_alive;
		how.keep_alive = f->keep_alive && f->request_version == 10;
	}
	if (f->broken || !compose(f, head, &how))
		return;
	proxy_wire1_out(&f->wire, framing, end ? 0 : head->length);
}

static size_t front1_body(struct proxy_front *front, struct proxy_exchange *x, struct span bytes,
			  bool end)
{
	struct proxy_front1 *f = of(front);
	size_t taken = 0;
	if (f->broken)
		return 0;
	if (f->wire.out_framing == PROXY_FRAMING_NONE && f->socks.versions)
		return bytes.len;
	bool trailers = x->request.te_trailers;
	enum err e = proxy_wire1_send(&f->wire, bytes, end, trailers ? x->response_trailers : NULL,
				      trailers ? x->response_trailers_n : 0, &taken);
	if (e)
		broke(f);
	return taken;
}

/* The answer has left: on to the next request, or to the end. */
static void finished(struct proxy_front1 *f)
{
	/* Bytes that nobody took are of this request still. */
	bool rest = f->state == PROXY_FRONT1_BODY && (!f->wire.in_done || f->wire.in_ready);
	proxy_exchange_finish(TAKE(f->x));
	if (!f->keep_alive) {
		front1_linger(f);
	} else if (rest) {
		struct proxy_worker *w = worker(f);
		f->state = PROXY_FRONT1_DRAIN;
		proxy_deadline_set(&w->wheel, &f->deadline, w->now_ms, f->head_ms);
	} else {
		await_request(f);
	}
	front1_turn(f);
}

static void front1_flush(struct proxy_front *front, struct proxy_exchange *x)
{
	struct proxy_front1 *f = of(front);
	if (f->broken || x->relay)
		return;
	if (proxy_wire1_flush_soon(&f->wire)) {
		broke(f);
		return;
	}
	if (!f->head_sent || !f->wire.out_done || !proxy_wire1_empty(&f->wire) ||
	    !x->response_ended)
		return;
	if (f->state != PROXY_FRONT1_TUNNEL)
		finished(f);
	else if (x->request_ended)
		finished(f);
	else
		proxy_transport_finish(f->wire.t);
}

/* The end of a turn in which the end of the answer was composed. */
static void sent(struct proxy_send *s, const struct proxy_sending *said)
{
	struct proxy_front1 *f =
		(struct proxy_front1 *)((char *)s - offsetof(struct proxy_front1, wire.send));
	if (proxy_wire1_sent(&f->wire, said))
		broke(f);
	else if (f->x)
		front1_flush(&f->front, f->x);
}

static struct proxy_transport *front1_splice(struct proxy_front *front, struct proxy_exchange *x,
					     uint64_t len)
{
	struct proxy_front1 *f = of(front);
	(void)x;
	if (f->broken || f->wire.t->fd < 0 || f->wire.out_framing != PROXY_FRAMING_LENGTH ||
	    f->wire.out_left < len)
		return NULL;
	if (proxy_wire1_flush(&f->wire)) {
		broke(f);
		return NULL;
	}
	return proxy_wire1_empty(&f->wire) ? f->wire.t : NULL;
}

static void front1_spliced(struct proxy_front *front, uint64_t n, bool gone)
{
	struct proxy_front1 *f = of(front);
	proxy_wire1_spliced_out(&f->wire, n);
	if (gone)
		broke(f);
}

/* What a quota let through is the client's, and was counted; and what the other side of a tunnel
 * said before it went is. A relay that ended by that has waited for it. */
static bool owes(const struct proxy_front1 *f, const struct proxy_exchange *x,
		 enum proxy_cause cause)
{
	bool went = f->state == PROXY_FRONT1_TUNNEL && !x->torn && cause != PROXY_CLIENT_GONE;
	return f->head_sent && !f->broken && (cause == PROXY_QUOTA || went);
}

static void front1_reset(struct proxy_front *front, struct proxy_exchange *x,
			 enum proxy_cause cause)
{
	struct proxy_front1 *f = of(front);
	bool framed = f->wire.out_framing == PROXY_FRAMING_LENGTH ||
		      f->wire.out_framing == PROXY_FRAMING_CHUNKED;
	if (!owes(f, x, cause)) {
		out_drop(f);
		f->x = NULL;
		torn(f);
		return;
	}
	f->x = NULL;
	/* That it is not all, a length or chunks tell: a reset need not. */
	f->torn = !framed;
	last_begin(f);
}

/* Who asks is in the middle of the exchange, which a look at the client's bytes may end. */
static void front1_resume(struct proxy_front *front, struct proxy_exchange *x)
{
	struct proxy_front1 *f = of(front);
	(void)x;
	proxy_later_add(&worker(f)->later, &f->later, turn_later);
}

static struct proxy_wire1 *front1_relay(struct proxy_front *front)
{
	struct proxy_front1 *f = of(front);
	bool whole = f->state == PROXY_FRONT1_TUNNEL && !f->x->request_ended && !f->broken &&
		     proxy_wire1_empty(&f->wire);
	return whole ? &f->wire : NULL;
}

static void front1_relayed(struct proxy_front *front, struct proxy_exchange *x)
{
	struct proxy_front1 *f = of(front);
	(void)x;
	proxy_exchange_finish(TAKE(f->x));
	front1_free(f, false);
}

static const struct proxy_front_ops front1_ops = {
	.interim = front1_interim,
	.head = front1_head,
	.body = front1_body,
	.splice = front1_splice,
	.spliced = front1_spliced,
	.flush = front1_flush,
	.reset = front1_reset,
	.resume = front1_resume,
	.relay = front1_relay,
	.relayed = front1_relayed,
};

/* ---- connections ---- */

static void ready(void *owner, unsigned events)
{
	struct proxy_front1 *f = owner;
	if (f->x && f->x->relay) {
		proxy_relay_turn(f->x->relay);
		return;
	}
	if (events & PROXY_CAN_WRITE && f->x && !f->broken && !f->turning) {
		struct proxy_exchange *x = f->x;
		f->turning = true; /* the answer may end by this, but not the connection */
		if (proxy_wire1_flush(&f->wire))
			broke(f);
		else if (f->head_sent && proxy_wire1_empty(&f->wire))
			proxy_exchange_response_resume(x);
		if (f->x == x)
			front1_flush(&f->front, x);
		f->turning = false;
	}
	front1_turn(f);
}

struct proxy_front1 *proxy_front1_new(struct proxy_worker *w, struct proxy_transport *t,
				      const struct proxy_connection *c,
				      const struct proxy_admission *admission)
{
	struct proxy_front1 *f = slab_take(&w->front1s);
	if (!f) {
		struct proxy_connection copy = *c;
		if (w->face->disconnected)
			w->face->disconnected(w->face_arg, &copy);
		proxy_transport_close(t, true);
		return NULL;
	}
	f->front.ops = &front1_ops;
	f->deadline.call = late;
	f->wire.t = t;
	f->wire.pool = &w->buffers;
	f->wire.send.call = sent;
	if (!admission->socks_versions && !admission->opaque)
		f->wire.sends = &w->sends;
	f->c = *c;
	f->c.id = ++w->connection_id;
	f->c.version = 11;
	f->c.tls = t->tls;
	f->head_ms = admission->head_ms;
	f->idle_ms = admission->idle_ms;
	f->head_max = admission->head_max && admission->head_max < PROXY_BUFFER_SIZE
			      ? admission->head_max
			      : PROXY_BUFFER_SIZE;
	f->requests_max = admission->requests_max;
	f->http2_plain = admission->http2_plain;
	f->opaque = admission->opaque;
	f->socks.versions = admission->socks_versions;
	f->socks.passwords = admission->socks_passwords;
	f->socks.datagrams = admission->socks_datagrams;
	f->next = w->fronts;
	if (f->next)
		f->next->previous = f;
	w->fronts = f;
	t->owner = f;
	t->call = ready;
	proxy_count_add(&w->counts, PROXY_COUNT_OPEN, 1);
	await_request(f);
	front1_turn(f);
	return f;
}

void proxy_front1_drain(struct proxy_worker *w)
{
	struct proxy_front1 *next;
	for (struct proxy_front1 *f = w->fronts; f; f = next) {
		next = f->next;
		if (f->state == PROXY_FRONT1_HEAD && !f->scanned)
			front1_turn(f);
	}
}

void proxy_front1_end_all(struct proxy_worker *w)
{
	while (w->fronts) /* one that waits for its end has it now */
		front1_end(w->fronts, PROXY_DRAINED, w->fronts->torn);
}
