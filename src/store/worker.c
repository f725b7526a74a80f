#include "store/worker.h"

#include "base/spsc_queue.h"
#include "os/clock.h"
#include "os/loop.h"
#include "os/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
	REQUESTS_MAX = 65536,
	FEED_DEFAULT = 256,
	POLL_DEFAULT_MS = 250,
	QUIET_MS = 50, /* without a request: then what can wait is done */
	QUICK_DEFAULT_US = 1000,
	MEAN_OVER = 32,	   /* commits, about */
	SLOW_AT_FIRST = 8, /* times quick_us: some 70 to 90 quick commits prove the opposite */
	/* Of those who handed something over lately, so many were not alone: then the loop's thread
	 * leaves commits to the worker's, or takes them. Behind its own commits it sees fewer. */
	COMPANY_ALL = 32 * MEAN_OVER,
	COMPANY_LEAVE = COMPANY_ALL / 8,
	COMPANY_TAKE = COMPANY_ALL / 4,
	TEND_EVERY = 64, /* commits: one is the worker's thread's, which tends the store after it */
	FEED_WAIT_NS = 1000000,
};

/* A row on its way to the loop; the value follows. */
struct feed_row {
	enum store_feed_kind kind;
	unsigned table;
	bool removed;
	uint8_t key_len;
	uint16_t value_len;
	uint64_t version;
	uint8_t key[STORE_KEY_MAX];
	uint8_t value[];
};

struct store_worker {
	struct store_worker_config config;
	struct thread thread;
	struct store_request *requests; /* owned; requests_max of them */
	uint8_t *values;		/* owned; value_max bytes for each */
	struct spsc_queue *todo, *done; /* of positions in requests */
	struct spsc_queue *feed;	/* of feed_row */
	atomic_bool stopping;
	atomic_uint_fast64_t batches, feed_too_long;

	/* The loop's thread alone. */
	uint32_t *free; /* owned: positions of free requests */
	size_t free_len;
	bool put_some;
	size_t out; /* put, and their results not taken */
	bool alone; /* what waits does so alone, mostly */
	unsigned company;
	uint64_t refused;
	struct feed_row *feed_out; /* owned: what the last store_worker_feed told */

	/* The worker's thread alone. */
	struct loop loop;
	struct loop_timer poll, quiet;
	struct feed_row *feed_in; /* owned */
	bool loaded;		  /* the loop knows all rows of some moment */

	/* Whoever holds the lock: it is the one thread that uses the store, takes from `todo` and
	 * puts to `done`. The loop's thread never waits for it. */
	pthread_mutex_t using;
	bool shared;
	struct store_item items[STORE_BATCH_MAX];
	uint32_t taken[STORE_BATCH_MAX];
	uint64_t last_ms;  /* when a request was committed last */
	uint64_t mean_sum; /* MEAN_OVER times what a commit takes, in us */
	bool failed;	   /* the worker's thread has to look after the store */
};

/* ---- commits, in either thread ---- */

static size_t take_batch(struct store_worker *w)
{
	size_t n = 0;
	while (n < STORE_BATCH_MAX && spsc_queue_take(w->todo, &w->taken[n])) {
		const struct store_request *r = &w->requests[w->taken[n]];
		w->items[n++] = (struct store_item){.table = r->table,
						    .expect = r->expect,
						    .version = r->version,
						    .key = span_of(r->key, r->key_len),
						    .value = span_of(r->value, r->value_len),
						    .remove = r->remove,
						    .stamp = r->stamp};
	}
	return n;
}

static void give_result(struct store_worker *w, uint32_t at, const struct store_item *item)
{
	struct store_request *r = &w->requests[at];
	r->result = item->result;
	r->ret_version = item->ret_version;
	r->stamp = item->stamp;
	if (item->result == ERR_EXISTS && item->ret_value.len > w->config.value_max) {
		r->result = ERR_LIMIT;
		r->value_len = 0;
	} else if (item->result == ERR_EXISTS) {
		if (item->ret_value.len)
			memcpy(r->value, item->ret_value.data, item->ret_value.len);
		r->value_len = (uint16_t)item->ret_value.len;
	}
	/* It has room for all requests there are. */
	enum err e = spsc_queue_put(w->done, &at);
	ASSERT(!e);
}

