/* From the firewall of the configuration to the rules of the data plane. */
#include "service/nat/tables_inner.h"

#define ZONE(zone) (UINT32_C(1) << (zone))
#define ANY_ZONE   UINT32_MAX
#define OUTSIDE	   ZONE(NAT_ZONE_OUTSIDE)
#define INSIDE	   ZONE(NAT_ZONE_INSIDE)
#define GATEWAY	   ZONE(NAT_ZONE_GATEWAY)

/* --- ends ------------------------------------------------------------------------------------- */

static void add_prefix(struct nat_sides *s, const struct ip_prefix *prefix)
{
	if (s->n < NAT_SIDES_MAX)
		s->items[s->n++] = (struct nat_side){.zones = ANY_ZONE, .prefix = *prefix};
}

static void add_name(struct nat_build *b, struct nat_sides *s, const struct dns_name *name,
		     uint32_t line)
{
	const struct nat_name *known = nat_names_find(b->names, name);
	char text[DNS_NAME_TEXT_MAX];
	size_t found = 0;
	for (size_t f = 0; known && f < NAT_NAME_FAMILIES; f++)
		for (size_t i = 0; i < known->family[f].n; i++, found++) {
			const struct ip_address *a = &known->family[f].addresses[i];
			struct ip_prefix prefix = ip_prefix_of(a, 128);
			add_prefix(s, &prefix);
		}
	if (!found)
		nat_tables_note(b->t, line, "%s has no address now", dns_name_format(name, text));
}

/* An empty list is everybody; one of names that have no address is nobody. */
static void make_side(struct nat_build *b, const struct config_list *list, uint32_t line,
		      struct nat_sides *ret)
{
	const char *const *texts = list->items;
	struct nat_side zones = {0};
	struct nat_who who;
	ret->n = 0;
	if (list->n == 0)
		zones.zones = ANY_ZONE;
	for (size_t i = 0; i < list->n; i++) {
		if (nat_who_parse(b->conf, span_text(texts[i]), &who))
			continue; /* was judged */
		if (who.kind == NAT_WHO_ZONE)
			zones.zones |= ZONE(who.zone);
		else if (who.kind == NAT_WHO_PREFIX)
			add_prefix(ret, &who.prefix);
		else
			add_name(b, ret, &who.name, line);
	}
	if (zones.zones && ret->n < NAT_SIDES_MAX)
		ret->items[ret->n++] = zones;
}

static void make_traffic(struct nat_build *b, const struct config_list *list)
{
	const char *const *texts = list->items;
	struct nat_traffics t;
	b->traffic_n = 0;
	if (list->n == 0)
		b->traffic[b->traffic_n++] = (struct nat_traffic){.last = UINT16_MAX};
	for (size_t i = 0; i < list->n; i++) {
		if (nat_traffic_parse(span_text(texts[i]), &t))
			continue;
		for (size_t k = 0; k < t.n && b->traffic_n < NAT_BUILD_TRAFFICS_MAX; k++)
			b->traffic[b->traffic_n++] = t.items[k];
	}
}

/* --- rules ------------------------------------------------------------------------------------ */

static uint8_t put_prefix(const struct ip_prefix *prefix, uint8_t ret[16])
{
	if (!prefix->address.family)
		return 0;
	nat_address_map(&prefix->address, ret);
	return (uint8_t)(prefix->address.family == 4 ? prefix->bits + 96 : prefix->bits);
}

/* 4, 6, or 0: both. */
static unsigned traffic_family(const struct nat_traffic *t)
{
	return t->proto == NAT_PROTO_ICMP ? 4 : t->proto == NAT_PROTO_ICMPV6 ? 6 : 0;
}

static bool families_meet(const struct nat_side *from, const struct nat_side *to,
			  const struct nat_traffic *t)
{
	unsigned of[] = {from->prefix.address.family, to->prefix.address.family, traffic_family(t)};
	unsigned family = 0;
	for (size_t i = 0; i < 3; i++) {
		if (of[i] && family && of[i] != family)
			return false;
		family = of[i] ? of[i] : family;
	}
	return true;
}

static enum err put_rule(struct nat_tables *t, const struct nat_rule *rule)
{
	if (t->rules_end + 1 >= NAT_SET_RULES) {
		nat_tables_note(t, rule->line,
				"there are more than %d rules, when each address "
				"and port of them is counted",
				NAT_SET_RULES - 1);
		return ERR_LIMIT;
	}
	t->rules[++t->rules_end] = *rule;
	return OK;
}

