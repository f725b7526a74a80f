#include "http-cache/decide.h"

const char *cache_forward_text(enum cache_forward why)
{
	static const char *const texts[] = {
		[CACHE_FWD_NOT] = "",
		[CACHE_FWD_BYPASS] = "bypass",
		[CACHE_FWD_METHOD] = "method",
		[CACHE_FWD_URI_MISS] = "uri-miss",
		[CACHE_FWD_VARY_MISS] = "vary-miss",
		[CACHE_FWD_MISS] = "miss",
		[CACHE_FWD_REQUEST] = "request",
		[CACHE_FWD_STALE] = "stale",
		[CACHE_FWD_PARTIAL] = "partial",
	};
	return texts[why];
}

/* Fresh, and as fresh as the client wants it. */
static enum cache_forward judge_fresh(const struct cache_meta *m,
				      const struct cache_directives *asked, bool heed,
				      const struct cache_decision *d)
{
	if (!heed)
		return CACHE_FWD_NOT;
	/* 5.2.1.4: "prefers that stored response not be used ... without successful validation". */
	if (asked->no_cache)
		return CACHE_FWD_REQUEST;
	if (asked->max_age_s != CACHE_SECONDS_NONE && d->age_s > asked->max_age_s)
		return CACHE_FWD_REQUEST;
	/* 5.2.1.3: "freshness lifetime is no less than its current age plus the specified time". */
	if (asked->min_fresh_s != CACHE_SECONDS_NONE &&
	    m->lifetime_s < d->age_s + asked->min_fresh_s)
		return CACHE_FWD_REQUEST;
	return CACHE_FWD_NOT;
}

/* 4.2.4: stale answers that the client allows. */
static bool client_takes_stale(const struct cache_meta *m, const struct cache_directives *asked,
			       bool heed, const struct cache_decision *d)
{
	if (!heed || asked->max_stale_s == CACHE_SECONDS_NONE || m->must_revalidate || m->s_maxage)
		return false;
	if (asked->no_cache ||
	    (asked->max_age_s != CACHE_SECONDS_NONE && d->age_s > asked->max_age_s))
		return false;
	return asked->max_stale_s == CACHE_SECONDS_MAX || -d->ttl_s <= (int64_t)asked->max_stale_s;
}

/* RFC 5861 3. 5.2.1.1: a client that names a max-age wants nothing stale. */
static bool stale_while_validating(const struct cache_meta *m, const struct cache_directives *asked,
				   bool heed, const struct cache_decision *d)
{
	if (m->must_revalidate || (m->s_maxage && !m->stale_by_answer))
		return false;
	if (heed && (asked->no_cache || asked->max_age_s != CACHE_SECONDS_NONE ||
		     asked->min_fresh_s != CACHE_SECONDS_NONE))
		return false;
	return m->stale_validate_s && -d->ttl_s <= (int64_t)m->stale_validate_s;
}

struct cache_decision cache_decide(const struct cache_meta *m, const struct cache_directives *asked,
				   bool authorized, const struct cache_policy *policy,
				   uint64_t now_s)
{
	struct cache_decision d = {.age_s = cache_age_s(m, now_s), .ttl_s = cache_ttl_s(m, now_s)};
	bool heed = policy->clients;
	/* 4: "response_is_fresh = (freshness_lifetime > current_age)". */
	bool fresh = d.ttl_s > 0;
	d.use = CACHE_VALIDATE;
	d.why = CACHE_FWD_STALE;
	if ((authorized || policy->proved) && !m->authorized && !policy->is_private) {
		/* Made for someone who had not to prove who he is: the server may see it otherwise.
		 */
		d.why = CACHE_FWD_REQUEST;
	} else if (!m->no_cache) {
		if (fresh)
			d.why = judge_fresh(m, asked, heed, &d);
		if (d.why == CACHE_FWD_NOT || (!fresh && client_takes_stale(m, asked, heed, &d)))
			d.use = CACHE_USE;
		else if (!fresh && stale_while_validating(m, asked, heed, &d))
			d.use = CACHE_USE_STALE;
	}
	if (d.use == CACHE_VALIDATE && cache_only_if_cached(asked, policy))
		d.use = CACHE_UNREACHABLE;
	return d;
}

bool cache_only_if_cached(const struct cache_directives *asked, const struct cache_policy *policy)
{
	return policy->clients && asked->only_if_cached;
}

bool cache_status_is_error(uint16_t status)
{
	return status == 500 || status == 502 || status == 503 || status == 504;
}

bool cache_may_use_on_error(const struct cache_meta *m, const struct cache_directives *asked,
			    const struct cache_policy *policy, uint64_t now_s)
{
	int64_t ttl_s = cache_ttl_s(m, now_s);
	uint32_t for_s = m->stale_error_s;
	/* RFC 5861 4 allows it in requests too; there it cannot take back what the answer says. */
	if (policy->clients && asked->stale_if_error_s != CACHE_SECONDS_NONE && !m->s_maxage)
		for_s = asked->stale_if_error_s > for_s ? asked->stale_if_error_s : for_s;
	if (m->no_cache || m->must_revalidate || (m->s_maxage && !m->stale_by_answer))
		return false;
	if (policy->clients && asked->no_cache)
		return false;
	return ttl_s > 0 || (for_s && -ttl_s <= (int64_t)for_s);
}

bool cache_is_newer(const struct cache_meta *a, const struct cache_meta *b)
{
	return a->date_s != b->date_s ? a->date_s > b->date_s : a->response_s >= b->response_s;
}
