#include "os/bpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/bpf_test.h"

static const char no_rights[] = "this user or kernel does not load programs";

enum { ENTRIES = 1000 };

static enum err load(struct bpf_set **ret)
{
	AUTO(bpf_set_free) struct bpf_set *set = NULL;
	TRY(bpf_test_open(&set));
	TRY(bpf_set_entries(set, "flows", ENTRIES));
	TRY(bpf_set_load(set));
	*ret = TAKE(set);
	return OK;
}

static int one_by_one(void)
{
	struct bpf_set *set = NULL;
	struct bpf_table t;
	uint32_t key = 1, next = 0;
	uint64_t value = 10, got = 0;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set) && !bpf_set_table(set, "flows", &t) && t.cpus == 1);
	CHILD_CHECK(bpf_table_get(&t, &key, &got) == ERR_ABSENT);
	CHILD_CHECK(bpf_table_next(&t, NULL, &next) == ERR_ABSENT);
	CHILD_CHECK(bpf_table_put(&t, &key, &value, BPF_PUT_OLD) == ERR_ABSENT);
	CHILD_CHECK(!bpf_table_put(&t, &key, &value, BPF_PUT_NEW));
	CHILD_CHECK(bpf_table_put(&t, &key, &value, BPF_PUT_NEW) == ERR_EXISTS);
	CHILD_CHECK(!bpf_table_get(&t, &key, &got) && got == 10);
	CHILD_CHECK(!bpf_table_next(&t, NULL, &next) && next == 1);
	CHILD_CHECK(bpf_table_next(&t, &next, &next) == ERR_ABSENT);
	CHILD_CHECK(!bpf_table_remove(&t, &key) && bpf_table_remove(&t, &key) == ERR_ABSENT);
	enum err e = OK;
	for (key = 0; key < ENTRIES && !e; key++)
		e = bpf_table_put(&t, &key, &value, BPF_PUT);
	CHILD_CHECK(!e && bpf_table_put(&t, &key, &value, BPF_PUT) == ERR_LIMIT);
	bpf_set_free(set);
	return 0;
}

static void entries_come_go_and_have_a_bound(void **state)
{
	(void)state;
	assert_child(one_by_one, no_rights);
}

static uint32_t keys[ENTRIES];
static uint64_t values[ENTRIES];

/* Reads all in portions; false when one is there twice or has another's value. */
static bool read_all(const struct bpf_table *t, uint32_t portion, uint32_t *ret)
{
	static bool seen[ENTRIES];
	struct bpf_cursor cursor = {0};
	uint32_t total = 0;
	memset(seen, 0, sizeof(seen));
	while (!cursor.ended) {
		uint32_t n = portion;
		if (bpf_table_read(t, &cursor, keys, values, &n))
			return false;
		for (uint32_t i = 0; i < n; i++) {
			if (keys[i] >= ENTRIES || seen[keys[i]] || values[i] != keys[i] * 3ULL)
				return false;
			seen[keys[i]] = true;
		}
		total += n;
	}
	*ret = total;
	return true;
}

static int many(void)
{
	struct bpf_set *set = NULL;
	struct bpf_table t;
	struct bpf_cursor cursor = {0};
	uint32_t done = 0, n = 1;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set) && !bpf_set_table(set, "flows", &t));
	CHILD_CHECK(read_all(&t, 64, &n) && n == 0);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		keys[i] = i;
		values[i] = i * 3ULL;
	}
	CHILD_CHECK(!bpf_table_put_many(&t, keys, values, ENTRIES, &done) && done == ENTRIES);
	CHILD_CHECK(read_all(&t, 64, &n) && n == ENTRIES);
	CHILD_CHECK(read_all(&t, ENTRIES, &n) && n == ENTRIES);
	/* With 1,000 in 1,024 buckets some bucket has more than one. */
	enum err e = OK;
	while (!e && !cursor.ended) {
		n = 1;
		e = bpf_table_read(&t, &cursor, keys, values, &n);
	}
	CHILD_CHECK(e == ERR_LIMIT);
	for (uint32_t i = 0; i < 600; i++)
		keys[i] = i;
	CHILD_CHECK(!bpf_table_remove_many(&t, keys, 600, &done) && done == 600);
	CHILD_CHECK(bpf_table_remove_many(&t, keys, 1, &done) == ERR_ABSENT && done == 0);
	CHILD_CHECK(read_all(&t, 64, &n) && n == 400);
	bpf_set_free(set);
	return 0;
}

static void many_entries_go_at_once(void **state)
{
	(void)state;
	assert_child(many, no_rights);
}

static int values_of_cpus(void)
{
	struct bpf_set *set = NULL;
	struct bpf_table t;
	const uint32_t key = 1;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set) && !bpf_set_table(set, "counts", &t));
	CHILD_CHECK(t.cpus >= 1 && t.value_size == 4 && t.value_room == 8 * (size_t)t.cpus);
	uint8_t *room = malloc(t.value_room + 1);
	CHILD_CHECK(room);
	memset(room, 0x5a, t.value_room + 1);
	CHILD_CHECK(!bpf_table_get(&t, &key, room));
	CHILD_CHECK(room[0] == 0 && room[t.value_room - 8] == 0 && room[t.value_room] == 0x5a);
	free(room);
	bpf_set_free(set);
	return 0;
}

static void tables_of_all_cpus_say_their_room(void **state)
{
	(void)state;
	assert_child(values_of_cpus, no_rights);
}

static int memory(void)
{
	struct bpf_set *set = NULL;
	struct bpf_table t;
	struct bpf_memory memory = {0};
	const uint32_t key = 3;
	uint64_t value = 99;
	if (bpf_test_may_not())
		return CHILD_SKIPS;
	CHILD_CHECK(!load(&set) && !bpf_set_table(set, "shown", &t));
	CHILD_CHECK(!bpf_table_map(&t, true, &memory) && memory.len >= 32);
	uint64_t *at = memory.base;
	CHILD_CHECK(!bpf_table_put(&t, &key, &value, BPF_PUT) && at[3] == 99);
	at[3] = 98;
	CHILD_CHECK(!bpf_table_get(&t, &key, &value) && value == 98);
	bpf_memory_done(&memory);
	bpf_memory_done(&memory);
	CHILD_CHECK(!bpf_table_map(&t, false, &memory));
	CHILD_CHECK(((const uint64_t *)memory.base)[3] == 98);
	bpf_memory_done(&memory);
	/* One that was not made for it. */
	CHILD_CHECK(!bpf_set_table(set, "flows", &t) && bpf_table_map(&t, false, &memory));
	bpf_set_free(set);
	return 0;
}

static void memory_of_an_array_is_shared(void **state)
{
	(void)state;
	assert_child(memory, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_go_and_have_a_bound),
		cmocka_unit_test(many_entries_go_at_once),
		cmocka_unit_test(tables_of_all_cpus_say_their_room),
		cmocka_unit_test(memory_of_an_array_is_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
