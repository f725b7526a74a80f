/* What every store owes its callers, as tests that the back ends' test programs share. Knows no
 * database. */
#ifndef STORE_CONTRACT_TEST_H
#define STORE_CONTRACT_TEST_H

#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/random.h"

static const char *const contract_tables[] = {"one", "two"};

static inline struct span contract_key(const char *text)
{
	return span_text(text);
}

static inline struct store_item contract_put(const char *key, const char *value,
					     enum store_expect expect, uint64_t version)
{
	return (struct store_item){.expect = expect,
				   .version = version,
				   .key = span_text(key),
				   .value = span_text(value)};
}

static inline struct store_item contract_remove(const char *key, enum store_expect expect,
						uint64_t version)
{
	return (struct store_item){
		.expect = expect, .version = version, .key = span_text(key), .remove = true};
}

/* Commits one item, which must end so. */
static inline uint64_t contract_one(struct store *s, struct store_item item, enum err result)
{
	assert_int_equal(store_commit(s, &item, 1), OK);
	assert_int_equal(item.result, result);
	return item.ret_version;
}

/* ---- all rows of a table, in memory ---- */

enum { CONTRACT_ROWS_MAX = 4096 };
struct contract_row {
	uint8_t key[STORE_KEY_MAX], value[512];
	size_t key_len, value_len;
	uint64_t version;
};
struct contract_rows {
	struct contract_row rows[CONTRACT_ROWS_MAX];
	size_t len;
};

static inline struct contract_row *contract_find(struct contract_rows *all, struct span key)
{
	for (size_t i = 0; i < all->len; i++)
		if (span_equal(span_of(all->rows[i].key, all->rows[i].key_len), key))
			return &all->rows[i];
	return NULL;
}

static inline void contract_set(struct contract_rows *all, struct span key, struct span value,
				uint64_t version)
{
	struct contract_row *row = contract_find(all, key);
	if (!row) {
		assert_true(all->len < CONTRACT_ROWS_MAX);
		row = &all->rows[all->len++];
		memcpy(row->key, key.data, key.len);
		row->key_len = key.len;
	}
	assert_true(value.len <= sizeof(row->value));
	if (value.len)
		memcpy(row->value, value.data, value.len);
	row->value_len = value.len;
	row->version = version;
}

static inline void contract_unset(struct contract_rows *all, struct span key)
{
	struct contract_row *row = contract_find(all, key);
	if (row)
		*row = all->rows[--all->len];
}

static inline enum err contract_gather(void *arg, const struct store_row *row)
{
	struct contract_rows *all = arg;
	assert_false(row->removed);
	assert_null(contract_find(all, row->key)); /* told once */
	contract_set(all, row->key, row->value, row->version);
	return OK;
}

static inline void contract_load(struct store *s, unsigned table, struct contract_rows *ret)
{
	ret->len = 0;
	assert_int_equal(store_load(s, table, contract_gather, ret), OK);
}

static inline void contract_assert_same(struct contract_rows *a, struct contract_rows *b)
{
	assert_int_equal(a->len, b->len);
	for (size_t i = 0; i < a->len; i++) {
		const struct contract_row *x = &a->rows[i];
		const struct contract_row *y = contract_find(b, span_of(x->key, x->key_len));
		assert_non_null(y);
		assert_true(x->version == y->version);
		assert_true(span_equal(span_of(x->value, x->value_len),
				       span_of(y->value, y->value_len)));
	}
}

/* ---- the facts; each begins with an empty store ---- */

