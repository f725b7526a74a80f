/* A proxy between a client and back ends that a test plays, over transports in memory. For tests
 * and fuzz targets: no socket, no clock.
 */
#ifndef PROXY_MEMORY_TEST_H
#define PROXY_MEMORY_TEST_H

#include "proxy/back1.h"
#include "proxy/entry.h"
#include "proxy/front1.h"
#include "proxy/hop.h"
#include "proxy/memory_transport_test.h"
#include "proxy/worker.h"

#include <stdio.h>

enum { MEMORY_BACKS = 16, MEMORY_TURNS_MAX = 10000 };

/* The proxy with one client and back ends; what is told by the face is kept for the test. */
struct through {
	struct proxy_worker w;
	struct proxy_hop hops[2];
	struct memory *client;
	struct memory *backs[MEMORY_BACKS]; /* in the order they were opened */
	size_t backs_n;
	enum err connect_error; /* of the next connects */
	bool connect_slow;	/* the next ones stay unopened */
	struct proxy_limits limits;
	struct proxy_admission admission;
	struct ip_endpoint local; /* of the next client's connection */
	bool turn_open;		  /* what happens is of one turn, until through_turn_end */
	bool gathers;		  /* and is told at its end, in the order in which it happened */
	unsigned events;	  /* that happened */
	struct memory_ring ring;
	/* What the face says. */
	struct proxy_verdict verdict;
	bool verdict_set;
	unsigned response_status; /* with ANSWER */
	enum proxy_pick pick;
	enum proxy_judgement judgement;
	unsigned judge_status; /* answers of that status are judged so; others pass */
	void (*on_response)(struct through *t, struct proxy_exchange *x);
	/* What it was told. */
	struct proxy_exchange *x; /* the last one asked about */
	unsigned requests, picks, lefts, dones, malformed, connections, disconnected;
	unsigned openings; /* looks at an opaque connection's beginning */
	char opening[64];  /* of the last request */
	unsigned firsts;   /* looks at a tunnel's first bytes; of the last one: */
	size_t first_len;
	bool first_last;
	enum proxy_cause left_cause, done_cause;
	enum err failed_error;	 /* of the last done */
	struct ip_endpoint peer; /* of the last connection asked about */
	bool proxied;
	char path[256];
	unsigned status;		/* of the last done */
	uint64_t sent_bytes;		/* likewise */
	unsigned bursts, burst_n, sent; /* how often many were sent, the last time and in all */
};

static inline void through_connection(void *arg, struct proxy_connection *c,
				      struct proxy_admission *ret)
{
	struct through *t = arg;
	*ret = t->admission;
	t->peer = c->peer;
	t->proxied = c->proxied;
	t->connections++;
}

/* A full stop is enough. */
static inline bool through_opening(void *arg, const struct proxy_connection *c, struct span bytes)
{
	struct through *t = arg;
	(void)c;
	ASSERT(bytes.len);
	t->openings++;
	return span_find(bytes, '.') < bytes.len;
}

static inline void through_disconnected(void *arg, struct proxy_connection *c)
{
	(void)c;
	((struct through *)arg)->disconnected++;
}

static inline void through_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct through *t = arg;
	t->requests++;
	t->x = x;
	(void)span_to_cstr(x->request.path, t->path, sizeof(t->path));
	(void)span_to_cstr(span_sub(x->opening, 0, sizeof(t->opening) - 1), t->opening,
			   sizeof(t->opening));
	if (!t->verdict_set)
		return;
	*ret = t->verdict;
	if (t->response_status) {
		proxy_head_reset(&x->response);
		x->response.status = (uint16_t)t->response_status;
	}
}

static inline enum proxy_pick through_pick(void *arg, struct proxy_exchange *x,
					   struct proxy_hop **ret_hop, struct proxy_verdict *ret)
{
	struct through *t = arg;
	(void)ret;
	t->x = x;
	if (t->pick == PROXY_PICK_HOP) {
		*ret_hop = &t->hops[x->tries & 1];
		t->picks++;
	}
	return t->pick;
}

static inline void through_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
				enum proxy_cause cause)
{
	struct through *t = arg;
	(void)x;
	(void)hop;
	t->lefts++;
	t->left_cause = cause;
}

static inline enum proxy_judgement through_response(void *arg, struct proxy_exchange *x,
						    struct proxy_verdict *ret)
{
	struct through *t = arg;
	if (t->on_response)
		t->on_response(t, x);
	if (x->response.status != t->judge_status)
		return PROXY_PASS;
	if (t->judgement == PROXY_REPLACE) {
		proxy_head_reset(&x->response);
		x->response.status = 599;
		ret->answer = span_text("instead");
	}
	return t->judgement;
}

