/* UDP datagrams that passed the two sides of a translator, and which of them are one question and
 * its answer, before and after. Knows no socket and no device; nothing of how ports are chosen. */
#ifndef LAB_WATCH_H
#define LAB_WATCH_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAB_DATAGRAM_MAX = 1500, LAB_WATCH_MAX = 64 };

enum lab_side { LAB_INSIDE, LAB_OUTSIDE, LAB_SIDES };

struct lab_datagram {
	uint32_t source, destination; /* host order, as all below */
	uint16_t source_port, destination_port;
	uint8_t ttl;
	uint16_t ip_checksum, udp_checksum; /* both were found right; UDP's is 0 for none */
	size_t payload_at, len;
	uint8_t bytes[LAB_DATAGRAM_MAX]; /* from the IP header on */
};

/* verify: the checksum of UDP, which is not there yet when it is left to a card. ERR_FORMAT: torn,
 * or a wrong checksum; ERR_UNSUPPORTED: no UDP over IPv4, or too long. */
MUST enum err lab_datagram_read(struct span packet, bool verify, struct lab_datagram *ret);

struct lab_exchange {
	struct lab_datagram question[LAB_SIDES], answer[LAB_SIDES];
};

/* The last LAB_WATCH_MAX datagrams. Zeros: none yet. */
struct lab_watch {
	struct {
		enum lab_side side;
		bool here;
		struct lab_datagram datagram;
	} seen[LAB_WATCH_MAX];
	size_t next;
};

/* Takes one, in whatever order the two sides are heard. True: *ret is an exchange that is complete
 * with it, begun inside; its datagrams are forgotten. */
bool lab_watch_see(struct lab_watch *w, enum lab_side side, const struct lab_datagram *d,
		   struct lab_exchange *ret);

#endif
