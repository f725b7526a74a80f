/* Fields of a message from a text of lines, for the unit tests. Knows no message.
 */
#ifndef HTTP_CACHE_FIELDS_TEST_H
#define HTTP_CACHE_FIELDS_TEST_H

#include "http-cache/meta.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TEST_FIELDS_MAX = 64 };

struct test_fields {
	struct http_field at[TEST_FIELDS_MAX];
	size_t n;
};

/* "name: value" in each line; text must stay. */
static inline struct test_fields test_fields(const char *text)
{
	struct test_fields f = {.n = 0};
	struct span rest = span_text(text);
	while (rest.len) {
		size_t end = span_find(rest, '\n');
		struct span line = span_sub(rest, 0, end);
		size_t colon = span_find(line, ':');
		struct span name = span_sub(line, 0, colon);
		rest = span_sub(rest, end + 1, rest.len);
		f.at[f.n++] = (struct http_field){
			name, span_trim(span_sub(line, colon + 1, line.len)), http_field_id(name)};
	}
	return f;
}

static inline struct cache_fields test_view(const struct test_fields *f)
{
	return (struct cache_fields){.at = f->at, .n = f->n};
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define TEST_NOW_S UINT64_C(784111777)

static inline struct cache_policy test_policy(void)
{
	return (struct cache_policy){.heuristics = true,
				     .clients = true,
				     .heuristic_max_s = 86400,
				     .lifetime_max_s = CACHE_SECONDS_NONE};
}

static inline struct cache_meta test_meta(uint16_t status, const struct test_fields *f,
					  const struct cache_policy *p)
{
	struct cache_meta m;
	cache_meta_read(status, test_view(f), p, TEST_NOW_S, TEST_NOW_S, &m);
	return m;
}

#endif
