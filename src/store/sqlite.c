#include "store/sqlite.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	APPLICATION_ID = 0x67615374, /* "gaSt" */
	BUSY_MS = 2000,		     /* a predecessor may be about to end */
	WAL_BYTES = 16 << 20,
	BUFFER_SIZE = BATCH_OVERHEAD +
		      STORE_BATCH_MAX * (BATCH_ENTRY_OVERHEAD + STORE_KEY_MAX + STORE_VALUE_MAX),
	ANSWERS_SIZE = STORE_BATCH_MAX * STORE_VALUE_MAX,
};

static_assert(BATCH_ENTRIES_MAX == (int)STORE_BATCH_MAX, "one commit is one batch");

static const char *const statement_texts[SQL_STATEMENTS] = {
	[SQL_JOURNAL_APPEND] = "INSERT INTO journal(first, batch) VALUES(?1, ?2)",
	[SQL_JOURNAL_AT] = "SELECT first, batch FROM journal WHERE first <= ?1 "
			   "ORDER BY first DESC LIMIT 1",
	[SQL_JOURNAL_FROM] = "SELECT first, batch FROM journal WHERE first >= ?1 ORDER BY first",
	[SQL_JOURNAL_DROP] = "DELETE FROM journal WHERE first < ?1",
	[SQL_ROW_GET] = "SELECT version, stamp, value FROM row WHERE tab = ?1 AND key = ?2",
	[SQL_ROW_PUT] = "INSERT OR REPLACE INTO row(tab, key, version, stamp, value) "
			"VALUES(?1, ?2, ?3, ?4, ?5)",
	[SQL_ROW_REMOVE] = "DELETE FROM row WHERE tab = ?1 AND key = ?2 AND version < ?3",
	[SQL_ROW_ALL] = "SELECT tab, key, version FROM row",
	[SQL_ROW_LOAD] = "SELECT key, version, value FROM row WHERE tab = ?1",
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_NUMBER_PUT] = "INSERT OR REPLACE INTO number(name, value) VALUES(?1, ?2)",
};

static const char schema[] =
	"CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE tab(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE journal(first INTEGER PRIMARY KEY, batch BLOB NOT NULL);"
	"CREATE TABLE row(tab INTEGER NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL,"
	" stamp INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY(tab, key)) WITHOUT ROWID;";

/* ---- errors ---- */

static enum err translate(sqlite3 *db, int result)
{
	int errno_now = db ? sqlite3_system_errno(db) : 0;
	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return (enum err)EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA: return ERR_FORMAT;
	case SQLITE_FULL: return (enum err)ENOSPC;
	case SQLITE_NOMEM: return (enum err)ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH: return (enum err)EACCES;
	case SQLITE_READONLY: return (enum err)EROFS;
	case SQLITE_CANTOPEN:
		return errno_now > 0 && errno_now <= 1000 ? (enum err)errno_now : (enum err)ENOENT;
	default: return errno_now > 0 && errno_now <= 1000 ? (enum err)errno_now : (enum err)EIO;
	}
}

enum err sqlite_error(struct sqlite_store *s, int result)
{
	if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE)
		return OK;
	enum err e = translate(s->db, result);
	(void)snprintf(s->config->reason, STORE_REASON_MAX, "%s: %s", s->config->path,
		       s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(result));
	int kind = result & 0xff;
	/* After such an error only a fresh look at the file tells what is there. */
	if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_IOERR)
		s->broken = true;
	return e;
}

static enum err refuse(struct sqlite_store *s, enum err e, const char *text)
{
	(void)snprintf(s->config->reason, STORE_REASON_MAX, "%s: %s", s->config->path, text);
	return e;
}

/* ---- statements ---- */

sqlite3_stmt *sqlite_begin(struct sqlite_store *s, enum sqlite_statement which)
{
	ASSERT(s->statements[which]);
	return s->statements[which];
}

enum err sqlite_run(struct sqlite_store *s, sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);
	enum err e = sqlite_error(s, result);
	(void)sqlite3_reset(statement); /* its result is the step's once more */
	return e;
}

enum err sqlite_transaction(struct sqlite_store *s, enum sqlite_statement which)
{
	return sqlite_run(s, sqlite_begin(s, which));
}

struct span sqlite_column(sqlite3_stmt *statement, int column)
{
	/* In this order: asking for the bytes may move them. */
	const void *data = sqlite3_column_blob(statement, column);
	int len = sqlite3_column_bytes(statement, column);
	return span_of(data, len > 0 ? (size_t)len : 0);
}

