#include "proto/http/uri.h"

#include "base/writer.h"
#include "proto/http/token.h"

/* What a byte is in a path: RFC 3986 3.3 (pchar and the slash). */
enum { BAD, PLAIN, UNRESERVED, SLASH, PERCENT };

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	uint8_t lower = c | 0x20;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int class_of(uint8_t c)
{
	if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
		return UNRESERVED;
	switch (c) {
	case '-':
	case '.':
	case '_':
	case '~': return UNRESERVED;
	case '/': return SLASH;
	case '%': return PERCENT;
	case '!':
	case '$':
	case '&':
	case '\'':
	case '(':
	case ')':
	case '*':
	case '+':
	case ',':
	case ';':
	case '=':
	case ':':
	case '@': return PLAIN;
	default: return BAD;
	}
}

/* In normal form already: no escape, no empty segment, no segment that begins with a dot (most of
 * those are none of "." and "..", and take the longer way for nothing). */
static bool is_normal(struct span path)
{
	uint8_t before = 0;
	for (size_t i = 0; i < path.len; i++) {
		uint8_t c = path.data[i];
		int class = class_of(c);
		if (class == BAD || class == PERCENT)
			return false;
		if (before == '/' && (c == '/' || c == '.'))
			return false;
		before = c;
	}
	return true;
}

/* The byte or the escape at *at, decoded if it is unreserved, and past it. */
static enum err copy_one(struct span path, size_t *at, unsigned flags, struct writer *w)
{
	uint8_t c = path.data[*at];
	int class = class_of(c);
	if (class == BAD)
		return ERR_FORMAT;
	if (class != PERCENT) {
		write_u8(w, c);
		(*at)++;
		return OK;
	}
	if (path.len - *at < 3 || hex(path.data[*at + 1]) < 0 || hex(path.data[*at + 2]) < 0)
		return ERR_FORMAT;
	uint8_t value = (uint8_t)(hex(path.data[*at + 1]) << 4 | hex(path.data[*at + 2]));
	if (value == 0)
		return ERR_REFUSED;
	if ((value == '/' || value == '\\') && !(flags & URI_ENCODED_SLASHES))
		return ERR_REFUSED;
	*at += 3;
	if (class_of(value) == UNRESERVED) {
		write_u8(w, value);
		return OK;
	}
	static const char digits[] = "0123456789ABCDEF";
	write_u8(w, '%');
	write_u8(w, (uint8_t)digits[value >> 4]);
	write_u8(w, (uint8_t)digits[value & 15]);
	return OK;
}

/* w back to the slash that begins the segment before `segment`, which begins behind its own. */
static enum err go_up(struct writer *w, size_t start, size_t segment)
{
	if (segment == start + 1)
		return ERR_REFUSED; /* above the root */
	size_t at = segment - 1;
	while (w->data[at - 1] != '/')
		at--;
	writer_rewind(w, at);
	return OK;
}

/* The segment that was written from `segment` on has ended. Its slash is not written yet. */
static enum err close_segment(struct writer *w, size_t start, size_t segment, bool *ret_dots)
{
	struct span s = span_of(w->data + segment, w->pos - segment);
	*ret_dots = false;
	size_t end = span_find(s, ';');
	struct span name = span_sub(s, 0, end);
	bool one = span_is(name, "."), two = span_is(name, "..");
	if (!one && !two)
		return OK;
	if (end != s.len)
		return ERR_REFUSED; /* "..;": the path's parameters are nothing to some servers */
	*ret_dots = true;
	writer_rewind(w, segment);
	return two ? go_up(w, start, segment) : OK;
}

enum err uri_path_normal(struct span path, unsigned flags, struct writer *w, struct span *ret)
{
	if (path.len == 0 || path.data[0] != '/')
		return ERR_FORMAT;
	if (is_normal(path)) {
		*ret = path;
		return OK;
	}
	size_t start = w->pos, segment = start + 1, at = 1;
	write_u8(w, '/');
	while (!w->bad) {
		bool ended = at == path.len, dots;
		if (!ended && path.data[at] != '/') {
			TRY(copy_one(path, &at, flags, w));
			continue;
		}
		bool empty = w->pos == segment;
		TRY(close_segment(w, start, segment, &dots));
		if (ended)
			break;
		at++;
		/* A dot segment's own slash stands before it already. */
		if (!dots && (!empty || flags & URI_EMPTY_SEGMENTS))
			write_u8(w, '/');
		segment = w->pos;
	}
	TRY(writer_check(w));
	*ret = span_of(w->data + start, w->pos - start);
	return OK;
}

enum err uri_host_normal(struct span authority, struct writer *w, struct span *ret_host,
			 uint16_t *ret_port)
{
	if (!http_is_host(authority))
		return ERR_FORMAT;
	size_t end = authority.len && authority.data[0] == '[' ? span_find(authority, ']') + 1
							       : span_find(authority, ':');
	struct span host = span_sub(authority, 0, end);
	struct span port = span_sub(authority, end + 1, authority.len);
	uint64_t number = 0;
	if (port.len && !span_to_u64(port, UINT16_MAX, &number))
		return ERR_FORMAT;
	if (host.len && host.data[host.len - 1] == '.')
		host.len--;
	if (host.len == 0)
		return ERR_FORMAT;
	bool lower = true;
	for (size_t i = 0; i < host.len; i++)
		lower = lower && !(host.data[i] >= 'A' && host.data[i] <= 'Z');
	struct span normal = host;
	if (!lower) {
		size_t start = w->pos;
		for (size_t i = 0; i < host.len; i++) {
			uint8_t c = host.data[i];
			write_u8(w, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		}
		TRY(writer_check(w));
		normal = span_of(w->data + start, host.len);
	}
	*ret_host = normal;
	*ret_port = (uint16_t)number;
	return OK;
}

bool uri_query_next(struct span *rest, struct span *ret_name, struct span *ret_value)
{
	if (rest->len == 0)
		return false;
	size_t end = span_find(*rest, '&');
	struct span one = span_sub(*rest, 0, end);
	*rest = span_sub(*rest, end + 1, rest->len);
	size_t equals = span_find(one, '=');
	*ret_name = span_sub(one, 0, equals);
	*ret_value = span_sub(one, equals + 1, one.len);
	return true;
}

bool uri_is_text(struct span escaped, bool form, const char *plain)
{
	size_t at = 0;
	const char *p = plain;
	for (; at < escaped.len && *p; p++) {
		uint8_t c = escaped.data[at++];
		if (c == '+' && form) {
			c = ' ';
		} else if (c == '%' && escaped.len - at >= 2 && hex(escaped.data[at]) >= 0 &&
			   hex(escaped.data[at + 1]) >= 0) {
			c = (uint8_t)(hex(escaped.data[at]) << 4 | hex(escaped.data[at + 1]));
			at += 2;
		}
		if (c != (uint8_t)*p)
			return false;
	}
	return at == escaped.len && *p == 0;
}
