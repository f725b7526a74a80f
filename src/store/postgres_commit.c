#include "store/postgres.h"

#include <stdlib.h>

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT4 = 23 };

/* Rows are locked in the order of their keys, so that two servers wait for each other at most one
 * way round. `was` is what the row must have been: -1 anything, 0 nothing, else its version. A
 * removal of what is not there takes place, as a mark. What we wrote already is left alone. */
static const char put_text[] =
	"INSERT INTO gatehouse_row AS r(tab, key, value, version, was, writer, stamp, xid, "
	"removed) "
	"SELECT q.tab, q.key, q.value, nextval('gatehouse_version'), q.was, $7::int8, q.stamp,"
	" pg_current_xact_id(), CASE WHEN q.remove THEN now() END "
	"FROM unnest($1::int4[], $2::bytea[], $3::bytea[], $4::int8[], $5::int8[], $6::bool[])"
	" AS q(tab, key, value, was, stamp, remove) "
	"WHERE q.was < 1 OR q.remove OR EXISTS (SELECT 1 FROM gatehouse_row e WHERE e.tab = q.tab"
	" AND e.key = q.key AND e.version = q.was AND e.removed IS NULL) "
	"ORDER BY q.tab, q.key "
	"ON CONFLICT (tab, key) DO UPDATE SET value = excluded.value,"
	" version = nextval('gatehouse_version'), was = excluded.was, writer = excluded.writer,"
	" stamp = excluded.stamp, xid = excluded.xid, removed = excluded.removed "
	"WHERE r.stamp <> excluded.stamp AND"
	" (excluded.was = -1 OR (excluded.was = 0 AND r.removed IS NOT NULL)"
	" OR (excluded.was = r.version AND r.removed IS NULL)"
	" OR (excluded.removed IS NOT NULL AND r.removed IS NOT NULL))";

/* What is there now, with the value only where it is not ours. A statement of its own: it sees what
 * others committed while the first one waited for them. */
static const char look_text[] = "SELECT q.at, r.version, r.stamp = q.stamp, r.removed IS NOT NULL,"
				" CASE WHEN r.stamp = q.stamp THEN NULL ELSE r.value END "
				"FROM unnest($1::int4[], $2::bytea[], $3::int8[]) WITH ORDINALITY"
				" AS q(tab, key, stamp, at) "
				"JOIN gatehouse_row r ON r.tab = q.tab AND r.key = q.key";

enum err postgres_prepare_commit(struct postgres *p)
{
	TRY(postgres_prepare(p, "put", put_text));
	return postgres_prepare(p, "look", look_text);
}

/* ---- parameters ---- */

static void begin_array(struct writer *w, uint32_t oid, bool nulls, size_t len)
{
	write_u32(w, 1); /* dimensions */
	write_u32(w, nulls);
	write_u32(w, oid);
	write_u32(w, (uint32_t)len);
	write_u32(w, 1); /* the first index */
}

static void write_number(struct writer *w, uint64_t n)
{
	write_u32(w, 8);
	write_u64(w, n);
}

static void write_bytea(struct writer *w, struct span s)
{
	write_u32(w, (uint32_t)s.len);
	write_span(w, s);
}

enum column { TAB, KEY, VALUE, WAS, STAMP, REMOVE, COLUMNS };

static const uint32_t column_oids[COLUMNS] = {OID_INT4, OID_BYTEA, OID_BYTEA,
					      OID_INT8, OID_INT8,  OID_BOOL};

static uint64_t expected(const struct store_item *item)
{
	switch (item->expect) {
	case STORE_EXPECT_ANY: return UINT64_MAX; /* -1 */
	case STORE_EXPECT_ABSENT: return 0;
	case STORE_EXPECT_VERSION: break;
	}
	/* 0 is no version, and would be read as "none". */
	return item->version && item->version <= INT64_MAX ? item->version : INT64_MAX;
}

static void write_cell(const struct postgres *p, struct writer *w, enum column column,
		       const struct store_item *item)
{
	switch (column) {
	case TAB:
		write_u32(w, 4);
		write_u32(w, (uint32_t)p->ids[item->table]);
		break;
	case KEY: write_bytea(w, item->key); break;
	case VALUE:
		if (item->remove)
			write_u32(w, UINT32_MAX); /* NULL */
		else
			write_bytea(w, item->value);
		break;
	case WAS: write_number(w, expected(item)); break;
	case STAMP: write_number(w, item->stamp); break;
	default: write_u32(w, 1); write_u8(w, item->remove);
	}
}

/* A wave: items of different keys. */
struct wave {
	struct store_item *items[STORE_BATCH_MAX];
	size_t len;
};

