/* A client, back ends and a face for the fuzz target of HTTP/1 through the whole proxy, and what
 * must hold of what each of them sees. Knows the insides of fronts and backs, to tell who waits.
 */
#ifndef PROXY_THROUGH1_MODEL_TEST_H
#define PROXY_THROUGH1_MODEL_TEST_H

#include "proxy/filter_model_test.h"
#include "proxy/memory_test.h"
#include "proxy/pace_model_test.h"
#include "proxy/relay.h"
#include "proxy/strict1_test.h"

enum { MODEL_IDS = STRICT_MESSAGES };

/* Where the answer's body of a request comes from. */
struct model_answer {
	const struct strict *log; /* NULL: of the face, or none yet */
	uint32_t at;
	enum proxy_framing framing;
	uint64_t left;
};

/* Bits of model.mode. */
enum {
	MODE_FILTER = 1,
	MODE_AGAIN = 2,	  /* answers of 5xx: to another one */
	MODE_REPLACE = 4, /* answers of 404 are replaced */
	MODE_FIRST = 8,	  /* first bytes of tunnels are looked at */
	MODE_PACE = 16,	  /* bodies and tunnels go at a pace, by the bits above */
};

struct model {
	struct through t;
	struct strict sent;	/* by the client */
	struct strict received; /* by the client */
	struct strict back_sent[MEMORY_BACKS], back_received[MEMORY_BACKS];
	struct model_answer answers[MODEL_IDS];
	bool tunnels[MEMORY_BACKS];
	bool first[MODEL_IDS]; /* of a request: its tunnel's first bytes are looked at */
	size_t seen;	       /* requests of this client that the face was asked about */
	uint64_t seen_id;
	uint32_t generation; /* of the client */
	uint8_t mode;
	uint8_t pace; /* 0: none */
	bool full;    /* a peer has said as much as it may */
	struct proxy_source source;
	size_t source_left;
	bool source_holds;
};

static inline struct model *model_of(void *arg)
{
	return arg; /* its first member */
}

enum { GENERATION = 10000 };

/* ---- the face ---- */

static inline void model_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct model *m = model_of(arg);
	through_request(arg, x, ret);
	if (x->request.method_id == PROXY_CONNECT && ret->kind == PROXY_FORWARD)
		ret->kind = PROXY_DROP;
	if (x->id == m->seen_id) { /* asked again */
		ret->first_bytes = m->seen && m->first[m->seen - 1];
		return;
	}
	m->seen_id = x->id;
	pace_model_set(x, &m->pace);
	ret->first_bytes = m->mode & MODE_FIRST;
	/* It is the next one that the client sent. */
	ASSERT(m->seen < m->sent.messages_n);
	const struct strict_message *sent = &m->sent.messages[m->seen];
	ASSERT(span_equal(sent->method, x->request.method));
	ASSERT(x->request.method_id == PROXY_CONNECT || x->request.absolute ||
	       span_equal(sent->target, x->request.path));
	char text[16];
	int n = snprintf(text, sizeof(text), "%u",
			 (unsigned)(m->generation * GENERATION + m->seen));
	m->answers[m->seen].log = NULL;
	m->first[m->seen] = ret->first_bytes;
	m->seen++;
	err_ignore(proxy_head_set(&x->request, span_text("X-Id"),
				  proxy_exchange_store(x, span_of(text, (size_t)n))));
}

/* What was sent to it and nobody read, of the kernel's and received ahead. */
static inline size_t model_unread(const struct memory *m)
{
	size_t held = m->t.holds ? m->held.bytes->end - m->held.bytes->start : 0;
	return m->in_end - m->in_start + held;
}

static inline size_t model_back_index(const struct model *m, const struct proxy_exchange *x)
{
	const struct proxy_back1 *b = (const struct proxy_back1 *)x->back;
	for (size_t i = 0; i < m->t.backs_n; i++)
		if (&m->t.backs[i]->t == b->wire.t)
			return i;
	ASSERT(false);
	return 0;
}

