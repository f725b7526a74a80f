#include "proto/http/cookie.h"

/* RFC 6265 4.1.1: visible ASCII but DQUOTE, comma, semicolon and backslash. */
static bool is_octet(uint8_t c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

bool http_is_cookie_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_octet(s.data[i]))
			return false;
	return s.len > 0;
}

static struct span unquoted(struct span s)
{
	bool quoted = s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"';
	return quoted ? span_sub(s, 1, s.len - 2) : s;
}

bool http_cookie_find(struct span field, struct span name, struct span *ret)
{
	while (field.len) {
		size_t end = span_find(field, ';');
		struct span pair = span_trim(span_sub(field, 0, end));
		size_t sign = span_find(pair, '=');
		field = span_sub(field, end + 1, field.len);
		if (sign == pair.len || !span_equal(span_trim(span_sub(pair, 0, sign)), name))
			continue;
		struct span value = unquoted(span_trim(span_sub(pair, sign + 1, pair.len)));
		if (!http_is_cookie_value(value))
			return false;
		*ret = value;
		return true;
	}
	return false;
}