/* Each from with each to with each traffic, else as model says. */
static enum err put_all(struct nat_build *b, const struct nat_rule *model)
{
	for (size_t f = 0; f < b->from.n; f++)
		for (size_t o = 0; o < b->to.n; o++)
			for (size_t k = 0; k < b->traffic_n; k++) {
				const struct nat_side *from = &b->from.items[f],
						      *to = &b->to.items[o];
				struct nat_rule rule = *model;
				if (!families_meet(from, to, &b->traffic[k]))
					continue;
				rule.from = from->zones & ~GATEWAY; /* it is not judged */
				rule.to = to->zones;
				rule.src_bits = put_prefix(&from->prefix, rule.src);
				rule.dst_bits = put_prefix(&to->prefix, rule.dst);
				rule.proto = b->traffic[k].proto;
				rule.dst_first = b->traffic[k].first;
				rule.dst_last = b->traffic[k].last;
				TRY(put_rule(b->t, &rule));
			}
	return OK;
}

static enum err put_rate(struct nat_tables *t, uint32_t cost_us, uint32_t burst, uint32_t line,
			 uint16_t *ret)
{
	if (t->rates_n >= NAT_SET_RATES) {
		nat_tables_note(t, line, "there are more than %d rules with a rate",
				NAT_SET_RATES - 1);
		return ERR_LIMIT;
	}
	*ret = (uint16_t)t->rates_n;
	t->rates[t->rates_n++] = (struct nat_rate){.cost_us = cost_us, .depth_us = cost_us * burst};
	return OK;
}

static struct nat_rule model_of(enum nat_action action, uint32_t line)
{
	return (struct nat_rule){.action = (uint8_t)action,
				 .src_last = UINT16_MAX,
				 .dst_last = UINT16_MAX,
				 .line = line > UINT16_MAX ? UINT16_MAX : (uint16_t)line};
}

static enum err make_rule(struct nat_build *b, const struct nat_rule_conf *c)
{
	struct nat_rule model = model_of((enum nat_action)(c->action + 1), c->line);
	uint32_t us;
	make_side(b, &c->from, c->line, &b->from);
	make_side(b, &c->to, c->line, &b->to);
	make_traffic(b, &c->traffic);
	model.log = c->log;
	if (c->source_ports)
		TRY(nat_ports_parse(span_text(c->source_ports), &model.src_first, &model.src_last));
	if (c->rate) {
		TRY(nat_rate_parse(span_text(c->rate), &us));
		TRY(put_rate(b->t, us, c->burst, c->line, &model.rate));
	}
	return put_all(b, &model);
}

/* --- what holds without a configuration ------------------------------------------------------- */

/* from, to: 0 stands for the zones inside that are not `inside` itself. The texts stand in
 * defaults_text by the rule's order. */
struct preset {
	const char *text;
	uint32_t from, to;
	uint8_t proto;
	uint16_t src, dst_first, dst_last; /* src 0: any port */
	bool slow;			   /* at most 50 a second */
	/* Holds only when hosts may ask for ports by it; a dst_first of 0 is UPnP's own port. */
	enum { ALWAYS, WITH_PCP, WITH_UPNP } when;
};

#define OTHERS 0
#define ICMP6(first, last)                                                                         \
	.proto = NAT_PROTO_ICMPV6, .dst_first = (first) << 8, .dst_last = (last) << 8 | 255

static const struct preset presets[] = {
	{"ping to this machine", OUTSIDE, GATEWAY, NAT_PROTO_ICMP, 0, 8 << 8, 8 << 8 | 255, true,
	 ALWAYS},
	{"ping to this machine", OUTSIDE, GATEWAY, .slow = true, ICMP6(128, 128)},
	{"neighbours of IPv6", OUTSIDE, GATEWAY, ICMP6(134, 137)},
	{"groups of IPv6", OUTSIDE, GATEWAY, ICMP6(130, 132)},
	{"answers of DHCP", OUTSIDE, GATEWAY, NAT_PROTO_UDP, 67, 68, 68, false, ALWAYS},
	{"answers of DHCPv6", OUTSIDE, GATEWAY, NAT_PROTO_UDP, 547, 546, 546, false, ALWAYS},
	{"inside to everywhere", INSIDE, ANY_ZONE, 0, 0, 0, UINT16_MAX, false, ALWAYS},
	{"DNS of this machine", OTHERS, GATEWAY, NAT_PROTO_UDP, 0, 53, 53, false, ALWAYS},
	{"DNS of this machine", OTHERS, GATEWAY, NAT_PROTO_TCP, 0, 53, 53, false, ALWAYS},
	{"DHCP of this machine", OTHERS, GATEWAY, NAT_PROTO_UDP, 0, 67, 67, false, ALWAYS},
	{"DHCPv6 of this machine", OTHERS, GATEWAY, NAT_PROTO_UDP, 0, 547, 547, false, ALWAYS},
	{"time of this machine", OTHERS, GATEWAY, NAT_PROTO_UDP, 0, 123, 123, false, ALWAYS},
	{"ping to this machine", OTHERS, GATEWAY, NAT_PROTO_ICMP, 0, 8 << 8, 8 << 8 | 255, false,
	 ALWAYS},
	{"ping to this machine", OTHERS, GATEWAY, ICMP6(128, 128)},
	{"neighbours of IPv6", OTHERS, GATEWAY, ICMP6(133, 137)},
	{"groups of IPv4", OTHERS, GATEWAY, 2, 0, 0, UINT16_MAX, false, ALWAYS},
	{"groups of IPv6", OTHERS, GATEWAY, ICMP6(130, 132)},
	{"ports that hosts open", OTHERS, GATEWAY, NAT_PROTO_UDP, 0, 5351, 5351, false, WITH_PCP},
	{"ports that hosts open", OTHERS, GATEWAY, NAT_PROTO_UDP, 0, 1900, 1900, false, WITH_UPNP},
	{"ports that hosts open", OTHERS, GATEWAY, NAT_PROTO_TCP, 0, 0, 0, false, WITH_UPNP},
	{"zones to the world", OTHERS, OUTSIDE, 0, 0, 0, UINT16_MAX, false, ALWAYS},
};
enum { PRESETS = sizeof(presets) / sizeof(presets[0]), PRESET_RATE_US = 20000, PRESET_BURST = 50 };

