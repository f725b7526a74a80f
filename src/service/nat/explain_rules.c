/* What the rules say to a packet, told rule by rule. */
#include "service/nat/explain_inner.h"

#include <stdio.h>

static bool prefix_has(const uint8_t prefix[16], unsigned bits, const uint8_t a[16])
{
	for (unsigned i = 0; i < bits / 8; i++)
		if (prefix[i] != a[i])
			return false;
	return bits % 8 == 0 || (prefix[bits / 8] ^ a[bits / 8]) >> (8 - bits % 8) == 0;
}

const char *nat_rule_differs(const struct nat_rule *rule, const struct nat_seen *s)
{
	if (!(rule->from >> s->from & 1))
		return "comes from another zone";
	if (!(rule->to >> s->to & 1))
		return "goes to another zone";
	if (!prefix_has(rule->src, rule->src_bits, s->src))
		return "another source";
	if (!prefix_has(rule->dst, rule->dst_bits, s->dst))
		return "another destination";
	if (rule->proto && rule->proto != s->proto)
		return "another protocol";
	if (s->sport < rule->src_first || s->sport > rule->src_last)
		return "another source port";
	if (s->dport < rule->dst_first || s->dport > rule->dst_last)
		return s->proto == NAT_PROTO_ICMP || s->proto == NAT_PROTO_ICMPV6
			       ? "another type of ICMP"
			       : "another port";
	return NULL;
}

static void write_side(struct writer *w, const struct nat_conf *conf, uint32_t zones,
		       const uint8_t address[16], unsigned bits)
{
	struct ip_address a = nat_address_unmap(address);
	char text[IP_PREFIX_TEXT_MAX];
	if (bits) {
		struct ip_prefix p = ip_prefix_of(&a, a.family == 4 ? bits - 96 : bits);
		(void)ip_prefix_format(&p, text);
		write_text(w, text);
		return;
	}
	if ((zones | 1U << NAT_ZONE_GATEWAY) == UINT32_MAX) {
		write_text(w, "anywhere");
		return;
	}
	for (unsigned z = 0, n = 0; z < NAT_ZONES; z++) {
		const char *name = zones >> z & 1 ? nat_conf_zone_name(conf, z) : NULL;
		if (name)
			write_format(w, "%s%s", n++ ? "/" : "", name);
	}
}

const char *nat_rule_text(const struct nat_conf *conf, const struct nat_rule *rule, char *buf,
			  size_t size)
{
	struct writer w = writer_of(buf, size - 1);
	struct nat_traffic t = {rule->proto, rule->dst_first, rule->dst_last};
	char traffic[NAT_TRAFFIC_TEXT_MAX];
	write_text(&w, "from ");
	write_side(&w, conf, rule->from, rule->src, rule->src_bits);
	write_text(&w, " to ");
	write_side(&w, conf, rule->to, rule->dst, rule->dst_bits);
	write_format(&w, ", %s", nat_traffic_format(&t, traffic));
	if (rule->src_first || rule->src_last != UINT16_MAX)
		write_format(&w, ", source port %u-%u", rule->src_first, rule->src_last);
	buf[w.pos] = 0;
	return buf;
}

static void tell_rule(const struct nat_walk *w, uint32_t number, const char *differs)
{
	static const char *const actions[] = {"?", "allow", "drop", "reject"};
	const struct nat_rule *rule = &w->t->rules[number];
	const char *text = nat_tables_default_text(w->t, number);
	struct nat_step s = {
		.kind = NAT_STEP_RULE, .rule = number, .line = rule->line, .matched = !differs};
	char about[160];
	(void)snprintf(s.text, sizeof(s.text), "%s %s%s%s: %s%s",
		       actions[rule->action <= NAT_REJECT ? rule->action : 0],
		       nat_rule_text(w->conf, rule, about, sizeof(about)), text ? ", " : "",
		       text ? text : "", differs ? differs : "matches",
		       !differs && rule->rate ? ", unless it is over its rate" : "");
	w->step(w->arg, &s);
}

uint32_t nat_walk_find(const struct nat_walk *w, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++)
		if (!nat_rule_differs(&w->t->rules[i], &w->seen))
			return i;
	return 0;
}

uint32_t nat_walk_judge(const struct nat_walk *w, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++) {
		const char *differs = nat_rule_differs(&w->t->rules[i], &w->seen);
		tell_rule(w, i, differs);
		if (!differs)
			return i;
	}
	return 0;
}

static enum nat_verdict tell_led(const struct nat_walk *w, const struct nat_take_conf *take)
{
	const struct ip_endpoint *to = nat_take_conf_to(take, w->dst.family);
	char text[IP_ENDPOINT_TEXT_MAX];
	ASSERT(to);
	(void)ip_endpoint_format(to, text);
	nat_walk_tell(w, NAT_STEP_DESTINATION, "it is led to %s, as line %u says", text,
		      take->line);
	return nat_walk_end(w, NAT_VERDICT_PASSED, "a proxy of this machine takes it");
}

bool nat_walk_taken(const struct nat_walk *w, enum nat_verdict *ret_verdict)
{
	uint32_t rule = nat_walk_find(w, w->t->rules_plain + 1, w->t->rules_taken);
	if (!rule || w->t->untaken)
		return false;
	const struct nat_take_conf *takes = w->conf->takes.items;
	const struct nat_take_conf *take = &takes[w->t->takes[rule]];
	switch (w->t->rules[rule].action) {
	case NAT_ALLOW: *ret_verdict = tell_led(w, take); return true;
	case NAT_REJECT:
		nat_walk_tell(w, NAT_STEP_DESTINATION,
			      "it would pass by the proxy that takes TCP to that port, as line %u "
			      "says; its `quic` refuses that",
			      take->line);
		*ret_verdict = nat_walk_end(w, NAT_VERDICT_REJECTED, "by `quic` of that entry");
		return true;
	default:
		nat_walk_tell(w, NAT_STEP_DESTINATION, "no proxy takes it, as line %u says",
			      take->line);
		return false;
	}
}

bool nat_walk_allowed(const struct nat_walk *w, uint32_t rule, enum nat_verdict *ret_verdict)
{
	if (!rule)
		*ret_verdict = nat_walk_end(w, NAT_VERDICT_DROPPED, "no rule allows it");
	else if (w->t->rules[rule].action == NAT_DROP)
		*ret_verdict = nat_walk_end(w, NAT_VERDICT_DROPPED, "by that rule");
	else if (w->t->rules[rule].action == NAT_REJECT)
		*ret_verdict = nat_walk_end(w, NAT_VERDICT_REJECTED, "by that rule");
	else
		return true;
	return false;
}
