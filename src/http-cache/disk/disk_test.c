/* This program runs with threads: those of the tier. */
#include "http-cache/disk/disk.h"

#include "http-cache/disk/layout.h"
#include "http-cache/disk/names.h"
#include "http-cache/disk/site_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FRESH "Cache-Control: max-age=60\n"

static void an_object_is_there_after_a_restart_as_it_was(void **state)
{
	static const size_t lens[] = {0,     1, 500, DISK_BLOCK - 1, DISK_BLOCK, DISK_BLOCK + 1,
				      200000};
	char key[64];
	struct site s = site_open(SITE_SIZE);
	(void)state;
	assert_int_equal(s.found, CACHE_DISK_NEW);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		(void)snprintf(key, sizeof(key), "http://a.example/%zu", lens[i]);
		site_put(&s, key, "", FRESH "ETag: \"x\"\nSurrogate-Key: one two\nX-A: b\n",
			 lens[i]);
	}
	site_settle(&s);
	assert_int_equal(site_sums(&s).objects, 7);
	assert_int_equal(site_sums(&s).writes, 7);
	site_close(&s);
	s = site_open(SITE_SIZE);
	assert_int_equal(s.found, CACHE_DISK_KEPT);
	assert_int_equal(site_sums(&s).objects, 7);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		(void)snprintf(key, sizeof(key), "http://a.example/%zu", lens[i]);
		struct cache_object *o = site_find(&s, key, "");
		assert_non_null(o);
		site_is_whole(o, key);
		assert_int_equal(o->body->len, lens[i]);
		assert_int_equal(o->meta.status, 200);
		assert_int_equal(o->meta.lifetime_s, 60);
		assert_int_equal(o->meta.response_s, TEST_NOW_S);
		assert_true(span_is(o->meta.etag, "\"x\""));
		assert_true(cache_object_has_tag(o, span_text("two")));
		assert_non_null(cache_field_named(cache_object_fields(o), span_text("x-a")));
		cache_object_unref(o);
	}
	assert_int_equal(site_sums(&s).reads, 7);
	assert_false(site_has(&s, "http://a.example/other"));
	site_close(&s);
}

static void variants_are_told_apart_and_the_newer_one_stands(void **state)
{
	struct site s = site_open(SITE_SIZE);
	(void)state;
	site_put(&s, "http://v/", "Accept-Language: ko\n", FRESH "Vary: Accept-Language\n", 10);
	site_put(&s, "http://v/", "Accept-Language: en\n", FRESH "Vary: Accept-Language\n", 20);
	site_put(&s, "http://v/", "Accept-Language: en\n", FRESH "Vary: Accept-Language\n", 30);
	site_settle(&s);
	assert_int_equal(site_sums(&s).objects, 2);
	site_close(&s);
	s = site_open(SITE_SIZE);
	assert_int_equal(site_sums(&s).objects, 2);
	struct cache_object *en = site_find(&s, "http://v/", "Accept-Language: en\n");
	struct cache_object *ko = site_find(&s, "http://v/", "Accept-Language: ko\n");
	assert_int_equal(en->body->len, 30);
	assert_int_equal(ko->body->len, 10);
	assert_null(site_find(&s, "http://v/", "Accept-Language: fr\n"));
	cache_object_unref(en);
	cache_object_unref(ko);
	site_close(&s);
}

