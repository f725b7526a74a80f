/* This program runs with threads. A service in its sandbox keeps its rows. */
#include "store/postgres_server_test.h"

#include "os/loop.h"
#include "os/sandbox.h"
#include "store/worker.h"

#include "os/child_test.h"

/* A directory of the state, ours to write to, and a sandbox that shows nothing else. */
static char state_dir[] = "/tmp/store_sandbox_test.XXXXXX";
static char state_path[64];
static enum sandbox_profile profile;

static int make_all(void **state)
{
	if (!mkdtemp(state_dir))
		return -1;
	if (user_is_root() && chown(state_dir, 65534, 65534) < 0)
		return -1;
	(void)snprintf(state_path, sizeof(state_path), "%s/state.sqlite", state_dir);
	return server_make(state);
}

static int remove_all(void **state)
{
	return server_remove(state) || dir_remove(state_dir) != OK;
}

static int enter(const char *const *read_paths)
{
	const char *const write_paths[] = {state_dir, NULL};
	struct sandbox s = {.profile = profile,
			    .view = SANDBOX_VIEW_PATHS,
			    .user = user_is_root() ? "65534:65534" : NULL,
			    .read_paths = read_paths,
			    .write_paths = write_paths};
	struct sandbox_report r = {0};
	CHILD_CHECK(!sandbox_enter_early(&s, &r));
	CHILD_CHECK(!sandbox_tighten(&s, &r));
	CHILD_CHECK(sandbox_report_has(&r, SANDBOX_LAYER_SECCOMP));
	return 0;
}

static void wake(void *arg)
{
	loop_wake(arg);
}

struct taken {
	struct store_worker *worker;
	size_t good, bad;
};

static void take(void *arg)
{
	struct taken *t = arg;
	struct store_request *r;
	while ((r = store_worker_result(t->worker))) {
		t->good += r->result == OK;
		t->bad += r->result != OK;
		store_worker_give(t->worker, r);
	}
}

/* Commits, compacts, reads, loses the connection and has it again, and all in a thread too. */
static int use(struct store *s)
{
	struct loop loop;
	struct taken t = {0};
	struct store_state st;
	enum err e = store_open(s);
	store_state(s, &st);
	if (e)
		(void)fprintf(stderr, "%s: %s\n", err_text(e), st.reason);
	CHILD_CHECK(!e);
	for (int i = 0; i < 100; i++) {
		static char keys[64][16];
		struct store_item items[64];
		for (int k = 0; k < 64; k++) {
			(void)snprintf(keys[k], sizeof(keys[k]), "%d", i * 64 + k);
			items[k] = contract_put(keys[k], "value", STORE_EXPECT_ABSENT, 0);
		}
		CHILD_CHECK(!store_commit(s, items, 64) && !items[63].result);
	}
	while (store_tend(s, true))
		;
	CHILD_CHECK(!loop_init(&loop));
	loop_on_wake(&loop, take, &t);
	struct store_worker_config config = {.store = s,
					     .requests_max = 4,
					     .value_max = 16,
					     .quick_us = UINT32_MAX, /* in both threads */
					     .cpu = -1,
					     .wake = wake,
					     .wake_arg = &loop};
	CHILD_CHECK(!store_worker_new(&config, &t.worker) && !store_worker_start(t.worker));
	for (size_t n = 0; n < 200; n++) {
		struct store_request *r = store_worker_take(t.worker);
		CHILD_CHECK(r);
		r->key_len = 1;
		r->key[0] = (uint8_t)n;
		store_worker_put(t.worker, r);
		if (store_worker_flush(t.worker))
			take(&t);
		while (t.good + t.bad <= n)
			CHILD_CHECK(!loop_turn(&loop, 5000));
	}
	store_worker_free(t.worker);
	loop_done(&loop);
	CHILD_CHECK(t.good == 200 && t.bad == 0);
	store_state(s, &st);
	CHILD_CHECK(st.connected && st.failures == 0 && st.losses == 0);
	store_free(s);
	return 0;
}

static int use_sqlite(void)
{
	struct store_config config = {
		.path = state_path, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	CHILD_CHECK(!store_new(&config, &s));
	return enter(NULL) || use(s);
}

static int use_postgres(void)
{
	struct store_paths paths;
	struct store_config config = {
		.url = server.url, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	CHILD_CHECK(!store_new(&config, &s));
	CHILD_CHECK(!store_paths(server.url, &paths));
	return enter(paths.list) || use(s);
}

static void a_network_service_has_sqlite(void **state)
{
	(void)state;
	profile = SANDBOX_NET_SERVICE;
	assert_child(use_sqlite, "");
}

static void a_service_with_links_has_sqlite(void **state)
{
	(void)state;
	profile = SANDBOX_NET_SERVICE_LINKS;
	(void)unlink(state_path);
	assert_child(use_sqlite, "");
}

static void a_network_service_has_postgresql(void **state)
{
	(void)state;
	needs_server();
	profile = SANDBOX_NET_SERVICE;
	assert_child(use_postgres, "");
}

static void a_service_with_links_has_postgresql(void **state)
{
	(void)state;
	needs_server();
	profile = SANDBOX_NET_SERVICE_LINKS;
	assert_child(use_postgres, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_service_has_sqlite),
		cmocka_unit_test(a_service_with_links_has_sqlite),
		fact(a_network_service_has_postgresql),
		fact(a_service_with_links_has_postgresql),
	};
	return cmocka_run_group_tests(tests, make_all, remove_all);
}
