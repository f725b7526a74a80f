/* This program runs with threads. */
#include "store/postgres_server_test.h"

#include "store/worker.h"

/* ---- several servers ---- */

enum { PROCESSES = 4, CLAIMS = 600 };

static int open_or_say(void)
{
	struct store *s = child_store();
	struct store_state st;
	enum err e = store_open(s);
	store_state(s, &st);
	if (e)
		(void)fprintf(stderr, "%s: %s\n", err_text(e), st.reason);
	return e != OK;
}

static void several_may_make_the_tables_at_once(void **state)
{
	(void)state;
	needs_server();
	pid_t pids[PROCESSES];
	(void)fflush(NULL);
	for (size_t i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(open_or_say());
	}
	collect(pids, PROCESSES);
}

/* Claims all keys in an order of its own, some at a time; the winners' values say who. */
static int claim(char me, uint64_t seed, uint64_t start_ms)
{
	enum { N = 16 };
	struct test_random r = {.state = seed};
	struct store *s = child_store();
	char keys[N][16], value[2] = {me, '\0'};
	if (store_open(s))
		return 1;
	while (clock_monotonic_ms() < start_ms)
		(void)usleep(1000);
	for (size_t done = 0; done < CLAIMS * 2; done += N) {
		struct store_item items[N];
		for (size_t i = 0; i < N; i++) {
			(void)snprintf(keys[i], sizeof(keys[i]), "%zu",
				       test_random_below(&r, CLAIMS));
			items[i] = contract_put(keys[i], value, STORE_EXPECT_ABSENT, 0);
		}
		if (store_commit(s, items, N))
			return 2;
		for (size_t i = 0; i < N; i++) {
			/* Either it is ours now, or somebody else's, or it was ours before. */
			if (items[i].result != OK && items[i].result != ERR_EXISTS)
				return 3;
			if (items[i].result == OK) {
				struct store_item won = {.table = 1,
							 .key = span_text(keys[i]),
							 .expect = STORE_EXPECT_ABSENT,
							 .value = span_text(value)};
				/* Nobody else may ever have won it. */
				if (store_commit(s, &won, 1) || won.result)
					return 4;
			}
		}
	}
	return 0;
}

static void one_key_has_one_winner(void **state)
{
	(void)state;
	needs_server();
	struct store *s = server_open_store();
	pid_t pids[PROCESSES];
	uint64_t start_ms = clock_monotonic_ms() + 1000; /* all at once */
	(void)fflush(NULL);
	for (size_t i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(claim((char)('a' + (char)i), 1000 + i, start_ms));
	}
	collect(pids, PROCESSES);
	static struct contract_rows claimed, won;
	contract_load(s, 0, &claimed);
	contract_load(s, 1, &won);
	assert_true(claimed.len > CLAIMS / 2);
	assert_int_equal(claimed.len, won.len);
	size_t winners[PROCESSES] = {0};
	for (size_t i = 0; i < won.len; i++) {
		const struct contract_row *row =
			contract_find(&claimed, span_of(won.rows[i].key, won.rows[i].key_len));
		assert_non_null(row);
		assert_int_equal(row->value[0], won.rows[i].value[0]);
		winners[row->value[0] - 'a']++;
	}
	size_t several = 0;
	for (size_t i = 0; i < PROCESSES; i++)
		several += winners[i] > 0;
	assert_true(several > 1);
	store_free(s);
}

/* Counts up, by version; who was too late takes what is there and tries again. */
static int count_up(uint64_t seed, int increments)
{
	struct test_random r = {.state = seed};
	struct store *s = child_store();
	if (store_open(s))
		return 1;
	for (int done = 0; done < increments;) {
		char key[16], value[24];
		uint64_t number = 0, version = 0;
		(void)snprintf(key, sizeof(key), "%zu", test_random_below(&r, 5));
		for (enum err e = ERR_EXISTS; e;) {
			(void)snprintf(value, sizeof(value), "%llu",
				       (unsigned long long)number + 1);
			struct store_item item = contract_put(
				key, value, version ? STORE_EXPECT_VERSION : STORE_EXPECT_ABSENT,
				version);
			if (store_commit(s, &item, 1))
				return 2;
			e = item.result;
			if (e && e != ERR_EXISTS)
				return 3;
			if (e) {
				version = item.ret_version;
				if (!span_to_u64(item.ret_value, UINT64_MAX, &number))
					return 4;
			}
		}
		done++;
	}
	return 0;
}