/* From where on the answer's body stands in what the back end sent. */
static inline void model_answer_note(struct model *m, struct proxy_exchange *x)
{
	const struct proxy_back1 *b = (const struct proxy_back1 *)x->back;
	size_t i = model_back_index(m, x);
	const struct memory *back = m->t.backs[i];
	size_t unread = model_unread(back) + proxy_wire1_bytes(&b->wire).len;
	const struct http_field *f = proxy_head_find_name(&x->request, span_text("X-Id"));
	uint64_t id;
	if (!f || !span_to_u64(f->value, UINT32_MAX, &id) || id / GENERATION != m->generation)
		return;
	m->answers[id % GENERATION] = (struct model_answer){
		.log = &m->back_sent[i],
		.at = (uint32_t)(m->back_sent[i].len - unread),
		.framing = (enum proxy_framing)b->wire.in_framing,
		.left = b->wire.in_left,
	};
}

static inline enum proxy_judgement model_response(void *arg, struct proxy_exchange *x,
						  struct proxy_verdict *ret)
{
	struct model *m = model_of(arg);
	unsigned status = x->response.status;
	if (m->mode & MODE_AGAIN && status / 100 == 5)
		return PROXY_AGAIN;
	if (m->mode & MODE_REPLACE && status == 404) {
		proxy_head_reset(&x->response);
		x->response.status = 499;
		ret->answer = span_text("instead");
		return PROXY_REPLACE;
	}
	model_answer_note(m, x);
	struct model_filter *f = m->mode & MODE_FILTER ? proxy_exchange_alloc(x, sizeof(*f)) : NULL;
	if (f) {
		*f = (struct model_filter){.f.ops = &model_filter_ops};
		proxy_exchange_filter(x, &f->f);
	}
	return PROXY_PASS;
}

static const struct proxy_face model_face = {
	.connection = through_connection,
	.disconnected = through_disconnected,
	.request = model_request,
	.pick = through_pick,
	.left = through_left,
	.response = model_response,
	.first_bytes = through_first_bytes,
	.done = through_done,
	.malformed = through_malformed,
};

/* ---- a face's own body ---- */

static inline enum err model_source_peek(struct proxy_source *s, struct span *ret, bool *ret_end)
{
	static const uint8_t bytes[100];
	struct model *m = (struct model *)((char *)s - offsetof(struct model, source));
	size_t n = m->source_left < sizeof(bytes) ? m->source_left : sizeof(bytes);
	if (m->source_holds)
		n = 0;
	*ret = span_of(bytes, n);
	*ret_end = !m->source_holds && n == m->source_left;
	return OK;
}

static inline void model_source_taken(struct proxy_source *s, size_t len)
{
	struct model *m = (struct model *)((char *)s - offsetof(struct model, source));
	m->source_left -= len;
}

static inline void model_source_close(struct proxy_source *s)
{
	(void)s;
}

static inline void model_face_mode(struct model *m, unsigned how)
{
	struct through *t = &m->t;
	t->verdict_set = how & 7;
	t->verdict = (struct proxy_verdict){.kind = PROXY_FORWARD, .answer = span_text("own")};
	t->response_status = (how & 8) ? 403 : 200;
	t->pick = how & 16 ? PROXY_PICK_WAIT : how & 32 ? PROXY_PICK_NONE : PROXY_PICK_HOP;
	m->source_holds = how & 64;
	if (!t->x || t->x->verdict.source != &m->source) /* not under the feet of one that runs */
		m->source_left = how * 3;
	switch (how & 7) {
	case 1: t->verdict.kind = PROXY_ANSWER; break;
	case 2: t->verdict.kind = PROXY_WAIT; break;
	case 3:
		t->verdict.kind = PROXY_SOURCE;
		t->verdict.source = &m->source;
		break;
	case 4: t->verdict.kind = PROXY_DROP; break;
	case 5: t->verdict.close = true; break;
	default: t->verdict_set = false; t->response_status = 0;
	}
}

/* ---- what peers do ---- */

static inline void model_send(struct model *m, struct memory *to, struct strict *log,
			      struct span bytes)
{
	if (to->closed || to->in_eof || to->reset)
		return;
	if (log->len + bytes.len > STRICT_SIZE / 2 ||
	    to->in_end - to->in_start + bytes.len > MEMORY_SIZE / 2) {
		m->full = true;
		return;
	}
	if (log == &m->sent) {
		strict_feed(log, bytes);
	} else {
		memcpy(log->log + log->len, bytes.data, bytes.len);
		log->len += bytes.len;
	}
	memmove(to->in, to->in + to->in_start, to->in_end - to->in_start);
	to->in_end -= to->in_start;
	to->in_start = 0;
	memory_send(&m->t, to, bytes);
}

static inline void model_client_sends(struct model *m, struct span bytes)
{
	if (bytes.len)
		model_send(m, m->t.client, &m->sent, bytes);
}

