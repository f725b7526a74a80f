/* Days, weeks and months as people have them, each from a time of the day of a time zone on: in
 * which of them a moment lies. Knows no clock and not what is counted in it.
 *
 * A period is from one beginning to the next, so it has an hour less or more where clocks are set.
 * A beginning that they leave out is the moment at which they are set; of one that is there twice
 * the first counts. */
#ifndef FORWARD_PROXY_ACCESS_PERIOD_H
#define FORWARD_PROXY_ACCESS_PERIOD_H

#include <stdint.h>

struct policy_zone;

enum period_every { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH };

struct period {
	enum period_every every;
	uint16_t minute; /* after midnight, below 1440 */
	uint8_t weekday; /* of PERIOD_WEEK; 0 is Monday */
	uint8_t day;	 /* of PERIOD_MONTH, from 1; of a month that has no such day its last */
};

/* Seconds since 1970; the end does not belong to it. */
struct period_span {
	uint64_t begins_s, ends_s;
};

/* Any moment up to PERIOD_LATEST_S; a later one is taken for that. */
#define PERIOD_LATEST_S UINT64_C(253402300799) /* the year 9999 */
struct period_span period_of(const struct period *p, const struct policy_zone *zone,
			     uint64_t now_s);

/* A moment as a date and a time of the day there. */
struct period_date {
	uint16_t year;
	uint8_t month, day, hour, minute; /* month and day from 1 */
};
struct period_date period_date(const struct policy_zone *zone, uint64_t at_s);

#endif
