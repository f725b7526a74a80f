/* Requests of our own for what is stale and was given all the same: "caches SHOULD attempt to
 * revalidate it while still serving stale responses (i.e., without blocking)" (RFC 5861 3). */
#include "proxy/cache/io_cache_inner.h"

#include "base/writer.h"
#include "http-cache/validate.h"
#include "os/clock.h"
#include "proto/http/date.h"
#include "proxy/proxy_client.h"

#include <stdlib.h>

enum {
	RENEWALS_MAX = 256, /* of a worker at once */
	STALES_MAX = 8,	    /* of one */
};

struct cache_renewal {
	struct proxy_cached c; /* of a request without a client; x: of the exchange that runs */
	struct proxy_cache_way way;
	struct proxy_exchange *running;
	bool starts, over;
	bool again;
	uint8_t stales;			    /* connections that had been kept too long */
	struct cache_renewal *next, **link; /* of the desk */
	struct http_field fields[PROXY_FIELDS_MAX];
	size_t fields_n;
	struct span scheme, authority, path;
	uint8_t room[];
};

static void end(struct cache_renewal *r, enum proxy_cause cause)
{
	struct proxy_cache_desk *desk = r->c.desk;
	cached_store_leave(&r->c);
	cache_object_unref(TAKE(r->c.object));
	desk->edits->left(&r->way, cause, r->c.back_status);
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	desk->renewals_n--;
	r->over = true;
	if (!r->starts)
		free(r);
}

/* ---- its answer ---- */

static void head(void *arg, struct proxy_exchange *x)
{
	struct cache_renewal *r = arg;
	struct proxy_cached *c = &r->c;
	struct cache_fields fields = {.at = x->response.fields, .n = x->response.fields_n};
	c->x = x;
	c->back_status = x->response.status;
	if (c->back_status == 304) {
		/* Of something else it says nothing; the next request asks again. */
		if (!c->validates || !cache_is_freshened_by(&c->object->meta, fields))
			return;
		cached_freshen(c);
		c->look = (struct cache_look){.key = c->object->key, .space = c->object->space};
		cached_count(c, PROXY_CACHE_VALIDATED, 1);
	} else if (!cache_status_is_error(c->back_status)) {
		(void)cached_keep_begin(c);
	}
}

static void body(void *arg, struct span bytes)
{
	struct cache_renewal *r = arg;
	cached_keep(&r->c, bytes);
}

static void start(struct cache_renewal *r, struct proxy_worker *w);

/* A server may close a connection that was kept at any time, and has seen nothing of the request
 * then (RFC 9112 9.3.1); others that were kept may be as old. Nobody else asks in this one's place.
 */
static bool goes_again(struct cache_renewal *r, enum proxy_cause cause)
{
	r->c.back_status = cause == PROXY_BACK_STALE ? 0 : r->c.back_status; /* the core's own */
	return cause == PROXY_BACK_STALE && r->stales++ < STALES_MAX;
}

static void done(void *arg, struct proxy_exchange *x, enum proxy_cause cause)
{
	struct cache_renewal *r = arg;
	if (x && goes_again(r, cause)) {
		r->again = r->starts;
		if (!r->again)
			start(r, x->worker);
		return;
	}
	if (cause == PROXY_FINE)
		cached_keep_end(&r->c);
	end(r, cause);
}

static const struct proxy_client_call call = {.head = head, .body = body, .done = done};

/* ---- the request ---- */

static size_t room_for(const struct proxy_head *h)
{
	size_t n = h->scheme.len + h->authority.len + h->path.len + HTTP_DATE_LEN;
	for (size_t i = 0; i < h->fields_n; i++)
		n += h->fields[i].name.len + h->fields[i].value.len;
	return n;
}

static struct span copy(struct writer *w, struct span s)
{
	size_t at = w->pos;
	write_span(w, s);
	return span_of(w->data + at, w->pos - at);
}

/* As the client's, with our conditions in the place of its own. False: too many fields. */
static bool fill(struct cache_renewal *r, const struct proxy_head *h, size_t size)
{
	struct writer w = writer_of(r->room, size);
	struct http_field ours[CACHE_CONDITIONS_MAX];
	r->scheme = copy(&w, h->scheme);
	r->authority = copy(&w, h->authority);
	r->path = copy(&w, h->path);
	for (size_t i = 0; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		if (cache_field_is_condition(f->id))
			continue;
		r->fields[r->fields_n++] =
			(struct http_field){copy(&w, f->name), copy(&w, f->value), f->id};
	}
	size_t n = cache_conditions(&r->c.object->meta, &w, ours);
	for (size_t i = 0; i < n && r->fields_n < PROXY_FIELDS_MAX; i++)
		r->fields[r->fields_n++] = ours[i];
	r->c.validates = n > 0;
	return !w.bad;
}

/* What it is to the cache: c goes on with what is kept, and leads no more. */
static void take_over(struct cache_renewal *r, struct proxy_cached *c)
{
	r->c.desk = c->desk;
	r->c.policy = c->policy;
	r->c.object = cache_object_ref(c->object);
	r->c.look = (struct cache_look){.key = c->object->key, .space = c->object->space};
	r->c.since = c->since;
	r->c.request_s = clock_wall_s();
	r->c.went_ms = loop_now_ms(c->desk->loop);
}

static void list_add(struct cache_renewal *r)
{
	struct proxy_cache_desk *desk = r->c.desk;
	r->next = desk->renewals;
	if (r->next)
		r->next->link = &r->next;
	r->link = &desk->renewals;
	desk->renewals = r;
	desk->renewals_n++;
}

static void start(struct cache_renewal *r, struct proxy_worker *w)
{
	const struct proxy_client what = {
		.method = span_text("GET"),
		.scheme = r->scheme,
		.authority = r->authority,
		.path = r->path,
		.fields = r->fields,
		.fields_n = r->fields_n,
		.hop = r->way.hop,
		.limits = r->way.limits,
		/* What is longer is not kept. */
		.answer_max = cache_memory_object_max(r->c.desk->memory) + 1,
	};
	r->starts = true;
	do {
		r->again = false;
		r->running = proxy_client_start(w, &what, &call, r);
	} while (r->again);
	r->starts = false;
	if (r->over)
		free(r);
}

bool cached_renew(struct proxy_cached *c)
{
	struct proxy_cache_desk *desk = c->desk;
	const struct proxy_head *h = &c->x->request;
	size_t size = room_for(h);
	if (!desk->edits->way || desk->renewals_n == RENEWALS_MAX)
		return false;
	struct cache_renewal *r = calloc(1, sizeof(*r) + size);
	if (!r)
		return false;
	take_over(r, c);
	if (!fill(r, h, size) || !desk->edits->way(c->x, &r->way)) {
		cache_object_unref(r->c.object);
		free(r);
		return false;
	}
	r->c.flight = TAKE(c->flight);
	r->c.leads = true;
	c->leads = false;
	list_add(r);
	cached_count(&r->c, PROXY_CACHE_RENEWED, 1);
	start(r, c->x->worker);
	return true;
}

void proxy_cache_desk_done(struct proxy_cache_desk *desk)
{
	while (desk->renewals) {
		struct cache_renewal *r = desk->renewals;
		proxy_client_cancel(r->running);
		end(r, PROXY_CLIENT_GONE);
	}
}
