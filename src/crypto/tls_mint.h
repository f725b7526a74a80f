/* Certificates of servers, made on the spot by an authority of our own and all with one key: for
 * who answers in a server's place. Knows neither who asks, nor whether he may be answered so, and
 * keeps none of them. */
#ifndef CRYPTO_TLS_MINT_H
#define CRYPTO_TLS_MINT_H

#include "crypto/certificate.h"

struct tls_chain;

/* Immutable and counted; every call may come from any thread. */
struct tls_mint;

/* The authority's certificate and its key, as certificate_authority makes them. The key of what is
 * made is new with each mint. ERR_FORMAT: not PEM; ERR_REFUSED: the key is of another certificate,
 * or that is no authority's. */
MUST enum err tls_mint_new(const struct certificate *authority, struct tls_mint **ret);
struct tls_mint *tls_mint_ref(struct tls_mint *m);
void tls_mint_unref(struct tls_mint *m);

/* For that name of the DNS alone, or for that address as a text (RFC 5280 4.2.1.6), with a random
 * serial. time is cut to the authority's own, and *ret_until_s is its end. ERR_FORMAT: neither a
 * name nor an address; ERR_REFUSED: nothing is left of the time. */
MUST enum err tls_mint_chain(const struct tls_mint *m, const char *name,
			     struct certificate_time time, struct tls_chain **ret,
			     uint64_t *ret_until_s);

DEFINE_AUTO(struct tls_mint, tls_mint_unref)

#endif
