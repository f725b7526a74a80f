/* The authority by which the proxy stands in for servers: made here, and known to nobody but those
 * who install its certificate. Knows no file and no clock.
 */
#ifndef FORWARD_PROXY_INSPECT_AUTHORITY_H
#define FORWARD_PROXY_INSPECT_AUTHORITY_H

#include "base/err.h"
#include "base/span.h"
#include "crypto/certificate.h"

struct tls_mint;

enum {
	INSPECT_AUTHORITY_TEXT_MAX = 16 << 10, /* octets of certificate and key */
	INSPECT_AUTHORITY_DER_MAX = 4096,
	INSPECT_AUTHORITY_WARN_S = 90 * 86400, /* before its end */
};

/* Immutable and counted; any thread. */
struct inspect_authority;

/* A new one, for ten years: certificate and key as one PEM text, which is a secret. called: whose
 * it is, for people who look at it. ERR_FORMAT, ENOMEM, ERR_LIMIT. */
MUST enum err inspect_authority_make(const char *called, uint64_t now_s,
				     char ret[INSPECT_AUTHORITY_TEXT_MAX]);
/* Such a text. ERR_FORMAT; ERR_REFUSED: the key is not the certificate's, or that is no
 * authority's.
 */
MUST enum err inspect_authority_read(struct span text, struct inspect_authority **ret);
struct inspect_authority *inspect_authority_ref(struct inspect_authority *a);
void inspect_authority_unref(struct inspect_authority *a);

const struct tls_mint *inspect_authority_mint(const struct inspect_authority *a);
/* Its certificate, for people to install. */
struct span inspect_authority_pem(const struct inspect_authority *a);
struct span inspect_authority_der(const struct inspect_authority *a);
/* "AB:CD:…": SHA-256 of it, as browsers show it. */
const char *inspect_authority_fingerprint(const struct inspect_authority *a);
struct certificate_time inspect_authority_time(const struct inspect_authority *a);

DEFINE_AUTO(struct inspect_authority, inspect_authority_unref)

#endif
