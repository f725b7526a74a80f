#include "http-cache/answer.h"

#include "proto/http/date.h"
#include "proto/http/etag.h"

bool cache_has_foreign_condition(struct cache_fields request)
{
	return cache_field_find(request, HTTP_FIELD_IF_MATCH) ||
	       cache_field_find(request, HTTP_FIELD_IF_UNMODIFIED_SINCE);
}

/* RFC 9110 13.1.2: weak comparison; several fields are one list. */
static bool none_match_fails(const struct cache_meta *m, struct cache_fields request)
{
	for (size_t i = 0; i < request.n; i++)
		if (request.at[i].id == HTTP_FIELD_IF_NONE_MATCH &&
		    etag_in_list(request.at[i].value, m->etag, false))
			return true;
	return false;
}

/* The conditions alone: is it 304 for who has what the request says he has? False without a
 * condition that a cache may judge. */
static bool is_not_modified(const struct cache_meta *m, struct cache_fields request)
{
	const struct http_field *since = cache_field_find(request, HTTP_FIELD_IF_MODIFIED_SINCE);
	uint64_t since_s;
	/* 4.3.2: for 200 and 206 answers. */
	if (m->status != 200)
		return false;
	if (cache_field_find(request, HTTP_FIELD_IF_NONE_MATCH))
		return none_match_fails(m, request);
	/* RFC 9110 13.1.3: "A recipient MUST ignore the If-Modified-Since header field if the
	 * received field value is not a valid HTTP-date". */
	if (!since || http_date_read(since->value, m->response_s, &since_s) != OK)
		return false;
	/* date_s is when it was received, where there is no Date. */
	return (m->has_modified ? m->modified_s : m->date_s) <= since_s;
}

/* RFC 9110 13.1.5: a strong comparison, or the very same date where that is strong. */
static bool if_range_holds(const struct cache_meta *m, struct cache_fields request)
{
	const struct http_field *f = cache_field_find(request, HTTP_FIELD_IF_RANGE);
	uint64_t at_s;
	if (!f)
		return true;
	if (etag_is_one(f->value))
		return etag_equal_strong(f->value, m->etag);
	if (http_date_read(f->value, m->response_s, &at_s) != OK || !m->has_modified)
		return false;
	/* 8.8.2.2: it is strong when it is a second older than Date at least. */
	return at_s == m->modified_s && m->has_date && m->modified_s < m->date_s;
}

enum cache_answer cache_answer(const struct cache_meta *m, uint64_t size, struct span method,
			       struct cache_fields request, struct range *ret_part)
{
	const struct http_field *range = cache_field_find(request, HTTP_FIELD_RANGE);
	struct range ranges[RANGES_MAX];
	size_t n = 0;
	if (is_not_modified(m, request))
		return CACHE_ANSWER_NOT_MODIFIED;
	/* RFC 9110 14.2: Range means something for GET, and 206 instead of 200 only. */
	if (!range || !span_is(method, "GET") || m->status != 200 || !if_range_holds(m, request))
		return CACHE_ANSWER_WHOLE;
	enum err e = range_read(range->value, size, ranges, &n);
	if (e == ERR_REFUSED)
		return CACHE_ANSWER_NO_PART;
	if (e || n != 1)
		return CACHE_ANSWER_WHOLE;
	*ret_part = ranges[0];
	return CACHE_ANSWER_PART;
}

bool cache_field_is_of_304(const struct http_field *f)
{
	switch (f->id) {
	case HTTP_FIELD_CONTENT_ENCODING:
	case HTTP_FIELD_CONTENT_LENGTH:
	case HTTP_FIELD_CONTENT_RANGE:
	case HTTP_FIELD_CONTENT_TYPE:
	case HTTP_FIELD_LAST_MODIFIED:
	case HTTP_FIELD_ACCEPT_RANGES: return false;
	default: return !span_equal_nocase(f->name, span_text("content-language"));
	}
}
