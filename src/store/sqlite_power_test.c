/* Power that is cut at any instant. A layer between SQLite and the system notes what was written
 * and not synced yet; of that, a disk that loses power keeps some in any order, some torn, some
 * not. */
#include "store/sqlite_ledger_test.h"

/* ---- a disk ---- */

struct written {
	uint8_t *data; /* owned; NULL: cut to `at` */
	size_t at, len;
};

/* What is safe, and what would be with luck. */
struct image {
	uint8_t *safe;
	size_t safe_len, safe_cap;
	struct written *unsafe;
	size_t unsafe_len, unsafe_cap;
};

enum { DATABASE, LOG, IMAGES };

static struct {
	struct image images[IMAGES];
	bool watching;
	uint64_t calls, cut_at; /* writes and syncs; at which one the power goes */
	bool was_cut;
	uint64_t fail_at; /* the call that ends in an error; 0: none */
	size_t failed;
	struct ledger ledger, ledger_then;
	struct test_random r;
	uint64_t writes_lost, writes_torn;
} disk;

static void apply(uint8_t **data, size_t *len, size_t *cap, const struct written *w, size_t keep)
{
	size_t end = w->at + keep;
	if (!w->data) {
		*len = w->at < *len ? w->at : *len;
		return;
	}
	if (end > *cap) {
		*cap = 2 * end;
		*data = realloc(*data, *cap);
		assert_non_null(*data);
	}
	if (end > *len) {
		memset(*data + *len, 0, end - *len);
		*len = end;
	}
	memcpy(*data + w->at, w->data, keep);
}

static void note(struct image *m, const void *data, size_t at, size_t len)
{
	if (m->unsafe_len == m->unsafe_cap) {
		m->unsafe_cap = 2 * m->unsafe_cap + 64;
		m->unsafe = realloc(m->unsafe, m->unsafe_cap * sizeof(m->unsafe[0]));
		assert_non_null(m->unsafe);
	}
	struct written *w = &m->unsafe[m->unsafe_len++];
	*w = (struct written){.at = at, .len = len};
	if (data) {
		w->data = malloc(len);
		assert_non_null(w->data);
		memcpy(w->data, data, len);
	}
}

static void sync_image(struct image *m)
{
	for (size_t i = 0; i < m->unsafe_len; i++) {
		struct written *w = &m->unsafe[i];
		apply(&m->safe, &m->safe_len, &m->safe_cap, w, w->len);
		free(w->data);
	}
	m->unsafe_len = 0;
}

static void after_power_loss(const struct image *m, const char *to)
{
	size_t len = m->safe_len, cap = m->safe_len + 1;
	uint8_t *data = malloc(cap);
	assert_non_null(data);
	memcpy(data, m->safe, len);
	/* Sometimes nearly all of it came through, sometimes hardly any. */
	size_t luck = test_random_below(&disk.r, 101);
	for (size_t i = 0; i < m->unsafe_len; i++) {
		const struct written *w = &m->unsafe[i];
		size_t sectors = w->len / 512;
		if (test_random_below(&disk.r, 100) >= luck) {
			disk.writes_lost++;
		} else if (sectors > 1 && test_random_below(&disk.r, 4) == 0) {
			size_t keep = 512 * test_random_below(&disk.r, sectors);
			apply(&data, &len, &cap, w, keep);
			disk.writes_torn++;
		} else {
			apply(&data, &len, &cap, w, w->len);
		}
	}
	FILE *f = fopen(to, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	free(data);
}

static char copy[80], copy_wal[96];

static void cut(void)
{
	after_power_loss(&disk.images[DATABASE], copy);
	after_power_loss(&disk.images[LOG], copy_wal);
	disk.ledger_then = disk.ledger;
	disk.was_cut = true;
}

/* Called before each write and sync takes place. false: it ends in an error. */
static bool tick(void)
{
	if (++disk.calls == disk.cut_at)
		cut();
	disk.failed += disk.calls == disk.fail_at;
	return disk.calls != disk.fail_at;
}

/* ---- the layer ---- */

struct layer_file {
	sqlite3_file base;
	struct image *image; /* NULL: not watched */
	sqlite3_file *real;  /* behind this struct */
};

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct layer_file *)f)->real;
}

