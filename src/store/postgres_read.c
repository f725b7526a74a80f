#include "store/postgres.h"

#include "base/reader.h"
#include "os/clock.h"

#include <stdio.h>

enum { CLEAN_EVERY_MS = 60000, COPY_SIGNATURE_LEN = 11, CLOCK_TOOK_US = 1000000 };

/* With the xmin of the statement's own snapshot: transactions before it are over, and what they
 * wrote is in what is read beside it; those from it on are looked at again the next time. */
static const char moment_text[] =
	"SELECT pg_snapshot_xmin(pg_current_snapshot()), horizon,"
	" (extract(epoch FROM clock_timestamp()) * 1000)::int8 FROM gatehouse_store";

static const char changes_text[] =
	"SELECT tab, key, value, version, removed IS NOT NULL FROM gatehouse_row "
	"WHERE xid >= $1::text::xid8 AND writer <> $2::int8";

/* Marks of removals that are a day old. Who has not looked for so long is told by the horizon. */
static const char clean_text[] =
	"WITH gone AS (DELETE FROM gatehouse_row WHERE (tab, key) IN"
	" (SELECT tab, key FROM gatehouse_row WHERE removed < now() - interval '1 day'"
	" ORDER BY removed LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING xid),"
	" latest AS (SELECT xid FROM gone ORDER BY xid DESC LIMIT 1) "
	"UPDATE gatehouse_store SET horizon = greatest(horizon, latest.xid) FROM latest";

enum err postgres_prepare_read(struct postgres *p)
{
	TRY(postgres_prepare(p, "moment", moment_text));
	TRY(postgres_prepare(p, "changes", changes_text));
	return postgres_prepare(p, "clean", clean_text);
}

/* ---- all of a table ---- */

/* One tuple of the binary form of COPY: key, version, value. */
static enum err tell_tuple(struct reader *r, unsigned table, store_row_call *call, void *arg)
{
	struct store_row row = {.table = table};
	row.key = read_span(r, read_u32(r));
	if (read_u32(r) != 8)
		return ERR_FORMAT;
	row.version = read_u64(r);
	row.value = read_span(r, read_u32(r));
	if (reader_check(r) || row.key.len == 0 || row.key.len > STORE_KEY_MAX ||
	    row.value.len > STORE_VALUE_MAX)
		return ERR_FORMAT;
	return call(arg, &row);
}

static enum err tell_tuples(struct reader r, bool first, unsigned table, store_row_call *call,
			    void *arg)
{
	if (first) {
		reader_skip(&r, COPY_SIGNATURE_LEN + 4);
		reader_skip(&r, read_u32(&r));
	}
	while (reader_left(&r) > 0) {
		uint16_t fields = read_u16(&r);
		if (fields == UINT16_MAX) /* the end */
			return reader_end(&r);
		if (fields != 3)
			return ERR_FORMAT;
		TRY(tell_tuple(&r, table, call, arg));
	}
	return reader_check(&r);
}

/* To the end, also when nobody wants the rest: only then the connection is free again. */
static enum err tell_copy(struct postgres *p, unsigned table, store_row_call *call, void *arg)
{
	bool first = true;
	enum err e = OK;
	for (;;) {
		char *bytes = NULL;
		int len = p->lib.PQgetCopyData(p->connection, &bytes, 1);
		if (len == 0) {
			TRY(postgres_wait(p, false));
			if (!p->lib.PQconsumeInput(p->connection))
				return postgres_error(p, NULL);
			continue;
		}
		if (len == -1)
			return e;
		if (len < 0)
			return postgres_error(p, NULL);
		struct reader r = reader_of(bytes, (size_t)len);
		if (!e)
			e = tell_tuples(r, first, table, call, arg);
		p->lib.PQfreemem(bytes);
		first = false;
	}
}

static enum err load(struct postgres *p, unsigned table, store_row_call *call, void *arg)
{
	char text[160];
	PGresult *result = NULL;
	TRY(postgres_run(p, "BEGIN READ ONLY"));
	/* A million rows may take longer than a commit may; and here the whole table is wanted. */
	TRY(postgres_run(p, "SET LOCAL statement_timeout = 0"));
	TRY(postgres_run(p, "SET LOCAL enable_seqscan = on"));
	(void)snprintf(text, sizeof(text),
		       "COPY (SELECT key, version, value FROM gatehouse_row WHERE tab = %d "
		       "AND removed IS NULL) TO STDOUT (FORMAT binary)",
		       (int)p->ids[table]);
	TRY(postgres_send_text(p, text));
	TRY(postgres_result(p, &result));
	ExecStatusType status = p->lib.PQresultStatus(result);
	if (status != PGRES_COPY_OUT) {
		enum err e = postgres_error(p, result);
		p->lib.PQclear(result);
		return e;
	}
	p->lib.PQclear(result);
	enum err e = tell_copy(p, table, call, arg);
	if (!p->connection)
		return e;
	enum err rest = postgres_done(p, PGRES_COMMAND_OK);
	return e ? e : rest;
}

enum err postgres_load(void *backend, unsigned table, store_row_call *call, void *arg)
{
	struct postgres *p = backend;
	postgres_forget(p);
	/* It has read only: to roll it back is as good as to commit it. */
	return postgres_rollback(p, load(p, table, call, arg));
}

