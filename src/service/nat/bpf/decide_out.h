/* What becomes of a packet that leaves by an outside device and is not one that we have translated:
 * the machine's own gets a flow, and what has a private source is stopped. Knows nothing of what
 * comes in.
 */
#ifndef NAT_BPF_DECIDE_OUT_H
#define NAT_BPF_DECIDE_OUT_H

#include "service/nat/bpf/decide.h"

/* Whether its source may be seen outside: OPEN_GO: it is the machine's own; OPEN_PASS: it may, and
 * is no business of ours. */
static __always_inline int decide_leak(const struct nat_tuple4 *tuple)
{
	__be32 src = tuple->src;
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &src);
	if (local != NULL && local_is_public(local)) {
		return OPEN_GO;
	}
	if ((source_of(src).flags & NAT_SOURCE_ROUTED) != 0) {
		return OPEN_PASS;
	}
	/* Who has no address yet asks for one. */
	return src == 0 ? OPEN_PASS : NAT_C_DROP_LEAK;
}

static __always_inline bool decide_is_group(__be32 address)
{
	return (address & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) || address == 0xffffffff;
}

/* The port that its socket has, when nobody else has it: the machine's services have theirs without
 * a mapping. */
static __always_inline int decide_out_port(struct opening *o, const struct nat_device *out)
{
	__be32 src = o->tuple[0].src;
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &src);
	__u32 space = space_of(o->tuple[0].proto);
	if (local == NULL || local->public_slot == NAT_NO_PUBLIC || space == NAT_SPACES) {
		return OPEN_GO;
	}
	const __u32 *word = port_word(local->public_slot, space, bpf_ntohs(o->tuple[0].sport));
	if (word == NULL || *word == NAT_PORT_GATEWAY) {
		return OPEN_GO;
	}
	return mapping_take(o, NULL, out, local->public_slot);
}

__noinline int decide_out(struct opening *o, const struct nat_device *out)
{
	if (o == NULL || out == NULL) {
		return NAT_C_DROP_FORMAT;
	}
	int decision = decide_leak(&o->tuple[0]);
	if (decision != OPEN_GO) {
		return decision;
	}
	if (o->alien || decide_is_group(o->tuple[0].dst)) {
		return OPEN_PASS;
	}
	/* What the machine itself sends is not judged. */
	o->flags |= NAT_FLOW_GATEWAY;
	o->tuple[1].zone = NAT_ZONE_OUTSIDE;
	/* An answer whose query came before us. */
	if (o->tuple[0].proto == IPPROTO_ICMP && !o->begins) {
		return OPEN_PASS;
	}
	return decide_out_port(o, out);
}

#endif
