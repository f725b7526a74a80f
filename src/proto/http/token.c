#include "proto/http/token.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Bits of the classes a byte belongs to. */
enum { TCHAR = 1, URI = 2, HOST = 4, ALNUM = 8, ANY = TCHAR | URI | HOST };

/* tchar (RFC 9110 5.6.2); what may stand in a URI (RFC 3986 2), but '#': no fragment; and in the
 * host of one without brackets. */
static const uint8_t classes[256] = {
	['0' ... '9'] = ANY | ALNUM,
	['A' ... 'Z'] = ANY | ALNUM,
	['a' ... 'z'] = ANY | ALNUM,
	['!'] = ANY,
	['$'] = ANY,
	['%'] = ANY,
	['&'] = ANY,
	['\''] = ANY,
	['*'] = ANY,
	['+'] = ANY,
	['-'] = ANY,
	['.'] = ANY,
	['_'] = ANY,
	['~'] = ANY,
	['#'] = TCHAR,
	['^'] = TCHAR,
	['`'] = TCHAR,
	['|'] = TCHAR,
	['('] = URI | HOST,
	[')'] = URI | HOST,
	[','] = URI | HOST,
	[';'] = URI | HOST,
	['='] = URI | HOST,
	[':'] = URI,
	['/'] = URI,
	['?'] = URI,
	['['] = URI,
	[']'] = URI,
	['@'] = URI,
};

static bool is_alnum(uint8_t c)
{
	return classes[c] & ALNUM;
}

static bool one_of(uint8_t c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

static bool all(struct span s, unsigned class)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(classes[s.data[i]] & class))
			return false;
	return true;
}

size_t http_token_end(struct span in, size_t pos)
{
	while (pos < in.len && classes[in.data[pos]] & TCHAR)
		pos++;
	return pos;
}

bool http_is_token(struct span s)
{
	return s.len > 0 && http_token_end(s, 0) == s.len;
}

/* Many bytes at once: a bit for each, at a distance of STRIDE_BITS, when it is below 0x20, or 0x7f.
 * Above the first that is set others may be that are none. */
#ifdef __SSE2__
enum { STRIDE = 16, STRIDE_BITS = 1 };

static uint64_t controls(const uint8_t *at)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
	__m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
	return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(low, del));
}
#else
enum { STRIDE = 8, STRIDE_BITS = 8 };

static uint64_t controls(const uint8_t *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	v = le64toh(v);
	uint64_t del = v ^ ones * 0x7f;
	return (((v - ones * 0x20) & ~v) | ((del - ones) & ~del)) & tops;
}
#endif

size_t http_control_find(struct span in, size_t pos)
{
	for (;;) {
		while (in.len - pos >= STRIDE) {
			uint64_t found = controls(&in.data[pos]);
			if (found) {
				pos += (size_t)__builtin_ctzll(found) / STRIDE_BITS;
				break;
			}
			pos += STRIDE;
		}
		while (pos < in.len && in.data[pos] >= 0x20 && in.data[pos] != 0x7f)
			pos++;
		if (pos == in.len || in.data[pos] != '\t')
			return pos;
		pos++;
	}
}

bool http_is_field_value(struct span s)
{
	return http_control_find(s, 0) == s.len;
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
	while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
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
