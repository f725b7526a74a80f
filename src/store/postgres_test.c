#include "store/postgres_server_test.h"

/* ---- refusals ---- */

static void a_server_that_is_not_there_is_an_error_with_a_reason(void **state)
{
	(void)state;
	struct store_config config = {.url = "postgresql:///db?host=/no/such/folder",
				      .tables = contract_tables,
				      .tables_len = 2};
	struct store *s = NULL;
	struct store_state st;
	assert_int_equal(store_new(&config, &s), OK);
	assert_int_equal(store_open(s), ECONNREFUSED);
	store_state(s, &st);
	assert_true(!st.connected && st.shared && st.since_ms && st.retry_ms);
	assert_non_null(strstr(st.reason, "/no/such/folder"));
	struct store_item item = contract_put("a", "1", STORE_EXPECT_ANY, 0);
	assert_int_equal(store_commit(s, &item, 1), ENOTCONN);
	assert_int_equal(item.result, ENOTCONN);
	store_free(s);
}

static void refuses_a_newer_format(void **state)
{
	(void)state;
	needs_server();
	store_free(server_open_store());
	server_sql("UPDATE gatehouse_store SET format = 2");
	struct store *s = server_new_store();
	struct store_state st;
	assert_int_equal(store_open(s), ERR_UNSUPPORTED);
	store_state(s, &st);
	assert_non_null(strstr(st.reason, "newer"));
	store_free(s);
}

/* ---- the contract ---- */

static void with_store(void (*call)(struct store *s))
{
	struct store *s = server_open_store();
	call(s);
	store_free(s);
}

static void items_are_judged_by_what_they_expect(void **state)
{
	(void)state;
	needs_server();
	with_store(contract_expectations);
}

static void a_failed_item_spoils_no_other(void **state)
{
	(void)state;
	needs_server();
	with_store(contract_failures_spoil_nothing);
}

static void a_repeated_commit_is_known_as_our_own(void **state)
{
	(void)state;
	needs_server();
	with_store(contract_repeats_are_our_own);
}

static void holds_the_largest_batch(void **state)
{
	(void)state;
	needs_server();
	with_store(contract_holds_the_largest);
}

static void reading_stops_when_the_caller_says_so(void **state)
{
	(void)state;
	needs_server();
	with_store(contract_reading_stops_when_told);
}

/* ---- a database that goes away ---- */

/* Commits until it succeeds; the item stays what it was. */
static void insist(struct store *s, struct store_item *item)
{
	uint64_t until_ms = clock_monotonic_ms() + 30000;
	while (store_commit(s, item, 1) && clock_monotonic_ms() < until_ms)
		(void)usleep(2000);
	assert_int_equal(item->result, OK);
}

static void count_through_crashes(uint64_t until_ms)
{
	struct store *s = child_store();
	uint64_t version = 0, number = 0;
	while (store_open(s))
		(void)usleep(2000);
	while (clock_monotonic_ms() < until_ms) {
		char value[24];
		(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)++number);
		struct store_item item =
			contract_put("counter", value,
				     version ? STORE_EXPECT_VERSION : STORE_EXPECT_ABSENT, version);
		/* Only we write here: a conflict would be with ourselves. */
		insist(s, &item);
		version = item.ret_version;
	}
	struct store_item total = contract_put("total", "", STORE_EXPECT_ANY, 0);
	char text[24];
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	total.value = span_text(text);
	insist(s, &total);
}

static void a_server_killed_in_the_middle_loses_and_doubles_nothing(void **state)
{
	(void)state;
	needs_server();
	store_free(server_open_store());
	uint64_t until_ms = clock_monotonic_ms() + 4000;
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		count_through_crashes(until_ms);
		_exit(0);
	}
	for (int i = 0; i < 5; i++) {
		(void)usleep(400000);
		server_stop(i % 2 ? SIGQUIT : SIGINT);
		(void)usleep(100000);
		server_start();
		PQfinish(server_connect());
	}
	collect(&pid, 1);
	struct store *s = server_open_store();
	static struct contract_rows rows;
	contract_load(s, 0, &rows);
	const struct contract_row *counter = contract_find(&rows, span_text("counter"));
	const struct contract_row *total = contract_find(&rows, span_text("total"));
	assert_non_null(counter);
	assert_non_null(total);
	assert_true(span_equal(span_of(counter->value, counter->value_len),
			       span_of(total->value, total->value_len)));
	assert_true(counter->value_len > 1); /* it came past nine */
	store_free(s);
}

static void a_loss_is_an_error_and_then_it_connects_again(void **state)
{
	(void)state;
	needs_server();
	struct store *s = server_open_store();
	struct store_state st;
	size_t changes = 0;
	contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	server_stop(SIGINT);
	struct store_item item = contract_put("b", "1", STORE_EXPECT_ABSENT, 0);
	assert_int_equal(store_commit(s, &item, 1), ECONNRESET);
	store_state(s, &st);
	assert_true(!st.connected && st.why == (enum err)ECONNRESET && st.losses == 1);
	assert_true(strlen(st.reason) > 0 && st.failures == 1);
	/* Until the time has come it does not even try. */
	enum err e = (enum err)ENOTCONN;
	uint64_t until_ms = clock_monotonic_ms() + 10000;
	while (e == (enum err)ENOTCONN && clock_monotonic_ms() < until_ms)
		e = store_commit(s, &item, 1);
	assert_int_equal(e, ECONNREFUSED);
	server_start();
	insist(s, &item);
	store_state(s, &st);
	assert_true(st.connected && st.why == OK && st.reason[0] == '\0');
	/* Watching goes on where it was. */
	server_sql("UPDATE gatehouse_row SET writer = 1, value = '2', xid = pg_current_xact_id(),"
		   " version = nextval('gatehouse_version') WHERE key = 'a'");
	assert_int_equal(store_changes(s, count_changes, &changes), OK);
	assert_int_equal(changes, 1);
	store_free(s);
}

