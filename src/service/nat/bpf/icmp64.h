/* ICMP errors from one family to the other (RFC 7915 4.2, 4.3, 5.2, 5.3): made anew, with what they
 * quote. Knows nothing of where they go.
 */
#ifndef NAT_BPF_ICMP64_H
#define NAT_BPF_ICMP64_H

#include "service/nat/bpf/translate64.h"

/* Type, code and the value behind them, of either family. */
struct error64 {
	__u8 type, code;
	__u32 value; /* host order: MTU, or a pointer */
};

enum {
	ERROR64_QUOTED4 = 576 - 2 * HEAD4 - 8, /* RFC 1812 4.3.2.3 */
	ERROR64_QUOTED6 = MADE_MAX - 2 * HEAD6 - 8,
	MTU6_LEAST = 1280,
	NO_POINTER = 255,
};

/* RFC 7915 figure 3. */
static __always_inline __u32 pointer_to_six(__u32 at)
{
	return at < 2		     ? at
	       : at < 4		     ? 4
	       : at == 8	     ? 7
	       : at == 9	     ? 6
	       : at >= 12 && at < 16 ? 8
	       : at >= 16 && at < 20 ? 24
				     : NO_POINTER;
}

/* Figure 6. */
static __always_inline __u32 pointer_to_four(__u32 at)
{
	return at < 2		     ? at
	       : at == 4 || at == 5  ? 2
	       : at == 6	     ? 9
	       : at == 7	     ? 8
	       : at >= 8 && at < 24  ? 12
	       : at >= 24 && at < 40 ? 16
				     : NO_POINTER;
}

static __always_inline bool unreachable_to_six(struct error64 *e, __u32 mtu)
{
	switch (e->code) {
	case 2: *e = (struct error64){ICMP6_PARAMETER, 1, 6}; return true;
	case 3: *e = (struct error64){ICMP6_UNREACHABLE, 4, 0}; return true;
	case 4: {
		/* Routers of before RFC 1191 say 0. */
		__u32 most = e->value + HEAD6 - HEAD4;
		most = e->value == 0 || most < MTU6_LEAST ? MTU6_LEAST : most;
		*e = (struct error64){ICMP6_TOO_BIG, 0,
				      most > mtu && mtu >= MTU6_LEAST ? mtu : most};
		return true;
	}
	case 9:
	case 10:
	case 13:
	case 15: *e = (struct error64){ICMP6_UNREACHABLE, 1, 0}; return true;
	case 14: return false;
	default:
		if (e->code > 12) {
			return false;
		}
		*e = (struct error64){ICMP6_UNREACHABLE, 0, 0};
		return true;
	}
}

/* false: there is no such error in IPv6. mtu: of the way to the host inside. */
static __always_inline bool error_to_six(struct error64 *e, __u32 mtu)
{
	switch (e->type) {
	case ICMP_DEST_UNREACH: return unreachable_to_six(e, mtu);
	case ICMP_TIME_EXCEEDED:
		e->type = ICMP6_TIME;
		e->value = 0;
		return e->code < 2;
	case ICMP_PARAMETERPROB:
		e->type = ICMP6_PARAMETER;
		e->value = pointer_to_six(e->value >> 24);
		if (e->code == 2) {
			e->code = 0;
		}
		return e->code == 0 && e->value != NO_POINTER;
	default: return false;
	}
}

static __always_inline bool error_to_four(struct error64 *e, __u32 mtu)
{
	switch (e->type) {
	case ICMP6_UNREACHABLE: {
		__u8 code = e->code;
		*e = (struct error64){ICMP_DEST_UNREACH, code == 1 ? 10 : code == 4 ? 3 : 1, 0};
		return code <= 4;
	}
	case ICMP6_TOO_BIG: {
		__u32 most = e->value > HEAD6 ? e->value - (HEAD6 - HEAD4) : 0;
		*e = (struct error64){ICMP_DEST_UNREACH, 4, most > mtu ? mtu : most};
		return most != 0;
	}
	case ICMP6_TIME:
		e->type = ICMP_TIME_EXCEEDED;
		e->value = 0;
		return e->code < 2;
	case ICMP6_PARAMETER:
		if (e->code == 1) {
			*e = (struct error64){ICMP_DEST_UNREACH, 2, 0};
			return true;
		}
		e->type = ICMP_PARAMETERPROB;
		e->value = pointer_to_four(e->value);
		if (e->value == NO_POINTER || e->code != 0) {
			return false;
		}
		e->value <<= 24;
		return true;
	default: return false;
	}
}

