#include "fetch/url.h"

#include "base/writer.h"
#include "proto/http/uri.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

/* Neither a blank nor a line's end: they would tear the message that carries it. */
static bool is_clean(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f)
			return false;
	return true;
}

static size_t find_any(struct span s, const char *any)
{
	size_t first = s.len;
	for (; *any; any++) {
		size_t at = span_find(s, (uint8_t)*any);
		first = at < first ? at : first;
	}
	return first;
}

static bool scheme_take(struct span *text, const char *scheme)
{
	size_t len = strlen(scheme);
	if (!span_equal_nocase(span_sub(*text, 0, len), span_text(scheme)))
		return false;
	*text = span_sub(*text, len, text->len);
	return true;
}

static enum err authority_read(struct span text, struct fetch_url *u)
{
	uint8_t room[FETCH_AUTHORITY_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct writer to = writer_of(u->authority, sizeof(u->authority) - 1);
	struct span host;
	uint16_t plain = u->tls ? HTTPS_PORT : HTTP_PORT, port = 0;
	TRY(uri_host_normal(text, &w, &host, &port));
	u->port = port ? port : plain;
	write_span(&to, host);
	if (u->port != plain)
		write_format(&to, ":%u", (unsigned)u->port);
	TRY(writer_check(&to));
	u->authority[to.pos] = '\0';
	if (host.len > 2 && host.data[0] == '[')
		host = span_sub(host, 1, host.len - 2);
	return span_to_cstr(host, u->host, sizeof(u->host)) ? OK : ERR_LIMIT;
}

/* text: from its slash or question mark on; empty: the root. */
static enum err target_set(struct fetch_url *u, struct span text)
{
	struct writer w = writer_of(u->target, sizeof(u->target) - 1);
	text = span_sub(text, 0, span_find(text, '#'));
	if (!text.len || text.data[0] != '/')
		write_u8(&w, '/');
	write_span(&w, text);
	TRY(writer_check(&w));
	u->target[w.pos] = '\0';
	return OK;
}

/* What stands behind "//". */
static enum err rest_read(struct span rest, struct fetch_url *u)
{
	size_t end = find_any(rest, "/?#");
	TRY(authority_read(span_sub(rest, 0, end), u));
	return target_set(u, span_sub(rest, end, rest.len));
}

enum err fetch_url_read(struct span text, struct fetch_url *ret)
{
	struct fetch_url u = {.tls = true};
	if (!is_clean(text))
		return ERR_FORMAT;
	if (!scheme_take(&text, "https://")) {
		u.tls = false;
		if (!scheme_take(&text, "http://"))
			return ERR_UNSUPPORTED;
	}
	TRY(rest_read(text, &u));
	*ret = u;
	return OK;
}

/* RFC 3986 5.2.3 and 5.2.4: beside base's path, without the segments of dots. */
static enum err merge(const struct fetch_url *base, struct span reference, struct fetch_url *u)
{
	struct span path = span_text(base->target), normal, query;
	uint8_t joined[FETCH_TARGET_MAX], clean[FETCH_TARGET_MAX];
	struct writer w = writer_of(joined, sizeof(joined));
	struct writer room = writer_of(clean, sizeof(clean));
	struct writer to = writer_of(u->target, sizeof(u->target) - 1);
	size_t cut = find_any(reference, "?#");
	path = span_sub(path, 0, span_find(path, '?'));
	query = span_sub(reference, cut, reference.len);
	query = span_sub(query, 0, span_find(query, '#'));
	if (cut && reference.data[0] != '/')
		while (path.data[path.len - 1] != '/')
			path.len--;
	if (!cut || reference.data[0] != '/')
		write_span(&w, path);
	write_span(&w, span_sub(reference, 0, cut));
	TRY(writer_check(&w));
	if (uri_path_normal(writer_span(&w), URI_ENCODED_SLASHES | URI_EMPTY_SEGMENTS, &room,
			    &normal) != OK)
		return ERR_FORMAT;
	write_span(&to, normal);
	write_span(&to, query);
	TRY(writer_check(&to));
	u->target[to.pos] = '\0';
	return OK;
}

enum err fetch_url_follow(const struct fetch_url *base, struct span location, struct fetch_url *ret)
{
	struct fetch_url u = *base;
	size_t colon = span_find(location, ':');
	if (!is_clean(location) || !location.len)
		return ERR_FORMAT;
	if (colon < location.len && colon < find_any(location, "/?#"))
		TRY(fetch_url_read(location, &u));
	else if (location.len > 1 && location.data[0] == '/' && location.data[1] == '/')
		TRY(rest_read(span_sub(location, 2, location.len), &u));
	else
		TRY(merge(base, location, &u));
	if (base->tls && !u.tls)
		return ERR_REFUSED;
	*ret = u;
	return OK;
}
