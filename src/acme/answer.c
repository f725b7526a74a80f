/* What each step of an errand makes of the authority's answer. */
#include "acme/acme_inner.h"

#include "acme/moment.h"
#include "base/base64url.h"
#include "base/writer.h"
#include "crypto/certificate_order.h"
#include "crypto/hash.h"

#include <stdlib.h>

/* RFC 9773 4.3: how often one asks, within reason, and where the authority does not say. */
enum { AGAIN_S = 6 * 3600, AGAIN_MIN_S = 60, AGAIN_MAX_S = 86400 };

/* What a step has been told, for the functions below. */
struct told {
	uint64_t now_ms, unix_s;
	const struct acme_answer *answer;
	const json_t *json; /* an object, but for certificates */
};

void acme_poll(struct acme *a, uint64_t now_ms, uint64_t unix_s, const struct acme_answer *answer)
{
	struct acme_errand *e = a->errand;
	uint64_t wait_ms = (uint64_t)ACME_POLL_MS << (e->polls < 5 ? e->polls : 5);
	uint64_t asked_ms = acme_retry_after(answer, unix_s) * 1000;
	if (wait_ms > ACME_POLL_MAX_MS)
		wait_ms = ACME_POLL_MAX_MS;
	if (asked_ms > wait_ms)
		wait_ms = asked_ms;
	if (++e->polls > ACME_POLLS_MAX) {
		acme_end_bad(a, "the authority does not come to a decision");
		return;
	}
	e->wait_ms = now_ms + wait_ms;
}

/* --- directory, account, renewal, revocation --- */

static void next_of_account(struct acme *a)
{
	a->errand->step = a->errand->kind == ACME_ERRAND_ORDER ? ACME_STEP_ORDER : ACME_STEP_REVOKE;
}

static void take_directory(struct acme *a, const struct told *t)
{
	struct acme_errand *e = a->errand;
	if (!acme_url_take(a, acme_text(t->json, "newNonce"), a->new_nonce) ||
	    !acme_url_take(a, acme_text(t->json, "newAccount"), a->new_account) ||
	    !acme_url_take(a, acme_text(t->json, "newOrder"), a->new_order)) {
		acme_end_bad(a, "this is no directory of its own addresses");
		return;
	}
	if (!acme_url_take(a, acme_text(t->json, "revokeCert"), a->revoke))
		a->revoke[0] = '\0';
	if (!acme_url_take(a, acme_text(t->json, "renewalInfo"), a->renewal))
		a->renewal[0] = '\0';
	if (e->kind == ACME_ERRAND_RENEWAL) {
		a->result.window.again_s = AGAIN_MAX_S;
		if (a->renewal[0])
			e->step = ACME_STEP_RENEWAL;
		else
			acme_end(a, OK);
		return;
	}
	if (e->kind == ACME_ERRAND_REVOKE && !a->revoke[0]) {
		acme_end_bad(a, "the authority revokes nothing");
		return;
	}
	/* RFC 9773 5: only for an authority that knows it. */
	if (!a->renewal[0])
		e->id[0] = '\0';
	if (a->account_url[0])
		next_of_account(a);
	else
		e->step = ACME_STEP_ACCOUNT;
}

static void take_account(struct acme *a, const struct told *t)
{
	char url[ACME_URL_MAX];
	const char *status = acme_text(t->json, "status");
	struct span where = acme_field(t->answer, "Location");
	if (!span_to_cstr(where, url, sizeof(url)) || !acme_url_take(a, url, a->account_url)) {
		acme_end_bad(a, "the account has no address");
		return;
	}
	if (status && strcmp(status, "valid") != 0) {
		acme_end_bad(a, "the account is no longer valid");
		return;
	}
	next_of_account(a);
}

static void take_renewal(struct acme *a, const struct told *t)
{
	const json_t *window = json_object_get(t->json, "suggestedWindow");
	const char *from = acme_text(window, "start"), *until = acme_text(window, "end");
	struct acme_window w = {.again_s = acme_retry_after(t->answer, t->unix_s)};
	if (!from || !until || acme_moment_read(span_text(from), &w.from_s) ||
	    acme_moment_read(span_text(until), &w.until_s) || w.until_s <= w.from_s) {
		acme_end_bad(a, "the renewal information has no window");
		return;
	}
	if (w.again_s == 0)
		w.again_s = AGAIN_S;
	w.again_s = w.again_s < AGAIN_MIN_S ? AGAIN_MIN_S : w.again_s;
	w.again_s = w.again_s > AGAIN_MAX_S ? AGAIN_MAX_S : w.again_s;
	a->result.window = w;
	acme_end(a, OK);
}

/* --- order --- */

static void order_invalid(struct acme *a, const json_t *json)
{
	const json_t *error = json_object_get(json, "error");
	if (!error) {
		acme_end_bad(a, "the order is invalid");
		return;
	}
	acme_problem_take(error, 0, &a->result.problem);
	acme_end(a, ERR_REFUSED);
}

