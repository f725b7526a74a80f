/* Forwards, hosts with a record of their own, and the public ports that are the machine's. */
#include "service/nat/tables_inner.h"

/* --- forwards --------------------------------------------------------------------------------- */

/* The host inside; false: it has no address now. */
static bool find_target(struct nat_build *b, const struct nat_forward_conf *c,
			struct ip_address *ret, uint16_t *ret_port)
{
	struct nat_who who;
	if (nat_target_parse(b->conf, span_text(c->to), &who, ret_port))
		return false; /* was judged */
	if (who.kind == NAT_WHO_PREFIX) {
		*ret = who.prefix.address;
		return true;
	}
	const struct nat_name *name = nat_names_find(b->names, &who.name);
	if (!name || name->family[NAT_NAME_V4].n == 0) {
		char text[DNS_NAME_TEXT_MAX];
		nat_tables_note(b->t, c->line, "%s has no address now",
				dns_name_format(&who.name, text));
		return false;
	}
	*ret = name->family[NAT_NAME_V4].addresses[0];
	return true;
}

static bool find_slot(struct nat_build *b, const struct nat_forward_conf *c, uint16_t *ret)
{
	char text[IP_ADDRESS_TEXT_MAX];
	*ret = NAT_EVERY_PUBLIC;
	if (!c->address.family)
		return true;
	for (uint16_t i = 0; i < NAT_PUBLICS; i++)
		if (b->t->publics[i].address == nat_address_be32(&c->address)) {
			*ret = i;
			return true;
		}
	(void)ip_address_format(&c->address, text);
	nat_tables_note(b->t, c->line, "%s is not a public address of this machine now", text);
	return false;
}

static bool find_zone(struct nat_build *b, const struct nat_forward_conf *c,
		      const struct ip_address *to, uint8_t *ret)
{
	unsigned zone = nat_tables_zone(b->t, to, NULL);
	char text[IP_ADDRESS_TEXT_MAX];
	*ret = (uint8_t)zone;
	if (zone >= NAT_ZONE_INSIDE && zone != NAT_ZONE_BOGON)
		return true;
	(void)ip_address_format(to, text);
	nat_tables_note(b->t, c->line, "%s is in no network inside", text);
	return false;
}

static enum err put_forward(struct nat_build *b, const struct nat_forward4 *f,
			    const struct nat_forward_place *place)
{
	struct nat_tables *t = b->t;
	if (t->forwards_n + 1 >= NAT_SET_FORWARDS) {
		nat_tables_note(t, place->line,
				"there are more than %d forwards, when each "
				"protocol of them is counted",
				NAT_SET_FORWARDS - 1);
		return ERR_LIMIT;
	}
	t->forwards[++t->forwards_n] = *f;
	t->forward_places[t->forwards_n] = *place;
	return OK;
}

static enum err put_ports(struct nat_build *b, const struct nat_forward_conf *c,
			  const struct nat_forward4 *model, const struct nat_forward_place *place)
{
	const char *const *from = c->from.items;
	struct nat_traffics traffics;
	for (size_t i = 0; i < c->from.n; i++) {
		TRY(nat_traffic_parse(span_text(from[i]), &traffics));
		for (size_t k = 0; k < traffics.n; k++) {
			struct nat_forward4 f = *model;
			f.first = traffics.items[k].first;
			f.last = traffics.items[k].last;
			f.space = traffics.items[k].proto == NAT_PROTO_TCP ? NAT_SPACE_TCP
									   : NAT_SPACE_UDP;
			TRY(put_forward(b, &f, place));
		}
	}
	return OK;
}

/* One that cannot be in force now has its place and no address: whoever comes is told nothing else
 * than where there is no forward, and the port is not given to a mapping. */
static enum err make_forward(struct nat_build *b, const struct nat_forward_conf *c, uint32_t conf)
{
	struct nat_forward_place place = {.line = c->line, .conf = conf};
	struct nat_forward4 f = {0};
	struct ip_address to = {0};
	uint16_t port = 0;
	uint32_t rules = b->t->rules_end;
	bool there = find_target(b, c, &to, &port);
	there = there && find_zone(b, c, &to, &f.zone);
	there = find_slot(b, c, &place.slot) && there;
	if (c->allow.n)
		TRY(nat_build_allow(b, &c->allow, c->line));
	f.rule = (uint16_t)(rules + 1);
	f.rules_n = (uint16_t)(b->t->rules_end - rules);
	if (c->allow.n && f.rules_n == 0)
		there = false;
	if (f.rules_n == 0)
		f.rule = 0;
	f.to = there ? nat_address_be32(&to) : 0;
	f.to_first = nat_be16(port);
	return put_ports(b, c, &f, &place);
}

/* --- hosts ------------------------------------------------------------------------------------ */

static uint32_t flags_of(const struct nat_conf *c, const struct nat_host_conf *host)
{
	static const uint32_t mapping[] = {0, NAT_HOST_MAP_ADDRESS,
					   NAT_HOST_MAP_ADDRESS | NAT_HOST_MAP_ENDPOINT};
	bool open = host->has_open ? host->open : c->filtering == NAT_FILTERING_INDEPENDENT;
	return mapping[host->has_mapping ? host->mapping : c->mapping] | NAT_HOST_CONFIGURED |
	       (open ? NAT_HOST_OPEN : 0U) | (c->parity ? NAT_HOST_PARITY : 0U);
}

