#include "service/forward-proxy/access/period.h"

#include "policy/schedule.h"

#include <stdbool.h>
#include <stddef.h>

enum { DAY_S = 86400, WEEK_DAYS = 7, THURSDAY = 3 /* 1 January 1970 */, MONTHS = 12 };

/* ---- the calendar ---- */

/* Days since 1970 of the Gregorian calendar; months and days from 1. */
static int64_t day_of(int64_t year, int64_t month, int64_t day)
{
	/* Years begin in March, so that a leap day is a year's last. */
	year -= month <= 2;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

struct date {
	int64_t year, month, day;
};

static struct date date_of(int64_t days)
{
	/* A year that is near enough, then the right one. */
	struct date d = {.year = 1970 + days / 366, .month = MONTHS};
	while (day_of(d.year + 1, 1, 1) <= days)
		d.year++;
	while (day_of(d.year, d.month, 1) > days)
		d.month--;
	d.day = days - day_of(d.year, d.month, 1) + 1;
	return d;
}

/* ---- the zone ---- */

/* The first moment at which the clocks of the zone show local_s, or what is past it. */
static int64_t moment_of(const struct policy_zone *zone, int64_t local_s)
{
	int64_t since_s = INT64_MIN;
	int32_t ahead_s = zone->ahead_s;
	for (size_t i = 0;; i++) {
		bool last = i == zone->changes_n;
		int64_t at_s = local_s - ahead_s;
		if (at_s < since_s) /* they were set past it */
			return since_s;
		if (last || at_s < zone->changes[i].since_s)
			return at_s;
		since_s = zone->changes[i].since_s;
		ahead_s = zone->changes[i].ahead_s;
	}
}

/* ---- periods ---- */

static int64_t first_day_of_month(const struct period *p, int64_t months)
{
	int64_t year = months / MONTHS, month = months % MONTHS + 1;
	int64_t first = day_of(year, month, 1);
	int64_t next = day_of(year + month / MONTHS, month % MONTHS + 1, 1);
	return first + p->day <= next ? first + p->day - 1 : next - 1;
}

/* Of the period with that number: in order of time, without a gap. */
static int64_t begins(const struct period *p, const struct policy_zone *zone, int64_t number)
{
	int64_t day = p->every == PERIOD_DAY	? number
		      : p->every == PERIOD_WEEK ? number * WEEK_DAYS + p->weekday - THURSDAY
						: first_day_of_month(p, number);
	return moment_of(zone, day * DAY_S + (int64_t)p->minute * 60);
}

/* The number of one that begins near that day. */
static int64_t near(const struct period *p, int64_t day)
{
	struct date d = date_of(day);
	switch (p->every) {
	case PERIOD_DAY: return day;
	case PERIOD_WEEK: return day / WEEK_DAYS;
	case PERIOD_MONTH: break;
	}
	return d.year * MONTHS + d.month - 1;
}

static int64_t local_of(const struct policy_zone *zone, uint64_t at_s)
{
	return (int64_t)at_s + policy_zone_ahead(zone, at_s);
}

struct period_span period_of(const struct period *p, const struct policy_zone *zone, uint64_t now_s)
{
	int64_t now = (int64_t)(now_s < PERIOD_LATEST_S ? now_s : PERIOD_LATEST_S);
	int64_t local_s = local_of(zone, (uint64_t)now);
	int64_t number = near(p, local_s > 0 ? local_s / DAY_S : 0) + 2;
	while (begins(p, zone, number) > now)
		number--;
	int64_t from = begins(p, zone, number), to = begins(p, zone, number + 1);
	return (struct period_span){from > 0 ? (uint64_t)from : 0, (uint64_t)to};
}

struct period_date period_date(const struct policy_zone *zone, uint64_t at_s)
{
	int64_t local_s = local_of(zone, at_s < PERIOD_LATEST_S ? at_s : PERIOD_LATEST_S);
	if (local_s < 0)
		local_s = 0;
	struct date d = date_of(local_s / DAY_S);
	return (struct period_date){.year = (uint16_t)d.year,
				    .month = (uint8_t)d.month,
				    .day = (uint8_t)d.day,
				    .hour = (uint8_t)(local_s % DAY_S / 3600),
				    .minute = (uint8_t)(local_s % 3600 / 60)};
}
