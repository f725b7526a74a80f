/* What must hold of what a client of HTTP/2 and back ends of either version hear, with the whole
 * proxy between them, and their lives from the beginning to the end. Knows the insides of fronts
 * and backs, to tell who waits.
 */
#ifndef PROXY_THROUGH2_MODEL_TEST_H
#define PROXY_THROUGH2_MODEL_TEST_H

#include "proxy/through2_play_test.h"

/* ---- what must hold ---- */

static inline void play_message_check(const struct play *p, const struct strict *got,
				      const struct strict_message *m)
{
	ASSERT(m->id != UINT32_MAX && m->id / 2 < PLAY_STREAMS);
	const struct play_stream *st = &p->streams[m->id / 2];
	if (p->raw || st->tunnel)
		return;
	ASSERT(m->body_len <= st->sent);
	for (uint32_t i = 0; i < m->body_len; i++)
		ASSERT(got->bodies[m->body_at + i] == play_pattern(m->id, i));
	/* With a length it may be whole before its stream says so. */
	ASSERT(!m->whole || m->has_length || (st->ended && m->body_len == st->sent));
}

/* Something came by a tunnel: what its client said lets it go. */
static inline void play_first_check(const struct play *p, size_t i, const struct strict *got)
{
	static uint8_t said[PROXY_FIRST_MAX];
	const struct strict_message *last =
		got->messages_n ? &got->messages[got->messages_n - 1] : NULL;
	if (p->raw || !p->tunnels[i] || !last || last->id / 2 >= PLAY_STREAMS ||
	    got->at != STRICT_HEAD || got->messages_n != got->messages_max || got->len == got->read)
		return;
	const struct play_stream *st = &p->streams[last->id / 2];
	uint32_t n = st->sent < sizeof(said) ? st->sent : sizeof(said);
	for (uint32_t k = 0; k < n; k++)
		said[k] = play_pattern(last->id, k);
	if (st->first)
		through_first_check(said, n);
}

static inline void play_back_look(struct play *p, size_t i)
{
	struct memory *b = p->t.backs[i];
	struct strict *got = &p->back_received[i];
	if (!b->closed)
		play_back_note(p, i);
	strict_feed(got, span_of(b->out, b->out_end));
	b->out_end = 0;
	ASSERT(!got->bad);
	for (size_t k = 0; k < got->messages_n; k++)
		if (!(p->tunnels[i] && k + 1 == got->messages_n))
			play_message_check(p, got, &got->messages[k]);
	ASSERT(p->tunnels[i] || got->at != STRICT_HEAD || got->messages_n < got->messages_max ||
	       got->read == got->len);
	play_first_check(p, i, got);
	p->full |= got->len > STRICT_SIZE / 2;
}

/* RFC 9113 5.1, as far as an answer goes. */
static inline void play_frame_check(struct play *p, const struct frame *f)
{
	ASSERT(f->payload.len <= 16384);
	if ((f->type != DATA && f->type != HEADERS) || f->id / 2 >= PLAY_STREAMS)
		return;
	struct play_stream *st = &p->streams[f->id / 2];
	ASSERT(f->id % 2 && !st->over && (f->type == HEADERS || st->head));
	st->head |= f->type == HEADERS;
	st->over = f->flags & END_STREAM;
}

static inline void play_client_look(struct play *p)
{
	struct memory *c = p->t.client;
	struct frame f;
	ASSERT(p->frames_len + c->out_end <= sizeof(p->frames));
	memcpy(p->frames + p->frames_len, c->out, c->out_end);
	p->frames_len += c->out_end;
	c->out_end = 0;
	struct reader r = reader_of(p->frames, p->frames_len);
	size_t left = reader_left(&r);
	while (frame_read(&r, &f)) {
		play_frame_check(p, &f);
		left = reader_left(&r);
	}
	memmove(p->frames, p->frames + p->frames_len - left, left);
	p->frames_len = left;
}

static inline void play_look(struct play *p)
{
	play_servers_turn(p);
	for (size_t i = 0; !p->http2 && i < p->t.backs_n; i++)
		play_back_look(p, i);
	play_client_look(p);
	p->full |= p->t.backs_n == MEMORY_BACKS;
}

/* With all windows open and everybody heard, nobody holds what another one waits for. */
static inline void play_stream_is_not_forgotten(const struct front2_stream *st)
{
	const struct proxy_exchange *x = st->x;
	if (!x || !x->back || x->phase < PROXY_PHASE_SENT)
		return;
	if (x->phase == PROXY_PHASE_SENT && st->tunnel)
		return;
	ASSERT(proxy_chain2_empty(&st->in));
	if (x->back->ops == &back2_ops) {
		ASSERT(proxy_chain2_empty(&((const struct back2_stream *)x->back)->in));
		return;
	}
	const struct proxy_back1 *b = (const struct proxy_back1 *)x->back;
	const struct memory *back = (const struct memory *)b->wire.t;
	ASSERT(proxy_wire1_empty(&b->wire) && !b->broken && !b->wire.in_ready);
	ASSERT(back->in_end == back->in_start && !back->t.holds);
	ASSERT(b->wire.in_eof == back->in_eof);
}

