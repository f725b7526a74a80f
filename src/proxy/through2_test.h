/* The whole proxy in a process, HTTP/2 in front and behind: a client's session, a worker with its
 * connections over memory, and back ends that are a server's session each. For tests only.
 */
#ifndef PROXY_THROUGH2_TEST_H
#define PROXY_THROUGH2_TEST_H

#include "proto/http2/pair_test.h"
#include "proxy/back2.h"
#include "proxy/exchange.h"
#include "proxy/front2.h"
#include "proxy/hop.h"
#include "proxy/hop_inner.h"
#include "proxy/share2.h"
#include "proxy/worker.h"

#include <stdlib.h>

enum { MEMORY_SIZE = 1 << 20, BACKS = 4 };

/* What one side of the proxy reads and writes. */
struct memory {
	struct proxy_transport t; /* first */
	uint8_t in[MEMORY_SIZE], out[MEMORY_SIZE];
	size_t in_len, out_len;
	size_t out_max; /* a slow reader */
	bool eof, closed, aborted;
};

static inline enum err memory_read(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	size_t n = m->in_len < size ? m->in_len : size;
	if (n)
		memcpy(buf, m->in, n);
	memmove(m->in, m->in + n, m->in_len - n);
	m->in_len -= n;
	*ret_len = n;
	if (!n && m->eof)
		return ERR_CLOSED;
	if (n < size && !m->eof)
		t->ready &= (uint8_t)~PROXY_CAN_READ;
	return OK;
}

static inline enum err memory_write(struct proxy_transport *t, const struct span *parts,
				    size_t parts_n, size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	*ret_len = 0;
	for (size_t i = 0; i < parts_n; i++) {
		size_t room = m->out_max - m->out_len;
		size_t n = parts[i].len < room ? parts[i].len : room;
		if (n)
			memcpy(m->out + m->out_len, parts[i].data, n);
		m->out_len += n;
		*ret_len += n;
		if (n < parts[i].len) {
			t->ready &= (uint8_t)~PROXY_CAN_WRITE;
			return OK;
		}
	}
	return OK;
}

static inline void memory_finish(struct proxy_transport *t)
{
	(void)t;
}

static inline void memory_close(struct proxy_transport *t, bool abort)
{
	struct memory *m = (struct memory *)t;
	m->closed = true;
	m->aborted = abort;
}

/* Of several addresses the one that took the connection first. */
static const struct ip_endpoint memory_peer_is = {
	.address = {.family = 4, .bytes = {198, 51, 100, 7}}, .port = 443};

static inline void memory_peer(const struct proxy_transport *t, struct ip_endpoint *ret)
{
	(void)t;
	*ret = memory_peer_is;
}

static const struct proxy_transport_ops memory_ops = {.read = memory_read,
						      .write = memory_write,
						      .finish = memory_finish,
						      .close = memory_close,
						      .peer = memory_peer};

static inline struct memory *memory_new(void)
{
	struct memory *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	m->t = (struct proxy_transport){
		.ops = &memory_ops, .fd = -1, .ready = PROXY_CAN_WRITE | PROXY_OPENED};
	m->out_max = MEMORY_SIZE;
	return m;
}

struct origin {
	struct side side;
	struct memory *m; /* NULL: not connected */
	bool dead;	  /* says nothing */
};

struct through {
	struct http2_heap heap;
	struct http2_role roles[2];
	struct proxy_worker w;
	struct proxy_limits limits;
	struct proxy_hop hop;
	struct side client;
	struct memory *front;
	struct origin origins[BACKS];
	size_t origins_n;
	bool refuse_connect;
	/* What origins answer. */
	size_t answer_body;
	unsigned status;
	bool hold, trailers, silent, early;
	/* What the face saw. */
	unsigned requests, done, disconnected, malformed;
	enum proxy_cause cause;
	struct ip_endpoint reached;
	char path[64], cookie[128];
	bool answer_itself;
};

