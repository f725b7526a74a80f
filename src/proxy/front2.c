#include "proxy/front2.h"

#include "base/writer.h"
#include "proxy/front2_inner.h"

#include <stddef.h>

const char proxy_preface2[24] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum {
	READS_MAX = 16,	 /* of one connection in a turn, then the others have theirs */
	OUT_MAX = 4,	 /* buffers that are composed and not written */
	DRAIN_MS = 1000, /* between the two GOAWAY, when no answer to our PING comes */
	LAST_MS = 5000,	 /* for a client to read that it is over */
};

static void front2_turn(struct proxy_front2 *f);

/* ---- its life ---- */

static void unlink_front(struct proxy_front2 *f)
{
	if (f->previous)
		f->previous->next = f->next;
	else
		f->share->fronts = f->next;
	if (f->next)
		f->next->previous = f->previous;
	f->share->fronts_n--;
}

static void front2_free(struct proxy_front2 *f, enum proxy_cause cause)
{
	struct proxy_worker *w = f->w;
	f->turning = true; /* whoever is told calls nothing back */
	while (f->streams) {
		struct front2_stream *st = f->streams;
		struct proxy_exchange *x = TAKE(st->x);
		st->id = 0;
		if (x && st->begun)
			proxy_exchange_abort(x, cause);
		else if (x)
			proxy_exchange_give(x);
		front2_stream_free(st);
	}
	if (w->face->disconnected)
		w->face->disconnected(w->face_arg, &f->c);
	unlink_front(f);
	proxy_deadline_done(&w->wheel, &f->deadline);
	proxy_later_cancel(&f->later);
	proxy_chain2_clear(&f->out, &w->buffers);
	http2_session_free(f->s);
	proxy_transport_close(f->t, f->gone);
	slab_give(&f->share->front2s, f);
	proxy_count_add(&w->counts, PROXY_COUNT_OPEN, (uint64_t)-1);
	proxy_share2_tell(w);
}

/* ---- time ---- */

static enum front2_wait wait_of(const struct proxy_front2 *f)
{
	if (f->drain == FRONT2_NOTICE)
		return FRONT2_WAIT_NOTICE;
	if (http2_session_in_head(f->s))
		return FRONT2_WAIT_HEAD;
	if (f->streams)
		return FRONT2_WAIT_STREAMS;
	return f->drain == FRONT2_LAST ? FRONT2_WAIT_LAST : FRONT2_WAIT_IDLE;
}

static uint32_t wait_ms(const struct proxy_front2 *f, enum front2_wait wait)
{
	switch (wait) {
	case FRONT2_WAIT_NOTICE: return DRAIN_MS;
	case FRONT2_WAIT_HEAD: return f->head_ms;
	case FRONT2_WAIT_LAST: return LAST_MS;
	case FRONT2_WAIT_IDLE: return f->idle_ms;
	default: return 0; /* its exchanges have limits of their own */
	}
}

/* A head that comes byte by byte does not move its own deadline. */
static void arm(struct proxy_front2 *f)
{
	struct proxy_worker *w = f->w;
	enum front2_wait wait = wait_of(f);
	if (wait == f->wait && wait != FRONT2_WAIT_IDLE && f->wait_exchanges == f->c.exchanges)
		return;
	f->wait = (uint8_t)wait;
	f->wait_exchanges = f->c.exchanges;
	uint32_t ms = wait_ms(f, wait);
	if (ms)
		proxy_deadline_set(&w->wheel, &f->deadline, w->now_ms, ms);
	else
		proxy_deadline_clear(&f->deadline);
}

static void last_step(struct proxy_front2 *f)
{
	if (f->drain != FRONT2_NOTICE)
		return;
	f->drain = FRONT2_LAST;
	http2_session_drain_end(f->s);
}

static void late(struct proxy_deadline *d)
{
	struct proxy_front2 *f =
		(struct proxy_front2 *)((char *)d - offsetof(struct proxy_front2, deadline));
	if (f->drain == FRONT2_NOTICE) {
		last_step(f);
	} else if (http2_session_in_head(f->s)) {
		proxy_count_add(&f->w->counts, PROXY_COUNT_CAUSE + PROXY_CLIENT_HEAD_TIME, 1);
		http2_session_end(f->s, HTTP2_ENHANCE_YOUR_CALM);
	} else if (f->drain == FRONT2_LAST) {
		f->gone = true;
	} else {
		f->drain = FRONT2_LAST;
		http2_session_end(f->s, HTTP2_NO_ERROR);
	}
	front2_turn(f);
}

