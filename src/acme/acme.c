/* The errands' beginning and end, and what comes between two steps. */
#include "acme/acme_inner.h"

#include "base/base64url.h"
#include "base/writer.h"
#include "crypto/certificate_order.h"
#include "crypto/secret.h"
#include "crypto/signing_key.h"

#include <stdlib.h>

const char *acme_challenge_text(enum acme_challenge c)
{
	static const char *const texts[ACME_CHALLENGES] = {"http-01", "tls-alpn-01", "dns-01"};
	return texts[c];
}

/* --- who we are --- */

/* The length of "https://host:port"; 0: it is none. */
static size_t origin_of(const char *url)
{
	static const char scheme[] = "https://";
	size_t begin = strlen(scheme), end;
	if (strncmp(url, scheme, begin) != 0)
		return 0;
	end = begin + strcspn(url + begin, "/?#");
	if (end == begin || url[end] != '/' || memchr(url + begin, '@', end - begin))
		return 0;
	return end;
}

static char *copied(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);
	if (copy)
		memcpy(copy, text, size);
	return copy;
}

static enum err take_conf(struct acme *a, const struct acme_conf *c)
{
	a->terms_agreed = c->terms_agreed;
	a->contacts = json_array();
	for (size_t i = 0; i < c->contacts_n; i++)
		if (json_array_append_new(a->contacts, json_string(c->contacts[i])) != 0)
			return ERR_FORMAT;
	if (c->external_id) {
		if (c->external_key.len > sizeof(a->external_key))
			return ERR_LIMIT;
		struct writer w = writer_of(a->external_key, sizeof(a->external_key));
		write_span(&w, c->external_key);
		a->external_key_len = w.pos;
		a->external_id = copied(c->external_id);
	}
	if (c->chain)
		a->chain = copied(c->chain);
	if (!a->contacts || (c->external_id && !a->external_id) || (c->chain && !a->chain))
		return ENOMEM;
	return OK;
}

enum err acme_new(const struct acme_conf *conf, struct acme **ret)
{
	AUTO(acme_free) struct acme *a = calloc(1, sizeof(*a));
	if (!a)
		return ENOMEM;
	a->result.error = ERR_ABSENT;
	a->origin_len = origin_of(conf->directory);
	if (a->origin_len == 0 ||
	    !span_to_cstr(span_text(conf->directory), a->directory, sizeof(a->directory)) ||
	    !acme_url_take(a, conf->directory, a->url))
		return ERR_FORMAT;
	TRY(signing_key_read(conf->account_key_pem, &a->key));
	TRY(acme_jws_init(a));
	TRY(take_conf(a, conf));
	/* One of another authority, or none any more: the account is found by its key. */
	if (!acme_url_take(a, conf->account_url, a->account_url))
		a->account_url[0] = '\0';
	*ret = TAKE(a);
	return OK;
}

static void errand_free(struct acme_errand *e)
{
	if (!e)
		return;
	if (e->key_pem)
		crypto_wipe(e->key_pem, strlen(e->key_pem));
	free(e->key_pem);
	free(e->certificate);
	free(e->body);
	free(e);
}

void acme_free(struct acme *a)
{
	if (!a)
		return;
	errand_free(a->errand);
	signing_key_free(a->key);
	json_decref(a->contacts);
	crypto_wipe(a->external_key, sizeof(a->external_key));
	free(a->external_id);
	free(a->chain);
	free(a->chain_pem);
	free(a);
}

/* --- errands --- */

static enum err begin(struct acme *a, uint64_t now_ms, enum acme_errand_kind kind,
		      struct acme_errand **ret)
{
	if (a->errand)
		return ERR_EXISTS;
	struct acme_errand *e = calloc(1, sizeof(*e));
	if (!e)
		return ENOMEM;
	e->kind = kind;
	e->until_ms = now_ms + ACME_ERRAND_MS;
	*ret = e;
	return OK;
}

/* From here on the errand is on. */
static void launch(struct acme *a, struct acme_errand *e)
{
	free(a->chain_pem);
	a->chain_pem = NULL;
	a->result = (struct acme_result){.error = OK};
	a->nonce[0] = '\0'; /* an old one has gone stale most likely */
	a->errand = e;
}

/* RFC 9773 4.1. ERR_FORMAT: the certificate does not say. */
static enum err id_of(struct span chain, char ret[ACME_ID_MAX])
{
	struct certificate_identity i;
	TRY(certificate_identify(chain, &i));
	if (i.authority_len == 0 || i.serial_len == 0)
		return ERR_FORMAT;
	struct writer w = writer_of(ret, ACME_ID_MAX);
	base64url_write(&w, span_of(i.authority, i.authority_len));
	write_u8(&w, '.');
	base64url_write(&w, span_of(i.serial, i.serial_len));
	write_u8(&w, 0);
	return writer_check(&w);
}

