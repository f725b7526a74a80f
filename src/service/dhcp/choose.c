#include "service/dhcp/exchange.h"

static const struct dhcp_network *holder(const struct dhcp_network *first, uint32_t address)
{
	for (size_t i = 0; i < first->link_n; i++) {
		const struct dhcp_network *n = first->link[i];
		if (n->bits == 0 || (address ^ n->subnet) >> (32 - n->bits) == 0)
			return n;
	}
	return NULL;
}

static bool is_edge(const struct dhcp_network *n, uint32_t address)
{
	uint32_t host = n->bits >= 32 ? 0 : UINT32_MAX >> n->bits;
	return n->bits < 31 && ((address & host) == 0 || (address & host) == host);
}

static bool admits(const struct dhcp_pool *pool, const struct dhcp_client *c)
{
	return pool->allocate != DHCP_FIXED && (!pool->classes || (pool->classes & c->classes));
}

enum dhcp_cause dhcp_place_of(const struct dhcp_engine *e, const struct dhcp_exchange *x,
			      uint32_t address, struct dhcp_place *ret)
{
	const struct dhcp_client *c = &x->client;
	const struct dhcp_network *n = holder(c->network, address);
	if (!n)
		return DHCP_CAUSE_WRONG_NETWORK;
	if (is_edge(n, address))
		return DHCP_CAUSE_NO_ADDRESS;
	if (dhcp_engine_owns(e, address))
		return DHCP_CAUSE_TAKEN;
	const struct dhcp_reservation *r = dhcp_network_reserved(n, address);
	const struct dhcp_pool *pool = dhcp_network_pool_of(n, address);
	if (r && !dhcp_reservation_is_of(r, c))
		return DHCP_CAUSE_TAKEN;
	if (!r && !pool)
		return DHCP_CAUSE_NO_ADDRESS;
	if (!r && !admits(pool, c))
		return pool->allocate == DHCP_FIXED ? DHCP_CAUSE_FIXED : DHCP_CAUSE_NO_ADDRESS;
	*ret = (struct dhcp_place){.network = n, .pool = pool};
	return DHCP_CAUSE_NONE;
}

/* --- taking an address for a client --- */

/* A lease as the client describes itself; nothing is granted yet. */
static struct dhcp_lease describe(const struct dhcp_exchange *x)
{
	const struct dhcp_client *c = &x->client;
	struct dhcp_lease l = {
		.htype = c->htype, .mac_len = c->mac_len, .mac = c->mac, .client_id = c->client_id};
	if (c->relay) {
		l.circuit_id = c->relay->circuit_id;
		l.remote_id = c->relay->remote_id;
	}
	return l;
}

static bool held_a_moment_ago(const struct dhcp_engine *e, const struct dhcp_record *r)
{
	return (uint64_t)r->expires_s + DHCP_JUST_HELD_S >= dhcp_now_s(e);
}

enum dhcp_cause dhcp_claim(struct dhcp_engine *e, struct dhcp_exchange *x, uint32_t address,
			   struct dhcp_place place)
{
	struct dhcp_identity id;
	dhcp_exchange_identity(x, &id);
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	bool mine = r && dhcp_record_is_of(r, &id);
	x->familiar = false;
	if (r && r->state == DHCP_LEASE_BOUND && !dhcp_record_is_held(e, r) && !r->waiting)
		dhcp_record_end(e, r, DHCP_LEASE_EXPIRED); /* the calendar is a little behind */
	if (mine && (r->state == DHCP_LEASE_BOUND || r->state == DHCP_LEASE_OFFERED)) {
		x->familiar = true;
	} else if (r && (!dhcp_state_is_ended(r->state) || (r->waiting && !mine))) {
		return DHCP_CAUSE_TAKEN;
	} else {
		x->familiar = mine && held_a_moment_ago(e, r);
		if (!r)
			r = dhcp_record_new(e, address);
		struct dhcp_lease l = describe(x);
		if (!r)
			return DHCP_CAUSE_BUSY;
		if (dhcp_record_describe(e, r, &l) != OK) {
			if (r->state == 0)
				dhcp_record_drop(e, r);
			return DHCP_CAUSE_BUSY;
		}
		if (!mine) /* the names and the nonce were another's, who has ended */
			r->names = r->flags = 0;
	}
	if (r->state != DHCP_LEASE_BOUND) {
		r->granted_s = dhcp_now_s(e);
		r->expires_s = dhcp_now_s(e) + place.network->offer_s;
		dhcp_record_become(e, r, DHCP_LEASE_OFFERED);
	}
	x->place = place;
	x->record = r->self;
	return DHCP_CAUSE_NONE;
}

