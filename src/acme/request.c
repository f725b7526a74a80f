/* What each step of an errand asks of the authority. */
#include "acme/acme_inner.h"

#include "base/base64url.h"
#include "base/writer.h"
#include "crypto/certificate_order.h"

#include <stdlib.h>

bool acme_step_is_get(enum acme_step step)
{
	return step == ACME_STEP_DIRECTORY || step == ACME_STEP_RENEWAL;
}

static const char *renewal_url(struct acme *a)
{
	struct writer w = writer_of(a->url, sizeof(a->url));
	write_text(&w, a->renewal);
	write_u8(&w, '/');
	write_text(&w, a->errand->id);
	write_u8(&w, 0);
	return w.bad ? a->renewal : a->url; /* the buffer holds the longest of both */
}

const char *acme_step_url(struct acme *a)
{
	struct acme_errand *e = a->errand;
	switch (e->step) {
	case ACME_STEP_DIRECTORY: return a->directory;
	case ACME_STEP_ACCOUNT: return a->new_account;
	case ACME_STEP_RENEWAL: return renewal_url(a);
	case ACME_STEP_REVOKE: return a->revoke;
	case ACME_STEP_ORDER: return a->new_order;
	case ACME_STEP_AUTHORIZATION: return e->authorizations[e->at];
	case ACME_STEP_CHALLENGE:
	case ACME_STEP_PROOF: return e->try_at;
	case ACME_STEP_ORDER_LOOK: return e->order;
	case ACME_STEP_FINALIZE: return e->finalize;
	case ACME_STEP_CERTIFICATE: return e->fetch;
	case ACME_STEP_ALTERNATE: return e->alternates[e->alternate];
	}
	return a->directory;
}

static json_t *account(const struct acme *a)
{
	json_t *j = json_pack("{sb}", "termsOfServiceAgreed", a->terms_agreed);
	bool good = j && (json_array_size(a->contacts) == 0 ||
			  json_object_set(j, "contact", a->contacts) == 0);
	if (good && a->external_id)
		good = json_object_set_new(j, "externalAccountBinding", acme_jws_external(a)) == 0;
	if (good)
		return j;
	json_decref(j);
	return NULL;
}

static json_t *order(const struct acme_errand *e)
{
	json_t *j = json_object(), *names = json_array();
	bool good = j && names;
	for (size_t i = 0; good && i < e->names_n; i++)
		good = json_array_append_new(names, json_pack("{ssss}", "type", "dns", "value",
							      e->names[i])) == 0;
	good = good && json_object_set(j, "identifiers", names) == 0;
	if (good && e->id[0])
		good = json_object_set_new(j, "replaces", json_string(e->id)) == 0;
	json_decref(names);
	if (good)
		return j;
	json_decref(j);
	return NULL;
}

static json_t *finalize(const struct acme_errand *e)
{
	const char *names[ACME_NAMES_MAX];
	uint8_t *der = malloc(ACME_CSR_MAX);
	char *text = malloc(BASE64URL_LEN(ACME_CSR_MAX) + 1);
	json_t *j = NULL;
	size_t len;
	for (size_t i = 0; i < e->names_n; i++)
		names[i] = e->names[i];
	struct certificate_names whom = {.names = names, .names_n = e->names_n};
	if (der && text &&
	    certificate_request(span_text(e->key_pem), &whom, der, ACME_CSR_MAX, &len) == OK) {
		struct writer w = writer_of(text, BASE64URL_LEN(ACME_CSR_MAX) + 1);
		base64url_write(&w, span_of(der, len));
		write_u8(&w, 0);
		j = json_pack("{ss}", "csr", text);
	}
	free(text);
	free(der);
	return j;
}

static json_t *payload(const struct acme *a)
{
	const struct acme_errand *e = a->errand;
	switch (e->step) {
	case ACME_STEP_ACCOUNT: return account(a);
	case ACME_STEP_ORDER: return order(e);
	case ACME_STEP_FINALIZE: return finalize(e);
	case ACME_STEP_REVOKE:
		return json_pack("{sssi}", "certificate", e->certificate, "reason", (int)e->reason);
	default: return json_object(); /* RFC 8555 7.5.1: the challenge may be tried */
	}
}

static bool is_look(enum acme_step step)
{
	return step == ACME_STEP_AUTHORIZATION || step == ACME_STEP_ORDER_LOOK ||
	       step == ACME_STEP_CERTIFICATE || step == ACME_STEP_ALTERNATE;
}

char *acme_step_body(const struct acme *a, const char *url)
{
	enum acme_step step = a->errand->step;
	if (is_look(step)) /* RFC 8555 6.3: POST-as-GET */
		return acme_jws(a, url, "", false);
	json_t *j = payload(a);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	char *body = text ? acme_jws(a, url, text, step == ACME_STEP_ACCOUNT) : NULL;
	free(text);
	json_decref(j);
	return body;
}
