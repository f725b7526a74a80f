/* A client of HTTP/2, back ends of either version and a face for the fuzz target of HTTP/2 through
 * the whole proxy: what they say. What must hold of what they hear: through2_model_test.h.
 */
#ifndef PROXY_THROUGH2_PLAY_TEST_H
#define PROXY_THROUGH2_PLAY_TEST_H

#include "proto/http2/frames_test.h"
#include "proxy/back2_inner.h"
#include "proxy/front2_inner.h"
#include "proxy/memory_test.h"
#include "proxy/pace_model_test.h"
#include "proxy/strict1_test.h"

enum { PLAY_STREAMS = 1024, PLAY_SLOTS = 64 };

/* A stream as the client has it. */
struct play_stream {
	bool first;    /* its tunnel's first bytes are looked at */
	uint32_t sent; /* bytes of its body */
	bool ended;
	bool tunnel;
	bool head, over; /* of the answer */
};

/* A request at a server of HTTP/2. */
struct play_slot {
	uint32_t id;
	size_t to_send;
	bool answered, held, trailers, gone;
};

struct play_server {
	struct http2_session *s; /* NULL: there is none */
	struct play_slot slots[PLAY_SLOTS];
	size_t slots_n;
	bool bad; /* it said what it may not */
};

struct play {
	struct through t;
	bool look_first; /* at those of tunnels */
	uint8_t pace;	 /* of bodies and tunnels; 0: none */
	struct http2_heap heap;
	struct http2_role role;
	struct http2_counts counts;
	struct play_server servers[MEMORY_BACKS];
	struct strict back_received[MEMORY_BACKS];
	bool tunnels[MEMORY_BACKS];
	struct play_stream streams[PLAY_STREAMS];
	uint32_t streams_n;
	bool raw;   /* the client said what is not written down in streams */
	bool wide;  /* no window of HTTP/2 is ever at its end */
	bool http2; /* behind */
	bool full;
	size_t frames_len;
	uint8_t frames[MEMORY_SIZE]; /* what the client received and was not whole */
};

static inline struct span play_some(struct reader *r, size_t n)
{
	return read_span(r, n < reader_left(r) ? n : reader_left(r));
}

static inline uint8_t play_pattern(uint32_t stream, size_t i)
{
	return (uint8_t)(stream * 7 + i);
}

/* ---- the face ---- */

static inline void play_face_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	through_request(arg, x, ret);
	if (x->request.method_id == PROXY_CONNECT && !x->request.protocol.len)
		ret->kind = PROXY_DROP;
	struct play *p = arg; /* its first member */
	uint32_t id = ((struct front2_stream *)x->front)->id;
	ret->first_bytes = p->look_first;
	pace_model_set(x, &p->pace);
	if (id / 2 < PLAY_STREAMS)
		p->streams[id / 2].first = ret->first_bytes;
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", id);
	err_ignore(proxy_head_set(&x->request, span_text("X-Id"),
				  proxy_exchange_store(x, span_of(text, (size_t)n))));
}

static const struct proxy_face play_face = {
	.connection = through_connection,
	.disconnected = through_disconnected,
	.request = play_face_request,
	.pick = through_pick,
	.left = through_left,
	.response = through_response,
	.first_bytes = through_first_bytes,
	.done = through_done,
	.malformed = through_malformed,
};

/* ---- servers of HTTP/2 ---- */

static inline void *play_on_request(void *of, uint32_t id, const struct http2_head *head)
{
	struct play_server *s = of;
	(void)head;
	if (s->slots_n == PLAY_SLOTS)
		return NULL;
	s->slots[s->slots_n] = (struct play_slot){.id = id};
	return &s->slots[s->slots_n++];
}

static inline void play_on_data(void *of, void *stream, struct span data)
{
	struct play_server *s = of;
	http2_session_consumed(s->s, ((struct play_slot *)stream)->id, data.len);
}

static inline void play_on_end(void *of, void *stream, const struct http2_head *trailers)
{
	(void)of;
	(void)stream;
	(void)trailers;
}

static inline void play_on_closed(void *of, void *stream, uint32_t code)
{
	(void)of;
	(void)code;
	((struct play_slot *)stream)->gone = true;
}

