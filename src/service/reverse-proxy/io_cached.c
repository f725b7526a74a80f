/* Which answers a route keeps, and what they differ by. */
#include "service/reverse-proxy/io_cached.h"

#include "base/writer.h"
#include "proxy/cache/rules.h"
#include "service/reverse-proxy/io_face.h"
#include "service/reverse-proxy/io_line.h"
#include "service/reverse-proxy/io_snapshot.h"

#include <stdlib.h>

enum { SPACE_MAX = 4096 };

/* Everything besides the client's address by which the answers differ: whom the server is to be,
 * and what it is asked for; no part holds a line end. */
static void space_write(const struct reverse_exchange *e, const struct proxy_cache_rules_conf *conf,
			struct writer *w)
{
	const struct proxy_exchange *x = e->x;
	const struct reverse_snapshot *s = e->view->snapshot;
	char name[IP_ENDPOINT_TEXT_MAX];
	bool rewritten = e->route.found.route->rewrite.query;
	write_text(w, reverse_snapshot_pool_name(s, e->pool_number, name));
	write_u8(w, '\n');
	write_span(w, x->request.authority);
	write_u8(w, '\n');
	write_span(w,
		   rewritten ? x->request.path : proxy_cache_rules_target(conf, x->request.path));
	proxy_cache_rules_write(conf, x, w);
}

static struct cache_target target_of(const struct reverse_exchange *e,
				     const struct proxy_cache_rules_conf *conf)
{
	const struct route_request *r = &e->route;
	struct span target = e->x->received_path;
	return (struct cache_target){
		.scheme = r->values.scheme,
		.host = r->facts.host,
		.port = r->host_port,
		.path = r->facts.path,
		.query = r->facts.query,
		.has_query = span_find(target, '?') < target.len,
		.no_query = conf->ignore_query,
		.drop = conf->ignore_arguments.items,
		.drop_n = conf->ignore_arguments.n,
	};
}

static struct proxy_cached *begin(struct reverse_worker *w, const struct reverse_exchange *e)
{
	const struct reverse_conf *site = e->view->snapshot->site->conf;
	const struct reverse_route_conf *routes = site->routes.items;
	const struct reverse_route_conf *route = &routes[e->route.found.route->number];
	const struct proxy_cache_rules_conf *conf = &route->cache;
	uint8_t space[SPACE_MAX];
	struct writer sw = writer_of(space, sizeof(space));
	if (!route->has_cache || !conf->on)
		return NULL;
	space_write(e, conf, &sw);
	if (sw.bad)
		return NULL;
	struct proxy_cache_request r = {.target = target_of(e, conf),
					.space = writer_span(&sw),
					.wait_ms = conf->wait_ms,
					.status = conf->status,
					.bypassed = proxy_cache_rules_bypass(conf, e->x)};
	proxy_cache_policy(conf, &r.policy);
	/* By a password, by another server's word, or by a certificate: what a server says to him
	 * may be for him, as with Authorization. */
	r.policy.proved = e->question || e->route.values.user.len ||
			  proxy_head_find_name(&e->x->request, span_text("client-cert"));
	return proxy_cached_new(&w->cache, e->x, &r);
}

void reverse_cached_ask(struct reverse_worker *w, struct reverse_exchange *e,
			struct proxy_verdict *ret)
{
	if (!e->cached)
		e->cached = begin(w, e);
	proxy_cached_ask(e->cached, ret);
}

static void edit_fields(struct proxy_exchange *x)
{
	const struct reverse_exchange *e = x->service;
	(void)route_response_edit(&e->route, x);
}

static void edit_body(struct proxy_exchange *x)
{
	const struct reverse_exchange *e = x->service;
	reverse_compress(e->view->worker, e);
}

/* ---- requests of the cache's own ---- */

struct renewal_place {
	struct reverse_view *view; /* held */
	const struct pool *pool;
	struct pool_place place;
};

/* A place at the pool, as the request itself would have it; nobody waits in line for that. */
static bool way(struct proxy_exchange *x, struct proxy_cache_way *ret)
{
	struct reverse_exchange *e = x->service;
	struct reverse_view *v = e->view;
	struct renewal_place *p = malloc(sizeof(*p));
	if (!p || reverse_line_waits(v->worker, e->pool) ||
	    reverse_choose(v->worker, e) != POOL_PICKED) {
		free(p);
		return false;
	}
	*p = (struct renewal_place){reverse_view_use(v), e->pool, e->place};
	e->placed = false;
	ret->hop = &v->hops[e->pool_number][p->place.member - e->pool->members]->hop;
	ret->limits = &v->snapshot->site->route_limits[e->route.found.route->number];
	ret->held = p;
	return true;
}

static void left(const struct proxy_cache_way *w, enum proxy_cause cause, uint16_t status)
{
	struct renewal_place *p = w->held;
	/* Who answered did so, also if it was more than we wanted. */
	const struct pool_result result = {.kind = status ? POOL_RESULT_ANSWERED
							  : reverse_result_kind(cause),
					   .status = status};
	pool_done(p->pool, &p->place, loop_now_ms(&p->view->worker->loop), &result);
	reverse_view_leave(p->view);
	free(p);
}

const struct proxy_cache_edits reverse_cached_edits = {
	.fields = edit_fields, .body = edit_body, .way = way, .left = left};
