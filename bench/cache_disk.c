/* The cache's disk with very many objects: how fast they are written, how long the start takes
 *then, what the index takes of memory, and how long an object is on its way from the disk. "Cold":
 *the kernel was told to forget the file.
 *
 *	cache_disk FILE [OBJECTS [BODY]]
 */
#include "base/writer.h"
#include "http-cache/disk/disk.h"
#include "os/clock.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STARTS = 5, LOADS = 20000, WAITING_MAX = 2000 };

static void wake(void *arg, unsigned thread)
{
	(void)arg, (void)thread;
}

static _Noreturn void give_up(const char *what, enum err e)
{
	(void)fprintf(stderr, "cache_disk: %s: %s\n", what, err_text(e));
	exit(1);
}

struct tiers {
	struct cache_disk *disk;
	struct cache_memory *memory;
};

static struct tiers tiers_open(const char *path, uint64_t size, size_t memory, uint64_t *ret_us,
			       uint64_t *ret_cpu_us)
{
	struct tiers t = {0};
	enum cache_disk_found found;
	const struct cache_disk_options o = {.path = path,
					     .size = size,
					     .object_max = 256 * 1024,
					     .queue_max = 64 << 20,
					     .key = {3, 5}};
	uint64_t began_us = clock_monotonic_us();
	*ret_cpu_us = clock_cpu_us();
	enum err e = cache_disk_open(&o, &found, &t.disk);
	*ret_us = clock_monotonic_us() - began_us;
	*ret_cpu_us = clock_cpu_us() - *ret_cpu_us;
	if (e)
		give_up(path, e);
	const struct cache_memory_options m = {.size = memory,
					       .object_max = 256 * 1024,
					       .key = cache_disk_key(t.disk),
					       .disk = t.disk,
					       .wake = wake};
	e = cache_memory_new(&m, &t.memory);
	if (!e)
		e = cache_disk_start(t.disk, t.memory);
	if (e)
		give_up("start", e);
	return t;
}

static void tiers_close(struct tiers *t)
{
	cache_disk_stop(t->disk);
	cache_memory_free(t->memory);
	cache_disk_free(t->disk);
}

static struct span key_of(char room[64], unsigned i)
{
	(void)snprintf(room, 64, "https://www.example.org/folder/%08u.html", i);
	return span_text(room);
}

static void put(struct tiers *t, unsigned i, struct span body)
{
	char room[64];
	const struct http_field fields[] = {
		{span_text("cache-control"), span_text("max-age=86400"),
		 http_field_id(span_text("cache-control"))},
		{span_text("content-type"), span_text("text/html"),
		 http_field_id(span_text("content-type"))},
		{span_text("etag"), span_text("\"0123456789abcdef\""),
		 http_field_id(span_text("etag"))},
	};
	const struct cache_policy policy = {.lifetime_max_s = CACHE_SECONDS_NONE};
	struct cache_body *b = cache_body_new();
	err_ignore(cache_body_add(b, body, body.len));
	const struct cache_object_parts parts = {.status = 200,
						 .key = key_of(room, i),
						 .space = span_text("web"),
						 .fields = {.at = fields, .n = 3},
						 .policy = &policy,
						 .request_s = clock_wall_s(),
						 .response_s = clock_wall_s(),
						 .body = b};
	struct cache_object *o = cache_object_new(&parts);
	const struct cache_look look = {.key = parts.key, .space = parts.space};
	struct cache_found f;
	cache_memory_find(t->memory, &look, clock_wall_ms(), &f);
	cache_object_unref(f.object);
	err_ignore(cache_memory_put(t->memory, o, f.since, clock_wall_ms()));
	cache_object_unref(o);
	cache_body_unref(b);
}

