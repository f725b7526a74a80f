#include "crypto/tls_chain.h"

#include "crypto/tls_inner.h"
#include "crypto/tls_names.h"
#include "crypto/tls_pki_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct pki_entity root, leaf;

static int make(void **state)
{
	(void)state;
	pki_make(&root, (struct pki_wish){.called = "root", .is_authority = true});
	pki_make(&leaf, (struct pki_wish){.called = "leaf",
					  .names = "DNS:WWW.Example,DNS:*.Example,IP:192.0.2.1",
					  .issuer = &root,
					  .must_staple = true,
					  .ocsp = "URI:http://ocsp.example/x"});
	return 0;
}

static int drop(void **state)
{
	(void)state;
	pki_done(&root);
	pki_done(&leaf);
	return 0;
}

static enum err chain_of(const struct pki_entity *e, struct tls_chain **ret)
{
	return tls_chain_new(span_text(e->chain_pem), span_text(e->key_pem), ret);
}

static void refuses_what_cannot_be_shown(void **state)
{
	(void)state;
	struct tls_chain *c = NULL;
	struct pki_entity weak = {0};
	pki_make(&weak, (struct pki_wish){.called = "weak", .key = "RSA-1024"});
	assert_int_equal(chain_of(&weak, &c), ERR_REFUSED);
	assert_int_equal(tls_chain_new(span_text(leaf.chain_pem), span_text(root.key_pem), &c),
			 ERR_REFUSED);
	assert_int_equal(tls_chain_new(span_text(""), span_text(leaf.key_pem), &c), ERR_FORMAT);
	assert_int_equal(tls_chain_new(span_text(leaf.chain_pem), span_text("x"), &c), ERR_FORMAT);
	assert_null(c);
	pki_done(&weak);
}

static void tells_what_a_certificate_says(void **state)
{
	(void)state;
	AUTO(tls_chain_unref) struct tls_chain *c = NULL;
	struct tls_chain_facts f;
	assert_int_equal(chain_of(&leaf, &c), OK);
	tls_chain_facts(c, &f);
	assert_int_equal(f.key, TLS_KEY_ECDSA);
	assert_int_equal(f.key_bits, 256);
	assert_string_equal(f.subject, "CN=leaf");
	assert_string_equal(f.issuer, "CN=root");
	assert_string_equal(f.ocsp, "http://ocsp.example/x");
	assert_true(f.must_staple && !f.self_signed);
	assert_int_equal(f.chain_n, 2);
	assert_true(f.until_s > (uint64_t)time(NULL) && f.from_s < (uint64_t)time(NULL));
	assert_string_equal(tls_chain_name(c, 0), "www.example");
	assert_string_equal(tls_chain_name(c, 1), "*.example");
	assert_null(tls_chain_name(c, 2)); /* the address is no name */
}