static inline void play_nobody_is_forgotten(const struct play *p)
{
	const struct proxy_share2 *share = p->t.w.share2;
	for (const struct proxy_front2 *f = share ? share->fronts : NULL; f; f = f->next) {
		const struct memory *c = (const struct memory *)f->t;
		ASSERT(proxy_chain2_empty(&f->out) && c->in_start == c->in_end);
		for (const struct front2_stream *st = f->streams; st; st = st->next)
			play_stream_is_not_forgotten(st);
	}
}

/* ---- from the beginning to the end ---- */

static inline void play_hello(struct play *p)
{
	static const uint8_t settings[] = {0, 4, 0x7f, 0xff, 0xff, 0xff};
	static const uint8_t update[] = {0x7f, 0xff, 0, 0};
	play_say(p, span_text(client_preface));
	play_put(p,
		 (struct frame){.type = SETTINGS, .payload = span_of(settings, p->wide ? 6 : 0)});
	if (p->wide)
		play_put(p, (struct frame){.type = WINDOW_UPDATE, .payload = span_of(update, 4)});
}

static inline void play_client(struct play *p)
{
	struct through *t = &p->t;
	const struct proxy_connection c = {.worker = &t->w};
	const struct proxy_admission a = {.head_ms = 5000, .idle_ms = 60000};
	memory_reset(t, t->client);
	memory_free(t->client);
	t->client = memory_new();
	proxy_front2_new(&t->w, &t->client->t, &c, &a, (struct span){0});
	through_turn(t);
	play_hello(p);
}

static inline void play_init(struct play *p, unsigned how)
{
	static const struct http2_limits limits = {.streams_max = 100,
						   .window_stream = 65535,
						   .window = 1 << 20,
						   .head_max = 60000,
						   .memory_max = 1 << 20,
						   .connect_protocol = true};
	struct through *t = &p->t;
	play_running = p;
	through_init(t);
	t->w.face = &play_face;
	t->w.io = &play_io;
	t->limits.whole_ms = 30000;
	t->limits.retry_any_method = how & 4;
	t->ring.on = how & 16;
	p->wide = how & 1;
	p->http2 = how & 2;
	for (size_t i = 0; p->http2 && i < 2; i++)
		t->hops[i].protocol = PROXY_HTTP2;
	if (how & 8)
		t->limits.request_body_max = 200;
	p->raw = p->full = false;
	p->streams_n = 0;
	p->frames_len = 0;
	p->look_first = false;
	p->pace = 0;
	memset(p->streams, 0, sizeof(p->streams));
	memset(p->tunnels, 0, sizeof(p->tunnels));
	memset(p->servers, 0, sizeof(p->servers));
	for (size_t i = 0; i < MEMORY_BACKS; i++)
		strict_reset(&p->back_received[i], false);
	http2_heap_init(&p->heap, 1 << 22);
	ASSERT(http2_role_init(&p->role, HTTP2_SERVER, &limits, &play_events) == OK);
	play_client(p);
	if (how & 16)
		t->w.buffers.max = 2 + (how >> 5);
}

static inline void play_everything_opens(struct play *p)
{
	struct through *t = &p->t;
	t->pick = PROXY_PICK_HOP;
	t->verdict_set = false;
	t->connect_slow = false;
	p->pace = 0;
	through_wait(t, 100); /* for what was granted until now */
	for (struct proxy_exchange *x = t->w.exchanges, *next; x; x = next) {
		next = x->next;
		if (x->phase == PROXY_PHASE_VERDICT || x->phase == PROXY_PHASE_PICK) {
			proxy_exchange_resume(x);
			next = t->w.exchanges; /* it may be gone, and others with it */
			if (next == x && x->phase <= PROXY_PHASE_PICK)
				break;
		}
	}
	through_turn(t);
	for (size_t i = 0; i < t->backs_n; i++)
		play_open(p, t->backs[i]);
	for (size_t i = 0; i < t->backs_n; i++)
		play_window(p, t->backs[i], SIZE_MAX);
	play_window(p, t->client, SIZE_MAX);
}

static inline void play_done(struct play *p)
{
	struct through *t = &p->t;
	play_everything_opens(p);
	play_look(p);
	if (p->wide && !p->raw && !p->full && t->w.buffers.max >= 64)
		play_nobody_is_forgotten(p);
	for (unsigned i = 0; i < 200; i++) {
		t->w.now_ms += 500;
		t->w.now_us = t->w.now_ms * 1000;
		through_turn(t);
		if (i % 10 == 0)
			play_look(p);
	}
	ASSERT(!t->w.exchanges_n && t->picks == t->lefts);
	proxy_front2_end_all(&t->w);
	proxy_back2_end_all(&t->w);
	through_done_all(t);
	for (size_t i = 0; i < MEMORY_BACKS; i++)
		http2_session_free(p->servers[i].s);
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		ASSERT(slab_used(&p->heap.slabs[i]) == 0);
	http2_role_done(&p->role);
	http2_heap_done(&p->heap);
}

#endif
