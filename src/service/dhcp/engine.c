#include "service/dhcp/exchange.h"

#include <stdlib.h>

/* Lists are numbered with the records: slots of the calendar, and one for each pool, twice while a
 * reload is under way. */
enum { LISTS_MAX = 1 << 20, LEARNT_LATE_S = 1 << 18 };

/* --- its life --- */

MUST static enum err make_waiting(struct dhcp_engine *e)
{
	size_t n = e->limits.waiting;
	e->waiting = calloc(n + 1, sizeof(struct dhcp_exchange *));
	e->slots_free = calloc(n + 1, sizeof(*e->slots_free));
	e->rates = calloc(DHCP_RATES, sizeof(*e->rates));
	if (!e->waiting || !e->slots_free || !e->rates)
		return (enum err)ENOMEM;
	for (size_t slot = n; slot > 0; slot--)
		e->slots_free[e->slots_free_n++] = (uint32_t)slot;
	return OK;
}

MUST static enum err fill_in(struct dhcp_engine *e)
{
	TRY(dhcp_table_init(&e->table, e->key, e->limits.leases, LISTS_MAX));
	TRY(dhcp_calendar_init(&e->calendar, &e->table, 0, dhcp_record_due_s));
	TRY(make_waiting(e));
	/* One more for the message that is being read, one for a note of the engine's own. */
	slab_init(&e->exchanges, sizeof(struct dhcp_exchange), e->limits.waiting + 2);
	wheel_init(&e->wheel, 0);
	dhcp_ports_init(e);
	return dhcp_pools_make(e);
}

enum err dhcp_engine_new(struct dhcp_site *site, const struct dhcp_limits *limits,
			 const struct dhcp_effects *effects, struct hash_key key,
			 struct dhcp_engine **ret)
{
	ASSERT(limits->leases > 0 && limits->waiting > 0 && limits->waiting < UINT32_MAX);
	struct dhcp_engine *e = calloc(1, sizeof(*e));
	if (!e)
		return (enum err)ENOMEM;
	e->limits = *limits;
	e->effects = *effects;
	e->key = key;
	e->site = dhcp_site_ref(site);
	enum err err = fill_in(e);
	if (err)
		dhcp_engine_free(e);
	else
		*ret = e;
	return err;
}

void dhcp_engine_free(struct dhcp_engine *e)
{
	if (!e)
		return;
	for (size_t slot = 1; e->waiting && slot <= e->limits.waiting; slot++)
		if (e->waiting[slot])
			dhcp_site_unref(e->waiting[slot]->site);
	dhcp_pools_free(e->pools, e->pools_n);
	dhcp_table_done(&e->table);
	slab_done(&e->exchanges);
	table_done(&e->by_port);
	slab_done(&e->ports);
	free(e->waiting);
	free(e->slots_free);
	free(e->rates);
	dhcp_site_unref(e->site);
	free(e);
}

void dhcp_engine_at(struct dhcp_engine *e, uint64_t now_ms)
{
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	if (e->started_ms)
		return;
	/* Rows are learnt in no order; what expired in the last days while nobody watched comes up
	 * in the order in which it expired. */
	e->started_ms = e->now_ms ? e->now_ms : 1;
	uint32_t now_s = dhcp_now_s(e);
	e->calendar.now_s = now_s > LEARNT_LATE_S ? now_s - LEARNT_LATE_S : 0;
}

/* --- reload --- */

/* The record finds its network, its pool and its list again; the counts begin anew. */
static void place_again(struct dhcp_engine *e, struct dhcp_record *r)
{
	unsigned state = r->state;
	r->pool = DHCP_POOL_NONE;
	dhcp_record_place(e, r);
	r->state = 0;
	dhcp_record_become(e, r, state);
}

/* Those whose lease ended keep their order; all others have none. */
static void place_all(struct dhcp_engine *e, uint32_t ended)
{
	struct dhcp_record *r;
	for (r = dhcp_table_from(&e->table, 0); r;
	     r = r->address == UINT32_MAX ? NULL : dhcp_table_from(&e->table, r->address + 1))
		if (!dhcp_state_is_ended(r->state))
			place_again(e, r);
	while ((r = dhcp_list_first(&e->table, ended))) {
		dhcp_list_leave(&e->table, r);
		place_again(e, r);
	}
}