/* A stranger who asks for what no variant is of has none of them read. */
static void only_the_variant_that_is_asked_for_is_read(void **state)
{
	struct site s = site_open(SITE_SIZE);
	char asks[64];
	(void)state;
	for (int i = 0; i < 5; i++) {
		(void)snprintf(asks, sizeof(asks), "Accept: %d\n", i);
		site_put(&s, "http://v/", asks, FRESH "Vary: Accept\n", 1000);
		(void)snprintf(asks, sizeof(asks), "X-A: %d\n", i);
		site_put(&s, "http://v/", asks, FRESH "Vary: X-A, X-B\n", 2000);
	}
	site_settle(&s);
	site_close(&s);
	s = site_open(SITE_SIZE);
	for (int i = 100; i < 120; i++) {
		(void)snprintf(asks, sizeof(asks), "Accept: %d\nX-A: %d\n", i, i);
		assert_null(site_find(&s, "http://v/", asks));
		assert_int_equal(site_sums(&s).reads, 0);
	}
	for (unsigned i = 0; i < 5; i++) {
		(void)snprintf(asks, sizeof(asks), "Accept: %u\nX-A: 9\n", i);
		struct cache_object *o = site_find(&s, "http://v/", asks);
		assert_int_equal(o->body->len, 1000);
		cache_object_unref(o);
		assert_int_equal(site_sums(&s).reads, 2 * i + 1);
		(void)snprintf(asks, sizeof(asks), "Accept: 9\nX-A: %u\n", i);
		o = site_find(&s, "http://v/", asks);
		assert_int_equal(o->body->len, 2000);
		cache_object_unref(o);
		assert_int_equal(site_sums(&s).reads, 2 * i + 2);
	}
	site_close(&s);
}

/* More texts of Vary than are remembered: then all that might match are read. */
static void what_vary_says_too_much_of_is_found_all_the_same(void **state)
{
	struct site s = site_open(SITE_SIZE);
	char response[128], key[32];
	(void)state;
	for (int i = 0; i < DISK_NAMES_MAX + 20; i++) {
		(void)snprintf(key, sizeof(key), "http://v/%d", i);
		(void)snprintf(response, sizeof(response), FRESH "Vary: X-%d\n", i);
		site_put(&s, key, "", response, 10);
		site_put(&s, key, "Accept: x\n", FRESH "Vary: Accept\n", 20);
	}
	site_settle(&s);
	site_close(&s);
	s = site_open(SITE_SIZE);
	for (int i = 0; i < DISK_NAMES_MAX + 20; i++) {
		(void)snprintf(key, sizeof(key), "http://v/%d", i);
		struct cache_object *o = site_find(&s, key, "Accept: y\n");
		assert_non_null(o);
		assert_int_equal(o->body->len, 10);
		cache_object_unref(o);
	}
	site_close(&s);
}

/* What was purged is not there, now and after a restart; the others are. */
static void purge(enum cache_purge what, const char *value, size_t left)
{
	static const char *const keys[] = {"http://p/a", "http://p/b", "http://q/a"};
	struct site s = site_open(SITE_SIZE);
	site_put(&s, keys[0], "", FRESH "Cache-Tag: x,y\n", 100);
	site_put(&s, keys[1], "", FRESH, 100);
	site_put(&s, keys[2], "", FRESH "Cache-Tag: y\n", 70000);
	site_settle(&s);
	site_close(&s);
	for (int round = 0; round < 3; round++) {
		size_t n = 0;
		s = site_open(SITE_SIZE);
		if (round == 0)
			(void)cache_memory_purge(s.memory, what, span_text(value));
		if (round == 0)
			assert_true(cache_disk_flush(s.disk, 60000));
		for (size_t i = 0; i < 3; i++)
			n += site_has(&s, keys[i]);
		assert_int_equal(n, left);
		if (round == 1)
			site_settle(&s);
		site_close(&s);
	}
}

static void what_is_purged_stays_so(void **state)
{
	(void)state;
	purge(CACHE_PURGE_KEY, "http://p/a", 2);
	purge(CACHE_PURGE_PREFIX, "http://p/", 1);
	purge(CACHE_PURGE_PREFIX, "http://none/", 3);
	purge(CACHE_PURGE_TAG, "x", 2);
	purge(CACHE_PURGE_TAG, "y", 1);
	purge(CACHE_PURGE_ALL, "", 0);
}

static void too_many_rules_purge_everything(void **state)
{
	struct site s = site_open(SITE_SIZE);
	char value[8192 + 64];
	(void)state;
	site_put(&s, "http://r/a", "", FRESH, 100);
	site_settle(&s);
	site_close(&s);
	s = site_open(SITE_SIZE);
	memset(value, 'x', sizeof(value));
	(void)cache_memory_purge(s.memory, CACHE_PURGE_PREFIX, span_of(value, sizeof(value)));
	assert_false(site_has(&s, "http://r/a"));
	site_settle(&s);
	site_close(&s);
	s = site_open(SITE_SIZE);
	assert_false(site_has(&s, "http://r/a"));
	site_close(&s);
}

