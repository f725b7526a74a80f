/* What a durable row costs: bench_store FILE|postgresql://… [ROWS [SECONDS]]
 *
 * Fills ROWS rows of about 100 bytes, opens and loads them again, then writes over random ones, in
 * commits of 1, 16 and 64, by direct calls and through the worker with as many under way. CPU is
 * that of the whole process; the database of PostgreSQL is not in it. */
#include "store/store.h"
#include "os/clock.h"
#include "os/loop.h"
#include "store/worker.h"
#include "test/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { KEY_LEN = 5, VALUE_LEN = 95, LATENCIES_MAX = 1 << 22 };

static const char *const tables[] = {"bench"};

struct bench {
	struct store *store;
	uint64_t *versions; /* of each row */
	size_t rows, items;
	struct test_random r;
	uint32_t *latencies; /* us */
	size_t latencies_len;
	uint64_t until_us;
	size_t failures;
	struct loop loop;
	struct store_worker *worker;
	size_t window, under_way;
};

static void check(enum err e, const char *what)
{
	if (!e)
		return;
	(void)fprintf(stderr, "bench_store: %s: %s\n", what, err_text(e));
	exit(1);
}

static void key_of(uint8_t *ret, size_t row)
{
	ret[0] = 4;
	for (int i = 0; i < 4; i++)
		ret[1 + i] = (uint8_t)(row >> (24 - 8 * i));
}

static void value_of(struct bench *b, uint8_t *ret)
{
	test_random_fill(&b->r, ret, 8);
	memset(ret + 8, 'v', VALUE_LEN - 8);
}

static enum err note_row(void *arg, const struct store_row *row)
{
	struct bench *b = arg;
	size_t n = 0;
	for (int i = 0; i < 4; i++)
		n = n << 8 | row->key.data[1 + i];
	if (n < b->rows)
		b->versions[n] = row->version;
	b->items++;
	return OK;
}

static double seconds_since(uint64_t us)
{
	return (double)(clock_monotonic_us() - us) / 1e6;
}

