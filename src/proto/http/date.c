#include "proto/http/date.h"

#include "base/writer.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Days since 1970 of the proleptic Gregorian calendar; months from 1. */
static int64_t day_of(int64_t year, int64_t month, int64_t day)
{
	/* Years begin in March, so that a leap day is a year's last. */
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t month_len(int64_t year, int64_t month)
{
	static const uint8_t lens[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return lens[month - 1] + (month == 2 && is_leap(year));
}

/* What is left to read; bad: something was not there. */
struct cursor {
	struct span left;
	bool bad;
};

static void expect(struct cursor *c, const char *text)
{
	size_t n = strlen(text);
	c->bad = c->bad || !span_equal_nocase(span_sub(c->left, 0, n), span_of(text, n));
	c->left = span_sub(c->left, n, c->left.len);
}

/* n digits; blank: the first one may be a blank (asctime). */
static int64_t number(struct cursor *c, size_t n, bool blank)
{
	struct span s = span_sub(c->left, 0, n);
	uint64_t v = 0;
	if (blank && s.len && s.data[0] == ' ')
		s = span_sub(s, 1, s.len);
	c->bad = c->bad || c->left.len < n || !span_to_u64(s, 9999, &v);
	c->left = span_sub(c->left, n, c->left.len);
	return (int64_t)v;
}

/* A name of three letters out of names; its place from 0. */
static int64_t name(struct cursor *c, const char *names)
{
	struct span s = span_sub(c->left, 0, 3);
	c->left = span_sub(c->left, 3, c->left.len);
	for (size_t i = 0; names[i]; i += 3)
		if (span_equal_nocase(s, span_of(names + i, 3)))
			return (int64_t)(i / 3);
	c->bad = true;
	return 0;
}

struct moment {
	int64_t year, month, day, hour, minute, second;
};

static void clock_read(struct cursor *c, struct moment *m)
{
	m->hour = number(c, 2, false);
	expect(c, ":");
	m->minute = number(c, 2, false);
	expect(c, ":");
	m->second = number(c, 2, false);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static void fixdate_read(struct cursor *c, struct moment *m)
{
	(void)name(c, days);
	expect(c, ", ");
	m->day = number(c, 2, false);
	expect(c, " ");
	m->month = name(c, months) + 1;
	expect(c, " ");
	m->year = number(c, 4, false);
	expect(c, " ");
	clock_read(c, m);
	expect(c, " GMT");
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static void rfc850_read(struct cursor *c, struct moment *m, uint64_t now_s)
{
	c->left = span_sub(c->left, span_find(c->left, ','), c->left.len);
	expect(c, ", ");
	m->day = number(c, 2, false);
	expect(c, "-");
	m->month = name(c, months) + 1;
	expect(c, "-");
	int64_t now_year = 1970 + (int64_t)(now_s / 31556952);
	m->year = now_year - now_year % 100 + number(c, 2, false);
	if (m->year > now_year + 50)
		m->year -= 100;
	expect(c, " ");
	clock_read(c, m);
	expect(c, " GMT");
}

/* Sun Nov  6 08:49:37 1994 */
static void asctime_read(struct cursor *c, struct moment *m)
{
	(void)name(c, days);
	expect(c, " ");
	m->month = name(c, months) + 1;
	expect(c, " ");
	m->day = number(c, 2, true);
	expect(c, " ");
	clock_read(c, m);
	expect(c, " ");
	m->year = number(c, 4, false);
}

enum err http_date_read(struct span text, uint64_t now_s, uint64_t *ret)
{
	struct cursor c = {.left = text};
	struct moment m = {0};
	size_t comma = span_find(text, ',');
	if (comma == 3)
		fixdate_read(&c, &m);
	else if (comma < text.len)
		rfc850_read(&c, &m, now_s);
	else
		asctime_read(&c, &m);
	/* 60: a leap second. */
	if (c.bad || c.left.len || m.year < 1970 || m.day < 1 || m.hour > 23 || m.minute > 59 ||
	    m.second > 60 || m.day > month_len(m.year, m.month))
		return ERR_FORMAT;
	*ret = (uint64_t)(day_of(m.year, m.month, m.day) * 86400 + m.hour * 3600 + m.minute * 60 +
			  m.second);
	return OK;
}

void http_date_write(struct writer *w, uint64_t at_s)
{
	uint64_t day = at_s / 86400, second = at_s % 86400;
	int64_t left = (int64_t)day, year = 1970 + left / 366, month = 1;
	while (day_of(year + 1, 1, 1) <= left)
		year++;
	left -= day_of(year, 1, 1);
	for (; left >= month_len(year, month); month++)
		left -= month_len(year, month);
	char text[HTTP_DATE_LEN + 1];
	struct writer t = writer_of(text, sizeof(text));
	write_bytes(&t, days + (day + 4) % 7 * 3, 3);
	write_format(&t, ", %02u ", (unsigned)left + 1);
	write_bytes(&t, months + (month - 1) * 3, 3);
	write_format(&t, " %04u %02u:%02u:%02u GMT", (unsigned)year, (unsigned)(second / 3600),
		     (unsigned)(second / 60 % 60), (unsigned)(second % 60));
	write_span(w, writer_span(&t));
}