static inline struct http2_body play_body(void *of, void *stream, size_t max)
{
	static const struct http2_field trailer = {.name = {(const uint8_t *)"x-sum", 5},
						   .value = {(const uint8_t *)"1", 1}};
	struct play_slot *slot = stream;
	size_t n = slot->held ? 0 : slot->to_send < max ? slot->to_send : max;
	bool end = !slot->held && n == slot->to_send;
	(void)of;
	return (struct http2_body){
		.len = n, .end = end, .trailers = &trailer, .trailers_n = end && slot->trailers};
}

static inline void play_body_copy(void *of, void *stream, uint8_t *to, size_t len)
{
	(void)of;
	memset(to, 'b', len);
	((struct play_slot *)stream)->to_send -= len;
}

static inline void play_on_goaway(void *of, uint32_t last_id, uint32_t code)
{
	(void)of;
	(void)last_id;
	(void)code;
}

static inline void play_on_pong(void *of, const uint8_t opaque[8])
{
	(void)of;
	(void)opaque;
}

static inline void play_on_settings(void *of)
{
	(void)of;
}

static const struct http2_events play_events = {
	.request = play_on_request,
	.data = play_on_data,
	.end = play_on_end,
	.closed = play_on_closed,
	.body = play_body,
	.body_copy = play_body_copy,
	.goaway = play_on_goaway,
	.pong = play_on_pong,
	.settings = play_on_settings,
};

static inline size_t play_index(const struct play *p, const struct memory *b)
{
	size_t i = 0;
	while (p->t.backs[i] != b)
		i++;
	return i;
}

static inline void play_back_note(struct play *p, size_t i)
{
	const struct proxy_back1 *b = p->t.backs[i]->t.owner;
	if (p->http2)
		return;
	p->back_received[i].messages_max = b->requests;
	p->tunnels[i] |= b->state == PROXY_BACK1_TUNNEL;
}

static struct play *play_running;

static inline void play_close(struct proxy_transport *t, bool abort)
{
	play_back_note(play_running, play_index(play_running, (struct memory *)t));
	memory_close(t, abort);
}

static const struct proxy_transport_ops play_back_ops = {
	.read = memory_read,
	.ahead = memory_ahead,
	.write = memory_write,
	.finish = memory_finish,
	.close = play_close,
};

static inline enum err play_connect(struct proxy_worker *w, const struct proxy_hop *hop,
				    struct tls_peer *tls, struct span first,
				    struct proxy_transport **ret)
{
	struct play *p = w->io_arg;
	TRY(through_connect(w, hop, tls, first, ret));
	(*ret)->ops = &play_back_ops;
	struct play_server *s = &p->servers[p->t.backs_n - 1];
	if (p->http2)
		ASSERT(http2_session_new(&p->role, &p->heap, &p->counts, s, &s->s) == OK);
	return OK;
}

static const struct proxy_worker_io play_io = {.connect = play_connect};

/* What the proxy said to a server, and what the server has to say. True: something went. */
static inline bool play_server_turn(struct play *p, size_t i)
{
	struct play_server *s = &p->servers[i];
	struct memory *b = p->t.backs[i];
	uint8_t buf[20000];
	struct writer w = writer_of(buf, sizeof(buf));
	bool some = b->out_end > 0;
	enum err e = http2_session_receive(s->s, p->t.w.now_ms, span_of(b->out, b->out_end));
	b->out_end = 0;
	s->bad |= e == ERR_LIMIT; /* what clients do is passed on: it may be a flood there */
	ASSERT(!e || s->bad);
	if (b->closed || b->in_eof || b->reset || b->in_end - b->in_start > MEMORY_SIZE / 2)
		return some;
	if (!http2_session_write(s->s, &w) && w.pos && b->t.ready & PROXY_OPENED) {
		memmove(b->in, b->in + b->in_start, b->in_end - b->in_start);
		b->in_end -= b->in_start;
		b->in_start = 0;
		memory_send(&p->t, b, writer_span(&w));
		some = true;
	}
	return some;
}

static inline void play_servers_turn(struct play *p)
{
	bool more = p->http2;
	for (unsigned turns = 0; more && turns < 1000; turns++) {
		more = false;
		for (size_t i = 0; i < p->t.backs_n; i++)
			more |= play_server_turn(p, i);
	}
	ASSERT(!more);
}

