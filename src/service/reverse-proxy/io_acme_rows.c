/* What the thread keeps in the store, and learns from it. */
#include "base/writer.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/tls_chain.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "proto/dns/text.h"
#include "service/reverse-proxy/io_acme_inner.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 4096, KEY_FILE_MAX = 128 };

static const char *const tables[ACME_TABLES] = {
	[ACME_TABLE_ACCOUNTS] = "accounts",   [ACME_TABLE_CERTIFICATES] = "certificates",
	[ACME_TABLE_SCHEDULES] = "schedules", [ACME_TABLE_LEASES] = "leases",
	[ACME_TABLE_PROOFS] = "proofs",
};

/* --- the key that seals --- */

static enum err key_make(const char *path, uint8_t ret[REVERSE_STORE_KEY_LEN])
{
	char text[64];
	struct writer w = writer_of(text, sizeof(text));
	TRY(crypto_random(ret, REVERSE_STORE_KEY_LEN));
	dns_text_base64_write(span_of(ret, REVERSE_STORE_KEY_LEN), &w);
	enum err e = file_write_atomic(path, writer_span(&w), 0600);
	crypto_wipe(text, sizeof(text));
	if (!e)
		log_notice("a key was made", LOG_TEXT("file", path));
	return e;
}

static enum err key_have(struct reverse_acme *a, const struct reverse_conf *conf,
			 const char *folder)
{
	char path[PATH_SIZE], *text = NULL;
	size_t len = 0;
	if (conf->store_key.len)
		return reverse_store_key_read(conf->store_key, a->key.bytes);
	(void)snprintf(path, sizeof(path), "%s/store.key", folder);
	enum err e = file_read(path, KEY_FILE_MAX, &text, &len);
	if (e == (enum err)ENOENT)
		e = key_make(path, a->key.bytes);
	else if (!e)
		e = reverse_store_key_read(span_of(text, len), a->key.bytes);
	if (text)
		crypto_wipe(text, len);
	free(text);
	if (e)
		log_error(e == ERR_FORMAT ? "the file holds no key" : "the key cannot be had",
			  LOG_TEXT("file", path), LOG_ERR(e));
	return e;
}

/* --- the store --- */

enum err acme_rows_new(struct reverse_acme *a, const struct reverse_conf *conf, const char *folder)
{
	char path[PATH_SIZE], url[REVERSE_STORE_URL_MAX];
	a->shared = reverse_store_is_shared(conf);
	TRY(crypto_random(a->self, sizeof(a->self)));
	TRY(key_have(a, conf, folder));
	(void)snprintf(path, sizeof(path), "%s/reverse-proxy.db", folder);
	reverse_store_url(conf, url, sizeof(url));
	const struct store_config config = {.url = a->shared ? url : NULL,
					    .path = path,
					    .tables = tables,
					    .tables_len = ACME_TABLES};
	enum err e = store_new(&config, &a->store);
	crypto_wipe(url, sizeof(url));
	return e;
}

void acme_rows_done(struct reverse_acme *a)
{
	store_free(TAKE(a->store));
	sealed_key_done(&a->key);
	for (size_t i = 0; i < a->accounts_n; i++)
		acme_account_done(&a->accounts[i]);
	free(TAKE(a->accounts));
	free(TAKE(a->account_ids));
	a->accounts_n = 0;
}

/* --- rows in --- */

static struct acme_account *account_find(const struct reverse_acme *a, const char *id)
{
	for (size_t i = 0; i < a->accounts_n; i++)
		if (strcmp(a->account_ids[i], id) == 0)
			return &a->accounts[i];
	return NULL;
}

static enum err account_keep(struct reverse_acme *a, const char *id, const struct acme_account *k)
{
	struct acme_account *known = account_find(a, id);
	if (!known) {
		size_t n = a->accounts_n + 1;
		/* Not realloc: the keys in the old one are to be wiped. */
		struct acme_account *accounts = calloc(n, sizeof(*accounts));
		char(*ids)[ACME_ID_TEXT] = realloc(a->account_ids, n * ACME_ID_TEXT);
		if (ids)
			a->account_ids = ids;
		if (!accounts || !ids) {
			free(accounts);
			return ENOMEM;
		}
		for (size_t i = 0; i < a->accounts_n; i++) {
			accounts[i] = a->accounts[i];
			acme_account_done(&a->accounts[i]);
		}
		free(a->accounts);
		a->accounts = accounts;
		memcpy(a->account_ids[n - 1], id, ACME_ID_TEXT);
		known = &a->accounts[n - 1];
		a->accounts_n = n;
	}
	*known = *k;
	return OK;
}

