#include "base/wheel.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { TIMERS_MAX = 200 };

/* The oracle: an array that is searched for the earliest. `order` tells who was set first. */
struct entry {
	struct wheel_timer timer;
	uint64_t due_ms, order;
	bool set, late;
};

struct world {
	struct wheel wheel;
	uint64_t now_ms; /* of the oracle */
	uint64_t order;
	struct entry entries[TIMERS_MAX];
	struct test_random *random;
	uint64_t round;	     /* counts advances: what is set late in one fires in the next */
	uint64_t late_until; /* orders below fire as late in this advance */
	size_t fired;
	bool plays; /* the callback sets and cancels others */
	uint64_t to_ms;
};

static void set(struct world *w, struct entry *e, uint64_t due_ms)
{
	wheel_add(&w->wheel, &e->timer, due_ms);
	e->due_ms = due_ms;
	e->late = due_ms <= w->now_ms;
	e->set = true;
	e->order = w->order++;
}

static void cancel(struct world *w, struct entry *e)
{
	wheel_cancel(&w->wheel, &e->timer);
	e->set = false;
}

/* Who fires before whom: the late ones by order, then the others by time and order. */
static bool before(const struct entry *a, const struct entry *b)
{
	if (a->late != b->late)
		return a->late;
	if (!a->late && a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	return a->order < b->order;
}

/* Late ones that were set in this very advance wait for the next. */
static struct entry *slow_next(struct world *w)
{
	struct entry *best = NULL;
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		struct entry *e = &w->entries[i];
		if (e->set && !(e->late && e->order >= w->late_until) && (!best || before(e, best)))
			best = e;
	}
	return best;
}

static uint64_t slow_next_ms(const struct world *w)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		const struct entry *e = &w->entries[i];
		if (e->set && e->late)
			return w->now_ms;
		if (e->set && e->due_ms < next)
			next = e->due_ms;
	}
	return next;
}

static uint64_t random_delay(struct test_random *random)
{
	return test_random_next(random) >> test_random_below(random, 64);
}

static void random_change(struct world *w)
{
	struct entry *e = &w->entries[test_random_below(w->random, TIMERS_MAX)];
	uint64_t at;
	switch (test_random_below(w->random, 4)) {
	case 0: cancel(w, e); break;
	case 1: /* at or before now */
		at = random_delay(w->random);
		set(w, e, at < w->now_ms ? w->now_ms - at : w->now_ms);
		break;
	default:
		if (__builtin_add_overflow(w->now_ms, random_delay(w->random), &at))
			at = UINT64_MAX;
		set(w, e, at);
	}
}

static void on_timer(struct wheel_timer *t, void *arg)
{
	struct world *w = arg;
	struct entry *wanted = slow_next(w);
	assert_non_null(wanted);
	assert_ptr_equal(t, &wanted->timer);
	assert_false(wheel_timer_is_set(t));
	if (!wanted->late) {
		assert_true(wanted->due_ms <= w->to_ms);
		w->now_ms = wanted->due_ms;
	}
	assert_true(w->wheel.now_ms == w->now_ms);
	wanted->set = false;
	w->fired++;
	if (w->plays && w->fired % 3 == 0)
		random_change(w);
}

static void advance(struct world *w, uint64_t to_ms)
{
	w->late_until = w->order;
	w->to_ms = to_ms;
	wheel_advance(&w->wheel, to_ms, on_timer, w);
	if (to_ms > w->now_ms)
		w->now_ms = to_ms;
	assert_true(w->wheel.now_ms == w->now_ms);
	w->late_until = w->order;
	/* Nothing that was due is left, but what was set late meanwhile. */
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		const struct entry *e = &w->entries[i];
		assert_int_equal(wheel_timer_is_set(&e->timer), e->set);
		assert_true(!e->set || e->late || e->due_ms > w->now_ms);
	}
}

static size_t agree(struct test_random *random, uint64_t start_ms, bool plays)
{
	struct world *w = calloc(1, sizeof(*w));
	w->random = random;
	w->plays = plays;
	w->now_ms = start_ms;
	wheel_init(&w->wheel, start_ms);
	for (int round = 0; round < 1500; round++) {
		for (size_t n = test_random_below(random, 10); n; n--)
			random_change(w);
		assert_true(wheel_next_ms(&w->wheel) == slow_next_ms(w));
		size_t used = 0;
		for (size_t i = 0; i < TIMERS_MAX; i++)
			used += w->entries[i].set;
		assert_int_equal(wheel_used(&w->wheel), used);
		uint64_t to_ms = slow_next_ms(w);
		if (to_ms == UINT64_MAX)
			to_ms = w->now_ms + 1000;
		switch (test_random_below(random, 4)) {
		case 0: break;					    /* exactly to the next one */
		case 1: to_ms -= to_ms > 0; break;		    /* not quite */
		case 2: to_ms = w->now_ms - (w->now_ms > 0); break; /* back: nothing moves */
		default:
			if (__builtin_add_overflow(w->now_ms, random_delay(random) >> 20, &to_ms))
				to_ms = UINT64_MAX;
		}
		advance(w, to_ms);
		assert_true(wheel_next_ms(&w->wheel) == slow_next_ms(w));
		if (w->now_ms > UINT64_MAX - 1000)
			break;
	}
	size_t fired = w->fired;
	free(w);
	return fired;
}

