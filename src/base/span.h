/* A stretch of bytes that someone else owns. Knows neither what the bytes mean nor who frees them.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data; /* borrowed; may be NULL when len is 0 */
	size_t len;
};

static inline struct span span_of(const void *data, size_t len)
{
	return (struct span){.data = data, .len = len};
}

static inline struct span span_text(const char *text)
{
	return span_of(text, strlen(text));
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
	return span_equal(a, span_text(text));
}

/* For the next one: len bytes of both. */
bool span_bytes_equal_nocase(const uint8_t *a, const uint8_t *b, size_t len);

/* ASCII letters compare without case; other bytes compare as they are. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
	return a.len == b.len && span_bytes_equal_nocase(a.data, b.data, a.len);
}

/* The part of s from start on, at most len bytes; clipped to s. */
static inline struct span span_sub(struct span s, size_t start, size_t len)
{
	if (start > s.len)
		start = s.len;
	if (len > s.len - start)
		len = s.len - start;
	return span_of(s.data ? s.data + start : NULL, len);
}

/* Position of the first c in s, or s.len. */
static inline size_t span_find(struct span s, uint8_t c)
{
	const uint8_t *at = s.len ? (const uint8_t *)memchr(s.data, c, s.len) : NULL;
	return at ? (size_t)(at - s.data) : s.len;
}

/* s without blanks and tabs at both ends. */
struct span span_trim(struct span s);

/* Decimal digits only, no sign, no blanks, at most max. */
__attribute__((warn_unused_result)) bool span_to_u64(struct span s, uint64_t max, uint64_t *ret);

/* Copies s and a NUL into buf (size bytes); false, and buf empty, when it does not fit. */
bool span_to_cstr(struct span s, char *buf, size_t size);

#endif
