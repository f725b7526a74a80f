#include "proxy/relay.h"

#include "proxy/pace.h"
#include "proxy/worker.h"

#include <stddef.h>

enum {
	TURN_MAX = 1 << 20, /* of one direction in a turn, then the others have theirs */
	WRITES_MAX = 256,   /* likewise: of records that are nothing but their headers, too */
	LITTLE = 16 * 1024, /* a burst below is not worth a pipe */
};

/* What became of one direction. */
enum step {
	STEP_OK,
	STEP_FROM_BROKE,
	STEP_TO_BROKE,
	STEP_BUSY,
};

static void turn_later(struct proxy_later *l)
{
	proxy_relay_turn((struct proxy_relay *)((char *)l - offsetof(struct proxy_relay, later)));
}

static void drop(struct proxy_worker *w, struct proxy_relay_way *way)
{
	proxy_buffer_give(&w->buffers, TAKE(way->held));
	if (way->splice)
		w->io->splice_give(w, TAKE(way->splice));
}

void proxy_relay_stop(struct proxy_relay *r)
{
	struct proxy_worker *w = r->w;
	if (!w)
		return;
	drop(w, &r->ways[0]);
	drop(w, &r->ways[1]);
	proxy_deadline_done(&w->wheel, &r->deadline);
	proxy_later_cancel(&r->later);
	r->w = NULL;
}

static void over(struct proxy_relay *r, enum proxy_relay_end how)
{
	proxy_relay_stop(r);
	r->done(r, how);
}

/* ---- out ---- */

static bool holds(const struct proxy_relay_way *way)
{
	return way->held || way->splice;
}

/* What waits goes first, as far as it is taken. writes: that many may be made yet. */
static enum step give(struct proxy_relay *r, struct proxy_relay_way *way, unsigned *writes)
{
	struct proxy_worker *w = r->w;
	struct proxy_transport *to = way->to;
	size_t n = 0;
	if (!holds(way) || !(to->ready & (PROXY_CAN_WRITE | PROXY_BROKEN)))
		return STEP_OK;
	if (way->splice) {
		size_t left = 0;
		enum err e = proxy_splice_out(way->splice, to, &n, &left);
		way->bytes += n;
		proxy_count_add(&w->counts, PROXY_COUNT_SPLICED_BYTES, n);
		if (!left)
			w->io->splice_give(w, TAKE(way->splice));
		return e ? STEP_TO_BROKE : STEP_OK;
	}
	/* Who broke may take nothing without an error, for a while. */
	for (n = 1; way->held && n && to->ready & (PROXY_CAN_WRITE | PROXY_BROKEN);) {
		struct span bytes = proxy_buffer_span(way->held);
		size_t all = bytes.len;
		if (*writes == 0) {
			proxy_later_add(&w->later, &r->later, turn_later);
			return STEP_OK;
		}
		--*writes;
		if (to->tls)
			bytes = span_sub(bytes, 0, proxy_records_cut(&way->records, bytes));
		if (proxy_transport_write(to, &bytes, 1, &n))
			return STEP_TO_BROKE;
		if (to->tls)
			proxy_records_went(&way->records, span_sub(bytes, 0, n));
		way->bytes += n;
		way->held->start += (uint32_t)n;
		if (n == all)
			proxy_buffer_give(&w->buffers, TAKE(way->held));
	}
	return STEP_OK;
}

/* ---- in ---- */

static enum proxy_pace_direction direction(const struct proxy_relay *r,
					   const struct proxy_relay_way *way)
{
	return way == &r->ways[PROXY_RELAY_UP] ? PROXY_PACE_UP : PROXY_PACE_DOWN;
}

static void took_bytes(struct proxy_relay *r, const struct proxy_relay_way *way, size_t n)
{
	if (r->pace)
		proxy_pace_took(r->pace, direction(r, way), n);
}

