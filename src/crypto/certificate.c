/* Making certificates; certificate_read.c reads them. */
#include "crypto/certificate.h"

#include "crypto/certificate_inner.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum {
	SERIAL_LEN = 16, /* RFC 5280 4.1.2.2: at most 20 bytes, positive; 64 random bits at least */
	ADDRESS_MAX = 16,	       /* an IPv6 address */
	NETWORK_MAX = 2 * ADDRESS_MAX, /* an address and its mask */
	CALLED_MAX = 64,	       /* RFC 5280 A: ub-common-name */
	LABEL_MAX = 63,		       /* RFC 1035 2.3.4 */
};

/* A range of addresses that is nobody's on the internet. */
struct range {
	uint8_t len; /* of an address */
	uint8_t bits;
	uint8_t bytes[ADDRESS_MAX];
};

static const struct range private_ranges[] = {
	{4, 8, {10}},	    {4, 12, {172, 16}}, {4, 16, {192, 168}}, /* RFC 1918 */
	{4, 10, {100, 64}},					     /* RFC 6598 */
	{16, 7, {0xfc}},					     /* RFC 4193 */
};

void certificate_done(struct certificate *c)
{
	if (!c)
		return;
	if (c->key)
		crypto_wipe(c->key, strlen(c->key));
	free(c->chain);
	free(c->key);
	*c = (struct certificate){0};
}

/* --- names -------------------------------------------------------------------------------------
 */

/* Letters, digits, hyphens and underscores between dots: what any client compares as it stands. */
static bool is_name(const char *text)
{
	size_t label = 0, len = strlen(text);
	if (len == 0 || len >= CERTIFICATE_NAME_MAX || text[len - 1] == '.')
		return false;
	for (const char *c = text; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
		if (*c == '.' ? label == 0 : !plain)
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return true;
}

bool certificate_are_names(const struct certificate_names *n, bool stars)
{
	if (n->names_n > CERTIFICATE_NAMES_MAX || n->addresses_n > CERTIFICATE_NAMES_MAX)
		return false;
	for (size_t i = 0; i < n->names_n; i++)
		if (!is_name(n->names[i] + (stars && strncmp(n->names[i], "*.", 2) == 0 ? 2 : 0)))
			return false;
	for (size_t i = 0; i < n->addresses_n; i++)
		if (n->addresses[i].len != 4 && n->addresses[i].len != ADDRESS_MAX)
			return false;
	return true;
}

static GENERAL_NAME *name_new(int kind, struct span value)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *string =
		ASN1_STRING_type_new(kind == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
	if (!name || !string || ASN1_STRING_set(string, value.data, (int)value.len) != 1) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(string);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, kind, string);
	return name;
}

