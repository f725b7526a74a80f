#include "service/dhcp/site_fake_test.h"

#include "proto/dhcp/build.h"
#include "proto/dhcp/relay.h"

#include <stdlib.h>

struct dhcp_site *site_fake_new(void)
{
	struct dhcp_site *s = calloc(1, sizeof(*s));
	s->refs = 1;
	s->lease_s = 3600;
	s->lease_min_s = 60;
	s->lease_max_s = 7200;
	return s;
}

struct dhcp_network *site_fake_network(struct dhcp_site *s, uint32_t subnet, uint8_t bits)
{
	size_t i = s->networks_n++;
	s->links[i][0] = &s->networks[i];
	s->networks[i] = (struct dhcp_network){.subnet = subnet,
					       .bits = bits,
					       .index = (uint32_t)i,
					       .name = "net",
					       .pools = s->pools[i],
					       .link = s->links[i],
					       .link_n = 1,
					       .probe_ms = 500,
					       .decline_s = 600,
					       .offer_s = 60,
					       .authoritative = true};
	return &s->networks[i];
}

void site_fake_link(struct dhcp_site *s, size_t one, size_t other)
{
	s->links[one][s->networks[one].link_n++] = &s->networks[other];
	s->networks[other].link = s->links[one];
	s->networks[other].link_n = s->networks[one].link_n;
}

struct dhcp_pool *site_fake_pool(struct dhcp_site *s, struct dhcp_network *n, uint32_t first,
				 uint32_t last, enum dhcp_allocate allocate)
{
	struct dhcp_pool *p = &s->pools[n->index][n->pools_n++];
	*p = (struct dhcp_pool){.first = first,
				.last = last,
				.allocate = allocate,
				.index = (uint32_t)s->pools_n++};
	return p;
}

struct dhcp_reservation *site_fake_reserve(struct dhcp_site *s, enum dhcp_identity_kind kind,
					   struct span identity, uint32_t address)
{
	struct dhcp_reservation *r = &s->reservations[s->reservations_n++];
	*r = (struct dhcp_reservation){.kind = kind, .identity = identity, .address = address};
	return r;
}

enum err dhcp_site_new(const struct dhcp_conf *conf, struct dhcp_site **ret)
{
	(void)conf;
	*ret = site_fake_new();
	return OK;
}

struct dhcp_site *dhcp_site_ref(struct dhcp_site *s)
{
	s->refs++;
	return s;
}

void dhcp_site_unref(struct dhcp_site *s)
{
	if (s && --s->refs == 0)
		free(s);
}

size_t dhcp_site_networks(const struct dhcp_site *s, const struct dhcp_network **ret)
{
	*ret = s->networks;
	return s->networks_n;
}

size_t dhcp_site_pools(const struct dhcp_site *s)
{
	return s->pools_n;
}

static bool holds(const struct dhcp_network *n, uint32_t address)
{
	return (address ^ n->subnet) >> (32 - n->bits) == 0;
}

const struct dhcp_network *dhcp_site_network_of(const struct dhcp_site *s, uint32_t address)
{
	for (size_t i = 0; i < s->networks_n; i++)
		if (holds(&s->networks[i], address))
			return &s->networks[i];
	return NULL;
}

const struct dhcp_pool *dhcp_network_pool_of(const struct dhcp_network *n, uint32_t address)
{
	for (size_t i = 0; i < n->pools_n; i++)
		if (n->pools[i].first <= address && address <= n->pools[i].last)
			return &n->pools[i];
	return NULL;
}

bool dhcp_reservation_is_of(const struct dhcp_reservation *r, const struct dhcp_client *c)
{
	switch (r->kind) {
	case DHCP_IDENTITY_MAC: return span_equal(r->identity, span_of(c->mac, c->mac_len));
	case DHCP_IDENTITY_CLIENT_ID: return span_equal(r->identity, c->client_id);
	case DHCP_IDENTITY_CIRCUIT:
		return c->relay && span_equal(r->identity, c->relay->circuit_id);
	}
	return false;
}