static void distrust(struct store_worker *w)
{
	w->mean_sum = (uint64_t)w->config.quick_us * SLOW_AT_FIRST * MEAN_OVER;
}

/* All that waits, as one transaction. False: nothing does. */
static bool commit_batch(struct store_worker *w)
{
	size_t n = take_batch(w);
	if (n == 0)
		return false;
	uint64_t begin_us = clock_monotonic_us();
	/* Every item has its result, whatever became of the whole. */
	enum err e = store_commit(w->config.store, w->items, n);
	uint64_t end_us = clock_monotonic_us();
	for (size_t i = 0; i < n; i++)
		give_result(w, w->taken[i], &w->items[i]);
	atomic_fetch_add_explicit(&w->batches, 1, memory_order_relaxed);
	w->last_ms = end_us / 1000;
	w->failed |= e != OK;
	w->mean_sum = w->mean_sum - w->mean_sum / MEAN_OVER + (end_us - begin_us);
	if (e)
		distrust(w);
	return true;
}

/* ---- the worker's thread ---- */

static bool commit_and_tend(struct store_worker *w)
{
	(void)pthread_mutex_lock(&w->using);
	bool some = commit_batch(w);
	if (some) {
		w->config.wake(w->config.wake_arg);
		(void)store_tend(w->config.store, false);
	}
	bool failed = w->failed;
	w->failed = false;
	(void)pthread_mutex_unlock(&w->using);
	if (failed && !w->poll.set)
		loop_timer_set_after(&w->loop, &w->poll, w->config.poll_ms);
	if (some && !w->quiet.set)
		loop_timer_set_after(&w->loop, &w->quiet, QUIET_MS);
	return some;
}

static void commit_waiting(void *arg)
{
	struct store_worker *w = arg;
	while (commit_and_tend(w))
		;
	if (atomic_load(&w->stopping))
		loop_stop(&w->loop);
}

static void tend_when_quiet(void *arg)
{
	struct store_worker *w = arg;
	uint64_t now_ms = loop_now_ms(&w->loop);
	(void)pthread_mutex_lock(&w->using);
	uint64_t quiet_ms = w->last_ms + QUIET_MS;
	if (now_ms < quiet_ms)
		loop_timer_set(&w->loop, &w->quiet, quiet_ms);
	else if (store_tend(w->config.store, true))
		loop_timer_set(&w->loop, &w->quiet, now_ms); /* after what came meanwhile */
	(void)pthread_mutex_unlock(&w->using);
}

/* Waits for room: a loop that does not take its rows gets no more, and no results either. */
static enum err feed(struct store_worker *w)
{
	const struct timespec pause = {.tv_nsec = FEED_WAIT_NS};
	while (spsc_queue_put(w->feed, w->feed_in)) {
		if (atomic_load(&w->stopping))
			return (enum err)ECANCELED;
		w->config.wake(w->config.wake_arg);
		(void)nanosleep(&pause, NULL);
	}
	return OK;
}

static enum err feed_mark(struct store_worker *w, enum store_feed_kind kind)
{
	w->feed_in->kind = kind;
	return feed(w);
}

static enum err feed_row(void *arg, const struct store_row *row)
{
	struct store_worker *w = arg;
	struct feed_row *f = w->feed_in;
	if (row->value.len > w->config.value_max || row->key.len > STORE_KEY_MAX) {
		atomic_fetch_add_explicit(&w->feed_too_long, 1, memory_order_relaxed);
		return OK;
	}
	f->kind = STORE_FEED_ROW;
	f->table = row->table;
	f->removed = row->removed;
	f->key_len = (uint8_t)row->key.len;
	f->value_len = (uint16_t)row->value.len;
	f->version = row->version;
	memcpy(f->key, row->key.data, row->key.len);
	if (row->value.len)
		memcpy(f->value, row->value.data, row->value.len);
	return feed(w);
}

static enum err feed_everything(struct store_worker *w)
{
	TRY(feed_mark(w, STORE_FEED_BEGIN));
	for (unsigned table = 0; table < store_tables(w->config.store); table++)
		TRY(store_load(w->config.store, table, feed_row, w));
	TRY(feed_mark(w, STORE_FEED_END));
	w->loaded = true;
	return OK;
}

