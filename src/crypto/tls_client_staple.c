/* What a server's OCSP answer says of it, judged by a client (RFC 6066 8, RFC 7633). */
#include "crypto/tls_inner.h"

#include <openssl/err.h>
#include <openssl/x509.h>

enum { REFUSE = 0, GO_ON = 1 };

/* By the library's clock, which certificates are judged by. */
static bool now_read(uint64_t *ret)
{
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
	bool good = now && tls_seconds(now, ret);
	ASN1_TIME_free(now);
	return good;
}

/* Of the chain that was verified: the server's certificate, and those above it. */
static enum err judge(STACK_OF(X509) * verified, struct span ocsp)
{
	uint64_t now_s, until_s;
	const struct tls_chain c = {.certificate = sk_X509_value(verified, 0), .above = verified};
	return now_read(&now_s) ? tls_staple_judge(&c, ocsp, now_s, &until_s) : (enum err)ENOMEM;
}

/* Called in each full handshake, whether there is one or not, when the chain was verified. */
static int staple(SSL *ssl, void *arg)
{
	struct tls_stream *t = tls_stream_of(ssl);
	STACK_OF(X509) *verified = SSL_get0_verified_chain(ssl);
	const unsigned char *data = NULL;
	long len = SSL_get_tlsext_status_ocsp_resp(ssl, &data);
	(void)arg;
	if (sk_X509_num(verified) < 1)
		return GO_ON; /* who was not verified is refused for that */
	enum err e = len > 0 && len <= TLS_STAPLE_MAX ? judge(verified, span_of(data, (size_t)len))
						      : ERR_ABSENT;
	ERR_clear_error();
	t->staple_good = e == OK;
	if (e == (enum err)EKEYREVOKED)
		t->staple_fault = "certificate revoked";
	else if (e && tls_must_staple(sk_X509_value(verified, 0)))
		t->staple_fault = "no proof that the certificate is not revoked";
	return t->staple_fault ? REFUSE : GO_ON;
}

void tls_client_check_staples(SSL_CTX *c)
{
	(void)SSL_CTX_set_tlsext_status_type(c, TLSEXT_STATUSTYPE_ocsp);
	(void)SSL_CTX_set_tlsext_status_cb(c, staple);
}
