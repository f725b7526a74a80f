#include "service/authority/io_dynamic.h"

#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "os/file.h"
#include "os/log.h"
#include "service/authority/ledger.h"
#include "service/authority/zone_merge.h"

#include <stdlib.h>

#define JOURNAL_FILE_MAX ((size_t)1 << 36)
#define TIDY_MIN	 ((uint64_t)1 << 20) /* no journal below this is written anew */
#define TIDY_TIMES	 4
#define SUFFIX		 ".journal"
#define FILE_NAME_MAX	 200 /* octets of a journal's name that are the zone's own */

const char *dynamic_state_text(enum dynamic_state s)
{
	static const char *const texts[] = {"closed", "open", "signed", "broken"};

	return texts[s];
}

/* --- names of files --- */

/* Letters, digits, hyphen, underscore and the dots between labels stand for themselves; a name too
 * long for a file's name is its hash. */
static void name_write(struct writer *w, const struct dns_name *origin)
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	size_t begin = w->pos;

	for (size_t at = 0; origin->wire[at]; at += (size_t)origin->wire[at] + 1) {
		struct span label = span_of(origin->wire + at + 1, origin->wire[at]);
		if (at)
			write_u8(w, '.');
		for (size_t i = 0; i < label.len; i++) {
			uint8_t c = label.data[i];
			if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			    c == '_')
				write_u8(w, c);
			else
				write_format(w, "%%%02x", c);
		}
	}
	if (w->pos == begin)
		write_text(w, "root");
	if (w->pos - begin <= FILE_NAME_MAX)
		return;
	w->pos = begin;
	crypto_sha256(dns_name_span(origin), hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		write_format(w, "%02x", hash[i]);
}

static char *path_of(const char *folder, const struct dns_name *origin)
{
	size_t size = strlen(folder) + 3 * DNS_NAME_MAX + sizeof(SUFFIX) + 8;
	char *path = malloc(size);

	if (!path)
		return NULL;
	struct writer w = writer_of(path, size);
	write_text(&w, folder);
	write_u8(&w, '/');
	name_write(&w, origin);
	write_text(&w, SUFFIX);
	write_u8(&w, 0);
	return path;
}

static void dynamic_free(struct zones_updater *u)
{
	struct dynamic_zone *dz = dynamic_zone_of(u);

	append_close(&dz->file);
	dynamic_done(&dz->dynamic);
	pthread_mutex_destroy(&dz->lock);
	free(dz->path);
	free(dz);
}

enum err dynamic_zone_new(const char *folder, const struct dns_name *origin,
			  struct dynamic_zone **ret)
{
	struct dynamic_zone *dz = calloc(1, sizeof(*dz));

	if (!dz)
		return ENOMEM;
	dz->path = path_of(folder, origin);
	dz->shared = (struct zones_updater){.refs = 1, .free = dynamic_free};
	dz->file = APPEND_FILE_CLOSED;
	if (!dz->path || pthread_mutex_init(&dz->lock, NULL) != 0) {
		free(dz->path);
		free(dz);
		return ENOMEM;
	}
	*ret = dz;
	return OK;
}

void dynamic_zone_lock(struct dynamic_zone *dz)
{
	int failed = pthread_mutex_lock(&dz->lock);
	ASSERT(!failed);
}

void dynamic_zone_unlock(struct dynamic_zone *dz)
{
	int failed = pthread_mutex_unlock(&dz->lock);
	ASSERT(!failed);
}

/* --- the file --- */

static void state_set(struct dynamic_zone *dz, enum dynamic_state s)
{
	atomic_store_explicit(&dz->state, (int)s, memory_order_relaxed);
}

static void len_set(struct dynamic_zone *dz)
{
	atomic_store_explicit(&dz->journal_len, dz->file.len, memory_order_relaxed);
}

/* The batch is all of the new file; it replaces the old one at once. */
static enum err file_write_anew(struct dynamic_zone *dz, const struct journal_batch *b)
{
	if (b->failed)
		return ENOMEM;
	TRY(file_write_atomic(dz->path, span_of(b->data, b->len), 0600)); /* else the old one is */
	append_close(&dz->file);
	TRY(append_open(dz->path, b->len, &dz->file));
	dz->base_len = b->len;
	len_set(dz);
	return OK;
}

static enum err head_new(const struct zone *file, struct journal_head *ret)
{
	*ret = (struct journal_head){.origin = file->origin, .file_serial = file->serial};
	return crypto_random(ret->id, sizeof(ret->id));
}

static enum err ledger_open(struct ledger *l)
{
	uint8_t key[SIPHASH_KEY_LEN];

