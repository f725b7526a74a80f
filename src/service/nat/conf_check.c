/* Judges the keys of `nat` together. */
#include "service/nat/conf.h"

#include "proto/ip/prefix.h"
#include "service/nat/nft.h"

static bool is_interface_name(const char *name)
{
	for (const char *at = name; *at; at++)
		if (*at == '/' || *at <= ' ')
			return false;
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* --- zones ------------------------------------------------------------------------------------ */

static void check_interfaces(const struct config_list *list, const struct config_step *where,
			     size_t depth, struct config_at *at)
{
	const char *const *names = list->items;
	struct config_step steps[3];
	for (size_t i = 0; i < depth; i++)
		steps[i] = where[i];
	for (size_t i = 0; i < list->n; i++) {
		steps[depth - 1].item = i;
		if (!is_interface_name(names[i]))
			config_fail_inside(at, steps, depth, "'%s' cannot be the name of a device",
					   names[i]);
	}
}

/* All lists of devices: outside, inside, and one for each of `zones`. */
static const struct config_list *interface_list(const struct nat_conf *c, size_t at)
{
	const struct nat_zone_conf *zones = c->zones.items;
	return at == 0 ? &c->outside : at == 1 ? &c->inside : &zones[at - 2].interfaces;
}

static bool is_in_one_before(const struct nat_conf *c, size_t list, const char *name)
{
	for (size_t before = 0; before < list; before++) {
		const struct config_list *other = interface_list(c, before);
		const char *const *names = other->items;
		for (size_t i = 0; i < other->n; i++)
			if (strcmp(names[i], name) == 0)
				return true;
	}
	return false;
}

static void check_twice(const struct nat_conf *c, struct config_at *at)
{
	for (size_t l = 1; l < c->zones.n + 2; l++) {
		const struct config_list *list = interface_list(c, l);
		const char *const *names = list->items;
		for (size_t i = 0; i < list->n; i++) {
			struct config_step zone[] = {{"zones", l - 2}, {"interfaces", i}};
			struct config_step inside = {"inside", i};
			if (is_in_one_before(c, l, names[i]))
				config_fail_inside(at, l == 1 ? &inside : zone, l == 1 ? 1 : 2,
						   "%s is in another zone as well", names[i]);
		}
	}
}

static void check_zone_name(const struct nat_conf *c, size_t z, struct config_at *at)
{
	const struct nat_zone_conf *zone = (const struct nat_zone_conf *)c->zones.items + z;
	struct ip_prefix prefix;
	bool word = true;
	for (const char *o = zone->name; *o; o++)
		word &= (*o >= 'a' && *o <= 'z') || (*o >= '0' && *o <= '9') || *o == '-' ||
			*o == '_';
	if (!word || ip_prefix_parse(span_text(zone->name), &prefix) == OK)
		config_fail_item(at, "zones", z,
				 "'%s' cannot name a zone; write a word of small letters, digits "
				 "and hyphens",
				 zone->name);
	if (strcmp(zone->name, "outside") == 0 || strcmp(zone->name, "gateway") == 0)
		config_fail_item(at, "zones", z, "'%s' is no zone inside; choose another name",
				 zone->name);
	if (zone->interfaces.n == 0)
		config_fail_item(at, "zones", z, "the zone has no interfaces");
}

static bool overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return ip_prefix_contains(a->bits < b->bits ? a : b,
				  a->bits < b->bits ? &b->address : &a->address);
}

/* The same network in two zones: nobody could say where its hosts are. One within another may be.
 */
static void check_networks(const struct nat_conf *c, size_t z, struct config_at *at)
{
	const struct nat_zone_conf *zones = c->zones.items;
	const struct ip_prefix *mine = zones[z].networks.items;
	for (size_t i = 0; i < zones[z].networks.n; i++)
		for (size_t o = 0; o < z; o++) {
			const struct ip_prefix *others = zones[o].networks.items;
			struct config_step steps[] = {{"zones", z}, {"networks", i}};
			for (size_t k = 0; k < zones[o].networks.n; k++)
				if (mine[i].bits == others[k].bits &&
				    overlaps(&mine[i], &others[k]))
					config_fail_inside(at, steps, 2,
							   "the network is in zone %s already",
							   zones[o].name);
		}
}

static void check_zones(const struct nat_conf *c, struct config_at *at)
{
	const struct nat_zone_conf *zones = c->zones.items;
	check_interfaces(&c->outside, (struct config_step[]){{"outside", 0}}, 1, at);
	check_interfaces(&c->inside, (struct config_step[]){{"inside", 0}}, 1, at);
	for (size_t z = 0; z < c->zones.n; z++) {
		struct config_step steps[] = {{"zones", z}, {"interfaces", 0}};
		check_zone_name(c, z, at);
		check_interfaces(&zones[z].interfaces, steps, 2, at);
		check_networks(c, z, at);
	}
	check_twice(c, at);
	if (c->inside.n == 0 && c->zones.n == 0)
		config_fail(at, "inside",
			    "there is nobody to translate for; name the devices "
			    "inside, `inside: lan0`");
}