static void agrees_with_an_array_on_random_steps(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	size_t fired = 0;
	for (int i = 0; i < 6; i++) {
		fired += agree(&random, 0, i % 2);
		fired += agree(&random, 1700000000000, i % 2);
		fired += agree(&random, (uint64_t)1 << 35, i % 2);
		fired += agree(&random, UINT64_MAX / 2 + 1, i % 2);
	}
	assert_true(fired > 20000);
}

struct log {
	struct wheel *wheel;
	struct wheel_timer *told[10];
	size_t n;
	uint64_t again_ms; /* the callback sets the timer anew for then, unless 0 */
};

static void note(struct wheel_timer *t, void *arg)
{
	struct log *log = arg;
	assert_true(log->n < 10);
	log->told[log->n++] = t;
	if (log->again_ms)
		wheel_add(log->wheel, t, log->again_ms);
}

static void tells_each_timer_once_and_never_early(void **state)
{
	(void)state;
	static const uint64_t times[] = {1,    63,   64,   65,	   4095,       4096,
					 4097, 1000, 3600, 262144, 2592000000, UINT64_MAX};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct wheel w;
		struct wheel_timer t = {0};
		struct log log = {.wheel = &w};
		wheel_init(&w, 0);
		assert_true(wheel_next_ms(&w) == UINT64_MAX);
		wheel_add(&w, &t, times[i]);
		assert_true(wheel_next_ms(&w) == times[i]);
		wheel_advance(&w, times[i] - 1, note, &log);
		assert_int_equal(log.n, 0);
		wheel_advance(&w, times[i], note, &log);
		assert_int_equal(log.n, 1);
		wheel_advance(&w, UINT64_MAX, note, &log);
		assert_int_equal(log.n, 1);
	}
}

static void keeps_the_order_of_equal_times(void **state)
{
	(void)state;
	struct wheel w;
	struct wheel_timer timers[4] = {0};
	struct log log = {.wheel = &w};
	wheel_init(&w, 0);
	wheel_add(&w, &timers[0], 5000);
	wheel_add(&w, &timers[1], 5000);
	wheel_advance(&w, 4990, note, &log);
	wheel_add(&w, &timers[2], 5000);
	wheel_add(&w, &timers[3], 4999);
	wheel_advance(&w, 9000, note, &log);
	assert_int_equal(log.n, 4);
	assert_ptr_equal(log.told[0], &timers[3]);
	assert_ptr_equal(log.told[1], &timers[0]);
	assert_ptr_equal(log.told[2], &timers[1]);
	assert_ptr_equal(log.told[3], &timers[2]);
}

static void does_not_turn_for_ever_on_a_timer_set_for_the_past(void **state)
{
	(void)state;
	struct wheel w;
	struct wheel_timer t = {0};
	struct log log = {.wheel = &w, .again_ms = 50};
	wheel_init(&w, 100);
	wheel_add(&w, &t, 100);
	assert_true(wheel_next_ms(&w) == 100);
	wheel_advance(&w, 100, note, &log);
	assert_int_equal(log.n, 1);
	assert_true(wheel_next_ms(&w) == 100);
	wheel_advance(&w, 200, note, &log);
	assert_int_equal(log.n, 2);
	assert_true(wheel_timer_is_set(&t));
	wheel_cancel(&w, &t);
	wheel_cancel(&w, &t);
	assert_int_equal(wheel_used(&w), 0);
	assert_true(wheel_next_ms(&w) == UINT64_MAX);
}

struct pair {
	struct wheel *wheel;
	struct wheel_timer *other;
	int calls;
};

static void cancel_other(struct wheel_timer *t, void *arg)
{
	struct pair *p = arg;
	(void)t;
	p->calls++;
	wheel_cancel(p->wheel, p->other);
}

static void does_not_tell_a_timer_that_the_callback_before_cancelled(void **state)
{
	(void)state;
	struct wheel w;
	struct wheel_timer a = {0}, b = {0};
	struct pair p = {&w, &b, 0};
	wheel_init(&w, 0);
	wheel_add(&w, &a, 10);
	wheel_add(&w, &b, 10);
	wheel_advance(&w, 10, cancel_other, &p);
	assert_int_equal(p.calls, 1);
	wheel_add(&w, &a, 3); /* both late */
	wheel_add(&w, &b, 2);
	wheel_advance(&w, 10, cancel_other, &p);
	assert_int_equal(p.calls, 2);
	assert_int_equal(wheel_used(&w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_an_array_on_random_steps),
		cmocka_unit_test(tells_each_timer_once_and_never_early),
		cmocka_unit_test(keeps_the_order_of_equal_times),
		cmocka_unit_test(does_not_turn_for_ever_on_a_timer_set_for_the_past),
		cmocka_unit_test(does_not_tell_a_timer_that_the_callback_before_cancelled),
	};
	return cmocka_run_group_tests_name("base_wheel", tests, NULL, NULL);
}
