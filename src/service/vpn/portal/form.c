#include "service/vpn/portal/form.h"

#include "proto/http/http1.h"

enum { NAME_MAX_LEN = 32 };

static enum err read_value(struct span text, char *buf, size_t size)
{
	/* Decoded text is never longer, so what is that long cannot have fitted. */
	if (http_percent_decode(text, true, buf, size))
		return OK;
	*buf = 0;
	return text.len >= size ? ERR_LIMIT : ERR_FORMAT;
}

enum err form_field(struct span form, const char *name, char *buf, size_t size)
{
	struct span found = {0};
	bool is_there = false;
	*buf = 0;
	for (unsigned n = 0; form.len; n++) {
		size_t end = span_find(form, '&');
		struct span part = span_sub(form, 0, end);
		size_t equals = span_find(part, '=');
		char this[NAME_MAX_LEN];
		if (n >= FORM_FIELDS_MAX)
			return ERR_FORMAT;
		form = span_sub(form, end + 1, form.len);
		if (!http_percent_decode(span_sub(part, 0, equals), true, this, sizeof(this)))
			return ERR_FORMAT;
		if (strcmp(this, name) != 0)
			continue;
		if (is_there)
			return ERR_FORMAT;
		is_there = true;
		found = span_sub(part, equals + 1, part.len);
	}
	return read_value(found, buf, size);
}

static struct span cookie_in(struct span value, const char *name)
{
	for (unsigned n = 0; value.len && n < FORM_COOKIES_MAX; n++) {
		size_t end = span_find(value, ';');
		struct span pair = span_trim(span_sub(value, 0, end));
		size_t equals = span_find(pair, '=');
		if (equals < pair.len && span_is(span_sub(pair, 0, equals), name))
			return span_sub(pair, equals + 1, pair.len);
		value = span_sub(value, end + 1, value.len);
	}
	return (struct span){0};
}

struct span form_cookie(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->headers_n; i++) {
		if (!span_equal_nocase(head->headers[i].name, span_text("cookie")))
			continue;
		struct span found = cookie_in(head->headers[i].value, name);
		if (found.len)
			return found;
	}
	return (struct span){0};
}
