/* HTTP/2 in front of the whole proxy: a client that says any frames at any time, back ends of
 * HTTP/1 that say anything, or servers of HTTP/2 that do as they are told. What reaches a back end
 * of HTTP/1 is a row of well-formed requests with the bodies that the client sent, what reaches one
 * of HTTP/2 is no breach of it; what reaches the client are whole frames in an order that streams
 * allow; with all windows open nobody is left waiting; all ends in time, and all memory comes back.
 *
 * The input is a script: a byte for what happens, then what that asks for (through2_model_test.h).
 */
#define MEMORY_SIZE (1 << 18)
#include "proxy/through2_model_test.h"

enum { INPUT_MAX = 8 * 1024, STEPS_MAX = 600 };

enum act {
	ACT_REQUEST,
	ACT_DATA,
	ACT_BACK_SENDS,
	ACT_SERVER,
	ACT_FRAME,
	ACT_RAW,
	ACT_RESET_STREAM,
	ACT_TRAILERS,
	ACT_CLIENT_WINDOW,
	ACT_BACK_WINDOW,
	ACT_TIME,
	ACT_BACK_ENDS,
	ACT_BACK_RESETS,
	ACT_CLIENT_ENDS,
	ACT_FACE,
	ACT_OTHER,
	ACTS,
};

static void other(struct play *p, unsigned how)
{
	struct through *t = &p->t;
	switch (how % 6) {
	case 0: proxy_front2_drain(&t->w); break;
	case 1:
		if (t->x)
			proxy_exchange_end(t->x, PROXY_DRAINED);
		break;
	case 2:
		if (t->x)
			proxy_exchange_resume(t->x);
		break;
	case 3:
		t->connect_slow = how & 8;
		p->pace = how & 16 ? (uint8_t)(1 + (how >> 5) * 9) : 0;
		break;
	case 4: t->connect_error = how & 8 ? (enum err)ECONNREFUSED : OK; break;
	case 5:
		for (size_t i = 0; i < t->backs_n; i++)
			play_open(p, t->backs[i]);
		break;
	}
	through_turn(t);
}

static void face(struct play *p, unsigned how)
{
	struct through *t = &p->t;
	p->look_first = how & 128;
	t->verdict_set = how & 3;
	t->verdict.kind = how & 1 ? PROXY_ANSWER : how & 2 ? PROXY_WAIT : PROXY_FORWARD;
	t->verdict.answer = span_text("of the face");
	t->response_status = how & 4 ? 403 : 200;
	t->pick = how & 8 ? PROXY_PICK_WAIT : how & 16 ? PROXY_PICK_NONE : PROXY_PICK_HOP;
	t->judgement = how & 32 ? PROXY_AGAIN : PROXY_REPLACE;
	t->judge_status = how & 64 ? 503 : 0;
}

static void on_back(struct play *p, enum act what, unsigned n)
{
	struct memory *b = play_back(p, n & 3);
	if (!b)
		return;
	switch (what) {
	case ACT_BACK_ENDS: play_end(p, b); return;
	case ACT_BACK_RESETS: memory_reset(&p->t, b); return;
	case ACT_BACK_WINDOW: play_window(p, b, (n >> 2) * (size_t)(n >> 2) * 4); return;
	default: return;
	}
}

static void act(struct play *p, struct reader *r)
{
	enum act what = (enum act)(read_u8(r) % ACTS);
	unsigned n = read_u8(r);
	switch (what) {
	case ACT_REQUEST: play_request(p, r, n); return;
	case ACT_DATA: play_data(p, n, read_u8(r) * (size_t)8); return;
	case ACT_TRAILERS: play_trailers(p, n); return;
	case ACT_RESET_STREAM: play_reset(p, n); return;
	case ACT_FRAME: play_frame(p, r, n); return;
	case ACT_RAW: play_raw(p, play_some(r, n)); return;
	case ACT_BACK_SENDS: play_back_sends(p, n & 3, play_some(r, read_u8(r))); return;
	case ACT_SERVER: play_server(p, r, n); return;
	case ACT_CLIENT_WINDOW: play_window(p, p->t.client, n * n); return;
	case ACT_CLIENT_ENDS:
		if (n & 1)
			play_end(p, p->t.client);
		else
			memory_reset(&p->t, p->t.client);
		return;
	case ACT_TIME: through_wait(&p->t, n * 20); return;
	case ACT_FACE: face(p, n); return;
	case ACT_OTHER: other(p, n); return;
	default: on_back(p, what, n); return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;
	if (size < 2 || size > INPUT_MAX)
		return 0;
	struct reader r = reader_of(data, size);
	play_init(&p, read_u8(&r));
	for (unsigned i = 0; reader_left(&r) && i < STEPS_MAX && !p.full; i++) {
		act(&p, &r);
		play_look(&p);
	}
	play_done(&p);
	return 0;
}
