/* A certificate that a side of TLS shows, with its key, those that lead to its root, and the OCSP
 * answer that goes with it. Knows no file, no clock, and not who asks. */
#ifndef CRYPTO_TLS_CHAIN_H
#define CRYPTO_TLS_CHAIN_H

#include "base/err.h"
#include "base/span.h"

enum {
	TLS_STAPLE_MAX = 16 << 10,  /* bytes of an OCSP answer */
	TLS_CHAIN_NAMES_MAX = 1000, /* names of one certificate that are looked at */
	TLS_CHAIN_TEXT_MAX = 256,
};

enum tls_key { TLS_KEY_ECDSA, TLS_KEY_RSA, TLS_KEY_ED25519, TLS_KEYS_N };

/* Immutable but for its staple; counted, and every call may come from any thread. */
struct tls_chain;

/* chain_pem: the certificate first; key_pem: not encrypted. ERR_FORMAT: not PEM, or no certificate
 * in it; ERR_REFUSED: the key belongs to another certificate, or is too weak (below 112 bits), or
 * of a kind that TLS here does not use. */
MUST enum err tls_chain_new(struct span chain_pem, struct span key_pem, struct tls_chain **ret);
struct tls_chain *tls_chain_ref(struct tls_chain *c);
void tls_chain_unref(struct tls_chain *c);

/* What it says; texts are cut. */
struct tls_chain_facts {
	enum tls_key key;
	unsigned key_bits;
	uint64_t from_s, until_s; /* since 1970 */
	uint8_t fingerprint[32];  /* SHA-256 of the certificate */
	char subject[TLS_CHAIN_TEXT_MAX], issuer[TLS_CHAIN_TEXT_MAX]; /* one line */
	char serial[65];					      /* hexadecimal */
	char ocsp[TLS_CHAIN_TEXT_MAX]; /* the first http: URL of its OCSP server; "" none */
	bool must_staple;	       /* RFC 7633: worthless without a staple */
	bool self_signed;
	size_t names_n, chain_n; /* chain_n: certificates with this one */
};
void tls_chain_facts(const struct tls_chain *c, struct tls_chain_facts *ret);

/* The names that it is for: lower case, `*.` before a wildcard. NULL at the end. Those of subject
 * alternative names; the common name only where there are none. */
const char *tls_chain_name(const struct tls_chain *c, size_t i);

/* The question for its OCSP server (RFC 6960 4.1, without a nonce, as RFC 5019 2.1 asks), DER.
 * ERR_ABSENT: its issuer is not in the chain. */
MUST enum err tls_chain_ocsp_request(const struct tls_chain *c, uint8_t *ret, size_t size,
				     size_t *ret_len);
/* From now on shown to clients that ask (RFC 6066 8). Checked first: for this certificate, signed
 * by its issuer or for it, good, and in its time at now_s; ERR_REFUSED, and EKEYREVOKED when it
 * says so of the certificate. ERR_FORMAT: no answer at all. ret_until_s: when it ends. An empty
 * answer takes the staple away. */
MUST enum err tls_chain_staple(struct tls_chain *c, struct span ocsp, uint64_t now_s,
			       uint64_t *ret_until_s);

/* The certificate that proves a name by tls-alpn-01 (RFC 8737 3): for name alone, self-signed,
 * with digest as acmeIdentifier. */
MUST enum err tls_chain_acme(const char *name, const uint8_t digest[32], uint64_t now_s,
			     struct tls_chain **ret);

DEFINE_AUTO(struct tls_chain, tls_chain_unref)

#endif
