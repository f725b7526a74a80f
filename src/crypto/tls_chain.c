#include "crypto/tls_chain.h"

#include "crypto/hash.h"
#include "crypto/tls_inner.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum {
	SECURITY_BITS_MIN = 112,
	NAME_LEN_MAX = 253,
	LABEL_LEN_MAX = 63,
	FEATURE_STATUS_REQUEST = 5, /* RFC 7633 4.1: the extension's number, RFC 6066 1.1 */
	ABOVE_MAX = 16,
};

/* --- reading -----------------------------------------------------------------------------------
 */

BIO *tls_text_open(struct span text)
{
	return text.len > INT_MAX ? NULL : BIO_new_mem_buf(text.data, (int)text.len);
}

/* No pass phrase is asked for at a terminal. */
int tls_no_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static enum err pem_read(struct tls_chain *c, struct span chain_pem, struct span key_pem)
{
	BIO *text = tls_text_open(chain_pem), *key = tls_text_open(key_pem);
	X509 *more = NULL;
	c->above = sk_X509_new_null();
	c->certificate = text ? PEM_read_bio_X509(text, NULL, tls_no_phrase, NULL) : NULL;
	c->key = key ? PEM_read_bio_PrivateKey(key, NULL, tls_no_phrase, NULL) : NULL;
	bool good = c->above && c->certificate && c->key;
	while (good && (more = PEM_read_bio_X509(text, NULL, tls_no_phrase, NULL))) {
		good = sk_X509_num(c->above) < ABOVE_MAX && sk_X509_push(c->above, more) > 0;
		if (!good)
			X509_free(more);
	}
	BIO_free(text);
	BIO_free(key);
	return good ? OK : ERR_FORMAT;
}

