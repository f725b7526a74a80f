#include "proto/dns/text.h"

#define DAY_S 86400

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint32_t unit_s(uint8_t c)
{
	switch (c) {
	case 's':
	case 'S': return 1;
	case 'm':
	case 'M': return 60;
	case 'h':
	case 'H': return 3600;
	case 'd':
	case 'D': return DAY_S;
	case 'w':
	case 'W': return 7 * DAY_S;
	default: return 0;
	}
}

bool dns_text_period(struct span text, uint32_t max, uint32_t *ret)
{
	uint64_t total = 0;
	bool units = false;
	size_t i = 0;
	if (text.len == 0 || !is_digit(text.data[0]))
		return false;
	while (i < text.len) {
		uint64_t number = 0;
		if (!is_digit(text.data[i]))
			return false;
		for (; i < text.len && is_digit(text.data[i]); i++) {
			number = number * 10 + (uint64_t)(text.data[i] - '0');
			if (number > max)
				return false;
		}
		if (i == text.len && units) /* "1h30": 30 what? */
			return false;
		units = i < text.len;
		uint32_t unit = units ? unit_s(text.data[i++]) : 1;
		total += number * unit;
		if (unit == 0 || total > max)
			return false;
	}
	*ret = (uint32_t)total;
	return true;
}

/* Days from 1970-01-01 to the first of March of a year that begins in March, and back: leap days
 * then come last. 719468 days lie between 0000-03-01 and 1970-01-01 (Gregorian, proleptic). */
#define EPOCH_DAYS 719468

static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3; /* March is 0 */
	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - EPOCH_DAYS;
}

static int64_t month_days(int64_t year, int64_t month)
{
	return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

bool dns_text_time(struct span text, uint32_t *ret)
{
	uint64_t n;
	if (!span_to_u64(text, UINT64_MAX, &n) || text.len > 14)
		return false;
	if (text.len != 14) {
		if (n > UINT32_MAX || text.len > 10)
			return false;
		*ret = (uint32_t)n;
		return true;
	}
	int64_t t = (int64_t)n;
	int64_t second = t % 100, minute = t / 100 % 100, hour = t / 10000 % 100;
	int64_t day = t / 1000000 % 100, month = t / 100000000 % 100, year = t / 10000000000;
	if (second > 59 || minute > 59 || hour > 23 || month < 1 || month > 12 || year < 1970)
		return false;
	if (day < 1 || day > month_days(year, month))
		return false;
	/* RFC 4034 3.1.5: serial arithmetic, so what does not fit wraps. */
	*ret = (uint32_t)(days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second);
	return true;
}

void dns_text_time_write(uint32_t time_s, struct writer *w)
{
	uint32_t days = time_s / DAY_S + EPOCH_DAYS, rest = time_s % DAY_S;
	uint32_t era_day = days % 146097; /* of 400 years */
	uint32_t era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	uint32_t year_day = era_day - (era_year * 365 + era_year / 4 - era_year / 100);
	uint32_t m = (5 * year_day + 2) / 153; /* March is 0 */
	uint32_t month = m < 10 ? m + 3 : m - 9;
	uint32_t year = era_year + days / 146097 * 400 + (month <= 2);
	write_format(w, "%04u%02u%02u%02u%02u%02u", year, month, year_day - (153 * m + 2) / 5 + 1,
		     rest / 3600, rest / 60 % 60, rest % 60);
}
