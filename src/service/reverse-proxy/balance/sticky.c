#include "service/reverse-proxy/balance/sticky.h"

#include "proto/http/cookie.h"

enum { ID_DIGITS = 16 };

static const char digits[] = "0123456789abcdef";

uint64_t sticky_read(const struct pool_policy *policy, struct span cookie)
{
	struct span value;
	uint64_t id = 0;
	if (!policy->sticky.cookie ||
	    !http_cookie_find(cookie, span_text(policy->sticky.cookie), &value) ||
	    value.len != ID_DIGITS)
		return 0;
	for (size_t i = 0; i < ID_DIGITS; i++) {
		size_t digit = span_find(span_of(digits, 16), value.data[i]);
		if (digit == 16)
			return 0;
		id = id << 4 | digit;
	}
	return id;
}

static void write_text(struct writer *w, const char *text)
{
	write_span(w, span_text(text));
}

static void write_decimal(struct writer *w, uint64_t v)
{
	char text[20];
	size_t at = sizeof(text);
	do {
		text[--at] = digits[v % 10];
		v /= 10;
	} while (v);
	write_bytes(w, text + at, sizeof(text) - at);
}

void sticky_write(const struct pool_policy *policy, const struct backend *b, struct writer *w)
{
	const struct pool_sticky *s = &policy->sticky;
	static const char *const same_site[] = {"Lax", "Strict", "None"};
	write_text(w, s->cookie);
	write_text(w, "=");
	for (int shift = 60; shift >= 0; shift -= 4)
		write_u8(w, (uint8_t)digits[b->id >> shift & 15]);
	write_text(w, "; Path=/");
	if (s->max_age_s) {
		write_text(w, "; Max-Age=");
		write_decimal(w, s->max_age_s);
	}
	write_text(w, "; SameSite=");
	write_text(w, same_site[s->same_site]);
	if (s->secure || s->same_site == POOL_SAME_SITE_NONE)
		write_text(w, "; Secure");
	if (s->http_only)
		write_text(w, "; HttpOnly");
}
