/* The header of one family in place of the other's (RFC 7915 4.1, 5.1), in an skb. Knows nothing of
 * flows: the tuple says what the new header has.
 */
#ifndef NAT_BPF_TRANSLATE64_H
#define NAT_BPF_TRANSLATE64_H

#include "service/nat/bpf/answer6.h"
#include "service/nat/bpf/flow6.h"
#include "service/nat/bpf/scratch.h"

enum {
	HEAD4 = sizeof(struct iphdr),
	/* RFC 7915 5.1: smaller ones may be cut by routers of IPv4. */
	DONT_CUT_OVER = 1260,
	UDP64_PIECES = 16, /* of SCRATCH_CHUNK: the longest datagram that gets a checksum here */
};

/* The pseudo header of ICMPv6, which ICMPv4 does not have. */
static __always_inline __u64 icmp6_pseudo(const struct nat_address6 *a,
					  const struct nat_address6 *b, __u32 len)
{
	return address6_sum(a) + address6_sum(b) + bpf_htonl(len) + bpf_htonl(NEXT_ICMP6);
}

/* Echo and its answer. to6: w->p is of IPv4. */
static __always_inline bool icmp64_echo(struct __sk_buff *skb, const struct packet6 *p,
					const struct nat_tuple6 *out, bool to6)
{
	__u32 len = p->len - (p->l4 - p->l3);
	bool asks = p->type == (to6 ? ICMP_ECHO : ICMP6_ECHO);
	__u8 type =
		to6 ? (asks ? ICMP6_ECHO : ICMP6_ECHO_REPLY) : (asks ? ICMP_ECHO : ICMP_ECHOREPLY);
	__be16 id = out->dport | out->sport, had = p->tuple.sport | p->tuple.dport;
	__u16 pseudo = to6 ? sum_fold(icmp6_pseudo(&out->dst, &out->src, len))
			   : (__u16)~sum_fold(icmp6_pseudo(&p->tuple.src, &p->tuple.dst, len));
	__u64 own = delta_16(bpf_htons((__u16)(p->type << 8)), bpf_htons((__u16)(type << 8))) +
		    delta_16(had, id);
	if (p->code != 0 || p->fragment_at != 0 || p->more != 0) {
		return false; /* its sum covers a length that no fragment knows */
	}
	return bpf_l4_csum_replace(skb, p->l4 + 2, 0, pseudo, BPF_F_PSEUDO_HDR) == 0 &&
	       bpf_l4_csum_replace(skb, p->l4 + 2, 0, sum_fold(own), 0) == 0 &&
	       bpf_skb_store_bytes(skb, p->l4, &type, 1, 0) == 0 &&
	       bpf_skb_store_bytes(skb, p->l4 + 4, &id, 2, 0) == 0;
}

static __always_inline bool l4_64(struct __sk_buff *skb, const struct packet6 *p,
				  const struct nat_tuple6 *out, bool to6)
{
	if (p->offset != 0) {
		return true;
	}
	if (p->tuple.proto == NEXT_ICMP6 || p->tuple.proto == IPPROTO_ICMP) {
		return icmp64_echo(skb, p, out, to6);
	}
	return rewrite6_l4(skb, p, out);
}

/* Octets between the IPv6 header and L4 go. */
static __always_inline bool shrink64(struct __sk_buff *skb, __u32 extra)
{
	return extra == 0 || bpf_skb_adjust_room(skb, -(__s32)extra, BPF_ADJ_ROOM_NET, 0) == 0;
}

