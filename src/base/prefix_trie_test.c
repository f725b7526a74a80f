#include "base/prefix_trie.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int marks[10];

static void prefers_the_longest_prefix(void **state)
{
	(void)state;
	struct prefix_trie t;
	prefix_trie_init(&t, 4, 10);
	const uint8_t any[4] = {0}, ten[4] = {10}, net[4] = {10, 1, 2}, host[4] = {10, 1, 2, 3};
	assert_null(prefix_trie_find(&t, host));
	assert_int_equal(prefix_trie_insert(&t, host, 32, &marks[3]), OK);
	assert_int_equal(prefix_trie_insert(&t, any, 0, &marks[0]), OK);
	assert_int_equal(prefix_trie_insert(&t, net, 24, &marks[2]), OK);
	assert_int_equal(prefix_trie_insert(&t, ten, 8, &marks[1]), OK);
	unsigned bits = 99;
	assert_ptr_equal(prefix_trie_find_bits(&t, host, &bits), &marks[3]);
	assert_int_equal(bits, 32);
	assert_ptr_equal(prefix_trie_find(&t, (const uint8_t[4]){10, 1, 2, 4}), &marks[2]);
	assert_ptr_equal(prefix_trie_find(&t, (const uint8_t[4]){10, 1, 3, 3}), &marks[1]);
	assert_ptr_equal(prefix_trie_find_bits(&t, (const uint8_t[4]){11}, &bits), &marks[0]);
	assert_int_equal(bits, 0);
	prefix_trie_done(&t);
}

static void refuses_the_same_prefix_and_more_than_its_maximum(void **state)
{
	(void)state;
	struct prefix_trie t;
	prefix_trie_init(&t, 4, 2);
	const uint8_t a[4] = {10, 0, 0, 1}, b[4] = {10, 0, 0, 2}, c[4] = {9};
	assert_int_equal(prefix_trie_insert(&t, a, 8, &marks[0]), OK);
	/* The bits beyond the length do not count. */
	assert_int_equal(prefix_trie_insert(&t, b, 8, &marks[1]), ERR_EXISTS);
	assert_ptr_equal(prefix_trie_find_exact(&t, b, 8), &marks[0]);
	assert_int_equal(prefix_trie_insert(&t, c, 8, &marks[1]), OK);
	for (unsigned bits = 0; bits < 33; bits++)
		if (bits != 8)
			assert_int_equal(prefix_trie_insert(&t, a, bits, &marks[2]), ERR_LIMIT);
	assert_int_equal(t.refused, 32);
	assert_int_equal(t.used, 2);
	prefix_trie_done(&t);
	prefix_trie_done(&(struct prefix_trie){0});
	prefix_trie_done(NULL);
}

static void finds_exactly_or_not_at_all(void **state)
{
	(void)state;
	struct prefix_trie t;
	prefix_trie_init(&t, 4, 10);
	const uint8_t a[4] = {0x80}, b[4] = {0xc0};
	assert_int_equal(prefix_trie_insert(&t, a, 2, &marks[0]), OK);
	assert_int_equal(prefix_trie_insert(&t, b, 2, &marks[1]), OK);
	assert_null(prefix_trie_find_exact(&t, a, 1)); /* a fork, not a prefix */
	assert_null(prefix_trie_remove(&t, a, 1));
	assert_null(prefix_trie_find_exact(&t, a, 3));
	assert_null(prefix_trie_remove(&t, a, 3));
	assert_ptr_equal(prefix_trie_remove(&t, a, 2), &marks[0]);
	assert_null(prefix_trie_remove(&t, a, 2));
	assert_ptr_equal(prefix_trie_find_exact(&t, b, 2), &marks[1]);
	prefix_trie_done(&t);
}

/* --- against an array --- */

enum { ORACLE_MAX = 600 };

struct entry {
	uint8_t prefix[16];
	unsigned bits;
	bool in;
};

struct oracle {
	struct prefix_trie trie;
	struct entry entries[ORACLE_MAX];
	size_t width;
	size_t at; /* of the walk */
};

