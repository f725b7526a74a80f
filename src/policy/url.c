#include "policy/url.h"

#include "base/writer.h"

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	uint8_t lower = c | 0x20;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The octet at *at, decoded, and past it. An escape that is none stays. */
static uint8_t next(struct span s, size_t *at, bool *ret_escaped)
{
	uint8_t c = s.data[*at];
	*ret_escaped = c == '%' && s.len - *at >= 3 && hex(s.data[*at + 1]) >= 0 &&
		       hex(s.data[*at + 2]) >= 0;
	if (*ret_escaped) {
		c = (uint8_t)(hex(s.data[*at + 1]) << 4 | hex(s.data[*at + 2]));
		*at += 2;
	}
	(*at)++;
	return c;
}

/* All octets are written so: each reading lies between start and w. */
static void put(struct writer *w, size_t start, uint8_t c)
{
	if (c == '/' && w->pos > start && w->data[w->pos - 1] == '/')
		return;
	write_u8(w, c);
}

static void put_decoded(struct writer *w, size_t start, struct span s)
{
	bool escaped;
	for (size_t at = 0; at < s.len;)
		put(w, start, next(s, &at, &escaped));
}

static struct span taken(const struct writer *w, size_t start)
{
	return span_of(w->data + start, w->pos - start);
}

/* w, which ends with a slash, back to the slash before the last segment. Above the root is the
 * root. */
static void go_up(struct writer *w, size_t start)
{
	size_t at = w->pos - 1;
	while (at > start && w->data[at - 1] != '/')
		at--;
	writer_rewind(w, at > start ? at : start + 1);
}

/* The segment from `segment` on has ended: it goes if it is one of dots. */
static void resolve(struct writer *w, size_t start, size_t segment)
{
	struct span s = span_of(w->data + segment, w->pos - segment);
	bool one = span_is(s, "."), two = span_is(s, "..");
	if (one || two)
		writer_rewind(w, segment);
	if (two)
		go_up(w, start);
}

/* Could servers disagree about it? path: up to the question mark. */
static bool is_odd(struct span path)
{
	bool escaped, slash = false;
	for (size_t at = 0; at < path.len;) {
		uint8_t c = next(path, &at, &escaped);
		if (c == ';' || c == '\\' || c == '#' || c == '\0' || (escaped && c == '/') ||
		    (slash && c == '.'))
			return true;
		slash = c == '/';
	}
	return false;
}

/* ---- the readings ---- */

static void read_literally(struct span path, struct writer *w)
{
	size_t start = w->pos;
	put(w, start, '/');
	put_decoded(w, start, path);
}

/* "." 1, ".." 2, whatever of them is escaped; else 0. */
static unsigned dots_of(struct span segment)
{
	unsigned n = 0;
	bool escaped;
	for (size_t at = 0; at < segment.len; n++)
		if (n == 2 || next(segment, &at, &escaped) != '.')
			return 0;
	return n;
}

/* Escapes stay until all is resolved: what they stand for is no border of segments. */
static void read_by_rfc(struct span path, struct writer *w)
{
	size_t start = w->pos, at = 0;
	bool escaped;
	write_u8(w, '/');
	path = span_sub(path, path.len && path.data[0] == '/', path.len);
	while (path.len) {
		struct span one = span_sub(path, 0, span_find(path, '/'));
		bool ended = one.len == path.len;
		unsigned dots = dots_of(one);
		path = span_sub(path, one.len + 1, path.len);
		if (dots == 2)
			go_up(w, start);
		if (dots)
			continue;
		write_span(w, one);
		if (!ended)
			write_u8(w, '/');
	}
	struct span resolved = taken(w, start);
	writer_rewind(w, start);
	/* In place: what is decoded is never longer. */
	while (at < resolved.len)
		put(w, start, next(resolved, &at, &escaped));
}

static void read_eagerly(struct span path, struct writer *w)
{
	size_t start = w->pos, segment = start + 1;
	bool escaped, parameters = false;
	put(w, start, '/');
	for (size_t at = 0; at < path.len;) {
		uint8_t c = next(path, &at, &escaped);
		if (c == '\0' || (c == '#' && !escaped))
			break;
		if (c != '/' && c != '\\') {
			parameters = parameters || c == ';';
			if (!parameters)
				put(w, start, c);
			continue;
		}
		resolve(w, start, segment);
		put(w, start, '/');
		segment = w->pos;
		parameters = false;
	}
	resolve(w, start, segment);
}

static void add(struct policy_readings *ret, struct writer *w, size_t start)
{
	struct span s = taken(w, start);
	for (unsigned i = 0; i < ret->n; i++)
		if (span_equal(ret->items[i], s)) {
			writer_rewind(w, start);
			return;
		}
	ret->items[ret->n++] = s;
}

void policy_url_read(struct span target, struct policy_readings *ret)
{
	static void (*const ways[])(struct span path, struct writer * w) = {
		read_literally, read_by_rfc, read_eagerly};
	size_t mark = span_find(target, '?');
	struct span path = span_sub(target, 0, mark), query = span_sub(target, mark, target.len);
	ASSERT(target.len <= POLICY_URL_MAX);
	ret->n = 0;
	struct writer w = writer_of(ret->room, sizeof(ret->room));
	unsigned n = is_odd(path) ? POLICY_READINGS_MAX : 1;
	for (unsigned i = 0; i < n; i++) {
		size_t start = w.pos;
		ways[i](path, &w);
		put_decoded(&w, start, query);
		add(ret, &w, start);
	}
	ASSERT(!w.bad); /* decoded it is not longer, but for the slash that it began without */
}

bool policy_address_split(struct span text, struct policy_address *ret)
{
	static const char *const schemes[] = {"http://", "https://"};
	struct policy_address a = {0};
	for (unsigned i = 0; i < 2; i++) {
		struct span scheme = span_text(schemes[i]);
		if (!span_equal_nocase(span_sub(text, 0, scheme.len), scheme))
			continue;
		a.secure = i;
		text = span_sub(text, scheme.len, text.len);
		break;
	}
	size_t end = 0;
	while (end < text.len && !strchr("/?#", text.data[end]))
		end++;
	struct span authority = span_sub(text, 0, end);
	bool bracketed = authority.len && authority.data[0] == '[';
	size_t host_len = span_find(authority, bracketed ? ']' : ':') + bracketed;
	a.host = span_sub(authority, 0, host_len);
	a.port = span_sub(authority, a.host.len + 1, authority.len);
	a.target = span_sub(text, end, text.len);
	a.target = span_sub(a.target, 0, span_find(a.target, '#')); /* which no server sees */
	if (!a.target.len)
		a.target = span_text("/");
	if (!a.host.len || span_find(a.host, '@') < a.host.len || a.target.len > POLICY_URL_MAX)
		return false;
	*ret = a;
	return true;
}
