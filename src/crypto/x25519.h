/* Diffie and Hellman's agreement on Curve25519 (RFC 7748). Knows nothing of whose keys they are.
 * None of these allocates; any thread. */
#ifndef CRYPTO_X25519_H
#define CRYPTO_X25519_H

#include "base/err.h"
#include "base/span.h"

enum { CRYPTO_X25519_LEN = 32 };

/* Clears and sets the bits that RFC 7748 5 fixes, as key generators do. Not needed before the
 * calls below: they do so with a copy. */
void crypto_x25519_clamp(uint8_t private[CRYPTO_X25519_LEN]);

/* About 42 us. */
void crypto_x25519_public(const uint8_t private[CRYPTO_X25519_LEN], uint8_t ret[CRYPTO_X25519_LEN]);

/* The shared secret, about 45 us. ERR_REFUSED, and ret untouched, when public is a point of small
 * order, so that the secret would be all zeros (RFC 7748 6.1). */
MUST enum err crypto_x25519(const uint8_t private[CRYPTO_X25519_LEN],
			    const uint8_t public[CRYPTO_X25519_LEN],
			    uint8_t ret[CRYPTO_X25519_LEN]);

#endif
