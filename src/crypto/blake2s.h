/* BLAKE2s (RFC 7693) as a hash, as a keyed code, and in the HMAC and the key derivation that Noise
 * makes of it. Knows nothing of what is hashed. */
#ifndef CRYPTO_BLAKE2S_H
#define CRYPTO_BLAKE2S_H

#include "base/span.h"

enum { CRYPTO_BLAKE2S_LEN = 32, CRYPTO_BLAKE2S_MAC_LEN = 16, CRYPTO_BLAKE2S_BLOCK = 64 };

/* A hash in the making; may be copied. Holds what a key opens until crypto_blake2s_end. */
struct crypto_blake2s {
	uint32_t state[8];
	uint64_t total; /* bytes taken into state, the block's not among them */
	uint8_t block[CRYPTO_BLAKE2S_BLOCK];
	uint8_t block_len, len; /* len: of the result */
};

/* None of these can fail or allocates. len: 1 to 32 bytes of result; key: at most 32, may be empty.
 */
void crypto_blake2s_init(struct crypto_blake2s *b, size_t len, struct span key);
void crypto_blake2s_add(struct crypto_blake2s *b, struct span data);
/* Writes the len bytes and wipes the state. */
void crypto_blake2s_end(struct crypto_blake2s *b, uint8_t *ret);

/* Hash(a || b) of the WireGuard paper. */
void crypto_blake2s(struct span a, struct span b, uint8_t ret[CRYPTO_BLAKE2S_LEN]);

/* Mac(key, data): keyed BLAKE2s of 16 bytes. Compare the result with crypto_equal. */
void crypto_blake2s_mac(struct span key, struct span data, uint8_t ret[CRYPTO_BLAKE2S_MAC_LEN]);

/* RFC 2104 over BLAKE2s. */
void crypto_blake2s_hmac(struct span key, struct span data, uint8_t ret[CRYPTO_BLAKE2S_LEN]);

enum { CRYPTO_KDF_MAX = 3 };
/* Kdf_n(key, input), n from 1 to 3: the n keys one after another. ret may be where key or input
 * are. */
void crypto_blake2s_kdf(const uint8_t key[CRYPTO_BLAKE2S_LEN], struct span input, size_t n,
			uint8_t ret[][CRYPTO_BLAKE2S_LEN]);

#endif