#define REAL(f, call, ...) (real_of(f)->pMethods->call(real_of(f) __VA_OPT__(, ) __VA_ARGS__))

static int layer_close(sqlite3_file *f)
{
	return REAL(f, xClose);
}

static int layer_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
	return REAL(f, xRead, to, len, at);
}

static int layer_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
	struct image *m = ((struct layer_file *)f)->image;
	if (m && disk.watching) {
		bool good = tick();
		/* Half of those that failed have reached the disk all the same. */
		if (good || test_random_below(&disk.r, 2)) {
			note(m, data, (size_t)at, (size_t)len);
			if (!good)
				(void)REAL(f, xWrite, data, len, at);
		}
		if (!good)
			return SQLITE_IOERR_WRITE;
	}
	return REAL(f, xWrite, data, len, at);
}

static int layer_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct image *m = ((struct layer_file *)f)->image;
	if (m && disk.watching) {
		if (!tick())
			return SQLITE_IOERR_TRUNCATE;
		note(m, NULL, (size_t)size, 0);
	}
	return REAL(f, xTruncate, size);
}

/* The real disk need not be bothered. */
static int layer_sync(sqlite3_file *f, int flags)
{
	struct image *m = ((struct layer_file *)f)->image;
	(void)flags;
	if (m && disk.watching) {
		if (!tick())
			return SQLITE_IOERR_FSYNC;
		sync_image(m);
	}
	return SQLITE_OK;
}

static int layer_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return REAL(f, xFileSize, ret);
}

static int layer_lock(sqlite3_file *f, int level)
{
	return REAL(f, xLock, level);
}

static int layer_unlock(sqlite3_file *f, int level)
{
	return REAL(f, xUnlock, level);
}

static int layer_reserved(sqlite3_file *f, int *ret)
{
	return REAL(f, xCheckReservedLock, ret);
}

static int layer_control(sqlite3_file *f, int what, void *arg)
{
	return REAL(f, xFileControl, what, arg);
}

static int layer_sector(sqlite3_file *f)
{
	return REAL(f, xSectorSize);
}

static int layer_device(sqlite3_file *f)
{
	return REAL(f, xDeviceCharacteristics);
}

/* Version 1: no shared memory, which the exclusive lock makes needless. */
static const sqlite3_io_methods layer_methods = {.iVersion = 1,
						 .xClose = layer_close,
						 .xRead = layer_read,
						 .xWrite = layer_write,
						 .xTruncate = layer_truncate,
						 .xSync = layer_sync,
						 .xFileSize = layer_size,
						 .xLock = layer_lock,
						 .xUnlock = layer_unlock,
						 .xCheckReservedLock = layer_reserved,
						 .xFileControl = layer_control,
						 .xSectorSize = layer_sector,
						 .xDeviceCharacteristics = layer_device};

static sqlite3_vfs *below;
static sqlite3_vfs layer;

static int layer_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct layer_file *l = (struct layer_file *)f;
	(void)v;
	*l = (struct layer_file){.real = (sqlite3_file *)(l + 1)};
	if (name && strcmp(name, path) == 0)
		l->image = &disk.images[DATABASE];
	if (name && strcmp(name, wal_path) == 0)
		l->image = &disk.images[LOG];
	int result = below->xOpen(below, name, l->real, flags, ret_flags);
	l->base.pMethods = l->real->pMethods ? &layer_methods : NULL;
	return result;
}

