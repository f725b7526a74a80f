/* A folder for the database files of one test program, emptied before each fact, and a disk whose
 * syncs take the time that a test gives them. Private to the tests of SQLite; knows nothing of what
 * they show.
 *
 * A sync keeps what would be lost when the power is cut: sqlite_power_test.c has a disk of its own
 * for that. To all others, kill -9 among them, a file is what the system was given, synced or not.
 * They sync thousands of times, and each would last as long as this machine's disk and those who
 * share it please. */
#ifndef STORE_SQLITE_FILES_TEST_H
#define STORE_SQLITE_FILES_TEST_H

#include "store/contract_test.h"

#include "os/file.h"

#include <sqlite3.h>
#include <unistd.h>

static char folder[] = "/tmp/store_sqlite_test.XXXXXX";
static char path[64], wal_path[80];

static struct {
	sqlite3_vfs vfs, *below;
	/* Those below, but for the sync: databases are locked, other files are not. */
	sqlite3_io_methods database, other;
	void (*on_sync)(void); /* takes place instead of each; NULL: nothing does */
} files;

static inline int files_sync(sqlite3_file *f, int flags)
{
	(void)f;
	(void)flags;
	if (files.on_sync)
		files.on_sync();
	return SQLITE_OK;
}

static inline int files_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
			     int *ret_flags)
{
	(void)v;
	int result = files.below->xOpen(files.below, name, f, flags, ret_flags);
	sqlite3_io_methods *m = flags & SQLITE_OPEN_MAIN_DB ? &files.database : &files.other;
	if (!f->pMethods)
		return result;
	*m = *f->pMethods;
	m->xSync = files_sync;
	f->pMethods = m;
	return result;
}

static inline int make_folder(void **state)
{
	(void)state;
	files.below = sqlite3_vfs_find(NULL);
	files.vfs = *files.below;
	files.vfs.zName = "files";
	files.vfs.xOpen = files_open;
	if (sqlite3_vfs_register(&files.vfs, 1) != SQLITE_OK)
		return -1;
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
