#include "service/reverse-proxy/io_ask.h"

#include "proxy/hop.h"
#include "proxy/proxy_client.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/guard/guard.h"
#include "service/reverse-proxy/io_exchange.h"
#include "service/reverse-proxy/io_face.h"
#include "service/reverse-proxy/io_snapshot.h"

enum {
	ASK_KEPT_MAX = 16,	     /* fields of an answer that are of use */
	ASK_STALE_MAX = 8,	     /* kept connections that were at their end */
	ASK_ANSWER_MAX = 256 * 1024, /* of its body, which nobody reads */
};

enum ask_state { ASK_NEW, ASK_RUNS, ASK_OVER };

struct reverse_question {
	struct reverse_worker *w;
	struct reverse_exchange *e;
	const struct guard_forward *rules;
	struct proxy_exchange *x; /* of the question, while it runs */
	struct proxy_limits limits;
	struct pool *pool;
	struct pool_place place;
	struct pool_tried tried;
	bool placed, starts;
	uint8_t state; /* enum ask_state */
	unsigned stale;
	uint16_t status; /* 0: there was no answer */
	struct http_field kept[ASK_KEPT_MAX];
	size_t kept_n;
};

static bool is_yes(const struct reverse_question *q)
{
	return q->status >= 200 && q->status <= 299;
}

/* ---- its answer ---- */

static bool is_copied(const struct guard_forward *rules, struct span name)
{
	for (size_t i = 0; i < rules->copy_n; i++)
		if (span_equal_nocase(name, span_text(rules->copy[i])))
			return true;
	return false;
}

/* Of a no what a client needs to get a yes. */
static bool helps(struct span name)
{
	return span_equal_nocase(name, span_text("location")) ||
	       span_equal_nocase(name, span_text("www-authenticate")) ||
	       span_equal_nocase(name, span_text("set-cookie"));
}

static void head(void *arg, struct proxy_exchange *x)
{
	struct reverse_question *q = arg;
	q->status = x->response.status;
	for (size_t i = 0; i < x->response.fields_n; i++) {
		const struct http_field *f = &x->response.fields[i];
		if (is_yes(q) ? !is_copied(q->rules, f->name) : !helps(f->name))
			continue;
		struct span name = proxy_exchange_store(q->e->x, f->name);
		struct span value = proxy_exchange_store(q->e->x, f->value);
		/* A yes without what it says of the client is none. */
		if (q->kept_n == ASK_KEPT_MAX || !name.data || (f->value.len && !value.data)) {
			q->status = 0;
			return;
		}
		q->kept[q->kept_n++] = (struct http_field){.name = name, .value = value};
	}
}

static void place_leave(struct reverse_question *q, enum proxy_cause cause)
{
	const struct pool_result result = {.kind = reverse_result_kind(cause), .status = q->status};
	if (!q->placed)
		return;
	q->placed = false;
	pool_done(q->pool, &q->place, loop_now_ms(&q->w->loop), &result);
}

static void done(void *arg, struct proxy_exchange *x, enum proxy_cause cause)
{
	struct reverse_question *q = arg;
	(void)x;
	q->x = NULL;
	place_leave(q, cause);
	q->state = ASK_OVER;
	if (cause == PROXY_BACK_STALE && q->stale++ < ASK_STALE_MAX) {
		q->state = ASK_NEW;
		q->tried.n = 0;
	} else if (cause != PROXY_FINE) {
		q->status = 0;
	}
	if (!q->starts)
		proxy_exchange_resume(q->e->x);
}

static const struct proxy_client_call call = {.head = head, .done = done};

/* ---- the question ---- */

static bool begins(struct span name, const char *with)
{
	size_t n = strlen(with);
	return name.len >= n && span_equal_nocase(span_sub(name, 0, n), span_text(with));
}

/* What belongs to the request's body or to what the client has already is no part of the question;
 * what a stranger claims neither. */
static bool is_asked(const struct http_field *f)
{
	return !route_request_is_claim(f->name) && !begins(f->name, "content-") &&
	       !begins(f->name, "if-") && !begins(f->name, "range") &&
	       !begins(f->name, "proxy-authorization");
}

