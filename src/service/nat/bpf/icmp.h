/* ICMP errors through the translation (RFC 5508 4, RFC 4787 REQ-12, RFC 5382 REQ-7): what an error
 * quotes is a packet that we have sent on, so the flow is the one whose other direction the error
 * takes. It neither refreshes nor ends that flow. Knows tc only; XDP leaves errors to it.
 *
 *	error at the public address, from anybody	[ ICMP | quote: public -> far ]
 *	to the host inside				[ ICMP | quote: host -> far ]
 */
#ifndef NAT_BPF_ICMP_H
#define NAT_BPF_ICMP_H

#include "service/nat/bpf/decide_out.h"
#include "service/nat/bpf/flow.h"
#include "service/nat/bpf/identity.h"
#include "service/nat/bpf/scratch.h"
#include "service/nat/bpf/tc.h"

/* What is quoted: where it lies, and what it says. */
struct quote {
	__u32 l3, l4;
	bool l4_sum;   /* the L4 checksum is quoted, and is one */
	bool fragment; /* it was one, the first */
	/* As its answers come in: its ends exchanged. */
	struct nat_tuple4 tuple;
};

static __always_inline enum packet_kind
error_read(struct __sk_buff *skb, const struct nat_device *device, __u8 zone, struct packet *p)
{
	__u32 want = sizeof(struct ethhdr) + ERROR_HEADS;
	bpf_skb_pull_data(skb, skb->len < want ? skb->len : want);
	return tc_read(skb, device, zone, p);
}

/* The sum of the quoted header, options and all; false: torn. */
static __always_inline bool quote_sum(struct view view, __u32 at, __u32 head, __u64 *ret)
{
	__u64 sum = 0;
	for (__u32 i = 0; i < 60; i += 4) {
		const __u32 *word = view.data + at + i;
		if (i >= head) {
			break;
		}
		if ((void *)(word + 1) > view.end) {
			return false;
		}
		sum += *word;
	}
	*ret = sum;
	return true;
}

/* The first eight octets of the quoted L4 header: RFC 792 promises no more. room: octets of it that
 * are quoted. */
static __always_inline bool quote_ports(struct view view, struct quote *q, __u32 room)
{
	const __be16 *port = view.data + (q->l4 & 0xff);
	if ((void *)(port + 4) > view.end) {
		return false;
	}
	switch (q->tuple.proto) {
	case IPPROTO_TCP: q->l4_sum = room >= offsetof(struct tcphdr, check) + 2; break;
	case IPPROTO_UDP: q->l4_sum = port[3] != 0; break;
	case IPPROTO_ICMP: {
		__u8 type = *(const __u8 *)port;
		q->l4_sum = true;
		if (type == ICMP_ECHO || type == ICMP_TIMESTAMP) {
			q->tuple.dport = port[2];
		} else if (type == ICMP_ECHOREPLY || type == ICMP_TIMESTAMPREPLY) {
			q->tuple.sport = port[2];
		} else {
			return false; /* RFC 1122 3.2.2: no error is about an error */
		}
		return true;
	}
	default: return true;
	}
	q->tuple.dport = port[0];
	q->tuple.sport = port[1];
	return true;
}

/* RFC 5508 REQ-3: the quoted IP checksum counts, its options are stepped over, its L4 checksum is
 * not looked at. False: nobody sends such a thing about a packet of ours. */
static __always_inline bool quote_read(struct view view, const struct packet *p, struct quote *q)
{
	__u32 head_out = p->l4 - p->l3;
	q->l3 = (p->l4 + sizeof(struct icmphdr)) & 0xff;
	const struct iphdr *ip = view.data + q->l3;
	if ((void *)(ip + 1) > view.end || p->len < head_out + sizeof(struct icmphdr) + IP_HEAD) {
		return false;
	}
	__u32 room = p->len - head_out - sizeof(struct icmphdr), head = ip->ihl * 4u;
	if (ip->version != 4 || head < IP_HEAD || room < head + 8 ||
	    bpf_ntohs(ip->tot_len) < head + 8 || (ip->frag_off & bpf_htons(IP_OFFSET)) != 0) {
		return false;
	}
	q->l4 = q->l3 + head;
	q->l4_sum = false;
	q->fragment = (ip->frag_off & bpf_htons(IP_MORE)) != 0;
	q->tuple = (struct nat_tuple4){
		.src = ip->daddr,
		.dst = ip->saddr,
		.proto = ip->protocol,
		.zone = p->tuple.zone,
	};
	__u64 sum = 0;
	return quote_sum(view, q->l3, head, &sum) && sum_fold(sum) == 0xffff &&
	       quote_ports(view, q, room - head);
}

