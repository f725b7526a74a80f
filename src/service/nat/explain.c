#include "service/nat/explain.h"

#include "service/nat/conf.h"
#include "service/nat/net.h"
#include "service/nat/tables.h"

#include <stdarg.h>
#include <stdio.h>

struct walk {
	const struct nat_conf *conf;
	const struct nat_net *net;
	const struct nat_tables *t;
	struct nat_seen seen;
	void (*step)(void *arg, const struct nat_step *s);
	void *arg;
};

__attribute__((format(printf, 3, 4))) static void
tell(const struct walk *w, enum nat_step_kind kind, const char *format, ...)
{
	struct nat_step s = {.kind = kind};
	va_list args;
	va_start(args, format);
	(void)vsnprintf(s.text, sizeof(s.text), format, args);
	va_end(args);
	w->step(w->arg, &s);
}

static enum nat_verdict end(const struct walk *w, enum nat_verdict v, const char *why)
{
	tell(w, NAT_STEP_VERDICT, "%s: %s", nat_verdict_name(v), why);
	return v;
}

const char *nat_step_name(enum nat_step_kind kind)
{
	static const char *const names[] = {"source", "destination", "forward",
					    "rule",   "translation", "verdict"};
	return names[kind];
}

const char *nat_verdict_name(enum nat_verdict verdict)
{
	static const char *const names[] = {"sent", "passed", "dropped", "rejected"};
	return names[verdict];
}

/* --- rules ------------------------------------------------------------------------------------ */

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

static void tell_rule(const struct walk *w, uint32_t number, const char *differs)
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

/* The first of first .. last that matches; 0: none. */
static uint32_t judge(const struct walk *w, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++) {
		const char *differs = nat_rule_differs(&w->t->rules[i], &w->seen);
		tell_rule(w, i, differs);
		if (!differs)
			return i;
	}
	return 0;
}

/* Whether it goes on; false: *ret_verdict was told. */
static bool is_allowed(const struct walk *w, uint32_t rule, enum nat_verdict *ret_verdict)
{
	if (!rule)
		*ret_verdict = end(w, NAT_VERDICT_DROPPED, "no rule allows it");
	else if (w->t->rules[rule].action == NAT_DROP)
		*ret_verdict = end(w, NAT_VERDICT_DROPPED, "by that rule");
	else if (w->t->rules[rule].action == NAT_REJECT)
		*ret_verdict = end(w, NAT_VERDICT_REJECTED, "by that rule");
	else
		return true;
	return false;
}

/* --- where it goes ---------------------------------------------------------------------------- */

static int public_slot(const struct nat_tables *t, const struct ip_address *a)
{
	for (int i = 0; a->family == 4 && i < NAT_PUBLICS; i++)
		if (t->publics[i].address && t->publics[i].address == nat_address_be32(a))
			return i;
	return -1;
}

static const struct nat_forward4 *find_forward(const struct walk *w, int slot)
{
	unsigned space = w->seen.proto == NAT_PROTO_TCP ? NAT_SPACE_TCP : NAT_SPACE_UDP;
	if (slot < 0 || (w->seen.proto != NAT_PROTO_TCP && w->seen.proto != NAT_PROTO_UDP))
		return NULL;
	for (uint32_t i = 1; i <= w->t->forwards_n; i++) {
		const struct nat_forward4 *f = &w->t->forwards[i];
		const struct nat_forward_place *p = &w->t->forward_places[i];
		if (f->space == space && f->first <= w->seen.dport && w->seen.dport <= f->last &&
		    (p->slot == NAT_EVERY_PUBLIC || p->slot == slot))
			return f;
	}
	return NULL;
}

static enum nat_verdict by_forward(struct walk *w, const struct nat_forward4 *f)
{
	struct ip_address to = nat_address_of(f->to);
	uint16_t port = f->to_first ? (uint16_t)(nat_host16(f->to_first) + w->seen.dport - f->first)
				    : w->seen.dport;
	uint32_t line = w->t->forward_places[f - w->t->forwards].line;
	char text[IP_ADDRESS_TEXT_MAX];
	enum nat_verdict verdict;
	if (!f->to)
		return end(w, NAT_VERDICT_DROPPED,
			   "the forward of that port has no host to lead to now");
	(void)ip_address_format(&to, text);
	tell(w, NAT_STEP_FORWARD, "the forward in line %u leads to %s:%u", line, text, port);
	nat_address_map(&to, w->seen.dst);
	w->seen.dport = port;
	w->seen.to = f->zone;
	uint32_t rule = judge(w, 1, w->t->rules_own);
	if (!rule && f->rules_n)
		rule = judge(w, f->rule, (uint32_t)f->rule + f->rules_n - 1);
	if ((rule || f->rules_n) && !is_allowed(w, rule, &verdict))
		return verdict;
	if (w->seen.from != NAT_ZONE_OUTSIDE)
		tell(w, NAT_STEP_TRANSLATION,
		     "the source becomes the public address where both "
		     "are in one zone, so that the answer comes back "
		     "this way");
	return end(w, NAT_VERDICT_SENT, "to the host of the forward");
}

static enum nat_verdict to_gateway(struct walk *w)
{
	bool judged = w->seen.from == NAT_ZONE_OUTSIDE || (w->t->judged >> w->seen.from & 1);
	enum nat_verdict verdict;
	w->seen.to = NAT_ZONE_GATEWAY;
	if (!judged)
		return end(w, NAT_VERDICT_PASSED,
			   "no rule is about that zone and this machine: to the machine itself");
	if (!is_allowed(w, judge(w, 1, w->t->rules_n), &verdict))
		return verdict;
	return end(w, NAT_VERDICT_PASSED, "to the machine itself");
}

