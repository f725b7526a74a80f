#include "acme/acme.h"

#include "acme/fake_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <jansson.h>

static const char *const names[] = {"www.home.arpa"};

static enum err order(struct fake *f, struct acme *a, struct span replaces)
{
	const struct acme_order o = {.names = names,
				     .names_n = 1,
				     .challenge = ACME_HTTP_01,
				     .key_pem = span_text(f->leaf.key),
				     .replaces_pem = replaces};
	return acme_order(a, 0, &o);
}

/* An order from which this answer to requests of that path is all that differs. */
static struct acme_result altered(const char *path, unsigned status, const char *body)
{
	struct fake f;
	fake_init(&f);
	f.alter_url = path;
	f.alter_n = 1000;
	f.alter = (struct acme_answer){status, NULL, 0, span_text(body)};
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	(void)fake_run(&f, a);
	struct acme_result r = *acme_result(a);
	r.chain_pem = (struct span){0};
	acme_free(a);
	fake_done(&f);
	return r;
}

static void refuses_a_directory_without_https_or_with_a_user(void **state)
{
	(void)state;
	static const char *const bad[] = {"http://ca.example/dir",
					  "https://ca.example",
					  "https:///dir",
					  "https://a@ca.example/dir",
					  "https://ca.example/d r",
					  "ca.example/dir",
					  ""};
	struct fake f;
	fake_init(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct acme *a = NULL;
		const struct acme_conf c = {.directory = bad[i],
					    .account_key_pem = span_text(f.account_pem)};
		assert_int_equal(acme_new(&c, &a), ERR_FORMAT);
		assert_null(a);
	}
	fake_done(&f);
}

static void refuses_an_order_that_cannot_be_asked_for(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	struct acme *a = fake_client(&f, NULL);
	static const char *const star = "*.home.arpa", *const bad = "a b";
	struct acme_order o = {.names = &star, .names_n = 1, .key_pem = span_text(f.leaf.key)};
	assert_int_equal(acme_result(a)->error, ERR_ABSENT);
	assert_int_equal(acme_order(a, 0, &o), ERR_FORMAT);
	o.names = &bad;
	assert_int_equal(acme_order(a, 0, &o), ERR_FORMAT);
	o.names_n = 0;
	assert_int_equal(acme_order(a, 0, &o), ERR_FORMAT);
	o = (struct acme_order){.names = names, .names_n = 1, .key_pem = span_text("no key")};
	assert_int_equal(acme_order(a, 0, &o), ERR_FORMAT);
	struct acme_want w;
	assert_int_equal(acme_want(a, 0, &w), ACME_WANT_NOTHING);
	acme_free(a);
	fake_done(&f);
}

