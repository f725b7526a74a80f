#include "crypto/tls_status.h"

#include "crypto/tls_inner.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct tls_status {
	struct tls_chain chain; /* certificate and above alone; owned */
	uint8_t fingerprint[TLS_STATUS_FINGERPRINT_LEN];
	char url[TLS_CHAIN_TEXT_MAX];
};

void tls_status_free(struct tls_status *s)
{
	if (!s)
		return;
	X509_free(s->chain.certificate);
	sk_X509_pop_free(s->chain.above, X509_free);
	free(s);
}

static bool take(struct tls_status *s, X509 *certificate, X509 *issuer)
{
	unsigned len = sizeof(s->fingerprint);
	s->chain.above = sk_X509_new_null();
	if (!s->chain.above || !X509_up_ref(certificate))
		return false;
	s->chain.certificate = certificate;
	if (!X509_up_ref(issuer))
		return false;
	if (sk_X509_push(s->chain.above, issuer) <= 0) {
		X509_free(issuer);
		return false;
	}
	return X509_digest(certificate, EVP_sha256(), s->fingerprint, &len) == 1;
}

static enum err make(X509 *certificate, X509 *issuer, struct tls_status **ret)
{
	AUTO(tls_status_free) struct tls_status *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	size_t named = tls_ocsp_line(certificate, s->url);
	if (!s->url[0])
		return named ? ERR_UNSUPPORTED : ERR_ABSENT;
	if (!take(s, certificate, issuer))
		return ENOMEM;
	*ret = TAKE(s);
	return OK;
}

enum err tls_status_new(const struct tls_stream *t, struct tls_status **ret)
{
	STACK_OF(X509) *verified = SSL_get0_verified_chain(t->library);
	/* One that is trusted by itself has nobody who could revoke it. */
	if (sk_X509_num(verified) < 2)
		return ERR_ABSENT;
	enum err e = make(sk_X509_value(verified, 0), sk_X509_value(verified, 1), ret);
	ERR_clear_error();
	return e;
}

static X509 *read(struct span der)
{
	const unsigned char *at = der.data;
	return d2i_X509(NULL, &at, (long)der.len);
}

enum err tls_status_of(struct span certificate, struct span issuer, struct tls_status **ret)
{
	X509 *x = read(certificate), *above = read(issuer);
	enum err e = x && above ? make(x, above, ret) : ERR_FORMAT;
	X509_free(x);
	X509_free(above);
	ERR_clear_error();
	return e;
}

const uint8_t *tls_status_fingerprint(const struct tls_status *s)
{
	return s->fingerprint;
}

const char *tls_status_url(const struct tls_status *s)
{
	return s->url;
}

enum err tls_status_question(const struct tls_status *s, uint8_t *ret, size_t size, size_t *ret_len)
{
	return tls_chain_ocsp_request(&s->chain, ret, size, ret_len);
}

enum err tls_status_judge(const struct tls_status *s, struct span answer, uint64_t now_s,
			  uint64_t *ret_until_s)
{
	return tls_ocsp_judge(&s->chain, answer, now_s, TLS_STATUS_SKEW_S, ret_until_s);
}
