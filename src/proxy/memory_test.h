/* Transports in memory, and a proxy between a client and back ends that a test plays. For tests and
 * fuzz targets: no socket, no clock.
 */
#ifndef PROXY_MEMORY_TEST_H
#define PROXY_MEMORY_TEST_H

#include "proxy/back1.h"
#include "proxy/entry.h"
#include "proxy/front1.h"
#include "proxy/hop.h"
#include "proxy/worker.h"

#include <stdio.h>
#include <stdlib.h>

/* A fuzz target takes less. */
#ifndef MEMORY_SIZE
#define MEMORY_SIZE (1 << 20)
#endif
enum { MEMORY_BACKS = 16, MEMORY_TURNS_MAX = 10000 };

/* One end of a connection, the proxy's; a test plays the other. */
struct memory {
	struct proxy_transport t; /* first */
	uint8_t *in;		  /* what the test sent and nobody read: in_start..in_end */
	size_t in_start, in_end;
	uint8_t *out; /* what the proxy wrote */
	size_t out_end;
	size_t write_ends[4]; /* out_end after each of the first writes */
	size_t writes;
	size_t window;	 /* bytes that may still be written */
	size_t read_max; /* bytes of one read */
	bool in_eof;	 /* the test has ended */
	bool reset;	 /* the test has reset */
	bool gone;	 /* likewise, and what it had sent before is to be read yet */
	bool queued;	 /* what the proxy wrote has not arrived */
	bool finished;	 /* the proxy has ended */
	bool closed;	 /* the proxy has closed; the struct is the test's */
	bool aborted;
};

static inline enum err memory_read(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	size_t n = m->in_end - m->in_start;
	if (m->reset || (m->gone && !n))
		return (enum err)ECONNRESET;
	if (!n && m->in_eof)
		return ERR_CLOSED;
	n = n < size ? n : size;
	n = n < m->read_max ? n : m->read_max;
	if (n)
		memcpy(buf, m->in + m->in_start, n);
	m->in_start += n;
	if (m->in_start == m->in_end && !m->in_eof)
		t->ready &= (uint8_t)~PROXY_CAN_READ;
	*ret_len = n;
	return OK;
}

static inline enum err memory_peek(struct proxy_transport *t, void *buf, size_t size,
				   size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	size_t n = m->in_end - m->in_start;
	if (!n && m->in_eof)
		return ERR_CLOSED;
	n = n < size ? n : size;
	if (n)
		memcpy(buf, m->in + m->in_start, n);
	*ret_len = n;
	return OK;
}

static inline enum err memory_write(struct proxy_transport *t, const struct span *parts,
				    size_t parts_n, size_t *ret_len)
{
	struct memory *m = (struct memory *)t;
	size_t sent = 0;
	ASSERT(!m->finished);
	if (m->reset || m->gone)
		return ERR_CLOSED;
	for (size_t i = 0; i < parts_n; i++) {
		size_t n = parts[i].len < m->window ? parts[i].len : m->window;
		ASSERT(m->out_end + n <= MEMORY_SIZE);
		if (n)
			memcpy(m->out + m->out_end, parts[i].data, n);
		m->out_end += n;
		m->window -= n;
		sent += n;
		if (n < parts[i].len) {
			t->ready &= (uint8_t)~PROXY_CAN_WRITE;
			break;
		}
	}
	if (sent && m->writes < sizeof(m->write_ends) / sizeof(*m->write_ends))
		m->write_ends[m->writes++] = m->out_end;
	*ret_len = sent;
	return OK;
}

static inline void memory_finish(struct proxy_transport *t)
{
	((struct memory *)t)->finished = true;
}

static inline bool memory_delivered(const struct proxy_transport *t)
{
	return !((const struct memory *)t)->queued;
}

static inline void memory_close(struct proxy_transport *t, bool abort)
{
	struct memory *m = (struct memory *)t;
	ASSERT(!m->closed);
	m->closed = true;
	m->aborted = abort;
}

static const struct proxy_transport_ops memory_ops = {
	.read = memory_read,
	.peek = memory_peek,
	.write = memory_write,
	.finish = memory_finish,
	.delivered = memory_delivered,
	.close = memory_close,
};

static inline struct memory *memory_new(void)
{
	struct memory *m = calloc(1, sizeof(*m));
	ASSERT(m);
	m->t.ops = &memory_ops;
	m->t.fd = -1;
	m->in = malloc(MEMORY_SIZE);
	m->out = malloc(MEMORY_SIZE);
	ASSERT(m->in && m->out);
	m->window = m->read_max = SIZE_MAX;
	m->t.ready = PROXY_CAN_WRITE | PROXY_OPENED;
	return m;
}

static inline void memory_free(struct memory *m)
{
	if (!m)
		return;
	free(m->in);
	free(m->out);
	free(m);
}

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
	struct memory *m = memory_new();
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

static inline void through_turn(struct through *t)
{
	unsigned turns = 0;
	if (t->turn_open)
		return;
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
	t->client = memory_new();
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
	m->t.ready |= PROXY_CAN_READ;
	m->t.call(m->t.owner, PROXY_CAN_READ);
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
	m->t.ready |= PROXY_BROKEN | PROXY_CAN_READ;
	m->t.error = ERR_CLOSED;
	m->t.call(m->t.owner, PROXY_BROKEN | PROXY_CAN_READ);
	through_turn(t);
}

/* Lets n more bytes be written. */
static inline void memory_open(struct through *t, struct memory *m, size_t n)
{
	if (m->closed)
		return;
	m->window = n;
	m->t.ready |= PROXY_CAN_WRITE;
	m->t.call(m->t.owner, PROXY_CAN_WRITE);
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
