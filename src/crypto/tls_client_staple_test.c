#include "crypto/tls_chain.h"
#include "crypto/tls_inner.h"
#include "crypto/tls_pair_test.h"
#include "crypto/tls_pki_test.h"

static struct pki_entity root, plain, must, other;
static struct tls_pair pair;

/* What the server shows, whatever it says: our own would not show such a one. */
static void show(struct tls_chain *c, const struct pki_entity *about,
		 const struct pki_entity *signer, int status, long until_s)
{
	uint8_t ocsp[TLS_STAPLE_MAX];
	size_t len = pki_ocsp(about, &root, signer, status, until_s, ocsp, sizeof(ocsp));
	free(c->staple);
	c->staple = malloc(len);
	assert_non_null(c->staple);
	memcpy(c->staple, ocsp, len);
	c->staple_len = len;
}

enum staple { NONE, GOOD, REVOKED, REVOKED_ENDLESS, GOOD_ENDLESS, OLD, FORGED };

static enum err meet(const struct pki_entity *e, enum staple what, bool staples,
		     enum tls_version version)
{
	const struct tls_options so = {.version_min = version};
	const struct tls_client_options co = {.authorities_pem = span_text(root.chain_pem),
					      .version_min = version,
					      .staples = staples,
					      .no_sessions = true};
	AUTO(tls_server_unref) struct tls_server *s = NULL;
	AUTO(tls_chain_unref) struct tls_chain *chain = NULL;
	AUTO(tls_client_unref) struct tls_client *c = NULL;
	AUTO(tls_peer_unref) struct tls_peer *p = NULL;
	assert_int_equal(tls_server_new(&so, &s), OK);
	assert_int_equal(tls_chain_new(span_text(e->chain_pem), span_text(e->key_pem), &chain), OK);
	if (what == REVOKED || what == REVOKED_ENDLESS)
		show(chain, e, &root, V_OCSP_CERTSTATUS_REVOKED, what == REVOKED ? 1000 : 0);
	else if (what == GOOD_ENDLESS)
		show(chain, e, &root, V_OCSP_CERTSTATUS_GOOD, 0);
	else if (what == FORGED)
		show(chain, e, &other, V_OCSP_CERTSTATUS_GOOD, 1000);
	else if (what != NONE)
		show(chain, e, &root, V_OCSP_CERTSTATUS_GOOD, what == OLD ? -10 : 1000);
	assert_int_equal(tls_server_add_chain(s, chain), OK);
	assert_int_equal(tls_client_new(&co, &c), OK);
	assert_int_equal(tls_peer_new(c, "a.example", &p), OK);
	pair_dial(&pair, s, p);
	pair_shake(&pair);
	assert_int_equal(tls_is_open(pair.client), pair.client_err == OK);
	return pair.client_err;
}

static void refuses_what_is_revoked(void **state)
{
	(void)state;
	for (unsigned v = TLS_1_2; v <= TLS_1_3; v++) {
		assert_int_equal(meet(&plain, REVOKED, true, (enum tls_version)v), ERR_REFUSED);
		assert_string_equal(tls_fault(pair.client), "certificate revoked");
		assert_int_equal(meet(&must, REVOKED, true, (enum tls_version)v), ERR_REFUSED);
		assert_int_equal(meet(&plain, REVOKED_ENDLESS, true, (enum tls_version)v),
				 ERR_REFUSED);
		assert_string_equal(tls_fault(pair.client), "certificate revoked");
	}
}

static void refuses_what_must_have_one_and_has_none_that_is_good(void **state)
{
	static const enum staple bad[] = {NONE, OLD, FORGED, GOOD_ENDLESS};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(meet(&must, bad[i], true, TLS_1_2), ERR_REFUSED);
		assert_string_equal(tls_fault(pair.client),
				    "no proof that the certificate is not revoked");
	}
}

static void takes_what_is_good_and_what_need_not_have_one(void **state)
{
	(void)state;
	assert_int_equal(meet(&must, GOOD, true, TLS_1_2), OK);
	assert_int_equal(meet(&must, GOOD, true, TLS_1_3), OK);
	assert_int_equal(meet(&plain, GOOD, true, TLS_1_3), OK);
	assert_int_equal(meet(&plain, NONE, true, TLS_1_2), OK);
	/* A server that has none to show, or a wrong one, is as one without. */
	assert_int_equal(meet(&plain, OLD, true, TLS_1_2), OK);
	assert_int_equal(meet(&plain, FORGED, true, TLS_1_3), OK);
}

static void who_does_not_ask_is_not_told(void **state)
{
	(void)state;
	assert_int_equal(meet(&plain, REVOKED, false, TLS_1_2), OK);
	assert_int_equal(meet(&must, NONE, false, TLS_1_3), OK);
}

static int make(void **state)
{
	(void)state;
	pki_make(&root, (struct pki_wish){.called = "root", .is_authority = true});
	pki_make(&other, (struct pki_wish){.called = "other", .is_authority = true});
	pki_make(&plain,
		 (struct pki_wish){.called = "plain", .names = "DNS:a.example", .issuer = &root});
	pki_make(&must, (struct pki_wish){.called = "must",
					  .names = "DNS:a.example",
					  .issuer = &root,
					  .must_staple = true});
	return 0;
}

static int drop(void **state)
{
	(void)state;
	pair_done(&pair);
	pki_done(&root);
	pki_done(&other);
	pki_done(&plain);
	pki_done(&must);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_revoked),
		cmocka_unit_test(refuses_what_must_have_one_and_has_none_that_is_good),
		cmocka_unit_test(takes_what_is_good_and_what_need_not_have_one),
		cmocka_unit_test(who_does_not_ask_is_not_told),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
