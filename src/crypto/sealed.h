/* Secrets at rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random nonce before each.
 * Knows neither where they are kept nor where the key is from; the associated data binds a secret
 * to its place, so that it opens in no other. */
#ifndef CRYPTO_SEALED_H
#define CRYPTO_SEALED_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

enum {
	SEALED_KEY_LEN = 32,
	SEALED_NONCE_LEN = 24,
	SEALED_TAG_LEN = 16,
	SEALED_OVERHEAD = SEALED_NONCE_LEN + SEALED_TAG_LEN,
};

struct sealed_key {
	uint8_t bytes[SEALED_KEY_LEN];
};
/* Wipes; accepts NULL. */
void sealed_key_done(struct sealed_key *key);

/* Writes plain.len + SEALED_OVERHEAD bytes. ERR_LIMIT: no room, w is bad. EIO: no randomness. */
MUST enum err sealed_write(struct writer *w, const struct sealed_key *key, struct span place,
			   struct span plain);

/* The plain text into ret, which has room for sealed.len - SEALED_OVERHEAD bytes. ERR_REFUSED: too
 * short, another key, another place, or changed; ret is wiped then. */
MUST enum err sealed_open(struct span sealed, const struct sealed_key *key, struct span place,
			  uint8_t *ret, size_t *ret_len);

#endif
