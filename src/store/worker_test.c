/* This program runs with threads. */
#include "store/worker.h"

#include "os/clock.h"
#include "os/loop.h"
#include "store/sqlite_files_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* A loop that takes what the worker has, as a service does. */
struct service {
	struct loop loop;
	struct store *store;
	struct store_worker *worker;
	size_t results, rows, begins, ends;
	uint64_t numbers[4096];
	enum err errors[4096];
	struct contract_rows *known;
	struct store_request *last; /* kept instead of given back */
	bool keep;
	bool deaf; /* takes no rows */
};

static void take_feed(struct service *v)
{
	struct store_feed f;
	while (!v->deaf && store_worker_feed(v->worker, &f)) {
		v->begins += f.kind == STORE_FEED_BEGIN;
		v->ends += f.kind == STORE_FEED_END;
		if (f.kind != STORE_FEED_ROW)
			continue;
		v->rows++;
		if (v->known)
			contract_set(v->known, f.row.key, f.row.value, f.row.version);
	}
}

static void woken(void *arg)
{
	struct service *v = arg;
	struct store_request *r;
	while ((r = store_worker_result(v->worker))) {
		assert_true(r->arg == v);
		v->errors[v->results % 4096] = r->result;
		v->numbers[v->results++ % 4096] = r->number;
		v->last = r;
		if (!v->keep)
			store_worker_give(v->worker, r);
	}
	take_feed(v);
}

static void wake(void *arg)
{
	loop_wake(arg);
}

static void flush(struct service *v)
{
	if (store_worker_flush(v->worker))
		woken(v);
}

static void begin_quick(struct service *v, struct store *store, size_t requests_max,
			size_t value_max, uint32_t quick_us)
{
	*v = (struct service){.store = store};
	assert_int_equal(loop_init(&v->loop), OK);
	loop_on_wake(&v->loop, woken, v);
	struct store_worker_config config = {.store = store,
					     .requests_max = requests_max,
					     .value_max = value_max,
					     .feed_max = 4,
					     .poll_ms = 10,
					     .quick_us = quick_us,
					     .cpu = -1,
					     .wake = wake,
					     .wake_arg = &v->loop};
	assert_int_equal(store_worker_new(&config, &v->worker), OK);
}

/* Any disk is quick: what waits alone is committed by the loop wherever it may be. */
static void begin(struct service *v, struct store *store, size_t requests_max, size_t value_max)
{
	begin_quick(v, store, requests_max, value_max, UINT32_MAX);
}

static void end(struct service *v)
{
	store_worker_free(v->worker);
	store_free(v->store);
	loop_done(&v->loop);
}

static void wait_until(struct service *v, const size_t *counter, size_t n)
{
	uint64_t until_ms = clock_monotonic_ms() + 20000;
	while (*counter < n && clock_monotonic_ms() < until_ms)
		assert_int_equal(loop_turn(&v->loop, 100), OK);
	assert_int_equal(*counter, n);
}

static struct store_request *fill(struct service *v, uint64_t number, const char *key,
				  const char *value, enum store_expect expect)
{
	struct store_request *r = store_worker_take(v->worker);
	assert_non_null(r);
	assert_true(r->key_len == 0 && r->value_len == 0 && r->version == 0);
	r->arg = v;
	r->number = number;
	r->expect = expect;
	r->key_len = (uint16_t)strlen(key);
	memcpy(r->key, key, r->key_len);
	r->value_len = (uint16_t)strlen(value);
	memcpy(r->value, value, r->value_len);
	return r;
}

static void put(struct service *v, uint64_t number, const char *key, const char *value,
		enum store_expect expect)
{
	store_worker_put(v->worker, fill(v, number, key, value, expect));
}

static void refuses_more_than_it_has_room_for(void **state)
{
	(void)state;
	struct service v;
	begin(&v, open_store(path), 3, 100);
	for (uint64_t i = 0; i < 3; i++)
		put(&v, i, "a", "1", STORE_EXPECT_ANY);
	assert_null(store_worker_take(v.worker));
	assert_null(store_worker_take(v.worker));
	struct store_worker_counts counts;
	store_worker_counts(v.worker, &counts);
	assert_true(counts.refused == 2 && counts.under_way == 3 && counts.batches == 0);
	assert_int_equal(store_worker_start(v.worker), OK);
	flush(&v);
	wait_until(&v, &v.results, 3);
	store_worker_give(v.worker, fill(&v, 9, "b", "", STORE_EXPECT_ANY));
	store_worker_counts(v.worker, &counts);
	assert_true(counts.under_way == 0);
	end(&v);
}

