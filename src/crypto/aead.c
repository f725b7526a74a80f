/* Packets by chachapoly.h where the processor has its vectors, else by OpenSSL, which keeps a key
 * ready; single texts and long nonces by libsodium, which needs no object for a key. */
#include "crypto/aead.h"

#include "crypto/chachapoly.h"
#include "crypto/secret.h"

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

enum { NONCE_LEN = 12 };

static_assert(CRYPTO_AEAD_KEY_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES &&
		      CRYPTO_AEAD_TAG_LEN == crypto_aead_chacha20poly1305_ietf_ABYTES &&
		      NONCE_LEN == crypto_aead_chacha20poly1305_ietf_NPUBBYTES &&
		      CRYPTO_XAEAD_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
		      CRYPTO_AEAD_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES,
	      "the library means the same cipher");

static void nonce_of(uint64_t counter, uint8_t ret[NONCE_LEN])
{
	memset(ret, 0, 4);
	for (int i = 0; i < 8; i++)
		ret[4 + i] = (uint8_t)(counter >> 8 * i);
}

static enum err init_wide(struct crypto_aead *a, enum crypto_aead_use use,
			  const uint8_t key[CRYPTO_AEAD_KEY_LEN])
{
	uint8_t *own = a->cipher ? a->cipher : malloc(CRYPTO_AEAD_KEY_LEN);
	if (!own)
		return (enum err)ENOMEM;
	memcpy(own, key, CRYPTO_AEAD_KEY_LEN);
	*a = (struct crypto_aead){.cipher = own, .use = use, .wide = true};
	return OK;
}

static enum err init_library(struct crypto_aead *a, enum crypto_aead_use use,
			     const uint8_t key[CRYPTO_AEAD_KEY_LEN])
{
	int seal = use == CRYPTO_AEAD_SEAL;
	if (a->cipher) {
		int done = EVP_CipherInit_ex(a->cipher, NULL, NULL, key, NULL, seal);
		ASSERT(done == 1);
		a->use = use;
		return OK;
	}
	EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
	if (!made || EVP_CipherInit_ex(made, EVP_chacha20_poly1305(), NULL, key, NULL, seal) != 1) {
		EVP_CIPHER_CTX_free(made);
		return (enum err)ENOMEM;
	}
	*a = (struct crypto_aead){.cipher = made, .use = use};
	return OK;
}

enum err crypto_aead_init(struct crypto_aead *a, enum crypto_aead_use use,
			  const uint8_t key[CRYPTO_AEAD_KEY_LEN])
{
	return chachapoly_runs_here() ? init_wide(a, use, key) : init_library(a, use, key);
}

enum err crypto_aead_init_library(struct crypto_aead *a, enum crypto_aead_use use,
				  const uint8_t key[CRYPTO_AEAD_KEY_LEN])
{
	ASSERT(!a->wide);
	return init_library(a, use, key);
}

void crypto_aead_done(struct crypto_aead *a)
{
	if (!a)
		return;
	if (a->wide) {
		crypto_wipe(a->cipher, CRYPTO_AEAD_KEY_LEN);
		free(a->cipher);
	} else {
		EVP_CIPHER_CTX_free(a->cipher);
	}
	*a = (struct crypto_aead){0};
}

/* The calls of the library have no way to fail with an object that crypto_aead_init made. */
void crypto_aead_seal(struct crypto_aead *a, uint64_t counter, struct span in, uint8_t *ret)
{
	ASSERT(a->cipher && a->use == CRYPTO_AEAD_SEAL && in.len <= CRYPTO_AEAD_LEN_MAX);
	if (a->wide) {
		chachapoly_seal(a->cipher, counter, in, ret);
		return;
	}
	uint8_t nonce[NONCE_LEN];
	int n = 0, done;
	nonce_of(counter, nonce);
	done = EVP_EncryptInit_ex(a->cipher, NULL, NULL, NULL, nonce);
	if (in.len)
		done &= EVP_EncryptUpdate(a->cipher, ret, &n, in.data, (int)in.len);
	done &= EVP_EncryptFinal_ex(a->cipher, ret + in.len, &n);
	done &= EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_GET_TAG, CRYPTO_AEAD_TAG_LEN,
				    ret + in.len);
	ASSERT(done == 1);
}