static bool begins_with(const uint8_t *a, const struct entry *e)
{
	for (unsigned i = 0; i < e->bits; i++)
		if ((a[i / 8] ^ e->prefix[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static struct entry *slow_find(struct oracle *o, const uint8_t *address)
{
	struct entry *best = NULL;
	for (size_t i = 0; i < ORACLE_MAX; i++) {
		struct entry *e = &o->entries[i];
		if (e->in && begins_with(address, e) && (!best || e->bits > best->bits))
			best = e;
	}
	return best;
}

static struct entry *slow_find_exact(struct oracle *o, const struct entry *like)
{
	for (size_t i = 0; i < ORACLE_MAX; i++) {
		struct entry *e = &o->entries[i];
		if (e->in && e->bits == like->bits && begins_with(like->prefix, e))
			return e;
	}
	return NULL;
}

/* Few distinct bytes, so that prefixes are often inside one another. */
static void random_key(struct test_random *random, size_t width, uint8_t *ret)
{
	static const uint8_t bytes[] = {0x00, 0xff, 0x80, 0x01, 0xaa, 0xab};
	for (size_t i = 0; i < width; i++)
		ret[i] = test_random_below(random, 8) ? bytes[test_random_below(random, 6)]
						      : (uint8_t)test_random_next(random);
}

static void step(struct oracle *o, struct test_random *random, bool rise)
{
	struct entry *e = &o->entries[test_random_below(random, ORACLE_MAX)];
	if (e->in && !rise) {
		assert_ptr_equal(prefix_trie_remove(&o->trie, e->prefix, e->bits), e);
		e->in = false;
	} else if (!e->in) {
		random_key(random, o->width, e->prefix);
		e->bits = (unsigned)test_random_below(random, o->width * 8 + 1);
		struct entry *there = slow_find_exact(o, e);
		assert_ptr_equal(prefix_trie_find_exact(&o->trie, e->prefix, e->bits), there);
		if (!rise) {
			assert_ptr_equal(prefix_trie_remove(&o->trie, e->prefix, e->bits), there);
			if (there)
				there->in = false;
			return;
		}
		assert_int_equal(prefix_trie_insert(&o->trie, e->prefix, e->bits, e),
				 there ? ERR_EXISTS : OK);
		e->in = !there;
	}
}

static struct entry last_walked;

static bool walk(const uint8_t *prefix, unsigned bits, void *value, void *arg)
{
	struct oracle *o = arg;
	struct entry *e = value;
	assert_true(e->in);
	assert_int_equal(bits, e->bits);
	assert_true(begins_with(prefix, e));
	for (unsigned i = bits; i < o->width * 8; i++)
		assert_int_equal(prefix[i / 8] >> (7 - i % 8) & 1, 0);
	if (o->at) {
		int order = memcmp(last_walked.prefix, prefix, o->width);
		assert_true(order < 0 || (order == 0 && last_walked.bits < bits));
	}
	memcpy(last_walked.prefix, prefix, o->width);
	last_walked.bits = bits;
	return ++o->at < 100000;
}

static void agree_on_random_steps(struct test_random *random, size_t width)
{
	struct oracle *o = calloc(1, sizeof(*o));
	o->width = width;
	prefix_trie_init(&o->trie, width, ORACLE_MAX);
	for (int round = 0; round < 6000; round++) {
		step(o, random, round / 1500 % 2 == 0);
		uint8_t address[16];
		random_key(random, width, address);
		const struct entry *wanted = slow_find(o, address);
		unsigned bits = 999;
		assert_ptr_equal(prefix_trie_find_bits(&o->trie, address, &bits), wanted);
		assert_int_equal(bits, wanted ? wanted->bits : 999);
		if (round % 100 != 0)
			continue;
		size_t in = 0;
		for (size_t i = 0; i < ORACLE_MAX; i++)
			in += o->entries[i].in;
		assert_int_equal(o->trie.used, in);
		o->at = 0;
		prefix_trie_each(&o->trie, walk, o);
		assert_int_equal(o->at, in);
	}
	for (size_t i = 0; i < ORACLE_MAX; i++)
		if (o->entries[i].in)
			assert_ptr_equal(prefix_trie_remove(&o->trie, o->entries[i].prefix,
							    o->entries[i].bits),
					 &o->entries[i]);
	assert_null(o->trie.root); /* no fork is left behind */
	prefix_trie_done(&o->trie);
	free(o);
}

static void agrees_with_an_array_on_random_prefixes(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	agree_on_random_steps(&random, 1);
	agree_on_random_steps(&random, 4);
	agree_on_random_steps(&random, 16);
}

static bool stops_at_two(const uint8_t *prefix, unsigned bits, void *value, void *arg)
{
	(void)prefix, (void)bits, (void)value;
	return ++*(int *)arg < 2;
}

static void walks_a_full_chain_and_stops_when_told(void **state)
{
	(void)state;
	struct prefix_trie t;
	prefix_trie_init(&t, 16, 1000);
	uint8_t zeros[16] = {0};
	for (unsigned bits = 0; bits <= 128; bits++)
		assert_int_equal(prefix_trie_insert(&t, zeros, bits, &marks[0]), OK);
	for (unsigned bits = 1; bits <= 128; bits++) {
		uint8_t branch[16] = {0};
		branch[(bits - 1) / 8] = (uint8_t)(0x80 >> (bits - 1) % 8);
		assert_int_equal(prefix_trie_insert(&t, branch, bits, &marks[1]), OK);
	}
	int calls = -1000;
	prefix_trie_each(&t, stops_at_two, &calls);
	assert_int_equal(calls, -1000 + 257);
	calls = 0;
	prefix_trie_each(&t, stops_at_two, &calls);
	assert_int_equal(calls, 2);
	prefix_trie_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefers_the_longest_prefix),
		cmocka_unit_test(refuses_the_same_prefix_and_more_than_its_maximum),
		cmocka_unit_test(finds_exactly_or_not_at_all),
		cmocka_unit_test(agrees_with_an_array_on_random_prefixes),
		cmocka_unit_test(walks_a_full_chain_and_stops_when_told),
	};
	return cmocka_run_group_tests_name("base_prefix_trie", tests, NULL, NULL);
}
