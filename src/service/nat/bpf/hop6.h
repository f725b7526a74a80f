/* Where a packet of IPv6 goes next, and how tc sends it there; NAT64's goes by the routes of IPv4.
 * Knows nothing of translation.
 */
#ifndef NAT_BPF_HOP6_H
#define NAT_BPF_HOP6_H

#include "service/nat/bpf/address6.h"
#include "service/nat/bpf/hop.h"
#include "service/nat/bpf/maps6.h"
#include "service/nat/bpf/tc.h"

static __always_inline void fib6_fill(struct bpf_fib_lookup *fib, const struct work6 *w)
{
	fib->l4_protocol = w->tuple.proto;
	fib->sport = w->tuple.sport;
	fib->dport = w->tuple.dport;
	fib->tot_len = 1; /* so that the route's MTU comes back */
	fib->ifindex = w->ifindex;
	if (address6_is_mapped(&w->to)) {
		fib->family = FAMILY_4;
		fib->tos = w->p.class;
		fib->ipv4_dst = w->to.words[3];
		return;
	}
	fib->family = FAMILY_6;
	fib->flowinfo = bpf_htonl((__u32)w->p.class << 20) | w->p.label;
	__builtin_memcpy(fib->ipv6_src, w->tuple.src.words, 16);
	__builtin_memcpy(fib->ipv6_dst, w->to.words, 16);
}

/* Asks the kernel for the way to w->to; fills in w->hop, w->zone and w->neighbour. HOP_NEIGHBOUR:
 * all but the neighbour's hardware address is there. */
static __always_inline enum hop_way hop6_ask(void *frame, struct work6 *w)
{
	struct bpf_fib_lookup fib = {0};
	const struct nat_settings *s = settings_get();
	fib6_fill(&fib, w);
	long way = bpf_fib_lookup(frame, &fib, sizeof(fib), 0);
	if (s == NULL || way < 0) {
		return HOP_NOWHERE;
	}
	if (way == BPF_FIB_LKUP_RET_NOT_FWDED) {
		return HOP_STACK;
	}
	if (way != BPF_FIB_LKUP_RET_SUCCESS && way != BPF_FIB_LKUP_RET_NO_NEIGH) {
		return HOP_NOWHERE;
	}
	const struct nat_device *device = device_get(fib.ifindex);
	if (device == NULL) {
		return HOP_STACK;
	}
	w->hop.ifindex = device->ifindex;
	/* The kernel has not said it where it knows no neighbour: what was asked with is still
	 * there. */
	w->hop.mtu = fib.mtu_result > 1 ? fib.mtu_result : (__u16)device->mtu;
	w->hop.gen = s->hop_gen;
	w->hop.looked = (__u16)w->now;
	w->hop.flags = device->flags;
	__builtin_memcpy(w->hop.dmac, fib.dmac, 6);
	__builtin_memcpy(w->hop.smac, fib.smac, 6);
	w->zone = device->zone;
	w->neighbour.nh_family = fib.family;
	__builtin_memcpy(w->neighbour.ipv6_nh, fib.ipv6_dst, sizeof(fib.ipv6_dst));
	if ((device->flags & NAT_DEVICE_ETHER) == 0) {
		return HOP_SEND;
	}
	return way == BPF_FIB_LKUP_RET_SUCCESS && !neighbour_due(fib.dmac, w->now) ? HOP_SEND
										   : HOP_NEIGHBOUR;
}

struct ether_head {
	__u8 dmac[6], smac[6];
	__be16 proto;
} __attribute__((packed));

/* By w->hop; ask: the kernel finds the neighbour. proto: as the frame will say, ETH_P_IP or
 * ETH_P_IPV6. */
static __always_inline int send6(struct __sk_buff *skb, struct work6 *w, bool ask, __u16 proto)
{
	const struct nat_device *in = device_get(w->ifindex);
	count(NAT_C_TRANSLATED);
	if ((w->hop.flags & NAT_DEVICE_OUTSIDE) != 0) {
		skb->mark = NAT_MARK;
	}
	if ((w->hop.flags & NAT_DEVICE_ETHER) == 0) {
		return (int)bpf_redirect(w->hop.ifindex, 0);
	}
	if (in == NULL || ((in->flags & NAT_DEVICE_ETHER) == 0 &&
			   bpf_skb_change_head(skb, sizeof(struct ethhdr), 0) != 0)) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	struct ether_head head = {.proto = bpf_htons(proto)};
	__builtin_memcpy(head.dmac, w->hop.dmac, 6);
	__builtin_memcpy(head.smac, w->hop.smac, 6);
	if (bpf_skb_store_bytes(skb, 0, &head, sizeof(head), 0) != 0) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	if (ask) {
		neighbour_asked(w->hop.dmac, w->now);
		return (int)bpf_redirect_neigh(w->hop.ifindex, &w->neighbour, sizeof(w->neighbour),
					       0);
	}
	return tc_redirect(skb, &w->hop);
}

#endif