static bool names_add(GENERAL_NAMES *all, int kind, struct span value)
{
	GENERAL_NAME *name = name_new(kind, value);
	if (name && sk_GENERAL_NAME_push(all, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

GENERAL_NAMES *certificate_general_names(const struct certificate_names *whom)
{
	GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
	bool good = all != NULL;
	for (size_t i = 0; good && i < whom->names_n; i++)
		good = names_add(all, GEN_DNS, span_text(whom->names[i]));
	for (size_t i = 0; good && i < whom->addresses_n; i++)
		good = names_add(all, GEN_IPADD, whom->addresses[i]);
	if (good)
		return all;
	GENERAL_NAMES_free(all);
	return NULL;
}

bool certificate_put_names(X509 *x, const struct certificate_names *whom)
{
	GENERAL_NAMES *all = certificate_general_names(whom);
	bool good =
		all && X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(all);
	return good;
}

/* --- reach (RFC 5280 4.2.1.10) ------------------------------------------------------------------
 */

static bool constrain(STACK_OF(GENERAL_SUBTREE) * all, int kind, struct span value)
{
	GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();
	GENERAL_NAME *name = name_new(kind, value);
	if (!tree || !name) {
		GENERAL_SUBTREE_free(tree);
		GENERAL_NAME_free(name);
		return false;
	}
	GENERAL_NAME_free(tree->base);
	tree->base = name;
	if (sk_GENERAL_SUBTREE_push(all, tree) > 0)
		return true;
	GENERAL_SUBTREE_free(tree);
	return false;
}

static bool is_within(struct span address, const struct range *r)
{
	for (unsigned i = 0; address.len == r->len && i < r->bits; i++)
		if ((address.data[i / 8] ^ r->bytes[i / 8]) & 0x80 >> i % 8)
			return false;
	return address.len == r->len;
}

/* An address and a mask after it; that of the private range that it lies in, or its own. */
static bool permit_address(STACK_OF(GENERAL_SUBTREE) * all, struct span address)
{
	uint8_t both[NETWORK_MAX] = {0};
	unsigned bits = (unsigned)address.len * 8;
	memcpy(both, address.data, address.len);
	for (size_t i = 0; i < sizeof(private_ranges) / sizeof(private_ranges[0]); i++)
		if (is_within(address, &private_ranges[i])) {
			bits = private_ranges[i].bits;
			memcpy(both, private_ranges[i].bytes, address.len);
		}
	for (unsigned i = 0; i < bits; i++)
		both[address.len + i / 8] |= (uint8_t)(0x80 >> i % 8);
	return constrain(all, GEN_IPADD, span_of(both, 2 * address.len));
}

static bool put_reach(X509 *x, const struct certificate_names *reach)
{
	static const uint8_t everywhere[NETWORK_MAX] = {0};
	NAME_CONSTRAINTS *all = NAME_CONSTRAINTS_new();
	bool good = all && (all->permittedSubtrees = sk_GENERAL_SUBTREE_new_null());
	for (size_t i = 0; good && i < reach->names_n; i++)
		good = constrain(all->permittedSubtrees, GEN_DNS, span_text(reach->names[i]));
	for (size_t i = 0; good && i < reach->addresses_n; i++)
		good = permit_address(all->permittedSubtrees, reach->addresses[i]);
	/* A kind of which nothing is permitted would be free. */
	if (good && reach->addresses_n == 0)
		good = (all->excludedSubtrees = sk_GENERAL_SUBTREE_new_null()) &&
		       constrain(all->excludedSubtrees, GEN_IPADD, span_of(everywhere, 8)) &&
		       constrain(all->excludedSubtrees, GEN_IPADD, span_of(everywhere, 32));
	good = good && X509_add1_ext_i2d(x, NID_name_constraints, all, 1, X509V3_ADD_DEFAULT) == 1;
	NAME_CONSTRAINTS_free(all);
	return good;
}

/* --- certificates ------------------------------------------------------------------------------
 */

static bool put_extension(X509 *x, X509 *issuer, int kind, const char *value)
{
	X509V3_CTX about;
	X509V3_set_ctx(&about, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &about, kind, value);
	bool good = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return good;
}

static bool put_serial(X509 *x)
{
	uint8_t bytes[SERIAL_LEN];
	if (crypto_random(bytes, sizeof(bytes)))
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, of one length */
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
	BN_free(number);
	return good;
}

static bool put_time(X509 *x, struct certificate_time time)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)time.from_s) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)time.until_s);
}

static bool put_subject(X509 *x, const char *called)
{
	size_t len = strlen(called);
	const unsigned char *text = (const unsigned char *)called;
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
					  text, (int)(len < CALLED_MAX ? len : CALLED_MAX), -1,
					  0) == 1;
}

X509 *certificate_begin(const char *called, struct certificate_time time, X509 *issuer,
			EVP_PKEY *key)
{
	X509 *x = X509_new();
	if (x && X509_set_version(x, X509_VERSION_3) == 1 && put_serial(x) && put_time(x, time) &&
	    put_subject(x, called) &&
	    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x)) == 1 &&
	    X509_set_pubkey(x, key) == 1 &&
	    put_extension(x, issuer ? issuer : x, NID_subject_key_identifier, "hash") &&
	    put_extension(x, issuer ? issuer : x, NID_authority_key_identifier, "keyid:always"))
		return x;
	X509_free(x);
	return NULL;
}

