/* A packet of a flow that is there: what it changes in the record, and how its headers are
 * rewritten. Knows nothing of how flows begin and end.
 */
#ifndef NAT_BPF_FLOW_H
#define NAT_BPF_FLOW_H

#include "service/nat/bpf/checksum.h"
#include "service/nat/bpf/hop.h"
#include "service/nat/bpf/index.h"
#include "service/nat/bpf/packet.h"
#include "service/nat/bpf/tcp.h"

/* Ticks (4.5 years) that no idle time reaches: the sweep ends it. */
#define FLOW_LONG_AGO (1u << 30)

static __always_inline struct nat_flow4 *flow_of(const struct packet *p,
						 const struct nat_settings *s)
{
	union tuple_words words = {.tuple = p->tuple};
	return index_flow(words.word, tuple_hash(words.word, s->seed), s->flow_mask, 0);
}

/* The same where the stack is short and time is not. */
static __noinline struct nat_flow4 *flow_find(const struct nat_tuple4 *tuple)
{
	union tuple_words words = {.tuple = *tuple};
	const struct nat_settings *s = settings_get();
	return s != NULL ? index_flow(words.word, tuple_hash(words.word, s->seed), s->flow_mask, 0)
			 : NULL;
}

static __always_inline int flow_side(const struct nat_flow4 *flow, const struct packet *p)
{
	union tuple_words words = {.tuple = p->tuple};
	return tuple_is(&flow->tuple[0], words.word) ? 0 : 1;
}

/* Written only when it changes: the line is shared by all processors. */
static __always_inline void flow_refresh(struct nat_flow4 *flow, const struct packet *p, int side,
					 __u32 now)
{
	if (p->tuple.proto == IPPROTO_TCP && p->tcp_flags != 0) { /* no later fragment */
		tcp_step(flow, p->tcp_flags, side);
	}
	if (flow->seen != now) {
		flow->seen = now;
	}
	if (side == 1 && (flow->flags & NAT_FLOW_REPLIED) == 0) {
		flow->flags |= NAT_FLOW_REPLIED;
	}
	/* Two processors that count for one direction at once may lose one packet's worth. */
	flow->bytes[side] += p->len;
}

static __always_inline void flow_rewrite_l4(void *l4, const void *end, const struct nat_tuple4 *out,
					    __u64 delta)
{
	struct udphdr *udp = l4;
	struct tcphdr *tcp = l4;
	struct icmphdr *icmp = l4;
	if (out->proto == IPPROTO_TCP && (void *)(tcp + 1) <= end) {
		tcp->source = out->dport;
		tcp->dest = out->sport;
		tcp->check = checksum_moved(tcp->check, delta);
	} else if (out->proto == IPPROTO_UDP && (void *)(udp + 1) <= end) {
		udp->source = out->dport;
		udp->dest = out->sport;
		if (udp->check != 0) {
			__sum16 check = checksum_moved(udp->check, delta);
			udp->check = check != 0 ? check : 0xffff;
		}
	} else if (out->proto == IPPROTO_ICMP && (void *)(icmp + 1) <= end) {
		icmp->id = out->dport | out->sport; /* one of them is 0 */
		icmp->checksum = checksum_moved(icmp->checksum, delta);
	}
}

/* In a frame that has no checksum left to a device: XDP's. */
static __always_inline bool flow_rewrite_xdp(struct view view, const struct nat_flow4 *flow,
					     int side)
{
	const struct nat_tuple4 *out = &flow->tuple[side ^ 1];
	struct iphdr *ip = view.data + sizeof(struct ethhdr);
	if ((void *)(ip + 1) > view.end) {
		return false;
	}
	ip->saddr = out->dst;
	ip->daddr = out->src;
	ip->ttl--;
	ip->check = checksum_moved(ip->check, flow->ip_delta[side]);
	flow_rewrite_l4(ip + 1, view.end, out, flow->l4_delta[side]);
	return true;
}

static __always_inline void flow_rewrite_ports(struct __sk_buff *skb, __u32 l4,
					       const struct nat_tuple4 *out)
{
	struct view view = view_skb(skb);
	__be16 *port = view.data + (l4 & 0x7f);
	if ((void *)(port + 4) > view.end) {
		return;
	}
	if (out->proto == IPPROTO_ICMP) {
		port[2] = out->dport | out->sport;
	} else {
		port[0] = out->dport;
		port[1] = out->sport;
	}
}

/* In an skb; hops: whether it is forwarded, and its TTL is one less. */
static __always_inline bool flow_rewrite_skb(struct __sk_buff *skb, const struct packet *p,
					     const struct nat_flow4 *flow, int side, bool hops)
{
	const struct nat_tuple4 *out = &flow->tuple[side ^ 1];
	__u64 addresses = 0, ports = 0;
	bool has_l4 = (p->fragment & bpf_htons(IP_OFFSET)) == 0;
	if (p->tuple.src != out->dst || p->tuple.dst != out->src) {
		addresses = delta_32(p->tuple.src, out->dst) + delta_32(p->tuple.dst, out->src);
	}
	if (has_l4 && (p->tuple.sport != out->dport || p->tuple.dport != out->sport)) {
		ports = delta_16(p->tuple.sport, out->dport) + delta_16(p->tuple.dport, out->sport);
	}
	if (has_l4 && checksum_offset(out->proto) != 0 && (addresses | ports) != 0 &&
	    checksum_skb(skb, p->l4, out->proto, addresses, ports) != 0) {
		return false;
	}
	struct view view = view_skb(skb);
	struct iphdr *ip = view.data + (p->l3 & 0xf);
	if ((void *)(ip + 1) > view.end) {
		return false;
	}
	ip->saddr = out->dst;
	ip->daddr = out->src;
	if (hops) {
		ip->ttl--;
	}
	ip->check = checksum_moved(ip->check, flow->ip_delta[side]);
	if (ports != 0) {
		flow_rewrite_ports(skb, p->l4, out);
	}
	return true;
}

/* The hop of this side, filled in anew; HOP_NOWHERE also where the route now leads to another zone
 * than the one that the rules have judged, or to an uplink that does not have the public address.
 */
static __always_inline enum hop_way flow_hop(void *packet, struct nat_flow4 *flow,
					     const struct packet *p, int side,
					     struct hop_question *q, __u32 ifindex, __u32 now)
{
	const struct nat_tuple4 *out = &flow->tuple[side ^ 1];
	q->now = now;
	q->ifindex = ifindex;
	q->tuple = p->tuple;
	q->tuple.dst = out->src;
	q->tuple.dport = out->sport;
	q->tos = p->tos;
	enum hop_way way = hop_ask(packet, q);
	if (way == HOP_NOWHERE || way == HOP_STACK || q->zone != out->zone) {
		return HOP_NOWHERE;
	}
	const struct nat_mapping4 *mapping = flow->mapping != 0 ? mapping_get(flow->mapping) : NULL;
	const struct nat_device *device = device_get(q->hop.ifindex);
	if (mapping != NULL && device != NULL && out->zone == NAT_ZONE_OUTSIDE &&
	    (__u32)(mapping->public_slot - device->public_first) >= device->public_n) {
		flow->seen = q->now - FLOW_LONG_AGO;
		return HOP_NOWHERE;
	}
	if (way == HOP_SEND) {
		flow->hop[side] = q->hop;
	}
	return way;
}

#endif
