#include "proxy/cache/io_cache_inner.h"

#include "base/writer.h"
#include "http-cache/answer.h"
#include "http-cache/validate.h"
#include "os/clock.h"
#include "proto/http/date.h"

enum {
	LOOK_MS = 100,
	LOAD_MS = 2000, /* for a disk that does not answer */
	LOADS_MAX = 4,	/* of one request, that others lead */
};

/* ---- which requests are for it ---- */

static enum cache_rule kept_out(const struct proxy_cached *c, bool bypassed)
{
	const struct proxy_head *r = &c->x->request;
	if (r->method_id != PROXY_GET && r->method_id != PROXY_HEAD)
		return CACHE_RULE_METHOD;
	if (r->body != PROXY_BODY_NONE || r->protocol.len)
		return CACHE_RULE_BODY;
	if (cache_has_foreign_condition(cached_request(c)))
		return CACHE_RULE_CONDITION;
	return bypassed ? CACHE_RULE_BYPASS : CACHE_MAY_STORE;
}

struct proxy_cached *proxy_cached_new(struct proxy_cache_desk *desk, struct proxy_exchange *x,
				      const struct proxy_cache_request *r)
{
	uint8_t key[CACHE_KEY_MAX];
	struct writer kw = writer_of(key, sizeof(key));
	struct proxy_cached *c = desk->memory ? proxy_exchange_alloc(x, sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	memset(c, 0, offsetof(struct proxy_cached, policy));
	c->desk = desk;
	c->x = x;
	c->policy = r->policy;
	c->target = r->target;
	c->wait_ms = r->wait_ms;
	c->status = r->status;
	c->name = r->name ? r->name : "gatehouse";
	cache_key_write(&c->target, &kw);
	if (kw.bad)
		return NULL;
	c->look.key = proxy_exchange_store(x, writer_span(&kw));
	c->look.space = proxy_exchange_store(x, r->space);
	if (!c->look.key.data || (r->space.len && !c->look.space.data))
		return NULL;
	c->rule = kept_out(c, r->bypassed);
	c->looked = !c->rule;
	c->why = c->rule == CACHE_RULE_METHOD ? CACHE_FWD_METHOD
		 : c->rule		      ? CACHE_FWD_BYPASS
					      : CACHE_FWD_NOT;
	cache_directives_read(cached_request(c), &c->asked);
	return c;
}

/* ---- lists of those that wait ---- */

static void list_add(struct proxy_cached **list, struct proxy_cached *c)
{
	c->next = *list;
	if (c->next)
		c->next->link = &c->next;
	*list = c;
	c->link = list;
}

static void list_leave(struct proxy_cached *c)
{
	if (!c->link)
		return;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->link = NULL;
}

static void wait_in_list(struct proxy_cached *c, struct proxy_verdict *ret)
{
	struct proxy_cache_desk *desk = c->desk;
	list_add(&desk->waiting, c);
	if (!desk->timer.set)
		loop_timer_set_after(desk->loop, &desk->timer, LOOK_MS);
	ret->kind = PROXY_WAIT;
}

static void wait_begin(struct proxy_cached *c, struct proxy_verdict *ret)
{
	if (!c->waited) {
		c->until_ms = loop_now_ms(c->desk->loop) + c->wait_ms;
		c->waited = c->why;
	}
	wait_in_list(c, ret);
}

/* The disk may have it, and is asked once. False: it goes on without. */
static bool load(struct proxy_cached *c, struct proxy_verdict *ret)
{
	bool leads;
	if (c->loaded >= LOADS_MAX)
		return false;
	c->flight = cache_memory_load(c->desk->memory, &c->look, c->since, c->desk->number, &leads);
	/* What others wait for may be another variant: then once more. */
	c->loaded = leads || !c->flight ? LOADS_MAX : (uint8_t)(c->loaded + 1);
	if (!c->flight)
		return false;
	c->loads = true;
	c->until_ms = loop_now_ms(c->desk->loop) + LOAD_MS;
	wait_in_list(c, ret);
	return true;
}

void proxy_cache_turn(struct proxy_cache_desk *desk)
{
	uint64_t now_ms = loop_now_ms(desk->loop);
	for (struct proxy_cached *c = desk->waiting, *next; c; c = next) {
		next = c->next;
		if (c->flight && cache_flight_flies(c->flight) && now_ms < c->until_ms)
			continue;
		c->alone = now_ms >= c->until_ms && !c->loads;
		c->loads = false;
		list_leave(c);
		list_add(&desk->ready, c);
	}
	/* Whoever goes on may end others, of either list. */
	while (desk->ready) {
		struct proxy_cached *c = desk->ready;
		list_leave(c);
		cached_land(c);
		proxy_exchange_resume(c->x);
	}
	if (desk->waiting)
		loop_timer_set_after(desk->loop, &desk->timer, LOOK_MS);
}

static void look_at(void *arg)
{
	proxy_cache_turn(arg);
}

void proxy_cache_desk_init(struct proxy_cache_desk *desk, struct loop *loop,
			   struct cache_memory *memory, unsigned number,
			   const struct proxy_cache_edits *edits)
{
	desk->loop = loop;
	desk->memory = memory;
	desk->number = number;
	desk->edits = edits;
	loop_timer_init(&desk->timer, look_at, desk);
}

/* ---- the way of a request ---- */

/* The client's conditions go, ours come: what is asked for is what is kept, or anew. */
static void ask_by_condition(struct proxy_cached *c)
{
	struct proxy_exchange *x = c->x;
	struct proxy_head *r = &x->request;
	struct http_field ours[CACHE_CONDITIONS_MAX];
	uint8_t *room = proxy_exchange_alloc(x, HTTP_DATE_LEN);
	struct writer w = writer_of(room, room ? HTTP_DATE_LEN : 0);
	size_t kept = 0, n = cache_conditions(&c->object->meta, &w, ours);
	c->conditions_taken = true;
	for (size_t i = 0; i < r->fields_n; i++) {
		bool condition = cache_field_is_condition(r->fields[i].id);
		if (condition && c->conditions_n < PROXY_CONDITIONS_MAX)
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
static void unreachable(struct proxy_cached *c, struct proxy_verdict *ret)
{
	proxy_head_reset(&c->x->response);
	c->x->response.status = 504;
	ret->kind = PROXY_ANSWER;
	ret->answer = span_text("only what is kept was asked for, and nothing is\n");
	c->why = CACHE_FWD_NOT;
	err_ignore(proxy_head_add(&c->x->response, span_text("content-type"),
				  span_text("text/plain; charset=utf-8")));
}

static void use(struct proxy_cached *c, struct proxy_verdict *ret)
{
	c->hit = true;
	(void)atomic_fetch_add_explicit(&c->object->hits, 1, memory_order_relaxed);
	c->collapsed = c->waited != CACHE_FWD_NOT;
	cached_count(c, c->stale ? PROXY_CACHE_STALE : PROXY_CACHE_HITS, 1);
	/* Who waited for it has saved nothing. */
	cached_count(c, PROXY_CACHE_SAVED_MS, c->collapsed ? 0 : c->object->fetch_ms);
	if (c->collapsed)
		cached_count(c, PROXY_CACHE_COLLAPSED, 1);
	cached_answer(c, ret);
}

static enum cache_flying fly(struct proxy_cached *c)
{
	enum cache_flying how =
		cache_memory_fly(c->desk->memory, &c->look, c->desk->number, &c->flight);
	c->leads = how == CACHE_LEADS;
	return how;
}

static void look(struct proxy_cached *c, struct proxy_verdict *ret);

/* True: it leads, or goes alone; false: it waits, or found what came meanwhile. */
static bool may_go(struct proxy_cached *c, struct proxy_verdict *ret)
{
	if (c->alone || !c->wait_ms)
		return true;
	switch (fly(c)) {
	case CACHE_LEADS:
	case CACHE_NO_FLIGHT: return true;
	case CACHE_FOLLOWS: wait_begin(c, ret); return false;
	case CACHE_LOOK_AGAIN: look(c, ret); return false;
	}
	return true;
}

static void go(struct proxy_cached *c)
{
	c->request_s = clock_wall_s();
	c->went_ms = loop_now_ms(c->desk->loop);
	if (c->object)
		ask_by_condition(c);
	else
		cached_count(c, PROXY_CACHE_MISSES, 1);
}

static void missed(struct proxy_cached *c, const struct cache_found *found,
		   struct proxy_verdict *ret)
{
	c->why = found->others ? CACHE_FWD_VARY_MISS : CACHE_FWD_URI_MISS;
	if (cache_only_if_cached(&c->asked, &c->policy)) {
		unreachable(c, ret);
		return;
	}
	/* What comes of these is of little use to others: nobody waits for it. */
	bool own = c->x->request.method_id == PROXY_HEAD || c->asked.no_store;
	for (size_t i = 0; i < c->x->request.fields_n; i++)
		own = own || cache_field_is_condition(c->x->request.fields[i].id);
	c->refused = found->refused;
	if (own || found->refused || may_go(c, ret))
		go(c);
}

/* Stale, and may be used so (RFC 5861 3): it is asked for anew once, and nobody waits for that. */
static void stale(struct proxy_cached *c, struct proxy_verdict *ret)
{
	enum cache_flying how = fly(c);
	if (how == CACHE_LOOK_AGAIN) {
		look(c, ret);
		return;
	}
	if (how == CACHE_LEADS && !cached_renew(c)) {
		c->why = CACHE_FWD_STALE;
		go(c);
		return;
	}
	cached_land(c);
	c->stale = true;
	use(c, ret);
}

static void look(struct proxy_cached *c, struct proxy_verdict *ret)
{
	struct cache_found found;
	bool authorized = cache_field_find(cached_request(c), HTTP_FIELD_AUTHORIZATION) != NULL;
	c->look.request = cached_request(c);
	cache_memory_find(c->desk->memory, &c->look, clock_wall_ms(), &found);
	/* It may have waited: what it found before that may be gone, and not to be used any more.
	 */
	cache_object_unref(c->object);
	c->object = found.object;
	c->since = found.since;
	c->look.landed = found.landed;
	if (!found.object) {
		if (!found.below || !load(c, ret))
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
		if (d.why == CACHE_FWD_REQUEST || may_go(c, ret))
			go(c);
		return;
	case CACHE_UNREACHABLE: unreachable(c, ret); return;
	}
}

void proxy_cached_ask(struct proxy_cached *c, struct proxy_verdict *ret)
{
	if (c && c->looked)
		look(c, ret);
	else if (c)
		cached_count(c, PROXY_CACHE_BYPASSED, 1);
}

/* ---- the way of an answer ---- */

/* RFC 9111 4.4. */
static void invalidate(struct proxy_cached *c)
{
	static const uint16_t others[] = {HTTP_FIELD_LOCATION, HTTP_FIELD_OTHER};
	struct proxy_head *r = &c->x->response;
	struct cache_memory *m = c->desk->memory;
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
	cached_count(c, PROXY_CACHE_INVALIDATED, n);
}

static enum proxy_judgement replace(struct proxy_cached *c, struct proxy_verdict *ret)
{
	cached_answer(c, ret);
	cached_land(c);
	return PROXY_REPLACE;
}

static void head_answered(struct proxy_cached *c)
{
	const struct proxy_head *r = &c->x->response;
	struct cache_fields fields = {.at = r->fields, .n = r->fields_n};
	/* 4.3.5: "the cache SHOULD update the stored response ...; otherwise, the cache SHOULD
	 * consider the stored response to be stale". */
	if (cache_is_freshened_by_head(&c->object->meta, c->object->body->len, fields,
				       r->has_length ? r->length : UINT64_MAX))
		cached_freshen(c);
	else
		(void)cache_memory_purge(c->desk->memory, CACHE_PURGE_KEY, c->look.key);
}

/* A 304 to our own condition. */
static enum proxy_judgement not_modified(struct proxy_cached *c, struct proxy_verdict *ret)
{
	struct proxy_exchange *x = c->x;
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
	cached_count(c, PROXY_CACHE_VALIDATED, 1);
	return replace(c, ret);
}

enum proxy_judgement proxy_cached_response(struct proxy_cached *c, struct proxy_verdict *ret)
{
	if (!c)
		return PROXY_PASS;
	struct proxy_exchange *x = c->x;
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
		cached_count(c, PROXY_CACHE_STALE, 1);
		return replace(c, ret);
	}
	if (c->object)
		cached_count(c, PROXY_CACHE_MISSES, 1);
	if (c->object && x->request.method_id == PROXY_HEAD && x->response.status == 200)
		head_answered(c);
	/* Who is known by the connection shows no credentials in his requests. */
	c->policy.proved = c->policy.proved || x->personal;
	cached_store(c);
	return PROXY_PASS;
}

void proxy_cached_drop(struct proxy_cached *c)
{
	if (!c)
		return;
	c->stored = false;
	cached_store_leave(c);
}

void proxy_cached_fields(struct proxy_cached *c)
{
	if (c)
		cached_status(c);
}

bool proxy_cached_error(struct proxy_cached *c, struct proxy_verdict *ret)
{
	if (!c || !c->looked || !c->object || c->hit || c->x->response.status < 500)
		return false;
	if (!cache_may_use_on_error(&c->object->meta, &c->asked, &c->policy, clock_wall_s())) {
		/* 5.2.2.2: "The generated status code SHOULD be 504 (Gateway Timeout)". */
		if (c->object->meta.must_revalidate && c->x->response.status == 502)
			c->x->response.status = 504;
		return false;
	}
	c->stale = true;
	cached_count(c, PROXY_CACHE_STALE, 1);
	(void)replace(c, ret);
	return true;
}

void proxy_cached_leave(struct proxy_cached *c)
{
	if (!c)
		return;
	list_leave(c);
	cached_store_leave(c);
	cache_object_unref(TAKE(c->object));
}

uint16_t proxy_cached_server_status(const struct proxy_cached *c)
{
	return c ? c->back_status : 0;
}

struct span proxy_cached_word(const struct proxy_cached *c)
{
	if (!c)
		return (struct span){0};
	return span_text(c->stale	? "stale"
			 : c->collapsed ? "collapsed"
			 : c->hit	? "hit"
			 : c->validated ? "validated"
			 : c->looked	? "miss"
					: "bypass");
}
