#include "acme/renewal.h"

#include "acme/moment.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY UINT64_C(86400)

static void refuses_what_is_no_moment(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "2026-01-03",
					  "2026-01-03T00:00:00",
					  "2026-13-03T00:00:00Z",
					  "2026-02-29T00:00:00Z",
					  "2026-01-00T00:00:00Z",
					  "2026-01-03T24:00:00Z",
					  "2026-01-03T00:00:00.Z",
					  "2026-01-03T00:00:00Zx",
					  "2026-01-03T00:00:00+1:00",
					  "1969-12-31T23:59:59Z",
					  "1970-01-01T00:00:00+01:00",
					  "2026-01-0300:00:00Z",
					  "+026-01-03T00:00:00Z"};
	uint64_t at = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(acme_moment_read(span_text(bad[i]), &at), ERR_FORMAT);
	assert_int_equal(acme_moment_read_http(span_text("Sun, 06 Nov 1994 08:49:37 UTC"), &at),
			 ERR_FORMAT);
	assert_int_equal(acme_moment_read_http(span_text("Sunday, 06-Nov-94 08:49:37 GMT"), &at),
			 ERR_FORMAT);
	assert_int_equal(at, 7);
}

static void reads_moments(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t at_s;
	} good[] = {{"1970-01-01T00:00:00Z", 0},
		    {"2000-02-29T12:00:00z", 951825600},
		    {"2024-12-31T23:59:59.999999Z", 1735689599},
		    {"2026-01-03T00:00:00Z", 1767398400},
		    {"2026-01-03T02:30:00+02:30", 1767398400},
		    {"2026-01-02T16:00:00-08:00", 1767398400},
		    {"2100-03-01T00:00:00Z", 4107542400}};
	uint64_t at;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(acme_moment_read(span_text(good[i].text), &at), OK);
		assert_int_equal(at, good[i].at_s);
	}
	/* RFC 9110 5.6.7 */
	assert_int_equal(acme_moment_read_http(span_text("Sun, 06 Nov 1994 08:49:37 GMT"), &at),
			 OK);
	assert_int_equal(at, 784111777);
}

static void renews_after_two_thirds_of_the_life(void **state)
{
	(void)state;
	uint64_t from = 1000 * DAY, until = from + 90 * DAY;
	for (uint64_t chance = 0; chance < 1000; chance++) {
		uint64_t due = acme_renewal_due_s(from, until, NULL, chance * 0x9e3779b97f4a7c15);
		assert_true(due >= from + 60 * DAY && due < from + 65 * DAY);
	}
	assert_int_equal(acme_renewal_due_s(from, from, NULL, 5), from);
}

static void renews_in_the_authoritys_window(void **state)
{
	(void)state;
	uint64_t from = 1000 * DAY, until = from + 90 * DAY;
	struct acme_window w = {.from_s = from + DAY, .until_s = from + 2 * DAY};
	for (uint64_t chance = 0; chance < 1000; chance++) {
		uint64_t due = acme_renewal_due_s(from, until, &w, chance * 0x9e3779b97f4a7c15);
		assert_true(due >= w.from_s && due < w.until_s);
	}
	/* Before the certificate was: at once. */
	w = (struct acme_window){.from_s = from - 2 * DAY, .until_s = from - DAY};
	assert_true(acme_renewal_due_s(from, until, &w, 7) < from);
	/* Never so late that it has ended. */
	w = (struct acme_window){.from_s = until + DAY, .until_s = until + 2 * DAY};
	assert_true(acme_renewal_due_s(from, until, &w, 7) < until);
	w = (struct acme_window){.from_s = until - DAY, .until_s = until + 20 * DAY};
	for (uint64_t chance = 0; chance < 1000; chance++)
		assert_true(acme_renewal_due_s(from, until, &w, chance * 7919) < until);
}

static void backs_off_and_is_patient_when_asked(void **state)
{
	(void)state;
	uint64_t last = 0;
	for (unsigned n = 1; n < 100; n++) {
		uint64_t least = acme_backoff_s(n, 0, 0), most = 0;
		for (uint64_t chance = 0; chance < 50000; chance += 7) {
			uint64_t s = acme_backoff_s(n, 0, chance);
			most = s > most ? s : most;
			assert_true(s >= least);
		}
		assert_true(least >= last && most <= 6 * 3600);
		last = least;
	}
	assert_int_equal(last, 3 * 3600);
	assert_int_equal(acme_backoff_s(1, 3600, 5), 3600);
	assert_int_equal(acme_backoff_s(1, UINT64_MAX, 5), 7 * DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_moment),
		cmocka_unit_test(reads_moments),
		cmocka_unit_test(renews_after_two_thirds_of_the_life),
		cmocka_unit_test(renews_in_the_authoritys_window),
		cmocka_unit_test(backs_off_and_is_patient_when_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
