#include "http-cache/key.h"

#include "base/decimal.h"
#include "base/writer.h"
#include "proto/http/uri.h"

static uint16_t port_of(struct span scheme)
{
	return span_is(scheme, "https") ? 443 : 80;
}

static bool is_dropped(const struct cache_target *t, struct span argument)
{
	struct span name = span_sub(argument, 0, span_find(argument, '='));
	for (size_t i = 0; i < t->drop_n; i++)
		if (uri_is_text(name, true, t->drop[i]))
			return true;
	return false;
}

/* Byte for byte, without the arguments that are dropped. */
static void write_query(const struct cache_target *t, struct writer *w)
{
	struct span rest = t->query;
	uint8_t before = '?';
	if (t->no_query || !t->has_query)
		return;
	if (!t->drop_n) {
		write_u8(w, '?');
		write_span(w, t->query);
		return;
	}
	while (rest.len) {
		size_t n = span_find(rest, '&');
		struct span one = span_sub(rest, 0, n);
		rest = span_sub(rest, n < rest.len ? n + 1 : n, rest.len);
		if (is_dropped(t, one))
			continue;
		write_u8(w, before);
		write_span(w, one);
		before = '&';
	}
}

static void write_origin(const struct cache_target *t, struct writer *w)
{
	write_span(w, t->scheme);
	write_text(w, "://");
	write_span(w, t->host);
	if (t->port && t->port != port_of(t->scheme)) {
		write_u8(w, ':');
		write_decimal(w, t->port);
	}
}

void cache_key_write(const struct cache_target *t, struct writer *w)
{
	write_origin(t, w);
	write_span(w, t->path);
	write_query(t, w);
}

/* "scheme://authority" off the front. */
static bool take_origin(struct span *rest, struct cache_target *ret, struct writer *host)
{
	size_t colon = span_find(*rest, ':');
	struct span scheme = span_sub(*rest, 0, colon);
	if (!span_is(span_sub(*rest, colon, 3), "://"))
		return false;
	if (span_equal_nocase(scheme, span_text("https")))
		ret->scheme = span_text("https");
	else if (span_equal_nocase(scheme, span_text("http")))
		ret->scheme = span_text("http");
	else
		return false;
	*rest = span_sub(*rest, colon + 3, rest->len);
	size_t end = 0;
	while (end < rest->len && !memchr("/?#", rest->data[end], 3))
		end++;
	struct span authority = span_sub(*rest, 0, end);
	*rest = span_sub(*rest, end, rest->len);
	/* "a..": what is left would not be its own normal form. */
	return uri_host_normal(authority, host, &ret->host, &ret->port) == OK && ret->host.len &&
	       ret->host.data[ret->host.len - 1] != '.';
}

/* Path and query of what begins with a slash, or is empty. */
static bool take_path(struct span rest, struct cache_target *ret, struct writer *path)
{
	rest = span_sub(rest, 0, span_find(rest, '#'));
	size_t mark = span_find(rest, '?');
	struct span p = span_sub(rest, 0, mark);
	ret->has_query = mark < rest.len;
	ret->query = span_sub(rest, mark + 1, rest.len);
	return uri_path_normal(p.len ? p : span_text("/"), URI_ENCODED_SLASHES, path, &ret->path) ==
	       OK;
}

bool cache_key_of_text(struct span text, struct writer *w)
{
	uint8_t host_room[512], path_room[CACHE_KEY_MAX];
	struct writer host = writer_of(host_room, sizeof(host_room));
	struct writer path = writer_of(path_room, sizeof(path_room));
	struct cache_target t = {0};
	if (!take_origin(&text, &t, &host) || !take_path(text, &t, &path))
		return false;
	cache_key_write(&t, w);
	return !w->bad;
}

static bool same_origin(const struct cache_target *a, const struct cache_target *b)
{
	uint16_t ap = a->port ? a->port : port_of(a->scheme);
	uint16_t bp = b->port ? b->port : port_of(b->scheme);
	return span_equal(a->scheme, b->scheme) && span_equal(a->host, b->host) && ap == bp;
}

bool cache_key_of_reference(const struct cache_target *base, struct span reference,
			    struct writer *w)
{
	uint8_t host_room[512], path_room[CACHE_KEY_MAX];
	struct writer host = writer_of(host_room, sizeof(host_room));
	struct writer path = writer_of(path_room, sizeof(path_room));
	struct cache_target t = *base;
	struct span rest = reference;
	bool slash = reference.len && reference.data[0] == '/';
	bool two = slash && reference.len > 1 && reference.data[1] == '/';
	if (two || (!slash && !take_origin(&rest, &t, &host)) || !same_origin(base, &t) ||
	    !take_path(rest, &t, &path))
		return false;
	cache_key_write(&t, w);
	return !w->bad;
}
