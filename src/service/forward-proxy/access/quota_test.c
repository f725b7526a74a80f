/* runs with threads */
#include "service/forward-proxy/access/quota.h"

#include "policy/schedule.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { DAY_S = 86400, NOW_S = 20000 * DAY_S + 3600 };

static const struct policy_zone utc;
static const struct ip_address one = {.family = 4, .bytes = {192, 0, 2, 1}};
static const struct ip_address other = {.family = 4, .bytes = {192, 0, 2, 2}};

static struct quota_table *made(size_t rows)
{
	struct quota_table *t = NULL;
	assert_int_equal(quota_table_new(rows, &t), OK);
	return t;
}

static enum access_member member(const void *arg, const char *group)
{
	(void)arg;
	return strcmp(group, "kids") == 0 || strcmp(group, "guests") == 0 ? ACCESS_MEMBER
									  : ACCESS_MEMBER_NOT;
}

static struct quota_claim claim_at(struct quota_table *t, const struct quota *q, size_t n,
				   const struct ip_address *client, const char *user,
				   uint64_t now_s)
{
	struct quota_claim c;
	const struct access_facts f = {
		.client = *client, .user = span_text(user), .now_s = now_s, .member = member};
	assert_int_equal(quota_claim(t, &(struct quotas){q, n, &utc}, &f, &c), OK);
	return c;
}

static struct quota_claim claim(struct quota_table *t, const struct quota *q,
				const struct ip_address *client, const char *user)
{
	return claim_at(t, q, 1, client, user, NOW_S);
}

static void turn(struct quota_table *t, const struct quota *q, size_t n, uint64_t now_s)
{
	quota_turn(t, &(struct quotas){q, n, &utc}, now_s);
}

static void is_used_up_and_begins_anew(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	const struct quota q = {.name = "day", .bytes = 10000};
	struct quota_claim c = claim(t, &q, &one, "");
	uint64_t ends_s = 0;
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 10000);
	assert_null(quota_refuses(&c, &ends_s));
	quota_count(&c, BANDWIDTH_DOWN, 9000);
	quota_count(&c, BANDWIDTH_UP, 999);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 1);
	assert_int_equal(quota_room(&c, BANDWIDTH_UP), 1);
	quota_count(&c, BANDWIDTH_UP, 500);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 0);
	assert_ptr_equal(quota_refuses(&c, &ends_s), &q);
	assert_int_equal(ends_s, 20001 * DAY_S);
	turn(t, &q, 1, 20001 * DAY_S - 1);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 0);
	turn(t, &q, 1, 20001 * DAY_S);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 10000);
	assert_null(quota_refuses(&c, &ends_s));
	quota_leave(&c);
}

static void each_way_has_a_number_of_its_own(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	const struct quota q = {.name = "ways", .ways = {2000, 10000}};
	struct quota_claim c = claim(t, &q, &one, "");
	assert_int_equal(quota_room(&c, BANDWIDTH_UP), 2000);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 10000);
	quota_count(&c, BANDWIDTH_DOWN, 9000);
	assert_int_equal(quota_room(&c, BANDWIDTH_UP), 2000);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 1000);
	/* A connection needs both ways. */
	quota_count(&c, BANDWIDTH_UP, 2000);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 0);
	quota_leave(&c);
}

static void shares(struct quota_table *t, const struct quota *q, struct quota_claim a,
		   struct quota_claim b, bool together)
{
	turn(t, q, 1, NOW_S);
	quota_count(&a, BANDWIDTH_DOWN, 5000);
	assert_int_equal(quota_room(&b, BANDWIDTH_DOWN), together ? 5000 : 10000);
	quota_leave(&a);
	quota_leave(&b);
	turn(t, q, 1, NOW_S + DAY_S);
	assert_int_equal(quota_rows(t), 0);
}

