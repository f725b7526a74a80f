#include "store/sqlite_ledger_test.h"

#include "os/user.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "os/child_test.h"

/* ---- kill -9 at any instant ---- */

enum { CRASH_ROUNDS = 200, CRASH_ROUNDS_OF_A_KIND = 10 };

/* Shared with the process that is killed. */
struct crash {
	struct ledger ledger;
	volatile bool in_sync;
};

static struct crash *ours; /* of the process that writes */

/* It only waits, but is as good to be killed in as one that does something. */
static void wait_as_a_sync(void)
{
	enum { SYNC_MOST_US = 600, SYNC_STEP_US = 150 };
	static unsigned took_us;
	ours->in_sync = true;
	took_us = (took_us + SYNC_STEP_US) % SYNC_MOST_US;
	(void)usleep(took_us);
	ours->in_sync = false;
}

_Noreturn static void write_until_killed(struct crash *c, uint64_t seed)
{
	struct test_random r = {.state = seed};
	struct store_config config = {.path = path, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	ours = c;
	files.on_sync = wait_as_a_sync;
	if (store_new(&config, &s) || store_open(s))
		_exit(2);
	for (uint64_t moved = 0;;) {
		struct store_state st;
		commit_to_ledger(s, &c->ledger, &r);
		for (size_t i = test_random_below(&r, 4); i > 0; i--)
			(void)store_tend(s, true);
		store_state(s, &st);
		c->ledger.moved += st.moved - moved;
		moved = st.moved;
	}
}

static void copy_file(const char *from, const char *to)
{
	char *bytes = NULL;
	size_t len;
	assert_int_equal(file_read(from, 1 << 28, &bytes, &len), OK);
	FILE *f = fopen(to, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	free(bytes);
}

/* What lies on the disk while the writer stands still, in the middle of anything. */
static void audit_copy(pid_t pid, const struct ledger *l)
{
	char copy[80], copy_wal[96];
	int status;
	(void)snprintf(copy, sizeof(copy), "%s/copy.sqlite", folder);
	(void)snprintf(copy_wal, sizeof(copy_wal), "%s-wal", copy);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	copy_file(path, copy);
	copy_file(wal_path, copy_wal);
	audit(copy, l);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(unlink(copy), 0);
	assert_int_equal(unlink(copy_wal), 0);
}

/* By commits, so that a busy machine gets as far as another; then some moments more. */
static void wait_for_an_instant(pid_t pid, const struct ledger *l, struct test_random *r)
{
	uint64_t until = l->commits + 1 + test_random_below(r, 40);
	while (l->commits < until) {
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* it ends by us alone */
		(void)usleep(100);
	}
	(void)usleep((useconds_t)test_random_below(r, 2000));
}

static void nothing_acknowledged_is_lost_to_kill_9(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct crash *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(c != MAP_FAILED);
	int in_sync = 0;
	store_free(open_store(path));
	for (int round = 0; round < CRASH_ROUNDS; round++) {
		uint64_t seed = test_random_next(&r);
		c->in_sync = false;
		(void)fflush(NULL);
		pid_t pid = fork();
		if (pid == 0)
			write_until_killed(c, seed);
		wait_for_an_instant(pid, &c->ledger, &r);
		if (round % 10 == 0)
			audit_copy(pid, &c->ledger);
		int status = 0;
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		in_sync += c->in_sync;
		audit(path, &c->ledger);
	}
	const struct ledger *l = &c->ledger;
	printf("%llu commits, %llu moved, %d of %d killed in a sync\n",
	       (unsigned long long)l->commits, (unsigned long long)l->moved, in_sync, CRASH_ROUNDS);
	assert_true(l->commits > CRASH_ROUNDS && l->moved > 1000);
	assert_in_range(in_sync, CRASH_ROUNDS_OF_A_KIND, CRASH_ROUNDS - CRASH_ROUNDS_OF_A_KIND);
	(void)munmap(c, sizeof(*c));
}

/* ---- a full disk ---- */

static int fill_a_small_disk(void)
{
	static char value[STORE_VALUE_MAX];
	static struct store_item items[64];
	static char keys[64][16];
	if (!user_is_root() || unshare(CLONE_NEWNS) < 0)
		return CHILD_SKIPS;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", folder, "tmpfs", 0, "size=24m") < 0)
		return CHILD_SKIPS;
	struct store_config config = {.path = path, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	CHILD_CHECK(!store_new(&config, &s) && !store_open(s));
	enum err e = OK;
	uint64_t good = 0;
	for (int round = 0; !e && round < 1000; round++) {
		for (size_t i = 0; i < 64; i++) {
			(void)snprintf(keys[i], sizeof(keys[i]), "%d %zu", round, i);
			items[i] = (struct store_item){.key = span_text(keys[i]),
						       .value = span_of(value, sizeof(value))};
		}
		e = store_commit(s, items, 64);
		good += e ? 0 : 64;
		(void)store_tend(s, false);
	}
	CHILD_CHECK(e == (enum err)ENOSPC && items[0].result == e && good > 1000);
	struct store_state st;
	store_state(s, &st);
	CHILD_CHECK(!st.connected && st.why == (enum err)ENOSPC && strstr(st.reason, "full"));
	/* That nobody else has written anything does not make it well. */
	size_t told = 0;
	CHILD_CHECK(!store_changes(s, ignore_row, &told));
	store_state(s, &st);
	CHILD_CHECK(!st.connected && st.losses == 1);
	/* It gets well by itself when there is room. */
	CHILD_CHECK(mount(NULL, folder, NULL, MS_REMOUNT, "size=200m") == 0);
	CHILD_CHECK(!store_commit(s, items, 64) && !items[63].result);
	store_state(s, &st);
	CHILD_CHECK(st.connected && st.losses == 1 && st.rows == good + 64);
	size_t rows = 0;
	store_free(s);
	CHILD_CHECK(!store_new(&config, &s) && !store_open(s));
	CHILD_CHECK(!store_load(s, 0, ignore_row, &rows) && rows == good + 64);
	store_free(s);
	return 0;
}

/* Less room than its log would like to have from the start. */
static int use_a_tiny_disk(void)
{
	if (!user_is_root() || unshare(CLONE_NEWNS) < 0)
		return CHILD_SKIPS;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", folder, "tmpfs", 0, "size=2m") < 0)
		return CHILD_SKIPS;
	struct store_config config = {.path = path, .tables = contract_tables, .tables_len = 2};
	struct store_item item = {.key = span_text("key"), .value = span_text("value")};
	struct store *s = NULL;
	CHILD_CHECK(!store_new(&config, &s) && !store_open(s));
	CHILD_CHECK(!store_commit(s, &item, 1) && !item.result);
	store_free(s);
	return 0;
}

static void a_disk_smaller_than_its_log_will_do(void **state)
{
	(void)state;
	assert_child(use_a_tiny_disk, "not root, or no mount namespaces");
}

static void a_full_disk_is_an_error_that_passes(void **state)
{
	(void)state;
	assert_child(fill_a_small_disk, "not root, or no mount namespaces");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fact(nothing_acknowledged_is_lost_to_kill_9),
		fact(a_full_disk_is_an_error_that_passes),
		fact(a_disk_smaller_than_its_log_will_do),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
