/* Checksums that follow what is rewritten, without looking at the rest (RFC 1624). Sums are of
 * 16-bit words as they lie in memory, which the complement's sum does not mind.
 * Knows nothing of flows.
 */
#ifndef NAT_BPF_CHECKSUM_H
#define NAT_BPF_CHECKSUM_H

#include "service/nat/bpf/packet.h"

/* ~m + m' of RFC 1624's third equation, for the words from and to; sums of them add up. */
static __always_inline __u64 delta_32(__be32 from, __be32 to)
{
	return (__u64)(__u32)~from + to;
}

static __always_inline __u64 delta_16(__be16 from, __be16 to)
{
	return (__u64)(__u16)~from + to;
}

/* TTL less one, whatever it was: it is the upper octet of its word. */
#define DELTA_TTL ((__u64)bpf_htons(0xfeff))

static __always_inline __sum16 checksum_moved(__sum16 checksum, __u64 delta)
{
	return (__sum16)~sum_fold((__u64)(__u16)~checksum + delta);
}

/* Where the checksum of the L4 header lies in it; 0: it has none that follows. */
static __always_inline __u32 checksum_offset(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP: return offsetof(struct tcphdr, check);
	case IPPROTO_UDP: return offsetof(struct udphdr, check);
	case IPPROTO_ICMP: return offsetof(struct icmphdr, checksum);
	default: return 0;
	}
}

/* In an skb the kernel must be asked: only it knows whether the field holds a checksum, or the sum
 * of a pseudo header that the device completes (CHECKSUM_PARTIAL), and it keeps a sum of the whole
 * packet beside it (CHECKSUM_COMPLETE). addresses: delta of the pseudo header; ports: of the L4
 * header itself. Pointers into the packet do not outlive this. */
static __always_inline long checksum_skb(struct __sk_buff *skb, __u32 l4, __u8 proto,
					 __u64 addresses, __u64 ports)
{
	__u32 at = l4 + checksum_offset(proto);
	/* UDP: 0 says that there is none, and a sum of 0 is sent as ffff (RFC 768). */
	__u64 flags = proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	long failed = 0;
	if (proto != IPPROTO_ICMP && addresses != 0) {
		failed = bpf_l4_csum_replace(skb, at, 0, sum_fold(addresses),
					     flags | BPF_F_PSEUDO_HDR);
	}
	if (ports != 0) {
		failed |= bpf_l4_csum_replace(skb, at, 0, sum_fold(ports), flags);
	}
	return failed;
}

#endif
