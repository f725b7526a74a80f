#include "service/forward-proxy/access/period.h"

#include "os/time_zone.h"
#include "policy/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "test/random.h"

enum { DAY_S = 86400 };

static const struct policy_zone utc;

/* That zone from so many years on. */
static struct policy_zone zone_of(const char *name, int year)
{
	struct time_zone_change changes[POLICY_CHANGES_MAX];
	struct policy_zone zone = {0};
	struct tm tm = {.tm_year = year - 1900, .tm_mday = 1};
	enum err e = time_zone_read(name, timegm(&tm), &zone.ahead_s, changes, POLICY_CHANGES_MAX,
				    &zone.changes_n);
	if (e == ERR_ABSENT)
		skip(); /* there are no zones on this machine */
	assert_int_equal(e, OK);
	for (size_t i = 0; i < zone.changes_n; i++)
		zone.changes[i] = (struct policy_change){changes[i].since_s, changes[i].ahead_s};
	return zone;
}

/* "2026-03-29 01:30" of UTC. */
static uint64_t at(const char *text)
{
	struct tm tm = {0};
	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
	return (uint64_t)timegm(&tm);
}

static void lies(const struct period *p, const struct policy_zone *zone, const char *now,
		 const char *from, const char *to)
{
	struct period_span s = period_of(p, zone, at(now));
	assert_int_equal(s.begins_s, at(from));
	assert_int_equal(s.ends_s, at(to));
}

static void days_begin_at_their_time(void **state)
{
	(void)state;
	const struct period midnight = {.every = PERIOD_DAY};
	const struct period six = {.every = PERIOD_DAY, .minute = 360};
	lies(&midnight, &utc, "2026-11-29 21:34", "2026-11-29 00:00", "2026-11-30 00:00");
	lies(&midnight, &utc, "2026-11-30 00:00", "2026-11-30 00:00", "2026-12-01 00:00");
	lies(&six, &utc, "2026-11-30 05:59", "2026-11-29 06:00", "2026-11-30 06:00");
	lies(&six, &utc, "2026-11-30 06:00", "2026-11-30 06:00", "2026-12-01 06:00");
}

static void weeks_begin_on_their_day(void **state)
{
	(void)state;
	const struct period monday = {.every = PERIOD_WEEK};
	const struct period sunday = {.every = PERIOD_WEEK, .weekday = 6, .minute = 60};
	/* 29 November 2026 is a Sunday. */
	lies(&monday, &utc, "2026-11-29 23:59", "2026-11-23 00:00", "2026-11-30 00:00");
	lies(&monday, &utc, "2026-11-30 00:00", "2026-11-30 00:00", "2026-12-07 00:00");
	lies(&sunday, &utc, "2026-11-29 00:59", "2026-11-22 01:00", "2026-11-29 01:00");
	lies(&sunday, &utc, "2026-11-29 01:00", "2026-11-29 01:00", "2026-12-06 01:00");
	lies(&sunday, &utc, "2026-12-31 12:00", "2026-12-27 01:00", "2027-01-03 01:00");
}

static void months_have_a_last_day(void **state)
{
	(void)state;
	const struct period first = {.every = PERIOD_MONTH, .day = 1};
	const struct period last = {.every = PERIOD_MONTH, .day = 31, .minute = 720};
	lies(&first, &utc, "2026-12-31 23:59", "2026-12-01 00:00", "2027-01-01 00:00");
	lies(&first, &utc, "2027-01-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00");
	lies(&last, &utc, "2027-02-28 11:59", "2027-01-31 12:00", "2027-02-28 12:00");
	lies(&last, &utc, "2027-02-28 12:00", "2027-02-28 12:00", "2027-03-31 12:00");
	lies(&last, &utc, "2028-02-29 11:00", "2028-01-31 12:00", "2028-02-29 12:00");
	lies(&last, &utc, "2026-04-30 13:00", "2026-04-30 12:00", "2026-05-31 12:00");
	/* 2100 has no leap day. */
	lies(&last, &utc, "2100-03-01 00:00", "2100-02-28 12:00", "2100-03-31 12:00");
}

static void clocks_that_are_set(void **state)
{
	(void)state;
	const struct policy_zone berlin = zone_of("Europe/Berlin", 2026);
	const struct period midnight = {.every = PERIOD_DAY};
	const struct period skipped = {.every = PERIOD_DAY, .minute = 150}; /* 2:30 */
	const struct period month = {.every = PERIOD_MONTH, .day = 1};
	/* 29 March has no 2:30: at 2:00 it is 3:00. A day of 23 hours. */
	lies(&midnight, &berlin, "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00");
	lies(&skipped, &berlin, "2026-03-29 00:59", "2026-03-28 01:30", "2026-03-29 01:00");
	lies(&skipped, &berlin, "2026-03-29 01:00", "2026-03-29 01:00", "2026-03-30 00:30");
	/* 25 October has two: the first counts. A day of 25 hours. */
	lies(&midnight, &berlin, "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00");
	lies(&skipped, &berlin, "2026-10-25 00:29", "2026-10-24 00:30", "2026-10-25 00:30");
	lies(&skipped, &berlin, "2026-10-25 01:30", "2026-10-25 00:30", "2026-10-26 01:30");
	lies(&month, &berlin, "2026-10-31 23:00", "2026-10-31 23:00", "2026-11-30 23:00");
}

