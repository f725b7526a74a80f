#include "config/times.h"

#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void minutes_are_those_of_a_day(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t minutes;
	} good[] = {{"0:00", 0},     {"00:00", 0},    {"7:30", 450},
		    {"21:00", 1260}, {"23:59", 1439}, {"24:00", 1440}};
	static const char *const bad[] = {"",	   ":",	   "7",	    "7:3",     "7:300", "24:01",
					  "25:00", "7:60", "-7:00", "007:00",  " 7:00", "7:00 ",
					  "7.00",  "x:00", "7:0x",  "21:00:00"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint16_t minutes = 9999;
		assert_true(config_minutes_read(good[i].text, &minutes));
		assert_int_equal(minutes, good[i].minutes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint16_t minutes = 9999;
		assert_false(config_minutes_read(bad[i], &minutes));
		assert_int_equal(minutes, 9999);
	}
}

static void days_are_bits(void **state)
{
	(void)state;
	int days[] = {0, 4, 6};
	const struct config_times c = {.days = {days, 3}, .from = "21:00", .to = "6:30"};
	struct config_window w = config_times_read(&c);
	assert_int_equal(w.days, 1 << 0 | 1 << 4 | 1 << 6);
	assert_int_equal(w.from, 21 * 60);
	assert_int_equal(w.to, 6 * 60 + 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minutes_are_those_of_a_day),
		cmocka_unit_test(days_are_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
