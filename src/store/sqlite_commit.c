#include "store/sqlite.h"

/* ---- the row as it stands ---- */

static bool is_of(const struct batch_entry *entry, uint8_t table, struct span key)
{
	return entry->table == table && span_equal(entry->key, key);
}

static void copy_row(struct sqlite_store *s, uint64_t version, const struct batch_entry *entry,
		     struct sqlite_row *ret)
{
	uint8_t *to = s->answers + s->answers_len;
	ASSERT(entry->value.len <= STORE_VALUE_MAX);
	if (entry->value.len)
		memcpy(to, entry->value.data, entry->value.len);
	*ret = (struct sqlite_row){
		.version = version, .stamp = entry->stamp, .value = span_of(to, entry->value.len)};
}

static enum err find_in_journal(struct sqlite_store *s, uint64_t version, uint8_t table,
				struct span key, struct sqlite_row *ret)
{
	sqlite3_stmt *at = sqlite_begin(s, SQL_JOURNAL_AT);
	(void)sqlite3_bind_int64(at, 1, (sqlite3_int64)version);
	int result = sqlite3_step(at);
	enum err e = sqlite_error(s, result);
	if (!e && result == SQLITE_ROW) {
		uint64_t first = (uint64_t)sqlite3_column_int64(at, 0);
		struct batch_entry entry;
		e = batch_entry(sqlite_column(at, 1), (size_t)(version - first), &entry);
		if (!e && !is_of(&entry, table, key))
			e = ERR_ABSENT; /* a key of the same hash */
		if (!e)
			copy_row(s, version, &entry, ret);
	} else if (!e) {
		e = ERR_ABSENT;
	}
	(void)sqlite3_reset(at);
	return e;
}

static enum err find_in_rows(struct sqlite_store *s, uint64_t version, uint8_t table,
			     struct span key, struct sqlite_row *ret)
{
	sqlite3_stmt *get = sqlite_begin(s, SQL_ROW_GET);
	(void)sqlite3_bind_int(get, 1, table);
	(void)sqlite3_bind_blob(get, 2, key.data, (int)key.len, SQLITE_STATIC);
	int result = sqlite3_step(get);
	enum err e = sqlite_error(s, result);
	if (!e && result == SQLITE_ROW && (uint64_t)sqlite3_column_int64(get, 0) == version) {
		struct batch_entry entry = {.stamp = (uint64_t)sqlite3_column_int64(get, 1),
					    .value = sqlite_column(get, 2)};
		if (entry.value.len > STORE_VALUE_MAX)
			e = ERR_FORMAT;
		else
			copy_row(s, version, &entry, ret);
	} else if (!e) {
		e = ERR_ABSENT;
	}
	(void)sqlite3_reset(get);
	return e;
}

enum err sqlite_row_find(struct sqlite_store *s, uint64_t hash, uint8_t table, struct span key,
			 struct sqlite_row *ret)
{
	uint64_t version;
	enum err e = ERR_ABSENT;
	for (size_t i = 0; e == ERR_ABSENT && (version = versions_nth(&s->versions, hash, i));
	     i++) {
		if (version >= s->next) {
			const struct batch_entry *entry = &s->entries[version - s->next];
			if (is_of(entry, table, key)) {
				copy_row(s, version, entry, ret);
				e = OK;
			}
		} else if (version >= s->oldest) {
			e = find_in_journal(s, version, table, key, ret);
		} else {
			e = find_in_rows(s, version, table, key, ret);
		}
	}
	return e;
}

/* ---- judging ---- */

/* Another row is there than was expected: our own, from a commit that we took for failed? */
static enum err answer(struct sqlite_store *s, struct store_item *item,
		       const struct sqlite_row *row)
{
	item->ret_version = row->version;
	if (row->stamp == item->stamp)
		return OK;
	item->ret_value = row->value;
	s->answers_len += row->value.len;
	return ERR_EXISTS;
}