static enum step took(struct proxy_relay_way *way, enum err e)
{
	way->ended = e == ERR_CLOSED;
	return e && !way->ended ? STEP_FROM_BROKE : STEP_OK;
}

static enum step take_by_copy(struct proxy_relay *r, struct proxy_relay_way *way, size_t most)
{
	struct proxy_worker *w = r->w;
	struct proxy_buffer *b = proxy_buffer_take(&w->buffers);
	size_t n = 0;
	if (!b)
		return STEP_BUSY;
	enum err e = proxy_transport_read(way->from, b->data,
					  most < PROXY_BUFFER_SIZE ? most : PROXY_BUFFER_SIZE, &n);
	if (e || !n) {
		proxy_buffer_give(&w->buffers, b);
		return took(way, e);
	}
	b->end = (uint32_t)n;
	way->held = b;
	took_bytes(r, way, n);
	way->much = n == PROXY_BUFFER_SIZE && w->io->splice_take && way->from->fd >= 0 &&
		    way->to->fd >= 0;
	return STEP_OK;
}

static enum step take_by_splice(struct proxy_relay *r, struct proxy_relay_way *way, size_t most)
{
	struct proxy_worker *w = r->w;
	struct proxy_splice *s = w->io->splice_take(w);
	size_t n = 0;
	if (!s) {
		way->much = false;
		return take_by_copy(r, way, most);
	}
	enum err e = proxy_splice_in(s, way->from, most, &n);
	if (n) {
		way->splice = s;
		way->burst += n;
		took_bytes(r, way, n);
		return STEP_OK;
	}
	w->io->splice_give(w, s);
	way->much = way->burst >= LITTLE;
	way->burst = 0;
	return took(way, e);
}

/* The end goes on when all before it has. Where both sides of plain TCP have ended, closing says
 * so; TLS has a word of its own for it. */
static void finish(struct proxy_relay *r, struct proxy_relay_way *way)
{
	if (!way->ended || holds(way) || way->finished || (r->dying && !r->in_order))
		return;
	way->finished = true;
	if (!r->ways[0].finished || !r->ways[1].finished || way->to->fd < 0)
		proxy_transport_finish(way->to);
}

/* As much as goes, and as is fair to others. */
static enum step move(struct proxy_relay *r, struct proxy_relay_way *way)
{
	uint64_t most = way->bytes + TURN_MAX;
	unsigned writes = WRITES_MAX;
	for (;;) {
		enum step s = give(r, way, &writes);
		if (s)
			return s;
		if (holds(way) || way->ended ||
		    !(way->from->ready & (PROXY_CAN_READ | PROXY_BROKEN)))
			break;
		if (way->bytes >= most) {
			proxy_later_add(&r->w->later, &r->later, turn_later);
			break;
		}
		size_t may =
			r->pace ? proxy_pace_may(r->pace, direction(r, way), SIZE_MAX) : SIZE_MAX;
		if (!may)
			break;
		s = way->much && proxy_transport_can_splice(way->from) ? take_by_splice(r, way, may)
								       : take_by_copy(r, way, may);
		if (s)
			return s;
		if (!holds(way) && !way->ended)
			break;
	}
	finish(r, way);
	return STEP_OK;
}

/* Who has ended is not read any more; that he is gone shows by this. */
static bool is_gone(const struct proxy_relay_way *from, const struct proxy_relay_way *to)
{
	return from->ended && !to->finished && from->from->ready & PROXY_BROKEN;
}

/* ---- the end ---- */

/* Who sends until he has sent all would never read what he is told. */
static void swallow(struct proxy_relay *r)
{
	struct proxy_relay_way *way = &r->ways[!r->broken];
	struct proxy_buffer *b = proxy_buffer_take(&r->w->buffers);
	size_t all = 0, n = 1;
	while (b && n && !way->ended && way->from->ready & PROXY_CAN_READ && all < TURN_MAX) {
		n = 0;
		enum err e = proxy_transport_read(way->from, b->data, PROXY_BUFFER_SIZE, &n);
		way->ended = e;
		all += n;
	}
	if (all >= TURN_MAX)
		proxy_later_add(&r->w->later, &r->later, turn_later);
	proxy_buffer_give(&r->w->buffers, b);
}

