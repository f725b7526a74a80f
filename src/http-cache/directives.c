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

#define WORD(text)                                                                                 \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}

static const struct {
	struct span name;
	size_t at; /* of the number in the struct */
} numbers[] = {
	{WORD("max-age"), offsetof(struct cache_directives, max_age_s)},
	{WORD("s-maxage"), offsetof(struct cache_directives, s_maxage_s)},
	{WORD("min-fresh"), offsetof(struct cache_directives, min_fresh_s)},
	{WORD("max-stale"), offsetof(struct cache_directives, max_stale_s)},
	{WORD("stale-while-revalidate"),
	 offsetof(struct cache_directives, stale_while_revalidate_s)},
	{WORD("stale-if-error"), offsetof(struct cache_directives, stale_if_error_s)},
};

static const struct {
	struct span name;
	size_t at; /* of the flag */
} flags[] = {
	{WORD("no-store"), offsetof(struct cache_directives, no_store)},
	{WORD("public"), offsetof(struct cache_directives, is_public)},
	{WORD("must-revalidate"), offsetof(struct cache_directives, must_revalidate)},
	{WORD("proxy-revalidate"), offsetof(struct cache_directives, proxy_revalidate)},
	{WORD("must-understand"), offsetof(struct cache_directives, must_understand)},
	{WORD("no-transform"), offsetof(struct cache_directives, no_transform)},
	{WORD("only-if-cached"), offsetof(struct cache_directives, only_if_cached)},
};

#undef WORD

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
		if (!span_equal_nocase(name, numbers[i].name))
			continue;
		uint32_t *n = number_of(d, i);
		bool any_age = n == &d->max_stale_s && !has_value;
		if (*n == CACHE_SECONDS_NONE)
			*n = any_age ? CACHE_SECONDS_MAX : seconds(value);
		return;
	}
	/* 5.2: no argument is allowed here, and one that is there takes nothing away. */
	for (size_t i = 0; i < FLAGS; i++)
		if (span_equal_nocase(name, flags[i].name))
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

void cache_directives_read(struct cache_fields f, struct cache_directives *ret)
{
	struct cache_list list = cache_list_of(f, HTTP_FIELD_CACHE_CONTROL);
	struct span one;
	clear(ret);
	while (cache_list_next(&list, &one)) {
		size_t is = span_find(one, '=');
		ret->any = true;
		take(ret, span_trim(span_sub(one, 0, is)), is < one.len,
		     span_trim(span_sub(one, is + 1, one.len)));
	}
}

/* ---- RFC 9213: a dictionary of RFC 8941 ---- */

enum { INTEGER_DIGITS = 15, DECIMAL_DIGITS = 12, FRACTION_DIGITS = 3 };

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static size_t digits_len(struct span s)
{
	size_t n = 0;
	while (n < s.len && is_digit(s.data[n]))
		n++;
	return n;
}

/* The bytes that a key or an item takes at the start of s; 0: there is none. */
static size_t key_len(struct span s)
{
	size_t n = 0;
	for (; n < s.len; n++) {
		uint8_t c = s.data[n];
		bool begins = (c >= 'a' && c <= 'z') || c == '*';
		if (!begins && (!n || !(is_digit(c) || c == '_' || c == '-' || c == '.')))
			break;
	}
	return n;
}

static size_t string_len(struct span s)
{
	for (size_t n = 1; n < s.len; n++) {
		if (s.data[n] == '"')
			return n + 1;
		if (s.data[n] == '\\' && (++n == s.len || (s.data[n] != '"' && s.data[n] != '\\')))
			return 0;
		if (s.data[n] < ' ' || s.data[n] > '~')
			return 0;
	}
	return 0;
}

static size_t number_len(struct span s)
{
	size_t sign = s.data[0] == '-', n = digits_len(span_sub(s, sign, s.len));
	size_t end = sign + n;
	if (end == s.len || s.data[end] != '.')
		return n && n <= INTEGER_DIGITS ? end : 0;
	size_t fraction = digits_len(span_sub(s, end + 1, s.len));
	return n && n <= DECIMAL_DIGITS && fraction && fraction <= FRACTION_DIGITS
		       ? end + 1 + fraction
		       : 0;
}

