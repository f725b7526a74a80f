#include "service/reverse-proxy/io_face.h"

#include "base/writer.h"
#include "proto/http/cookie.h"
#include "proxy/cache/io_cache.h"
#include "service/reverse-proxy/balance/sticky.h"
#include "service/reverse-proxy/io_line.h"
#include "service/reverse-proxy/io_snapshot.h"

#define SET_COOKIE_MAX 512

static bool hash_field(const struct pool_policy *policy, struct proxy_exchange *x, uint64_t *ret)
{
	const struct http_field *f =
		proxy_head_find_name(&x->request, span_text(policy->hash_name));
	if (!f)
		return false;
	*ret = pool_hash(f->value);
	return true;
}

static bool hash_cookie(const struct pool_policy *policy, struct proxy_exchange *x, uint64_t *ret)
{
	struct span value;
	for (size_t i = 0; i < x->request.fields_n; i++) {
		const struct http_field *f = &x->request.fields[i];
		if (f->id != HTTP_FIELD_COOKIE ||
		    !http_cookie_find(f->value, span_text(policy->hash_name), &value))
			continue;
		*ret = pool_hash(value);
		return true;
	}
	return false;
}

static void fill_hash(const struct reverse_exchange *e, struct pool_ask *ask)
{
	const struct pool_policy *policy = &e->pool->policy;
	ask->has_hash = true;
	switch (policy->hash_by) {
	case POOL_HASH_ADDRESS:
		ask->hash = pool_hash(ip_address_span(&e->route.facts.client));
		break;
	case POOL_HASH_PATH: ask->hash = pool_hash(e->route.facts.path); break;
	case POOL_HASH_HEADER: ask->has_hash = hash_field(policy, e->x, &ask->hash); break;
	case POOL_HASH_COOKIE: ask->has_hash = hash_cookie(policy, e->x, &ask->hash); break;
	}
}

static void fill_sticky(const struct reverse_exchange *e, struct pool_ask *ask)
{
	const struct proxy_exchange *x = e->x;
	for (size_t i = 0; i < x->request.fields_n && !ask->sticky_id; i++)
		if (x->request.fields[i].id == HTTP_FIELD_COOKIE)
			ask->sticky_id = sticky_read(&e->pool->policy, x->request.fields[i].value);
}

enum pool_verdict reverse_choose(struct reverse_worker *w, struct reverse_exchange *e)
{
	struct pool_ask ask = {.now_ms = loop_now_ms(&w->loop),
			       .random = reverse_worker_random(w),
			       .tried = &e->tried,
			       .waits = e->waiter.line != NULL};
	if (e->pool->policy.balance == POOL_HASH)
		fill_hash(e, &ask);
	if (e->pool->policy.sticky.cookie)
		fill_sticky(e, &ask);
	enum pool_verdict v = pool_pick(e->pool, &ask, &e->place);
	e->placed = v == POOL_PICKED;
	e->bound = ask.sticky_id != 0;
	return v;
}

enum proxy_pick reverse_pick(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
			     struct proxy_verdict *ret)
{
	struct reverse_worker *w = arg;
	struct reverse_exchange *e = x->service;
	(void)ret;
	if (e->late)
		return PROXY_PICK_NONE;
	if (!e->placed) {
		if (x->tries && !pool_may_retry(e->pool, x->tries))
			return PROXY_PICK_NONE;
		/* Nobody overtakes those that wait. */
		switch (reverse_line_waits(w, e->pool) ? POOL_FULL : reverse_choose(w, e)) {
		case POOL_PICKED: break;
		case POOL_NONE: return PROXY_PICK_NONE;
		case POOL_FULL:
			return reverse_line_join(w, e) == OK ? PROXY_PICK_WAIT : PROXY_PICK_NONE;
		}
	}
	e->server = e->place.member;
	*ret_hop = &e->view->hops[e->pool_number][e->server - e->pool->members]->hop;
	return PROXY_PICK_HOP;
}

void reverse_exchange_leave(struct reverse_exchange *e, const struct pool_result *result)
{
	if (!e->placed)
		return;
	e->placed = false;
	pool_done(e->pool, &e->place, loop_now_ms(&e->view->worker->loop), result);
}

enum pool_result_kind reverse_result_kind(enum proxy_cause cause)
{
	switch (cause) {
	case PROXY_FINE:
	case PROXY_TRY_ANOTHER: return POOL_RESULT_ANSWERED;
	case PROXY_CONNECT_FAILED:
	case PROXY_BACK_TLS:
	case PROXY_BACK_CERTIFICATE: return POOL_RESULT_CONNECT_FAILED;
	case PROXY_CONNECT_TIME:
	case PROXY_BACK_TIME:
	case PROXY_BACK_BODY_TIME: return POOL_RESULT_TIMEOUT;
	case PROXY_BACK_CLOSED:
	case PROXY_BACK_FORMAT:
	case PROXY_BACK_HEAD_LIMIT:
	case PROXY_BACK_TORN: return POOL_RESULT_RESET;
	default: return POOL_RESULT_ABANDONED; /* a stale connection too */
	}
}

static void note_tls(const struct proxy_hop *hop, enum proxy_cause cause)
{
	const struct reverse_hop *h = hop->owner;
	struct backend *b = h->backend;
	const char *now = atomic_load_explicit(&b->fault, memory_order_relaxed);
	if (cause == PROXY_BACK_TLS || cause == PROXY_BACK_CERTIFICATE) {
		(void)atomic_fetch_add_explicit(&b->tls_errors, 1, memory_order_relaxed);
		if (hop->fault && hop->fault != now)
			atomic_store_explicit(&b->fault, hop->fault, memory_order_relaxed);
	} else if (now && cause == PROXY_FINE) {
		atomic_store_explicit(&b->fault, NULL, memory_order_relaxed);
	}
}

/* Also where the client is answered from what is kept. */
static uint16_t server_status(const struct reverse_exchange *e)
{
	uint16_t status = proxy_cached_server_status(e->cached);
	return status ? status : e->x->response.status;
}

void reverse_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
		  enum proxy_cause cause)
{
	struct reverse_exchange *e = x->service;
	const struct proxy_times *t = &x->times;
	(void)arg;
	if (hop->tls)
		note_tls(hop, cause);
	/* A kept connection was at its end, which says nothing of who held it: it is no try. */
	if (cause == PROXY_BACK_STALE && e->tried.n)
		e->tried.n--;
	struct pool_result result = {
		.kind = reverse_result_kind(cause),
		.status = server_status(e),
		.latency_us = t->first_us > t->picked_us ? t->first_us - t->picked_us : 0,
		.bytes_in = x->response_bytes,
		.bytes_out = x->request_bytes,
	};
	/* A client that goes after an answer began takes nothing back from who gave it. */
	if (result.kind == POOL_RESULT_ABANDONED && x->answered && t->first_us > t->picked_us)
		result.kind = POOL_RESULT_ANSWERED;
	reverse_exchange_leave(e, &result);
}

void reverse_stick(struct proxy_exchange *x, struct reverse_exchange *e)
{
	uint8_t room[SET_COOKIE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	if (!e->pool->policy.sticky.cookie || !e->placed || !e->place.moved)
		return;
	sticky_write(&e->pool->policy, e->place.member->backend, &w);
	struct span value = w.bad ? (struct span){0} : proxy_exchange_store(x, writer_span(&w));
	/* Without it the client is led anew next time. */
	if (value.data)
		err_ignore(proxy_head_add(&x->response, span_text("set-cookie"), value));
}