static enum err add_up(void *arg, const struct store_row *row)
{
	uint64_t number = 0;
	assert_true(span_to_u64(row->value, UINT64_MAX, &number));
	*(uint64_t *)arg += number;
	return OK;
}

static void no_increment_is_lost_between_servers(void **state)
{
	(void)state;
	needs_server();
	enum { EACH = 150 };
	struct store *s = server_open_store();
	pid_t pids[PROCESSES];
	(void)fflush(NULL);
	for (size_t i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(count_up(2000 + i, EACH));
	}
	collect(pids, PROCESSES);
	uint64_t sum = 0;
	assert_int_equal(store_load(s, 0, add_up, &sum), OK);
	assert_int_equal(sum, PROCESSES * EACH);
	store_free(s);
}

/* ---- changes ---- */

static enum err note_change(void *arg, const struct store_row *row)
{
	struct contract_rows *known = arg;
	const struct contract_row *old = contract_find(known, row->key);
	if (row->table != 0)
		return OK;
	if (old && old->version > row->version)
		return OK; /* told again, and older than what came since */
	if (row->removed)
		contract_unset(known, row->key);
	else
		contract_set(known, row->key, row->value, row->version);
	return OK;
}

static int write_at_random(uint64_t seed, uint64_t until_ms)
{
	enum { N = 8 };
	struct test_random r = {.state = seed};
	struct store *s = child_store();
	if (store_open(s))
		return 1;
	while (clock_monotonic_ms() < until_ms) {
		char keys[N][16], value[32];
		struct store_item items[N];
		(void)snprintf(value, sizeof(value), "%llu",
			       (unsigned long long)test_random_next(&r));
		size_t n = 1 + test_random_below(&r, N);
		for (size_t i = 0; i < n; i++) {
			(void)snprintf(keys[i], sizeof(keys[i]), "%zu", test_random_below(&r, 400));
			items[i] = test_random_below(&r, 3)
					   ? contract_put(keys[i], value, STORE_EXPECT_ANY, 0)
					   : contract_remove(keys[i], STORE_EXPECT_ANY, 0);
		}
		if (store_commit(s, items, n))
			return 2;
	}
	return 0;
}

/* Transactions that take long, so that later ones are over before them. */
static int write_slowly(uint64_t seed, uint64_t until_ms)
{
	struct test_random r = {.state = seed};
	PGconn *c = PQconnectdb(server.url);
	char text[512];
	while (clock_monotonic_ms() < until_ms) {
		(void)snprintf(text, sizeof(text),
			       "BEGIN; INSERT INTO gatehouse_row(tab, key, value, version, was,"
			       " writer, stamp, xid) VALUES((SELECT id FROM gatehouse_table WHERE"
			       " name = 'one'), 'slow %d', '%d', nextval('gatehouse_version'), 0,"
			       " 1, 1, pg_current_xact_id()) ON CONFLICT (tab, key) DO UPDATE SET"
			       " value = excluded.value, version = excluded.version,"
			       " xid = excluded.xid; SELECT pg_sleep(%f); COMMIT",
			       (int)test_random_below(&r, 50), (int)test_random_below(&r, 1000000),
			       (double)test_random_below(&r, 100) / 1000);
		PGresult *result = PQexec(c, text);
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			return 3;
		PQclear(result);
	}
	return 0;
}

static void no_change_is_missed(void **state)
{
	(void)state;
	needs_server();
	static struct contract_rows known, stored;
	enum { SLOW = 3, ALL = PROCESSES + SLOW };
	pid_t pids[ALL];
	struct store *s = server_open_store();
	uint64_t until_ms = clock_monotonic_ms() + 4000;
	known.len = 0;
	(void)fflush(NULL);
	for (size_t i = 0; i < ALL; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(i < PROCESSES ? write_at_random(3000 + i, until_ms)
					    : write_slowly(3000 + i, until_ms));
	}
	while (clock_monotonic_ms() < until_ms)
		assert_int_equal(store_changes(s, note_change, &known), OK);
	collect(pids, ALL);
	assert_int_equal(store_changes(s, note_change, &known), OK);
	contract_load(s, 0, &stored);
	assert_true(stored.len > 200);
	contract_assert_same(&stored, &known);
	store_free(s);
}

