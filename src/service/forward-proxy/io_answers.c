/* Which answers may reach the client, by their type and their size: of servers and of the cache,
 * before the first octet where the head tells, and else when too many have come. */
#include "base/writer.h"
#include "policy/url.h"
#include "proxy/body_filter.h"
#include "service/forward-proxy/access/answers.h"
#include "service/forward-proxy/io_face.h"

enum { DETAIL_MAX = 192, TYPE_SHOWN_MAX = 96 };

/* What counts the octets of a body whose length nobody told. In the exchange's memory. */
struct meter {
	struct proxy_filter filter; /* its first member */
	struct forward_exchange *e;
	uint64_t left;
	uint64_t most;
	size_t rule;
	bool over;
};

/* ---- what the head says ---- */

/* Is there anything that could be of a type, or too large? */
static bool has_content(const struct proxy_exchange *x, uint64_t whole)
{
	const struct proxy_head *r = &x->response;
	if (r->status < 200 || r->status == 204 || r->status == 205)
		return false;
	if (r->status == 304 || x->request.method_id == PROXY_HEAD)
		return true;
	return whole != ANSWERS_ANY_SIZE ? whole != 0
					 : r->body == PROXY_BODY_STREAM ||
						   (r->body == PROXY_BODY_LENGTH && r->length);
}

static void facts_of(const struct proxy_exchange *x, uint64_t whole, struct answers_facts *ret)
{
	const struct proxy_head *r = &x->response;
	struct answers_facts f = {.has_size = r->has_length || whole != ANSWERS_ANY_SIZE,
				  .size = whole != ANSWERS_ANY_SIZE ? whole : r->length,
				  .typeless = r->status == 304,
				  .never_sized =
					  r->status == 304 || x->request.method_id == PROXY_HEAD};
	for (size_t i = 0; i < r->fields_n; i++) {
		const struct http_field *field = &r->fields[i];
		uint64_t all;
		if (field->id == HTTP_FIELD_CONTENT_TYPE)
			answers_type_add(&f, field->value);
		else if (r->status == 206 &&
			 span_equal_nocase(field->name, span_text("content-range")) &&
			 answers_size_of_range(field->value, &all)) {
			f.size = f.has_size && f.size > all ? f.size : all;
			f.has_size = true;
		}
	}
	*ret = f;
}

static void judge(const struct forward_exchange *e, const struct answers_facts *f,
		  struct answers_verdict *ret)
{
	const struct answers_rules *rules = &e->view->site->answers;
	const struct forward_membership groups = forward_membership_of(e);
	struct access_facts who;
	forward_facts(e, &e->to, &groups, &who);
	if (rules->paths) {
		struct policy_readings readings;
		who.readings = forward_readings(e, &readings) ? &readings : NULL;
		answers_judge(rules, &who, f, ret);
		return;
	}
	answers_judge(rules, &who, f, ret);
}

/* ---- words ---- */

/* As a word of Proxy-Status, of the log and of the page. */
static void write_type(struct writer *w, const struct answers_facts *f)
{
	struct span type =
		f->types_n ? span_sub(f->types[0], 0, TYPE_SHOWN_MAX) : span_text("none");
	for (size_t i = 0; i < type.len; i++) {
		uint8_t c = type.data[i];
		write_u8(w, c <= ' ' || c >= 0x7f || c == '"' || c == '\\' ? '?' : c);
	}
}

static struct span word_of(const struct forward_exchange *e, size_t rule, uint64_t larger,
			   const struct answers_facts *f)
{
	char text[DETAIL_MAX];
	struct writer w = writer_of(text, sizeof(text));
	write_format(&w, "answers %zu: ", rule + 1);
	if (larger != ANSWERS_ANY_SIZE)
		write_format(&w, "more than %llu octets", (unsigned long long)larger);
	else
		write_type(&w, f);
	return proxy_exchange_store(e->x, writer_span(&w));
}

/* ---- bodies ---- */

static void torn(struct meter *m)
{
	struct forward_exchange *e = m->e;
	m->over = true;
	e->refusal = REFUSAL_SIZE;
	e->detail = word_of(e, m->rule, m->most, NULL);
	forward_count(e->worker, FORWARD_COUNT_REFUSED + REFUSAL_SIZE);
	proxy_exchange_end_later(e->x, PROXY_REFUSED);
}

static size_t push(struct proxy_filter *filter, struct proxy_exchange *x, struct span bytes,
		   bool end)
{
	struct meter *m = (struct meter *)(void *)filter;
	if (m->over)
		return 0;
	struct span part = span_sub(bytes, 0, m->left < bytes.len ? (size_t)m->left : bytes.len);
	bool whole = part.len == bytes.len;
	size_t n = part.len || whole ? proxy_filter_next(filter, x, part, end && whole) : 0;
	m->left -= n;
	if (!whole && n == part.len)
		torn(m);
	return n;
}

static void close_meter(struct proxy_filter *filter, struct proxy_exchange *x, bool whole)
{
	(void)filter, (void)x, (void)whole;
}

static const struct proxy_filter_ops meter_ops = {.push = push, .close = close_meter};

/* False: no memory. */
static bool measure(struct forward_exchange *e, const struct answers_verdict *v)
{
	struct meter *m = proxy_exchange_alloc(e->x, sizeof(*m));
	if (!m)
		return false;
	*m = (struct meter){.filter = {.ops = &meter_ops},
			    .e = e,
			    .left = v->most,
			    .most = v->most,
			    .rule = v->most_rule};
	proxy_exchange_filter(e->x, &m->filter);
	return true;
}

bool forward_answer_passes(struct forward_exchange *e, uint64_t whole, struct proxy_verdict *ret)
{
	const struct answers_rules *rules = &e->view->site->answers;
	struct answers_facts facts;
	struct answers_verdict v;
	if (!rules->n || !has_content(e->x, whole))
		return true;
	facts_of(e->x, whole, &facts);
	judge(e, &facts, &v);
	if (!v.denied) {
		if (v.most == ANSWERS_ANY_SIZE || measure(e, &v))
			return true;
		(void)forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
		return false;
	}
	e->rule = &rules->items[v.rule].who;
	uint64_t larger = v.by_size ? rules->items[v.rule].larger : ANSWERS_ANY_SIZE;
	(void)forward_refuse(e, v.by_size ? REFUSAL_SIZE : REFUSAL_TYPE,
			     word_of(e, v.rule, larger, &facts), ret);
	return false;
}