static void what_waits_is_one_commit_and_keeps_its_order(void **state)
{
	(void)state;
	struct service v;
	begin(&v, open_store(path), 512, 100);
	for (uint64_t i = 0; i < 200; i++) {
		char key[16];
		(void)snprintf(key, sizeof(key), "%d", (int)i);
		put(&v, i, key, "value", STORE_EXPECT_ABSENT);
	}
	flush(&v);
	assert_int_equal(store_worker_start(v.worker), OK);
	wait_until(&v, &v.results, 200);
	for (uint64_t i = 0; i < 200; i++) {
		assert_true(v.numbers[i] == i);
		assert_int_equal(v.errors[i], OK);
	}
	struct store_worker_counts counts;
	store_worker_counts(v.worker, &counts);
	assert_int_equal(counts.batches, 1);
	struct store_state st;
	store_state(v.store, &st);
	assert_true(st.commits == 1 && st.items == 200);
	end(&v);
}

static void a_conflict_comes_with_the_row_that_is_there(void **state)
{
	(void)state;
	struct service v;
	begin(&v, open_store(path), 4, 10);
	uint64_t version =
		contract_one(v.store, contract_put("a", "mine", STORE_EXPECT_ABSENT, 0), OK);
	contract_one(v.store, contract_put("b", "longer than ten", STORE_EXPECT_ABSENT, 0), OK);
	assert_int_equal(store_worker_start(v.worker), OK);
	v.keep = true;
	put(&v, 1, "a", "yours", STORE_EXPECT_ABSENT);
	flush(&v);
	wait_until(&v, &v.results, 1);
	assert_int_equal(v.last->result, ERR_EXISTS);
	assert_true(v.last->ret_version == version);
	assert_true(span_is(span_of(v.last->value, v.last->value_len), "mine"));
	put(&v, 2, "b", "yours", STORE_EXPECT_ABSENT);
	flush(&v);
	wait_until(&v, &v.results, 2);
	assert_int_equal(v.last->result, ERR_LIMIT);
	assert_true(v.last->ret_version > version && v.last->value_len == 0);
	end(&v);
}

static void what_was_put_is_durable_when_it_stops(void **state)
{
	(void)state;
	struct service v;
	begin(&v, open_store(path), 4096, 100);
	assert_int_equal(store_worker_start(v.worker), OK);
	for (uint64_t i = 0; i < 1000; i++) {
		char key[16];
		(void)snprintf(key, sizeof(key), "%d", (int)i);
		put(&v, i, key, "value", STORE_EXPECT_ABSENT);
	}
	store_worker_stop(v.worker); /* without a flush */
	woken(&v);
	assert_int_equal(v.results, 1000);
	end(&v);
	struct store *s = open_store(path);
	size_t rows = 0;
	assert_int_equal(store_load(s, 0, ignore_row, &rows), OK);
	assert_int_equal(rows, 1000);
	store_free(s);
}

static void a_store_that_is_not_open_yet_tells_all_its_rows(void **state)
{
	(void)state;
	static struct contract_rows known, stored;
	struct service v;
	struct store *s = open_store(path);
	put_many(s, 300);
	contract_one(s,
		     contract_put("long",
				  "a value that is longer than fifty bytes, and so not for us",
				  STORE_EXPECT_ANY, 0),
		     OK);
	contract_one(s, contract_remove("key 7", STORE_EXPECT_ANY, 0), OK);
	contract_load(s, 0, &stored);
	store_free(s);
	contract_unset(&stored, span_text("long"));
	known.len = 0;
	begin(&v, new_store(path), 4, 50);
	v.known = &known;
	assert_int_equal(store_worker_start(v.worker), OK);
	wait_until(&v, &v.ends, 1);
	assert_int_equal(v.begins, 1);
	contract_assert_same(&known, &stored);
	struct store_worker_counts counts;
	store_worker_counts(v.worker, &counts);
	assert_int_equal(counts.feed_too_long, 1);
	end(&v);
}

static void a_loop_that_takes_no_rows_can_stop_it(void **state)
{
	(void)state;
	struct service v;
	struct store *s = open_store(path);
	put_many(s, 300);
	store_free(s);
	begin(&v, new_store(path), 4, 50);
	v.deaf = true;
	assert_int_equal(store_worker_start(v.worker), OK);
	(void)usleep(50000);
	end(&v);
}