/* Connects, too, when that is due. An error stands in the state of the store, and the next time
 * comes. */
static enum err ask_changes(struct store_worker *w)
{
	enum err e = store_changes(w->config.store, feed_row, w);
	if (e == (enum err)ESTALE)
		w->loaded = false;
	else if (e)
		return e;
	return w->loaded ? OK : feed_everything(w);
}

/* Only a store that others write to, or that is not well, is asked again and again. */
static void poll_store(void *arg)
{
	struct store_worker *w = arg;
	struct store_state state;
	(void)pthread_mutex_lock(&w->using);
	err_ignore(ask_changes(w));
	(void)pthread_mutex_unlock(&w->using);
	if (spsc_queue_used(w->feed))
		w->config.wake(w->config.wake_arg);
	store_state(w->config.store, &state);
	if (state.shared || !state.connected || !w->loaded)
		loop_timer_set_after(&w->loop, &w->poll, w->config.poll_ms);
}

static void run(void *arg)
{
	struct store_worker *w = arg;
	w->last_ms = loop_now_ms(&w->loop);
	loop_timer_set(&w->loop, &w->poll, w->last_ms);
	loop_timer_set(&w->loop, &w->quiet, w->last_ms + QUIET_MS);
	loop_wake(&w->loop); /* for what was put, or a stop, before now */
	enum err e = loop_run(&w->loop);
	ASSERT(!e); /* nothing in it can fail after loop_init */
}

/* ---- the loop's thread ---- */

static enum err allocate(struct store_worker *w)
{
	const struct store_worker_config *c = &w->config;
	size_t row_size = sizeof(struct feed_row) + c->value_max;
	w->requests = calloc(c->requests_max, sizeof(w->requests[0]));
	w->values = calloc(c->requests_max, c->value_max + 1);
	w->free = calloc(c->requests_max, sizeof(w->free[0]));
	w->feed_in = calloc(1, row_size);
	w->feed_out = calloc(1, row_size);
	if (!w->requests || !w->values || !w->free || !w->feed_in || !w->feed_out)
		return (enum err)ENOMEM;
	TRY(spsc_queue_new(sizeof(uint32_t), c->requests_max, &w->todo));
	TRY(spsc_queue_new(sizeof(uint32_t), c->requests_max, &w->done));
	TRY(spsc_queue_new(row_size, c->feed_max, &w->feed));
	for (size_t i = 0; i < c->requests_max; i++) {
		w->requests[i].value = w->values + i * c->value_max;
		/* The first one lies on top. */
		w->free[i] = (uint32_t)(c->requests_max - 1 - i);
	}
	w->free_len = c->requests_max;
	return loop_init(&w->loop);
}

enum err store_worker_new(const struct store_worker_config *config, struct store_worker **ret)
{
	ASSERT(config->requests_max > 0 && config->requests_max <= REQUESTS_MAX);
	ASSERT(config->value_max <= STORE_VALUE_MAX && config->wake);
	AUTO(store_worker_free) struct store_worker *w = calloc(1, sizeof(*w));
	struct store_state state;
	if (!w)
		return (enum err)ENOMEM;
	(void)pthread_mutex_init(&w->using, NULL); /* never fails on Linux */
	w->config = *config;
	store_state(config->store, &state);
	w->shared = state.shared;
	if (!w->config.feed_max)
		w->config.feed_max = FEED_DEFAULT;
	if (!w->config.poll_ms)
		w->config.poll_ms = POLL_DEFAULT_MS;
	if (!w->config.quick_us)
		w->config.quick_us = QUICK_DEFAULT_US;
	distrust(w);
	w->company = COMPANY_ALL;
	TRY(allocate(w));
	loop_on_wake(&w->loop, commit_waiting, w);
	loop_timer_init(&w->poll, poll_store, w);
	loop_timer_init(&w->quiet, tend_when_quiet, w);
	*ret = TAKE(w);
	return OK;
}

