#include "crypto/sealed.h"

#include "crypto/random.h"
#include "crypto/secret.h"

#include <assert.h>
#include <sodium.h>

static_assert(SEALED_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
static_assert(SEALED_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
static_assert(SEALED_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

void sealed_key_done(struct sealed_key *key)
{
	if (key)
		crypto_wipe(key, sizeof(*key));
}

enum err sealed_write(struct writer *w, const struct sealed_key *key, struct span place,
		      struct span plain)
{
	/* 192 random bits never meet: one key serves for as many secrets as anybody keeps. */
	uint8_t nonce[SEALED_NONCE_LEN];
	TRY(crypto_random(nonce, sizeof(nonce)));
	write_bytes(w, nonce, sizeof(nonce));
	uint8_t *room = write_room(w, plain.len + SEALED_TAG_LEN);
	if (!room)
		return ERR_LIMIT;
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		room, NULL, plain.data, plain.len, place.data, place.len, NULL, nonce, key->bytes);
	return OK;
}

enum err sealed_open(struct span sealed, const struct sealed_key *key, struct span place,
		     uint8_t *ret, size_t *ret_len)
{
	if (sealed.len < SEALED_OVERHEAD)
		return ERR_REFUSED;
	size_t len = sealed.len - SEALED_OVERHEAD;
	struct span box = span_sub(sealed, SEALED_NONCE_LEN, sealed.len);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, box.data, box.len,
						       place.data, place.len, sealed.data,
						       key->bytes) != 0) {
		crypto_wipe(ret, len);
		return ERR_REFUSED;
	}
	*ret_len = len;
	return OK;
}