static void old_ones_go_and_those_that_are_asked_for_stay(void **state)
{
	char key[64];
	size_t hot = 0, cold = 0;
	struct site s = site_open(SITE_SIZE);
	(void)state;
	/* Five times what the disk takes; each tenth is asked for from time to time. */
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "http://e/%d", i);
		site_put(&s, key, "", FRESH, 50000);
		if (i % 20 == 0)
			site_settle(&s);
		for (int k = 0; k < 200 && k < i && i % 20 == 0; k += 10) {
			(void)snprintf(key, sizeof(key), "http://e/%d", k);
			(void)site_has(&s, key);
		}
	}
	site_settle(&s);
	struct cache_disk_sums sums = site_sums(&s);
	assert_true(sums.evicted > 500 && sums.moves > 0);
	assert_true(sums.bytes <= SITE_SIZE && sums.objects < 220);
	assert_int_equal(sums.write_errors + sums.read_errors + sums.torn, 0);
	site_close(&s);
	s = site_open(SITE_SIZE);
	assert_int_equal(site_sums(&s).objects, sums.objects);
	for (int i = 0; i < 800; i++) {
		(void)snprintf(key, sizeof(key), "http://e/%d", i);
		bool has = site_has(&s, key);
		hot += has && i < 200 && i % 10 == 0;
		cold += has && (i >= 200 || i % 10);
	}
	if (hot < 15 || cold > 150)
		fail_msg("%zu of 20 hot ones are there, %zu cold ones", hot, cold);
	site_close(&s);
}

static void another_process_is_refused(void **state)
{
	struct site s = site_open(SITE_SIZE);
	struct cache_disk *other = NULL;
	enum cache_disk_found found;
	struct cache_disk_options o = site_options(SITE_SIZE);
	(void)state;
	assert_int_equal(cache_disk_open(&o, &found, &other), ERR_EXISTS);
	o.size = 1 << 20;
	assert_int_equal(cache_disk_open(&o, &found, &other), ERR_LIMIT);
	o = site_options(SITE_SIZE);
	o.path = "/nowhere/cache";
	assert_int_equal(cache_disk_open(&o, &found, &other), ENOENT);
	site_close(&s);
}

/* A full or broken disk, as far as a test can have one: no byte can be written behind `most`. */
static void writes_end_at(rlim_t most)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_cannot_be_written_is_in_memory_only(void **state)
{
	struct cache_disk *none = NULL;
	enum cache_disk_found found;
	const struct cache_disk_options o = site_options(SITE_SIZE);
	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	writes_end_at(1 << 20);
	assert_int_equal(cache_disk_open(&o, &found, &none), EFBIG);
	assert_null(none);
	writes_end_at(RLIM_INFINITY);
	struct site s = site_open(SITE_SIZE);
	site_put(&s, "http://w/before", "", FRESH, 1000);
	site_settle(&s);
	writes_end_at(DISK_SEGMENTS_AT);
	site_put(&s, "http://w/fails", "", FRESH, 1000);
	while (!site_sums(&s).write_errors)
		(void)sched_yield();
	/* From then on it is left alone for a while. */
	site_put(&s, "http://w/rests", "", FRESH, 1000);
	struct cache_disk_sums sums = site_sums(&s);
	assert_int_equal(sums.last, EFBIG);
	assert_int_equal(sums.dropped, 1);
	assert_int_equal(sums.objects, 1);
	assert_true(site_has(&s, "http://w/before") && site_has(&s, "http://w/fails") &&
		    site_has(&s, "http://w/rests"));
	/* A purge that cannot be written down says so. */
	(void)cache_memory_purge(s.memory, CACHE_PURGE_KEY, span_text("http://w/before"));
	assert_false(cache_disk_flush(s.disk, 60000));
	assert_false(site_has(&s, "http://w/before"));
	writes_end_at(RLIM_INFINITY);
	/* It is tried again. */
	while (!cache_disk_flush(s.disk, 60000))
		(void)sched_yield();
	site_close(&s);
	s = site_open(SITE_SIZE);
	assert_int_equal(s.found, CACHE_DISK_KEPT);
	assert_int_equal(site_sums(&s).objects, 0);
	site_close(&s);
}

