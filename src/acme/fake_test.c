#include "acme/fake_test.h"

#include "base/base64url.h"
#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#define NOW UINT64_C(1764000000)

static const char *const fake_name = "www.home.arpa";
static const struct certificate_names whom = {&fake_name, 1, NULL, 0};
static const struct certificate_time year = {NOW - 86400, NOW + 365 * 86400};

void fake_init(struct fake *f)
{
	*f = (struct fake){.names = 1, .nonce = 1000};
	assert_int_equal(certificate_authority("Fake CA", &whom, year, &f->authority), OK);
	assert_int_equal(certificate_issue(&f->authority, &whom, year, &f->leaf), OK);
	assert_int_equal(signing_key_new(f->account_pem), OK);
	assert_int_equal(signing_key_read(span_text(f->account_pem), &f->account), OK);
}

void fake_done(struct fake *f)
{
	certificate_done(&f->authority);
	certificate_done(&f->leaf);
	signing_key_free(f->account);
}

static void field(struct fake *f, const char *name, const char *value)
{
	assert_true(f->fields_n < 8);
	assert_true(span_to_cstr(span_text(value), f->fields_text[f->fields_n], 512));
	f->fields[f->fields_n] =
		(struct acme_field){span_text(name), span_text(f->fields_text[f->fields_n])};
	f->fields_n++;
}

/* --- what was asked --- */

static void decoded(const json_t *jws, const char *key, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(jws, key));
	assert_non_null(text);
	struct writer w = writer_of(ret, size);
	assert_int_equal(base64url_read(span_text(text), &w), OK);
	write_u8(&w, 0);
	assert_false(w.bad);
}

/* RFC 8555 6.2: signed by the account's key, for this address, with the nonce that was given. */
static void check_post(struct fake *f, const struct acme_request *r)
{
	char input[32768], signature[SIGNATURE_LEN + 1], text[64];
	assert_string_equal(r->type, "application/jose+json");
	json_t *jws = json_loadb((const char *)r->body.data, r->body.len, 0, NULL);
	assert_non_null(jws);
	decoded(jws, "protected", f->protected, sizeof(f->protected));
	decoded(jws, "payload", f->payload, sizeof(f->payload));
	decoded(jws, "signature", signature, sizeof(signature));
	struct writer w = writer_of(input, sizeof(input));
	write_text(&w, json_string_value(json_object_get(jws, "protected")));
	write_u8(&w, '.');
	write_text(&w, json_string_value(json_object_get(jws, "payload")));
	assert_true(signing_key_signed(f->account, writer_span(&w), (const uint8_t *)signature));
	json_t *h = json_loads(f->protected, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(h, "alg")), "ES256");
	assert_string_equal(json_string_value(json_object_get(h, "url")), r->url);
	w = writer_of(text, sizeof(text));
	write_format(&w, "n%u", f->nonce);
	assert_true(span_is(writer_span(&w), json_string_value(json_object_get(h, "nonce"))));
	bool is_new = strcmp(r->url, FAKE_ORIGIN "/account") == 0;
	assert_int_equal(json_object_get(h, "jwk") != NULL, is_new);
	assert_int_equal(json_object_get(h, "kid") != NULL, !is_new);
	json_decref(h);
	json_decref(jws);
	f->posts++;
}

/* --- what is answered --- */

static struct acme_answer answer(struct fake *f, unsigned status, const char *body)
{
	struct writer w = writer_of(f->body, sizeof(f->body));
	write_text(&w, body);
	return (struct acme_answer){status, f->fields, f->fields_n, writer_span(&w)};
}

static struct acme_answer authorization(struct fake *f, unsigned at)
{
	char text[1024];
	struct writer w = writer_of(text, sizeof(text));
	bool valid = f->asked[at] && f->looks == 0;
	if (f->asked[at] && f->looks)
		f->looks--;
	write_format(&w,
		     "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},"
		     "\"challenges\":[{\"type\":\"tls-sni-9\"},{\"type\":\"http-01\",\"url\":"
		     "\"" FAKE_ORIGIN
		     "/try/%u\",\"status\":\"pending\",\"token\":\"0123456789abcdef012345\"}]}",
		     valid ? "valid" : "pending", fake_name, at);
	write_u8(&w, 0);
	return answer(f, 200, text);
}

static struct acme_answer order(struct fake *f, unsigned status)
{
	char text[2048];
	struct writer w = writer_of(text, sizeof(text));
	field(f, "Location", FAKE_ORIGIN "/order/1");
	write_format(&w,
		     "{\"status\":\"%s\",\"finalize\":\"" FAKE_ORIGIN "/finalize/1\","
		     "\"authorizations\":[",
		     f->orders == 0   ? "pending"
		     : f->orders == 1 ? "ready"
		     : f->looks	      ? "processing"
				      : "valid");
	if (f->orders > 1 && f->looks)
		f->looks--;
	for (unsigned i = 0; i < f->names; i++)
		write_format(&w, "%s\"" FAKE_ORIGIN "/authorization/%u\"", i ? "," : "", i);
	write_text(&w, "],\"certificate\":\"" FAKE_ORIGIN "/certificate/1\"}");
	write_u8(&w, 0);
	return answer(f, status, text);
}

