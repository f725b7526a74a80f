/* Frames of HTTP/2 as bytes, made and taken apart without the library that is under test. For tests
 * and fuzz harnesses only; knows no HPACK but fields written out. */
#ifndef PROTO_HTTP2_FRAMES_TEST_H
#define PROTO_HTTP2_FRAMES_TEST_H

#include "base/reader.h"
#include "base/writer.h"

enum frame_type {
	DATA = 0,
	HEADERS = 1,
	PRIORITY = 2,
	RST_STREAM = 3,
	SETTINGS = 4,
	PUSH_PROMISE = 5,
	PING = 6,
	GOAWAY = 7,
	WINDOW_UPDATE = 8,
	CONTINUATION = 9,
	PRIORITY_UPDATE = 16,
};

enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

struct frame {
	uint8_t type, flags;
	uint32_t id;
	struct span payload;
};

/* A string's bytes without its NUL, NULs inside included. */
#define BYTES(text)                                                                                \
	{                                                                                          \
		.data = (const uint8_t *)(text), .len = sizeof(text) - 1                           \
	}

/* ":method: GET", ":scheme: https", ":path: /" of the static table; ":authority: a". */
#define GET_HEAD                                                                                   \
	"\x82\x87\x84\x01\x01"                                                                     \
	"a"
#define POST_HEAD                                                                                  \
	"\x83\x87\x84\x01\x01"                                                                     \
	"a"
/* A field written out (RFC 7541 6.2.2); both lengths below 127, as one byte each. */
#define FIELD(name_len, name, value_len, value) "\x00" name_len name value_len value

static const char client_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static inline void frame_write(struct writer *w, struct frame f)
{
	write_u8(w, (uint8_t)(f.payload.len >> 16));
	write_u16(w, (uint16_t)f.payload.len);
	write_u8(w, f.type);
	write_u8(w, f.flags);
	write_u32(w, f.id);
	write_span(w, f.payload);
}

/* The next whole frame of r; false: none. */
static inline bool frame_read(struct reader *r, struct frame *ret)
{
	if (reader_left(r) < 9)
		return false;
	size_t len = (size_t)read_u8(r) << 16;
	len |= read_u16(r);
	ret->type = read_u8(r);
	ret->flags = read_u8(r);
	ret->id = read_u32(r);
	ret->payload = read_span(r, len);
	return !r->bad;
}

#endif