static void a_broken_authority_ends_the_errand(void **state)
{
	(void)state;
	static const struct {
		const char *path, *body;
	} bad[] = {
		{"/dir", "<html>"},
		{"/dir", "[]"},
		{"/dir", "{}"},
		{"/dir",
		 "{\"newNonce\":\"https://elsewhere.example/n\",\"newAccount\":\"" FAKE_ORIGIN
		 "/a\",\"newOrder\":\"" FAKE_ORIGIN "/o\"}"},
		{"/dir", "{\"newNonce\":\"" FAKE_ORIGIN ".evil/n\",\"newAccount\":\"" FAKE_ORIGIN
			 "/a\",\"newOrder\":\"" FAKE_ORIGIN "/o\"}"},
		{"/dir", "{\"newNonce\":1,\"newNonce\":2}"},
		{"/account", "{\"status\":\"valid\"}"}, /* without an address */
		{"/order", "{}"},
		{"/order", "{\"status\":\"pending\",\"authorizations\":[]}"},
		{"/authorization", "{}"},
		{"/authorization", "{\"status\":\"revoked\"}"},
		{"/authorization", "{\"status\":\"invalid\"}"},
		{"/authorization", "{\"status\":\"pending\",\"identifier\":{\"value\":\"other."
				   "example\"},\"challenges\":[]}"},
		{"/authorization", "{\"status\":\"pending\",\"identifier\":{\"value\":\"www.home."
				   "arpa\"},\"challenges\":[]}"},
		{"/authorization", "{\"status\":\"pending\",\"identifier\":{\"value\":\"www.home."
				   "arpa\"},\"challenges\":"
				   "[{\"type\":\"http-01\",\"url\":\"" FAKE_ORIGIN
				   "/try/0\",\"token\":\"../../../../etc/passwd0000\"}]}"},
		{"/certificate", "-----BEGIN CERTIFICATE-----\n"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct acme_result r = altered(bad[i].path, 200, bad[i].body);
		assert_int_equal(r.error, ERR_FORMAT);
		assert_string_not_equal(r.problem.text, "");
	}
	/* An authority is spoken to where it is, and nowhere else. */
	assert_int_equal(altered("/dir", 302, "").error, ERR_FORMAT);
}

static void a_problem_is_told_in_the_authoritys_words_cleaned(void **state)
{
	(void)state;
	struct acme_result r =
		altered("/order", 403,
			"{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\",\"detail\":"
			"\"no\\u001b[31m \\u00e9\"}");
	assert_int_equal(r.error, ERR_REFUSED);
	assert_int_equal(r.problem.status, 403);
	assert_string_equal(r.problem.type, "rejectedIdentifier");
	assert_string_equal(r.problem.text, "no?[31m ??");
	r = altered("/order", 500, "oops");
	assert_int_equal(r.error, ERR_REFUSED);
	assert_string_equal(r.problem.text, "the authority answered with status 500");
}

static void a_challenge_that_failed_says_why(void **state)
{
	(void)state;
	struct acme_result r = altered(
		"/authorization", 200,
		"{\"status\":\"invalid\",\"challenges\":[{\"type\":\"http-01\",\"error\":{"
		"\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":\"refused\"}}]}");
	assert_int_equal(r.error, ERR_REFUSED);
	assert_string_equal(r.problem.type, "connection");
	assert_string_equal(r.problem.text, "refused");
}

static void an_authority_that_never_decides_is_left(void **state)
{
	(void)state;
	struct acme_result r = altered("/order/1", 200, "{\"status\":\"processing\"}");
	assert_true(r.error == ERR_FORMAT || r.error == (enum err)ETIMEDOUT);
}

static void rate_limits_say_how_long(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	struct acme_field later = {span_text("Retry-After"), span_text("3600")};
	f.alter_url = "/order";
	f.alter_n = 1;
	f.alter = (struct acme_answer){
		429, &later, 1, span_text("{\"type\":\"urn:ietf:params:acme:error:rateLimited\"}")};
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, ERR_REFUSED);
	assert_int_equal(acme_result(a)->retry_after_s, 3600);
	assert_int_equal(acme_counts(a)->rate_limited, 1);
	acme_free(a);
	fake_done(&f);
}

static void issues_after_pending_looks_and_rejected_nonces(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	f.reject = ACME_NONCE_TRIES - 1;
	f.looks = 7;
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	assert_int_equal(order(&f, a, (struct span){0}), ERR_EXISTS);
	assert_int_equal(fake_run(&f, a), 1);
	assert_int_equal(acme_result(a)->error, OK);
	assert_true(span_is(acme_result(a)->chain_pem, f.leaf.chain));
	assert_int_equal(acme_counts(a)->bad_nonces, ACME_NONCE_TRIES - 1);
	assert_int_equal(acme_counts(a)->issued, 1);
	assert_int_equal(f.heads, 1);
	assert_string_equal(acme_account_url(a), FAKE_ORIGIN "/account/7");

	/* The second needs no account any more. */
	memset(f.asked, 0, sizeof(f.asked));
	f.orders = 0;
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, OK);
	assert_int_equal(f.accounts, 1);
	acme_free(a);
	fake_done(&f);
}