void dhcp_site_judge(const struct dhcp_site *s, struct dhcp_client *c)
{
	if (span_is(dhcp_message_option(c->message, DHCP_OPT_VENDOR_CLASS), "phone"))
		c->classes |= 1;
	for (size_t i = 0; i < s->reservations_n && !c->reservation; i++)
		if (dhcp_reservation_is_of(&s->reservations[i], c))
			c->reservation = &s->reservations[i];
}

/* The networks lie in the site, whose address is theirs. */
static const struct dhcp_site *site_of(const struct dhcp_network *n)
{
	const struct dhcp_network *first = n - n->index;
	return (const struct dhcp_site *)(const void *)((const uint8_t *)first -
							offsetof(struct dhcp_site, networks));
}

const struct dhcp_reservation *dhcp_network_reserved(const struct dhcp_network *n, uint32_t address)
{
	const struct dhcp_site *s = site_of(n);
	for (size_t i = 0; i < s->reservations_n; i++)
		if (s->reservations[i].address == address)
			return &s->reservations[i];
	return NULL;
}

struct dhcp_times dhcp_site_times(const struct dhcp_site *s, const struct dhcp_client *c,
				  const struct dhcp_network *n, const struct dhcp_pool *pool,
				  uint32_t asked_s)
{
	(void)c, (void)n, (void)pool;
	uint32_t lease_s = asked_s ? asked_s : s->lease_s;
	if (lease_s < s->lease_min_s)
		lease_s = s->lease_min_s;
	if (lease_s > s->lease_max_s && s->lease_s != UINT32_MAX)
		lease_s = s->lease_max_s;
	return (struct dhcp_times){lease_s, lease_s / 2, lease_s / 8 * 7};
}

void dhcp_site_boot(const struct dhcp_site *s, const struct dhcp_client *c,
		    const struct dhcp_network *n, const struct dhcp_pool *pool,
		    struct dhcp_boot *ret)
{
	(void)c, (void)n, (void)pool;
	*ret = (struct dhcp_boot){.siaddr = s->siaddr};
	if (s->file)
		ret->file = span_text(s->file);
}

static uint32_t mask_of(uint8_t bits)
{
	return bits ? UINT32_MAX << (32 - bits) : 0;
}

void dhcp_site_options(const struct dhcp_site *s, const struct dhcp_client *c,
		       const struct dhcp_network *n, const struct dhcp_pool *pool,
		       struct dhcp_build *b)
{
	static const uint8_t filler[1024];
	dhcp_build_u32(b, DHCP_OPT_SUBNET_MASK, mask_of(n->bits));
	struct span wanted = dhcp_message_requested(c->message);
	for (size_t i = 0; i < wanted.len; i++)
		if (wanted.data[i] == DHCP_OPT_ROUTERS)
			dhcp_build_u32(b, DHCP_OPT_ROUTERS, n->subnet + 1);
		else if (wanted.data[i] == DHCP_OPT_DOMAIN_NAME_SERVERS)
			dhcp_build_u32(b, DHCP_OPT_DOMAIN_NAME_SERVERS, n->subnet + 2);
		else if (wanted.data[i] == DHCP_OPT_IPV6_ONLY_PREFERRED && pool &&
			 pool == s->ipv6_only)
			dhcp_build_u32(b, DHCP_OPT_IPV6_ONLY_PREFERRED, 1800);
	if (s->filler)
		dhcp_build_option(b, 224, span_of(filler, s->filler));
}

bool dhcp_site_ours(const struct dhcp_site *s, const struct dhcp_client *c, uint16_t secs)
{
	(void)c, (void)secs;
	return !s->not_ours;
}

bool dhcp_site_is_ipv6_only(const struct dhcp_site *s, const struct dhcp_client *c,
			    const struct dhcp_network *n, const struct dhcp_pool *pool)
{
	(void)c, (void)n;
	return pool && pool == s->ipv6_only;
}
