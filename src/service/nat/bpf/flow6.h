/* A packet of a flow of IPv6 that is there: what it changes in the record, and how it is rewritten
 * where both ends are of IPv6. Knows nothing of how flows begin and end, nor of NAT64's headers.
 */
#ifndef NAT_BPF_FLOW6_H
#define NAT_BPF_FLOW6_H

#include "service/nat/bpf/address6.h"
#include "service/nat/bpf/calls.h"
#include "service/nat/bpf/hop6.h"
#include "service/nat/bpf/index6.h"
#include "service/nat/bpf/tcp.h"

static __always_inline __u8 idle6(const struct nat_tuple6 *tuple, __u8 tcp)
{
	switch (tuple->proto) {
	case IPPROTO_TCP: return tcp_idle(tcp);
	case IPPROTO_UDP: return tuple->dport == bpf_htons(53) ? NAT_IDLE_UDP_DNS : NAT_IDLE_UDP;
	case IPPROTO_ICMP:
	case NEXT_ICMP6: return NAT_IDLE_ICMP;
	default: return NAT_IDLE_OTHER;
	}
}

static __always_inline void flow6_refresh(struct nat_flow6 *flow, const struct packet6 *p, int side,
					  __u32 now)
{
	if (p->tuple.proto == IPPROTO_TCP && p->offset == 0) {
		__u8 tcp = tcp_next(flow->tcp, p->tcp_flags, side);
		if (tcp != flow->tcp) {
			flow->tcp = tcp;
			flow->idle = tcp_idle(tcp);
		}
	}
	if (flow->seen != now) {
		flow->seen = now;
	}
	if (side == 1 && (flow->flags & NAT_FLOW_REPLIED) == 0) {
		flow->flags |= NAT_FLOW_REPLIED;
	}
	flow->bytes[side & 1] += p->len;
}

/* The sum that the checksum of the pseudo header moves by. */
static __always_inline __u64 flow6_address_delta(const struct packet6 *p,
						 const struct nat_tuple6 *out)
{
	return delta_address6(&p->tuple.src, &out->dst) + delta_address6(&p->tuple.dst, &out->src);
}

static __always_inline bool flow6_moves(const struct packet6 *p, const struct nat_tuple6 *out)
{
	return !address6_is(&p->tuple.src, &out->dst) || !address6_is(&p->tuple.dst, &out->src);
}

static __always_inline __u32 checksum6_offset(__u8 proto)
{
	return proto == NEXT_ICMP6 ? 2 : checksum_offset(proto);
}

/* Changes the L4 checksum by what the pseudo header and the ports change, and the ports. The first
 * fragment has the sum of all of them. */
static __always_inline bool rewrite6_l4(struct __sk_buff *skb, const struct packet6 *p,
					const struct nat_tuple6 *out)
{
	__u32 at = p->l4 + checksum6_offset(p->tuple.proto);
	__u64 flags = p->tuple.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u16 addresses = sum_fold(flow6_address_delta(p, out));
	long failed = 0;
	if (p->offset != 0 || at == p->l4) {
		return true;
	}
	if (addresses != 0 && addresses != 0xffff) {
		failed = bpf_l4_csum_replace(skb, at, 0, addresses, flags | BPF_F_PSEUDO_HDR);
	}
	if (p->tuple.sport == out->dport && p->tuple.dport == out->sport) {
		return failed == 0;
	}
	__u64 ports = delta_16(p->tuple.sport, out->dport) + delta_16(p->tuple.dport, out->sport);
	__be16 port[2] = {out->dport, out->sport};
	failed |= bpf_l4_csum_replace(skb, at, 0, sum_fold(ports), flags);
	if (p->tuple.proto == NEXT_ICMP6) {
		port[0] = out->dport | out->sport;
		failed |= bpf_skb_store_bytes(skb, p->l4 + 4, port, 2, 0);
	} else {
		failed |= bpf_skb_store_bytes(skb, p->l4, port, 4, 0);
	}
	return failed == 0;
}