static enum err learn_account(struct reverse_acme *a, const struct store_row *row)
{
	struct acme_account account;
	char id[ACME_ID_TEXT];
	if (row->removed || row->key.len != ACME_ID_TEXT - 1 ||
	    !span_to_cstr(row->key, id, sizeof(id)))
		return OK;
	TRY(acme_account_read(row->value, &a->key, row->key, &account));
	enum err e = account_keep(a, id, &account);
	acme_account_done(&account);
	return e;
}

static enum err certificate_whole(struct reverse_acme *a, struct acme_held *h)
{
	size_t len = 0, plain_len = 0;
	uint8_t *sealed = acme_parts_join(&h->parts, &len), *plain = NULL;
	struct span chain_pem = {0}, key_pem = {0};
	struct tls_chain *chain = NULL;
	enum err e = sealed ? acme_certificate_open(span_of(sealed, len), &a->key, span_text(h->id),
						    &plain, &plain_len, &chain_pem, &key_pem)
			    : (enum err)ENOMEM;
	if (!e)
		e = tls_chain_new(chain_pem, key_pem, &chain);
	if (!e)
		e = acme_held_set(a, h, chain, chain_pem, h->parts.generation);
	if (plain)
		crypto_wipe(plain, plain_len);
	free(plain);
	free(sealed);
	acme_parts_done(&h->parts);
	return e;
}

static enum err learn_certificate(struct reverse_acme *a, const struct store_row *row)
{
	char id[ACME_ID_TEXT];
	size_t n;
	bool whole = false;
	if (!acme_part_key_read(row->key, id, &n))
		return OK;
	struct acme_held *h = row->removed ? acme_held_find(a, id) : acme_held_get(a, id);
	if (!h)
		return row->removed ? OK : (enum err)ENOMEM;
	h->part_versions[n] = row->removed ? 0 : row->version;
	if (row->removed)
		return OK;
	h->parts_generation = 0;
	TRY(acme_parts_take(&h->parts, n, row->value, &whole));
	h->parts_generation = h->parts.generation;
	if (!whole)
		return OK;
	if (h->parts.generation != h->generation)
		return certificate_whole(a, h);
	acme_parts_done(&h->parts);
	return OK;
}

static void learn_lease(struct reverse_acme *a, struct acme_held *h, const struct store_row *row)
{
	acme_lock(a);
	h->leased = !row->removed;
	h->ours = h->leased && span_equal(span_sub(row->value, 0, sizeof(a->self)),
					  span_of(a->self, sizeof(a->self)));
	acme_unlock(a);
	h->lease_version = row->version;
	h->lease_seen_ms = clock_monotonic_ms();
}

static enum err learn_proof(struct reverse_acme *a, struct acme_held *h,
			    const struct store_row *row)
{
	struct acme_proof_row p;
	if (h->token[0])
		acme_proofs_drop(a->proofs, h->token);
	h->token[0] = '\0';
	h->proof_version = row->removed ? 0 : row->version;
	if (row->removed)
		return OK;
	TRY(acme_proof_read(row->value, &p));
	TRY(acme_proofs_put(a->proofs, &p, clock_wall_s()));
	memcpy(h->token, p.token, sizeof(h->token));
	return OK;
}

static enum err learn_of_certificate(struct reverse_acme *a, const struct store_row *row)
{
	char id[ACME_ID_TEXT];
	struct acme_schedule s;
	if (row->key.len != ACME_ID_TEXT - 1 || !span_to_cstr(row->key, id, sizeof(id)))
		return OK;
	struct acme_held *h = row->removed ? acme_held_find(a, id) : acme_held_get(a, id);
	if (!h)
		return row->removed ? OK : (enum err)ENOMEM;
	switch (row->table) {
	case ACME_TABLE_LEASES: learn_lease(a, h, row); return OK;
	case ACME_TABLE_PROOFS: return learn_proof(a, h, row);
	default: break;
	}
	h->schedule_version = row->removed ? 0 : row->version;
	h->schedule_foreign = !row->removed;
	if (row->removed)
		return OK;
	TRY(acme_schedule_read(row->value, &s));
	h->schedule_foreign = false;
	acme_lock(a);
	h->schedule = s;
	acme_unlock(a);
	return OK;
}

