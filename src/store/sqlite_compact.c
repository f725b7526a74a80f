#include "store/sqlite.h"

#include <assert.h>
#include <stdlib.h>

/* Moves the journal's oldest part to the rows, a slice at a time:
 *
 *	GATHER	notes key and version of each entry, in sorted runs
 *	MOVE	merges the runs: row after row in the order of the table, a transaction a slice
 *	DROP	removes that part of the journal, from its front
 *
 * Any slice may be the last one that a crash leaves: rows that were moved are in the journal too,
 * and what is read from both is the same (sqlite.c, replay). Each key gets its last version of that
 * part, also when it has a newer one by now: what replaced it names it. */
enum {
	ENTRIES_MAX = 262144, /* 8 MiB while it runs */
	RUN_MAX = 2048,
	RUN_MIN = RUN_MAX - STORE_BATCH_MAX, /* batches come in whole */
	RUNS_MAX = ENTRIES_MAX / RUN_MIN + 2,
	SORT_LEN = 26,
	KEY_SORTED = SORT_LEN - 2,
	MOVE_ROWS = 256, /* of a slice: some milliseconds, with its sync */
	DROP_ENTRIES = 8192,
	CHECKPOINT_FRAMES = 4096,
	CHECKPOINT_BYTES = 2 << 20,
	QUIET_ENTRIES_MIN = 4096, /* worth a compaction while nobody waits */
	URGENT_BYTES = 256 << 20, /* of journal: now also while others wait */
	PAGE = 4096,
};

struct gathered {
	uint8_t sort[SORT_LEN]; /* table, key cut or with zeros, key length */
	uint8_t index;		/* in its batch */
	uint32_t age;		/* version - compaction.from */
};

static_assert(sizeof(struct gathered) == 32, "without padding");
static_assert(STORE_BATCH_MAX - 1 <= UINT8_MAX, "an index is an octet");

struct run {
	size_t at, end;
};

struct compaction {
	enum { GATHER, MOVE, DROP } phase;
	uint64_t from, until;	   /* versions; until: where GATHER is, then the end of the part */
	uint64_t stop;		   /* GATHER goes no further */
	uint64_t bytes;		   /* of the part */
	struct run runs[RUNS_MAX]; /* a heap while it moves: the smallest entry first */
	size_t runs_len;
	size_t entries_len, entries_cap;
	struct gathered entries[];
};

static size_t entries_cap(uint64_t journal_entries)
{
	size_t n = journal_entries < ENTRIES_MAX ? (size_t)journal_entries : ENTRIES_MAX;
	return n + STORE_BATCH_MAX; /* the last batch comes in whole */
}

static enum err begin(struct sqlite_store *s)
{
	size_t cap = entries_cap(s->next - s->oldest);
	struct compaction *c = malloc(sizeof(*c) + cap * sizeof(c->entries[0]));
	if (!c)
		return (enum err)ENOMEM;
	*c = (struct compaction){
		.from = s->oldest, .until = s->oldest, .stop = s->next, .entries_cap = cap};
	s->compaction = c;
	return OK;
}

void compaction_free(struct compaction *c)
{
	free(c);
}

/* ---- gather ---- */

static int compare(const void *a, const void *b)
{
	const struct gathered *x = a, *y = b;
	int order = memcmp(x->sort, y->sort, SORT_LEN);
	return order ? order : (x->age > y->age) - (x->age < y->age);
}

static void note(struct compaction *c, const struct batch_entry *entry, uint64_t first, size_t i)
{
	struct gathered *g = &c->entries[c->entries_len++];
	*g = (struct gathered){.index = (uint8_t)i, .age = (uint32_t)(first + i - c->from)};
	g->sort[0] = entry->table;
	size_t n = entry->key.len < KEY_SORTED ? entry->key.len : KEY_SORTED;
	memcpy(g->sort + 1, entry->key.data, n);
	g->sort[SORT_LEN - 1] = (uint8_t)entry->key.len;
}

static enum err note_batch(struct compaction *c, uint64_t first, struct span batch)
{
	size_t n;
	TRY(batch_len(batch, &n));
	for (size_t i = 0; i < n; i++) {
		struct batch_entry entry;
		TRY(batch_entry(batch, i, &entry));
		note(c, &entry, first, i);
	}
	c->until = first + n;
	c->bytes += batch.len;
	return OK;
}

