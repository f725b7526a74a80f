/* Packets that the plane itself sends: an IP head around what a caller writes, with lengths and
 * checksums filled in at the end. Knows not what is said in them. */
#ifndef VPN_GATE_ANSWER_H
#define VPN_GATE_ANSWER_H

#include "base/writer.h"

/* Of one packet; end undoes what did not fit. */
struct gate_answer {
	struct writer *w;
	size_t at;	 /* where its head stands */
	size_t upper_at; /* and its upper header */
	size_t sum_at;	 /* and the checksum therein */
	uint8_t family, protocol;
};

/* Writes the IP head. source, destination: 4 or 16 octets, both alike. sum_at: of the checksum in
 * the upper header, whose two octets the caller writes as 0. */
struct gate_answer gate_answer_begin(struct writer *w, struct span source, struct span destination,
				     uint8_t protocol, size_t sum_at);
/* False, and nothing written: it did not fit. */
__attribute__((warn_unused_result)) bool gate_answer_end(struct gate_answer *a);

#endif
