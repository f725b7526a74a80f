/* What was forgotten stays so when the process ends at any moment: before the writer came to it,
 * and while it writes. This program runs with threads: those of the tier. */
#include "http-cache/disk/forgotten.h"
#include "http-cache/disk/site_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRESH "Cache-Control: max-age=60\n"

static void *shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	return at;
}

static int fresh(void **state)
{
	site_forgotten = shared(DISK_FORGOTTEN_SIZE);
	return site_fresh(state);
}

static int over(void **state)
{
	if (site_forgotten)
		(void)munmap(site_forgotten, DISK_FORGOTTEN_SIZE);
	site_forgotten = NULL;
	return site_fresh(state);
}

/* ---- before the writer came to it ---- */

enum { A, B, C, OTHER, KEYS };
static const char *const keys[KEYS] = {"http://p/a", "http://p/b", "http://q/c", "http://r/d"};

static void put_all(void)
{
	struct site s = site_open(SITE_SIZE);
	for (int i = 0; i < KEYS; i++)
		site_put(&s, keys[i], "", i < OTHER ? FRESH "Cache-Tag: x\n" : FRESH, 1000);
	site_settle(&s);
	site_close(&s);
}

/* Which of them are there; their bits. */
static unsigned there(void)
{
	unsigned is = 0;
	struct site s = site_open(SITE_SIZE);
	assert_int_equal(s.found, CACHE_DISK_KEPT);
	for (int i = 0; i < KEYS; i++)
		is |= (unsigned)site_has(&s, keys[i]) << i;
	site_settle(&s);
	site_close(&s);
	return is;
}

/* Its writer never ran, and what it would have done nobody does. */
static void kill_after(enum cache_purge what, const char *value)
{
	struct site s = site_open_still(SITE_SIZE);
	(void)cache_memory_purge(s.memory, what, span_text(value));
	site_close(&s);
}

static void what_was_purged_and_not_written_does_not_come_back(void **state)
{
	static const struct {
		enum cache_purge what;
		const char *value;
		unsigned left;
	} cases[] = {
		{CACHE_PURGE_KEY, "http://p/b", 1 << A | 1 << C | 1 << OTHER},
		{CACHE_PURGE_PREFIX, "http://p/", 1 << C | 1 << OTHER},
		{CACHE_PURGE_TAG, "x", 1 << OTHER},
		{CACHE_PURGE_ALL, "", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)fresh(state);
		put_all();
		kill_after(cases[i].what, cases[i].value);
		assert_int_equal(there(), cases[i].left);
		/* The disk knows by now: nothing is noted, and a power that was lost is no matter.
		 */
		const struct disk_forgotten f = {.base = site_forgotten};
		assert_false(disk_forgotten_any(&f));
		memset(site_forgotten, 0, DISK_FORGOTTEN_SIZE);
		assert_int_equal(there(), cases[i].left);
		(void)over(state);
	}
}

/* That is what the memory is for. */
static void without_memory_it_does(void **state)
{
	(void)over(state);
	put_all();
	kill_after(CACHE_PURGE_KEY, keys[B]);
	assert_int_equal(there(), (1 << KEYS) - 1);
}

static void what_another_one_stands_for_does_not_come_back(void **state)
{
	(void)state;
	put_all();
	struct site s = site_open_still(SITE_SIZE);
	site_put(&s, keys[A], "", FRESH, 77);
	site_close(&s);
	assert_int_equal(there(), 1 << B | 1 << C | 1 << OTHER);
}

/* What came after it is meant by a purge of a beginning or a tag, but by no other. */
static void what_came_later_is_kept(void **state)
{
	(void)state;
	put_all();
	kill_after(CACHE_PURGE_ALL, "");
	assert_int_equal(there(), 0);
	put_all();
	assert_int_equal(there(), (1 << KEYS) - 1);
	kill_after(CACHE_PURGE_KEY, keys[C]);
	struct site s = site_open(SITE_SIZE);
	site_put(&s, keys[C], "", FRESH, 55);
	site_settle(&s);
	site_close(&s);
	assert_int_equal(there(), (1 << KEYS) - 1);
}

/* More than is noted: then nothing comes back. */
static void too_many_mean_everything(void **state)
{
	enum { MANY = 300 };
	char key[64];
	(void)state;
	struct site s = site_open(SITE_SIZE);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "http://many/%d", i);
		site_put(&s, key, "", FRESH, 10);
	}
	site_settle(&s);
	site_close(&s);
	put_all();
	s = site_open_still(SITE_SIZE);
	static char longest[CACHE_KEY_MAX];
	memset(longest, 'y', sizeof(longest));
	for (int i = 0; i < MANY; i++) {
		longest[0] = (char)i;
		(void)cache_memory_purge(s.memory, CACHE_PURGE_TAG,
					 span_of(longest, sizeof(longest)));
	}
	(void)cache_memory_purge(s.memory, CACHE_PURGE_KEY, span_text(keys[A]));
	site_close(&s);
	assert_int_equal(there(), 0);
}