static bool kind_read(EVP_PKEY *key, enum tls_key *ret)
{
	static const struct {
		int id;
		enum tls_key kind;
	} kinds[] = {{EVP_PKEY_EC, TLS_KEY_ECDSA},
		     {EVP_PKEY_RSA, TLS_KEY_RSA},
		     {EVP_PKEY_ED25519, TLS_KEY_ED25519}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (EVP_PKEY_get_base_id(key) == kinds[i].id) {
			*ret = kinds[i].kind;
			return EVP_PKEY_get_security_bits(key) >= SECURITY_BITS_MIN;
		}
	return false;
}

/* Lower case into a copy; NULL: no name of a host, be it with a wildcard as its first label. */
static char *name_copy(struct span text)
{
	size_t label = 0, at = text.len > 2 && text.data[0] == '*' && text.data[1] == '.' ? 2 : 0;
	if (text.len == 0 || text.len > NAME_LEN_MAX)
		return NULL;
	char *copy = malloc(text.len + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < text.len; i++) {
		char c = (char)text.data[i];
		copy[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		c = copy[i];
		if (i < at)
			continue;
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			    c == '_' || (c == '.' && label);
		label = c == '.' ? 0 : label + 1;
		if (!good || label > LABEL_LEN_MAX) {
			free(copy);
			return NULL;
		}
	}
	copy[text.len] = 0;
	return copy;
}

static void name_push(struct tls_chain *c, const ASN1_STRING *text)
{
	char *name =
		name_copy(span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
	if (name)
		c->names[c->names_n++] = name;
}

static bool names_read(struct tls_chain *c)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(c->certificate, NID_subject_alt_name, NULL, NULL);
	int n = all ? sk_GENERAL_NAME_num(all) : 0;
	c->names = calloc(TLS_CHAIN_NAMES_MAX, sizeof(c->names[0]));
	for (int i = 0; c->names && i < n && c->names_n < TLS_CHAIN_NAMES_MAX; i++) {
		int type = 0;
		const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type);
		if (type == GEN_DNS)
			name_push(c, value);
	}
	GENERAL_NAMES_free(all);
	const X509_NAME *subject = X509_get_subject_name(c->certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (c->names && n == 0 && at >= 0)
		name_push(c, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	return c->names != NULL;
}

static void chain_free(struct tls_chain *c)
{
	X509_free(c->certificate);
	EVP_PKEY_free(c->key);
	sk_X509_pop_free(c->above, X509_free);
	for (size_t i = 0; i < c->names_n; i++)
		free(c->names[i]);
	free(c->names);
	free(c->staple);
	CRYPTO_THREAD_lock_free(c->lock);
	free(c);
}

enum err tls_chain_new(struct span chain_pem, struct span key_pem, struct tls_chain **ret)
{
	struct tls_chain *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	atomic_init(&c->refs, 1);
	c->lock = CRYPTO_THREAD_lock_new();
	enum err e = c->lock ? pem_read(c, chain_pem, key_pem) : ENOMEM;
	if (!e &&
	    (X509_check_private_key(c->certificate, c->key) != 1 || !kind_read(c->key, &c->kind)))
		e = ERR_REFUSED;
	if (!e && !names_read(c))
		e = ENOMEM;
	ERR_clear_error();
	if (e)
		chain_free(c);
	else
		*ret = c;
	return e;
}

enum err tls_chain_of(X509 *certificate, EVP_PKEY *key, struct tls_chain **ret)
{
	struct tls_chain *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	atomic_init(&c->refs, 1);
	c->lock = CRYPTO_THREAD_lock_new();
	c->above = sk_X509_new_null();
	if (X509_up_ref(certificate) == 1)
		c->certificate = certificate;
	if (EVP_PKEY_up_ref(key) == 1)
		c->key = key;
	enum err e = ENOMEM;
	if (c->lock && c->above && c->certificate && c->key && names_read(c))
		e = kind_read(key, &c->kind) ? OK : ERR_REFUSED;
	ERR_clear_error();
	if (e)
		chain_free(c);
	else
		*ret = c;
	return e;
}

struct tls_chain *tls_chain_ref(struct tls_chain *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_chain_unref(struct tls_chain *c)
{
	if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		chain_free(c);
}

bool tls_chain_use(const struct tls_chain *c, SSL *ssl)
{
	return SSL_use_cert_and_key(ssl, c->certificate, c->key, c->above, 1) == 1;
}

X509 *tls_chain_issuer(const struct tls_chain *c)
{
	if (X509_check_issued(c->certificate, c->certificate) == X509_V_OK)
		return c->certificate;
	for (int i = 0; i < sk_X509_num(c->above); i++)
		if (X509_check_issued(sk_X509_value(c->above, i), c->certificate) == X509_V_OK)
			return sk_X509_value(c->above, i);
	return NULL;
}

/* --- what it says ------------------------------------------------------------------------------
 */

bool tls_seconds(const ASN1_TIME *at, uint64_t *ret)
{
	int days = 0, rest = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool good = epoch && ASN1_TIME_diff(&days, &rest, epoch, at) == 1;
	ASN1_TIME_free(epoch);
	if (good)
		*ret = days < 0 || rest < 0 ? 0 : (uint64_t)days * 86400 + (uint64_t)rest;
	return good;
}

void tls_name_line(const X509_NAME *name, char ret[TLS_TEXT_MAX])
{
	char *text = NULL;
	BIO *b = BIO_new(BIO_s_mem());
	ret[0] = 0;
	if (b && X509_NAME_print_ex(b, name, 0,
				    XN_FLAG_RFC2253 & ~(unsigned)ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(b, &text);
		size_t n = len > 0 ? (size_t)len : 0;
		if (n >= TLS_TEXT_MAX)
			n = TLS_TEXT_MAX - 1;
		if (n)
			memcpy(ret, text, n);
		ret[n] = 0;
	}
	BIO_free(b);
}

void tls_serial_line(const X509 *x, char ret[65])
{
	static const char digits[] = "0123456789abcdef";
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	size_t len = (size_t)ASN1_STRING_length(serial);
	const uint8_t *data = ASN1_STRING_get0_data(serial);
	if (len > 32)
		len = 32;
	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[data[i] >> 4];
		ret[2 * i + 1] = digits[data[i] & 15];
	}
	ret[2 * len] = 0;
}

size_t tls_ocsp_line(X509 *x, char ret[TLS_CHAIN_TEXT_MAX])
{
	STACK_OF(OPENSSL_STRING) *all = X509_get1_ocsp(x);
	int n = sk_OPENSSL_STRING_num(all);
	ret[0] = 0;
	for (int i = 0; i < n && !ret[0]; i++) {
		struct span url = span_text(sk_OPENSSL_STRING_value(all, i));
		if (span_is(span_sub(url, 0, 7), "http://"))
			(void)span_to_cstr(url, ret, TLS_CHAIN_TEXT_MAX);
	}
	X509_email_free(all);
	return n > 0 ? (size_t)n : 0;
}

bool tls_must_staple(X509 *x)
{
	TLS_FEATURE *all = X509_get_ext_d2i(x, NID_tlsfeature, NULL, NULL);
	bool found = false;
	for (int i = 0; i < sk_ASN1_INTEGER_num(all); i++)
		found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(all, i)) == FEATURE_STATUS_REQUEST;
	TLS_FEATURE_free(all);
	return found;
}

void tls_chain_facts(const struct tls_chain *c, struct tls_chain_facts *ret)
{
	unsigned len = sizeof(ret->fingerprint);
	X509 *x = c->certificate;
	*ret = (struct tls_chain_facts){.key = c->kind,
					.key_bits = (unsigned)EVP_PKEY_get_bits(c->key),
					.must_staple = tls_must_staple(x),
					.self_signed = X509_check_issued(x, x) == X509_V_OK,
					.names_n = c->names_n,
					.chain_n = 1 + (size_t)sk_X509_num(c->above)};
	(void)tls_seconds(X509_get0_notBefore(x), &ret->from_s);
	(void)tls_seconds(X509_get0_notAfter(x), &ret->until_s);
	(void)X509_digest(x, EVP_sha256(), ret->fingerprint, &len);
	tls_name_line(X509_get_subject_name(x), ret->subject);
	tls_name_line(X509_get_issuer_name(x), ret->issuer);
	tls_serial_line(x, ret->serial);
	(void)tls_ocsp_line(x, ret->ocsp);
	ERR_clear_error();
}

const char *tls_chain_name(const struct tls_chain *c, size_t i)
{
	return i < c->names_n ? c->names[i] : NULL;
}
