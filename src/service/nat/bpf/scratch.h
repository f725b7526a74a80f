/* Room beside the stack's 512 octets, for packets that are looked at or made whole, and the sum of
 * a packet's octets. Each processor has its own, and nobody keeps it over the end of a program.
 */
#ifndef NAT_BPF_SCRATCH_H
#define NAT_BPF_SCRATCH_H

#include "service/nat/bpf/checksum.h"
#include "service/nat/bpf/maps.h"

#define SCRATCH_CHUNK 512 /* what bpf_csum_diff takes at once */
/* IP with options, ICMP, and of the quoted packet IP with options and TCP. */
#define ERROR_HEADS (60 + 8 + 60 + 20)

/* An ICMP error with as much of its cause as RFC 1812 4.3.2.3 has room for. */
struct answer {
	struct iphdr ip;
	struct icmphdr icmp;
	__u8 quote[576 - sizeof(struct iphdr) - sizeof(struct icmphdr)];
};

/* The answer to a TCP segment. */
struct reset {
	struct iphdr ip;
	struct tcphdr tcp;
};

/* A packet in the ring. */
struct carried {
	struct nat_event event;
	__u8 packet[NAT_EVENT_PACKET_MAX];
};

struct scratch {
	union {
		struct answer answer;
		struct reset reset;
		struct carried carried;
		__u8 chunk[SCRATCH_CHUNK + sizeof(__u32)];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&scratches, &zero);
}

struct summing {
	struct __sk_buff *skb;
	__u32 at, left;
	__s64 sum; /* negative: torn */
};

static long sum_chunk(__u32 i, struct summing *s)
{
	struct scratch *scratch = scratch_get();
	__u32 len = s->left;
	(void)i;
	if (scratch == NULL || len == 0) {
		return 1;
	}
	if (len > SCRATCH_CHUNK) {
		len = SCRATCH_CHUNK;
	}
	if (bpf_skb_load_bytes(s->skb, s->at, scratch->chunk, len) != 0) {
		s->sum = -1;
		return 1;
	}
	__builtin_memset(&scratch->chunk[len], 0, sizeof(__u32));
	s->sum = bpf_csum_diff(NULL, 0, (__be32 *)scratch->chunk, (len + 3) & ~3u, (__u32)s->sum);
	s->at += len;
	s->left -= len;
	return s->sum < 0;
}

/* Whether len octets from at on, their checksum among them, say that they are whole. Uses the
 * scratch. */
static __noinline bool sum_is_whole(struct __sk_buff *skb, __u32 at, __u32 len)
{
	struct summing s = {.skb = skb, .at = at, .left = len & 0xffff};
	bpf_loop(0xffff / SCRATCH_CHUNK + 1, sum_chunk, &s, 0);
	return s.left == 0 && s.sum >= 0 && sum_fold((__u64)s.sum) == 0xffff;
}

#endif
