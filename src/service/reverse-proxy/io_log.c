/* An exchange that has ended, as a line of the access log. */
#include "service/reverse-proxy/io_face.h"

#include "os/clock.h"
#include "proxy/cache/io_cache.h"
#include "service/reverse-proxy/io_snapshot.h"

static struct span field_of(struct proxy_exchange *x, uint16_t id)
{
	const struct http_field *f = proxy_head_find(&x->request, id);
	return f ? f->value : (struct span){0};
}

static uint64_t between(uint64_t from_us, uint64_t to_us)
{
	return from_us && to_us > from_us ? to_us - from_us : 0;
}

static void fill_route(const struct reverse_exchange *e, struct access_line *l,
		       char name[IP_ENDPOINT_TEXT_MAX])
{
	const struct reverse_snapshot *s = e->view->snapshot;
	const struct reverse_route_conf *routes = s->site->conf->routes.items;
	if (e->route.facts.client.family)
		l->client = e->route.facts.client;
	l->scheme = e->route.values.scheme;
	l->user = e->route.values.user;
	l->id = span_of(e->route.id, sizeof(e->route.id));
	if (e->route.found.route)
		l->route = routes[e->route.found.route->number].line;
	if (e->pool)
		l->pool = span_text(reverse_snapshot_pool_name(s, e->pool_number, name));
	if (e->server)
		l->server = span_text(e->server->name);
}

static void fill_tls(const struct proxy_tls_facts *tls, struct access_line *l)
{
	l->tls = tls->version;
	l->cipher = tls->cipher;
	l->server_name = tls->server_name;
	l->alpn = tls->alpn;
	l->resumed = tls->resumed;
	l->client_subject = tls->client_subject;
	l->client_fingerprint = tls->client_fingerprint;
}

void reverse_log(struct reverse_worker *w, struct proxy_exchange *x,
		 const struct reverse_exchange *e)
{
	const struct reverse_view *v = e ? e->view : w->view;
	const struct access_log_conf *conf =
		v ? &v->snapshot->site->conf->access_log : NULL; /* NULL: at the end of all */
	const struct proxy_times *t = &x->times;
	char name[IP_ENDPOINT_TEXT_MAX];
	struct writer line;
	if (!conf || conf->format == ACCESS_LOG_OFF)
		return;
	struct access_line l = {
		.time_ms = clock_wall_ms() - between(t->begin_us, t->end_us) / 1000,
		.client = x->connection->peer.address,
		.method = x->request.method,
		.host = x->received_authority,
		.path = x->received_path,
		.referer = field_of(x, HTTP_FIELD_REFERER),
		.agent = field_of(x, HTTP_FIELD_USER_AGENT),
		.cause = x->cause == PROXY_FINE || x->cause == PROXY_REFUSED
				 ? NULL
				 : proxy_cause_text((enum proxy_cause)x->cause),
		.status = x->response.status,
		.version = x->request.version,
		.tries = x->tries,
		.request_bytes = x->request_bytes,
		.response_bytes = x->sent_bytes,
		.duration_us = between(t->begin_us, t->end_us),
		.first_byte_us = between(t->begin_us, t->first_us),
		.connect_us = between(t->picked_us, t->open_us),
	};
	if (x->connection->tls)
		fill_tls(x->connection->tls, &l);
	if (e) {
		fill_route(e, &l, name);
		l.cache = proxy_cached_word(e->cached);
	}
	if (!access_out_begin(w->access, ACCESS_LINE_MAX, &line))
		return;
	access_line_write(&l, conf->format == ACCESS_LOG_JSON ? ACCESS_JSON : ACCESS_COMBINED,
			  conf->clients, &line);
	access_out_end(w->access, &line);
}