static enum err learn(void *arg, const struct store_row *row)
{
	struct reverse_acme *a = arg;
	enum err e = row->table == ACME_TABLE_ACCOUNTS	     ? learn_account(a, row)
		     : row->table == ACME_TABLE_CERTIFICATES ? learn_certificate(a, row)
							     : learn_of_certificate(a, row);
	acme_look_soon(a);
	if (e && e != (enum err)ENOMEM)
		log_warning("a row of the store is left aside: torn, of a newer program, or sealed "
			    "with another key",
			    LOG_TEXT("table", tables[row->table]), LOG_ERR(e));
	return e == (enum err)ENOMEM ? e : OK;
}

static void tell_away(struct reverse_acme *a, enum err e, const char *what)
{
	struct store_state state;
	store_state(a->store, &state);
	log_error(what, LOG_TEXT("reason", state.reason), LOG_ERR(e));
}

enum err acme_rows_load(struct reverse_acme *a)
{
	bool first = !a->counts.store_away;
	if (a->loaded)
		return OK;
	enum err e = store_open(a->store);
	for (unsigned table = 0; !e && table < ACME_TABLES; table++)
		e = store_load(a->store, table, learn, a);
	acme_lock(a);
	a->counts.store_away = e != OK;
	acme_unlock(a);
	a->loaded = !e;
	if (store_is_permanent(e)) {
		tell_away(a, e,
			  e == (enum err)EBUSY ? "another process has the store"
					       : "the store cannot be used");
		return e;
	}
	if (e && first)
		tell_away(a, e, "the store is away; certificates come when it is back");
	return e == (enum err)ENOMEM ? e : OK;
}

/* --- rows out --- */

enum err acme_rows_commit(struct reverse_acme *a, struct store_item *items, size_t n)
{
	enum err e = a->loaded ? store_commit(a->store, items, n) : (enum err)ENOTCONN;
	acme_lock(a);
	a->counts.store_away = e != OK;
	acme_unlock(a);
	return e;
}

enum err acme_rows_put(struct reverse_acme *a, enum acme_table table, const char *key,
		       struct span value)
{
	struct store_item item = {
		.table = table, .expect = STORE_EXPECT_ANY, .key = span_text(key), .value = value};
	TRY(acme_rows_commit(a, &item, 1));
	return item.result;
}

void acme_rows_drop(struct reverse_acme *a, enum acme_table table, const char *key)
{
	struct store_item item = {
		.table = table, .expect = STORE_EXPECT_ANY, .key = span_text(key), .remove = true};
	err_ignore(acme_rows_commit(a, &item, 1)); /* it grows old by itself */
}

/* Made by whoever comes first. */
static enum err account_make(struct reverse_acme *a, const char *id)
{
	uint8_t row[ACME_ACCOUNT_MAX + SEALED_OVERHEAD];
	struct writer w = writer_of(row, sizeof(row));
	struct acme_account made = {.url = ""};
	enum err e = signing_key_new(made.key_pem);
	if (!e)
		e = acme_account_write(&made, &a->key, span_text(id), &w);
	struct store_item item = {.table = ACME_TABLE_ACCOUNTS,
				  .expect = STORE_EXPECT_ABSENT,
				  .key = span_text(id),
				  .value = writer_span(&w)};
	if (!e)
		e = acme_rows_commit(a, &item, 1);
	if (!e && item.result == ERR_EXISTS)
		e = acme_account_read(item.ret_value, &a->key, span_text(id), &made);
	else if (!e)
		e = item.result;
	if (!e)
		e = account_keep(a, id, &made);
	acme_account_done(&made);
	return e;
}

enum err acme_rows_account(struct reverse_acme *a, const char *id, struct acme_account *ret)
{
	if (!account_find(a, id))
		TRY(account_make(a, id));
	*ret = *account_find(a, id);
	return OK;
}

void acme_rows_account_url(struct reverse_acme *a, const char *id, const char *url)
{
	uint8_t row[ACME_ACCOUNT_MAX + SEALED_OVERHEAD];
	struct writer w = writer_of(row, sizeof(row));
	struct acme_account *known = account_find(a, id);
	if (!known || !*url || strcmp(known->url, url) == 0 ||
	    !span_to_cstr(span_text(url), known->url, sizeof(known->url)))
		return;
	/* Without it the account is found by its key. */
	if (acme_account_write(known, &a->key, span_text(id), &w) == OK)
		err_ignore(acme_rows_put(a, ACME_TABLE_ACCOUNTS, id, writer_span(&w)));
}

