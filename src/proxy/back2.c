#include "proxy/back2.h"

#include "base/writer.h"
#include "proxy/back1.h"
#include "proxy/back2_inner.h"
#include "proxy/hop_inner.h"

#include <stddef.h>

enum {
	READS_MAX = 16,
	OUT_MAX = 4,
	STREAMS_MAX = 100,    /* of a connection whose hop names no limit */
	QUIET_MS = 10 * 1000, /* with streams and without a word: a PING */
	PONG_MS = 5 * 1000,   /* for its answer */
	/* To the next one, while nothing else is said: servers of gRPC take more than one in five
	 * minutes for an attack (gRFC A8). */
	QUIET_AGAIN_MS = 305 * 1000,
};

static void back2_turn(struct proxy_back2 *b);

/* ---- its life ---- */

static void link_back(struct proxy_back2 *b)
{
	b->next = b->hop->shared;
	if (b->next)
		b->next->previous = b;
	b->hop->shared = b;
	b->all_next = b->share->backs;
	if (b->all_next)
		b->all_next->all_previous = b;
	b->share->backs = b;
}

static void unlink_back(struct proxy_back2 *b)
{
	if (b->previous)
		b->previous->next = b->next;
	else
		b->hop->shared = b->next;
	if (b->next)
		b->next->previous = b->previous;
	if (b->all_previous)
		b->all_previous->all_next = b->all_next;
	else
		b->share->backs = b->all_next;
	if (b->all_next)
		b->all_next->all_previous = b->all_previous;
}

/* No stream of it may have an exchange. */
static void back2_free(struct proxy_back2 *b)
{
	struct proxy_worker *w = b->w;
	struct proxy_hop *hop = b->hop;
	while (b->streams)
		back2_stream_free(b->streams);
	unlink_back(b);
	proxy_deadline_done(&w->wheel, &b->deadline);
	proxy_later_cancel(&b->later);
	proxy_chain2_clear(&b->out, &w->buffers);
	http2_session_free(b->s);
	proxy_transport_close(b->t, false);
	slab_give(&b->share->back2s, b);
	proxy_share2_tell(w);
	hop_count_gone(w, hop);
}

/* Its exchanges go elsewhere, or fail. They are told when the connection is no more, so that none
 * of them comes back to it. */
static void lose(struct proxy_back2 *b, enum proxy_cause cause)
{
	struct lost {
		struct proxy_exchange *x;
		enum proxy_cause cause;
		bool unsent;
	} lost[16];
	b->closing = b->turning = true;
	for (;;) {
		size_t n = 0;
		struct back2_stream *next;
		for (struct back2_stream *st = b->streams; st && n < 16; st = next) {
			next = st->next;
			if (!st->x)
				continue;
			bool fresh = !st->opened;
			lost[n++] = (struct lost){TAKE(st->x), fresh ? cause : back2_torn_cause(st),
						  fresh};
		}
		bool more = n == 16;
		if (!more)
			back2_free(b);
		for (size_t i = 0; i < n; i++)
			proxy_exchange_failed(lost[i].x, lost[i].cause, lost[i].unsent);
		if (!more)
			return;
	}
}

/* ---- time ---- */

static uint32_t quiet_ms(const struct proxy_back2 *b)
{
	return b->lives ? QUIET_AGAIN_MS : QUIET_MS;
}

static void arm(struct proxy_back2 *b)
{
	struct proxy_worker *w = b->w;
	if (!b->s)
		return; /* its exchanges have a limit for that */
	uint32_t ms = b->hop->limits.idle_ms;
	if (b->streams)
		ms = b->asked ? PONG_MS : quiet_ms(b);
	if (ms)
		proxy_deadline_set(&w->wheel, &b->deadline, w->now_ms, ms);
	else
		proxy_deadline_clear(&b->deadline);
}

static void late(struct proxy_deadline *d)
{
	struct proxy_back2 *b =
		(struct proxy_back2 *)((char *)d - offsetof(struct proxy_back2, deadline));
	if (!b->s) {
		lose(b, PROXY_CONNECT_TIME);
		return;
	}
	if (!b->streams) {
		b->closing = true;
		http2_session_end(b->s, HTTP2_NO_ERROR);
	} else if (b->asked && b->w->now_ms - b->read_ms >= PONG_MS) {
		b->gone = true;
	} else if (b->w->now_ms - b->read_ms >= quiet_ms(b)) {
		b->asked = true;
		http2_session_ping(b->s, (const uint8_t *)"are you?");
	}
	back2_turn(b);
}