static inline void through_connection(void *arg, struct proxy_connection *c,
				      struct proxy_admission *ret)
{
	(void)arg;
	(void)c;
	(void)ret;
}

static inline void through_disconnected(void *arg, struct proxy_connection *c)
{
	(void)c;
	((struct through *)arg)->disconnected++;
}

static inline void through_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct through *th = arg;
	th->requests++;
	(void)span_to_cstr(x->request.path, th->path, sizeof(th->path));
	const struct http_field *f = proxy_head_find(&x->request, HTTP_FIELD_COOKIE);
	(void)span_to_cstr(f ? f->value : (struct span){0}, th->cookie, sizeof(th->cookie));
	if (!th->answer_itself)
		return;
	ret->kind = PROXY_ANSWER;
	x->response.status = 200;
	ret->answer = span_of("\0\1\2\3\4", 5);
}

static inline enum proxy_pick through_pick(void *arg, struct proxy_exchange *x,
					   struct proxy_hop **ret_hop, struct proxy_verdict *ret)
{
	struct through *th = arg;
	(void)x;
	(void)ret;
	*ret_hop = &th->hop;
	return PROXY_PICK_HOP;
}

static inline void through_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
				enum proxy_cause cause)
{
	(void)arg;
	(void)x;
	(void)hop;
	(void)cause;
}

static inline void through_done(void *arg, struct proxy_exchange *x)
{
	struct through *th = arg;
	th->done++;
	th->cause = x->cause;
	th->reached = x->reached;
}

static inline void through_malformed(void *arg, struct proxy_connection *c, enum proxy_cause cause)
{
	(void)c;
	(void)cause;
	((struct through *)arg)->malformed++;
}

static const struct proxy_face through_face = {
	.connection = through_connection,
	.disconnected = through_disconnected,
	.request = through_request,
	.pick = through_pick,
	.left = through_left,
	.done = through_done,
	.malformed = through_malformed,
};

static inline enum err through_connect(struct proxy_worker *w, const struct proxy_hop *hop,
				       struct tls_peer *tls, struct span first,
				       struct proxy_transport **ret)
{
	struct through *th = w->io_arg;
	(void)hop;
	(void)tls;
	(void)first;
	if (th->refuse_connect || th->origins_n == BACKS)
		return ECONNREFUSED;
	struct origin *o = &th->origins[th->origins_n++];
	o->m = memory_new();
	assert_int_equal(
		http2_session_new(&th->roles[1], &th->heap, &o->side.counts, &o->side, &o->side.s),
		OK);
	*ret = &o->m->t;
	return OK;
}

static const struct proxy_worker_io through_io = {.connect = through_connect};

static const struct http2_limits through_peers = {
	.streams_max = 100,
	.window_stream = 65535,
	.window = 1 << 20,
	.head_max = 60000,
	.memory_max = 1 << 20,
	.connect_protocol = true,
};

static inline void through_init(struct through *th)
{
	*th = (struct through){.status = 200};
	http2_heap_init(&th->heap, 1 << 24);
	assert_int_equal(http2_role_init(&th->roles[0], HTTP2_CLIENT, &through_peers, &pair_events),
			 OK);
	assert_int_equal(http2_role_init(&th->roles[1], HTTP2_SERVER, &through_peers, &pair_events),
			 OK);
	assert_int_equal(http2_session_new(&th->roles[0], &th->heap, &th->client.counts,
					   &th->client, &th->client.s),
			 OK);
	proxy_worker_init(&th->w, 1000, 16, 1000, 1000);
	th->limits = (struct proxy_limits){.request_body_max = UINT64_MAX, .tries_max = 3};
	th->w.face = &through_face;
	th->w.face_arg = th;
	th->w.io = &through_io;
	th->w.io_arg = th;
	th->w.limits = &th->limits;
	th->hop.protocol = PROXY_HTTP2;
	th->front = memory_new();
	const struct proxy_connection c = {.worker = &th->w};
	const struct proxy_admission a = {.head_ms = 5000, .idle_ms = 60000};
	proxy_front2_new(&th->w, &th->front->t, &c, &a, (struct span){0});
}

