#include "service/forward-proxy/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct message_via via = {
	.of10 = {.data = (const uint8_t *)"1.0 gatehouse", .len = 13},
	.of11 = {.data = (const uint8_t *)"1.1 gatehouse", .len = 13},
	.of20 = {.data = (const uint8_t *)"2.0 gatehouse", .len = 13},
};

static struct proxy_head request(const char *method, uint8_t version)
{
	struct proxy_head h;
	memset(&h, 0, sizeof(h));
	h.method = span_text(method);
	h.method_id = proxy_method_id(h.method);
	h.version = version;
	h.scheme = span_text("http");
	h.authority = span_text("a.example");
	h.path = span_text("/x");
	return h;
}

static void add(struct proxy_head *h, const char *name, const char *value)
{
	assert_int_equal(proxy_head_add(h, span_text(name), span_text(value)), OK);
}

static const char *text_of(struct proxy_head *h, const char *name, char *room, size_t size)
{
	const struct http_field *f = proxy_head_find_name(h, span_text(name));
	return f && span_to_cstr(f->value, room, size) ? room : NULL;
}

static void finds_itself_in_via(void **state)
{
	struct proxy_head h = request("GET", 11);
	(void)state;
	assert_int_equal(message_via_count(&h, span_text("gatehouse")), 0);
	add(&h, "Via", "1.0 fred, 1.1 p.example.com:8080 (Gatehouse)");
	assert_int_equal(message_via_count(&h, span_text("gatehouse")), 0);
	add(&h, "via", "HTTP/1.1  Gatehouse (a comment), ,2 gatehouse");
	assert_int_equal(message_via_count(&h, span_text("gatehouse")), 2);
}

static void counts_max_forwards_down_for_two_methods_only(void **state)
{
	static const struct {
		const char *method, *value, *left;
		enum message_hops hops;
	} cases[] = {
		{"OPTIONS", "10", "9", MESSAGE_GOES_ON},
		{"TRACE", "1", "0", MESSAGE_GOES_ON},
		{"TRACE", "0", "0", MESSAGE_ENDS_HERE},
		{"OPTIONS", "00", "00", MESSAGE_ENDS_HERE},
		{"OPTIONS", "4294967295", "4294967294", MESSAGE_GOES_ON},
		{"OPTIONS", "4294967296", "4294967296", MESSAGE_BAD},
		{"TRACE", "-1", "-1", MESSAGE_BAD},
		{"TRACE", "1x", "1x", MESSAGE_BAD},
		{"GET", "0", "0", MESSAGE_GOES_ON},
		{"POST", "7", "7", MESSAGE_GOES_ON},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_head h = request(cases[i].method, 11);
		uint8_t room[MESSAGE_HOPS_TEXT];
		char text[32];
		add(&h, "Max-Forwards", cases[i].value);
		assert_int_equal(message_hops_take(&h, room), cases[i].hops);
		assert_string_equal(text_of(&h, "max-forwards", text, sizeof(text)), cases[i].left);
	}
	struct proxy_head none = request("TRACE", 11);
	uint8_t room[MESSAGE_HOPS_TEXT];
	assert_int_equal(message_hops_take(&none, room), MESSAGE_GOES_ON);
	add(&none, "max-forwards", "3");
	add(&none, "Max-Forwards", "3");
	assert_int_equal(message_hops_take(&none, room), MESSAGE_BAD);
}

static void passes_on_with_via_and_without_what_is_ours(void **state)
{
	char text[64];
	static const uint8_t versions[] = {10, 11, 20};
	static const char *const expected[] = {"1.0 gatehouse", "1.1 gatehouse", "2.0 gatehouse"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct proxy_head h = request("GET", versions[i]);
		add(&h, "Proxy-Authorization", "Basic YTpi");
		add(&h, "Authorization", "Basic YTpi");
		assert_int_equal(message_request_edit(&h, &via), OK);
		assert_null(proxy_head_find_name(&h, span_text("proxy-authorization")));
		assert_non_null(proxy_head_find_name(&h, span_text("authorization")));
		assert_string_equal(text_of(&h, "via", text, sizeof(text)), expected[i]);
	}
	struct proxy_head answer = {.status = 200, .version = 11};
	add(&answer, "Proxy-Authenticate", "Basic realm=\"x\"");
	add(&answer, "Proxy-Authentication-Info", "x");
	add(&answer, "WWW-Authenticate", "Basic realm=\"x\"");
	message_response_edit(&answer, &via);
	assert_int_equal(answer.fields_n, 2);
	assert_string_equal(text_of(&answer, "via", text, sizeof(text)), "1.1 gatehouse");
}

static void trace_shows_the_request_without_secrets(void **state)
{
	struct proxy_head h = request("TRACE", 11);
	char room[512];
	struct writer w = writer_of(room, sizeof(room) - 1);
	(void)state;
	add(&h, "Via", "1.1 fred");
	add(&h, "Cookie", "secret=1");
	add(&h, "Authorization", "Basic YTpi");
	add(&h, "Max-Forwards", "0");
	message_trace_write(&h, &w);
	room[w.pos] = '\0';
	assert_string_equal(room,
			    "TRACE http://a.example/x HTTP/1.1\r\nHost: a.example\r\nVia: 1.1 "
			    "fred\r\nMax-Forwards: 0\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_itself_in_via),
		cmocka_unit_test(counts_max_forwards_down_for_two_methods_only),
		cmocka_unit_test(passes_on_with_via_and_without_what_is_ours),
		cmocka_unit_test(trace_shows_the_request_without_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
