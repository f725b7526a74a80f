#include "service/vpn/conf_text.h"

#include "base/writer.h"

#define DAY_S	 86400
#define YEAR_MIN 1970
#define YEAR_MAX 9999
#define RATE_MIN 8000ULL
#define RATE_MAX 1000000000000ULL

enum err vpn_text_device_address(struct span text, struct vpn_device_address *ret)
{
	size_t slash = span_find(text, '/');
	struct vpn_device_address a;
	uint64_t bits;
	TRY(ip_address_parse(span_sub(text, 0, slash), &a.address));
	uint64_t most = ip_address_len(&a.address) * 8;
	bits = most;
	if (slash < text.len &&
	    (!span_to_u64(span_sub(text, slash + 1, text.len), most, &bits) || bits == 0))
		return ERR_FORMAT;
	a.bits = (uint8_t)bits;
	*ret = a;
	return OK;
}

/* --- dates ------------------------------------------------------------------------------------ */

/* Days from 1970-01-01 to the first day of a year of the Gregorian calendar. */
static int64_t days_before_year(int64_t year)
{
	int64_t y = year - 1;
	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_of_month(int64_t year, size_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && is_leap(year));
}

/* The digits at `at`, exactly n of them, at most max. */
static bool number(struct span text, size_t at, size_t n, uint64_t max, int64_t *ret)
{
	struct span digits = span_sub(text, at, n);
	uint64_t v;
	if (digits.len != n || !span_to_u64(digits, max, &v))
		return false;
	*ret = (int64_t)v;
	return true;
}

static bool mark(struct span text, size_t at, char c)
{
	return at < text.len && text.data[at] == (uint8_t)c;
}

/* HH:MM or HH:MM:SS with or without Z. */
static bool time_of_day(struct span text, int64_t *ret_s)
{
	int64_t h, m, s = 0;
	if (text.len && text.data[text.len - 1] == 'Z')
		text.len--;
	if (!number(text, 0, 2, 23, &h) || !mark(text, 2, ':') || !number(text, 3, 2, 59, &m))
		return false;
	if (text.len != 5 && (text.len != 8 || !mark(text, 5, ':') || !number(text, 6, 2, 59, &s)))
		return false;
	*ret_s = h * 3600 + m * 60 + s;
	return true;
}

enum err vpn_text_date(struct span text, int64_t *ret_s)
{
	int64_t year, month, day, time_s = 0;
	if (!number(text, 0, 4, YEAR_MAX, &year) || !mark(text, 4, '-') ||
	    !number(text, 5, 2, 12, &month) || !mark(text, 7, '-') || !number(text, 8, 2, 31, &day))
		return ERR_FORMAT;
	if (year < YEAR_MIN || month < 1 || day < 1 || day > days_of_month(year, (size_t)month))
		return ERR_FORMAT;
	if (text.len > 10 &&
	    (!mark(text, 10, 'T') || !time_of_day(span_sub(text, 11, text.len), &time_s)))
		return ERR_FORMAT;
	int64_t days = days_before_year(year) + day - 1;
	for (size_t m = 1; m < (size_t)month; m++)
		days += days_of_month(year, m);
	*ret_s = days * DAY_S + time_s;
	return OK;
}

void vpn_text_date_format(int64_t s, char ret[VPN_TEXT_DATE_MAX])
{
	int64_t days = s / DAY_S, left = s % DAY_S, year = YEAR_MIN;
	size_t month = 1;
	while (days_before_year(year + 1) <= days)
		year++;
	days -= days_before_year(year);
	while (days >= days_of_month(year, month))
		days -= days_of_month(year, month++);
	struct writer w = writer_of(ret, VPN_TEXT_DATE_MAX - 1);
	write_format(&w, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year, (unsigned)month,
		     (unsigned)days + 1, (unsigned)(left / 3600), (unsigned)(left / 60 % 60),
		     (unsigned)(left % 60));
	ret[w.pos] = '\0';
}

/* --- rates ------------------------------------------------------------------------------------ */

enum err vpn_text_rate(struct span text, uint64_t *ret_bits)
{
	static const struct {
		const char *unit;
		uint64_t bits;
	} units[] = {{"kbit", 1000}, {"Mbit", 1000000}, {"Gbit", 1000000000}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct span unit = span_text(units[i].unit);
		uint64_t n;
		if (text.len <= unit.len ||
		    !span_equal(span_sub(text, text.len - unit.len, unit.len), unit))
			continue;
		if (!span_to_u64(span_sub(text, 0, text.len - unit.len), RATE_MAX / units[i].bits,
				 &n) ||
		    n * units[i].bits < RATE_MIN)
			return ERR_FORMAT;
		*ret_bits = n * units[i].bits;
		return OK;
	}
	return ERR_FORMAT;
}

/* --- remotes ---------------------------------------------------------------------------------- */

/* Whether the last label is a number, as in no name of a host (RFC 1123 2.1). */
static bool ends_in_number(struct span name)
{
	size_t at = name.len;
	while (at && name.data[at - 1] >= '0' && name.data[at - 1] <= '9')
		at--;
	return at < name.len && (at == 0 || name.data[at - 1] == '.');
}

enum err vpn_text_remote(struct span text, struct vpn_remote *ret)
{
	struct vpn_remote r = {0};
	uint64_t port;
	size_t colon = text.len;
	if (ip_endpoint_parse(text, 0, &r.at) == OK) {
		*ret = r;
		return OK;
	}
	while (colon && text.data[colon - 1] != ':')
		colon--;
	if (colon < 2 || text.data[0] == '[' ||
	    !span_to_u64(span_sub(text, colon, text.len), UINT16_MAX, &port) || port == 0)
		return ERR_FORMAT;
	struct span name = span_sub(text, 0, colon - 1);
	/* 192.0.2.300 is no name that somebody meant, nor is an address without its brackets. */
	if (span_find(name, ':') < name.len || ends_in_number(name))
		return ERR_FORMAT;
	TRY(dns_name_from_text(name, NULL, &r.name));
	if (r.name.len <= 1)
		return ERR_FORMAT;
	r.at.port = (uint16_t)port;
	*ret = r;
	return OK;
}