static enum err execute(struct sqlite_store *s, const char *text)
{
	return sqlite_error(s, sqlite3_exec(s->db, text, NULL, NULL, NULL));
}

static enum err ask_number(struct sqlite_store *s, const char *text, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(s->db, text, -1, &statement, NULL);
	if (result == SQLITE_OK) {
		result = sqlite3_step(statement);
		if (result == SQLITE_ROW)
			*ret = sqlite3_column_int64(statement, 0);
	}
	enum err e = result == SQLITE_DONE ? ERR_ABSENT : sqlite_error(s, result);
	(void)sqlite3_finalize(statement);
	return e;
}

/* ---- opening ---- */

static int count_frames(void *arg, sqlite3 *db, const char *name, int frames)
{
	(void)db;
	(void)name;
	((struct sqlite_store *)arg)->wal_frames = frames;
	return SQLITE_OK;
}

/* Fills the write-ahead log with zeros, once: from then on a commit writes over bytes that the file
 * has already, and its sync need not tell the file system of a new length. */
static enum err lengthen_wal(struct sqlite_store *s)
{
	static const uint8_t zeros[1 << 16];
	sqlite3_file *file = NULL;
	int keep = 1;
	(void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK ||
	    !file || !file->pMethods)
		return OK;
	sqlite3_int64 had = 0;
	int result = file->pMethods->xFileSize(file, &had);
	/* Never over what is in use. */
	if (result != SQLITE_OK || had >= WAL_BYTES)
		return sqlite_error(s, result);
	for (sqlite3_int64 size = had; size < WAL_BYTES; size += (sqlite3_int64)sizeof(zeros)) {
		if (file->pMethods->xWrite(file, zeros, sizeof(zeros), size) == SQLITE_OK)
			continue;
		/* On a disk without so much to spare it grows as it must. */
		return sqlite_error(s, file->pMethods->xTruncate(file, had));
	}
	return sqlite_error(s, file->pMethods->xSync(file, SQLITE_SYNC_NORMAL));
}

static enum err use_wal(struct sqlite_store *s)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	enum err e = sqlite_error(s, result);
	if (!e && (result != SQLITE_ROW || !span_is(sqlite_column(statement, 0), "wal")))
		e = refuse(s, ERR_UNSUPPORTED, "cannot have a write-ahead log");
	(void)sqlite3_finalize(statement);
	return e;
}

static enum err make_schema(struct sqlite_store *s)
{
	char identity[96];
	(void)snprintf(identity, sizeof(identity),
		       "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
		       APPLICATION_ID, SQLITE_STORE_FORMAT);
	TRY(execute(s, "PRAGMA page_size = 4096"));
	TRY(use_wal(s));
	TRY(execute(s, "BEGIN IMMEDIATE"));
	TRY(execute(s, schema));
	return execute(s, identity);
}

/* Nothing is written to a file before it is known to be ours, or empty. */
static enum err identify(struct sqlite_store *s)
{
	int64_t application = 0, format = 0, tables = 0;
	TRY(ask_number(s, "PRAGMA application_id", &application));
	TRY(ask_number(s, "PRAGMA user_version", &format));
	TRY(ask_number(s, "SELECT count(*) FROM sqlite_schema", &tables));
	if (application == 0 && format == 0 && tables == 0)
		return make_schema(s);
	if (application != APPLICATION_ID)
		return refuse(s, ERR_FORMAT, "is a database of another program");
	if (format > SQLITE_STORE_FORMAT)
		return refuse(s, ERR_UNSUPPORTED, "was written by a newer gatehouse");
	if (format < SQLITE_STORE_FORMAT)
		return refuse(s, ERR_FORMAT, "has an unknown format");
	return OK;
}

static enum err prepare(struct sqlite_store *s)
{
	for (size_t i = 0; i < SQL_STATEMENTS; i++)
		TRY(sqlite_error(s, sqlite3_prepare_v3(s->db, statement_texts[i], -1,
						       SQLITE_PREPARE_PERSISTENT, &s->statements[i],
						       NULL)));
	return OK;
}

static enum err number_tables(struct sqlite_store *s)
{
	char text[128];
	for (size_t i = 0; i < s->config->tables_len; i++) {
		/* Names are letters, digits, '_' and '-': store_new saw to it. */
		(void)snprintf(text, sizeof(text), "INSERT OR IGNORE INTO tab(name) VALUES('%s')",
			       s->config->tables[i]);
		int64_t id = 0;
		TRY(execute(s, text));
		(void)snprintf(text, sizeof(text), "SELECT id FROM tab WHERE name = '%s'",
			       s->config->tables[i]);
		TRY(ask_number(s, text, &id));
		if (id < 1 || id > UINT8_MAX)
			return refuse(s, ERR_FORMAT, "has too many tables");
		s->ids[i] = (uint8_t)id;
	}
	return OK;
}

