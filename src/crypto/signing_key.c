#include "crypto/signing_key.h"

#include "crypto/certificate_inner.h"
#include "crypto/secret.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

struct signing_key {
	EVP_PKEY *key;
};

enum { DER_MAX = 80 }; /* of an ECDSA signature on P-256: 72 at most */

enum err signing_key_new(char ret_pem[SIGNING_KEY_PEM_MAX])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	enum err e = key ? certificate_key_text(key, ret_pem, SIGNING_KEY_PEM_MAX) : ENOMEM;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
					      NULL) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

enum err signing_key_read(struct span pem, struct signing_key **ret)
{
	AUTO(signing_key_free) struct signing_key *k = calloc(1, sizeof(*k));
	if (!k)
		return ENOMEM;
	k->key = certificate_key_parse(pem);
	ERR_clear_error();
	if (!k->key || !is_p256(k->key))
		return ERR_FORMAT;
	*ret = TAKE(k);
	return OK;
}

void signing_key_free(struct signing_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

static bool coordinate(const EVP_PKEY *key, const char *which, uint8_t ret[SIGNING_NUMBER_LEN])
{
	BIGNUM *n = NULL;
	bool good = EVP_PKEY_get_bn_param(key, which, &n) == 1 &&
		    BN_bn2binpad(n, ret, SIGNING_NUMBER_LEN) == SIGNING_NUMBER_LEN;
	BN_free(n);
	return good;
}

enum err signing_key_point(const struct signing_key *k, uint8_t ret_x[SIGNING_NUMBER_LEN],
			   uint8_t ret_y[SIGNING_NUMBER_LEN])
{
	bool good = coordinate(k->key, OSSL_PKEY_PARAM_EC_PUB_X, ret_x) &&
		    coordinate(k->key, OSSL_PKEY_PARAM_EC_PUB_Y, ret_y);
	ERR_clear_error();
	return good ? OK : ENOMEM;
}

/* RFC 7518 3.4: the two numbers instead of the library's DER. */
static bool split(const uint8_t *der, size_t len, uint8_t ret[SIGNATURE_LEN])
{
	const unsigned char *at = der;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)len);
	bool good =
		s &&
		BN_bn2binpad(ECDSA_SIG_get0_r(s), ret, SIGNING_NUMBER_LEN) == SIGNING_NUMBER_LEN &&
		BN_bn2binpad(ECDSA_SIG_get0_s(s), ret + SIGNING_NUMBER_LEN, SIGNING_NUMBER_LEN) ==
			SIGNING_NUMBER_LEN;
	ECDSA_SIG_free(s);
	return good;
}

enum err signing_key_sign(const struct signing_key *k, struct span data, uint8_t ret[SIGNATURE_LEN])
{
	uint8_t der[DER_MAX];
	size_t len = sizeof(der);
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	bool good = m && EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, k->key) == 1 &&
		    EVP_DigestSign(m, der, &len, data.data, data.len) == 1 && split(der, len, ret);
	EVP_MD_CTX_free(m);
	ERR_clear_error();
	return good ? OK : ENOMEM;
}

static int join(const uint8_t signature[SIGNATURE_LEN], uint8_t der[DER_MAX])
{
	unsigned char *at = der;
	int len = -1;
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r_of = BN_bin2bn(signature, SIGNING_NUMBER_LEN, NULL);
	BIGNUM *s_of = BN_bin2bn(signature + SIGNING_NUMBER_LEN, SIGNING_NUMBER_LEN, NULL);
	if (s && r_of && s_of && ECDSA_SIG_set0(s, r_of, s_of) == 1) {
		r_of = s_of = NULL; /* the signature has them */
		len = i2d_ECDSA_SIG(s, NULL) <= DER_MAX ? i2d_ECDSA_SIG(s, &at) : -1;
	}
	BN_free(r_of);
	BN_free(s_of);
	ECDSA_SIG_free(s);
	return len;
}

bool signing_key_signed(const struct signing_key *k, struct span data,
			const uint8_t signature[SIGNATURE_LEN])
{
	uint8_t der[DER_MAX];
	int len = join(signature, der);
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	bool good = len > 0 && m &&
		    EVP_DigestVerifyInit(m, NULL, EVP_sha256(), NULL, k->key) == 1 &&
		    EVP_DigestVerify(m, der, (size_t)len, data.data, data.len) == 1;
	EVP_MD_CTX_free(m);
	ERR_clear_error();
	return good;
}