bool crypto_aead_open(struct crypto_aead *a, uint64_t counter, struct span in, uint8_t *ret)
{
	ASSERT(a->cipher && a->use == CRYPTO_AEAD_OPEN &&
	       in.len <= CRYPTO_AEAD_LEN_MAX + CRYPTO_AEAD_TAG_LEN);
	if (in.len < CRYPTO_AEAD_TAG_LEN)
		return false;
	if (a->wide)
		return chachapoly_open(a->cipher, counter, in, ret);
	uint8_t nonce[NONCE_LEN], tag[CRYPTO_AEAD_TAG_LEN], nothing[1];
	size_t len = in.len - sizeof(tag);
	int n = 0, done;
	nonce_of(counter, nonce);
	memcpy(tag, in.data + len, sizeof(tag));
	done = EVP_DecryptInit_ex(a->cipher, NULL, NULL, NULL, nonce);
	done &= EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag);
	if (len)
		done &= EVP_DecryptUpdate(a->cipher, ret, &n, in.data, (int)len);
	ASSERT(done == 1);
	return EVP_DecryptFinal_ex(a->cipher, nothing, &n) == 1;
}

/* Whether the next four can be done together. */
static bool are_four(const struct crypto_aead *a, const struct crypto_aead_text *texts, size_t n,
		     size_t tag)
{
	size_t len = texts[0].in.len;
	bool four = a->wide && n >= CHACHAPOLY_PACKETS && len >= CHACHAPOLY_LEN_MIN + tag &&
		    len <= CHACHAPOLY_LEN_MAX + tag;
	for (size_t i = 1; four && i < CHACHAPOLY_PACKETS; i++)
		four = texts[i].in.len == len;
	return four;
}

void crypto_aead_seal_many(struct crypto_aead *a, struct crypto_aead_text *texts, size_t n)
{
	for (size_t i = 0; i < n;) {
		if (are_four(a, texts + i, n - i, 0)) {
			ASSERT(a->cipher && a->use == CRYPTO_AEAD_SEAL);
			chachapoly_seal_four(a->cipher, texts + i);
			i += CHACHAPOLY_PACKETS;
			continue;
		}
		crypto_aead_seal(a, texts[i].counter, texts[i].in, texts[i].ret);
		i++;
	}
}

void crypto_aead_open_many(struct crypto_aead *a, struct crypto_aead_text *texts, size_t n)
{
	for (size_t i = 0; i < n;) {
		if (are_four(a, texts + i, n - i, CRYPTO_AEAD_TAG_LEN)) {
			ASSERT(a->cipher && a->use == CRYPTO_AEAD_OPEN);
			chachapoly_open_four(a->cipher, texts + i);
			i += CHACHAPOLY_PACKETS;
			continue;
		}
		texts[i].right = crypto_aead_open(a, texts[i].counter, texts[i].in, texts[i].ret);
		i++;
	}
}

void crypto_aead_seal_once(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter,
			   struct span associated, struct span in, uint8_t *ret)
{
	uint8_t nonce[NONCE_LEN];
	ASSERT(sodium_init() >= 0 && in.len <= CRYPTO_AEAD_LEN_MAX);
	nonce_of(counter, nonce);
	(void)crypto_aead_chacha20poly1305_ietf_encrypt(ret, NULL, in.data, in.len, associated.data,
							associated.len, NULL, nonce, key);
}

bool crypto_aead_open_once(const uint8_t key[CRYPTO_AEAD_KEY_LEN], uint64_t counter,
			   struct span associated, struct span in, uint8_t *ret)
{
	uint8_t nonce[NONCE_LEN];
	ASSERT(sodium_init() >= 0);
	nonce_of(counter, nonce);
	return crypto_aead_chacha20poly1305_ietf_decrypt(ret, NULL, NULL, in.data, in.len,
							 associated.data, associated.len, nonce,
							 key) == 0;
}

void crypto_xaead_seal(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
		       const uint8_t nonce[CRYPTO_XAEAD_NONCE_LEN], struct span associated,
		       struct span in, uint8_t *ret)
{
	ASSERT(sodium_init() >= 0 && in.len <= CRYPTO_AEAD_LEN_MAX);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		ret, NULL, in.data, in.len, associated.data, associated.len, NULL, nonce, key);
}

bool crypto_xaead_open(const uint8_t key[CRYPTO_AEAD_KEY_LEN],
		       const uint8_t nonce[CRYPTO_XAEAD_NONCE_LEN], struct span associated,
		       struct span in, uint8_t *ret)
{
	ASSERT(sodium_init() >= 0);
	return crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, in.data, in.len,
							  associated.data, associated.len, nonce,
							  key) == 0;
}
