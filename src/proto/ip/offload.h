/* The head that a TUN device puts before a packet: what its sender left to the device, and so to us
 * (virtio 1.1, 5.1.6, legacy: in the byte order of the machine). Knows no device. */
#ifndef PROTO_IP_OFFLOAD_H
#define PROTO_IP_OFFLOAD_H

#include "base/span.h"

#include <assert.h>

enum { IP_OFFLOAD_LEN = 10 };

enum {
	IP_OFFLOAD_CHECKSUM = 1, /* flags: the checksum's field holds the pseudo-header's sum */
	/* kind */
	IP_OFFLOAD_WHOLE = 0, /* one packet */
	IP_OFFLOAD_TCP4 = 1,
	IP_OFFLOAD_TCP6 = 4,
	IP_OFFLOAD_UDP = 5,
	IP_OFFLOAD_ECN = 0x80, /* with the two of TCP: CWR is set, for the first segment alone */
};

/* A fixed-size message of the kernel beside us. */
struct ip_offload {
	uint8_t flags, kind;
	uint16_t head_len; /* IP's and TCP's or UDP's head: a hint */
	uint16_t segment;  /* octets of payload in each packet but the last */
	uint16_t checksum_start, checksum_offset;
};
static_assert(sizeof(struct ip_offload) == IP_OFFLOAD_LEN, "as it lies before a packet");

/* room: IP_OFFLOAD_LEN octets. */
static inline struct ip_offload ip_offload_of(const uint8_t *room)
{
	struct ip_offload head;
	memcpy(&head, room, sizeof(head)); /* why-reader-copy: of fixed size, from the kernel */
	return head;
}

#endif