/* The first octets of L4 as its sender knows them. */
static __always_inline void quote64(__u8 *l4, const struct nat_tuple6 *sent, bool to6)
{
	__be16 *port = (__be16 *)l4;
	if (sent->proto == NEXT_ICMP6 || sent->proto == IPPROTO_ICMP) {
		bool asks = sent->dport == 0;
		l4[0] = to6 ? (asks ? ICMP6_ECHO : ICMP6_ECHO_REPLY)
			    : (asks ? ICMP_ECHO : ICMP_ECHOREPLY);
		port[2] = sent->sport | sent->dport;
		return;
	}
	port[0] = sent->sport;
	port[1] = sent->dport;
}

/* Makes the IPv6 error in w->made: from, to whom, sent: the packet as its sender sent it; at: where
 * its L4 lies in skb; q: its IPv4 header. Its length; 0: it could not be. */
static __always_inline __u32 error_made_six(struct __sk_buff *skb, struct work6 *w,
					    const struct error64 *e, const struct nat_tuple6 *sent,
					    __u32 at, const struct iphdr *q)
{
	struct head6 *head = (struct head6 *)w->made, *quoted;
	struct icmp_head6 *icmp = (struct icmp_head6 *)(head + 1);
	__u32 n = made6_copy(skb, w, at, 2 * HEAD6 + 8, ERROR64_QUOTED6);
	quoted = (struct head6 *)(icmp + 1);
	if (n < 8) {
		return 0;
	}
	__u32 len = sizeof(*icmp) + HEAD6 + n;
	*head = (struct head6){.first = bpf_htonl(6u << 28 | (__u32)w->p.class << 20),
			       .len = bpf_htons((__u16)len),
			       .next = NEXT_ICMP6,
			       .hops = w->p.hops - 1,
			       .src = w->answer.src,
			       .dst = sent->src};
	*quoted = (struct head6){.first = bpf_htonl(6u << 28 | (__u32)q->tos << 20),
				 .len = bpf_htons((__u16)(bpf_ntohs(q->tot_len) - q->ihl * 4)),
				 .next = sent->proto,
				 .hops = q->ttl,
				 .src = sent->src,
				 .dst = sent->dst};
	quote64((__u8 *)(quoted + 1), sent, true);
	*icmp = (struct icmp_head6){.type = e->type, .code = e->code};
	icmp->value = bpf_htonl(e->value);
	icmp->checksum =
		~sum_fold(made6_sum(w, HEAD6, len) + icmp6_pseudo(&head->src, &head->dst, len));
	return HEAD6 + len;
}

static __always_inline void head4_make(struct iphdr *ip, __u32 len, __u8 proto, __be32 from,
				       __be32 to)
{
	*ip = (struct iphdr){.version = 4,
			     .ihl = 5,
			     .tot_len = bpf_htons((__u16)len),
			     .ttl = 64,
			     .protocol = proto,
			     .saddr = from,
			     .daddr = to};
}

/* The same of IPv4; w->quoted is what is quoted, from: who tells. */
static __always_inline __u32 error_made_four(struct __sk_buff *skb, struct work6 *w,
					     const struct error64 *e, const struct nat_tuple6 *sent,
					     __be32 from)
{
	struct iphdr *ip = (struct iphdr *)w->made, *quoted;
	struct icmp_head6 *icmp = (struct icmp_head6 *)(ip + 1);
	__u32 n = made6_copy(skb, w, w->quoted.l4, 2 * HEAD4 + 8, ERROR64_QUOTED4);
	quoted = (struct iphdr *)(icmp + 1);
	if (n < 8) {
		return 0;
	}
	__u32 len = 2 * HEAD4 + 8 + n;
	head4_make(ip, len, IPPROTO_ICMP, from, sent->src.words[3]);
	ip->ttl = w->p.hops - 1;
	ip->tos = w->p.class;
	ip->check = ~sum_fold(ip_sum(ip));
	head4_make(quoted, w->quoted.len - (w->quoted.l4 - w->quoted.l3) + HEAD4, sent->proto,
		   sent->src.words[3], sent->dst.words[3]);
	quoted->ttl = w->quoted.hops;
	quoted->tos = w->quoted.class;
	quoted->check = ~sum_fold(ip_sum(quoted));
	quote64((__u8 *)(quoted + 1), sent, false);
	*icmp = (struct icmp_head6){.type = e->type, .code = e->code};
	icmp->value = bpf_htonl(e->value);
	icmp->checksum = ~sum_fold(made6_sum(w, HEAD4, len - HEAD4));
	return len;
}

#endif
