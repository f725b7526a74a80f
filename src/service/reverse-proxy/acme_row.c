#include "service/reverse-proxy/acme_row.h"

#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#include <stdlib.h>

enum { ROW_VERSION = 1, EARLY_S = 3600, EARLY_DOUBLINGS = 12 };

/* --- identities --- */

static void id_write(const uint8_t hash[CRYPTO_SHA256_LEN], char ret[ACME_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < ACME_ID_TEXT / 2; i++) {
		ret[2 * i] = digits[hash[i] >> 4];
		ret[2 * i + 1] = digits[hash[i] & 15];
	}
	ret[ACME_ID_TEXT - 1] = '\0';
}

/* With the NUL, which stands in no text: no two lists are hashed alike. */
static void add(struct crypto_hash *h, const char *text)
{
	crypto_hash_add(h, span_of(text, strlen(text) + 1));
}

void acme_id_of_account(const char *directory, char ret[ACME_ID_TEXT])
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	struct crypto_hash h;
	crypto_hash_init(&h, CRYPTO_SHA256);
	add(&h, "account");
	add(&h, directory);
	crypto_hash_end(&h, hash);
	id_write(hash, ret);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void acme_id_of_certificate(const char *directory, unsigned key_type, const char *const *names,
			    size_t n, char ret[ACME_ID_TEXT])
{
	const char *sorted[ACME_NAMES_MAX];
	uint8_t hash[CRYPTO_SHA256_LEN], type = (uint8_t)key_type;
	struct crypto_hash h;
	ASSERT(n <= ACME_NAMES_MAX);
	for (size_t i = 0; i < n; i++)
		sorted[i] = names[i];
	qsort(sorted, n, sizeof(sorted[0]), by_text);
	crypto_hash_init(&h, CRYPTO_SHA256);
	add(&h, "certificate");
	add(&h, directory);
	crypto_hash_add(&h, span_of(&type, 1));
	for (size_t i = 0; i < n; i++)
		add(&h, sorted[i]);
	crypto_hash_end(&h, hash);
	id_write(hash, ret);
}

/* --- texts in rows --- */

static void text_write(struct writer *w, struct span text)
{
	write_u32(w, (uint32_t)text.len);
	write_span(w, text);
}

static struct span text_read(struct reader *r)
{
	return read_span(r, read_u32(r));
}

static bool text_keep(struct span text, char *ret, size_t size)
{
	return memchr(text.data ? (const void *)text.data : "", 0, text.len) == NULL &&
	       span_to_cstr(text, ret, size);
}

/* --- accounts --- */

void acme_account_done(struct acme_account *a)
{
	crypto_wipe(a, sizeof(*a));
}

enum err acme_account_write(const struct acme_account *a, const struct sealed_key *key,
			    struct span id, struct writer *w)
{
	uint8_t plain[ACME_ACCOUNT_MAX];
	struct writer p = writer_of(plain, sizeof(plain));
	write_u8(&p, ROW_VERSION);
	text_write(&p, span_text(a->key_pem));
	text_write(&p, span_text(a->url));
	enum err e = writer_check(&p);
	if (!e)
		e = sealed_write(w, key, id, writer_span(&p));
	crypto_wipe(plain, sizeof(plain));
	return e;
}

static enum err account_parse(struct span plain, struct acme_account *ret)
{
	struct reader r = reader_of_span(plain);
	uint8_t version = read_u8(&r);
	struct span pem = text_read(&r), url = text_read(&r);
	TRY(reader_end(&r));
	return version == ROW_VERSION && text_keep(pem, ret->key_pem, sizeof(ret->key_pem)) &&
			       text_keep(url, ret->url, sizeof(ret->url))
		       ? OK
		       : ERR_FORMAT;
}

enum err acme_account_read(struct span row, const struct sealed_key *key, struct span id,
			   struct acme_account *ret)
{
	uint8_t plain[ACME_ACCOUNT_MAX];
	struct acme_account a;
	size_t len = 0;
	if (row.len > sizeof(plain))
		return ERR_FORMAT;
	enum err e = sealed_open(row, key, id, plain, &len);
	if (!e)
		e = account_parse(span_of(plain, len), &a);
	crypto_wipe(plain, sizeof(plain));
	TRY(e);
	*ret = a;
	acme_account_done(&a);
	return OK;
}

/* --- certificates --- */

