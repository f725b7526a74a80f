#include "service/forward-proxy/inspect/authority.h"

#include "base/writer.h"
#include "crypto/secret.h"
#include "crypto/tls_mint.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S	UINT64_C(86400)
#define YEARS_S (UINT64_C(10) * 365 * DAY_S)

enum { HASH_LEN = 32, CALLED_MAX = 64 };

struct inspect_authority {
	atomic_size_t refs;
	struct tls_mint *mint;	      /* counted */
	struct certificate public_of; /* without a key */
	struct certificate_facts facts;
	uint8_t der[INSPECT_AUTHORITY_DER_MAX];
	size_t der_len;
	char fingerprint[3 * HASH_LEN];
};

static const char key_begins[] = "-----BEGIN PRIVATE KEY-----";

enum err inspect_authority_make(const char *called, uint64_t now_s,
				char ret[INSPECT_AUTHORITY_TEXT_MAX])
{
	AUTO_DONE(certificate_done) struct certificate made = {0};
	const struct certificate_time time = {now_s - DAY_S, now_s + YEARS_S};
	char name[CALLED_MAX + 1];
	(void)snprintf(name, sizeof(name), "%.46s TLS inspection", called);
	TRY(certificate_authority(name, NULL, time, &made));
	struct writer w = writer_of(ret, INSPECT_AUTHORITY_TEXT_MAX - 1);
	write_text(&w, made.chain);
	write_text(&w, made.key);
	TRY(writer_check(&w));
	ret[w.pos] = '\0';
	return OK;
}

static void fingerprint_write(struct inspect_authority *a)
{
	for (size_t i = 0; i < HASH_LEN; i++)
		(void)snprintf(a->fingerprint + 3 * i, i + 1 < HASH_LEN ? 4 : 3,
			       i + 1 < HASH_LEN ? "%02X:" : "%02X", a->facts.fingerprint[i]);
}

static enum err read_parts(struct inspect_authority *a, const struct certificate *both)
{
	struct span pem = span_text(both->chain);
	TRY(certificate_read(pem, span_text(both->key), &a->facts));
	TRY(tls_mint_new(both, &a->mint));
	TRY(certificate_der(pem, a->der, sizeof(a->der), &a->der_len));
	a->public_of.chain = strdup(both->chain);
	fingerprint_write(a);
	return a->public_of.chain ? OK : (enum err)ENOMEM;
}

/* To be freed; NULL without memory. The span's end need not be readable. */
static char *text_of(struct span s)
{
	char *text = malloc(s.len + 1);
	if (!text)
		return NULL;
	memcpy(text, s.data, s.len);
	text[s.len] = '\0';
	return text;
}

enum err inspect_authority_read(struct span text, struct inspect_authority **ret)
{
	AUTO_DONE(certificate_done) struct certificate both = {0};
	AUTO(inspect_authority_unref) struct inspect_authority *a = calloc(1, sizeof(*a));
	const uint8_t *key =
		text.len ? memmem(text.data, text.len, key_begins, sizeof(key_begins) - 1) : NULL;
	if (!a)
		return (enum err)ENOMEM;
	atomic_init(&a->refs, 1);
	if (!key)
		return ERR_FORMAT;
	size_t at = (size_t)(key - text.data);
	both.chain = text_of(span_sub(text, 0, at));
	both.key = text_of(span_sub(text, at, text.len));
	if (!both.chain || !both.key)
		return (enum err)ENOMEM;
	TRY(read_parts(a, &both));
	*ret = TAKE(a);
	return OK;
}

struct inspect_authority *inspect_authority_ref(struct inspect_authority *a)
{
	if (a)
		(void)atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

void inspect_authority_unref(struct inspect_authority *a)
{
	if (!a || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
		return;
	tls_mint_unref(a->mint);
	certificate_done(&a->public_of);
	free(a);
}

const struct tls_mint *inspect_authority_mint(const struct inspect_authority *a)
{
	return a->mint;
}

struct span inspect_authority_pem(const struct inspect_authority *a)
{
	return span_text(a->public_of.chain);
}

struct span inspect_authority_der(const struct inspect_authority *a)
{
	return span_of(a->der, a->der_len);
}

const char *inspect_authority_fingerprint(const struct inspect_authority *a)
{
	return a->fingerprint;
}

struct certificate_time inspect_authority_time(const struct inspect_authority *a)
{
	return a->facts.time;
}
