/* Rows that outlive the process, behind one narrow interface: in SQLite, a file that one process
 * owns, or in PostgreSQL, which several servers share. Knows no service and not what a row means.
 *
 * Every call blocks and all are made by one thread at a time; only store_state may be called from
 * any. A service with an event loop lets a thread do it: store/worker.h.
 *
 * A database that goes away is an error value, never the end: calls fail with what happened, then
 * with ENOTCONN until the next try is due, and connect again by themselves.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum {
	STORE_KEY_MAX = 64,	/* bytes; 1 at least */
	STORE_VALUE_MAX = 4096, /* bytes */
	STORE_BATCH_MAX = 256,	/* items of one commit */
	STORE_TABLES_MAX = 16,
	STORE_REASON_MAX = 256,
};

struct store_config {
	/* postgresql://… or postgres://… as libpq reads it; NULL or "": SQLite. */
	const char *url;
	/* SQLite: the file, in a directory that is there and ours (its journal lies beside it). */
	const char *path;
	/* A row's table is a number: the index in this list. The names are what is stored: 1 to 32
	 * of a-z, 0-9, '_' and '-'. */
	const char *const *tables;
	size_t tables_len;
};

/* PostgreSQL's client library is opened by the first process that wants it, and by what wants it:
 * these, and with such a URL store_new and store_paths, all before the sandbox is tightened. Only
 * these have words when it is not there (ERR_ABSENT) or too old (ERR_UNSUPPORTED): reason is a
 * sentence for the person, which the second one logs. OK for what is no URL of PostgreSQL; NULL
 * too. */
MUST enum err store_library_have(const char *url, char reason[STORE_REASON_MAX]);
MUST enum err store_library_open(const char *url);
/* The way of struct service's advise: that it is missing is no error, as who judges a file may be
 * another machine than the one that serves. */
void store_library_advise(const char *url, void (*tell)(void *arg, uint32_t line, const char *text),
			  void *arg);

/* Copies what it needs of the configuration and touches nothing outside. ERR_CONFIG: the URL is
 * none of PostgreSQL, or a name is not allowed; or an error of store_library_have. */
MUST enum err store_new(const struct store_config *config, struct store **ret);
/* How many tables it was given. */
size_t store_tables(const struct store *store);
/* Ends the connection; what was acknowledged stays. Accepts NULL. */
void store_free(struct store *store);
DEFINE_AUTO(struct store, store_free)

/* What a sandboxed process must be able to read so that it reaches this database: sockets,
 * certificates and passwords that the URL names, and how names become addresses. Nothing for
 * SQLite, which needs its directory to write to. list ends with NULL and points into the struct,
 * which must not move. ERR_CONFIG: libpq does not take the URL; ERR_LIMIT: it names too much; or
 * an error of store_library_have. */
struct store_paths {
	const char *list[24];
	char text[2048];
};
MUST enum err store_paths(const char *url, struct store_paths *ret);

/* Connects, and makes the tables on first use; OK when connected already. store_state has the
 * reason in words. These do not go away by waiting: EBUSY, another process has the file;
 * ERR_UNSUPPORTED, a newer gatehouse wrote it; ERR_FORMAT, it is damaged or not ours: nothing was
 * overwritten. All others may: ENOSPC, ECONNREFUSED, … */
MUST enum err store_open(struct store *store);
static inline bool store_is_permanent(enum err e)
{
	return e == (enum err)EBUSY || e == ERR_UNSUPPORTED || e == ERR_FORMAT;
}

struct store_row {
	unsigned table;
	struct span key, value; /* borrowed, until the callback returns */
	uint64_t version;	/* never 0, changes with every write, grows within one store */
	bool removed;		/* only from store_changes; no value then */
};
/* An error stops the reading and is returned from it. */
typedef enum err store_row_call(void *arg, const struct store_row *row);

/* All rows of a table, in no order, as they were at one moment. */
MUST enum err store_load(struct store *store, unsigned table, store_row_call *call, void *arg);

/* Rows of all tables that others wrote since store_open or the last call, removals too; a row may
 * be told twice, none is left out. Never anything with SQLite, which has no others.
 * ESTALE: we slept so long that marks of removals are gone; load all tables again and forget what
 * is not there; after that the changes since this call are told. */
MUST enum err store_changes(struct store *store, store_row_call *call, void *arg);

enum store_expect {
	STORE_EXPECT_ANY,     /* write it, whatever is there */
	STORE_EXPECT_ABSENT,  /* only where no row is */
	STORE_EXPECT_VERSION, /* only over the row of this version */
};

struct store_item {
	unsigned table;
	enum store_expect expect;
	uint64_t version;	/* for STORE_EXPECT_VERSION */
	struct span key, value; /* borrowed, during the call */
	bool remove;		/* value is ignored. Not with STORE_EXPECT_ABSENT */
	/* 0 in a new item; the first commit sets it. An item that failed may be committed again as
	 * it is: by its stamp a write that took place after all is known as our own. */
	uint64_t stamp;

	/* What became of it:
	 * OK		durable; ret_version is the row's new version (remove: of the removal)
	 * ERR_EXISTS	the row is another one: ret_version and ret_value are what is there
	 * ERR_ABSENT	a version was expected and there is no row
	 * all others	not known to be durable, nor not to be */
	enum err result;
	uint64_t ret_version;
	struct span ret_value; /* until the next call on this store */
};

/* One transaction, one sync to disk. OK: every item has its own result; a failed expectation spoils
 * no other. Otherwise the whole has failed, and each result is that error. Items of one key are
 * done in their order. items_len: 1 to STORE_BATCH_MAX. */
MUST enum err store_commit(struct store *store, struct store_item *items, size_t items_len);

/* Work that can wait (compaction, checkpoints, clean-up), a few milliseconds of it; to be called
 * after commits have been answered. quiet: nothing is waiting, so do also what is not urgent.
 * Returns whether there is more to do of that kind now. */
bool store_tend(struct store *store, bool quiet);

struct store_state {
	bool connected;
	bool shared;		       /* several servers may write: PostgreSQL */
	uint64_t since_ms;	       /* wall clock: connected, or not, since; 0: never tried */
	enum err why;		       /* OK while connected */
	char reason[STORE_REASON_MAX]; /* the same in the words of the database; "" */
	uint64_t retry_ms;	       /* monotonic: when the next try is due; 0: now */
	uint64_t commits, items, conflicts, failures; /* failures: commits that failed whole */
	uint64_t losses;			      /* how often the connection was lost */
	/* PostgreSQL only, when store_changes was called: the database's Unix time less our
	 * clock_ageing_us, both in milliseconds and of one moment, to half a second at worst. */
	bool clock_known;
	int64_t clock_ms;
	/* SQLite only. */
	uint64_t rows, journal_bytes, moved;
};
/* From any thread. */
void store_state(struct store *store, struct store_state *ret);

#endif
