/* Public addresses and their places, which a flow that lives must not lose. */
#include "service/nat/tables_inner.h"

/* Addresses that stand side by side: those that one device's hosts may get. */
struct group {
	uint32_t ifindex;
	__be32 addresses[NAT_PUBLICS];
	size_t n;
};

struct placing {
	struct nat_build *b;
	const struct nat_public *before;
	size_t next; /* where to look for a free place first */
};

static uint32_t host_order(__be32 address)
{
	const uint8_t *o = (const uint8_t *)&address;
	return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
}

/* --- groups ----------------------------------------------------------------------------------- */

static bool has(const struct group *g, __be32 address)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->addresses[i] == address)
			return true;
	return false;
}

static void add(struct group *g, __be32 address)
{
	if (g->n < NAT_PUBLICS && !has(g, address))
		g->addresses[g->n++] = address;
}

static bool usable(const struct nat_net_address *a)
{
	return a->address.family == 4 && !ip_address_is_link_local(&a->address) &&
	       !ip_address_is_loopback(&a->address);
}

/* The outside device in whose network the address is; else the first outside device there is. */
static uint32_t device_of(const struct nat_net *net, const struct ip_address *a)
{
	uint32_t first = 0;
	for (size_t i = 0; i < net->addresses_n; i++) {
		const struct nat_net_device *d = nat_net_device(net, net->addresses[i].ifindex);
		struct ip_prefix p =
			ip_prefix_of(&net->addresses[i].address, net->addresses[i].bits);
		if (d && d->zone == NAT_ZONE_OUTSIDE && ip_prefix_contains(&p, a))
			return d->ifindex;
	}
	for (size_t i = 0; i < net->devices_n && !first; i++)
		if (net->devices[i].zone == NAT_ZONE_OUTSIDE)
			first = net->devices[i].ifindex;
	return first;
}

static void add_pool(const struct nat_build *b, struct group *g)
{
	const struct ip_range *ranges = b->conf->addresses.items;
	for (size_t i = 0; i < b->conf->addresses.n; i++) {
		uint32_t first = host_order(nat_address_be32(&ranges[i].first));
		uint32_t last = host_order(nat_address_be32(&ranges[i].last));
		for (uint32_t a = first; a <= last && a - first < NAT_PUBLICS; a++) {
			uint8_t raw[4];
			put_u32(raw, a);
			struct ip_address address = ip_address_of(span_of(raw, sizeof(raw)));
			if (device_of(b->net, &address) == g->ifindex)
				add(g, nat_address_be32(&address));
		}
	}
}

static void add_own(const struct nat_build *b, struct group *g)
{
	for (size_t i = 0; i < b->net->addresses_n; i++) {
		const struct nat_net_address *a = &b->net->addresses[i];
		if (a->ifindex == g->ifindex && usable(a))
			add(g, nat_address_be32(&a->address));
	}
}

/* --- places ----------------------------------------------------------------------------------- */

/* NAT_PUBLICS: had none. */
static size_t place_before(const struct placing *p, __be32 address)
{
	size_t i = 0;
	while (p->before && i < NAT_PUBLICS && p->before[i].address != address)
		i++;
	return p->before ? i : NAT_PUBLICS;
}

/* Those that have places first, in the order of these; then the others by number. */
static bool goes_before(const struct placing *p, __be32 a, __be32 b)
{
	size_t at = place_before(p, a), bt = place_before(p, b);
	return at != bt ? at < bt : host_order(a) < host_order(b);
}

static void sort(const struct placing *p, struct group *g)
{
	for (size_t i = 1; i < g->n; i++)
		for (size_t k = i; k > 0 && goes_before(p, g->addresses[k], g->addresses[k - 1]);
		     k--) {
			__be32 swap = g->addresses[k];
			g->addresses[k] = g->addresses[k - 1];
			g->addresses[k - 1] = swap;
		}
}

/* Whether the group can stand at first: each place is free, or has been that address's. reuse:
 * places of addresses that are gone count as free. */
static bool fits(const struct placing *p, const struct group *g, size_t first, bool reuse)
{
	if (first + g->n > p->b->publics_max)
		return false;
	for (size_t i = 0; i < g->n; i++) {
		__be32 was = p->before ? p->before[first + i].address : 0;
		if (p->b->t->publics[first + i].address)
			return false;
		if (was && was != g->addresses[i] && !reuse)
			return false;
	}
	return true;
}

/* Where it was; else a place that was free, the longest unused first: a mapping that still has a
 * port of the address before would else be taken for one of the new address. */
static bool find_place(const struct placing *p, const struct group *g, size_t *ret)
{
	size_t was = place_before(p, g->addresses[0]);
	if (was < NAT_PUBLICS && fits(p, g, was, false)) {
		*ret = was;
		return true;
	}
	for (unsigned reuse = 0; reuse < 2; reuse++)
		for (size_t i = 0; i < p->b->publics_max; i++) {
			*ret = (p->next + i) % p->b->publics_max;
			if (fits(p, g, *ret, reuse))
				return true;
		}
	return false;
}

static void place(struct placing *p, struct group *g, bool pool)
{
	struct nat_tables *t = p->b->t;
	size_t first;
	if (g->n == 0)
		return;
	sort(p, g);
	if (!find_place(p, g, &first)) {
		nat_tables_note(t, 0, "there are more than %u public addresses", p->b->publics_max);
		return;
	}
	for (size_t i = 0; i < g->n; i++)
		t->publics[first + i] = (struct nat_public){g->addresses[i], g->ifindex};
	p->next = first + g->n;
	if (pool)
		t->devices[t->devices_n++] =
			(struct nat_device_place){g->ifindex, (uint16_t)first, (uint16_t)g->n};
}

static bool is_placed(const struct nat_tables *t, __be32 address)
{
	for (size_t i = 0; i < NAT_PUBLICS; i++)
		if (t->publics[i].address == address)
			return true;
	return false;
}

/* The machine's own addresses that no host may get: their ports are the machine's alone. */
static void place_own(struct placing *p, uint32_t ifindex)
{
	struct group own = {.ifindex = ifindex};
	add_own(p->b, &own);
	for (size_t i = 0; i < own.n; i++) {
		struct group one = {.ifindex = ifindex, .addresses = {own.addresses[i]}, .n = 1};
		if (!is_placed(p->b->t, own.addresses[i]))
			place(p, &one, false);
	}
}

void nat_build_publics(struct nat_build *b, const struct nat_public *before)
{
	struct placing p = {.b = b, .before = before};
	bool pool = b->conf->addresses.n > 0;
	for (size_t i = 0; before && i < NAT_PUBLICS; i++)
		if (before[i].address)
			p.next = i + 1;
	for (size_t i = 0; i < b->net->devices_n && b->t->devices_n < NAT_PUBLICS; i++) {
		struct group g = {.ifindex = b->net->devices[i].ifindex};
		if (b->net->devices[i].zone != NAT_ZONE_OUTSIDE)
			continue;
		if (pool)
			add_pool(b, &g);
		else
			add_own(b, &g);
		place(&p, &g, true);
	}
	for (size_t i = 0; pool && i < b->net->devices_n; i++)
		if (b->net->devices[i].zone == NAT_ZONE_OUTSIDE)
			place_own(&p, b->net->devices[i].ifindex);
	if (b->t->devices_n == 0)
		nat_tables_note(b->t, 0, "no outside device has a public address now");
}
