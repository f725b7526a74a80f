/* What a request is to the cache. How it is answered, and what is kept, is in proxy/cache/. */
#include "base/writer.h"
#include "proto/http/uri.h"
#include "proxy/cache/rules.h"
#include "service/forward-proxy/io_face.h"

#include <stdlib.h>

enum { SPACE_MAX = 4096 };

/* Whoever shows a cookie may be somebody to the origin, as who shows a password (RFC 9111 3.5):
 * what it says to him is for others only if it says so, and what it said to others is asked for
 * again. A proxy sees origins of all kinds, of which many forget to say that an answer is for one.
 */
static bool is_somebody(const struct forward_exchange *e)
{
	/* And a server that speaks TLS takes for granted that nobody stands in between. */
	return e->inside || proxy_head_find(&e->x->request, HTTP_FIELD_COOKIE) != NULL;
}

/* The path in one spelling, by which people purge. False: it has none, or there is no room. */
static bool path_settle(struct proxy_exchange *x, struct span path, struct span *ret)
{
	struct writer none = {0};
	enum err e = uri_path_normal(path, URI_ENCODED_SLASHES, &none, ret);
	if (e != ERR_LIMIT)
		return e == OK;
	uint8_t *room = proxy_exchange_alloc(x, path.len);
	struct writer w = writer_of(room, room ? path.len : 0);
	return uri_path_normal(path, URI_ENCODED_SLASHES, &w, ret) == OK;
}

/* Of another level a server gets other fields, and few say in Vary all of those by which they
 * chose: what came of it is kept apart. Of the usual level, too: a reload may make that another. */
static void write_level(const struct forward_exchange *e, struct writer *w)
{
	write_text(w, "\nprivacy: ");
	write_text(w, privacy_level_text(e->privacy->level));
}

static struct proxy_cached *begin(const struct forward_exchange *e)
{
	const struct forward_conf *conf = e->view->site->conf;
	const struct proxy_cache_rules_conf *rules = &conf->cache_rules;
	struct span target = e->x->request.path;
	size_t mark = span_find(target, '?');
	uint8_t space[SPACE_MAX];
	struct writer sw = writer_of(space, sizeof(space));
	struct proxy_cache_request r = {
		.target = {.scheme = e->x->request.scheme,
			   .host = e->host,
			   .port = e->to.port,
			   .query = span_sub(target, mark + 1, target.len),
			   .has_query = mark < target.len,
			   .no_query = rules->ignore_query,
			   .drop = rules->ignore_arguments.items,
			   .drop_n = rules->ignore_arguments.n},
		.wait_ms = rules->wait_ms,
		.status = rules->status,
		.name = conf->name,
		.bypassed = proxy_cache_rules_bypass(rules, e->x),
	};
	/* What an engine says under its safe name is not what it says to others. */
	if (!conf->has_cache || !rules->on || e->instead.len ||
	    !path_settle(e->x, span_sub(target, 0, mark), &r.target.path))
		return NULL;
	/* As it was written: an origin may tell apart what is one path to others. */
	write_span(&sw, proxy_cache_rules_target(rules, target));
	proxy_cache_rules_write(rules, e->x, &sw);
	write_level(e, &sw);
	r.space = writer_span(&sw);
	proxy_cache_policy(rules, &r.policy);
	r.policy.proved = is_somebody(e);
	return sw.bad ? NULL : proxy_cached_new(&e->worker->cache, e->x, &r);
}

enum forward_step forward_ask_cache(struct forward_exchange *e, struct proxy_verdict *ret)
{
	/* What one client's server says is not to be taken for the name's own answer. */
	if (e->kind != FORWARD_FETCH || e->unproved)
		return FORWARD_STEP_ON;
	if (!e->cached)
		e->cached = begin(e);
	proxy_cached_ask(e->cached, ret);
	return ret->kind == PROXY_FORWARD ? FORWARD_STEP_ON
	       : ret->kind == PROXY_WAIT  ? FORWARD_STEP_WAIT
					  : FORWARD_STEP_ANSWERED;
}

static bool refuse(struct proxy_exchange *x, uint64_t len, struct proxy_verdict *ret)
{
	return !forward_answer_passes(x->service, len, ret);
}

static void edit_fields(struct proxy_exchange *x)
{
	forward_edit_answer(x->service);
}

/* ---- requests of the cache's own ---- */

struct renewal_place {
	struct forward_worker *worker;
	struct forward_view *view; /* held */
	struct origin *origin;	   /* in use */
};

/* To the first of the addresses, which were judged for this very request. By a proxy of others
 * nothing is asked that no client asks for. */
static bool way(struct proxy_exchange *x, struct proxy_cache_way *ret)
{
	const struct forward_exchange *e = x->service;
	struct renewal_place *p = malloc(sizeof(*p));
	struct origin *o = p && !e->upstream ? forward_way(e) : NULL;
	if (!o) {
		free(p);
		return false;
	}
	*p = (struct renewal_place){e->worker, forward_view_use(e->view), o};
	ret->hop = &o->hop;
	ret->limits = &e->view->site->limits;
	ret->held = p;
	return true;
}

static void left(const struct proxy_cache_way *w, enum proxy_cause cause, uint16_t status)
{
	struct renewal_place *p = w->held;
	(void)cause;
	(void)status;
	origins_leave(&p->worker->origins, p->origin);
	forward_view_leave(p->view);
	free(p);
}

const struct proxy_cache_edits forward_cached_edits = {
	.refuse = refuse, .fields = edit_fields, .way = way, .left = left};