static void on_pong(void *of, const uint8_t opaque[8])
{
	struct proxy_back2 *b = of;
	(void)opaque; /* that something came is enough */
	b->lives = true;
}

static void on_goaway(void *of, uint32_t last_id, uint32_t code)
{
	struct proxy_back2 *b = of;
	(void)last_id;
	(void)code;
	b->closing = true;
}

static void open_stream(struct back2_stream *st, bool kept)
{
	struct proxy_back2 *b = st->b;
	struct proxy_exchange *x = st->x;
	if (!http2_session_room(b->s)) {
		/* The back end allows fewer than were thought: another connection. None at all: it
		 * would be no better there. */
		bool none = !b->opened_n;
		b->closing |= none;
		st->x = NULL;
		x->back = NULL;
		back2_queue(st);
		if (none)
			proxy_exchange_failed(x, PROXY_BACK_CLOSED, true);
		else
			hop_open(x);
		return;
	}
	b->opened_n++;
	st->opened = true;
	st->heard = b->reads;
	x->reached = b->to;
	proxy_exchange_opened(x, kept);
}

static bool may_open(const struct proxy_back2 *b, const struct proxy_exchange *x)
{
	/* Whether it takes extended CONNECT, it has to say. */
	return b->settled || (!b->requests_sent && !x->request.protocol.len);
}

/* Those that waited; before the back end's SETTINGS are there, one goes ahead. */
static void open_streams(struct proxy_back2 *b)
{
	struct back2_stream *st, *next;
	for (st = b->streams; st; st = next) {
		next = st->next;
		if (!st->x || st->opened || !may_open(b, st->x))
			continue;
		b->requests_sent = true;
		open_stream(st, false);
	}
}

static void on_settings(void *of)
{
	struct proxy_back2 *b = of;
	b->settled = true;
	b->hop->streams_theirs = http2_session_room(b->s) + http2_session_streams(b->s);
	open_streams(b);
}

const struct http2_events proxy_back2_events = {
	.response = back2_on_response,
	.data = back2_on_data,
	.end = back2_on_end,
	.closed = back2_on_closed,
	.body = back2_on_body,
	.body_copy = back2_on_body_copy,
	.goaway = on_goaway,
	.pong = on_pong,
	.settings = on_settings,
};

/* ---- bytes ---- */

static bool may_read(const struct proxy_back2 *b)
{
	return !b->gone && b->t->ready & PROXY_CAN_READ &&
	       (b->out.n < OUT_MAX || b->t->ready & PROXY_CAN_WRITE);
}

/* True: there is more. */
static bool read_some(struct proxy_back2 *b)
{
	struct proxy_worker *w = b->w;
	struct proxy_buffer *buf = may_read(b) ? proxy_buffer_take(&w->buffers) : NULL;
	unsigned reads = 0;
	bool more = buf;
	while (more && reads++ < READS_MAX) {
		size_t n = 0;
		enum err e = proxy_transport_read(b->t, buf->data, PROXY_BUFFER_SIZE, &n);
		b->gone |= e != OK;
		if (e == ERR_REFUSED) {
			b->why = PROXY_BACK_CERTIFICATE;
			b->hop->fault = b->t->fault;
		}
		if (n) {
			b->read_ms = w->now_ms;
			b->reads++;
			b->asked = false;
			b->receiving = true;
			b->closing |=
				http2_session_receive(b->s, w->now_ms, span_of(buf->data, n)) != OK;
			b->receiving = false;
		}
		more = may_read(b);
	}
	proxy_buffer_give(&w->buffers, buf);
	return more;
}

void back2_compose(struct proxy_back2 *b)
{
	struct proxy_worker *w = b->w;
	while (!b->receiving && http2_session_wants_write(b->s)) {
		struct proxy_buffer *buf =
			proxy_chain2_room(&b->out, &w->buffers, HTTP2_WRITE_MIN, OUT_MAX);
		if (!buf)
			return;
		struct writer to = writer_of(buf->data + buf->end, PROXY_BUFFER_SIZE - buf->end);
		enum err e = http2_session_write(b->s, &to);
		buf->end += (uint32_t)to.pos;
		b->gone |= e != OK;
		if (e || !to.pos)
			return;
	}
}

