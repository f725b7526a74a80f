/* Which zone a source address belongs to (RFC 2827), and who nobody outside can be (RFC 6890). */
#include "service/nat/tables_inner.h"

/* RFC 6890 and its registry as of 2024: not globally reachable, or no source at all. */
static const char *const bogons[] = {
	"0.0.0.0/8",	   "10.0.0.0/8",     "100.64.0.0/10",  "127.0.0.0/8",	 "169.254.0.0/16",
	"172.16.0.0/12",   "192.0.0.0/24",   "192.0.2.0/24",   "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",	 "::/128",
	"::1/128",	   "::ffff:0:0/96",  "64:ff9b:1::/48", "100::/64",	 "2001:2::/48",
	"2001:db8::/32",   "fc00::/7",	     "ff00::/8",
};

static bool is_routed(const struct nat_conf *c, unsigned zone)
{
	const struct nat_zone_conf *zones = c->zones.items;
	for (size_t z = 0; z < c->zones.n; z++)
		if (!zones[z].translate && nat_conf_zone(c, span_text(zones[z].name)) == (int)zone)
			return true;
	return false;
}

/* The first that says something about a prefix is right. */
static void add(struct nat_build *b, const struct ip_prefix *prefix, unsigned zone)
{
	struct nat_tables *t = b->t;
	uint8_t flags = is_routed(b->conf, zone) ? NAT_SOURCE_ROUTED : 0;
	for (size_t i = 0; i < t->sources_n; i++)
		if (ip_prefix_equal(&t->sources[i].prefix, prefix))
			return;
	if (t->sources_n == NAT_SOURCES_MAX) {
		nat_tables_note(t, 0, "there are more than %d networks; some hosts cannot send",
				NAT_SOURCES_MAX);
		return;
	}
	t->sources[t->sources_n++] =
		(struct nat_source_place){.prefix = *prefix, .zone = (uint8_t)zone, .flags = flags};
}

static void add_configured(struct nat_build *b)
{
	const struct nat_zone_conf *zones = b->conf->zones.items;
	for (size_t z = 0; z < b->conf->zones.n; z++) {
		const struct ip_prefix *networks = zones[z].networks.items;
		int zone = nat_conf_zone(b->conf, span_text(zones[z].name));
		for (size_t i = 0; i < zones[z].networks.n; i++)
			add(b, &networks[i], (unsigned)zone);
	}
}

static int zone_of(const struct nat_net *net, uint32_t ifindex)
{
	const struct nat_net_device *d = nat_net_device(net, ifindex);
	return d ? d->zone : -1;
}

/* IPv6 has a link-local network on each link: it says nothing about a zone. */
static bool says_something(const struct ip_prefix *p)
{
	return !(p->address.family == 6 && ip_address_is_link_local(&p->address));
}

static struct ip_prefix network_of(const struct nat_net_address *a)
{
	return ip_prefix_of(&a->address, a->bits);
}

static void add_networks(struct nat_build *b, bool outside)
{
	for (size_t i = 0; i < b->net->addresses_n; i++) {
		const struct nat_net_address *a = &b->net->addresses[i];
		struct ip_prefix network = network_of(a);
		int zone = zone_of(b->net, a->ifindex);
		if (zone >= 0 && (zone == NAT_ZONE_OUTSIDE) == outside && says_something(&network))
			add(b, &network, (unsigned)zone);
	}
}

/* RFC 4787 REQ-7: an uplink has got a network that is inside too. Where they are the same it is
 * taken for the one inside, so that the hosts there go on; else the smaller one has what both have.
 */
static void tell_conflicts(struct nat_build *b, const struct nat_net_address *uplink)
{
	const struct nat_net_device *out = nat_net_device(b->net, uplink->ifindex);
	struct ip_prefix theirs = network_of(uplink);
	char text[IP_PREFIX_TEXT_MAX];
	if (!out || out->zone != NAT_ZONE_OUTSIDE || !says_something(&theirs))
		return;
	for (size_t i = 0; i < b->net->addresses_n; i++) {
		const struct nat_net_device *in =
			nat_net_device(b->net, b->net->addresses[i].ifindex);
		struct ip_prefix ours = network_of(&b->net->addresses[i]);
		bool mine = ours.bits >= theirs.bits;
		if (!in || in->zone < NAT_ZONE_INSIDE ||
		    !ip_prefix_contains(mine ? &theirs : &ours,
					mine ? &ours.address : &theirs.address))
			continue;
		(void)ip_prefix_format(mine ? &ours : &theirs, text);
		nat_tables_note(
			b->t, 0,
			"%s is at %s and at %s: hosts there behind %s are cut off; renumber", text,
			out->name, in->name, mine ? out->name : in->name);
	}
}

