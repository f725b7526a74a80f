/* RFC 9113 as a table: frames of a client, and what a server must make of them. */
#include "proto/http2/frames_test.h"
#include "proto/http2/heap.h"
#include "proto/http2/session.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum outcome {
	SERVED,	    /* the request reaches the owner, nothing is reset */
	STREAM,	    /* RST_STREAM with the code */
	CONNECTION, /* GOAWAY with the code */
};

enum {
	PROTOCOL = 1,
	FLOW = 3,
	CLOSED = 5,
	FRAME_SIZE = 6,
	COMPRESSION = 9,
	FRAMES_MAX = 5,
};

#define REQUEST                                                                                    \
	{                                                                                          \
		HEADERS, END_STREAM | END_HEADERS, 1, BYTES(GET_HEAD)                              \
	}
#define UPLOAD                                                                                     \
	{                                                                                          \
		HEADERS, END_HEADERS, 1, BYTES(POST_HEAD)                                          \
	}
#define GET_WITH(fields)                                                                           \
	{                                                                                          \
		{                                                                                  \
			HEADERS, END_STREAM | END_HEADERS, 1, BYTES(GET_HEAD fields)               \
		}                                                                                  \
	}
#define ONLY(fields)                                                                               \
	{                                                                                          \
		{                                                                                  \
			HEADERS, END_STREAM | END_HEADERS, 1, BYTES(fields)                        \
		}                                                                                  \
	}

