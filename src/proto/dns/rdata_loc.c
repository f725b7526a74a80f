/* LOC: RFC 1876. */
#include "proto/dns/rdata_field.h"

#define LOC_LEN		   16
#define EQUATOR		   0x80000000U /* latitude and longitude 0, in 1/1000 seconds of arc */
#define DEGREE		   3600000U    /* the same unit */
#define ALTITUDE_0	   10000000    /* cm: the spheroid of WGS 84 is 100000 m up */
#define SIZE_MAX_CM	   UINT64_C(9000000000) /* 9e9: the largest mantissa and exponent */
#define SIZE_DEFAULT	   0x12			/* 1 m */
#define HORIZONTAL_DEFAULT 0x16			/* 10000 m */
#define VERTICAL_DEFAULT   0x13			/* 10 m */

static bool is_size(uint8_t v)
{
	return v >> 4 <= 9 && (v & 15) <= 9;
}

static bool is_angle(uint32_t v, uint32_t max)
{
	return v >= EQUATOR - max && v <= EQUATOR + max;
}

enum err dns_loc_check(struct reader *r)
{
	if (read_u8(r) != 0) { /* only version 0 has a known form; RFC 1876 2 */
		reader_skip_all(r);
		return reader_check(r);
	}
	bool sizes = is_size(read_u8(r)) && is_size(read_u8(r)) && is_size(read_u8(r));
	bool latitude = is_angle(read_u32(r), 90 * DEGREE);
	bool longitude = is_angle(read_u32(r), 180 * DEGREE);
	reader_skip(r, 4);
	return sizes && latitude && longitude ? reader_end(r) : ERR_FORMAT;
}

/* Digits with at most `places` decimals, in units of the last place. */
static bool read_decimal(struct span text, unsigned places, uint64_t max, uint64_t *ret)
{
	size_t dot = span_find(text, '.');
	struct span fraction = span_sub(text, dot + 1, text.len);
	uint64_t n, f = 0, unit = 1;
	if (!span_to_u64(span_sub(text, 0, dot), max, &n) || fraction.len > places)
		return false;
	if (fraction.len && !span_to_u64(fraction, max, &f))
		return false;
	for (unsigned i = 0; i < places; i++)
		unit *= 10;
	for (size_t i = fraction.len; i < places; i++)
		f *= 10;
	*ret = n * unit + f;
	return *ret <= max;
}

/* The word is one of the two letters: which. */
static bool read_direction(struct span word, const char *letters, bool *ret_negative)
{
	if (word.len != 1)
		return false;
	uint8_t c = word.data[0] & 0xdf; /* upper case */
	*ret_negative = c == (uint8_t)letters[1];
	return c == (uint8_t)letters[0] || *ret_negative;
}

/* d [m [s]] and a letter. */
static enum err parse_angle(struct dns_text_lexer *l, uint32_t degrees_max, const char *letters,
			    const char *expected_letter, struct writer *w)
{
	static const char *const expected[] = {"degrees", "minutes from 0 to 59, or a direction",
					       "seconds from 0 to 59.999, or a direction"};
	const uint64_t max[] = {degrees_max, 59, 59999};
	const uint32_t unit[] = {DEGREE, DEGREE / 60, 1};
	uint32_t angle = 0;
	bool negative = false, letter = false;
	for (unsigned i = 0; i < 3 && !letter; i++) {
		struct span word;
		uint64_t n;
		TRY(dns_text_word(l, expected[i], &word));
		letter = i > 0 && read_direction(word, letters, &negative);
		if (letter)
			break;
		if (!read_decimal(word, i == 2 ? 3 : 0, max[i], &n))
			return dns_text_fail(l, expected[i]);
		angle += (uint32_t)n * unit[i];
		if (angle > degrees_max * DEGREE)
			return dns_text_fail(l, "an angle within the globe");
	}
	if (!letter) {
		struct span word;
		TRY(dns_text_word(l, expected_letter, &word));
		if (!read_direction(word, letters, &negative))
			return dns_text_fail(l, expected_letter);
	}
	write_u32(w, negative ? EQUATOR - angle : EQUATOR + angle);
	return OK;
}

