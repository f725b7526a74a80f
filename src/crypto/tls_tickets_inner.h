/* Keys of tickets as a server's handshakes use them. Knows nothing that tls_tickets.h does not
 * promise. */
#ifndef CRYPTO_TLS_TICKETS_INNER_H
#define CRYPTO_TLS_TICKETS_INNER_H

#include "crypto/tls_tickets.h"

#include <openssl/ssl.h>

/* Seals and opens by these; the server of a stream of c must have them as its tickets. */
bool tls_tickets_use(SSL_CTX *c);
bool tls_tickets_has_keys(struct tls_tickets *t);

#endif