static inline void model_back_sends(struct model *m, struct memory *b, struct span bytes)
{
	if (!bytes.len || !(b->t.ready & PROXY_OPENED))
		return;
	for (size_t i = 0; i < m->t.backs_n; i++)
		if (m->t.backs[i] == b)
			model_send(m, b, &m->back_sent[i], bytes);
}

static inline void model_end(struct model *m, struct memory *to)
{
	if (to->t.ready & PROXY_OPENED && !to->in_eof)
		memory_end(&m->t, to);
}

/* Told only when a write had come short: as the kernel does. */
static inline void model_window(struct model *m, struct memory *to, size_t n)
{
	to->window = n;
	if (to->closed || !n || to->t.ready & PROXY_CAN_WRITE || !(to->t.ready & PROXY_OPENED))
		return;
	memory_event(&m->t, to, PROXY_CAN_WRITE);
	through_turn(&m->t);
}

/* A slow connect comes to its end. */
static inline void model_open(struct model *m, struct memory *b)
{
	if (b->closed || b->t.ready & (PROXY_OPENED | PROXY_BROKEN))
		return;
	memory_event(&m->t, b, PROXY_OPENED | PROXY_CAN_WRITE);
	through_turn(&m->t);
}

/* How many requests went to it, and whether bytes follow the last one. */
static inline void model_back_note(struct model *m, size_t i)
{
	const struct proxy_back1 *b = m->t.backs[i]->t.owner;
	m->back_received[i].messages_max = b->requests;
	m->tunnels[i] |= b->state == PROXY_BACK1_TUNNEL;
}

static inline void model_close(struct proxy_transport *t, bool abort)
{
	struct model *m = model_of(((struct proxy_back1 *)t->owner)->w->io_arg);
	for (size_t i = 0; i < m->t.backs_n; i++)
		if (&m->t.backs[i]->t == t)
			model_back_note(m, i);
	memory_close(t, abort);
}

static const struct proxy_transport_ops model_back_ops = {
	.read = memory_read,
	.ahead = memory_ahead,
	.write = memory_write,
	.finish = memory_finish,
	.close = model_close,
};

static inline enum err model_connect(struct proxy_worker *w, const struct proxy_hop *hop,
				     struct tls_peer *tls, struct span first,
				     struct proxy_transport **ret)
{
	TRY(through_connect(w, hop, tls, first, ret));
	(*ret)->ops = &model_back_ops;
	return OK;
}

static const struct proxy_worker_io model_io = {.connect = model_connect};

static inline struct span model_method(void *arg, size_t nth)
{
	const struct model *m = arg;
	return nth < m->seen ? m->sent.messages[nth].method : span_text("GET");
}

static inline void model_client(struct model *m)
{
	through_turn_end(&m->t); /* what is told by it is the old one's */
	m->generation++;
	m->seen = 0;
	memory_reset(&m->t, m->t.client);
	if (!m->t.client->closed) /* of a tunnel that nobody reads nothing is noticed */
		through_wait(&m->t, 40 * 1000);
	ASSERT(m->t.client->closed);
	through_client(&m->t);
	strict_reset(&m->sent, false);
	strict_reset(&m->received, true);
	m->received.method = model_method;
	m->received.arg = m;
}

static inline void model_hops_close(struct model *m)
{
	for (size_t i = 0; i < 2; i++) {
		proxy_hop_close(&m->t.w, &m->t.hops[i]);
		m->t.hops[i].closing = false;
	}
}

/* ---- what must hold ---- */

/* The request that a back end reads is one that the client sent; so far, and when it is whole. */
static inline void model_request_check(const struct model *m, const struct strict *got,
				       const struct strict_message *msg)
{
	ASSERT(msg->id != UINT32_MAX);
	if (msg->id / GENERATION != m->generation)
		return;
	ASSERT(msg->id % GENERATION < m->sent.messages_n);
	const struct strict_message *sent = &m->sent.messages[msg->id % GENERATION];
	ASSERT(span_equal(sent->method, msg->method));
	ASSERT(msg->body_len <= sent->body_len);
	ASSERT(!msg->body_len || memcmp(got->bodies + msg->body_at, m->sent.bodies + sent->body_at,
					msg->body_len) == 0);
	if (msg->whole)
		ASSERT(sent->whole && sent->body_len == msg->body_len);
}

