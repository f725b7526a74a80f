#include "proxy/proxy_client.h"

#include "proxy/body_filter.h"
#include "proxy/exchange_inner.h"
#include "proxy/face.h"
#include "proxy/hop.h"
#include "proxy/hop_inner.h"

/* In the exchange's store. */
struct client_front {
	struct proxy_front front; /* first */
	const struct proxy_client_call *call;
	void *arg;
	uint64_t answer_max;
	bool too_large;
	bool *gone; /* set when it is over, while it is being started; else NULL */
};

static struct client_front *of(struct proxy_front *front)
{
	return (struct client_front *)front;
}

static void client_interim(struct proxy_front *front, struct proxy_exchange *x)
{
	(void)front;
	(void)x;
}

static void client_head(struct proxy_front *front, struct proxy_exchange *x, bool end)
{
	struct client_front *f = of(front);
	(void)end;
	if (f->call->head)
		f->call->head(f->arg, x);
}

static size_t client_body(struct proxy_front *front, struct proxy_exchange *x, struct span bytes,
			  bool end)
{
	struct client_front *f = of(front);
	(void)end;
	if (f->answer_max && x->sent_bytes + bytes.len > f->answer_max) {
		if (!f->too_large)
			exchange_end_later(x, PROXY_BACK_FORMAT);
		f->too_large = true;
		return 0;
	}
	if (f->call->body && bytes.len)
		f->call->body(f->arg, bytes);
	return bytes.len;
}

static void over(struct client_front *f, struct proxy_exchange *x, enum proxy_cause cause)
{
	const struct proxy_client_call *call = f->call;
	if (call)
		call->done(f->arg, x, cause);
	f->call = NULL;
	if (f->gone)
		*f->gone = true;
}

static void client_flush(struct proxy_front *front, struct proxy_exchange *x)
{
	if (!x->response_ended)
		return;
	over(of(front), x, x->cause);
	proxy_exchange_finish(x);
}

static void client_reset(struct proxy_front *front, struct proxy_exchange *x,
			 enum proxy_cause cause)
{
	over(of(front), x, cause);
}

static void client_resume(struct proxy_front *front, struct proxy_exchange *x)
{
	(void)front;
	(void)x;
}

static const struct proxy_front_ops client_ops = {
	.interim = client_interim,
	.head = client_head,
	.body = client_body,
	.flush = client_flush,
	.reset = client_reset,
	.resume = client_resume,
};

static bool request_fill(struct proxy_exchange *x, const struct proxy_client *what)
{
	struct proxy_head *r = &x->request;
	if (what->fields_n > PROXY_FIELDS_MAX)
		return false;
	r->method = what->method;
	r->method_id = proxy_method_id(what->method);
	r->scheme = what->scheme;
	r->authority = what->authority;
	r->path = what->path;
	r->version = 11;
	for (size_t i = 0; i < what->fields_n; i++)
		if (proxy_head_add(r, what->fields[i].name, what->fields[i].value))
			return false;
	r->has_length = what->body.len > 0;
	r->length = what->body.len;
	r->body = what->body.len ? PROXY_BODY_LENGTH : PROXY_BODY_NONE;
	x->at_hand = what->body;
	return true;
}

struct proxy_exchange *proxy_client_start(struct proxy_worker *w, const struct proxy_client *what,
					  const struct proxy_client_call *call, void *arg)
{
	struct proxy_exchange *x = proxy_exchange_take(w, NULL, NULL);
	struct client_front *f = x ? proxy_exchange_alloc(x, sizeof(*f)) : NULL;
	if (!f || !request_fill(x, what)) {
		if (x)
			proxy_exchange_give(x);
		call->done(arg, NULL, PROXY_BUSY);
		return NULL;
	}
	*f = (struct client_front){
		.front.ops = &client_ops, .call = call, .arg = arg, .answer_max = what->answer_max};
	x->front = &f->front;
	if (what->limits)
		x->limits = what->limits;
	x->request_whole = true;
	x->request_empty = !what->body.len;
	x->times.head_us = x->times.picked_us = w->now_us;
	x->hop = what->hop;
	x->tries = 1;
	x->phase = PROXY_PHASE_CONNECT;
	exchange_arm(x);
	bool gone = false;
	f->gone = &gone;
	hop_open(x);
	if (gone)
		return NULL;
	f->gone = NULL;
	return x;
}

void proxy_client_cancel(struct proxy_exchange *x)
{
	if (!x)
		return;
	of(x->front)->call = NULL;
	exchange_end(x, PROXY_CLIENT_GONE);
}