static void a_store_that_cannot_be_opened_gets_well(void **state)
{
	(void)state;
	char later[96], file[128];
	struct service v;
	(void)snprintf(later, sizeof(later), "%s/later", folder);
	(void)snprintf(file, sizeof(file), "%s/state.sqlite", later);
	begin(&v, new_store(file), 4, 50);
	assert_int_equal(store_worker_start(v.worker), OK);
	put(&v, 1, "a", "1", STORE_EXPECT_ABSENT);
	flush(&v);
	wait_until(&v, &v.results, 1);
	assert_int_not_equal(v.errors[0], OK);
	struct store_state st;
	store_state(v.store, &st);
	assert_true(!st.connected && st.since_ms > 0 && st.why != OK && strlen(st.reason) > 0);
	assert_int_equal(dir_ensure(later, 0700), OK);
	wait_until(&v, &v.ends, 1);
	put(&v, 2, "a", "1", STORE_EXPECT_ABSENT);
	flush(&v);
	wait_until(&v, &v.results, 2);
	assert_int_equal(v.errors[1], OK);
	store_state(v.store, &st);
	assert_true(st.connected && st.why == OK);
	end(&v);
}

/* Many rounds of some requests each, also while the journal is compacted in quiet moments. */
static void every_request_gets_its_result(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct service v;
	begin(&v, open_store(path), 64, 100);
	assert_int_equal(store_worker_start(v.worker), OK);
	size_t put_n = 0;
	for (int round = 0; round < 1500; round++) {
		size_t n = 1 + test_random_below(&r, 20);
		if (round % 500 == 250) {
			(void)usleep(80000);
			woken(&v);
		}
		for (size_t i = 0; i < n; i++) {
			struct store_worker_counts counts;
			store_worker_counts(v.worker, &counts);
			if (counts.under_way == 64)
				break;
			char key[32];
			(void)snprintf(key, sizeof(key), "%zu", test_random_below(&r, 5000));
			put(&v, put_n++, key, "value", STORE_EXPECT_ANY);
		}
		flush(&v);
		assert_int_equal(loop_turn(&v.loop, (int)test_random_below(&r, 2)), OK);
	}
	wait_until(&v, &v.results, put_n);
	assert_true(v.numbers[(put_n - 1) % 4096] == put_n - 1);
	struct store_state st;
	store_state(v.store, &st);
	assert_true(st.items == put_n && st.conflicts == 0 && st.failures == 0);
	assert_true(st.commits < put_n);
	end(&v);
}

/* One request after the other; returns how many the loop committed itself. */
static size_t put_alone(struct service *v, size_t n)
{
	size_t here = 0;
	for (size_t i = 0; i < n; i++) {
		size_t results = v->results;
		put(v, i, "a", "value", STORE_EXPECT_ANY);
		if (store_worker_flush(v->worker)) {
			woken(v);
			assert_int_equal(v->results, results + 1);
			here++;
		}
		wait_until(v, &v->results, results + 1);
		assert_int_equal(v->errors[results % 4096], OK);
	}
	return here;
}

/* Whether the worker is still at work on the store is a matter of luck, so more than one try. */
static bool are_committed_here(struct service *v, size_t n)
{
	size_t here = 0;
	uint64_t until_ms = clock_monotonic_ms() + 20000;
	while (here < n && clock_monotonic_ms() < until_ms)
		here += put_alone(v, 10);
	return here >= n;
}

static void what_waits_alone_is_committed_by_the_loop(void **state)
{
	(void)state;
	struct service v;
	struct store_state st;
	struct store_worker_counts counts;
	begin(&v, open_store(path), 4, 100);
	assert_int_equal(store_worker_start(v.worker), OK);
	/* More than it may without the worker's thread, which tends the store. */
	assert_true(are_committed_here(&v, 200));
	store_state(v.store, &st);
	store_worker_counts(v.worker, &counts);
	assert_true(st.items == v.results && st.commits == v.results);
	assert_true(counts.batches == v.results && counts.under_way == 0);
	end(&v);
	struct store *s = open_store(path);
	size_t rows = 0;
	assert_int_equal(store_load(s, 0, ignore_row, &rows), OK);
	assert_int_equal(rows, 1);
	store_free(s);
}

static void a_slow_disk_is_left_to_the_worker(void **state)
{
	(void)state;
	struct service v;
	begin_quick(&v, open_store(path), 4, 100, 1); /* slower than 1 us are all */
	assert_int_equal(store_worker_start(v.worker), OK);
	assert_int_equal(put_alone(&v, 200), 0);
	end(&v);
}