/* Tokens, and byte sequences with their colons. */
static size_t word_len(struct span s)
{
	size_t n = 0;
	uint8_t first = s.data[0] | 0x20;
	if (!(first >= 'a' && first <= 'z') && s.data[0] != '*' && s.data[0] != ':')
		return 0;
	while (n < s.len && (http_is_token(span_sub(s, n, 1)) || s.data[n] == ':' ||
			     s.data[n] == '/' || (s.data[0] == ':' && s.data[n] == '=')))
		n++;
	bool bytes = n && s.data[0] == ':';
	return bytes && (n < 2 || s.data[n - 1] != ':') ? 0 : n;
}

static size_t item_len(struct span s)
{
	if (!s.len)
		return 0;
	if (s.data[0] == '"')
		return string_len(s);
	if (s.data[0] == '?')
		return s.len > 1 && (s.data[1] == '0' || s.data[1] == '1') ? 2 : 0;
	return s.data[0] == '-' || is_digit(s.data[0]) ? number_len(s) : word_len(s);
}

/* key [=item], from the start of *rest, which is what follows. False: there is none. */
static bool next_pair(struct span *rest, struct span *ret_key, struct span *ret_value)
{
	size_t key = key_len(*rest), value = 0;
	bool has_value = key < rest->len && rest->data[key] == '=';
	if (has_value)
		value = item_len(span_sub(*rest, key + 1, rest->len));
	if (!key || (has_value && !value))
		return false;
	*ret_key = span_sub(*rest, 0, key);
	*ret_value = span_sub(*rest, key + 1, value);
	*rest = span_sub(*rest, has_value ? key + 1 + value : key, rest->len);
	return true;
}

/* RFC 9213 2.1: parameters are ignored, but must be some. */
static bool member_read(struct span one, struct span *ret_key, struct span *ret_value)
{
	struct span rest = one, key, value;
	if (!next_pair(&rest, ret_key, ret_value))
		return false;
	while (rest.len) {
		if (rest.data[0] != ';')
			return false;
		rest = span_trim(span_sub(rest, 1, rest.len));
		if (!next_pair(&rest, &key, &value))
			return false;
	}
	return true;
}

/* RFC 8941 3.2: of a key that comes twice the last one counts; false ones are not there. RFC 9213
 * 2.1: "Implementations SHOULD NOT consume values that violate" the directive's type: a time of
 * another type is none, and those that forbid something forbid it with any value. */
static void take_structured(struct cache_directives *d, struct span key, struct span value)
{
	bool is_true = !value.len || span_is(value, "?1");
	bool quoted = value.len && value.data[0] == '"';
	for (size_t i = 0; i < NUMBERS; i++) {
		if (!span_equal(key, numbers[i].name))
			continue;
		*number_of(d, i) = is_digits(value) ? seconds(value) : 0;
		return;
	}
	if (!span_is(value, "?0"))
		take(d, key, !is_true && quoted, value);
}

void cache_directives_of_response(struct cache_fields f, struct cache_directives *ret,
				  bool *ret_targeted)
{
	struct cache_directives d;
	struct cache_list list = cache_list_of(f, HTTP_FIELD_CDN_CACHE_CONTROL);
	struct span one, key, value;
	bool good = true;
	clear(&d);
	while (good && cache_list_next(&list, &one)) {
		good = member_read(one, &key, &value);
		d.any = true;
		if (good)
			take_structured(&d, key, value);
	}
	*ret_targeted = d.any && good;
	if (*ret_targeted)
		*ret = d;
	else
		cache_directives_read(f, ret);
}

bool cache_names_have(struct span list, struct span name)
{
	struct span rest = list, one;
	while (cache_members_next(&rest, &one))
		if (span_equal_nocase(one, name))
			return true;
	return false;
}