static enum err take_order(struct acme_errand *e, const struct acme_order *o)
{
	const struct certificate_names whom = {.names = o->names, .names_n = o->names_n};
	uint8_t *csr = malloc(ACME_CSR_MAX);
	size_t len;
	/* So that what cannot be asked for is refused before the authority hears of it. */
	enum err err = csr ? certificate_request(o->key_pem, &whom, csr, ACME_CSR_MAX, &len)
			   : (enum err)ENOMEM;
	free(csr);
	if (err)
		return err;
	e->challenge = o->challenge;
	for (size_t i = 0; i < o->names_n; i++) {
		bool star = strncmp(o->names[i], "*.", 2) == 0;
		if ((star && o->challenge != ACME_DNS_01) ||
		    !span_to_cstr(span_text(o->names[i]), e->names[i], sizeof(e->names[i])))
			return ERR_FORMAT;
	}
	e->names_n = o->names_n;
	e->key_pem = malloc(o->key_pem.len + 1);
	if (!e->key_pem)
		return ENOMEM;
	if (!span_to_cstr(o->key_pem, e->key_pem, o->key_pem.len + 1))
		return ERR_FORMAT;
	if (o->replaces_pem.len && id_of(o->replaces_pem, e->id))
		e->id[0] = '\0'; /* one that no authority can be told of */
	return OK;
}

enum err acme_order(struct acme *a, uint64_t now_ms, const struct acme_order *order)
{
	struct acme_errand *e = NULL;
	if (order->names_n == 0 || order->names_n > ACME_NAMES_MAX)
		return ERR_FORMAT;
	TRY(begin(a, now_ms, ACME_ERRAND_ORDER, &e));
	enum err err = take_order(e, order);
	if (err) {
		errand_free(e);
		return err;
	}
	launch(a, e);
	return OK;
}

enum err acme_ask_renewal(struct acme *a, uint64_t now_ms, struct span chain_pem)
{
	char id[ACME_ID_MAX];
	struct acme_errand *e = NULL;
	TRY(id_of(chain_pem, id));
	TRY(begin(a, now_ms, ACME_ERRAND_RENEWAL, &e));
	memcpy(e->id, id, sizeof(id));
	launch(a, e);
	return OK;
}

enum err acme_revoke(struct acme *a, uint64_t now_ms, struct span chain_pem, unsigned reason)
{
	uint8_t der[8192];
	size_t len;
	struct acme_errand *e = NULL;
	TRY(certificate_der(chain_pem, der, sizeof(der), &len));
	TRY(begin(a, now_ms, ACME_ERRAND_REVOKE, &e));
	e->reason = reason;
	e->certificate = malloc(BASE64URL_LEN(len) + 1);
	if (!e->certificate) {
		errand_free(e);
		return ENOMEM;
	}
	struct writer w = writer_of(e->certificate, BASE64URL_LEN(len) + 1);
	base64url_write(&w, span_of(der, len));
	write_u8(&w, 0);
	launch(a, e);
	return OK;
}

void acme_end(struct acme *a, enum err err)
{
	a->result.error = err;
	if (a->errand->kind == ACME_ERRAND_ORDER)
		*(err ? &a->counts.failed : &a->counts.issued) += 1;
	if (err)
		a->result.chain_pem = (struct span){0};
	errand_free(a->errand);
	a->errand = NULL;
}

static void say(struct acme *a, const char *text)
{
	a->result.problem = (struct acme_problem){0};
	struct writer w = writer_of(a->result.problem.text, sizeof(a->result.problem.text));
	write_text(&w, text);
	write_u8(&w, 0);
}

void acme_end_bad(struct acme *a, const char *text)
{
	a->counts.bad_answers++;
	say(a, text);
	acme_end(a, ERR_FORMAT);
}

void acme_stop(struct acme *a)
{
	if (a->errand)
		acme_end(a, ERR_CLOSED);
}

/* --- what is wanted --- */

static enum acme_want_kind want_request(struct acme *a, struct acme_request *ret)
{
	struct acme_errand *e = a->errand;
	bool is_get = acme_step_is_get(e->step);
	e->is_head = !is_get && !a->nonce[0] && !e->under_way;
	if (!e->under_way)
		a->counts.requests++;
	if (is_get) {
		*ret = (struct acme_request){.method = "GET", .url = acme_step_url(a)};
	} else if (e->is_head || (e->under_way && !e->body)) {
		e->is_head = true;
		*ret = (struct acme_request){.method = "HEAD", .url = a->new_nonce};
	} else {
		const char *url = acme_step_url(a);
		if (!e->body)
			e->body = acme_step_body(a, url);
		if (!e->body) {
			acme_end(a, ENOMEM);
			return ACME_WANT_NOTHING;
		}
		a->nonce[0] = '\0'; /* it is good for one request */
		*ret = (struct acme_request){.method = "POST",
					     .url = url,
					     .type = "application/jose+json",
					     .body = span_text(e->body)};
	}
	e->under_way = true;
	return ACME_WANT_REQUEST;
}

