/* Whether a server's certificate has been revoked, as a client asks the OCSP server that it names
 * (RFC 6960; RFC 5019): the question, and the answer judged. Does no I/O, knows no clock.
 *
 * An answer must be signed by the certificate's issuer, or by one that the issuer has made for it
 * (id-kp-OCSPSigning, RFC 6960 4.2.2.2), be of this certificate, and of now. A nonce is neither
 * sent nor looked for (RFC 5019 4). */
#ifndef CRYPTO_TLS_STATUS_H
#define CRYPTO_TLS_STATUS_H

#include "base/err.h"
#include "base/span.h"

struct tls_status;
struct tls_stream;

enum {
	TLS_STATUS_SKEW_S = 300, /* clocks differ by that much */
	TLS_STATUS_FINGERPRINT_LEN = 32,
};

/* Of the server at the other side, which has proved itself by authorities. ERR_ABSENT: it names no
 * OCSP server, or there is nothing to be asked of it; ERR_UNSUPPORTED: it names some, and none that
 * is asked by http, or with too long a URL; ENOMEM. */
MUST enum err tls_status_new(const struct tls_stream *t, struct tls_status **ret);
/* Of a certificate and its issuer, DER. As above; ERR_FORMAT. */
MUST enum err tls_status_of(struct span certificate, struct span issuer, struct tls_status **ret);
void tls_status_free(struct tls_status *s); /* accepts NULL */

/* SHA-256 of the certificate. */
const uint8_t *tls_status_fingerprint(const struct tls_status *s);
/* "http://…" */
const char *tls_status_url(const struct tls_status *s);
/* DER. ERR_LIMIT: it is longer than size. */
MUST enum err tls_status_question(const struct tls_status *s, uint8_t *ret, size_t size,
				  size_t *ret_len);
/* What an answer that came at now_s says. OK: good, until *ret_until_s; one without an end is good
 * at now_s alone, if it was made then. EKEYREVOKED: revoked. ERR_ABSENT: it is signed well, and
 * tells nothing of this certificate. ERR_FORMAT: it is no answer; ERR_REFUSED: it is not signed as
 * it must be, or not of now, or says that the server has none. */
MUST enum err tls_status_judge(const struct tls_status *s, struct span answer, uint64_t now_s,
			       uint64_t *ret_until_s);

DEFINE_AUTO(struct tls_status, tls_status_free)

#endif
