/* A writer that notes what it asked for and what was acknowledged, and a check of a database
 * against those notes. Private to the tests of SQLite; knows nothing of how the writer was cut off.
 */
#ifndef STORE_SQLITE_LEDGER_TEST_H
#define STORE_SQLITE_LEDGER_TEST_H

#include "store/sqlite_files_test.h"

enum { CRASH_KEYS = 700 };

/* What was acknowledged, and what was asked; may be shared with the process that writes. */
struct ledger {
	volatile uint64_t asked[CRASH_KEYS], acknowledged[CRASH_KEYS];
	volatile uint64_t commits, moved;
};

static inline void crash_key(char *ret, size_t size, size_t i)
{
	(void)snprintf(ret, size, "address %zu", i);
}

/* The number again and again: a torn one would not fit itself. */
static inline size_t crash_value(char *ret, uint64_t number)
{
	size_t len = 8 * (1 + number % 40);
	for (size_t i = 0; i < len; i += 8)
		memcpy(ret + i, &number, 8);
	return len;
}

static inline void commit_to_ledger(struct store *s, struct ledger *l, struct test_random *r)
{
	enum { N = 64 };
	static char keys[N][32], values[N][400];
	struct store_item items[N];
	size_t which[N], n = 1 + test_random_below(r, N), at = test_random_below(r, CRASH_KEYS);
	for (size_t i = 0; i < n; i++, at++) {
		which[i] = at % CRASH_KEYS;
		crash_key(keys[i], sizeof(keys[i]), which[i]);
		uint64_t number = ++l->asked[which[i]];
		items[i] = (struct store_item){.key = span_text(keys[i])};
		items[i].value = span_of(values[i], crash_value(values[i], number));
	}
	if (store_commit(s, items, n))
		_exit(3);
	for (size_t i = 0; i < n; i++) {
		if (items[i].result)
			_exit(4);
		l->acknowledged[which[i]] = l->asked[which[i]];
	}
	l->commits++;
}

struct audit {
	const struct ledger *ledger;
	bool seen[CRASH_KEYS];
};

static inline enum err audit_row(void *arg, const struct store_row *row)
{
	struct audit *a = arg;
	char key[32] = "", expected[400];
	uint64_t number = 0;
	assert_true(row->key.len > 8 && row->key.len < sizeof(key) && row->value.len >= 8);
	memcpy(key, row->key.data, row->key.len);
	size_t i = strtoul(key + 8, NULL, 10);
	assert_true(i < CRASH_KEYS && !a->seen[i]);
	a->seen[i] = true;
	memcpy(&number, row->value.data, sizeof(number));
	assert_true(span_equal(row->value, span_of(expected, crash_value(expected, number))));
	assert_true(number >= a->ledger->acknowledged[i] && number <= a->ledger->asked[i]);
	return OK;
}

static inline void audit(const char *at, const struct ledger *l)
{
	struct audit a = {.ledger = l};
	struct store *s = open_store(at);
	assert_int_equal(store_load(s, 0, audit_row, &a), OK);
	for (size_t i = 0; i < CRASH_KEYS; i++)
		assert_true(a.seen[i] || l->acknowledged[i] == 0);
	store_free(s);
}

#endif