static void whose_bytes_count_together(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	static const char *const groups[] = {"nobody", "kids", "guests"};
	struct quota q = {.name = "q", .bytes = 10000};
	shares(t, &q, claim(t, &q, &one, "ann"), claim(t, &q, &one, "ben"), true);
	shares(t, &q, claim(t, &q, &one, ""), claim(t, &q, &other, ""), false);
	struct ip_address v6 = {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8}}, near = v6,
			  far = v6;
	near.bytes[15] = 1;
	far.bytes[7] = 1;
	shares(t, &q, claim(t, &q, &v6, ""), claim(t, &q, &near, ""), true);
	shares(t, &q, claim(t, &q, &v6, ""), claim(t, &q, &far, ""), false);
	q.by = QUOTA_BY_USER;
	shares(t, &q, claim(t, &q, &one, "ann"), claim(t, &q, &other, "ann"), true);
	shares(t, &q, claim(t, &q, &one, "ann"), claim(t, &q, &one, "ben"), false);
	shares(t, &q, claim(t, &q, &one, ""), claim(t, &q, &one, "192.0.2.1"), false);
	q.by = QUOTA_BY_GROUP;
	q.whom.groups = groups;
	q.whom.groups_n = 3;
	shares(t, &q, claim(t, &q, &one, ""), claim(t, &q, &other, "ann"), true);
	q.by = QUOTA_BY_ALL;
	shares(t, &q, claim(t, &q, &one, ""), claim(t, &q, &other, "ann"), true);
}

static void other_quotas_and_strangers_do_not_count(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	const struct ip_prefix here = {{.family = 4, .bytes = {192, 0, 2, 2}}, 32};
	const struct quota q[] = {
		{.name = "all", .bytes = 10000},
		{.name = "some", .whom = {.from = &here, .from_n = 1}, .bytes = 2000}};
	struct quota_claim c = claim_at(t, q, 2, &one, "", NOW_S);
	struct quota_claim d = claim_at(t, q, 2, &other, "", NOW_S);
	assert_int_equal(c.n, 1);
	assert_int_equal(d.n, 2);
	quota_count(&c, BANDWIDTH_DOWN, 500);
	assert_int_equal(quota_room(&d, BANDWIDTH_DOWN), 2000);
	quota_count(&d, BANDWIDTH_DOWN, 500);
	assert_int_equal(quota_room(&d, BANDWIDTH_DOWN), 1500);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 9500);
	quota_leave(&c);
	quota_leave(&d);
}

static void who_is_slow_is_not_refused(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	const struct quota q = {.name = "s", .bytes = 2000, .then = QUOTA_SLOW, .rate = 4096};
	struct quota_claim c = claim(t, &q, &one, "");
	struct bandwidth_claim b;
	uint64_t ends_s;
	assert_true(quota_slows(&c, &b));
	assert_int_equal(b.n, 0);
	quota_count(&c, BANDWIDTH_UP, 2000);
	assert_true(quota_room(&c, BANDWIDTH_UP) == UINT64_MAX);
	assert_null(quota_refuses(&c, &ends_s));
	assert_true(quota_slows(&c, &b));
	assert_int_equal(b.n, 1);
	assert_int_equal(b.items[0].rates[BANDWIDTH_DOWN], 4096);
	assert_true(b.items[0].name);
	turn(t, &q, 1, NOW_S + DAY_S);
	assert_true(quota_slows(&c, &b));
	assert_int_equal(b.n, 0);
	quota_leave(&c);
}

static void clocks_that_jump(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	struct quota q = {.name = "day", .bytes = 10000};
	/* Years ahead, and then set right: what was used counts, and not for years. */
	struct quota_claim c = claim_at(t, &q, 1, &one, "", NOW_S + 3000 * UINT64_C(86400));
	uint64_t ends_s = 0;
	quota_count(&c, BANDWIDTH_DOWN, 10000);
	turn(t, &q, 1, NOW_S);
	assert_non_null(quota_refuses(&c, &ends_s));
	assert_int_equal(ends_s, 20001 * DAY_S);
	/* Back over midnight, and forward again. */
	turn(t, &q, 1, NOW_S - DAY_S);
	assert_non_null(quota_refuses(&c, &ends_s));
	turn(t, &q, 1, NOW_S);
	assert_null(quota_refuses(&c, &ends_s));
	/* A longer period than before counts what was used in it, a shorter one begins. */
	quota_count(&c, BANDWIDTH_DOWN, 4000);
	q.period = (struct period){.every = PERIOD_MONTH, .day = 1};
	turn(t, &q, 1, NOW_S);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 6000);
	q.period = (struct period){.every = PERIOD_DAY};
	turn(t, &q, 1, NOW_S);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 10000);
	quota_leave(&c);
}

