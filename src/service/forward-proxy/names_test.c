#include "service/forward-proxy/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX = 3 };

struct site {
	struct names n;
	struct names_addresses got;
};

static struct site begin(void)
{
	struct site s = {.got = {.n = 0}};
	names_init(&s.n, (struct hash_key){1, 2}, MAX);
	return s;
}

static enum names_found find(struct site *s, const char *text, uint64_t now_ms,
			     struct name_waiter *w)
{
	return names_find(&s->n, span_text(text), now_ms, w, &s->got);
}

static struct ip_address v4(uint8_t last)
{
	return ip_address_v4(192, 0, 2, last);
}

static struct ip_address v6(uint8_t last)
{
	struct ip_address a = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}};
	a.bytes[15] = last;
	return a;
}

static void take(struct site *s, struct name *k, uint64_t now_ms, uint32_t ttl_s)
{
	const struct ip_address four[] = {v4(1), v4(2), v4(3)}, six[] = {v6(1)};
	const struct names_answer a = {.of = {{true, four, 3, ttl_s}, {true, six, 1, ttl_s}}};
	names_take(&s->n, k, now_ms, &a);
}

static void asks_once_for_all_who_wait(void **state)
{
	struct site s = begin();
	struct name_waiter a = {0}, b = {0};
	(void)state;
	assert_int_equal(find(&s, "a.example", 0, &a), NAMES_WAIT);
	assert_int_equal(find(&s, "a.example", 0, &b), NAMES_WAIT);
	struct name *k = names_due(&s.n);
	assert_true(span_is(names_text(k), "a.example"));
	assert_null(names_due(&s.n));
	assert_null(names_told(&s.n));
	take(&s, k, 0, 60);
	struct name_waiter *first = names_told(&s.n), *second = names_told(&s.n);
	assert_true((first == &a && second == &b) || (first == &b && second == &a));
	assert_null(names_told(&s.n));
	assert_int_equal(find(&s, "a.example", 59999, NULL), NAMES_KNOWN);
	names_done(&s.n);
}

static void families_take_turns_and_what_worked_is_first(void **state)
{
	struct site s = begin();
	struct ip_address worked = v4(2);
	(void)state;
	(void)find(&s, "a.example", 0, NULL);
	take(&s, names_due(&s.n), 0, 60);
	assert_int_equal(find(&s, "a.example", 1, NULL), NAMES_KNOWN);
	assert_int_equal(s.got.n, 4);
	struct ip_address order[] = {v6(1), v4(1), v4(2), v4(3)};
	for (size_t i = 0; i < 4; i++)
		assert_true(ip_address_equal(&s.got.items[i], &order[i]));
	names_worked(&s.n, span_text("a.example"), &worked);
	/* Also when it is asked for anew. */
	for (uint64_t now_ms = 2; now_ms < 70000; now_ms += 60000) {
		if (find(&s, "a.example", now_ms, NULL) == NAMES_WAIT)
			take(&s, names_due(&s.n), now_ms, 60);
		assert_int_equal(find(&s, "a.example", now_ms, NULL), NAMES_KNOWN);
		assert_true(ip_address_equal(&s.got.items[0], &worked));
		assert_true(ip_address_equal(&s.got.items[1], &order[0]));
		assert_int_equal(s.got.n, 4);
	}
	names_done(&s.n);
}

static void ends_with_its_time_and_is_asked_for_anew(void **state)
{
	struct site s = begin();
	(void)state;
	(void)find(&s, "a.example", 0, NULL);
	take(&s, names_due(&s.n), 0, 5);
	assert_int_equal(find(&s, "a.example", 4999, NULL), NAMES_KNOWN);
	assert_int_equal(find(&s, "a.example", 5000, NULL), NAMES_WAIT);
	struct name *k = names_due(&s.n);
	assert_non_null(k);
	/* A time to live of 0 lasts until those who waited have looked. */
	take(&s, k, 5000, 0);
	assert_int_equal(find(&s, "a.example", 5001, NULL), NAMES_KNOWN);
	assert_int_equal(find(&s, "a.example", 6000, NULL), NAMES_WAIT);
	names_done(&s.n);
}

