#include "http-cache/store.h"

#include <assert.h>

static const struct {
	const char *word, *text;
} rules[] = {
	[CACHE_MAY_STORE] = {"stored", "it may be stored (RFC 9111 3)"},
	[CACHE_RULE_METHOD] = {"method", "only answers to GET are stored (RFC 9111 3)"},
	[CACHE_RULE_INTERIM] = {"interim", "the status is not final (RFC 9111 3)"},
	[CACHE_RULE_STATUS] = {"status",
			       "the status is none that this cache understands (RFC 9111 3)"},
	[CACHE_RULE_CLIENT] = {"request-no-store", "the request says no-store (RFC 9111 5.2.1.5)"},
	[CACHE_RULE_NO_STORE] = {"no-store", "the answer says no-store (RFC 9111 5.2.2.5)"},
	[CACHE_RULE_PRIVATE] = {"private", "the answer is for one user (RFC 9111 5.2.2.7)"},
	[CACHE_RULE_AUTHORIZATION] = {"authorization",
				      "the request had Authorization, and the answer has none of "
				      "public, s-maxage, must-revalidate (RFC 9111 3.5)"},
	[CACHE_RULE_UNMARKED] = {"unmarked", "the answer has no lifetime and no mark, and its "
					     "status is none that is kept without (RFC 9111 3)"},
	[CACHE_RULE_VARY_ANY] = {"vary-any", "Vary: * never matches (RFC 9111 4.1)"},
	[CACHE_RULE_SET_COOKIE] = {"set-cookie", "the answer sets a cookie"},
	[CACHE_RULE_USELESS] = {"useless",
				"the answer has neither a lifetime nor anything to validate it "
				"by (RFC 9111 3)"},
	[CACHE_RULE_VARY_LONG] = {"vary-long", "the fields that Vary names are too long"},
	[CACHE_RULE_LARGE] = {"large", "it is larger than the cache takes"},
	[CACHE_RULE_BYPASS] = {"bypass", "the configuration leaves this request out"},
	[CACHE_RULE_BODY] = {"body", "the request had a body"},
	[CACHE_RULE_CONDITION] = {"condition",
				  "the request's condition is for the server (RFC 9111 4.3.2)"},
	[CACHE_RULE_MEMORY] = {"memory", "there was no room"},
};

static_assert(sizeof(rules) / sizeof(rules[0]) == CACHE_RULES, "each rule has its words");

const char *cache_rule_word(enum cache_rule rule)
{
	return rules[rule].word;
}

const char *cache_rule_text(enum cache_rule rule)
{
	return rules[rule].text;
}

/* Those whose caching is wholly implemented here: all final ones but parts, and what tells of a
 * change of protocol or of the condition of one request. */
static bool is_understood(uint16_t status)
{
	return cache_status_is_heuristic(status)
		       ? status != 206
		       : status == 302 || status == 303 || status == 307 || status == 400 ||
				 status == 403 || status == 500 || status == 502 || status == 503 ||
				 status == 504;
}

/* 3: "the response contains at least one of". */
static bool is_marked(const struct cache_answered *a, const struct cache_directives *d,
		      bool targeted, const struct cache_policy *p)
{
	return d->is_public || (p->is_private && d->is_private) ||
	       (!targeted && cache_field_find(a->fields, HTTP_FIELD_EXPIRES)) ||
	       d->max_age_s != CACHE_SECONDS_NONE ||
	       (!p->is_private && d->s_maxage_s != CACHE_SECONDS_NONE) ||
	       cache_status_is_heuristic(a->status);
}

static bool varies_by_all(struct cache_fields f)
{
	struct cache_list list = cache_list_of(f, HTTP_FIELD_VARY);
	struct span one;
	while (cache_list_next(&list, &one))
		if (span_is(one, "*"))
			return true;
	return false;
}

