#include "http-cache/validate.h"

#include "base/writer.h"
#include "proto/http/date.h"
#include "proto/http/etag.h"

size_t cache_conditions(const struct cache_meta *m, struct writer *w,
			struct http_field ret[CACHE_CONDITIONS_MAX])
{
	size_t n = 0;
	if (m->etag.len)
		ret[n++] = (struct http_field){.name = span_text("if-none-match"),
					       .value = m->etag,
					       .id = HTTP_FIELD_IF_NONE_MATCH};
	/* RFC 9110 13.1.3: for servers that know no tags. */
	if (m->has_modified) {
		size_t at = w->pos;
		http_date_write(w, m->modified_s);
		if (!w->bad)
			ret[n++] = (struct http_field){.name = span_text("if-modified-since"),
						       .value = span_of(w->data + at, w->pos - at),
						       .id = HTTP_FIELD_IF_MODIFIED_SINCE};
	}
	return n;
}

bool cache_field_is_condition(uint16_t id)
{
	switch (id) {
	case HTTP_FIELD_IF_MATCH:
	case HTTP_FIELD_IF_NONE_MATCH:
	case HTTP_FIELD_IF_MODIFIED_SINCE:
	case HTTP_FIELD_IF_UNMODIFIED_SINCE:
	case HTTP_FIELD_IF_RANGE:
	case HTTP_FIELD_RANGE: return true;
	default: return false;
	}
}

bool cache_is_freshened_by(const struct cache_meta *m, struct cache_fields not_modified)
{
	const struct http_field *etag = cache_field_find(not_modified, HTTP_FIELD_ETAG);
	const struct http_field *date = cache_field_find(not_modified, HTTP_FIELD_LAST_MODIFIED);
	uint64_t modified_s;
	/* Strong: "If none of the stored responses contain the same strong validator, then the
	 * cache MUST NOT use the new response to update any stored responses." Weak ones
	 * correspond. */
	if (etag && etag_is_one(etag->value))
		return etag_is_weak(etag->value) ? etag_equal_weak(etag->value, m->etag)
						 : etag_equal_strong(etag->value, m->etag);
	if (date && http_date_read(date->value, m->response_s, &modified_s) == OK)
		return m->has_modified && m->modified_s == modified_s;
	/* No validator: it answers the condition that was made of what is stored, and of nothing
	 * else. */
	return true;
}

bool cache_is_freshened_by_head(const struct cache_meta *m, uint64_t size, struct cache_fields head,
				uint64_t length)
{
	const struct http_field *etag = cache_field_find(head, HTTP_FIELD_ETAG);
	const struct http_field *date = cache_field_find(head, HTTP_FIELD_LAST_MODIFIED);
	uint64_t modified_s;
	if (length != UINT64_MAX && length != size)
		return false;
	if (etag && !span_equal(etag->value, m->etag))
		return false;
	if (date && (http_date_read(date->value, m->response_s, &modified_s) != OK ||
		     !m->has_modified || m->modified_s != modified_s))
		return false;
	return true;
}

/* 3.2: all but those that are not stored, Content-Length, and "those fields necessary to assure
 * integrity of the stored response": how the bytes that lie here are coded, and which they are. */
static bool is_updated(const struct http_field *f, const struct cache_directives *d,
		       const struct cache_policy *p)
{
	switch (f->id) {
	case HTTP_FIELD_CONTENT_ENCODING:
	case HTTP_FIELD_CONTENT_LENGTH:
	case HTTP_FIELD_CONTENT_RANGE: return false;
	/* Not stored, but how old the new one is counts (4.2.3). */
	case HTTP_FIELD_AGE: return true;
	default: return cache_field_is_stored(f, d, p);
	}
}

static bool is_replaced(const struct http_field *f, struct cache_fields new,
			const struct cache_directives *d, const struct cache_policy *p)
{
	/* Without Date it is of the time when it came, and not of that of the old one. */
	if (f->id == HTTP_FIELD_DATE)
		return true;
	const struct http_field *by = cache_field_named(new, f->name);
	return by && is_updated(by, d, p);
}

enum err cache_fields_freshen(struct cache_fields stored, struct cache_fields new,
			      const struct cache_policy *policy, struct http_field *ret, size_t max,
			      size_t *ret_n)
{
	struct cache_directives d;
	bool targeted;
	size_t n = 0;
	cache_directives_of_response(new, &d, &targeted);
	for (size_t i = 0; i < stored.n; i++) {
		if (is_replaced(&stored.at[i], new, &d, policy))
			continue;
		if (n == max)
			return ERR_LIMIT;
		ret[n++] = stored.at[i];
	}
	for (size_t i = 0; i < new.n; i++) {
		if (!is_updated(&new.at[i], &d, policy))
			continue;
		if (n == max)
			return ERR_LIMIT;
		ret[n++] = new.at[i];
	}
	*ret_n = n;
	return OK;
}