/* All whose lease ended into one list, those of a pool in their order, and the pools freed. */
static void gather_ended(struct dhcp_engine *e, struct dhcp_pool_state *pools, size_t n,
			 uint32_t ended)
{
	for (size_t i = 0; i < n; i++)
		dhcp_list_move(&e->table, pools[i].ended, ended);
	dhcp_pools_unlist(e, pools, n);
	dhcp_pools_free(pools, n);
	struct dhcp_record *r;
	for (r = dhcp_table_from(&e->table, 0); r;
	     r = r->address == UINT32_MAX ? NULL : dhcp_table_from(&e->table, r->address + 1))
		if (dhcp_state_is_ended(r->state) && r->next == r->self)
			dhcp_list_append(&e->table, ended, r); /* of no pool until now */
}

void dhcp_engine_set_site(struct dhcp_engine *e, struct dhcp_site *site, uint64_t now_ms)
{
	dhcp_engine_at(e, now_ms);
	struct dhcp_site *old = e->site;
	struct dhcp_pool_state *pools = e->pools;
	size_t pools_n = e->pools_n;
	uint32_t ended = dhcp_table_list(&e->table);
	e->site = site;
	if (!ended || dhcp_pools_make(e) != OK) { /* no memory: the old one stays */
		e->site = old;
		if (ended)
			dhcp_table_list_free(&e->table, ended);
		return;
	}
	(void)dhcp_site_ref(site);
	gather_ended(e, pools, pools_n, ended);
	e->settled = false; /* half of the leases counted is no use of a pool */
	dhcp_ports_init(e);
	e->counts.leases = e->counts.offers = 0;
	dhcp_engine_serve(e);
	place_all(e, ended);
	dhcp_table_list_free(&e->table, ended);
	dhcp_site_unref(old);
}

void dhcp_engine_set_links(struct dhcp_engine *e, const struct dhcp_link *links, size_t n)
{
	struct dhcp_link old[DHCP_LINKS_MAX];
	size_t old_n = e->links_n;
	for (size_t i = 0; i < old_n; i++)
		old[i] = e->links[i];
	e->links_n = n < DHCP_LINKS_MAX ? n : DHCP_LINKS_MAX;
	for (size_t i = 0; i < e->links_n; i++)
		e->links[i] = links[i];
	dhcp_engine_serve(e);
	/* An address that was ours may be given again. One that is ours now is found out when its
	 * turn comes. */
	for (size_t i = 0; i < old_n; i++) {
		const struct dhcp_network *net = dhcp_site_network_of(e->site, old[i].address);
		const struct dhcp_pool *p = net ? dhcp_network_pool_of(net, old[i].address) : NULL;
		if (p && !dhcp_engine_owns(e, old[i].address) &&
		    !dhcp_table_find(&e->table, old[i].address))
			dhcp_free_add(&e->pools[p->index].free, old[i].address);
	}
}

/* --- time --- */

static void waited(struct wheel_timer *t, void *arg)
{
	struct dhcp_engine *e = arg;
	struct dhcp_exchange *x = (struct dhcp_exchange *)t; /* its first field */
	if (x->phase == DHCP_PHASE_GRANT) {
		dhcp_commit_late(e, x);
		return;
	}
	dhcp_exchange_resume(e, x);
	if (dhcp_exchange_refresh(e, x) && x->place.network)
		dhcp_exchange_probed(e, x);
	else if (x->client.network)
		dhcp_exchange_discover(e, x); /* the configuration is another one */
	dhcp_exchange_done(e, x);
}

void dhcp_engine_turn(struct dhcp_engine *e, uint64_t now_ms)
{
	dhcp_engine_at(e, now_ms);
	wheel_advance(&e->wheel, e->now_ms, waited, e);
	dhcp_engine_expire(e);
}

