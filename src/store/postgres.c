#include "store/postgres.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BUFFER_SIZE = STORE_BATCH_MAX * (STORE_VALUE_MAX + STORE_KEY_MAX + 64) + 1024,
	LOCK = 0x67617465, /* "gate": who makes the tables holds it */
};

/* ---- errors ---- */

static const struct {
	const char *state; /* SQLSTATE, or its class */
	enum err e;
	bool closes; /* another connection may find another server */
} sqlstates[] = {
	{"08", (enum err)ECONNRESET, true},
	{"25006", (enum err)EROFS, true}, /* it has become a standby */
	{"28", (enum err)EACCES, true},
	{"3D000", ERR_ABSENT, true},
	{"40", (enum err)EAGAIN, false},    /* deadlock, serialization */
	{"42501", (enum err)EACCES, false}, /* insufficient privilege */
	{"53100", (enum err)ENOSPC, false},
	{"53", (enum err)EAGAIN, true},	    /* out of memory, too many connections */
	{"55P03", (enum err)EAGAIN, false}, /* lock not available */
	{"57014", (enum err)ETIMEDOUT, false},
	{"57P", (enum err)ECONNRESET, true}, /* shut down, starting up */
	{"XX001", ERR_FORMAT, false},	     /* data corrupted */
	{"XX002", ERR_FORMAT, false},
};

static void note(struct postgres *p, const char *text)
{
	(void)snprintf(p->config->reason, STORE_REASON_MAX, "%s", text);
	size_t len = strcspn(p->config->reason, "\n");
	p->config->reason[len] = '\0';
}

void postgres_forget(struct postgres *p)
{
	while (p->answers_len > 0)
		p->lib.PQclear(p->answers[--p->answers_len]);
}

void postgres_close(struct postgres *p)
{
	postgres_forget(p);
	p->lib.PQfinish(p->connection);
	p->connection = NULL;
	p->clock_known = false;
}

enum err postgres_error(struct postgres *p, const PGresult *result)
{
	const char *state = result ? p->lib.PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	enum err e = (enum err)EIO;
	bool closes = !result || p->lib.PQstatus(p->connection) != CONNECTION_OK;
	if (closes)
		e = (enum err)ECONNRESET;
	for (size_t i = 0; state && i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++) {
		if (strncmp(state, sqlstates[i].state, strlen(sqlstates[i].state)) != 0)
			continue;
		e = sqlstates[i].e;
		closes = closes || sqlstates[i].closes;
		break;
	}
	const char *words = result ? p->lib.PQresultErrorMessage(result) : "";
	note(p, *words ? words : p->lib.PQerrorMessage(p->connection));
	if (closes)
		postgres_close(p);
	return e;
}

static enum err refuse(struct postgres *p, enum err e, const char *text)
{
	note(p, text);
	return e;
}

/* ---- statements ---- */

enum err postgres_wait(struct postgres *p, bool to_write)
{
	struct pollfd at = {.fd = p->lib.PQsocket(p->connection),
			    .events = (short)(to_write ? POLLIN | POLLOUT : POLLIN)};
	int n = poll(&at, 1, POSTGRES_WAIT_MS);
	if (n > 0 || (n < 0 && errno == EINTR))
		return OK;
	/* A server that says nothing for so long is as good as gone, and what it says later would
	 * be taken for the answer to something else. */
	note(p, "the database does not answer");
	postgres_close(p);
	return (enum err)ETIMEDOUT;
}

static enum err flush(struct postgres *p)
{
	int left;
	while ((left = p->lib.PQflush(p->connection)) > 0) {
		TRY(postgres_wait(p, true));
		/* It may wait for us to read before it reads. */
		if (!p->lib.PQconsumeInput(p->connection))
			return postgres_error(p, NULL);
	}
	return left < 0 ? postgres_error(p, NULL) : OK;
}

enum err postgres_result(struct postgres *p, PGresult **ret)
{
	TRY(flush(p));
	while (p->lib.PQisBusy(p->connection)) {
		TRY(postgres_wait(p, false));
		if (!p->lib.PQconsumeInput(p->connection))
			return postgres_error(p, NULL);
	}
	*ret = p->lib.PQgetResult(p->connection);
	return OK;
}

