#include "store/sqlite_files_test.h"

#include <sqlite3.h>
#include <sys/wait.h>

/* ---- refusals ---- */

static void refuses_configurations_that_cannot_be(void **state)
{
	(void)state;
	static const char *const bad_names[] = {
		"", "UPPER", "with space", "quote'", "ü", "of-thirty-three-characters-------"};
	struct store *s = NULL;
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
		struct store_config config = {
			.path = path, .tables = &bad_names[i], .tables_len = 1};
		assert_int_equal(store_new(&config, &s), ERR_CONFIG);
	}
	struct store_config config = {
		.url = "mysql://host/db", .path = path, .tables = contract_tables, .tables_len = 2};
	assert_int_equal(store_new(&config, &s), ERR_CONFIG);
	config = (struct store_config){.tables = contract_tables, .tables_len = 2};
	assert_int_equal(store_new(&config, &s), ERR_CONFIG);
	config = (struct store_config){.path = path, .tables = contract_tables};
	assert_int_equal(store_new(&config, &s), ERR_CONFIG);
	assert_null(s);
}

static void run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Opening fails so, says so, and leaves the file's bytes. */
static void assert_refused(enum err e, const char *words)
{
	char *before = NULL, *after = NULL;
	size_t before_len, after_len;
	assert_int_equal(file_read(path, 1 << 24, &before, &before_len), OK);
	struct store *s = new_store(path);
	assert_int_equal(store_open(s), e);
	assert_true(store_is_permanent(e));
	struct store_state st;
	store_state(s, &st);
	assert_false(st.connected);
	assert_int_equal(st.why, e);
	if (!strstr(st.reason, words))
		fail_msg("no \"%s\" in \"%s\"", words, st.reason);
	struct store_item item = contract_put("a", "1", STORE_EXPECT_ANY, 0);
	assert_int_not_equal(store_commit(s, &item, 1), OK);
	assert_int_equal(item.result, ENOTCONN);
	store_free(s);
	assert_int_equal(file_read(path, 1 << 24, &after, &after_len), OK);
	assert_true(span_equal(span_of(before, before_len), span_of(after, after_len)));
	free(before);
	free(after);
}

static void refuses_what_is_no_database(void **state)
{
	(void)state;
	static char text[8192] = "These are my holiday photographs.";
	assert_int_equal(file_write_atomic(path, span_of(text, sizeof(text)), 0600), OK);
	assert_refused(ERR_FORMAT, "not a database");
}

static void refuses_the_database_of_another_program(void **state)
{
	(void)state;
	run_sql("CREATE TABLE photographs(name);");
	assert_refused(ERR_FORMAT, "another program");
}

static void refuses_a_newer_format(void **state)
{
	(void)state;
	struct store *s = open_store(path);
	contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	store_free(s);
	run_sql("PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE);");
	assert_refused(ERR_UNSUPPORTED, "newer");
}