static void drain(struct proxy_front2 *f)
{
	if (f->drain != FRONT2_SERVING)
		return;
	f->drain = FRONT2_NOTICE;
	http2_session_drain(f->s);
	/* Its answer says that the client has read the notice. */
	http2_session_ping(f->s, (const uint8_t *)"goaway-1");
}

static void on_pong(void *of, const uint8_t opaque[8])
{
	(void)opaque;
	last_step(of);
}

static void on_goaway(void *of, uint32_t last_id, uint32_t code)
{
	/* The client opens no more streams; those that are open end as they do. */
	(void)of;
	(void)last_id;
	(void)code;
}

static void on_settings(void *of)
{
	(void)of;
}

/* ---- bytes ---- */

static void receive(struct proxy_front2 *f, struct span bytes)
{
	f->receiving = true;
	/* What is wrong with them, the session tells the client itself; then it is over. */
	err_ignore(http2_session_receive(f->s, f->w->now_ms, bytes));
	f->receiving = false;
}

/* Nothing is read while the client does not read: what we owe it is bounded. */
static bool may_read(const struct proxy_front2 *f)
{
	return !f->gone && f->t->ready & PROXY_CAN_READ &&
	       (f->out.n < OUT_MAX || f->t->ready & PROXY_CAN_WRITE);
}

/* True: there is more. */
static bool read_some(struct proxy_front2 *f)
{
	struct proxy_worker *w = f->w;
	struct proxy_buffer *b = may_read(f) ? proxy_buffer_take(&w->buffers) : NULL;
	unsigned reads = 0;
	bool more = b;
	while (more && reads++ < READS_MAX) {
		size_t n = 0;
		enum err e = proxy_transport_read(f->t, b->data, PROXY_BUFFER_SIZE, &n);
		f->gone |= e != OK;
		if (n)
			receive(f, span_of(b->data, n));
		more = may_read(f);
	}
	proxy_buffer_give(&w->buffers, b);
	return more;
}

void front2_compose(struct proxy_front2 *f)
{
	struct proxy_worker *w = f->w;
	while (!f->receiving && http2_session_wants_write(f->s)) {
		struct proxy_buffer *b =
			proxy_chain2_room(&f->out, &w->buffers, HTTP2_WRITE_MIN, OUT_MAX);
		if (!b)
			return;
		struct writer to = writer_of(b->data + b->end, PROXY_BUFFER_SIZE - b->end);
		enum err e = http2_session_write(f->s, &to);
		b->end += (uint32_t)to.pos;
		f->gone |= e != OK;
		if (e || !to.pos)
			return;
	}
}

static void write_out(struct proxy_front2 *f)
{
	struct proxy_buffers *pool = &f->w->buffers;
	bool more = true;
	while (more && !f->gone) {
		front2_compose(f);
		proxy_chain2_trim(&f->out, pool);
		more = !proxy_chain2_empty(&f->out);
		if (proxy_chain2_write(&f->out, pool, f->t))
			f->gone = true;
		more = more && proxy_chain2_empty(&f->out) && http2_session_wants_write(f->s);
	}
}

static void act_on_streams(struct proxy_front2 *f)
{
	struct front2_stream *st;
	while ((st = f->todo)) {
		f->todo = st->todo_next;
		if (!f->todo)
			f->todo_end = &f->todo;
		st->queued = false;
		front2_act(st);
	}
}

static bool is_over(const struct proxy_front2 *f)
{
	return f->gone || (proxy_chain2_empty(&f->out) && http2_session_is_over(f->s));
}

static void turn_later(struct proxy_later *l)
{
	front2_turn((struct proxy_front2 *)((char *)l - offsetof(struct proxy_front2, later)));
}