/* The version that the item may replace. *ret_done: it was answered, there is nothing to write. */
static enum err judge(struct sqlite_store *s, struct store_item *item, uint64_t hash,
		      uint64_t *ret_was, bool *ret_done)
{
	struct sqlite_row row;
	*ret_was = 0;
	if (item->expect == STORE_EXPECT_VERSION && item->version > 0 &&
	    item->version < VERSIONS_MAX && versions_has(&s->versions, hash, item->version)) {
		*ret_was = item->version;
		return OK;
	}
	enum err e = sqlite_row_find(s, hash, s->ids[item->table], item->key, &row);
	if (e == ERR_ABSENT) {
		bool wanted = item->expect == STORE_EXPECT_VERSION && !item->remove;
		*ret_done = wanted;
		return wanted ? ERR_ABSENT : OK;
	}
	if (e)
		return e;
	if (item->expect == STORE_EXPECT_ANY && row.stamp != item->stamp) {
		*ret_was = row.version;
		return OK;
	}
	*ret_done = true;
	return answer(s, item, &row);
}

static enum err accept(struct sqlite_store *s, const struct store_item *item, uint64_t hash,
		       uint64_t was)
{
	uint64_t version = s->next + s->entries_len;
	if (version >= VERSIONS_MAX)
		return ERR_LIMIT;
	if (!item->remove)
		TRY(versions_add(&s->versions, hash, version));
	if (was)
		(void)versions_remove(&s->versions, hash, was);
	s->hashes[s->entries_len] = hash;
	s->entries[s->entries_len++] =
		(struct batch_entry){.table = s->ids[item->table],
				     .remove = item->remove,
				     .was = was,
				     .stamp = item->stamp,
				     .key = item->key,
				     .value = item->remove ? (struct span){0} : item->value};
	return OK;
}

/* Nothing became of it: the versions are what they were. */
static void undo(struct sqlite_store *s)
{
	while (s->entries_len > 0) {
		size_t i = --s->entries_len;
		if (!s->entries[i].remove)
			(void)versions_remove(&s->versions, s->hashes[i], s->next + i);
		/* In the place that its removal left there is room. */
		if (s->entries[i].was)
			err_ignore(versions_add(&s->versions, s->hashes[i], s->entries[i].was));
	}
}

static enum err judge_all(struct sqlite_store *s, struct store_item *items, size_t items_len)
{
	for (size_t i = 0; i < items_len; i++) {
		struct store_item *item = &items[i];
		uint64_t hash = versions_hash(&s->versions, s->ids[item->table], item->key);
		uint64_t was;
		bool done = false;
		item->result = judge(s, item, hash, &was, &done);
		if (s->broken)
			return item->result;
		if (item->result || done)
			continue;
		item->ret_version = s->next + s->entries_len;
		item->result = accept(s, item, hash, was);
	}
	return OK;
}

static enum err append(struct sqlite_store *s)
{
	struct writer w = writer_of(s->buffer, s->buffer_size);
	batch_write(&w, s->entries, s->entries_len);
	TRY(writer_check(&w));
	sqlite3_stmt *append = sqlite_begin(s, SQL_JOURNAL_APPEND);
	(void)sqlite3_bind_int64(append, 1, (sqlite3_int64)s->next);
	(void)sqlite3_bind_blob(append, 2, s->buffer, (int)w.pos, SQLITE_STATIC);
	TRY(sqlite_run(s, append));
	s->journal_bytes += w.pos;
	s->appended += w.pos;
	return OK;
}

enum err sqlite_commit(void *backend, struct store_item *items, size_t items_len)
{
	struct sqlite_store *s = backend;
	s->answers_len = 0;
	s->entries_len = 0;
	enum err e = judge_all(s, items, items_len);
	if (!e && s->entries_len > 0)
		e = append(s);
	if (e) {
		undo(s);
		return e;
	}
	s->next += s->entries_len;
	s->lately += s->entries_len;
	s->entries_len = 0;
	return OK;
}
