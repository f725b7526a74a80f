/* Exchanges that wait: for a probe, for the store, or for one another. */
#include "service/dhcp/exchange.h"

struct dhcp_exchange *dhcp_exchange_spare(struct dhcp_engine *e)
{
	struct dhcp_exchange *x = e->spares;
	if (x)
		e->spares = x->spare_next;
	else
		x = slab_take(&e->exchanges);
	if (x)
		x->spare_next = NULL;
	return x;
}

struct dhcp_exchange *dhcp_exchange_here(struct dhcp_engine *e)
{
	if (!e->here)
		e->here = dhcp_exchange_spare(e);
	return e->here;
}

bool dhcp_exchange_wait(struct dhcp_engine *e, struct dhcp_exchange *x, enum dhcp_phase phase,
			struct dhcp_record *r)
{
	ASSERT(!x->slot);
	if (!e->slots_free_n)
		return false;
	x->slot = e->slots_free[--e->slots_free_n];
	e->waiting[x->slot] = x;
	x->token = (uint64_t)++e->serial << 32 | x->slot;
	x->phase = phase;
	x->record = r->self;
	if (!x->site)
		x->site = dhcp_site_ref(e->site);
	if (phase != DHCP_PHASE_QUEUED) {
		ASSERT(!r->waiting);
		r->waiting = x->slot;
	}
	e->counts.waiting++;
	if (x == e->here)
		e->here = NULL;
	return true;
}

bool dhcp_exchange_queue(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r)
{
	struct dhcp_exchange *first = dhcp_record_exchange(e, r);
	if (first->then || first == x || !dhcp_exchange_wait(e, x, DHCP_PHASE_QUEUED, r))
		return false;
	first->then = x;
	return true;
}

void dhcp_exchange_resume(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	if (!x->slot)
		return;
	if (x->phase != DHCP_PHASE_QUEUED)
		dhcp_table_at(&e->table, x->record)->waiting = 0;
	wheel_cancel(&e->wheel, &x->timer);
	e->waiting[x->slot] = NULL;
	e->slots_free[e->slots_free_n++] = x->slot;
	x->slot = 0;
	x->phase = DHCP_PHASE_HERE;
	e->counts.waiting--;
}

void dhcp_exchange_done(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	if (x->slot)
		return;
	dhcp_site_unref(x->site);
	x->site = NULL;
	if (x == e->here)
		return;
	x->spare_next = e->spares;
	e->spares = x;
}

struct dhcp_exchange *dhcp_record_exchange(const struct dhcp_engine *e, const struct dhcp_record *r)
{
	return r->waiting ? e->waiting[r->waiting] : NULL;
}
