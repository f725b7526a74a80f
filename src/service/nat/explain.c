#include "service/nat/explain_inner.h"

#include <stdarg.h>
#include <stdio.h>

void nat_walk_tell(const struct nat_walk *w, enum nat_step_kind kind, const char *format, ...)
{
	struct nat_step s = {.kind = kind};
	va_list args;
	va_start(args, format);
	(void)vsnprintf(s.text, sizeof(s.text), format, args);
	va_end(args);
	w->step(w->arg, &s);
}

enum nat_verdict nat_walk_end(const struct nat_walk *w, enum nat_verdict v, const char *why)
{
	nat_walk_tell(w, NAT_STEP_VERDICT, "%s: %s", nat_verdict_name(v), why);
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

/* --- the machine's own addresses -------------------------------------------------------------- */

static const struct nat_local_place *find_local(const struct nat_tables *t,
						const struct ip_address *a)
{
	for (size_t i = 0; a->family == 4 && i < t->locals_n; i++)
		if (t->locals[i].address == nat_address_be32(a))
			return &t->locals[i];
	return NULL;
}

/* Whether the world may see it as a source. */
static bool is_public(const struct nat_walk *w, const struct ip_address *own)
{
	const struct nat_local_place *local = find_local(w->t, own);
	if (own->family == 6)
		return !ip_address_is_private(own) && !ip_address_is_link_local(own);
	return local && (local->slot != NAT_NO_PUBLIC || local->flags & NAT_LOCAL_OUTSIDE);
}

enum nat_verdict nat_walk_gateway(struct nat_walk *w)
{
	bool outside = w->seen.from == NAT_ZONE_OUTSIDE;
	enum nat_verdict verdict;
	w->seen.to = NAT_ZONE_GATEWAY;
	if (!outside && !(w->t->judged >> w->seen.from & 1))
		return nat_walk_end(
			w, NAT_VERDICT_PASSED,
			"no rule is about that zone and this machine: to the machine itself");
	if (!outside && !w->begins)
		return nat_walk_end(w, NAT_VERDICT_PASSED,
				    "it begins nothing: to the machine itself");
	if (!nat_walk_allowed(w, nat_walk_judge(w, 1, w->t->rules_n), &verdict))
		return verdict;
	return nat_walk_end(w, NAT_VERDICT_PASSED, "to the machine itself");
}

/* --- ways ------------------------------------------------------------------------------------- */

bool nat_walk_route(const struct nat_walk *w, const struct ip_address *to, unsigned *ret_zone)
{
	const struct nat_net_device *d = nat_net_device_to(w->net, to);
	if (!d || d->zone < 0)
		return false;
	*ret_zone = (unsigned)d->zone;
	return true;
}

/* Two on one link speak with each other past this machine: an answer comes back this way only if
 * its receiver is seen as somebody public. */
static bool is_past_us(const struct nat_walk *w, const struct ip_address *to)
{
	const struct nat_net_device *a = nat_net_device_to(w->net, &w->src);
	return a && a == nat_net_device_to(w->net, to);
}

/* --- forwards --------------------------------------------------------------------------------- */

static const struct nat_forward4 *find_forward(const struct nat_walk *w, uint16_t slot)
{
	unsigned space = w->seen.proto == NAT_PROTO_TCP ? NAT_SPACE_TCP : NAT_SPACE_UDP;
	if (slot == NAT_NO_PUBLIC ||
	    (w->seen.proto != NAT_PROTO_TCP && w->seen.proto != NAT_PROTO_UDP))
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

static void tell_hairpin(const struct nat_walk *w, const struct ip_address *to)
{
	if (is_past_us(w, to))
		nat_walk_tell(w, NAT_STEP_TRANSLATION,
			      "both are on one link, so the source becomes the public address and "
			      "the answer comes back this way");
	else
		nat_walk_tell(w, NAT_STEP_TRANSLATION,
			      "the source stays, as the answer comes back this way");
}

static enum nat_verdict by_forward(struct nat_walk *w, const struct nat_forward4 *f)
{
	struct ip_address to = nat_address_of(f->to);
	uint16_t port = f->to_first ? (uint16_t)(nat_host16(f->to_first) + w->seen.dport - f->first)
				    : w->seen.dport;
	uint32_t line = w->t->forward_places[f - w->t->forwards].line;
	char text[IP_ADDRESS_TEXT_MAX];
	enum nat_verdict verdict;
	if (!f->to)
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "the forward of that port has no host to lead to now");
	(void)ip_address_format(&to, text);
	nat_walk_tell(w, NAT_STEP_FORWARD, "the forward in line %u leads to %s:%u", line, text,
		      port);
	if (!nat_walk_route(w, &to, &w->seen.to) || w->seen.to != f->zone)
		return nat_walk_end(w, NAT_VERDICT_DROPPED, "no way leads to its zone");
	nat_address_map(&to, w->seen.dst);
	w->seen.dport = port;
	uint32_t rule = nat_walk_judge(w, 1, w->t->rules_own);
	if (!rule && f->rules_n)
		rule = nat_walk_judge(w, f->rule, (uint32_t)f->rule + f->rules_n - 1);
	if ((rule || f->rules_n) && !nat_walk_allowed(w, rule, &verdict))
		return verdict;
	if (w->seen.from != NAT_ZONE_OUTSIDE)
		tell_hairpin(w, &to);
	return nat_walk_end(w, NAT_VERDICT_SENT, "to the host of the forward");
}

/* --- to the world, or another zone ------------------------------------------------------------ */

bool nat_walk_translation(const struct nat_walk *w)
{
	char first[IP_ADDRESS_TEXT_MAX], last[IP_ADDRESS_TEXT_MAX], port[48] = "";
	if (w->seen.proto == NAT_PROTO_TCP || w->seen.proto == NAT_PROTO_UDP)
		(void)snprintf(port, sizeof(port), "; port %u stays, if it is free there",
			       w->seen.sport);
	for (size_t i = 0; i < w->t->devices_n; i++) {
		const struct nat_device_place *p = &w->t->devices[i];
		const struct nat_net_device *d = nat_net_device(w->net, p->ifindex);
		struct ip_address a = nat_address_of(w->t->publics[p->first].address);
		struct ip_address z = nat_address_of(w->t->publics[p->first + p->n - 1].address);
		(void)ip_address_format(&a, first);
		(void)ip_address_format(&z, last);
		nat_walk_tell(w, NAT_STEP_TRANSLATION, "leaving by %s the source becomes %s%s%s%s",
			      d ? d->name : "?", first, p->n > 1 ? " to " : "",
			      p->n > 1 ? last : "", port);
	}
	return w->t->devices_n != 0;
}

/* Its checksums can be mended, and its answers be told from others'. */
static bool is_translatable(uint8_t proto)
{
	enum { IPIP = 4, IPV6 = 41, GRE = 47, ESP = 50, SCTP = 132 };
	static const uint8_t known[] = {NAT_PROTO_ICMP, NAT_PROTO_TCP, NAT_PROTO_UDP, IPIP,
					IPV6,		GRE,	       ESP,	      SCTP};
	for (size_t i = 0; i < sizeof(known); i++)
		if (known[i] == proto)
			return true;
	return false;
}

static enum nat_verdict leave(const struct nat_walk *w)
{
	if (!is_translatable(w->seen.proto))
		return nat_walk_end(w, NAT_VERDICT_DROPPED, "that protocol cannot be translated");
	if (!nat_walk_translation(w))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "no outside device has a public address now");
	return nat_walk_end(w, NAT_VERDICT_SENT, "translated");
}

