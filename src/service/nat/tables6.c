#include "service/nat/tables6.h"

#include "proto/ip/nat64.h"
#include "service/nat/conf_v6.h"
#include "service/nat/net.h"

#include <assert.h>
#include <string.h>

static struct nat_address6 address6(const struct ip_address *a)
{
	struct nat_address6 ret;
	memcpy(ret.octets, a->bytes, sizeof(ret.octets));
	return ret;
}

static bool counts(const struct ip_address *a)
{
	return a->family == 6 && !ip_address_is_loopback(a) && !ip_address_is_link_local(a);
}

/* --- prefixes (RFC 6296) ---------------------------------------------------------------------- */

/* The one's complement sum of the words of a prefix, in host order. */
static uint32_t sum_of(const struct ip_prefix *p)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < 16; i += 2)
		sum += (uint32_t)p->address.bytes[i] << 8 | p->address.bytes[i + 1];
	return (sum & 0xffff) + (sum >> 16);
}

static struct nat_prefix6 prefix_of(const struct nat_prefix_conf *c)
{
	/* 3.1: inside less outside. */
	uint32_t sum = sum_of(&c->inside) + (~sum_of(&c->outside) & 0xffff);
	uint8_t wire[2];
	struct nat_prefix6 p = {.inside = address6(&c->inside.address),
				.outside = address6(&c->outside.address),
				.bits = (uint8_t)c->inside.bits,
				.word = c->inside.bits <= 48 ? 3 : 0};
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	wire[0] = (uint8_t)(sum >> 8);
	wire[1] = (uint8_t)sum;
	memcpy(&p.adjustment, wire, sizeof(p.adjustment));
	return p;
}

static void make_settings(const struct nat_v6_conf *conf, struct nat_settings6 *s)
{
	const struct nat_prefix_conf *prefixes = conf->prefixes.items;
	static_assert(NAT_CONF_PREFIXES_MAX <= NAT_PREFIXES6, "all of them fit");
	for (size_t i = 0; i < conf->prefixes.n; i++)
		s->prefixes[i] = prefix_of(&prefixes[i]);
	s->prefixes_n = (uint8_t)conf->prefixes.n;
	s->flags = conf->forward ? NAT_SETTING6_ROUTE : 0;
	if (!conf->nat64.address.family)
		return;
	s->nat64 = address6(&conf->nat64.address);
	s->nat64_bits = (uint8_t)conf->nat64.bits;
	if (ip_prefix_equal(&conf->nat64, &ip_nat64_well_known))
		s->flags |= NAT_SETTING6_WELL_KNOWN;
}

/* --- the machine's own ------------------------------------------------------------------------ */

static void make_locals(const struct nat_net *net, struct nat_tables6 *t)
{
	for (size_t i = 0; i < net->addresses_n && t->locals_n < NAT_LOCALS6_MAX; i++) {
		const struct ip_address *a = &net->addresses[i].address;
		if (!counts(a))
			continue;
		t->locals[t->locals_n++] = (struct nat_local6){
			.address = address6(a),
			.flags = NAT_LOCAL_HERE |
				 (ip_address_is_private(a) ? 0 : (uint32_t)NAT_LOCAL_OUTSIDE)};
	}
}

/* How good an address is to answer from on a device: its own before those of others, public ones
 * before private ones, which never answer outside. 0: it is not. */
static unsigned worth(const struct nat_net_address *a, const struct nat_net_device *d)
{
	bool is_private = ip_address_is_private(&a->address);
	if (!counts(&a->address) || (is_private && d->zone == NAT_ZONE_OUTSIDE))
		return 0;
	return 1 + (a->ifindex == d->ifindex ? 2u : 0) + (is_private ? 0 : 1u);
}

static void make_answerer(const struct nat_net *net, const struct nat_net_device *d,
			  struct nat_tables6 *t)
{
	const struct nat_net_address *best = NULL;
	for (size_t i = 0; i < net->addresses_n; i++) {
		const struct nat_net_address *a = &net->addresses[i];
		if (worth(a, d) > (best ? worth(best, d) : 0))
			best = a;
	}
	if (best && t->answerers_n < NAT_LOCALS6_MAX)
		t->answerers[t->answerers_n++] =
			(struct nat_answerer6){d->ifindex, address6(&best->address)};
}

void nat_tables6_make(const struct nat_v6_conf *conf, const struct nat_net *net,
		      struct nat_tables6 *ret)
{
	*ret = (struct nat_tables6){0};
	make_settings(conf, &ret->settings);
	make_locals(net, ret);
	for (size_t i = 0; i < net->devices_n; i++)
		if (net->devices[i].zone >= 0)
			make_answerer(net, &net->devices[i], ret);
}