static void take_order_look(struct acme *a, const struct told *t)
{
	struct acme_errand *e = a->errand;
	const char *status = acme_text(t->json, "status");
	if (!status) {
		acme_end_bad(a, "the order has no status");
	} else if (strcmp(status, "ready") == 0 && e->step == ACME_STEP_ORDER_LOOK) {
		e->step = ACME_STEP_FINALIZE;
	} else if (strcmp(status, "valid") == 0) {
		if (acme_url_take(a, acme_text(t->json, "certificate"), e->fetch))
			e->step = ACME_STEP_CERTIFICATE;
		else
			acme_end_bad(a, "the order has no certificate");
	} else if (strcmp(status, "invalid") == 0) {
		order_invalid(a, t->json);
	} else {
		e->step = ACME_STEP_ORDER_LOOK;
		acme_poll(a, t->now_ms, t->unix_s, t->answer);
	}
}

static void take_order(struct acme *a, const struct told *t)
{
	struct acme_errand *e = a->errand;
	char url[ACME_URL_MAX];
	const json_t *list = json_object_get(t->json, "authorizations");
	if (!span_to_cstr(acme_field(t->answer, "Location"), url, sizeof(url)) ||
	    !acme_url_take(a, url, e->order) ||
	    !acme_url_take(a, acme_text(t->json, "finalize"), e->finalize)) {
		acme_end_bad(a, "the order has no addresses");
		return;
	}
	e->authorizations_n = json_array_size(list);
	if (e->authorizations_n == 0 || e->authorizations_n > e->names_n) {
		acme_end_bad(a, "the order has not an authorization for each name");
		return;
	}
	for (size_t i = 0; i < e->authorizations_n; i++)
		if (!acme_url_take(a, json_string_value(json_array_get(list, i)),
				   e->authorizations[i])) {
			acme_end_bad(a, "an authorization has no address");
			return;
		}
	e->at = 0;
	e->step = ACME_STEP_AUTHORIZATION;
}

/* --- authorizations --- */

static bool is_ordered(const struct acme_errand *e, const char *name, bool wildcard)
{
	for (size_t i = 0; i < e->names_n; i++) {
		bool star = strncmp(e->names[i], "*.", 2) == 0;
		if (star == wildcard && strcmp(e->names[i] + (star ? 2 : 0), name) == 0)
			return true;
	}
	return false;
}

static const json_t *challenge_of(const struct acme_errand *e, const json_t *json)
{
	const json_t *list = json_object_get(json, "challenges");
	for (size_t i = 0; i < json_array_size(list) && i < ACME_NAMES_MAX; i++) {
		const json_t *c = json_array_get(list, i);
		const char *type = acme_text(c, "type");
		if (type && strcmp(type, acme_challenge_text(e->challenge)) == 0)
			return c;
	}
	return NULL;
}

/* RFC 8555 8.1: digits of base64url for 128 bits at least; it becomes part of a path. */
static bool token_take(const char *text, char ret[ACME_TOKEN_MAX])
{
	size_t len = text ? strlen(text) : 0;
	if (len < 22 || len >= ACME_TOKEN_MAX || !base64url_is(span_text(text)))
		return false;
	memcpy(ret, text, len + 1);
	return true;
}

/* RFC 8555 8.1, 8.3, 8.4; RFC 8737 3. */
static void make_proof(const struct acme *a, struct acme_errand *e)
{
	struct writer w = writer_of(e->proof, sizeof(e->proof));
	write_text(&w, e->token);
	write_u8(&w, '.');
	write_text(&w, a->thumbprint);
	crypto_sha256(writer_span(&w), e->digest);
	write_u8(&w, 0);
	w = writer_of(e->dns, sizeof(e->dns));
	base64url_write(&w, span_of(e->digest, sizeof(e->digest)));
	write_u8(&w, 0);
}

static void next_authorization(struct acme *a)
{
	struct acme_errand *e = a->errand;
	e->asked = false;
	e->polls = 0;
	e->step = ++e->at < e->authorizations_n ? ACME_STEP_AUTHORIZATION : ACME_STEP_ORDER_LOOK;
}

static void challenge_invalid(struct acme *a, const json_t *challenge)
{
	const json_t *error = json_object_get(challenge, "error");
	if (!error) {
		acme_end_bad(a, "the authorization is invalid");
		return;
	}
	acme_problem_take(error, 0, &a->result.problem);
	acme_end(a, ERR_REFUSED);
}

static void take_pending(struct acme *a, const struct told *t)
{
	struct acme_errand *e = a->errand;
	const json_t *challenge = challenge_of(e, t->json);
	const json_t *who = json_object_get(t->json, "identifier");
	const char *name = acme_text(who, "value"), *status = acme_text(challenge, "status");
	bool wildcard = json_is_true(json_object_get(t->json, "wildcard"));
	if (!name || !is_ordered(e, name, wildcard)) {
		acme_end_bad(a, "an authorization is for a name that was not ordered");
	} else if (!challenge) {
		acme_end_bad(a, "the authority offers no challenge of the configured kind");
	} else if (status && strcmp(status, "invalid") == 0) {
		challenge_invalid(a, challenge);
	} else if (e->asked || (status && strcmp(status, "pending") != 0)) {
		acme_poll(a, t->now_ms, t->unix_s, t->answer);
	} else if (!token_take(acme_text(challenge, "token"), e->token) ||
		   !acme_url_take(a, acme_text(challenge, "url"), e->try_at) ||
		   !span_to_cstr(span_text(name), e->name, sizeof(e->name))) {
		acme_end_bad(a, "the challenge has no token or address");
	} else {
		make_proof(a, e);
		e->step = ACME_STEP_PROOF;
	}
}

