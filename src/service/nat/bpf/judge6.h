/* What the rules say about the first packet of a flow. Knows nothing of flows; addresses of IPv4
 * are mapped.
 */
#ifndef NAT_BPF_JUDGE6_H
#define NAT_BPF_JUDGE6_H

#include "service/nat/bpf/address6.h"
#include "service/nat/bpf/maps6.h"
#include "service/nat/bpf/rule.h"

/* Whether w->tuple, which came in as w->p, may begin towards w->to in w->zone; w->rule says by
 * which rule. */
__noinline bool judge6(struct work6 *w)
{
	const struct nat_settings *s = settings_get();
	if (w == NULL) {
		return false;
	}
	struct rule_question q = {0};
	__builtin_memcpy(q.src, w->tuple.src.words, 16);
	__builtin_memcpy(q.dst, w->to.words, 16);
	q.from = 1u << (w->tuple.zone & 31);
	q.to = 1u << (w->zone & 31);
	q.proto = w->tuple.proto;
	q.sport = bpf_ntohs(w->tuple.sport);
	q.dport = bpf_ntohs(w->tuple.dport);
	if (w->tuple.proto == NEXT_ICMP6) {
		q.dport = (__u16)(w->p.type << 8 | w->p.code);
	}
	if (s != NULL) {
		const struct nat_set *set = &s->sets[s->set & 1];
		q.first = set->rule_first;
		rule_walk(&q, set->rules_n);
	}
	w->rule = q.rule;
	w->rejects = q.action == NAT_REJECT ? NAT_C_DROP_RULE : 0;
	return q.action == NAT_ALLOW;
}

#endif
