/* How many requests and bytes the memory tier of the HTTP cache misses, beside an LRU of the same
 * size in bytes, on generated traces or on one from a file. Knows no network and takes no time.
 *
 *	cache_ratio                   generated traces: Zipf, things asked for once, scans
 *	cache_ratio FILE BYTES...     lines "ID SIZE" (any text, octets), caches of so many bytes
 */
#include "base/table.h"
#include "http-cache/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	POPULAR = 50000,
	REQUESTS = 1000000,
	SIZE_MEDIAN = 2048,
	SIZE_MAX_OF_ONE = 512 * 1024,
	OBJECT_PART = 32, /* as memory: 256M, object: 8M */
	SIZES = 3,
	ID_MAX = 8192,
};

static const double cache_parts[SIZES] = {0.02, 0.1, 0.3}; /* of all that is popular */

struct request {
	uint32_t id, size;
};

struct trace {
	struct request *at;
	size_t n, room;
	uint32_t ids;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "cache_ratio: %s\n", what);
	exit(2);
}

static void trace_add(struct trace *t, uint32_t id, uint32_t size)
{
	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : REQUESTS;
		t->at = realloc(t->at, t->room * sizeof(*t->at));
		if (!t->at)
			fail("no memory");
	}
	t->at[t->n++] = (struct request){id, size};
	if (id >= t->ids)
		t->ids = id + 1;
}

/* ---- generated traces ---- */

static uint64_t state;

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static double uniform(void)
{
	state += UINT64_C(0x9e3779b97f4a7c15);
	return (double)(mix(state) >> 11) * 0x1p-53;
}

/* Of a thing always the same; lognormal, as bodies on the web are, roughly. */
static uint32_t size_of(uint32_t id)
{
	double a = (double)(mix(id * UINT64_C(2) + 1) >> 11) * 0x1p-53 + 0x1p-54;
	double b = (double)(mix(id * UINT64_C(2) + 2) >> 11) * 0x1p-53;
	double size = SIZE_MEDIAN * exp(1.3 * sqrt(-2 * log(a)) * cos(6.283185307179586 * b));
	return size < 1 ? 1 : size > SIZE_MAX_OF_ONE ? SIZE_MAX_OF_ONE : (uint32_t)size;
}

static double weights[POPULAR];

static uint32_t zipf(void)
{
	double u = uniform() * weights[POPULAR - 1];
	uint32_t low = 0, high = POPULAR - 1;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (weights[middle] < u)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct kind {
	const char *name;
	double exponent, wonders; /* wonders: part of the requests that are for something new */
	uint32_t scan_every, scan_n;
};

static void generate(const struct kind *k, struct trace *t)
{
	uint32_t next = POPULAR;
	*t = (struct trace){0};
	state = 9111;
	for (uint32_t i = 0; i < POPULAR; i++)
		weights[i] = (i ? weights[i - 1] : 0) + pow(i + 1, -k->exponent);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		bool scan = k->scan_every && i % k->scan_every < k->scan_n;
		uint32_t id = scan || uniform() < k->wonders ? next++ : zipf();
		trace_add(t, id, size_of(id));
	}
}

/* ---- LRU ---- */

struct lru_item {
	uint32_t newer, older; /* 0: none */
	uint64_t size;	       /* 0: not there */
};

struct lru {
	struct lru_item *items; /* by ID + 1 */
	uint32_t newest, oldest;
	uint64_t size, capacity;
};

static void lru_out(struct lru *l, uint32_t at)
{
	struct lru_item *i = &l->items[at];
	*(i->newer ? &l->items[i->newer].older : &l->newest) = i->older;
	*(i->older ? &l->items[i->older].newer : &l->oldest) = i->newer;
	l->size -= i->size;
	i->size = 0;
}

