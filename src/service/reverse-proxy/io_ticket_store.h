/* The ring of ticket keys that gateways share, sealed in the store, and the thread that asks it.
 * Main thread. Knows not when keys change.
 */
#ifndef REVERSE_PROXY_IO_TICKET_STORE_H
#define REVERSE_PROXY_IO_TICKET_STORE_H

#include "crypto/sealed.h"
#include "proxy/ticket_ring.h"

struct ticket_store;

struct ticket_store_setting {
	const char *url;	      /* postgresql://… with its password; copied */
	const struct sealed_key *key; /* that all gateways have; copied */
	void (*wake)(void *arg);      /* wakes the loop; from the store's thread */
	void *arg;		      /* borrowed */
};

/* Touches nothing yet. ERR_CONFIG: the URL; ENOMEM. */
MUST enum err ticket_store_new(const struct ticket_store_setting *setting,
			       struct ticket_store **ret);
/* After the sandbox; the thread connects by itself. */
MUST enum err ticket_store_start(struct ticket_store *s);
/* Ends the thread. Accepts NULL. */
void ticket_store_free(struct ticket_store *s);

/* In a turn of the loop: what the thread has learnt. True: *ret is the ring in the store now. */
bool ticket_store_woken(struct ticket_store *s, struct ticket_ring *ret);

/* It is known what the store has, it is ours to read, and nothing is on its way there. */
bool ticket_store_is_ready(const struct ticket_store *s);
/* Puts this ring in place of what was told last (or of nothing); when somebody else was faster, his
 * is told. ERR_LIMIT: not ready. */
MUST enum err ticket_store_put(struct ticket_store *s, const struct ticket_ring *ring);

#endif
