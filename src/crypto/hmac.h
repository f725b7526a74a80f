/* HMAC-SHA256 (RFC 2104, RFC 6234) and keys derived by it. Knows nothing of what the keys are for
 * but the label. */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/span.h"

enum { CRYPTO_HMAC_SHA256_LEN = 32, CRYPTO_KEY_LEN = 32 };

/* Cannot fail, does not allocate. key: any length. Compare the result with crypto_equal. */
void crypto_hmac_sha256(struct span key, struct span data, uint8_t ret[CRYPTO_HMAC_SHA256_LEN]);

/* A key for one purpose out of one seed: HMAC-SHA256 of the label's text. Who learns the key of one
 * label learns neither the seed nor another label's. A shorter key is the first bytes of it. */
void crypto_derive(struct span seed, const char *label, uint8_t ret[CRYPTO_KEY_LEN]);

#endif