static void write_out(struct proxy_back2 *b)
{
	struct proxy_buffers *pool = &b->w->buffers;
	bool more = true;
	while (more && !b->gone) {
		back2_compose(b);
		proxy_chain2_trim(&b->out, pool);
		more = !proxy_chain2_empty(&b->out);
		if (proxy_chain2_write(&b->out, pool, b->t))
			b->gone = true;
		more = more && proxy_chain2_empty(&b->out) && http2_session_wants_write(b->s);
	}
}

static void act_on_streams(struct proxy_back2 *b)
{
	struct back2_stream *st;
	while ((st = b->todo)) {
		b->todo = st->todo_next;
		if (!b->todo)
			b->todo_end = &b->todo;
		st->queued = false;
		back2_act(st);
	}
}

static bool is_over(const struct proxy_back2 *b)
{
	bool idle = !b->streams && (b->closing || b->hop->closing);
	return b->gone || (proxy_chain2_empty(&b->out) && (idle || http2_session_is_over(b->s)));
}

static void turn_later(struct proxy_later *l)
{
	back2_turn((struct proxy_back2 *)((char *)l - offsetof(struct proxy_back2, later)));
}

static void back2_turn(struct proxy_back2 *b)
{
	if (b->turning || !b->s)
		return;
	b->turning = true;
	bool more = read_some(b);
	do {
		act_on_streams(b);
		write_out(b);
	} while (b->todo && !b->gone);
	if (is_over(b)) {
		lose(b, PROXY_BACK_CLOSED);
		return;
	}
	b->turning = false;
	if (more)
		proxy_later_add(&b->w->later, &b->later, turn_later);
	proxy_share2_tell(b->w);
	arm(b);
}

void back2_queue(struct back2_stream *st)
{
	struct proxy_back2 *b = st->b;
	if (!st->queued) {
		st->queued = true;
		st->todo_next = NULL;
		*b->todo_end = st;
		b->todo_end = &st->todo_next;
	}
	if (!b->turning)
		proxy_later_add(&b->w->later, &b->later, turn_later);
}

/* ---- connecting ---- */

static bool is_h2(const struct proxy_back2 *b)
{
	return !b->hop->tls || (b->t->tls && span_is(b->t->tls->alpn, "h2"));
}

static void fall_back(struct proxy_back2 *b)
{
	struct proxy_worker *w = b->w;
	struct proxy_hop *hop = b->hop;
	struct proxy_transport *t = TAKE(b->t);
	struct ip_endpoint to = b->to;
	struct proxy_exchange *first = NULL;
	struct back2_stream *next;
	hop->only_http1 = true;
	b->turning = b->closing = true;
	hop_hold(hop);
	for (struct back2_stream *st = b->streams; st; st = next) {
		next = st->next;
		struct proxy_exchange *x = TAKE(st->x);
		if (x)
			x->back = NULL;
		if (x && !first)
			first = x;
		else if (x)
			hop_open(x);
	}
	back2_free(b);
	if (first)
		proxy_back1_adopt(w, hop, t, &to, first);
	else
		proxy_transport_close(t, false);
	hop_let_go(w, hop);
}

static void opened(struct proxy_back2 *b)
{
	if (b->raced && b->t->ops->peer)
		b->t->ops->peer(b->t, &b->to);
	if (!is_h2(b) && b->hop->protocol == PROXY_HTTP_ALPN) {
		fall_back(b);
		return;
	}
	if (!is_h2(b)) {
		b->hop->fault = "it does not agree to HTTP/2";
		lose(b, PROXY_BACK_TLS);
		return;
	}
	b->read_ms = b->w->now_ms;
	if (http2_session_new(&b->share->back, &b->share->heap, &b->share->back_counts, b, &b->s)) {
		lose(b, PROXY_BUSY);
		return;
	}
	b->turning = true;
	open_streams(b);
	b->turning = false;
	back2_turn(b);
}

static void connecting(struct proxy_back2 *b)
{
	if (b->t->ready & PROXY_BROKEN)
		lose(b, hop_open_cause(b->hop, b->t));
	else if (b->t->ready & PROXY_OPENED)
		opened(b);
}

static void ready(void *owner, unsigned events)
{
	struct proxy_back2 *b = owner;
	if (!b->s) {
		connecting(b);
		return;
	}
	if (events & PROXY_BROKEN && !(b->t->ready & PROXY_CAN_READ))
		b->gone = true;
	back2_turn(b);
}