static struct quota_use use_of(const char *quota, enum quota_by by, const char *who, uint64_t down,
			       uint64_t extra)
{
	struct quota_use u = {.period = {20000 * DAY_S, 20001 * DAY_S},
			      .used = {[BANDWIDTH_DOWN] = down},
			      .extra = extra};
	quota_use_name(&u, quota, by, span_text(who));
	return u;
}

static void more_is_granted_until_the_period_ends(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	const struct quota q = {.name = "day", .bytes = 10000, .ways = {[BANDWIDTH_DOWN] = 8000}};
	struct quota_claim c = claim(t, &q, &one, "");
	struct quota_use grant = use_of("day", QUOTA_BY_ADDRESS, "192.0.2.1", 0, 5000);
	quota_count(&c, BANDWIDTH_DOWN, 8000);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 0);
	assert_int_equal(quota_put(t, &grant), OK);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 5000);
	assert_int_equal(quota_rows(t), 1);
	size_t at = 0;
	struct quota_use u;
	assert_true(quota_next(t, &at, &u));
	assert_true(span_is(span_of(u.who, u.who_len), "192.0.2.1"));
	assert_int_equal(u.used[BANDWIDTH_DOWN], 8000);
	assert_int_equal(u.extra, 5000);
	assert_false(quota_is_over(&q, &u));
	u.extra = 0;
	assert_true(quota_is_over(&q, &u));
	assert_false(quota_next(t, &at, &u));
	assert_true(quota_reset(t, &grant));
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 8000);
	assert_int_equal(quota_put(t, &grant), OK);
	turn(t, &q, 1, NOW_S + DAY_S);
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 8000);
	grant = use_of("day", QUOTA_BY_USER, "192.0.2.1", 0, 5000);
	assert_false(quota_reset(t, &grant));
	quota_leave(&c);
}

static void who_has_used_most_stays(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(8);
	const struct quota q = {.name = "day", .bytes = 10000};
	struct quota_claim c = claim(t, &q, &one, ""), d = claim(t, &q, &other, "");
	quota_count(&c, BANDWIDTH_DOWN, 10000);
	quota_leave(&c);
	/* One that runs, and one that has used much, among thousands that have used little. */
	for (unsigned i = 0; i < 3000; i++) {
		const struct ip_address a = {.family = 4,
					     .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		struct quota_claim e = claim(t, &q, &a, "");
		quota_count(&e, BANDWIDTH_UP, 1 + i % 100);
		quota_leave(&e);
	}
	assert_int_equal(quota_rows(t), 8);
	quota_count(&d, BANDWIDTH_DOWN, 7);
	struct quota_claim d2 = claim(t, &q, &other, "");
	assert_int_equal(quota_room(&d2, BANDWIDTH_DOWN), 9993);
	c = claim(t, &q, &one, "");
	assert_int_equal(quota_room(&c, BANDWIDTH_DOWN), 0);
	quota_leave(&c);
	quota_leave(&d);
	quota_leave(&d2);
}

static void where_all_run_there_is_no_room(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(8);
	const struct quota q = {.name = "day", .bytes = 10000};
	struct quota_claim all[8], c;
	struct access_facts f = {.now_s = NOW_S, .client = {.family = 4}};
	const struct quotas quotas = {&q, 1, &utc};
	for (unsigned i = 0; i < 8; i++) {
		f.client.bytes[0] = (uint8_t)i;
		assert_int_equal(quota_claim(t, &quotas, &f, &all[i]), OK);
	}
	f.client.bytes[0] = 9;
	assert_int_equal(quota_claim(t, &quotas, &f, &c), ERR_LIMIT);
	assert_int_equal(c.n, 0);
	quota_leave(&all[3]);
	assert_int_equal(quota_claim(t, &quotas, &f, &c), OK);
	quota_leave(&c);
	for (unsigned i = 0; i < 8; i++)
		quota_leave(&all[i]);
}

static void a_quota_that_is_no_more_is_forgotten_with_its_period(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	const struct quota q = {.name = "day", .bytes = 10000};
	struct quota_claim c = claim(t, &q, &one, "");
	quota_count(&c, BANDWIDTH_UP, 100);
	quota_leave(&c);
	turn(t, NULL, 0, NOW_S + 10);
	assert_int_equal(quota_rows(t), 1);
	turn(t, NULL, 0, NOW_S + DAY_S);
	assert_int_equal(quota_rows(t), 0);
}

/* ---- several threads ---- */

enum { THREADS = 4, ROUNDS = 20000, CLIENTS = 40, EACH = 7 };

struct worker {
	struct quota_table *t;
	const struct quota *q;
	unsigned number;
};

static struct ip_address client_of(unsigned i)
{
	return (struct ip_address){.family = 4, .bytes = {10, 0, 0, (uint8_t)i}};
}

static void *count(void *arg)
{
	const struct worker *w = arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct ip_address a = client_of((i * 7 + w->number) % CLIENTS);
		struct quota_claim c = claim(w->t, w->q, &a, "");
		quota_count(&c, i % 2 ? BANDWIDTH_UP : BANDWIDTH_DOWN, EACH);
		quota_leave(&c);
	}
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(8 * CLIENTS);
	const struct quota q = {.name = "day", .bytes = UINT64_C(1) << 40};
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	uint64_t sum = 0;
	size_t n = 0, at = 0;
	struct quota_use u;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){t, &q, i};
		assert_int_equal(pthread_create(&threads[i], NULL, count, &workers[i]), 0);
	}
	/* What the main thread does beside them. */
	for (unsigned i = 0; i < 200; i++) {
		turn(t, &q, 1, NOW_S);
		at = 0;
		while (quota_next(t, &at, &u))
			assert_true(u.who_len > 7);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (at = 0; quota_next(t, &at, &u); n++)
		sum += u.used[BANDWIDTH_UP] + u.used[BANDWIDTH_DOWN];
	assert_int_equal(n, CLIENTS);
	assert_int_equal(sum, (uint64_t)THREADS * ROUNDS * EACH);
}