static __always_inline bool six_to_four_skb(struct __sk_buff *skb, const struct packet6 *p,
					    const struct nat_tuple6 *out)
{
	__u32 heads = p->l4 - p->l3, len = p->len - heads + HEAD4;
	__u16 offset = (p->offset >> 3) | (p->more != 0 ? IP_MORE : 0);
	bool cut = p->fragment_at != 0;
	if (heads < HEAD6 || len > 65535 || !l4_64(skb, p, out, false) ||
	    !shrink64(skb, heads - HEAD6) ||
	    bpf_skb_change_proto(skb, bpf_htons(ETH_P_IP), 0) != 0) {
		return false;
	}
	struct iphdr ip = {.version = 4,
			   .ihl = 5,
			   .tos = p->class,
			   .tot_len = bpf_htons((__u16)len),
			   .ttl = p->hops - 1,
			   .protocol = out->proto,
			   .saddr = out->dst.words[3],
			   .daddr = out->src.words[3]};
	/* RFC 7915 5.1, 5.1.1; an atomic fragment asks for one that may be cut. */
	ip.id = cut		      ? bpf_htons((__u16)bpf_ntohl(p->id))
		: len > DONT_CUT_OVER ? 0
				      : (__be16)bpf_get_prandom_u32();
	ip.frag_off = bpf_htons(cut ? offset : len > DONT_CUT_OVER ? IP_DONT : 0);
	ip.check = ~sum_fold(ip_sum(&ip));
	return bpf_skb_store_bytes(skb, p->l3, &ip, sizeof(ip), BPF_F_RECOMPUTE_CSUM) == 0;
}

/* A UDP datagram of IPv4 without a checksum gets one, which IPv6 wants (RFC 7915 4.5): its sum, of
 * which the pseudo header is that of IPv4 yet. Uses the scratch. */
__noinline bool udp64_sum(struct __sk_buff *skb, struct work6 *w)
{
	if (w == NULL) {
		return false;
	}
	const struct packet6 *p = &w->p;
	__u32 len = p->len - (p->l4 - p->l3);
	__u64 pseudo = address6_sum(&p->tuple.src) + address6_sum(&p->tuple.dst) + bpf_htonl(len) +
		       bpf_htonl(IPPROTO_UDP);
	struct summing s = {.skb = skb, .at = p->l4, .left = len, .sum = sum_fold(pseudo)};
	bpf_loop(UDP64_PIECES, sum_chunk, &s, 0);
	if (s.left != 0 || s.sum < 0) {
		return false;
	}
	__u16 check = ~sum_fold((__u64)s.sum);
	check = check != 0 ? check : 0xffff;
	return bpf_skb_store_bytes(skb, p->l4 + 6, &check, 2, BPF_F_RECOMPUTE_CSUM) == 0;
}

/* head4: octets of the IPv4 header. */
static __always_inline bool four_to_six_skb(struct __sk_buff *skb, struct work6 *w,
					    const struct nat_tuple6 *out)
{
	const struct packet6 *p = &w->p;
	__u32 head4 = p->l4 - p->l3;
	bool cut = p->more != 0 || p->offset != 0;
	__u32 len = p->len - head4 + (cut ? FRAGMENT_HEAD6 : 0);
	if (head4 < HEAD4 || !l4_64(skb, p, out, true) ||
	    (head4 > HEAD4 &&
	     bpf_skb_adjust_room(skb, -(__s32)(head4 - HEAD4), BPF_ADJ_ROOM_NET, 0) != 0) ||
	    bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0) != 0 ||
	    (cut && bpf_skb_adjust_room(skb, FRAGMENT_HEAD6, BPF_ADJ_ROOM_NET, 0) != 0)) {
		return false;
	}
	struct head6 head = {.first = bpf_htonl(6u << 28 | (__u32)p->class << 20),
			     .len = bpf_htons((__u16)len),
			     .next = cut ? NEXT_FRAGMENT : out->proto,
			     .hops = p->hops - 1,
			     .src = out->dst,
			     .dst = out->src};
	struct fragment_head6 fragment = {
		.next = out->proto, .offset = bpf_htons(p->offset | (p->more != 0)), .id = p->id};
	return bpf_skb_store_bytes(skb, p->l3, &head, sizeof(head), BPF_F_RECOMPUTE_CSUM) == 0 &&
	       (!cut || bpf_skb_store_bytes(skb, p->l3 + HEAD6, &fragment, sizeof(fragment),
					    BPF_F_RECOMPUTE_CSUM) == 0);
}

#endif