static void own_changes_are_not_told(void **state)
{
	(void)state;
	needs_server();
	size_t mine = 0, others = 0;
	struct store *a = server_open_store(), *b = server_open_store();
	contract_one(a, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	contract_one(a, contract_put("b", "1", STORE_EXPECT_ABSENT, 0), OK);
	contract_one(a, contract_remove("b", STORE_EXPECT_ANY, 0), OK);
	assert_int_equal(store_changes(a, count_changes, &mine), OK);
	assert_int_equal(mine, 0);
	assert_int_equal(store_changes(b, count_changes, &others), OK);
	assert_int_equal(others, 2);
	store_free(a);
	store_free(b);
}

static void who_slept_over_a_clean_up_is_told_to_load(void **state)
{
	(void)state;
	needs_server();
	size_t changes = 0;
	struct store *a = server_open_store(), *b = server_open_store();
	contract_one(a, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	contract_one(a, contract_remove("a", STORE_EXPECT_ANY, 0), OK);
	contract_one(a, contract_put("b", "1", STORE_EXPECT_ABSENT, 0), OK);
	server_sql("UPDATE gatehouse_row SET removed = now() - interval '2 days'"
		   " WHERE removed IS NOT NULL");
	(void)store_tend(a, false); /* not yet */
	server_sql("DO $$ BEGIN ASSERT (SELECT count(*) FROM gatehouse_row) = 2; END $$");
	(void)store_tend(a, true);
	server_sql("DO $$ BEGIN ASSERT (SELECT count(*) FROM gatehouse_row) = 1; END $$");
	assert_int_equal(store_changes(b, count_changes, &changes), ESTALE);
	struct store_state st;
	store_state(b, &st);
	assert_true(st.connected);
	assert_int_equal(store_changes(b, count_changes, &changes), OK);
	/* What was removed can come again. */
	contract_one(b, contract_put("a", "2", STORE_EXPECT_ABSENT, 0), OK);
	store_free(a);
	store_free(b);
}

static void a_restored_dump_does_not_change_for_ever(void **state)
{
	(void)state;
	needs_server();
	size_t changes = 0;
	struct store *a = server_open_store();
	contract_one(a, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	store_free(a);
	server_sql("UPDATE gatehouse_row SET xid = '999999999999';"
		   "UPDATE gatehouse_store SET horizon = '999999999998'");
	a = server_open_store();
	/* The moment of opening is looked at once more. */
	assert_int_equal(store_changes(a, count_changes, &changes), OK);
	changes = 0;
	assert_int_equal(store_changes(a, count_changes, &changes), OK);
	assert_int_equal(changes, 0);
	store_free(a);
}

/* ---- the worker ---- */

static void wake(void *arg)
{
	(void)arg;
}

static void the_worker_feeds_what_another_server_wrote(void **state)
{
	(void)state;
	needs_server();
	struct store *a = server_open_store(), *b = server_open_store();
	struct store_worker *w = NULL;
	struct store_worker_config config = {.store = a,
					     .requests_max = 8,
					     .value_max = 64,
					     .poll_ms = 20,
					     .cpu = -1,
					     .wake = wake};
	assert_int_equal(store_worker_new(&config, &w), OK);
	assert_int_equal(store_worker_start(w), OK);
	uint64_t put = contract_one(b, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	struct store_feed f;
	uint64_t until_ms = clock_monotonic_ms() + 10000, gone = 0, seen = 0;
	while ((!gone || seen < gone) && clock_monotonic_ms() < until_ms) {
		if (!store_worker_feed(w, &f)) {
			(void)usleep(1000);
			continue;
		}
		assert_int_equal(f.kind, STORE_FEED_ROW);
		assert_true(span_is(f.row.key, "a"));
		assert_true(f.row.removed == (f.row.version != put));
		seen = f.row.version;
		if (!gone)
			gone = contract_one(b, contract_remove("a", STORE_EXPECT_VERSION, put), OK);
	}
	assert_true(gone && seen == gone);
	store_worker_free(w);
	store_free(a);
	store_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fact(several_may_make_the_tables_at_once),
		fact(one_key_has_one_winner),
		fact(no_increment_is_lost_between_servers),
		fact(no_change_is_missed),
		fact(own_changes_are_not_told),
		fact(who_slept_over_a_clean_up_is_told_to_load),
		fact(a_restored_dump_does_not_change_for_ever),
		fact(the_worker_feeds_what_another_server_wrote),
	};
	return cmocka_run_group_tests(tests, server_make, server_remove);
}
