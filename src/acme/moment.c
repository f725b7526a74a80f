#include "acme/moment.h"

enum { YEAR_MIN = 1970, YEAR_MAX = 9999, DAY_S = 86400 };

struct moment {
	uint64_t year, month, day, hour, minute, second;
};

/* Days since 1970 by counting leap years before the year, and months of this one. */
static uint64_t days_of(const struct moment *m)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint64_t y = m->year - 1;
	bool leap = (m->year % 4 == 0 && m->year % 100 != 0) || m->year % 400 == 0;
	uint64_t leaps = y / 4 - y / 100 + y / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
	return (m->year - YEAR_MIN) * 365 + leaps + before[m->month - 1] +
	       (leap && m->month > 2 ? 1 : 0) + m->day - 1;
}

static bool is_date(const struct moment *m)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (m->year % 4 == 0 && m->year % 100 != 0) || m->year % 400 == 0;
	if (m->year < YEAR_MIN || m->year > YEAR_MAX || m->month < 1 || m->month > 12)
		return false;
	unsigned last = days[m->month - 1] + (m->month == 2 && leap ? 1U : 0U);
	return m->day >= 1 && m->day <= last && m->hour < 24 && m->minute < 60 && m->second <= 60;
}

static uint64_t seconds_of(const struct moment *m)
{
	return days_of(m) * DAY_S + m->hour * 3600 + m->minute * 60 + m->second;
}

/* n digits, and past them. */
static bool digits(struct span *s, size_t n, uint64_t *ret)
{
	bool good = s->len >= n && span_to_u64(span_sub(*s, 0, n), UINT32_MAX, ret);
	*s = span_sub(*s, n, s->len);
	return good;
}

static bool byte(struct span *s, const char *any)
{
	bool good = s->len && s->data[0] && strchr(any, s->data[0]);
	*s = span_sub(*s, 1, s->len);
	return good;
}

/* "Z" or an offset, in seconds east. */
static bool zone(struct span s, int64_t *ret)
{
	uint64_t hours, minutes;
	bool west = s.len && s.data[0] == '-';
	if (s.len == 1 && (s.data[0] == 'Z' || s.data[0] == 'z')) {
		*ret = 0;
		return true;
	}
	if (!byte(&s, "+-") || !digits(&s, 2, &hours) || !byte(&s, ":") ||
	    !digits(&s, 2, &minutes) || s.len || hours > 23 || minutes > 59)
		return false;
	*ret = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

enum err acme_moment_read(struct span s, uint64_t *ret_s)
{
	struct moment m;
	int64_t east;
	if (!digits(&s, 4, &m.year) || !byte(&s, "-") || !digits(&s, 2, &m.month) ||
	    !byte(&s, "-") || !digits(&s, 2, &m.day) || !byte(&s, "Tt") ||
	    !digits(&s, 2, &m.hour) || !byte(&s, ":") || !digits(&s, 2, &m.minute) ||
	    !byte(&s, ":") || !digits(&s, 2, &m.second) || !is_date(&m))
		return ERR_FORMAT;
	if (s.len && s.data[0] == '.') {
		size_t n = 1;
		while (n < s.len && s.data[n] >= '0' && s.data[n] <= '9')
			n++;
		if (n == 1)
			return ERR_FORMAT;
		s = span_sub(s, n, s.len);
	}
	int64_t at = (int64_t)seconds_of(&m);
	if (!zone(s, &east) || east > at)
		return ERR_FORMAT;
	*ret_s = (uint64_t)(at - east);
	return OK;
}

static bool month_name(struct span *s, uint64_t *ret)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct span name = span_sub(*s, 0, 3);
	*s = span_sub(*s, 3, s->len);
	for (uint64_t i = 0; i < 12; i++)
		if (span_equal(name, span_of(names + 3 * i, 3))) {
			*ret = i + 1;
			return true;
		}
	return false;
}

enum err acme_moment_read_http(struct span s, uint64_t *ret_s)
{
	struct moment m;
	if (s.len != strlen("Sun, 06 Nov 1994 08:49:37 GMT") || s.data[3] != ',' ||
	    s.data[4] != ' ')
		return ERR_FORMAT;
	s = span_sub(s, 5, s.len); /* the day of the week says nothing new */
	if (!digits(&s, 2, &m.day) || !byte(&s, " ") || !month_name(&s, &m.month) ||
	    !byte(&s, " ") || !digits(&s, 4, &m.year) || !byte(&s, " ") ||
	    !digits(&s, 2, &m.hour) || !byte(&s, ":") || !digits(&s, 2, &m.minute) ||
	    !byte(&s, ":") || !digits(&s, 2, &m.second) || !span_is(s, " GMT") || !is_date(&m))
		return ERR_FORMAT;
	*ret_s = seconds_of(&m);
	return OK;
}
