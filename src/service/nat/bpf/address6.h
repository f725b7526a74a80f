/* What an IPv6 address says by itself, and IPv4 addresses inside of it (RFC 4291, 4193, 6052).
 * Knows no map.
 */
#ifndef NAT_BPF_ADDRESS6_H
#define NAT_BPF_ADDRESS6_H

#include "service/nat/bpf/packet6.h"

static __always_inline bool address6_is(const struct nat_address6 *a, const struct nat_address6 *b)
{
	return ((a->halves[0] ^ b->halves[0]) | (a->halves[1] ^ b->halves[1])) == 0;
}

static __always_inline bool address6_is_link(const struct nat_address6 *a)
{
	return (a->words[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

static __always_inline bool address6_is_group(const struct nat_address6 *a)
{
	return a->octets[0] == 0xff;
}

static __always_inline bool address6_is_mapped(const struct nat_address6 *a)
{
	return a->halves[0] == 0 && a->words[2] == bpf_htonl(0xffff);
}

/* None, loopback, and IPv4 in its old clothes: on no wire. */
static __always_inline bool address6_is_martian(const struct nat_address6 *a)
{
	return a->halves[0] == 0 && (a->words[2] == 0 || a->words[2] == bpf_htonl(0xffff));
}

/* What must not be a source outside: unique local (RFC 4193 4.3), link-local, site-local. */
static __always_inline bool address6_is_private(const struct nat_address6 *a)
{
	return (a->octets[0] & 0xfe) == 0xfc ||
	       (a->words[0] & bpf_htonl(0xff800000)) == bpf_htonl(0xfe800000);
}

static __always_inline struct nat_address6 address6_map(__be32 v4)
{
	struct nat_address6 a = {.words = {0, 0, bpf_htonl(0xffff), v4}};
	return a;
}

/* bits: 0 to 128. */
static __always_inline bool address6_under(const struct nat_address6 *a,
					   const struct nat_address6 *prefix, __u32 bits)
{
	__u64 high = a->halves[0] ^ prefix->halves[0], low = a->halves[1] ^ prefix->halves[1];
	if (bits < 64) {
		return bits == 0 || bpf_be64_to_cpu(high) >> (64 - bits) == 0;
	}
	return high == 0 && (bits == 64 || bpf_be64_to_cpu(low) >> ((128 - bits) & 63) == 0);
}

/* Sum of its eight words. */
static __always_inline __u64 address6_sum(const struct nat_address6 *a)
{
	return (__u64)a->words[0] + a->words[1] + a->words[2] + a->words[3];
}

/* As delta_32 of checksum.h. */
static __always_inline __u64 delta_address6(const struct nat_address6 *from,
					    const struct nat_address6 *to)
{
	return (__u64)(__u32)~from->words[0] + (__u32)~from->words[1] + (__u32)~from->words[2] +
	       (__u32)~from->words[3] + address6_sum(to);
}

/* RFC 6052 2.2: where the octet i of an IPv4 address stands under a prefix of so many bits: octet 8
 * is passed over. */
static __always_inline __u32 nat64_place(__u32 bits, __u32 i)
{
	__u32 at = bits / 8 + i;
	return (bits < 96 && at >= 8 ? at + 1 : at) & 15;
}

static __always_inline __be32 nat64_extract(const struct nat_address6 *a, __u32 bits)
{
	union {
		__u8 octets[4];
		__be32 address;
	} v4;
	for (__u32 i = 0; i < 4; i++) {
		v4.octets[i] = a->octets[nat64_place(bits, i)];
	}
	return v4.address;
}

static __always_inline void nat64_embed(const struct nat_address6 *prefix, __u32 bits, __be32 v4,
					struct nat_address6 *ret)
{
	union {
		__be32 address;
		__u8 octets[4];
	} from = {.address = v4};
	*ret = *prefix;
	for (__u32 i = 0; i < 4; i++) {
		ret->octets[nat64_place(bits, i)] = from.octets[i];
	}
}

/* RFC 6052 3.1: those that the well-known prefix must not carry. The same list as
 * proto/ip/nat64.c. */
static __always_inline bool nat64_is_global(__be32 v4)
{
	__u32 a = bpf_ntohl(v4), net8 = a >> 24, net16 = a >> 16, net24 = a >> 8;
	if (net8 == 0 || net8 == 10 || net8 == 127 || net8 >= 224) {
		return false;
	}
	if (a >> 22 == 0x6440 >> 6 || net16 == 0xa9fe || a >> 20 == 0xac1 || net16 == 0xc0a8 ||
	    a >> 17 == 0xc612 >> 1) {
		return false;
	}
	return net24 != 0xc00000 && net24 != 0xc00002 && net24 != 0xc05863 && net24 != 0xc63364 &&
	       net24 != 0xcb0071;
}

#endif