static struct acme_answer directory(struct fake *f)
{
	char text[1024];
	struct writer w = writer_of(text, sizeof(text));
	write_text(&w,
		   "{\"newNonce\":\"" FAKE_ORIGIN "/nonce\",\"newAccount\":\"" FAKE_ORIGIN
		   "/account\",\"newOrder\":\"" FAKE_ORIGIN "/order\",\"revokeCert\":\"" FAKE_ORIGIN
		   "/revoke\",\"keyChange\":\"" FAKE_ORIGIN "/key\"");
	if (f->renewal)
		write_text(&w, ",\"renewalInfo\":\"" FAKE_ORIGIN "/renewal\"");
	write_text(&w, "}");
	write_u8(&w, 0);
	return answer(f, 200, text);
}

static bool is(const struct acme_request *r, const char *path)
{
	return strncmp(r->url, FAKE_ORIGIN, strlen(FAKE_ORIGIN)) == 0 &&
	       strncmp(r->url + strlen(FAKE_ORIGIN), path, strlen(path)) == 0;
}

static struct acme_answer post(struct fake *f, const struct acme_request *r)
{
	if (is(r, "/account")) {
		field(f, "Location", FAKE_ORIGIN "/account/7");
		f->known = true;
		f->accounts++;
		return answer(f, 201, "{\"status\":\"valid\"}");
	}
	if (!f->known)
		return answer(f, 400,
			      "{\"type\":\"urn:ietf:params:acme:error:accountDoesNotExist\"}");
	if (is(r, "/order/1")) {
		f->orders = f->orders ? f->orders : 1;
		return order(f, 200);
	}
	if (is(r, "/order"))
		return order(f, 201);
	if (is(r, "/finalize")) {
		f->orders = 2;
		return order(f, 200);
	}
	if (is(r, "/authorization/"))
		return authorization(
			f, (unsigned)(r->url[strlen(FAKE_ORIGIN "/authorization/")] - '0'));
	if (is(r, "/try/")) {
		f->asked[r->url[strlen(FAKE_ORIGIN "/try/")] - '0'] = true;
		return answer(f, 200, "{\"status\":\"processing\"}");
	}
	if (is(r, "/certificate/") || is(r, "/alternate/")) {
		field(f, "Link", "<" FAKE_ORIGIN "/dir>;rel=\"index\"");
		field(f, "Link",
		      "<https://elsewhere.example/x>;rel=\"alternate\", <" FAKE_ORIGIN
		      "/alternate/1>; title=x; rel=alternate");
		return answer(f, 200, f->leaf.chain);
	}
	if (is(r, "/revoke"))
		return answer(f, 200, "");
	return answer(f, 404, "");
}

struct acme_answer fake_answer(struct fake *f, const struct acme_request *r)
{
	char text[64];
	bool is_post = strcmp(r->method, "POST") == 0;
	f->fields_n = 0;
	if (is_post)
		check_post(f, r);
	f->heads += strcmp(r->method, "HEAD") == 0;
	struct writer w = writer_of(text, sizeof(text));
	write_format(&w, "n%u", ++f->nonce);
	write_u8(&w, 0);
	if (strcmp(r->method, "GET") != 0)
		field(f, "replay-nonce", text);
	if (f->alter_n && is(r, f->alter_url)) {
		f->alter_n--;
		struct acme_answer a = f->alter;
		for (size_t i = 0; i < a.fields_n; i++)
			f->fields[f->fields_n++] = a.fields[i];
		a.fields = f->fields;
		a.fields_n = f->fields_n;
		return a;
	}
	if (is_post && f->reject) {
		f->reject--;
		return answer(f, 400, "{\"type\":\"urn:ietf:params:acme:error:badNonce\"}");
	}
	if (is(r, "/dir"))
		return directory(f);
	if (is(r, "/nonce"))
		return answer(f, 200, "");
	if (is(r, "/renewal/"))
		return answer(f, 200,
			      "{\"suggestedWindow\":{\"start\":\"2026-01-03T00:00:00Z\",\"end\":"
			      "\"2026-01-07T00:00:00+00:00\"}}");
	return post(f, r);
}

struct acme *fake_client(struct fake *f, const char *chain)
{
	static const char *const contacts[] = {"mailto:admin@home.arpa"};
	struct acme *a = NULL;
	const struct acme_conf conf = {.directory = FAKE_ORIGIN "/dir",
				       .contacts = contacts,
				       .contacts_n = 1,
				       .terms_agreed = true,
				       .external_id = "kid-1",
				       .external_key = span_text("0123456789abcdef"),
				       .chain = chain,
				       .account_key_pem = span_text(f->account_pem)};
	assert_int_equal(acme_new(&conf, &a), OK);
	return a;
}

unsigned fake_run(struct fake *f, struct acme *a)
{
	uint64_t now_ms = 5;
	unsigned proofs = 0;
	for (unsigned turn = 0; turn < 10000; turn++) {
		struct acme_want want;
		switch (acme_want(a, now_ms, &want)) {
		case ACME_WANT_NOTHING: return proofs;
		case ACME_WANT_TIME:
			assert_true(want.at_ms > now_ms);
			now_ms = want.at_ms;
			break;
		case ACME_WANT_PROOF:
			proofs++;
			acme_shown(a, OK);
			break;
		case ACME_WANT_REQUEST: {
			struct acme_answer ans = fake_answer(f, &want.request);
			acme_answer(a, now_ms, NOW, &ans);
			break;
		}
		}
	}
	fail_msg("the errand does not end");
	return proofs;
}
