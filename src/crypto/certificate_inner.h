/* PEM texts as the library's objects, between the two files of certificate.h. Knows nothing of what
 * they are for. */
#ifndef CRYPTO_CERTIFICATE_INNER_H
#define CRYPTO_CERTIFICATE_INNER_H

#include "base/span.h"

#include <openssl/x509v3.h>

/* The first one; NULL: there is none. The caller frees. */
X509 *certificate_parse(struct span pem);
EVP_PKEY *certificate_key_parse(struct span pem);

#endif
