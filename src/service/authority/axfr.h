/* A zone transfer as a row of messages, one at a time, from a snapshot that stays as it was (RFC
 * 5936). Knows nothing of connections, and not who may have it. */
#ifndef AUTHORITY_AXFR_H
#define AUTHORITY_AXFR_H

#include "proto/dns/tsig.h"
#include "service/authority/zone.h"

#define AXFR_MESSAGE_MIN                                                                           \
	66000u /* room that a message wants: the largest record and what stands around it */

enum axfr_part { AXFR_SOA_FIRST, AXFR_NODES, AXFR_SOA_LAST, AXFR_DONE };

struct axfr {
	const struct zone *zone; /* a reference is held */
	enum axfr_part part;
	const struct zone_node *node;
	const struct zone_rrset *rrset;
	unsigned rrsets_left;
	const uint8_t *record; /* the next of rrset */
	unsigned index;	       /* of that record in rrset */
	unsigned records_left; /* its signatures included */
	uint16_t id, flags;
	uint16_t edns_size; /* told in OPT; 0: the client sent none */
	uint8_t question_len;
	uint8_t question[259]; /* name, type, class as they came */
	uint64_t records, messages;
	struct dns_tsig_reply tsig; /* each message is signed; .present false: none is */
	struct dns_tsig_key key;    /* by this */
};

/* Takes a reference to the zone, and a copy of what the answers are signed by; x must not move.
 * packet: the query, which answer_make has judged. */
MUST enum err axfr_begin(struct axfr *x, const struct zone *z, struct span packet,
			 uint16_t edns_size, const struct dns_tsig_reply *tsig);

/* The next message into out (cap of at least AXFR_MESSAGE_MIN is enough for any record); its
 * length, 0 after the last. */
size_t axfr_next(struct axfr *x, uint8_t *out, size_t cap, uint64_t now_s);

/* Gives the zone back and wipes the key. Accepts zeroed storage. */
void axfr_done(struct axfr *x);

#endif
