/* Connections that a proxy of this machine takes on their way to the world: they are left to the
 * machine's own stack, whose packet filter leads them to it. Knows no flow, and no proxy.
 */
#ifndef NAT_BPF_TAKEN_H
#define NAT_BPF_TAKEN_H

#include "service/nat/bpf/rule.h"

#include <linux/in.h>

/* Whether the rules behind those of the firewall take what q asks about, of TCP. */
static __always_inline bool taken_by_rules(struct rule_question *q)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL) {
		return false;
	}
	const struct nat_set *set = &s->sets[s->set & 1];
	q->to = 1u << NAT_ZONE_OUTSIDE;
	q->first = set->rule_first + set->rules_n + set->plain_n;
	rule_walk(q, set->taken_n);
	return q->action == NAT_ALLOW;
}

static __always_inline bool taken_any(void)
{
	const struct nat_settings *s = settings_get();
	return s != NULL && s->sets[s->set & 1].taken_n != 0;
}

/* As it comes in. */
__noinline int taken4(const struct nat_tuple4 *tuple)
{
	if (tuple == NULL || tuple->proto != IPPROTO_TCP || !taken_any()) {
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

#endif