/* Networks inside before those outside: the first is right. */
static void add_addresses(struct nat_build *b)
{
	for (size_t i = 0; i < b->net->addresses_n; i++) {
		const struct nat_net_address *a = &b->net->addresses[i];
		struct ip_prefix self = ip_prefix_of(&a->address, 128);
		if (!ip_address_is_loopback(&a->address) && says_something(&self))
			add(b, &self, NAT_ZONE_GATEWAY);
	}
	add_networks(b, false);
	add_networks(b, true);
	for (size_t i = 0; i < b->net->addresses_n; i++)
		tell_conflicts(b, &b->net->addresses[i]);
}

/* The default route leads outside, which is what stands in no prefix. */
static void add_routes(struct nat_build *b)
{
	for (size_t i = 0; i < b->net->routes_n; i++) {
		const struct nat_net_route *r = &b->net->routes[i];
		int zone = zone_of(b->net, r->ifindex);
		if (zone >= 0 && r->to.bits > 0 && says_something(&r->to) &&
		    !ip_address_is_multicast(&r->to.address))
			add(b, &r->to, (unsigned)zone);
	}
}

/* --- the machine's own ------------------------------------------------------------------------ */

static void add_local(struct nat_tables *t, __be32 address, uint16_t slot, uint16_t flags)
{
	size_t i = 0;
	while (i < t->locals_n && t->locals[i].address != address)
		i++;
	if (i == NAT_LOCALS_MAX)
		return;
	if (i == t->locals_n)
		t->locals[t->locals_n++] = (struct nat_local_place){address, NAT_NO_PUBLIC, 0};
	t->locals[i].flags |= flags;
	if (slot != NAT_NO_PUBLIC)
		t->locals[i].slot = slot;
}

static void make_locals(struct nat_build *b)
{
	for (uint16_t i = 0; i < NAT_PUBLICS; i++) {
		struct ip_address a = nat_address_of(b->t->publics[i].address);
		struct ip_prefix self = ip_prefix_of(&a, 32);
		if (!b->t->publics[i].address)
			continue;
		add(b, &self, NAT_ZONE_GATEWAY);
		add_local(b->t, b->t->publics[i].address, i, NAT_LOCAL_OUTSIDE);
	}
	for (size_t i = 0; i < b->net->addresses_n; i++) {
		const struct ip_address *a = &b->net->addresses[i].address;
		if (a->family == 4 && !ip_address_is_loopback(a))
			add_local(b->t, nat_address_be32(a), NAT_NO_PUBLIC, NAT_LOCAL_HERE);
	}
}

void nat_build_sources(struct nat_build *b)
{
	struct ip_prefix prefix;
	make_locals(b);
	add_configured(b);
	add_addresses(b);
	add_routes(b);
	for (size_t i = 0; b->conf->bogons && i < sizeof(bogons) / sizeof(bogons[0]); i++)
		if (ip_prefix_parse(span_text(bogons[i]), &prefix) == OK)
			add(b, &prefix, NAT_ZONE_BOGON);
}

const struct nat_source_place *nat_tables_source(const struct nat_tables *t,
						 const struct ip_address *a)
{
	const struct nat_source_place *best = NULL;
	for (size_t i = 0; i < t->sources_n; i++)
		if (ip_prefix_contains(&t->sources[i].prefix, a) &&
		    (!best || t->sources[i].prefix.bits > best->prefix.bits))
			best = &t->sources[i];
	return best;
}

unsigned nat_tables_zone(const struct nat_tables *t, const struct ip_address *a,
			 struct ip_prefix *ret_prefix)
{
	const struct nat_source_place *best = nat_tables_source(t, a);
	if (ret_prefix)
		*ret_prefix = best ? best->prefix : (struct ip_prefix){0};
	return best ? best->zone : NAT_ZONE_OUTSIDE;
}
