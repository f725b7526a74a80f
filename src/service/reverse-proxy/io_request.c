#include "service/reverse-proxy/io_face.h"

#include "service/reverse-proxy/io_snapshot.h"

static void answer(struct proxy_exchange *x, struct proxy_verdict *ret, unsigned status)
{
	const char *text = status == 400   ? "the request's address has more than one meaning\n"
			   : status == 404 ? "there is nothing here\n"
			   : status == 501 ? "this is no way to other servers\n"
					   : "the proxy has no room for this\n";
	ret->kind = PROXY_ANSWER;
	ret->answer = span_text(text);
	ret->close = status == 400 || status == 501;
	x->response.status = (uint16_t)status;
	/* There is room: it is the first field. */
	err_ignore(proxy_head_add(&x->response, span_text("content-type"),
				  span_text("text/plain; charset=utf-8")));
}

/* Whether the one at the other end is a proxy that is believed. */
static bool trusts(const struct reverse_site *site, const struct ip_address *peer)
{
	struct ip_address plain = ip_address_unmap(peer);
	for (size_t i = 0; i < site->trust.n; i++)
		if (ip_prefix_contains(&site->trust.prefixes[i], &plain))
			return true;
	return false;
}

/* The trace goes on where a proxy that is trusted began it, else it begins here. */
static void trace_begin(struct reverse_worker *w, struct proxy_exchange *x,
			struct reverse_exchange *e)
{
	const struct reverse_site *site = e->view->snapshot->site;
	uint64_t words[2] = {reverse_worker_random(w), reverse_worker_random(w) | 1};
	bool trusted = site->trust.n && trusts(site, &x->connection->peer.address);
	const struct http_field *f =
		trusted ? proxy_head_find(&x->request, HTTP_FIELD_TRACEPARENT) : NULL;
	if (!f || traceparent_read(f->value, &e->trace) != OK) {
		memcpy(e->trace.trace_id, words, sizeof(words));
		e->trace.flags = 0;
		/* 4.2: it belongs to the parent that is not believed. */
		(void)proxy_head_remove(&x->request, HTTP_FIELD_TRACESTATE);
	}
	words[0] = reverse_worker_random(w) | 1;
	memcpy(e->trace.parent_id, words, sizeof(e->trace.parent_id));
}

static enum err trace_write(struct proxy_exchange *x, const struct reverse_exchange *e)
{
	uint8_t *text = proxy_exchange_alloc(x, TRACEPARENT_TEXT);
	if (!text)
		return ENOMEM;
	traceparent_write(&e->trace, text);
	(void)proxy_head_remove(&x->request, HTTP_FIELD_TRACEPARENT);
	return proxy_head_add(&x->request, span_text("traceparent"),
			      span_of(text, TRACEPARENT_TEXT));
}

static struct reverse_exchange *begin(struct reverse_worker *w, struct proxy_exchange *x)
{
	struct reverse_exchange *e = proxy_exchange_alloc(x, sizeof(*e));
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->x = x;
	e->view = reverse_view_use(w->view);
	x->service = e;
	return e;
}

static unsigned forward(struct proxy_exchange *x, struct reverse_exchange *e)
{
	const struct route *r = e->route.found.route;
	e->pool_number = r->pool;
	e->pool = e->view->snapshot->pools[r->pool];
	/* What it proves is for a proxy of the client's choice. */
	(void)proxy_head_remove(&x->request, HTTP_FIELD_PROXY_AUTHORIZATION);
	unsigned status = route_request_forward(&e->route, x, span_text("gatehouse"));
	return status ? status : trace_write(x, e) == OK ? 0 : 500;
}

/* 0: *ret is filled; else the status that answers. */
static unsigned act(struct proxy_exchange *x, struct reverse_exchange *e, struct proxy_verdict *ret)
{
	switch (e->route.found.route->action) {
	case ROUTE_POOL: return forward(x, e);
	case ROUTE_REDIRECT:
	case ROUTE_ANSWER: return route_request_answer(&e->route, x, ret);
	case ROUTE_FILES: break;
	}
	return 404;
}

/* CONNECT asks for a tunnel to an address of the client's choice (RFC 9110 9.3.6), which only a
 * forward proxy has. That of RFC 8441 names a protocol and stays with our own servers. */
static bool is_way_out(const struct proxy_exchange *x)
{
	return x->request.method_id == PROXY_CONNECT && !x->request.protocol.len;
}

void reverse_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct reverse_worker *w = arg;
	struct reverse_exchange *e = begin(w, x);
	char id[ROUTE_REQUEST_ID_LEN];
	if (!e) {
		answer(x, ret, 503);
		return;
	}
	const struct reverse_site *site = e->view->snapshot->site;
	ret->limits = &site->limits;
	trace_begin(w, x, e);
	traceparent_hex(e->trace.trace_id, sizeof(e->trace.trace_id), (uint8_t *)id);
	unsigned status = is_way_out(x) ? 501 : route_request_read(&e->route, x, &site->trust, id);
	if (!status)
		status = route_find(site->routes->table, &e->route.facts, &e->route.found)
				 ? act(x, e, ret)
				 : 404;
	if (status)
		answer(x, ret, status);
}
