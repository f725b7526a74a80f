#include "service/reverse-proxy/ocsp.h"

#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_address_is_a_host_a_port_and_a_path(void **state)
{
	(void)state;
	static const struct {
		const char *url, *host, *path;
		uint16_t port;
	} good[] = {
		{"http://OCSP.Example", "ocsp.example", "", 80},
		{"HTTP://ocsp.example:8080/a/b", "ocsp.example", "/a/b", 8080},
		{"http://192.0.2.1/", "192.0.2.1", "/", 80},
		{"http://[2001:db8::1]:81/x", "2001:db8::1", "/x", 81},
	};
	struct ocsp_server s;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(ocsp_server_read(span_text(good[i].url), &s), OK);
		assert_string_equal(s.host, good[i].host);
		assert_true(span_is(s.path, good[i].path));
		assert_int_equal(s.port, good[i].port);
	}
	assert_int_equal(ocsp_server_read(span_text("https://a.example/"), &s), ERR_UNSUPPORTED);
	assert_int_equal(ocsp_server_read(span_text("ldap://x"), &s), ERR_UNSUPPORTED);
	assert_int_equal(ocsp_server_read(span_text("http:///x"), &s), ERR_FORMAT);
	assert_int_equal(ocsp_server_read(span_text("http://a.example/ HTTP/1.1\r\nX: y"), &s),
			 ERR_FORMAT);
	assert_int_equal(ocsp_server_read(span_text("http://u@a.example/"), &s), ERR_FORMAT);
}

static const char *written(const char *url, struct span question)
{
	static char text[OCSP_REQUEST_MAX + 1];
	struct ocsp_server s;
	struct writer w = writer_of(text, OCSP_REQUEST_MAX);
	assert_int_equal(ocsp_server_read(span_text(url), &s), OK);
	ocsp_write(&w, &s, question);
	assert_false(w.bad);
	text[w.pos] = 0;
	return text;
}

static void a_short_question_is_a_get_and_a_long_one_a_post(void **state)
{
	(void)state;
	static const uint8_t octets[] = {0xfb, 0xff, 0xbf, 'a'};
	static const uint8_t many[200] = {'x'};
#define REST                                                                                       \
	" HTTP/1.1\r\nHost: a.example\r\nUser-Agent: gatehouse-ocsp\r\n"                           \
	"Accept: application/ocsp-response\r\nConnection: close\r\n"
	struct span question = span_of(octets, sizeof(octets));
	/* RFC 6960 A.1: the base64 of it, escaped. */
	assert_string_equal(written("http://a.example", question),
			    "GET /%2B%2F%2B%2FYQ%3D%3D" REST "\r\n");
	assert_string_equal(written("http://a.example/o", question),
			    "GET /o/%2B%2F%2B%2FYQ%3D%3D" REST "\r\n");
	assert_string_equal(written("http://a.example/o/", question),
			    "GET /o/%2B%2F%2B%2FYQ%3D%3D" REST "\r\n");
	static const char head[] = "POST /o" REST "Content-Type: application/ocsp-request\r\n"
				   "Content-Length: 200\r\n\r\nx";
	assert_memory_equal(written("http://a.example/o", span_of(many, sizeof(many))), head,
			    sizeof(head));
}

static enum parse read_of(const char *text, size_t len, bool end, struct span *ret)
{
	static uint8_t *copy;
	free(copy);
	copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	return ocsp_read(copy, len, end, ret);
}

static void an_answer_is_read_in_every_framing_and_any_pieces(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ended; /* only its end tells that it is whole */
	} good[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer", false},
		{"HTTP/1.0 200 OK\r\n\r\nanswer", true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nan\r\n4;x=y\r\nswer\r\n"
		 "0\r\n\r\n",
		 false},
	};
	struct span body;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t len = strlen(good[i].text);
		for (size_t n = 0; n < len; n++)
			if (!good[i].ended || n < len - 6)
				assert_int_equal(read_of(good[i].text, n, false, &body),
						 PARSE_MORE);
		assert_int_equal(read_of(good[i].text, len, good[i].ended, &body), PARSE_DONE);
		assert_true(span_is(body, "answer"));
		assert_int_equal(read_of(good[i].text, len - 7, true, &body), PARSE_BAD);
	}
}

static void what_is_no_answer_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"SSH-2.0-x\r\n",
	};
	struct span body;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_of(bad[i], strlen(bad[i]), false, &body), PARSE_BAD);
	static char endless[OCSP_ANSWER_MAX] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
	assert_int_equal(read_of(endless, sizeof(endless) - 1, false, &body), PARSE_MORE);
	assert_int_equal(read_of(endless, sizeof(endless), false, &body), PARSE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_a_host_a_port_and_a_path),
		cmocka_unit_test(a_short_question_is_a_get_and_a_long_one_a_post),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(an_answer_is_read_in_every_framing_and_any_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
