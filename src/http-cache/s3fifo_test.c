#include "http-cache/s3fifo.h"

#include "test/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POPULAR = 20000, ROOM = 2000, REQUESTS = 400000, IDS = POPULAR + REQUESTS };

/* What the two caches keep of each thing. */
static struct s3fifo_node nodes[IDS];
static struct {
	uint32_t newer, older; /* 0: none */
	bool in;
} lru[IDS + 1];
static uint32_t newest, oldest, lru_n;

static void lru_unlink(uint32_t at)
{
	if (lru[at].newer)
		lru[lru[at].newer].older = lru[at].older;
	else
		newest = lru[at].older;
	if (lru[at].older)
		lru[lru[at].older].newer = lru[at].newer;
	else
		oldest = lru[at].newer;
	lru[at].in = false;
	lru_n--;
}

static bool lru_ask(uint32_t id)
{
	uint32_t at = id + 1;
	bool hit = lru[at].in;
	if (hit)
		lru_unlink(at);
	else if (lru_n == ROOM)
		lru_unlink(oldest);
	lru[at].older = newest;
	lru[at].newer = 0;
	if (newest)
		lru[newest].newer = at;
	else
		oldest = at;
	newest = at;
	lru[at].in = true;
	lru_n++;
	return hit;
}

static bool s3fifo_ask(struct s3fifo *s, uint32_t id)
{
	struct s3fifo_node *n = &nodes[id];
	if (n->queue != S3FIFO_NONE) {
		s3fifo_used(n);
		return true;
	}
	n->size = 1;
	n->hash = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);
	n->hash ^= n->hash >> 29;
	n->hash *= UINT64_C(0xbf58476d1ce4e5b9);
	s3fifo_add(s, n);
	while (s3fifo_is_over(s))
		assert_non_null(s3fifo_evict(s));
	return false;
}

static double sums[POPULAR];

static uint32_t zipf(struct test_random *r)
{
	double u = (double)(test_random_next(r) >> 11) * 0x1p-53 * sums[POPULAR - 1];
	uint32_t low = 0, high = POPULAR - 1;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (sums[middle] < u)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Zipf requests; one in wonder_part is for something that nobody asks for again; every scan_every
 * requests a scan of scan_n things goes through. */
static void trace(double exponent, unsigned wonder_part, unsigned scan_every, unsigned scan_n)
{
	struct test_random r = {.state = 9111};
	struct s3fifo s;
	uint32_t next = POPULAR, misses_lru = 0, misses = 0, asked = 0;
	memset(nodes, 0, sizeof(nodes));
	memset(lru, 0, sizeof(lru));
	newest = oldest = lru_n = 0;
	assert_int_equal(s3fifo_init(&s, ROOM, ROOM), OK);
	for (uint32_t i = 0; i < POPULAR; i++)
		sums[i] = (i ? sums[i - 1] : 0) + pow(i + 1, -exponent);
	while (asked < REQUESTS) {
		bool scan = scan_every && asked % scan_every < scan_n;
		bool wonder = wonder_part && test_random_next(&r) % wonder_part == 0;
		uint32_t id = scan || wonder ? next++ : zipf(&r);
		misses_lru += !lru_ask(id);
		misses += !s3fifo_ask(&s, id);
		asked++;
	}
	print_message("zipf %.1f, wonders 1/%u, scans %u/%u: misses %u, of LRU %u (%.1f %%)\n",
		      exponent, wonder_part, scan_n, scan_every, misses, misses_lru,
		      100.0 * misses / misses_lru);
	assert_true(misses * 10.0 <= misses_lru * 9.0);
	assert_true(s3fifo_size(&s) <= ROOM);
	s3fifo_done(&s);
}

static void misses_a_tenth_less_than_lru(void **state)
{
	(void)state;
	trace(1.0, 10, 0, 0);
	trace(1.0, 0, 20000, 4000);
	trace(1.1, 8, 20000, 3000);
}

static void counts_sizes_and_forgets_what_is_removed(void **state)
{
	(void)state;
	struct s3fifo s;
	struct s3fifo_node n[4] = {{.hash = 1, .size = 50},
				   {.hash = 2, .size = 60},
				   {.hash = 3, .size = 5},
				   {.size = 9}};
	assert_int_equal(s3fifo_init(&s, 100, 16), OK);
	s3fifo_add(&s, &n[0]);
	assert_false(s3fifo_is_over(&s));
	s3fifo_add(&s, &n[1]);
	assert_true(s3fifo_is_over(&s));
	s3fifo_add(&s, &n[2]);
	/* The oldest one was asked for. */
	s3fifo_used(&n[0]);
	assert_ptr_equal(s3fifo_evict(&s), &n[1]);
	assert_int_equal(s3fifo_size(&s), 55);
	assert_int_equal(n[0].queue, S3FIFO_MAIN);
	s3fifo_remove(&s, &n[0]);
	s3fifo_remove(&s, &n[0]);
	s3fifo_remove(&s, &n[3]);
	assert_int_equal(s3fifo_size(&s), 5);
	/* A ghost that comes again goes to the main queue. */
	s3fifo_add(&s, &n[1]);
	assert_int_equal(n[1].queue, S3FIFO_MAIN);
	s3fifo_remove(&s, &n[1]);
	s3fifo_remove(&s, &n[2]);
	assert_int_equal(s3fifo_size(&s), 0);
	assert_null(s3fifo_evict(&s));
	s3fifo_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_sizes_and_forgets_what_is_removed),
		cmocka_unit_test(misses_a_tenth_less_than_lru),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
