/* What the data plane and the service share about IPv6: flows, NAT64's mappings, prefixes that are
 * translated (RFC 6296), settings. Knows neither the kernel's helpers nor the service.
 *
 * One record serves a routed flow, one whose prefix is translated and one of NAT64: an IPv4 end
 * stands in its tuple as ::ffff:a.b.c.d. What else is said in shared.h holds here too.
 */
#ifndef NAT_BPF_SHARED6_H
#define NAT_BPF_SHARED6_H

#include "service/nat/bpf/shared.h"

#define NAT_PREFIXES6 16

/* As it lies in a packet. */
struct nat_address6 {
	union {
		__u8 octets[16];
		__be16 shorts[8];
		__be32 words[4];
		__u64 halves[2];
	};
};

/* As struct nat_tuple4; compared and hashed as five 64-bit words. One of NAT64's far side is of
 * IPv4: both addresses are mapped, and ICMP is protocol 1. */
struct nat_tuple6 {
	struct nat_address6 src, dst;
	__be16 sport, dport;
	__u8 proto;
	__u8 zone;
	__u16 pool;
};

/* Map flows6, in flow6_index. Three cache lines. */
struct nat_flow6 {
	struct nat_tuple6 tuple[2]; /* of the originator; of the answers */
	__u32 mapping;		    /* in mappings6; 0: none */
	__u32 seen;
	__u8 life, tcp, idle, flags; /* enum nat_flow_flag */
	__u16 rules_gen, rule;
	__u64 bytes[2];
	struct nat_hop hop[2];
	__u32 born;
	__u32 host; /* 1: it counts for the limit of its inside end */
	__u32 pads[6];
};

/* Map mappings6, in mapping6_index: an inside endpoint of IPv6 has this public one of IPv4 (RFC
 * 6146 3.1: a BIB entry). dst and dport are 0. */
struct nat_mapping6 {
	struct nat_tuple6 in;
	__be32 address; /* while it is free: the next free one */
	__be16 port;
	__u8 life, flags; /* enum nat_mapping_flag */
	__u32 refs;	  /* flows that use it */
	__u32 host;
	__u16 public_slot;
	__u16 pad;
	__u32 born, seen;
	__u32 pad2;
};

/* In map ports: | the number in map mappings6. Looked at after NAT_PORT_GATEWAY and
 * NAT_PORT_FORWARD. */
#define NAT_PORT_SIX 0x40000000u

/* Map sources6 is as sources4 of shared.h. Map locals6, by struct nat_address6, holds flags, a
 * __u32 of enum nat_local_flag. Map answerers6, by ifindex, holds the machine's address there, from
 * which it tells of errors. */
struct nat_source_key6 {
	__u32 bits;
	__u8 address[16];
};

/* One prefix inside is another one outside, of the same length (RFC 6296). */
struct nat_prefix6 {
	struct nat_address6 inside, outside;
	__u8 bits;
	__u8 word; /* of the eight: which one takes the adjustment; 0: the first from the fifth that
		    * is not ffff (RFC 6296 3.5, 3.6) */
	/* The one's complement sum of the inside prefix less that of the outside one, as it lies in
	 * a packet: added on the way out (RFC 6296 3.1). */
	__be16 adjustment;
	__u32 pad;
};

/* What the ring holds of a flow or a mapping of IPv6. head.tuple has protocol and zone only, and
 * head.answer only the zone; packet_len is what lies behind the head. A mapping's tuple is its
 * inside, answer's dst and dport its outside, mapped. */
struct nat_event6 {
	struct nat_event head;
	struct nat_tuple6 tuple, answer;
};

enum nat_setting6_flag {
	NAT_SETTING6_ROUTE = 1 << 0,	  /* off: nothing new is forwarded */
	NAT_SETTING6_WELL_KNOWN = 1 << 1, /* nat64 is 64:ff9b::/96: global IPv4 addresses only */
};

/* Map settings6: one. */
struct nat_settings6 {
	__u64 seed[5];		       /* of the indexes' hash; never changes while flows live */
	__u32 flow_mask, mapping_mask; /* buckets of flow6_index and mapping6_index, less one */
	__u32 flows_max, mappings_max; /* less than the maps' size */
	__u32 flags;
	__u8 nat64_bits; /* of nat64: 32, 40, 48, 56, 64 or 96; 0: no NAT64 */
	__u8 prefixes_n;
	__u16 pad;
	struct nat_address6 nat64;
	struct nat_prefix6 prefixes[NAT_PREFIXES6];
};

_Static_assert(sizeof(struct nat_flow6) == 192 && sizeof(struct nat_mapping6) % 8 == 0 &&
		       sizeof(struct nat_settings6) % 8 == 0,
	       "an array of the service would not be the kernel's");

#endif
