#include "http-cache/disk/index.h"

#include "test/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct disk_shape shape_of(uint64_t segments)
{
	struct disk_shape s;
	assert_true(disk_shape_of(DISK_SEGMENTS_AT + segments * DISK_SEGMENT_MIN, 1000, &s));
	assert_int_equal(s.segments, segments);
	return s;
}

/* ---- the index beside a plain list ---- */

enum { KEYS = 40, RECORDS = 4000 };

struct record {
	struct disk_place place;
	bool is;
};

static bool same_thing(const struct disk_place *a, const struct disk_place *b)
{
	return a->hash == b->hash && a->space == b->space && a->variant == b->variant;
}

static size_t count(const struct record *all, size_t n, uint64_t hash, const uint16_t *space)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		found += all[i].is && all[i].place.hash == hash &&
			 (!space || all[i].place.space == *space);
	return found;
}

static void look(const struct disk_index *x, const struct record *all, size_t n)
{
	uint64_t objects = 0, units = 0;
	uint32_t live[DISK_SEGMENTS_MIN] = {0};
	for (size_t i = 0; i < n; i++) {
		const struct disk_place *p = &all[i].place;
		bool dead = disk_bit(disk_index_dead(x, p->segment), p->slot);
		assert_int_equal(disk_index_is_at(x, p), all[i].is);
		assert_true(all[i].is != dead);
		objects += all[i].is;
		units += all[i].is ? p->len : 0;
		live[p->segment] += all[i].is;
	}
	assert_int_equal(x->objects, objects);
	assert_int_equal(x->units, units);
	for (size_t i = 0; i < DISK_SEGMENTS_MIN; i++)
		assert_int_equal(x->segments[i].live, live[i]);
	for (uint64_t key = 0; key < KEYS; key++)
		for (uint16_t space = 0; space < 2; space++) {
			struct disk_place found[DISK_SEGMENTS_MIN];
			size_t is = disk_index_find(x, key << 32 | 7, space, found, 10);
			assert_int_equal(is, count(all, n, key << 32 | 7, &space));
			assert_int_equal(disk_index_has(x, key << 32 | 7, space), is > 0);
		}
}

static void leads_to_what_was_put_last_and_to_nothing_else(void **state)
{
	static struct record all[RECORDS];
	const struct disk_shape shape = shape_of(DISK_SEGMENTS_MIN);
	struct test_random r = test_random_begin();
	struct disk_index x;
	uint32_t open[DISK_SEGMENTS_MIN];
	size_t n = 0;
	(void)state;
	assert_int_equal(disk_index_init(&x, &shape), OK);
	for (size_t i = 0; i < DISK_SEGMENTS_MIN; i++)
		assert_true(disk_index_open(&x, i % 2 ? DISK_MAIN : DISK_SMALL, &open[i]));
	assert_false(disk_index_open(&x, DISK_SMALL, &open[0]));
	for (int turn = 0; turn < RECORDS; turn++) {
		/* All in one bucket: the upper half tells them apart. */
		uint64_t random = test_random_next(&r), hash = random % KEYS << 32 | 7;
		struct disk_place p = {.hash = hash,
				       .variant = random >> 8 & 1,
				       .space = random >> 9 & 1,
				       .segment = open[random >> 10 & 7],
				       .len = 1 + (random >> 20 & 7)};
		switch (random >> 30 & 7) {
		case 0:
			assert_int_equal(disk_index_count(&x, hash), count(all, n, hash, NULL));
			assert_int_equal(disk_index_kill(&x, hash), count(all, n, hash, NULL));
			for (size_t i = 0; i < n; i++)
				all[i].is = all[i].is && all[i].place.hash != hash;
			break;
		case 1:
			disk_index_replace(&x, hash, p.space, p.variant);
			for (size_t i = 0; i < n; i++)
				all[i].is = all[i].is && !same_thing(&all[i].place, &p);
			break;
		case 2:
			if (!n)
				break;
			disk_index_drop(&x, &all[random >> 40 & 63 & (n - 1)].place);
			all[random >> 40 & 63 & (n - 1)].is = false;
			break;
		default:
			p.slot = x.segments[p.segment].used;
			if (p.slot == shape.entries)
				break;
			x.segments[p.segment].used++;
			assert_int_equal(disk_index_add(&x, &p), OK);
			for (size_t i = 0; i < n; i++)
				all[i].is = all[i].is && !same_thing(&all[i].place, &p);
			all[n++] = (struct record){p, true};
		}
		if (turn % 100 == 0)
			look(&x, all, n);
	}
	look(&x, all, n);
	(void)disk_index_clear(&x);
	for (size_t i = 0; i < n; i++)
		all[i].is = false;
	look(&x, all, n);
	disk_index_done(&x);
}

