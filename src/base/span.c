#include "base/span.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Eight bytes at once. Without their top bits no sum carries into the next byte: one is above
 * 0x7f from 'A' on, the other from past 'Z' on. */
static uint64_t lower_each(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t low = v & ~tops;
	uint64_t from_a = low + ones * (0x80 - 'A'), past_z = low + ones * (0x7f - 'Z');
	uint64_t upper = (from_a ^ past_z) & ~v & tops;
	return v | upper >> 2;
}

static uint64_t eight(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

/* Of four to eight, the first four and the last: some twice. */
static uint64_t up_to_eight(const uint8_t *at, size_t len)
{
	uint32_t first, last;
	memcpy(&first, at, sizeof(first));
	memcpy(&last, at + len - sizeof(last), sizeof(last));
	return (uint64_t)first << 32 | last;
}

bool span_bytes_equal_nocase(const uint8_t *a, const uint8_t *b, size_t len)
{
	if (len < 4) {
		for (size_t i = 0; i < len; i++)
			if (lower(a[i]) != lower(b[i]))
				return false;
		return true;
	}
	if (len <= 8)
		return lower_each(up_to_eight(a, len)) == lower_each(up_to_eight(b, len));
	for (size_t at = 0; len - at > 8; at += 8)
		if (lower_each(eight(a + at)) != lower_each(eight(b + at)))
			return false;
	return lower_each(eight(a + len - 8)) == lower_each(eight(b + len - 8));
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
	while (s.len && is_blank(s.data[0]))
		s = span_sub(s, 1, s.len);
	while (s.len && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool span_to_u64(struct span s, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c < '0' || c > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(c - '0'), &n))
			return false;
	}
	if (n > max)
		return false;
	*ret = n;
	return true;
}

bool span_to_cstr(struct span s, char *buf, size_t size)
{
	if (size == 0)
		return false;
	buf[0] = '\0';
	if (s.len >= size)
		return false;
	if (s.len)
		memcpy(buf, s.data, s.len); /* out of a span, its length checked above */
	buf[s.len] = '\0';
	return true;
}
