/* The keys of TLS tickets over time: the one before, this one, and the one to come, which is known
 * to all gateways before the first of them seals by it. Knows no clock, no store and no randomness.
 */
#ifndef PROXY_TICKET_RING_H
#define PROXY_TICKET_RING_H

#include "base/writer.h"
#include "crypto/tls_tickets.h"

enum {
	TICKET_PERIOD_S = TLS_TICKET_LIFE_S, /* a ticket of the last moment is good for its life */
	TICKET_RING_LEN = 2 + TLS_TICKET_KEYS * (8 + TLS_TICKET_KEY_LEN), /* written, at most */
};

/* In the order of their time; zeroed: none. */
struct ticket_ring {
	struct tls_ticket_key keys[TLS_TICKET_KEYS];
	uint64_t from_s[TLS_TICKET_KEYS]; /* since 1970: when it begins to seal */
	size_t n;
};

/* There is none to come, or none at all. */
bool ticket_ring_is_due(const struct ticket_ring *r, uint64_t now_s);
/* While it is due: this key is the one to come (or, of an empty ring, seals at once); what no
 * ticket that is still good was sealed by is wiped. */
void ticket_ring_turn(struct ticket_ring *r, uint64_t now_s, const struct tls_ticket_key *key);
/* The place of the key that seals now; the ring is not empty. */
size_t ticket_ring_seals(const struct ticket_ring *r, uint64_t now_s);

/* TICKET_RING_LEN octets at most; a secret. */
void ticket_ring_write(const struct ticket_ring *r, struct writer *w);
/* ERR_FORMAT: not one that was written, or out of its order; ERR_UNSUPPORTED: by a newer program.
 */
MUST enum err ticket_ring_read(struct span text, struct ticket_ring *ret);
void ticket_ring_done(struct ticket_ring *r); /* wipes */

#endif
