#include "service/resolver/delegation.h"

#define BAND_US	       10000u /* servers this close together are equally quick */
#define EXPLORE_ONE_IN 20u
#define COST_TRY_US    10000000u /* one more try costs more than any distance */
#define COST_LAME_US   100000000u

void delegation_init(struct delegation *d, const struct dns_name *zone, enum delegation_kind kind)
{
	d->zone = *zone;
	d->kind = kind;
	d->configured = false;
	d->hold_max_s = UINT32_MAX;
	d->names_n = 0;
	d->addresses_n = 0;
}

uint8_t delegation_find_name(const struct delegation *d, const struct dns_name *name)
{
	for (uint8_t i = 0; i < d->names_n; i++)
		if (dns_name_equal(&d->names[i].name, name))
			return i;
	return DELEGATION_NAME_NONE;
}

void delegation_add_name(struct delegation *d, const struct dns_name *name)
{
	if (d->names_n == DELEGATION_NAMES_MAX ||
	    delegation_find_name(d, name) != DELEGATION_NAME_NONE)
		return;
	d->names[d->names_n].name = *name;
	d->names[d->names_n++].looked_up = 0;
}

void delegation_add_address(struct delegation *d, uint8_t name, const struct ip_endpoint *at)
{
	if (d->addresses_n == DELEGATION_ADDRESSES_MAX)
		return;
	for (uint8_t i = 0; i < d->addresses_n; i++)
		if (ip_endpoint_equal(&d->addresses[i].at, at))
			return;
	d->addresses[d->addresses_n++] = (struct delegation_address){.at = *at, .name = name};
}

static bool may_ask(const struct delegation *d, const struct delegation_address *a,
		    const struct delegation_rules *rules)
{
	const struct ip_address *ip = &a->at.address;
	if (a->bad || a->tries >= DELEGATION_TRIES_MAX)
		return false;
	if (ip->family == 4 ? !rules->ipv4 : !rules->ipv6)
		return false;
	if (ip_address_is_multicast(ip) || ip_address_is_unspecified(ip))
		return false;
	return rules->loopback || d->configured || !ip_address_is_loopback(ip);
}

static uint64_t cost(const struct delegation_address *a, struct servers *servers,
		     uint64_t zone_hash, uint64_t now_ms)
{
	const struct server *s = servers_get(servers, &a->at, now_ms);
	uint64_t c = server_cost_us(s, now_ms) + (uint64_t)a->tries * COST_TRY_US;
	/* Lame ones are the last resort, not out: the zone may have been mended. */
	return server_is_lame(s, zone_hash, now_ms) ? c + COST_LAME_US : c;
}

struct delegation_address *delegation_choose(struct delegation *d, struct servers *servers,
					     const struct delegation_rules *rules,
					     uint64_t zone_hash, uint64_t now_ms, uint64_t random)
{
	uint64_t costs[DELEGATION_ADDRESSES_MAX], best = UINT64_MAX;
	for (uint8_t i = 0; i < d->addresses_n; i++) {
		costs[i] = UINT64_MAX;
		if (!may_ask(d, &d->addresses[i], rules))
			continue;
		costs[i] = cost(&d->addresses[i], servers, zone_hash, now_ms);
		if (costs[i] < best)
			best = costs[i];
	}
	if (best == UINT64_MAX)
		return NULL;
	uint64_t most = best + BAND_US + best / 4;
	if ((random & 0xffff) % EXPLORE_ONE_IN == 0 && best < COST_TRY_US)
		most = COST_TRY_US - 1;
	uint8_t pick[DELEGATION_ADDRESSES_MAX], n = 0;
	for (uint8_t i = 0; i < d->addresses_n; i++)
		if (costs[i] <= most)
			pick[n++] = i;
	return &d->addresses[pick[(random >> 16) % n]];
}
