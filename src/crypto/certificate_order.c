#include "crypto/certificate_order.h"

#include "crypto/certificate_inner.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* --- the request --- */

static bool put_request_names(X509_REQ *r, const struct certificate_names *whom)
{
	STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
	GENERAL_NAMES *names = certificate_general_names(whom);
	X509_EXTENSION *e = names ? X509V3_EXT_i2d(NID_subject_alt_name, 0, names) : NULL;
	bool good = all && e && sk_X509_EXTENSION_push(all, e) > 0;
	if (!good)
		X509_EXTENSION_free(e);
	good = good && X509_REQ_add_extensions(r, all) == 1;
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good;
}

enum err certificate_request(struct span key_pem, const struct certificate_names *whom,
			     uint8_t *ret, size_t size, size_t *ret_len)
{
	if (!certificate_are_names(whom, true) || whom->names_n == 0)
		return ERR_FORMAT;
	EVP_PKEY *key = certificate_key_parse(key_pem);
	X509_REQ *r = key ? X509_REQ_new() : NULL;
	enum err e = key ? ENOMEM : ERR_FORMAT;
	if (r && X509_REQ_set_version(r, 0) == 1 && X509_REQ_set_pubkey(r, key) == 1 &&
	    put_request_names(r, whom) && X509_REQ_sign(r, key, EVP_sha256()) > 0) {
		int len = i2d_X509_REQ(r, NULL);
		e = len > 0 && (size_t)len <= size ? OK : ERR_LIMIT;
		if (!e)
			*ret_len = (size_t)i2d_X509_REQ(r, &ret);
	}
	X509_REQ_free(r);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}

/* --- its key --- */

static EVP_PKEY *key_make(enum certificate_key kind)
{
	switch (kind) {
	case CERTIFICATE_KEY_P256: return EVP_EC_gen("P-256");
	case CERTIFICATE_KEY_P384: return EVP_EC_gen("P-384");
	case CERTIFICATE_KEY_RSA2048: return EVP_RSA_gen(2048);
	case CERTIFICATE_KEY_RSA4096: return EVP_RSA_gen(4096);
	}
	return NULL;
}

enum err certificate_key_text(const EVP_PKEY *key, char *ret, size_t size)
{
	BIO *b = BIO_new(BIO_s_secmem());
	enum err e = ENOMEM;
	char *text = NULL;
	if (b && PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1) {
		long len = BIO_get_mem_data(b, &text);
		e = len > 0 && span_to_cstr(span_of(text, (size_t)len), ret, size) ? OK : ERR_LIMIT;
	}
	BIO_free(b);
	return e;
}

enum err certificate_key_new(enum certificate_key kind, char ret_pem[CERTIFICATE_KEY_PEM_MAX])
{
	EVP_PKEY *key = key_make(kind);
	enum err e = key ? certificate_key_text(key, ret_pem, CERTIFICATE_KEY_PEM_MAX) : ENOMEM;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}

/* --- who issued it --- */

static size_t take(const ASN1_STRING *from, uint8_t ret[CERTIFICATE_ID_MAX])
{
	int len = from ? ASN1_STRING_length(from) : 0;
	if (len <= 0 || len > CERTIFICATE_ID_MAX)
		return 0;
	memcpy(ret, ASN1_STRING_get0_data(from), (size_t)len);
	return (size_t)len;
}

/* The content of the INTEGER: the library's number without its header. */
static size_t take_serial(const X509 *x, uint8_t ret[CERTIFICATE_ID_MAX])
{
	uint8_t der[2 + CERTIFICATE_ID_MAX], *at = der;
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	int len = i2d_ASN1_INTEGER(serial, NULL);
	if (len <= 2 || (size_t)len > sizeof(der) || i2d_ASN1_INTEGER(serial, &at) != len)
		return 0;
	memcpy(ret, der + 2, (size_t)len - 2); /* shorter than 128 octets: a header of two */
	return (size_t)len - 2;
}

static bool take_entry(const X509_NAME *of, int kind, char ret[CERTIFICATE_ISSUER_MAX])
{
	unsigned char *text = NULL;
	int at = X509_NAME_get_index_by_NID(of, kind, -1);
	int len = at < 0 ? -1
			 : ASN1_STRING_to_UTF8(
				   &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(of, at)));
	bool good = len > 0 && memchr(text, 0, (size_t)len) == NULL &&
		    span_to_cstr(span_of(text, (size_t)len), ret, CERTIFICATE_ISSUER_MAX);
	OPENSSL_free(text);
	return good;
}

static void take_issuer(const X509 *x, char ret[CERTIFICATE_ISSUER_MAX])
{
	const X509_NAME *of = X509_get_issuer_name(x);
	if (!take_entry(of, NID_commonName, ret) && !take_entry(of, NID_organizationName, ret))
		ret[0] = '\0';
}

static void take_top(struct span chain, char ret[CERTIFICATE_ISSUER_MAX])
{
	BIO *b = BIO_new_mem_buf(chain.data, (int)chain.len);
	for (int i = 0; b && i < CERTIFICATE_CHAIN_MAX; i++) {
		X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
		if (!x)
			break;
		take_issuer(x, ret);
		X509_free(x);
	}
	BIO_free(b);
}

enum err certificate_identify(struct span chain_pem, struct certificate_identity *ret)
{
	X509 *x = certificate_parse(chain_pem);
	if (!x) {
		ERR_clear_error();
		return ERR_FORMAT;
	}
	struct certificate_identity i = {0};
	i.authority_len = take(X509_get0_authority_key_id(x), i.authority);
	i.serial_len = take_serial(x, i.serial);
	take_issuer(x, i.issuer);
	take_top(chain_pem, i.top);
	X509_free(x);
	ERR_clear_error();
	*ret = i;
	return OK;
}
