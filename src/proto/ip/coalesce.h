/* Joins received packets of a TCP or UDP flow into super-packets, as a network card does (LRO,
 *GRO): what segment.h cuts comes back together. Knows neither who sent them nor where they go.
 *
 * Packets are joined only when cutting would give them back: heads alike, sequence without a gap,
 * equal lengths but for the last, and the checksum of each one right, as a super-packet has none
 * that anybody could check later. All others stay as they are, and of a flow's packets none passes
 * another (fragments and packets with IP options are of no flow). Nothing is copied: packets stay
 *where they are until the batch is done.
 *
 *	ip_coalesce_begin(c, IP_COALESCE_ALL);
 *	for each packet		if (!ip_coalesce_add(c, packet)) full: first take what is there
 *	for (i < c->n)		n = ip_coalesce_take(c, i, parts); write parts[0..n)
 */
#ifndef PROTO_IP_COALESCE_H
#define PROTO_IP_COALESCE_H

#include "proto/ip/offload.h"

#include <stdbool.h>

enum {
	IP_COALESCE_TCP4 = 1 << 0,
	IP_COALESCE_TCP6 = 1 << 1,
	IP_COALESCE_UDP = 1 << 2,
	IP_COALESCE_ALL = 7,
	IP_COALESCE_PACKETS_MAX = 1024, /* of a batch */
	IP_COALESCE_JOINED_MAX = 64,	/* of a super-packet */
	/* Of a super-packet: its head, its first packet, the payloads of the others. */
	IP_COALESCE_PARTS_MAX = 1 + IP_COALESCE_JOINED_MAX,
	IP_COALESCE_SLOTS = 256,
};

/* A packet of a batch, and what of its heads decides who may follow it. */
struct ip_coalesce_packet {
	uint8_t *data; /* borrowed */
	uint16_t len;
	uint16_t next;		     /* in its super-packet; IP_COALESCE_PACKETS_MAX: none */
	uint16_t transport, payload; /* offsets; payload 0: not to be joined */
	uint8_t version;
	bool tcp;
	bool checked; /* its checksum was found right */
	bool last;    /* nothing may follow: PSH */
};

/* A super-packet under way. */
struct ip_super {
	uint16_t first, last; /* of packets */
	uint16_t joined;
	uint16_t segment;  /* payload of the first */
	uint16_t ident;	   /* of the next packet, IPv4 without DF */
	uint32_t len;	   /* as one packet */
	uint32_t sequence; /* of the next octet, TCP */
	bool closed;
	struct ip_offload head;
};

struct ip_coalesce {
	unsigned kinds;
	size_t n; /* super-packets, and packets that stay alone */
	size_t packets_n;
	struct ip_super supers[IP_COALESCE_PACKETS_MAX];
	struct ip_coalesce_packet packets[IP_COALESCE_PACKETS_MAX];
	uint16_t slots[IP_COALESCE_SLOTS]; /* by flow: its newest super-packet, + 1 */
};

/* kinds: IP_COALESCE_…, what whoever gets them takes. */
void ip_coalesce_begin(struct ip_coalesce *c, unsigned kinds);

/* data: one whole IP packet, without padding; its heads may be written to until the batch is done.
 * len 1 to 65,535. false: the batch is full. */
bool ip_coalesce_add(struct ip_coalesce *c, uint8_t *data, size_t len);

/* The parts of number i, the first its head; how many, 2 to IP_COALESCE_PARTS_MAX. They are views
 * into c and into the packets. Once for each i. */
size_t ip_coalesce_take(struct ip_coalesce *c, size_t i, struct span parts[IP_COALESCE_PARTS_MAX]);

#endif
