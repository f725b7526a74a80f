#include "service/reverse-proxy/route/pattern.h"

#include "base/writer.h"
#include "proto/http/uri.h"
#include "regex/regex.h"
#include "service/reverse-proxy/route/edit.h"
#include "service/reverse-proxy/route/route.h"

/* One segment, and past it and the slash behind it. */
static struct span next_segment(struct span *rest)
{
	size_t end = span_find(*rest, '/');
	struct span s = span_sub(*rest, 0, end);
	*rest = span_sub(*rest, end + 1, rest->len);
	return s;
}

struct pattern pattern_of(const char *text)
{
	struct span s = span_text(text);
	if (s.len && s.data[0] == '=')
		return (struct pattern){PATTERN_EXACT, span_sub(s, 1, s.len), 0};
	if (s.len && s.data[0] == '~')
		return (struct pattern){PATTERN_REGEX, span_sub(s, 0, 1), 0};
	size_t brace = span_find(s, '{');
	if (brace == s.len) {
		while (s.len && s.data[s.len - 1] == '/')
			s.len--;
		return (struct pattern){PATTERN_PREFIX, s, 0};
	}
	size_t head = brace;
	while (head && s.data[head - 1] != '/')
		head--;
	struct pattern p = {PATTERN_NAMES, span_sub(s, 0, head - 1), 0};
	struct span rest = span_sub(s, head, s.len);
	while (rest.len) {
		(void)next_segment(&rest);
		p.segments++;
	}
	return p;
}

static bool is_rest(struct span segment)
{
	return segment.len > 5 && segment.data[0] == '{' &&
	       span_is(span_sub(segment, segment.len - 4, 4), "...}");
}

/* A segment of the pattern, which may have one name, against one of the path. */
static bool segment_fits(struct span want, struct span have, struct span *ret, bool *ret_named)
{
	size_t open = span_find(want, '{'), close = span_find(want, '}');
	*ret_named = open < want.len;
	if (!*ret_named)
		return span_equal(want, have);
	struct span before = span_sub(want, 0, open);
	struct span behind = span_sub(want, close + 1, want.len);
	if (have.len <= before.len + behind.len)
		return false;
	*ret = span_sub(have, before.len, have.len - before.len - behind.len);
	return span_equal(span_sub(have, 0, before.len), before) &&
	       span_equal(span_sub(have, have.len - behind.len, behind.len), behind);
}

bool pattern_fits(const char *text, struct span path, struct span *captures, size_t captures_max,
		  size_t *ret_n)
{
	size_t head = pattern_of(text).head.len;
	struct span want = span_text(text), have = path;
	want = span_sub(want, head + 1, want.len);
	have = span_sub(have, head + 1, have.len);
	/* "/a" has no segment behind "/a", and "/a/" has an empty one. */
	bool more = path.len > head;
	size_t n = 0;
	while (want.len) {
		size_t end = span_find(have, '/');
		bool last = end == have.len, named;
		struct span w = next_segment(&want);
		if (is_rest(w) && n < captures_max) {
			captures[n++] = have;
			*ret_n = n;
			return true;
		}
		if (!more || n == captures_max)
			return false;
		if (!segment_fits(w, next_segment(&have), &captures[n], &named))
			return false;
		n += named;
		more = !last;
	}
	*ret_n = n;
	return !more;
}

bool pattern_next_name(struct span *rest, struct span *ret)
{
	size_t open = span_find(*rest, '{');
	if (open == rest->len)
		return false;
	*rest = span_sub(*rest, open + 1, rest->len);
	size_t close = span_find(*rest, '}');
	struct span name = span_sub(*rest, 0, close);
	*rest = span_sub(*rest, close + 1, rest->len);
	if (name.len > 3 && span_is(span_sub(name, name.len - 3, 3), "..."))
		name.len -= 3;
	*ret = name;
	return true;
}

/* ---- what the configuration may not say ---- */

static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9' && i) && c != '-')
			return false;
	}
	return s.len > 0;
}

