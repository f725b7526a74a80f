/* A cursor over received bytes that never leaves them: a short read yields zeros and marks it bad.
 * Knows no protocol; network byte order throughout. */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/err.h"
#include "base/span.h"

struct reader {
	const uint8_t *data; /* borrowed */
	size_t len, pos;
	bool bad; /* sticky: some read went past the end */
};

static inline struct reader reader_of(const void *data, size_t len)
{
	return (struct reader){.data = data, .len = len};
}

static inline struct reader reader_of_span(struct span s)
{
	return reader_of(s.data, s.len);
}

static inline size_t reader_left(const struct reader *r)
{
	return r->len - r->pos;
}

static inline void reader_fail(struct reader *r)
{
	r->bad = true;
	r->pos = r->len;
}

/* The next n bytes, and past them; an empty span and a bad reader when there are fewer. */
static inline struct span read_span(struct reader *r, size_t n)
{
	if (__builtin_expect(n > r->len - r->pos, 0)) {
		reader_fail(r);
		return (struct span){0};
	}
	struct span s = span_of(r->data + r->pos, n);
	r->pos += n;
	return s;
}

static inline uint8_t read_u8(struct reader *r)
{
	struct span s = read_span(r, 1);
	return s.len ? s.data[0] : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
	struct span s = read_span(r, 2);
	return s.len ? (uint16_t)(s.data[0] << 8 | s.data[1]) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
	struct span s = read_span(r, 4);
	return s.len ? (uint32_t)s.data[0] << 24 | (uint32_t)s.data[1] << 16 |
			       (uint32_t)s.data[2] << 8 | s.data[3]
		     : 0;
}

uint64_t read_u48(struct reader *r);
uint64_t read_u64(struct reader *r);

/* Copies n bytes into ret; zeros when there are fewer. */
void read_bytes(struct reader *r, void *ret, size_t n);

/* A reader over the next n bytes, which r passes. When there are fewer both are bad. */
struct reader reader_sub(struct reader *r, size_t n);

static inline void reader_skip(struct reader *r, size_t n)
{
	(void)read_span(r, n);
}

static inline void reader_skip_all(struct reader *r)
{
	r->pos = r->len;
}

/* ERR_FORMAT when any read fell short. */
MUST static inline enum err reader_check(const struct reader *r)
{
	return r->bad ? ERR_FORMAT : OK;
}

/* ERR_FORMAT when any read fell short or bytes are left. */
MUST static inline enum err reader_end(const struct reader *r)
{
	return r->bad || r->pos != r->len ? ERR_FORMAT : OK;
}

#endif
