#include "store/postgres_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/child_test.h"
#include "os/file.h"

static const char *const tables[] = {"one"};

static bool is_open(void)
{
	void *library = dlopen(POSTGRES_LIBRARY, RTLD_LAZY | RTLD_NOLOAD);
	return library && dlclose(library) == 0;
}

/* ---- when ---- */

static char sqlite_folder[] = "/tmp/store_postgres_library_test.XXXXXX";

static int sqlite_opens_nothing(void)
{
	static const char *const others[] = {NULL, "", "sqlite", "mysql://x"};
	char path[64], reason[STORE_REASON_MAX];
	struct store *s = NULL;
	struct store_paths paths;
	CHILD_CHECK(mkdtemp(sqlite_folder));
	(void)snprintf(path, sizeof(path), "%s/rows", sqlite_folder);
	const struct store_config config = {.path = path, .tables = tables, .tables_len = 1};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHILD_CHECK(!store_library_have(others[i], reason));
	CHILD_CHECK(!store_paths("", &paths));
	CHILD_CHECK(!store_new(&config, &s) && !store_open(s));
	store_free(s);
	CHILD_CHECK(!dir_remove(sqlite_folder));
	CHILD_CHECK(!is_open());
	return 0;
}

static int question_opens_it(void)
{
	char reason[STORE_REASON_MAX];
	CHILD_CHECK(!is_open());
	CHILD_CHECK(!store_library_have("postgres:///x", reason));
	CHILD_CHECK(is_open());
	return 0;
}

static int paths_open_it(void)
{
	struct store_paths paths;
	CHILD_CHECK(!is_open());
	CHILD_CHECK(!store_paths("postgresql:///x", &paths));
	CHILD_CHECK(is_open());
	return 0;
}

static int store_opens_it(void)
{
	const struct store_config config = {
		.url = "postgresql:///x", .tables = tables, .tables_len = 1};
	struct store *s = NULL;
	CHILD_CHECK(!is_open());
	CHILD_CHECK(!store_new(&config, &s));
	CHILD_CHECK(is_open());
	store_free(s);
	CHILD_CHECK(is_open()); /* for good */
	return 0;
}

/* First of all tests, so that each child is a process without it. */
static void is_opened_by_who_wants_it_and_nobody_else(void **state)
{
	(void)state;
	assert_child(sqlite_opens_nothing, "");
	assert_child(question_opens_it, "");
	assert_child(paths_open_it, "");
	assert_child(store_opens_it, "");
}

enum { THREADS = 8 };
static pthread_barrier_t all_there;

static void *make_one(void *arg)
{
	const struct store_config config = {
		.url = "postgresql:///x", .tables = tables, .tables_len = 1};
	struct store *s = NULL;
	(void)pthread_barrier_wait(&all_there);
	enum err *ret = arg;
	*ret = store_new(&config, &s);
	store_free(s);
	return NULL;
}

/* Second, for the same reason. */
static void threads_may_want_it_at_once(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	enum err results[THREADS];
	assert_false(is_open());
	assert_int_equal(pthread_barrier_init(&all_there, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_one, &results[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(results[i], OK);
	}
	(void)pthread_barrier_destroy(&all_there);
	assert_true(is_open());
}

/* ---- what is missing ---- */

/* Nothing is given, and the words say what was looked for, where it is had, and all of said. */
static void is_refused(const char *name, enum err e, const char *said)
{
	struct postgres_library lib, before;
	char reason[STORE_REASON_MAX] = "";
	memset(&lib, 0x5a, sizeof(lib));
	before = lib;
	assert_int_equal(postgres_library_open(name, reason, &lib), e);
	assert_memory_equal(&lib, &before, sizeof(lib));
	assert_non_null(strstr(reason, name));
	assert_non_null(strstr(reason, "libpq5"));
	assert_non_null(strstr(reason, said));
}

static void refuses_library_that_is_not_there(void **state)
{
	(void)state;
	is_refused("libgatehouse-test.so.5", ERR_ABSENT, "No such file");
}

static void refuses_file_that_is_no_library(void **state)
{
	(void)state;
	char path[] = "/tmp/store_postgres_library_test.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, "no library", 10) == 10 && close(fd) == 0);
	is_refused(path, ERR_ABSENT, "file too short");
	assert_int_equal(unlink(path), 0);
}

static void refuses_library_without_one_of_the_functions(void **state)
{
	(void)state;
	is_refused("libm.so.6", ERR_UNSUPPORTED, "PQclear");
}

static void words_that_are_too_long_are_cut(void **state)
{
	(void)state;
	struct postgres_library lib;
	char name[3 * STORE_REASON_MAX], reason[STORE_REASON_MAX + 1];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(reason, '!', sizeof(reason));
	assert_int_equal(postgres_library_open(name, reason, &lib), ERR_ABSENT);
	assert_int_equal(strlen(reason), STORE_REASON_MAX - 1);
	assert_int_equal(reason[STORE_REASON_MAX], '!');
}

/* ---- what is there ---- */

static void every_function_is_the_one_of_its_name(void **state)
{
	(void)state;
	struct postgres_library lib;
	char reason[STORE_REASON_MAX];
	assert_int_equal(postgres_library_open(POSTGRES_LIBRARY, reason, &lib), OK);
	void *library = dlopen(POSTGRES_LIBRARY, RTLD_LAZY | RTLD_NOLOAD), *there, *ours;
	assert_non_null(library);
#define POSTGRES_IS(name)                                                                          \
	there = dlsym(library, #name);                                                             \
	memcpy(&ours, &lib.name, sizeof(ours));                                                    \
	assert_non_null(there);                                                                    \
	assert_ptr_equal(ours, there);
	POSTGRES_CALLS(POSTGRES_IS)
#undef POSTGRES_IS
	assert_int_equal(dlclose(library), 0);
	assert_int_equal(lib.PQstatus(NULL), CONNECTION_BAD);
	assert_int_equal(lib.PQntuples(NULL), 0);
	lib.PQfinish(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_opened_by_who_wants_it_and_nobody_else),
		cmocka_unit_test(threads_may_want_it_at_once),
		cmocka_unit_test(refuses_library_that_is_not_there),
		cmocka_unit_test(refuses_file_that_is_no_library),
		cmocka_unit_test(refuses_library_without_one_of_the_functions),
		cmocka_unit_test(words_that_are_too_long_are_cut),
		cmocka_unit_test(every_function_is_the_one_of_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