static void refuses_a_second_owner(void **state)
{
	(void)state;
	struct store *s = open_store(path);
	contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	pid_t pid = fork();
	if (pid == 0) {
		/* Its own connection: that of the parent is not for a child to touch. */
		struct store_config config = {
			.path = path, .tables = contract_tables, .tables_len = 2};
		struct store *second = NULL;
		struct store_state st;
		if (store_new(&config, &second))
			_exit(1);
		enum err e = store_open(second);
		store_state(second, &st);
		_exit(e == (enum err)EBUSY && strstr(st.reason, "locked") ? 0 : 2);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	contract_one(s, contract_put("b", "1", STORE_EXPECT_ABSENT, 0), OK);
	store_free(s);
}

static void damage_is_an_error(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct store *s = open_store(path);
	put_many(s, 2000);
	store_free(s);
	assert_int_equal(unlink(wal_path), 0); /* all is in the database since it was closed */
	char *good = NULL;
	size_t len, refused = 0;
	assert_int_equal(file_read(path, 1 << 24, &good, &len), OK);
	assert_true(len > 10 * 4096);
	char *bad = malloc(len);
	assert_non_null(bad);
	for (int round = 0; round < 60; round++) {
		/* A page of noise, or the end missing. */
		size_t bad_len = len, page = 1 + test_random_below(&r, len / 4096 - 1);
		memcpy(bad, good, len);
		if (round % 2)
			test_random_fill(&r, bad + page * 4096, 4096);
		else
			bad_len = page * 4096 + test_random_below(&r, 4096);
		assert_int_equal(file_write_atomic(path, span_of(bad, bad_len), 0600), OK);
		s = new_store(path);
		enum err e = store_open(s);
		size_t rows = 0;
		if (!e)
			e = store_load(s, 0, ignore_row, &rows);
		/* Never another error, never rows in silence. */
		assert_true(e == ERR_FORMAT || (e == OK && rows == 2000));
		refused += e == ERR_FORMAT;
		store_free(s);
	}
	assert_true(refused > 40);
	free(bad);
	free(good);
}

/* ---- the contract ---- */

static void with_store(void (*call)(struct store *s))
{
	struct store *s = open_store(path);
	call(s);
	store_free(s);
}

static void items_are_judged_by_what_they_expect(void **state)
{
	(void)state;
	with_store(contract_expectations);
}

static void a_failed_item_spoils_no_other(void **state)
{
	(void)state;
	with_store(contract_failures_spoil_nothing);
}

static void a_repeated_commit_is_known_as_our_own(void **state)
{
	(void)state;
	with_store(contract_repeats_are_our_own);
}

static void holds_the_largest_batch(void **state)
{
	(void)state;
	with_store(contract_holds_the_largest);
}

static void reading_stops_when_the_caller_says_so(void **state)
{
	(void)state;
	with_store(contract_reading_stops_when_told);
}

static void a_repeat_is_known_after_a_restart_and_a_compaction(void **state)
{
	(void)state;
	struct store *s = open_store(path);
	struct store_item put = contract_put("a", "1", STORE_EXPECT_ABSENT, 0), again = put;
	assert_int_equal(store_commit(s, &put, 1), OK);
	put_many(s, 5000);
	store_free(s);
	for (int tended = 0; tended < 2; tended++) {
		s = open_store(path);
		again = put;
		assert_int_equal(store_commit(s, &again, 1), OK);
		assert_int_equal(again.result, OK);
		assert_true(again.ret_version == put.ret_version);
		while (store_tend(s, true))
			;
		store_free(s);
	}
}

static void versions_grow_over_restarts_and_removals(void **state)
{
	(void)state;
	uint64_t last = 0;
	for (int round = 0; round < 5; round++) {
		struct store *s = open_store(path);
		put_many(s, 4500);
		uint64_t v = contract_one(s, contract_put("a", "1", STORE_EXPECT_ANY, 0), OK);
		assert_true(v > last);
		last = contract_one(s, contract_remove("a", STORE_EXPECT_ANY, 0), OK);
		assert_true(last > v);
		while (store_tend(s, true))
			;
		struct store_state st;
		store_state(s, &st);
		store_free(s);
	}
}

/* ---- beside a slow model ---- */

static void random_key(struct test_random *r, char *ret, size_t size)
{
	/* Some longer than what the compaction sorts by, with the same beginning. */
	size_t n = test_random_below(r, 300);
	if (n % 3 == 0)
		(void)snprintf(ret, size, "a key with a long beginning %zu", n);
	else
		(void)snprintf(ret, size, "%zu", n);
}

struct model {
	struct contract_rows tables[2];
	struct test_random r;
	uint64_t last;
};

static struct store_item random_item(struct model *m, char *key, char *value)
{
	struct store_item item = {.table = (unsigned)test_random_below(&m->r, 2),
				  .key = span_text(key),
				  .value = span_text(value)};
	const struct contract_row *row = contract_find(&m->tables[item.table], item.key);
	size_t kind = test_random_below(&m->r, 10);
	item.remove = kind < 3;
	item.expect = kind < 2	 ? STORE_EXPECT_ANY
		      : kind < 7 ? STORE_EXPECT_VERSION
		      : kind < 9 ? STORE_EXPECT_ABSENT
				 : STORE_EXPECT_ANY;
	if (item.expect == STORE_EXPECT_VERSION)
		item.version = row && kind != 6 ? row->version : 1 + test_random_below(&m->r, 99);
	return item;
}

static void apply_to_model(struct model *m, const struct store_item *item)
{
	struct contract_rows *table = &m->tables[item->table];
	const struct contract_row *row = contract_find(table, item->key);
	bool exact = row && item->expect == STORE_EXPECT_VERSION && item->version == row->version;
	enum err want = OK;
	if (row && item->expect != STORE_EXPECT_ANY && !exact)
		want = ERR_EXISTS;
	if (!row && item->expect == STORE_EXPECT_VERSION && !item->remove)
		want = ERR_ABSENT;
	assert_int_equal(item->result, want);
	if (want == ERR_EXISTS) {
		assert_true(item->ret_version == row->version);
		assert_true(span_equal(item->ret_value, span_of(row->value, row->value_len)));
	}
	if (want)
		return;
	assert_true(item->ret_version > m->last);
	m->last = item->ret_version;
	if (item->remove)
		contract_unset(table, item->key);
	else
		contract_set(table, item->key, item->value, item->ret_version);
}

static void commit_some(struct store *s, struct model *m)
{
	enum { N = 40 };
	static char keys[N][64], values[N][400];
	struct store_item items[N];
	size_t n = 1 + test_random_below(&m->r, N);
	for (size_t i = 0; i < n; i++) {
		random_key(&m->r, keys[i], sizeof(keys[i]));
		size_t len = test_random_below(&m->r, sizeof(values[i]));
		memset(values[i], 'a' + (int)test_random_below(&m->r, 26), len);
		values[i][len] = '\0';
		items[i] = random_item(m, keys[i], values[i]);
	}
	assert_int_equal(store_commit(s, items, n), OK);
	for (size_t i = 0; i < n; i++)
		apply_to_model(m, &items[i]);
}

static void agrees_with_a_slow_model(void **state)
{
	(void)state;
	static struct model m;
	static struct contract_rows rows;
	m = (struct model){.r = test_random_begin()};
	struct store *s = open_store(path);
	uint64_t moved = 0;
	for (int round = 0; round < 3000; round++) {
		commit_some(s, &m);
		size_t what = test_random_below(&m.r, 100);
		/* Slices between commits, so that a compaction is always half done. */
		if (round % 500 > 300)
			(void)store_tend(s, true);
		if (what < 3) {
			for (unsigned t = 0; t < 2; t++) {
				contract_load(s, t, &rows);
				contract_assert_same(&m.tables[t], &rows);
			}
		} else if (what < 4) {
			struct store_state st;
			store_state(s, &st);
			moved += st.moved;
			store_free(s);
			s = open_store(path);
		}
	}
	assert_true(moved > 4096);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fact(refuses_configurations_that_cannot_be),
		fact(refuses_what_is_no_database),
		fact(refuses_the_database_of_another_program),
		fact(refuses_a_newer_format),
		fact(refuses_a_second_owner),
		fact(damage_is_an_error),
		fact(items_are_judged_by_what_they_expect),
		fact(a_failed_item_spoils_no_other),
		fact(a_repeated_commit_is_known_as_our_own),
		fact(holds_the_largest_batch),
		fact(reading_stops_when_the_caller_says_so),
		fact(a_repeat_is_known_after_a_restart_and_a_compaction),
		fact(versions_grow_over_restarts_and_removals),
		fact(agrees_with_a_slow_model),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
