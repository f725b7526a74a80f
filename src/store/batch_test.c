#include "store/batch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "store/store.h"
#include "test/guard.h"

static const struct batch_entry two[] = {
	{.table = 3,
	 .was = 7,
	 .stamp = 9,
	 .key = {(const uint8_t *)"key", 3},
	 .value = {(const uint8_t *)"value", 5}},
	{.table = 255,
	 .remove = true,
	 .was = UINT64_MAX,
	 .stamp = UINT64_MAX,
	 .key = {(const uint8_t *)"k", 1}},
};

static size_t pack(uint8_t *to, size_t cap)
{
	struct writer w = writer_of(to, cap);
	batch_write(&w, two, 2);
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

/* Reads all there is; whatever it says, it stays inside. */
static void read_all(const uint8_t *data, size_t len)
{
	size_t n;
	if (batch_len(span_of(data, len), &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct batch_entry e;
		if (batch_entry(span_of(data, len), i, &e))
			continue;
		assert_true(e.key.len > 0 && e.key.len <= STORE_KEY_MAX);
		assert_true(e.value.len <= STORE_VALUE_MAX);
		assert_true(e.key.data >= data && e.value.data + e.value.len <= data + len);
	}
}

static void refuses_prefixes_and_stays_inside_flipped_ones(void **state)
{
	(void)state;
	uint8_t bytes[256];
	size_t len = pack(bytes, sizeof(bytes)), n;
	struct batch_entry e;
	for (size_t cut = 0; cut < len; cut++)
		assert_true(batch_len(span_of(bytes, cut), &n) == ERR_FORMAT ||
			    batch_entry(span_of(bytes, cut), 1, &e) == ERR_FORMAT);
	guard_every_prefix(bytes, len, read_all);
	guard_every_bit_flip(bytes, len, read_all);
}

static void refuses_no_entries_and_too_many(void **state)
{
	(void)state;
	size_t n;
	static const uint8_t none[8] = {0};
	static uint8_t many[2 + 257 * 4] = {1, 1};
	assert_int_equal(batch_len(span_of(none, sizeof(none)), &n), ERR_FORMAT);
	assert_int_equal(batch_len(span_of(many, sizeof(many)), &n), ERR_FORMAT);
}

static void refuses_to_write_where_there_is_no_room(void **state)
{
	(void)state;
	uint8_t bytes[256];
	size_t len = pack(bytes, sizeof(bytes));
	for (size_t cap = 0; cap < len; cap++) {
		struct writer w = writer_of(bytes, cap);
		batch_write(&w, two, 2);
		assert_int_equal(writer_check(&w), ERR_LIMIT);
	}
}

static void gives_back_what_was_packed(void **state)
{
	(void)state;
	uint8_t bytes[256];
	size_t len = pack(bytes, sizeof(bytes)), n;
	assert_int_equal(batch_len(span_of(bytes, len), &n), OK);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < 2; i++) {
		struct batch_entry e;
		assert_int_equal(batch_entry(span_of(bytes, len), i, &e), OK);
		assert_int_equal(e.table, two[i].table);
		assert_int_equal(e.remove, two[i].remove);
		assert_true(e.was == two[i].was && e.stamp == two[i].stamp);
		assert_true(span_equal(e.key, two[i].key));
		assert_true(span_equal(e.value, two[i].value));
	}
	struct batch_entry e;
	assert_int_equal(batch_entry(span_of(bytes, len), 2, &e), ERR_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_prefixes_and_stays_inside_flipped_ones),
		cmocka_unit_test(refuses_no_entries_and_too_many),
		cmocka_unit_test(refuses_to_write_where_there_is_no_room),
		cmocka_unit_test(gives_back_what_was_packed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