static void *draw(void *arg)
{
	const struct worker *w = arg;
	struct quota_claim c = claim(w->t, w->q, &one, "");
	uint64_t room;
	while ((room = quota_room(&c, BANDWIDTH_DOWN)))
		quota_count(&c, BANDWIDTH_DOWN, room < 1000 ? room : 1000);
	quota_leave(&c);
	return NULL;
}

static void threads_go_past_the_end_by_one_go_each(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(64);
	const struct quota q = {.name = "day", .bytes = 10000000};
	struct worker w = {t, &q, 0};
	pthread_t threads[THREADS];
	struct quota_use u;
	size_t at = 0;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, draw, &w), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(quota_next(t, &at, &u));
	assert_in_range(u.used[BANDWIDTH_DOWN], q.bytes, q.bytes + (THREADS - 1) * 1000);
}

/* In one set, so that each takes the others' places all the time. */
static void threads_that_crowd_each_other_out(void **state)
{
	(void)state;
	AUTO(quota_table_free) struct quota_table *t = made(8);
	const struct quota q = {.name = "day", .bytes = UINT64_C(1) << 40};
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){t, &q, i};
		assert_int_equal(pthread_create(&threads[i], NULL, count, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(quota_rows(t), 8);
	/* Nobody holds any. */
	struct quota_claim all[8];
	for (unsigned i = 0; i < 8; i++) {
		const struct ip_address a = client_of(100 + i);
		all[i] = claim(t, &q, &a, "");
	}
	for (unsigned i = 0; i < 8; i++)
		quota_leave(&all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_used_up_and_begins_anew),
		cmocka_unit_test(each_way_has_a_number_of_its_own),
		cmocka_unit_test(whose_bytes_count_together),
		cmocka_unit_test(other_quotas_and_strangers_do_not_count),
		cmocka_unit_test(who_is_slow_is_not_refused),
		cmocka_unit_test(clocks_that_jump),
		cmocka_unit_test(more_is_granted_until_the_period_ends),
		cmocka_unit_test(who_has_used_most_stays),
		cmocka_unit_test(where_all_run_there_is_no_room),
		cmocka_unit_test(a_quota_that_is_no_more_is_forgotten_with_its_period),
		cmocka_unit_test(threads_lose_nothing),
		cmocka_unit_test(threads_go_past_the_end_by_one_go_each),
		cmocka_unit_test(threads_that_crowd_each_other_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
