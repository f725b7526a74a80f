#include "service/reverse-proxy/io_cache_inner.h"

#include "base/writer.h"
#include "http-cache/answer.h"
#include "http-cache/validate.h"
#include "os/clock.h"
#include "proto/http/cookie.h"
#include "proto/http/date.h"
#include "service/reverse-proxy/io_face.h"
#include "service/reverse-proxy/io_guard.h"
#include "service/reverse-proxy/io_snapshot.h"

enum { LOOK_MS = 100, SPACE_MAX = 4096 };

/* ---- the key ---- */

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
static void space_write(const struct reverse_cached *c, struct writer *w)
{
	struct proxy_exchange *x = c->e->x;
	const struct reverse_snapshot *s = c->e->view->snapshot;
	const struct config_list *headers = &c->conf->by_headers, *cookies = &c->conf->by_cookies;
	char name[IP_ENDPOINT_TEXT_MAX];
	struct span path = x->request.path;
	bool part = !c->e->route.found.route->rewrite.query &&
		    (c->conf->ignore_query || c->conf->ignore_arguments.n);
	write_text(w, reverse_snapshot_pool_name(s, c->e->pool_number, name));
	write_u8(w, '\n');
	write_span(w, x->request.authority);
	write_u8(w, '\n');
	write_span(w, part ? span_sub(path, 0, span_find(path, '?')) : path);
	for (size_t i = 0; i < headers->n; i++) {
		struct cache_list l =
			cache_list_of(cached_request(c), ((const char *const *)headers->items)[i]);
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

static bool key_make(struct reverse_cached *c)
{
	const struct route_request *r = &c->e->route;
	uint8_t key[CACHE_KEY_MAX], space[SPACE_MAX];
	struct writer kw = writer_of(key, sizeof(key)), sw = writer_of(space, sizeof(space));
	struct span target = c->e->x->received_path;
	c->target = (struct cache_target){
		.scheme = r->values.scheme,
		.host = r->facts.host,
		.port = r->host_port,
		.path = r->facts.path,
		.query = r->facts.query,
		.has_query = span_find(target, '?') < target.len,
		.no_query = c->conf->ignore_query,
		.drop = c->conf->ignore_arguments.items,
		.drop_n = c->conf->ignore_arguments.n,
	};
	cache_key_write(&c->target, &kw);
	space_write(c, &sw);
	if (kw.bad || sw.bad)
		return false;
	c->look.key = proxy_exchange_store(c->e->x, writer_span(&kw));
	c->look.space = proxy_exchange_store(c->e->x, writer_span(&sw));
	return c->look.key.data && c->look.space.data;
}

/* ---- which requests are for it ---- */

static bool is_bypassed(const struct reverse_cached *c)
{
	struct proxy_exchange *x = c->e->x;
	const struct config_list *headers = &c->conf->bypass_headers;
	const struct config_list *cookies = &c->conf->bypass_cookies;
	for (size_t i = 0; i < headers->n; i++)
		if (cache_field_named(cached_request(c),
				      span_text(((const char *const *)headers->items)[i])))
			return true;
	for (size_t i = 0; i < cookies->n; i++)
		if (cookie_of(x, ((const char *const *)cookies->items)[i]).data)
			return true;
	return false;
}

static enum cache_rule kept_out(const struct reverse_cached *c)
{
	const struct proxy_head *r = &c->e->x->request;
	if (r->method_id != PROXY_GET && r->method_id != PROXY_HEAD)
		return CACHE_RULE_METHOD;
	if (r->body != PROXY_BODY_NONE || r->protocol.len)
		return CACHE_RULE_BODY;
	if (cache_has_foreign_condition(cached_request(c)))
		return CACHE_RULE_CONDITION;
	return is_bypassed(c) ? CACHE_RULE_BYPASS : CACHE_MAY_STORE;
}

/* NULL: this route keeps nothing, or there is no room to remember that it does. */
static struct reverse_cached *begin(struct reverse_worker *w, struct reverse_exchange *e)
{
	const struct reverse_conf *conf = e->view->snapshot->site->conf;
	const struct reverse_route_conf *routes = conf->routes.items;
	const struct reverse_route_conf *route = &routes[e->route.found.route->number];
	if (!w->cache.memory || !route->has_cache || !route->cache.on)
		return NULL;
	struct reverse_cached *c = proxy_exchange_alloc(e->x, sizeof(*c));
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->w = w;
	c->e = e;
	c->conf = &route->cache;
	reverse_cache_policy(c->conf, &c->policy);
	/* By a password, by another server's word, or by a certificate: what a server says to him
	 * may be for him, as with Authorization. */
	c->policy.proved = e->question || e->route.values.user.len ||
			   proxy_head_find_name(&e->x->request, span_text("client-cert"));
	if (!key_make(c))
		return NULL;
	c->rule = kept_out(c);
	c->looked = !c->rule;
	c->why = c->rule == CACHE_RULE_METHOD ? CACHE_FWD_METHOD
		 : c->rule		      ? CACHE_FWD_BYPASS
					      : CACHE_FWD_NOT;
	cache_directives_read(cached_request(c), "cache-control", &c->asked);
	return c;
}

/* ---- lists of those that wait ---- */

static void list_add(struct reverse_cached **list, struct reverse_cached *c)
{
	c->next = *list;
	if (c->next)
		c->next->link = &c->next;
	*list = c;
	c->link = list;
}

static void list_leave(struct reverse_cached *c)
{
	if (!c->link)
		return;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->link = NULL;
}

static void wait_begin(struct reverse_cached *c, struct proxy_verdict *ret)
{
	struct reverse_worker *w = c->w;
	uint64_t now_ms = loop_now_ms(&w->loop);
	if (!c->waited) {
		c->until_ms = now_ms + c->conf->wait_ms;
		c->waited = c->why;
	}
	list_add(&w->cache.waiting, c);
	if (!w->cache_look.set)
		loop_timer_set_after(&w->loop, &w->cache_look, LOOK_MS);
	ret->kind = PROXY_WAIT;
}

void reverse_cache_turn(struct reverse_worker *w)
{
	uint64_t now_ms = loop_now_ms(&w->loop);
	for (struct reverse_cached *c = w->cache.waiting, *next; c; c = next) {
		next = c->next;
		if (c->flight && cache_flight_flies(c->flight) && now_ms < c->until_ms)
			continue;
		c->alone = now_ms >= c->until_ms;
		list_leave(c);
		list_add(&w->cache.ready, c);
	}
	/* Whoever goes on may end others, of either list. */
	while (w->cache.ready) {
		struct reverse_cached *c = w->cache.ready;
		list_leave(c);
		cached_land(c);
		proxy_exchange_resume(c->e->x);
	}
	if (w->cache.waiting)
		loop_timer_set_after(&w->loop, &w->cache_look, LOOK_MS);
}

/* ---- the way of a request ---- */

/* The client's conditions go, ours come: what is asked for is what is kept, or anew. */
static void ask_by_condition(struct reverse_cached *c)
{
	struct proxy_exchange *x = c->e->x;
	struct proxy_head *r = &x->request;
	struct http_field ours[CACHE_CONDITIONS_MAX];
	uint8_t *room = proxy_exchange_alloc(x, HTTP_DATE_LEN);
	struct writer w = writer_of(room, room ? HTTP_DATE_LEN : 0);
	size_t kept = 0, n = cache_conditions(&c->object->meta, &w, ours);
	c->conditions_taken = true;
	for (size_t i = 0; i < r->fields_n; i++) {
		bool condition = cache_field_is_condition(r->fields[i].id);
		if (condition && c->conditions_n < REVERSE_CONDITIONS_MAX)
			c->conditions[c->conditions_n++] = r->fields[i];
		if (!condition)
			r->fields[kept++] = r->fields[i];
	}
	r->fields_n = (uint16_t)kept;
	for (size_t i = 0; i < n; i++)
		if (r->fields_n < PROXY_FIELDS_MAX)
			r->fields[r->fields_n++] = ours[i];
	c->validates = n > 0;
}

/* 504 (RFC 9111 5.2.1.7). */
static void unreachable(struct reverse_cached *c, struct proxy_verdict *ret)
{
	proxy_head_reset(&c->e->x->response);
	c->e->x->response.status = 504;
	ret->kind = PROXY_ANSWER;
	ret->answer = span_text("only what is kept was asked for, and nothing is\n");
	c->why = CACHE_FWD_NOT;
	err_ignore(proxy_head_add(&c->e->x->response, span_text("content-type"),
				  span_text("text/plain; charset=utf-8")));
}

static void use(struct reverse_cached *c, struct proxy_verdict *ret)
{
	c->hit = true;
	(void)atomic_fetch_add_explicit(&c->object->hits, 1, memory_order_relaxed);
	c->collapsed = c->waited != CACHE_FWD_NOT;
	cached_count(c, c->stale ? REVERSE_CACHE_STALE : REVERSE_CACHE_HITS, 1);
	if (c->collapsed)
		cached_count(c, REVERSE_CACHE_COLLAPSED, 1);
	cached_answer(c, ret);
}

/* True: it leads, or goes alone; false: it waits. */
static bool fly(struct reverse_cached *c, struct proxy_verdict *ret)
{
	if (c->alone || !c->conf->wait_ms)
		return true;
	c->flight = cache_memory_fly(c->w->cache.memory, &c->look, c->w->cache.number, &c->leads);
	if (!c->flight || c->leads)
		return true;
	wait_begin(c, ret);
	return false;
}

static void go(struct reverse_cached *c)
{
	c->request_s = clock_wall_s();
	if (c->object)
		ask_by_condition(c);
	else
		cached_count(c, REVERSE_CACHE_MISSES, 1);
}

static void missed(struct reverse_cached *c, const struct cache_found *found,
		   struct proxy_verdict *ret)
{
	c->why = found->others ? CACHE_FWD_VARY_MISS : CACHE_FWD_URI_MISS;
	if (cache_only_if_cached(&c->asked, &c->policy)) {
		unreachable(c, ret);
		return;
	}
	/* What comes of these is of little use to others: nobody waits for it. */
	bool own = c->e->x->request.method_id == PROXY_HEAD || c->asked.no_store;
	for (size_t i = 0; i < c->e->x->request.fields_n; i++)
		own = own || cache_field_is_condition(c->e->x->request.fields[i].id);
	c->refused = found->refused;
	if (own || found->refused || fly(c, ret))
		go(c);
}

/* Stale, and may be used so: one asks anew, the others have it as it is. */
static void stale(struct reverse_cached *c, struct proxy_verdict *ret)
{
	c->flight = cache_memory_fly(c->w->cache.memory, &c->look, c->w->cache.number, &c->leads);
	if (c->leads) {
		c->why = CACHE_FWD_STALE;
		go(c);
		return;
	}
	cached_land(c);
	c->stale = true;
	use(c, ret);
}

static void look(struct reverse_cached *c, struct proxy_verdict *ret)
{
	struct cache_found found;
	bool authorized = cache_field_find(cached_request(c), HTTP_FIELD_AUTHORIZATION) != NULL;
	c->look.request = cached_request(c);
	cache_memory_find(c->w->cache.memory, &c->look, clock_wall_ms(), &found);
	/* It may have waited: what it found before that may be gone, and not to be used any more.
	 */
	cache_object_unref(c->object);
	c->object = found.object;
	c->since = found.since;
	if (!found.object) {
		missed(c, &found, ret);
		return;
	}
	struct cache_decision d =
		cache_decide(&c->object->meta, &c->asked, authorized, &c->policy, clock_wall_s());
	c->why = d.why;
	switch (d.use) {
	case CACHE_USE:
		c->stale = d.ttl_s <= 0;
		use(c, ret);
		return;
	case CACHE_USE_STALE: stale(c, ret); return;
	case CACHE_VALIDATE:
		/* Of a client's own wish nobody else's answer is new enough. */
		if (d.why == CACHE_FWD_REQUEST || fly(c, ret))
			go(c);
		return;
	case CACHE_UNREACHABLE: unreachable(c, ret); return;
	}
}

void reverse_cache_ask(struct reverse_worker *w, struct reverse_exchange *e,
		       struct proxy_verdict *ret)
{
	if (!e->cached)
		e->cached = begin(w, e);
	if (!e->cached)
		return;
	if (e->cached->looked)
		look(e->cached, ret);
	else
		cached_count(e->cached, REVERSE_CACHE_BYPASSED, 1);
}

/* ---- the way of an answer ---- */

/* RFC 9111 4.4. */
static void invalidate(struct reverse_cached *c)
{
	static const uint16_t others[] = {HTTP_FIELD_LOCATION, HTTP_FIELD_OTHER};
	struct proxy_head *r = &c->e->x->response;
	struct cache_memory *m = c->w->cache.memory;
	size_t n = cache_memory_purge(m, CACHE_PURGE_KEY, c->look.key);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint8_t room[CACHE_KEY_MAX];
		struct writer w = writer_of(room, sizeof(room));
		const struct http_field *f =
			others[i] ? proxy_head_find(r, others[i])
				  : proxy_head_find_name(r, span_text("content-location"));
		if (f && cache_key_of_reference(&c->target, f->value, &w))
			n += cache_memory_purge(m, CACHE_PURGE_KEY, writer_span(&w));
	}
	cached_count(c, REVERSE_CACHE_INVALIDATED, n);
}

static enum proxy_judgement replace(struct reverse_cached *c, struct proxy_verdict *ret)
{
	cached_answer(c, ret);
	reverse_guard_secure(c->e);
	cached_land(c);
	return PROXY_REPLACE;
}

static void head_answered(struct reverse_cached *c)
{
	const struct proxy_head *r = &c->e->x->response;
	struct cache_fields fields = {.at = r->fields, .n = r->fields_n};
	/* 4.3.5: "otherwise, the cache SHOULD consider the stored response to be stale". */
	if (!cache_is_freshened_by_head(&c->object->meta, c->object->body->len, fields,
					r->has_length ? r->length : UINT64_MAX))
		(void)cache_memory_purge(c->w->cache.memory, CACHE_PURGE_KEY, c->look.key);
}

/* A 304 to our own condition. */
static enum proxy_judgement not_modified(struct reverse_cached *c, struct proxy_verdict *ret)
{
	struct proxy_exchange *x = c->e->x;
	struct cache_fields fields = {.at = x->response.fields, .n = x->response.fields_n};
	if (!cache_is_freshened_by(&c->object->meta, fields)) {
		/* It is of something else: all of it is asked for. */
		(void)proxy_head_remove(&x->request, HTTP_FIELD_IF_NONE_MATCH);
		(void)proxy_head_remove(&x->request, HTTP_FIELD_IF_MODIFIED_SINCE);
		c->validates = false;
		return PROXY_AGAIN;
	}
	cached_freshen(c);
	c->validated = true;
	cached_count(c, REVERSE_CACHE_VALIDATED, 1);
	return replace(c, ret);
}

enum proxy_judgement reverse_cache_response(struct reverse_worker *w, struct reverse_exchange *e,
					    struct proxy_verdict *ret)
{
	struct reverse_cached *c = e->cached;
	struct proxy_exchange *x = e->x;
	(void)w;
	if (!c)
		return PROXY_PASS;
	c->back_status = x->response.status;
	if (cache_invalidates(x->request.method, x->response.status))
		invalidate(c);
	if (!c->looked)
		return PROXY_PASS;
	if (c->validates && x->response.status == 304)
		return not_modified(c, ret);
	if (c->object && cache_status_is_error(x->response.status) &&
	    cache_may_use_on_error(&c->object->meta, &c->asked, &c->policy, clock_wall_s())) {
		c->stale = true;
		cached_count(c, REVERSE_CACHE_STALE, 1);
		return replace(c, ret);
	}
	if (c->object)
		cached_count(c, REVERSE_CACHE_MISSES, 1);
	if (c->object && x->request.method_id == PROXY_HEAD && x->response.status == 200)
		head_answered(c);
	cached_store(c);
	return PROXY_PASS;
}

void reverse_cache_drop(struct reverse_exchange *e)
{
	if (!e->cached)
		return;
	e->cached->stored = false;
	cached_store_leave(e->cached);
}

void reverse_cache_fields(struct reverse_exchange *e)
{
	if (e->cached)
		cached_status(e->cached);
}

bool reverse_cache_error(struct reverse_worker *w, struct reverse_exchange *e,
			 struct proxy_verdict *ret)
{
	struct reverse_cached *c = e ? e->cached : NULL;
	(void)w;
	if (!c || !c->looked || !c->object || c->hit || e->x->response.status < 500 ||
	    !cache_may_use_on_error(&c->object->meta, &c->asked, &c->policy, clock_wall_s()))
		return false;
	c->stale = true;
	cached_count(c, REVERSE_CACHE_STALE, 1);
	(void)replace(c, ret);
	return true;
}

void reverse_cache_leave(struct reverse_worker *w, struct reverse_exchange *e)
{
	struct reverse_cached *c = e->cached;
	(void)w;
	if (!c)
		return;
	e->cached = NULL;
	list_leave(c);
	cached_store_leave(c);
	cache_object_unref(TAKE(c->object));
}

uint16_t reverse_cache_server_status(const struct reverse_exchange *e)
{
	const struct reverse_cached *c = e->cached;
	return c && c->back_status ? c->back_status : e->x->response.status;
}

struct span reverse_cache_word(const struct reverse_exchange *e)
{
	const struct reverse_cached *c = e->cached;
	if (!c)
		return (struct span){0};
	return span_text(c->stale	? "stale"
			 : c->collapsed ? "collapsed"
			 : c->hit	? "hit"
			 : c->validated ? "validated"
			 : c->looked	? "miss"
					: "bypass");
}