static const struct rule {
	const char *what;
	struct frame frames[FRAMES_MAX];
	enum outcome outcome;
	uint32_t code;
} rules[] = {
	{"a request of four pseudo-header fields", {REQUEST}, SERVED, 0},
	{"4.1: frames of an unknown type are passed over",
	 {{0xbb, 0xff, 7, BYTES("anything")}, REQUEST},
	 SERVED,
	 0},
	{"4.1: reserved bit of the stream is passed over",
	 {{HEADERS, END_STREAM | END_HEADERS, 0x80000001, BYTES(GET_HEAD)}},
	 SERVED,
	 0},
	{"4.3: a head that is no HPACK",
	 {{HEADERS, END_STREAM | END_HEADERS, 1, BYTES("\xff\xff\xff\xff\xff\xff")}},
	 CONNECTION,
	 COMPRESSION},
	{"4.3: an index of HPACK that is nothing",
	 {{HEADERS, END_STREAM | END_HEADERS, 1, BYTES("\x82\x87\x84\xfe")}},
	 CONNECTION,
	 COMPRESSION},
	{"4.3: a table size above what was announced",
	 {{HEADERS, END_STREAM | END_HEADERS, 1, BYTES("\x3f\xe1\xff\x03\x82\x87\x84")}},
	 CONNECTION,
	 COMPRESSION},
	{"4.3: another frame inside of a head",
	 {{HEADERS, END_STREAM, 1, BYTES(GET_HEAD)}, {PING, 0, 0, BYTES("12345678")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.10: CONTINUATION of another stream",
	 {{HEADERS, END_STREAM, 1, BYTES("\x82\x87")},
	  {CONTINUATION, END_HEADERS, 3, BYTES("\x84")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.10: CONTINUATION of nothing",
	 {{CONTINUATION, END_HEADERS, 1, BYTES("\x84")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.10: a head in two frames",
	 {{HEADERS, END_STREAM, 1, BYTES("\x82\x87\x84")},
	  {CONTINUATION, END_HEADERS, 1,
	   BYTES("\x01\x01"
		 "a")}},
	 SERVED,
	 0},
	{"5.1: DATA on an idle stream", {{DATA, 0, 1, BYTES("x")}}, CONNECTION, PROTOCOL},
	{"5.1: RST_STREAM of an idle stream",
	 {{RST_STREAM, 0, 1, BYTES("\0\0\0\x08")}},
	 CONNECTION,
	 PROTOCOL},
	{"5.1: WINDOW_UPDATE of an idle stream",
	 {{WINDOW_UPDATE, 0, 1, BYTES("\0\0\0\x08")}},
	 CONNECTION,
	 PROTOCOL},
	{"5.1: DATA after the end", {REQUEST, {DATA, 0, 1, BYTES("x")}}, CONNECTION, CLOSED},
	{"5.1.1: an even stream",
	 {{HEADERS, END_STREAM | END_HEADERS, 2, BYTES(GET_HEAD)}},
	 CONNECTION,
	 PROTOCOL},
	{"5.1.1: a stream below the last one may be one that was reset: passed over",
	 {{HEADERS, END_STREAM | END_HEADERS, 5, BYTES(GET_HEAD)},
	  {HEADERS, END_STREAM | END_HEADERS, 3, BYTES(GET_HEAD)}},
	 SERVED,
	 0},
	{"6.1: DATA on stream 0", {{DATA, 0, 0, BYTES("x")}}, CONNECTION, PROTOCOL},
	{"6.1: padding longer than the frame",
	 {UPLOAD,
	  {DATA, PADDED, 1,
	   BYTES("\x09"
		 "abc")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.2: HEADERS on stream 0",
	 {{HEADERS, END_STREAM | END_HEADERS, 0, BYTES(GET_HEAD)}},
	 CONNECTION,
	 PROTOCOL},
	{"6.3: PRIORITY of another length",
	 {{PRIORITY, 0, 1, BYTES("\0\0\0\0")}},
	 CONNECTION,
	 FRAME_SIZE},
	{"6.4: RST_STREAM of another length",
	 {REQUEST, {RST_STREAM, 0, 1, BYTES("\0\0\0")}},
	 CONNECTION,
	 FRAME_SIZE},
	{"6.4: RST_STREAM on stream 0",
	 {{RST_STREAM, 0, 0, BYTES("\0\0\0\0")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.5: SETTINGS of a stream", {{SETTINGS, 0, 1, BYTES("")}}, CONNECTION, PROTOCOL},
	{"6.5: SETTINGS torn", {{SETTINGS, 0, 0, BYTES("\0\x03\0\0\0")}}, CONNECTION, FRAME_SIZE},
	{"6.5: an acknowledgement with a payload",
	 {{SETTINGS, ACK, 0, BYTES("\0\x03\0\0\0\x01")}},
	 CONNECTION,
	 FRAME_SIZE},
	{"6.5.2: ENABLE_PUSH neither 0 nor 1",
	 {{SETTINGS, 0, 0, BYTES("\0\x02\0\0\0\x02")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.5.2: a window above 2^31-1",
	 {{SETTINGS, 0, 0, BYTES("\0\x04\x80\0\0\0")}},
	 CONNECTION,
	 FLOW},
	{"6.5.2: a frame size below 16384",
	 {{SETTINGS, 0, 0, BYTES("\0\x05\0\0\x3f\xff")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.5.2: a frame size above 2^24-1",
	 {{SETTINGS, 0, 0, BYTES("\0\x05\x01\0\0\0")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.5.2: an unknown setting is passed over",
	 {{SETTINGS, 0, 0, BYTES("\0\xee\0\0\0\x01")}, REQUEST},
	 SERVED,
	 0},
	{"6.6: a client's PUSH_PROMISE",
	 {REQUEST, {PUSH_PROMISE, END_HEADERS, 1, BYTES("\0\0\0\x02" GET_HEAD)}},
	 CONNECTION,
	 PROTOCOL},
	{"6.7: PING of another length", {{PING, 0, 0, BYTES("1234567")}}, CONNECTION, FRAME_SIZE},
	{"6.7: PING of a stream", {{PING, 0, 1, BYTES("12345678")}}, CONNECTION, PROTOCOL},
	{"6.8: GOAWAY of a stream",
	 {{GOAWAY, 0, 1, BYTES("\0\0\0\0\0\0\0\0")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.9: WINDOW_UPDATE of 0 of the connection",
	 {{WINDOW_UPDATE, 0, 0, BYTES("\0\0\0\0")}},
	 CONNECTION,
	 PROTOCOL},
	{"6.9: WINDOW_UPDATE of another length",
	 {{WINDOW_UPDATE, 0, 0, BYTES("\0\0\x01")}},
	 CONNECTION,
	 FRAME_SIZE},
	{"6.9.1: a window of the connection above 2^31-1",
	 {{WINDOW_UPDATE, 0, 0, BYTES("\x7f\xff\xff\xff")}},
	 CONNECTION,
	 FLOW},
	{"6.9.1: a window of a stream above 2^31-1",
	 {UPLOAD, {WINDOW_UPDATE, 0, 1, BYTES("\x7f\xff\xff\xff")}},
	 STREAM,
	 FLOW},
	{"8.1: a second head that ends nothing",
	 {UPLOAD, {HEADERS, END_HEADERS, 1, BYTES("\0\x01x\x01y")}},
	 STREAM,
	 PROTOCOL},
	{"8.1: pseudo-header fields in trailers",
	 {UPLOAD, {HEADERS, END_STREAM | END_HEADERS, 1, BYTES("\x82")}},
	 STREAM,
	 PROTOCOL},
	{"8.1: trailers",
	 {UPLOAD,
	  {DATA, 0, 1, BYTES("x")},
	  {HEADERS, END_STREAM | END_HEADERS, 1, BYTES("\0\x01x\x01y")}},
	 SERVED,
	 0},
	{"8.1.1: less DATA than content-length",
	 {{HEADERS, END_HEADERS, 1,
	   BYTES(POST_HEAD "\0\x0e"
			   "content-length\x01"
			   "2")},
	  {DATA, END_STREAM, 1, BYTES("x")}},
	 STREAM,
	 PROTOCOL},
	{"8.1.1: more DATA than content-length",
	 {{HEADERS, END_HEADERS, 1,
	   BYTES(POST_HEAD "\0\x0e"
			   "content-length\x01"
			   "2")},
	  {DATA, END_STREAM, 1, BYTES("xyz")}},
	 STREAM,
	 PROTOCOL},
	{"8.1.1: content-length without DATA",
	 GET_WITH("\0\x0e"
		  "content-length\x01"
		  "2"),
	 STREAM, PROTOCOL},
	{"8.1.1: two lengths",
	 GET_WITH("\0\x0e"
		  "content-length\x01"
		  "0\0\x0e"
		  "content-length\x01"
		  "0"),
	 STREAM, PROTOCOL},
	{"8.1.1: a length with a sign",
	 GET_WITH("\0\x0e"
		  "content-length\x02+0"),
	 STREAM, PROTOCOL},
	{"8.2.1: upper case in a name", GET_WITH("\0\x01X\x01y"), STREAM, PROTOCOL},
	{"8.2.1: a space in a name", GET_WITH("\0\x03x y\x01y"), STREAM, PROTOCOL},
	{"8.2.1: a colon in a name", GET_WITH("\0\x03x:y\x01y"), STREAM, PROTOCOL},
	{"8.2.1: an empty name", GET_WITH("\0\x00\x01y"), STREAM, PROTOCOL},
	{"8.2.1: NUL in a value", GET_WITH("\0\x01x\x03y\0z"), STREAM, PROTOCOL},
	{"8.2.1: CR in a value", GET_WITH("\0\x01x\x03y\rz"), STREAM, PROTOCOL},
	{"8.2.1: LF in a value", GET_WITH("\0\x01x\x03y\nz"), STREAM, PROTOCOL},
	{"8.2.1: a blank ahead of a value", GET_WITH("\0\x01x\x02 y"), STREAM, PROTOCOL},
	{"8.2.1: a tab behind a value", GET_WITH("\0\x01x\x02y\t"), STREAM, PROTOCOL},
	{"8.2.2: connection",
	 GET_WITH("\0\x0a"
		  "connection\x01x"),
	 STREAM, PROTOCOL},
	{"8.2.2: transfer-encoding",
	 GET_WITH("\0\x11"
		  "transfer-encoding\x07"
		  "chunked"),
	 STREAM, PROTOCOL},
	{"8.2.2: upgrade", GET_WITH("\0\x07upgrade\x03h2c"), STREAM, PROTOCOL},
	{"8.2.2: keep-alive",
	 GET_WITH("\0\x0akeep-alive\x01"
		  "1"),
	 STREAM, PROTOCOL},
	{"8.2.2: proxy-connection", GET_WITH("\0\x10proxy-connection\x01x"), STREAM, PROTOCOL},
	{"8.2.2: te of something else", GET_WITH("\0\x02te\x04gzip"), STREAM, PROTOCOL},
	{"8.2.2: te of trailers", GET_WITH("\0\x02te\x08trailers"), SERVED, 0},
	{"8.3: a pseudo-header field behind a field",
	 ONLY("\x82\x87\0\x01x\x01y\x84\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3: a pseudo-header field twice",
	 ONLY("\x82\x82\x87\x84\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3: an unknown pseudo-header field",
	 ONLY("\x82\x87\x84\x01\x01"
	      "a\0\x04:foo\x01y"),
	 STREAM, PROTOCOL},
	{"8.3: a response's pseudo-header field",
	 ONLY("\x82\x87\x84\x01\x01"
	      "a\x88"),
	 STREAM, PROTOCOL},
	{"8.3.1: no method",
	 ONLY("\x87\x84\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: no scheme",
	 ONLY("\x82\x84\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: no path",
	 ONLY("\x82\x87\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: an empty path",
	 ONLY("\x82\x87\x04\x00\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: a path without a slash",
	 ONLY("\x82\x87\x04\x01x\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: a path with a blank",
	 ONLY("\x82\x87\x04\x03/ x\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: a path with a fragment",
	 ONLY("\x82\x87\x04\x03/#x\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: * of another method than OPTIONS",
	 ONLY("\x82\x87\x04\x01*\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: * of OPTIONS",
	 ONLY("\x02\x07OPTIONS\x87\x04\x01*\x01\x01"
	      "a"),
	 SERVED, 0},
	{"8.3.1: another scheme",
	 ONLY("\x82\x06\x03"
	      "ftp\x84\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.3.1: user information",
	 ONLY("\x82\x87\x84\x01\x03"
	      "u@a"),
	 STREAM, PROTOCOL},
	{"8.3.1: no authority", ONLY("\x82\x87\x84"), STREAM, PROTOCOL},
	{"8.3.1: Host instead of an authority",
	 ONLY("\x82\x87\x84\0\x04host\x01"
	      "a"),
	 SERVED, 0},
	{"8.3.1: Host of the same name in another case",
	 GET_WITH("\0\x04host\x01"
		  "A"),
	 SERVED, 0},
	{"8.3.1: another Host",
	 GET_WITH("\0\x04host\x01"
		  "b"),
	 STREAM, PROTOCOL},
	{"8.3.1: a method that is no token",
	 ONLY("\x02\x03G T\x87\x84\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.5: CONNECT with a path",
	 ONLY("\x02\x07"
	      "CONNECT\x84\x01\x03"
	      "a:1"),
	 STREAM, PROTOCOL},
	{"8.5: CONNECT without a port",
	 ONLY("\x02\x07"
	      "CONNECT\x01\x01"
	      "a"),
	 STREAM, PROTOCOL},
	{"8.5: CONNECT",
	 {{HEADERS, END_HEADERS, 1,
	   BYTES("\x02\x07"
		 "CONNECT\x01\x03"
		 "a:1")}},
	 SERVED,
	 0},
	{"RFC 8441 4: extended CONNECT",
	 {{HEADERS, END_HEADERS, 1,
	   BYTES("\x02\x07"
		 "CONNECT\x87\x84\x01\x01"
		 "a\0\x09:protocol\x09websocket")}},
	 SERVED,
	 0},
	{"RFC 8441 4: :protocol of another method",
	 {{HEADERS, END_HEADERS, 1, BYTES(GET_HEAD "\0\x09:protocol\x09websocket")}},
	 STREAM,
	 PROTOCOL},
};

struct owner {
	unsigned requests;
};

static void *on_request(void *of, uint32_t id, const struct http2_head *head)
{
	(void)id;
	(void)head;
	((struct owner *)of)->requests++;
	return of;
}

static void on_response(void *of, void *stream, const struct http2_head *head)
{
	(void)of;
	(void)stream;
	(void)head;
}

static void on_data(void *of, void *stream, struct span data)
{
	(void)of;
	(void)stream;
	(void)data;
}

static void on_end(void *of, void *stream, const struct http2_head *trailers)
{
	on_response(of, stream, trailers);
}

static void on_closed(void *of, void *stream, uint32_t code)
{
	(void)of;
	(void)stream;
	(void)code;
}

static void on_goaway(void *of, uint32_t last_id, uint32_t code)
{
	(void)of;
	(void)last_id;
	(void)code;
}

static void on_pong(void *of, const uint8_t opaque[8])
{
	(void)of;
	(void)opaque;
}

static void on_settings(void *of)
{
	(void)of;
}

static const struct http2_events events = {
	.request = on_request,
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.closed = on_closed,
	.goaway = on_goaway,
	.pong = on_pong,
	.settings = on_settings,
};

static const struct http2_limits limits = {
	.streams_max = 100,
	.window_stream = 65535,
	.window = 1 << 20,
	.head_max = 16384,
	.memory_max = 1 << 20,
	.connect_protocol = true,
};

/* What the session wrote: the last GOAWAY, else the last RST_STREAM. */
static enum outcome written(struct span out, uint32_t *ret_code)
{
	struct reader r = reader_of_span(out);
	enum outcome o = SERVED;
	struct frame f;
	while (frame_read(&r, &f)) {
		struct reader p = reader_of_span(f.payload);
		if (f.type == GOAWAY) {
			(void)read_u32(&p);
			*ret_code = read_u32(&p);
			return CONNECTION;
		}
		if (f.type == RST_STREAM) {
			*ret_code = read_u32(&p);
			o = STREAM;
		}
	}
	return o;
}

static enum outcome play(const struct rule *rule, uint32_t *ret_code)
{
	struct http2_role role;
	struct http2_heap heap;
	struct http2_counts counts = {0};
	struct owner owner = {0};
	struct http2_session *s;
	http2_heap_init(&heap, 1 << 22);
	assert_int_equal(http2_role_init(&role, HTTP2_SERVER, &limits, &events), OK);
	assert_int_equal(http2_session_new(&role, &heap, &counts, &owner, &s), OK);
	uint8_t in[4096], out[8192];
	struct writer w = writer_of(in, sizeof(in));
	write_text(&w, client_preface);
	frame_write(&w, (struct frame){SETTINGS, 0, 0, {0}});
	for (size_t i = 0; i < FRAMES_MAX && (rule->frames[i].payload.data); i++)
		frame_write(&w, rule->frames[i]);
	assert_int_equal(writer_check(&w), OK);
	/* Byte by byte: where the network cuts is nothing to the outcome. */
	for (size_t i = 0; i < w.pos; i++)
		err_ignore(http2_session_receive(s, 0, span_of(in + i, 1)));
	struct writer to = writer_of(out, sizeof(out));
	assert_int_equal(http2_session_write(s, &to), OK);
	enum outcome o = written(writer_span(&to), ret_code);
	if (o == SERVED && owner.requests != 1)
		fail_msg("%s: it reached nobody", rule->what);
	http2_session_free(s);
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		assert_int_equal(slab_used(&heap.slabs[i]), 0);
	http2_role_done(&role);
	http2_heap_done(&heap);
	return o;
}

static void takes_and_refuses_what_rfc_9113_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint32_t code = 0;
		enum outcome o = play(&rules[i], &code);
		if (o != rules[i].outcome || code != rules[i].code)
			fail_msg("%s: outcome %d code %u", rules[i].what, (int)o, code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_and_refuses_what_rfc_9113_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
