/* runs with threads */
#include "service/reverse-proxy/guard/share.h"

#include "service/reverse-proxy/guard/state.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW UINT64_C(1000000)

static const uint8_t key[GUARD_SHARE_KEY_LEN] = "sixteen octets";

static struct guard_state *gateway(const uint8_t *share_key)
{
	const struct guard_state_conf conf = {1024, 64, 64, 60000, share_key, 1024};
	struct guard_state *s = NULL;
	assert_int_equal(guard_state_new(&conf, &s), OK);
	return s;
}

/* How many of `tries` are admitted. */
static unsigned ask(struct guard_state *s, const char *who, struct state_bucket b, unsigned tries,
		    uint64_t now_ms)
{
	unsigned n = 0;
	for (unsigned i = 0; i < tries; i++) {
		struct state_taken t;
		state_take(s, span_text(who), &b, now_ms, &t);
		n += t.taken;
	}
	return n;
}

/* All that one admitted is told to another; returns how many requests that were. */
static unsigned tell(struct guard_state *from, struct guard_state *to, unsigned others,
		     uint64_t now_ms)
{
	struct guard_share shares[64];
	size_t n = guard_shares_take(from, shares, 64);
	unsigned sum = 0;
	for (size_t i = 0; i < n; i++) {
		sum += shares[i].count;
		guard_share_charge(to, &shares[i], others, now_ms);
	}
	return sum;
}

static void what_others_admit_is_taken_from_ones_own_bucket(void **state)
{
	(void)state;
	const struct state_bucket b = {10, 10000, 10, true};
	struct guard_state *one = gateway(key), *other = gateway(key);
	assert_int_equal(ask(one, "ann", b, 6, NOW), 6);
	assert_int_equal(tell(one, other, 1, NOW), 6);
	assert_int_equal(tell(one, other, 1, NOW), 0); /* once only */
	assert_int_equal(ask(other, "ann", b, 20, NOW), 4);
	assert_int_equal(ask(other, "bob", b, 20, NOW), 10);
	assert_int_equal(tell(other, one, 1, NOW), 14); /* what was refused is not told */
	assert_int_equal(ask(one, "ann", b, 20, NOW), 0);
	assert_int_equal(ask(one, "ann", b, 20, NOW + 3000), 3);
	guard_state_free(one);
	guard_state_free(other);
}

/* Both gave a whole burst before they heard: the second one is paid back. */
static void what_was_too_much_is_owed(void **state)
{
	(void)state;
	const struct state_bucket b = {10, 10000, 10, true};
	struct guard_state *one = gateway(key), *other = gateway(key);
	assert_int_equal(ask(one, "ann", b, 20, NOW) + ask(other, "ann", b, 20, NOW), 20);
	assert_int_equal(tell(one, other, 1, NOW), 10);
	assert_int_equal(tell(other, one, 1, NOW), 10);
	assert_int_equal(ask(one, "ann", b, 20, NOW + 10000), 0);
	assert_int_equal(ask(one, "ann", b, 20, NOW + 11000), 1);
	assert_int_equal(ask(other, "ann", b, 20, NOW + 20000), 10);
	guard_state_free(one);
	guard_state_free(other);
}

/* Whatever others say, who is let wait is let in again. */
static void what_is_owed_has_a_bound(void **state)
{
	(void)state;
	const struct state_bucket b = {10, 10000, 10, true};
	struct guard_state *one = gateway(key), *other = gateway(key);
	struct guard_share share;
	assert_int_equal(ask(other, "ann", b, 1, NOW), 1);
	assert_int_equal(guard_shares_take(other, &share, 1), 1);
	share.count = GUARD_SHARE_COUNT_MAX;
	for (unsigned i = 0; i < 3; i++)
		guard_share_charge(one, &share, 1, NOW);
	/* A burst is 10 s here: its own, the other's, and a second of delay. */
	assert_int_equal(ask(one, "ann", b, 20, NOW + 11000), 0);
	assert_int_equal(ask(one, "ann", b, 20, NOW + 12000), 1);
	guard_state_free(one);
	guard_state_free(other);
}

/* Three gateways that are asked far more than the limit for ten minutes and hear each other every
 * half second: all together they give the limit and at most what the documentation says. */
