/* IPv6 at a driver's receive path: packets of flows that are there, and that keep their ports. All
 * else is left to tc, untouched and uncounted. Knows only Ethernet.
 */
#ifndef NAT_BPF_XDP6_H
#define NAT_BPF_XDP6_H

#include "service/nat/bpf/programs6.h"
#include "service/nat/bpf/xdp.h"

/* Another prefix does not change a sum; other ports, or other addresses, are tc's. */
static __always_inline bool xdp6_can_rewrite(const struct packet6 *p, const struct nat_tuple6 *out)
{
	__u16 delta = sum_fold(flow6_address_delta(p, out));
	return p->fragment_at == 0 && p->tuple.sport == out->dport &&
	       p->tuple.dport == out->sport && (delta == 0 || delta == 0xffff);
}

static __always_inline bool xdp6_rewrite(struct xdp_md *xdp, const struct work6 *w,
					 const struct nat_tuple6 *out)
{
	__u8 limit = w->p.hops - 1;
	if (flow6_moves(&w->p, out)) {
		struct nat_address6 ends[2] = {out->dst, out->src};
		if (bpf_xdp_store_bytes(xdp, w->p.l3 + 8, ends, sizeof(ends)) != 0) {
			return false;
		}
	}
	return bpf_xdp_store_bytes(xdp, w->p.l3 + 7, &limit, 1) == 0;
}

static __always_inline int xdp6_known(struct xdp_md *xdp, struct work6 *w)
{
	struct nat_flow6 *flow = flow6_get(w->flow);
	int side = w->side & 1;
	if (flow == NULL || w->p.hops <= 1) {
		return XDP_PASS;
	}
	const struct nat_tuple6 *out = &flow->tuple[side ^ 1];
	if (out->zone == NAT_ZONE_GATEWAY || !xdp6_can_rewrite(&w->p, out)) {
		return XDP_PASS;
	}
	if (flow6_hop(xdp, w, flow) != HOP_SEND || (w->hop.flags & NAT_DEVICE_XDP_SEND) == 0 ||
	    w->p.len > w->hop.mtu || !xdp6_rewrite(xdp, w, out)) {
		return XDP_PASS;
	}
	flow6_refresh(flow, &w->p, side, w->now);
	return xdp_send(xdp, &w->hop);
}

static __always_inline int in6_xdp(struct xdp_md *xdp)
{
	const struct nat_device *in = device_get(xdp->ingress_ifindex);
	struct work6 *w = work6_get(WORK6_XDP);
	if (in == NULL || w == NULL) {
		return XDP_PASS;
	}
	work6_begin(w, in->ifindex, sizeof(struct ethhdr), in->zone);
	__u32 room = (__u32)(xdp->data_end - xdp->data) - (__u32)sizeof(struct ethhdr);
	enum packet6_kind kind = packet6_read(xdp, PACKET6_XDP, room, false, false, &w->p);
	return kind == PACKET6_FLOW && find6(w) ? xdp6_known(xdp, w) : XDP_PASS;
}

#endif
