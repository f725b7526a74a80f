/* May a host be gone to: as it is written, and by each of its addresses. */
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"

/* ---- where ---- */

static const struct forward_inspected *leads_elsewhere(const struct forward_exchange *e)
{
	const struct forward_inspected *in = e->inspecting ? e->inspecting : e->inside;
	return in && in->elsewhere ? in : NULL;
}

const struct destination *forward_place(const struct forward_exchange *e)
{
	const struct forward_inspected *in = leads_elsewhere(e);
	return in ? &in->at : &e->to;
}

struct span forward_place_name(const struct forward_exchange *e)
{
	const struct forward_inspected *in = leads_elsewhere(e);
	struct span instead = in ? span_text(in->instead) : e->instead;
	return instead.len ? instead : destination_name(forward_place(e));
}

/* ---- may it be gone to ---- */

static enum forward_step refuse_inside(struct forward_exchange *e, enum inside kind,
				       struct proxy_verdict *ret)
{
	return forward_refuse(e, REFUSAL_INSIDE, span_text(inside_text(kind)), ret);
}

enum forward_step forward_judge_written(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct forward_site *site = e->view->site;
	const struct ports *ports = e->kind == FORWARD_FETCH	? &site->ports
				    : e->kind == FORWARD_TUNNEL ? &site->tunnel_ports
				    : e->kind == FORWARD_TLS	? &site->tunnel_ports
								: &site->socks_ports;
	/* A request inside a tunnel is for the tunnel's port. */
	if (!e->inside && !ports_contain(ports, e->to.port))
		return forward_refuse(e, REFUSAL_PORT, (struct span){0}, ret);
	enum inside kind = inside_judge_written(&site->inside, &e->to);
	return kind == INSIDE_NOT ? FORWARD_STEP_ON : refuse_inside(e, kind, ret);
}

/* ---- addresses ---- */

static struct forward_exchange *of_waiter(struct name_waiter *w)
{
	return (struct forward_exchange *)(void *)((char *)w -
						   offsetof(struct forward_exchange, waiter));
}

void forward_name_told(void *arg, struct name_waiter *w)
{
	struct forward_exchange *e = of_waiter(w);
	(void)arg;
	if (e->association)
		forward_associate_told(e);
	else
		proxy_exchange_resume(e->x);
}

enum forward_step forward_resolve(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct destination *place = forward_place(e);
	if (e->upstream) { /* nobody but him is told the name */
		enum forward_step s = forward_find_upstream(e, ret);
		if (s != FORWARD_STEP_ON || e->upstream)
			return s;
	}
	if (e->inside && e->inside->fixed.n) { /* where the tunnel led */
		e->addresses = e->inside->fixed;
		return FORWARD_STEP_ON;
	}
	if (e->taken && !e->instead.len)
		return FORWARD_STEP_ON; /* where it was meant to go */
	if (place->address.family) {
		names_addresses_set(&e->addresses, &place->address);
		return FORWARD_STEP_ON;
	}
	switch (forward_names_find(e->worker->names, forward_place_name(e), &e->waiter,
				   &e->addresses)) {
	case NAMES_KNOWN: return FORWARD_STEP_ON;
	case NAMES_WAIT: forward_count(e->worker, FORWARD_COUNT_NAMES); return FORWARD_STEP_WAIT;
	case NAMES_ABSENT: return forward_refuse(e, REFUSAL_ABSENT, (struct span){0}, ret);
	case NAMES_UNTOLD: return forward_refuse(e, REFUSAL_UNTOLD, (struct span){0}, ret);
	case NAMES_FULL: break;
	}
	return forward_refuse(e, REFUSAL_BUSY, (struct span){0}, ret);
}

enum inside forward_judge_found(struct forward_worker *w, const struct forward_site *site,
				const struct ip_address *found, size_t n)
{
	struct inside_rules rules = site->inside;
	struct ip_address own[2 * NAMES_ADDRESSES_MAX];
	size_t own_n = 0;
	ASSERT(n <= NAMES_ADDRESSES_MAX);
	for (size_t i = 0; i < n; i++) {
		/* A translator may bring an address of ours back to us. */
		const struct ip_address a[] = {ip_address_unmap(&found[i]),
					       inside_meant(&rules, &found[i])};
		for (size_t k = 0; k < 2 && (k == 0 || !ip_address_equal(&a[0], &a[1])); k++)
			if (forward_is_own(&w->own, loop_now_ms(&w->loop), &a[k]))
				own[own_n++] = a[k];
	}
	rules.own = own;
	rules.own_n = own_n;
	return inside_judge_all(&rules, found, n);
}

enum forward_step forward_judge_addresses(struct forward_exchange *e, struct proxy_verdict *ret)
{
	if (e->upstream) /* where it leads he judges; what was written is judged */
		return FORWARD_STEP_ON;
	enum inside kind =
		forward_judge_found(e->worker, e->view->site, e->addresses.items, e->addresses.n);
	return kind == INSIDE_NOT ? FORWARD_STEP_ON : refuse_inside(e, kind, ret);
}