static enum err gather(struct sqlite_store *s, struct compaction *c)
{
	sqlite3_stmt *from = sqlite_begin(s, SQL_JOURNAL_FROM);
	size_t begin_at = c->entries_len;
	bool full = false;
	int result = SQLITE_DONE;
	enum err e = OK;
	(void)sqlite3_bind_int64(from, 1, (sqlite3_int64)c->until);
	while (!e && !full && c->until < c->stop && (result = sqlite3_step(from)) == SQLITE_ROW) {
		e = note_batch(c, (uint64_t)sqlite3_column_int64(from, 0), sqlite_column(from, 1));
		full = c->entries_len - begin_at >= RUN_MIN;
		if (c->entries_len + STORE_BATCH_MAX > c->entries_cap)
			c->stop = c->until;
	}
	if (!e)
		e = sqlite_error(s, result);
	(void)sqlite3_reset(from);
	TRY(e);
	if (!full) /* there was no more */
		c->stop = c->until;
	if (c->entries_len == begin_at)
		return OK;
	qsort(&c->entries[begin_at], c->entries_len - begin_at, sizeof(c->entries[0]), compare);
	c->runs[c->runs_len++] = (struct run){begin_at, c->entries_len};
	return OK;
}

/* ---- move ---- */

static bool before(const struct compaction *c, size_t a, size_t b)
{
	return compare(&c->entries[c->runs[a].at], &c->entries[c->runs[b].at]) < 0;
}

static void sift_down(struct compaction *c, size_t at)
{
	for (;;) {
		size_t least = at, left = 2 * at + 1, right = left + 1;
		if (left < c->runs_len && before(c, left, least))
			least = left;
		if (right < c->runs_len && before(c, right, least))
			least = right;
		if (least == at)
			return;
		struct run r = c->runs[at];
		c->runs[at] = c->runs[least];
		c->runs[least] = r;
		at = least;
	}
}

/* The smallest entry that is left; NULL: none. */
static const struct gathered *peek(const struct compaction *c)
{
	return c->runs_len ? &c->entries[c->runs[0].at] : NULL;
}

static void pass(struct compaction *c)
{
	if (++c->runs[0].at == c->runs[0].end)
		c->runs[0] = c->runs[--c->runs_len];
	sift_down(c, 0);
}

/* A later entry of the same key follows. When the key was cut they may differ: then each is moved,
 * in its order, and the last one stays all the same. */
static bool is_superseded(const struct gathered *g, const struct gathered *next)
{
	return next && g->sort[SORT_LEN - 1] <= KEY_SORTED &&
	       memcmp(g->sort, next->sort, SORT_LEN) == 0;
}

static enum err write_row(struct sqlite_store *s, const struct batch_entry *entry, uint64_t version)
{
	sqlite3_stmt *put = sqlite_begin(s, entry->remove ? SQL_ROW_REMOVE : SQL_ROW_PUT);
	(void)sqlite3_bind_int(put, 1, entry->table);
	(void)sqlite3_bind_blob(put, 2, entry->key.data, (int)entry->key.len, SQLITE_STATIC);
	(void)sqlite3_bind_int64(put, 3, (sqlite3_int64)version);
	if (!entry->remove) {
		(void)sqlite3_bind_int64(put, 4, (sqlite3_int64)entry->stamp);
		/* An empty value is a blob of no bytes, not NULL. */
		const void *value = entry->value.len ? (const void *)entry->value.data : "";
		(void)sqlite3_bind_blob(put, 5, value, (int)entry->value.len, SQLITE_STATIC);
	}
	return sqlite_run(s, put);
}

/* Reads of the batch only what is wanted: a batch may be a hundred times an entry. */
static enum err read_entry(struct sqlite_store *s, sqlite3_blob *blob, size_t i,
			   struct batch_entry *ret)
{
	size_t size = (size_t)sqlite3_blob_bytes(blob);
	size_t head = size < BATCH_HEAD_MAX ? size : BATCH_HEAD_MAX;
	struct batch_place place;
	TRY(sqlite_error(s, sqlite3_blob_read(blob, s->buffer, (int)head, 0)));
	TRY(batch_place(span_of(s->buffer, head), size, i, &place));
	if (place.len > s->buffer_size)
		return ERR_FORMAT;
	TRY(sqlite_error(s, sqlite3_blob_read(blob, s->buffer, (int)place.len, (int)place.at)));
	return batch_entry_read(span_of(s->buffer, place.len), ret);
}

static enum err move_row(struct sqlite_store *s, sqlite3_blob **blob, const struct gathered *g)
{
	uint64_t version = s->compaction->from + g->age;
	sqlite3_int64 first = (sqlite3_int64)(version - g->index);
	struct batch_entry entry;
	int result = *blob ? sqlite3_blob_reopen(*blob, first)
			   : sqlite3_blob_open(s->db, "main", "journal", "batch", first, 0, blob);
	TRY(sqlite_error(s, result));
	TRY(read_entry(s, *blob, g->index, &entry));
	return write_row(s, &entry, version);
}

