/* A tunnel whose client is to be answered here, in the place of the server that it asks for. That
 * one is shaken hands with first, over the connection that the tunnel has, and proves itself as it
 * would to the client; only then the client gets an answer: of the face, which speaks with that
 * server, or of the server itself, when the face says so after all. */
#include "proxy/back1.h"
#include "proxy/back2.h"
#include "proxy/exchange_inner.h"
#include "proxy/face.h"
#include "proxy/hop.h"
#include "proxy/hop_inner.h"
#include "proxy/inspect.h"
#include "proxy/wire1.h"

/* The server's connection is kept for the requests that come. */
static void keep(struct proxy_inspect *i)
{
	struct proxy_exchange *x = i->x;
	struct proxy_transport *t = TAKE(i->server);
	bool good = t->ready & PROXY_OPENED && !(t->ready & PROXY_BROKEN) && !x->hop->closing;
	if (!good)
		proxy_transport_close(t, false);
	else if (t->tls && span_is(t->tls->alpn, "h2"))
		proxy_back2_keep(i->w, x->hop, t, &x->reached);
	else
		proxy_back1_keep(i->w, x->hop, t, &x->reached);
}

static enum proxy_cause cause_of(struct proxy_hop *hop, const struct proxy_transport *t)
{
	return t->ready & PROXY_BROKEN ? hop_open_cause(hop, t) : PROXY_FINE;
}

/* As it would have gone on without us, by a connection of its own. */
static void pass(struct proxy_inspect *i)
{
	struct proxy_exchange *x = i->x;
	x->back = NULL;
	proxy_inspect_drop(i);
	exchange_left(x, PROXY_TRY_ANOTHER); /* which says nothing of the server */
	exchange_first_go(x);
	exchange_pick(x);
}

static void greet(struct proxy_inspect *i)
{
	struct proxy_exchange *x = i->x;
	struct proxy_worker *w = i->w;
	struct proxy_connection c = *x->connection;
	struct proxy_admission admission = {0};
	struct proxy_chain2 first;
	enum proxy_cause cause = cause_of(x->hop, i->server);
	c.service = NULL;
	c.counted = false;
	c.tls = NULL;
	c.exchanges = 0;
	c.version = 0;
	c.began_ms = w->now_ms;
	c.proxied = true; /* what peer and local are is known */
	proxy_deadline_clear(&i->deadline);
	switch (w->face->greet(w->face_arg, x, i->server, &c, &admission)) {
	case PROXY_GREET_ENTER:
		keep(i);
		exchange_left(x, cause);
		exchange_first_take(x, &first);
		proxy_inspect_enter(i, &first, &c, &admission);
		return;
	case PROXY_GREET_PASS: pass(i); return;
	case PROXY_GREET_END: break;
	}
	proxy_exchange_end(x, cause == PROXY_FINE ? PROXY_BUSY : cause);
}

static void server_ready(void *owner, unsigned events)
{
	struct proxy_inspect *i = owner;
	(void)events;
	if (i->server->ready & (PROXY_OPENED | PROXY_BROKEN))
		greet(i);
}

/* A server that speaks first does not speak TLS. NULL: that, or there is no way to its bytes. */
static struct proxy_transport *take_server(struct proxy_exchange *x)
{
	struct proxy_wire1 *wire = x->back->ops->relay ? x->back->ops->relay(x->back) : NULL;
	if (!wire || proxy_wire1_bytes(wire).len || wire->in_eof || x->response_bytes)
		return NULL;
	return TAKE(wire->t);
}

static void begin(struct proxy_later *l)
{
	struct proxy_exchange *x =
		(struct proxy_exchange *)((char *)l - offsetof(struct proxy_exchange, later));
	struct proxy_worker *w = x->worker;
	struct proxy_transport *t = w->io->tls_connect ? take_server(x) : NULL;
	if (!t) {
		proxy_exchange_end(x, PROXY_BACK_TLS);
		return;
	}
	t->call = NULL;
	exchange_drop_back(x, PROXY_FINE);
	struct proxy_inspect *i = proxy_inspect_new(x);
	x->hop = i ? w->face->inspect(w->face_arg, x) : NULL;
	if (!x->hop) {
		proxy_transport_close(t, false);
		proxy_exchange_end(x, PROXY_BUSY);
		return;
	}
	if (w->io->tls_connect(w, t, x->hop->tls, &i->server)) {
		proxy_exchange_end(x, PROXY_BUSY);
		return;
	}
	i->server->owner = i;
	i->server->call = server_ready;
	proxy_deadline_set(&w->wheel, &i->deadline, w->now_ms, x->hop->limits.connect_ms);
	server_ready(i, 0);
}

void exchange_inspect(struct proxy_exchange *x)
{
	proxy_later_add(&x->worker->later, &x->later, begin);
}
