/* What we say ourselves about a packet that goes no further: its time is over, it is too big, it is
 * not let through (RFC 1812 4.3, RFC 5508 REQ-8, REQ-10). From the address of the device that it
 * came in by, a RST from the one that was called; back to the neighbour who brought it. Knows tc
 * only; XDP leaves such packets to it.
 */
#ifndef NAT_BPF_ANSWER_H
#define NAT_BPF_ANSWER_H

#include "service/nat/bpf/icmp.h"
#include "service/nat/bpf/reset.h"
#include "service/nat/bpf/scratch.h"
#include "service/nat/bpf/tc.h"

enum {
	ICMP_FRAG_NEEDED = 4,
	ICMP_PKT_FILTERED = 13,
	ICMP_EXC_TTL = 0,
	ANSWER_TTL = 64,
	ANSWER_HEADS = sizeof(struct iphdr) + sizeof(struct icmphdr),
};

/* Answers a second at most are ten times settings.ttl_answers_s; whoever asks for them shares a
 * slot of these with others, which may have a tenth of that. Both may be saved up for a second. */
NAT_ARRAY(answer_rates, 257, struct nat_rate);
#define ANSWER_RATE_ALL 256

#define SECOND_US 1000000u

static __always_inline bool answer_rate(__u32 slot, __u32 second)
{
	struct nat_rate *rate = bpf_map_lookup_elem(&answer_rates, &slot);
	if (rate == NULL || second == 0) {
		return false;
	}
	rate->cost_us = SECOND_US / second;
	rate->depth_us = SECOND_US;
	return rate_take(rate);
}

static __always_inline bool answer_may(const struct nat_settings *s, __be32 to)
{
	__u32 slot = (__u32)(((__u64)(__u32)(to + (__u32)s->seed[0]) * 0x9e3779b97f4a7c15u) >> 56);
	return answer_rate(slot, s->ttl_answers_s) &&
	       answer_rate(ANSWER_RATE_ALL, s->ttl_answers_s * 10u);
}

/* RFC 1122 3.2.2, RFC 1812 4.3.2.7: never about an error, a later fragment, or what was sent to or
 * by more than one host. */
static __always_inline bool answer_fits(const struct packet *p, enum packet_kind kind)
{
	if (kind != PACKET_FLOW && kind != PACKET_FRAGMENT) {
		return false;
	}
	__u8 from = (__u8)(bpf_ntohl(p->tuple.src) >> 24);
	__u8 to = (__u8)(bpf_ntohl(p->tuple.dst) >> 24);
	if (from == 0 || from == 127 || from >= 224 || to >= 224) {
		return false;
	}
	return kind == PACKET_FLOW ||
	       ((p->fragment & bpf_htons(IP_OFFSET)) == 0 && p->tuple.proto != IPPROTO_ICMP);
}

/* In the scratch, all but the quote's sum; returns how long it is, or 0. */
static __always_inline __u32 answer_make(struct __sk_buff *skb, struct answer *a,
					 const struct packet *p, __be32 from)
{
	__u32 len = p->len;
	if (len > sizeof(a->quote)) {
		len = sizeof(a->quote);
	}
	__builtin_memset(a->quote, 0, sizeof(a->quote));
	if (len < IP_HEAD || bpf_skb_load_bytes(skb, p->l3, a->quote, len) != 0) {
		return 0;
	}
	a->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = 0xc0 | (p->tos & 0x1e), /* RFC 1812 4.3.2.5: internetwork control */
		.tot_len = bpf_htons(ANSWER_HEADS + len),
		.id = (__be16)bpf_get_prandom_u32(),
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = from,
		.daddr = p->tuple.src,
	};
	a->ip.check = (__sum16)~sum_fold(ip_sum(&a->ip));
	return ANSWER_HEADS + len;
}

