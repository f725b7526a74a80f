/* The state of the SQLite back end, for its files: sqlite.c opens and reads, sqlite_commit.c
 * appends, sqlite_compact.c moves. Private to this folder.
 *
 * The file has two levels. `journal` gets one row for each commit: all its rows packed, under the
 * version of the first. `row` holds each row once, in the order of keys, and is what the journal
 * was some time ago. The truth is `row` with the journal written over it; which version of a row is
 * the current one is known in memory (versions.h), made anew at each start. See
 * doc/design/store.md. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "base/writer.h"
#include "store/backend.h"
#include "store/batch.h"
#include "store/versions.h"

#include <sqlite3.h>

enum { SQLITE_STORE_FORMAT = 1 };

enum sqlite_statement {
	SQL_JOURNAL_APPEND, /* first, batch */
	SQL_JOURNAL_AT,	    /* version: first, batch: the one that has it, if any */
	SQL_JOURNAL_FROM,   /* first: first, batch: it and those behind it */
	SQL_JOURNAL_DROP,   /* first: those before it */
	SQL_ROW_GET,	    /* table, key: version, stamp, value */
	SQL_ROW_PUT,	    /* table, key, version, stamp, value */
	SQL_ROW_REMOVE,	    /* table, key, version: unless it is newer */
	SQL_ROW_ALL,	    /* table, key, version */
	SQL_ROW_LOAD,	    /* table: key, version, value */
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_NUMBER_PUT, /* name, number */
	SQL_STATEMENTS
};

struct compaction;

struct sqlite_store {
	const struct backend_config *config; /* borrowed */
	sqlite3 *db;
	bool broken; /* to be closed and opened anew */
	sqlite3_stmt *statements[SQL_STATEMENTS];
	uint8_t ids[STORE_TABLES_MAX]; /* the file's numbers of our tables */
	struct versions versions;
	uint64_t next;	   /* the next version */
	uint64_t oldest;   /* version of the first entry of the journal; next: it is empty */
	uint64_t appended; /* bytes since the last checkpoint */
	uint64_t journal_bytes, moved;
	int wal_frames;
	uint8_t *buffer; /* one packed batch; owned */
	size_t buffer_size;
	/* The commit under way: what will be its batch, and the hash of each key. */
	struct batch_entry entries[STORE_BATCH_MAX];
	uint64_t hashes[STORE_BATCH_MAX];
	size_t entries_len;
	/* The present rows that it answers with; owned. */
	uint8_t *answers;
	size_t answers_len;
	size_t lately, debt; /* entries since the last tending; rows that compaction is behind */

	struct compaction *compaction; /* NULL: none under way */
};

/* Notes the database's words and translates. After CORRUPT and IOERR the connection is broken. */
MUST enum err sqlite_error(struct sqlite_store *s, int result);
/* Ready to bind; never NULL. */
sqlite3_stmt *sqlite_begin(struct sqlite_store *s, enum sqlite_statement which);
/* Steps a statement that returns no rows, and resets it. */
MUST enum err sqlite_run(struct sqlite_store *s, sqlite3_stmt *statement);
MUST enum err sqlite_transaction(struct sqlite_store *s, enum sqlite_statement which);
struct span sqlite_column(sqlite3_stmt *statement, int column);
void sqlite_close(struct sqlite_store *s);

/* The row as it stands: in the commit under way, the journal or the rows. value is copied behind
 * answers_len, and borrowed until the next call. ERR_ABSENT: there is none. */
struct sqlite_row {
	uint64_t version, stamp;
	struct span value;
};
MUST enum err sqlite_row_find(struct sqlite_store *s, uint64_t hash, uint8_t table, struct span key,
			      struct sqlite_row *ret);

MUST enum err sqlite_commit(void *backend, struct store_item *items, size_t items_len);
MUST enum err sqlite_tend(void *backend, bool quiet, bool *ret_more);
void compaction_free(struct compaction *c);

#endif