/* how: which one; then what it does to one of its last four requests, and how much. */
static inline void play_server(struct play *p, struct reader *r, unsigned how)
{
	unsigned what = read_u8(r), n = read_u8(r);
	size_t backs = p->t.backs_n;
	if (!p->http2 || !backs)
		return;
	struct play_server *s = &p->servers[backs > (how & 3) ? backs - 1 - (how & 3) : 0];
	size_t back = (how >> 2 & 3) + 1;
	struct play_slot *slot = s->slots_n >= back ? &s->slots[s->slots_n - back] : NULL;
	static const uint16_t statuses[] = {200, 204, 304, 503, 100, 103, 404, 206};
	struct http2_head h = {.status = statuses[what >> 5 & 7], .end = what & 8};
	if (!slot || slot->gone)
		return;
	switch (what & 7) {
	case 0:
		if (h.status < 200)
			err_ignore(http2_session_inform(s->s, slot->id, &h));
		else if (!slot->answered && !http2_session_respond(s->s, slot->id, &h))
			slot->answered = true;
		slot->to_send = h.end ? 0 : n * (size_t)n;
		slot->held = what & 16;
		break;
	case 1:
		http2_session_reset(s->s, slot->id, (enum http2_code)(n % 14));
		slot->gone = true;
		break;
	case 2:
		slot->held = false;
		slot->to_send += n;
		break;
	case 3: slot->trailers = true; break;
	case 4: http2_session_drain(s->s); break;
	case 5:
		http2_session_end(s->s, HTTP2_NO_ERROR);
		s->bad = true;
		break;
	case 6: http2_session_drain_end(s->s); break;
	default: break;
	}
	if (slot->answered && !slot->gone)
		http2_session_resume(s->s, slot->id);
}

/* ---- the client ---- */

static inline void play_say(struct play *p, struct span bytes)
{
	struct memory *c = p->t.client;
	if (c->closed || c->in_eof || c->reset)
		return;
	if (c->in_end - c->in_start + bytes.len > MEMORY_SIZE / 2) {
		p->full = true;
		return;
	}
	memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
	c->in_end -= c->in_start;
	c->in_start = 0;
	memory_send(&p->t, c, bytes);
}

static inline void play_raw(struct play *p, struct span bytes)
{
	p->raw = true;
	play_say(p, bytes);
}

static inline void play_put(struct play *p, struct frame f)
{
	static uint8_t buf[20000];
	struct writer w = writer_of(buf, sizeof(buf));
	frame_write(&w, f);
	play_say(p, writer_span(&w));
}

static inline void play_frame(struct play *p, struct reader *r, unsigned type)
{
	struct frame f = {.type = (uint8_t)(type % 18)};
	f.flags = read_u8(r);
	f.id = read_u8(r);
	f.payload = play_some(r, read_u8(r));
	p->raw = true;
	play_put(p, f);
}

static inline void play_literal(struct writer *w, struct span name, struct span value)
{
	write_u8(w, 0);
	write_u8(w, (uint8_t)(name.len & 127));
	write_span(w, span_sub(name, 0, name.len & 127));
	write_u8(w, (uint8_t)(value.len & 127));
	write_span(w, span_sub(value, 0, value.len & 127));
}

static inline void play_field(struct writer *w, const char *name, const char *value)
{
	play_literal(w, span_text(name), span_text(value));
}

/* how: the method (3 bits), and which fields. */
static inline void play_request(struct play *p, struct reader *r, unsigned how)
{
	static const char *const methods[] = {"GET",	 "POST", "PUT", "HEAD",
					      "OPTIONS", "A",	 "GET", "CONNECT"};
	uint8_t buf[1024];
	struct writer w = writer_of(buf, sizeof(buf));
	if (p->streams_n + 1 >= PLAY_STREAMS / 2 || p->t.client->closed)
		return;
	play_field(&w, ":method", methods[how & 7]);
	play_field(&w, ":scheme", "https");
	play_field(&w, ":path", "/a?b");
	play_field(&w, ":authority", "h");
	if ((how & 7) == 7)
		play_field(&w, ":protocol", "websocket");
	if (how & 16) {
		char text[8];
		(void)snprintf(text, sizeof(text), "%u", read_u8(r) * 8);
		play_field(&w, "content-length", text);
	}
	if (how & 32)
		play_field(&w, "te", "trailers");
	if (how & 64)
		play_field(&w, "expect", "100-continue");
	if (how & 128) {
		unsigned n = read_u8(r);
		struct span name = play_some(r, n & 15);
		play_literal(&w, name, play_some(r, n >> 4));
		p->raw |= name.len > 5 && !memcmp(name.data, "x-id", 4);
	}
	uint32_t k = p->streams_n++;
	p->streams[k].ended = how & 8;
	p->streams[k].tunnel = (how & 7) == 7;
	play_put(p, (struct frame){.type = HEADERS,
				   .flags = (uint8_t)(END_HEADERS | (how & 8 ? END_STREAM : 0)),
				   .id = 2 * k + 1,
				   .payload = writer_span(&w)});
}

