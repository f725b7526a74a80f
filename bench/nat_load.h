/* What the programs of bench/nat's harness and the process that loads them share: who sends, and
 * what was counted. Knows nothing of who translates in between. */
#ifndef BENCH_NAT_LOAD_H
#define BENCH_NAT_LOAD_H

#include <linux/types.h>

enum {
	LOAD_FRAME = 60, /* the shortest of Ethernet, without its checksum */
	LOAD_WORDS = 6,	 /* 64 bits each: Ethernet, IPv4, UDP and the first 6 octets of payload */
	LOAD_SPORT_LOW = 1024,
	LOAD_SPORTS = 64512,
};

/* Map load. Flow n comes from host n & host_mask, by a port that no other flow of that host has. */
struct load {
	__u64 headers[LOAD_WORDS]; /* source, its port and checksums 0 */
	__u32 ip_sum, udp_sum; /* of headers, not folded; udp_sum: with pseudo header and payload */
	__u32 ifindex;	       /* leaves here */
	__u32 host_first;      /* host order */
	__u32 host_mask, host_bits;
	__u32 next, step, end; /* flows are next, next + step..., modulo end */
};

/* Map seen, of a sink. */
struct seen {
	__u32 answers, checks; /* set by the process: whether it does */
	__be32 inside, inside_mask;
	__u64 packets, untranslated, bad_checksum, others;
};

#endif
