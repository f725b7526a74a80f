#include "service/dhcp/exchange.h"

#include <stdlib.h>

bool dhcp_state_is_ended(unsigned state)
{
	return state == DHCP_LEASE_RELEASED || state == DHCP_LEASE_EXPIRED;
}

static bool state_rests(unsigned state)
{
	return state == DHCP_LEASE_DECLINED || state == DHCP_LEASE_CONFLICT;
}

uint32_t dhcp_record_due_s(const struct dhcp_record *r)
{
	if (r->expires_s >= UINT32_MAX - DHCP_REUSE_AFTER_S)
		return UINT32_MAX;
	return r->expires_s + (r->state == DHCP_LEASE_BOUND ? DHCP_REUSE_AFTER_S : 0);
}

bool dhcp_record_is_held(const struct dhcp_engine *e, const struct dhcp_record *r)
{
	return r->state == DHCP_LEASE_BOUND && dhcp_record_due_s(r) > dhcp_now_s(e);
}

struct dhcp_pool_state *dhcp_record_pool(struct dhcp_engine *e, const struct dhcp_record *r)
{
	return r->pool < e->pools_n ? &e->pools[r->pool] : NULL;
}

/* --- counts --- */

static uint32_t *count_of(struct dhcp_pool_state *p, unsigned state)
{
	switch (state) {
	case DHCP_LEASE_OFFERED: return &p->offered;
	case DHCP_LEASE_BOUND: return &p->bound;
	case DHCP_LEASE_DECLINED:
	case DHCP_LEASE_CONFLICT: return &p->resting;
	default: return NULL;
	}
}

/* An event when the use passes its threshold, and another when it is back by a twentieth of the
 * pool, so that one client who comes and goes does not make a stream of them. */
static void judge_use(struct dhcp_engine *e, struct dhcp_pool_state *p)
{
	uint64_t size = (uint64_t)p->pool->last - p->pool->first + 1;
	uint64_t used = (uint64_t)p->bound * 100, limit = size * p->pool->warn_percent;
	uint64_t back = size * 5 < limit ? limit - size * 5 : 0;
	if (!e->settled || !p->pool->warn_percent ||
	    (p->warned ? used >= back && used : used < limit))
		return;
	p->warned = !p->warned;
	struct dhcp_event event = {.kind = DHCP_EVENT_POOL,
				   .pool = p->pool,
				   .network = p->network,
				   .used = p->bound,
				   .size = (size_t)size};
	e->effects.event(e->effects.arg, &event);
}

static void count_state(struct dhcp_engine *e, const struct dhcp_record *r, unsigned state,
			int change)
{
	if (state == DHCP_LEASE_OFFERED)
		e->counts.offers += (uint64_t)(int64_t)change;
	if (state == DHCP_LEASE_BOUND)
		e->counts.leases += (uint64_t)(int64_t)change;
	struct dhcp_pool_state *p = dhcp_record_pool(e, r);
	uint32_t *n = p ? count_of(p, state) : NULL;
	if (n)
		*n += (uint32_t)change;
}

static bool occupies_port(unsigned state)
{
	return state == DHCP_LEASE_OFFERED || state == DHCP_LEASE_BOUND;
}

/* --- states --- */

/* Which list a record waits in follows from its state alone. */
static void enlist(struct dhcp_engine *e, struct dhcp_record *r)
{
	struct dhcp_pool_state *p = dhcp_record_pool(e, r);
	if (!dhcp_state_is_ended(r->state))
		dhcp_calendar_add(&e->calendar, r, dhcp_record_due_s(r));
	else if (p && p->pool->allocate != DHCP_FIXED &&
		 !dhcp_network_reserved(p->network, r->address))
		dhcp_list_append(&e->table, p->ended, r);
	else
		dhcp_list_leave(&e->table, r);
}

void dhcp_record_due(struct dhcp_engine *e, struct dhcp_record *r)
{
	enlist(e, r);
}

