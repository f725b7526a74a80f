#include "http-cache/directives.h"

#include "proto/http/token.h"

static struct span unquoted(struct span s)
{
	bool quoted = s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"';
	return quoted ? span_sub(s, 1, s.len - 2) : s;
}

static bool is_digits(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
	return s.len > 0;
}

bool cache_seconds_read(struct span text, uint32_t *ret)
{
	uint64_t n;
	if (!is_digits(text))
		return false;
	*ret = span_to_u64(text, CACHE_SECONDS_MAX, &n) ? (uint32_t)n : CACHE_SECONDS_MAX;
	return true;
}

/* RFC 9111 4.2.1: invalid freshness information makes a response stale. */
static uint32_t seconds(struct span value)
{
	uint32_t n = 0;
	(void)cache_seconds_read(unquoted(value), &n);
	return n;
}

static const struct {
	const char *name;
	size_t at; /* of the number in the struct */
} numbers[] = {
	{"max-age", offsetof(struct cache_directives, max_age_s)},
	{"s-maxage", offsetof(struct cache_directives, s_maxage_s)},
	{"min-fresh", offsetof(struct cache_directives, min_fresh_s)},
	{"max-stale", offsetof(struct cache_directives, max_stale_s)},
	{"stale-while-revalidate", offsetof(struct cache_directives, stale_while_revalidate_s)},
	{"stale-if-error", offsetof(struct cache_directives, stale_if_error_s)},
};

static const struct {
	const char *name;
	size_t at; /* of the flag */
} flags[] = {
	{"no-store", offsetof(struct cache_directives, no_store)},
	{"public", offsetof(struct cache_directives, is_public)},
	{"must-revalidate", offsetof(struct cache_directives, must_revalidate)},
	{"proxy-revalidate", offsetof(struct cache_directives, proxy_revalidate)},
	{"must-understand", offsetof(struct cache_directives, must_understand)},
	{"no-transform", offsetof(struct cache_directives, no_transform)},
	{"only-if-cached", offsetof(struct cache_directives, only_if_cached)},
};

enum {
	NUMBERS = sizeof(numbers) / sizeof(numbers[0]),
	FLAGS = sizeof(flags) / sizeof(flags[0]),
};

static uint32_t *number_of(struct cache_directives *d, size_t i)
{
	return (uint32_t *)(void *)((char *)d + numbers[i].at);
}

/* no-cache and private, with names or without. */
static void qualified(bool *whole, struct span *fields, bool has_value, struct span value)
{
	struct span names = unquoted(value);
	if (!has_value || !names.len || fields->len)
		*whole = true;
	else
		*fields = names;
}

static void take(struct cache_directives *d, struct span name, bool has_value, struct span value)
{
	for (size_t i = 0; i < NUMBERS; i++) {
		if (!span_equal_nocase(name, span_text(numbers[i].name)))
			continue;
		uint32_t *n = number_of(d, i);
		bool any_age = n == &d->max_stale_s && !has_value;
		if (*n == CACHE_SECONDS_NONE)
			*n = any_age ? CACHE_SECONDS_MAX : seconds(value);
		return;
	}
	/* 5.2: no argument is allowed here, and one that is there takes nothing away. */
	for (size_t i = 0; i < FLAGS; i++)
		if (span_equal_nocase(name, span_text(flags[i].name)))
			*(bool *)((char *)d + flags[i].at) = true;
	if (span_equal_nocase(name, span_text("no-cache")))
		qualified(&d->no_cache, &d->no_cache_fields, has_value, value);
	else if (span_equal_nocase(name, span_text("private")))
		qualified(&d->is_private, &d->private_fields, has_value, value);
}

static void clear(struct cache_directives *d)
{
	*d = (struct cache_directives){0};
	for (size_t i = 0; i < NUMBERS; i++)
		*number_of(d, i) = CACHE_SECONDS_NONE;
}

void cache_directives_read(struct cache_fields f, const char *name, struct cache_directives *ret)
{
	struct cache_list list = cache_list_of(f, name);
	struct span one;
	clear(ret);
	while (cache_list_next(&list, &one)) {
		size_t is = span_find(one, '=');
		ret->any = true;
		take(ret, span_trim(span_sub(one, 0, is)), is < one.len,
		     span_trim(span_sub(one, is + 1, one.len)));
	}
}

/* ---- RFC 9213 ---- */

/* A key of RFC 8941 3.2 with a number, a boolean, or nothing; parameters after it are ignored. */
static bool is_member(struct span one)
{
	size_t semicolon = span_find(one, ';');
	struct span item = span_trim(span_sub(one, 0, semicolon));
	size_t is = span_find(item, '=');
	struct span key = span_sub(item, 0, is), value = span_sub(item, is + 1, item.len);
	for (size_t i = 0; i < key.len; i++)
		if (key.data[i] >= 'A' && key.data[i] <= 'Z')
			return false;
	bool boolean = span_is(value, "?1") || span_is(value, "?0");
	return http_is_token(key) && (is == item.len || boolean || is_digits(value));
}

/* RFC 8941 3.2: of a key that comes twice the last one counts; false ones are not there. */
static void take_structured(struct cache_directives *d, struct span one)
{
	struct span item = span_trim(span_sub(one, 0, span_find(one, ';')));
	size_t is = span_find(item, '=');
	struct span key = span_sub(item, 0, is), value = span_sub(item, is + 1, item.len);
	if (span_is(value, "?0"))
		return;
	for (size_t i = 0; i < NUMBERS; i++)
		if (span_is(key, numbers[i].name))
			*number_of(d, i) = CACHE_SECONDS_NONE;
	take(d, key, is < item.len && !span_is(value, "?1"), value);
}

void cache_directives_of_response(struct cache_fields f, struct cache_directives *ret,
				  bool *ret_targeted)
{
	struct cache_directives d;
	struct cache_list list = cache_list_of(f, "cdn-cache-control");
	struct span one;
	bool good = true;
	clear(&d);
	while (good && cache_list_next(&list, &one)) {
		good = is_member(one);
		d.any = true;
		if (good)
			take_structured(&d, one);
	}
	*ret_targeted = d.any && good;
	if (*ret_targeted)
		*ret = d;
	else
		cache_directives_read(f, "cache-control", ret);
}

bool cache_names_have(struct span list, struct span name)
{
	struct span rest = list, one;
	while (cache_members_next(&rest, &one))
		if (span_equal_nocase(one, name))
			return true;
	return false;
}
