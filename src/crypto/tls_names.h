/* Which chains are for a name: exact ones, and wildcards of one label (RFC 6125 6.4.3). Knows
 * nothing of connections. */
#ifndef CRYPTO_TLS_NAMES_H
#define CRYPTO_TLS_NAMES_H

#include "base/err.h"

struct tls_bundle;
struct tls_chain;
struct tls_names;

MUST enum err tls_names_new(struct tls_names **ret);
void tls_names_free(struct tls_names *n);
/* For all names of c, which is borrowed; who came first for a name and a kind of key stays. */
MUST enum err tls_names_add(struct tls_names *n, struct tls_chain *c);
/* Any case, a dot at the end or not. NULL: none. */
const struct tls_bundle *tls_names_find(const struct tls_names *n, const char *name);

#endif