/* What is left of the statement's results, up to the NULL. */
static enum err drain(struct postgres *p)
{
	PGresult *result = NULL;
	do {
		p->lib.PQclear(result);
		TRY(postgres_result(p, &result));
	} while (result);
	return OK;
}

enum err postgres_expect(struct postgres *p, ExecStatusType status, PGresult **ret)
{
	PGresult *result = NULL;
	TRY(postgres_result(p, &result));
	if (!result)
		return postgres_error(p, NULL);
	enum err e = p->lib.PQresultStatus(result) == status ? OK : postgres_error(p, result);
	enum err rest = p->connection ? drain(p) : OK;
	if (e || rest) {
		p->lib.PQclear(result);
		return e ? e : rest;
	}
	*ret = result;
	return OK;
}

enum err postgres_done(struct postgres *p, ExecStatusType status)
{
	PGresult *result = NULL;
	TRY(postgres_expect(p, status, &result));
	p->lib.PQclear(result);
	return OK;
}

enum err postgres_send(struct postgres *p, const char *name,
		       const struct postgres_parameter *parameters, int parameters_len)
{
	enum { MAX = 8 };
	const char *values[MAX];
	int lengths[MAX], formats[MAX];
	ASSERT(parameters_len <= MAX);
	for (int i = 0; i < parameters_len; i++) {
		values[i] = parameters[i].data;
		lengths[i] = (int)parameters[i].len;
		formats[i] = parameters[i].len > 0;
	}
	if (!p->lib.PQsendQueryPrepared(p->connection, name, parameters_len, values, lengths,
					formats, 1))
		return postgres_error(p, NULL);
	return OK;
}

enum err postgres_send_text(struct postgres *p, const char *text)
{
	if (!p->lib.PQsendQueryParams(p->connection, text, 0, NULL, NULL, NULL, NULL, 1))
		return postgres_error(p, NULL);
	return OK;
}

enum err postgres_pipeline_begin(struct postgres *p)
{
	return p->lib.PQenterPipelineMode(p->connection) ? OK : postgres_error(p, NULL);
}

enum err postgres_pipeline_send(struct postgres *p)
{
	return p->lib.PQpipelineSync(p->connection) ? OK : postgres_error(p, NULL);
}

enum err postgres_pipeline_end(struct postgres *p, enum err e)
{
	bool at_end = false;
	while (p->connection && !at_end) {
		PGresult *result = NULL;
		enum err reading = postgres_result(p, &result);
		if (reading)
			return e ? e : reading;
		at_end = result && p->lib.PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		p->lib.PQclear(result);
	}
	if (p->connection && !p->lib.PQexitPipelineMode(p->connection))
		return e ? e : postgres_error(p, NULL);
	return e;
}

enum err postgres_rollback(struct postgres *p, enum err e)
{
	if (p->connection && p->lib.PQtransactionStatus(p->connection) != PQTRANS_IDLE) {
		/* The first error counts; if this one fails too, nothing is known of the session.
		 */
		char reason[STORE_REASON_MAX];
		(void)snprintf(reason, sizeof(reason), "%s", p->config->reason);
		if (postgres_run(p, "ROLLBACK"))
			postgres_close(p);
		note(p, reason);
	}
	return e;
}

uint64_t postgres_u64(const struct postgres *p, const PGresult *result, int row, int column)
{
	struct span s = postgres_bytes(p, result, row, column);
	uint64_t n = 0;
	for (size_t i = 0; i < s.len && i < 8; i++)
		n = n << 8 | s.data[i];
	return n;
}

struct span postgres_bytes(const struct postgres *p, const PGresult *result, int row, int column)
{
	return span_of(p->lib.PQgetvalue(result, row, column),
		       (size_t)p->lib.PQgetlength(result, row, column));
}

enum err postgres_run(struct postgres *p, const char *text)
{
	TRY(postgres_send_text(p, text));
	return postgres_done(p, PGRES_COMMAND_OK);
}

enum err postgres_prepare(struct postgres *p, const char *name, const char *text)
{
	if (!p->lib.PQsendPrepare(p->connection, name, text, 0, NULL))
		return postgres_error(p, NULL);
	return postgres_done(p, PGRES_COMMAND_OK);
}