static void names_are_found_exactly_or_by_one_label(void **state)
{
	(void)state;
	struct tls_names *n = NULL;
	struct tls_chain *c = NULL, *other = NULL;
	struct pki_entity e = {0};
	pki_make(&e, (struct pki_wish){.called = "a.example", .key = "ED25519"});
	assert_int_equal(chain_of(&leaf, &c), OK);
	assert_int_equal(chain_of(&e, &other), OK);
	assert_int_equal(tls_names_new(&n), OK);
	assert_int_equal(tls_names_add(n, c), OK);
	assert_int_equal(tls_names_add(n, other), OK); /* by its common name */
	assert_ptr_equal(tls_names_find(n, "www.EXAMPLE.")->by_key[TLS_KEY_ECDSA], c);
	assert_ptr_equal(tls_names_find(n, "b.example")->by_key[TLS_KEY_ECDSA], c);
	assert_ptr_equal(tls_names_find(n, "a.example")->by_key[TLS_KEY_ED25519], other);
	assert_null(tls_names_find(n, "a.example")->by_key[TLS_KEY_ECDSA]);
	static const char *const none[] = {"example", "a.b.example", ".example", "*",
					   "",	      ".",	     "xexample", "192.0.2.1"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(tls_names_find(n, none[i]));
	tls_names_free(n);
	tls_chain_unref(c);
	tls_chain_unref(other);
	pki_done(&e);
}

static void a_staple_is_checked_before_it_is_shown(void **state)
{
	(void)state;
	AUTO(tls_chain_unref) struct tls_chain *c = NULL;
	struct pki_entity helper = {0}, stranger = {0};
	uint8_t der[4096], *copy = NULL;
	uint64_t until_s = 0, now_s = (uint64_t)time(NULL);
	size_t len;
	pki_make(&helper,
		 (struct pki_wish){.called = "ocsp", .issuer = &root, .answers_ocsp = true});
	pki_make(&stranger, (struct pki_wish){.called = "root", .is_authority = true});
	assert_int_equal(chain_of(&leaf, &c), OK);
	const struct {
		const struct pki_entity *about, *signer;
		int status;
		uint64_t now_s;
		enum err want;
	} cases[] = {
		{&leaf, &stranger, V_OCSP_CERTSTATUS_GOOD, now_s, ERR_REFUSED},
		{&leaf, &leaf, V_OCSP_CERTSTATUS_GOOD, now_s, ERR_REFUSED},
		{&helper, &root, V_OCSP_CERTSTATUS_GOOD, now_s, ERR_REFUSED},
		{&leaf, &root, V_OCSP_CERTSTATUS_REVOKED, now_s, (enum err)EKEYREVOKED},
		{&leaf, &root, V_OCSP_CERTSTATUS_UNKNOWN, now_s, ERR_REFUSED},
		{&leaf, &root, V_OCSP_CERTSTATUS_GOOD, now_s + 7200, ERR_REFUSED},
		{&leaf, &root, V_OCSP_CERTSTATUS_GOOD, now_s - 7200, ERR_REFUSED},
		{&leaf, &root, V_OCSP_CERTSTATUS_GOOD, now_s, OK},
		{&leaf, &helper, V_OCSP_CERTSTATUS_GOOD, now_s, OK},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = pki_ocsp(cases[i].about, &root, cases[i].signer, cases[i].status, 3600, der,
			       sizeof(der));
		assert_int_equal(tls_chain_staple(c, span_of(der, len), cases[i].now_s, &until_s),
				 cases[i].want);
	}
	assert_in_range(until_s, now_s + 3500, now_s + 3700);
	assert_true(tls_chain_staple_copy(c, &copy, &len));
	OPENSSL_free(copy);
	assert_int_equal(tls_chain_staple(c, span_text("x"), now_s, &until_s), ERR_FORMAT);
	assert_int_equal(tls_chain_staple(c, span_of(NULL, 0), now_s, &until_s), OK);
	assert_false(tls_chain_staple_copy(c, &copy, &len));
	pki_done(&helper);
	pki_done(&stranger);
}

static void asks_an_ocsp_server_about_itself(void **state)
{
	(void)state;
	AUTO(tls_chain_unref) struct tls_chain *c = NULL, *alone = NULL;
	uint8_t der[512];
	size_t len = 0;
	assert_int_equal(chain_of(&leaf, &c), OK);
	assert_int_equal(tls_chain_ocsp_request(c, der, 10, &len), ERR_LIMIT);
	assert_int_equal(tls_chain_ocsp_request(c, der, sizeof(der), &len), OK);
	assert_true(pki_is_question(der, len, &leaf, &root));
	char first[16384];
	const char *end = strstr(leaf.chain_pem, "-----END CERTIFICATE-----\n");
	assert_true(span_to_cstr(span_of(leaf.chain_pem, (size_t)(end - leaf.chain_pem) + 26),
				 first, sizeof(first)));
	assert_int_equal(tls_chain_new(span_text(first), span_text(leaf.key_pem), &alone), OK);
	assert_int_equal(tls_chain_ocsp_request(alone, der, sizeof(der), &len), ERR_ABSENT);
}

static void a_proof_for_acme_has_the_digest_as_the_paper_says(void **state)
{
	(void)state;
	AUTO(tls_chain_unref) struct tls_chain *c = NULL;
	uint8_t digest[32];
	memset(digest, 0xa5, sizeof(digest));
	assert_int_equal(tls_chain_acme("www.example", digest, (uint64_t)time(NULL), &c), OK);
	ASN1_OBJECT *kind = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	int at = X509_get_ext_by_OBJ(c->certificate, kind, -1);
	assert_true(at >= 0);
	X509_EXTENSION *e = X509_get_ext(c->certificate, at);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(e);
	assert_int_equal(X509_EXTENSION_get_critical(e), 1);
	assert_int_equal(ASN1_STRING_length(value), 34);
	assert_memory_equal(ASN1_STRING_get0_data(value), "\x04\x20", 2);
	assert_memory_equal(ASN1_STRING_get0_data(value) + 2, digest, 32);
	assert_string_equal(tls_chain_name(c, 0), "www.example");
	assert_null(tls_chain_name(c, 1));
	ASN1_OBJECT_free(kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_cannot_be_shown),
		cmocka_unit_test(a_staple_is_checked_before_it_is_shown),
		cmocka_unit_test(tells_what_a_certificate_says),
		cmocka_unit_test(names_are_found_exactly_or_by_one_label),
		cmocka_unit_test(asks_an_ocsp_server_about_itself),
		cmocka_unit_test(a_proof_for_acme_has_the_digest_as_the_paper_says),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
