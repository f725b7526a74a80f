/* JSON Web Signatures (RFC 7515) as RFC 8555 6.2 wants them: flattened, by ES256. */
#include "acme/acme_inner.h"

#include "base/base64url.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"
#include "crypto/signing_key.h"

#include <stdlib.h>

static void write_number(struct writer *w, const uint8_t number[SIGNING_NUMBER_LEN])
{
	base64url_write(w, span_of(number, SIGNING_NUMBER_LEN));
}

enum err acme_jws_init(struct acme *a)
{
	uint8_t x[SIGNING_NUMBER_LEN], y[SIGNING_NUMBER_LEN], digest[CRYPTO_SHA256_LEN];
	TRY(signing_key_point(a->key, x, y));
	/* RFC 7638 3: the members in this order and no blank, so that the hash is its thumbprint.
	 */
	struct writer w = writer_of(a->jwk, sizeof(a->jwk));
	write_text(&w, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	write_number(&w, x);
	write_text(&w, "\",\"y\":\"");
	write_number(&w, y);
	write_text(&w, "\"}");
	crypto_sha256(writer_span(&w), digest);
	write_u8(&w, 0);
	struct writer t = writer_of(a->thumbprint, sizeof(a->thumbprint));
	base64url_write(&t, span_of(digest, sizeof(digest)));
	write_u8(&t, 0);
	TRY(writer_check(&w));
	return writer_check(&t);
}

/* As base64url with a NUL; NULL: no memory. */
static char *encoded(struct span octets)
{
	size_t size = BASE64URL_LEN(octets.len) + 1;
	char *text = malloc(size);
	if (!text)
		return NULL;
	struct writer w = writer_of(text, size);
	base64url_write(&w, octets);
	write_u8(&w, 0);
	return text;
}

/* Takes the reference. */
static char *encoded_json(json_t *json)
{
	char *plain = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char *text = plain ? encoded(span_text(plain)) : NULL;
	free(plain);
	json_decref(json);
	return text;
}

/* What is signed: "protected.payload". */
static char *joined(const char *protected, const char *payload)
{
	size_t size = strlen(protected) + strlen(payload) + 2;
	char *text = malloc(size);
	if (!text)
		return NULL;
	struct writer w = writer_of(text, size);
	write_text(&w, protected);
	write_u8(&w, '.');
	write_text(&w, payload);
	write_u8(&w, 0);
	return text;
}

static json_t *flattened(const char *protected, const char *payload, struct span signature)
{
	char *text = encoded(signature);
	json_t *j = text ? json_pack("{ssssss}", "protected", protected, "payload", payload,
				     "signature", text)
			 : NULL;
	free(text);
	return j;
}

static json_t *header(const struct acme *a, const char *url, bool by_key)
{
	json_t *j = json_pack("{ssssss}", "alg", "ES256", "nonce", a->nonce, "url", url);
	json_t *who = by_key ? json_loads(a->jwk, 0, NULL) : json_string(a->account_url);
	if (j && json_object_set_new(j, by_key ? "jwk" : "kid", who) == 0)
		return j;
	json_decref(j);
	return NULL;
}

char *acme_jws(const struct acme *a, const char *url, const char *payload, bool by_key)
{
	uint8_t signature[SIGNATURE_LEN];
	char *body = NULL, *protected = encoded_json(header(a, url, by_key));
	char *text = encoded(span_text(payload));
	char *input = protected && text ? joined(protected, text) : NULL;
	if (input && signing_key_sign(a->key, span_text(input), signature) == OK) {
		json_t *j = flattened(protected, text, span_of(signature, sizeof(signature)));
		body = j ? json_dumps(j, JSON_COMPACT) : NULL;
		json_decref(j);
	}
	free(input);
	free(text);
	free(protected);
	return body;
}

json_t *acme_jws_external(const struct acme *a)
{
	uint8_t tag[CRYPTO_HMAC_SHA256_LEN];
	json_t *j = NULL;
	char *protected = encoded_json(json_pack("{ssssss}", "alg", "HS256", "kid", a->external_id,
						 "url", a->new_account));
	char *payload = encoded(span_text(a->jwk));
	char *input = protected && payload ? joined(protected, payload) : NULL;
	if (input) {
		crypto_hmac_sha256(span_of(a->external_key, a->external_key_len), span_text(input),
				   tag);
		j = flattened(protected, payload, span_of(tag, sizeof(tag)));
	}
	free(input);
	free(payload);
	free(protected);
	return j;
}
