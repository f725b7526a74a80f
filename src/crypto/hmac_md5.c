/* The low-level calls are deprecated in OpenSSL 3, and still right here: EVP allocates and may
 * fail, as hash.c says too. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "crypto/hmac.h"
#include "crypto/secret.h"

#include <assert.h>
#include <openssl/md5.h>

enum { BLOCK = MD5_CBLOCK };

static_assert(CRYPTO_HMAC_MD5_LEN == MD5_DIGEST_LENGTH, "the library means the same");

/* MD5 of the padded key, then of data: one half of RFC 2104 2. */
static void half(const uint8_t key[BLOCK], uint8_t pad, struct span data,
		 uint8_t ret[MD5_DIGEST_LENGTH])
{
	uint8_t block[BLOCK];
	MD5_CTX state;
	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	(void)MD5_Init(&state);
	(void)MD5_Update(&state, block, sizeof(block));
	(void)MD5_Update(&state, data.data, data.len);
	(void)MD5_Final(ret, &state);
	crypto_wipe(block, sizeof(block));
	crypto_wipe(&state, sizeof(state));
}

void crypto_hmac_md5(struct span key, struct span data, uint8_t ret[CRYPTO_HMAC_MD5_LEN])
{
	uint8_t padded[BLOCK] = {0}, inner[MD5_DIGEST_LENGTH];
	if (key.len > BLOCK)
		(void)MD5(key.data, key.len, padded);
	else if (key.len)
		memcpy(padded, key.data, key.len);
	half(padded, 0x36, data, inner);
	half(padded, 0x5c, span_of(inner, sizeof(inner)), ret);
	crypto_wipe(padded, sizeof(padded));
}
