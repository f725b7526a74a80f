/* runs with threads */
#include "service/forward-proxy/access/bandwidth.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RATE UINT64_C(160000)

static const struct ip_address one = {.family = 4, .bytes = {192, 0, 2, 1}};
static const struct ip_address other = {.family = 4, .bytes = {192, 0, 2, 2}};

static struct bandwidth *made(size_t buckets)
{
	struct bandwidth *b = NULL;
	assert_int_equal(bandwidth_new(buckets, &b), OK);
	return b;
}

static struct bandwidth_claim claim(const struct bandwidth *b, const struct bandwidth_limit *l,
				    size_t n, const struct ip_address *client, const char *user)
{
	struct bandwidth_claim c;
	const struct access_facts f = {.client = *client, .user = span_text(user)};
	bandwidth_claim(b, &(struct bandwidth_limits){l, n}, &f, &c);
	return c;
}

/* How many octets c gets from from_ms on in so many ms, coming back when it may. */
static uint64_t drawn(struct bandwidth *b, const struct bandwidth_claim *c,
		      enum bandwidth_direction way, uint64_t from_ms, uint64_t ms)
{
	uint64_t sum = 0, now = from_ms;
	for (;;) {
		uint32_t wait = 0;
		size_t n = bandwidth_take(b, c, way, now, &wait);
		now += wait;
		if (now >= from_ms + ms) {
			bandwidth_give(b, c, way, n);
			return sum;
		}
		sum += n;
	}
}

static void near(uint64_t sum, uint64_t right)
{
	assert_in_range(sum, right - right / 10, right + right / 10);
}

