#include "base/span.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

struct span span_sub(struct span s, size_t start, size_t len)
{
	if (start > s.len)
		start = s.len;
	if (len > s.len - start)
		len = s.len - start;
	return span_of(s.data ? s.data + start : NULL, len);
}

size_t span_find(struct span s, uint8_t c)
{
	const uint8_t *at = s.len ? memchr(s.data, c, s.len) : NULL;
	return at ? (size_t)(at - s.data) : s.len;
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
