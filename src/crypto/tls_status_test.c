#include "crypto/tls_status.h"

#include "crypto/tls_inner.h"
#include "crypto/tls_pair_test.h"
#include "crypto/tls_pki_test.h"

static struct pki_entity root, leaf, silent, other_way, helper, stranger, sham;
static struct tls_status *status;
static uint64_t now_s;

static enum err of(const struct pki_entity *e, struct tls_status **ret)
{
	uint8_t *x = NULL, *above = NULL;
	int n = i2d_X509(e->certificate, &x), m = i2d_X509(root.certificate, &above);
	assert_true(n > 0 && m > 0);
	enum err got = tls_status_of(span_of(x, (size_t)n), span_of(above, (size_t)m), ret);
	OPENSSL_free(x);
	OPENSSL_free(above);
	return got;
}

/* An answer of a minute ago about e, as judged so many seconds from now. */
static enum err judge(const struct pki_entity *e, const struct pki_entity *signer, int what,
		      long until_s, long at_s, uint64_t *ret_until_s)
{
	uint8_t der[4096];
	size_t len = pki_ocsp(e, &root, signer, what, until_s, der, sizeof(der));
	return tls_status_judge(status, span_of(der, len), now_s + (uint64_t)at_s, ret_until_s);
}

enum { GOOD = V_OCSP_CERTSTATUS_GOOD, REVOKED = V_OCSP_CERTSTATUS_REVOKED };

static void only_the_issuer_and_who_it_has_made_for_it_are_believed(void **state)
{
	uint64_t until_s = 7;
	(void)state;
	const struct pki_entity *const wrong[] = {&stranger, &leaf, &sham};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(judge(&leaf, wrong[i], GOOD, 3600, 0, &until_s), ERR_REFUSED);
		assert_int_equal(judge(&leaf, wrong[i], REVOKED, 3600, 0, &until_s), ERR_REFUSED);
	}
	/* of another one */
	assert_int_equal(judge(&silent, &root, GOOD, 3600, 0, &until_s), ERR_ABSENT);
	assert_int_equal(until_s, 7);
	assert_int_equal(judge(&leaf, &root, GOOD, 3600, 0, &until_s), OK);
	assert_in_range(until_s, now_s + 3500, now_s + 3700);
	assert_int_equal(judge(&leaf, &helper, GOOD, 3600, 0, &until_s), OK);
}

static void each_status_is_told_apart(void **state)
{
	uint64_t until_s = 7;
	(void)state;
	assert_int_equal(judge(&leaf, &root, REVOKED, 3600, 0, &until_s), EKEYREVOKED);
	assert_int_equal(judge(&leaf, &helper, REVOKED, 0, 7200, &until_s), EKEYREVOKED);
	assert_int_equal(judge(&leaf, &root, V_OCSP_CERTSTATUS_UNKNOWN, 3600, 0, &until_s),
			 ERR_ABSENT);
	assert_int_equal(tls_status_judge(status, span_text("x"), now_s, &until_s), ERR_FORMAT);
	assert_int_equal(tls_status_judge(status, (struct span){0}, now_s, &until_s), ERR_FORMAT);
	/* tryLater */
	static const uint8_t later[] = {0x30, 3, 0x0a, 1, 3};
	assert_int_equal(tls_status_judge(status, span_of(later, sizeof(later)), now_s, &until_s),
			 ERR_REFUSED);
	assert_int_equal(until_s, 7);
}

static void clocks_may_differ_a_little(void **state)
{
	uint64_t until_s;
	(void)state;
	assert_int_equal(judge(&leaf, &root, GOOD, 600, -300, &until_s), OK);
	assert_int_equal(judge(&leaf, &root, GOOD, 600, -400, &until_s), ERR_REFUSED);
	assert_int_equal(judge(&leaf, &root, GOOD, 10, 250, &until_s), OK);
	assert_int_equal(judge(&leaf, &root, GOOD, 10, 350, &until_s), ERR_REFUSED);
	assert_int_equal(judge(&leaf, &root, REVOKED, 10, 350, &until_s), ERR_REFUSED);
	/* without an end: if it was made now */
	assert_int_equal(judge(&leaf, &root, GOOD, 0, 0, &until_s), OK);
	assert_int_equal(until_s, now_s);
	assert_int_equal(judge(&leaf, &root, GOOD, 0, 300, &until_s), ERR_REFUSED);
}

/* Each bit of what is signed counts; none of the rest makes it good for something else. */
static void no_torn_or_changed_answer_is_another_one(void **state)
{
	uint8_t der[4096];
	uint64_t until_s;
	size_t len = pki_ocsp(&leaf, &root, &root, REVOKED, 3600, der, sizeof(der));
	(void)state;
	for (size_t i = 0; i < len; i++) {
		assert_int_not_equal(tls_status_judge(status, span_of(der, i), now_s, &until_s),
				     OK);
		for (unsigned bit = 0; bit < 8; bit++) {
			der[i] ^= (uint8_t)(1u << bit);
			assert_int_not_equal(
				tls_status_judge(status, span_of(der, len), now_s, &until_s), OK);
			der[i] ^= (uint8_t)(1u << bit);
		}
	}
}

