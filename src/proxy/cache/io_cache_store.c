/* What comes back from a server, on its way to be kept. */
#include "proxy/cache/io_cache_inner.h"

#include "base/writer.h"
#include "http-cache/validate.h"
#include "http-cache/vary.h"
#include "os/clock.h"

void cached_land(struct proxy_cached *c)
{
	struct cache_flight *f = c->flight;
	c->flight = NULL;
	if (f && c->leads)
		cache_flight_land(c->desk->memory, f);
	else
		cache_flight_unref(f);
	c->leads = false;
}

/* The head as an object without a body; NULL: no memory, or Vary is too long (*ret_rule). */
static struct cache_object *object_of(const struct proxy_cached *c, struct cache_fields fields,
				      enum cache_rule rule, enum cache_rule *ret_rule)
{
	uint8_t rooms[2][CACHE_VARY_MAX];
	struct writer names = writer_of(rooms[0], CACHE_VARY_MAX);
	struct writer vary = writer_of(rooms[1], CACHE_VARY_MAX);
	if (!rule) {
		cache_vary_names(fields, &names);
		cache_vary_write(writer_span(&names), cached_request(c), &vary);
	}
	*ret_rule = names.bad || vary.bad ? CACHE_RULE_VARY_LONG : CACHE_RULE_MEMORY;
	if (names.bad || vary.bad)
		return NULL;
	const struct cache_object_parts parts = {.rule = rule,
						 .status = c->x->response.status,
						 .key = c->look.key,
						 .space = c->look.space,
						 .vary_names = writer_span(&names),
						 .vary = writer_span(&vary),
						 .fields = fields,
						 .policy = &c->policy,
						 .request_s = c->request_s,
						 .response_s = clock_wall_s()};
	return cache_object_new(&parts);
}

/* It is not kept as this client asked so, or has proved who he is: what is kept stays right for
 * others. */
static bool is_for_one(enum cache_rule rule)
{
	return rule == CACHE_RULE_CLIENT || rule == CACHE_RULE_AUTHORIZATION;
}

/* Without a note somebody waits in vain next time. */
static void note(const struct proxy_cached *c, enum cache_rule rule)
{
	enum cache_rule ignored;
	struct cache_object *o = object_of(c, (struct cache_fields){0}, rule, &ignored);
	if (o)
		err_ignore(cache_memory_put(c->desk->memory, o, c->since, clock_wall_ms()));
	cache_object_unref(o);
}

void cached_refuse(struct proxy_cached *c, enum cache_rule rule)
{
	c->rule = rule;
	/* A newer answer that is not kept: what is kept is of the past. */
	if (c->object && !is_for_one(rule) && !cache_status_is_error(c->back_status))
		(void)cache_memory_purge(c->desk->memory, CACHE_PURGE_KEY, c->look.key);
	if (c->refused != rule)
		note(c, rule);
	cached_land(c);
}

/* ---- the filter ---- */

static struct proxy_cached *of_filter(struct proxy_filter *f)
{
	return (struct proxy_cached *)(void *)((char *)f - offsetof(struct proxy_cached, filter));
}

static void made_leave(struct proxy_cached *c)
{
	cache_object_unref(TAKE(c->made));
	cache_body_unref(TAKE(c->body));
	if (c->taken)
		cache_memory_give(c->desk->memory, c->taken);
	c->taken = 0;
}

static void give_up(struct proxy_cached *c, enum cache_rule rule)
{
	made_leave(c);
	cached_refuse(c, rule);
}

void cached_keep_end(struct proxy_cached *c)
{
	if (!c->made)
		return;
	cache_body_end(c->body);
	cache_object_give_body(c->made, c->body);
	uint64_t took_ms = loop_now_ms(c->desk->loop) - c->went_ms;
	c->made->fetch_ms = took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX;
	if (cache_memory_put(c->desk->memory, c->made, c->since, clock_wall_ms()) == OK)
		cached_count(c, PROXY_CACHE_STORED, 1);
	cached_store_leave(c);
}

static enum err keep(struct proxy_cached *c, struct span bytes)
{
	const struct proxy_head *r = &c->x->response;
	uint64_t room = c->body->room, len = c->body->len;
	TRY(cache_body_add(c->body, bytes, r->has_length && r->length > len ? r->length - len : 0));
	room = c->body->room - room;
	if (!room)
		return OK;
	if (!cache_memory_take(c->desk->memory, room))
		return ERR_LIMIT;
	c->taken += room;
	return OK;
}

void cached_keep(struct proxy_cached *c, struct span bytes)
{
	if (!c->made)
		return;
	if (c->body->len + bytes.len > cache_memory_object_max(c->desk->memory))
		give_up(c, CACHE_RULE_LARGE);
	else if (keep(c, bytes))
		give_up(c, CACHE_RULE_MEMORY);
}

