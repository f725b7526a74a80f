/* X.509 certificates (RFC 5280) of an authority of our own, and what a given one says: PEM text in
 * and out. Knows no file, no clock, and nothing of who trusts it. */
#ifndef CRYPTO_CERTIFICATE_H
#define CRYPTO_CERTIFICATE_H

#include "base/err.h"
#include "base/span.h"

enum {
	CERTIFICATE_NAME_MAX = 254,   /* bytes of a name, with the NUL */
	CERTIFICATE_NAMES_MAX = 64,   /* names, and addresses, of one certificate */
	CERTIFICATE_PEM_MAX = 1 << 18 /* bytes of text that is looked at */
};

/* PEM texts; zeroed storage is none. */
struct certificate {
	char *chain; /* one certificate, or that of a server and those above it */
	char *key;   /* PKCS #8, not encrypted; wiped by certificate_done. NULL: not ours to have */
};

/* Accepts NULL and zeroed storage. For AUTO_DONE. */
void certificate_done(struct certificate *c);

/* Whom a certificate names, or how far an authority reaches. */
struct certificate_names {
	const char *const *names; /* of the DNS, without a dot at the end */
	size_t names_n;
	const struct span *addresses; /* 4 or 16 bytes each */
	size_t addresses_n;
};

/* From 0: since 1970. An authority makes nothing that outlives it. */
struct certificate_time {
	uint64_t from_s, until_s;
};

/* A new authority with a key on P-256. It can be believed for nothing but servers, the names in
 * reach and what is below them, and the addresses in reach, and makes no authorities below itself
 * (RFC 5280 4.2.1.10, critical): what people install opens no other door. A private address
 * in reach stands for its whole private range (RFC 1918, RFC 4193, RFC 6598), so that a new address
 * of the gateway asks nobody to install anew. reach: at least one name; NULL: all servers, for who
 * stands in for any of them. ERR_FORMAT: a name or an address is none. */
MUST enum err certificate_authority(const char *called, const struct certificate_names *reach,
				    struct certificate_time time, struct certificate *ret);

/* A server's certificate with a new key on P-256, by that authority; ret->chain has the
 * authority's too. ERR_REFUSED: out of its reach or time. */
MUST enum err certificate_issue(const struct certificate *authority,
				const struct certificate_names *whom, struct certificate_time time,
				struct certificate *ret);

/* What the first certificate of a chain says. */
struct certificate_facts {
	struct certificate_time time;
	uint8_t fingerprint[32]; /* SHA-256 of it, as browsers show it */
	bool is_authority;
};

/* Reads a chain and the key that should fit; an empty key is not looked at. ERR_FORMAT: it is no
 * PEM; ERR_REFUSED: another certificate's key. */
MUST enum err certificate_read(struct span chain_pem, struct span key_pem,
			       struct certificate_facts *ret);

/* The first certificate of the chain is for all of these names and addresses, and the chain leads
 * to that authority at that time. An empty authority is not asked for: names only. */
bool certificate_serves(struct span chain_pem, struct span authority_pem,
			const struct certificate_names *whom, uint64_t now_s);

/* The first certificate of a PEM text in DER, as phones install it: at most size bytes. */
MUST enum err certificate_der(struct span pem, uint8_t *ret, size_t size, size_t *ret_len);

#endif