/* A dot lets a tunnel go, an exclamation mark refuses it, whichever comes first. */
static inline enum proxy_first through_first_bytes(void *arg, struct proxy_exchange *x,
						   struct span bytes, bool last)
{
	struct through *t = arg;
	(void)x;
	ASSERT(bytes.len && bytes.len <= PROXY_FIRST_MAX);
	t->firsts++;
	t->first_len = bytes.len;
	t->first_last = last;
	size_t dot = span_find(bytes, '.'), mark = span_find(bytes, '!');
	if (dot == mark)
		return PROXY_FIRST_MORE;
	return dot < mark ? PROXY_FIRST_PASS : PROXY_FIRST_REFUSE;
}

/* Of what a client has said something came through: rightly? */
static inline void through_first_check(const uint8_t *said, size_t len)
{
	struct span bytes = span_of(said, len);
	ASSERT(span_find(bytes, '.') < span_find(bytes, '!'));
}

static inline void through_done(void *arg, struct proxy_exchange *x)
{
	struct through *t = arg;
	t->dones++;
	t->done_cause = (enum proxy_cause)x->cause;
	t->failed_error = x->connect_error;
	t->status = x->answered ? x->response.status : 0;
	t->sent_bytes = x->sent_bytes;
	if (t->x == x)
		t->x = NULL;
}

static inline void through_malformed(void *arg, struct proxy_connection *c, enum proxy_cause cause)
{
	(void)c;
	(void)cause;
	((struct through *)arg)->malformed++;
}

static const struct proxy_face through_face = {
	.connection = through_connection,
	.opening = through_opening,
	.disconnected = through_disconnected,
	.request = through_request,
	.pick = through_pick,
	.left = through_left,
	.response = through_response,
	.first_bytes = through_first_bytes,
	.done = through_done,
	.malformed = through_malformed,
};

static inline struct memory *through_memory(struct through *t)
{
	struct memory *m = memory_new();
	m->ring = &t->ring;
	m->held.pool = &t->w.buffers;
	return m;
}

static inline enum err through_connect(struct proxy_worker *w, const struct proxy_hop *hop,
				       struct tls_peer *tls, struct span first,
				       struct proxy_transport **ret)
{
	struct through *t = w->io_arg;
	(void)hop;
	(void)tls;
	if (t->connect_error)
		return t->connect_error;
	if (t->backs_n == MEMORY_BACKS)
		return ERR_LIMIT;
	struct memory *m = through_memory(t);
	if (first.len) {
		memcpy(m->out, first.data, first.len);
		m->out_end = first.len;
	}
	if (t->connect_slow)
		m->t.ready = 0;
	t->backs[t->backs_n++] = m;
	*ret = &m->t;
	return OK;
}

static inline void through_send_many(struct proxy_worker *w, struct proxy_sending *list, size_t n)
{
	struct through *t = w->io_arg;
	ASSERT(n);
	t->bursts++;
	t->burst_n = (unsigned)n;
	t->sent += (unsigned)n;
	for (size_t i = 0; i < n; i++) {
		ASSERT(list[i].bytes.len && list[i].t->ready & PROXY_CAN_WRITE);
		list[i].e = proxy_transport_write(list[i].t, &list[i].bytes, 1, &list[i].sent);
	}
}

static const struct proxy_worker_io through_io = {.connect = through_connect,
						  .send_many = through_send_many};

/* The first of whom something happened that was not told. NULL: there is none. */
static inline struct memory *through_next(const struct through *t)
{
	struct memory *first = t->client && t->client->event ? t->client : NULL;
	for (size_t i = 0; i < t->backs_n; i++) {
		struct memory *m = t->backs[i];
		if (m->event && (!first || m->event < first->event))
			first = m;
	}
	return first;
}

static inline void memory_tell(struct memory *m)
{
	unsigned marks = m->marks;
	m->event = m->marks = 0;
	if (marks & PROXY_CAN_READ)
		m->in_vain = !memory_has(m);
	m->held.more |= m->in_eof || m->gone || m->reset;
	m->t.ready |= (uint8_t)marks;
	m->t.call(m->t.owner, marks);
}

/* Those of a turn: all is received ahead, then each is told, and may close the others. */
static inline void through_tell(struct through *t)
{
	struct memory *m;
	if (t->client && t->client->event)
		memory_receive_ahead(t->client);
	for (size_t i = 0; i < t->backs_n; i++)
		if (t->backs[i]->event)
			memory_receive_ahead(t->backs[i]);
	while ((m = through_next(t)))
		memory_tell(m);
}

/* Something happened there. Of a turn are the events of t's client and back ends. */
static inline void memory_event(struct through *t, struct memory *m, unsigned marks)
{
	m->marks |= marks;
	if (t->turn_open && t->gathers) {
		m->event = m->event ? m->event : ++t->events;
		return;
	}
	memory_receive_ahead(m);
	memory_tell(m);
}

