/* HMAC (RFC 2104, RFC 6234) and keys derived by it. Knows nothing of what the keys are for but the
 * label. */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/span.h"
#include "crypto/hash.h"

enum { CRYPTO_HMAC_SHA256_LEN = 32, CRYPTO_KEY_LEN = 32, CRYPTO_HMAC_MD5_LEN = 16 };

/* Cannot fail, does not allocate. key: any length. Compare the result with crypto_equal. */
void crypto_hmac_sha256(struct span key, struct span data, uint8_t ret[CRYPTO_HMAC_SHA256_LEN]);

/* RFC 2202. For FORCERENEW and Reconfigure (RFC 6704, RFC 8415 20.4), which allow nothing else; not
 * for anything new. Cannot fail, does not allocate. */
void crypto_hmac_md5(struct span key, struct span data, uint8_t ret[CRYPTO_HMAC_MD5_LEN]);

/* An HMAC in the making; may be copied. Holds what the key opens until crypto_hmac_end or
 * crypto_hmac_done. */
struct crypto_hmac {
	struct crypto_hash inner, outer;
};

/* None of these can fail or allocates. key: any length. */
void crypto_hmac_init(struct crypto_hmac *h, enum crypto_hash_kind kind, struct span key);
void crypto_hmac_add(struct crypto_hmac *h, struct span data);
/* Writes crypto_hash_len(kind) bytes and wipes the state. Compare the result with crypto_equal. */
void crypto_hmac_end(struct crypto_hmac *h, uint8_t *ret);
/* Wipes one that was begun and is not to be ended. */
void crypto_hmac_done(struct crypto_hmac *h);

/* A key for one purpose out of one seed: HMAC-SHA256 of the label's text. Who learns the key of one
 * label learns neither the seed nor another label's. A shorter key is the first bytes of it. */
void crypto_derive(struct span seed, const char *label, uint8_t ret[CRYPTO_KEY_LEN]);

#endif
