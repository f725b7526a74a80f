#include "http-cache/meta.h"

#include "proto/http/date.h"
#include "proto/http/etag.h"

/* RFC 9111 4.2.2: "A typical setting of this fraction might be 10%." */
enum { HEURISTIC_PART = 10 };

const char *cache_source_text(enum cache_source source)
{
	static const char *const texts[] = {
		[CACHE_FROM_NOTHING] = "nothing",     [CACHE_FROM_S_MAXAGE] = "s-maxage",
		[CACHE_FROM_MAX_AGE] = "max-age",     [CACHE_FROM_EXPIRES] = "Expires",
		[CACHE_FROM_HEURISTIC] = "heuristic", [CACHE_FROM_DEFAULT] = "default-ttl",
	};
	return texts[source];
}

bool cache_status_is_heuristic(uint16_t status)
{
	switch (status) {
	case 200:
	case 203:
	case 204:
	case 206:
	case 300:
	case 301:
	case 308:
	case 404:
	case 405:
	case 410:
	case 414:
	case 501: return true;
	default: return false;
	}
}

static bool date_of(struct cache_fields f, uint16_t id, uint64_t now_s, uint64_t *ret)
{
	const struct http_field *field = cache_field_find(f, id);
	return field && http_date_read(field->value, now_s, ret) == OK;
}

/* 4.2.1; *ret_source tells which of them. */
static uint32_t explicit_lifetime(struct cache_fields f, const struct cache_directives *d,
				  const struct cache_policy *p, const struct cache_meta *m,
				  enum cache_source *ret_source)
{
	uint64_t expires_s;
	if (!p->is_private && d->s_maxage_s != CACHE_SECONDS_NONE) {
		*ret_source = CACHE_FROM_S_MAXAGE;
		return d->s_maxage_s;
	}
	if (d->max_age_s != CACHE_SECONDS_NONE) {
		*ret_source = CACHE_FROM_MAX_AGE;
		return d->max_age_s;
	}
	if (m->targeted || !cache_field_find(f, HTTP_FIELD_EXPIRES))
		return 0;
	/* 5.3: "A cache recipient MUST interpret invalid date formats, especially the value "0", as
	 * representing a time in the past". */
	*ret_source = CACHE_FROM_EXPIRES;
	if (!date_of(f, HTTP_FIELD_EXPIRES, m->response_s, &expires_s) || expires_s <= m->date_s)
		return 0;
	uint64_t life_s = expires_s - m->date_s;
	return life_s < CACHE_SECONDS_MAX ? (uint32_t)life_s : CACHE_SECONDS_MAX;
}

/* 4.2.2, or what the policy says for answers that say nothing. */
static uint32_t guessed_lifetime(const struct cache_directives *d, const struct cache_policy *p,
				 const struct cache_meta *m, enum cache_source *ret_source)
{
	if (!cache_status_is_heuristic(m->status) && !d->is_public)
		return 0;
	if (p->heuristics && m->has_modified && m->date_s > m->modified_s) {
		uint64_t part_s = (m->date_s - m->modified_s) / HEURISTIC_PART;
		*ret_source = CACHE_FROM_HEURISTIC;
		return part_s < p->heuristic_max_s ? (uint32_t)part_s : p->heuristic_max_s;
	}
	if (p->default_s)
		*ret_source = CACHE_FROM_DEFAULT;
	return p->default_s;
}

/* 5.1: "a cache encountering a message with a list-based Age field value SHOULD use the first
 * member of the field value"; one that is no number is ignored. */
static uint64_t received_age(struct cache_fields f)
{
	struct cache_list list = cache_list_of(f, HTTP_FIELD_AGE);
	struct span first;
	uint32_t age_s = 0;
	if (!cache_list_next(&list, &first) || !cache_seconds_read(first, &age_s))
		return 0;
	return age_s;
}

/* 4.2.3. */
static uint32_t initial_age(struct cache_fields f, uint64_t request_s, const struct cache_meta *m)
{
	uint64_t apparent = m->response_s > m->date_s ? m->response_s - m->date_s : 0;
	uint64_t delay = m->response_s > request_s ? m->response_s - request_s : 0;
	uint64_t corrected = received_age(f) + delay;
	uint64_t initial = apparent > corrected ? apparent : corrected;
	return initial < CACHE_SECONDS_MAX ? (uint32_t)initial : CACHE_SECONDS_MAX;
}

static void stale_rules(const struct cache_directives *d, const struct cache_policy *p,
			struct cache_meta *m)
{
	m->no_cache = d->no_cache;
	m->must_revalidate = d->must_revalidate || (d->proxy_revalidate && !p->is_private);
	m->s_maxage = d->s_maxage_s != CACHE_SECONDS_NONE && !p->is_private;
	m->authorized = d->must_revalidate || d->is_public || m->s_maxage;
	m->stale_by_answer = d->stale_while_revalidate_s != CACHE_SECONDS_NONE ||
			     d->stale_if_error_s != CACHE_SECONDS_NONE;
	/* An answer with s-maxage is never stale by our own wish (5.2.2.10). */
	uint32_t validate_s = m->s_maxage ? 0 : p->stale_validate_s;
	uint32_t error_s = m->s_maxage ? 0 : p->stale_error_s;
	m->stale_validate_s = d->stale_while_revalidate_s != CACHE_SECONDS_NONE
				      ? d->stale_while_revalidate_s
				      : validate_s;
	m->stale_error_s =
		d->stale_if_error_s != CACHE_SECONDS_NONE ? d->stale_if_error_s : error_s;
}

void cache_meta_read(uint16_t status, struct cache_fields f, const struct cache_policy *policy,
		     uint64_t request_s, uint64_t response_s, struct cache_meta *ret)
{
	struct cache_directives d;
	enum cache_source source = CACHE_FROM_NOTHING;
	*ret = (struct cache_meta){.status = status, .response_s = response_s};
	cache_directives_of_response(f, &d, &ret->targeted);
	ret->has_date = date_of(f, HTTP_FIELD_DATE, response_s, &ret->date_s);
	if (!ret->has_date)
		ret->date_s = response_s;
	ret->has_modified = date_of(f, HTTP_FIELD_LAST_MODIFIED, response_s, &ret->modified_s);
	const struct http_field *etag = cache_field_find(f, HTTP_FIELD_ETAG);
	if (etag && etag_is_one(etag->value))
		ret->etag = etag->value;
	ret->initial_age_s = initial_age(f, request_s, ret);
	stale_rules(&d, policy, ret);
	ret->lifetime_s = explicit_lifetime(f, &d, policy, ret, &source);
	if (source == CACHE_FROM_NOTHING)
		ret->lifetime_s = guessed_lifetime(&d, policy, ret, &source);
	if (ret->lifetime_s > policy->lifetime_max_s)
		ret->lifetime_s = policy->lifetime_max_s;
	ret->source = (uint8_t)source;
}

uint64_t cache_age_s(const struct cache_meta *m, uint64_t now_s)
{
	return m->initial_age_s + (now_s > m->response_s ? now_s - m->response_s : 0);
}

int64_t cache_ttl_s(const struct cache_meta *m, uint64_t now_s)
{
	return (int64_t)m->lifetime_s - (int64_t)cache_age_s(m, now_s);
}