static size_t push(struct proxy_filter *f, struct proxy_exchange *x, struct span bytes, bool end)
{
	struct proxy_cached *c = of_filter(f);
	/* What was not taken is offered again, and was kept before. */
	uint64_t again = c->kept - c->passed;
	size_t skip = again < bytes.len ? (size_t)again : bytes.len;
	cached_keep(c, span_sub(bytes, skip, bytes.len - skip));
	c->kept += bytes.len - skip;
	/* Before the client has the last byte: its next request finds it. */
	if (end)
		cached_keep_end(c);
	size_t n = proxy_filter_next(f, x, bytes, end);
	c->passed += n;
	return n;
}

static void close_filter(struct proxy_filter *f, struct proxy_exchange *x, bool whole)
{
	/* RFC 9111 3.3: what has not come to its end by now is not kept. */
	(void)x, (void)whole;
	cached_store_leave(of_filter(f));
}

static const struct proxy_filter_ops filter_ops = {.push = push, .close = close_filter};

/* By its head alone. */
static enum cache_rule judge(const struct proxy_cached *c, struct cache_fields fields)
{
	const struct proxy_exchange *x = c->x;
	const struct cache_answered a = {.status = x->response.status, .fields = fields};
	struct cache_meta meta;
	enum cache_rule rule = cache_forbids(x->request.method, cached_request(c), &a, &c->policy);
	if (rule)
		return rule;
	cache_meta_read(a.status, fields, &c->policy, c->request_s, clock_wall_s(), &meta);
	return cache_is_useless(&meta) ? CACHE_RULE_USELESS : CACHE_MAY_STORE;
}

bool cached_keep_begin(struct proxy_cached *c)
{
	struct proxy_exchange *x = c->x;
	const struct proxy_head *r = &x->response;
	struct cache_fields fields = {.at = r->fields, .n = r->fields_n};
	enum cache_rule rule = judge(c, fields), why = rule;
	if (!rule && r->has_length && r->length > cache_memory_object_max(c->desk->memory))
		rule = CACHE_RULE_LARGE;
	if (!rule)
		c->made = object_of(c, fields, CACHE_MAY_STORE, &why);
	c->body = c->made ? cache_body_new() : NULL;
	if (!c->body) {
		cache_object_unref(TAKE(c->made));
		rule = rule ? rule : why;
		/* Of one client's wish, and of a part, nothing follows for others. */
		if (rule == CACHE_RULE_CLIENT || rule == CACHE_RULE_METHOD ||
		    rule == CACHE_RULE_STATUS) {
			c->rule = rule;
			cached_land(c);
		} else {
			cached_refuse(c, rule);
		}
		return false;
	}
	return true;
}

void cached_store(struct proxy_cached *c)
{
	if (!cached_keep_begin(c))
		return;
	c->stored = true;
	c->filter.ops = &filter_ops;
	proxy_exchange_filter(c->x, &c->filter);
}

void cached_store_leave(struct proxy_cached *c)
{
	made_leave(c);
	cached_land(c);
}

/* ---- 304, and answers to HEAD ---- */

void cached_freshen(struct proxy_cached *c)
{
	const struct proxy_head *r = &c->x->response;
	struct http_field fields[2 * PROXY_FIELDS_MAX];
	struct cache_fields new = {.at = r->fields, .n = r->fields_n}, all = {.at = fields};
	struct cache_object *old = c->object;
	if (cache_fields_freshen(cache_object_fields(old), new, &c->policy, fields,
				 2 * PROXY_FIELDS_MAX, &all.n))
		return;
	const struct cache_object_parts parts = {.status = old->meta.status,
						 .key = old->key,
						 .space = old->space,
						 .vary_names = old->vary_names,
						 .vary = old->vary,
						 .fields = all,
						 .policy = &c->policy,
						 .request_s = c->request_s,
						 .response_s = clock_wall_s(),
						 .body = old->body};
	struct cache_object *made = cache_object_new(&parts);
	if (!made)
		return; /* the old one answers, and is asked for again next time */
	made->fetch_ms = old->fetch_ms;
	made->written_ms = cache_object_same_but_times(old, made) ? old->written_ms : 0;
	/* It may not be for others by now. */
	enum cache_rule rule =
		cache_may_store(span_text("GET"), cached_request(c), all, &made->meta, &c->policy);
	if (!rule)
		err_ignore(cache_memory_put(c->desk->memory, made, c->since, clock_wall_ms()));
	else if (!is_for_one(rule))
		(void)cache_memory_purge(c->desk->memory, CACHE_PURGE_KEY, c->look.key);
	c->object = made;
	cache_object_unref(old);
}
