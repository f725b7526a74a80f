#include "store/sqlite_ledger_test.h"

#include "os/user.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "os/child_test.h"

/* ---- kill -9 at any instant ---- */

enum { CRASH_ROUNDS = 200 };

_Noreturn static void write_until_killed(struct ledger *l, uint64_t seed)
{
	struct test_random r = {.state = seed};
	struct store_config config = {.path = path, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	if (store_new(&config, &s) || store_open(s))
		_exit(2);
	for (uint64_t moved = 0;;) {
		struct store_state st;
		commit_to_ledger(s, l, &r);
		for (size_t i = test_random_below(&r, 4); i > 0; i--)
			(void)store_tend(s, true);
		store_state(s, &st);
		l->moved += st.moved - moved;
		moved = st.moved;
	}
}

static void copy_file(const char *from, const char *to)
{
	char *bytes = NULL;
	size_t len;
	assert_int_equal(file_read(from, 1 << 28, &bytes, &len), OK);
	assert_int_equal(file_write_atomic(to, span_of(bytes, len), 0600), OK);
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

static void nothing_acknowledged_is_lost_to_kill_9(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct ledger *l =
		mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(l != MAP_FAILED);
	store_free(open_store(path));
	for (int round = 0; round < CRASH_ROUNDS; round++) {
		/* By commits, so that a busy machine gets as far as another; then some moments. */
		uint64_t until = l->commits + 1 + test_random_below(&r, 40);
		uint64_t seed = test_random_next(&r);
		(void)fflush(NULL);
		pid_t pid = fork();
		if (pid == 0)
			write_until_killed(l, seed);
		while (l->commits < until && waitpid(pid, NULL, WNOHANG) == 0)
			(void)usleep(100);
		(void)usleep((useconds_t)test_random_below(&r, 2000));
		if (round % 10 == 0)
			audit_copy(pid, l);
		int status = 0;
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		audit(path, l);
	}
	printf("%llu commits, %llu moved\n", (unsigned long long)l->commits,
	       (unsigned long long)l->moved);
	assert_true(l->commits > CRASH_ROUNDS && l->moved > 1000);
	(void)munmap(l, sizeof(*l));
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