static __always_inline bool answer_sum(struct answer *a)
{
	/* The quote is padded by zeros, so all that there is room for is summed, in two parts. */
	enum { ALL = sizeof(a->icmp) + sizeof(a->quote), PART = 256 };
	_Static_assert(ALL % 4 == 0 && ALL - PART <= SCRATCH_CHUNK, "words, not too many at once");
	__be32 *at = (__be32 *)&a->icmp;
	__s64 sum = bpf_csum_diff(NULL, 0, at, PART, 0);
	sum = sum < 0 ? sum : bpf_csum_diff(NULL, 0, at + PART / 4, ALL - PART, (__u32)sum);
	a->icmp.checksum = (__sum16)~sum_fold((__u64)sum);
	return sum >= 0;
}

/* The frame is made into one of that length with a checksum that nobody completes: what the kernel
 * remembers of the old one (segments, a checksum left to the device) goes by cutting its heads off.
 */
static __always_inline bool answer_put(struct __sk_buff *skb, const void *a, __u32 l3, __u32 len)
{
	enum { CUT = 60 + 20 };
	if (bpf_skb_change_tail(skb, l3 + 2 * CUT, 0) != 0 ||
	    bpf_skb_adjust_room(skb, -CUT, BPF_ADJ_ROOM_MAC, 0) != 0 ||
	    bpf_skb_change_tail(skb, l3 + len, 0) != 0) {
		return false;
	}
	return bpf_skb_store_bytes(skb, l3, a, len, BPF_F_INVALIDATE_HASH) == 0;
}

/* Back to where it came from. */
static __always_inline int answer_send(struct __sk_buff *skb, const struct nat_device *in)
{
	struct view view = view_skb(skb);
	struct ethhdr *eth = view.data;
	if ((in->flags & NAT_DEVICE_ETHER) != 0) {
		if ((void *)(eth + 1) > view.end) {
			return TC_ACT_SHOT;
		}
		__builtin_memcpy(eth->h_dest, eth->h_source, sizeof(eth->h_dest));
		__builtin_memcpy(eth->h_source, in->mac, sizeof(eth->h_source));
	}
	skb->mark = (in->flags & NAT_DEVICE_OUTSIDE) != 0 ? NAT_MARK : 0;
	return (int)bpf_redirect(in->ifindex, 0);
}

/* Type, code, and what stands in the second half of its second word (an MTU). done: counted when it
 * is said. */
struct saying {
	__u8 type, code;
	__u16 mtu;
	enum nat_counter done;
};

/* The packet's end in any case; that it was dropped the caller has counted. */
static __always_inline int answer(struct __sk_buff *skb, const struct nat_device *in,
				  const struct packet *p, const struct saying *say)
{
	const struct nat_settings *s = settings_get();
	struct scratch *scratch = scratch_get();
	if (s == NULL || scratch == NULL || in->address == 0 || !answer_may(s, p->tuple.src)) {
		return TC_ACT_SHOT;
	}
	struct answer *a = &scratch->answer;
	__u32 len = answer_make(skb, a, p, in->address);
	a->icmp = (struct icmphdr){
		.type = say->type,
		.code = say->code,
		.sequence = bpf_htons(say->mtu),
	};
	if (len < ANSWER_HEADS + IP_HEAD || len > sizeof(*a) || !answer_sum(a) ||
	    !answer_put(skb, a, p->l3, len)) {
		return TC_ACT_SHOT;
	}
	count(say->done);
	return answer_send(skb, in);
}

static __always_inline int answer_ttl(struct __sk_buff *skb, const struct nat_device *in)
{
	struct packet p;
	const struct saying say = {ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0, NAT_C_TTL_ANSWERED};
	enum packet_kind kind = tc_read(skb, in, in->zone, &p);
	count(NAT_C_DROP_TTL);
	return answer_fits(&p, kind) ? answer(skb, in, &p, &say) : TC_ACT_SHOT;
}

/* Whom the RST seems to come from may be seen where it goes, and nobody is told of a segment that
 * is not his: both were so when its flow began, or it was dropped before. */