static enum err send_wave(struct postgres *p, const struct wave *wave)
{
	struct writer w = writer_of(p->buffer, p->buffer_size);
	struct postgres_parameter columns[COLUMNS + 1];
	uint8_t writer[8];
	for (enum column c = TAB; c < COLUMNS; c++) {
		size_t begin = w.pos;
		begin_array(&w, column_oids[c], c == VALUE, wave->len);
		for (size_t i = 0; i < wave->len; i++)
			write_cell(p, &w, c, wave->items[i]);
		columns[c] = (struct postgres_parameter){p->buffer + begin, w.pos - begin};
	}
	TRY(writer_check(&w));
	struct writer of_writer = writer_of(writer, sizeof(writer));
	write_u64(&of_writer, p->writer);
	columns[COLUMNS] = (struct postgres_parameter){writer, sizeof(writer)};
	const struct postgres_parameter looked[] = {columns[TAB], columns[KEY], columns[STAMP]};
	TRY(postgres_send_text(p, "BEGIN"));
	TRY(postgres_send(p, "put", columns, COLUMNS + 1));
	TRY(postgres_send(p, "look", looked, 3));
	TRY(postgres_send_text(p, "COMMIT"));
	return postgres_pipeline_send(p);
}

/* ---- results ---- */

static void judge(const struct postgres *p, struct store_item *item, const PGresult *rows, int row)
{
	bool ours = postgres_u64(p, rows, row, 2), removed = postgres_u64(p, rows, row, 3);
	item->ret_version = postgres_u64(p, rows, row, 1);
	if (ours || (removed && item->remove)) {
		item->result = OK;
	} else if (removed) {
		item->result = ERR_ABSENT;
		item->ret_version = 0;
	} else {
		item->result = ERR_EXISTS;
		item->ret_value = postgres_bytes(p, rows, row, 4);
	}
}

static enum err take_wave(struct postgres *p, const struct wave *wave, PGresult **ret)
{
	PGresult *rows = NULL, *committed = NULL;
	TRY(postgres_done(p, PGRES_COMMAND_OK)); /* BEGIN */
	TRY(postgres_done(p, PGRES_COMMAND_OK));
	TRY(postgres_expect(p, PGRES_TUPLES_OK, &rows));
	enum err e = postgres_expect(p, PGRES_COMMAND_OK, &committed);
	/* A COMMIT that could not says ROLLBACK. */
	if (!e && strcmp(p->lib.PQcmdStatus(committed), "COMMIT") != 0)
		e = (enum err)EIO;
	p->lib.PQclear(committed);
	if (e) {
		p->lib.PQclear(rows);
		return e;
	}
	for (size_t i = 0; i < wave->len; i++)
		wave->items[i]->result = ERR_ABSENT; /* of which no row tells */
	for (int row = 0; row < p->lib.PQntuples(rows); row++) {
		uint64_t at = postgres_u64(p, rows, row, 0);
		if (at >= 1 && at <= wave->len)
			judge(p, wave->items[at - 1], rows, row);
	}
	*ret = rows;
	return OK;
}

static enum err commit_wave(struct postgres *p, const struct wave *wave, PGresult **ret)
{
	PGresult *rows = NULL;
	TRY(postgres_pipeline_begin(p));
	enum err e = send_wave(p, wave);
	if (!e)
		e = take_wave(p, wave, &rows);
	e = postgres_pipeline_end(p, e);
	if (e) {
		p->lib.PQclear(rows);
		return e;
	}
	*ret = rows;
	return OK;
}

static enum err commit_wave_again(struct postgres *p, const struct wave *wave)
{
	enum { TRIES = 3 };
	enum err e = (enum err)EAGAIN;
	PGresult *rows = NULL;
	/* The loser of a deadlock has lost nothing but time. */
	for (int i = 0; i < TRIES && e == (enum err)EAGAIN && p->connection; i++)
		e = postgres_rollback(p, commit_wave(p, wave, &rows));
	if (!e)
		p->answers[p->answers_len++] = rows;
	return e;
}

/* ---- waves ---- */

static int compare(const void *a, const void *b)
{
	const struct store_item *x = *(struct store_item *const *)a;
	const struct store_item *y = *(struct store_item *const *)b;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	size_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
	int order = memcmp(x->key.data, y->key.data, len);
	if (order)
		return order;
	if (x->key.len != y->key.len)
		return x->key.len < y->key.len ? -1 : 1;
	return x < y ? -1 : x > y; /* in the order in which they came */
}

static bool same_row(const struct store_item *a, const struct store_item *b)
{
	return a->table == b->table && span_equal(a->key, b->key);
}

/* One statement writes a row once, so the second item of a key goes with a second one, and so on.
 * left: sorted; those of the wave are taken out. */
static size_t next_wave(struct store_item **left, size_t left_len, struct wave *ret)
{
	size_t rest = 0;
	ret->len = 0;
	for (size_t i = 0; i < left_len; i++) {
		if (ret->len && same_row(ret->items[ret->len - 1], left[i]))
			left[rest++] = left[i];
		else
			ret->items[ret->len++] = left[i];
	}
	return rest;
}

static enum err commit_all(struct postgres *p, struct store_item *items, size_t items_len)
{
	struct store_item *left[STORE_BATCH_MAX];
	struct wave wave;
	postgres_forget(p);
	for (size_t i = 0; i < items_len; i++)
		left[i] = &items[i];
	qsort(left, items_len, sizeof(left[0]), compare);
	while (items_len > 0) {
		items_len = next_wave(left, items_len, &wave);
		TRY(commit_wave_again(p, &wave));
	}
	return OK;
}

enum err postgres_commit(void *backend, struct store_item *items, size_t items_len)
{
	struct postgres *p = backend;
	enum err e = commit_all(p, items, items_len);
	if (e)
		postgres_new_writer(p);
	return e;
}