/* --- public addresses and ports --------------------------------------------------------------- */

static uint32_t number_of(const struct ip_address *a)
{
	return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 |
	       (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

static void check_addresses(const struct nat_conf *c, struct config_at *at)
{
	const struct ip_range *ranges = c->addresses.items;
	uint64_t n = 0;
	for (size_t i = 0; i < c->addresses.n; i++) {
		if (ranges[i].first.family != 4) {
			config_fail_item(at, "addresses", i, "only IPv4 addresses stand here");
			return;
		}
		for (size_t k = 0; k < i; k++)
			if (ip_range_contains(&ranges[i], &ranges[k].first) ||
			    ip_range_contains(&ranges[k], &ranges[i].first))
				config_fail_item(at, "addresses", i,
						 "some of these addresses are here already");
		n += (uint64_t)number_of(&ranges[i].last) - number_of(&ranges[i].first) + 1;
		if (n > NAT_PUBLICS) {
			config_fail_item(at, "addresses", i, "there are more than %d addresses",
					 NAT_PUBLICS);
			return;
		}
	}
}

static void check_ports(const struct nat_conf *c, struct config_at *at)
{
	uint16_t first = 0, last = 0;
	if (nat_ports_parse(span_text(c->ports), &first, &last) || last - first < 255)
		config_fail(at, "ports", "write a range of at least 256 ports, such as 1024-65535");
	else if (c->port_block > (uint32_t)(last - first + 1))
		config_fail(at, "port-block", "there are not so many ports in %s", c->ports);
	if (c->port_block && c->port_block < 16)
		config_fail(at, "port-block", "a block has at least 16 ports; 0 turns blocks off");
	if (c->limits.host_flows > c->limits.flows)
		config_fail_inside(at,
				   (struct config_step[]){{"limits", CONFIG_STEP_WHOLE},
							  {"host-flows", CONFIG_STEP_WHOLE}},
				   2, "one host cannot have more than all, which is %u",
				   c->limits.flows);
}

/* --- texts that say who ----------------------------------------------------------------------- */

static void tell_who(enum err e, const char *text, const struct config_step *steps,
		     struct config_at *at)
{
	if (e == ERR_REFUSED)
		config_fail_inside(at, steps, 2,
				   "'%s' has bits set beyond its length; write the network's own "
				   "address",
				   text);
	else if (e)
		config_fail_inside(at, steps, 2,
				   "'%s' is neither a zone, an address, a network nor a host name",
				   text);
}

/* IPv4 addresses are mapped ones in the rules, so a prefix that covers those would mean IPv4. */
static bool covers_mapped(const struct nat_who *who)
{
	static const struct ip_address mapped = {.family = 6, .bytes = {[10] = 0xff, [11] = 0xff}};
	return who->kind == NAT_WHO_PREFIX && who->prefix.address.family == 6 &&
	       ip_prefix_contains(&who->prefix, &mapped);
}

void nat_conf_check_who(const struct nat_conf *c, const struct config_list *list,
			struct config_step where, const char *key, struct config_at *at)
{
	const char *const *texts = list->items;
	struct nat_who who;
	for (size_t i = 0; i < list->n; i++) {
		struct config_step steps[] = {where, {key, i}};
		enum err e = nat_who_parse(c, span_text(texts[i]), &who);
		tell_who(e, texts[i], steps, at);
		if (!e && covers_mapped(&who))
			config_fail_inside(at, steps, 2,
					   "%s covers more than hosts of IPv6; 2000::/3 is all of "
					   "them",
					   texts[i]);
	}
}

static void check_hosts(const struct nat_conf *c, struct config_at *at)
{
	const struct nat_host_conf *hosts = c->hosts.items;
	struct nat_who who;
	for (size_t i = 0; i < c->hosts.n; i++) {
		enum err e = nat_who_parse(c, span_text(hosts[i].name), &who);
		if (!e && who.kind == NAT_WHO_PREFIX &&
		    who.prefix.bits != ip_address_len(&who.prefix.address) * 8)
			e = ERR_FORMAT;
		if (e || who.kind == NAT_WHO_ZONE)
			config_fail_item(at, "hosts", i,
					 "'%s' is neither an address nor a host name",
					 hosts[i].name);
	}
}

/* --- forwards --------------------------------------------------------------------------------- */

static bool forwards_meet(const struct nat_forward_conf *a, const struct nat_traffic *t,
			  const struct nat_forward_conf *b)
{
	const char *const *from = b->from.items;
	struct nat_traffics theirs;
	if (a->address.family && b->address.family && !ip_address_equal(&a->address, &b->address))
		return false;
	for (size_t i = 0; i < b->from.n; i++) {
		if (nat_traffic_parse(span_text(from[i]), &theirs))
			continue;
		for (size_t k = 0; k < theirs.n; k++)
			if (theirs.items[k].proto == t->proto && theirs.items[k].first <= t->last &&
			    t->first <= theirs.items[k].last)
				return true;
	}
	return false;
}

static void check_from(const struct nat_conf *c, size_t f, size_t i, uint16_t to_port,
		       struct config_at *at)
{
	const struct nat_forward_conf *forwards = c->forward.items, *mine = &forwards[f];
	const char *text = ((const char *const *)mine->from.items)[i];
	struct config_step steps[] = {{"forward", f}, {"from", i}};
	struct nat_traffics t;
	if (nat_traffic_parse(span_text(text), &t) || t.items[0].proto == NAT_PROTO_SCTP ||
	    !nat_traffic_has_ports(&t.items[0]) || t.items[0].first == 0) {
		config_fail_inside(at, steps, 2,
				   "'%s' is no port; write 443/tcp, 8000-8010/udp, or 53 for both",
				   text);
		return;
	}
	if (to_port && to_port + (t.items[0].last - t.items[0].first) > UINT16_MAX)
		config_fail_inside(at, steps, 2, "the range goes past port 65535 of the host");
	for (size_t o = 0; o < f; o++)
		for (size_t k = 0; k < t.n; k++)
			if (forwards_meet(mine, &t.items[k], &forwards[o])) {
				config_fail_inside(at, steps, 2,
						   "'%s' is forwarded in line %u already", text,
						   forwards[o].line);
				return;
			}
}

static void check_forward(const struct nat_conf *c, size_t f, struct config_at *at)
{
	const struct nat_forward_conf *forward =
		(const struct nat_forward_conf *)c->forward.items + f;
	struct config_step to[] = {{"forward", f}, {"to", CONFIG_STEP_WHOLE}};
	struct config_step address[] = {{"forward", f}, {"address", CONFIG_STEP_WHOLE}};
	struct nat_who who;
	uint16_t port = 0;
	enum err e = nat_target_parse(c, span_text(forward->to), &who, &port);
	if (e == ERR_UNSUPPORTED)
		config_fail_inside(at, to, 2,
				   "a port is forwarded to one host, by its IPv4 "
				   "address or its name");
	else if (e)
		config_fail_inside(at, to, 2,
				   "'%s' is no host; write nas, nas:443 or 192.168.1.5:443",
				   forward->to);
	if (forward->address.family == 6)
		config_fail_inside(at, address, 2, "only an IPv4 address stands here");
	for (size_t i = 0; i < forward->from.n; i++)
		check_from(c, f, i, port, at);
	nat_conf_check_who(c, &forward->allow, (struct config_step){"forward", f}, "for", at);
}

/* --- rules ------------------------------------------------------------------------------------ */

static bool all_have_ports(const struct nat_rule_conf *rule)
{
	const char *const *texts = rule->traffic.items;
	struct nat_traffics t;
	for (size_t i = 0; i < rule->traffic.n; i++)
		if (nat_traffic_parse(span_text(texts[i]), &t) ||
		    !nat_traffic_has_ports(&t.items[0]))
			return false;
	return rule->traffic.n > 0;
}

static void check_rate(const struct nat_rule_conf *rule, size_t r, struct config_at *at)
{
	struct config_step rate[] = {{"firewall", r}, {"rate", CONFIG_STEP_WHOLE}};
	struct config_step burst[] = {{"firewall", r}, {"burst", CONFIG_STEP_WHOLE}};
	uint32_t us;
	if (!rule->rate)
		return;
	if (nat_rate_parse(span_text(rule->rate), &us))
		config_fail_inside(at, rate, 2, "write a rate as 10/s, 5/m or 1/h");
	else if ((uint64_t)us * rule->burst > UINT32_MAX)
		config_fail_inside(at, burst, 2,
				   "at %s a burst of %u lasts more than an hour; write at most %u",
				   rule->rate, rule->burst, UINT32_MAX / us);
}

static void check_rule(const struct nat_conf *c, size_t r, struct config_at *at)
{
	const struct nat_rule_conf *rule = (const struct nat_rule_conf *)c->firewall.items + r;
	const char *const *traffic = rule->traffic.items, *const *from = rule->from.items;
	struct config_step ports[] = {{"firewall", r}, {"source-ports", CONFIG_STEP_WHOLE}};
	struct nat_traffics t;
	uint16_t first, last;
	nat_conf_check_who(c, &rule->from, (struct config_step){"firewall", r}, "from", at);
	nat_conf_check_who(c, &rule->to, (struct config_step){"firewall", r}, "to", at);
	for (size_t i = 0; i < rule->from.n; i++)
		if (strcmp(from[i], "gateway") == 0)
			config_fail_inside(at, (struct config_step[]){{"firewall", r}, {"from", i}},
					   2, "what this machine itself sends is not judged");
	for (size_t i = 0; i < rule->traffic.n; i++)
		if (nat_traffic_parse(span_text(traffic[i]), &t))
			config_fail_inside(
				at, (struct config_step[]){{"firewall", r}, {"traffic", i}}, 2,
				"'%s' is no traffic; write such as 443/tcp, "
				"8000-8010/udp, 53, ping, icmp/3 or esp",
				traffic[i]);
	if (rule->source_ports && nat_ports_parse(span_text(rule->source_ports), &first, &last))
		config_fail_inside(at, ports, 2, "write a port or a range, 1024-65535");
	else if (rule->source_ports && !all_have_ports(rule))
		config_fail_inside(at, ports, 2,
				   "only traffic of tcp, udp and sctp has ports; say which");
	check_rate(rule, r, at);
}

/* What turns off translation must say for whom, and no zone is a destination outside. */
static void check_plain(const struct nat_conf *c, size_t p, struct config_at *at)
{
	const struct nat_plain_conf *plain = (const struct nat_plain_conf *)c->plain.items + p;
	const char *const *to = plain->to.items, *const *traffic = plain->traffic.items;
	struct nat_traffics t;
	struct nat_who who;
	if (plain->to.n == 0 && plain->traffic.n == 0)
		config_fail_item(
			at, "untranslated", p,
			"this would be for all; say `to` or `traffic`, or turn `translate` "
			"of a zone off");
	nat_conf_check_who(c, &plain->to, (struct config_step){"untranslated", p}, "to", at);
	for (size_t i = 0; i < plain->to.n; i++) {
		struct config_step steps[] = {{"untranslated", p}, {"to", i}};
		if (nat_who_parse(c, span_text(to[i]), &who))
			continue; /* was told */
		if (who.kind == NAT_WHO_ZONE)
			config_fail_inside(
				at, steps, 2,
				"'%s' is a zone; write addresses, networks or names that "
				"are outside",
				to[i]);
		else if (who.kind == NAT_WHO_PREFIX && who.prefix.address.family == 6)
			config_fail_inside(at, steps, 2, "only IPv4 is translated");
		else if (who.kind == NAT_WHO_PREFIX && who.prefix.bits == 0)
			config_fail_inside(at, steps, 2,
					   "that is all of the world; leave `to` out, and say "
					   "`traffic`");
	}
	for (size_t i = 0; i < plain->traffic.n; i++)
		if (nat_traffic_parse(span_text(traffic[i]), &t) ||
		    t.items[0].proto == NAT_PROTO_ICMPV6)
			config_fail_inside(
				at, (struct config_step[]){{"untranslated", p}, {"traffic", i}}, 2,
				"'%s' is no traffic of IPv4; write such as 443/tcp, 53, ping or "
				"esp",
				traffic[i]);
}

/* A star would mean other devices too, and a quote end the word. */
static void check_back_end(const struct nat_conf *c, struct config_at *at)
{
	for (size_t l = 0; c->attach == NAT_ATTACH_NFTABLES && l < c->zones.n + 2; l++) {
		const struct config_list *list = interface_list(c, l);
		const char *const *names = list->items;
		for (size_t i = 0; i < list->n; i++)
			if (!nat_nft_name_fits(names[i]))
				config_fail(at, "attach",
					    "nftables cannot say the device's name '%s'; it takes "
					    "letters, digits and . _ @ : + -",
					    names[i]);
	}
}

void nat_conf_check(const void *conf, struct config_at *at)
{
	const struct nat_conf *c = conf;
	check_zones(c, at);
	check_addresses(c, at);
	check_ports(c, at);
	check_hosts(c, at);
	for (size_t f = 0; f < c->forward.n; f++)
		check_forward(c, f, at);
	for (size_t r = 0; r < c->firewall.n; r++)
		check_rule(c, r, at);
	for (size_t p = 0; p < c->plain.n; p++)
		check_plain(c, p, at);
	nat_take_conf_check(c, at);
	check_back_end(c, at);
	nat_v6_conf_check(&c->v6, at);
	portctl_conf_check(c, &c->port_control, at);
}
