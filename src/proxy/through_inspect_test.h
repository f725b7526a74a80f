/* A tunnel whose client is answered inside, between a client and servers that a test or a fuzz
 * target plays. TLS is left out: what the client and the server send is what is inside.
 */
#ifndef PROXY_THROUGH_INSPECT_TEST_H
#define PROXY_THROUGH_INSPECT_TEST_H

#include "proxy/memory_test.h"

#define INSPECT_CONNECT "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"
/* What has this mark in it is inspected. */
#define INSPECT_GET "GET /a@ HTTP/1.1\r\nHost: h\r\n\r\n"

struct inspect_play {
	struct through t; /* first */
	enum proxy_greet says;
	bool server_slow;			  /* its handshake takes a while */
	bool server_broken;			  /* it fails */
	const struct proxy_tls_facts *server_tls; /* what it agrees to */
	unsigned greets, insides, insides_gone;
	unsigned looked_n; /* requests inside */
};

static inline struct inspect_play *inspect_play_of(void *arg)
{
	return arg;
}

static inline bool inspect_is_inside(const struct proxy_exchange *x)
{
	return x->connection->service != NULL;
}

static inline void inspect_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct inspect_play *p = inspect_play_of(arg);
	p->t.requests++;
	p->t.x = x;
	if (inspect_is_inside(x)) {
		p->looked_n++;
		ret->kind = x->request.method_id == PROXY_CONNECT ? PROXY_DROP : PROXY_FORWARD;
	} else if (x->request.method_id == PROXY_CONNECT) {
		ret->kind = PROXY_TUNNEL;
		ret->first_bytes = true;
	} else {
		ret->kind = PROXY_DROP;
	}
}

static inline enum proxy_pick inspect_pick(void *arg, struct proxy_exchange *x,
					   struct proxy_hop **ret_hop, struct proxy_verdict *ret)
{
	struct inspect_play *p = inspect_play_of(arg);
	(void)ret;
	p->t.picks++;
	*ret_hop = &p->t.hops[inspect_is_inside(x)];
	return PROXY_PICK_HOP;
}

static inline enum proxy_first inspect_first_bytes(void *arg, struct proxy_exchange *x,
						   struct span bytes, bool last)
{
	size_t at = span_find(bytes, '@'), dot = span_find(bytes, '!');
	(void)arg, (void)x, (void)last;
	if (at == dot)
		return PROXY_FIRST_MORE;
	return at < dot ? PROXY_FIRST_INSPECT : PROXY_FIRST_PASS;
}

static inline struct proxy_hop *inspect_hop(void *arg, struct proxy_exchange *x)
{
	struct inspect_play *p = inspect_play_of(arg);
	(void)x;
	p->t.picks++;
	return &p->t.hops[1];
}

static inline enum proxy_greet inspect_greet(void *arg, struct proxy_exchange *x,
					     const struct proxy_transport *server,
					     struct proxy_connection *c,
					     struct proxy_admission *ret)
{
	struct inspect_play *p = inspect_play_of(arg);
	(void)x;
	ASSERT(server->ready & (PROXY_OPENED | PROXY_BROKEN));
	ASSERT(!c->service && !c->tls);
	p->greets++;
	if (p->says != PROXY_GREET_ENTER)
		return p->says;
	p->insides++;
	c->service = p;
	*ret = p->t.admission;
	return PROXY_GREET_ENTER;
}

static inline void inspect_disconnected(void *arg, struct proxy_connection *c)
{
	inspect_play_of(arg)->insides_gone += c->service != NULL;
}

static const struct proxy_face inspect_face = {
	.connection = through_connection,
	.disconnected = inspect_disconnected,
	.request = inspect_request,
	.pick = inspect_pick,
	.left = through_left,
	.first_bytes = inspect_first_bytes,
	.inspect = inspect_hop,
	.greet = inspect_greet,
	.done = through_done,
	.malformed = through_malformed,
};

static inline enum err inspect_tls_connect(struct proxy_worker *w, struct proxy_transport *lower,
					   struct tls_peer *peer, struct proxy_transport **ret)
{
	const struct inspect_play *p = inspect_play_of(w->io_arg);
	(void)peer;
	lower->tls = p->server_tls;
	if (p->server_slow)
		lower->ready &= (uint8_t) ~(unsigned)PROXY_OPENED;
	if (p->server_broken)
		lower->ready |= PROXY_BROKEN;
	*ret = lower;
	return OK;
}

static const struct proxy_worker_io inspect_io = {.connect = through_connect,
						  .tls_connect = inspect_tls_connect};

static inline void inspect_play_begin(struct inspect_play *p)
{
	*p = (struct inspect_play){.says = PROXY_GREET_ENTER};
	through_init(&p->t);
	p->t.w.face = &inspect_face;
	p->t.w.io = &inspect_io;
	p->t.hops[0].protocol = PROXY_RAW;
}

/* Nobody that was let in is left, or was told twice. */
static inline void inspect_play_end(struct inspect_play *p)
{
	through_done_all(&p->t);
	ASSERT(p->insides == p->insides_gone);
}

/* The handshake of a slow server is over. */
static inline void inspect_server_opens(struct inspect_play *p, struct memory *m)
{
	if (m->closed || !m->t.call || m->t.ready & PROXY_OPENED)
		return;
	m->t.ready |= PROXY_OPENED;
	m->t.call(m->t.owner, PROXY_OPENED);
	through_turn(&p->t);
}

#endif