static inline void model_tunnel_check(const struct model *m, const struct strict *got)
{
	const struct strict_message *last = &got->messages[got->messages_n - 1];
	if (last->id / GENERATION != m->generation)
		return;
	const struct strict_message *sent = &m->sent.messages[last->id % GENERATION];
	ASSERT(sent->whole && sent->end + got->len - got->read <= m->sent.len);
	ASSERT(memcmp(got->log + got->read, m->sent.log + sent->end, got->len - got->read) == 0);
	if (m->first[last->id % GENERATION] && got->len > got->read)
		through_first_check(m->sent.log + sent->end, m->sent.len - sent->end);
}

static inline void model_back_look(struct model *m, size_t i)
{
	struct memory *b = m->t.backs[i];
	struct strict *got = &m->back_received[i];
	if (!b->closed)
		model_back_note(m, i);
	strict_feed(got, span_of(b->out, b->out_end));
	b->out_end = 0;
	ASSERT(!got->bad);
	for (size_t k = 0; k < got->messages_n; k++)
		model_request_check(m, got, &got->messages[k]);
	if (m->tunnels[i] && got->messages_n == got->messages_max && got->at == STRICT_HEAD)
		model_tunnel_check(m, got);
	else
		ASSERT(got->at != STRICT_HEAD || got->messages_n < got->messages_max ||
		       got->read == got->len);
}

/* The answer's body as the back end sent it, into `to`. True: to its end. */
static inline bool model_decode(const struct model_answer *a, uint8_t *to, size_t *ret_len)
{
	struct span in = span_of(a->log->log + a->at, a->log->len - a->at), data;
	struct http_chunked chunk = {0};
	size_t n = 0, used = 0;
	enum parse p = PARSE_MORE;
	if (a->framing != PROXY_FRAMING_CHUNKED) {
		n = a->framing == PROXY_FRAMING_CLOSE || in.len < a->left ? in.len
									  : (size_t)a->left;
		n = a->framing == PROXY_FRAMING_NONE ? 0 : n;
		if (n)
			memcpy(to, in.data, n);
		*ret_len = n;
		return a->framing == PROXY_FRAMING_CLOSE || a->framing == PROXY_FRAMING_NONE ||
		       n == a->left;
	}
	do {
		p = http_chunked_read(&chunk, in, &used, &data);
		if (p == PARSE_BAD)
			break;
		if (data.len)
			memcpy(to + n, data.data, data.len);
		n += data.len;
		in = span_sub(in, used, in.len);
	} while (p == PARSE_MORE && used);
	*ret_len = n;
	return p == PARSE_DONE;
}

static inline void model_answer_check(const struct model *m, size_t k)
{
	static uint8_t body[STRICT_SIZE];
	const struct strict_message *msg = &m->received.messages[k];
	size_t len;
	if (k >= m->seen || !m->answers[k].log || msg->status == 499)
		return;
	bool whole = model_decode(&m->answers[k], body, &len);
	ASSERT(msg->body_len <= len);
	ASSERT(!msg->body_len ||
	       memcmp(body, m->received.bodies + msg->body_at, msg->body_len) == 0);
	if (msg->whole)
		ASSERT(whole && len == msg->body_len);
}

/* Who is told that there is something to read finds it: a look in vain costs a call each time. */
static inline void model_readable_check(const struct memory *m)
{
	if (!m->closed && m->t.ready & PROXY_CAN_READ)
		ASSERT(memory_has(m) || m->in_vain);
	ASSERT(!m->closed || !m->held.bytes);
}

static inline void model_look(struct model *m)
{
	struct memory *c = m->t.client;
	model_readable_check(c);
	for (size_t i = 0; i < m->t.backs_n; i++) {
		model_readable_check(m->t.backs[i]);
		model_back_look(m, i);
	}
	strict_feed(&m->received, span_of(c->out, c->out_end));
	c->out_end = 0;
	ASSERT(!m->received.bad);
	for (size_t k = 0; k < m->received.messages_n; k++)
		model_answer_check(m, k);
	m->full |= m->t.backs_n == MEMORY_BACKS || m->received.len > STRICT_SIZE / 2;
}