/* ---- what is current ---- */

static enum err learn(struct sqlite_store *s, uint8_t table, struct span key, uint64_t version)
{
	if (version == 0 || version >= VERSIONS_MAX)
		return refuse(s, ERR_FORMAT, "has a row of an impossible version");
	if (version >= s->next)
		s->next = version + 1;
	return versions_add(&s->versions, versions_hash(&s->versions, table, key), version);
}

static enum err learn_rows(struct sqlite_store *s)
{
	sqlite3_stmt *all = sqlite_begin(s, SQL_ROW_ALL);
	int result;
	enum err e = OK;
	while (!e && (result = sqlite3_step(all)) == SQLITE_ROW)
		e = learn(s, (uint8_t)sqlite3_column_int(all, 0), sqlite_column(all, 1),
			  (uint64_t)sqlite3_column_int64(all, 2));
	if (!e)
		e = sqlite_error(s, result);
	(void)sqlite3_reset(all);
	return e;
}

/* A part of the journal may have been moved to the rows already: what is added here twice stays
 * once, and what was added too early goes when the write that followed it is read. */
static enum err replay(struct sqlite_store *s, uint64_t first, struct span batch)
{
	size_t n;
	TRY(batch_len(batch, &n));
	for (size_t i = 0; i < n; i++) {
		struct batch_entry entry;
		TRY(batch_entry(batch, i, &entry));
		uint64_t hash = versions_hash(&s->versions, entry.table, entry.key);
		if (entry.was)
			(void)versions_remove(&s->versions, hash, entry.was);
		if (!entry.remove)
			TRY(learn(s, entry.table, entry.key, first + i));
		if (first + i >= s->next)
			s->next = first + i + 1;
	}
	return OK;
}

static enum err learn_journal(struct sqlite_store *s)
{
	sqlite3_stmt *from = sqlite_begin(s, SQL_JOURNAL_FROM);
	int result;
	enum err e = OK;
	s->oldest = 0;
	s->journal_bytes = 0;
	(void)sqlite3_bind_int64(from, 1, 0);
	while (!e && (result = sqlite3_step(from)) == SQLITE_ROW) {
		uint64_t first = (uint64_t)sqlite3_column_int64(from, 0);
		struct span batch = sqlite_column(from, 1);
		if (!s->oldest)
			s->oldest = first;
		s->journal_bytes += batch.len;
		e = replay(s, first, batch);
		if (e == ERR_FORMAT)
			e = refuse(s, e, "has a damaged journal");
	}
	if (!e)
		e = sqlite_error(s, result);
	(void)sqlite3_reset(from);
	if (!s->oldest)
		s->oldest = s->next;
	return e;
}

static enum err learn_all(struct sqlite_store *s)
{
	int64_t next = 1;
	enum err e = ask_number(s, "SELECT value FROM number WHERE name = 'next'", &next);
	if (e && e != ERR_ABSENT)
		return e;
	versions_done(&s->versions);
	versions_init(&s->versions, (struct hash_key){backend_random(), backend_random()});
	s->next = next > 0 ? (uint64_t)next : 1;
	TRY(learn_rows(s));
	return learn_journal(s);
}