static enum err move_rows(struct sqlite_store *s, struct compaction *c)
{
	const struct gathered *g;
	sqlite3_blob *blob = NULL;
	enum err e = OK;
	for (size_t moved = 0; !e && moved < MOVE_ROWS && (g = peek(c));) {
		struct gathered this = *g;
		pass(c);
		s->moved++;
		if (is_superseded(&this, peek(c)))
			continue;
		e = move_row(s, &blob, &this);
		moved++;
	}
	(void)sqlite3_blob_close(blob); /* accepts NULL; its error is that of the last read */
	return e;
}

/* ---- drop ---- */

static enum err drop(struct sqlite_store *s, const struct compaction *c)
{
	static const char name[] = "next";
	sqlite3_stmt *drop = sqlite_begin(s, SQL_JOURNAL_DROP);
	uint64_t before = s->oldest + DROP_ENTRIES < c->until ? s->oldest + DROP_ENTRIES : c->until;
	(void)sqlite3_bind_int64(drop, 1, (sqlite3_int64)before);
	TRY(sqlite_run(s, drop));
	/* So that versions go on growing when the greatest is that of a removal. */
	sqlite3_stmt *put = sqlite_begin(s, SQL_NUMBER_PUT);
	(void)sqlite3_bind_text(put, 1, name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(put, 2, (sqlite3_int64)s->next);
	return sqlite_run(s, put);
}

static enum err find_oldest(struct sqlite_store *s)
{
	sqlite3_stmt *from = sqlite_begin(s, SQL_JOURNAL_FROM);
	(void)sqlite3_bind_int64(from, 1, 0);
	int result = sqlite3_step(from);
	enum err e = sqlite_error(s, result);
	if (!e)
		s->oldest =
			result == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(from, 0) : s->next;
	(void)sqlite3_reset(from);
	return e;
}

/* ---- slices ---- */

static enum err transact(struct sqlite_store *s, struct compaction *c)
{
	TRY(sqlite_transaction(s, SQL_BEGIN));
	enum err e = c->phase == MOVE ? move_rows(s, c) : drop(s, c);
	if (!e)
		e = sqlite_transaction(s, SQL_COMMIT);
	if (e && !sqlite3_get_autocommit(s->db))
		err_ignore(sqlite_transaction(s, SQL_ROLLBACK)); /* the first error counts */
	return e;
}

static enum err slice(struct sqlite_store *s, struct compaction *c)
{
	int frames = s->wal_frames;
	switch (c->phase) {
	case GATHER:
		TRY(gather(s, c));
		if (c->until < c->stop)
			return OK;
		for (size_t i = c->runs_len; i-- > 0;)
			sift_down(c, i);
		c->phase = MOVE;
		return OK;
	case MOVE:
		TRY(transact(s, c));
		if (!peek(c))
			c->phase = DROP;
		break;
	case DROP:
		TRY(transact(s, c));
		TRY(find_oldest(s));
		break;
	}
	if (s->wal_frames > frames)
		s->appended += (uint64_t)(s->wal_frames - frames) * PAGE;
	return OK;
}

static enum err compact(struct sqlite_store *s)
{
	if (!s->compaction)
		TRY(begin(s));
	struct compaction *c = s->compaction;
	enum err e = slice(s, c);
	bool done = !e && c->phase == DROP && s->oldest >= c->until;
	if (done)
		s->journal_bytes -= c->bytes;
	if (done || e) {
		/* After an error all of it may be done again. */
		compaction_free(c);
		s->compaction = NULL;
	}
	return e;
}

/* Copies the log's pages to where they belong, so that it begins anew and stays short. */
static enum err checkpoint(struct sqlite_store *s)
{
	s->appended = 0;
	s->wal_frames = 0;
	return sqlite_error(
		s, sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}

static bool is_worth(const struct sqlite_store *s)
{
	uint64_t entries = s->next - s->oldest;
	return s->compaction || (entries >= QUIET_ENTRIES_MIN && entries >= s->versions.used / 16);
}

enum err sqlite_tend(void *backend, bool quiet, bool *ret_more)
{
	struct sqlite_store *s = backend;
	if (s->appended >= CHECKPOINT_BYTES || s->wal_frames >= CHECKPOINT_FRAMES)
		TRY(checkpoint(s));
	if (quiet) {
		if (is_worth(s))
			TRY(compact(s));
	} else if (s->journal_bytes >= URGENT_BYTES) {
		/* Three rows for two that came, so that it gains on them. */
		s->debt += s->lately + s->lately / 2 + 1;
		if (s->debt >= MOVE_ROWS) {
			s->debt = 0;
			TRY(compact(s));
		}
	}
	s->lately = 0;
	*ret_more = quiet ? is_worth(s) : false;
	return OK;
}