/* ---- changes ---- */

static bool find_table(const struct postgres *p, uint64_t id, unsigned *ret)
{
	for (unsigned i = 0; i < p->config->tables_len; i++) {
		if ((uint64_t)p->ids[i] == id) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static enum err tell_row(struct postgres *p, const PGresult *rows, int at, store_row_call *call,
			 void *arg)
{
	struct store_row row;
	if (!find_table(p, postgres_u64(p, rows, at, 0), &row.table))
		return OK; /* another service's */
	row.key = postgres_bytes(p, rows, at, 1);
	row.value = postgres_bytes(p, rows, at, 2);
	row.version = postgres_u64(p, rows, at, 3);
	row.removed = postgres_u64(p, rows, at, 4);
	if (row.key.len == 0 || row.key.len > STORE_KEY_MAX || row.value.len > STORE_VALUE_MAX)
		return ERR_FORMAT;
	return call(arg, &row);
}

/* Row by row as they come, so that a million changes need no room. */
static enum err tell_rows(struct postgres *p, store_row_call *call, void *arg)
{
	enum err e = OK;
	PGresult *rows = NULL;
	if (!p->lib.PQsetSingleRowMode(p->connection))
		return postgres_error(p, NULL);
	for (;;) {
		TRY(postgres_result(p, &rows));
		if (!rows)
			return e;
		ExecStatusType status = p->lib.PQresultStatus(rows);
		if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && !e)
			e = postgres_error(p, rows);
		for (int at = 0; !e && at < p->lib.PQntuples(rows); at++)
			e = tell_row(p, rows, at, call, arg);
		p->lib.PQclear(rows);
		if (!p->connection)
			return e;
	}
}

static enum err send_changes(struct postgres *p)
{
	char seen[24];
	uint8_t writer[8];
	struct writer w = writer_of(writer, sizeof(writer));
	write_u64(&w, p->writer);
	(void)snprintf(seen, sizeof(seen), "%llu", (unsigned long long)p->seen);
	const struct postgres_parameter parameters[] = {{seen, 0}, {writer, sizeof(writer)}};
	TRY(postgres_send_text(p, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
	TRY(postgres_send(p, "moment", NULL, 0));
	TRY(postgres_send(p, "changes", parameters, 2));
	TRY(postgres_send_text(p, "COMMIT"));
	return postgres_pipeline_send(p);
}

/* The answer is of some moment between the question and now; a slow one says nothing. */
static void note_clock(struct postgres *p, uint64_t their_ms, uint64_t asked_us)
{
	uint64_t took_us = clock_ageing_us() - asked_us;
	if (took_us > CLOCK_TOOK_US)
		return;
	p->clock_ms = (int64_t)their_ms - (int64_t)((asked_us + took_us / 2) / 1000);
	p->clock_known = true;
}

static enum err take_changes(struct postgres *p, store_row_call *call, void *arg,
			     uint64_t *ret_seen, bool *ret_stale)
{
	PGresult *moment = NULL;
	uint64_t asked_us = clock_ageing_us();
	TRY(postgres_done(p, PGRES_COMMAND_OK)); /* BEGIN */
	TRY(postgres_expect(p, PGRES_TUPLES_OK, &moment));
	uint64_t horizon = UINT64_MAX;
	if (p->lib.PQntuples(moment) == 1) {
		*ret_seen = postgres_u64(p, moment, 0, 0);
		horizon = postgres_u64(p, moment, 0, 1);
		note_clock(p, postgres_u64(p, moment, 0, 2), asked_us);
	}
	p->lib.PQclear(moment);
	if (horizon == UINT64_MAX)
		return ERR_FORMAT;
	*ret_stale = horizon >= p->seen;
	TRY(tell_rows(p, call, arg));
	return postgres_done(p, PGRES_COMMAND_OK);
}

enum err postgres_changes(void *backend, store_row_call *call, void *arg)
{
	struct postgres *p = backend;
	uint64_t seen = 0;
	bool stale = false;
	postgres_forget(p);
	TRY(postgres_pipeline_begin(p));
	enum err e = send_changes(p);
	if (!e)
		e = take_changes(p, call, arg, &seen, &stale);
	e = postgres_rollback(p, postgres_pipeline_end(p, e));
	if (e)
		return e;
	p->seen = seen;
	return stale ? (enum err)ESTALE : OK;
}

/* ---- clean-up ---- */

enum err postgres_tend(void *backend, bool quiet, bool *ret_more)
{
	struct postgres *p = backend;
	PGresult *result = NULL;
	uint64_t now_ms = clock_monotonic_ms();
	*ret_more = false;
	if (!quiet || now_ms < p->clean_ms)
		return OK;
	p->clean_ms = now_ms + CLEAN_EVERY_MS;
	postgres_forget(p);
	if (!p->lib.PQsendQueryPrepared(p->connection, "clean", 0, NULL, NULL, NULL, 1))
		return postgres_error(p, NULL);
	TRY(postgres_expect(p, PGRES_COMMAND_OK, &result));
	p->lib.PQclear(result);
	return OK;
}