/* What the parties forbid. */
static enum cache_rule forbidden(struct cache_fields request, const struct cache_directives *d,
				 const struct cache_policy *p)
{
	struct cache_directives asked;
	cache_directives_read(request, &asked);
	if (asked.no_store)
		return CACHE_RULE_CLIENT;
	/* 5.2.2.3: with must-understand, which was obeyed by now, no-store is for those who do not
	 * understand. RFC 9111: "the cache ... SHOULD ignore no-store". */
	if (d->no_store && !d->must_understand)
		return CACHE_RULE_NO_STORE;
	if (d->is_private && !p->is_private)
		return CACHE_RULE_PRIVATE;
	bool allowed = d->is_public || d->must_revalidate || d->s_maxage_s != CACHE_SECONDS_NONE;
	bool proved = p->proved || cache_field_find(request, HTTP_FIELD_AUTHORIZATION);
	if (!p->is_private && !allowed && proved)
		return CACHE_RULE_AUTHORIZATION;
	return CACHE_MAY_STORE;
}

enum cache_rule cache_forbids(struct span method, struct cache_fields request,
			      const struct cache_answered *a, const struct cache_policy *policy)
{
	struct cache_directives d;
	bool targeted;
	if (!span_is(method, "GET"))
		return CACHE_RULE_METHOD;
	if (a->status < 200)
		return CACHE_RULE_INTERIM;
	/* What is not understood is stored neither with must-understand nor without. */
	if (!is_understood(a->status))
		return CACHE_RULE_STATUS;
	cache_directives_of_response(a->fields, &d, &targeted);
	enum cache_rule rule = forbidden(request, &d, policy);
	if (rule)
		return rule;
	if (!is_marked(a, &d, targeted, policy))
		return CACHE_RULE_UNMARKED;
	if (varies_by_all(a->fields))
		return CACHE_RULE_VARY_ANY;
	const struct http_field *cookie = cache_field_find(a->fields, HTTP_FIELD_SET_COOKIE);
	if (cookie && !policy->set_cookie && !cache_names_have(d.private_fields, cookie->name) &&
	    !cache_names_have(d.no_cache_fields, cookie->name))
		return CACHE_RULE_SET_COOKIE;
	return CACHE_MAY_STORE;
}

bool cache_is_useless(const struct cache_meta *m)
{
	bool fresh = cache_ttl_s(m, m->response_s) > 0 && !m->no_cache;
	bool stale = m->stale_validate_s || m->stale_error_s;
	return !fresh && !stale && !m->etag.len && !m->has_modified;
}

enum cache_rule cache_may_store(struct span method, struct cache_fields request,
				struct cache_fields response, const struct cache_meta *m,
				const struct cache_policy *policy)
{
	const struct cache_answered a = {.status = m->status, .fields = response};
	enum cache_rule rule = cache_forbids(method, request, &a, policy);
	return !rule && cache_is_useless(m) ? CACHE_RULE_USELESS : rule;
}

bool cache_field_is_stored(const struct http_field *f, const struct cache_directives *d,
			   const struct cache_policy *policy)
{
	if (http_field_is_hop_by_hop(f->id))
		return false;
	switch (f->id) {
	case HTTP_FIELD_AGE:
	case HTTP_FIELD_CONTENT_LENGTH:
	case HTTP_FIELD_TRAILER:
	case HTTP_FIELD_PROXY_AUTHENTICATE:
	case HTTP_FIELD_PROXY_AUTHORIZATION: return false;
	default: break;
	}
	if (span_equal_nocase(f->name, span_text("proxy-authentication-info")))
		return false;
	/* 5.2.2.7, 5.2.2.4: the listed fields are for one user, or for one use. */
	if (!policy->is_private && cache_names_have(d->private_fields, f->name))
		return false;
	return !cache_names_have(d->no_cache_fields, f->name);
}

bool cache_invalidates(struct span method, uint16_t status)
{
	static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "TRACE"};
	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		if (span_is(method, safe[i]))
			return false;
	return status >= 200 && status <= 399;
}
