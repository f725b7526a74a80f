#include "store/store.h"

#include "os/clock.h"
#include "os/log.h"
#include "store/backend.h"
#include "store/postgres_library.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 10000, TEND_RETRY_MS = 10000, NAME_MAX_LEN = 32 };

struct store {
	const struct backend *backend;
	void *connection;
	struct backend_config config; /* its texts are ours */
	char *url, *path, *tables[STORE_TABLES_MAX];
	char reason[STORE_REASON_MAX];

	uint64_t stamp; /* the last one given */
	uint64_t retry_ms, wait_ms;
	uint64_t tend_ms; /* no tending before */

	pthread_mutex_t lock; /* of state, which other threads read */
	struct store_state state;
};

/* Not SQLite's numbers: those are the same in two children of one process. */
uint64_t backend_random(void)
{
	uint64_t n = 0;
	int result = getentropy(&n, sizeof(n));
	ASSERT(result == 0); /* fails only for more than 256 bytes, or on a kernel before 3.17 */
	return n;
}

/* ---- making one ---- */

static bool is_postgres(const char *url)
{
	return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

enum err store_library_have(const char *url, char reason[STORE_REASON_MAX])
{
	struct postgres_library lib;
	if (!url || !is_postgres(url))
		return OK;
	return postgres_library_open(POSTGRES_LIBRARY, reason, &lib);
}

enum err store_library_open(const char *url)
{
	char reason[STORE_REASON_MAX];
	enum err e = store_library_have(url, reason);
	if (e)
		log_error("the store cannot be made", LOG_TEXT("reason", reason), LOG_ERR(e));
	return e;
}

void store_library_advise(const char *url, void (*tell)(void *arg, uint32_t line, const char *text),
			  void *arg)
{
	char reason[STORE_REASON_MAX];
	if (store_library_have(url, reason))
		tell(arg, 0, reason);
}

static bool is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	return len > 0 && len <= NAME_MAX_LEN && !name[len];
}

static enum err copy_config(struct store *s, const struct store_config *config)
{
	const char *url = config->url ? config->url : "";
	s->backend = *url ? &backend_postgres : &backend_sqlite;
	if (*url ? !is_postgres(url) : !config->path)
		return ERR_CONFIG;
	if (config->tables_len == 0 || config->tables_len > STORE_TABLES_MAX)
		return ERR_CONFIG;
	s->url = strdup(url);
	s->path = strdup(config->path ? config->path : "");
	if (!s->url || !s->path)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < config->tables_len; i++) {
		if (!is_name(config->tables[i]))
			return ERR_CONFIG;
		s->tables[i] = strdup(config->tables[i]);
		if (!s->tables[i])
			return (enum err)ENOMEM;
	}
	s->config = (struct backend_config){.url = s->url,
					    .path = s->path,
					    .tables = (const char *const *)s->tables,
					    .tables_len = config->tables_len,
					    .reason = s->reason};
	return OK;
}

enum err store_new(const struct store_config *config, struct store **ret)
{
	AUTO(store_free) struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return (enum err)ENOMEM;
	(void)pthread_mutex_init(&s->lock, NULL); /* never fails on Linux */
	TRY(copy_config(s, config));
	TRY(s->backend->make(&s->config, &s->connection));
	s->stamp = backend_random();
	s->wait_ms = RETRY_MIN_MS;
	s->state.shared = s->backend->shared;
	*ret = TAKE(s);
	return OK;
}

