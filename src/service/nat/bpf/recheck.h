/* A flow that was allowed under rules that have changed since: whether it still would be. Knows
 * only what the record says.
 */
#ifndef NAT_BPF_RECHECK_H
#define NAT_BPF_RECHECK_H

#include "service/nat/bpf/decide.h"
#include "service/nat/bpf/flow.h"

/* Whether the forward by which it came is still there and for this sender. */
static __always_inline int recheck_forward(struct opening *o)
{
	__be32 dst = o->tuple[0].dst;
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &dst);
	__u32 space = space_of(o->tuple[0].proto);
	if (local == NULL || space == NAT_SPACES) {
		return NAT_C_DROP_RULE;
	}
	const __u32 *word = port_word(local->public_slot, space, bpf_ntohs(o->tuple[0].dport));
	if (word == NULL || (*word & NAT_PORT_FORWARD) == 0) {
		return NAT_C_DROP_RULE;
	}
	__u32 number = *word & ~NAT_PORT_FORWARD;
	const struct nat_forward4 *forward = forward_get(number);
	if (forward == NULL || forward->to != o->tuple[1].src) {
		return NAT_C_DROP_RULE;
	}
	return decide_forward_rules(o, forward);
}

static __always_inline int recheck_rules(struct opening *o, const struct nat_flow4 *flow)
{
	__u8 to = flow->tuple[1].zone;
	bool forward = (flow->flags & NAT_FLOW_FORWARD) != 0;
	/* Not one to a host's own mapping, which is neither hairpin nor without mapping. */
	if (forward && (flow->mapping == 0 || (flow->flags & NAT_FLOW_HAIRPIN) != 0)) {
		return recheck_forward(o);
	}
	if (o->tuple[0].zone == NAT_ZONE_GATEWAY) {
		return OPEN_GO; /* what the machine itself sends is not judged */
	}
	if (forward) {
		return decide_rules(o, to, OPEN_GO);
	}
	if (!opening_inside(o)) {
		return decide_rules(o, to, NAT_C_DROP_UNASKED);
	}
	int decision = decide_between(o, to);
	if (decision == OPEN_GO && to == NAT_ZONE_OUTSIDE && passes_by4(&o->tuple[0])) {
		return NAT_C_DROP_QUIC;
	}
	return decision;
}

/* Who goes to the world with an address that it does not know must still be let. */
static __always_inline bool recheck_leaks(struct opening *o)
{
	return opening_inside(o) && o->tuple[0].zone != NAT_ZONE_GATEWAY &&
	       o->tuple[1].zone == NAT_ZONE_OUTSIDE && o->tuple[1].dst == o->tuple[0].src &&
	       (source_of(o->tuple[0].src).flags & NAT_SOURCE_ROUTED) == 0 && !decide_plain(o);
}

static __always_inline int recheck_flow(struct nat_flow4 *flow, const struct nat_settings *s)
{
	struct opening *o = opening_get();
	if (o == NULL) {
		return NAT_C_DROP_RULE;
	}
	__builtin_memset(o, 0, sizeof(*o));
	o->flags = flow->flags;
	o->icmp_type = ICMP_ECHO;
	o->tuple[0] = flow->tuple[0];
	o->tuple[1] = flow->tuple[1];
	int decision = recheck_rules(o, flow);
	if (decision == OPEN_GO && recheck_leaks(o)) {
		decision = NAT_C_DROP_RULE;
	}
	if (decision != OPEN_GO) {
		flow->flags |= NAT_FLOW_END;
		return decision;
	}
	flow->rules_gen = s->rules_gen;
	flow->rule = o->rule;
	return OPEN_GO;
}

/* A decision; the flow ends when it is none to go on. */
__noinline int recheck(struct nat_leg4 *leg)
{
	const struct nat_settings *s = settings_get();
	struct nat_flow4 *flow = leg != NULL ? leg_flow(leg) : NULL;
	if (s == NULL || flow == NULL || leg == NULL || flow->life != NAT_LIVE) {
		return NAT_C_DROP_NO_FLOW;
	}
	/* The other leg may have been first. */
	int decision = flow->rules_gen == s->rules_gen ? OPEN_GO : recheck_flow(flow, s);
	if (decision == OPEN_GO) {
		leg->rules_gen = s->rules_gen;
	}
	return decision;
}

#endif
