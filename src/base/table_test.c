#include "base/table.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct record {
	uint32_t key;
	unsigned seen;
	bool in; /* the oracle: is it in the table? */
};

static bool record_equal(const void *record, const void *key, size_t key_len)
{
	const struct record *r = record;
	return key_len == sizeof(r->key) && memcmp(&r->key, key, key_len) == 0;
}

static const struct hash_key hash_key = {1, 2};

/* The hashes of `narrow` tests are few, so that runs are long, collide and wrap around the end. */
static uint32_t hash_of(const struct table *t, const struct record *r, unsigned narrow)
{
	uint32_t hash = table_hash(t, span_of(&r->key, sizeof(r->key)));
	return narrow ? (uint32_t)-1 - hash % narrow : hash;
}

static struct record *find(const struct table *t, const struct record *r, unsigned narrow)
{
	return table_find(t, hash_of(t, r, narrow), &r->key, sizeof(r->key));
}

static enum err insert(struct table *t, struct record *r, unsigned narrow)
{
	return table_insert(t, hash_of(t, r, narrow), &r->key, sizeof(r->key), r);
}

static struct record *take_out(struct table *t, const struct record *r, unsigned narrow)
{
	return table_remove(t, hash_of(t, r, narrow), &r->key, sizeof(r->key));
}

static void refuses_a_key_that_is_there(void **state)
{
	(void)state;
	struct table t;
	struct record a = {.key = 5}, b = {.key = 5};
	table_init(&t, hash_key, 10, record_equal);
	assert_int_equal(insert(&t, &a, 0), OK);
	assert_int_equal(insert(&t, &b, 0), ERR_EXISTS);
	assert_ptr_equal(find(&t, &b, 0), &a);
	assert_int_equal(table_used(&t), 1);
	assert_int_equal(t.refused, 0);
	table_done(&t);
}

static void refuses_more_than_its_maximum_and_counts_it(void **state)
{
	(void)state;
	struct table t;
	struct record records[101];
	table_init(&t, hash_key, 100, record_equal);
	assert_int_equal(table_reserve(&t, 101), ERR_LIMIT);
	for (uint32_t i = 0; i < 101; i++) {
		records[i] = (struct record){.key = i};
		assert_int_equal(insert(&t, &records[i], 0), i < 100 ? OK : ERR_LIMIT);
	}
	assert_int_equal(t.refused, 1);
	assert_null(find(&t, &records[100], 0));
	assert_ptr_equal(take_out(&t, &records[7], 0), &records[7]);
	assert_int_equal(insert(&t, &records[100], 0), OK);
	table_done(&t);
}

static void finds_nothing_in_an_empty_table(void **state)
{
	(void)state;
	struct table t;
	struct record r = {.key = 1};
	size_t at = 0;
	table_init(&t, hash_key, 10, record_equal);
	assert_null(find(&t, &r, 0));
	assert_null(take_out(&t, &r, 0));
	assert_null(table_next(&t, &at));
	assert_int_equal(insert(&t, &r, 0), OK);
	assert_ptr_equal(take_out(&t, &r, 0), &r);
	assert_null(find(&t, &r, 0));
	table_done(&t);
	table_done(&(struct table){0});
	table_done(NULL);
}

static void neither_moves_nor_allocates_within_what_was_reserved(void **state)
{
	(void)state;
	enum { N = 5000 };
	static struct record records[N];
	struct table t;
	table_init(&t, hash_key, N, record_equal);
	assert_int_equal(table_reserve(&t, N), OK);
	const struct table_slot *slots = t.slots;
	for (uint32_t i = 0; i < N; i++) {
		records[i] = (struct record){.key = i};
		assert_int_equal(insert(&t, &records[i], 0), OK);
	}
	assert_ptr_equal(t.slots, slots);
	assert_int_equal(table_reserve(&t, 1), OK);
	assert_ptr_equal(t.slots, slots);
	table_done(&t);
}

static void hashes_by_its_key(void **state)
{
	(void)state;
	struct table a, b;
	table_init(&a, (struct hash_key){1, 2}, 1, record_equal);
	table_init(&b, (struct hash_key){1, 3}, 1, record_equal);
	unsigned same = 0;
	for (uint32_t i = 0; i < 100; i++)
		same += table_hash(&a, span_of(&i, 4)) == table_hash(&b, span_of(&i, 4));
	assert_true(same < 2);
}

static bool drop_odd(void *record, void *arg)
{
	struct record *r = record;
	r->seen++;
	(void)arg;
	if (r->key % 2 == 0)
		return false;
	r->in = false;
	return true;
}

static void check_against_oracle(const struct table *t, struct record *records, size_t n,
				 unsigned narrow)
{
	size_t in = 0;
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(find(t, &records[i], narrow), records[i].in ? &records[i] : NULL);
		in += records[i].in;
		records[i].seen = 0;
	}
	assert_int_equal(table_used(t), in);
	struct record *r;
	for (size_t at = 0; (r = table_next(t, &at));)
		r->seen++;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(records[i].seen, records[i].in);
		records[i].seen = 0;
	}
}

static void agree_on_random_steps(struct test_random *random, size_t n, unsigned narrow)
{
	struct record *records = calloc(n, sizeof(*records));
	struct table t;
	table_init(&t, (struct hash_key){test_random_next(random), 7}, n, record_equal);
	for (size_t i = 0; i < n; i++)
		records[i].key = (uint32_t)i;
	for (size_t step = 0; step < n * 30; step++) {
		struct record *r = &records[test_random_below(random, n)];
		bool rise = step / (n * 5) % 2 == 0;
		if (test_random_below(random, 10) < (rise ? 7u : 3u)) {
			assert_int_equal(insert(&t, r, narrow), r->in ? ERR_EXISTS : OK);
			r->in = true;
		} else {
			assert_ptr_equal(take_out(&t, r, narrow), r->in ? r : NULL);
			r->in = false;
		}
		if (step % n == 0)
			check_against_oracle(&t, records, n, narrow);
	}
	size_t odd = 0, all = table_used(&t);
	for (size_t i = 0; i < n; i++)
		odd += records[i].in && records[i].key % 2;
	bool was_in_even = n > 1 && records[0].in;
	assert_int_equal(table_sweep(&t, drop_odd, NULL), odd);
	size_t asked = 0;
	for (size_t i = 0; i < n; i++) {
		assert_true(records[i].seen <= 1);
		asked += records[i].seen;
	}
	assert_int_equal(asked, all);
	if (was_in_even)
		assert_true(records[0].in);
	check_against_oracle(&t, records, n, narrow);
	table_done(&t);
	free(records);
}

static void agrees_with_an_array_on_random_steps(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	agree_on_random_steps(&random, 1, 0);
	agree_on_random_steps(&random, 14, 0);
	agree_on_random_steps(&random, 3000, 0);
	agree_on_random_steps(&random, 14, 2);
	agree_on_random_steps(&random, 100, 1);
	agree_on_random_steps(&random, 400, 7);
	for (unsigned narrow = 1; narrow < 16; narrow++)
		for (size_t n = 2; n < 20; n++)
			agree_on_random_steps(&random, n, narrow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_key_that_is_there),
		cmocka_unit_test(refuses_more_than_its_maximum_and_counts_it),
		cmocka_unit_test(finds_nothing_in_an_empty_table),
		cmocka_unit_test(neither_moves_nor_allocates_within_what_was_reserved),
		cmocka_unit_test(hashes_by_its_key),
		cmocka_unit_test(agrees_with_an_array_on_random_steps),
	};
	return cmocka_run_group_tests_name("base_table", tests, NULL, NULL);
}
