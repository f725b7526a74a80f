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