static void nonces_that_are_never_good_end_it(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	f.reject = 100000;
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, ERR_REFUSED);
	assert_string_equal(acme_result(a)->problem.type, "badNonce");
	assert_int_equal(f.posts, ACME_NONCE_TRIES);
	acme_free(a);
	fake_done(&f);
}

static void an_account_that_the_authority_forgot_is_made_anew(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	(void)fake_run(&f, a);
	f.known = false;
	f.orders = 0;
	memset(f.asked, 0, sizeof(f.asked));
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, OK);
	assert_int_equal(f.accounts, 2);
	acme_free(a);
	fake_done(&f);
}

/* RFC 8555 7.3.4: the account's request has a JWS of its own, by the key that both know. */
static void account_is_bound_to_an_outer_one(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	f.alter_url = "/account";
	f.alter_n = 1;
	f.alter = (struct acme_answer){400, NULL, 0, span_text("{}")};
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(order(&f, a, (struct span){0}), OK);
	(void)fake_run(&f, a);
	json_t *j = json_loads(f.payload, 0, NULL);
	assert_true(json_is_true(json_object_get(j, "termsOfServiceAgreed")));
	assert_int_equal(json_array_size(json_object_get(j, "contact")), 1);
	const json_t *bound = json_object_get(j, "externalAccountBinding");
	assert_int_equal(strlen(json_string_value(json_object_get(bound, "signature"))), 43);
	json_decref(j);
	acme_free(a);
	fake_done(&f);
}

static void another_chain_is_looked_for_and_the_first_kept_without_it(void **state)
{
	(void)state;
	struct fake f;
	for (int found = 0; found < 2; found++) {
		fake_init(&f);
		struct acme *a = fake_client(&f, found ? "Fake CA" : "Better CA");
		assert_int_equal(order(&f, a, (struct span){0}), OK);
		(void)fake_run(&f, a);
		assert_int_equal(acme_result(a)->error, OK);
		assert_true(span_is(acme_result(a)->chain_pem, f.leaf.chain));
		json_t *h = json_loads(f.protected, 0, NULL);
		assert_string_equal(json_string_value(json_object_get(h, "url")),
				    found ? FAKE_ORIGIN "/certificate/1"
					  : FAKE_ORIGIN "/alternate/1");
		json_decref(h);
		acme_free(a);
		fake_done(&f);
	}
}

static void asks_when_to_renew_without_an_account(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(acme_ask_renewal(a, 0, span_text(f.leaf.chain)), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, OK);
	assert_int_equal(acme_result(a)->window.until_s, 0);
	f.renewal = true;
	assert_int_equal(acme_ask_renewal(a, 0, span_text(f.leaf.chain)), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, OK);
	assert_int_equal(acme_result(a)->window.from_s, 1767398400);
	assert_int_equal(acme_result(a)->window.until_s, 1767744000);
	assert_int_equal(acme_result(a)->window.again_s, 6 * 3600);
	assert_int_equal(f.posts, 0);
	/* A window that ends before it begins is none (RFC 9773 4.2). */
	f.alter_url = "/renewal";
	f.alter_n = 1;
	f.alter = (struct acme_answer){
		200, NULL, 0,
		span_text("{\"suggestedWindow\":{\"start\":\"2026-01-03T00:00:00Z\",\"end\":"
			  "\"2026-01-03T00:00:00Z\"}}")};
	assert_int_equal(acme_ask_renewal(a, 0, span_text(f.leaf.chain)), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, ERR_FORMAT);
	assert_int_equal(acme_ask_renewal(a, 0, span_text("x")), ERR_FORMAT);
	acme_free(a);
	fake_done(&f);
}

