/* The data plane at a driver's receive path: what it sends on by itself, what it drops, and all the
 * rest that it leaves to tc, untouched and uncounted. Knows only Ethernet.
 */
#ifndef NAT_BPF_XDP_H
#define NAT_BPF_XDP_H

#include "service/nat/bpf/calls.h"
#include "service/nat/bpf/flow.h"

static __always_inline int xdp_drop(enum nat_counter why)
{
	count(NAT_C_PACKETS);
	count(why);
	return XDP_DROP;
}

/* To us, and neither to a group nor to somebody else. */
static __always_inline bool xdp_is_ours(const struct ethhdr *eth, const struct nat_device *in)
{
	const __u16 *to = (const __u16 *)eth->h_dest, *own = (const __u16 *)in->mac;
	return to[0] == own[0] && to[1] == own[1] && to[2] == own[2];
}

static __always_inline enum packet_kind xdp_read(struct xdp_md *xdp, __u8 zone, struct packet *p)
{
	p->tuple.zone = zone;
	return packet_read(view_xdp(xdp), sizeof(struct ethhdr), false, NULL, p);
}

static __always_inline int xdp_unread(enum packet_kind kind)
{
	switch (kind) {
	case PACKET_FORMAT: return xdp_drop(NAT_C_DROP_FORMAT);
	case PACKET_CHECKSUM: return xdp_drop(NAT_C_DROP_CHECKSUM);
	default: return XDP_PASS;
	}
}

/* A hop for this side that XDP can send to, asked for when the one that is known is old. */
static __always_inline bool xdp_hop(struct xdp_md *xdp, struct nat_flow4 *flow,
				    const struct packet *p, int side, __u32 now)
{
	struct hop_question *q = question_get();
	return q != NULL && flow_hop(xdp, flow, p, side, q, xdp->ingress_ifindex, now) == HOP_SEND;
}

static __always_inline int xdp_send(struct xdp_md *xdp, const struct nat_hop *hop)
{
	struct view view = view_xdp(xdp);
	__u32 *mac = view.data;
	const __u32 *have = (const __u32 *)hop->dmac;
	struct nat_counts *counts = counts_get();
	if ((void *)(mac + 3) > view.end || counts == NULL) {
		return XDP_PASS;
	}
	mac[0] = have[0];
	mac[1] = have[1];
	mac[2] = have[2];
	counts->n[NAT_C_PACKETS]++;
	counts->n[NAT_C_TRANSLATED]++;
	return (int)bpf_redirect_map(&xdp_ports, hop->ifindex, 0);
}

/* A packet of a flow. */
static __always_inline int xdp_known(struct xdp_md *xdp, const struct packet *p,
				     struct nat_flow4 *flow, const struct nat_settings *s)
{
	int side = flow_side(flow, p);
	const struct nat_hop *hop = &flow->hop[side];
	__u32 now = tick_now();
	if (p->ttl <= 1 || flow->tuple[side ^ 1].zone == NAT_ZONE_GATEWAY) {
		return XDP_PASS;
	}
	if (!hop_fresh(hop, s, now) && !xdp_hop(xdp, flow, p, side, now)) {
		return XDP_PASS;
	}
	if ((hop->flags & NAT_DEVICE_XDP_SEND) == 0 || p->len > hop->mtu) {
		return XDP_PASS;
	}
	if (!flow_rewrite_xdp(view_xdp(xdp), flow, side)) {
		return XDP_PASS;
	}
	flow_refresh(flow, p, side, now);
	return xdp_send(xdp, hop);
}

#endif