/* The schedule's item is the last one. */
static void versions_keep(struct acme_held *h, const struct store_item *items, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		h->part_versions[i] = items[i].remove ? 0 : items[i].ret_version;
	if (n > 1)
		h->parts_generation = h->generation;
	h->schedule_version = items[n - 1].ret_version;
	h->schedule_foreign = false;
}

/* One commit: parts, those of a longer one before gone, and the schedule. */
static enum err certificate_put(struct reverse_acme *a, struct acme_held *h)
{
	struct store_item items[ACME_PARTS_MAX + 1] = {0};
	char keys[ACME_PARTS_MAX][ACME_PART_KEY];
	uint8_t schedule[ACME_SCHEDULE_MAX];
	size_t n = 0, parts = h->unsaved ? acme_parts(h->unsaved_len) : 0;
	size_t rooms = ACME_PARTS_MAX * (ACME_PART_MAX + ACME_PART_HEAD);
	uint8_t *room = malloc(rooms);
	struct writer w = writer_of(room, room ? rooms : 0);
	struct writer s = writer_of(schedule, sizeof(schedule));
	for (; h->unsaved && n < ACME_PARTS_MAX; n++) {
		size_t from = w.pos;
		acme_part_key(h->id, n, keys[n]);
		if (n < parts)
			acme_part_write(span_of(h->unsaved, h->unsaved_len), h->generation, n, &w);
		items[n] = (struct store_item){.table = ACME_TABLE_CERTIFICATES,
					       .expect = STORE_EXPECT_ANY,
					       .key = span_text(keys[n]),
					       .value = span_of(room + from, w.pos - from),
					       .remove = n >= parts};
	}
	acme_schedule_write(&h->schedule, &s);
	items[n++] = (struct store_item){.table = ACME_TABLE_SCHEDULES,
					 .expect = STORE_EXPECT_ANY,
					 .key = span_text(h->id),
					 .value = writer_span(&s)};
	enum err e = !room || w.bad || s.bad ? (enum err)ENOMEM : acme_rows_commit(a, items, n);
	for (size_t i = 0; !e && i < n; i++)
		e = items[i].result == ERR_ABSENT ? OK : items[i].result;
	if (!e)
		versions_keep(h, items, n);
	free(room);
	return e;
}

static void save(struct reverse_acme *a, struct acme_held *h)
{
	bool was_told = h->unsaved_told;
	enum err e = certificate_put(a, h);
	h->unsaved_schedule = e != OK;
	h->unsaved_told = e != OK;
	if (e && !was_told)
		tell_away(a, e, "a certificate's state could not be stored; it is tried again");
	if (e)
		return;
	acme_lock(a);
	free(TAKE(h->unsaved));
	h->unsaved_len = 0;
	acme_unlock(a);
}

void acme_rows_certificate(struct reverse_acme *a, struct acme_held *h, struct span chain_pem,
			   struct span key_pem)
{
	uint8_t *sealed = NULL;
	size_t len = 0;
	enum err e =
		acme_certificate_seal(chain_pem, key_pem, &a->key, span_text(h->id), &sealed, &len);
	if (e) {
		log_error("a certificate cannot be stored; it is used until this process ends",
			  LOG_ERR(e));
		return;
	}
	acme_lock(a);
	free(h->unsaved);
	h->unsaved = sealed;
	h->unsaved_len = len;
	acme_unlock(a);
	save(a, h);
}

void acme_rows_schedule(struct reverse_acme *a, struct acme_held *h)
{
	save(a, h);
}

/* --- each turn --- */

static void changes_take(struct reverse_acme *a)
{
	if (!a->shared || !a->loaded)
		return;
	enum err e = store_changes(a->store, learn, a);
	if (e == (enum err)ESTALE) {
		a->loaded = false; /* what is gone meanwhile costs nothing but its place */
		err_ignore(acme_rows_load(a));
	}
	acme_lock(a);
	a->counts.store_away = e && e != (enum err)ESTALE;
	acme_unlock(a);
}

void acme_rows_turn(struct reverse_acme *a)
{
	err_ignore(acme_rows_load(a)); /* a permanent error was told at the start */
	changes_take(a);
	for (size_t i = 0; a->loaded && i < a->held_n; i++)
		if (a->held[i]->unsaved || a->held[i]->unsaved_schedule)
			save(a, a->held[i]);
	(void)store_tend(a->store, true);
}
