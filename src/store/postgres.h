/* The state of the PostgreSQL back end, for its files: postgres.c connects and makes the tables,
 * postgres_commit.c writes, postgres_read.c reads. Private to this folder.
 *
 * A row carries the stamp of its write, so that a repeat is known; who wrote it, so that nobody is
 * told what it knows; and in which transaction (xid), so that readers miss none. A removal leaves a
 * row without value for a day. See doc/design/store.md. */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "base/writer.h"
#include "store/backend.h"
#include "store/postgres_library.h"

enum { POSTGRES_FORMAT = 1, POSTGRES_WAIT_MS = 10000 };

struct postgres {
	const struct backend_config *config; /* borrowed */
	struct postgres_library lib;
	PGconn *connection;	       /* NULL: not connected */
	int32_t ids[STORE_TABLES_MAX]; /* the database's numbers of our tables */
	uint64_t writer;	       /* its rows are not told to us */
	uint64_t seen;	   /* the changes of transactions before this one were told; 0: none yet */
	bool clock_known;  /* clock_ms was measured on this connection */
	int64_t clock_ms;  /* as of struct store_state */
	uint64_t clean_ms; /* monotonic: when old removals are to be cleaned up */
	uint8_t *buffer;   /* parameters of one commit; owned */
	size_t buffer_size;
	/* Of the last commit: what its items point into. One, unless a key was in it twice. */
	PGresult *answers[STORE_BATCH_MAX];
	size_t answers_len;
};

/* Notes the database's words and translates; result: NULL for an error of the connection. After an
 * error that another connection might not have this one is closed. */
MUST enum err postgres_error(struct postgres *p, const PGresult *result);
void postgres_close(struct postgres *p);
/* After a commit of which nobody knows whether it took place: if it did, its rows are told as
 * another's would be. */
void postgres_new_writer(struct postgres *p);
/* What the last commit answered is forgotten. */
void postgres_forget(struct postgres *p);
/* After an error in a transaction: ends it, if the connection is still there. Returns e. */
MUST enum err postgres_rollback(struct postgres *p, enum err e);

/* One parameter, in binary unless its length is 0: then text up to its NUL. */
struct postgres_parameter {
	const void *data; /* NULL: the value NULL */
	size_t len;
};

/* Sends a statement that was prepared under that name; results are in binary. Within a pipeline. */
MUST enum err postgres_send(struct postgres *p, const char *name,
			    const struct postgres_parameter *parameters, int parameters_len);
/* Sends SQL without parameters. */
MUST enum err postgres_send_text(struct postgres *p, const char *text);

/* Waits for the next result, POSTGRES_WAIT_MS at most; NULL: there is no more of this statement.
 * Its status is not looked at. */
MUST enum err postgres_result(struct postgres *p, PGresult **ret);
/* The one result of a statement, of that status, and the NULL behind it. */
MUST enum err postgres_expect(struct postgres *p, ExecStatusType status, PGresult **ret);
/* The same, and forgets it. */
MUST enum err postgres_done(struct postgres *p, ExecStatusType status);

MUST enum err postgres_pipeline_begin(struct postgres *p);
/* Closes it: all that was sent goes now. */
MUST enum err postgres_pipeline_send(struct postgres *p);
/* Takes what is left up to the mark at its end, and leaves the mode. e: what went wrong before, and
 * is returned again. */
MUST enum err postgres_pipeline_end(struct postgres *p, enum err e);

/* A wait for the socket: reading, and writing too when asked. ETIMEDOUT. */
MUST enum err postgres_wait(struct postgres *p, bool to_write);

/* Numbers out of a result in binary. */
uint64_t postgres_u64(const struct postgres *p, const PGresult *result, int row, int column);
struct span postgres_bytes(const struct postgres *p, const PGresult *result, int row, int column);

MUST enum err postgres_prepare_commit(struct postgres *p);
MUST enum err postgres_prepare_read(struct postgres *p);
MUST enum err postgres_prepare(struct postgres *p, const char *name, const char *text);
MUST enum err postgres_run(struct postgres *p, const char *text);

MUST enum err postgres_commit(void *backend, struct store_item *items, size_t items_len);
MUST enum err postgres_load(void *backend, unsigned table, store_row_call *call, void *arg);
MUST enum err postgres_changes(void *backend, store_row_call *call, void *arg);
MUST enum err postgres_tend(void *backend, bool quiet, bool *ret_more);

#endif
