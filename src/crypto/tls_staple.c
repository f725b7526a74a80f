/* The OCSP answer of a chain: the question for it, its check, and the copy for a handshake. */
#include "crypto/tls_inner.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>

/* RFC 5019 2.1.1: SHA-1 names the certificate in the question, which is no signature. */
static OCSP_CERTID *id_new(const struct tls_chain *c, const EVP_MD *hash)
{
	X509 *issuer = tls_chain_issuer(c);
	return issuer ? OCSP_cert_to_id(hash, c->certificate, issuer) : NULL;
}

enum err tls_chain_ocsp_request(const struct tls_chain *c, uint8_t *ret, size_t size,
				size_t *ret_len)
{
	OCSP_REQUEST *q = OCSP_REQUEST_new();
	OCSP_CERTID *id = id_new(c, EVP_sha1());
	bool added = q && id && OCSP_request_add0_id(q, id);
	int len = added ? i2d_OCSP_REQUEST(q, NULL) : -1;
	enum err e = !id ? ERR_ABSENT : len <= 0 ? ENOMEM : (size_t)len > size ? ERR_LIMIT : OK;
	if (!e) {
		*ret_len = (size_t)i2d_OCSP_REQUEST(q, &ret);
	}
	if (!added)
		OCSP_CERTID_free(id);
	OCSP_REQUEST_free(q);
	ERR_clear_error();
	return e;
}

/* Signed by the issuer, or by one that the issuer has made for it (RFC 6960 4.2.2.2). */
static bool is_signed(OCSP_BASICRESP *basic, const struct tls_chain *c, uint64_t now_s)
{
	X509 *issuer = tls_chain_issuer(c);
	STACK_OF(X509) *one = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	bool good = one && store && issuer && sk_X509_push(one, issuer) > 0 &&
		    X509_STORE_add_cert(store, issuer) == 1 &&
		    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
	if (good) {
		X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)now_s);
		good = OCSP_basic_verify(basic, one, store, 0) == 1;
	}
	sk_X509_free(one);
	X509_STORE_free(store);
	return good;
}

/* When an answer is asked for, and by how much clocks may differ; 0: it was not asked now. */
struct moment {
	uint64_t now_s;
	unsigned skew_s;
};

static bool has_begun(const ASN1_GENERALIZEDTIME *from, struct moment at)
{
	time_t early = (time_t)(at.now_s + at.skew_s);
	return from && X509_cmp_time(from, &early) < 0;
}

/* When it ends, of one that has begun, if it has not ended. Without an end there may be a newer one
 * at any time (RFC 6960 4.2.2.1): it counts for the moment in which it is asked for and made. */
static bool has_not_ended(const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *until,
			  struct moment at, uint64_t *ret_until_s)
{
	time_t late = (time_t)(at.now_s - at.skew_s);
	if (until)
		return X509_cmp_time(until, &late) > 0 && tls_seconds(until, ret_until_s);
	*ret_until_s = at.now_s;
	return at.skew_s && X509_cmp_time(from, &late) > 0;
}

/* It speaks of this certificate, well, and of now. ERR_ABSENT: not of this one. */
static enum err judge(OCSP_BASICRESP *basic, const struct tls_chain *c, const EVP_MD *hash,
		      struct moment at, uint64_t *ret_until_s)
{
	ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
	int status = -1, reason = 0;
	uint64_t until_s = 0;
	OCSP_CERTID *id = id_new(c, hash);
	bool found =
		id && OCSP_resp_find_status(basic, id, &status, &reason, NULL, &from, &until) == 1;
	bool begun = found && has_begun(from, at);
	bool in_time = begun && has_not_ended(from, until, at, &until_s);
	OCSP_CERTID_free(id);
	if (!found)
		return ERR_ABSENT;
	/* Who is revoked without an end stays so. */
	if ((in_time || (begun && !until)) && status == V_OCSP_CERTSTATUS_REVOKED)
		return (enum err)EKEYREVOKED;
	if (in_time && status == V_OCSP_CERTSTATUS_UNKNOWN && at.skew_s)
		return ERR_ABSENT;
	if (!in_time || status != V_OCSP_CERTSTATUS_GOOD)
		return ERR_REFUSED;
	*ret_until_s = until_s;
	return OK;
}

enum err tls_ocsp_judge(const struct tls_chain *c, struct span ocsp, uint64_t now_s,
			unsigned skew_s, uint64_t *ret_until_s)
{
	const unsigned char *data = ocsp.data;
	const struct moment at = {now_s, skew_s};
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &data, (long)ocsp.len);
	OCSP_BASICRESP *basic = NULL;
	enum err e = r && data == ocsp.data + ocsp.len ? OK : ERR_FORMAT;
	if (!e && OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		e = ERR_REFUSED;
	if (!e && !(basic = OCSP_response_get1_basic(r)))
		e = ERR_FORMAT;
	if (!e && !is_signed(basic, c, now_s))
		e = ERR_REFUSED;
	if (!e)
		e = judge(basic, c, EVP_sha1(), at, ret_until_s);
	if (e == ERR_ABSENT)
		e = judge(basic, c, EVP_sha256(), at, ret_until_s);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
	ERR_clear_error();
	return e;
}

enum err tls_staple_judge(const struct tls_chain *c, struct span ocsp, uint64_t now_s,
			  uint64_t *ret_until_s)
{
	enum err e = tls_ocsp_judge(c, ocsp, now_s, 0, ret_until_s);
	return e == ERR_ABSENT ? ERR_REFUSED : e;
}

enum err tls_chain_staple(struct tls_chain *c, struct span ocsp, uint64_t now_s,
			  uint64_t *ret_until_s)
{
	uint8_t *copy = NULL;
	uint64_t until_s = 0;
	if (ocsp.len > TLS_STAPLE_MAX)
		return ERR_FORMAT;
	if (ocsp.len) {
		TRY(tls_staple_judge(c, ocsp, now_s, &until_s));
		copy = malloc(ocsp.len);
		if (!copy)
			return ENOMEM;
		memcpy(copy, ocsp.data, ocsp.len);
	}
	if (CRYPTO_THREAD_write_lock(c->lock) != 1) {
		free(copy);
		return ENOMEM;
	}
	uint8_t *before = c->staple;
	c->staple = copy;
	c->staple_len = ocsp.len;
	CRYPTO_THREAD_unlock(c->lock);
	free(before);
	*ret_until_s = until_s;
	return OK;
}

bool tls_chain_staple_copy(struct tls_chain *c, uint8_t **ret, size_t *ret_len)
{
	if (CRYPTO_THREAD_read_lock(c->lock) != 1)
		return false;
	uint8_t *copy = c->staple ? OPENSSL_memdup(c->staple, c->staple_len) : NULL;
	size_t len = c->staple_len;
	CRYPTO_THREAD_unlock(c->lock);
	if (!copy)
		return false;
	*ret = copy;
	*ret_len = len;
	return true;
}
