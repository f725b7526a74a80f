/* What is kept, as an answer to this client. */
#include "proxy/cache/io_cache_inner.h"

#include "base/decimal.h"
#include "base/writer.h"
#include "http-cache/answer.h"
#include "http-cache/status.h"
#include "os/clock.h"

enum { NUMBER_MAX = 24, CONTENT_RANGE_MAX = 72 };

/* ---- bodies that lie in several pieces ---- */

static struct proxy_cached *of_source(struct proxy_source *s)
{
	return (struct proxy_cached *)(void *)((char *)s - offsetof(struct proxy_cached, source));
}

static enum err peek(struct proxy_source *s, struct span *ret, bool *ret_end)
{
	struct proxy_cached *c = of_source(s);
	struct span bytes = cache_body_at(c->object->body, c->at, &c->hint);
	*ret = span_sub(bytes, 0, (size_t)(c->end - c->at));
	*ret_end = c->at + ret->len == c->end;
	return OK;
}

static void taken(struct proxy_source *s, size_t len)
{
	of_source(s)->at += len;
}

static void close_source(struct proxy_source *s)
{
	(void)s; /* the object is given back with the exchange */
}

/* The bytes at..end of the body: as they lie, or piece by piece. */
static void body_of(struct proxy_cached *c, struct proxy_verdict *ret)
{
	struct proxy_head *r = &c->x->response;
	struct span first = {0};
	c->hint = NULL;
	if (c->at < c->end)
		first = cache_body_at(c->object->body, c->at, &c->hint);
	if (c->at + first.len >= c->end && r->body == PROXY_BODY_LENGTH) {
		ret->kind = PROXY_ANSWER;
		ret->answer = span_sub(first, 0, (size_t)(c->end - c->at));
		return;
	}
	c->source = (struct proxy_source){.peek = peek, .taken = taken, .close = close_source};
	ret->kind = PROXY_SOURCE;
	ret->source = &c->source;
}

/* ---- heads ---- */

static void add_number(struct proxy_cached *c, uint16_t id, uint64_t number)
{
	uint8_t room[NUMBER_MAX];
	struct writer w = writer_of(room, sizeof(room));
	write_decimal(&w, number);
	struct span value = proxy_exchange_store(c->x, writer_span(&w));
	if (value.data)
		err_ignore(proxy_head_add_known(&c->x->response, id, value));
}

static void add_content_range(struct proxy_cached *c, const struct range *part, uint64_t size)
{
	uint8_t room[CONTENT_RANGE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	range_write_content_range(&w, part, size);
	struct span value = proxy_exchange_store(c->x, writer_span(&w));
	if (value.data)
		err_ignore(proxy_head_add_known(&c->x->response, HTTP_FIELD_CONTENT_RANGE, value));
}

void cached_status(struct proxy_cached *c)
{
	uint8_t room[CACHE_STATUS_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct cache_status s = {.name = c->name,
				 .hit = c->hit && !c->collapsed,
				 .fwd = c->collapsed ? c->waited : c->why,
				 .fwd_status = c->back_status,
				 .stored = c->stored,
				 .collapsed = c->collapsed};
	if (!c->status)
		return;
	if (c->hit || c->validated || c->stale) {
		s.has_ttl = true;
		s.ttl_s = cache_ttl_s(&c->object->meta, clock_wall_s());
	} else if (c->rule) {
		s.detail = cache_rule_word(c->rule);
	}
	cache_status_write(&s, &w);
	struct span value = proxy_exchange_store(c->x, writer_span(&w));
	if (value.data)
		err_ignore(proxy_head_add_known(&c->x->response, HTTP_FIELD_CACHE_STATUS, value));
}

/* The stored fields as they lie; they were checked when they came. */
static void fields_of(struct proxy_head *r, const struct cache_object *o, bool not_modified)
{
	for (size_t i = 0; i < o->fields_n && r->fields_n < PROXY_FIELDS_RECEIVED; i++)
		if (!not_modified || cache_field_is_of_304(&o->fields[i]))
			r->fields[r->fields_n++] = o->fields[i];
}

/* The conditions are the client's, also where ours went to the server. */
static enum cache_answer judge(const struct proxy_cached *c, struct range *part)
{
	struct cache_fields asked = c->conditions_taken
					    ? (struct cache_fields){c->conditions, c->conditions_n}
					    : cached_request(c);
	return cache_answer(&c->object->meta, c->object->body->len, c->x->request.method, asked,
			    part);
}

void cached_answer(struct proxy_cached *c, struct proxy_verdict *ret)
{
	struct proxy_exchange *x = c->x;
	struct proxy_head *r = &x->response;
	const struct cache_object *o = c->object;
	struct range part = {0};
	enum cache_answer how = judge(c, &part);
	const struct proxy_cache_edits *edits = c->desk->edits;
	if (edits->refuse) {
		proxy_head_reset(r);
		r->status = o->meta.status;
		fields_of(r, o, false);
		if (edits->refuse(x, o->body->len, ret))
			return;
	}
	proxy_head_reset(r);
	r->status = o->meta.status;
	fields_of(r, o, how == CACHE_ANSWER_NOT_MODIFIED);
	c->at = 0;
	c->end = o->body->len;
	if (how == CACHE_ANSWER_NOT_MODIFIED) {
		r->status = 304;
	} else if (how == CACHE_ANSWER_PART) {
		r->status = 206;
		c->at = part.first;
		c->end = part.last + 1;
		add_content_range(c, &part, o->body->len);
	} else if (how == CACHE_ANSWER_NO_PART) {
		r->status = 416;
		c->end = 0;
		add_content_range(c, NULL, o->body->len);
	}
	/* RFC 9111 4: "a cache MUST generate an Age header field". */
	add_number(c, HTTP_FIELD_AGE, cache_age_s(&o->meta, clock_wall_s()));
	cached_status(c);
	edits->fields(x);
	r->body = PROXY_BODY_LENGTH;
	r->has_length = how != CACHE_ANSWER_NOT_MODIFIED && r->status != 204;
	r->length = c->end - c->at;
	if (!r->has_length)
		r->body = PROXY_BODY_NONE;
	if (how == CACHE_ANSWER_WHOLE && x->request.method_id == PROXY_GET && edits->body)
		edits->body(x);
	body_of(c, ret);
	if (x->request.method_id == PROXY_GET && r->status != 304)
		cached_count(c, PROXY_CACHE_SAVED_BYTES, c->end - c->at);
}