static void a_burst_and_then_the_rate(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l = {.rates = {[BANDWIDTH_DOWN] = RATE}};
	const struct bandwidth_claim c = claim(b, &l, 1, &one, "");
	near(drawn(b, &c, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	near(drawn(b, &c, BANDWIDTH_DOWN, 11000, 10000), 10 * RATE);
	/* After a pause no more than a burst is there. */
	near(drawn(b, &c, BANDWIDTH_DOWN, 9000000, 10000), 11 * RATE);
}

static void what_is_not_limited_is_not_counted(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l = {.rates = {[BANDWIDTH_DOWN] = RATE}};
	const struct bandwidth_claim c = claim(b, &l, 1, &one, "");
	uint32_t wait;
	assert_true(bandwidth_take(b, &c, BANDWIDTH_UP, 1000, &wait) == SIZE_MAX);
	assert_int_equal(wait, 0);
}

static void each_address_has_its_own(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l = {.rates = {RATE, RATE}};
	struct ip_address v6 = {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
	const struct bandwidth_claim c = claim(b, &l, 1, &one, "");
	const struct bandwidth_claim d = claim(b, &l, 1, &other, "");
	near(drawn(b, &c, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	near(drawn(b, &d, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	near(drawn(b, &c, BANDWIDTH_UP, 1000, 10000), 11 * RATE);
	/* Of IPv6 the network is the client. */
	const struct bandwidth_claim e = claim(b, &l, 1, &v6, "");
	v6.bytes[15] = 1;
	const struct bandwidth_claim f = claim(b, &l, 1, &v6, "");
	near(drawn(b, &e, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	assert_int_equal(drawn(b, &f, BANDWIDTH_DOWN, 1000, 9000), 0);
	v6.bytes[7] = 1;
	const struct bandwidth_claim g = claim(b, &l, 1, &v6, "");
	near(drawn(b, &g, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
}

static void users_and_all_together(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit by_user = {.by = BANDWIDTH_BY_USER, .rates = {0, RATE}};
	const struct bandwidth_limit by_all = {.by = BANDWIDTH_BY_ALL, .rates = {0, RATE}};
	const struct bandwidth_claim ann = claim(b, &by_user, 1, &one, "ann");
	const struct bandwidth_claim ann2 = claim(b, &by_user, 1, &other, "ann");
	const struct bandwidth_claim ben = claim(b, &by_user, 1, &one, "ben");
	const struct bandwidth_claim nobody = claim(b, &by_user, 1, &one, "");
	near(drawn(b, &ann, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	assert_int_equal(drawn(b, &ann2, BANDWIDTH_DOWN, 1000, 9000), 0);
	near(drawn(b, &ben, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	near(drawn(b, &nobody, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	const struct bandwidth_claim x = claim(b, &by_all, 1, &one, "ann");
	const struct bandwidth_claim y = claim(b, &by_all, 1, &other, "");
	near(drawn(b, &x, BANDWIDTH_DOWN, 100000, 10000), 11 * RATE);
	assert_int_equal(drawn(b, &y, BANDWIDTH_DOWN, 100000, 9000), 0);
}

static enum access_member member(const void *arg, const char *group)
{
	(void)arg;
	return strcmp(group, "guests") == 0 ? ACCESS_MEMBER
	       : strcmp(group, "kids") == 0 ? ACCESS_MEMBER_NOT
					    : ACCESS_MEMBER_UNKNOWN;
}

static size_t fits(const struct bandwidth_limit *l, const char *user, bool groups_known)
{
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	struct bandwidth_claim c;
	const struct access_facts f = {
		.client = one, .user = span_text(user), .member = groups_known ? member : NULL};
	bandwidth_claim(b, &(struct bandwidth_limits){l, 1}, &f, &c);
	return c.n;
}

static void a_limit_is_for_whom_it_names(void **state)
{
	(void)state;
	const struct ip_prefix here = {{.family = 4, .bytes = {192, 0, 2, 0}}, 24};
	const struct ip_prefix there = {{.family = 4, .bytes = {10, 0, 0, 0}}, 8};
	const char *const guests[] = {"guests"}, *const kids[] = {"kids"}, *const new[] = {"new"};
	const char *const ann[] = {"ann"}, *const any[] = {"*"};
	assert_int_equal(fits(&(struct bandwidth_limit){.from = &here, .from_n = 1}, "", true), 1);
	assert_int_equal(fits(&(struct bandwidth_limit){.from = &there, .from_n = 1}, "", true), 0);
	const struct bandwidth_limit by_guests = {.groups = guests, .groups_n = 1};
	const struct bandwidth_limit by_kids = {.groups = kids, .groups_n = 1};
	const struct bandwidth_limit by_new = {.groups = new, .groups_n = 1};
	assert_int_equal(fits(&by_guests, "", true), 1);
	assert_int_equal(fits(&by_kids, "", true), 0);
	assert_int_equal(fits(&by_new, "", true), 1);
	assert_int_equal(fits(&by_kids, "", false), 1);
	const struct bandwidth_limit of_ann = {.users = ann, .users_n = 1};
	const struct bandwidth_limit of_any = {.users = any, .users_n = 1};
	assert_int_equal(fits(&of_ann, "ann", true), 1);
	assert_int_equal(fits(&of_ann, "ben", true), 0);
	assert_int_equal(fits(&of_ann, "", true), 0);
	assert_int_equal(fits(&of_any, "ben", true), 1);
	assert_int_equal(fits(&of_any, "", true), 0);
}

static void of_several_limits_all_hold(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l[] = {{.rates = {0, 4 * RATE}},
					    {.by = BANDWIDTH_BY_ALL, .rates = {0, RATE}},
					    {.rates = {RATE, 0}}};
	const struct bandwidth_claim c = claim(b, l, 3, &one, "");
	assert_int_equal(c.n, 3);
	near(drawn(b, &c, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	near(drawn(b, &c, BANDWIDTH_UP, 1000, 10000), 11 * RATE);
}

static void what_was_not_used_is_there_again(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l = {.rates = {RATE, RATE}};
	const struct bandwidth_claim c = claim(b, &l, 1, &one, "");
	const struct bandwidth_claim never = claim(b, &l, 1, &other, "");
	uint32_t wait;
	for (unsigned i = 0; i < 1000; i++)
		bandwidth_give(b, &c, BANDWIDTH_DOWN,
			       bandwidth_take(b, &c, BANDWIDTH_DOWN, 1000, &wait));
	near(drawn(b, &c, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	bandwidth_give(b, &never, BANDWIDTH_DOWN, 1000);
	near(drawn(b, &never, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
}

static void slowest_and_fastest(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l = {.rates = {BANDWIDTH_RATE_MIN, UINT64_C(1) << 40}};
	const struct bandwidth_claim c = claim(b, &l, 1, &one, "");
	near(drawn(b, &c, BANDWIDTH_UP, 1000, 100000), 101 * BANDWIDTH_RATE_MIN);
	assert_true(drawn(b, &c, BANDWIDTH_DOWN, 1000, 10) > UINT64_C(1) << 39);
}

static void strangers_take_the_bucket_that_was_full_for_longest(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(8);
	const struct bandwidth_limit l = {.rates = {0, RATE}};
	const struct bandwidth_claim c = claim(b, &l, 1, &one, "");
	near(drawn(b, &c, BANDWIDTH_DOWN, 1000, 10000), 11 * RATE);
	for (unsigned i = 0; i < 1000; i++) {
		const struct ip_address a = {.family = 4,
					     .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		const struct bandwidth_claim d = claim(b, &l, 1, &a, "");
		uint32_t wait;
		assert_int_equal(bandwidth_take(b, &d, BANDWIDTH_DOWN, 10999, &wait), RATE / 16);
	}
	/* Whose bucket is empty keeps it. */
	assert_in_range(drawn(b, &c, BANDWIDTH_DOWN, 10999, 900), 0, RATE);
}

static void datagrams_go_or_do_not(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l[] = {
		{.rates = {[BANDWIDTH_DOWN] = RATE}},
		{.by = BANDWIDTH_BY_ALL, .rates = {[BANDWIDTH_DOWN] = 4 * RATE}}};
	const struct bandwidth_claim c = claim(b, l, 2, &one, "");
	uint64_t sum = 0;
	/* A hundred times as many as may. */
	for (uint64_t ms = 0; ms < 10000; ms++)
		for (unsigned i = 0; i < 16; i++)
			sum += bandwidth_pass(b, &c, BANDWIDTH_DOWN, 1000, 1000 + ms) ? 1000 : 0;
	near(sum, 10 * RATE + RATE * (BANDWIDTH_BURST_MS + BANDWIDTH_DATAGRAM_MS) / 1000);
	assert_true(bandwidth_pass(b, &c, BANDWIDTH_UP, 1 << 20, 1000));
	/* What did not go was not spent of what all share. */
	const struct bandwidth_claim d = claim(b, l, 2, &other, "");
	near(drawn(b, &d, BANDWIDTH_DOWN, 11000, 10000), 11 * RATE);
}

static void datagrams_go_beside_a_download(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l = {.rates = {[BANDWIDTH_DOWN] = RATE}};
	const struct bandwidth_claim c = claim(b, &l, 1, &one, "");
	uint64_t taken = 0, sent = 0, lost = 0, free_ms = 1000;
	for (uint64_t ms = 1000; ms < 21000; ms++) {
		uint32_t wait = 0;
		if (ms >= free_ms) { /* always one that waits */
			taken += bandwidth_take(b, &c, BANDWIDTH_DOWN, ms, &wait);
			free_ms = ms + (wait ? wait : 1);
		}
		if (ms % 20 == 0) {
			bool went = bandwidth_pass(b, &c, BANDWIDTH_DOWN, 200, ms);
			sent += went ? 200 : 0;
			lost += !went;
		}
	}
	assert_int_equal(lost, 0);
	assert_int_equal(sent, 200000);
	near(taken + sent, 21 * RATE);
}

/* ---- several threads ---- */

struct share {
	struct bandwidth *b;
	struct bandwidth_claim claim;
	uint64_t sum;
};

static void *draw(void *arg)
{
	struct share *s = arg;
	s->sum = drawn(s->b, &s->claim, BANDWIDTH_DOWN, 1000, 100000);
	return NULL;
}

static void threads_share_a_bucket(void **state)
{
	(void)state;
	AUTO(bandwidth_free) struct bandwidth *b = made(64);
	const struct bandwidth_limit l = {.rates = {0, RATE}};
	pthread_t threads[4];
	struct share shares[4];
	uint64_t sum = 0;
	for (size_t i = 0; i < 4; i++) {
		shares[i] = (struct share){b, claim(b, &l, 1, &one, ""), 0};
		assert_int_equal(pthread_create(&threads[i], NULL, draw, &shares[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		sum += shares[i].sum;
	}
	/* Each has a clock of its own here, so the fast ones may leave some behind. */
	assert_in_range(sum, RATE, 102 * RATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_the_rate),
		cmocka_unit_test(what_is_not_limited_is_not_counted),
		cmocka_unit_test(each_address_has_its_own),
		cmocka_unit_test(users_and_all_together),
		cmocka_unit_test(a_limit_is_for_whom_it_names),
		cmocka_unit_test(of_several_limits_all_hold),
		cmocka_unit_test(what_was_not_used_is_there_again),
		cmocka_unit_test(slowest_and_fastest),
		cmocka_unit_test(strangers_take_the_bucket_that_was_full_for_longest),
		cmocka_unit_test(datagrams_go_or_do_not),
		cmocka_unit_test(datagrams_go_beside_a_download),
		cmocka_unit_test(threads_share_a_bucket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