enum err acme_certificate_seal(struct span chain_pem, struct span key_pem,
			       const struct sealed_key *key, struct span id, uint8_t **ret,
			       size_t *ret_len)
{
	size_t len = 1 + 2 * sizeof(uint32_t) + chain_pem.len + key_pem.len;
	if (chain_pem.len > ACME_CHAIN_MAX || key_pem.len > CERTIFICATE_KEY_PEM_MAX)
		return ERR_LIMIT;
	uint8_t *plain = malloc(len), *sealed = malloc(len + SEALED_OVERHEAD);
	enum err e = plain && sealed ? OK : (enum err)ENOMEM;
	struct writer p = writer_of(plain, plain ? len : 0);
	struct writer w = writer_of(sealed, sealed ? len + SEALED_OVERHEAD : 0);
	write_u8(&p, ROW_VERSION);
	text_write(&p, key_pem);
	text_write(&p, chain_pem);
	if (!e)
		e = sealed_write(&w, key, id, writer_span(&p));
	if (plain)
		crypto_wipe(plain, len);
	free(plain);
	if (e) {
		free(sealed);
		return e;
	}
	*ret = sealed;
	*ret_len = w.pos;
	return OK;
}

enum err acme_certificate_open(struct span sealed, const struct sealed_key *key, struct span id,
			       uint8_t **ret, size_t *ret_len, struct span *ret_chain,
			       struct span *ret_key)
{
	size_t len = 0;
	if (sealed.len < SEALED_OVERHEAD)
		return ERR_FORMAT;
	uint8_t *plain = malloc(sealed.len);
	enum err e = plain ? sealed_open(sealed, key, id, plain, &len) : (enum err)ENOMEM;
	struct reader r = reader_of(plain, e ? 0 : len);
	uint8_t version = read_u8(&r);
	struct span key_pem = text_read(&r), chain_pem = text_read(&r);
	if (!e && (reader_end(&r) || version != ROW_VERSION))
		e = ERR_FORMAT;
	if (e) {
		if (plain)
			crypto_wipe(plain, sealed.len);
		free(plain);
		return e;
	}
	*ret = plain;
	*ret_len = len;
	*ret_chain = chain_pem;
	*ret_key = key_pem;
	return OK;
}

/* --- parts --- */

size_t acme_parts(size_t sealed_len)
{
	return (sealed_len + ACME_PART_MAX - 1) / ACME_PART_MAX;
}

void acme_part_write(struct span sealed, uint64_t generation, size_t n, struct writer *w)
{
	write_u8(w, ROW_VERSION);
	write_u64(w, generation);
	write_u8(w, (uint8_t)n);
	write_u8(w, (uint8_t)acme_parts(sealed.len));
	write_span(w, span_sub(sealed, n * ACME_PART_MAX, ACME_PART_MAX));
}

void acme_part_key(const char *id, size_t n, char ret[ACME_PART_KEY])
{
	struct writer w = writer_of(ret, ACME_PART_KEY);
	write_format(&w, "%s/%zu", id, n);
	write_u8(&w, 0);
}

bool acme_part_key_read(struct span key, char ret_id[ACME_ID_TEXT], size_t *ret_n)
{
	uint64_t n = 0;
	size_t id = ACME_ID_TEXT - 1;
	if (key.len <= id + 1 || key.data[id] != '/' ||
	    !span_to_u64(span_sub(key, id + 1, key.len), ACME_PARTS_MAX - 1, &n))
		return false;
	*ret_n = (size_t)n;
	return span_to_cstr(span_sub(key, 0, id), ret_id, ACME_ID_TEXT);
}

void acme_parts_done(struct acme_parts *p)
{
	for (size_t i = 0; i < ACME_PARTS_MAX; i++)
		free(p->bytes[i]);
	*p = (struct acme_parts){0};
}

enum err acme_parts_take(struct acme_parts *p, size_t n, struct span row, bool *ret_whole)
{
	struct reader r = reader_of_span(row);
	uint8_t version = read_u8(&r);
	uint64_t generation = read_u64(&r);
	size_t number = read_u8(&r), parts = read_u8(&r);
	struct span bytes = read_span(&r, reader_left(&r));
	if (r.bad || version != ROW_VERSION || number != n || n >= parts ||
	    parts > ACME_PARTS_MAX || bytes.len == 0 || bytes.len > ACME_PART_MAX)
		return ERR_FORMAT;
	if (p->generation != generation || p->n != parts) {
		acme_parts_done(p);
		p->generation = generation;
		p->n = parts;
	}
	uint8_t *copy = malloc(bytes.len);
	if (!copy)
		return ENOMEM;
	struct writer w = writer_of(copy, bytes.len);
	write_span(&w, bytes);
	p->have += p->bytes[n] == NULL;
	free(p->bytes[n]);
	p->bytes[n] = copy;
	p->len[n] = bytes.len;
	*ret_whole = p->have == p->n;
	return OK;
}

