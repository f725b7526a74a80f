/* What a database must do to be a store: one set of functions for SQLite, one for PostgreSQL.
 * Private to this folder; backing off, stamps and counting are done above it, in store.c. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/store.h"

/* Copied from the configuration; good for as long as the back end. */
struct backend_config {
	const char *url, *path;
	const char *const *tables;
	size_t tables_len;
	char *reason; /* STORE_REASON_MAX: the database's words for an error that is returned */
};

struct backend_counts {
	uint64_t rows, journal_bytes, moved;
	bool clock_known;
	int64_t clock_ms;
};

struct backend {
	bool shared;
	MUST enum err (*make)(const struct backend_config *config, void **ret);
	void (*free)(void *backend);
	/* open is called only while not connected. An error of any call may leave it unconnected.
	 */
	MUST enum err (*open)(void *backend);
	bool (*connected)(const void *backend);
	MUST enum err (*load)(void *backend, unsigned table, store_row_call *call, void *arg);
	MUST enum err (*changes)(void *backend, store_row_call *call, void *arg);
	/* As store_commit, but only results of items when it returns OK; every item has a stamp. */
	MUST enum err (*commit)(void *backend, struct store_item *items, size_t items_len);
	MUST enum err (*tend)(void *backend, bool quiet, bool *ret_more);
	void (*counts)(const void *backend, struct backend_counts *ret);
};

extern const struct backend backend_sqlite, backend_postgres;

/* A number that nobody else has drawn. */
uint64_t backend_random(void);

#endif
