/* Keys on P-256 that sign with SHA-256 (ES256, RFC 7518 3.4): accounts' keys, and those of
 * certificates to be ordered. Knows nothing of what is signed, and not where they are kept. */
#ifndef CRYPTO_SIGNING_KEY_H
#define CRYPTO_SIGNING_KEY_H

#include "base/err.h"
#include "base/span.h"

enum {
	SIGNING_KEY_PEM_MAX = 512, /* bytes of PKCS #8 as PEM, with the NUL */
	SIGNING_NUMBER_LEN = 32,   /* of a coordinate */
	SIGNATURE_LEN = 64,	   /* R and S */
};

struct signing_key;

/* A new one as PEM; to be wiped by who has it. */
MUST enum err signing_key_new(char ret_pem[SIGNING_KEY_PEM_MAX]);
/* ERR_FORMAT: no PEM, or a key of another kind. */
MUST enum err signing_key_read(struct span pem, struct signing_key **ret);
void signing_key_free(struct signing_key *k); /* accepts NULL */
DEFINE_AUTO(struct signing_key, signing_key_free)

/* The public point. */
MUST enum err signing_key_point(const struct signing_key *k, uint8_t ret_x[SIGNING_NUMBER_LEN],
				uint8_t ret_y[SIGNING_NUMBER_LEN]);
/* R and S one after the other, as JOSE has them. ENOMEM. */
MUST enum err signing_key_sign(const struct signing_key *k, struct span data,
			       uint8_t ret[SIGNATURE_LEN]);
/* Was data signed by that key? */
bool signing_key_signed(const struct signing_key *k, struct span data,
			const uint8_t signature[SIGNATURE_LEN]);

#endif
