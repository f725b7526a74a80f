#include "base/writer.h"
#include "proto/http/http1.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum http_fault fault_of(const char *text)
{
	struct http_request req;
	enum parse p = http_request_read(span_text(text), &req);
	return p == PARSE_BAD ? req.head.fault : HTTP_FAULT_NONE;
}

static void reads_a_plain_request(void **state)
{
	(void)state;
	const char *text =
		"GET /status?x=1 HTTP/1.1\r\nHost: localhost\r\nX-Long:  a b \t\r\n\r\nrest";
	struct http_request req;
	assert_int_equal(http_request_read(span_text(text), &req), PARSE_DONE);
	assert_true(span_is(req.method, "GET"));
	assert_true(span_is(req.target, "/status?x=1"));
	assert_true(span_is(req.host, "localhost"));
	assert_int_equal(req.head.len, strlen(text) - 4);
	assert_int_equal(req.head.headers_n, 2);
	assert_true(span_is(http_head_find(&req.head, "x-long")->value, "a b"));
	assert_int_equal(req.head.framing, HTTP_BODY_NONE);
	assert_true(req.head.keep_alive);
}

static void asks_for_more_at_every_prefix(void **state)
{
	(void)state;
	const char *text = "POST /flush HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
	struct http_request req;
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(http_request_read(span_of(text, n), &req), PARSE_MORE);
	assert_int_equal(http_request_read(span_text(text), &req), PARSE_DONE);
	assert_int_equal(req.head.content_length, 3);
}

/* The families of ambiguous framing that request smuggling uses, each with the fault that must name
 * it. */
static void refuses_ambiguous_framing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum http_fault fault;
	} cases[] = {
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
		 HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
		 HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
		 HTTP_FAULT_LENGTH},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n",
		 HTTP_FAULT_LENGTH_AND_CODING},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
		 HTTP_FAULT_CODING},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n",
		 HTTP_FAULT_CODING},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
		 HTTP_FAULT_CODING},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
		 HTTP_FAULT_CODING},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
		 HTTP_FAULT_CODING},
		{"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
		 HTTP_FAULT_CODING},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
		 HTTP_FAULT_FIELD_NAME},
		{"POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n",
		 HTTP_FAULT_FOLD},
		{"POST / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", HTTP_FAULT_FOLD},
		{"POST / HTTP/1.1\r\nHost: a\nTransfer-Encoding: chunked\r\n\r\n",
		 HTTP_FAULT_LINE_END},
		{"POST / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", HTTP_FAULT_LINE_END},
		{"POST / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", HTTP_FAULT_FIELD_VALUE},
		{"POST / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", HTTP_FAULT_FIELD_NAME},
		{"POST / HTTP/1.1\r\nHost: a\r\nX[]: b\r\n\r\n", HTTP_FAULT_FIELD_NAME},
		{"POST / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", HTTP_FAULT_FIELD_NAME},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(fault_of(cases[i].text), cases[i].fault);
}

