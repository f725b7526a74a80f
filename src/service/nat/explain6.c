/* What would happen to a packet of IPv6: routed, with another prefix outside (RFC 6296), or by
 * NAT64 (RFC 6146). The decisions of bpf/programs6.h and programs64.h. */
#include "service/nat/explain_inner.h"

#include "proto/ip/nat64.h"
#include "service/nat/prefix6.h"

static const char no_way[] = "no way leads there by a device of a zone";

/* --- NAT64 ------------------------------------------------------------------------------------ */

static enum nat_verdict to_four_world(struct nat_walk *w, const struct ip_address *far)
{
	enum nat_verdict verdict;
	if (!nat_walk_route(w, far, &w->seen.to))
		return nat_walk_end(w, NAT_VERDICT_DROPPED, no_way);
	if (!nat_walk_allowed(w, nat_walk_judge(w, 1, w->t->rules_n), &verdict))
		return verdict;
	if (w->seen.to != NAT_ZONE_OUTSIDE)
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "NAT64 leads outside only: that device has no public address");
	if (!nat_walk_translation(w))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "no outside device has a public address now");
	return nat_walk_end(w, NAT_VERDICT_SENT, "by IPv4");
}

static enum nat_verdict by_nat64(struct nat_walk *w)
{
	const struct ip_prefix *prefix = &w->conf->v6.nat64;
	struct ip_address far;
	char text[IP_ADDRESS_TEXT_MAX];
	if (w->seen.proto != NAT_PROTO_TCP && w->seen.proto != NAT_PROTO_UDP &&
	    w->seen.proto != NAT_PROTO_ICMPV6)
		return nat_walk_end(w, NAT_VERDICT_DROPPED, "that protocol has no NAT64");
	if (!w->begins)
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "an error or an answer passes only if its flow is there");
	if (!ip_nat64_extract(prefix, &w->dst, &far) ||
	    (ip_prefix_equal(prefix, &ip_nat64_well_known) && !ip_nat64_is_global(&far)))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "that prefix may not carry that address (RFC 6052)");
	(void)ip_address_format(&far, text);
	nat_walk_tell(w, NAT_STEP_TRANSLATION, "NAT64: the destination becomes %s", text);
	nat_address_map(&far, w->seen.dst);
	for (size_t i = 0; i < w->t->locals_n; i++)
		if (w->t->locals[i].address == nat_address_be32(&far))
			return nat_walk_end(w, NAT_VERDICT_DROPPED,
					    "that is this machine, where nobody is unless another "
					    "host of NAT64 has that port");
	return to_four_world(w, &far);
}

/* --- through ---------------------------------------------------------------------------------- */

static void tell_moved(const struct nat_walk *w, const char *which, const struct ip_address *to)
{
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(to, text);
	nat_walk_tell(w, NAT_STEP_TRANSLATION, "NPTv6: the %s becomes %s", which, text);
}

/* As whom it is seen: a private source goes nowhere without a prefix for it. */
static enum nat_verdict leave(const struct nat_walk *w, bool hairpin)
{
	struct ip_address from = w->src;
	enum nat_prefix6_way way = NAT_PREFIX6_NONE;
	bool out = w->seen.to == NAT_ZONE_OUTSIDE && w->seen.from != NAT_ZONE_OUTSIDE;
	if (out || hairpin)
		way = nat_prefix6_translate(&w->conf->v6, true, &from);
	if (way == NAT_PREFIX6_REFUSED || (out && ip_address_is_private(&from)))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "that source is private and has no prefix outside");
	if (way == NAT_PREFIX6_MOVED)
		tell_moved(w, "source", &from);
	return nat_walk_end(w, NAT_VERDICT_SENT,
			    way == NAT_PREFIX6_MOVED ? "translated" : "routed as it is");
}

static enum nat_verdict through(struct nat_walk *w)
{
	bool outside = w->seen.from == NAT_ZONE_OUTSIDE;
	struct ip_address to = w->dst;
	enum nat_prefix6_way inward;
	enum nat_verdict verdict;
	if (!w->conf->v6.forward)
		return nat_walk_end(w, NAT_VERDICT_DROPPED, "IPv6 is not forwarded");
	if (!w->begins)
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "an error or an answer passes only if its flow is there");
	inward = nat_prefix6_translate(&w->conf->v6, false, &to);
	if (inward == NAT_PREFIX6_REFUSED)
		return nat_walk_end(w, NAT_VERDICT_DROPPED, "nobody inside can have that address");
	if (inward == NAT_PREFIX6_MOVED)
		tell_moved(w, "destination", &to);
	if (!nat_walk_route(w, &to, &w->seen.to))
		return nat_walk_end(w, NAT_VERDICT_DROPPED, no_way);
	if (outside && (w->seen.to == NAT_ZONE_OUTSIDE ||
			(inward == NAT_PREFIX6_NONE && ip_address_is_private(&to))))
		return nat_walk_end(w, NAT_VERDICT_DROPPED, "the world knows nobody there");
	nat_address_map(&to, w->seen.dst);
	if (!nat_walk_allowed(w, nat_walk_judge(w, 1, w->t->rules_n), &verdict))
		return verdict;
	if (w->seen.to == NAT_ZONE_OUTSIDE && !outside && inward == NAT_PREFIX6_NONE &&
	    nat_walk_taken(w, &verdict))
		return verdict;
	return leave(w, !outside && inward == NAT_PREFIX6_MOVED && w->seen.to != NAT_ZONE_OUTSIDE);
}

enum nat_verdict nat_walk_six(struct nat_walk *w)
{
	const struct ip_prefix *nat64 = &w->conf->v6.nat64;
	bool own = nat_net_is_own(w->net, &w->dst) || ip_address_is_link_local(&w->dst);
	if (nat64->address.family && ip_prefix_contains(nat64, &w->src))
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "a source under NAT64's prefix would make a loop");
	if (ip_address_is_link_local(&w->src) && !own)
		return nat_walk_end(w, NAT_VERDICT_DROPPED,
				    "a link-local source goes nowhere else");
	if (own)
		return nat_walk_gateway(w);
	if (nat64->address.family && w->seen.from != NAT_ZONE_OUTSIDE &&
	    ip_prefix_contains(nat64, &w->dst))
		return by_nat64(w);
	return through(w);
}