/* --- the order of RFC 2131 4.3.1, reservations first --- */

static enum dhcp_cause claim_if_allowed(struct dhcp_engine *e, struct dhcp_exchange *x,
					uint32_t address)
{
	struct dhcp_place place;
	enum dhcp_cause cause = dhcp_place_of(e, x, address, &place);
	return cause ? cause : dhcp_claim(e, x, address, place);
}

static bool claim_reserved(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	const struct dhcp_reservation *r = x->client.reservation;
	return r && r->address && claim_if_allowed(e, x, r->address) == DHCP_CAUSE_NONE;
}

/* How near a record of the client is to what it has now; 0: of no use. */
static unsigned rank(const struct dhcp_engine *e, const struct dhcp_record *r)
{
	if (r->state == DHCP_LEASE_BOUND && dhcp_record_is_held(e, r))
		return 3;
	if (r->state == DHCP_LEASE_OFFERED)
		return 2;
	return dhcp_state_is_ended(r->state) || r->state == DHCP_LEASE_BOUND;
}

/* What the records of a client's past say of it. */
struct past {
	bool known;	   /* it has an address, or had one */
	unsigned declined; /* addresses that rest because it said so */
};

/* "The client's current address as recorded in the client's current binding, ELSE the client's
 * previous address as recorded in the client's (now expired or released) binding, if that address
 * is in the server's pool of available addresses and not already allocated". */
static const struct dhcp_record *best_known(const struct dhcp_engine *e,
					    const struct dhcp_exchange *x, struct past *ret,
					    struct dhcp_place *ret_place)
{
	struct dhcp_identity id;
	struct dhcp_place place;
	const struct dhcp_record *best = NULL;
	dhcp_exchange_identity(x, &id);
	*ret = (struct past){0};
	const struct dhcp_record *r = dhcp_table_first_of(&e->table, &id);
	for (; r; r = dhcp_table_next_of(&e->table, r, &id)) {
		ret->known = ret->known || rank(e, r);
		ret->declined += r->state == DHCP_LEASE_DECLINED;
		if (rank(e, r) <= (best ? rank(e, best) : 0) ||
		    dhcp_place_of(e, x, r->address, &place) != DHCP_CAUSE_NONE)
			continue;
		best = r;
		*ret_place = place;
	}
	return best;
}

static bool claim_known(struct dhcp_engine *e, struct dhcp_exchange *x, struct past *ret)
{
	struct dhcp_place place;
	const struct dhcp_record *best = best_known(e, x, ret, &place);
	return best && dhcp_claim(e, x, best->address, place) == DHCP_CAUSE_NONE;
}

/* "ELSE the address requested in the 'Requested IP Address' option, if that address is valid and
 * not already allocated": what an automatic pool remembers for another is allocated in that sense.
 */
static bool claim_requested(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	uint32_t address;
	struct dhcp_place place;
	if (dhcp_message_address(&x->message, DHCP_OPT_REQUESTED_ADDRESS, &address) != OK ||
	    dhcp_place_of(e, x, address, &place) != DHCP_CAUSE_NONE)
		return false;
	const struct dhcp_record *r = dhcp_table_find(&e->table, address);
	if (r && dhcp_record_has_client(r) && place.pool && place.pool->allocate == DHCP_AUTOMATIC)
		return false;
	return dhcp_claim(e, x, address, place) == DHCP_CAUSE_NONE;
}

/* One that no record speaks of. What turns out to be reserved, or ours, stays out of the pool. */
static bool claim_unused(struct dhcp_engine *e, struct dhcp_exchange *x,
			 struct dhcp_pool_state *pool)
{
	uint32_t address;
	struct dhcp_place place;
	while (dhcp_free_take(&pool->free, &address)) {
		if (dhcp_place_of(e, x, address, &place) != DHCP_CAUSE_NONE)
			continue;
		if (dhcp_claim(e, x, address, place) == DHCP_CAUSE_NONE)
			return true;
		dhcp_free_add(&pool->free, address);
		return false; /* no memory */
	}
	return false;
}