/* As if the server had died between its COMMIT and the answer. */
static void a_commit_whose_answer_was_lost_is_told_as_a_change(void **state)
{
	(void)state;
	needs_server();
	struct store *s = server_open_store();
	size_t changes = 0;
	contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	server_stop(SIGINT);
	struct store_item item = contract_put("b", "1", STORE_EXPECT_ABSENT, 0);
	assert_int_equal(store_commit(s, &item, 1), ECONNRESET);
	server_start();
	server_sql("INSERT INTO gatehouse_row(tab, key, value, version, was, writer, stamp, xid) "
		   "SELECT tab, 'b', '1', nextval('gatehouse_version'), 0, writer, stamp + 1,"
		   " pg_current_xact_id() FROM gatehouse_row WHERE key = 'a'");
	uint64_t until_ms = clock_monotonic_ms() + 10000;
	while (changes == 0 && clock_monotonic_ms() < until_ms)
		(void)!store_changes(s, count_changes, &changes);
	assert_int_equal(changes, 2); /* both: of the first it was sure, and hears it again */
	/* The write that is repeated as it was is known nevertheless. */
	insist(s, &item);
	assert_int_equal(store_changes(s, count_changes, &changes), OK);
	assert_int_equal(changes, 2);
	store_free(s);
}

/* The session's clock_timestamp is one that somebody made, 5 s ahead of the database's. */
static void the_clock_of_the_database_is_compared(void **state)
{
	(void)state;
	unsigned changes = 0;
	struct store_state st;
	needs_server();
	struct store *s = server_open_store();
	store_state(s, &st);
	assert_false(st.clock_known);
	assert_int_equal(store_changes(s, count_changes, &changes), OK);
	store_state(s, &st);
	int64_t now_ms = (int64_t)(clock_ageing_us() / 1000), wall_ms = (int64_t)clock_wall_ms();
	assert_true(st.clock_known);
	assert_in_range(st.clock_ms + now_ms - wall_ms + 1000, 0, 2000);
	server_sql("CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE"
		   " AS 'SELECT pg_catalog.clock_timestamp() + interval ''5 s'''");
	server_sql("ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog");
	store_free(s);
	s = server_open_store();
	assert_int_equal(store_changes(s, count_changes, &changes), OK);
	store_state(s, &st);
	now_ms = (int64_t)(clock_ageing_us() / 1000), wall_ms = (int64_t)clock_wall_ms();
	assert_in_range(st.clock_ms + now_ms - wall_ms, 4000, 6000);
	store_free(s);
	server_sql("ALTER ROLE CURRENT_USER RESET search_path");
	server_sql("DROP FUNCTION public.clock_timestamp()");
}

static void a_server_that_became_read_only_is_left(void **state)
{
	(void)state;
	needs_server();
	struct store *s = server_open_store();
	struct store_item item = contract_put("a", "1", STORE_EXPECT_ANY, 0);
	server_sql("ALTER SYSTEM SET default_transaction_read_only = on");
	server_sql("SELECT pg_reload_conf()");
	enum err e = OK;
	uint64_t until_ms = clock_monotonic_ms() + 20000;
	while (!e && clock_monotonic_ms() < until_ms) { /* it takes effect some time later */
		item.stamp = 0;
		e = store_commit(s, &item, 1);
	}
	assert_int_equal(e, EROFS);
	assert_int_equal(store_open(s), ECONNREFUSED); /* it asks for one to write to */
	server_sql("ALTER SYSTEM RESET default_transaction_read_only");
	server_sql("SELECT pg_reload_conf()");
	insist(s, &item);
	store_free(s);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
	(void)state;
	needs_server();
	struct store *s = server_open_store();
	/* Somebody holds the row: the statement fails, the connection stays. */
	PGconn *c = server_connect();
	contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	PQclear(PQexec(c, "BEGIN; UPDATE gatehouse_row SET value = '2' WHERE key = 'a'"));
	struct store_item item = contract_put("a", "3", STORE_EXPECT_ANY, 0);
	server_sql("ALTER SYSTEM SET lock_timeout = '1h'"); /* ours stands in the session */
	enum err e = store_commit(s, &item, 1);
	assert_true(e == (enum err)EAGAIN || e == (enum err)ETIMEDOUT);
	PQclear(PQexec(c, "ROLLBACK"));
	PQfinish(c);
	server_sql("ALTER SYSTEM RESET lock_timeout");
	insist(s, &item);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fact(a_server_that_is_not_there_is_an_error_with_a_reason),
		fact(refuses_a_newer_format),
		fact(items_are_judged_by_what_they_expect),
		fact(a_failed_item_spoils_no_other),
		fact(a_repeated_commit_is_known_as_our_own),
		fact(holds_the_largest_batch),
		fact(reading_stops_when_the_caller_says_so),
		fact(a_server_killed_in_the_middle_loses_and_doubles_nothing),
		fact(a_loss_is_an_error_and_then_it_connects_again),
		fact(a_commit_whose_answer_was_lost_is_told_as_a_change),
		fact(the_clock_of_the_database_is_compared),
		fact(a_server_that_became_read_only_is_left),
		fact(a_server_that_says_nothing_is_given_up),
	};
	return cmocka_run_group_tests(tests, server_make, server_remove);
}
