#include "base/writer.h"

#include <stdarg.h>
#include <stdio.h>

void write_u48(struct writer *w, uint64_t v)
{
	uint8_t *at = write_room(w, 6);
	if (at) {
		put_u16(at, (uint16_t)(v >> 32));
		put_u32(at + 2, (uint32_t)v);
	}
}

void write_u64(struct writer *w, uint64_t v)
{
	uint8_t *at = write_room(w, 8);
	if (at) {
		put_u32(at, (uint32_t)(v >> 32));
		put_u32(at + 4, (uint32_t)v);
	}
}

void write_format(struct writer *w, const char *format, ...)
{
	if (w->bad)
		return;
	va_list args;
	va_start(args, format);
	/* vsnprintf wants room for its NUL; the text alone may fill the buffer to the brim, so a
	 * text of exactly the room left is refused: one byte less than the ideal, never one more.
	 */
	int n = vsnprintf((char *)w->data + w->pos, writer_left(w), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= writer_left(w))
		w->bad = true;
	else
		w->pos += (size_t)n;
}

size_t writer_reserve(struct writer *w, size_t n)
{
	size_t at = w->pos;
	uint8_t *room = write_room(w, n);
	if (room)
		memset(room, 0, n);
	return at;
}

void writer_fill_u8(struct writer *w, size_t at)
{
	if (w->bad)
		return;
	size_t n = w->pos - at - 1;
	if (n > UINT8_MAX)
		w->bad = true;
	else
		w->data[at] = (uint8_t)n;
}

void writer_fill_u16(struct writer *w, size_t at)
{
	if (w->bad)
		return;
	size_t n = w->pos - at - 2;
	if (n > UINT16_MAX)
		w->bad = true;
	else
		put_u16(w->data + at, (uint16_t)n);
}