static bool lru_ask(struct lru *l, uint32_t id, uint64_t size)
{
	uint32_t at = id + 1;
	bool hit = l->items[at].size != 0;
	if (hit)
		lru_out(l, at);
	while (l->size + size > l->capacity && l->oldest)
		lru_out(l, l->oldest);
	l->items[at] = (struct lru_item){.older = l->newest, .size = size};
	*(l->newest ? &l->items[l->newest].newer : &l->oldest) = at;
	l->newest = at;
	l->size += size;
	return hit;
}

/* ---- ours ---- */

static void wake(void *arg, unsigned thread)
{
	(void)arg, (void)thread;
}

static struct cache_memory *tier_new(uint64_t size)
{
	struct cache_memory_options o = {
		.size = size, .object_max = size / OBJECT_PART, .wake = wake};
	struct cache_memory *m;
	if (cache_memory_new(&o, &m))
		fail("no memory");
	return m;
}

static const uint8_t zeros[SIZE_MAX_OF_ONE];

static void tier_put(struct cache_memory *m, const struct cache_look *look, uint64_t since,
		     uint32_t size)
{
	static const struct cache_policy policy = {.lifetime_max_s = CACHE_SECONDS_NONE};
	struct cache_body *b = cache_body_new();
	for (uint64_t left = size; b && left;) {
		size_t n = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);
		if (cache_body_add(b, span_of(zeros, n), left))
			fail("no memory");
		left -= n;
	}
	if (b)
		cache_body_end(b);
	const struct cache_object_parts parts = {.status = 200,
						 .key = look->key,
						 .space = look->space,
						 .policy = &policy,
						 .response_s = 1,
						 .request_s = 1,
						 .body = b};
	struct cache_object *o = b ? cache_object_new(&parts) : NULL;
	if (!o || cache_memory_put(m, o, since, 1))
		fail("it is not kept");
	cache_object_unref(o);
	cache_body_unref(b);
}

static bool tier_ask(struct cache_memory *m, uint32_t id, uint32_t size)
{
	char key[32];
	int n = snprintf(key, sizeof(key), "http://a/%010u", id);
	const struct cache_look look = {.key = span_of(key, (size_t)n), .space = span_text("a")};
	struct cache_found found;
	cache_memory_find(m, &look, 1, &found);
	bool hit = found.object != NULL;
	cache_object_unref(found.object);
	if (!hit)
		tier_put(m, &look, found.since, size);
	return hit;
}

/* What an object takes besides its body: an LRU pays it too. */
static uint64_t extra(void)
{
	struct cache_memory *m = tier_new(1 << 20);
	struct cache_sums sums;
	(void)tier_ask(m, 1, 1);
	cache_memory_sums(m, &sums);
	cache_memory_free(m);
	return sums.bytes - 1;
}

/* ---- both ---- */

struct misses {
	uint64_t requests, bytes;
};

/* The ratio of our misses to LRU's. */
static double run(const char *name, const struct trace *t, uint64_t size)
{
	struct cache_memory *m = tier_new(size);
	struct lru l = {.capacity = size, .items = calloc(t->ids + 1, sizeof(*l.items))};
	struct misses ours = {0}, lru = {0};
	uint64_t asked = 0, first = 0, more = extra();
	bool *seen = calloc(t->ids, sizeof(*seen));
	if (!l.items || !seen)
		fail("no memory");
	for (size_t i = 0; i < t->n; i++) {
		struct request r = t->at[i];
		if (r.size > size / OBJECT_PART)
			continue; /* neither takes it */
		asked++;
		first += !seen[r.id];
		seen[r.id] = true;
		bool hit = lru_ask(&l, r.id, r.size + more);
		lru.requests += !hit;
		lru.bytes += hit ? 0 : r.size;
		hit = tier_ask(m, r.id, r.size);
		ours.requests += !hit;
		ours.bytes += hit ? 0 : r.size;
	}
	double ratio = (double)ours.requests / (double)lru.requests;
	/* Nobody answers what was never asked for before. */
	uint64_t most = lru.requests - first;
	double avoidable = most ? (double)(ours.requests - first) / (double)most : 1;
	printf("| %s | %.0f MB | %.1f %% | %.1f %% | **%.3f** | %.3f | %.3f |\n", name,
	       (double)size / 1e6, 100 - 100.0 * (double)lru.requests / (double)asked,
	       100 - 100.0 * (double)ours.requests / (double)asked, ratio,
	       (double)ours.bytes / (double)lru.bytes, avoidable);
	(void)fflush(stdout);
	cache_memory_free(m);
	free(l.items);
	free(seen);
	return ratio;
}