/* The record of an address, made when it is not there; NULL: no room. */
static struct nat_host_setting *host_of(struct nat_build *b, const struct ip_address *address)
{
	struct nat_tables *t = b->t;
	struct nat_host_key key;
	nat_address_map(address, key.address);
	for (size_t i = 0; i < t->hosts_n; i++)
		if (memcmp(&t->hosts[i].key, &key, sizeof(key)) == 0)
			return &t->hosts[i];
	if (t->hosts_n == NAT_HOSTS_MAX)
		return NULL;
	t->hosts[t->hosts_n] = (struct nat_host_setting){.key = key,
							 .flags = nat_build_host_flags(b->conf) |
								  NAT_HOST_CONFIGURED,
							 .flows_max = b->conf->limits.host_flows};
	return &t->hosts[t->hosts_n++];
}

static void put_host(struct nat_build *b, const struct nat_host_conf *c,
		     const struct ip_address *address)
{
	struct nat_host_setting *host = host_of(b, address);
	if (!host) {
		nat_tables_note(b->t, c->line, "there are more than %d addresses of hosts",
				NAT_HOSTS_MAX);
		return;
	}
	host->flags = flags_of(b->conf, c);
	if (c->limit)
		host->flows_max = c->limit;
}

/* What a host that a forward leads to sends from that port leaves from the forward's. */
static void make_forwarded(struct nat_build *b)
{
	for (uint32_t i = 1; i <= b->t->forwards_n; i++) {
		struct ip_address to = nat_address_of(b->t->forwards[i].to);
		struct nat_host_setting *host = b->t->forwards[i].to ? host_of(b, &to) : NULL;
		if (host)
			host->flags |= NAT_HOST_FORWARDED;
	}
}

static void make_host(struct nat_build *b, const struct nat_host_conf *c)
{
	struct nat_who who;
	const struct nat_name *name;
	char text[DNS_NAME_TEXT_MAX];
	size_t found = 0;
	if (nat_who_parse(b->conf, span_text(c->name), &who))
		return; /* was judged */
	if (who.kind == NAT_WHO_PREFIX) {
		put_host(b, c, &who.prefix.address);
		return;
	}
	name = nat_names_find(b->names, &who.name);
	for (size_t f = 0; name && f < NAT_NAME_FAMILIES; f++)
		for (size_t i = 0; i < name->family[f].n; i++, found++)
			put_host(b, c, &name->family[f].addresses[i]);
	if (!found)
		nat_tables_note(b->t, c->line, "%s has no address now",
				dns_name_format(&who.name, text));
}

/* --- kept ports ------------------------------------------------------------------------------- */

static void keep(struct nat_tables *t, uint8_t space, uint16_t first, uint16_t last)
{
	for (size_t i = 0; i < t->kept_n; i++)
		if (t->kept[i].space == space && t->kept[i].first <= first &&
		    last <= t->kept[i].last)
			return;
	if (t->kept_n < NAT_KEPT_MAX)
		t->kept[t->kept_n++] = (struct nat_kept){space, first, last};
	else
		nat_tables_note(t, 0,
				"more than %d ports or ranges are allowed to this machine; "
				"the others are not kept for it",
				NAT_KEPT_MAX);
}

static bool is_about_us(const struct nat_tables *t, const struct nat_rule *rule)
{
	struct ip_address dst = nat_address_unmap(rule->dst);
	struct ip_prefix prefix =
		ip_prefix_of(&dst, dst.family == 4 ? rule->dst_bits - 96U : rule->dst_bits);
	if (!(rule->to & 1U << NAT_ZONE_GATEWAY) || !(rule->from & 1U << NAT_ZONE_OUTSIDE))
		return false;
	if (rule->dst_bits == 0)
		return true;
	for (size_t i = 0; i < NAT_PUBLICS; i++) {
		struct ip_address public = nat_address_of(t->publics[i].address);
		if (t->publics[i].address && ip_prefix_contains(&prefix, &public))
			return true;
	}
	return false;
}

static void make_kept(struct nat_tables *t)
{
	for (uint32_t i = 1; i <= t->rules_n; i++) {
		const struct nat_rule *rule = &t->rules[i];
		struct nat_traffic traffic = {rule->proto, rule->dst_first, rule->dst_last};
		if (rule->action != NAT_ALLOW || !is_about_us(t, rule) ||
		    (rule->proto != NAT_PROTO_TCP && rule->proto != NAT_PROTO_UDP))
			continue;
		if (traffic.last - traffic.first < NAT_KEPT_RANGE_MAX)
			keep(t, rule->proto == NAT_PROTO_TCP ? NAT_SPACE_TCP : NAT_SPACE_UDP,
			     traffic.first, traffic.last);
		else
			nat_tables_note(t, rule->line,
					"so many ports are not kept for this machine; a host "
					"inside may get one of them");
	}
}

enum err nat_build_forwards(struct nat_build *b)
{
	const struct nat_forward_conf *forwards = b->conf->forward.items;
	const struct nat_host_conf *hosts = b->conf->hosts.items;
	for (size_t i = 0; i < b->conf->forward.n; i++)
		TRY(make_forward(b, &forwards[i], (uint32_t)i));
	for (size_t i = 0; i < b->conf->hosts.n; i++)
		make_host(b, &hosts[i]);
	make_forwarded(b);
	make_kept(b->t);
	return OK;
}
