#include "service/dhcp/calendar.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { RECORDS = 500 };

static uint32_t due_of(const struct dhcp_record *r)
{
	return r->expires_s;
}

struct pair {
	struct dhcp_table t;
	struct dhcp_calendar c;
	struct dhcp_record *r[RECORDS];
	uint32_t due[RECORDS]; /* 0: not in it */
	struct test_random random;
};

static void begin(struct pair *p, uint32_t now_s)
{
	static const struct hash_key key = {3, 4};
	assert_int_equal(dhcp_table_init(&p->t, key, RECORDS, DHCP_CALENDAR_LISTS), OK);
	assert_int_equal(dhcp_calendar_init(&p->c, &p->t, now_s, due_of), OK);
	for (uint32_t i = 0; i < RECORDS; i++)
		p->r[i] = dhcp_table_add(&p->t, i, 0);
}

static uint32_t obvious_next(const struct pair *p)
{
	uint32_t next = UINT32_MAX;
	for (size_t i = 0; i < RECORDS; i++)
		if (p->due[i] && p->due[i] < next)
			next = p->due[i];
	return next;
}

static void set(struct pair *p, size_t i, uint32_t due_s)
{
	p->r[i]->expires_s = p->due[i] = due_s;
	dhcp_calendar_add(&p->c, p->r[i], due_s);
}

static uint32_t random_delay(struct pair *p)
{
	static const uint32_t most[] = {1, 3, 64, 100, 5000, 300000, 30000000};
	return 1 + (uint32_t)test_random_below(&p->random, most[test_random_below(&p->random, 7)]);
}

/* Whatever steps it is given, everything comes up once, never early, and in the order of time. */
static void take_all(struct pair *p, uint32_t now_s)
{
	for (unsigned rounds = 0;; rounds++) {
		unsigned steps = 1 + (unsigned)test_random_below(&p->random, 40);
		uint32_t last = 0;
		const struct dhcp_record *r;
		assert_true(rounds < 100000);
		while ((r = dhcp_calendar_take(&p->c, now_s, &steps))) {
			assert_true(p->due[r->address] && p->due[r->address] <= now_s);
			assert_true(p->due[r->address] >= last);
			last = p->due[r->address];
			p->due[r->address] = 0;
		}
		if (steps)
			break;
	}
	assert_true(obvious_next(p) > now_s);
}

static void agrees_with_an_array_on_random_operations(void **state)
{
	(void)state;
	static struct pair p;
	p.random = test_random_begin();
	uint32_t now_s = 1800000000;
	begin(&p, now_s - 5000);
	for (unsigned step = 0; step < 20000; step++) {
		size_t i = test_random_below(&p.random, RECORDS);
		if (test_random_below(&p.random, 4)) {
			set(&p, i, p.c.now_s + random_delay(&p));
		} else {
			dhcp_list_leave(&p.t, p.r[i]);
			p.due[i] = 0;
		}
		assert_true(dhcp_calendar_next_s(&p.c) <= obvious_next(&p));
		if (test_random_below(&p.random, 20))
			continue;
		now_s += random_delay(&p) / 10;
		take_all(&p, now_s);
	}
	dhcp_table_done(&p.t);
}

static void what_never_ends_never_comes_up(void **state)
{
	(void)state;
	static struct pair p;
	begin(&p, 1000);
	dhcp_calendar_add(&p.c, p.r[0], UINT32_MAX);
	assert_int_equal(dhcp_calendar_next_s(&p.c), UINT32_MAX);
	unsigned steps = 1000;
	assert_null(dhcp_calendar_take(&p.c, UINT32_MAX - 1, &steps));
	dhcp_table_done(&p.t);
}

static void what_is_due_already_comes_up_at_once(void **state)
{
	(void)state;
	static struct pair p;
	begin(&p, 1000);
	dhcp_calendar_add(&p.c, p.r[0], 10);
	assert_int_equal(dhcp_calendar_next_s(&p.c), 1000);
	unsigned steps = 10;
	assert_ptr_equal(dhcp_calendar_take(&p.c, 1000, &steps), p.r[0]);
	assert_null(dhcp_calendar_take(&p.c, 1000, &steps));
	dhcp_table_done(&p.t);
}

static void one_that_is_due_later_by_now_is_left_where_it_is(void **state)
{
	(void)state;
	static struct pair p;
	begin(&p, 1000);
	p.r[0]->expires_s = 1100;
	dhcp_calendar_add(&p.c, p.r[0], 1100);
	p.r[0]->expires_s = 5000; /* renewed */
	unsigned steps = 100;
	const struct dhcp_record *r = dhcp_calendar_take(&p.c, 1200, &steps);
	if (r) /* its owner adds it again */
		dhcp_calendar_add(&p.c, p.r[0], 5000);
	assert_null(dhcp_calendar_take(&p.c, 4999, &steps));
	assert_ptr_equal(dhcp_calendar_take(&p.c, 5000, &steps), p.r[0]);
	dhcp_table_done(&p.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_never_ends_never_comes_up),
		cmocka_unit_test(what_is_due_already_comes_up_at_once),
		cmocka_unit_test(one_that_is_due_later_by_now_is_left_where_it_is),
		cmocka_unit_test(agrees_with_an_array_on_random_operations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