/* RFC 9773 5: named where the authority has renewal information, and dropped when it objects. */
static void says_which_certificate_it_follows(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	f.renewal = true;
	f.alter_url = "/order";
	f.alter_n = 1;
	f.alter = (struct acme_answer){
		409, NULL, 0,
		span_text("{\"type\":\"urn:ietf:params:acme:error:alreadyReplaced\"}")};
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(order(&f, a, span_text(f.leaf.chain)), OK);
	struct acme_want w;
	bool named = false, dropped = false;
	while (acme_want(a, 1, &w) == ACME_WANT_REQUEST && !dropped) {
		struct acme_answer ans = fake_answer(&f, &w.request);
		if (strcmp(w.request.url, FAKE_ORIGIN "/order") == 0) {
			dropped = named && !strstr(f.payload, "replaces");
			named = named || strstr(f.payload, "\"replaces\":\"");
		}
		acme_answer(a, 1, 1, &ans);
	}
	assert_true(named && dropped);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, OK);
	acme_free(a);
	fake_done(&f);
}

static void revokes(void **state)
{
	(void)state;
	struct fake f;
	fake_init(&f);
	struct acme *a = fake_client(&f, NULL);
	assert_int_equal(acme_revoke(a, 0, span_text(f.leaf.chain), 4), OK);
	(void)fake_run(&f, a);
	assert_int_equal(acme_result(a)->error, OK);
	json_t *j = json_loads(f.payload, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(j, "reason")), 4);
	json_decref(j);
	acme_free(a);
	fake_done(&f);
}

static void what_cannot_be_shown_or_is_not_answered_or_is_stopped_ends_it(void **state)
{
	(void)state;
	static const enum err ends[] = {(enum err)ECONNREFUSED, ERR_CLOSED, (enum err)EACCES};
	for (int how = 0; how < 3; how++) {
		struct fake f;
		struct acme_want w;
		fake_init(&f);
		struct acme *a = fake_client(&f, NULL);
		assert_int_equal(order(&f, a, (struct span){0}), OK);
		while (acme_want(a, 1, &w) == ACME_WANT_REQUEST) {
			struct acme_answer ans = fake_answer(&f, &w.request);
			/* The same want again, until it was dealt with. */
			struct acme_want again;
			assert_int_equal(acme_want(a, 1, &again), ACME_WANT_REQUEST);
			assert_string_equal(again.request.url, w.request.url);
			assert_true(span_equal(again.request.body, w.request.body));
			acme_answer(a, 1, 1, &ans);
			acme_answer(a, 1, 1, &ans); /* nobody waits for it any more */
		}
		assert_int_equal(acme_want(a, 1, &w), ACME_WANT_PROOF);
		assert_string_equal(w.proof.name, "www.home.arpa");
		assert_int_equal(strlen(w.proof.dns), 43);
		assert_int_equal(strncmp(w.proof.authorization, w.proof.token, 22), 0);
		if (how == 0)
			acme_unanswered(a, ends[0]);
		else if (how == 1)
			acme_stop(a);
		else
			acme_shown(a, ends[2]);
		assert_int_equal(acme_want(a, 1, &w), ACME_WANT_NOTHING);
		assert_int_equal(acme_result(a)->error, ends[how]);
		acme_free(a);
		fake_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_directory_without_https_or_with_a_user),
		cmocka_unit_test(refuses_an_order_that_cannot_be_asked_for),
		cmocka_unit_test(a_broken_authority_ends_the_errand),
		cmocka_unit_test(a_problem_is_told_in_the_authoritys_words_cleaned),
		cmocka_unit_test(a_challenge_that_failed_says_why),
		cmocka_unit_test(an_authority_that_never_decides_is_left),
		cmocka_unit_test(rate_limits_say_how_long),
		cmocka_unit_test(nonces_that_are_never_good_end_it),
		cmocka_unit_test(issues_after_pending_looks_and_rejected_nonces),
		cmocka_unit_test(an_account_that_the_authority_forgot_is_made_anew),
		cmocka_unit_test(account_is_bound_to_an_outer_one),
		cmocka_unit_test(another_chain_is_looked_for_and_the_first_kept_without_it),
		cmocka_unit_test(asks_when_to_renew_without_an_account),
		cmocka_unit_test(says_which_certificate_it_follows),
		cmocka_unit_test(revokes),
		cmocka_unit_test(what_cannot_be_shown_or_is_not_answered_or_is_stopped_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
