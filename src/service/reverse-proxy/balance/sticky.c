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

void sticky_write(const struct pool_policy *policy, const struct backend *b, struct writer *w)
{
	const struct pool_sticky *s = &policy->sticky;
	static const char *const same_site[] = {"Lax", "Strict", "None"};
	write_format(w, "%s=%016llx; Path=/", s->cookie, (unsigned long long)b->id);
	if (s->max_age_s)
		write_format(w, "; Max-Age=%llu", (unsigned long long)s->max_age_s);
	write_format(w, "; SameSite=%s", same_site[s->same_site]);
	if (s->secure || s->same_site == POOL_SAME_SITE_NONE)
		write_text(w, "; Secure");
	if (s->http_only)
		write_text(w, "; HttpOnly");
}
