/* Eight multiplications on Curve25519 at once (RFC 7748), a lane of a vector of 512 bits for each,
 * where the processor multiplies 52 bits in lanes: eight take little longer than one does by a
 * library. Knows no keys' meaning; crypto/x25519.h chooses. */
#ifndef CRYPTO_X25519_MANY_H
#define CRYPTO_X25519_MANY_H

#include "crypto/x25519.h"

/* This processor has AVX-512 F, DQ and IFMA; else the one below must not be called. */
bool x25519_many_runs_here(void);

enum { X25519_LANES = 8 };

/* X25519(scalars[i], points[i]) for all i below n, at most X25519_LANES: all zeros for a point of
 * small order. ret may be scalars or points. Its time depends on nothing, not on n either; what it
 * computed with is wiped. */
void x25519_many(const uint8_t scalars[][CRYPTO_X25519_LEN],
		 const uint8_t points[][CRYPTO_X25519_LEN], size_t n,
		 uint8_t ret[][CRYPTO_X25519_LEN]);

#endif