static void tell_translation(const struct walk *w)
{
	char first[IP_ADDRESS_TEXT_MAX], last[IP_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < w->t->devices_n; i++) {
		const struct nat_device_place *p = &w->t->devices[i];
		const struct nat_net_device *d = nat_net_device(w->net, p->ifindex);
		struct ip_address a = nat_address_of(w->t->publics[p->first].address);
		struct ip_address z = nat_address_of(w->t->publics[p->first + p->n - 1].address);
		(void)ip_address_format(&a, first);
		(void)ip_address_format(&z, last);
		tell(w, NAT_STEP_TRANSLATION,
		     "leaving by %s the source becomes %s%s%s; port %u stays, if it is free there",
		     d ? d->name : "?", first, p->n > 1 ? " to " : "", p->n > 1 ? last : "",
		     w->seen.sport);
	}
}

/* IPv6, or a zone whose addresses the world knows. */
static bool is_routed(const struct walk *w)
{
	const struct nat_zone_conf *zones = w->conf->zones.items;
	bool routed = nat_address_unmap(w->seen.src).family == 6;
	for (size_t z = 0; z < w->conf->zones.n; z++)
		routed |=
			!zones[z].translate &&
			(unsigned)nat_conf_zone(w->conf, span_text(zones[z].name)) == w->seen.from;
	return routed;
}

static enum nat_verdict to_zone(struct walk *w, unsigned zone)
{
	enum nat_verdict verdict;
	w->seen.to = zone == NAT_ZONE_BOGON ? NAT_ZONE_OUTSIDE : zone;
	if (!is_allowed(w, judge(w, 1, w->t->rules_n), &verdict))
		return verdict;
	if (w->seen.to != NAT_ZONE_OUTSIDE || w->seen.from == NAT_ZONE_OUTSIDE)
		return end(w, NAT_VERDICT_SENT, "routed as it is");
	if (is_routed(w))
		return end(w, NAT_VERDICT_SENT, "routed as it is");
	if (w->t->devices_n == 0)
		return end(w, NAT_VERDICT_DROPPED, "no outside device has a public address now");
	tell_translation(w);
	return end(w, NAT_VERDICT_SENT, "translated");
}

static enum nat_verdict to_somewhere(struct walk *w, const struct ip_address *dst)
{
	int slot = public_slot(w->t, dst);
	const struct nat_forward4 *f = find_forward(w, slot);
	unsigned zone = nat_tables_zone(w->t, dst, NULL);
	bool own = nat_net_is_own(w->net, dst);
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(dst, text);
	if (slot >= 0 && !own)
		tell(w, NAT_STEP_DESTINATION, "%s is a public address of this machine", text);
	else if (own)
		tell(w, NAT_STEP_DESTINATION, "%s is this machine's", text);
	else
		tell(w, NAT_STEP_DESTINATION, "%s is in zone %s", text,
		     nat_conf_zone_name(w->conf, zone == NAT_ZONE_BOGON ? NAT_ZONE_OUTSIDE : zone));
	if (f)
		return by_forward(w, f);
	if (own)
		return to_gateway(w);
	if (slot >= 0)
		return end(w, NAT_VERDICT_DROPPED,
			   "nobody is there, unless a host inside has opened that port");
	return to_zone(w, zone);
}

/* --- where it comes from ---------------------------------------------------------------------- */

static void tell_source(const struct walk *w, const struct ip_address *src, unsigned zone,
			const struct ip_prefix *prefix)
{
	char address[IP_ADDRESS_TEXT_MAX], network[IP_PREFIX_TEXT_MAX];
	const char *name = zone == NAT_ZONE_BOGON ? "no zone" : nat_conf_zone_name(w->conf, zone);
	(void)ip_address_format(src, address);
	(void)ip_prefix_format(prefix, network);
	if (prefix->address.family)
		tell(w, NAT_STEP_SOURCE, "%s belongs to %s, by %s", address, name, network);
	else
		tell(w, NAT_STEP_SOURCE, "%s belongs to %s: it is in no other network", address,
		     name);
}

enum nat_verdict nat_explain(const struct nat_conf *conf, const struct nat_net *net,
			     const struct nat_tables *t, const struct nat_question *q,
			     void (*step)(void *arg, const struct nat_step *s), void *arg)
{
	struct walk w = {.conf = conf, .net = net, .t = t, .step = step, .arg = arg};
	struct ip_prefix prefix;
	unsigned zone = nat_tables_zone(t, &q->src, &prefix);
	w.seen = (struct nat_seen){.from = q->zone < 0 ? zone : (unsigned)q->zone,
				   .proto = q->proto,
				   .sport = q->sport,
				   .dport = q->dport};
	nat_address_map(&q->src, w.seen.src);
	nat_address_map(&q->dst, w.seen.dst);
	tell_source(&w, &q->src, zone, &prefix);
	if (zone == NAT_ZONE_BOGON)
		return end(&w, NAT_VERDICT_DROPPED, "nobody can have that source");
	if (zone != w.seen.from)
		return end(&w, NAT_VERDICT_DROPPED,
			   "that source does not belong where it comes "
			   "in");
	if (zone == NAT_ZONE_GATEWAY)
		return end(&w, NAT_VERDICT_SENT, "what this machine itself sends is not judged");
	return to_somewhere(&w, &q->dst);
}
