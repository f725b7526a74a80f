#include "config/units.h"

#include "base/reader.h"
#include "base/writer.h"

#include <stdio.h>

static const struct {
	const char *name;
	uint64_t ms;
} durations[] = {
	{"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static const struct {
	const char *name, *long_name;
	uint64_t octets;
} sizes[] = {
	{"T", "TiB", UINT64_C(1) << 40},
	{"G", "GiB", UINT64_C(1) << 30},
	{"M", "MiB", UINT64_C(1) << 20},
	{"K", "KiB", UINT64_C(1) << 10},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The part of r up to the next octet that is a digit (or is none). */
static struct span take(struct reader *r, bool digits)
{
	size_t n = 0;
	while (r->pos + n < r->len && is_digit(r->data[r->pos + n]) == digits)
		n++;
	return read_span(r, n);
}

enum err config_duration_parse(struct span text, uint64_t *ret_ms)
{
	if (span_is(text, "0")) {
		*ret_ms = 0;
		return OK;
	}
	struct reader r = reader_of_span(text);
	uint64_t sum = 0, count, part;
	size_t unit = 0; /* units before this one are used up */
	do {
		struct span digits = take(&r, true), name = take(&r, false);
		if (!span_to_u64(digits, UINT64_MAX, &count))
			return digits.len > 19 ? ERR_LIMIT : ERR_FORMAT;
		while (unit < COUNT(durations) && !span_is(name, durations[unit].name))
			unit++;
		if (unit == COUNT(durations))
			return ERR_FORMAT;
		if (__builtin_mul_overflow(count, durations[unit].ms, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return ERR_LIMIT;
		unit++;
	} while (reader_left(&r));
	*ret_ms = sum;
	return OK;
}

const char *config_duration_format(uint64_t ms, char buf[CONFIG_UNITS_TEXT_MAX])
{
	struct writer w = writer_of(buf, CONFIG_UNITS_TEXT_MAX);
	if (ms == 0)
		write_u8(&w, '0');
	for (size_t i = 0; i < COUNT(durations); i++) {
		uint64_t n = ms / durations[i].ms;
		if (n)
			write_format(&w, "%llu%s", (unsigned long long)n, durations[i].name);
		ms %= durations[i].ms;
	}
	write_u8(&w, 0);
	ASSERT(!w.bad);
	return buf;
}

enum err config_size_parse(struct span text, uint64_t *ret)
{
	struct reader r = reader_of_span(text);
	struct span digits = take(&r, true);
	struct span name = read_span(&r, reader_left(&r));
	uint64_t count, factor = name.len ? 0 : 1;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		if (span_is(name, sizes[i].name) || span_is(name, sizes[i].long_name))
			factor = sizes[i].octets;
	}
	if (factor == 0 || digits.len == 0)
		return ERR_FORMAT;
	if (!span_to_u64(digits, UINT64_MAX, &count) ||
	    __builtin_mul_overflow(count, factor, &count))
		return ERR_LIMIT;
	*ret = count;
	return OK;
}

const char *config_size_format(uint64_t octets, char buf[CONFIG_UNITS_TEXT_MAX])
{
	const char *name = "";
	for (size_t i = COUNT(sizes); i-- > 0;) {
		if (octets && octets % 1024 == 0) {
			octets /= 1024;
			name = sizes[i].name;
		}
	}
	(void)snprintf(buf, CONFIG_UNITS_TEXT_MAX, "%llu%s", (unsigned long long)octets, name);
	return buf;
}
