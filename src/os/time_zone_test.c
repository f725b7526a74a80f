#include "os/time_zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHANGES = 40 };

#define IN_JANUARY_2026 INT64_C(1767225600)

static void a_zone_that_is_not_there_is_no_zone(void **state)
{
	(void)state;
	struct time_zone_change changes[CHANGES];
	int32_t ahead_s = 77;
	size_t n = 77;
	static const char *const bad[] = {"Europe/Atlantis",
					  "/etc/localtime",
					  "../../../etc/passwd",
					  ":UTC",
					  "Europe/../Europe/Berlin",
					  "Europe",
					  ""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(time_zone_read(bad[i], 0, &ahead_s, changes, CHANGES, &n),
				 ERR_ABSENT);
	assert_int_equal(ahead_s, 77);
	assert_int_equal(n, 77);
}

static void summers_come_and_go_where_they_do(void **state)
{
	(void)state;
	struct time_zone_change changes[CHANGES];
	int32_t ahead_s;
	size_t n;
	if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0) {
		print_message("there is no table of zones here (package tzdata)\n");
		skip();
	}
	assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
	assert_int_equal(
		time_zone_read("Europe/Berlin", IN_JANUARY_2026, &ahead_s, changes, CHANGES, &n),
		OK);
	assert_int_equal(ahead_s, 3600);
	assert_true(n >= 19 && n <= 21);		  /* of ten years */
	assert_int_equal(changes[0].since_s, 1774746000); /* 2026-03-29 01:00 UTC */
	assert_int_equal(changes[0].ahead_s, 7200);
	assert_int_equal(changes[1].since_s, 1792890000); /* 2026-10-25 01:00 UTC */
	assert_int_equal(changes[1].ahead_s, 3600);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	assert_int_equal(time_zone_read(NULL, IN_JANUARY_2026, &ahead_s, changes, CHANGES, &n), OK);
	assert_int_equal(ahead_s, 9 * 3600);
	assert_int_equal(n, 0);
	assert_int_equal(time_zone_read("Europe/Berlin", IN_JANUARY_2026, &ahead_s, changes, 3, &n),
			 OK);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_that_is_not_there_is_no_zone),
		cmocka_unit_test(summers_come_and_go_where_they_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