static enum nat_verdict to_zone(struct nat_walk *w)
{
	bool outside = w->seen.from == NAT_ZONE_OUTSIDE;
	const struct nat_source_place *from = nat_tables_source(w->t, &w->src);
	const struct nat_source_place *to = nat_tables_source(w->t, &w->dst);
	enum nat_verdict verdict;
	bool known = nat_walk_route(w, &w->dst, &w->seen.to);
	if (!known && !outside)
		return nat_walk_end(w, NAT_VERDICT_PASSED,
				    "no way leads there by a device of a zone: to the machine "
				    "itself, which routes it or tells the sender");
	if (outside &&
	    (!known || w->seen.to == NAT_ZONE_OUTSIDE || !to || !(to->flags & NAT_SOURCE_ROUTED)))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "the world knows nobody there: that network is translated");
	if (!w->begins)
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "an error or an answer passes only if its flow is there");
	if (!nat_walk_allowed(w, nat_walk_judge(w, 1, w->t->rules_n), &verdict))
		return verdict;
	if (w->seen.to == NAT_ZONE_OUTSIDE && !outside && nat_walk_taken(w, &verdict))
		return verdict;
	if (w->seen.to != NAT_ZONE_OUTSIDE || (from && from->flags & NAT_SOURCE_ROUTED))
		return nat_walk_end(w, NAT_VERDICT_SENT, "routed as it is");
	uint32_t plain = nat_walk_find(w, w->t->rules_n + 1, w->t->rules_plain);
	if (plain) {
		nat_walk_tell(
			w, NAT_STEP_TRANSLATION,
			"the source stays, as line %u says that nobody is translated to there",
			w->t->rules[plain].line);
		return nat_walk_end(w, NAT_VERDICT_SENT, "routed as it is");
	}
	return leave(w);
}