/* As far as its words were read and have arrived. A write that failed has taken the error, and a
 * read says then no more than that it has ended: that is not taken for an end in order. */
static void last_words(struct proxy_relay *r)
{
	struct proxy_relay_way *way = &r->ways[r->broken];
	way->from->ready |= PROXY_CAN_READ; /* nobody may tell */
	r->turning = true;
	enum step s = move(r, way);
	r->turning = false;
	uint64_t now_ms = r->w->now_ms;
	bool all = !holds(way) && (way->ended || s == STEP_FROM_BROKE);
	swallow(r);
	if (s == STEP_TO_BROKE || s == STEP_BUSY || now_ms >= r->last_by_ms ||
	    (all && proxy_transport_delivered(way->to)))
		over(r, PROXY_RELAY_BROKE);
	else
		proxy_deadline_set(&r->w->wheel, &r->deadline, now_ms,
				   all ? PROXY_LAST_LOOK_MS : (uint32_t)(r->last_by_ms - now_ms));
}

/* The `from` of that way takes nothing any more. */
static void gone(struct proxy_relay *r, size_t broken)
{
	drop(r->w, &r->ways[!broken]);
	r->broken = (uint8_t)broken;
	r->dying = true;
	r->in_order = r->ways[broken].ended;
	r->last_by_ms = r->w->now_ms + PROXY_LAST_MS;
	last_words(r);
}

static void late(struct proxy_deadline *d)
{
	struct proxy_relay *r =
		(struct proxy_relay *)((char *)d - offsetof(struct proxy_relay, deadline));
	if (r->dying)
		last_words(r);
	else
		over(r, PROXY_RELAY_IDLE);
}

static bool stopped_by(struct proxy_relay *r, size_t i, enum step s)
{
	switch (s) {
	case STEP_OK: return false;
	case STEP_BUSY: over(r, PROXY_RELAY_BUSY); break;
	case STEP_FROM_BROKE: gone(r, i); break;
	case STEP_TO_BROKE: gone(r, !i); break;
	}
	return true;
}

void proxy_relay_turn(struct proxy_relay *r)
{
	struct proxy_relay_way *ways = r->ways;
	uint64_t before = ways[0].bytes + ways[1].bytes;
	if (r->turning) {
		proxy_later_add(&r->w->later, &r->later, turn_later);
		return;
	}
	if (r->dying) {
		last_words(r);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		r->turning = true;
		enum step s = move(r, &ways[i]);
		r->turning = false;
		if (stopped_by(r, i, s))
			return;
	}
	if (ways[0].finished && ways[1].finished) {
		over(r, PROXY_RELAY_ENDED);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (is_gone(&ways[i], &ways[!i])) {
			(void)stopped_by(r, i, STEP_FROM_BROKE);
			return;
		}
	}
	if (ways[0].bytes + ways[1].bytes != before)
		proxy_deadline_set(&r->w->wheel, &r->deadline, r->w->now_ms, r->idle_ms);
}

void proxy_relay_begin(struct proxy_relay *r, struct proxy_worker *w, struct proxy_transport *a,
		       struct proxy_transport *b, uint32_t idle_ms, proxy_relay_done_call *done)
{
	r->w = w;
	r->ways[PROXY_RELAY_UP] = (struct proxy_relay_way){.from = a, .to = b};
	r->ways[PROXY_RELAY_DOWN] = (struct proxy_relay_way){.from = b, .to = a};
	r->idle_ms = idle_ms;
	r->done = done;
	r->deadline.call = late;
	proxy_deadline_set(&w->wheel, &r->deadline, w->now_ms, idle_ms);
}