	TRY(crypto_random(key, sizeof(key)));
	ledger_init(l, hash_key_of(key));
	return OK;
}

/* --- loading --- */

struct loading {
	struct journal_head head; /* of the journal that is gone on with */
	struct zone *zone;	  /* to be served; a reference */
	uint64_t go_on_at;	  /* octets of the file that stay; 0: it was written anew */
};

static void log_merge(const struct zone *file, const struct ledger *l, const struct zone_merge *how,
		      uint64_t torn)
{
	char origin[DNS_NAME_TEXT_MAX];

	dns_name_format(&file->origin, origin);
	if (torn)
		log_warning("the end of the journal is torn and was cut off: it was never "
			    "acknowledged",
			    LOG_TEXT("zone", origin), LOG_U64("octets", torn));
	if (how->dropped)
		log_notice("records that updates added stand in the file now, or against it",
			   LOG_TEXT("zone", origin), LOG_U64("records", how->dropped));
	log_info("journal read", LOG_TEXT("zone", origin), LOG_U64("entries", l->entries),
		 LOG_U64("added_records", how->kept), LOG_U64("serial", how->serial),
		 LOG_BOOL("file_edited", how->edited));
}

static enum err merge(struct dynamic_zone *dz, const struct zone *file, struct span bytes,
		      struct loading *ret)
{
	AUTO_DONE(ledger_done) struct ledger ledger = {0};
	AUTO_DONE(journal_batch_done) struct journal_batch b = {0};
	AUTO(zone_unref) struct zone *z = NULL;
	struct journal_reader jr;
	struct zone_merge how;
	struct journal_head head;

	TRY(journal_open(bytes, &jr));
	if (!dns_name_equal(&jr.head.origin, &file->origin))
		return ERR_FORMAT;
	TRY(ledger_open(&ledger));
	TRY(ledger_read(&ledger, &jr));
	TRY(head_new(file, &head));
	journal_put_head(&b, &head);
	journal_begin(&b);
	TRY(zone_merge(file, &ledger, jr.head.file_serial, &b, &how, &z));
	TRY(journal_end(&b, &head, how.serial));
	log_merge(file, &ledger, &how, bytes.len - jr.whole);
	ret->go_on_at = jr.whole;
	ret->head = jr.head;
	if (how.edited || how.dropped || jr.whole < bytes.len) {
		TRY(file_write_anew(dz, &b));
		ret->go_on_at = 0;
		ret->head = head;
	}
	ret->zone = TAKE(z);
	return OK;
}

static enum err begin_journal(struct dynamic_zone *dz, struct zone *file, struct loading *ret)
{
	AUTO_DONE(journal_batch_done) struct journal_batch b = {0};

	TRY(head_new(file, &ret->head));
	journal_put_head(&b, &ret->head);
	TRY(file_write_anew(dz, &b));
	ret->zone = zone_ref_take(file);
	ret->go_on_at = 0;
	return OK;
}

static enum err load(struct dynamic_zone *dz, struct zone *file, struct loading *ret)
{
	char *bytes = NULL;
	size_t len = 0;
	enum err e = file_read(dz->path, JOURNAL_FILE_MAX, &bytes, &len);

	if (e == (enum err)ENOENT)
		return begin_journal(dz, file, ret);
	if (!e)
		e = merge(dz, file, span_of(bytes, len), ret);
	free(bytes);
	if (e || ret->go_on_at == 0)
		return e;
	append_close(&dz->file);
	e = append_open(dz->path, ret->go_on_at, &dz->file);
	if (e)
		zone_unref(TAKE(ret->zone));
	dz->base_len = len;
	len_set(dz);
	return e;
}

static enum err serve(struct dynamic_zone *dz, struct loading *l)
{
	enum err e = dz->dynamic.zone ? dynamic_replace(&dz->dynamic, l->zone, &l->head)
				      : dynamic_init(&dz->dynamic, l->zone, &l->head);

	if (e)
		zone_unref(TAKE(l->zone));
	return e;
}

static void log_refusal(const struct dynamic_zone *dz, const struct zone *file, bool keep,
			enum err e)
{
	char origin[DNS_NAME_TEXT_MAX];

	dns_name_format(&file->origin, origin);
	if (e == ERR_UNSUPPORTED)
		log_error("updates of this zone are refused: it is signed, and they would not be",
			  LOG_TEXT("zone", origin));
	else if (keep)
		log_error("the zone file does not go with the journal; the old zone stays",
			  LOG_TEXT("zone", origin), LOG_TEXT("journal", dz->path), LOG_ERR(e));
	else
		log_error("updates of this zone are refused, and those in its journal not served",
			  LOG_TEXT("zone", origin), LOG_TEXT("journal", dz->path), LOG_ERR(e));
}

