/* The keys of TLS tickets in this process: its own, or those of all gateways that share a store.
 * Main thread. Knows neither servers nor clients.
 *
 * Until the store has answered, and while it is away for so long that its keys are too old, a
 * gateway goes by keys of its own: its clients come back to it alone.
 */
#ifndef REVERSE_PROXY_IO_TICKETS_H
#define REVERSE_PROXY_IO_TICKETS_H

#include "service/reverse-proxy/io_ticket_store.h"

struct reverse_conf;

struct reverse_tickets {
	struct tls_tickets *tickets; /* owned; NULL until begun */
	struct ticket_ring ring;
	size_t seals;		    /* place in it of the key that seals */
	struct ticket_store *store; /* owned; NULL: none is shared */
	bool shared;		    /* ring is the store's */
};

/* Zeroed storage. now_s: since 1970. Keys are shared when conf has a store that is, and a key for
 * it. wake: wakes the loop; called in the store's thread. */
MUST enum err reverse_tickets_begin(struct reverse_tickets *t, const struct reverse_conf *conf,
				    uint64_t now_s, void (*wake)(void *arg), void *arg);
/* After the sandbox. */
MUST enum err reverse_tickets_start(struct reverse_tickets *t);
/* Once a second: changes keys that are due. Without randomness the old ones stay until the next
 * call. */
void reverse_tickets_turn(struct reverse_tickets *t, uint64_t now_s);
/* The loop was woken: what the store told. */
void reverse_tickets_woken(struct reverse_tickets *t, uint64_t now_s);
/* Ends the store's thread; servers keep their count of the keys. */
void reverse_tickets_done(struct reverse_tickets *t);

#endif
