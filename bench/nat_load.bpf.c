/* Programs of bench/nat's harness: `make_frame` makes the next frame of a load and sends it off,
 * `sink` counts, and answers when it is told to. They run at XDP, where they cost least. */
#include "bench/nat_load.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct load);
} load SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2); /* the far sink; the one that answers come back to */
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed, aligned(2)));

static __always_inline __u16 folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

SEC("xdp")
int make_frame(struct xdp_md *packet)
{
	__u32 zero = 0;
	struct load *l = bpf_map_lookup_elem(&load, &zero);
	struct frame *frame = (void *)(long)packet->data;
	if (l == NULL || (void *)((__u64 *)frame + LOAD_WORDS) > (void *)(long)packet->data_end) {
		return XDP_ABORTED;
	}
	__u32 n = l->next, next = n + l->step;
	l->next = next >= l->end ? next - l->end : next;
	__u32 host = n & l->host_mask;
	__u32 sport = LOAD_SPORT_LOW + ((n >> l->host_bits) * 25717 + host * 48271) % LOAD_SPORTS;
	__be32 source = bpf_htonl(l->host_first + host);
	/* The frame is one that came before and was translated: everything is written again. */
	__u64 *to = (void *)frame;
	for (int i = 0; i < LOAD_WORDS; i++) {
		to[i] = l->headers[i];
	}
	__u32 sum = (source & 0xffff) + (source >> 16);
	frame->ip.saddr = source;
	frame->ip.check = folded(l->ip_sum + sum);
	frame->udp.source = bpf_htons((__u16)sport);
	__u16 check = folded(l->udp_sum + sum + bpf_htons((__u16)sport));
	frame->udp.check = check != 0 ? check : 0xffff;
	return (int)bpf_redirect(l->ifindex, 0);
}

/* Of the whole frame, whose payload is zeros. */
static __always_inline bool checksums_good(const struct frame *frame)
{
	const __u16 *ip = (const void *)&frame->ip;
	__u32 sum = 0, pseudo = (__u32)frame->udp.len + bpf_htons(IPPROTO_UDP);
	for (int i = 0; i < 10; i++) {
		sum += ip[i];
	}
	for (int i = 6; i < 14; i++) {
		pseudo += ip[i];
	}
	return folded(sum) == 0 && folded(pseudo) == 0;
}

/* XDP_TX would want a program at the veth's other end as well (veth_xdp_flush). */
static __always_inline int answer(struct xdp_md *packet, struct frame *frame)
{
	__u8 mac[ETH_ALEN];
	__builtin_memcpy(mac, frame->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(frame->eth.h_dest, frame->eth.h_source, ETH_ALEN);
	__builtin_memcpy(frame->eth.h_source, mac, ETH_ALEN);
	__be32 address = frame->ip.saddr;
	frame->ip.saddr = frame->ip.daddr;
	frame->ip.daddr = address;
	__be16 port = frame->udp.source;
	frame->udp.source = frame->udp.dest;
	frame->udp.dest = port;
	return (int)bpf_redirect(packet->ingress_ifindex, 0);
}

static __always_inline int count(struct xdp_md *packet, __u32 which)
{
	struct seen *s = bpf_map_lookup_elem(&seen, &which);
	struct frame *frame = (void *)(long)packet->data;
	if (s == NULL || (void *)(frame + 1) > (void *)(long)packet->data_end ||
	    frame->eth.h_proto != bpf_htons(ETH_P_IP) || frame->ip.protocol != IPPROTO_UDP) {
		if (s != NULL) {
			s->others++;
		}
		return XDP_PASS;
	}
	if ((frame->ip.saddr & s->inside_mask) == s->inside) {
		s->untranslated++;
		return XDP_DROP;
	}
	s->packets++;
	if (s->checks && !checksums_good(frame)) {
		s->bad_checksum++;
	}
	return s->answers ? answer(packet, frame) : XDP_DROP;
}

SEC("xdp")
int sink(struct xdp_md *packet)
{
	return count(packet, 0);
}

SEC("xdp")
int sink_back(struct xdp_md *packet)
{
	return count(packet, 1);
}

const char program_license[] SEC("license") = "GPL";