static const char *segment_wrong(struct span s, bool last, size_t *names)
{
	size_t open = span_find(s, '{'), close = span_find(s, '}');
	if (open == s.len)
		return close == s.len ? NULL : "there is a '}' without its '{'";
	if (close == s.len || close < open)
		return "there is a '{' without its '}'";
	struct span behind = span_sub(s, close + 1, s.len);
	if (span_find(behind, '{') < behind.len || span_find(behind, '}') < behind.len)
		return "a segment can have one name only";
	struct span rest = s, name;
	bool all = is_rest(s);
	if (!all && close >= 3 && span_is(span_sub(s, close - 3, 3), "..."))
		return "{name...} is a segment of its own";
	if (pattern_next_name(&rest, &name) && !is_name(name))
		return "a name has small letters, digits and hyphens, and begins with a letter";
	if (edit_is_variable(name))
		return "the name means something else already, as in {host}: choose another";
	if (all && !last)
		return "{name...} can only be the last segment";
	return ++*names > ROUTE_CAPTURES_MAX ? "it has more than 8 names" : NULL;
}

static const char *pattern_wrong(struct span s)
{
	size_t names = 0;
	struct span rest = span_sub(s, 1, s.len);
	while (rest.len) {
		size_t end = span_find(rest, '/');
		bool last = end == rest.len;
		const char *wrong = segment_wrong(next_segment(&rest), last, &names);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *regex_wrong(struct span text)
{
	AUTO(regex_free) struct regex *r = NULL;
	return regex_new(text, &r, NULL) ? "it is no regular expression" : NULL;
}

const char *route_path_wrong(const char *path)
{
	struct span s = span_text(path);
	if (s.len && s.data[0] == '~')
		return regex_wrong(span_sub(s, 1, s.len));
	if (s.len && s.data[0] == '=')
		s = span_sub(s, 1, s.len);
	if (s.len == 0 || s.data[0] != '/')
		return "a path begins with a slash";
	if (s.len > ROUTE_PATH_MAX)
		return "it is longer than 1024 bytes";
	if (s.len > 1 && s.data[s.len - 1] == '*' && path[0] != '=')
		return "a path stands for all that is below it: write it without '*'";
	size_t braces = 0;
	uint8_t plain[ROUTE_PATH_MAX], room[3 * ROUTE_PATH_MAX];
	for (size_t i = 0; i < s.len; i++) {
		bool brace = s.data[i] == '{' || s.data[i] == '}';
		plain[i] = brace ? '_' : s.data[i];
		braces += brace;
	}
	if (braces && path[0] == '=')
		return "a path with a '=' in front has no names";
	struct writer w = writer_of(room, sizeof(room));
	struct span normal;
	if (uri_path_normal(span_of(plain, s.len), URI_ENCODED_SLASHES, &w, &normal) != OK)
		return "it is no path of a URI";
	if (!span_equal(normal, span_of(plain, s.len)))
		return "no request has it in this form: write it without '//', '.', '..' and "
		       "needless escapes";
	return braces ? pattern_wrong(s) : NULL;
}

const char *route_host_wrong(const char *host)
{
	struct span s = span_text(host);
	if (span_is(s, "*"))
		return NULL;
	if (s.len && s.data[0] == '~')
		return regex_wrong(span_sub(s, 1, s.len));
	if (s.len > 2 && s.data[0] == '*' && s.data[1] == '.')
		s = span_sub(s, 2, s.len);
	uint8_t room[ROUTE_HOST_MAX + 1];
	struct writer w = writer_of(room, sizeof(room));
	struct span normal;
	uint16_t port;
	if (s.len > ROUTE_HOST_MAX || span_find(s, '*') < s.len)
		return "it is no host name; a '*' may only stand for all in front, as in "
		       "*.home.arpa";
	if (uri_host_normal(s, &w, &normal, &port) != OK || s.data[0] == '.')
		return "it is no host name";
	if (port || (s.data[0] != '[' && span_find(s, ':') < s.len))
		return "it is a host's name without a port";
	return span_equal(normal, s) ? NULL
				     : "write it in small letters and without a dot at the end";
}