static void gateways_together_keep_the_limit(void **state)
{
	(void)state;
	enum { N = 3, TURN = 500, TURNS = 1200 };
	const struct state_bucket b = {20, 1000, 40, true};
	struct guard_state *g[N];
	unsigned long sum = 0;
	for (unsigned i = 0; i < N; i++)
		g[i] = gateway(key);
	for (unsigned t = 0; t < TURNS; t++) {
		uint64_t now = NOW + (uint64_t)t * TURN;
		struct guard_share shares[N][8];
		size_t n[N];
		for (unsigned i = 0; i < N; i++) {
			sum += ask(g[i], "ann", b, 100, now);
			n[i] = guard_shares_take(g[i], shares[i], 8);
		}
		for (unsigned i = 0; i < N; i++)
			for (unsigned k = 0; k < N; k++)
				for (size_t j = 0; i != k && j < n[k]; j++)
					guard_share_charge(g[i], &shares[k][j], N - 1, now);
	}
	unsigned long limit = 40 + 20 * TURNS / 2, more = (N - 1) * (40 + 20 / 2);
	assert_in_range(sum, limit * 95 / 100, limit + more);
	for (unsigned i = 0; i < N; i++)
		guard_state_free(g[i]);
}

static void without_a_key_or_the_word_nothing_is_told(void **state)
{
	(void)state;
	struct state_bucket b = {10, 10000, 10, true};
	struct guard_state *alone = gateway(NULL), *one = gateway(key);
	struct guard_share share = {1, 10, 1000, 10};
	assert_int_equal(ask(alone, "ann", b, 20, NOW), 10);
	assert_int_equal(guard_shares_take(alone, &share, 1), 0);
	guard_share_charge(alone, &share, 1, NOW);
	b.shared = false;
	assert_int_equal(ask(one, "ann", b, 20, NOW), 10);
	assert_int_equal(guard_shares_take(one, &share, 1), 0);
	guard_state_free(alone);
	guard_state_free(one);
}

/* In parts, all of them, and those for which there was no room are counted. */
static void more_keys_than_room_are_counted_as_lost(void **state)
{
	(void)state;
	struct share_table *t = NULL;
	struct guard_share some[7];
	size_t told = 0, n;
	assert_int_equal(share_table_new(64, &t), OK);
	for (uint64_t i = 1; i <= 1000; i++)
		share_add(t, i, 1000, 5);
	while ((n = share_take(t, some, 7)))
		told += n;
	assert_int_equal(told, 64);
	assert_int_equal(share_lost(t), 1000 - 64);
	share_add(t, 12345, 1000, 5); /* what was told makes room */
	assert_int_equal(share_take(t, some, 7), 1);
	assert_int_equal(some[0].name, 12345);
	assert_int_equal(some[0].count, 1);
	assert_int_equal(some[0].each_us, 1000);
	assert_int_equal(some[0].burst, 5);
	share_table_free(t);
}

enum { ADDS = 20000 };

static void *adder(void *arg)
{
	for (unsigned i = 0; i < ADDS; i++)
		share_add(arg, 1 + i % 5, 1000, 5);
	return NULL;
}

/* While four add and one takes, at most those few are gone that met a slot as it became free. */
static void threads_add_while_one_takes(void **state)
{
	(void)state;
	struct share_table *t = NULL;
	struct guard_share some[16];
	pthread_t threads[4];
	uint64_t sum = 0;
	assert_int_equal(share_table_new(64, &t), OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, adder, t), 0);
	for (unsigned i = 0; i < 50; i++)
		for (size_t n = share_take(t, some, 16); n; n--)
			sum += some[n - 1].count;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		for (size_t n = share_take(t, some, 16); n; n--)
			sum += some[n - 1].count;
	assert_in_range(sum, (uint64_t)4 * ADDS - 1000, (uint64_t)4 * ADDS);
	share_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_admit_is_taken_from_ones_own_bucket),
		cmocka_unit_test(what_was_too_much_is_owed),
		cmocka_unit_test(what_is_owed_has_a_bound),
		cmocka_unit_test(gateways_together_keep_the_limit),
		cmocka_unit_test(without_a_key_or_the_word_nothing_is_told),
		cmocka_unit_test(more_keys_than_room_are_counted_as_lost),
		cmocka_unit_test(threads_add_while_one_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