/* hops: it is forwarded, and its hop limit is one less. */
static __always_inline bool rewrite6_skb(struct __sk_buff *skb, const struct packet6 *p,
					 const struct nat_tuple6 *out, bool hops)
{
	__u8 limit = p->hops - 1;
	long failed = 0;
	if (flow6_moves(p, out)) {
		struct nat_address6 ends[2] = {out->dst, out->src};
		if (!rewrite6_l4(skb, p, out)) {
			return false;
		}
		failed = bpf_skb_store_bytes(skb, p->l3 + 8, ends, sizeof(ends),
					     BPF_F_RECOMPUTE_CSUM);
	}
	if (hops) {
		failed |= bpf_skb_store_bytes(skb, p->l3 + 7, &limit, 1, BPF_F_RECOMPUTE_CSUM);
	}
	return failed == 0;
}

/* Octets that the packet has on the wire: of each, where it is taken apart later. */
static __always_inline __u32 packet6_wire(const struct __sk_buff *skb, const struct packet6 *p)
{
	return skb->gso_size != 0 ? p->l4 - p->l3 + p->head + skb->gso_size : p->len;
}

/* A hop for this side: the one that is known, or asked for anew. HOP_NOWHERE also where the route
 * now leads to another zone than the rules have judged. */
static __always_inline enum hop_way flow6_hop(void *frame, struct work6 *w, struct nat_flow6 *flow)
{
	const struct nat_settings *s = settings_get();
	int side = w->side & 1;
	const struct nat_tuple6 *out = &flow->tuple[side ^ 1];
	if (s == NULL) {
		return HOP_NOWHERE;
	}
	if (hop_fresh(&flow->hop[side], s, w->now)) {
		w->hop = flow->hop[side];
		return HOP_SEND;
	}
	w->tuple = w->p.tuple;
	w->to = out->src;
	enum hop_way way = hop6_ask(frame, w);
	if (way == HOP_NOWHERE || way == HOP_STACK || w->zone != out->zone) {
		return HOP_NOWHERE;
	}
	if (way == HOP_SEND) {
		flow->hop[side] = w->hop;
	}
	return way;
}

/* What the first fragment tells about those that follow it. */
static __always_inline void fragment6_note(const struct work6 *w, __u32 number)
{
	const struct packet6 *p = &w->p;
	/* Of IPv4 all that is before L4 is the header. */
	__u32 heads = p->fragment_at != 0 ? p->fragment_at + FRAGMENT_HEAD6 : p->l4;
	struct fragment6_key key = {
		.src = p->tuple.src, .dst = p->tuple.dst, .id = p->id, .zone = p->tuple.zone};
	struct fragment6 note = {
		.flow = number, .side = w->side, .seen = w->now, .first = p->len - (heads - p->l3)};
	bpf_map_update_elem(&fragments6, &key, &note, BPF_ANY);
	count(NAT_C_FRAGMENTS_HELD);
}

/* w->p, w->flow, w->side: a packet of a flow that came in at tc goes on. */
static __always_inline int forward6(struct __sk_buff *skb, void *calls, struct work6 *w)
{
	struct nat_flow6 *flow = flow6_get(w->flow);
	if (flow == NULL) {
		return tc_drop(NAT_C_DROP_NO_FLOW);
	}
	int side = w->side & 1;
	const struct nat_tuple6 *out = &flow->tuple[side ^ 1];
	if (w->p.more != 0 && w->p.offset == 0) {
		fragment6_note(w, w->flow);
	}
	if (out->zone == NAT_ZONE_GATEWAY) {
		flow6_refresh(flow, &w->p, side, w->now);
		return tc_pass();
	}
	if (w->p.hops <= 1) {
		bpf_tail_call(skb, calls, NAT_CALL_HOPS6);
		return tc_drop(NAT_C_DROP_TTL);
	}
	enum hop_way way = flow6_hop(skb, w, flow);
	if (way != HOP_SEND && way != HOP_NEIGHBOUR) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	w->ask = way == HOP_NEIGHBOUR;
	if (address6_is_mapped(&out->src)) {
		bpf_tail_call(skb, calls, NAT_CALL_SIX_TO_FOUR);
		return tc_drop(NAT_C_DROP_PROTOCOL);
	}
	if (packet6_wire(skb, &w->p) > w->hop.mtu) {
		w->mtu = w->hop.mtu;
		bpf_tail_call(skb, calls, NAT_CALL_TOO_BIG6);
		return tc_drop(NAT_C_DROP_MTU);
	}
	flow6_refresh(flow, &w->p, side, w->now);
	if (!rewrite6_skb(skb, &w->p, out, true)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	return send6(skb, w, w->ask != 0, ETH_P_IPV6);
}

#endif
