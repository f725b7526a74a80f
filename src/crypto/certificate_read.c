#include "crypto/certificate.h"
#include "crypto/certificate_inner.h"
#include "crypto/hash.h"

#include <assert.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static BIO *text_open(struct span text)
{
	return text.len > CERTIFICATE_PEM_MAX ? NULL : BIO_new_mem_buf(text.data, (int)text.len);
}

/* No pass phrase is asked for at a terminal. */
static int no_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

X509 *certificate_parse(struct span pem)
{
	BIO *text = text_open(pem);
	X509 *x = text ? PEM_read_bio_X509(text, NULL, no_phrase, NULL) : NULL;
	BIO_free(text);
	return x;
}

EVP_PKEY *certificate_key_parse(struct span pem)
{
	BIO *text = text_open(pem);
	EVP_PKEY *key = text ? PEM_read_bio_PrivateKey(text, NULL, no_phrase, NULL) : NULL;
	BIO_free(text);
	return key;
}

/* Seconds since 1970; 0 before that. */
static bool seconds(const ASN1_TIME *at, uint64_t *ret)
{
	int days = 0, rest = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool good = epoch && ASN1_TIME_diff(&days, &rest, epoch, at) == 1;
	ASN1_TIME_free(epoch);
	if (good)
		*ret = days < 0 || rest < 0 ? 0 : (uint64_t)days * 86400 + (uint64_t)rest;
	return good;
}

static enum err facts(X509 *x, struct certificate_facts *ret)
{
	struct certificate_facts f = {.is_authority = X509_check_ca(x) == 1};
	unsigned len = sizeof(f.fingerprint);
	static_assert(sizeof(f.fingerprint) == CRYPTO_SHA256_LEN, "a hash fits");
	if (!seconds(X509_get0_notBefore(x), &f.time.from_s) ||
	    !seconds(X509_get0_notAfter(x), &f.time.until_s) ||
	    X509_digest(x, EVP_sha256(), f.fingerprint, &len) != 1)
		return ERR_FORMAT;
	*ret = f;
	return OK;
}

enum err certificate_read(struct span chain_pem, struct span key_pem, struct certificate_facts *ret)
{
	X509 *x = certificate_parse(chain_pem);
	EVP_PKEY *key = x && key_pem.len ? certificate_key_parse(key_pem) : NULL;
	enum err e = x && (key || key_pem.len == 0) ? OK : ERR_FORMAT;
	if (!e && key && X509_check_private_key(x, key) != 1)
		e = ERR_REFUSED;
	if (!e)
		e = facts(x, ret);
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}

static bool is_named(X509 *x, const struct certificate_names *whom)
{
	for (size_t i = 0; i < whom->names_n; i++)
		if (X509_check_host(x, whom->names[i], 0, 0, NULL) != 1)
			return false;
	for (size_t i = 0; i < whom->addresses_n; i++)
		if (X509_check_ip(x, whom->addresses[i].data, whom->addresses[i].len, 0) != 1)
			return false;
	return true;
}

static bool leads_to(X509 *x, X509 *authority, uint64_t now_s)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	bool good = store && check && X509_STORE_add_cert(store, authority) == 1 &&
		    X509_STORE_CTX_init(check, store, x, NULL) == 1 &&
		    X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_SERVER) == 1;
	if (good) {
		X509_STORE_CTX_set_time(check, 0, (time_t)now_s);
		good = X509_verify_cert(check) == 1;
	}
	X509_STORE_CTX_free(check);
	X509_STORE_free(store);
	return good;
}

bool certificate_serves(struct span chain_pem, struct span authority_pem,
			const struct certificate_names *whom, uint64_t now_s)
{
	X509 *x = certificate_parse(chain_pem);
	X509 *authority = authority_pem.len ? certificate_parse(authority_pem) : NULL;
	bool good = x && is_named(x, whom);
	if (good && authority_pem.len)
		good = authority && leads_to(x, authority, now_s);
	X509_free(x);
	X509_free(authority);
	ERR_clear_error();
	return good;
}

enum err certificate_der(struct span pem, uint8_t *ret, size_t size, size_t *ret_len)
{
	enum err e = ERR_FORMAT;
	X509 *x = certificate_parse(pem);
	unsigned char *der = NULL;
	int len = x ? i2d_X509(x, &der) : -1;
	if (len > 0)
		e = (size_t)len <= size ? OK : ERR_LIMIT;
	if (!e) {
		memcpy(ret, der, (size_t)len); /* the library's own encoding, measured above */
		*ret_len = (size_t)len;
	}
	OPENSSL_free(der);
	X509_free(x);
	ERR_clear_error();
	return e;
}
