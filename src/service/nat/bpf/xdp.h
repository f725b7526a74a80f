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

/* A hop that XDP can send to, asked for when the one that is known is old. */
static __always_inline bool xdp_hop(struct xdp_md *xdp, struct nat_leg4 *leg, __u8 tos, __u32 now,
				    struct nat_hop *ret)
{
	struct hop_question *q = question_get();
	if (q == NULL || flow_hop(xdp, leg, tos, q, xdp->ingress_ifindex, now) != HOP_SEND) {
		return false;
	}
	*ret = q->hop;
	return true;
}

static __always_inline int xdp_send(struct xdp_md *xdp, const struct nat_hop *hop)
{
	struct view view = view_xdp(xdp);
	struct ethhdr *eth = view.data;
	struct nat_counts *counts = counts_get();
	if ((void *)(eth + 1) > view.end || counts == NULL) {
		return XDP_PASS;
	}
	__builtin_memcpy(eth->h_dest, hop->dmac, 6);
	__builtin_memcpy(eth->h_source, hop->smac, 6);
	counts->n[NAT_C_PACKETS]++;
	counts->n[NAT_C_TRANSLATED]++;
	return (int)bpf_redirect_map(&xdp_ports, hop->ifindex, 0);
}

/* A packet of a flow. */
static __always_inline int xdp_known(struct xdp_md *xdp, const struct packet *p,
				     struct nat_leg4 *leg, const struct nat_settings *s)
{
	struct nat_hop hop;
	__u32 now = tick_now();
	if (p->ttl <= 1 || leg->zone == NAT_ZONE_GATEWAY) {
		return XDP_PASS;
	}
	if (!leg_hop(leg, s, now, &hop) && !xdp_hop(xdp, leg, p->tos, now, &hop)) {
		return XDP_PASS;
	}
	if ((hop.flags & NAT_DEVICE_XDP_SEND) == 0 || p->len > hop.mtu) {
		return XDP_PASS;
	}
	if (!flow_rewrite_xdp(view_xdp(xdp), leg)) {
		return XDP_PASS;
	}
	flow_refresh(leg, p, now);
	return xdp_send(xdp, &hop);
}

#endif
