/* A packet of a flow that is there: what it changes in the record, and how its headers are
 * rewritten. Knows nothing of how flows begin and end.
 */
#ifndef NAT_BPF_FLOW_H
#define NAT_BPF_FLOW_H

#include "service/nat/bpf/checksum.h"
#include "service/nat/bpf/hop.h"
#include "service/nat/bpf/leg.h"
#include "service/nat/bpf/packet.h"
#include "service/nat/bpf/tcp.h"

/* The same as leg_of where the stack is short and time is not. */
static __noinline struct nat_leg4 *leg_look(const struct nat_tuple4 *tuple)
{
	const struct nat_settings *s = settings_get();
	return s != NULL ? leg_of(tuple, s) : NULL;
}

/* What a packet changes in the record: TCP's state, and that there was an answer. Afterwards the
 * legs say whether the next ones need to look. */
__noinline int flow_touch(struct nat_leg4 *leg, __u8 tcp_flags)
{
	struct nat_flow4 *flow = leg != NULL ? leg_flow(leg) : NULL;
	if (flow == NULL) {
		return 0;
	}
	int side = leg_side(leg);
	if (tcp_flags != 0) {
		tcp_step(flow, tcp_flags, side);
	}
	if (side == 1 && (flow->flags & NAT_FLOW_REPLIED) == 0) {
		flow->flags |= NAT_FLOW_REPLIED;
	}
	__u8 quiet =
		flow->tcp == NAT_TCP_NONE || flow->tcp == NAT_TCP_ESTABLISHED ? NAT_LEG_QUIET : 0;
	__u8 quiet_back = (flow->flags & NAT_FLOW_REPLIED) != 0 ? quiet : 0;
	struct nat_leg4 *out = flow_leg(flow, 0), *back = flow_leg(flow, 1);
	if (out != NULL && out->flags != quiet) {
		out->flags = quiet;
	}
	if (back != NULL && back->flags != quiet_back) {
		back->flags = quiet_back;
	}
	return 1;
}

static __always_inline void flow_refresh(struct nat_leg4 *leg, const struct packet *p, __u32 now)
{
	/* Of TCP; a later fragment has none. */
	if ((leg->flags & NAT_LEG_QUIET) == 0 || (p->tcp_flags & (TCP_FIN | TCP_RST)) != 0) {
		flow_touch(leg, p->tcp_flags);
	}
	leg->seen = now;
	/* Two processors that count for one direction at once may lose one packet's worth. */
	leg->bytes += p->len;
}

/* The remembered hop; false: it must be asked for. */
static __always_inline bool leg_hop(const struct nat_leg4 *leg, const struct nat_settings *s,
				    __u32 now, struct nat_hop *ret)
{
	const struct nat_way4 *way = &leg->way;
	const struct nat_device *device = device_at(way->slot);
	if (way->gen != s->hop_gen || (__u16)(now - way->looked) >= HOP_TICKS || way->mtu == 0 ||
	    device == NULL) {
		return false;
	}
	ret->ifindex = device->ifindex;
	ret->mtu = way->mtu;
	ret->flags = device->flags;
	__builtin_memcpy(ret->dmac, way->dmac, 6);
	__builtin_memcpy(ret->smac, device->mac, 6);
	return true;
}

static __always_inline void leg_remember(struct nat_leg4 *leg, const struct nat_hop *hop)
{
	__builtin_memcpy(leg->way.dmac, hop->dmac, 6);
	leg->way.mtu = hop->mtu;
	leg->way.looked = hop->looked;
	leg->way.slot = (__u16)(hop->ifindex & (NAT_DEVICES - 1));
	leg->way.gen = hop->gen;
}

static __always_inline void flow_rewrite_l4(void *l4, const void *end, const struct nat_leg4 *leg,
					    __u64 addresses, __u64 ports)
{
	struct udphdr *udp = l4;
	struct tcphdr *tcp = l4;
	struct icmphdr *icmp = l4;
	if (leg->in.proto == IPPROTO_TCP && (void *)(tcp + 1) <= end) {
		tcp->source = leg->sport;
		tcp->dest = leg->dport;
		tcp->check = checksum_moved(tcp->check, addresses + ports);
	} else if (leg->in.proto == IPPROTO_UDP && (void *)(udp + 1) <= end) {
		udp->source = leg->sport;
		udp->dest = leg->dport;
		if (udp->check != 0) {
			__sum16 check = checksum_moved(udp->check, addresses + ports);
			udp->check = check != 0 ? check : 0xffff;
		}
	} else if (leg->in.proto == IPPROTO_ICMP && (void *)(icmp + 1) <= end) {
		icmp->id = leg->sport | leg->dport; /* one of them is 0 */
		icmp->checksum = checksum_moved(icmp->checksum, ports);
	}
}