static void a_segment_that_is_read_is_not_used_anew(void **state)
{
	const struct disk_shape shape = shape_of(DISK_SEGMENTS_MIN);
	struct disk_index x;
	uint32_t first, second, victim;
	(void)state;
	assert_int_equal(disk_index_init(&x, &shape), OK);
	assert_true(disk_index_open(&x, DISK_SMALL, &first));
	assert_false(disk_index_victim(&x, &victim));
	struct disk_place p = {.hash = 1, .len = 1, .segment = first};
	assert_int_equal(disk_index_add(&x, &p), OK);
	disk_index_seal(&x, first);
	assert_true(disk_index_open(&x, DISK_SMALL, &second));
	p.segment = second;
	p.hash = 2;
	assert_int_equal(disk_index_add(&x, &p), OK);
	disk_index_seal(&x, second);
	assert_true(disk_index_victim(&x, &victim));
	assert_int_equal(victim, first);
	disk_index_pin(&x, first);
	assert_true(disk_index_victim(&x, &victim));
	assert_int_equal(victim, second);
	/* Somebody began to read while it went. */
	size_t before = x.free_n;
	disk_index_free(&x, first);
	assert_int_equal(x.free_n, before);
	assert_int_equal(disk_index_count(&x, 1), 0);
	disk_index_unpin(&x, first);
	assert_int_equal(x.free_n, before + 1);
	disk_index_done(&x);
}

/* ---- the queues, beside LRU ---- */

enum { SEGMENTS = 100, EACH = 20, POPULAR = 20000, REQUESTS = 400000, IDS = POPULAR + REQUESTS };

struct log {
	struct disk_index x;
	uint32_t open[2], used[2];
	bool is_open[2];
	uint64_t hashes[SEGMENTS][EACH];
};

static struct log the_log;

static void append(struct log *l, enum disk_queue queue, uint64_t hash, uint8_t uses);

static void clean(struct log *l)
{
	uint32_t segment;
	while (l->x.free_n <= DISK_FREE_RESERVE && disk_index_victim(&l->x, &segment)) {
		unsigned room = EACH / 2;
		for (uint32_t i = 0; i < EACH; i++) {
			const struct disk_place p = {
				.hash = l->hashes[segment][i], .segment = segment, .slot = i};
			uint8_t uses;
			if (!disk_index_is_at(&l->x, &p))
				continue;
			if (room && disk_index_stays(&l->x, &p, &uses)) {
				room--;
				append(l, DISK_MAIN, p.hash, uses);
			} else {
				disk_index_evict(&l->x, &p);
			}
		}
		disk_index_free(&l->x, segment);
	}
}