static bool preset_holds(const struct preset *p, const struct portctl_conf *c)
{
	return p->when == ALWAYS || (p->when == WITH_PCP && (c->pcp || c->nat_pmp)) ||
	       (p->when == WITH_UPNP && c->upnp);
}

static enum err make_presets(struct nat_build *b)
{
	uint32_t inside = nat_conf_zones_inside(b->conf), others = inside & ~INSIDE;
	uint16_t slow;
	TRY(put_rate(b->t, PRESET_RATE_US, PRESET_BURST, 0, &slow));
	for (size_t i = 0; i < PRESETS; i++) {
		const struct preset *p = &presets[i];
		struct nat_rule rule = model_of(NAT_ALLOW, 0);
		rule.from = p->from == OTHERS ? others : p->from;
		rule.to = p->to;
		rule.proto = p->proto;
		rule.dst_first = p->dst_first;
		rule.dst_last = p->dst_last;
		if (!preset_holds(p, &b->conf->port_control))
			rule.from = 0; /* keeps its number */
		if (p->when == WITH_UPNP && p->dst_first == 0)
			rule.dst_first = rule.dst_last = b->conf->port_control.upnp_port;
		rule.src_first = p->src;
		rule.src_last = p->src ? p->src : UINT16_MAX;
		rule.rate = p->slow ? slow : 0;
		TRY(put_rule(b->t, &rule));
	}
	/* Within a zone, from one of its devices to another. */
	for (unsigned z = NAT_ZONE_INSIDE + 1; z < NAT_ZONE_BOGON; z++) {
		struct nat_rule rule = model_of(NAT_ALLOW, 0);
		rule.from = rule.to = ZONE(z);
		if (others & ZONE(z))
			TRY(put_rule(b->t, &rule));
	}
	return OK;
}

const char *nat_tables_default_text(const struct nat_tables *t, uint32_t rule)
{
	if (rule <= t->rules_own || rule > t->rules_n)
		return NULL;
	rule -= t->rules_own + 1;
	return rule < PRESETS ? presets[rule].text : "within a zone";
}

/* --- to whom nobody is translated ------------------------------------------------------------- */

static void only_four(struct nat_sides *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].prefix.address.family != 6)
			s->items[n++] = s->items[i];
	s->n = n;
}

static enum err make_plain(struct nat_build *b)
{
	const struct nat_plain_conf *plain = b->conf->plain.items;
	for (size_t i = 0; i < b->conf->plain.n; i++) {
		struct nat_rule model = model_of(NAT_ALLOW, plain[i].line);
		b->from.n = 1;
		b->from.items[0] = (struct nat_side){.zones = nat_conf_zones_inside(b->conf)};
		make_side(b, &plain[i].to, plain[i].line, &b->to);
		only_four(&b->to);
		make_traffic(b, &plain[i].traffic);
		for (size_t k = 0; k < b->to.n; k++)
			b->to.items[k].zones = OUTSIDE;
		TRY(put_all(b, &model));
	}
	return OK;
}

/* --- what a proxy takes ----------------------------------------------------------------------- */