/* What the clocks of a zone show, asked of libc. */
static struct tm shown(const char *zone, uint64_t at_s)
{
	time_t t = (time_t)at_s;
	struct tm tm;
	(void)setenv("TZ", zone, 1);
	tzset();
	assert_non_null(localtime_r(&t, &tm));
	return tm;
}

static unsigned month_len(const struct tm *tm)
{
	static const unsigned lens[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return lens[tm->tm_mon] + (tm->tm_mon == 1 && leap);
}

static bool is_day(const struct period *p, const struct tm *tm)
{
	unsigned last = month_len(tm);
	switch (p->every) {
	case PERIOD_DAY: return true;
	case PERIOD_WEEK: return (tm->tm_wday + 6) % 7 == p->weekday;
	case PERIOD_MONTH: break;
	}
	return (unsigned)tm->tm_mday == (p->day < last ? p->day : last);
}

static bool is_same(const struct tm *a, const struct tm *b)
{
	return a->tm_mday == b->tm_mday && a->tm_hour == b->tm_hour && a->tm_min == b->tm_min;
}

/* Minute by minute, by what the clocks show: a period begins at the first one at which its time of
 * its day has come, or was left out. */
static uint64_t slow_next(const struct period *p, const char *zone, uint64_t after_s)
{
	struct tm before = shown(zone, after_s - after_s % 60);
	for (uint64_t t = after_s - after_s % 60 + 60;; t += 60) {
		struct tm tm = shown(zone, t);
		int was = before.tm_hour * 60 + before.tm_min, is = tm.tm_hour * 60 + tm.tm_min;
		bool same_day = before.tm_mday == tm.tm_mday;
		bool came = is >= p->minute && (!same_day || was < p->minute);
		/* Set back, it was there before. */
		if (came && is_day(p, &tm)) {
			struct tm half = shown(zone, t - 1800), hour = shown(zone, t - 3600);
			if (!is_same(&half, &tm) && !is_same(&hour, &tm))
				return t;
		}
		before = tm;
	}
}

static void is_what_the_clocks_show(void **state)
{
	(void)state;
	/* The one in which summer is half an hour, and one that is no hour away. */
	static const char *const zones[] = {"Europe/Berlin",	   "America/New_York",
					    "Australia/Lord_Howe", "Asia/Kathmandu",
					    "America/Santiago",	   "UTC"};
	struct test_random r = test_random_begin();
	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		const struct policy_zone zone = zone_of(zones[z], 2026);
		for (unsigned i = 0; i < 12; i++) {
			struct period p = {.every = (enum period_every)(i % 3),
					   .minute = (uint16_t)test_random_below(&r, 1440),
					   .weekday = (uint8_t)test_random_below(&r, 7),
					   .day = (uint8_t)(1 + test_random_below(&r, 31))};
			uint64_t now =
				at("2026-02-01 00:00") + test_random_below(&r, 3u * 365 * DAY_S);
			if (i % 4 == 0) /* near a change */
				now = zone.changes_n
					      ? (uint64_t)zone.changes[i % zone.changes_n].since_s +
							DAY_S - test_random_below(&r, 2 * DAY_S)
					      : now;
			struct period_span s = period_of(&p, &zone, now);
			assert_true(s.begins_s <= now && now < s.ends_s);
			assert_int_equal(s.ends_s, slow_next(&p, zones[z], now));
			assert_int_equal(period_of(&p, &zone, s.ends_s).begins_s, s.ends_s);
			assert_int_equal(period_of(&p, &zone, s.ends_s - 1).ends_s, s.ends_s);
		}
	}
	(void)unsetenv("TZ");
}

static void the_ends_of_time(void **state)
{
	(void)state;
	const struct period month = {.every = PERIOD_MONTH, .day = 31};
	const struct policy_zone west = {.ahead_s = -12 * 3600};
	struct period_span s = period_of(&month, &west, 0);
	assert_true(s.begins_s == 0 && s.ends_s > 0);
	s = period_of(&month, &utc, UINT64_MAX);
	assert_true(s.begins_s <= PERIOD_LATEST_S && s.ends_s > PERIOD_LATEST_S);
}

static void dates_are_of_the_zone(void **state)
{
	(void)state;
	const struct policy_zone korea = {.ahead_s = 9 * 3600};
	struct period_date d = period_date(&korea, at("2026-12-31 15:05"));
	assert_int_equal(d.year, 2027);
	assert_int_equal(d.month, 1);
	assert_int_equal(d.day, 1);
	assert_int_equal(d.hour, 0);
	assert_int_equal(d.minute, 5);
	for (uint64_t t = 0; t < at("2101-01-01 00:00"); t += DAY_S * 5 + 3601) {
		time_t time = (time_t)t;
		struct tm tm;
		assert_non_null(gmtime_r(&time, &tm));
		d = period_date(&utc, t);
		assert_int_equal(d.year, tm.tm_year + 1900);
		assert_int_equal(d.month, tm.tm_mon + 1);
		assert_int_equal(d.day, tm.tm_mday);
		assert_int_equal(d.hour, tm.tm_hour);
		assert_int_equal(d.minute, tm.tm_min);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_begin_at_their_time),
		cmocka_unit_test(weeks_begin_on_their_day),
		cmocka_unit_test(months_have_a_last_day),
		cmocka_unit_test(clocks_that_are_set),
		cmocka_unit_test(is_what_the_clocks_show),
		cmocka_unit_test(the_ends_of_time),
		cmocka_unit_test(dates_are_of_the_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
