/* The maps that only IPv6 has, and what a program works on while it has a packet. Knows nothing of
 * packets.
 */
#ifndef NAT_BPF_MAPS6_H
#define NAT_BPF_MAPS6_H

#include "service/nat/bpf/maps.h"
#include "service/nat/bpf/packet6.h"
#include "service/nat/bpf/shared6.h"

NAT_ARRAY(settings6, 1, struct nat_settings6);
NAT_ARRAY(flow6_index, 1 << 14, struct nat_bucket);
NAT_ARRAY(flows6, 1 << 16, struct nat_flow6);
NAT_ARRAY(mapping6_index, 1 << 13, struct nat_bucket);
NAT_ARRAY(mappings6, 1 << 15, struct nat_mapping6);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct nat_source_key6);
	__type(value, struct nat_source);
} sources6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct nat_address6);
	__type(value, __u32);
} locals6 SEC(".maps");

/* What the first fragment of a datagram has told about the others. */
struct fragment6_key {
	struct nat_address6 src, dst;
	__be32 id;
	__u32 zone;
};

struct fragment6 {
	__u32 flow, side, seen;
	__u32 first; /* octets that the first fragment has: none of the others may begin before */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment6_key);
	__type(value, struct fragment6);
} fragments6 SEC(".maps");

/* The longest packet that is made anew: an ICMPv6 error (RFC 4443 2.4 c). */
#define MADE_MAX  1280
#define MADE_ROOM 1600 /* sums are made of pieces of 512 */

/* Each processor's own: a program is not interrupted by another of the same hook, and both hooks
 * have theirs. */
struct work6 {
	struct packet6 p;
	struct nat_tuple6 tuple; /* of the flow that is looked for or made */
	struct nat_tuple6 answer;
	struct nat_address6 to; /* where it goes after translation */
	struct nat_hop hop;
	struct bpf_redir_neigh neighbour;
	__u32 ifindex; /* where it came in */
	__u32 now;
	__u32 flow; /* its number; 0: none */
	__u32 mapping;
	__u16 rule;
	__u8 side;
	__u8 zone;	       /* where it goes */
	__u8 flow_flags;       /* of a new one */
	__u8 rejects;	       /* the sender is told, and this counted; 0: he is not */
	__u8 full;	       /* no flow or mapping could be had, which was counted */
	__u8 ask;	       /* the kernel shall find the neighbour */
	__u8 sumless;	       /* UDP of IPv4 without a checksum */
	__u32 mtu;	       /* of the next hop, for who tells of it */
	struct packet6 quoted; /* what an ICMPv6 error quotes */
	__u8 made[MADE_ROOM];
};

enum work6_of { WORK6_IN, WORK6_OUT, WORK6_XDP, WORKS6 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WORKS6);
	__type(key, __u32);
	__type(value, struct work6);
} works6 SEC(".maps");

/* By ifindex: the machine's address there, from which it answers (ICMPv6 errors). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NAT_DEVICES);
	__type(key, __u32);
	__type(value, struct nat_address6);
} answerers6 SEC(".maps");

static __always_inline struct work6 *work6_get(__u32 which)
{
	return bpf_map_lookup_elem(&works6, &which);
}

static __always_inline struct nat_settings6 *settings6_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&settings6, &zero);
}

static __always_inline struct nat_flow6 *flow6_get(__u32 number)
{
	return bpf_map_lookup_elem(&flows6, &number);
}

static __always_inline struct nat_mapping6 *mapping6_get(__u32 number)
{
	return bpf_map_lookup_elem(&mappings6, &number);
}

#endif
