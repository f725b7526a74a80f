/* The certificate by which a name is proved to an ACME server over TLS (RFC 8737). */
#include "crypto/tls_inner.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY_S = 86400, DIGEST_LEN = 32 };

static bool put_name(X509 *x, const char *name)
{
	GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *one = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	bool good = all && one && text && ASN1_STRING_set(text, name, -1) == 1;
	if (good) {
		GENERAL_NAME_set0_value(one, GEN_DNS, text);
		text = NULL;
		good = sk_GENERAL_NAME_push(all, one) > 0;
		if (good)
			one = NULL;
	}
	good = good && X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
	ASN1_IA5STRING_free(text);
	GENERAL_NAME_free(one);
	GENERAL_NAMES_free(all);
	return good;
}

/* RFC 8737 3: critical, an OCTET STRING in the extension's own. */
static bool put_digest(X509 *x, const uint8_t digest[DIGEST_LEN])
{
	uint8_t der[2 + DIGEST_LEN] = {V_ASN1_OCTET_STRING, DIGEST_LEN};
	memcpy(der + 2, digest, DIGEST_LEN);
	ASN1_OBJECT *kind = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e = NULL;
	bool good = kind && value && ASN1_OCTET_STRING_set(value, der, sizeof(der)) == 1 &&
		    (e = X509_EXTENSION_create_by_OBJ(NULL, kind, 1, value)) &&
		    X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(kind);
	return good;
}

static bool fill(X509 *x, EVP_PKEY *key, const char *name, const uint8_t *digest, uint64_t now_s)
{
	static const unsigned char called[] = "acme-tls-alpn-01";
	return X509_set_version(x, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
	       ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now_s - DAY_S)) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(now_s + DAY_S)) &&
	       X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC,
					  called, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
	       X509_set_pubkey(x, key) == 1 && put_name(x, name) && put_digest(x, digest) &&
	       X509_sign(x, key, EVP_sha256()) > 0;
}

enum err tls_chain_acme(const char *name, const uint8_t digest[32], uint64_t now_s,
			struct tls_chain **ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *chain = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
	char *chain_text = NULL, *key_text = NULL;
	enum err e = ENOMEM;
	if (key && x && chain && secret && fill(x, key, name, digest, now_s) &&
	    PEM_write_bio_X509(chain, x) == 1 &&
	    PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1) {
		long chain_len = BIO_get_mem_data(chain, &chain_text);
		long key_len = BIO_get_mem_data(secret, &key_text);
		e = tls_chain_new(span_of(chain_text, (size_t)chain_len),
				  span_of(key_text, (size_t)key_len), ret);
	}
	BIO_free(chain);
	BIO_free(secret);
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}