enum err store_worker_start(struct store_worker *w)
{
	struct store_state state;
	store_state(w->config.store, &state);
	w->loaded = state.connected;
	return thread_start(&w->thread, "store", w->config.cpu, run, w);
}

void store_worker_stop(struct store_worker *w)
{
	atomic_store(&w->stopping, true);
	loop_wake(&w->loop);
	thread_join(&w->thread);
}

void store_worker_free(struct store_worker *w)
{
	if (!w)
		return;
	if (w->thread.state == THREAD_RUNS)
		store_worker_stop(w);
	loop_done(&w->loop);
	spsc_queue_free(w->todo);
	spsc_queue_free(w->done);
	spsc_queue_free(w->feed);
	free(w->requests);
	free(w->values);
	free(w->free);
	free(w->feed_in);
	free(w->feed_out);
	(void)pthread_mutex_destroy(&w->using);
	free(w);
}

struct store_request *store_worker_take(struct store_worker *w)
{
	if (w->free_len == 0) {
		w->refused++;
		return NULL;
	}
	struct store_request *r = &w->requests[w->free[--w->free_len]];
	*r = (struct store_request){.value = r->value};
	return r;
}

void store_worker_put(struct store_worker *w, struct store_request *r)
{
	uint32_t at = (uint32_t)(r - w->requests);
	ASSERT(at < w->config.requests_max && r->value_len <= w->config.value_max);
	/* It has room for all requests there are. */
	enum err e = spsc_queue_put(w->todo, &at);
	ASSERT(!e);
	w->put_some = true;
	w->out++;
}

static bool may_commit_here(const struct store_worker *w)
{
	uint64_t batches = atomic_load_explicit(&w->batches, memory_order_relaxed);
	return !w->shared && w->mean_sum / MEAN_OVER <= w->config.quick_us &&
	       batches % TEND_EVERY != 0;
}

/* False: the worker's thread has to. */
static bool commit_here(struct store_worker *w)
{
	if (pthread_mutex_trylock(&w->using))
		return false;
	bool done = may_commit_here(w) && commit_batch(w);
	if (w->failed)
		loop_wake(&w->loop);
	(void)pthread_mutex_unlock(&w->using);
	return done;
}

static void judge_company(struct store_worker *w)
{
	w->company -= w->company / MEAN_OVER;
	if (w->out > 1)
		w->company += COMPANY_ALL / MEAN_OVER;
	if (w->alone ? w->company < COMPANY_LEAVE : w->company >= COMPANY_TAKE)
		return;
	w->alone = !w->alone;
	w->company = w->alone ? 0 : COMPANY_ALL;
}

bool store_worker_flush(struct store_worker *w)
{
	if (!w->put_some)
		return false;
	w->put_some = false;
	judge_company(w);
	if (w->out == 1 && w->alone && commit_here(w))
		return true;
	loop_wake(&w->loop);
	return false;
}

struct store_request *store_worker_result(struct store_worker *w)
{
	uint32_t at;
	if (!spsc_queue_take(w->done, &at))
		return NULL;
	w->out--;
	return &w->requests[at];
}

void store_worker_give(struct store_worker *w, struct store_request *r)
{
	ASSERT(w->free_len < w->config.requests_max);
	w->free[w->free_len++] = (uint32_t)(r - w->requests);
}

bool store_worker_feed(struct store_worker *w, struct store_feed *ret)
{
	const struct feed_row *f = w->feed_out;
	if (!spsc_queue_take(w->feed, w->feed_out))
		return false;
	*ret = (struct store_feed){.kind = f->kind};
	if (f->kind == STORE_FEED_ROW)
		ret->row = (struct store_row){.table = f->table,
					      .key = span_of(f->key, f->key_len),
					      .value = span_of(f->value, f->value_len),
					      .version = f->version,
					      .removed = f->removed};
	return true;
}

void store_worker_counts(const struct store_worker *w, struct store_worker_counts *ret)
{
	*ret = (struct store_worker_counts){
		.refused = w->refused,
		.under_way = w->config.requests_max - w->free_len,
		.batches = atomic_load_explicit(&w->batches, memory_order_relaxed),
		.feed_too_long = atomic_load_explicit(&w->feed_too_long, memory_order_relaxed)};
}