/* With all windows open and everybody heard, nobody holds what another one waits for. */
static inline void model_nobody_is_forgotten(struct model *m)
{
	for (struct proxy_front1 *f = m->t.w.fronts; f; f = f->next) {
		const struct memory *c = (const struct memory *)f->wire.t;
		size_t unread = model_unread(c);
		ASSERT(!f->broken && !c->reset && proxy_wire1_empty(&f->wire));
		if (f->state != PROXY_FRONT1_ANSWER && f->state != PROXY_FRONT1_BODY &&
		    f->state != PROXY_FRONT1_TUNNEL)
			ASSERT(!unread);
		if (f->x && f->x->answered && f->x->verdict.kind != PROXY_SOURCE)
			ASSERT(f->x->back);
		if (!f->x || f->x->phase < PROXY_PHASE_SENT || !f->x->back)
			continue;
		const struct proxy_back1 *b = (const struct proxy_back1 *)f->x->back;
		const struct memory *back = (const struct memory *)b->wire.t;
		ASSERT(proxy_wire1_empty(&b->wire) && !b->broken);
		ASSERT(!model_unread(back) && !back->t.holds && !b->wire.in_ready);
		/* A tunnel's ends are known by whoever moves its bytes. */
		const struct proxy_relay *r = f->x->relay;
		bool back_eof = r ? r->ways[PROXY_RELAY_DOWN].ended : b->wire.in_eof;
		bool front_eof = r ? r->ways[PROXY_RELAY_UP].ended : f->wire.in_eof;
		ASSERT(!r || (!r->ways[0].held && !r->ways[1].held));
		ASSERT(back_eof == back->in_eof);
		if (f->state == PROXY_FRONT1_ANSWER)
			continue;
		ASSERT(!unread && !f->wire.in_ready && front_eof == c->in_eof);
		if (f->state == PROXY_FRONT1_TUNNEL)
			ASSERT(!(front_eof && back_eof));
	}
}

static inline void model_everything_opens(struct model *m)
{
	struct through *t = &m->t;
	t->pick = PROXY_PICK_HOP;
	t->verdict_set = false;
	t->connect_error = OK;
	t->connect_slow = false;
	m->source_holds = false;
	m->pace = 0;
	t->gathers = false;
	through_turn_end(t);
	through_wait(t, 100); /* for what was granted until now */
	for (unsigned i = 0; i < 3 && t->x; i++) {
		proxy_exchange_resume(t->x);
		through_turn(t);
		if (t->x && t->x->verdict.kind == PROXY_SOURCE)
			proxy_exchange_go(t->x);
		through_turn(t);
	}
	for (size_t i = 0; i < t->backs_n; i++)
		model_open(m, t->backs[i]);
	for (size_t i = 0; i < t->backs_n; i++)
		model_window(m, t->backs[i], SIZE_MAX);
	model_window(m, t->client, SIZE_MAX);
}

static inline void model_init(struct model *m, unsigned how)
{
	struct through *t = &m->t;
	through_init(t);
	t->w.face = &model_face;
	t->w.io = &model_io;
	t->limits.whole_ms = 30000;
	t->limits.retry_any_method = how & 1;
	t->hops[0].limits.requests_max = how & 2 ? 3 : 0;
	if (how & 4)
		t->w.buffers.max = 1 + (how >> 5);
	else
		t->ring.on = how & 32;
	t->admission.head_max = how & 8 ? 300 : 0;
	t->limits.request_body_max = how & 16 ? 200 : 1 << 19;
	m->mode = m->pace = 0;
	m->full = false;
	m->generation = 0;
	m->seen = 0;
	m->seen_id = 0;
	m->source = (struct proxy_source){.peek = model_source_peek,
					  .taken = model_source_taken,
					  .close = model_source_close};
	for (size_t i = 0; i < MEMORY_BACKS; i++) {
		strict_reset(&m->back_sent[i], true);
		strict_reset(&m->back_received[i], false);
		m->tunnels[i] = false;
	}
	model_client(m);
}

static inline void model_wait(struct model *m, uint64_t ms)
{
	for (uint64_t end = m->t.w.now_ms + ms; m->t.w.now_ms < end;) {
		m->t.w.now_ms += 500;
		m->t.w.now_us = m->t.w.now_ms * 1000;
		through_turn(&m->t);
	}
}

static inline void model_done(struct model *m)
{
	model_everything_opens(m);
	model_look(m);
	if (!m->full && m->t.w.buffers.max >= 64)
		model_nobody_is_forgotten(m);
	model_wait(m, 100 * 1000);
	model_look(m);
	ASSERT(!m->t.w.exchanges_n && m->t.picks == m->t.lefts);
	through_done_all(&m->t);
}

#endif
