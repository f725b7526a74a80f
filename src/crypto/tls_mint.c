#include "crypto/tls_mint.h"

#include "crypto/certificate_inner.h"
#include "crypto/tls_inner.h"

#include <openssl/err.h>
#include <stdlib.h>

struct tls_mint {
	atomic_size_t refs;
	X509 *authority;
	EVP_PKEY *authority_key, *key;
	struct certificate_time time; /* of the authority */
};

enum err tls_mint_new(const struct certificate *authority, struct tls_mint **ret)
{
	struct certificate_facts facts;
	TRY(certificate_read(span_text(authority->chain), span_text(authority->key), &facts));
	if (!facts.is_authority)
		return ERR_REFUSED;
	AUTO(tls_mint_unref) struct tls_mint *m = calloc(1, sizeof(*m));
	if (!m)
		return ENOMEM;
	atomic_init(&m->refs, 1);
	m->time = facts.time;
	m->authority = certificate_parse(span_text(authority->chain));
	m->authority_key = certificate_key_parse(span_text(authority->key));
	m->key = EVP_EC_gen("P-256");
	ERR_clear_error();
	if (!m->authority || !m->authority_key || !m->key)
		return ENOMEM;
	*ret = TAKE(m);
	return OK;
}

struct tls_mint *tls_mint_ref(struct tls_mint *m)
{
	if (m)
		atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void tls_mint_unref(struct tls_mint *m)
{
	if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
		return;
	X509_free(m->authority);
	EVP_PKEY_free(m->authority_key); /* the library wipes what is secret in it */
	EVP_PKEY_free(m->key);
	free(m);
}

/* Of a text: its address, or none. */
static ASN1_OCTET_STRING *address_of(const char *name)
{
	ASN1_OCTET_STRING *a = a2i_IPADDRESS(name);
	ERR_clear_error();
	return a;
}

static X509 *make(const struct tls_mint *m, const char *name, struct certificate_time time)
{
	ASN1_OCTET_STRING *a = address_of(name);
	const struct span address =
		a ? span_of(ASN1_STRING_get0_data(a), (size_t)ASN1_STRING_length(a))
		  : (struct span){0};
	const struct certificate_names whom = {&name, a ? 0 : 1, &address, a ? 1 : 0};
	X509 *x = certificate_server(name, &whom, time, m->authority, m->authority_key, m->key);
	ASN1_OCTET_STRING_free(a);
	return x;
}

static bool is_name(const char *name)
{
	const struct certificate_names whom = {.names = &name, .names_n = 1};
	ASN1_OCTET_STRING *a = address_of(name);
	bool good = a || certificate_are_names(&whom, false);
	ASN1_OCTET_STRING_free(a);
	return good;
}

enum err tls_mint_chain(const struct tls_mint *m, const char *name, struct certificate_time time,
			struct tls_chain **ret, uint64_t *ret_until_s)
{
	if (time.from_s < m->time.from_s)
		time.from_s = m->time.from_s;
	if (time.until_s > m->time.until_s)
		time.until_s = m->time.until_s;
	if (!is_name(name))
		return ERR_FORMAT;
	if (time.until_s <= time.from_s)
		return ERR_REFUSED;
	X509 *x = make(m, name, time);
	enum err e = x ? tls_chain_of(x, m->key, ret) : (enum err)ENOMEM;
	X509_free(x);
	ERR_clear_error();
	if (!e)
		*ret_until_s = time.until_s;
	return e;
}