void dhcp_record_become(struct dhcp_engine *e, struct dhcp_record *r, unsigned state)
{
	count_state(e, r, r->state, -1);
	if (occupies_port(r->state) && !occupies_port(state))
		dhcp_port_count(e, r, -1);
	else if (!occupies_port(r->state) && occupies_port(state))
		dhcp_port_count(e, r, 1);
	r->state = (uint8_t)state;
	count_state(e, r, state, 1);
	enlist(e, r);
	struct dhcp_pool_state *p = dhcp_record_pool(e, r);
	if (p)
		judge_use(e, p);
}

enum err dhcp_record_describe(struct dhcp_engine *e, struct dhcp_record *r,
			      const struct dhcp_lease *l)
{
	bool counted = occupies_port(r->state);
	if (counted)
		dhcp_port_count(e, r, -1);
	enum err err = dhcp_table_describe(&e->table, r, l);
	if (counted)
		dhcp_port_count(e, r, 1);
	return err;
}

void dhcp_record_place(struct dhcp_engine *e, struct dhcp_record *r)
{
	const struct dhcp_network *n = dhcp_site_network_of(e->site, r->address);
	const struct dhcp_pool *pool = n ? dhcp_network_pool_of(n, r->address) : NULL;
	r->pool = pool ? pool->index : DHCP_POOL_NONE;
	dhcp_table_relink(&e->table, r, dhcp_network_link(n));
	if (pool)
		dhcp_free_remove(&e->pools[pool->index].free, r->address);
}

/* The record that is missed the least: of who left longest ago, rather from a dynamic pool. What a
 * row says of it is learnt again when the address is next written. */
static bool make_room(struct dhcp_engine *e)
{
	for (int automatic = 0; automatic <= 1; automatic++)
		for (size_t i = 0; i < e->pools_n; i++) {
			if ((e->pools[i].pool->allocate == DHCP_AUTOMATIC) != automatic)
				continue;
			struct dhcp_record *r = dhcp_list_first(&e->table, e->pools[i].ended);
			if (r && !r->waiting) {
				dhcp_record_drop(e, r);
				return true;
			}
		}
	return false;
}

struct dhcp_record *dhcp_record_new(struct dhcp_engine *e, uint32_t address)
{
	if (e->table.used >= e->limits.leases && !make_room(e))
		return NULL;
	struct dhcp_record *r = dhcp_table_add(&e->table, address, DHCP_LINK_NONE);
	if (r)
		dhcp_record_place(e, r);
	return r;
}

void dhcp_record_drop(struct dhcp_engine *e, struct dhcp_record *r)
{
	ASSERT(!r->waiting);
	struct dhcp_pool_state *p = dhcp_record_pool(e, r);
	uint32_t address = r->address;
	dhcp_record_become(e, r, 0);
	dhcp_table_remove(&e->table, r);
	if (p)
		dhcp_free_add(&p->free, address);
}

void dhcp_record_lapse(struct dhcp_engine *e, struct dhcp_record *r)
{
	if (!r->version && !r->waiting) {
		dhcp_record_drop(e, r);
		return;
	}
	r->expires_s = dhcp_now_s(e);
	dhcp_record_become(e, r, DHCP_LEASE_EXPIRED);
}

void dhcp_record_end(struct dhcp_engine *e, struct dhcp_record *r, unsigned state)
{
	bool was_bound = r->state == DHCP_LEASE_BOUND;
	if (state != DHCP_LEASE_EXPIRED)
		r->expires_s = dhcp_now_s(e);
	dhcp_record_become(e, r, state);
	if (was_bound)
		dhcp_tell_name(e, DHCP_NAME_ENDED, r);
	/* What expired before our time is no news. */
	if (state == DHCP_LEASE_EXPIRED && (uint64_t)r->expires_s * 1000 >= e->started_ms) {
		e->counts.expired++;
		dhcp_tell(e, DHCP_EVENT_EXPIRE, NULL, r);
	}
}

void dhcp_record_rest(struct dhcp_engine *e, struct dhcp_record *r, unsigned state, uint32_t rest_s)
{
	bool was_bound = r->state == DHCP_LEASE_BOUND;
	r->expires_s = dhcp_now_s(e) + rest_s;
	dhcp_record_become(e, r, state);
	if (was_bound)
		dhcp_tell_name(e, DHCP_NAME_ENDED, r);
}