static void take_authorization(struct acme *a, const struct told *t)
{
	const char *status = acme_text(t->json, "status");
	if (status && strcmp(status, "valid") == 0) {
		next_authorization(a);
	} else if (status && strcmp(status, "pending") == 0) {
		take_pending(a, t);
	} else if (status && strcmp(status, "invalid") == 0) {
		challenge_invalid(a, challenge_of(a->errand, t->json));
	} else {
		acme_end_bad(a, "an authorization is over");
	}
}

static void take_challenge(struct acme *a, const struct told *t)
{
	a->errand->asked = true;
	a->errand->polls = 0;
	a->errand->step = ACME_STEP_AUTHORIZATION;
	acme_poll(a, t->now_ms, t->unix_s, t->answer);
}

/* --- certificate --- */

/* It is what was ordered: for our key and all names. */
static bool is_ours(const struct acme_errand *e, struct span chain)
{
	const char *names[ACME_NAMES_MAX];
	struct certificate_facts facts;
	for (size_t i = 0; i < e->names_n; i++)
		names[i] = e->names[i];
	struct certificate_names whom = {.names = names, .names_n = e->names_n};
	return certificate_read(chain, span_text(e->key_pem), &facts) == OK &&
	       certificate_serves(chain, (struct span){0}, &whom, 0);
}

static bool is_wanted(const struct acme *a, struct span chain)
{
	struct certificate_identity i;
	return !a->chain || (certificate_identify(chain, &i) == OK && strcmp(i.top, a->chain) == 0);
}

static void keep_chain(struct acme *a, struct span chain)
{
	char *text = malloc(chain.len + 1);
	if (!text || !span_to_cstr(chain, text, chain.len + 1)) {
		free(text);
		acme_end(a, ENOMEM);
		return;
	}
	free(a->chain_pem);
	a->chain_pem = text;
	a->result.chain_pem = span_text(text);
}

static void take_certificate(struct acme *a, const struct told *t)
{
	struct acme_errand *e = a->errand;
	struct span chain = t->answer->body;
	bool first = e->step == ACME_STEP_CERTIFICATE;
	bool good = memchr(chain.data ? chain.data : (const uint8_t *)"", 0, chain.len) == NULL &&
		    is_ours(e, chain);
	if (first && !good) {
		acme_end_bad(a, "the certificate is not the one that was ordered");
		return;
	}
	if (first)
		e->alternates_n = acme_links(a, t->answer, "alternate", e->alternates);
	bool wanted = good && is_wanted(a, chain);
	if (first || wanted)
		keep_chain(a, chain);
	if (!a->errand)
		return;
	e->alternate = first ? 0 : e->alternate + 1;
	if (wanted || e->alternate >= e->alternates_n)
		acme_end(a, OK);
	else
		e->step = ACME_STEP_ALTERNATE;
}

/* --- all of them --- */

static bool is_text(enum acme_step step)
{
	return step == ACME_STEP_CERTIFICATE || step == ACME_STEP_ALTERNATE ||
	       step == ACME_STEP_REVOKE;
}

static void take(struct acme *a, const struct told *t)
{
	switch (a->errand->step) {
	case ACME_STEP_DIRECTORY: take_directory(a, t); break;
	case ACME_STEP_ACCOUNT: take_account(a, t); break;
	case ACME_STEP_RENEWAL: take_renewal(a, t); break;
	case ACME_STEP_REVOKE: acme_end(a, OK); break;
	case ACME_STEP_ORDER: take_order(a, t); break;
	case ACME_STEP_AUTHORIZATION: take_authorization(a, t); break;
	case ACME_STEP_CHALLENGE: take_challenge(a, t); break;
	case ACME_STEP_ORDER_LOOK:
	case ACME_STEP_FINALIZE: take_order_look(a, t); break;
	case ACME_STEP_CERTIFICATE:
	case ACME_STEP_ALTERNATE: take_certificate(a, t); break;
	case ACME_STEP_PROOF: /* asks nothing */ break;
	}
}

void acme_take(struct acme *a, uint64_t now_ms, uint64_t unix_s, const struct acme_answer *answer)
{
	struct told t = {.now_ms = now_ms, .unix_s = unix_s, .answer = answer};
	json_t *json = NULL;
	if (!is_text(a->errand->step)) {
		json = json_loadb((const char *)answer->body.data, answer->body.len,
				  JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(json)) {
			json_decref(json);
			acme_end_bad(a, "the answer is no object of JSON");
			return;
		}
	}
	t.json = json;
	take(a, &t);
	json_decref(json);
}
