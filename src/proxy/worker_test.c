#include "proxy/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Somebody who would be late at 1100. */
struct one {
	struct proxy_deadline deadline; /* first */
	struct proxy_later later;
	struct proxy_worker w;
	unsigned lates;
};

static void late(struct proxy_deadline *d)
{
	((struct one *)d)->lates++;
}

static void said_something(struct proxy_later *l)
{
	struct one *o = (struct one *)((char *)l - offsetof(struct one, later));
	proxy_deadline_set(&o->w.wheel, &o->deadline, o->w.now_ms, 100);
}

static void begin(struct one *o)
{
	*o = (struct one){.deadline.call = late};
	proxy_worker_init(&o->w, 1000, 1, 1, 1);
	proxy_deadline_set(&o->w.wheel, &o->deadline, 1000, 100);
}

static void end(struct one *o)
{
	proxy_deadline_done(&o->w.wheel, &o->deadline);
	proxy_worker_done(&o->w);
}

static void turn(struct one *o, uint64_t now_ms)
{
	o->w.now_ms = now_ms;
	proxy_worker_turn(&o->w);
}

static void who_says_nothing_is_late(void **state)
{
	(void)state;
	struct one o;
	begin(&o);
	turn(&o, 1099);
	assert_int_equal(o.lates, 0);
	turn(&o, 1100);
	assert_int_equal(o.lates, 1);
	end(&o);
}

static void who_said_what_was_put_off_is_not_late(void **state)
{
	(void)state;
	struct one o;
	begin(&o);
	proxy_later_add(&o.w.later, &o.later, said_something);
	turn(&o, 2000); /* we did not run for a while */
	assert_int_equal(o.lates, 0);
	turn(&o, 2100);
	assert_int_equal(o.lates, 1);
	end(&o);
}

static void nobody_is_late_before_all_that_came_was_told(void **state)
{
	(void)state;
	struct one o;
	begin(&o);
	o.w.backlog = true;
	turn(&o, 2000);
	assert_int_equal(o.lates, 0);
	o.w.backlog = false;
	turn(&o, 2000);
	assert_int_equal(o.lates, 1);
	end(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_nothing_is_late),
		cmocka_unit_test(who_said_what_was_put_off_is_not_late),
		cmocka_unit_test(nobody_is_late_before_all_that_came_was_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
