/* The keys by which a server of TLS seals what it remembers of a session into the client's ticket
 * (RFC 5077 4, RFC 8446 4.6.1). Knows neither who makes the keys nor when they change. */
#ifndef CRYPTO_TLS_TICKETS_H
#define CRYPTO_TLS_TICKETS_H

#include "base/err.h"
#include "base/span.h"

enum {
	TLS_TICKET_KEYS = 3,	   /* generations: the one before, this one, the one to come */
	TLS_TICKET_KEY_LEN = 80,   /* name 16, HMAC-SHA-256 32, AES-256 32 */
	TLS_TICKET_LIFE_S = 43200, /* how long a client may come back with one */
};

struct tls_ticket_key {
	uint8_t bytes[TLS_TICKET_KEY_LEN];
};

/* Counted; every call may come from any thread, and servers share it. */
struct tls_tickets;

/* Without keys no ticket is given and none is taken. */
MUST enum err tls_tickets_new(struct tls_tickets **ret);
struct tls_tickets *tls_tickets_ref(struct tls_tickets *t);
void tls_tickets_unref(struct tls_tickets *t);

/* n: at most TLS_TICKET_KEYS; all open tickets, keys[seals] seals new ones. Those that are no
 * longer among them are wiped. */
void tls_tickets_set(struct tls_tickets *t, const struct tls_ticket_key *keys, size_t n,
		     size_t seals);

struct tls_tickets_counts {
	uint64_t sealed, opened, unknown; /* unknown: of a key that we do not have */
};
void tls_tickets_counts(struct tls_tickets *t, struct tls_tickets_counts *ret);

DEFINE_AUTO(struct tls_tickets, tls_tickets_unref)

#endif
