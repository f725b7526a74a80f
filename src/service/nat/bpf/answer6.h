/* What the machine itself tells a sender of IPv6: hop limit exceeded, packet too big, unreachable
 * (RFC 4443), or the RST of a segment that a rule rejects. Knows nothing of flows.
 */
#ifndef NAT_BPF_ANSWER6_H
#define NAT_BPF_ANSWER6_H

#include "service/nat/bpf/hop6.h"
#include "service/nat/bpf/reset.h"

/* RFC 4443 2.4 f: so many a second, and at once. */
enum { ANSWER6_COST_US = 1000, ANSWER6_DEPTH_US = 100000 };

NAT_ARRAY(answers6, 1, struct nat_rate);

static __always_inline bool answer6_may(void)
{
	__u32 zero = 0;
	struct nat_rate *rate = bpf_map_lookup_elem(&answers6, &zero);
	if (rate == NULL) {
		return false;
	}
	__u64 now = bpf_ktime_get_ns(), full = rate->full_ns;
	__u64 then = (full > now ? full : now) + ANSWER6_COST_US * 1000;
	if (then - now > (__u64)ANSWER6_DEPTH_US * 1000) {
		return false;
	}
	return __sync_val_compare_and_swap(&rate->full_ns, full, then) == full;
}

/* Sum of the words of made[at .. at + len), which ends with zeros up to a multiple of 4. at: a
 * multiple of 4. In pieces of what every kernel's call takes. */
static __always_inline __u64 made6_sum(struct work6 *w, __u32 at, __u32 len)
{
	__u64 sum = 0;
#pragma unroll
	for (__u32 i = 0; i < 3; i++) {
		__u32 from = i * 512;
		if (len > from) {
			__u32 part = len - from;
			part = ((part > 512 ? 512 : part) + 3) & 0x3fc;
			if (part > 512) {
				part = 512;
			}
			sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)(w->made + at + from), part,
						    0);
		}
	}
	return sum;
}

/* Copies up to max octets of the frame, from `at` to its end, to made[to]; how many. Zeros follow.
 */
static __always_inline __u32 made6_copy(struct __sk_buff *skb, struct work6 *w, __u32 at, __u32 to,
					__u32 max)
{
	__u32 n = skb->len > at ? skb->len - at : 0;
	if (n > max) {
		n = max;
	}
	if (n == 0 || n > MADE_MAX) {
		return 0;
	}
	if (bpf_skb_load_bytes(skb, at, w->made + to, n) != 0) {
		return 0;
	}
	__u32 end = to + n;
	if (end > MADE_MAX) {
		return 0;
	}
	__builtin_memset(w->made + end, 0, 4);
	return n;
}

/* The skb becomes made[0 .. len) from its l3 on. */
static __always_inline bool made6_put(struct __sk_buff *skb, struct work6 *w, __u32 l3, __u32 len)
{
	if (bpf_skb_change_tail(skb, l3 + len, 0) != 0 || len == 0 || len > MADE_MAX) {
		return false;
	}
	return bpf_skb_store_bytes(skb, l3, w->made, len,
				   BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH) == 0;
}

/* The same for what answers it: the kernel forgets the old one's segments and a checksum that was
 * left to the device, when its heads are cut off. */
static __always_inline bool answer6_put(struct __sk_buff *skb, struct work6 *w, __u32 len)
{
	enum { CUT = 120 };
	__u32 l3 = w->p.l3;
	return bpf_skb_change_tail(skb, l3 + 2 * CUT, 0) == 0 &&
	       bpf_skb_adjust_room(skb, -CUT, BPF_ADJ_ROOM_MAC, 0) == 0 &&
	       made6_put(skb, w, l3, len);
}

/* The way back: by the device that it came from. */
static __always_inline int answer6_send(struct __sk_buff *skb, const struct work6 *w)
{
	const struct nat_device *in = device_get(w->ifindex);
	if (in == NULL) {
		return TC_ACT_SHOT;
	}
	if ((in->flags & NAT_DEVICE_OUTSIDE) != 0) {
		skb->mark = NAT_MARK;
	}
	struct ether_head head;
	if ((in->flags & NAT_DEVICE_ETHER) != 0) {
		if (bpf_skb_load_bytes(skb, 0, &head, sizeof(head)) != 0) {
			return TC_ACT_SHOT;
		}
		struct ether_head back = {.proto = head.proto};
		__builtin_memcpy(back.dmac, head.smac, 6);
		__builtin_memcpy(back.smac, head.dmac, 6);
		if (bpf_skb_store_bytes(skb, 0, &back, sizeof(back), 0) != 0) {
			return TC_ACT_SHOT;
		}
	}
	return (int)bpf_redirect(in->ifindex, 0);
}

