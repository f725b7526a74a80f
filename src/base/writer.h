/* A cursor that fills a buffer of fixed size and never leaves it: a write that does not fit writes
 * nothing and marks it bad. Knows no protocol; network byte order throughout. */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include "base/err.h"
#include "base/span.h"

struct writer {
	uint8_t *data; /* borrowed */
	size_t cap, pos;
	bool bad; /* sticky: some write did not fit */
};

static inline struct writer writer_of(void *data, size_t cap)
{
	return (struct writer){.data = data, .cap = cap};
}

static inline size_t writer_left(const struct writer *w)
{
	return w->cap - w->pos;
}

/* Room for n bytes that the caller fills, and past them; NULL and a bad writer when none. */
static inline uint8_t *write_room(struct writer *w, size_t n)
{
	if (__builtin_expect(w->bad || n > w->cap - w->pos, 0)) {
		w->bad = true;
		return NULL;
	}
	uint8_t *at = w->data + w->pos;
	w->pos += n;
	return at;
}

static inline void write_bytes(struct writer *w, const void *data, size_t n)
{
	uint8_t *at = write_room(w, n);
	if (at && n)
		memcpy(at, data, n);
}

static inline void write_span(struct writer *w, struct span s)
{
	write_bytes(w, s.data, s.len);
}

/* Without the NUL. */
static inline void write_text(struct writer *w, const char *text)
{
	write_bytes(w, text, strlen(text));
}

static inline void write_u8(struct writer *w, uint8_t v)
{
	uint8_t *at = write_room(w, 1);
	if (at)
		at[0] = v;
}

static inline void put_u16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void put_u32(uint8_t *at, uint32_t v)
{
	put_u16(at, (uint16_t)(v >> 16));
	put_u16(at + 2, (uint16_t)v);
}

static inline void write_u16(struct writer *w, uint16_t v)
{
	uint8_t *at = write_room(w, 2);
	if (at)
		put_u16(at, v);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
	uint8_t *at = write_room(w, 4);
	if (at)
		put_u32(at, v);
}

void write_u48(struct writer *w, uint64_t v);
void write_u64(struct writer *w, uint64_t v);

/* printf into the buffer, without the NUL. For text protocols and tools. */
__attribute__((format(printf, 2, 3))) void write_format(struct writer *w, const char *format, ...);

/* Reserves n (1, 2 or 4) bytes for a length that is not known yet; returns where. */
size_t writer_reserve(struct writer *w, size_t n);
/* Fills the bytes at `at` with the count of bytes written after them; bad when it does not fit. */
void writer_fill_u8(struct writer *w, size_t at);
void writer_fill_u16(struct writer *w, size_t at);

/* Back to an earlier position, the mark cleared: for "this part did not fit". */
static inline void writer_rewind(struct writer *w, size_t pos)
{
	w->pos = pos;
	w->bad = false;
}

static inline struct span writer_span(const struct writer *w)
{
	return span_of(w->data, w->pos);
}

/* ERR_LIMIT when any write did not fit. */
MUST static inline enum err writer_check(const struct writer *w)
{
	return w->bad ? ERR_LIMIT : OK;
}

#endif