/* The field moves by delta; the change of the field itself is added to *outer. zero: 0 means none
 * (RFC 768). */
static __always_inline void quote_move(__sum16 *field, __u64 delta, bool zero, __u64 *outer)
{
	__sum16 before = *field, after = checksum_moved(before, delta);
	if (zero && after == 0) {
		after = 0xffff;
	}
	*field = after;
	*outer += delta_16(before, after);
}

static __always_inline void quote_rewrite_l4(struct view view, const struct quote *q,
					     const struct nat_tuple4 *was, __u64 addresses,
					     __u64 *outer)
{
	__be16 *port = view.data + (q->l4 & 0xff);
	if ((void *)(port + 4) > view.end) {
		return;
	}
	__u64 ports = delta_16(q->tuple.dport, was->sport) + delta_16(q->tuple.sport, was->dport);
	*outer += ports;
	if (was->proto == IPPROTO_ICMP) {
		port[2] = was->sport | was->dport; /* one of them is 0 */
		quote_move(&port[1], ports, false, outer);
		return;
	}
	port[0] = was->sport;
	port[1] = was->dport;
	if (was->proto == IPPROTO_UDP && q->l4_sum) {
		quote_move(&port[3], addresses + ports, true, outer);
	}
	if (was->proto == IPPROTO_TCP && q->l4_sum && (void *)(port + 9) <= view.end) {
		quote_move(&port[8], addresses + ports, false, outer);
	}
}

/* The quote becomes what its sender had sent: was. Ret: the delta of all that changed. */
static __always_inline __u64 quote_rewrite(struct view view, const struct quote *q,
					   const struct nat_tuple4 *was)
{
	const struct nat_settings *s = settings_get();
	struct iphdr *ip = view.data + (q->l3 & 0xff);
	if ((void *)(ip + 1) > view.end) {
		return 0;
	}
	__u64 addresses = delta_32(ip->saddr, was->src) + delta_32(ip->daddr, was->dst);
	__u64 all = addresses;
	if (q->fragment && ip->saddr != was->src && s != NULL) {
		__be16 id = identity_shuffled(ip->id, was->src, s);
		all += delta_16(ip->id, id);
		ip->id = id;
	}
	__u64 outer = all;
	ip->saddr = was->src;
	ip->daddr = was->dst;
	quote_move(&ip->check, all, false, &outer);
	if (checksum_offset(was->proto) != 0) {
		quote_rewrite_l4(view, q, was, addresses, &outer);
	}
	return outer;
}

/* Who says it, behind us. The far end of the flow speaks as itself; so does a router beyond, but
 * not one whose address is the inside's own business (RFC 5508 REQ-5: then the flow's). */
static __always_inline __be32 error_source(const struct packet *p, const struct nat_leg4 *leg)
{
	return leg->in.src != leg->src ? leg->src : p->tuple.src;
}

/* Quote and heads, in the packet. hops: it is forwarded. */
static __always_inline bool error_rewrite(struct __sk_buff *skb, const struct packet *p,
					  const struct quote *q, const struct nat_leg4 *leg,
					  bool hops)
{
	const struct nat_tuple4 was = {.src = leg->dst,
				       .dst = leg->src,
				       .sport = leg->dport,
				       .dport = leg->sport,
				       .proto = leg->in.proto};
	__be32 source = error_source(p, leg);
	__u64 outer = quote_rewrite(view_skb(skb), q, &was);
	__u32 at = p->l4 + offsetof(struct icmphdr, checksum);
	if (bpf_l4_csum_replace(skb, at, 0, sum_fold(outer), 0) != 0) {
		return false;
	}
	struct view view = view_skb(skb);
	struct iphdr *ip = view.data + (p->l3 & 0xf);
	if ((void *)(ip + 1) > view.end) {
		return false;
	}
	__u64 delta = delta_32(ip->saddr, source) + delta_32(ip->daddr, leg->dst);
	ip->saddr = source;
	ip->daddr = leg->dst;
	if (hops) {
		ip->ttl--;
		delta += DELTA_TTL;
	}
	ip->check = checksum_moved(ip->check, delta);
	return true;
}