enum acme_want_kind acme_want(struct acme *a, uint64_t now_ms, struct acme_want *ret)
{
	struct acme_errand *e = a->errand;
	if (!e)
		return ACME_WANT_NOTHING;
	if (now_ms >= e->until_ms) {
		say(a, "it took too long");
		acme_end(a, (enum err)ETIMEDOUT);
		return ACME_WANT_NOTHING;
	}
	if (e->step == ACME_STEP_PROOF) {
		ret->proof = (struct acme_proof){.challenge = e->challenge,
						 .name = e->name,
						 .token = e->token,
						 .authorization = e->proof,
						 .dns = e->dns};
		memcpy(ret->proof.digest, e->digest, sizeof(e->digest));
		return ACME_WANT_PROOF;
	}
	if (!e->under_way && e->wait_ms > now_ms) {
		ret->at_ms = e->wait_ms < e->until_ms ? e->wait_ms : e->until_ms;
		return ACME_WANT_TIME;
	}
	return want_request(a, &ret->request);
}

/* --- what came --- */

static void take_nonce(struct acme *a, const struct acme_answer *answer)
{
	struct span nonce = acme_field(answer, "Replay-Nonce");
	/* RFC 8555 6.5.1: others are to be ignored. */
	if (nonce.len && nonce.len < sizeof(a->nonce) && base64url_is(nonce))
		(void)span_to_cstr(nonce, a->nonce, sizeof(a->nonce));
}

/* What is mended by another request of the same step, or of one before it. */
static bool mend(struct acme *a, const char *type)
{
	struct acme_errand *e = a->errand;
	if (strcmp(type, "badNonce") == 0 && ++e->nonce_tries < ACME_NONCE_TRIES) {
		a->counts.bad_nonces++;
		return true;
	}
	if (strcmp(type, "accountDoesNotExist") == 0 && !e->anew && e->step != ACME_STEP_ACCOUNT) {
		e->anew = true;
		a->account_url[0] = '\0';
		e->step = ACME_STEP_ACCOUNT;
		return true;
	}
	if (strcmp(type, "orderNotReady") == 0 && e->step == ACME_STEP_FINALIZE) {
		e->step = ACME_STEP_ORDER_LOOK;
		return true;
	}
	/* RFC 9773 5: alreadyReplaced, or any other fault that it finds in what is followed. */
	if (e->step == ACME_STEP_ORDER && e->id[0] &&
	    (strcmp(type, "alreadyReplaced") == 0 || strcmp(type, "malformed") == 0)) {
		e->id[0] = '\0';
		return true;
	}
	return false;
}

static void take_trouble(struct acme *a, uint64_t now_ms, uint64_t unix_s,
			 const struct acme_answer *answer)
{
	struct acme_problem p;
	json_t *json = json_loadb((const char *)answer->body.data, answer->body.len,
				  JSON_REJECT_DUPLICATES, NULL);
	acme_problem_take(json, answer->status, &p);
	json_decref(json);
	a->counts.problems++;
	if (mend(a, p.type)) {
		if (a->errand->step == ACME_STEP_ORDER_LOOK)
			acme_poll(a, now_ms, unix_s, answer);
		return;
	}
	if (a->errand->step == ACME_STEP_ALTERNATE) {
		acme_end(a, OK); /* the first chain is good */
		return;
	}
	if (strcmp(p.type, "rateLimited") == 0 || answer->status == 429)
		a->counts.rate_limited++;
	a->result.problem = p;
	a->result.retry_after_s = acme_retry_after(answer, unix_s);
	acme_end(a, ERR_REFUSED);
}

void acme_answer(struct acme *a, uint64_t now_ms, uint64_t unix_s, const struct acme_answer *answer)
{
	struct acme_errand *e = a->errand;
	if (!e || !e->under_way)
		return;
	bool was_head = e->is_head;
	e->under_way = e->is_head = false;
	free(e->body);
	e->body = NULL;
	take_nonce(a, answer);
	if (answer->body.len > ACME_ANSWER_MAX) {
		acme_end_bad(a, "the answer is too large");
	} else if (answer->status >= 400) {
		take_trouble(a, now_ms, unix_s, answer);
	} else if (answer->status < 200 || answer->status >= 300) {
		acme_end_bad(a, "the authority sends us elsewhere");
	} else if (was_head) {
		if (!a->nonce[0])
			acme_end_bad(a, "the authority gives no nonce");
	} else {
		e->nonce_tries = 0;
		acme_take(a, now_ms, unix_s, answer);
	}
}

void acme_unanswered(struct acme *a, enum err why)
{
	if (!a->errand)
		return;
	a->counts.unanswered++;
	say(a, "no answer from the authority");
	acme_end(a, why ? why : (enum err)EIO);
}

void acme_shown(struct acme *a, enum err shown)
{
	if (!a->errand || a->errand->step != ACME_STEP_PROOF)
		return;
	if (shown) {
		say(a, "the proof could not be shown");
		acme_end(a, shown);
		return;
	}
	a->errand->step = ACME_STEP_CHALLENGE;
}

/* --- what is known --- */

const struct acme_result *acme_result(const struct acme *a)
{
	return &a->result;
}

const char *acme_account_url(const struct acme *a)
{
	return a->account_url;
}

const struct acme_counts *acme_counts(const struct acme *a)
{
	return &a->counts;
}
