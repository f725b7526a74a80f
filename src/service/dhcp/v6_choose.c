/* Which lease an IA gets: what it has, what is reserved for it, what it had, what it asks for, then
 * a place of a pool that its identity chooses. So nothing need be remembered between an Advertise
 * and a Request: both come to the same lease unless somebody was faster. */
#include "service/dhcp/v6_inner.h"

/* RFC 5453: interface identifiers that no host may have. */
static bool is_anycast(const struct ip_prefix *p)
{
	static const uint8_t high[7] = {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	return p->bits == 128 && memcmp(p->address.bytes + 8, high, 7) == 0 &&
	       p->address.bytes[15] >= 0x80;
}

static bool is_ours(const struct v6_engine *e, const struct ip_prefix *p)
{
	for (size_t i = 0; p->bits == 128 && i < e->links_n; i++)
		for (size_t k = 0; k < e->links[i].addresses_n; k++)
			if (ip_address_equal(&e->links[i].addresses[k], &p->address))
				return true;
	return false;
}

static bool is_of(const struct v6_exchange *x, const struct dhcp6_ia *ia, const struct v6_record *r)
{
	return r->holder && r->holder == x->holder && r->kind == (uint8_t)ia->kind &&
	       r->iaid == ia->iaid;
}

static bool fits_kind(const struct dhcp6_ia *ia, const struct ip_prefix *p)
{
	return (ia->kind == DHCP6_IA_PD) == (p->bits < 128);
}

/* pool: the one that holds it, or NULL. */
static bool admits(const struct v6_exchange *x, const struct dhcp6_ia *ia,
		   const struct ip_prefix *p, const struct v6_pool *pool)
{
	const struct v6_reservation *r = v6_link_reserved(x->network, p);
	if (!fits_kind(ia, p))
		return false;
	if (r)
		return v6_reservation_is_of(r, &x->client, ia->iaid);
	return pool && pool->allocate != DHCP_FIXED &&
	       (!pool->classes || pool->classes & x->client.classes);
}

bool v6_admits(const struct v6_exchange *x, const struct dhcp6_ia *ia, const struct ip_prefix *p)
{
	return admits(x, ia, p, v6_link_pool_of(x->network, p));
}

/* Told to another IA of the same message already? */
static bool is_told(const struct v6_exchange *x, const struct ip_prefix *p)
{
	for (size_t i = 0; i < x->answers_n; i++)
		for (size_t k = 0; k < x->answers[i].leases_n; k++)
			if (ip_prefix_equal(&x->answers[i].leases[k].prefix, p))
				return true;
	return false;
}

/* Nobody has it. ended: also when it is remembered for another client. */
static bool is_unused(const struct v6_exchange *x, const struct dhcp6_ia *ia,
		      const struct ip_prefix *p, bool ended)
{
	const struct v6_record *r = v6_record_find(x->engine, p);
	if (r && (r->busy || r->state != V6_LEASE_ENDED || !(ended || is_of(x, ia, r))))
		return false;
	return !is_anycast(p) && !is_ours(x->engine, p) && !is_told(x, p);
}

static bool is_free(const struct v6_exchange *x, const struct dhcp6_ia *ia,
		    const struct ip_prefix *p)
{
	return is_unused(x, ia, p, true) && v6_admits(x, ia, p);
}

/* --- what the client has or had --- */

static bool choose_own(const struct v6_exchange *x, const struct dhcp6_ia *ia,
		       enum v6_lease_state state, struct ip_prefix *ret)
{
	const struct v6_record *r = x->holder ? x->holder->leases : NULL;
	for (; r; r = r->next_of_holder) {
		struct ip_prefix p = v6_record_prefix(r);
		if (!is_of(x, ia, r) || r->state != state || r->busy || is_told(x, &p))
			continue;
		if (!v6_admits(x, ia, &p))
			continue;
		*ret = p;
		return true;
	}
	return false;
}

static bool choose_reserved(const struct v6_exchange *x, const struct dhcp6_ia *ia,
			    struct ip_prefix *ret)
{
	const struct v6_reservation *r = v6_link_reservation(x->network, &x->client, ia->iaid);
	const struct ip_prefix *p = !r ? NULL : ia->kind == DHCP6_IA_PD ? &r->prefix : &r->address;
	if (!p || !p->address.family || !is_free(x, ia, p))
		return false;
	*ret = *p;
	return true;
}

bool v6_moves(const struct v6_exchange *x, const struct dhcp6_ia *ia, const struct ip_prefix *p)
{
	struct ip_prefix reserved;
	return choose_reserved(x, ia, &reserved) && !ip_prefix_equal(&reserved, p);
}

static bool choose_hint(const struct v6_exchange *x, const struct dhcp6_ia *ia,
			struct ip_prefix *ret)
{
	struct reader r = reader_of_span(ia->options);
	struct dhcp6_lease l;
	while (dhcp6_lease_next(&r, ia->kind, &l)) {
		if (ip_address_is_unspecified(&l.prefix.address) || !is_free(x, ia, &l.prefix))
			continue;
		*ret = l.prefix;
		return true;
	}
	return false;
}

/* --- a place of a pool --- */

/* By the identity of the IA, and by the number of the try. */
static uint64_t place_of(const struct v6_exchange *x, const struct dhcp6_ia *ia,
			 const struct v6_pool *pool, unsigned attempt)
{
	uint8_t text[DHCP6_DUID_LEN_MAX + 16];
	struct writer w = writer_of(text, sizeof(text));
	write_span(&w, x->client.duid);
	write_u8(&w, (uint8_t)ia->kind);
	write_u32(&w, ia->iaid);
	write_u32(&w, pool->index);
	write_u32(&w, attempt);
	uint64_t n = siphash13_of(x->engine->key, text, w.pos);
	return pool->size == UINT64_MAX ? n : n % pool->size;
}

static bool is_full(const struct v6_engine *e, const struct v6_pool *pool)
{
	const struct v6_pool_state *p = &e->pools[pool->index];
	return p->bound + p->resting >= pool->size;
}

/* Where chance found nothing: the places one after another, from where the last scan stopped. */
static bool choose_by_scan(const struct v6_exchange *x, const struct dhcp6_ia *ia,
			   const struct v6_pool *pool, struct ip_prefix *ret)
{
	struct v6_pool_state *state = &x->engine->pools[pool->index];
	uint64_t left = pool->size < V6_SCAN_MAX ? pool->size : V6_SCAN_MAX;
	/* Each place is somebody's, or remembered for somebody. */
	if (state->bound + state->resting + state->ended >= pool->size)
		return false;
	for (; left; left--) {
		*ret = v6_pool_nth(pool, state->scan);
		state->scan = state->scan + 1 < pool->size ? state->scan + 1 : 0;
		if (is_unused(x, ia, ret, false) && admits(x, ia, ret, pool))
			return true;
	}
	return false;
}

/* What somebody had, and does not have any more, for the longest time. */
static bool choose_oldest(const struct v6_exchange *x, const struct dhcp6_ia *ia,
			  const struct v6_pool *pool, struct ip_prefix *ret)
{
	const struct v6_record *r = x->engine->pools[pool->index].oldest;
	for (unsigned looks = V6_TRIES; r && looks; r = r->ended.newer, looks--) {
		*ret = v6_record_prefix(r);
		if (is_unused(x, ia, ret, true) && admits(x, ia, ret, pool))
			return true;
	}
	return false;
}

static bool choose_from(const struct v6_exchange *x, const struct dhcp6_ia *ia,
			const struct v6_pool *pool, struct ip_prefix *ret)
{
	if (pool->allocate == DHCP_FIXED || is_full(x->engine, pool))
		return false;
	for (unsigned i = 0; i < V6_TRIES; i++) {
		*ret = v6_pool_nth(pool, place_of(x, ia, pool, i));
		if (is_unused(x, ia, ret, false) && admits(x, ia, ret, pool))
			return true;
	}
	return choose_by_scan(x, ia, pool, ret) || choose_oldest(x, ia, pool, ret);
}

/* RFC 8168: the length that the client would like; 0: it does not say. */
static uint8_t wanted_bits(const struct dhcp6_ia *ia)
{
	struct reader r = reader_of_span(ia->options);
	struct dhcp6_lease l;
	return ia->kind == DHCP6_IA_PD && dhcp6_lease_next(&r, ia->kind, &l) ? l.prefix.bits : 0;
}

static bool choose_new(const struct v6_exchange *x, const struct dhcp6_ia *ia,
		       struct ip_prefix *ret)
{
	uint8_t wanted = wanted_bits(ia);
	/* First the pools of the wanted length, then all. */
	for (unsigned any = wanted ? 0 : 1; any < 2; any++)
		for (size_t i = 0; i < x->network->link_n; i++) {
			const struct v6_network *n = x->network->link[i];
			bool pd = ia->kind == DHCP6_IA_PD;
			const struct v6_pool *pools = pd ? n->prefix_pools : n->pools;
			size_t pools_n = pd ? n->prefix_pools_n : n->pools_n;
			for (size_t k = 0; k < pools_n; k++)
				if ((any || pools[k].bits == wanted) &&
				    choose_from(x, ia, &pools[k], ret))
					return true;
		}
	return false;
}

static const struct v6_network *network_of(const struct v6_exchange *x, const struct ip_prefix *p)
{
	for (size_t i = 0; i < x->network->link_n; i++) {
		const struct v6_network *n = x->network->link[i];
		if (p->bits == 128 && ip_prefix_contains(&n->subnet, &p->address))
			return n;
		for (size_t k = 0; k < n->prefix_pools_n; k++)
			if (v6_pool_place(&n->prefix_pools[k], p) != UINT64_MAX)
				return n;
	}
	return x->network;
}

bool v6_choose(struct v6_exchange *x, const struct dhcp6_ia *ia, struct dhcp6_lease *ret)
{
	struct ip_prefix p;
	if (!choose_reserved(x, ia, &p) && !choose_own(x, ia, V6_LEASE_ENDED, &p) &&
	    !choose_hint(x, ia, &p) && !choose_new(x, ia, &p))
		return false;
	struct v6_times times =
		v6_site_times(x->engine->site, network_of(x, &p), x->client.classes);
	*ret = (struct dhcp6_lease){
		.prefix = p, .preferred_s = times.preferred_s, .valid_s = times.valid_s};
	return true;
}
