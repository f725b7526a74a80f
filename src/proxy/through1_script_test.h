/* Scripts for the model of HTTP/1 through the whole proxy (through1_model_test.h): a byte for the
 * limits of the case, then for each act one for what happens, one for how much or to whom, and
 * bytes. Knows no one script.
 */
#ifndef PROXY_THROUGH1_SCRIPT_TEST_H
#define PROXY_THROUGH1_SCRIPT_TEST_H

#define MEMORY_SIZE (1 << 18)
#include "proxy/through1_model_test.h"

#include "base/reader.h"

enum { SCRIPT_MAX = 12 * 1024, SCRIPT_STEPS_MAX = 1000, SCRIPT_TURN_STEPS_MAX = 8 };

enum script_act {
	ACT_CLIENT_SENDS, /* n bytes */
	ACT_BACK_SENDS,	  /* to one of them, n bytes */
	ACT_CLIENT_ENDS,
	ACT_BACK_ENDS,
	ACT_CLIENT_WINDOW,
	ACT_BACK_WINDOW,
	ACT_TIME,
	ACT_MODE,
	ACT_CLIENT_RESETS,
	ACT_BACK_RESETS,
	ACT_NEW_CLIENT,
	ACT_READ_MAX,
	ACT_CONNECT,
	ACT_FACE,
	ACT_OTHER,
	ACT_CLIENT_SENDS_MORE, /* 16 n bytes */
	ACTS,
};

/* One of the last four: others are mostly closed. */
static inline struct memory *script_back_of(struct model *m, unsigned k)
{
	size_t n = m->t.backs_n;
	return n > k ? m->t.backs[n - 1 - k] : n ? m->t.backs[0] : NULL;
}

static inline struct span script_some(struct reader *r, size_t n)
{
	return read_span(r, n < reader_left(r) ? n : reader_left(r));
}

static inline void script_back_sends(struct model *m, struct reader *r)
{
	struct memory *b = script_back_of(m, read_u8(r) & 3);
	struct span bytes = script_some(r, read_u8(r));
	if (b)
		model_back_sends(m, b, bytes);
}

static inline void script_connect_mode(struct model *m, unsigned how)
{
	m->t.connect_error = (how & 3) == 1 ? (enum err)ECONNREFUSED : OK;
	m->t.connect_slow = how & 4;
	for (size_t i = 0; how & 8 && i < m->t.backs_n; i++)
		model_open(m, m->t.backs[i]);
}

/* Events come several in a turn, each when it is told or all before; what is composed goes at once;
 * what is expected is received ahead. */
static inline void script_turns(struct through *t, unsigned how)
{
	through_turn_end(t);
	t->turn_open = how & 1;
	t->w.sends.open = t->turn_open || how & 2;
	t->gathers = how & 4;
	t->ring.on = how & 8;
}

static inline void script_other(struct model *m, unsigned how)
{
	struct through *t = &m->t;
	if (how & 128) {
		script_turns(t, how);
		return;
	}
	switch (how % 6) {
	case 0: proxy_front1_drain(&t->w); break;
	case 1:
		if (t->x)
			proxy_exchange_end(t->x, PROXY_DRAINED);
		break;
	case 2:
		if (t->x)
			proxy_exchange_resume(t->x);
		break;
	case 3:
		if (t->x)
			proxy_exchange_go(t->x);
		break;
	case 4: model_hops_close(m); break;
	case 5: t->w.draining = how & 8; break;
	}
	through_turn(t);
}

static inline void script_act(struct model *m, struct reader *r)
{
	unsigned what = read_u8(r) % ACTS, n;
	struct memory *b;
	switch ((enum script_act)what) {
	case ACT_CLIENT_SENDS: model_client_sends(m, script_some(r, read_u8(r))); return;
	case ACT_CLIENT_SENDS_MORE:
		model_client_sends(m, script_some(r, read_u8(r) * (size_t)16));
		return;
	case ACT_BACK_SENDS: script_back_sends(m, r); return;
	default: break;
	}
	n = read_u8(r);
	b = script_back_of(m, n & 3);
	switch ((enum script_act)what) {
	case ACT_CLIENT_ENDS: model_end(m, m->t.client); return;
	case ACT_CLIENT_RESETS: memory_reset(&m->t, m->t.client); return;
	case ACT_CLIENT_WINDOW: model_window(m, m->t.client, n * n); return;
	case ACT_NEW_CLIENT: model_client(m); return;
	case ACT_TIME: through_wait(&m->t, n * 20); return;
	case ACT_MODE:
		m->mode = (uint8_t)n;
		m->pace = n & MODE_PACE ? (uint8_t)(1 + (n >> 5) * 9) : 0;
		return;
	case ACT_FACE: model_face_mode(m, n); return;
	case ACT_CONNECT: script_connect_mode(m, n); return;
	case ACT_OTHER: script_other(m, n); return;
	default: break;
	}
	if (!b)
		return;
	switch ((enum script_act)what) {
	case ACT_BACK_ENDS: model_end(m, b); return;
	case ACT_BACK_RESETS: memory_reset(&m->t, b); return;
	case ACT_BACK_WINDOW: model_window(m, b, (n >> 2) * (size_t)(n >> 2) * 4); return;
	case ACT_READ_MAX: b->read_max = m->t.client->read_max = (n >> 2) + 1; return;
	default: return;
	}
}

static inline void script_run(struct model *m, struct span script)
{
	struct reader r = reader_of(script.data, script.len);
	model_init(m, read_u8(&r));
	for (unsigned i = 0; reader_left(&r) && i < SCRIPT_STEPS_MAX && !m->full; i++) {
		bool open = m->t.turn_open && i % SCRIPT_TURN_STEPS_MAX == 0;
		if (open)
			through_turn_end(&m->t);
		m->t.turn_open |= open;
		script_act(m, &r);
		model_look(m);
	}
	model_done(m);
}

#endif