static inline void contract_expectations(struct store *s)
{
	uint64_t a = contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	assert_true(a > 0);
	/* There already. */
	struct store_item item = contract_put("a", "2", STORE_EXPECT_ABSENT, 0);
	assert_int_equal(store_commit(s, &item, 1), OK);
	assert_int_equal(item.result, ERR_EXISTS);
	assert_true(item.ret_version == a && span_is(item.ret_value, "1"));
	/* Another version. */
	item = contract_put("a", "2", STORE_EXPECT_VERSION, a + 1000);
	assert_int_equal(store_commit(s, &item, 1), OK);
	assert_int_equal(item.result, ERR_EXISTS);
	assert_true(item.ret_version == a && span_is(item.ret_value, "1"));
	contract_one(s, contract_put("b", "1", STORE_EXPECT_VERSION, a), ERR_ABSENT);
	contract_one(s, contract_remove("a", STORE_EXPECT_VERSION, a + 1000), ERR_EXISTS);

	uint64_t a2 = contract_one(s, contract_put("a", "2", STORE_EXPECT_VERSION, a), OK);
	assert_true(a2 > a);
	contract_one(s, contract_put("a", "3", STORE_EXPECT_VERSION, a), ERR_EXISTS);
	uint64_t a3 = contract_one(s, contract_put("a", "3", STORE_EXPECT_ANY, 0), OK);
	assert_true(a3 > a2);
	uint64_t gone = contract_one(s, contract_remove("a", STORE_EXPECT_VERSION, a3), OK);
	assert_true(gone > a3);
	contract_one(s, contract_put("a", "4", STORE_EXPECT_VERSION, gone), ERR_ABSENT);
	contract_one(s, contract_put("a", "4", STORE_EXPECT_VERSION, a3), ERR_ABSENT);
	/* What is gone may be removed again. */
	contract_one(s, contract_remove("a", STORE_EXPECT_VERSION, a3), OK);
	contract_one(s, contract_remove("a", STORE_EXPECT_ANY, 0), OK);
	contract_one(s, contract_remove("never", STORE_EXPECT_VERSION, a3), OK);
	uint64_t a4 = contract_one(s, contract_put("a", "", STORE_EXPECT_ABSENT, 0), OK);
	assert_true(a4 > gone);
	/* The same key in another table is another row. */
	item = contract_put("a", "other", STORE_EXPECT_ABSENT, 0);
	item.table = 1;
	contract_one(s, item, OK);
	static struct contract_rows rows;
	contract_load(s, 0, &rows);
	assert_int_equal(rows.len, 1);
	assert_true(rows.rows[0].version == a4 && rows.rows[0].value_len == 0);
	contract_load(s, 1, &rows);
	assert_int_equal(rows.len, 1);
	assert_int_equal(rows.rows[0].value_len, 5);
}

static inline void contract_failures_spoil_nothing(struct store *s)
{
	uint64_t a = contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	struct store_item items[] = {
		contract_put("b", "1", STORE_EXPECT_ABSENT, 0),
		contract_put("a", "x", STORE_EXPECT_ABSENT, 0),
		contract_put("c", "1", STORE_EXPECT_VERSION, 77),
		contract_put("d", "1", STORE_EXPECT_ANY, 0),
		contract_put("a", "2", STORE_EXPECT_VERSION, a),
		/* Of one key, in their order. */
		contract_put("a", "3", STORE_EXPECT_VERSION, a),
		contract_put("e", "1", STORE_EXPECT_ABSENT, 0),
		contract_put("e", "2", STORE_EXPECT_ABSENT, 0),
		contract_put("e", "3", STORE_EXPECT_ANY, 0),
		contract_remove("d", STORE_EXPECT_ANY, 0),
		contract_put("d", "2", STORE_EXPECT_ABSENT, 0),
	};
	static const enum err results[] = {OK, ERR_EXISTS, ERR_ABSENT, OK, OK, ERR_EXISTS,
					   OK, ERR_EXISTS, OK,	       OK, OK};
	enum { N = sizeof(items) / sizeof(items[0]) };
	assert_int_equal(store_commit(s, items, N), OK);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(items[i].result, results[i]);
	assert_true(span_is(items[1].ret_value, "1"));
	assert_true(span_is(items[5].ret_value, "2"));
	assert_true(span_is(items[7].ret_value, "1"));
	assert_true(items[5].ret_version == items[4].ret_version);
	static struct contract_rows rows;
	contract_load(s, 0, &rows);
	assert_int_equal(rows.len, 4);
	static const char *const want[][2] = {{"a", "2"}, {"b", "1"}, {"d", "2"}, {"e", "3"}};
	for (size_t i = 0; i < 4; i++) {
		const struct contract_row *row = contract_find(&rows, span_text(want[i][0]));
		assert_non_null(row);
		assert_true(span_is(span_of(row->value, row->value_len), want[i][1]));
	}
}