uint64_t dhcp_engine_next_ms(struct dhcp_engine *e)
{
	uint64_t probes = wheel_next_ms(&e->wheel);
	uint32_t due_s = dhcp_calendar_next_s(&e->calendar);
	uint64_t leases = due_s == UINT32_MAX ? UINT64_MAX : (uint64_t)due_s * 1000;
	return probes < leases ? probes : leases;
}

/* --- what is told --- */

void dhcp_tell(struct dhcp_engine *e, enum dhcp_event_kind kind, const struct dhcp_exchange *x,
	       const struct dhcp_record *r)
{
	struct dhcp_lease l;
	struct dhcp_event event = {.kind = kind, .client = x ? &x->client : NULL};
	if (x)
		event.network = x->client.network;
	if (r) {
		dhcp_record_lease(r, &l);
		event.lease = &l;
		event.address = r->address;
		const struct dhcp_pool_state *p = dhcp_record_pool(e, r);
		event.pool = p ? p->pool : NULL;
		if (!event.network && p)
			event.network = p->network;
	}
	e->effects.event(e->effects.arg, &event);
}

void dhcp_refuse(struct dhcp_engine *e, const struct dhcp_exchange *x, enum dhcp_cause cause,
		 uint32_t address)
{
	e->counts.causes[cause]++;
	struct dhcp_event event = {.kind = DHCP_EVENT_REFUSED,
				   .cause = cause,
				   .client = x->client.message ? &x->client : NULL,
				   .network = x->client.network,
				   .address = address};
	e->effects.event(e->effects.arg, &event);
}

void dhcp_tell_name(struct dhcp_engine *e, enum dhcp_name_change change,
		    const struct dhcp_record *r)
{
	const struct dhcp_network *n = dhcp_site_network_of(e->site, r->address);
	struct dhcp_lease l;
	if (!n)
		return;
	dhcp_record_lease(r, &l);
	e->effects.name(e->effects.arg, change, &l, n);
}

void dhcp_engine_named(struct dhcp_engine *e, uint32_t address, uint8_t names)
{
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	if (!r || r->names == names || r->state == DHCP_LEASE_OFFERED)
		return;
	r->names = names;
	r->flags |= DHCP_RECORD_DIRTY;
	if (!r->waiting)
		dhcp_commit_note(e, r);
}

/* --- for the control socket --- */

bool dhcp_engine_lease_from(struct dhcp_engine *e, uint32_t from, struct dhcp_lease *ret)
{
	const struct dhcp_record *r = dhcp_table_from(&e->table, from);
	if (r)
		dhcp_record_lease(r, ret);
	return r != NULL;
}

bool dhcp_engine_lease(struct dhcp_engine *e, uint32_t address, struct dhcp_lease *ret)
{
	const struct dhcp_record *r = dhcp_table_find(&e->table, address);
	if (r)
		dhcp_record_lease(r, ret);
	return r != NULL;
}

enum err dhcp_engine_release(struct dhcp_engine *e, uint64_t now_ms, uint32_t address)
{
	dhcp_engine_at(e, now_ms);
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	if (!r || r->state != DHCP_LEASE_BOUND || r->waiting)
		return ERR_ABSENT;
	dhcp_record_end(e, r, DHCP_LEASE_RELEASED);
	dhcp_tell(e, DHCP_EVENT_RELEASE, NULL, r);
	dhcp_commit_note(e, r);
	return OK;
}

bool dhcp_engine_pool_use(struct dhcp_engine *e, size_t nth, struct dhcp_pool_use *ret)
{
	if (nth >= e->pools_n)
		return false;
	const struct dhcp_pool_state *p = &e->pools[nth];
	*ret = (struct dhcp_pool_use){.network = p->network,
				      .pool = p->pool,
				      .size = (size_t)p->pool->last - p->pool->first + 1,
				      .bound = p->bound,
				      .offered = p->offered,
				      .resting = p->resting};
	return true;
}

void dhcp_engine_counts(const struct dhcp_engine *e, struct dhcp_counts *ret)
{
	*ret = e->counts;
}
