/* The way to the origin: a connection that was kept, or a new one to whichever of its addresses
 * takes it first. */
#include "proxy/io_race.h"
#include "service/forward-proxy/io_face.h"

/* Connections to one origin, of one worker. Were they fewer than its clients use at once, each
 * burst would open anew what the one before had closed. */
enum { KEPT_MAX = 128 };

static struct proxy_hop_limits limits_of(const struct forward_conf *conf, size_t addresses)
{
	uint64_t connect_ms = conf->timeouts.connect_ms;
	/* The last one has its time, too. */
	if (connect_ms)
		connect_ms += (addresses - 1) * PROXY_RACE_DELAY_MS;
	return (struct proxy_hop_limits){
		.connect_ms = (uint32_t)connect_ms,
		.idle_ms = (uint32_t)conf->timeouts.origin_idle_ms,
		.idle_max = KEPT_MAX,
	};
}

struct origin *forward_way(const struct forward_exchange *e)
{
	/* A connection to the engine itself is none to its safe name. */
	const struct origin_key key = {.host = e->instead.len ? e->instead : e->host,
				       .port = e->to.port,
				       .protocol =
					       e->kind == FORWARD_FETCH ? PROXY_HTTP1 : PROXY_RAW};
	struct ip_endpoint to[NAMES_ADDRESSES_MAX];
	size_t n = 0;
	for (size_t i = e->at; i < e->addresses.n; i++)
		to[n++] =
			(struct ip_endpoint){.address = e->addresses.items[i], .port = e->to.port};
	struct origin *o = n ? origins_use(&e->worker->origins, &key) : NULL;
	if (!o)
		return NULL;
	origin_lead(o, to, n);
	o->hop.limits = limits_of(e->view->site->conf, n);
	return o;
}

enum proxy_pick forward_pick(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
			     struct proxy_verdict *ret)
{
	struct forward_exchange *e = x->service;
	(void)arg;
	(void)ret;
	if (e->at >= e->addresses.n)
		return PROXY_PICK_NONE;
	e->origin = forward_way(e);
	if (!e->origin) {
		x->cause = PROXY_BUSY;
		return PROXY_PICK_NONE;
	}
	*ret_hop = &e->origin->hop;
	return PROXY_PICK_HOP;
}

/* It took a connection and did not do well: the others may. */
static void give_up(struct forward_exchange *e, const struct ip_address *a)
{
	for (size_t i = e->at; i < e->addresses.n; i++) {
		if (!ip_address_equal(&e->addresses.items[i], a))
			continue;
		e->addresses.items[i] = e->addresses.items[e->at];
		e->addresses.items[e->at] = *a;
		e->at++;
		return;
	}
}

void forward_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
		  enum proxy_cause cause)
{
	struct forward_worker *w = arg;
	struct forward_exchange *e = x->service;
	const struct ip_address *reached = &x->reached.address;
	(void)hop;
	switch (cause) {
	case PROXY_BACK_STALE: /* neither says anything of the address */
	case PROXY_TRY_ANOTHER: break;
	case PROXY_FINE:
		if (!e->to.address.family && !ip_address_equal(reached, &e->addresses.items[0]))
			forward_names_worked(w->names,
					     e->instead.len ? e->instead : destination_name(&e->to),
					     reached);
		break;
	case PROXY_CONNECT_FAILED:
	case PROXY_CONNECT_TIME: e->at = e->addresses.n; break; /* none did */
	default: give_up(e, reached); break;
	}
	origins_leave(&w->origins, TAKE(e->origin));
}

void forward_hop_empty(void *arg, struct proxy_hop *hop)
{
	struct forward_worker *w = arg;
	origins_empty(&w->origins, hop->owner);
}
