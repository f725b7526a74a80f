/* Which answers a route keeps, and what they differ by. */
#include "service/reverse-proxy/io_cached.h"

#include "base/writer.h"
#include "http-cache/fields.h"
#include "proto/http/cookie.h"
#include "service/reverse-proxy/io_face.h"
#include "service/reverse-proxy/io_snapshot.h"

enum { SPACE_MAX = 4096 };

static struct cache_fields request_of(const struct proxy_exchange *x)
{
	return (struct cache_fields){.at = x->request.fields, .n = x->request.fields_n};
}

static struct span cookie_of(const struct proxy_exchange *x, const char *name)
{
	struct span value = {0};
	for (size_t i = 0; i < x->request.fields_n; i++)
		if (x->request.fields[i].id == HTTP_FIELD_COOKIE &&
		    http_cookie_find(x->request.fields[i].value, span_text(name), &value))
			break;
	return value;
}

/* Everything besides the client's address by which the answers differ: whom the server is to be,
 * and what it is asked for; no part holds a line end. */
static void space_write(const struct reverse_exchange *e, const struct proxy_cache_rules_conf *conf,
			struct writer *w)
{
	struct proxy_exchange *x = e->x;
	const struct reverse_snapshot *s = e->view->snapshot;
	const struct config_list *headers = &conf->by_headers, *cookies = &conf->by_cookies;
	char name[IP_ENDPOINT_TEXT_MAX];
	struct span path = x->request.path;
	bool part = !e->route.found.route->rewrite.query &&
		    (conf->ignore_query || conf->ignore_arguments.n);
	write_text(w, reverse_snapshot_pool_name(s, e->pool_number, name));
	write_u8(w, '\n');
	write_span(w, x->request.authority);
	write_u8(w, '\n');
	write_span(w, part ? span_sub(path, 0, span_find(path, '?')) : path);
	for (size_t i = 0; i < headers->n; i++) {
		struct cache_list l =
			cache_list_of(request_of(x), ((const char *const *)headers->items)[i]);
		struct span one;
		write_u8(w, '\n');
		while (cache_list_next(&l, &one)) {
			write_span(w, one);
			write_u8(w, ',');
		}
	}
	for (size_t i = 0; i < cookies->n; i++) {
		write_u8(w, '\n');
		write_span(w, cookie_of(x, ((const char *const *)cookies->items)[i]));
	}
}

static bool is_bypassed(const struct proxy_exchange *x, const struct proxy_cache_rules_conf *conf)
{
	const struct config_list *headers = &conf->bypass_headers;
	const struct config_list *cookies = &conf->bypass_cookies;
	for (size_t i = 0; i < headers->n; i++)
		if (cache_field_named(request_of(x),
				      span_text(((const char *const *)headers->items)[i])))
			return true;
	for (size_t i = 0; i < cookies->n; i++)
		if (cookie_of(x, ((const char *const *)cookies->items)[i]).data)
			return true;
	return false;
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
					.bypassed = is_bypassed(e->x, conf)};
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

const struct proxy_cache_edits reverse_cached_edits = {.fields = edit_fields, .body = edit_body};