static struct proxy_back2 *back2_new(struct proxy_worker *w, struct proxy_hop *hop)
{
	struct proxy_share2 *share;
	struct proxy_back2 *b = proxy_share2_get(w, &share) ? NULL : slab_take(&share->back2s);
	if (!b)
		return NULL;
	*b = (struct proxy_back2){.w = w,
				  .share = share,
				  .hop = hop,
				  .to = hop->to,
				  .raced = hop->others_n > 0,
				  .read_ms = w->now_ms};
	b->deadline.call = late;
	b->todo_end = &b->todo;
	link_back(b);
	hop_count_open(w, hop);
	return b;
}

static uint32_t room_of(const struct proxy_back2 *b)
{
	const struct proxy_hop *hop = b->hop;
	uint32_t max = hop->limits.streams_max ? hop->limits.streams_max : STREAMS_MAX;
	if (b->closing || b->gone || hop->proxy_header ||
	    (hop->limits.requests_max && b->requests >= hop->limits.requests_max))
		return 0;
	/* Until it says so itself, it allows what the one before did. */
	if (!b->settled && hop->streams_theirs && hop->streams_theirs < max)
		max = hop->streams_theirs;
	uint32_t room = b->streams_n < max ? max - b->streams_n : 0;
	if (!b->s)
		return room;
	uint32_t theirs = http2_session_room(b->s);
	return theirs < room ? theirs : room;
}

static void owned(struct proxy_back2 *b, struct proxy_transport *t)
{
	b->t = t;
	t->owner = b;
	t->call = ready;
}

/* A connection with a PROXY header is of one exchange: x. */
static void dial(struct proxy_back2 *b, const struct proxy_exchange *x)
{
	struct proxy_transport *t = NULL;
	enum err e = hop_connect(x, b->hop->tls, &t);
	if (e) {
		lose(b, err_is_shortage(e) ? PROXY_BUSY : PROXY_CONNECT_FAILED);
		return;
	}
	owned(b, t);
	proxy_deadline_set(&b->w->wheel, &b->deadline, b->w->now_ms, b->hop->limits.connect_ms);
	if (t->ready & (PROXY_OPENED | PROXY_BROKEN))
		connecting(b);
}

static struct proxy_back2 *find_room(const struct proxy_hop *hop)
{
	struct proxy_back2 *b = hop->shared;
	while (b && !(room_of(b) && hop_leads_to(hop, &b->to)))
		b = b->next;
	return b;
}

void proxy_back2_open(struct proxy_exchange *x)
{
	struct proxy_hop *hop = x->hop;
	struct proxy_back2 *b = find_room(hop);
	bool fresh = !b;
	if (fresh)
		b = back2_new(x->worker, hop);
	struct back2_stream *st = b ? back2_stream_new(b, x) : NULL;
	if (!st) {
		if (b && fresh)
			back2_free(b);
		proxy_exchange_failed(x, PROXY_BUSY, true);
		return;
	}
	if (fresh) {
		dial(b, x);
	} else if (b->s && b->settled) {
		open_stream(st, true);
	}
}

bool proxy_back2_join(struct proxy_exchange *x)
{
	if (!find_room(x->hop))
		return false;
	proxy_back2_open(x);
	return true;
}

static void adopted(struct proxy_back2 *b, struct proxy_transport *t, const struct ip_endpoint *to)
{
	b->to = *to;
	b->raced = false;
	owned(b, t);
	opened(b);
}

void proxy_back2_adopt(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		       const struct ip_endpoint *to, struct proxy_exchange *x)
{
	struct proxy_back2 *b = back2_new(w, hop);
	if (!b || !back2_stream_new(b, x)) {
		proxy_transport_close(t, false);
		if (b)
			back2_free(b);
		proxy_exchange_failed(x, PROXY_BUSY, true);
		return;
	}
	adopted(b, t, to);
}

void proxy_back2_keep(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		      const struct ip_endpoint *to)
{
	/* One that has room is enough. */
	struct proxy_back2 *b = find_room(hop) ? NULL : back2_new(w, hop);
	if (!b) {
		proxy_transport_close(t, false);
		return;
	}
	adopted(b, t, to);
}

void proxy_back2_close_hop(struct proxy_hop *hop)
{
	struct proxy_back2 *next;
	for (struct proxy_back2 *b = hop->shared; b; b = next) {
		bool last = hop->open_n == 1;
		next = b->next;
		b->closing = true;
		if (b->streams || b->turning)
			continue;
		back2_free(b);
		if (last)
			return; /* hop_empty may have freed it */
	}
}

void proxy_back2_end_all(struct proxy_worker *w)
{
	while (w->share2 && w->share2->backs)
		back2_free(w->share2->backs);
}
