/* PEM texts as the library's objects, between the files of certificate.h, certificate_order.h and
 * signing_key.h. Knows nothing of what they are for. */
#ifndef CRYPTO_CERTIFICATE_INNER_H
#define CRYPTO_CERTIFICATE_INNER_H

#include "crypto/certificate.h"

#include <openssl/x509v3.h>

/* The first one; NULL: there is none. The caller frees. */
X509 *certificate_parse(struct span pem);
EVP_PKEY *certificate_key_parse(struct span pem);
/* PKCS #8 as PEM, not encrypted, with a NUL. ENOMEM; ERR_LIMIT. */
MUST enum err certificate_key_text(const EVP_PKEY *key, char *ret, size_t size);

/* Names as a name is looked up, and addresses of 4 or 16 bytes, not too many. stars: "*." may stand
 * before a name. */
bool certificate_are_names(const struct certificate_names *n, bool stars);
/* NULL: no memory. The caller frees. */
GENERAL_NAMES *certificate_general_names(const struct certificate_names *whom);
bool certificate_put_names(X509 *x, const struct certificate_names *whom);

/* What all certificates have. issuer: NULL for one that signs itself. NULL: no memory. */
X509 *certificate_begin(const char *called, struct certificate_time time, X509 *issuer,
			EVP_PKEY *key);
/* A server's, signed. NULL: no memory. */
X509 *certificate_server(const char *called, const struct certificate_names *whom,
			 struct certificate_time time, X509 *above, EVP_PKEY *above_key,
			 EVP_PKEY *key);
/* As texts; above: NULL, or the one that signed. */
MUST enum err certificate_hand_out(X509 *x, X509 *above, EVP_PKEY *key, struct certificate *ret);

#endif
