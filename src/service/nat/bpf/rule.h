/* The rules of the firewall, in order, and the rates that some of them have. Knows nothing of
 * flows, and IPv4 addresses only as ::ffff:a.b.c.d.
 */
#ifndef NAT_BPF_RULE_H
#define NAT_BPF_RULE_H

#include "service/nat/bpf/maps.h"

#include <bpf/bpf_endian.h>

struct rule_question {
	__be32 src[4], dst[4];
	__u32 from, to;	    /* 1 << zone */
	__u16 sport, dport; /* host order; ICMP: dport is type << 8 | code */
	__u8 proto, action; /* action: of who has matched; 0: nobody */
	__u16 rule;	    /* number of that one */
	__u32 first;	    /* the walk begins here */
	bool log;
};

#define US_NS 1000

/* Whether the bucket had one packet left. */
static __always_inline bool rate_take(struct nat_rate *rate)
{
	__u64 now = bpf_ktime_get_ns();
	for (int i = 0; i < 4; i++) {
		__u64 full = *(volatile __u64 *)&rate->full_ns;
		__u64 after = (full > now ? full : now) + rate->cost_us * (__u64)US_NS;
		if (after - now > rate->depth_us * (__u64)US_NS) {
			return false;
		}
		if (__sync_val_compare_and_swap(&rate->full_ns, full, after) == full) {
			return true;
		}
	}
	return false;
}

static __always_inline bool rule_rate(__u16 number)
{
	__u32 at = number;
	struct nat_rate *rate = number != 0 ? bpf_map_lookup_elem(&rates, &at) : NULL;
	return rate == NULL || rate_take(rate);
}

static __always_inline bool prefix_has(const __u8 prefix[16], __u32 bits, const __be32 address[4])
{
	const __be32 *word = (const __be32 *)prefix;
#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		if (bits <= i * 32) {
			return true;
		}
		__u32 here = bits - i * 32;
		__u32 mask = here >= 32 ? 0xffffffff : ~(0xffffffffu >> (here & 31));
		if (((word[i] ^ address[i]) & bpf_htonl(mask)) != 0) {
			return false;
		}
	}
	return true;
}

static __always_inline bool rule_has(const struct nat_rule *r, const struct rule_question *q)
{
	if ((r->from & q->from) == 0 || (r->to & q->to) == 0) {
		return false;
	}
	if (r->proto != 0 && r->proto != q->proto) {
		return false;
	}
	if (q->sport < r->src_first || q->sport > r->src_last || q->dport < r->dst_first ||
	    q->dport > r->dst_last) {
		return false;
	}
	return prefix_has(r->src, r->src_bits, q->src) && prefix_has(r->dst, r->dst_bits, q->dst);
}

static long rule_try(__u32 i, struct rule_question *q)
{
	__u32 number = q->first + i;
	const struct nat_rule *r = bpf_map_lookup_elem(&rules, &number);
	if (r == NULL) {
		return 1;
	}
	if (!rule_has(r, q) || !rule_rate(r->rate)) {
		return 0;
	}
	q->action = r->action;
	q->rule = (__u16)number;
	q->log = r->log != 0;
	return 1;
}

/* The first of n rules from q->first on that matches decides: q->action. */
static __always_inline void rule_walk(struct rule_question *q, __u32 n)
{
	q->action = 0;
	q->rule = 0;
	q->log = false;
	bpf_loop(n < NAT_SET_RULES ? n : NAT_SET_RULES, rule_try, q, 0);
}

#endif