/* A write that failed leaves records of which the index knows no more: those of a segment that
 * could not be given up. They stay, and who purges one is obeyed all the same. */
static void what_a_failed_write_left_does_not_come_back(void **state)
{
	enum { MANY = 60 };
	char key[64];
	size_t unknown = 0, left = 0;
	struct rlimit before, none;
	(void)state;
	struct site s = site_open(SITE_SIZE);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "http://many/%d", i);
		site_put(&s, key, "", FRESH, 200000);
		site_settle(&s);
	}
	site_close(&s);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = DISK_SEGMENTS_AT;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	s = site_open(SITE_SIZE);
	uint64_t objects = site_sums(&s).objects;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	site_put(&s, "http://p/new", "", FRESH, 1000);
	while (!site_sums(&s).write_errors)
		(void)sched_yield();
	unknown = (size_t)(objects - site_sums(&s).objects);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "http://many/%d", i);
		(void)cache_memory_purge(s.memory, CACHE_PURGE_KEY, span_text(key));
	}
	site_close(&s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	s = site_open(SITE_SIZE);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "http://many/%d", i);
		left += site_has(&s, key);
	}
	site_close(&s);
	assert_true(unknown > 0);
	assert_int_equal(left, 0);
}

/* ---- while it writes ---- */

enum { NAMES = 96, TRIES = 16, LEN = 30000 };

/* Of each name: which version was put last, and which ones were purged. */
struct seen {
	atomic_uint put[NAMES], purged[NAMES];
	atomic_uint turns;
};

static void name_of(unsigned i, char ret[64])
{
	(void)snprintf(ret, 64, "http://n%u/%u", i % 4, i);
}

/* Until it is killed. A version is the length of its body; who was told of a purge remembers it. */
static void child(struct seen *seen, unsigned seed)
{
	struct site s = site_open(SITE_SIZE);
	char key[64];
	uint32_t random = seed * 2654435761u + 1;
	for (;;) {
		random = random * 1664525u + 1013904223u;
		unsigned i = (random >> 16) % NAMES, what = random >> 8 & 15;
		name_of(i, key);
		unsigned last = atomic_load(&seen->put[i]);
		if (what < 8) {
			atomic_store(&seen->put[i], last + 1);
			site_put(&s, key, "", FRESH, LEN + last + 1);
		} else if (what < 15 || i) {
			(void)cache_memory_purge(s.memory, CACHE_PURGE_KEY, span_text(key));
			atomic_store(&seen->purged[i], last);
		} else {
			(void)cache_memory_purge(s.memory, CACHE_PURGE_PREFIX,
						 span_text("http://n0/"));
			for (unsigned n = 0; n < NAMES; n += 4)
				atomic_store(&seen->purged[n], atomic_load(&seen->put[n]));
		}
		atomic_fetch_add(&seen->turns, 1);
	}
}

static unsigned look(struct seen *seen)
{
	unsigned found = 0;
	char key[64];
	struct site s = site_open(SITE_SIZE);
	for (unsigned i = 0; i < NAMES; i++) {
		name_of(i, key);
		struct cache_object *o = site_find(&s, key, "");
		if (!o)
			continue;
		site_is_whole(o, key);
		unsigned version = (unsigned)o->body->len - LEN;
		if (version <= atomic_load(&seen->purged[i]))
			fail_msg("version %u of %s came back; %u was purged", version, key,
				 atomic_load(&seen->purged[i]));
		found++;
		cache_object_unref(o);
	}
	site_close(&s);
	return found;
}

static void killed_while_it_writes_nothing_comes_back(void **state)
{
	struct seen *seen = shared(sizeof(*seen));
	unsigned found = 0;
	(void)state;
	for (unsigned try = 0; try < TRIES; try++) {
		unsigned before = atomic_load(&seen->turns);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child(seen, try);
		while (atomic_load(&seen->turns) < before + 200 + try * 43)
			usleep(200);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		found += look(seen);
	}
	assert_true(found > TRIES);
	(void)munmap(seen, sizeof(*seen));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_purged_and_not_written_does_not_come_back),
		cmocka_unit_test(without_memory_it_does),
		cmocka_unit_test_setup_teardown(what_another_one_stands_for_does_not_come_back,
						fresh, over),
		cmocka_unit_test_setup_teardown(what_came_later_is_kept, fresh, over),
		cmocka_unit_test_setup_teardown(too_many_mean_everything, fresh, over),
		cmocka_unit_test_setup_teardown(what_a_failed_write_left_does_not_come_back, fresh,
						over),
		cmocka_unit_test_setup_teardown(killed_while_it_writes_nothing_comes_back, fresh,
						over),
	};
	return cmocka_run_group_tests_name("http-cache/disk/kill", tests, site_begin, site_end);
}
