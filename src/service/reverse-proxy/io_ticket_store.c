#include "service/reverse-proxy/io_ticket_store.h"

#include "crypto/secret.h"
#include "os/log.h"
#include "store/worker.h"

#include <stdlib.h>

enum { REQUESTS_MAX = 2, SEALED_MAX = TICKET_RING_LEN + SEALED_OVERHEAD };

static const char *const tables[] = {"tickets"};
/* The one row; its place, by which it opens nowhere else. */
static const char row_key[] = "ring";
static const char place[] = "reverse-proxy tickets";

struct ticket_store {
	struct store *store;
	struct store_worker *worker;
	struct sealed_key key;
	uint64_t version; /* of the row that is known; 0: there is none */
	bool known;	  /* what the store has was told, up to its end */
	bool under_way;	  /* a write */
	bool unreadable;  /* another key sealed it, or a newer program: it is not ours to replace */
};

enum err ticket_store_new(const struct ticket_store_setting *setting, struct ticket_store **ret)
{
	const struct store_config config = {.url = setting->url, .tables = tables, .tables_len = 1};
	struct ticket_store *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	s->key = *setting->key;
	enum err e = store_new(&config, &s->store);
	const struct store_worker_config worker = {.store = s->store,
						   .requests_max = REQUESTS_MAX,
						   .value_max = SEALED_MAX,
						   .cpu = -1,
						   .wake = setting->wake,
						   .wake_arg = setting->arg};
	if (!e)
		e = store_worker_new(&worker, &s->worker);
	if (e)
		ticket_store_free(s);
	else
		*ret = s;
	return e;
}

enum err ticket_store_start(struct ticket_store *s)
{
	return store_worker_start(s->worker);
}

void ticket_store_free(struct ticket_store *s)
{
	if (!s)
		return;
	store_worker_free(s->worker);
	store_free(s->store);
	sealed_key_done(&s->key);
	free(s);
}

/* --- what is there --- */

static bool ring_open(struct ticket_store *s, struct span sealed, struct ticket_ring *ret)
{
	uint8_t plain[SEALED_MAX];
	size_t len = 0;
	enum err e = sealed.len > SEALED_MAX
			     ? ERR_FORMAT
			     : sealed_open(sealed, &s->key, span_text(place), plain, &len);
	if (!e)
		e = ticket_ring_read(span_of(plain, len), ret);
	crypto_wipe(plain, sizeof(plain));
	if (e && !s->unreadable)
		log_warning(
			"the store's keys of tickets cannot be read; this gateway uses its own: "
			"`store-key` must be the same everywhere",
			LOG_ERR(e));
	s->unreadable = e != OK;
	return !e;
}

/* Older than what is known: a row may be told twice. */
static bool row_take(struct ticket_store *s, uint64_t version, struct span sealed,
		     struct ticket_ring *ret)
{
	if (version <= s->version)
		return false;
	s->version = version;
	return ring_open(s, sealed, ret);
}

static bool feed_take(struct ticket_store *s, const struct store_feed *f, struct ticket_ring *ret)
{
	switch (f->kind) {
	case STORE_FEED_BEGIN: s->known = false; return false;
	case STORE_FEED_END: s->known = true; return false;
	case STORE_FEED_ROW: break;
	}
	if (!span_is(f->row.key, row_key))
		return false;
	if (f->row.removed) { /* by a person: it is made anew */
		s->version = 0;
		s->unreadable = false;
		return false;
	}
	return row_take(s, f->row.version, f->row.value, ret);
}

static bool result_take(struct ticket_store *s, const struct store_request *r,
			struct ticket_ring *ret)
{
	s->under_way = false;
	if (r->result == OK) {
		s->version = r->ret_version;
		return ring_open(s, span_of(r->value, r->value_len), ret);
	}
	if (r->result == ERR_EXISTS)
		return row_take(s, r->ret_version, span_of(r->value, r->value_len), ret);
	if (r->result == ERR_ABSENT)
		s->version = 0;
	return false; /* the next turn tries again */
}

bool ticket_store_woken(struct ticket_store *s, struct ticket_ring *ret)
{
	struct store_request *r;
	struct store_feed feed;
	bool told = false;
	while ((r = store_worker_result(s->worker))) {
		told |= result_take(s, r, ret);
		store_worker_give(s->worker, r);
	}
	while (store_worker_feed(s->worker, &feed))
		told |= feed_take(s, &feed, ret);
	return told;
}

/* --- what is put there --- */

bool ticket_store_is_ready(const struct ticket_store *s)
{
	return s->known && !s->under_way && !s->unreadable;
}

enum err ticket_store_put(struct ticket_store *s, const struct ticket_ring *ring)
{
	uint8_t plain[TICKET_RING_LEN];
	struct writer w = writer_of(plain, sizeof(plain));
	struct store_request *r = ticket_store_is_ready(s) ? store_worker_take(s->worker) : NULL;
	if (!r)
		return ERR_LIMIT;
	ticket_ring_write(ring, &w);
	struct writer sealed = writer_of(r->value, SEALED_MAX);
	enum err e = sealed_write(&sealed, &s->key, span_text(place), writer_span(&w));
	crypto_wipe(plain, sizeof(plain));
	if (e) {
		store_worker_give(s->worker, r);
		return e;
	}
	r->expect = s->version ? STORE_EXPECT_VERSION : STORE_EXPECT_ABSENT;
	r->version = s->version;
	r->key_len = (uint16_t)strlen(row_key);
	memcpy(r->key, row_key, r->key_len);
	r->value_len = (uint16_t)sealed.pos;
	s->under_way = true;
	store_worker_put(s->worker, r);
	(void)store_worker_flush(s->worker); /* PostgreSQL's results come with a wake */
	return OK;
}
