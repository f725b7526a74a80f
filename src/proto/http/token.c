#include "proto/http/token.h"

/* Bits of the classes a byte belongs to. */
enum { TCHAR = 1, URI = 2, HOST = 4 };

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool one_of(uint8_t c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

static bool is_class(uint8_t c, unsigned class)
{
	if (is_alnum(c))
		return true;
	switch (class) {
	case TCHAR: return one_of(c, "!#$%&'*+-.^_`|~");
	case URI: return one_of(c, "-._~:/?[]@!$&'()*+,;=%"); /* no '#': no fragment */
	case HOST: return one_of(c, "-._~!$&'()*+,;=%");
	default: return false;
	}
}

static bool all(struct span s, unsigned class)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_class(s.data[i], class))
			return false;
	return true;
}

bool http_is_token(struct span s)
{
	return s.len > 0 && all(s, TCHAR);
}

bool http_is_field_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] == 0x7f)
			return false;
	return true;
}

static bool is_port(struct span s)
{
	uint64_t port;
	return s.len == 0 || (s.len <= 5 && span_to_u64(s, UINT16_MAX, &port));
}

/* "[v6]" with an optional port. */
static bool is_bracketed(struct span s)
{
	size_t end = span_find(s, ']');
	if (end == s.len || end < 3)
		return false;
	for (size_t i = 1; i < end; i++)
		if (!is_alnum(s.data[i]) && !one_of(s.data[i], ":."))
			return false;
	struct span rest = span_sub(s, end + 1, s.len);
	return rest.len == 0 || (rest.data[0] == ':' && is_port(span_sub(rest, 1, rest.len)));
}

bool http_is_host(struct span s)
{
	if (s.len && s.data[0] == '[')
		return is_bracketed(s);
	size_t colon = span_find(s, ':');
	return all(span_sub(s, 0, colon), HOST) && is_port(span_sub(s, colon + 1, s.len));
}

/* "scheme://authority..." (RFC 3986 4.3), the authority without user information and not empty. */
static bool is_absolute(struct span s)
{
	size_t colon = span_find(s, ':');
	if (colon == 0 || colon + 3 > s.len || !span_is(span_sub(s, colon, 3), "://"))
		return false;
	for (size_t i = 0; i < colon; i++)
		if (!is_alnum(s.data[i]) && !one_of(s.data[i], "+-."))
			return false;
	struct span rest = span_sub(s, colon + 3, s.len);
	size_t end = 0;
	while (end < rest.len && !one_of(rest.data[end], "/?"))
		end++;
	return end > 0 && http_is_host(span_sub(rest, 0, end));
}

static bool is_authority(struct span s)
{
	size_t colon = s.len;
	while (colon > 0 && s.data[colon - 1] != ':')
		colon--;
	/* RFC 9112 3.2.3: host and port, both there. */
	return colon > 1 && colon < s.len && http_is_host(s);
}

bool http_is_target(struct span method, struct span target)
{
	if (target.len == 0)
		return false;
	if (span_is(method, "CONNECT"))
		return is_authority(target);
	if (span_is(target, "*"))
		return span_is(method, "OPTIONS");
	if (!all(target, URI))
		return false;
	return target.data[0] == '/' || is_absolute(target);
}