/* On its way to the other side. */
static __always_inline int error_forward(struct __sk_buff *skb, const struct nat_device *in,
					 const struct packet *p, const struct quote *q,
					 struct nat_leg4 *leg)
{
	const struct nat_settings *s = settings_get();
	struct hop_question *question = NULL;
	struct nat_hop hop;
	enum hop_way way = HOP_SEND;
	if (s == NULL || p->ttl <= 1) {
		return tc_drop(NAT_C_DROP_TTL); /* RFC 1122 3.2.2: untold */
	}
	if (!leg_hop(leg, s, tick_now(), &hop)) {
		question = question_get();
		way = question != NULL
			      ? flow_hop(skb, leg, p->tos, question, in->ifindex, tick_now())
			      : HOP_NOWHERE;
		if (question == NULL || way == HOP_NOWHERE) {
			return tc_drop(NAT_C_DROP_NO_ROUTE);
		}
		hop = question->hop;
	}
	if (p->len > hop.mtu) {
		return tc_drop(NAT_C_DROP_MTU);
	}
	struct nat_tuple4 seen = {.src = error_source(p, leg)};
	/* The host itself is known where nobody is translated to. */
	if (leg->zone == NAT_ZONE_OUTSIDE && seen.src != leg->src && decide_leak(&seen) > 0) {
		return tc_drop(NAT_C_DROP_LEAK);
	}
	if (!error_rewrite(skb, p, q, leg, true)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	return tc_send(skb, in, &hop, way == HOP_NEIGHBOUR ? &question->neighbour : NULL);
}

/* About nothing that we have sent on. The machine's own stack has conversations with hosts inside
 * that are no flows. */
static __always_inline int error_stranger(const struct nat_device *in, const struct packet *p,
					  const struct quote *q)
{
	__be32 to = p->tuple.dst;
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &to);
	if ((in->flags & NAT_DEVICE_OUTSIDE) == 0 && local != NULL &&
	    (local->flags & NAT_LOCAL_HERE) != 0) {
		return tc_pass();
	}
	/* About what a proxy has sent in the name of the world. */
	if ((in->flags & NAT_DEVICE_OUTSIDE) == 0 && taken4(&q->tuple)) {
		return tc_pass();
	}
	return tc_drop(NAT_C_DROP_ICMP);
}

static __always_inline int error_in(struct __sk_buff *skb, void *calls, const struct nat_device *in,
				    const struct nat_settings *s)
{
	struct packet p;
	struct quote q;
	if (error_read(skb, in, in->zone, &p) != PACKET_ERROR) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	__u8 zone = source_of(p.tuple.src).zone;
	if (zone != in->zone) {
		return tc_drop(zone == NAT_ZONE_BOGON ? NAT_C_DROP_BOGON : NAT_C_DROP_SPOOFED);
	}
	if (!sum_is_whole(skb, p.l4, p.len - (p.l4 - p.l3))) {
		return tc_drop(NAT_C_DROP_CHECKSUM);
	}
	if (!quote_read(view_skb(skb), &p, &q)) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	struct nat_leg4 *leg = leg_of(&q.tuple, s);
	/* It is told to him who sent what it quotes, and to nobody else. */
	if (p.tuple.dst != q.tuple.dst) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	if (leg == NULL && owner64_has(&q.tuple)) {
		bpf_tail_call(skb, calls, NAT_CALL_ERROR_FOUR_TO_SIX);
	}
	if (leg == NULL) {
		return error_stranger(in, &p, &q);
	}
	if (leg->zone == NAT_ZONE_GATEWAY) {
		return error_rewrite(skb, &p, &q, leg, false) ? tc_pass()
							      : tc_drop(NAT_C_DROP_FORMAT);
	}
	return error_forward(skb, in, &p, &q, leg);
}

static __always_inline bool error_is_public(__be32 address)
{
	const struct nat_local *local = bpf_map_lookup_elem(&locals4, &address);
	return local != NULL && (local->flags & NAT_LOCAL_OUTSIDE) != 0;
}

/* The machine's own, by an outside device. About a flow: as any other. About none, as of its own
 * services: neither head nor quote may name anybody but itself. */
static __always_inline int error_out(struct __sk_buff *skb, const struct nat_device *out,
				     const struct nat_settings *s)
{
	struct packet p;
	struct quote q;
	if (error_read(skb, out, NAT_ZONE_GATEWAY, &p) != PACKET_ERROR ||
	    !quote_read(view_skb(skb), &p, &q)) {
		return tc_drop(NAT_C_DROP_ICMP);
	}
	struct nat_leg4 *leg = leg_of(&q.tuple, s);
	__be32 from = p.tuple.src, about = q.tuple.src;
	if (leg != NULL) {
		from = error_source(&p, leg);
		about = from;
	}
	if (!error_is_public(from) || !error_is_public(about)) {
		return tc_drop(NAT_C_DROP_LEAK);
	}
	if (leg != NULL && !error_rewrite(skb, &p, &q, leg, false)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	return tc_pass();
}

#endif