static void refuses_bad_request_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum http_fault fault;
	} cases[] = {
		{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_REQUEST_LINE},
		{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HTTP_FAULT_REQUEST_LINE},
		{"GET /\r\nHost: a\r\n\r\n", HTTP_FAULT_REQUEST_LINE},
		{"GET / HTTP/1.2\r\nHost: a\r\n\r\n", HTTP_FAULT_VERSION},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTP_FAULT_VERSION},
		{"GET / http/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_REQUEST_LINE},
		{"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_METHOD},
		{"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"GET * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"GET a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"GET http://u@h/x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"GET / HTTP/1.1\r\n\r\n", HTTP_FAULT_HOST},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HTTP_FAULT_HOST},
		{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_FAULT_HOST},
		{"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", HTTP_FAULT_HOST},
		{"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HTTP_FAULT_HOST},
		{"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_TARGET},
		{"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_FAULT_LINE_END},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum http_fault fault = fault_of(cases[i].text);
		if (fault != cases[i].fault)
			print_error("case %zu: %s\n", i, http_fault_text(fault));
		assert_int_equal(fault, cases[i].fault);
	}
}

static void accepts_every_form_of_target(void **state)
{
	(void)state;
	static const char *const good[] = {
		"GET http://example.com:80/a?b HTTP/1.1\r\nHost: example.com\r\n\r\n",
		"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
		"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
		"\r\nGET / HTTP/1.0\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct http_request req;
		assert_int_equal(http_request_read(span_text(good[i]), &req), PARSE_DONE);
	}
}

static void refuses_a_head_without_end(void **state)
{
	(void)state;
	static char text[HTTP_HEAD_MAX + 64];
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nX:", 18);
	struct http_request req;
	assert_int_equal(http_request_read(span_of(text, HTTP_HEAD_MAX - 1), &req), PARSE_MORE);
	assert_int_equal(http_request_read(span_of(text, HTTP_HEAD_MAX), &req), PARSE_BAD);
	assert_int_equal(req.head.fault, HTTP_FAULT_TOO_LARGE);

	struct writer w = writer_of(text, sizeof(text));
	write_text(&w, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		write_text(&w, "X: y\r\n");
	write_text(&w, "\r\n");
	assert_int_equal(http_request_read(writer_span(&w), &req), PARSE_BAD);
	assert_int_equal(req.head.fault, HTTP_FAULT_TOO_LARGE);
}

/* RFC 9112 6.3: the rules on a response's body, in order. */
static void frames_responses_by_the_rules(void **state)
{
	(void)state;
	static const struct {
		const char *method, *text;
		enum http_framing framing;
	} cases[] = {
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", HTTP_BODY_NONE},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n", HTTP_BODY_NONE},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", HTTP_BODY_NONE},
		{"GET", "HTTP/1.1 100 Continue\r\n\r\n", HTTP_BODY_NONE},
		{"CONNECT", "HTTP/1.1 200 \r\n\r\n", HTTP_BODY_NONE},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", HTTP_BODY_CHUNKED},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", HTTP_BODY_LENGTH},
		{"GET", "HTTP/1.1 200 OK\r\n\r\n", HTTP_BODY_UNTIL_CLOSE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_response res;
		assert_int_equal(http_response_read(span_text(cases[i].text),
						    span_text(cases[i].method), &res),
				 PARSE_DONE);
		assert_int_equal(res.head.framing, cases[i].framing);
	}
	struct http_response res;
	assert_int_equal(
		http_response_read(span_text("HTTP/1.1 20 OK\r\n\r\n"), span_text("GET"), &res),
		PARSE_BAD);
	assert_int_equal(
		http_response_read(span_text("HTTP/1.1 200\r\n\r\n"), span_text("GET"), &res),
		PARSE_BAD);
}

/* Feeds a chunked body in pieces of step bytes and gathers the data. */
static enum parse gather(const char *text, size_t step, char *out, size_t *out_len)
{
	struct http_chunked c = {0};
	size_t pos = 0, have = 0, len = strlen(text);
	*out_len = 0;
	for (;;) {
		size_t used;
		struct span data;
		enum parse p = http_chunked_read(&c, span_of(text + pos, have), &used, &data);
		if (data.len)
			memcpy(out + *out_len, data.data, data.len);
		*out_len += data.len;
		pos += used;
		have -= used;
		if (p != PARSE_MORE)
			return p;
		if (used && have)
			continue;
		if (pos + have == len)
			return PARSE_MORE;
		have = pos + have + step <= len ? have + step : len - pos;
	}
}

static void reads_chunks_whatever_the_pieces(void **state)
{
	(void)state;
	const char *text = "4\r\nWiki\r\n5;name=value\r\npedia\r\nE\r\n "
			   "in\r\n\r\nchunks.\r\n0\r\nX-T: 1\r\n\r\n";
	for (size_t step = 1; step < strlen(text) + 1; step++) {
		char out[64];
		size_t n;
		assert_int_equal(gather(text, step, out, &n), PARSE_DONE);
		assert_int_equal(n, 23);
		assert_memory_equal(out, "Wikipedia in\r\n\r\nchunks.", 23);
	}
}

static void refuses_chunks_that_two_readers_could_read_differently(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"0x4\r\nWiki\r\n0\r\n\r\n",
		" 4\r\nWiki\r\n0\r\n\r\n",
		"4 \r\nWiki\r\n0\r\n\r\n",
		"+4\r\nWiki\r\n0\r\n\r\n",
		"4\nWiki\r\n0\r\n\r\n",
		"4\r\nWikiX\r\n0\r\n\r\n",
		"4\r\nWiki\n0\r\n\r\n",
		"\r\nWiki\r\n0\r\n\r\n",
		"4;a\nb\r\nWiki\r\n0\r\n\r\n",
		"-1\r\nWiki\r\n",
		"FFFFFFFFFFFFFFFF\r\nWiki\r\n",
		"0\r\nX : 1\r\n\r\n",
		"0\r\n folded\r\n\r\n",
		"4\rWiki\r\n0\r\n\r\n",
		"g\r\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char out[64];
		size_t n;
		if (gather(bad[i], 1, out, &n) != PARSE_BAD ||
		    gather(bad[i], 99, out, &n) != PARSE_BAD)
			fail_msg("case %zu was not refused", i);
	}
}

static void percent_coding_is_strict_and_goes_round(void **state)
{
	(void)state;
	char buf[32];
	assert_true(http_percent_decode(span_text("a%20b%2F+"), false, buf, sizeof(buf)));
	assert_string_equal(buf, "a b/+");
	assert_true(http_percent_decode(span_text("a+b"), true, buf, sizeof(buf)));
	assert_string_equal(buf, "a b");
	assert_false(http_percent_decode(span_text("%0"), false, buf, sizeof(buf)));
	assert_false(http_percent_decode(span_text("%g0"), false, buf, sizeof(buf)));
	assert_false(http_percent_decode(span_text("%00"), false, buf, sizeof(buf)));
	assert_false(http_percent_decode(span_text("abcd"), false, buf, 4));
	uint8_t out[64];
	struct writer w = writer_of(out, sizeof(out));
	http_percent_encode(&w, span_text("a b/\xc3\xa9~"));
	assert_true(span_is(writer_span(&w), "a%20b%2F%C3%A9~"));
}

static void refuses_to_write_a_header_that_tears(void **state)
{
	(void)state;
	uint8_t out[64];
	struct writer w = writer_of(out, sizeof(out));
	http_write_header(&w, "X-A", span_text("b"));
	assert_true(span_is(writer_span(&w), "X-A: b\r\n"));
	http_write_header(&w, "X-A", span_text("b\r\nInjected: 1"));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

static void read_both(const uint8_t *data, size_t len)
{
	struct http_request req;
	struct http_response res;
	(void)http_request_read(span_of(data, len), &req);
	(void)http_response_read(span_of(data, len), span_text("GET"), &res);
}

static void never_leaves_its_bytes(void **state)
{
	(void)state;
	static const char *const good[] = {
		"GET /status?x=1 HTTP/1.1\r\nHost: localhost:80\r\nConnection: keep-alive, "
		"upgrade\r\n\r\n",
		"POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: "
		"100-continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		guard_every_prefix(good[i], strlen(good[i]), read_both);
		guard_every_bit_flip(good[i], strlen(good[i]), read_both);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_plain_request),
		cmocka_unit_test(asks_for_more_at_every_prefix),
		cmocka_unit_test(refuses_ambiguous_framing),
		cmocka_unit_test(refuses_bad_request_lines),
		cmocka_unit_test(accepts_every_form_of_target),
		cmocka_unit_test(refuses_a_head_without_end),
		cmocka_unit_test(frames_responses_by_the_rules),
		cmocka_unit_test(reads_chunks_whatever_the_pieces),
		cmocka_unit_test(refuses_chunks_that_two_readers_could_read_differently),
		cmocka_unit_test(percent_coding_is_strict_and_goes_round),
		cmocka_unit_test(refuses_to_write_a_header_that_tears),
		cmocka_unit_test(never_leaves_its_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