/* All that happened since the last turn, of all streams, leaves in one write. */
static void front2_turn(struct proxy_front2 *f)
{
	if (f->turning)
		return;
	f->turning = true;
	bool more = read_some(f);
	do {
		act_on_streams(f);
		write_out(f);
	} while (f->todo && !f->gone);
	if (is_over(f)) {
		front2_free(f, PROXY_CLIENT_GONE);
		return;
	}
	f->turning = false;
	if (more)
		proxy_later_add(&f->w->later, &f->later, turn_later);
	if (f->requests_max && f->c.exchanges >= f->requests_max)
		drain(f);
	proxy_share2_tell(f->w);
	arm(f);
}

void front2_queue(struct front2_stream *st)
{
	struct proxy_front2 *f = st->f;
	if (!st->queued) {
		st->queued = true;
		st->todo_next = NULL;
		*f->todo_end = st;
		f->todo_end = &st->todo_next;
	}
	if (!f->turning)
		proxy_later_add(&f->w->later, &f->later, turn_later);
}

static void ready(void *owner, unsigned events)
{
	struct proxy_front2 *f = owner;
	if (events & PROXY_BROKEN)
		f->gone = true;
	front2_turn(f);
}

/* ---- connections ---- */

static enum err fill_in(struct proxy_front2 *f, const struct proxy_admission *a)
{
	f->head_ms = a->head_ms;
	f->idle_ms = a->idle_ms;
	f->head_max =
		a->head_max && a->head_max < PROXY_BUFFER_SIZE ? a->head_max : PROXY_BUFFER_SIZE;
	f->requests_max = a->requests_max;
	f->todo_end = &f->todo;
	f->deadline.call = late;
	f->c.version = 20;
	f->c.tls = f->t->tls;
	return http2_session_new(&f->share->front, &f->share->heap, &f->share->front_counts, f,
				 &f->s);
}

static void refuse(struct proxy_worker *w, struct proxy_transport *t,
		   const struct proxy_connection *c)
{
	struct proxy_connection copy = *c;
	proxy_count_add(&w->counts, PROXY_COUNT_REFUSED, 1);
	if (w->face->disconnected)
		w->face->disconnected(w->face_arg, &copy);
	proxy_transport_close(t, true);
}

void proxy_front2_new(struct proxy_worker *w, struct proxy_transport *t,
		      const struct proxy_connection *c, const struct proxy_admission *admission,
		      struct span first)
{
	struct proxy_share2 *share;
	struct proxy_front2 *f = proxy_share2_get(w, &share) ? NULL : slab_take(&share->front2s);
	if (!f) {
		refuse(w, t, c);
		return;
	}
	*f = (struct proxy_front2){.w = w, .share = share, .t = t, .c = *c};
	if (fill_in(f, admission)) {
		slab_give(&share->front2s, f);
		refuse(w, t, c);
		return;
	}
	f->c.id = ++w->connection_id;
	f->next = share->fronts;
	if (f->next)
		f->next->previous = f;
	share->fronts = f;
	share->fronts_n++;
	t->owner = f;
	t->call = ready;
	proxy_count_add(&w->counts, PROXY_COUNT_OPEN, 1);
	if (first.len)
		receive(f, first);
	if (w->draining)
		drain(f);
	front2_turn(f);
}

void proxy_front2_drain(struct proxy_worker *w)
{
	struct proxy_front2 *next;
	for (struct proxy_front2 *f = w->share2 ? w->share2->fronts : NULL; f; f = next) {
		next = f->next;
		drain(f);
		front2_turn(f);
	}
}

void proxy_front2_end_all(struct proxy_worker *w)
{
	while (w->share2 && w->share2->fronts)
		front2_free(w->share2->fronts, PROXY_DRAINED);
}

size_t proxy_front2_count(const struct proxy_worker *w)
{
	return w->share2 ? w->share2->fronts_n : 0;
}

/* ---- events ---- */

const struct http2_events proxy_front2_events = {
	.request = front2_on_request,
	.data = front2_on_data,
	.end = front2_on_end,
	.closed = front2_on_closed,
	.body = front2_on_body,
	.body_copy = front2_on_body_copy,
	.goaway = on_goaway,
	.pong = on_pong,
	.settings = on_settings,
};