uint8_t *acme_parts_join(const struct acme_parts *p, size_t *ret_len)
{
	uint8_t *all = malloc(p->n * ACME_PART_MAX + 1);
	struct writer w = writer_of(all, all ? p->n * ACME_PART_MAX + 1 : 0);
	for (size_t i = 0; i < p->n; i++)
		write_span(&w, span_of(p->bytes[i], p->len[i]));
	*ret_len = w.pos;
	return all;
}

/* --- schedules and proofs --- */

void acme_schedule_issued(struct acme_schedule *s, uint64_t now_s, uint64_t life_s, uint64_t chance)
{
	bool is_early = s->issued_s && now_s < s->issued_s + life_s / 3;
	uint32_t early = is_early ? s->early + 1 : 0;
	uint64_t wait_s = early ? (uint64_t)EARLY_S
					  << (early < EARLY_DOUBLINGS ? early - 1 : EARLY_DOUBLINGS)
				: 0;
	*s = (struct acme_schedule){
		.issued_s = now_s, .again_s = now_s, .chance = chance, .early = early};
	s->retry_s = wait_s ? now_s + (wait_s < life_s / 3 ? wait_s : life_s / 3) : 0;
}

bool acme_schedule_is_left(const struct acme_schedule *s, uint64_t until_s, uint64_t keep_s,
			   uint64_t now_s)
{
	uint64_t tried_s = s->retry_s > s->issued_s ? s->retry_s : s->issued_s;
	uint64_t last_s = until_s > tried_s ? until_s : tried_s;
	return last_s && now_s > last_s && now_s - last_s > keep_s;
}

void acme_schedule_write(const struct acme_schedule *s, struct writer *w)
{
	write_u8(w, ROW_VERSION);
	write_u64(w, s->issued_s);
	write_u64(w, s->due_s);
	write_u64(w, s->again_s);
	write_u64(w, s->chance);
	write_u64(w, s->retry_s);
	write_u32(w, s->failures);
	write_u32(w, s->early);
	text_write(w, span_text(s->error));
}

enum err acme_schedule_read(struct span row, struct acme_schedule *ret)
{
	struct reader r = reader_of_span(row);
	uint8_t version = read_u8(&r);
	struct acme_schedule s = {.issued_s = read_u64(&r)};
	s.due_s = read_u64(&r);
	s.again_s = read_u64(&r);
	s.chance = read_u64(&r);
	s.retry_s = read_u64(&r);
	s.failures = read_u32(&r);
	s.early = read_u32(&r);
	struct span error = text_read(&r);
	TRY(reader_end(&r));
	if (version != ROW_VERSION || !text_keep(error, s.error, sizeof(s.error)))
		return ERR_FORMAT;
	*ret = s;
	return OK;
}

void acme_proof_write(const struct acme_proof_row *p, struct writer *w)
{
	write_u8(w, ROW_VERSION);
	write_u8(w, (uint8_t)p->challenge);
	text_write(w, span_text(p->name));
	text_write(w, span_text(p->token));
	text_write(w, span_text(p->authorization));
	write_bytes(w, p->digest, sizeof(p->digest));
}

enum err acme_proof_read(struct span row, struct acme_proof_row *ret)
{
	struct reader r = reader_of_span(row);
	struct acme_proof_row p = {0};
	uint8_t version = read_u8(&r), challenge = read_u8(&r);
	struct span name = text_read(&r), token = text_read(&r), authorization = text_read(&r);
	read_bytes(&r, p.digest, sizeof(p.digest));
	TRY(reader_end(&r));
	if (version != ROW_VERSION || challenge > ACME_TLS_ALPN_01 ||
	    !text_keep(name, p.name, sizeof(p.name)) ||
	    !text_keep(token, p.token, sizeof(p.token)) ||
	    !text_keep(authorization, p.authorization, sizeof(p.authorization)))
		return ERR_FORMAT;
	p.challenge = (enum acme_challenge)challenge;
	*ret = p;
	return OK;
}
