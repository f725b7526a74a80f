#include "proto/http/etag.h"

/* The length of the tag at the start; 0: none. */
static size_t tag_len(struct span s)
{
	size_t start = etag_is_weak(s) ? 2 : 0;
	if (s.len <= start || s.data[start] != '"')
		return 0;
	for (size_t n = start + 1; n < s.len; n++) {
		if (s.data[n] == '"')
			return n + 1;
		/* etagc (RFC 9110 8.8.3): no blank, no control byte. */
		if (s.data[n] <= 0x20 || s.data[n] == 0x7f)
			return 0;
	}
	return 0;
}

bool etag_is_weak(struct span tag)
{
	return span_is(span_sub(tag, 0, 2), "W/");
}

bool etag_is_one(struct span text)
{
	return text.len > 0 && tag_len(text) == text.len;
}

bool etag_equal_strong(struct span a, struct span b)
{
	return a.len > 0 && !etag_is_weak(a) && span_equal(a, b);
}

static struct span opaque(struct span tag)
{
	return etag_is_weak(tag) ? span_sub(tag, 2, tag.len) : tag;
}

bool etag_equal_weak(struct span a, struct span b)
{
	return a.len > 0 && span_equal(opaque(a), opaque(b));
}

bool etag_in_list(struct span list, struct span tag, bool strong)
{
	struct span s = span_trim(list);
	if (span_is(s, "*"))
		return true;
	for (;;) {
		while (s.len && (s.data[0] == ',' || s.data[0] == ' ' || s.data[0] == '\t'))
			s = span_sub(s, 1, s.len);
		size_t n = tag_len(s);
		if (n == 0)
			return false;
		struct span one = span_sub(s, 0, n);
		if (strong ? etag_equal_strong(one, tag) : etag_equal_weak(one, tag))
			return true;
		s = span_sub(s, n, s.len);
	}
}
