#include "crypto/hmac.h"

#include "crypto/secret.h"

#include <assert.h>
#include <sodium.h>

static_assert(CRYPTO_HMAC_SHA256_LEN == crypto_auth_hmacsha256_BYTES, "the library means the same");

void crypto_hmac_sha256(struct span key, struct span data, uint8_t ret[CRYPTO_HMAC_SHA256_LEN])
{
	/* libsodium's: it neither allocates nor fails, where OpenSSL's HMAC does both. */
	crypto_auth_hmacsha256_state state;
	static const uint8_t nothing[1];
	(void)crypto_auth_hmacsha256_init(&state, key.len ? key.data : nothing, key.len);
	(void)crypto_auth_hmacsha256_update(&state, data.len ? data.data : nothing, data.len);
	(void)crypto_auth_hmacsha256_final(&state, ret);
	crypto_wipe(&state, sizeof(state));
}

void crypto_derive(struct span seed, const char *label, uint8_t ret[CRYPTO_KEY_LEN])
{
	static_assert(CRYPTO_KEY_LEN == CRYPTO_HMAC_SHA256_LEN, "one block is one key");
	crypto_hmac_sha256(seed, span_text(label), ret);
}

void crypto_hmac_init(struct crypto_hmac *h, enum crypto_hash_kind kind, struct span key)
{
	uint8_t block[128] = {0};
	size_t len = crypto_hash_block(kind);

	if (key.len > len) {
		crypto_hash_init(&h->inner, kind);
		crypto_hash_add(&h->inner, key);
		crypto_hash_end(&h->inner, block);
	} else if (key.len) {
		memcpy(block, key.data, key.len);
	}
	for (size_t i = 0; i < len; i++)
		block[i] ^= 0x36;
	crypto_hash_init(&h->inner, kind);
	crypto_hash_add(&h->inner, span_of(block, len));
	for (size_t i = 0; i < len; i++)
		block[i] ^= 0x36 ^ 0x5c;
	crypto_hash_init(&h->outer, kind);
	crypto_hash_add(&h->outer, span_of(block, len));
	crypto_wipe(block, sizeof(block));
}

void crypto_hmac_add(struct crypto_hmac *h, struct span data)
{
	crypto_hash_add(&h->inner, data);
}

void crypto_hmac_end(struct crypto_hmac *h, uint8_t *ret)
{
	uint8_t inner[CRYPTO_HASH_LEN_MAX];
	size_t len = crypto_hash_len(h->inner.kind);

	crypto_hash_end(&h->inner, inner);
	crypto_hash_add(&h->outer, span_of(inner, len));
	crypto_hash_end(&h->outer, ret);
	crypto_wipe(inner, sizeof(inner));
}

void crypto_hmac_done(struct crypto_hmac *h)
{
	crypto_wipe(h, sizeof(*h));
}
