/* The keys of TLS tickets in this process, new ones twice a day; the ones before still open what
 * they sealed. Knows neither servers nor clients.
 */
#ifndef REVERSE_PROXY_IO_TICKETS_H
#define REVERSE_PROXY_IO_TICKETS_H

#include "crypto/tls_tickets.h"

struct reverse_tickets {
	struct tls_tickets *tickets;   /* owned; NULL until begun */
	struct tls_ticket_key keys[2]; /* of now, of before */
	uint64_t next_ms;	       /* when others are due */
};

/* Zeroed storage. */
MUST enum err reverse_tickets_begin(struct reverse_tickets *t, uint64_t now_ms);
/* Makes new keys when they are due. Without randomness the old ones stay until the next call. */
void reverse_tickets_turn(struct reverse_tickets *t, uint64_t now_ms);
void reverse_tickets_done(struct reverse_tickets *t);

#endif
