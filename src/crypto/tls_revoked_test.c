#include "crypto/tls_pair_test.h"
#include "crypto/tls_pki_test.h"
#include "crypto/tls_tickets.h"

#include "crypto/tls_chain.h"

/* Which clients a server takes when it has lists of revoked certificates. */
static struct pki_entity root, other_root, site, anna, ben, late;
static struct tls_pair pair;

static int make(void **state)
{
	(void)state;
	pki_make(&root, (struct pki_wish){.called = "root", .is_authority = true});
	pki_make(&other_root, (struct pki_wish){.called = "other", .is_authority = true});
	pki_make(&site,
		 (struct pki_wish){.called = "s", .names = "DNS:a.example", .issuer = &root});
	pki_make(&anna, (struct pki_wish){.called = "anna", .issuer = &root});
	pki_make(&ben, (struct pki_wish){.called = "ben", .issuer = &root});
	pki_make(&late,
		 (struct pki_wish){
			 .called = "late", .issuer = &root, .from_s = -7200, .until_s = -3600});
	return 0;
}

static int drop(void **state)
{
	(void)state;
	struct pki_entity *const all[] = {&root, &other_root, &site, &anna, &ben, &late};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		pki_done(all[i]);
	pair_done(&pair);
	return 0;
}

/* A list of authority's, with one revoked certificate or none, that ends until_s from now. */
static void list_make(const struct pki_entity *authority, const struct pki_entity *revoked,
		      long until_s, char *ret, size_t size)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *at = X509_gmtime_adj(NULL, -7200);
	X509_CRL_set_version(list, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate));
	X509_CRL_set1_lastUpdate(list, at);
	if (revoked) {
		X509_REVOKED *one = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(one, X509_get_serialNumber(revoked->certificate));
		X509_REVOKED_set_revocationDate(one, at);
		X509_CRL_add0_revoked(list, one);
	}
	X509_gmtime_adj(at, until_s);
	X509_CRL_set1_nextUpdate(list, at);
	if (!X509_CRL_sign(list, authority->key, EVP_sha256()))
		abort();
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_X509_CRL(b, list);
	pki_text(b, ret, size);
	X509_CRL_free(list);
	ASN1_TIME_free(at);
}

static struct tls_server *server_of(const char *revoked, struct tls_tickets *tickets)
{
	const struct tls_options o = {.verify = TLS_VERIFY_REQUIRED,
				      .authorities_pem = span_text(root.chain_pem),
				      .revoked_pem = span_text(revoked),
				      .tickets = tickets};
	struct tls_server *s = NULL;
	assert_int_equal(tls_server_new(&o, &s), OK);
	assert_int_equal(tls_server_add(s, span_text(site.chain_pem), span_text(site.key_pem)), OK);
	return s;
}

static struct tls_peer *peer_as(const struct pki_entity *e)
{
	AUTO(tls_client_unref) struct tls_client *c = NULL;
	AUTO(tls_chain_unref) struct tls_chain *own = NULL;
	struct tls_peer *p = NULL;
	assert_int_equal(tls_chain_new(span_text(e->chain_pem), span_text(e->key_pem), &own), OK);
	const struct tls_client_options o = {.authorities_pem = span_text(root.chain_pem),
					     .chain = own};
	assert_int_equal(tls_client_new(&o, &c), OK);
	assert_int_equal(tls_peer_new(c, "a.example", &p), OK);
	return p;
}

/* "": the client was taken; else why not. */
static const char *fault_of(const char *revoked, const struct pki_entity *e)
{
	AUTO(tls_server_unref) struct tls_server *s = server_of(revoked, NULL);
	AUTO(tls_peer_unref) struct tls_peer *p = peer_as(e);
	pair_dial(&pair, s, p);
	pair_shake(&pair);
	if (!tls_is_open(pair.server))
		assert_int_equal(pair.server_err, ERR_REFUSED);
	return tls_fault(pair.server);
}

