/* The SHA family (FIPS 180-4), of one piece or of many. Knows nothing of what is hashed; SHA-1 is
 * here only because NSEC3 (RFC 5155), old DS records (RFC 4034) and old TSIG keys (RFC 8945) are
 * made of it. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/span.h"

enum {
	CRYPTO_SHA1_LEN = 20,
	CRYPTO_SHA224_LEN = 28,
	CRYPTO_SHA256_LEN = 32,
	CRYPTO_SHA384_LEN = 48,
	CRYPTO_SHA512_LEN = 64,
	CRYPTO_HASH_LEN_MAX = CRYPTO_SHA512_LEN,
};

/* None of these can fail or allocates. */
void crypto_sha1(struct span data, uint8_t ret[CRYPTO_SHA1_LEN]);
void crypto_sha256(struct span data, uint8_t ret[CRYPTO_SHA256_LEN]);
void crypto_sha384(struct span data, uint8_t ret[CRYPTO_SHA384_LEN]);
void crypto_sha512(struct span data, uint8_t ret[CRYPTO_SHA512_LEN]);

enum crypto_hash_kind { CRYPTO_SHA1, CRYPTO_SHA256, CRYPTO_SHA384, CRYPTO_SHA512, CRYPTO_SHA224 };

/* A hash in the making; may be copied, needs no cleanup. */
struct crypto_hash {
	enum crypto_hash_kind kind;
	uint64_t state[27]; /* of the library's */
};

void crypto_hash_init(struct crypto_hash *h, enum crypto_hash_kind kind);
void crypto_hash_add(struct crypto_hash *h, struct span data);
/* Writes crypto_hash_len(h->kind) bytes and wipes the state; h is to be initialised anew then. */
void crypto_hash_end(struct crypto_hash *h, uint8_t *ret);

/* Bytes of such a hash: 20, 28, 32, 48 or 64. */
size_t crypto_hash_len(enum crypto_hash_kind kind);
/* Bytes that it takes at a time: 64, or 128 for SHA-384 and SHA-512. */
size_t crypto_hash_block(enum crypto_hash_kind kind);

#endif