enum err dynamic_zone_load(struct dynamic_zone *dz, struct zone *file, struct zone **ret)
{
	struct loading l = {.zone = NULL};
	enum err e;

	dynamic_zone_lock(dz);
	e = zone_is_signed(file) ? ERR_UNSUPPORTED : load(dz, file, &l);
	/* Until here the journal is the old zone's; what is read may have been written anew by now.
	 */
	bool keep = e && e != ERR_UNSUPPORTED && dz->dynamic.zone && dz->file.fd >= 0;
	if (!e)
		e = serve(dz, &l);
	state_set(dz, !e || keep	     ? DYNAMIC_OPEN
		      : e == ERR_UNSUPPORTED ? DYNAMIC_SIGNED
					     : DYNAMIC_BROKEN);
	if (e)
		log_refusal(dz, file, keep, e);
	if (e && !keep) {
		*ret = file;
	} else {
		*ret = zone_ref_take(dz->dynamic.zone);
		zone_unref(file);
	}
	dynamic_zone_unlock(dz);
	return OK;
}

/* --- updates --- */

static bool is_open(const struct dynamic_zone *dz)
{
	return atomic_load_explicit(&dz->state, memory_order_relaxed) == DYNAMIC_OPEN;
}

void dynamic_zone_update(struct dynamic_zone *dz, const struct update_request *req,
			 struct update_scratch *scratch, struct update_result *ret)
{
	if (is_open(dz))
		dynamic_update(&dz->dynamic, req, scratch, ret);
	else
		*ret = (struct update_result){.outcome = UPDATE_FAILED,
					      .rcode = DNS_RCODE_SERVFAIL};
}

enum err dynamic_zone_commit(struct dynamic_zone *dz, bool *ret_replaced)
{
	struct dynamic *d = &dz->dynamic;
	enum err e;

	*ret_replaced = false;
	if (!is_open(dz) || !dynamic_waits(d))
		return OK;
	e = dynamic_prepare(d);
	if (!e && d->batch.len)
		e = append_write(&dz->file, span_of(d->batch.data, d->batch.len));
	if (e) {
		dynamic_abort(d);
		atomic_fetch_add_explicit(&dz->failures, 1, memory_order_relaxed);
		if (dz->file.broken)
			state_set(dz, DYNAMIC_BROKEN);
		log_error("updates could not be made durable; nothing was changed",
			  LOG_TEXT("journal", dz->path), LOG_ERR(e));
		return e;
	}
	atomic_fetch_add_explicit(&dz->updates, d->pending, memory_order_relaxed);
	*ret_replaced = dynamic_commit(d);
	len_set(dz);
	return OK;
}

static enum err tidy(struct dynamic_zone *dz)
{
	AUTO_DONE(ledger_done) struct ledger ledger = {0};
	AUTO_DONE(journal_batch_done) struct journal_batch b = {0};
	struct journal_head head = dz->dynamic.head;
	struct journal_reader jr;
	char *bytes = NULL;
	size_t len = 0;

	TRY(ledger_open(&ledger));
	TRY(file_read(dz->path, JOURNAL_FILE_MAX, &bytes, &len));
	enum err e = journal_open(span_of(bytes, len), &jr);
	if (!e)
		e = ledger_read(&ledger, &jr);
	if (!e && jr.whole != len)
		e = ERR_FORMAT;
	free(bytes);
	TRY(e);
	TRY(crypto_random(head.id, sizeof(head.id)));
	journal_put_head(&b, &head);
	journal_begin(&b);
	ledger_write(&ledger, &head.origin, &b);
	TRY(journal_end(&b, &head, ledger.serial));
	TRY(file_write_anew(dz, &b));
	dz->dynamic.head = head;
	return OK;
}

void dynamic_zone_tidy(struct dynamic_zone *dz)
{
	enum err e;

	if (!is_open(dz) || dz->file.len < TIDY_MIN || dz->file.len < TIDY_TIMES * dz->base_len)
		return;
	e = tidy(dz);
	if (!e)
		return;
	dz->base_len = dz->file.len; /* tried again when it has grown as much again */
	log_warning("the journal could not be written anew", LOG_TEXT("journal", dz->path),
		    LOG_ERR(e));
	if (dz->file.fd < 0)
		state_set(dz, DYNAMIC_BROKEN);
}