/* Of who is inside, to the world. */
static enum err put_taken(struct nat_build *b, enum nat_action action, size_t number)
{
	const struct nat_take_conf *take =
		(const struct nat_take_conf *)b->conf->takes.items + number;
	uint32_t first = b->t->rules_end + 1;
	struct nat_rule model = model_of(action, take->line);
	for (size_t i = 0; i < b->from.n; i++)
		b->from.items[i].zones &= nat_conf_zones_inside(b->conf);
	for (size_t i = 0; i < b->to.n; i++)
		b->to.items[i].zones = OUTSIDE;
	TRY(put_all(b, &model));
	for (uint32_t i = first; i <= b->t->rules_end; i++)
		b->t->takes[i] = (uint8_t)number;
	return OK;
}

/* Each family that there is a listener for. */
static void make_world(struct nat_build *b, const struct nat_take_conf *take)
{
	static const struct ip_prefix worlds[] = {
		{.address = {.family = 4}},
		{.address = {.family = 6, .bytes = {0x20}}, .bits = 3},
	};
	b->to.n = 0;
	for (size_t i = 0; i < 2; i++)
		if (nat_take_conf_to(take, worlds[i].address.family))
			add_prefix(&b->to, &worlds[i]);
}

/* An entry's rules about one protocol: who and what is left alone, and what becomes of the rest. */
static enum err make_take(struct nat_build *b, size_t number, uint8_t proto, enum nat_action rest)
{
	static const struct config_list everybody;
	const struct nat_take_conf *t = (const struct nat_take_conf *)b->conf->takes.items + number;
	make_traffic(b, &t->traffic);
	for (size_t i = 0; i < b->traffic_n; i++)
		b->traffic[i].proto = proto;
	make_side(b, &t->except_from, t->line, &b->from);
	make_side(b, &everybody, t->line, &b->to);
	if (t->except_from.n)
		TRY(put_taken(b, NAT_DROP, number));
	make_side(b, &everybody, t->line, &b->from);
	make_side(b, &t->except_to, t->line, &b->to);
	if (t->except_to.n)
		TRY(put_taken(b, NAT_DROP, number));
	make_side(b, &t->from, t->line, &b->from);
	make_world(b, t);
	return put_taken(b, rest, number);
}

static bool refuses_quic(const struct nat_conf *conf)
{
	const struct nat_take_conf *takes = conf->takes.items;
	for (size_t i = 0; i < conf->takes.n; i++)
		if (takes[i].quic == NAT_QUIC_REFUSE)
			return true;
	return false;
}

/* An entry that lets QUIC pass says so before a later one refuses it. */
static enum err make_taken(struct nat_build *b)
{
	const struct nat_take_conf *takes = b->conf->takes.items;
	bool quic = refuses_quic(b->conf);
	for (size_t i = 0; i < b->conf->takes.n; i++) {
		TRY(make_take(b, i, NAT_PROTO_TCP, NAT_ALLOW));
		if (quic)
			TRY(make_take(b, i, NAT_PROTO_UDP,
				      takes[i].quic == NAT_QUIC_REFUSE ? NAT_REJECT : NAT_DROP));
	}
	return OK;
}

/* --- all -------------------------------------------------------------------------------------- */

/* Zones of which something that reaches the machine itself may be refused. */
static uint32_t judged_zones(const struct nat_conf *conf, const struct nat_tables *t)
{
	uint32_t inside = nat_conf_zones_inside(conf), judged = inside & ~INSIDE;
	for (uint32_t i = 1; i <= t->rules_own; i++)
		if ((t->rules[i].to & GATEWAY) && t->rules[i].action != NAT_ALLOW)
			judged |= t->rules[i].from & inside;
	return judged;
}

enum err nat_build_rules(struct nat_build *b)
{
	const struct nat_rule_conf *rules = b->conf->firewall.items;
	struct nat_tables *t = b->t;
	t->rules_end = 0;
	t->rates_n = 1;
	for (size_t i = 0; i < b->conf->firewall.n; i++)
		TRY(make_rule(b, &rules[i]));
	t->rules_own = t->rules_end;
	TRY(make_presets(b));
	t->rules_n = t->rules_end;
	TRY(make_plain(b));
	t->rules_plain = t->rules_end;
	TRY(make_taken(b));
	t->rules_taken = t->rules_end;
	t->judged = judged_zones(b->conf, t);
	return OK;
}

enum err nat_build_allow(struct nat_build *b, const struct config_list *who, uint32_t line)
{
	struct nat_rule model = model_of(NAT_ALLOW, line);
	make_side(b, who, line, &b->from);
	b->to.n = b->traffic_n = 1;
	b->to.items[0] = (struct nat_side){.zones = ANY_ZONE};
	b->traffic[0] = (struct nat_traffic){.last = UINT16_MAX};
	return put_all(b, &model);
}
