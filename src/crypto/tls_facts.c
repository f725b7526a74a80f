/* What may be told of a connection that is open. */
#include "crypto/tls_inner.h"

#include <openssl/err.h>
#include <openssl/evp.h>

struct span tls_protocol(const struct tls_stream *t)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	SSL_get0_alpn_selected(t->library, &name, &len);
	return span_of(name, len);
}

const char *tls_server_name(const struct tls_stream *t)
{
	return SSL_get_servername(t->library, TLSEXT_NAMETYPE_host_name);
}

bool tls_asks_certificate(const struct tls_stream *t)
{
	return t->asks_certificate;
}

bool tls_is_acme(const struct tls_stream *t)
{
	return t->acme != NULL;
}

static void certificate_facts(const X509 *x, struct tls_certificate *ret)
{
	unsigned len = sizeof(ret->fingerprint);
	ret->present = true;
	(void)tls_seconds(X509_get0_notBefore(x), &ret->from_s);
	(void)tls_seconds(X509_get0_notAfter(x), &ret->until_s);
	(void)X509_digest(x, EVP_sha256(), ret->fingerprint, &len);
	tls_name_line(X509_get_subject_name(x), ret->subject);
	tls_name_line(X509_get_issuer_name(x), ret->issuer);
	tls_serial_line(x, ret->serial);
}

static const char *group_name(const SSL *ssl)
{
	switch (SSL_get_negotiated_group((SSL *)(uintptr_t)ssl)) { /* only reads it */
	case NID_X25519: return "X25519";
	case NID_X9_62_prime256v1: return "P-256";
	case NID_secp384r1: return "P-384";
	default: return "";
	}
}

void tls_facts(const struct tls_stream *t, struct tls_facts *ret)
{
	const SSL *ssl = t->library;
	*ret = (struct tls_facts){
		.version = SSL_get_version(ssl),
		.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)),
		.cipher_bits = (unsigned)SSL_CIPHER_get_bits(SSL_get_current_cipher(ssl), NULL),
		.group = group_name(ssl),
		.resumed = SSL_session_reused(ssl) == 1,
	};
	const X509 *x = SSL_get0_peer_certificate(ssl);
	if (x && SSL_get_verify_result(ssl) == X509_V_OK)
		certificate_facts(x, &ret->peer);
	ERR_clear_error();
}

size_t tls_certificate_base64(const struct tls_stream *t, char *ret, size_t size)
{
	const X509 *x = SSL_get0_peer_certificate(t->library);
	unsigned char *der = NULL;
	size_t written = 0;
	if (!x || SSL_get_verify_result(t->library) != X509_V_OK)
		return 0;
	int len = i2d_X509(x, &der);
	if (len > 0 && ((size_t)len + 2) / 3 * 4 < size)
		written = (size_t)EVP_EncodeBlock((unsigned char *)ret, der, len);
	OPENSSL_free(der);
	ERR_clear_error();
	return written;
}