static void head(void)
{
	printf("| trace | cache | hits of LRU | hits | misses to LRU's | bytes missed | misses but "
	       "first "
	       "requests |\n|---|---|---|---|---|---|---|\n");
}

static int generated(void)
{
	static const struct kind kinds[] = {
		{"Zipf 0.8", 0.8, 0, 0, 0},
		{"Zipf 0.8, 30 % asked for once", 0.8, 0.3, 0, 0},
		{"Zipf 1.0, 10 % asked for once", 1.0, 0.1, 0, 0},
		{"Zipf 1.0, scans of 10000 in 50000", 1.0, 0, 50000, 10000},
		{"Zipf 1.0, 20 % once, scans of 10000 in 50000", 1.0, 0.2, 50000, 10000},
		{"Zipf 1.2, 20 % once, scans of 10000 in 50000", 1.2, 0.2, 50000, 10000},
	};
	double sum = 0, worst = 0, popular = 0;
	size_t n = 0;
	head();
	for (uint32_t i = 0; i < POPULAR; i++)
		popular += size_of(i) + (double)extra();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct trace t;
		generate(&kinds[i], &t);
		for (size_t k = 0; k < SIZES; k++) {
			double ratio = run(kinds[i].name, &t, (uint64_t)(popular * cache_parts[k]));
			worst = ratio > worst ? ratio : worst;
			sum += ratio;
			n++;
		}
		free(t.at);
	}
	printf("\nmisses to LRU's: %.3f on average, %.3f at worst (asked: 0.9)\n", sum / (double)n,
	       worst);
	return 0;
}

/* ---- a file ---- */

struct name {
	uint32_t number, size;
	size_t len;
	char text[];
};

static bool name_is(const void *record, const void *key, size_t key_len)
{
	const struct name *n = record;
	return n->len == key_len && memcmp(n->text, key, key_len) == 0;
}

/* The thing of that name; of one that is new the size is the one that stands there. */
static const struct name *name_of(struct table *names, struct span text, uint32_t size)
{
	uint32_t hash = table_hash(names, text);
	struct name *n = table_find(names, hash, text.data, text.len);
	if (n)
		return n;
	n = malloc(sizeof(*n) + text.len);
	if (!n)
		fail("no memory");
	*n = (struct name){(uint32_t)table_used(names), size ? size : 1, text.len};
	memcpy(n->text, text.data, text.len);
	if (table_insert(names, hash, n->text, n->len, n))
		fail("no memory");
	return n;
}

static void read_file(const char *path, struct trace *t)
{
	char id[ID_MAX];
	unsigned long long size;
	struct table names;
	FILE *f = fopen(path, "r");
	if (!f)
		fail("the file cannot be read");
	table_init(&names, (struct hash_key){0}, TABLE_RECORDS_MAX, name_is);
	*t = (struct trace){0};
	while (fscanf(f, "%8191s %llu", id, &size) == 2) {
		uint32_t most = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
		const struct name *n = name_of(&names, span_text(id), most);
		trace_add(t, n->number, n->size);
	}
	(void)fclose(f);
	struct name *n;
	for (size_t at = 0; (n = table_next(&names, &at));)
		free(n);
	table_done(&names);
}

int main(int argc, char **argv)
{
	struct trace t;
	if (argc < 2)
		return generated();
	if (argc < 3)
		fail("after the file: the bytes of caches");
	read_file(argv[1], &t);
	head();
	for (int i = 2; i < argc; i++)
		(void)run(argv[1], &t, strtoull(argv[i], NULL, 10));
	free(t.at);
	return 0;
}
