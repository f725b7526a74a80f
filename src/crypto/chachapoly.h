/* ChaCha20-Poly1305 (RFC 8439) for packets, in vectors of 512 bits where the processor has them:
 * what a library does for one packet of 1,400 octets it does in half the time, and for a short one
 * in a fifth, as nothing is set up. Knows WireGuard's nonces alone; crypto/aead.h chooses. */
#ifndef CRYPTO_CHACHAPOLY_H
#define CRYPTO_CHACHAPOLY_H

#include "crypto/aead.h"

/* This processor has AVX-512 F, VL, DQ and BW; else the two below must not be called. */
bool chachapoly_runs_here(void);

/* As crypto_aead_seal and crypto_aead_open; time depends on the length alone. */
void chachapoly_seal(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter, struct span in,
		     uint8_t *ret);
MUST bool chachapoly_open(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter, struct span in,
			  uint8_t *ret);

/* Four packets of one length and key at once, in a fifth less time. in.len the same in all: of
 * texts at least CHACHAPOLY_LEN_MIN and at most CHACHAPOLY_LEN_MAX, tags not counted. */
enum { CHACHAPOLY_PACKETS = 4, CHACHAPOLY_LEN_MIN = 256, CHACHAPOLY_LEN_MAX = 2048 };
void chachapoly_seal_four(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
			  struct crypto_aead_text texts[CHACHAPOLY_PACKETS]);
void chachapoly_open_four(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
			  struct crypto_aead_text texts[CHACHAPOLY_PACKETS]);

#endif