static __always_inline __u64 leg_addresses(const struct nat_leg4 *leg)
{
	return delta_32(leg->in.src, leg->src) + delta_32(leg->in.dst, leg->dst);
}

static __always_inline __u64 leg_ports(const struct nat_leg4 *leg)
{
	return delta_16(leg->in.sport, leg->sport) + delta_16(leg->in.dport, leg->dport);
}

/* In a frame that has no checksum left to a device: XDP's. */
static __always_inline bool flow_rewrite_xdp(struct view view, const struct nat_leg4 *leg)
{
	struct iphdr *ip = view.data + sizeof(struct ethhdr);
	if ((void *)(ip + 1) > view.end) {
		return false;
	}
	__u64 addresses = leg_addresses(leg);
	ip->saddr = leg->src;
	ip->daddr = leg->dst;
	ip->ttl--;
	ip->check = checksum_moved(ip->check, addresses + DELTA_TTL);
	flow_rewrite_l4(ip + 1, view.end, leg, addresses, leg_ports(leg));
	return true;
}

static __always_inline void flow_rewrite_ports(struct __sk_buff *skb, __u32 l4,
					       const struct nat_leg4 *leg)
{
	struct view view = view_skb(skb);
	__be16 *port = view.data + (l4 & 0x7f);
	if ((void *)(port + 4) > view.end) {
		return;
	}
	if (leg->in.proto == IPPROTO_ICMP) {
		port[2] = leg->sport | leg->dport;
	} else {
		port[0] = leg->sport;
		port[1] = leg->dport;
	}
}

/* In an skb; hops: whether it is forwarded, and its TTL is one less. */
static __always_inline bool flow_rewrite_skb(struct __sk_buff *skb, const struct packet *p,
					     const struct nat_leg4 *leg, bool hops)
{
	__u64 addresses = 0, ports = 0;
	bool has_l4 = (p->fragment & bpf_htons(IP_OFFSET)) == 0;
	if (p->tuple.src != leg->src || p->tuple.dst != leg->dst) {
		addresses = leg_addresses(leg);
	}
	if (has_l4 && (p->tuple.sport != leg->sport || p->tuple.dport != leg->dport)) {
		ports = leg_ports(leg);
	}
	if (has_l4 && checksum_offset(leg->in.proto) != 0 && (addresses | ports) != 0 &&
	    checksum_skb(skb, p->l4, leg->in.proto, addresses, ports) != 0) {
		return false;
	}
	struct view view = view_skb(skb);
	struct iphdr *ip = view.data + (p->l3 & 0xf);
	if ((void *)(ip + 1) > view.end) {
		return false;
	}
	ip->saddr = leg->src;
	ip->daddr = leg->dst;
	if (hops) {
		ip->ttl--;
	}
	ip->check = checksum_moved(ip->check, addresses + (hops ? DELTA_TTL : 0));
	if (ports != 0) {
		flow_rewrite_ports(skb, p->l4, leg);
	}
	return true;
}

/* Whether the mapping's public address is one of the uplink's that the flow would leave by. */
static __always_inline bool flow_leaves_rightly(const struct nat_flow4 *flow, __u32 ifindex)
{
	const struct nat_mapping4 *mapping = flow->mapping != 0 ? mapping_get(flow->mapping) : NULL;
	const struct nat_device *device = device_get(ifindex);
	return mapping == NULL || device == NULL ||
	       (__u32)(mapping->public_slot - device->public_first) < device->public_n;
}

/* The leg's hop, asked for anew; HOP_NOWHERE also where the route now leads to another zone than
 * the one that the rules have judged, or to an uplink that does not have the public address: then
 * the flow ends. tos: of the packet. */
static __always_inline enum hop_way flow_hop(void *packet, struct nat_leg4 *leg, __u8 tos,
					     struct hop_question *q, __u32 ifindex, __u32 now)
{
	struct nat_flow4 *flow = leg_flow(leg);
	q->now = now;
	q->ifindex = ifindex;
	q->tuple = leg->in;
	q->tuple.dst = leg->dst;
	q->tuple.dport = leg->dport;
	q->tos = tos;
	enum hop_way way = hop_ask(packet, q);
	if (way == HOP_NOWHERE || way == HOP_STACK || q->zone != leg->zone || flow == NULL) {
		return HOP_NOWHERE;
	}
	if (leg->zone == NAT_ZONE_OUTSIDE && !flow_leaves_rightly(flow, q->hop.ifindex)) {
		flow->flags |= NAT_FLOW_END;
		return HOP_NOWHERE;
	}
	if (way == HOP_SEND) {
		leg_remember(leg, &q->hop);
	}
	return way;
}

#endif