static inline void through_turn(struct through *t)
{
	unsigned turns = 0;
	if (t->turn_open)
		return;
	through_tell(t);
	do {
		ASSERT(turns++ < MEMORY_TURNS_MAX); /* somebody puts himself off for ever */
		proxy_worker_turn(&t->w);
	} while (t->w.later.first);
}

static inline void through_turn_end(struct through *t)
{
	t->turn_open = false;
	through_turn(t);
}

static inline void through_client(struct through *t)
{
	struct proxy_connection c = {.worker = &t->w, .local = t->local};
	struct proxy_admission admission = {0};
	if (t->client && !t->client->closed) {
		t->client->reset = true;
		t->client->t.ready |= PROXY_BROKEN | PROXY_CAN_READ;
		t->client->t.call(t->client->t.owner, PROXY_BROKEN | PROXY_CAN_READ);
		through_turn(t);
	}
	memory_free(t->client);
	t->client = through_memory(t);
	through_face.connection(t, &c, &admission);
	proxy_entry_new(&t->w, &t->client->t, &c, &admission);
	through_turn(t);
}

static inline void through_init(struct through *t)
{
	*t = (struct through){
		.limits = {.wait_ms = 1000,
			   .first_byte_ms = 2000,
			   .back_body_ms = 3000,
			   .client_body_ms = 4000,
			   .client_read_ms = 5000,
			   .tunnel_ms = 6000,
			   .first_bytes_ms = 1500,
			   .request_body_max = 1 << 19,
			   .tries_max = 2},
		.admission = {.head_ms = 1000, .idle_ms = 60000, .handshake_ms = 1000},
	};
	proxy_worker_init(&t->w, 1000, 64, 64, 256);
	t->w.face = &through_face;
	t->w.face_arg = t;
	t->w.io = &through_io;
	t->w.io_arg = t;
	t->w.limits = &t->limits;
	t->w.sends.open = true;
	for (size_t i = 0; i < 2; i++)
		t->hops[i].limits = (struct proxy_hop_limits){
			.connect_ms = 500, .idle_ms = 10000, .idle_max = 8};
	through_client(t);
}

static inline void through_done_all(struct through *t)
{
	proxy_entry_end_all(&t->w);
	proxy_front1_end_all(&t->w);
	through_turn(t);
	for (size_t i = 0; i < 2; i++)
		proxy_hop_close(&t->w, &t->hops[i]);
	ASSERT(t->hops[0].open_n == 0 && t->hops[1].open_n == 0);
	ASSERT(t->picks == t->lefts);
	memory_free(t->client);
	for (size_t i = 0; i < t->backs_n; i++) {
		ASSERT(t->backs[i]->closed);
		memory_free(t->backs[i]);
	}
	proxy_worker_done(&t->w);
}

/* Time passes, in steps, so that what is late is told. */
static inline void through_wait(struct through *t, uint64_t ms)
{
	for (uint64_t end = t->w.now_ms + ms; t->w.now_ms < end;) {
		t->w.now_ms += 50;
		t->w.now_us = t->w.now_ms * 1000;
		through_turn(t);
	}
}

/* The test sends bytes to the proxy; nothing when the proxy has closed. */
static inline void memory_send(struct through *t, struct memory *m, struct span bytes)
{
	if (m->closed)
		return;
	if (m->in_start == m->in_end)
		m->in_start = m->in_end = 0;
	ASSERT(m->in_end + bytes.len <= MEMORY_SIZE);
	if (bytes.len)
		memcpy(m->in + m->in_end, bytes.data, bytes.len);
	m->in_end += bytes.len;
	memory_event(t, m, PROXY_CAN_READ);
	through_turn(t);
}

static inline void memory_text(struct through *t, struct memory *m, const char *text)
{
	memory_send(t, m, span_text(text));
}

static inline void memory_end(struct through *t, struct memory *m)
{
	if (m->closed)
		return;
	m->in_eof = true;
	memory_send(t, m, (struct span){0});
}

static inline void memory_reset(struct through *t, struct memory *m)
{
	if (m->closed)
		return;
	m->reset = true;
	m->t.error = ERR_CLOSED;
	memory_event(t, m, PROXY_BROKEN | PROXY_CAN_READ);
	through_turn(t);
}

/* Lets n more bytes be written. */
static inline void memory_open(struct through *t, struct memory *m, size_t n)
{
	if (m->closed)
		return;
	m->window = n;
	memory_event(t, m, PROXY_CAN_WRITE);
	through_turn(t);
}

/* All that the proxy wrote to it since the last time, with a NUL. */
static inline const char *memory_take(struct memory *m)
{
	ASSERT(m->out_end < MEMORY_SIZE);
	m->out[m->out_end] = 0;
	m->out_end = 0;
	return (const char *)m->out;
}

#endif
