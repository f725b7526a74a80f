/* For tests of TLS: certificates of every kind, made on the spot, and OCSP answers for them. Knows
 * nothing of connections. */
#ifndef CRYPTO_TLS_PKI_TEST_H
#define CRYPTO_TLS_PKI_TEST_H

#include "base/span.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct pki_entity {
	X509 *certificate;
	EVP_PKEY *key;
	char chain_pem[16384], key_pem[8192];
};

struct pki_wish {
	const char *called;		 /* common name */
	const char *names;		 /* "DNS:a,DNS:*.b,IP:192.0.2.1", or NULL */
	const struct pki_entity *issuer; /* NULL: signs itself */
	const char *key;		 /* "P-256" (NULL), "P-384", "RSA", "ED25519", "RSA-1024" */
	long from_s, until_s;		 /* from now; 0: an hour before, a day after */
	bool is_authority, must_staple, answers_ocsp;
	const char *ocsp; /* "URI:http://…" or NULL */
};

static inline EVP_PKEY *pki_key(const char *kind)
{
	if (!kind || strcmp(kind, "P-256") == 0)
		return EVP_EC_gen("P-256");
	if (strcmp(kind, "P-384") == 0)
		return EVP_EC_gen("P-384");
	if (strcmp(kind, "ED25519") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_RSA_gen(strcmp(kind, "RSA-1024") == 0 ? 1024u : 2048u);
}

static inline void pki_extension(X509 *x, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX about;
	X509V3_set_ctx(&about, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &about, kind, value);
	if (!e || X509_add_ext(x, e, -1) != 1)
		abort();
	X509_EXTENSION_free(e);
}

static inline void pki_text(BIO *b, char *ret, size_t size)
{
	int n = BIO_read(b, ret, (int)size - 1);
	if (n <= 0)
		abort();
	ret[n] = 0;
	BIO_free(b);
}

static inline void pki_extensions(X509 *x, const struct pki_wish *w)
{
	X509 *above = w->issuer ? w->issuer->certificate : x;
	pki_extension(x, above, NID_basic_constraints,
		      w->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	pki_extension(x, above, NID_subject_key_identifier, "hash");
	if (w->names)
		pki_extension(x, above, NID_subject_alt_name, w->names);
	if (w->must_staple)
		pki_extension(x, above, NID_tlsfeature, "status_request");
	if (w->answers_ocsp)
		pki_extension(x, above, NID_ext_key_usage, "OCSPSigning");
	if (w->ocsp) {
		char line[256];
		(void)snprintf(line, sizeof(line), "OCSP;%s", w->ocsp);
		pki_extension(x, above, NID_info_access, line);
	}
}

static inline void pki_make(struct pki_entity *e, struct pki_wish w)
{
	static long serial = 0x1000;
	X509 *x = e->certificate = X509_new();
	e->key = pki_key(w.key);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), w.from_s ? w.from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), w.until_s ? w.until_s : 86400);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC,
				   (const unsigned char *)w.called, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(w.issuer ? w.issuer->certificate : x));
	X509_set_pubkey(x, e->key);
	pki_extensions(x, &w);
	EVP_PKEY *signer = w.issuer ? w.issuer->key : e->key;
	const EVP_MD *hash = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
	if (!X509_sign(x, signer, hash))
		abort();
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(b, x);
	if (w.issuer)
		PEM_write_bio_X509(b, w.issuer->certificate);
	pki_text(b, e->chain_pem, sizeof(e->chain_pem));
	b = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(b, e->key, NULL, NULL, 0, NULL, NULL);
	pki_text(b, e->key_pem, sizeof(e->key_pem));
}

static inline void pki_done(struct pki_entity *e)
{
	X509_free(e->certificate);
	EVP_PKEY_free(e->key);
}

/* An answer about e, which authority has issued, signed by signer; how many bytes. until_s: from
 * now on; 0: without an end. */
static inline size_t pki_ocsp(const struct pki_entity *e, const struct pki_entity *authority,
			      const struct pki_entity *signer, int status, long until_s,
			      uint8_t *ret, size_t size)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), e->certificate, authority->certificate);
	ASN1_TIME *from = X509_gmtime_adj(NULL, -60);
	ASN1_TIME *until = until_s ? X509_gmtime_adj(NULL, until_s) : NULL;
	OCSP_basic_add1_status(basic, id, status, 0,
			       status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, until);
	if (OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, 0) != 1)
		abort();
	OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	int len = i2d_OCSP_RESPONSE(r, NULL);
	if (len <= 0 || (size_t)len > size)
		abort();
	(void)i2d_OCSP_RESPONSE(r, &ret);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	return (size_t)len;
}

/* Is it a question about e, which authority has issued, and nothing else (RFC 5019 2.1)? */
static inline bool pki_is_question(const uint8_t *der, size_t len, const struct pki_entity *e,
				   const struct pki_entity *authority)
{
	const uint8_t *at = der;
	OCSP_REQUEST *q = d2i_OCSP_REQUEST(NULL, &at, (long)len);
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), e->certificate, authority->certificate);
	bool is = q && at == der + len && OCSP_request_onereq_count(q) == 1 &&
		  OCSP_REQUEST_get_ext_count(q) == 0 &&
		  OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, 0)), id) == 0;
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(q);
	return is;
}

#endif