/* ---- a disk whose syncs take what a test says ---- */

static atomic_uint slow_us;

static void sync_slowly(void)
{
	(void)usleep(atomic_load(&slow_us));
}

static void the_loop_commits_while_the_disk_is_quick_on_average(void **state)
{
	(void)state;
	struct service v;
	atomic_store(&slow_us, 0);
	files.on_sync = sync_slowly;
	begin_quick(&v, open_store(path), 4, 100, 20000);
	assert_int_equal(store_worker_start(v.worker), OK);
	assert_true(are_committed_here(&v, 64));
	/* One that is slow does not matter. */
	atomic_store(&slow_us, 100000);
	(void)put_alone(&v, 1);
	atomic_store(&slow_us, 0);
	assert_true(put_alone(&v, 8) > 0);
	/* Many do. */
	atomic_store(&slow_us, 100000);
	(void)put_alone(&v, 16);
	assert_int_equal(put_alone(&v, 4), 0);
	/* And it becomes quick again. */
	atomic_store(&slow_us, 0);
	assert_int_equal(put_alone(&v, 8), 0);
	assert_true(are_committed_here(&v, 1));
	end(&v);
	files.on_sync = NULL;
}

/* Each comes while another one is under way, until they are few. */
static void the_loop_commits_while_hardly_any_has_company(void **state)
{
	(void)state;
	struct service v;
	begin(&v, open_store(path), 4, 100);
	assert_int_equal(store_worker_start(v.worker), OK);
	assert_true(are_committed_here(&v, 64));
	for (size_t i = 0; i < 16; i++) {
		size_t results = v.results;
		put(&v, 1, "a", "value", STORE_EXPECT_ANY);
		put(&v, 2, "b", "value", STORE_EXPECT_ANY);
		flush(&v);
		wait_until(&v, &v.results, results + 2);
	}
	assert_int_equal(put_alone(&v, 16), 0);
	assert_true(are_committed_here(&v, 64));
	end(&v);
}

static void two_that_wait_are_left_to_the_worker(void **state)
{
	(void)state;
	struct service v;
	begin(&v, open_store(path), 4, 100);
	assert_int_equal(store_worker_start(v.worker), OK);
	assert_true(are_committed_here(&v, 1));
	size_t results = v.results;
	put(&v, 1, "a", "value", STORE_EXPECT_ANY);
	put(&v, 2, "b", "value", STORE_EXPECT_ANY);
	assert_false(store_worker_flush(v.worker));
	wait_until(&v, &v.results, results + 2);
	end(&v);
}

/* The loop's own commit fails, and the worker's thread makes the store well again. */
static void a_commit_of_the_loop_that_failed_is_looked_after(void **state)
{
	(void)state;
	struct service v;
	struct rlimit limit, none;
	struct store_state st;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	begin(&v, open_store(path), 4, 100);
	assert_int_equal(store_worker_start(v.worker), OK);
	assert_true(are_committed_here(&v, 1));
	(void)usleep(100000); /* the worker has nothing to do any more */
	size_t results = v.results;
	put(&v, 1, "b", "value", STORE_EXPECT_ABSENT);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	flush(&v);
	wait_until(&v, &v.results, results + 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_not_equal(v.errors[results % 4096], OK);
	uint64_t until_ms = clock_monotonic_ms() + 20000;
	do {
		assert_int_equal(loop_turn(&v.loop, 10), OK);
		store_state(v.store, &st);
	} while (!st.connected && clock_monotonic_ms() < until_ms);
	assert_true(st.connected && st.failures == 1);
	(void)put_alone(&v, 1);
	end(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fact(refuses_more_than_it_has_room_for),
		fact(what_waits_is_one_commit_and_keeps_its_order),
		fact(a_conflict_comes_with_the_row_that_is_there),
		fact(what_was_put_is_durable_when_it_stops),
		fact(a_store_that_is_not_open_yet_tells_all_its_rows),
		fact(a_loop_that_takes_no_rows_can_stop_it),
		fact(a_store_that_cannot_be_opened_gets_well),
		fact(every_request_gets_its_result),
		fact(what_waits_alone_is_committed_by_the_loop),
		fact(a_slow_disk_is_left_to_the_worker),
		fact(the_loop_commits_while_the_disk_is_quick_on_average),
		fact(the_loop_commits_while_hardly_any_has_company),
		fact(two_that_wait_are_left_to_the_worker),
		fact(a_commit_of_the_loop_that_failed_is_looked_after),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
