/* A PostgreSQL server of our own in a temporary directory, on a unix socket, for the length of a
 * test program. Private to the tests; knows nothing of what they show. */
#ifndef STORE_POSTGRES_SERVER_TEST_H
#define STORE_POSTGRES_SERVER_TEST_H

#include "store/contract_test.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/spawn.h"
#include "os/user.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	char folder[64], data[80], url[128], program[96], maker[96];
	const char *missing; /* why there is none; NULL: it runs */
	const char *user;    /* whom it runs as; NULL: us */
	struct spawn_child child;
};

static struct server server = {.folder = "/tmp/store_postgres_test.XXXXXX"};

/* Debian has one folder for each major version; the newest first. */
static inline bool server_find(void)
{
	for (int version = 19; version >= 13; version--) {
		(void)snprintf(server.program, sizeof(server.program),
			       "/usr/lib/postgresql/%d/bin/postgres", version);
		(void)snprintf(server.maker, sizeof(server.maker),
			       "/usr/lib/postgresql/%d/bin/initdb", version);
		if (access(server.program, X_OK) == 0 && access(server.maker, X_OK) == 0)
			return true;
	}
	return false;
}

static inline void server_start(void)
{
	const char *const argv[] = {server.program,	  "-D", server.data,	       "-k",
				    server.folder,	  "-c", "listen_addresses=",   "-c",
				    "fsync=on",		  "-c", "shared_buffers=16MB", "-c",
				    "max_connections=30", NULL};
	AUTO_DONE(fd_done) int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct spawn s = SPAWN_INIT;
	s.path = server.program;
	s.argv = argv;
	s.user = server.user;
	s.directory = server.folder;
	s.stdout_fd = s.stderr_fd = quiet;
	assert_int_equal(spawn_start(&s, &server.child), OK);
}

/* SIGINT: in order. SIGQUIT: at once, as after a power loss. */
static inline void server_stop(int how)
{
	struct spawn_end end;
	if (!server.child.pid)
		return;
	assert_int_equal(spawn_signal(&server.child, how), OK);
	assert_int_equal(spawn_collect(&server.child, 20000, &end), OK);
}

/* Waits until it takes connections. */
static inline PGconn *server_connect(void)
{
	uint64_t until_ms = clock_monotonic_ms() + 30000;
	PGconn *c = PQconnectdb(server.url);
	while (PQstatus(c) != CONNECTION_OK && clock_monotonic_ms() < until_ms) {
		PQfinish(c);
		(void)usleep(20000);
		c = PQconnectdb(server.url);
	}
	assert_int_equal(PQstatus(c), CONNECTION_OK);
	return c;
}

static inline void server_sql(const char *text)
{
	PGconn *c = server_connect();
	PQclear(PQexec(c,
		       "SET client_min_messages = error; SET default_transaction_read_only = off"));
	PGresult *r = PQexec(c, text);
	ExecStatusType status = PQresultStatus(r);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQresultErrorMessage(r));
	PQclear(r);
	PQfinish(c);
}

static inline int server_make(void **state)
{
	(void)state;
	if (!server_find()) {
		server.missing = "no PostgreSQL server is installed";
		return 0;
	}
	if (!mkdtemp(server.folder))
		return -1;
	(void)snprintf(server.data, sizeof(server.data), "%s/data", server.folder);
	(void)snprintf(server.url, sizeof(server.url),
		       "postgresql:///postgres?host=%s&user=postgres", server.folder);
	struct user who;
	/* It refuses to be root. */
	if (user_is_root() && !user_find("postgres", &who))
		server.user = "postgres";
	else if (user_is_root() && !user_find("nobody", &who))
		server.user = "nobody";
	/* Its socket is for others, too; its data are in a directory that it makes for itself. */
	if (chmod(server.folder, 0755) < 0 ||
	    (server.user && chown(server.folder, who.uid, who.gid) < 0))
		return -1;
	/* By its path: it looks for its fellows beside itself. */
	const char *const argv[] = {
		server.maker, "-D", server.data, "-U",	       "postgres",	    "-A", "trust",
		"-N",	      "-E", "UTF8",	 "--locale=C", "--no-instructions", NULL};
	struct spawn s = SPAWN_INIT;
	struct spawn_end end;
	char *text = NULL;
	size_t len;
	s.path = server.maker;
	s.argv = argv;
	s.user = server.user;
	s.directory = server.folder;
	if (spawn_capture(&s, 1 << 20, 60000, &text, &len, &end) || end.signalled || end.code)
		return -1;
	free(text);
	server_start();
	PQfinish(server_connect());
	return 0;
}

static inline int server_remove(void **state)
{
	(void)state;
	if (server.missing)
		return 0;
	server_stop(SIGQUIT);
	return dir_remove(server.folder) != OK;
}

static inline int server_empty(void **state)
{
	(void)state;
	if (!server.missing)
		server_sql("DROP TABLE IF EXISTS gatehouse_store, gatehouse_table, gatehouse_row;"
			   "DROP SEQUENCE IF EXISTS gatehouse_version;");
	return 0;
}

static inline struct store *server_new_store(void)
{
	struct store_config config = {
		.url = server.url, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	assert_int_equal(store_new(&config, &s), OK);
	return s;
}

static inline struct store *server_open_store(void)
{
	struct store *s = server_new_store();
	enum err e = store_open(s);
	struct store_state st;
	store_state(s, &st);
	if (e)
		fail_msg("%s: %s", err_text(e), st.reason);
	return s;
}

/* Exit status of each must be 0. */
static inline void collect(pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int status = 0;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static inline struct store *child_store(void)
{
	struct store_config config = {
		.url = server.url, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	if (store_new(&config, &s))
		_exit(90);
	return s;
}

static inline enum err count_changes(void *arg, const struct store_row *row)
{
	(void)row;
	*(size_t *)arg += 1;
	return OK;
}

/* First line of every fact here. */
#define needs_server()                                                                             \
	do {                                                                                       \
		if (server.missing) {                                                              \
			print_message("skipped: %s\n", server.missing);                            \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

#define fact(f) cmocka_unit_test_setup(f, server_empty)

#endif