/* Bytes of a session into what the proxy reads; true: some. */
static inline bool give(struct side *side, struct memory *m)
{
	if (m->closed || MEMORY_SIZE - m->in_len < 20000)
		return false;
	struct writer w = writer_of(m->in + m->in_len, 20000);
	err_ignore(http2_session_write(side->s, &w));
	m->in_len += w.pos;
	if (!w.pos)
		return false;
	m->t.ready |= PROXY_CAN_READ;
	m->t.call(m->t.owner, PROXY_CAN_READ);
	return true;
}

static inline bool take(struct side *side, struct memory *m, uint64_t now_ms)
{
	size_t n = m->out_len;
	if (!n)
		return false;
	m->out_len = 0;
	err_ignore(http2_session_receive(side->s, now_ms, span_of(m->out, n)));
	if (!m->closed && !(m->t.ready & PROXY_CAN_WRITE)) {
		m->t.ready |= PROXY_CAN_WRITE;
		m->t.call(m->t.owner, PROXY_CAN_WRITE);
	}
	return true;
}

static inline void origin_answer(struct through *th, struct origin *o)
{
	for (size_t i = 0; !th->silent && i < o->side.streams_n; i++) {
		struct stream *st = &o->side.streams[i];
		if (st->answered || !(st->ended || th->early))
			continue;
		st->answered = true;
		struct http2_head h = {.status = (uint16_t)th->status, .end = !th->answer_body};
		st->to_send = th->answer_body;
		st->held = th->hold;
		st->with_trailers = th->trailers;
		assert_int_equal(http2_session_respond(o->side.s, st->id, &h), OK);
	}
}

/* Peers take what they receive, as readers do. */
static inline void consume(struct side *side)
{
	for (size_t i = 0; i < side->streams_n; i++) {
		struct stream *st = &side->streams[i];
		http2_session_consumed(side->s, st->id, st->received - st->consumed);
		st->consumed = st->received;
	}
}

static inline bool step(struct through *th)
{
	bool more = give(&th->client, th->front);
	proxy_worker_turn(&th->w);
	for (size_t i = 0; i < th->origins_n; i++) {
		struct origin *o = &th->origins[i];
		if (o->dead)
			continue;
		more |= take(&o->side, o->m, th->w.now_ms);
		origin_answer(th, o);
		consume(&o->side);
		more |= give(&o->side, o->m);
		proxy_worker_turn(&th->w);
	}
	more |= take(&th->client, th->front, th->w.now_ms);
	consume(&th->client);
	return more;
}

static inline void run(struct through *th)
{
	int steps = 0;
	while (step(th))
		assert_true(steps++ < 10000);
}

static inline struct stream *ask(struct through *th, const char *method, size_t body)
{
	struct stream *st = &th->client.streams[th->client.streams_n++];
	st->to_send = body;
	struct http2_head h = {.method = span_text(method),
			       .scheme = span_text("https"),
			       .authority = span_text("a.test"),
			       .path = span_text("/x"),
			       .end = body == 0};
	assert_int_equal(http2_session_request(th->client.s, &h, st, &st->id), OK);
	return st;
}

static inline void through_done_with(struct through *th)
{
	proxy_front2_end_all(&th->w);
	proxy_back2_end_all(&th->w);
	assert_int_equal(th->w.buffers.out, 0);
	assert_int_equal(th->w.exchanges_n, 0);
	proxy_worker_done(&th->w);
	http2_session_free(th->client.s);
	free(th->front);
	for (size_t i = 0; i < th->origins_n; i++) {
		http2_session_free(th->origins[i].side.s);
		free(th->origins[i].m);
	}
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		assert_int_equal(slab_used(&th->heap.slabs[i]), 0);
	http2_role_done(&th->roles[0]);
	http2_role_done(&th->roles[1]);
	http2_heap_done(&th->heap);
}

#endif