static void absent_and_untold_are_two_things(void **state)
{
	struct site s = begin();
	const struct names_answer absent = {.of = {{.told = true}, {.told = true}}};
	const struct names_answer half = {.of = {{.told = true}, {.told = false}}};
	(void)state;
	(void)find(&s, "a.example", 0, NULL);
	names_take(&s.n, names_due(&s.n), 0, &absent);
	assert_int_equal(find(&s, "a.example", 1, NULL), NAMES_ABSENT);
	(void)find(&s, "b.example", 0, NULL);
	names_take(&s.n, names_due(&s.n), 0, &half);
	assert_int_equal(find(&s, "b.example", 1, NULL), NAMES_UNTOLD);
	/* Neither is kept for long. */
	assert_int_equal(find(&s, "b.example", 3000, NULL), NAMES_WAIT);
	assert_int_equal(find(&s, "a.example", 11000, NULL), NAMES_WAIT);
	names_done(&s.n);
}

static void who_was_used_longest_ago_gives_way_and_who_is_asked_for_does_not(void **state)
{
	struct site s = begin();
	static const char *const known[] = {"a.example", "b.example", "c.example"};
	(void)state;
	for (size_t i = 0; i < MAX; i++) {
		(void)find(&s, known[i], 0, NULL);
		take(&s, names_due(&s.n), 0, 600);
	}
	assert_int_equal(find(&s, "a.example", 1, NULL), NAMES_KNOWN);
	assert_int_equal(find(&s, "d.example", 1, NULL), NAMES_WAIT);
	assert_int_equal(find(&s, "a.example", 1, NULL), NAMES_KNOWN);
	assert_int_equal(find(&s, "b.example", 1, NULL), NAMES_WAIT);
	assert_int_equal(find(&s, "e.example", 1, NULL), NAMES_WAIT);
	assert_int_equal(find(&s, "f.example", 1, NULL), NAMES_FULL);
	/* In the order in which they came. */
	assert_true(span_is(names_text(names_due(&s.n)), "d.example"));
	assert_true(span_is(names_text(names_due(&s.n)), "b.example"));
	names_done(&s.n);
}

static void who_has_left_is_not_told(void **state)
{
	struct site s = begin();
	struct name_waiter a = {0}, b = {0}, c = {0};
	(void)state;
	(void)find(&s, "a.example", 0, &a);
	(void)find(&s, "a.example", 0, &b);
	(void)find(&s, "a.example", 0, &c);
	names_leave(&b);
	names_leave(&b);
	take(&s, names_due(&s.n), 0, 1);
	names_leave(&a); /* told, and gone before it could look */
	assert_ptr_equal(names_told(&s.n), &c);
	assert_null(names_told(&s.n));
	names_done(&s.n);
}

static const struct ip_address four[] = {{.family = 4, .bytes = {192, 0, 2, 1}}};

/* A was told of "a.example" at 0, AAAA was not yet. */
static struct name *half(struct site *s, uint32_t ttl_s)
{
	const struct names_answer a = {.of = {{true, four, 1, ttl_s}, {0}}, .more_comes = true};
	(void)find(s, "a.example", 0, NULL);
	struct name *k = names_due(&s->n);
	names_take(&s->n, k, 0, &a);
	return k;
}

static void late(struct site *s, struct name *k, uint64_t now_ms, bool told, uint32_t ttl_s)
{
	const struct ip_address six[] = {v6(1)};
	const struct names_answer a = {.of = {{true, four, 1, 60}, {told, six, told, ttl_s}}};
	names_late(&s->n, k, now_ms, &a);
}

static void what_comes_late_is_for_who_comes_later(void **state)
{
	struct site s = begin();
	(void)state;
	struct name *k = half(&s, 40);
	assert_int_equal(find(&s, "a.example", 1, NULL), NAMES_KNOWN);
	assert_int_equal(s.got.n, 1);
	late(&s, k, 300, true, 600);
	assert_int_equal(find(&s, "a.example", 301, NULL), NAMES_KNOWN);
	assert_int_equal(s.got.n, 2);
	/* What was found first is first, as it may have worked; nothing lives longer. */
	assert_int_equal(s.got.items[0].family, 4);
	assert_int_equal(s.got.items[1].family, 6);
	assert_int_equal(find(&s, "a.example", 39999, NULL), NAMES_KNOWN);
	assert_int_equal(find(&s, "a.example", 40000, NULL), NAMES_WAIT);
	names_done(&s.n);
}