static enum err open_all(struct sqlite_store *s)
{
	int result = sqlite3_open_v2(s->config->path, &s->db,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					     SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
				     NULL);
	TRY(sqlite_error(s, result));
	(void)sqlite3_extended_result_codes(s->db, 1);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* The exclusive lock comes first: with it the log's index is our own memory, and a second
	 * process is refused at its first look. */
	TRY(execute(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON;"
		       "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"));
	TRY(identify(s));
	TRY(use_wal(s));
	/* FULL: each commit is synced. Checkpoints are ours to time: sqlite_tend. */
	TRY(execute(s, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"));
	(void)sqlite3_wal_hook(s->db, count_frames, s);
	/* What recovery found in the log may lie in the system's memory only: after a sync that
	 * failed, or a predecessor that was killed before it. Now it is made safe, before anybody
	 * builds on it. */
	TRY(sqlite_error(s, sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE,
						      NULL, NULL)));
	TRY(number_tables(s));
	TRY(lengthen_wal(s));
	TRY(prepare(s));
	return learn_all(s);
}

static enum err sqlite_open(void *backend)
{
	struct sqlite_store *s = backend;
	sqlite_close(s);
	enum err e = open_all(s);
	if (e)
		sqlite_close(s);
	return e;
}

void sqlite_close(struct sqlite_store *s)
{
	compaction_free(s->compaction);
	s->compaction = NULL;
	for (size_t i = 0; i < SQL_STATEMENTS; i++) {
		(void)sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	(void)sqlite3_close(s->db);
	s->db = NULL;
	s->broken = false;
}

/* ---- reading ---- */

static enum err load_rows(struct sqlite_store *s, unsigned table, store_row_call *call, void *arg)
{
	sqlite3_stmt *load = sqlite_begin(s, SQL_ROW_LOAD);
	int result;
	enum err e = OK;
	(void)sqlite3_bind_int(load, 1, s->ids[table]);
	while (!e && (result = sqlite3_step(load)) == SQLITE_ROW) {
		struct store_row row = {.table = table,
					.key = sqlite_column(load, 0),
					.version = (uint64_t)sqlite3_column_int64(load, 1),
					.value = sqlite_column(load, 2)};
		uint64_t hash = versions_hash(&s->versions, s->ids[table], row.key);
		/* What is in the journal still is told from there. */
		if (row.version < s->oldest && versions_has(&s->versions, hash, row.version))
			e = call(arg, &row);
	}
	if (!e)
		e = sqlite_error(s, result);
	(void)sqlite3_reset(load);
	return e;
}

static enum err load_batch(const struct sqlite_store *s, unsigned table, sqlite3_stmt *from,
			   store_row_call *call, void *arg)
{
	uint64_t first = (uint64_t)sqlite3_column_int64(from, 0);
	struct span batch = sqlite_column(from, 1);
	size_t n;
	TRY(batch_len(batch, &n));
	for (size_t i = 0; i < n; i++) {
		struct batch_entry entry;
		TRY(batch_entry(batch, i, &entry));
		if (entry.table != s->ids[table] || entry.remove)
			continue;
		uint64_t hash = versions_hash(&s->versions, entry.table, entry.key);
		if (!versions_has(&s->versions, hash, first + i))
			continue;
		struct store_row row = {.table = table,
					.key = entry.key,
					.value = entry.value,
					.version = first + i};
		TRY(call(arg, &row));
	}
	return OK;
}

static enum err sqlite_load(void *backend, unsigned table, store_row_call *call, void *arg)
{
	struct sqlite_store *s = backend;
	TRY(load_rows(s, table, call, arg));
	sqlite3_stmt *from = sqlite_begin(s, SQL_JOURNAL_FROM);
	int result;
	enum err e = OK;
	(void)sqlite3_bind_int64(from, 1, (sqlite3_int64)s->oldest);
	while (!e && (result = sqlite3_step(from)) == SQLITE_ROW)
		e = load_batch(s, table, from, call, arg);
	if (!e)
		e = sqlite_error(s, result);
	(void)sqlite3_reset(from);
	return e;
}

static enum err sqlite_changes(void *backend, store_row_call *call, void *arg)
{
	(void)backend;
	(void)call;
	(void)arg;
	return OK; /* nobody else has the lock */
}

/* ---- life ---- */

static void sqlite_free(void *backend)
{
	struct sqlite_store *s = backend;
	if (!s)
		return;
	sqlite_close(s);
	versions_done(&s->versions);
	free(s->buffer);
	free(s->answers);
	free(s);
}

static enum err sqlite_make(const struct backend_config *config, void **ret)
{
	struct sqlite_store *s = calloc(1, sizeof(*s));
	if (!s)
		return (enum err)ENOMEM;
	s->config = config;
	s->buffer_size = BUFFER_SIZE;
	s->buffer = malloc(BUFFER_SIZE);
	s->answers = malloc(ANSWERS_SIZE);
	if (!s->buffer || !s->answers) {
		sqlite_free(s);
		return (enum err)ENOMEM;
	}
	*ret = s;
	return OK;
}

static bool sqlite_connected(const void *backend)
{
	const struct sqlite_store *s = backend;
	return s->db && !s->broken;
}

static void sqlite_counts(const void *backend, struct backend_counts *ret)
{
	const struct sqlite_store *s = backend;
	*ret = (struct backend_counts){
		.rows = s->versions.used, .journal_bytes = s->journal_bytes, .moved = s->moved};
}

const struct backend backend_sqlite = {
	.shared = false,
	.make = sqlite_make,
	.free = sqlite_free,
	.open = sqlite_open,
	.connected = sqlite_connected,
	.load = sqlite_load,
	.changes = sqlite_changes,
	.commit = sqlite_commit,
	.tend = sqlite_tend,
	.counts = sqlite_counts,
};