static long resident_kib(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void open_and_load(struct bench *b, const struct store_config *config)
{
	check(store_new(config, &b->store), "new");
	uint64_t begin = clock_monotonic_us();
	enum err e = store_open(b->store);
	if (e) {
		struct store_state st;
		store_state(b->store, &st);
		(void)fprintf(stderr, "%s\n", st.reason);
		check(e, "open");
	}
	double opened = seconds_since(begin);
	b->items = 0;
	begin = clock_monotonic_us();
	check(store_load(b->store, 0, note_row, b), "load");
	printf("open %.2f s, load of %zu rows %.2f s, %ld KiB at most\n", opened, b->items,
	       seconds_since(begin), resident_kib());
}

/* One commit of n random rows, or of those from `from`. */
static void commit(struct bench *b, size_t n, size_t from, bool fill)
{
	static uint8_t keys[STORE_BATCH_MAX][KEY_LEN], values[STORE_BATCH_MAX][VALUE_LEN];
	static struct store_item items[STORE_BATCH_MAX];
	static size_t which[STORE_BATCH_MAX];
	for (size_t i = 0; i < n; i++) {
		which[i] = fill ? from + i : test_random_below(&b->r, b->rows);
		key_of(keys[i], which[i]);
		value_of(b, values[i]);
		uint64_t version = b->versions[which[i]];
		items[i] = (struct store_item){.expect = version ? STORE_EXPECT_VERSION
								 : STORE_EXPECT_ABSENT,
					       .version = version,
					       .key = span_of(keys[i], KEY_LEN),
					       .value = span_of(values[i], VALUE_LEN)};
	}
	check(store_commit(b->store, items, n), "commit");
	for (size_t i = 0; i < n; i++) {
		if (!items[i].result)
			b->versions[which[i]] = items[i].ret_version;
		b->failures += items[i].result != OK; /* a row that was drawn twice */
	}
}

/* So that every measurement begins with an empty journal. */
static void tidy_up(struct bench *b)
{
	while (store_tend(b->store, true))
		;
}

static void fill(struct bench *b)
{
	uint64_t begin = clock_monotonic_us(), cpu = clock_cpu_us();
	for (size_t at = 0; at < b->rows; at += STORE_BATCH_MAX) {
		size_t left = b->rows - at;
		commit(b, left < STORE_BATCH_MAX ? left : STORE_BATCH_MAX, at, true);
		(void)store_tend(b->store, false);
	}
	printf("fill %.2f s, %.2f us of CPU a row\n", seconds_since(begin),
	       (double)(clock_cpu_us() - cpu) / (double)b->rows);
	begin = clock_monotonic_us();
	cpu = clock_cpu_us();
	tidy_up(b);
	printf("compaction in quiet %.2f s, %.2f s of CPU\n", seconds_since(begin),
	       (double)(clock_cpu_us() - cpu) / 1e6);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void print(struct bench *b, const char *how, size_t n, double seconds, uint64_t cpu_us)
{
	struct store_state st;
	store_state(b->store, &st);
	qsort(b->latencies, b->latencies_len, sizeof(b->latencies[0]), compare);
	size_t len = b->latencies_len;
	printf("%-7s %3zu: %8.0f items/s, %6.2f us of CPU an item; p50 %u us, p99 %u us, p99.9 %u "
	       "us, max %u us; journal %llu MiB, moved %llu\n",
	       how, n, (double)b->items / seconds, (double)cpu_us / (double)b->items,
	       b->latencies[len / 2], b->latencies[len * 99 / 100], b->latencies[len * 999 / 1000],
	       b->latencies[len - 1], (unsigned long long)st.journal_bytes >> 20,
	       (unsigned long long)st.moved);
}

static void note_latency(struct bench *b, uint64_t begin_us)
{
	if (b->latencies_len < LATENCIES_MAX)
		b->latencies[b->latencies_len++] = (uint32_t)(clock_monotonic_us() - begin_us);
}

static void direct(struct bench *b, size_t n, double seconds)
{
	tidy_up(b);
	uint64_t begin = clock_monotonic_us(), cpu = clock_cpu_us(), at = begin;
	b->items = b->latencies_len = 0;
	while (at - begin < (uint64_t)(seconds * 1e6)) {
		commit(b, n, 0, false);
		b->items += n;
		note_latency(b, at);
		/* What a commit waits for when it comes right after: in the next one's latency. */
		at = clock_monotonic_us();
		(void)store_tend(b->store, false);
	}
	print(b, "direct", n, seconds_since(begin), clock_cpu_us() - cpu);
}

/* ---- through the worker ---- */

static void ask(struct bench *b)
{
	struct store_request *r = store_worker_take(b->worker);
	if (!r)
		abort();
	r->number = test_random_below(&b->r, b->rows);
	r->version = b->versions[r->number];
	r->expect = STORE_EXPECT_VERSION;
	r->key_len = KEY_LEN;
	r->value_len = VALUE_LEN;
	key_of(r->key, r->number);
	value_of(b, r->value);
	r->arg = (void *)(uintptr_t)clock_monotonic_us(); /* why: when it was asked */
	store_worker_put(b->worker, r);
	b->under_way++;
}

static void take_and_ask(struct bench *b)
{
	struct store_request *r;
	while ((r = store_worker_result(b->worker))) {
		if (!r->result)
			b->versions[r->number] = r->ret_version;
		b->failures += r->result != OK;
		note_latency(b, (uint64_t)(uintptr_t)r->arg);
		b->items++;
		store_worker_give(b->worker, r);
		b->under_way--;
	}
	bool over = clock_monotonic_us() >= b->until_us;
	while (!over && b->under_way < b->window)
		ask(b);
	if (over && !b->under_way)
		loop_stop(&b->loop);
}

static void answered(void *arg)
{
	struct bench *b = arg;
	do
		take_and_ask(b);
	while (store_worker_flush(b->worker));
}

static void wake(void *arg)
{
	loop_wake(arg);
}

static void through_worker(struct bench *b, size_t window, double seconds)
{
	tidy_up(b);
	check(loop_init(&b->loop), "loop");
	loop_on_wake(&b->loop, answered, b);
	struct store_worker_config config = {.store = b->store,
					     .requests_max = window,
					     .value_max = 200,
					     .cpu = -1,
					     .wake = wake,
					     .wake_arg = &b->loop};
	check(store_worker_new(&config, &b->worker), "worker");
	uint64_t begin = clock_monotonic_us(), cpu = clock_cpu_us();
	b->items = b->latencies_len = b->under_way = 0;
	b->window = window;
	b->until_us = begin + (uint64_t)(seconds * 1e6);
	check(store_worker_start(b->worker), "start");
	loop_wake(&b->loop);
	check(loop_run(&b->loop), "run");
	print(b, "worker", window, seconds_since(begin), clock_cpu_us() - cpu);
	store_worker_free(b->worker);
	loop_done(&b->loop);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {1, 16, 64};
	if (argc < 2) {
		(void)fprintf(stderr,
			      "usage: bench_store FILE|postgresql://... [ROWS [SECONDS]]\n");
		return 2;
	}
	bool url = strstr(argv[1], "://") != NULL;
	struct store_config config = {.url = url ? argv[1] : NULL,
				      .path = url ? NULL : argv[1],
				      .tables = tables,
				      .tables_len = 1};
	struct bench b = {.r = test_random_begin()};
	b.rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
	double seconds = argc > 3 ? strtod(argv[3], NULL) : 3;
	b.versions = calloc(b.rows, sizeof(b.versions[0]));
	b.latencies = calloc(LATENCIES_MAX, sizeof(b.latencies[0]));
	if (!b.versions || !b.latencies || !b.rows)
		return 1;
	open_and_load(&b, &config);
	fill(&b);
	store_free(b.store);
	open_and_load(&b, &config);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		direct(&b, sizes[i], seconds);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		through_worker(&b, sizes[i], seconds);
	store_free(b.store);
	printf("rows drawn twice in one batch: %zu\n", b.failures);
	free(b.versions);
	free(b.latencies);
	return 0;
}
