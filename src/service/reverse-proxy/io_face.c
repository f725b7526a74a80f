#include "service/reverse-proxy/io_face.h"

#include "service/reverse-proxy/grpc.h"
#include "service/reverse-proxy/io_cached.h"
#include "service/reverse-proxy/io_certificates.h"
#include "service/reverse-proxy/io_errors.h"
#include "service/reverse-proxy/io_guard.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/route/io_files.h"

enum {
	COMPRESS_MIN = 1024, /* bytes; an answer that fits a packet gains nothing */
	COMPRESS_LEVEL = 5,
};

/* Whether it is of a load balancer that tells who its client is. */
static bool begins_with_header(const struct reverse_listen_conf *l, const struct ip_address *peer)
{
	const struct ip_prefix *from = l->proxy_header.from.items;
	struct ip_address plain = ip_address_unmap(peer);
	for (size_t i = 0; i < l->proxy_header.from.n; i++)
		if (ip_prefix_contains(&from[i], &plain))
			return true;
	return false;
}

/* One more connection of its client, unless it has too many. Behind a proxy that is believed are
 * many clients. */
static bool enters(const struct reverse_worker *w, struct proxy_connection *c)
{
	const struct reverse_site *site = w->view->snapshot->site;
	const struct ip_address client = ip_address_unmap(&c->peer.address);
	uint32_t most = site->conf->limits.client_connections;
	if (!most || reverse_trusts(site, &client))
		return true;
	if (!guard_entered(w->guard, &client, most, 0))
		return false;
	/* What tells that it was counted. */
	c->service = w->guard;
	return true;
}

static void disconnected(void *arg, struct proxy_connection *c)
{
	const struct reverse_worker *w = arg;
	const struct ip_address client = ip_address_unmap(&c->peer.address);
	if (c->service)
		guard_left(w->guard, &client);
}

static void connection(void *arg, struct proxy_connection *c, struct proxy_admission *ret)
{
	const struct reverse_worker *w = arg;
	const struct reverse_entry *entry = c->door;
	const struct reverse_conf *conf = w->view->snapshot->site->conf;
	const struct reverse_listen_conf *l = w->view->listens[entry->number];
	if (!l) {
		ret->refuse = true;
		return;
	}
	const struct reverse_listen_conf *first = conf->listen.items;
	ret->tls = w->view->snapshot->site->tls->servers[l - first];
	ret->proxy_header = !c->proxied && begins_with_header(l, &c->peer.address);
	ret->http2_plain = l->h2c;
	ret->handshake_ms = (uint32_t)conf->timeouts.head_ms;
	ret->head_ms = (uint32_t)conf->timeouts.head_ms;
	ret->idle_ms = (uint32_t)conf->timeouts.idle_ms;
	ret->head_max = PROXY_BUFFER_SIZE;
	/* Of a PROXY header the client is known later. */
	if (c->proxied || !ret->proxy_header)
		ret->refuse = !enters(w, c);
}

void reverse_compress(struct reverse_worker *w, const struct reverse_exchange *e)
{
	const struct compression_conf conf = {
		.on = e->route.found.route->compress, .min = COMPRESS_MIN, .level = COMPRESS_LEVEL};
	compression_begin(&w->compression, e->x, &conf);
}

static enum proxy_judgement response(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	struct reverse_worker *w = arg;
	struct reverse_exchange *e = x->service;
	enum proxy_judgement judged = proxy_cached_response(e->cached, ret);
	if (judged == PROXY_REPLACE)
		reverse_guard_secure(e);
	if (judged != PROXY_PASS)
		return judged;
	reverse_stick(x, e);
	bool replaced = !e->grpc && reverse_error_replaces(e, x, ret);
	/* A field for which there is no room is left out; the answer is good without. */
	(void)route_response_edit(&e->route, x);
	reverse_guard_secure(e);
	if (replaced) {
		proxy_cached_drop(e->cached);
		return PROXY_REPLACE;
	}
	proxy_cached_fields(e->cached);
	reverse_compress(w, e);
	return PROXY_PASS;
}

/* The core itself says so: no server, no answer in time, too long a body. What is kept may do. */
static void error(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	const struct reverse_exchange *e = x->service;
	(void)arg;
	if (e && proxy_cached_error(e->cached, ret)) {
		reverse_guard_secure(e);
		return;
	}
	if (e && e->grpc)
		grpc_answer(x, ret);
	else
		reverse_error_page(e, x, ret);
}

static void done(void *arg, struct proxy_exchange *x)
{
	struct reverse_worker *w = arg;
	struct reverse_exchange *e = x->service;
	const struct pool_result abandoned = {.kind = POOL_RESULT_ABANDONED};
	reverse_log(w, x, e);
	if (!e)
		return;
	reverse_guard_leave(w, e);
	proxy_cached_leave(TAKE(e->cached));
	files_leave(e->file);
	wait_leave(&e->waiter);
	reverse_exchange_leave(e, &abandoned);
	x->service = NULL;
	reverse_view_leave(e->view);
}

static void hop_empty(void *arg, struct proxy_hop *hop)
{
	(void)arg;
	reverse_hop_empty(hop->owner);
}

const struct proxy_face reverse_face = {
	.connection = connection,
	.disconnected = disconnected,
	.request = reverse_request,
	.pick = reverse_pick,
	.left = reverse_left,
	.response = response,
	.error = error,
	.done = done,
	.hop_empty = hop_empty,
};
