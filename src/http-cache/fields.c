#include "http-cache/fields.h"

const struct http_field *cache_field_find(struct cache_fields f, uint16_t id)
{
	for (size_t i = 0; i < f.n; i++)
		if (f.at[i].id == id)
			return &f.at[i];
	return NULL;
}

const struct http_field *cache_field_named(struct cache_fields f, struct span name)
{
	for (size_t i = 0; i < f.n; i++)
		if (span_equal_nocase(f.at[i].name, name))
			return &f.at[i];
	return NULL;
}

/* Where the member at the start of s ends: at a comma outside of quotes, or at the end. */
static size_t member_len(struct span s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == ',' && !quoted)
			return i;
	}
	return s.len;
}

bool cache_members_next(struct span *rest, struct span *ret)
{
	while (rest->len) {
		size_t n = member_len(*rest);
		struct span one = span_trim(span_sub(*rest, 0, n));
		*rest = span_sub(*rest, n < rest->len ? n + 1 : n, rest->len);
		if (!one.len)
			continue;
		*ret = one;
		return true;
	}
	return false;
}

static bool is_of(const struct cache_list *l, const struct http_field *f)
{
	return f->id == l->id && (f->id != HTTP_FIELD_OTHER || span_equal_nocase(f->name, l->name));
}

bool cache_list_next(struct cache_list *l, struct span *ret)
{
	while (!cache_members_next(&l->rest, ret)) {
		while (l->next < l->in.n && !is_of(l, &l->in.at[l->next]))
			l->next++;
		if (l->next == l->in.n)
			return false;
		l->rest = l->in.at[l->next++].value;
	}
	return true;
}