static void patch(uint64_t at, const void *bytes, size_t len)
{
	int fd = open(site_path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, bytes, len, (off_t)at), (ssize_t)len);
	(void)close(fd);
}

static void fetch(uint64_t at, void *bytes, size_t len)
{
	int fd = open(site_path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, bytes, len, (off_t)at), (ssize_t)len);
	(void)close(fd);
}

static void another_version_is_emptied_and_so_is_what_nobody_wrote(void **state)
{
	static const struct {
		uint64_t at;
		uint8_t value;
		enum cache_disk_found found;
	} cases[] = {{11, DISK_VERSION + 1, CACHE_DISK_VERSION},
		     {0, 'X', CACHE_DISK_DAMAGED},
		     {40, 0x55, CACHE_DISK_DAMAGED}};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct site s = site_open(SITE_SIZE);
		site_put(&s, "http://x/", "", FRESH, 10);
		site_settle(&s);
		site_close(&s);
		patch(cases[i].at, &cases[i].value, 1);
		s = site_open(SITE_SIZE);
		assert_int_equal(s.found, cases[i].found);
		assert_int_equal(site_sums(&s).objects, 0);
		site_close(&s);
	}
	struct site s = site_open(SITE_SIZE * 2);
	assert_int_equal(s.found, CACHE_DISK_NEW);
	site_close(&s);
}

/* ---- torn ---- */

/* Two objects in a new file: the second is where the cuts are made. */
static struct disk_shape two_objects(uint32_t *ret_segment, uint64_t *ret_at, size_t *ret_len)
{
	struct disk_shape shape;
	uint8_t page[DISK_PAGE], entry[DISK_ENTRY_LEN];
	struct disk_entry e = {0};
	struct hash_key key;
	uint64_t seq;
	enum disk_queue queue;
	assert_true(disk_shape_of(SITE_SIZE, 600 * 1024, &shape));
	(void)unlink(site_path);
	struct site s = site_open(SITE_SIZE);
	site_put(&s, "http://torn/first", "", FRESH, 300);
	site_settle(&s);
	site_put(&s, "http://torn/second", "", FRESH "ETag: \"e\"\n", 300);
	site_settle(&s);
	site_close(&s);
	fetch(0, page, sizeof(page));
	assert_int_equal(disk_volume_read(page, &shape, &key), OK);
	*ret_segment = 0;
	fetch(disk_segment_at(&shape, 0), page, sizeof(page));
	assert_true(disk_segment_read(key, page, &seq, &queue));
	fetch(disk_entry_at(&shape, 0, 1), entry, sizeof(entry));
	assert_true(disk_entry_read(key, seq, &shape, entry, &e));
	*ret_at = disk_segment_at(&shape, 0) + (uint64_t)e.at * DISK_UNIT;
	*ret_len = (size_t)e.len * DISK_UNIT;
	return shape;
}

static bool second_is_there(void)
{
	struct site s = site_open(SITE_SIZE);
	assert_int_equal(s.found, CACHE_DISK_KEPT);
	assert_true(site_has(&s, "http://torn/first"));
	bool has = site_has(&s, "http://torn/second");
	site_close(&s);
	return has;
}