static void append(struct log *l, enum disk_queue queue, uint64_t hash, uint8_t uses)
{
	static bool cleans;
	if (l->used[queue] == EACH && !cleans) {
		cleans = true;
		clean(l);
		cleans = false;
	}
	if (l->used[queue] == EACH && l->is_open[queue])
		disk_index_seal(&l->x, l->open[queue]);
	if (l->used[queue] == EACH || !l->is_open[queue]) {
		assert_true(disk_index_open(&l->x, queue, &l->open[queue]));
		l->is_open[queue] = true;
		l->used[queue] = 0;
	}
	uint32_t segment = l->open[queue], slot = l->used[queue]++;
	l->hashes[segment][slot] = hash;
	const struct disk_place p = {
		.hash = hash, .segment = segment, .slot = slot, .len = 1, .uses = uses};
	assert_int_equal(disk_index_add(&l->x, &p), OK);
}

static bool log_ask(struct log *l, uint32_t id)
{
	uint64_t hash = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);
	hash ^= hash >> 29;
	hash *= UINT64_C(0xbf58476d1ce4e5b9);
	if (disk_index_has(&l->x, hash, 0)) {
		disk_index_used(&l->x, hash);
		return true;
	}
	append(l, disk_index_queue(&l->x, hash), hash, 0);
	return false;
}

/* By the number of the request at which each was asked for last. */
static uint32_t stamps[IDS], order[REQUESTS + 1], lru_n, lru_oldest;

static bool lru_ask(uint32_t id, uint32_t now)
{
	bool hit = stamps[id];
	stamps[id] = now;
	order[now] = id;
	lru_n += !hit;
	while (lru_n > SEGMENTS * EACH) {
		uint32_t gone = order[++lru_oldest];
		if (stamps[gone] != lru_oldest)
			continue;
		stamps[gone] = 0;
		lru_n--;
	}
	return hit;
}

static void trace(double exponent, unsigned wonder_part, unsigned scan_every, unsigned scan_n)
{
	static double sums[POPULAR];
	const struct disk_shape shape = shape_of(SEGMENTS);
	struct test_random r = {.state = 77};
	uint32_t next = POPULAR, misses = 0, misses_lru = 0;
	memset(&the_log, 0, sizeof(the_log));
	memset(stamps, 0, sizeof(stamps));
	lru_n = lru_oldest = 0;
	assert_int_equal(disk_index_init(&the_log.x, &shape), OK);
	for (uint32_t i = 0; i < POPULAR; i++)
		sums[i] = (i ? sums[i - 1] : 0) + pow(i + 1, -exponent);
	for (uint32_t asked = 0; asked < REQUESTS; asked++) {
		bool scan = scan_every && asked % scan_every < scan_n;
		bool wonder = wonder_part && test_random_next(&r) % wonder_part == 0;
		double u = (double)(test_random_next(&r) >> 11) * 0x1p-53 * sums[POPULAR - 1];
		uint32_t low = 0, high = POPULAR - 1;
		while (low < high) {
			uint32_t middle = (low + high) / 2;
			low = sums[middle] < u ? middle + 1 : low;
			high = sums[middle] < u ? high : middle;
		}
		uint32_t id = scan || wonder ? next++ : low;
		misses += !log_ask(&the_log, id);
		misses_lru += !lru_ask(id, asked + 1);
	}
	print_message("zipf %.1f, wonders 1/%u, scans %u/%u: misses %u, of LRU %u (%.1f %%)\n",
		      exponent, wonder_part, scan_n, scan_every, misses, misses_lru,
		      100.0 * misses / misses_lru);
	assert_true(misses * 10.0 <= misses_lru * 9.0);
	assert_true(the_log.x.objects <= SEGMENTS * EACH);
	disk_index_done(&the_log.x);
}

static void misses_a_tenth_less_than_lru(void **state)
{
	(void)state;
	trace(1.0, 10, 0, 0);
	trace(1.0, 0, 20000, 4000);
	trace(1.1, 8, 20000, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_to_what_was_put_last_and_to_nothing_else),
		cmocka_unit_test(a_segment_that_is_read_is_not_used_anew),
		cmocka_unit_test(misses_a_tenth_less_than_lru),
	};
	return cmocka_run_group_tests_name("http-cache/disk/index", tests, NULL, NULL);
}
