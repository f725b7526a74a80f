/* What a certificate from an authority elsewhere needs: a key, the request for it (PKCS #10,
 * RFC 2986), and by what it calls one that it issued (RFC 9773 4.1). Knows nothing of how one asks.
 */
#ifndef CRYPTO_CERTIFICATE_ORDER_H
#define CRYPTO_CERTIFICATE_ORDER_H

#include "crypto/certificate.h"

enum {
	CERTIFICATE_ID_MAX = 64,	/* bytes of a key's identifier, or of a serial number */
	CERTIFICATE_ISSUER_MAX = 128,	/* bytes of an issuer's common name, with the NUL */
	CERTIFICATE_CHAIN_MAX = 8,	/* certificates of a chain that are looked at */
	CERTIFICATE_KEY_PEM_MAX = 4096, /* bytes of PKCS #8 as PEM, with the NUL */
};

enum certificate_key {
	CERTIFICATE_KEY_P256,
	CERTIFICATE_KEY_P384,
	CERTIFICATE_KEY_RSA2048,
	CERTIFICATE_KEY_RSA4096, /* takes seconds to make */
};
/* A new one; to be wiped by who has it. ENOMEM. */
MUST enum err certificate_key_new(enum certificate_key kind, char ret_pem[CERTIFICATE_KEY_PEM_MAX]);

/* A request in DER for these names ("*." in front may be), signed by key_pem; the subject is empty,
 * as names stand in the extension only. ERR_FORMAT: a name, or the key, is none; ERR_LIMIT: no
 * room. */
MUST enum err certificate_request(struct span key_pem, const struct certificate_names *whom,
				  uint8_t *ret, size_t size, size_t *ret_len);

/* Who issued the first certificate of a chain. */
struct certificate_identity {
	uint8_t authority[CERTIFICATE_ID_MAX], serial[CERTIFICATE_ID_MAX];
	size_t authority_len, serial_len; /* serial: as its INTEGER has it, with the sign's octet */
	char issuer[CERTIFICATE_ISSUER_MAX]; /* common name, or organisation; "": neither */
	char top[CERTIFICATE_ISSUER_MAX];    /* the same of the last certificate's issuer */
};
/* authority_len 0: the certificate does not say. ERR_FORMAT: it is none. */
MUST enum err certificate_identify(struct span chain_pem, struct certificate_identity *ret);

#endif