static __always_inline bool answer_reset_may(const struct nat_device *in, const struct packet *p)
{
	return in->zone != NAT_ZONE_OUTSIDE ||
	       (source_of(p->tuple.src).zone == NAT_ZONE_OUTSIDE &&
		decide_leak(&(struct nat_tuple4){.src = p->tuple.dst}) <= 0);
}

/* p is a whole segment of TCP. */
static __always_inline int answer_reset(struct __sk_buff *skb, const struct nat_device *in,
					const struct packet *p)
{
	const struct nat_settings *s = settings_get();
	struct scratch *scratch = scratch_get();
	if (s == NULL || scratch == NULL || !answer_reset_may(in, p)) {
		return TC_ACT_SHOT;
	}
	struct reset *r = &scratch->reset;
	if (!reset_make(skb, p->l4, p->len - p->heads, &r->tcp) || !answer_may(s, p->tuple.src)) {
		return TC_ACT_SHOT;
	}
	r->tcp.check = (__sum16)~sum_fold(reset_sum(&r->tcp, (__u64)p->tuple.src + p->tuple.dst));
	r->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(*r)),
		.frag_off = bpf_htons(IP_DONT),
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = p->tuple.dst,
		.daddr = p->tuple.src,
	};
	r->ip.check = (__sum16)~sum_fold(ip_sum(&r->ip));
	if (!answer_put(skb, r, p->l3, sizeof(*r))) {
		return TC_ACT_SHOT;
	}
	count(NAT_C_REFUSAL_ANSWERED);
	return answer_send(skb, in);
}

/* A limit, and not a rule of the firewall, is why there is no flow: RFC 5508 REQ-8 wants that told
 * as well. Or it would pass by a proxy: who is told so tries TCP at once, and waits for nothing
 * (RFC 9308 2). */
static __always_inline bool answer_is_wanted(int decision)
{
	return decision == NAT_C_DROP_TABLE_FULL || decision == NAT_C_DROP_HOST_FULL ||
	       decision == NAT_C_DROP_NO_PORT || decision == NAT_C_DROP_QUIC;
}

/* Whether somebody could be told something now; takes nothing. */
static __always_inline bool answer_could(void)
{
	__u32 all = ANSWER_RATE_ALL;
	const struct nat_rate *rate = bpf_map_lookup_elem(&answer_rates, &all);
	return rate != NULL && rate->full_ns < bpf_ktime_get_ns() + (__u64)SECOND_US * 900;
}

/* RFC 5508 REQ-8, RFC 1812 5.2.7.1: communication administratively prohibited. To TCP that a rule
 * rejects as a host without a listener would say it, so that no program waits. */
static __always_inline int answer_reject(struct __sk_buff *skb, const struct nat_device *in)
{
	struct packet p;
	const struct saying say = {ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0, NAT_C_REFUSAL_ANSWERED};
	const struct note *note = note_get();
	enum nat_counter why = note != NULL ? note->why : NAT_C_DROP_RULE;
	enum packet_kind kind = tc_read(skb, in, in->zone, &p);
	count(why);
	if (!answer_fits(&p, kind)) {
		return TC_ACT_SHOT;
	}
	if (why == NAT_C_DROP_RULE && kind == PACKET_FLOW && p.tuple.proto == IPPROTO_TCP) {
		return answer_reset(skb, in, &p);
	}
	return answer(skb, in, &p, &say);
}

/* RFC 1191 4: with the next hop's MTU. */
static __always_inline int answer_too_big(struct __sk_buff *skb, const struct nat_device *in,
					  const struct packet *p, enum packet_kind kind)
{
	const struct note *note = note_get();
	count(NAT_C_DROP_MTU);
	if (note == NULL || !answer_fits(p, kind)) {
		return TC_ACT_SHOT;
	}
	const struct saying say = {ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, (__u16)note->mtu,
				   NAT_C_MTU_ANSWERED};
	return answer(skb, in, p, &say);
}

#endif
