/* The low-level calls are deprecated in OpenSSL 3, and still right here: EVP fetches and allocates
 * for each hash and may fail, while an NSEC3 proof takes hundreds of hashes in a packet path. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "crypto/hash.h"

#include "base/err.h"
#include "crypto/secret.h"

#include <assert.h>
#include <openssl/sha.h>

/* What crypto_hash.state is for each kind; SHA-384 is SHA-512 from other constants,
 * and SHA-224 is SHA-256. */
union state {
	SHA_CTX sha1;
	SHA256_CTX sha256;
	SHA512_CTX sha512;
};

static_assert(sizeof(union state) <= sizeof(((struct crypto_hash *)0)->state), "the state fits");
static_assert(_Alignof(union state) <= _Alignof(struct crypto_hash), "the state is aligned");
static_assert(CRYPTO_SHA1_LEN == SHA_DIGEST_LENGTH && CRYPTO_SHA224_LEN == SHA224_DIGEST_LENGTH &&
		      CRYPTO_SHA256_LEN == SHA256_DIGEST_LENGTH &&
		      CRYPTO_SHA384_LEN == SHA384_DIGEST_LENGTH &&
		      CRYPTO_SHA512_LEN == SHA512_DIGEST_LENGTH,
	      "the library means the same hashes");

static void one_shot(enum crypto_hash_kind kind, struct span data, uint8_t *ret)
{
	struct crypto_hash h;
	crypto_hash_init(&h, kind);
	crypto_hash_add(&h, data);
	crypto_hash_end(&h, ret);
}

void crypto_sha1(struct span data, uint8_t ret[CRYPTO_SHA1_LEN])
{
	one_shot(CRYPTO_SHA1, data, ret);
}

void crypto_sha256(struct span data, uint8_t ret[CRYPTO_SHA256_LEN])
{
	one_shot(CRYPTO_SHA256, data, ret);
}

void crypto_sha384(struct span data, uint8_t ret[CRYPTO_SHA384_LEN])
{
	one_shot(CRYPTO_SHA384, data, ret);
}

void crypto_sha512(struct span data, uint8_t ret[CRYPTO_SHA512_LEN])
{
	one_shot(CRYPTO_SHA512, data, ret);
}

/* Each call of the library answers 1: they have no way to fail. */
void crypto_hash_init(struct crypto_hash *h, enum crypto_hash_kind kind)
{
	int done = 0;
	h->kind = kind;
	switch (kind) {
	case CRYPTO_SHA1: done = SHA1_Init((SHA_CTX *)h->state); break;
	case CRYPTO_SHA224: done = SHA224_Init((SHA256_CTX *)h->state); break;
	case CRYPTO_SHA256: done = SHA256_Init((SHA256_CTX *)h->state); break;
	case CRYPTO_SHA384: done = SHA384_Init((SHA512_CTX *)h->state); break;
	case CRYPTO_SHA512: done = SHA512_Init((SHA512_CTX *)h->state); break;
	}
	ASSERT(done == 1);
}

void crypto_hash_add(struct crypto_hash *h, struct span data)
{
	int done = 0;
	if (data.len == 0)
		return;
	switch (h->kind) {
	case CRYPTO_SHA1: done = SHA1_Update((SHA_CTX *)h->state, data.data, data.len); break;
	case CRYPTO_SHA224:
		done = SHA224_Update((SHA256_CTX *)h->state, data.data, data.len);
		break;
	case CRYPTO_SHA256:
		done = SHA256_Update((SHA256_CTX *)h->state, data.data, data.len);
		break;
	case CRYPTO_SHA384:
		done = SHA384_Update((SHA512_CTX *)h->state, data.data, data.len);
		break;
	case CRYPTO_SHA512:
		done = SHA512_Update((SHA512_CTX *)h->state, data.data, data.len);
		break;
	}
	ASSERT(done == 1);
}

void crypto_hash_end(struct crypto_hash *h, uint8_t *ret)
{
	int done = 0;
	switch (h->kind) {
	case CRYPTO_SHA1: done = SHA1_Final(ret, (SHA_CTX *)h->state); break;
	case CRYPTO_SHA224: done = SHA224_Final(ret, (SHA256_CTX *)h->state); break;
	case CRYPTO_SHA256: done = SHA256_Final(ret, (SHA256_CTX *)h->state); break;
	case CRYPTO_SHA384: done = SHA384_Final(ret, (SHA512_CTX *)h->state); break;
	case CRYPTO_SHA512: done = SHA512_Final(ret, (SHA512_CTX *)h->state); break;
	}
	ASSERT(done == 1);
	crypto_wipe(h->state, sizeof(h->state));
}

size_t crypto_hash_len(enum crypto_hash_kind kind)
{
	switch (kind) {
	case CRYPTO_SHA1: return CRYPTO_SHA1_LEN;
	case CRYPTO_SHA224: return CRYPTO_SHA224_LEN;
	case CRYPTO_SHA256: return CRYPTO_SHA256_LEN;
	case CRYPTO_SHA384: return CRYPTO_SHA384_LEN;
	case CRYPTO_SHA512: return CRYPTO_SHA512_LEN;
	}
	ASSERT(false);
}

size_t crypto_hash_block(enum crypto_hash_kind kind)
{
	return kind == CRYPTO_SHA384 || kind == CRYPTO_SHA512 ? 128 : 64;
}
