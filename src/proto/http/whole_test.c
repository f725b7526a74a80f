#include "proto/http/whole.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Of a copy of just that size, so that a sanitizer sees who looks further. */
static enum parse read_of(const char *text, size_t len, bool end, struct http_response *ret,
			  struct span *ret_body)
{
	static uint8_t *copy;
	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	return http_response_whole(copy, len, end, span_text("GET"), ret, ret_body);
}

static void a_body_is_whole_in_every_framing_and_any_pieces(void **state)
{
	(void)state;
	static const struct {
		const char *text, *body;
		bool ended; /* only its end tells that it is whole */
	} good[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer", "answer", false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", false},
		{"HTTP/1.1 204 No Content\r\n\r\n", "", false},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
		 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		 "x", false},
		{"HTTP/1.0 200 OK\r\n\r\nanswer", "answer", true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nan\r\n4;x=y\r\nswer\r\n"
		 "0\r\nA: b\r\n\r\n",
		 "answer", false},
	};
	static struct http_response r;
	struct span body;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t len = strlen(good[i].text);
		for (size_t n = 0; n < len; n++) {
			assert_int_equal(read_of(good[i].text, n, false, &r, &body), PARSE_MORE);
			if (!good[i].ended)
				assert_int_equal(read_of(good[i].text, n, true, &r, &body),
						 PARSE_BAD);
		}
		assert_int_equal(read_of(good[i].text, len, good[i].ended, &r, &body), PARSE_DONE);
		assert_true(span_is(body, good[i].body));
		assert_true(r.status >= 200);
	}
	/* What is behind a length is no part of it. */
	static const char more[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK";
	assert_int_equal(read_of(more, sizeof(more) - 1, false, &r, &body), PARSE_DONE);
	assert_true(span_is(body, "x"));
}

static void a_head_that_is_there_is_told_before_its_body(void **state)
{
	(void)state;
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
	static struct http_response r;
	struct span body;
	r.head.len = 7;
	assert_int_equal(read_of(head, sizeof(head) - 2, false, &r, &body), PARSE_MORE);
	assert_int_equal(r.head.len, 0);
	assert_int_equal(read_of(head, sizeof(head) - 1, false, &r, &body), PARSE_MORE);
	assert_int_equal(r.head.len, sizeof(head) - 1);
	assert_int_equal(r.head.content_length, 10);
}

static void an_answer_to_head_has_no_body(void **state)
{
	(void)state;
	uint8_t text[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
	static struct http_response r;
	struct span body;
	assert_int_equal(
		http_response_whole(text, sizeof(text) - 1, false, span_text("HEAD"), &r, &body),
		PARSE_DONE);
	assert_int_equal(body.len, 0);
}

static void what_is_torn_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nSSH-2.0-x\r\n",
	};
	static struct http_response r;
	struct span body;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_of(bad[i], strlen(bad[i]), false, &r, &body), PARSE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_whole_in_every_framing_and_any_pieces),
		cmocka_unit_test(a_head_that_is_there_is_told_before_its_body),
		cmocka_unit_test(an_answer_to_head_has_no_body),
		cmocka_unit_test(what_is_torn_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
