/* The way to the origin: a connection that was kept, or one to the next of its addresses. */
#include "service/forward-proxy/io_face.h"

/* Connections to one origin, of one worker. Were they fewer than its clients use at once, each
 * burst would open anew what the one before had closed. */
enum { KEPT_MAX = 128 };

static struct proxy_hop_limits limits_of(const struct forward_conf *conf)
{
	return (struct proxy_hop_limits){
		.connect_ms = (uint32_t)conf->timeouts.connect_ms,
		.idle_ms = (uint32_t)conf->timeouts.origin_idle_ms,
		.idle_max = KEPT_MAX,
	};
}

struct origin *forward_way(const struct forward_exchange *e, const struct ip_address *to)
{
	/* A connection to the engine itself is none to its safe name. */
	const struct origin_key key = {.host = e->instead.len ? e->instead : e->host,
				       .port = e->to.port,
				       .protocol =
					       e->kind == FORWARD_FETCH ? PROXY_HTTP1 : PROXY_RAW};
	struct origin *o = origins_use(&e->worker->origins, &key);
	if (!o)
		return NULL;
	o->hop.to = (struct ip_endpoint){.address = *to, .port = e->to.port};
	o->hop.limits = limits_of(e->view->site->conf);
	return o;
}

enum proxy_pick forward_pick(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
			     struct proxy_verdict *ret)
{
	struct forward_exchange *e = x->service;
	(void)arg;
	(void)ret;
	if (e->at == e->addresses.n)
		return PROXY_PICK_NONE;
	e->origin = forward_way(e, &e->addresses.items[e->at]);
	if (!e->origin) {
		x->cause = PROXY_BUSY;
		return PROXY_PICK_NONE;
	}
	e->at++;
	*ret_hop = &e->origin->hop;
	return PROXY_PICK_HOP;
}

void forward_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
		  enum proxy_cause cause)
{
	struct forward_worker *w = arg;
	struct forward_exchange *e = x->service;
	(void)hop;
	/* A kept connection was at its end, or the answer was not to what the cache had asked:
	 * neither says anything of the address. */
	if (cause == PROXY_BACK_STALE || cause == PROXY_TRY_ANOTHER)
		e->at--;
	else if (cause == PROXY_FINE && e->at > 1 && !e->to.address.family)
		forward_names_worked(w->names,
				     e->instead.len ? e->instead : destination_name(&e->to),
				     &e->addresses.items[e->at - 1]);
	origins_leave(&w->origins, TAKE(e->origin));
}

void forward_hop_empty(void *arg, struct proxy_hop *hop)
{
	struct forward_worker *w = arg;
	origins_empty(&w->origins, hop->owner);
}