/* A commit that was taken for failed is made again as it was, after it took place. */
static inline void contract_repeats_are_our_own(struct store *s)
{
	struct store_item put = contract_put("a", "1", STORE_EXPECT_ABSENT, 0), again;
	assert_int_equal(store_commit(s, &put, 1), OK);
	again = put;
	assert_int_equal(store_commit(s, &again, 1), OK);
	assert_int_equal(again.result, OK);
	assert_true(again.ret_version == put.ret_version);

	struct store_item change = contract_put("a", "2", STORE_EXPECT_VERSION, put.ret_version);
	assert_int_equal(store_commit(s, &change, 1), OK);
	again = change;
	assert_int_equal(store_commit(s, &again, 1), OK);
	assert_int_equal(again.result, OK);
	assert_true(again.ret_version == change.ret_version);
	/* But not after somebody else's. */
	contract_one(s, contract_put("a", "3", STORE_EXPECT_ANY, 0), OK);
	again = change;
	assert_int_equal(store_commit(s, &again, 1), OK);
	assert_int_equal(again.result, ERR_EXISTS);
	struct store_item remove = contract_remove("a", STORE_EXPECT_ANY, 0);
	assert_int_equal(store_commit(s, &remove, 1), OK);
	again = remove;
	assert_int_equal(store_commit(s, &again, 1), OK);
	assert_int_equal(again.result, OK);
}

static inline void contract_holds_the_largest(struct store *s)
{
	static uint8_t key[STORE_KEY_MAX], value[STORE_VALUE_MAX];
	static struct store_item items[STORE_BATCH_MAX];
	memset(key, 0xff, sizeof(key));
	memset(value, 0, sizeof(value));
	static uint8_t keys[STORE_BATCH_MAX][STORE_KEY_MAX];
	for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
		memcpy(keys[i], key, sizeof(key));
		keys[i][STORE_KEY_MAX - 1] = (uint8_t)i;
		items[i] = (struct store_item){.expect = STORE_EXPECT_ABSENT,
					       .key = span_of(keys[i], sizeof(keys[i])),
					       .value = span_of(value, sizeof(value))};
	}
	assert_int_equal(store_commit(s, items, STORE_BATCH_MAX), OK);
	for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
		assert_int_equal(items[i].result, OK);
		assert_true(i == 0 || items[i].ret_version != items[i - 1].ret_version);
		items[i].stamp = 0;
	}
	/* All of them conflict, and all their values come back. */
	assert_int_equal(store_commit(s, items, STORE_BATCH_MAX), OK);
	for (size_t i = 0; i < STORE_BATCH_MAX; i++) {
		assert_int_equal(items[i].result, ERR_EXISTS);
		assert_true(span_equal(items[i].ret_value, span_of(value, sizeof(value))));
	}
}

static inline enum err contract_stop(void *arg, const struct store_row *row)
{
	(void)row;
	*(int *)arg += 1;
	return ERR_REFUSED;
}

static inline void contract_reading_stops_when_told(struct store *s)
{
	int calls = 0;
	contract_one(s, contract_put("a", "1", STORE_EXPECT_ABSENT, 0), OK);
	contract_one(s, contract_put("b", "1", STORE_EXPECT_ABSENT, 0), OK);
	assert_int_equal(store_load(s, 0, contract_stop, &calls), ERR_REFUSED);
	assert_int_equal(calls, 1);
	struct store_state state;
	store_state(s, &state);
	assert_true(state.connected);
	contract_one(s, contract_put("c", "1", STORE_EXPECT_ABSENT, 0), OK);
}

#endif
