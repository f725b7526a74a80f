#include "proto/http/accept.h"

/* The items of a list; a comma within quotes does not end one. */
static bool next_item(struct span *rest, struct span *ret)
{
	if (rest->len == 0)
		return false;
	bool quoted = false;
	size_t n = 0;
	for (; n < rest->len && (quoted || rest->data[n] != ','); n++) {
		if (rest->data[n] == '"')
			quoted = !quoted;
		else if (rest->data[n] == '\\' && quoted && n + 1 < rest->len)
			n++;
	}
	*ret = span_trim(span_sub(*rest, 0, n));
	*rest = span_sub(*rest, n + 1, rest->len);
	return true;
}

/* qvalue = 0[.0-9{0,3}] or 1[.0{0,3}] (RFC 9110 12.4.2). */
static bool quality_read(struct span s, unsigned *ret)
{
	if (s.len == 0 || s.len > 5 || (s.data[0] != '0' && s.data[0] != '1') ||
	    (s.len > 1 && s.data[1] != '.'))
		return false;
	unsigned q = s.data[0] == '1' ? ACCEPT_FULL : 0, scale = 100;
	for (size_t i = 2; i < s.len; i++, scale /= 10) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		q += (unsigned)(s.data[i] - '0') * scale;
	}
	*ret = q;
	return q <= ACCEPT_FULL;
}

/* "gzip;q=0.5": the name, and the quality, ACCEPT_FULL without one. False: malformed. */
static bool item_read(struct span item, struct span *ret_name, unsigned *ret_q)
{
	size_t end = span_find(item, ';');
	*ret_name = span_trim(span_sub(item, 0, end));
	*ret_q = ACCEPT_FULL;
	struct span rest = span_sub(item, end + 1, item.len);
	while (rest.len) {
		end = span_find(rest, ';');
		struct span one = span_trim(span_sub(rest, 0, end));
		rest = span_sub(rest, end + 1, rest.len);
		if (one.len >= 2 && (one.data[0] | 0x20) == 'q' && one.data[1] == '=')
			return quality_read(span_sub(one, 2, one.len), ret_q);
	}
	return ret_name->len > 0;
}

/* How closely a range names the thing; -1: not at all. */
typedef int fit(struct span range, const char *what);

static unsigned quality(struct span value, const char *what, fit *fits, unsigned otherwise)
{
	int best = -1;
	unsigned q = otherwise, one;
	struct span item, name;
	for (unsigned n = 0; n < ACCEPT_ITEMS_MAX && next_item(&value, &item); n++) {
		if (!item_read(item, &name, &one))
			continue;
		int f = fits(name, what);
		if (f > best) {
			best = f;
			q = one;
		}
	}
	return q;
}

static int coding_fits(struct span range, const char *coding)
{
	if (span_equal_nocase(range, span_text(coding)))
		return 1;
	/* RFC 9110 8.4.1.3: x-gzip is gzip. */
	if (span_equal_nocase(range, span_text("x-gzip")) && span_is(span_text(coding), "gzip"))
		return 1;
	return span_is(range, "*") ? 0 : -1;
}

unsigned accept_coding(struct span value, const char *coding)
{
	bool identity = span_is(span_text(coding), "identity");
	return quality(value, coding, coding_fits, identity ? ACCEPT_FULL : 0);
}

static int media_fits(struct span range, const char *type)
{
	struct span t = span_text(type);
	size_t slash = span_find(t, '/');
	if (span_equal_nocase(range, t))
		return 2;
	if (range.len == slash + 2 && range.data[range.len - 1] == '*' &&
	    span_equal_nocase(span_sub(range, 0, slash + 1), span_sub(t, 0, slash + 1)))
		return 1;
	return span_is(range, "*/*") ? 0 : -1;
}

unsigned accept_media(struct span value, const char *type)
{
	return quality(value, type, media_fits, span_trim(value).len ? 0 : ACCEPT_FULL);
}

static int language_fits(struct span range, const char *tag)
{
	struct span t = span_text(tag);
	if (span_equal_nocase(range, t))
		return 2;
	if (range.len > t.len && range.data[t.len] == '-' &&
	    span_equal_nocase(span_sub(range, 0, t.len), t))
		return 1;
	return span_is(range, "*") ? 0 : -1;
}

unsigned accept_language(struct span value, const char *tag)
{
	return quality(value, tag, language_fits, 0);
}