static void tell_destination(const struct nat_walk *w, const struct nat_local_place *local)
{
	const struct nat_net_device *d = nat_net_device_to(w->net, &w->dst);
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(&w->dst, text);
	if (local && !(local->flags & NAT_LOCAL_HERE))
		nat_walk_tell(w, NAT_STEP_DESTINATION, "%s is a public address of this machine",
			      text);
	else if (local || nat_net_is_own(w->net, &w->dst))
		nat_walk_tell(w, NAT_STEP_DESTINATION, "%s is this machine's", text);
	else if (d && d->zone >= 0)
		nat_walk_tell(w, NAT_STEP_DESTINATION, "%s is in zone %s, by %s", text,
			      nat_conf_zone_name(w->conf, (unsigned)d->zone), d->name);
	else
		nat_walk_tell(w, NAT_STEP_DESTINATION, "%s is in no zone", text);
}

static enum nat_verdict to_four(struct nat_walk *w)
{
	const struct nat_local_place *local = find_local(w->t, &w->dst);
	bool outside = w->seen.from == NAT_ZONE_OUTSIDE;
	if (!local)
		return to_zone(w);
	if (outside && !is_public(w, &w->dst))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "its answer would show the world a private address");
	const struct nat_forward4 *f = find_forward(w, local->slot);
	if (f)
		return by_forward(w, f);
	if (local->flags & NAT_LOCAL_HERE)
		return nat_walk_gateway(w);
	return nat_walk_end(w, NAT_VERDICT_DROPPED,
			    "nobody is there, unless a host inside has opened that port");
}

/* --- where it comes from ---------------------------------------------------------------------- */

static bool may_begin(const struct nat_question *q)
{
	enum { ECHO = 8, TIMESTAMP = 13, ECHO6 = 128 };
	unsigned type = q->dport >> 8;
	if (q->proto == NAT_PROTO_ICMP)
		return type == ECHO || type == TIMESTAMP;
	return q->proto != NAT_PROTO_ICMPV6 || type == ECHO6;
}

static void tell_source(const struct nat_walk *w, unsigned zone)
{
	char address[IP_ADDRESS_TEXT_MAX], network[IP_PREFIX_TEXT_MAX];
	const struct nat_source_place *place = nat_tables_source(w->t, &w->src);
	const char *name = zone == NAT_ZONE_BOGON ? "no zone" : nat_conf_zone_name(w->conf, zone);
	(void)ip_address_format(&w->src, address);
	if (place) {
		(void)ip_prefix_format(&place->prefix, network);
		nat_walk_tell(w, NAT_STEP_SOURCE, "%s belongs to %s, by %s", address, name,
			      network);
	} else {
		nat_walk_tell(w, NAT_STEP_SOURCE, "%s belongs to %s: it is in no other network",
			      address, name);
	}
}

static enum nat_verdict from_gateway(const struct nat_walk *w)
{
	const struct nat_net_device *d = nat_net_device_to(w->net, &w->dst);
	if (d && d->zone == NAT_ZONE_OUTSIDE && !is_public(w, &w->src))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "a private source does not leave, not even this machine's");
	return nat_walk_end(w, NAT_VERDICT_SENT, "what this machine itself sends is not judged");
}

/* The source is where it belongs. */
static enum nat_verdict go(struct nat_walk *w)
{
	if (w->seen.from == NAT_ZONE_GATEWAY)
		return from_gateway(w);
	tell_destination(w, find_local(w->t, &w->dst));
	if (!ip_address_is_multicast(&w->dst))
		return w->dst.family == 6 ? nat_walk_six(w) : to_four(w);
	if (w->seen.from == NAT_ZONE_OUTSIDE)
		return nat_walk_gateway(w);
	return nat_walk_end(w, NAT_VERDICT_PASSED, "a group of the link: to the machine itself");
}

enum nat_verdict nat_explain(const struct nat_conf *conf, const struct nat_net *net,
			     const struct nat_tables *t, const struct nat_question *q,
			     void (*step)(void *arg, const struct nat_step *s), void *arg)
{
	struct nat_walk w = {.conf = conf,
			     .net = net,
			     .t = t,
			     .src = q->src,
			     .dst = q->dst,
			     .begins = may_begin(q),
			     .step = step,
			     .arg = arg};
	unsigned zone = nat_tables_zone(t, &q->src, NULL);
	/* On every link, so that it says nothing about a zone. */
	if (q->src.family == 6 && ip_address_is_link_local(&q->src))
		zone = q->zone < 0 ? NAT_ZONE_INSIDE : (unsigned)q->zone;
	w.seen = (struct nat_seen){.from = q->zone < 0 ? zone : (unsigned)q->zone,
				   .proto = q->proto,
				   .sport = q->sport,
				   .dport = q->dport};
	nat_address_map(&q->src, w.seen.src);
	nat_address_map(&q->dst, w.seen.dst);
	tell_source(&w, zone);
	if (zone == NAT_ZONE_BOGON)
		return nat_walk_end(&w, NAT_VERDICT_DROPPED, "nobody can have that source");
	if (zone != w.seen.from)
		return nat_walk_end(&w, NAT_VERDICT_DROPPED,
				    "that source does not belong where it comes in");
	return go(&w);
}