/* --- time --- */

static void come_due(struct dhcp_engine *e, struct dhcp_record *r)
{
	uint32_t now_s = dhcp_now_s(e);
	if (dhcp_record_due_s(r) > now_s) { /* renewed meanwhile */
		dhcp_calendar_add(&e->calendar, r, dhcp_record_due_s(r));
	} else if (r->waiting) { /* what it waits for decides */
		dhcp_calendar_add(&e->calendar, r, now_s + 1);
	} else if (r->state == DHCP_LEASE_OFFERED) {
		dhcp_record_lapse(e, r);
	} else if (r->state == DHCP_LEASE_BOUND) {
		dhcp_record_end(e, r, DHCP_LEASE_EXPIRED);
	} else if (state_rests(r->state) && !r->version) {
		dhcp_record_drop(e, r);
	} else if (state_rests(r->state)) {
		dhcp_table_forget(&e->table, r);
		dhcp_record_become(e, r, DHCP_LEASE_EXPIRED);
	}
}

void dhcp_engine_expire(struct dhcp_engine *e)
{
	unsigned steps = DHCP_TURN_STEPS;
	struct dhcp_record *r;
	while ((r = dhcp_calendar_take(&e->calendar, dhcp_now_s(e), &steps)))
		come_due(e, r);
	if (e->settled || !steps)
		return;
	e->settled = true;
	for (size_t i = 0; i < e->pools_n; i++)
		judge_use(e, &e->pools[i]);
}

/* --- pools of a site --- */

void dhcp_pools_free(struct dhcp_pool_state *pools, size_t n)
{
	for (size_t i = 0; pools && i < n; i++)
		dhcp_free_done(&pools[i].free);
	free(pools);
}

void dhcp_pools_unlist(struct dhcp_engine *e, const struct dhcp_pool_state *pools, size_t n)
{
	for (size_t i = 0; pools && i < n; i++)
		if (pools[i].ended)
			dhcp_table_list_free(&e->table, pools[i].ended);
}

/* Where a pool's first search begins: each server somewhere else, so that two of them on one pool
 * seldom offer the same address to two clients. */
static uint32_t first_turn(const struct dhcp_engine *e, const struct dhcp_pool *p)
{
	uint64_t size = (uint64_t)p->last - p->first + 1;
	uint8_t bytes[4];
	put_u32(bytes, p->first);
	return p->first + (uint32_t)(siphash13_of(e->key, bytes, sizeof(bytes)) % size);
}

MUST static enum err make_pool(struct dhcp_engine *e, const struct dhcp_network *n,
			       const struct dhcp_pool *pool, struct dhcp_pool_state *ret)
{
	*ret = (struct dhcp_pool_state){.pool = pool, .network = n};
	ret->ended = dhcp_table_list(&e->table);
	if (!ret->ended)
		return (enum err)ENOMEM;
	if (pool->allocate == DHCP_FIXED)
		return OK;
	return dhcp_free_init(&ret->free, pool->first, pool->last, first_turn(e, pool));
}

enum err dhcp_pools_make(struct dhcp_engine *e)
{
	size_t n = dhcp_site_pools(e->site);
	struct dhcp_pool_state *pools = calloc(n + 1, sizeof(*pools));
	const struct dhcp_network *all;
	size_t networks = dhcp_site_networks(e->site, &all);
	enum err err = pools ? OK : (enum err)ENOMEM;
	for (size_t i = 0; i < networks && !err; i++)
		for (size_t k = 0; k < all[i].pools_n && !err; k++) {
			const struct dhcp_pool *p = &all[i].pools[k];
			ASSERT(p->index < n);
			err = make_pool(e, &all[i], p, &pools[p->index]);
		}
	if (err) {
		dhcp_pools_unlist(e, pools, n);
		dhcp_pools_free(pools, n);
		return err;
	}
	e->pools = pools;
	e->pools_n = n;
	return OK;
}