/* The one whose lease ended the longest ago. */
static bool claim_ended(struct dhcp_engine *e, struct dhcp_exchange *x,
			struct dhcp_pool_state *pool)
{
	struct dhcp_record *r = dhcp_list_first(&e->table, pool->ended);
	for (unsigned i = 0; r && i < DHCP_REUSE_TRIES; i++) {
		struct dhcp_record *next = dhcp_list_next(&e->table, pool->ended, r);
		if (claim_if_allowed(e, x, r->address) == DHCP_CAUSE_NONE)
			return true;
		r = next;
	}
	return false;
}

typedef bool claim_from(struct dhcp_engine *e, struct dhcp_exchange *x,
			struct dhcp_pool_state *pool);

static bool claim_from_any(struct dhcp_engine *e, struct dhcp_exchange *x, claim_from *claim)
{
	const struct dhcp_network *first = x->client.network;
	for (size_t i = 0; i < first->link_n; i++)
		for (size_t k = 0; k < first->link[i]->pools_n; k++) {
			const struct dhcp_pool *pool = &first->link[i]->pools[k];
			if (admits(pool, &x->client) && claim(e, x, &e->pools[pool->index]))
				return true;
		}
	return false;
}

/* Is there a pool for others than those in a list at all? */
static bool only_fixed(const struct dhcp_network *first)
{
	for (size_t i = 0; i < first->link_n; i++)
		for (size_t k = 0; k < first->link[i]->pools_n; k++)
			if (first->link[i]->pools[k].allocate != DHCP_FIXED)
				return false;
	return true;
}

enum dhcp_cause dhcp_choose(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	struct past past;
	if (claim_reserved(e, x) || claim_known(e, x, &past))
		return DHCP_CAUSE_NONE;
	if (only_fixed(x->client.network))
		return DHCP_CAUSE_FIXED;
	/* Whoever declines one address after the other would lay a whole pool to rest. */
	if (past.declined >= DHCP_DECLINES_MAX)
		return DHCP_CAUSE_RATE;
	if (!past.known && x->tries == 0 && !dhcp_admit_stranger(e, x))
		return DHCP_CAUSE_RATE;
	if (!dhcp_admit_port(e, x))
		return DHCP_CAUSE_PORT;
	if (claim_requested(e, x) || claim_from_any(e, x, claim_unused))
		return DHCP_CAUSE_NONE;
	dhcp_engine_expire(e); /* before an address that somebody is remembered by is taken */
	return claim_from_any(e, x, claim_ended) ? DHCP_CAUSE_NONE : DHCP_CAUSE_NO_ADDRESS;
}

/* --- where it would be -------------------------------------------------------------------------
 */

/* The pool that the next address would come from; a full one counts, behind the others. */
static bool foresee_pool(const struct dhcp_engine *e, const struct dhcp_exchange *x,
			 struct dhcp_place *ret)
{
	const struct dhcp_network *first = x->client.network;
	bool found = false;
	for (size_t i = 0; i < first->link_n; i++)
		for (size_t k = 0; k < first->link[i]->pools_n; k++) {
			const struct dhcp_pool *pool = &first->link[i]->pools[k];
			bool has_room = e->pools[pool->index].free.left != 0;
			if (!admits(pool, &x->client) || (found && !has_room))
				continue;
			*ret = (struct dhcp_place){.network = first->link[i], .pool = pool};
			found = true;
			if (has_room)
				return true;
		}
	return found;
}

bool dhcp_foresee(const struct dhcp_engine *e, const struct dhcp_exchange *x,
		  struct dhcp_place *ret)
{
	struct past past;
	uint32_t address;
	const struct dhcp_reservation *r = x->client.reservation;
	if (r && r->address && dhcp_place_of(e, x, r->address, ret) == DHCP_CAUSE_NONE)
		return true;
	if (best_known(e, x, &past, ret))
		return true;
	if (dhcp_message_address(&x->message, DHCP_OPT_REQUESTED_ADDRESS, &address) == OK &&
	    dhcp_place_of(e, x, address, ret) == DHCP_CAUSE_NONE)
		return true;
	return foresee_pool(e, x, ret);
}