static void what_comes_late_may_end_sooner_or_be_nothing(void **state)
{
	struct site s = begin();
	(void)state;
	late(&s, half(&s, 40), 1000, true, 5);
	assert_int_equal(find(&s, "a.example", 5999, NULL), NAMES_KNOWN);
	assert_int_equal(find(&s, "a.example", 6000, NULL), NAMES_WAIT);
	names_done(&s.n);
	s = begin();
	late(&s, half(&s, 600), 12000, false, 0);
	assert_int_equal(find(&s, "a.example", 12001, NULL), NAMES_KNOWN);
	assert_int_equal(s.got.n, 1);
	/* One type alone is not believed for long. */
	assert_int_equal(find(&s, "a.example", 60000, NULL), NAMES_WAIT);
	names_done(&s.n);
}

static void what_ended_meanwhile_is_asked_for_whole(void **state)
{
	struct site s = begin();
	(void)state;
	struct name *k = half(&s, 1);
	assert_int_equal(find(&s, "a.example", 1000, NULL), NAMES_WAIT);
	late(&s, k, 1001, true, 600); /* of the question before */
	assert_int_equal(find(&s, "a.example", 1002, NULL), NAMES_WAIT);
	assert_true(names_are_due(&s.n));
	assert_ptr_equal(names_due(&s.n), k);
	late(&s, k, 1003, true, 600);
	take(&s, k, 1004, 60);
	assert_int_equal(find(&s, "a.example", 1005, NULL), NAMES_KNOWN);
	assert_int_equal(s.got.n, 4);
	names_done(&s.n);
}

static void who_has_more_to_come_does_not_give_way(void **state)
{
	struct site s = begin();
	(void)state;
	struct name *k = half(&s, 60);
	for (const char *const *name = (const char *const[]){"b.example", "c.example", NULL}; *name;
	     name++) {
		(void)find(&s, *name, 1, NULL);
		take(&s, names_due(&s.n), 1, 60);
	}
	(void)find(&s, "d.example", 2, NULL);
	take(&s, names_due(&s.n), 2, 60);
	assert_int_equal(find(&s, "a.example", 3, NULL), NAMES_KNOWN);
	late(&s, k, 4, true, 60);
	/* and then as all do */
	(void)find(&s, "d.example", 5, NULL);
	(void)find(&s, "e.example", 5, NULL);
	take(&s, names_due(&s.n), 5, 60);
	(void)find(&s, "d.example", 6, NULL);
	(void)find(&s, "f.example", 6, NULL);
	take(&s, names_due(&s.n), 6, 60);
	assert_int_equal(find(&s, "a.example", 7, NULL), NAMES_WAIT);
	names_done(&s.n);
}

static void all_that_is_told_is_judged(void **state)
{
	struct site s = begin();
	struct ip_address many[2][16];
	(void)state;
	for (uint8_t i = 0; i < 16; i++) {
		many[0][i] = v4(i);
		many[1][i] = v6(i);
	}
	const struct names_answer a = {.of = {{true, many[0], 16, 60}, {true, many[1], 16, 60}}};
	(void)find(&s, "a.example", 0, NULL);
	names_take(&s.n, names_due(&s.n), 0, &a);
	assert_int_equal(find(&s, "a.example", 1, NULL), NAMES_KNOWN);
	assert_int_equal(s.got.n, 32);
	names_done(&s.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_once_for_all_who_wait),
		cmocka_unit_test(families_take_turns_and_what_worked_is_first),
		cmocka_unit_test(ends_with_its_time_and_is_asked_for_anew),
		cmocka_unit_test(absent_and_untold_are_two_things),
		cmocka_unit_test(who_was_used_longest_ago_gives_way_and_who_is_asked_for_does_not),
		cmocka_unit_test(who_has_left_is_not_told),
		cmocka_unit_test(what_comes_late_is_for_who_comes_later),
		cmocka_unit_test(what_comes_late_may_end_sooner_or_be_nothing),
		cmocka_unit_test(what_ended_meanwhile_is_asked_for_whole),
		cmocka_unit_test(who_has_more_to_come_does_not_give_way),
		cmocka_unit_test(all_that_is_told_is_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