static size_t fields_of(struct reverse_question *q, struct http_field ret[PROXY_FIELDS_MAX])
{
	struct proxy_exchange *x = q->e->x;
	const struct edit_values *v = &q->e->route.values;
	char address[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(&v->client.address, address);
	const struct http_field ours[] = {
		{.name = span_text("x-forwarded-for"),
		 .value = proxy_exchange_store(x, span_text(address))},
		{.name = span_text("x-forwarded-method"), .value = x->request.method},
		{.name = span_text("x-forwarded-proto"), .value = v->scheme},
		{.name = span_text("x-forwarded-host"), .value = v->host},
		{.name = span_text("x-forwarded-uri"), .value = x->request.path},
	};
	size_t n = sizeof(ours) / sizeof(ours[0]);
	memcpy(ret, ours, sizeof(ours));
	for (size_t i = 0; i < x->request.fields_n; i++)
		if (is_asked(&x->request.fields[i])) {
			/* Half a question might get another answer. */
			if (n == PROXY_FIELDS_MAX)
				return 0;
			ret[n++] = x->request.fields[i];
		}
	return n;
}

/* False: nobody can be asked. */
static bool start(struct reverse_question *q)
{
	struct reverse_worker *w = q->w;
	struct proxy_exchange *x = q->e->x;
	struct http_field fields[PROXY_FIELDS_MAX];
	size_t n = fields_of(q, fields);
	struct pool_ask ask = {.now_ms = loop_now_ms(&w->loop),
			       .random = reverse_worker_random(w),
			       .tried = &q->tried};
	if (!n || pool_pick(q->pool, &ask, &q->place) != POOL_PICKED)
		return false;
	q->placed = true;
	size_t member = (size_t)(q->place.member - q->pool->members);
	const struct proxy_client what = {
		.method = span_text("GET"),
		.scheme = span_text("http"),
		.authority = q->rules->host ? span_text(q->rules->host) : x->request.authority,
		.path = span_text(q->rules->path),
		.fields = fields,
		.fields_n = n,
		.hop = &q->e->view->hops[q->rules->pool][member]->hop,
		.limits = &q->limits,
		.answer_max = ASK_ANSWER_MAX,
	};
	q->state = ASK_RUNS;
	q->status = 0;
	q->kept_n = 0;
	q->starts = true;
	struct proxy_exchange *running =
		proxy_client_start(proxy_io_worker(w->io), &what, &call, q);
	q->starts = false;
	if (q->state == ASK_RUNS)
		q->x = running;
	return true;
}

static struct reverse_question *begin(struct reverse_worker *w, struct reverse_exchange *e,
				      const struct guard_forward *rules)
{
	struct reverse_question *q = proxy_exchange_alloc(e->x, sizeof(*q));
	if (!q)
		return NULL;
	*q = (struct reverse_question){.w = w, .e = e, .rules = rules};
	q->pool = e->view->snapshot->pools[rules->pool];
	q->limits = (struct proxy_limits){
		.first_byte_ms = rules->timeout_ms, .whole_ms = rules->timeout_ms, .tries_max = 1};
	e->question = q;
	return q;
}

/* Nobody but that server says what these fields say. */
static unsigned take_over(struct reverse_question *q)
{
	struct proxy_head *r = &q->e->x->request;
	for (size_t i = 0; i < q->rules->copy_n; i++)
		(void)proxy_head_remove_name(r, span_text(q->rules->copy[i]));
	for (size_t i = 0; i < q->kept_n; i++)
		if (proxy_head_add(r, q->kept[i].name, q->kept[i].value))
			return 503;
	return 0;
}

unsigned reverse_ask(struct reverse_worker *w, struct reverse_exchange *e,
		     const struct guard_forward *rules, struct proxy_verdict *ret)
{
	struct reverse_question *q = e->question ? e->question : begin(w, e, rules);
	if (!q)
		return 503;
	while (q->state == ASK_NEW)
		if (!start(q))
			return 503;
	if (q->state == ASK_RUNS) {
		ret->kind = PROXY_WAIT;
		return 0;
	}
	if (is_yes(q))
		return take_over(q);
	if (!q->status || q->status >= 500)
		return 503;
	return (q->status >= 300 && q->status <= 399) || q->status == 401 ? q->status : 403;
}

void reverse_ask_fields(const struct reverse_exchange *e)
{
	const struct reverse_question *q = e->question;
	for (size_t i = 0; q && q->state == ASK_OVER && !is_yes(q) && i < q->kept_n; i++)
		err_ignore(proxy_head_add(&e->x->response, q->kept[i].name, q->kept[i].value));
}

void reverse_ask_leave(struct reverse_exchange *e)
{
	struct reverse_question *q = e->question;
	e->question = NULL;
	if (!q || q->state != ASK_RUNS)
		return;
	q->state = ASK_OVER;
	proxy_client_cancel(TAKE(q->x));
	place_leave(q, PROXY_CLIENT_GONE);
}
