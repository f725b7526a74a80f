/* Hours of the week, past midnight, and across changes of the clock. */
#include "policy/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MONDAY (UINT64_C(4) * 86400) /* 5 January 1970, 00:00 UTC */

static const struct policy_zone utc = {0};

static struct policy_schedule one(unsigned days, unsigned from, unsigned to)
{
	return (struct policy_schedule){.windows = {{(uint8_t)days, (uint16_t)from, (uint16_t)to}},
					.windows_n = 1};
}

static void an_empty_schedule_never_holds(void **state)
{
	(void)state;
	struct policy_schedule s = {0};
	assert_false(policy_schedule_holds(&s, &utc, MONDAY));
}

static void a_window_holds_from_its_begin_to_before_its_end(void **state)
{
	(void)state;
	struct policy_schedule s = one(1, 60, 120);
	assert_false(policy_schedule_holds(&s, &utc, MONDAY + 3599));
	assert_true(policy_schedule_holds(&s, &utc, MONDAY + 3600));
	assert_true(policy_schedule_holds(&s, &utc, MONDAY + 7199));
	assert_false(policy_schedule_holds(&s, &utc, MONDAY + 7200));
	assert_false(policy_schedule_holds(&s, &utc, MONDAY + 86400 + 3600));
	assert_true(policy_schedule_holds(&s, &utc, MONDAY + 7 * 86400 + 3600));
}

static void a_window_past_midnight_belongs_to_the_day_it_begins_on(void **state)
{
	(void)state;
	struct policy_schedule s = one(1 << 6, 22 * 60, 6 * 60);       /* Sunday */
	assert_false(policy_schedule_holds(&s, &utc, MONDAY - 86400)); /* before Sunday's evening */
	assert_true(policy_schedule_holds(&s, &utc, MONDAY - 7200));
	assert_true(policy_schedule_holds(&s, &utc, MONDAY + 6 * 3600 - 1));
	assert_false(policy_schedule_holds(&s, &utc, MONDAY + 6 * 3600));
	assert_false(policy_schedule_holds(&s, &utc, MONDAY + 23 * 3600));
}

static void a_whole_day_is_written_0_to_1440(void **state)
{
	(void)state;
	struct policy_schedule s = one(1, 0, POLICY_DAY_MINUTES);
	assert_true(policy_schedule_holds(&s, &utc, MONDAY));
	assert_true(policy_schedule_holds(&s, &utc, MONDAY + 86399));
	assert_false(policy_schedule_holds(&s, &utc, MONDAY + 86400));
	assert_false(policy_schedule_holds(&s, &utc, MONDAY - 1));
}

static void the_zone_moves_the_wall_clock(void **state)
{
	(void)state;
	struct policy_schedule s = one(POLICY_EVERY_DAY, 8 * 60, 9 * 60);
	struct policy_zone zone = {
		.ahead_s = 3600, .changes = {{(int64_t)MONDAY + 86400, 7200}}, .changes_n = 1};
	assert_false(policy_schedule_holds(&s, &zone, MONDAY + 8 * 3600));
	assert_true(policy_schedule_holds(&s, &zone, MONDAY + 7 * 3600));
	assert_true(policy_schedule_holds(&s, &zone, MONDAY + 86400 + 6 * 3600));
	zone = (struct policy_zone){.ahead_s = -5 * 3600};
	assert_true(policy_schedule_holds(&s, &zone, MONDAY + 13 * 3600));
	assert_true(policy_schedule_holds(
		&(struct policy_schedule){.windows = {{1 << 6, 0, 1440}}, .windows_n = 1}, &zone,
		MONDAY)); /* still Sunday there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_schedule_never_holds),
		cmocka_unit_test(a_window_holds_from_its_begin_to_before_its_end),
		cmocka_unit_test(a_window_past_midnight_belongs_to_the_day_it_begins_on),
		cmocka_unit_test(a_whole_day_is_written_0_to_1440),
		cmocka_unit_test(the_zone_moves_the_wall_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