static void the_question_names_the_certificate(void **state)
{
	uint8_t der[1024];
	size_t len = 0;
	struct tls_status *none = NULL;
	(void)state;
	assert_string_equal(tls_status_url(status), "http://ocsp.example/x");
	assert_int_equal(tls_status_question(status, der, 10, &len), ERR_LIMIT);
	assert_int_equal(tls_status_question(status, der, sizeof(der), &len), OK);
	assert_true(pki_is_question(der, len, &leaf, &root));
	assert_false(pki_is_question(der, len, &silent, &root));
	assert_int_equal(of(&silent, &none), ERR_ABSENT);
	/* One that is named, and cannot be asked, is not one that is not named. */
	assert_int_equal(of(&other_way, &none), ERR_UNSUPPORTED);
	assert_int_equal(tls_status_of(span_text("x"), span_text("y"), &none), ERR_FORMAT);
	assert_null(none);
	tls_status_free(NULL);
}

/* ---- of a connection ---- */

static void meet(const struct pki_entity *e, bool asks, bool stapled, struct tls_pair *pair)
{
	const struct tls_options so = {.version_min = TLS_1_2};
	const struct tls_client_options co = {.authorities_pem = span_text(root.chain_pem),
					      .version_min = TLS_1_2,
					      .staples = true,
					      .status = asks,
					      .no_sessions = true};
	AUTO(tls_server_unref) struct tls_server *s = NULL;
	AUTO(tls_chain_unref) struct tls_chain *chain = NULL;
	AUTO(tls_client_unref) struct tls_client *c = NULL;
	AUTO(tls_peer_unref) struct tls_peer *p = NULL;
	uint8_t der[4096];
	uint64_t until_s;
	assert_int_equal(tls_server_new(&so, &s), OK);
	assert_int_equal(tls_chain_new(span_text(e->chain_pem), span_text(e->key_pem), &chain), OK);
	if (stapled) {
		size_t len = pki_ocsp(e, &root, &root, GOOD, 3600, der, sizeof(der));
		assert_int_equal(tls_chain_staple(chain, span_of(der, len), now_s, &until_s), OK);
	}
	assert_int_equal(tls_server_add_chain(s, chain), OK);
	assert_int_equal(tls_client_new(&co, &c), OK);
	assert_int_equal(tls_peer_new(c, "a.example", &p), OK);
	pair_dial(pair, s, p);
	pair_shake(pair);
	assert_true(tls_is_open(pair->client));
}

static void it_is_wanted_where_nothing_is_stapled(void **state)
{
	static struct tls_pair pair;
	(void)state;
	meet(&leaf, false, false, &pair);
	assert_false(tls_wants_status(pair.client));
	meet(&leaf, true, true, &pair);
	assert_false(tls_wants_status(pair.client));
	meet(&leaf, true, false, &pair);
	assert_true(tls_wants_status(pair.client));
	struct tls_status *s = NULL;
	assert_int_equal(tls_status_new(pair.client, &s), OK);
	assert_memory_equal(tls_status_fingerprint(s), tls_status_fingerprint(status), 32);
	tls_status_free(s);
	s = NULL;
	meet(&silent, true, false, &pair);
	assert_true(tls_wants_status(pair.client));
	assert_int_equal(tls_status_new(pair.client, &s), ERR_ABSENT);
	assert_null(s);
	pair_done(&pair);
}

static int make(void **state)
{
	const char *at = "URI:http://ocsp.example/x";
	(void)state;
	now_s = (uint64_t)time(NULL);
	pki_make(&root, (struct pki_wish){.called = "root", .is_authority = true});
	pki_make(&stranger, (struct pki_wish){.called = "root", .is_authority = true});
	pki_make(&leaf,
		 (struct pki_wish){
			 .called = "leaf", .names = "DNS:a.example", .issuer = &root, .ocsp = at});
	pki_make(&silent,
		 (struct pki_wish){.called = "silent", .names = "DNS:a.example", .issuer = &root});
	pki_make(&other_way, (struct pki_wish){.called = "other",
					       .names = "DNS:a.example",
					       .issuer = &root,
					       .ocsp = "URI:https://ocsp.example/x"});
	pki_make(&helper,
		 (struct pki_wish){.called = "helper", .issuer = &root, .answers_ocsp = true});
	/* of the right authority, and not for that; or for that, and of another one */
	pki_make(&sham,
		 (struct pki_wish){.called = "helper", .issuer = &stranger, .answers_ocsp = true});
	return of(&leaf, &status) ? -1 : 0;
}

static int done(void **state)
{
	(void)state;
	tls_status_free(status);
	pki_done(&root);
	pki_done(&stranger);
	pki_done(&leaf);
	pki_done(&silent);
	pki_done(&other_way);
	pki_done(&helper);
	pki_done(&sham);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_issuer_and_who_it_has_made_for_it_are_believed),
		cmocka_unit_test(each_status_is_told_apart),
		cmocka_unit_test(clocks_may_differ_a_little),
		cmocka_unit_test(no_torn_or_changed_answer_is_another_one),
		cmocka_unit_test(the_question_names_the_certificate),
		cmocka_unit_test(it_is_wanted_where_nothing_is_stapled),
	};
	return cmocka_run_group_tests(tests, make, done);
}
