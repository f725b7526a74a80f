/* A folder for the database files of one test program, emptied before each fact. Private to the
 * tests of SQLite; knows nothing of what they show. */
#ifndef STORE_SQLITE_FILES_TEST_H
#define STORE_SQLITE_FILES_TEST_H

#include "store/contract_test.h"

#include "os/file.h"

#include <unistd.h>

static char folder[] = "/tmp/store_sqlite_test.XXXXXX";
static char path[64], wal_path[80];

static inline int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/state.sqlite", folder);
	(void)snprintf(wal_path, sizeof(wal_path), "%s-wal", path);
	return 0;
}

static inline int remove_folder(void **state)
{
	(void)state;
	return dir_remove(folder) != OK;
}

static inline int no_files(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(wal_path);
	return 0;
}

static inline struct store *new_store(const char *at)
{
	struct store_config config = {.path = at, .tables = contract_tables, .tables_len = 2};
	struct store *s = NULL;
	assert_int_equal(store_new(&config, &s), OK);
	return s;
}

static inline struct store *open_store(const char *at)
{
	struct store *s = new_store(at);
	assert_int_equal(store_open(s), OK);
	return s;
}

static inline enum err ignore_row(void *arg, const struct store_row *row)
{
	(void)row;
	*(size_t *)arg += 1;
	return OK;
}

static inline void put_many(struct store *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char key[32];
		(void)snprintf(key, sizeof(key), "key %zu", i);
		contract_one(s, contract_put(key, "a value of some length", STORE_EXPECT_ANY, 0),
			     OK);
	}
}

#define fact(f) cmocka_unit_test_setup(f, no_files)

#endif