/* The first column of the first row; *ret stays when there is none. */
static enum err ask_u64(struct postgres *p, const char *text, uint64_t *ret)
{
	PGresult *result = NULL;
	TRY(postgres_send_text(p, text));
	TRY(postgres_expect(p, PGRES_TUPLES_OK, &result));
	if (p->lib.PQntuples(result) > 0)
		*ret = postgres_u64(p, result, 0, 0);
	p->lib.PQclear(result);
	return OK;
}

/* ---- the tables ---- */

static const char *const schema[] = {
	"CREATE TABLE gatehouse_store(format integer NOT NULL, horizon xid8 NOT NULL)",
	"CREATE TABLE gatehouse_table(id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	" name text NOT NULL UNIQUE)",
	"CREATE SEQUENCE gatehouse_version",
	"CREATE TABLE gatehouse_row(tab integer NOT NULL, key bytea NOT NULL, value bytea,"
	" version bigint NOT NULL, was bigint NOT NULL, writer bigint NOT NULL,"
	" stamp bigint NOT NULL, xid xid8 NOT NULL, removed timestamptz, PRIMARY KEY(tab, key))",
	"CREATE INDEX gatehouse_row_xid ON gatehouse_row(xid)",
	"CREATE INDEX gatehouse_row_removed ON gatehouse_row(removed) WHERE removed IS NOT NULL",
	"INSERT INTO gatehouse_store(format, horizon) VALUES(1, '0')",
};

static_assert(POSTGRES_FORMAT == 1, "the schema writes it");

/* to_regclass would answer from this session's memory what was so before it waited for the lock. */
static const char present_text[] = "SELECT count(*) FROM pg_catalog.pg_class WHERE"
				   " relname = 'gatehouse_store' AND pg_table_is_visible(oid)";

static enum err make_schema(struct postgres *p)
{
	char lock[64];
	uint64_t present = 0;
	(void)snprintf(lock, sizeof(lock), "SELECT pg_advisory_xact_lock(%d)", LOCK);
	TRY(postgres_run(p, "BEGIN"));
	TRY(ask_u64(p, lock, &present));
	/* Somebody else may have been faster. */
	TRY(ask_u64(p, present_text, &present));
	for (size_t i = 0; !present && i < sizeof(schema) / sizeof(schema[0]); i++)
		TRY(postgres_run(p, schema[i]));
	return postgres_run(p, "COMMIT");
}

static enum err identify(struct postgres *p)
{
	uint64_t present = 0, format = 0;
	TRY(ask_u64(p, present_text, &present));
	if (!present)
		TRY(make_schema(p));
	TRY(ask_u64(p, "SELECT format FROM gatehouse_store", &format));
	if (format > POSTGRES_FORMAT)
		return refuse(p, ERR_UNSUPPORTED, "was written by a newer gatehouse");
	if (format != POSTGRES_FORMAT)
		return refuse(p, ERR_FORMAT, "the table gatehouse_store is not ours");
	return OK;
}

static enum err number_tables(struct postgres *p)
{
	char text[160];
	for (size_t i = 0; i < p->config->tables_len; i++) {
		/* Names are letters, digits, '_' and '-': store_new saw to it. */
		(void)snprintf(text, sizeof(text),
			       "INSERT INTO gatehouse_table(name) SELECT '%s' WHERE NOT EXISTS "
			       "(SELECT 1 FROM gatehouse_table WHERE name = '%s') "
			       "ON CONFLICT DO NOTHING",
			       p->config->tables[i], p->config->tables[i]);
		TRY(postgres_run(p, text));
		uint64_t id = 0;
		(void)snprintf(text, sizeof(text),
			       "SELECT id FROM gatehouse_table WHERE name = '%s'",
			       p->config->tables[i]);
		TRY(ask_u64(p, text, &id));
		p->ids[i] = (int32_t)id;
	}
	return OK;
}

/* After a dump was restored into another cluster its transactions would lie in the future there,
 * and be changes for ever. */
static enum err mend_transactions(struct postgres *p)
{
	static const char ask[] = "SELECT 1::int8 FROM gatehouse_row "
				  "WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT 1";
	uint64_t future = 0;
	TRY(ask_u64(p, ask, &future));
	if (!future)
		return OK;
	TRY(postgres_run(p, "UPDATE gatehouse_store SET horizon = '0'"));
	while (future) {
		TRY(postgres_run(p,
				 "UPDATE gatehouse_row SET xid = pg_current_xact_id() "
				 "WHERE (tab, key) IN (SELECT tab, key FROM gatehouse_row WHERE"
				 " xid >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT 10000)"));
		future = 0;
		TRY(ask_u64(p, ask, &future));
	}
	return OK;
}

