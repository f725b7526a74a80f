#include "http-cache/vary.h"

#include "base/writer.h"
#include "proto/http/token.h"

enum { CODINGS_MAX = 16 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static void write_lower(struct writer *w, struct span s)
{
	uint8_t *at = write_room(w, s.len);
	for (size_t i = 0; at && i < s.len; i++)
		at[i] = lower(s.data[i]);
}

static bool next_name(struct span *rest, struct span *ret)
{
	if (!rest->len)
		return false;
	size_t n = span_find(*rest, ' ');
	*ret = span_sub(*rest, 0, n);
	*rest = span_sub(*rest, n < rest->len ? n + 1 : n, rest->len);
	return true;
}

static bool has_name(struct span names, struct span name)
{
	struct span one;
	while (next_name(&names, &one))
		if (span_equal_nocase(one, name))
			return true;
	return false;
}

void cache_vary_names(struct cache_fields response, struct writer *w)
{
	struct cache_list list = cache_list_of(response, HTTP_FIELD_VARY);
	struct span one;
	size_t start = w->pos, n = 0;
	while (cache_list_next(&list, &one)) {
		/* What is no name selects nothing; a peer that writes such does not mean "*". */
		if (!http_is_token(one) || has_name(span_of(w->data + start, w->pos - start), one))
			continue;
		if (++n > CACHE_VARY_NAMES_MAX) {
			w->bad = true;
			return;
		}
		if (w->pos > start)
			write_u8(w, ' ');
		write_lower(w, one);
	}
}

/* Less, equal, greater: bytes without case. */
static int compare(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	for (size_t i = 0; i < n; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return lower(a.data[i]) < lower(b.data[i]) ? -1 : 1;
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

/* RFC 9110 12.5.3: the order means nothing, nor does the case, nor white space around a weight. */
static void write_codings(struct cache_list list, struct writer *w)
{
	struct span codings[CODINGS_MAX], one;
	size_t n = 0;
	while (n < CODINGS_MAX && cache_list_next(&list, &one)) {
		size_t at = n++;
		for (; at > 0 && compare(one, codings[at - 1]) < 0; at--)
			codings[at] = codings[at - 1];
		codings[at] = one;
	}
	for (size_t i = 0; i < n; i++) {
		write_u8(w, i ? ',' : '=');
		for (size_t at = 0; at < codings[i].len; at++)
			if (codings[i].data[at] != ' ' && codings[i].data[at] != '\t')
				write_u8(w, lower(codings[i].data[at]));
	}
	/* More than a client sends: what follows is kept as it is. */
	while (n == CODINGS_MAX && cache_list_next(&list, &one)) {
		write_u8(w, ',');
		write_span(w, one);
	}
}

static void write_members(struct cache_list list, struct writer *w)
{
	struct span one;
	uint8_t before = '=';
	while (cache_list_next(&list, &one)) {
		write_u8(w, before);
		write_span(w, one);
		before = ',';
	}
}

/* RFC 9110 5.3: only fields that are lists may be joined and cut at their commas. Of others, of
 * which there is one, a comma is part of the value; equal values still give equal texts. */
static void write_values(struct span name, struct cache_fields request, struct writer *w)
{
	struct cache_list list = cache_list_named(request, name);
	if (!cache_field_named(request, name))
		return; /* absent: not even "=" */
	write_u8(w, '!');
	if (span_is(name, "accept-encoding"))
		write_codings(list, w);
	else
		write_members(list, w);
}

void cache_vary_write(struct span names, struct cache_fields request, struct writer *w)
{
	struct span rest = names, name;
	while (next_name(&rest, &name)) {
		write_values(name, request, w);
		/* No value has a line end: it parts them without doubt. */
		write_u8(w, '\n');
	}
}
