/* What authorities will look for while names are being proved: kept by the thread that orders,
 * shown by the workers. Knows neither orders nor connections.
 */
#ifndef REVERSE_PROXY_IO_ACME_PROOFS_H
#define REVERSE_PROXY_IO_ACME_PROOFS_H

#include "service/reverse-proxy/acme_row.h"

struct acme_proofs; /* every call from any thread */
struct proxy_exchange;
struct proxy_verdict;
struct tls_chain;

MUST enum err acme_proofs_new(struct acme_proofs **ret);
void acme_proofs_free(struct acme_proofs *p); /* accepts NULL */

/* Shown from now on, in place of one with the same token. ERR_LIMIT, ENOMEM. now_s: of the
 * certificate of tls-alpn-01. */
MUST enum err acme_proofs_put(struct acme_proofs *p, const struct acme_proof_row *proof,
			      uint64_t now_s);
void acme_proofs_drop(struct acme_proofs *p, const char *token);

/* http-01 (RFC 8555 8.3), before there is a route: false: it is none of these requests. */
bool acme_proofs_answer(struct acme_proofs *p, struct proxy_exchange *x, struct proxy_verdict *ret);
/* A tls_acme_hook; arg is the proofs. */
struct tls_chain *acme_proofs_chain(void *arg, const char *name);

/* How often each was shown. */
void acme_proofs_counts(const struct acme_proofs *p, uint64_t *ret_http, uint64_t *ret_tls);

#endif
