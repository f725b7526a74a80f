/* Cuts a super-packet of TCP or UDP into the packets that it stands for, with right lengths,
 * identifiers, sequence numbers, flags and checksums (RFC 9293, RFC 768; what a network card does
 * for TSO and USO). Knows neither who sent it nor where it goes.
 *
 *	TRY(ip_segments_init(&s, &head, packet));
 *	while ((len = ip_segments_next(&s, room)))	room: s.len_max octets
 */
#ifndef PROTO_IP_SEGMENT_H
#define PROTO_IP_SEGMENT_H

#include "base/err.h"
#include "proto/ip/offload.h"

struct ip_segments {
	struct span packet; /* view */
	uint16_t len_max;   /* octets of the longest packet, the first */
	uint16_t left;	    /* packets that are still to come */
	/* private */
	bool checksum, tcp;
	uint8_t version, kind, flags;
	uint16_t transport, payload, segment, checksum_at, index;
	uint16_t ident;
	uint32_t sequence;
};

/* A packet that was left whole is one segment; its checksum is filled in where the head says so.
 * ERR_FORMAT: head and packet do not fit together; ERR_UNSUPPORTED: a kind that nobody asked the
 * kernel for. */
MUST enum err ip_segments_init(struct ip_segments *s, const struct ip_offload *head,
			       struct span packet);

/* Of the next packet; 0: there is none. */
static inline size_t ip_segments_next_len(const struct ip_segments *s)
{
	size_t rest = s->packet.len - s->payload - (size_t)s->index * s->segment;
	return s->left == 0 ? 0 : s->left > 1 ? s->len_max : s->payload + rest;
}

/* Writes the next packet; its length, at most len_max, or 0 when there is none. */
size_t ip_segments_next(struct ip_segments *s, uint8_t *room);

#endif