static void a_write_that_ends_at_any_byte_is_never_served(void **state)
{
	uint32_t segment;
	uint64_t at;
	size_t len;
	uint8_t record[2048], entry[DISK_ENTRY_LEN];
	static const uint8_t none[2048];
	(void)state;
	const struct disk_shape shape = two_objects(&segment, &at, &len);
	uint64_t entry_at = disk_entry_at(&shape, segment, 1);
	assert_true(len <= sizeof(record));
	fetch(at, record, len);
	fetch(entry_at, entry, sizeof(entry));
	/* As it is written: the record, then its entry. */
	patch(entry_at, none, sizeof(entry));
	for (size_t n = 0; n <= len; n += 61) {
		patch(at, none, len);
		patch(at, record, n);
		assert_false(second_is_there());
	}
	patch(at, record, len);
	for (size_t n = 0; n <= sizeof(entry); n++) {
		patch(entry_at, none, sizeof(entry));
		patch(entry_at, entry, n);
		assert_int_equal(second_is_there(), n == sizeof(entry));
	}
	/* As a loss of power may leave it: the entry is there, of the record a part. What lies
	 * behind the last check is filling. */
	for (size_t n = 0; n < len; n++) {
		static const uint8_t old[2048] = {[0 ... 2047] = 0xa5};
		patch(entry_at, entry, sizeof(entry));
		patch(at, old, len);
		patch(at, record, n);
		patch(disk_dead_at(&shape, segment), none, 1);
		if (second_is_there())
			assert_true(n + DISK_UNIT > len);
	}
}

static void a_byte_that_changed_is_never_served(void **state)
{
	uint32_t segment;
	uint64_t at;
	size_t len;
	uint8_t record[2048], entry[DISK_ENTRY_LEN];
	static const uint8_t none[1];
	(void)state;
	const struct disk_shape shape = two_objects(&segment, &at, &len);
	uint64_t entry_at = disk_entry_at(&shape, segment, 1);
	fetch(at, record, len);
	fetch(entry_at, entry, sizeof(entry));
	for (size_t i = 0; i < len; i++) {
		uint8_t other = record[i] ^ (uint8_t)(1 << i % 8);
		patch(at + i, &other, 1);
		bool has = second_is_there();
		patch(at + i, &record[i], 1);
		patch(disk_dead_at(&shape, segment), none, 1);
		if (has)
			assert_true(i + DISK_UNIT > len);
	}
	for (size_t i = 0; i < sizeof(entry); i++) {
		uint8_t other = entry[i] ^ (uint8_t)(1 << i % 8);
		patch(entry_at + i, &other, 1);
		assert_false(second_is_there());
		patch(entry_at + i, &entry[i], 1);
	}
	assert_true(second_is_there());
}

static void what_an_earlier_use_of_the_place_left_is_nobodys(void **state)
{
	uint32_t segment;
	uint64_t at;
	size_t len;
	uint8_t page[DISK_PAGE];
	struct hash_key key;
	(void)state;
	struct disk_shape shape = two_objects(&segment, &at, &len);
	fetch(0, page, sizeof(page));
	assert_int_equal(disk_volume_read(page, &shape, &key), OK);
	disk_segment_write(key, 77, DISK_SMALL, page);
	patch(disk_segment_at(&shape, segment), page, sizeof(page));
	struct site s = site_open(SITE_SIZE);
	assert_int_equal(site_sums(&s).objects, 0);
	site_close(&s);
}

/* What a segment was, though it is free, no other one is again. */
static void a_number_is_never_given_twice(void **state)
{
	enum { FREE = 5, SEQ = 500 };
	uint32_t segment;
	uint64_t at, seq, most = 0;
	size_t len;
	uint8_t page[DISK_PAGE], entry[DISK_ENTRY_LEN];
	enum disk_queue queue;
	struct disk_entry e;
	struct hash_key key;
	(void)state;
	struct disk_shape shape = two_objects(&segment, &at, &len);
	fetch(0, page, sizeof(page));
	assert_int_equal(disk_volume_read(page, &shape, &key), OK);
	disk_segment_write(key, SEQ, DISK_NEITHER, page);
	patch(disk_segment_at(&shape, FREE), page, sizeof(page));
	struct site s = site_open(SITE_SIZE);
	assert_int_equal(site_sums(&s).objects, 2);
	site_put(&s, "http://new/", "", FRESH, 100);
	site_settle(&s);
	site_close(&s);
	for (uint32_t i = 0; i < shape.segments; i++) {
		fetch(disk_segment_at(&shape, i), page, sizeof(page));
		if (!disk_segment_read(key, page, &seq, &queue) || queue == DISK_NEITHER ||
		    seq < most)
			continue;
		most = seq;
		fetch(disk_entry_at(&shape, i, 0), entry, sizeof(entry));
	}
	assert_int_equal(most, SEQ + 1);
	assert_true(disk_entry_read(key, most, &shape, entry, &e));
	assert_true(e.order > (uint64_t)SEQ << DISK_SLOTS_BITS);
}

