/* Diffie and Hellman's agreement on Curve25519 (RFC 7748). Knows nothing of whose keys they are.
 * None of these allocates; any thread. Their time does not depend on keys. */
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

/* One of several. */
struct crypto_x25519_task {
	const uint8_t *private, *public; /* CRYPTO_X25519_LEN each; public NULL: the base point */
	uint8_t *ret;			 /* CRYPTO_X25519_LEN; none of the others' keys */
	enum err err;			 /* filled in: OK, or ERR_REFUSED as above, ret untouched */
};

/* The same for each. Where the processor has the vectors, up to eight take 63 us together, so who
 * has two or more that do not wait for one another asks for them at once. */
void crypto_x25519_many(struct crypto_x25519_task *tasks, size_t n);

#endif
