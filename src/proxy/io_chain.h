/* Certificates and their keys, read from the files that a configuration names. Knows neither the
 * listeners that show them nor where else certificates come from.
 */
#ifndef PROXY_IO_CHAIN_H
#define PROXY_IO_CHAIN_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct tls_chain;

/* A file's text; may be a secret, which _done wipes. Zeroed is empty. */
struct proxy_pem {
	char *bytes; /* owned */
	size_t len;
};

/* line: of the configuration, for the log, which says what is wrong: ERR_CONFIG. */
MUST enum err proxy_pem_read(const char *path, uint32_t line, struct proxy_pem *ret);
void proxy_pem_done(struct proxy_pem *t);

/* The certificate with those that lead to its root, and its key (PEM). ERR_CONFIG as above; ENOMEM.
 * One that is out of its time, or soon will be, is warned of. */
MUST enum err proxy_chain_read(const char *chain, const char *key, uint32_t line,
			       struct tls_chain **ret);

#endif