/* ---- several at once ---- */

struct user {
	struct site *site;
	unsigned number;
	unsigned found;
};

static void *use(void *arg)
{
	struct user *u = arg;
	uint32_t random = u->number * 2654435761u + 1;
	for (int i = 0; i < 600; i++) {
		char key[64];
		random = random * 1664525u + 1013904223u;
		(void)snprintf(key, sizeof(key), "http://u/%u", random >> 24);
		unsigned what = random >> 8 & 31;
		if (what == 0)
			(void)cache_memory_purge(u->site->memory, CACHE_PURGE_KEY, span_text(key));
		else if (what == 1 && i % 50 == 0)
			(void)cache_memory_purge(u->site->memory, CACHE_PURGE_PREFIX,
						 span_text("http://u/1"));
		else if (site_has(u->site, key))
			u->found++;
		else {
			struct cache_object *o =
				site_object(key, "", FRESH, 20000 + (random & 0xffff));
			const struct cache_look look = {.key = span_text(key),
							.space = span_text("web")};
			struct cache_found f;
			cache_memory_find(u->site->memory, &look, TEST_NOW_S * 1000, &f);
			cache_object_unref(f.object);
			err_ignore(
				cache_memory_put(u->site->memory, o, f.since, TEST_NOW_S * 1000));
			cache_object_unref(o);
		}
	}
	return NULL;
}

static void several_use_it_at_once(void **state)
{
	struct site s = site_open(SITE_SIZE);
	struct user users[4];
	pthread_t ids[4];
	unsigned found = 0;
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		users[i] = (struct user){.site = &s, .number = i + 1};
		assert_int_equal(pthread_create(&ids[i], NULL, use, &users[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		(void)pthread_join(ids[i], NULL);
		found += users[i].found;
	}
	site_settle(&s);
	struct cache_disk_sums sums = site_sums(&s);
	assert_true(found > 100 && sums.reads > 0 && sums.writes > 100);
	assert_int_equal(sums.torn + sums.read_errors + sums.write_errors, 0);
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_object_is_there_after_a_restart_as_it_was, site_fresh),
		cmocka_unit_test_setup(variants_are_told_apart_and_the_newer_one_stands,
				       site_fresh),
		cmocka_unit_test_setup(only_the_variant_that_is_asked_for_is_read, site_fresh),
		cmocka_unit_test_setup(what_vary_says_too_much_of_is_found_all_the_same,
				       site_fresh),
		cmocka_unit_test_setup(what_is_purged_stays_so, site_fresh),
		cmocka_unit_test_setup(too_many_rules_purge_everything, site_fresh),
		cmocka_unit_test_setup(old_ones_go_and_those_that_are_asked_for_stay, site_fresh),
		cmocka_unit_test_setup(another_process_is_refused, site_fresh),
		cmocka_unit_test_setup(what_cannot_be_written_is_in_memory_only, site_fresh),
		cmocka_unit_test_setup(another_version_is_emptied_and_so_is_what_nobody_wrote,
				       site_fresh),
		cmocka_unit_test_setup(a_write_that_ends_at_any_byte_is_never_served, site_fresh),
		cmocka_unit_test_setup(a_byte_that_changed_is_never_served, site_fresh),
		cmocka_unit_test_setup(what_an_earlier_use_of_the_place_left_is_nobodys,
				       site_fresh),
		cmocka_unit_test_setup(a_number_is_never_given_twice, site_fresh),
		cmocka_unit_test_setup(several_use_it_at_once, site_fresh),
	};
	return cmocka_run_group_tests_name("http-cache/disk", tests, site_begin, site_end);
}