/* ---- connecting ---- */

/* What an administrator may want otherwise stands in front of the URL, which then wins. */
static const char *const keywords[] = {"fallback_application_name",
				       "connect_timeout",
				       "tcp_user_timeout",
				       "target_session_attrs",
				       "gssencmode",
				       "dbname",
				       NULL};

static enum err connect_now(struct postgres *p)
{
	const char *const values[] = {"gatehouse",    "5", "10000", "read-write", "disable",
				      p->config->url, NULL};
	p->connection = p->lib.PQconnectdbParams(keywords, values, 1);
	if (!p->connection)
		return (enum err)ENOMEM;
	if (p->lib.PQstatus(p->connection) != CONNECTION_OK) {
		/* libpq has no SQLSTATE for it; the words say what it was. */
		note(p, p->lib.PQerrorMessage(p->connection));
		postgres_close(p);
		return (enum err)ECONNREFUSED;
	}
	(void)p->lib.PQsetErrorVerbosity(p->connection, PQERRORS_TERSE);
	return p->lib.PQsetnonblocking(p->connection, 1) == 0 ? OK : postgres_error(p, NULL);
}

/* Plans are made once, when the tables may be empty still: by index whatever the statistics say. */
static const char *const settings[] = {
	"SET statement_timeout = '8s'",	   "SET lock_timeout = '5s'",
	"SET client_min_messages = error", "SET plan_cache_mode = force_generic_plan",
	"SET enable_seqscan = off",	   "SET enable_hashjoin = off",
	"SET enable_mergejoin = off",	   "SET jit = off",
};

static enum err open_all(struct postgres *p)
{
	TRY(connect_now(p));
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		TRY(postgres_run(p, settings[i]));
	TRY(identify(p));
	TRY(number_tables(p));
	TRY(mend_transactions(p));
	TRY(postgres_prepare_commit(p));
	TRY(postgres_prepare_read(p));
	/* Changes are told from the first connection on, whatever happens to it. */
	if (!p->seen)
		TRY(ask_u64(p, "SELECT pg_snapshot_xmin(pg_current_snapshot())", &p->seen));
	return OK;
}

static enum err postgres_open(void *backend)
{
	struct postgres *p = backend;
	enum err e = open_all(p);
	if (e)
		postgres_close(p);
	return e;
}

static bool postgres_connected(const void *backend)
{
	return ((const struct postgres *)backend)->connection != NULL;
}

/* ---- life ---- */

static void postgres_free(void *backend)
{
	struct postgres *p = backend;
	if (!p)
		return;
	postgres_close(p);
	free(p->buffer);
	free(p);
}

void postgres_new_writer(struct postgres *p)
{
	p->writer = backend_random() >> 1;
}

static enum err postgres_make(const struct backend_config *config, void **ret)
{
	struct postgres *p = calloc(1, sizeof(*p));
	if (!p)
		return (enum err)ENOMEM;
	p->config = config;
	postgres_new_writer(p);
	p->buffer_size = BUFFER_SIZE;
	p->buffer = malloc(BUFFER_SIZE);
	enum err e = p->buffer ? postgres_library_open(POSTGRES_LIBRARY, config->reason, &p->lib)
			       : (enum err)ENOMEM;
	if (e) {
		free(p->buffer);
		free(p);
		return e;
	}
	*ret = p;
	return OK;
}

static void postgres_counts(const void *backend, struct backend_counts *ret)
{
	const struct postgres *p = backend;
	/* Counting rows would read them all. */
	*ret = (struct backend_counts){.clock_known = p->clock_known, .clock_ms = p->clock_ms};
}

const struct backend backend_postgres = {
	.shared = true,
	.make = postgres_make,
	.free = postgres_free,
	.open = postgres_open,
	.connected = postgres_connected,
	.load = postgres_load,
	.changes = postgres_changes,
	.commit = postgres_commit,
	.tend = postgres_tend,
	.counts = postgres_counts,
};
