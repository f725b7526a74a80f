#include "proxy/cache/rules.h"

#include "base/writer.h"
#include "http-cache/fields.h"
#include "proto/http/cookie.h"
#include "proxy/cache/conf_cache.h"
#include "proxy/exchange.h"

static struct cache_fields request_of(const struct proxy_exchange *x)
{
	return (struct cache_fields){.at = x->request.fields, .n = x->request.fields_n};
}

static struct span cookie_of(const struct proxy_exchange *x, const char *name)
{
	struct span value = {0};
	for (size_t i = 0; i < x->request.fields_n; i++)
		if (x->request.fields[i].id == HTTP_FIELD_COOKIE &&
		    http_cookie_find(x->request.fields[i].value, span_text(name), &value))
			break;
	return value;
}

static const char *name_at(const struct config_list *list, size_t i)
{
	return ((const char *const *)list->items)[i];
}

void proxy_cache_rules_write(const struct proxy_cache_rules_conf *conf,
			     const struct proxy_exchange *x, struct writer *w)
{
	const struct config_list *headers = &conf->by_headers, *cookies = &conf->by_cookies;
	for (size_t i = 0; i < headers->n; i++) {
		struct cache_list l =
			cache_list_named(request_of(x), span_text(name_at(headers, i)));
		struct span one;
		write_u8(w, '\n');
		while (cache_list_next(&l, &one)) {
			write_span(w, one);
			write_u8(w, ',');
		}
	}
	for (size_t i = 0; i < cookies->n; i++) {
		write_u8(w, '\n');
		write_span(w, cookie_of(x, name_at(cookies, i)));
	}
}

struct span proxy_cache_rules_target(const struct proxy_cache_rules_conf *conf, struct span target)
{
	bool part = conf->ignore_query || conf->ignore_arguments.n;
	return part ? span_sub(target, 0, span_find(target, '?')) : target;
}

bool proxy_cache_rules_bypass(const struct proxy_cache_rules_conf *conf,
			      const struct proxy_exchange *x)
{
	const struct config_list *headers = &conf->bypass_headers, *cookies = &conf->bypass_cookies;
	for (size_t i = 0; i < headers->n; i++)
		if (cache_field_named(request_of(x), span_text(name_at(headers, i))))
			return true;
	for (size_t i = 0; i < cookies->n; i++)
		if (cookie_of(x, name_at(cookies, i)).data)
			return true;
	return false;
}