static void who_is_on_the_list_is_refused(void **state)
{
	(void)state;
	char list[4096], old[4096], others[4096];
	list_make(&root, &ben, 3600, list, sizeof(list));
	list_make(&root, NULL, -60, old, sizeof(old));
	list_make(&other_root, &anna, 3600, others, sizeof(others));
	assert_string_equal(fault_of(list, &ben), "certificate revoked");
	assert_string_equal(fault_of(list, &late), "certificate has expired");
	/* A list that says nothing of now, or of another authority's, lets nobody in. */
	assert_string_equal(fault_of(old, &anna), "CRL has expired");
	assert_string_equal(fault_of(others, &anna), "unable to get certificate CRL");
	assert_string_equal(fault_of(list, &anna), "");
	assert_string_equal(fault_of("", &ben), "");
	const struct tls_options none = {.verify = TLS_VERIFY_OPTIONAL,
					 .authorities_pem = span_text(root.chain_pem),
					 .revoked_pem = span_text(root.chain_pem)};
	struct tls_server *s = NULL;
	assert_int_equal(tls_server_new(&none, &s), ERR_ABSENT);
}

static bool resumes(struct tls_server *s, struct tls_peer *p)
{
	struct tls_facts f;
	pair_dial(&pair, s, p);
	pair_shake(&pair);
	if (!tls_is_open(pair.server))
		return false;
	tls_facts(pair.server, &f);
	assert_true(f.peer.present);
	tls_finish(pair.server);
	tls_finish(pair.client);
	return f.resumed;
}

static void no_ticket_brings_back_who_was_revoked_since(void **state)
{
	(void)state;
	struct tls_tickets *t = NULL;
	struct tls_ticket_key key = {{1}};
	char before[4096], after[4096];
	list_make(&root, NULL, 3600, before, sizeof(before));
	list_make(&root, &ben, 3600, after, sizeof(after));
	assert_int_equal(tls_tickets_new(&t), OK);
	tls_tickets_set(t, &key, 1, 0);
	AUTO(tls_server_unref)
	struct tls_server *first = server_of(before, t), *next = server_of(after, t);
	AUTO(tls_peer_unref) struct tls_peer *as_ben = peer_as(&ben), *as_anna = peer_as(&anna);
	assert_false(resumes(first, as_ben));
	assert_true(resumes(first, as_ben));
	assert_false(resumes(next, as_ben));
	assert_int_equal(pair.server_err, ERR_REFUSED);
	assert_false(resumes(first, as_anna));
	assert_false(resumes(next, as_anna)); /* by a whole handshake */
	assert_int_equal(pair.server_err, OK);
	tls_tickets_unref(t);
}

static void a_certificate_is_told_as_text(void **state)
{
	(void)state;
	char text[8192], small[64];
	unsigned char *der = NULL, back[8192];
	char list[4096];
	list_make(&root, &ben, 3600, list, sizeof(list));
	assert_string_equal(fault_of(list, &anna), "");
	size_t len = tls_certificate_base64(pair.server, text, sizeof(text));
	int der_len = i2d_X509(anna.certificate, &der);
	assert_int_equal(len, (size_t)(der_len + 2) / 3 * 4);
	assert_true(EVP_DecodeBlock(back, (const unsigned char *)text, (int)len) >= der_len);
	assert_memory_equal(back, der, (size_t)der_len);
	assert_int_equal(tls_certificate_base64(pair.server, small, sizeof(small)), 0);
	assert_int_equal(tls_certificate_base64(pair.server, text, len), 0);
	assert_int_equal(tls_certificate_base64(pair.server, text, len + 1), len);
	OPENSSL_free(der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_on_the_list_is_refused),
		cmocka_unit_test(no_ticket_brings_back_who_was_revoked_since),
		cmocka_unit_test(a_certificate_is_told_as_text),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