size_t store_tables(const struct store *s)
{
	return s->config.tables_len;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	if (s->backend)
		s->backend->free(s->connection);
	for (size_t i = 0; i < STORE_TABLES_MAX; i++)
		free(s->tables[i]);
	free(s->url);
	free(s->path);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- what state it is in ---- */

static void count(struct store *s, const struct store_state *more)
{
	struct backend_counts now = {0};
	if (s->backend->connected(s->connection))
		s->backend->counts(s->connection, &now);
	s->state.rows = now.rows;
	s->state.journal_bytes = now.journal_bytes;
	s->state.moved = now.moved;
	s->state.clock_known = now.clock_known;
	s->state.clock_ms = now.clock_ms;
	s->state.commits += more->commits;
	s->state.items += more->items;
	s->state.conflicts += more->conflicts;
	s->state.failures += more->failures;
}

/* Notes how a call ended. While the back end is connected an error (a full disk) is tried again at
 * once; else when the time has come. */
static enum err conclude(struct store *s, enum err e, const struct store_state *more)
{
	bool connected = s->backend->connected(s->connection);
	bool usable = connected && !e;
	(void)pthread_mutex_lock(&s->lock);
	if (usable != s->state.connected || !s->state.since_ms) {
		s->state.losses += s->state.connected;
		s->state.connected = usable;
		s->state.since_ms = clock_wall_ms();
	}
	if (usable) {
		s->wait_ms = RETRY_MIN_MS;
		s->retry_ms = 0;
	} else if (!connected) {
		s->retry_ms = clock_monotonic_ms() + s->wait_ms;
		s->wait_ms = s->wait_ms * 2 < RETRY_MAX_MS ? s->wait_ms * 2 : RETRY_MAX_MS;
	}
	s->state.retry_ms = s->retry_ms;
	s->state.why = e;
	(void)snprintf(s->state.reason, sizeof(s->state.reason), "%s", e ? s->reason : "");
	count(s, more);
	(void)pthread_mutex_unlock(&s->lock);
	return e;
}

void store_state(struct store *s, struct store_state *ret)
{
	(void)pthread_mutex_lock(&s->lock);
	*ret = s->state;
	(void)pthread_mutex_unlock(&s->lock);
}

static enum err connect_now(struct store *s)
{
	static const struct store_state nothing;
	if (s->backend->connected(s->connection))
		return OK;
	s->reason[0] = '\0';
	return conclude(s, s->backend->open(s->connection), &nothing);
}

/* As store_open, but not before its time. */
static enum err connect_when_due(struct store *s)
{
	if (s->backend->connected(s->connection))
		return OK;
	if (s->retry_ms && clock_monotonic_ms() < s->retry_ms)
		return (enum err)ENOTCONN;
	return connect_now(s);
}

enum err store_open(struct store *s)
{
	return connect_now(s);
}

/* ---- calls ---- */

/* An error of the callback is no error of the database. */
struct guarded {
	store_row_call *call;
	void *arg;
	enum err own;
};

static enum err call_guarded(void *arg, const struct store_row *row)
{
	struct guarded *g = arg;
	g->own = g->call(g->arg, row);
	return g->own;
}

static enum err conclude_reading(struct store *s, enum err e, const struct guarded *g)
{
	static const struct store_state nothing;
	if (g->own || e == (enum err)ESTALE)
		(void)conclude(s, OK, &nothing);
	else
		e = conclude(s, e, &nothing);
	return e;
}

enum err store_load(struct store *s, unsigned table, store_row_call *call, void *arg)
{
	ASSERT(table < s->config.tables_len);
	struct guarded g = {call, arg, OK};
	TRY(connect_when_due(s));
	return conclude_reading(s, s->backend->load(s->connection, table, call_guarded, &g), &g);
}

enum err store_changes(struct store *s, store_row_call *call, void *arg)
{
	struct guarded g = {call, arg, OK};
	TRY(connect_when_due(s));
	/* Of a store without others this would say that it is well, while its disk is full. */
	if (!s->backend->shared)
		return OK;
	return conclude_reading(s, s->backend->changes(s->connection, call_guarded, &g), &g);
}

static enum err fail(struct store *s, struct store_item *items, size_t items_len, enum err e)
{
	for (size_t i = 0; i < items_len; i++)
		items[i].result = e;
	(void)pthread_mutex_lock(&s->lock);
	s->state.failures++;
	(void)pthread_mutex_unlock(&s->lock);
	return e;
}

static void begin_items(struct store *s, struct store_item *items, size_t items_len)
{
	for (size_t i = 0; i < items_len; i++) {
		struct store_item *item = &items[i];
		ASSERT(item->table < s->config.tables_len);
		ASSERT(item->key.len > 0 && item->key.len <= STORE_KEY_MAX);
		ASSERT(item->value.len <= STORE_VALUE_MAX);
		ASSERT(!item->remove || item->expect != STORE_EXPECT_ABSENT);
		item->ret_version = 0;
		item->ret_value = (struct span){0};
		while (!item->stamp)
			item->stamp = ++s->stamp;
	}
}

enum err store_commit(struct store *s, struct store_item *items, size_t items_len)
{
	ASSERT(items_len > 0 && items_len <= STORE_BATCH_MAX);
	begin_items(s, items, items_len);
	enum err e = connect_when_due(s);
	if (e)
		return fail(s, items, items_len, e);
	e = s->backend->commit(s->connection, items, items_len);
	struct store_state more = {.commits = !e, .items = e ? 0 : items_len};
	for (size_t i = 0; !e && i < items_len; i++)
		more.conflicts += items[i].result != OK;
	if (conclude(s, e, &more))
		return fail(s, items, items_len, e);
	return OK;
}

bool store_tend(struct store *s, bool quiet)
{
	static const struct store_state nothing;
	if (!s->backend->connected(s->connection))
		return false;
	if (s->tend_ms && clock_monotonic_ms() < s->tend_ms)
		return false;
	bool more = false;
	enum err e = s->backend->tend(s->connection, quiet, &more);
	s->tend_ms = e ? clock_monotonic_ms() + TEND_RETRY_MS : 0;
	/* What waits is no loss: commits tell whether the database is well. */
	if (e && !s->backend->connected(s->connection))
		(void)conclude(s, e, &nothing);
	return more && !e;
}