static char *text_take(BIO *b)
{
	char *data = NULL;
	long len = BIO_get_mem_data(b, &data);
	char *text = len > 0 ? malloc((size_t)len + 1) : NULL;
	if (text) {
		memcpy(text, data, (size_t)len);
		text[len] = '\0';
	}
	return text;
}

static char *key_text(EVP_PKEY *key)
{
	BIO *b = BIO_new(BIO_s_secmem());
	bool good = b && PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1;
	char *text = good ? text_take(b) : NULL;
	BIO_free(b);
	return text;
}

static char *chain_text(X509 *x, X509 *above)
{
	BIO *b = BIO_new(BIO_s_mem());
	bool good =
		b && PEM_write_bio_X509(b, x) == 1 && (!above || PEM_write_bio_X509(b, above) == 1);
	char *text = good ? text_take(b) : NULL;
	BIO_free(b);
	return text;
}

enum err certificate_hand_out(X509 *x, X509 *above, EVP_PKEY *key, struct certificate *ret)
{
	struct certificate made = {.chain = chain_text(x, above), .key = key_text(key)};
	if (!made.chain || !made.key) {
		certificate_done(&made);
		return ENOMEM;
	}
	*ret = made;
	return OK;
}

enum err certificate_authority(const char *called, const struct certificate_names *reach,
			       struct certificate_time time, struct certificate *ret)
{
	if ((reach && (!certificate_are_names(reach, false) || reach->names_n == 0)) || !*called ||
	    time.until_s <= time.from_s)
		return ERR_FORMAT;
	enum err e = ENOMEM;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? certificate_begin(called, time, NULL, key) : NULL;
	if (x && put_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    put_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    put_extension(x, x, NID_ext_key_usage, "serverAuth") &&
	    (!reach || put_reach(x, reach)) && X509_sign(x, key, EVP_sha256()))
		e = certificate_hand_out(x, NULL, key, ret);
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}

X509 *certificate_server(const char *called, const struct certificate_names *whom,
			 struct certificate_time time, X509 *above, EVP_PKEY *above_key,
			 EVP_PKEY *key)
{
	X509 *x = certificate_begin(called, time, above, key);
	if (x && put_extension(x, above, NID_basic_constraints, "critical,CA:FALSE") &&
	    put_extension(x, above, NID_key_usage, "critical,digitalSignature") &&
	    put_extension(x, above, NID_ext_key_usage, "serverAuth") &&
	    certificate_put_names(x, whom) && X509_sign(x, above_key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

static enum err issue(X509 *above, EVP_PKEY *above_key, const struct certificate_names *whom,
		      struct certificate_time time, struct certificate *ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x =
		key ? certificate_server(whom->names[0], whom, time, above, above_key, key) : NULL;
	enum err e = x ? certificate_hand_out(x, above, key, ret) : (enum err)ENOMEM;
	X509_free(x);
	EVP_PKEY_free(key);
	return e;
}

enum err certificate_issue(const struct certificate *authority,
			   const struct certificate_names *whom, struct certificate_time time,
			   struct certificate *ret)
{
	AUTO_DONE(certificate_done) struct certificate made = {0};
	struct span reach = span_text(authority->chain);
	if (!certificate_are_names(whom, false) || whom->names_n == 0 ||
	    time.until_s <= time.from_s)
		return ERR_FORMAT;
	X509 *above = certificate_parse(reach);
	EVP_PKEY *key = certificate_key_parse(span_text(authority->key));
	enum err e = above && key ? OK : ERR_FORMAT;
	if (!e && X509_check_private_key(above, key) != 1)
		e = ERR_REFUSED;
	if (!e)
		e = issue(above, key, whom, time, &made);
	/* As a browser will see it, from its first moment to its last. */
	if (!e && (!certificate_serves(span_text(made.chain), reach, whom, time.from_s) ||
		   !certificate_serves(span_text(made.chain), reach, whom, time.until_s - 1)))
		e = ERR_REFUSED;
	if (!e) {
		*ret = made;
		made = (struct certificate){0};
	}
	X509_free(above);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}