static void layer_begin(void)
{
	below = sqlite3_vfs_find(NULL);
	layer = *below;
	layer.zName = "power";
	layer.szOsFile = (int)sizeof(struct layer_file) + below->szOsFile;
	layer.xOpen = layer_open;
	assert_int_equal(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
}

/* ---- the test ---- */

static void take_for_safe(struct image *m, const char *at)
{
	char *bytes = NULL;
	size_t len;
	assert_int_equal(file_read(at, 1 << 28, &bytes, &len), OK);
	m->safe = (uint8_t *)bytes;
	m->safe_len = len;
	m->safe_cap = len;
}

static void work_until_cut(struct store *s)
{
	disk.cut_at = disk.calls + 1 + test_random_below(&disk.r, 400);
	while (!disk.was_cut) {
		commit_to_ledger(s, &disk.ledger, &disk.r);
		for (size_t i = test_random_below(&disk.r, 4); i > 0; i--)
			(void)store_tend(s, true);
	}
	disk.was_cut = false;
}

static struct store *begin(void)
{
	(void)snprintf(copy, sizeof(copy), "%s/copy.sqlite", folder);
	(void)snprintf(copy_wal, sizeof(copy_wal), "%s-wal", copy);
	memset(&disk, 0, sizeof(disk));
	disk.r = test_random_begin();
	layer_begin();
	struct store *s = open_store(path);
	take_for_safe(&disk.images[DATABASE], path);
	take_for_safe(&disk.images[LOG], wal_path);
	disk.watching = true;
	return s;
}

static void end(struct store *s)
{
	disk.watching = false;
	store_free(s);
	for (int i = 0; i < IMAGES; i++) {
		sync_image(&disk.images[i]);
		free(disk.images[i].safe);
		free(disk.images[i].unsafe);
	}
	assert_int_equal(sqlite3_vfs_unregister(&layer), SQLITE_OK);
}

static void nothing_acknowledged_is_lost_to_a_power_cut(void **state)
{
	(void)state;
	enum { CUTS = 120 };
	struct store *s = begin();
	for (int i = 0; i < CUTS; i++) {
		work_until_cut(s);
		audit(copy, &disk.ledger_then);
	}
	struct store_state st;
	store_state(s, &st);
	assert_true(st.moved > 500 && disk.writes_lost > 500 && disk.writes_torn > 50);
	end(s);
}

/* Commits until it succeeds; the item stays what it was. Only we write: a conflict would be with
 * ourselves. */
static uint64_t insist(struct store *s, struct store_item item, size_t *failures)
{
	enum { TRIES = 20 };
	enum err e = (enum err)EIO;
	for (int i = 0; e && i < TRIES; i++) {
		e = store_commit(s, &item, 1);
		*failures += e != OK;
		if (e)
			err_ignore(store_open(s)); /* without waiting for its time */
	}
	assert_int_equal(item.result, OK);
	return item.ret_version;
}

static void compare_copy(struct contract_rows *model)
{
	static struct contract_rows rows;
	struct store *s = open_store(copy);
	contract_load(s, 0, &rows);
	contract_assert_same(model, &rows);
	store_free(s);
}

static void an_error_of_the_disk_loses_and_doubles_nothing(void **state)
{
	(void)state;
	enum { ERRORS = 300, CUTS = 60, KEYS = 50 };
	static struct contract_rows model, rows;
	struct store *s = begin();
	size_t failures = 0, cuts = 0;
	model.len = 0;
	while (disk.failed < ERRORS) {
		if (disk.fail_at <= disk.calls)
			disk.fail_at = disk.calls + 1 + test_random_below(&disk.r, 60);
		char key[16], value[400];
		(void)snprintf(key, sizeof(key), "%zu", test_random_below(&disk.r, KEYS));
		size_t len = crash_value(value, disk.calls);
		const struct contract_row *row = contract_find(&model, span_text(key));
		struct store_item item = {.expect =
						  row ? STORE_EXPECT_VERSION : STORE_EXPECT_ABSENT,
					  .version = row ? row->version : 0,
					  .key = span_text(key),
					  .value = span_of(value, len)};
		size_t before = failures;
		uint64_t version = insist(s, item, &failures);
		contract_set(&model, item.key, item.value, version);
		/* What a repeat found to be its own must be as safe as anything. */
		if (failures > before && cuts++ < CUTS) {
			cut();
			compare_copy(&model);
		}
		(void)store_tend(s, true);
	}
	assert_true(failures > ERRORS / 10);
	contract_load(s, 0, &rows);
	contract_assert_same(&model, &rows);
	end(s);
	s = open_store(path);
	contract_load(s, 0, &rows);
	contract_assert_same(&model, &rows);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fact(nothing_acknowledged_is_lost_to_a_power_cut),
		fact(an_error_of_the_disk_loses_and_doubles_nothing),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
