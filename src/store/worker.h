/* A thread that commits for an event loop: requests go there and results come back through queues,
 * neither waits for the other, and all that waits becomes one transaction. Knows neither what a row
 * means nor the loop, which it wakes through a function.
 *
 * The loop's thread makes all calls but the wake:
 *
 *	r = store_worker_take(w)	a free request; NULL: all are under way, refuse the client
 *	… fill it …
 *	store_worker_put(w, r)		hands it over
 *	store_worker_flush(w)		once at the end of the turn: wakes the thread, or commits
 *					here and now what waits alone; then there is a result
 * and when woken, or there is a result:
 *	while ((r = store_worker_result(w))) { … store_worker_give(w, r); }
 *	while (store_worker_feed(w, &row)) …	what other servers wrote
 *
 * Results come in the order of the requests. Requests of one key should follow each other's
 * results; while one is under way nobody knows the version that the next must expect.
 */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include "store/store.h"

struct store_worker;

struct store_request {
	/* Asked: as in store_item. value: the worker's, value_max bytes. */
	unsigned table;
	enum store_expect expect;
	uint64_t version;
	bool remove;
	uint16_t key_len, value_len;
	uint8_t key[STORE_KEY_MAX];
	uint8_t *value;	 /* owned by the worker */
	void *arg;	 /* the caller's, untouched; borrowed */
	uint64_t number; /* the caller's, untouched */

	/* Answered: as in store_item. ERR_EXISTS: value and value_len are what is there (ERR_LIMIT
	 * instead, and no value, when that is longer than value_max). */
	enum err result;
	uint64_t ret_version;

	uint64_t stamp; /* of store_item: the worker's */
};

struct store_worker_config {
	struct store *store; /* borrowed; the thread's own until store_worker_free */
	size_t requests_max; /* under way at most; 1 to 65536 */
	size_t value_max;    /* longest value, at most STORE_VALUE_MAX */
	size_t feed_max;     /* rows of other servers that wait for the loop; 0: 256 */
	uint32_t poll_ms;    /* how often to ask for them; 0: 250 */
	uint32_t quick_us;   /* what a commit may take on average where the loop waits; 0: 1000 */
	int cpu;	     /* as in thread_start: -1 for any */
	/* Called in the worker's thread when results or rows wait. */
	void (*wake)(void *arg);
	void *wake_arg; /* borrowed */
};

/* Allocates all that it will ever need; starts no thread. ENOMEM. */
MUST enum err store_worker_new(const struct store_worker_config *config, struct store_worker **ret);
/* After the sandbox is tightened. The store may be open already (and loaded), or not: then the
 * thread opens it as soon as it can and tells all its rows through the feed. */
MUST enum err store_worker_start(struct store_worker *worker);
/* Commits what was put, then ends the thread; results may still be taken. Accepts one that was not
 * started. */
void store_worker_stop(struct store_worker *worker);
/* Stops; frees neither the store nor what arg points to. Accepts NULL. */
void store_worker_free(struct store_worker *worker);
DEFINE_AUTO(struct store_worker, store_worker_free)

/* A request with zeros and room for a value; NULL and counted when requests_max are out. */
struct store_request *store_worker_take(struct store_worker *worker);
void store_worker_put(struct store_worker *worker, struct store_request *request);
/* True: there are results, and no wake tells of them. A request that is the only one out is
 * committed in this thread while the disk is quick and few have company: to hand it over costs
 * two wakes and wins nothing. What PostgreSQL has to do is always handed over. */
bool store_worker_flush(struct store_worker *worker);
/* The next answered request, the caller's until it gives it back; NULL: none. */
struct store_request *store_worker_result(struct store_worker *worker);
/* Accepts one that was taken and not put. */
void store_worker_give(struct store_worker *worker, struct store_request *request);

enum store_feed_kind {
	STORE_FEED_ROW,	  /* another server wrote it, or it is a part of everything */
	STORE_FEED_BEGIN, /* everything there is follows, up to STORE_FEED_END */
	STORE_FEED_END,	  /* a row that was not told since STORE_FEED_BEGIN is not there any more */
};
struct store_feed {
	enum store_feed_kind kind;
	struct store_row row; /* borrowed until the next call of store_worker_feed */
};
/* false: nothing waits. A row may be told twice, and older than a result that came first: compare
 * versions, the greater is the newer. Rows longer than value_max are left out and counted. */
bool store_worker_feed(struct store_worker *worker, struct store_feed *ret);

struct store_worker_counts {
	uint64_t refused;	/* store_worker_take had none */
	uint64_t under_way;	/* requests that are out */
	uint64_t batches;	/* commits */
	uint64_t feed_too_long; /* rows left out of the feed */
};
/* For the loop's thread. store_state may be called beside it. */
void store_worker_counts(const struct store_worker *worker, struct store_worker_counts *ret);

#endif