/* The word without its final m. */
static struct span without_unit(struct span word)
{
	bool unit = word.len > 1 && (word.data[word.len - 1] | 0x20) == 'm';
	return span_sub(word, 0, word.len - unit);
}

static enum err parse_altitude(struct dns_text_lexer *l, struct writer *w)
{
	static const char *const expected = "an altitude in metres from -100000 to 42849672.95";
	struct span word;
	uint64_t cm;
	TRY(dns_text_word(l, expected, &word));
	bool below = word.data[0] == '-', sign = below || word.data[0] == '+';
	if (!read_decimal(without_unit(span_sub(word, sign, word.len)), 2, UINT32_MAX, &cm) ||
	    (below ? cm > ALTITUDE_0 : cm > UINT32_MAX - ALTITUDE_0))
		return dns_text_fail(l, expected);
	write_u32(w, below ? ALTITUDE_0 - (uint32_t)cm : ALTITUDE_0 + (uint32_t)cm);
	return OK;
}

/* Metres as mantissa and power of ten in cm, rounded down as the form demands; may be left out. */
static enum err parse_size(struct dns_text_lexer *l, uint8_t *size)
{
	static const char *const expected = "a size in metres from 0 to 90000000";
	struct span word;
	uint64_t cm;
	if (!dns_text_more(l))
		return OK;
	TRY(dns_text_word(l, expected, &word));
	if (!read_decimal(without_unit(word), 2, SIZE_MAX_CM, &cm))
		return dns_text_fail(l, expected);
	unsigned exponent = 0;
	for (; cm > 9; cm /= 10)
		exponent++;
	*size = (uint8_t)(cm << 4 | exponent);
	return OK;
}

enum err dns_loc_parse(struct dns_text_lexer *l, struct writer *w)
{
	uint8_t sizes[4] = {0, SIZE_DEFAULT, HORIZONTAL_DEFAULT, VERTICAL_DEFAULT};
	size_t at = writer_reserve(w, sizeof(sizes)); /* version and sizes come last in the text */
	TRY(parse_angle(l, 90, "NS", "N or S", w));
	TRY(parse_angle(l, 180, "EW", "E or W", w));
	TRY(parse_altitude(l, w));
	for (unsigned i = 1; i < sizeof(sizes); i++)
		TRY(parse_size(l, &sizes[i]));
	if (!w->bad)
		memcpy(w->data + at, sizes, sizeof(sizes));
	return OK;
}

static void format_angle(uint32_t v, const char *letters, struct writer *w)
{
	bool negative = v < EQUATOR;
	uint32_t angle = negative ? EQUATOR - v : v - EQUATOR;
	write_format(w, "%u %u %u.%03u %c ", angle / DEGREE, angle / (DEGREE / 60) % 60,
		     angle / 1000 % 60, angle % 1000, letters[negative]);
}

static void format_size(uint8_t v, struct writer *w)
{
	uint64_t cm = v >> 4;
	for (unsigned i = v & 15; i; i--)
		cm *= 10;
	write_format(w, " %llu.%02llum", (unsigned long long)cm / 100,
		     (unsigned long long)cm % 100);
}

bool dns_loc_format(struct reader *r, struct writer *w)
{
	uint8_t version = read_u8(r), sizes[3];
	read_bytes(r, sizes, sizeof(sizes));
	if (version != 0)
		return false;
	for (unsigned i = 0; i < sizeof(sizes); i++)
		if (sizes[i] &&
		    sizes[i] >> 4 == 0) /* 0 times a power of ten: text cannot tell which */
			return false;
	format_angle(read_u32(r), "NS", w);
	format_angle(read_u32(r), "EW", w);
	int64_t cm = (int64_t)read_u32(r) - ALTITUDE_0;
	uint64_t height = (uint64_t)(cm < 0 ? -cm : cm);
	write_format(w, "%s%llu.%02llum", cm < 0 ? "-" : "", (unsigned long long)height / 100,
		     (unsigned long long)height % 100);
	for (unsigned i = 0; i < sizeof(sizes); i++)
		format_size(sizes[i], w);
	return true;
}