/* done: counted when it is said. */
struct saying6 {
	__u8 type, code;
	__u32 value;
	enum nat_counter done;
};

/* w->p is what it is about. The packet becomes the answer, or its end; that it was dropped the
 * caller has counted. */
static __always_inline int answer6(struct __sk_buff *skb, struct work6 *w,
				   const struct saying6 *say)
{
	const struct packet6 *p = &w->p;
	const struct nat_address6 *own = bpf_map_lookup_elem(&answerers6, &w->ifindex);
	/* RFC 4443 2.4 e: nothing about an error, a fragment that is not the first, a group. */
	if (own == NULL || p->offset != 0 || address6_is_group(&p->tuple.dst) || !answer6_may()) {
		return TC_ACT_SHOT;
	}
	struct head6 *head = (struct head6 *)w->made;
	struct icmp_head6 *icmp = (struct icmp_head6 *)(head + 1);
	__u32 n = made6_copy(skb, w, p->l3, HEAD6 + sizeof(*icmp), MADE_MAX - HEAD6 - 8);
	if (n == 0) {
		return TC_ACT_SHOT;
	}
	__u32 len = n + sizeof(*icmp);
	*head = (struct head6){.first = bpf_htonl(6u << 28),
			       .len = bpf_htons(len),
			       .next = NEXT_ICMP6,
			       .hops = 64,
			       .src = *own,
			       .dst = p->tuple.src};
	*icmp = (struct icmp_head6){.type = say->type, .code = say->code};
	icmp->value = bpf_htonl(say->value);
	__u64 sum = made6_sum(w, HEAD6, len) + address6_sum(&head->src) + address6_sum(&head->dst) +
		    bpf_htonl(len) + bpf_htonl(NEXT_ICMP6);
	icmp->checksum = ~sum_fold(sum);
	if (!answer6_put(skb, w, HEAD6 + len)) {
		return TC_ACT_SHOT;
	}
	count(say->done);
	return answer6_send(skb, w);
}

/* w->p is a whole segment of TCP. Its sender is one of that side, or it was dropped before; from
 * outside it called an address that the world knows. */
static __always_inline int answer6_reset(struct __sk_buff *skb, struct work6 *w)
{
	const struct packet6 *p = &w->p;
	struct head6 *head = (struct head6 *)w->made;
	struct tcphdr tcp;
	__u32 data = p->len - (p->l4 - p->l3) - p->head;
	if (address6_is_group(&p->tuple.dst) || !reset_make(skb, p->l4, data, &tcp) ||
	    !answer6_may()) {
		return TC_ACT_SHOT;
	}
	tcp.check = ~sum_fold(
		reset_sum(&tcp, address6_sum(&p->tuple.src) + address6_sum(&p->tuple.dst)));
	*head = (struct head6){.first = bpf_htonl(6u << 28),
			       .len = bpf_htons(sizeof(tcp)),
			       .next = IPPROTO_TCP,
			       .hops = 64,
			       .src = p->tuple.dst,
			       .dst = p->tuple.src};
	__builtin_memcpy(head + 1, &tcp, sizeof(tcp));
	if (!answer6_put(skb, w, HEAD6 + sizeof(tcp))) {
		return TC_ACT_SHOT;
	}
	count(NAT_C_REFUSAL_ANSWERED);
	return answer6_send(skb, w);
}

/* RFC 4443 3.1: 1 is "administratively prohibited". That a limit refuses it has been counted. */
static __always_inline int answer6_reject(struct __sk_buff *skb, struct work6 *w)
{
	const struct saying6 say = {ICMP6_UNREACHABLE, 1, 0, NAT_C_REFUSAL_ANSWERED};
	if (w->full != 0) {
		return answer6(skb, w, &say);
	}
	count(w->rejects);
	return w->p.tuple.proto == IPPROTO_TCP && w->p.fragment_at == 0 ? answer6_reset(skb, w)
									: answer6(skb, w, &say);
}

#endif