/* One of the last eight streams. */
static inline uint32_t play_stream_of(const struct play *p, unsigned how)
{
	return p->streams_n > (how & 7) ? p->streams_n - 1 - (how & 7) : 0;
}

static inline void play_data(struct play *p, unsigned how, size_t n)
{
	uint32_t k = play_stream_of(p, how);
	struct play_stream *st = &p->streams[k];
	uint8_t bytes[2048];
	if (!p->streams_n)
		return;
	if (how & 16)
		n = n < 8 ? n : 7;
	for (size_t i = 0; i < n; i++)
		bytes[i] = play_pattern(2 * k + 1, st->sent + i);
	/* After its end, or over a window, the frame may be dropped. */
	p->raw |= st->ended;
	st->sent += (uint32_t)n;
	st->ended |= (how & 128) != 0;
	play_put(p, (struct frame){.type = DATA,
				   .flags = how & 128 ? END_STREAM : 0,
				   .id = 2 * k + 1,
				   .payload = span_of(bytes, n)});
}

static inline void play_trailers(struct play *p, unsigned how)
{
	uint32_t k = play_stream_of(p, how);
	uint8_t buf[128];
	struct writer w = writer_of(buf, sizeof(buf));
	if (!p->streams_n)
		return;
	play_field(&w, "x-sum", "1");
	p->streams[k].ended = true;
	play_put(p, (struct frame){.type = HEADERS,
				   .flags = END_HEADERS | END_STREAM,
				   .id = 2 * k + 1,
				   .payload = writer_span(&w)});
}

static inline void play_reset(struct play *p, unsigned how)
{
	static const uint8_t code[4] = {0, 0, 0, 8};
	if (p->streams_n)
		play_put(p, (struct frame){.type = RST_STREAM,
					   .id = 2 * play_stream_of(p, how) + 1,
					   .payload = span_of(code, 4)});
}

/* ---- what happens to connections ---- */

static inline struct memory *play_back(struct play *p, unsigned k)
{
	size_t n = p->t.backs_n;
	return n > k ? p->t.backs[n - 1 - k] : n ? p->t.backs[0] : NULL;
}

static inline void play_back_sends(struct play *p, unsigned k, struct span bytes)
{
	struct memory *b = play_back(p, k);
	if (!b || b->closed || b->in_eof || b->reset || !bytes.len ||
	    !(b->t.ready & PROXY_OPENED) || b->in_end + bytes.len > MEMORY_SIZE / 2)
		return;
	if (p->http2)
		p->servers[play_index(p, b)].bad = true;
	memory_send(&p->t, b, bytes);
}

static inline void play_end(struct play *p, struct memory *to)
{
	if (to->t.ready & PROXY_OPENED && !to->in_eof)
		memory_end(&p->t, to);
}

static inline void play_window(struct play *p, struct memory *to, size_t n)
{
	to->window = n;
	if (to->closed || !n || to->t.ready & PROXY_CAN_WRITE || !(to->t.ready & PROXY_OPENED))
		return;
	to->t.ready |= PROXY_CAN_WRITE;
	to->t.call(to->t.owner, PROXY_CAN_WRITE);
	through_turn(&p->t);
}

static inline void play_open(struct play *p, struct memory *b)
{
	if (b->closed || b->t.ready & (PROXY_OPENED | PROXY_BROKEN))
		return;
	b->t.ready |= PROXY_OPENED | PROXY_CAN_WRITE;
	b->t.call(b->t.owner, PROXY_OPENED | PROXY_CAN_WRITE);
	through_turn(&p->t);
}

#endif
