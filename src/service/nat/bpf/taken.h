/* Connections that a proxy of this machine takes on their way to the world: they are left to the
 * machine's own stack, whose packet filter leads them to it; and what would pass by the proxy, as
 * browsers do by QUIC where they can: it is refused, so that they come by TCP. Knows no flow, and
 * no proxy.
 */
#ifndef NAT_BPF_TAKEN_H
#define NAT_BPF_TAKEN_H

#include "service/nat/bpf/rule.h"

#include <linux/in.h>

/* What the rules behind those of the firewall say: enum nat_action; 0: nothing. */
static __always_inline int taken_by_rules(struct rule_question *q)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL) {
		return 0;
	}
	const struct nat_set *set = &s->sets[s->set & 1];
	q->to = 1u << NAT_ZONE_OUTSIDE;
	q->first = set->rule_first + set->rules_n + set->plain_n;
	rule_walk(q, set->taken_n);
	return q->action;
}

static __always_inline bool taken_asks(__u8 proto)
{
	const struct nat_settings *s = settings_get();
	return (proto == IPPROTO_TCP || proto == IPPROTO_UDP) && s != NULL &&
	       s->sets[s->set & 1].taken_n != 0;
}

/* Of a tuple as it comes in. */
__noinline int taken_action4(const struct nat_tuple4 *tuple)
{
	if (tuple == NULL || !taken_asks(tuple->proto)) {
		return 0;
	}
	struct rule_question q = {0};
	q.src[2] = q.dst[2] = bpf_htonl(0xffff);
	q.src[3] = tuple->src;
	q.dst[3] = tuple->dst;
	q.from = 1u << (tuple->zone & 31);
	q.proto = tuple->proto;
	q.sport = bpf_ntohs(tuple->sport);
	q.dport = bpf_ntohs(tuple->dport);
	return taken_by_rules(&q);
}

static __always_inline bool taken4(const struct nat_tuple4 *tuple)
{
	return tuple->proto == IPPROTO_TCP && taken_action4(tuple) == NAT_ALLOW;
}

static __always_inline bool passes_by4(const struct nat_tuple4 *tuple)
{
	return tuple->proto == IPPROTO_UDP && taken_action4(tuple) == NAT_REJECT;
}

#endif
