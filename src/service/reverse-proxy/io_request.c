#include "service/reverse-proxy/io_face.h"

#include "os/clock.h"
#include "proto/http/http1.h"
#include "service/reverse-proxy/grpc.h"
#include "service/reverse-proxy/io_acme_proofs.h"
#include "service/reverse-proxy/io_cached.h"
#include "service/reverse-proxy/io_errors.h"
#include "service/reverse-proxy/io_guard.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/route/io_files.h"

static void answer(const struct reverse_exchange *e, struct proxy_exchange *x,
		   struct proxy_verdict *ret, unsigned status)
{
	const char *text = status == 400   ? "the request's address has more than one meaning\n"
			   : status == 401 ? "a name and a password are needed\n"
			   : status == 403 ? "this is not for you\n"
			   : status == 404 ? "there is nothing here\n"
			   : status == 405 ? "files are read only\n"
			   : status == 429 ? "too many requests; come again later\n"
			   : status == 501 ? "this is no way to other servers\n"
			   : status == 503 ? "the proxy has no room for this\n"
					   : http_reason(status);
	proxy_head_reset(&x->response);
	ret->kind = PROXY_ANSWER;
	ret->answer = span_text(text);
	ret->close = status == 400 || status == 501;
	x->response.status = (uint16_t)status;
	/* There is room: it is the first field. */
	err_ignore(proxy_head_add(&x->response, span_text("content-type"),
				  span_text("text/plain; charset=utf-8")));
	reverse_error_page(e, x, ret);
}

bool reverse_trusts(const struct reverse_site *site, const struct ip_address *peer)
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
	bool trusted = site->trust.n && reverse_trusts(site, &x->connection->peer.address);
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
	e->grpc = grpc_is_request(&x->request);
	x->service = e;
	return e;
}

static unsigned forward(struct proxy_exchange *x, struct reverse_exchange *e,
			struct proxy_verdict *ret)
{
	const struct route *r = e->route.found.route;
	e->pool_number = r->pool;
	e->pool = e->view->snapshot->pools[r->pool];
	/* What it proves is for a proxy of the client's choice. */
	(void)proxy_head_remove(&x->request, HTTP_FIELD_PROXY_AUTHORIZATION);
	unsigned status = route_request_forward(&e->route, x, span_text("gatehouse"));
	if (!status && trace_write(x, e) != OK)
		status = 500;
	if (!status)
		reverse_cached_ask(e->view->worker, e, ret);
	return status;
}

/* What is no file there, or asks for more than a file can, is the pool's. */
static unsigned files(struct proxy_exchange *x, struct reverse_exchange *e,
		      struct proxy_verdict *ret)
{
	unsigned status = files_answer(e->view->snapshot->site->files, &e->route, x, clock_wall_s(),
				       &e->file, ret);
	bool rest = status == 404 || status == 405;
	return rest && e->route.found.route->files_or_pool ? forward(x, e, ret) : status;
}

/* 0: *ret is filled; else the status that answers. */
static unsigned act(struct proxy_exchange *x, struct reverse_exchange *e, struct proxy_verdict *ret)
{
	switch (e->route.found.route->action) {
	case ROUTE_POOL: return forward(x, e, ret);
	case ROUTE_REDIRECT:
	case ROUTE_ANSWER: return route_request_answer(&e->route, x, ret);
	case ROUTE_FILES: return files(x, e, ret);
	}
	return 404;
}

/* An error that the route wrote no text for. */
static void say(const struct reverse_exchange *e, struct proxy_exchange *x,
		struct proxy_verdict *ret)
{
	if (x->response.status < 400)
		return;
	ret->answer = span_text(http_reason(x->response.status));
	err_ignore(proxy_head_set(&x->response, span_text("content-type"),
				  span_text("text/plain; charset=utf-8")));
	reverse_error_page(e, x, ret);
}

/* The route is known and its limits are in force. */
static unsigned go_on(struct reverse_worker *w, struct proxy_exchange *x,
		      struct reverse_exchange *e, struct proxy_verdict *ret)
{
	/* It waited for another request: the guard has let it in, and it is written anew. */
	if (e->cached) {
		reverse_cached_ask(w, e, ret);
		return 0;
	}
	unsigned status = reverse_guard_judge(w, e, ret);
	return status || ret->kind == PROXY_WAIT ? status : act(x, e, ret);
}

/* What an answer of our own gets as those of servers do. Edits of redirects and texts were made
 * with them. */
static void finish(struct proxy_exchange *x, const struct reverse_exchange *e, unsigned status,
		   struct proxy_verdict *ret)
{
	if (status) {
		answer(e, x, ret, status);
		reverse_guard_fields(e, status);
	}
	if (ret->kind == PROXY_FORWARD || ret->kind == PROXY_WAIT)
		return;
	if (!status && e->route.found.route->action == ROUTE_ANSWER && !ret->answer.len)
		say(e, x, ret);
	if (e->file)
		(void)route_response_edit(&e->route, x);
	reverse_guard_secure(e);
}

/* CONNECT asks for a tunnel to an address of the client's choice (RFC 9110 9.3.6), which only a
 * forward proxy has. That of RFC 8441 names a protocol and stays with our own servers. */
static bool is_way_out(const struct proxy_exchange *x)
{
	return x->request.method_id == PROXY_CONNECT && !x->request.protocol.len;
}

/* 0: the route is found; else the status that answers. */
static unsigned find(struct reverse_worker *w, struct proxy_exchange *x, struct reverse_exchange *e)
{
	const struct reverse_site *site = e->view->snapshot->site;
	char id[ROUTE_REQUEST_ID_LEN];
	trace_begin(w, x, e);
	traceparent_hex(e->trace.trace_id, sizeof(e->trace.trace_id), (uint8_t *)id);
	unsigned status = is_way_out(x) ? 501 : route_request_read(&e->route, x, &site->trust, id);
	if (status)
		return status;
	return route_find(site->routes->table, &e->route.facts, &e->route.found) ? 0 : 404;
}

void reverse_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct reverse_worker *w = arg;
	struct reverse_exchange *e = x->service;
	unsigned status = 0;
	if (!e && acme_proofs_answer(w->proofs, x, ret))
		return;
	if (!e) {
		e = begin(w, x);
		if (!e) {
			answer(NULL, x, ret, 503);
			return;
		}
		status = find(w, x, e);
	}
	const struct reverse_site *site = e->view->snapshot->site;
	const struct route *route = e->route.found.route;
	ret->limits = route ? &site->route_limits[route->number] : &site->limits;
	if (!status)
		status = go_on(w, x, e, ret);
	if (e->grpc)
		ret->limits = e->grpc_limits =
			e->grpc_limits ? e->grpc_limits : grpc_limits(x, ret->limits);
	finish(x, e, status, ret);
	if (e->grpc)
		grpc_answer(x, ret);
}