static void fill(struct tiers *t, unsigned objects, size_t body_len)
{
	uint8_t *body = malloc(body_len + 1);
	struct cache_disk_sums s;
	memset(body, 'x', body_len + 1);
	uint64_t began_us = clock_monotonic_us();
	for (unsigned i = 0; i < objects; i++) {
		put(t, i, span_of(body, body_len));
		if (i % 512)
			continue;
		do {
			cache_disk_sums(t->disk, &s);
		} while (s.waiting > WAITING_MAX && !sched_yield());
	}
	do {
		cache_disk_sums(t->disk, &s);
	} while (s.waiting && !sched_yield());
	double took = (double)(clock_monotonic_us() - began_us) / 1e6;
	(void)printf("written: %llu objects, %.0f MB, in %.1f s: %.0f objects and %.0f MB a "
		     "second; %llu not written, %llu errors\n",
		     (unsigned long long)s.objects, (double)s.bytes / 1e6, took,
		     (double)s.writes / took, (double)s.written_bytes / 1e6 / took,
		     (unsigned long long)s.dropped, (unsigned long long)s.write_errors);
	free(body);
}

static void forget(const char *path)
{
	AUTO_DONE(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)fsync(fd);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void load(struct tiers *t, unsigned objects, size_t body_len)
{
	uint64_t random = 88172645463325252, began_us = clock_monotonic_us();
	unsigned found = 0;
	for (int i = 0; i < LOADS; i++) {
		char room[64];
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		struct cache_look look = {.key = key_of(room, (unsigned)(random % objects)),
					  .space = span_text("web")};
		struct cache_found f;
		cache_memory_find(t->memory, &look, clock_wall_ms(), &f);
		if (!f.object && f.below) {
			bool leads;
			look.landed = f.landed;
			struct cache_flight *flight =
				cache_memory_load(t->memory, &look, f.since, 0, &leads);
			while (flight && cache_flight_flies(flight))
				(void)sched_yield();
			cache_flight_unref(flight);
			cache_memory_find(t->memory, &look, clock_wall_ms(), &f);
		}
		found += f.object && f.object->body->len == body_len;
		cache_object_unref(f.object);
	}
	(void)printf("read, one after another: %u of %d, %.1f us each\n", found, LOADS,
		     (double)(clock_monotonic_us() - began_us) / LOADS);
	if (found != LOADS)
		give_up("read", ERR_ABSENT);
}

int main(int argc, char **argv)
{
	unsigned objects = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000;
	size_t body_len = argc > 3 ? strtoul(argv[3], NULL, 10) : 1024;
	uint64_t us, cpu_us, each = body_len + 1024 < 2600 ? 2600 : body_len + 1024;
	uint64_t size = objects * each * 5 / 4 + (64 << 20);
	struct rusage usage;
	struct cache_disk_sums s;
	if (argc < 2)
		return 2;
	(void)unlink(argv[1]);
	struct tiers t = tiers_open(argv[1], size, 64 << 20, &us, &cpu_us);
	(void)printf("a new file of %.1f GB: %.3f s\n", (double)size / 1e9, (double)us / 1e6);
	fill(&t, objects, body_len);
	tiers_close(&t);
	for (int i = 0; i < STARTS; i++) {
		bool cold = i >= STARTS / 2;
		if (cold)
			forget(argv[1]);
		t = tiers_open(argv[1], size, 64 << 20, &us, &cpu_us);
		cache_disk_sums(t.disk, &s);
		(void)getrusage(RUSAGE_SELF, &usage);
		(void)printf("start, %s: %.3f s (%.3f s of the processor), %llu objects, index "
			     "%.1f MB: %.1f octets an object\n",
			     cold ? "cold" : "warm", (double)us / 1e6, (double)cpu_us / 1e6,
			     (unsigned long long)s.objects, (double)s.memory / 1e6,
			     (double)s.memory / (double)s.objects);
		if (i + 1 < STARTS)
			tiers_close(&t);
	}
	load(&t, objects, body_len);
	tiers_close(&t);
	(void)printf("most memory: %.0f MB\n", (double)usage.ru_maxrss / 1024);
	(void)unlink(argv[1]);
	return 0;
}
